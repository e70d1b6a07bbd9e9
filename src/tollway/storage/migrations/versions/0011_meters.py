"""Sums of what was charged, by meter, which statements are made of, and the entries that they tell one by one."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "meters",
        sa.Column("level", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("slot", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("context", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("meter", sa.Text, primary_key=True),
        sa.Column("quantity", WHOLE, nullable=False),
        sa.Column("amount_nanodollars", WHOLE, nullable=False),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )
    op.create_table(
        "calls",
        sa.Column("level", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("slot", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("context", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("entries", WHOLE, nullable=False),
        sa.Column("attempts", WHOLE, nullable=False),
        sa.Column("unpriced", WHOLE, nullable=False),
        sa.Column("presumed", WHOLE, nullable=False),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )
    op.create_table(
        "apart",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("at", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("seq", WHOLE, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )


def downgrade() -> None:
    for table in ("meters", "calls", "apart"):
        op.drop_table(table)
    op.execute("DELETE FROM marks WHERE name IN ('meters', 'meters_latest', 'meters_inexact')")

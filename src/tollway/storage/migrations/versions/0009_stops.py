"""Requests that were refused or downgraded, a line each, so that a month of them is told without reading their records."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "stops",
        sa.Column("downgraded", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("at", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("seq", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("gateway", sa.Text, nullable=False),
        sa.Column("provider", sa.Text),
        sa.Column("model", sa.Text),
        sa.Column("user", sa.Text),
        sa.Column("charged_nanodollars", WHOLE),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )


def downgrade() -> None:
    op.drop_table("stops")
    op.execute("DELETE FROM marks WHERE name = 'stops'")

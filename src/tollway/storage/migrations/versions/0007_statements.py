"""Statements that were frozen: one row for the month and its dimension, and each statement as it was. Never changed or deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = "month = NEW.month AND dimension = NEW.dimension"


def upgrade() -> None:
    op.create_table(
        "freezes",
        sa.Column("month", sa.Text, primary_key=True),
        sa.Column("dimension", sa.Text, primary_key=True),
        sa.Column("at", WHOLE, nullable=False),
        sa.Column("record", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )
    op.create_table(
        "frozen",
        sa.Column("month", sa.Text, primary_key=True),
        sa.Column("dimension", sa.Text, primary_key=True),
        sa.Column("number", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("record", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    for table in ("freezes", "frozen"):
        for event in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'frozen statements are never changed or deleted'); END"
            )
    # INSERT OR REPLACE deletes what stands in its way without firing the triggers above, unless a connection asks for that.
    for table, keys in (("freezes", KEY), ("frozen", f"{KEY} AND number = NEW.number OR rowid = NEW.rowid")):
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table} WHERE {keys}) "
            "BEGIN SELECT RAISE(ABORT, 'frozen statements are never changed or deleted'); END"
        )


def downgrade() -> None:
    raise RuntimeError("frozen statements would have to be deleted, and they never are")

"""Rollups of the ledger and of the request log, which answers to questions of money over time are added up from."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "contexts",
        sa.Column("id", WHOLE, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("coarse", WHOLE, nullable=False),
        sa.Column("gateway", sa.Text, nullable=False),
        sa.Column("provider", sa.Text),
        sa.Column("model", sa.Text),
        sa.Column("user", sa.Text),
        sa.Column("key", sa.Text),
        sa.Column("service", sa.Text),
        sa.Column("groups", sa.Text, nullable=False),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.UniqueConstraint("digest", name="contexts_digest"),
        sqlite_strict=True,
    )
    op.create_table(
        "spending",
        sa.Column("level", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("slot", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("context", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("amount_nanodollars", WHOLE, nullable=False),
        sa.Column("entries", WHOLE, nullable=False),
        sa.Column("unpriced", WHOLE, nullable=False),
        sa.Column("told", WHOLE, nullable=False),
        sa.Column("input_tokens", WHOLE, nullable=False),
        sa.Column("cache_read_tokens", WHOLE, nullable=False),
        sa.Column("cache_write_tokens", WHOLE, nullable=False),
        sa.Column("output_tokens", WHOLE, nullable=False),
        sa.Column("reasoning_tokens", WHOLE, nullable=False),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )
    op.create_table(
        "traffic",
        sa.Column("level", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("slot", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("context", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("status", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("requests", WHOLE, nullable=False),
        sa.Column("refused", WHOLE, nullable=False),
        sa.Column("errors", WHOLE, nullable=False),
        sa.Column("cached", WHOLE, nullable=False),
        sa.Column("saved_nanodollars", WHOLE, nullable=False),
        sa.Column("saved_unknown", WHOLE, nullable=False),
        sa.Column("total_us", WHOLE, nullable=False),
        sa.Column("overhead_us", WHOLE, nullable=False),
        sa.Column("first_chunks", WHOLE, nullable=False),
        sa.Column("first_chunk_us", WHOLE, nullable=False),
        sa.Column("took_0", WHOLE, nullable=False),
        sa.Column("took_1", WHOLE, nullable=False),
        sa.Column("took_2", WHOLE, nullable=False),
        sa.Column("took_3", WHOLE, nullable=False),
        sa.Column("took_4", WHOLE, nullable=False),
        sa.Column("took_5", WHOLE, nullable=False),
        sa.Column("took_6", WHOLE, nullable=False),
        sa.Column("took_7", WHOLE, nullable=False),
        sa.Column("took_8", WHOLE, nullable=False),
        sa.Column("took_9", WHOLE, nullable=False),
        sa.Column("took_10", WHOLE, nullable=False),
        sa.Column("took_11", WHOLE, nullable=False),
        sa.Column("took_12", WHOLE, nullable=False),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )
    op.create_table(
        "attributes",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )
    op.create_table(
        "sittings",
        sa.Column("user", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("first_at", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("last_at", WHOLE, nullable=False),
        sa.Column("amount_nanodollars", WHOLE, nullable=False),
        sa.Column("entries", WHOLE, nullable=False),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )
    op.create_index("sittings_last_at", "sittings", ["last_at"])


def downgrade() -> None:
    for table in ("sittings", "attributes", "traffic", "spending", "contexts"):
        op.drop_table(table)
    op.execute("DELETE FROM marks WHERE name IN ('spending', 'traffic')")

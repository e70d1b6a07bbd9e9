"""Batches and files that callers have at providers. `schema.py` says what the table is for."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("settled", WHOLE, nullable=False),
        sa.Column("created_at", WHOLE, nullable=False),
        sa.Column("ask_at", WHOLE, nullable=False),
        sa.Column("record", sa.LargeBinary, nullable=False),
        sa.CheckConstraint("kind IN ('batch', 'file')", name="jobs_kind"),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )
    op.create_index("jobs_open", "jobs", ["settled", "ask_at"])


def downgrade() -> None:
    raise RuntimeError("whose batches are whose would be forgotten")

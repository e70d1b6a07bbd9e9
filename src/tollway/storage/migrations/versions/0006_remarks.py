"""What people say of requests afterwards: feedback, scores, and what else they want to find them by; and an index of refusals."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "remarks",
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("recorded_at", WHOLE, nullable=False),
        sa.Column("at", WHOLE, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("feedback", WHOLE),
        sa.Column("score_millionths", WHOLE),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.CheckConstraint("feedback IN (1, -1)", name="remarks_feedback"),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )
    op.create_index("remarks_recorded_at", "remarks", ["recorded_at"])
    op.create_index("records_code", "records", ["code", "at"], sqlite_where=sa.text("code <> ''"))


def downgrade() -> None:
    op.drop_index("records_code", "records")
    op.drop_table("remarks")

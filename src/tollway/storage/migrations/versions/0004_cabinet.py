"""The cabinet: small things that the control plane keeps."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "cabinet",
        sa.Column("drawer", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("record", sa.LargeBinary, nullable=False),
        sa.Column("at", WHOLE, nullable=False),
        sa.Column("expires_at", WHOLE),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )
    op.create_index("cabinet_expires_at", "cabinet", ["expires_at"])


def downgrade() -> None:
    op.drop_table("cabinet")

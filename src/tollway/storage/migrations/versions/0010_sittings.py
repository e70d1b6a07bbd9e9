"""The dearest sittings, found without looking at all of them."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("sittings_amount", "sittings", ["amount_nanodollars", "last_at", "entries"])


def downgrade() -> None:
    op.drop_index("sittings_amount", "sittings")

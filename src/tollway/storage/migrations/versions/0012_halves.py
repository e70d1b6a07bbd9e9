"""From which hour on the first halves of hours are rolled up. What is there already has hours and days alone."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("spending", "traffic"):
        op.execute(
            f"INSERT INTO marks (name, seq) SELECT '{table}_halved', max(slot) + 1 FROM {table} WHERE level = 0 "
            "HAVING max(slot) IS NOT NULL"
        )


def downgrade() -> None:
    op.execute("DELETE FROM spending WHERE level >= 8")
    op.execute("DELETE FROM traffic WHERE level >= 8")
    op.execute("DELETE FROM marks WHERE name IN ('spending_halved', 'traffic_halved')")

"""From which hour on the first halves of hours are rolled up, as what is there already has hours and days alone; and from when on
the log is whole, of which older versions deleted the oldest without a note."""

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
    op.execute(
        "INSERT INTO marks (name, seq) SELECT 'log_since', min(at) FROM records "
        "HAVING min(at) >= (SELECT (min(slot) + 1) * 3600000 FROM traffic WHERE level = 0)"
    )


def downgrade() -> None:
    op.execute("DELETE FROM spending WHERE level >= 8")
    op.execute("DELETE FROM traffic WHERE level >= 8")
    op.execute("DELETE FROM marks WHERE name IN ('spending_halved', 'traffic_halved', 'log_since', 'log_gaps_until')")

"""Lines of the audit log cannot be replaced either: INSERT OR REPLACE deletes without firing the triggers on DELETE."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq) "
        "BEGIN SELECT RAISE(ABORT, 'lines of the audit log are never changed or deleted'); END"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER audit_no_replace")

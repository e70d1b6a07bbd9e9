"""The first schema. `schema.py` says what each table is for."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "intents",
        sa.Column("reservation_id", sa.Text, primary_key=True),
        sa.Column("opened_at", WHOLE, nullable=False),
        sa.Column("record", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )
    op.create_table(
        "entries",
        sa.Column("seq", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("reservation_id", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("attempt", WHOLE, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("amount_nanodollars", WHOLE, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("response_model", sa.Text),
        sa.Column("gateway", sa.Text, nullable=False),
        sa.Column("user", sa.Text),
        sa.Column("key", sa.Text),
        sa.Column("service", sa.Text),
        sa.Column("groups", sa.Text, nullable=False),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("input_tokens", WHOLE),
        sa.Column("output_tokens", WHOLE),
        sa.Column("legs", sa.Text, nullable=False),
        sa.Column("charge", sa.LargeBinary, nullable=False),
        sa.Column("usage", sa.LargeBinary),
        sa.Column("occurred_at", WHOLE, nullable=False),
        sa.Column("recorded_at", WHOLE, nullable=False),
        sa.UniqueConstraint("id", name="entries_id"),
        sa.CheckConstraint("kind IN ('charge', 'presumed', 'unpriced', 'correction', 'credit')", name="entries_kind"),
        sqlite_strict=True,
    )
    op.create_index("entries_occurred_at", "entries", ["occurred_at"])
    # The ledger is append-only, whoever has the file open. A mistake is amended by another entry.
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER entries_no_{event.lower()} BEFORE {event} ON entries "
            "BEGIN SELECT RAISE(ABORT, 'ledger entries are never changed or deleted; write a correction'); END"
        )
    op.create_table(
        "releases",
        sa.Column("seq", WHOLE, primary_key=True),
        sa.Column("reservation_id", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("at", WHOLE, nullable=False),
        sa.UniqueConstraint("reservation_id", name="releases_reservation_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "balances",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("bucket", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("spent_nanodollars", WHOLE, nullable=False),
        sa.Column("through_seq", WHOLE, nullable=False),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )
    op.create_table(
        "marks",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("seq", WHOLE, nullable=False),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )
    op.create_table(
        "records",
        sa.Column("seq", WHOLE, primary_key=True),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("at", WHOLE, nullable=False),
        sa.Column("gateway", sa.Text, nullable=False),
        sa.Column("status", WHOLE, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("provider", sa.Text),
        sa.Column("model", sa.Text),
        sa.Column("user", sa.Text),
        sa.Column("key", sa.Text),
        sa.Column("service", sa.Text),
        sa.Column("groups", sa.Text, nullable=False),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("record", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("records_request_id", "records", ["request_id"])
    op.create_index("records_at", "records", ["at"])
    op.create_table(
        "settings",
        sa.Column("number", WHOLE, primary_key=True),
        sa.Column("at", WHOLE, nullable=False),
        sa.Column("saved_by", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sqlite_strict=True,
    )


def downgrade() -> None:
    raise RuntimeError("the first schema has nothing before it")

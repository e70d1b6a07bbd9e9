"""Resizes of metered holds, controls, the audit log, alerts and what is known of budgets; entries of kind `opening`.

`schema.py` says what each table is for. SQLite cannot change a CHECK, so `entries` is built anew and its rows are copied.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

COPIED = (
    "seq, id, reservation_id, request_id, attempt, kind, amount_nanodollars, provider, model, response_model, gateway, "
    'user, "key", service, "groups", metadata, input_tokens, output_tokens, legs, charge, usage, occurred_at, recorded_at'
)


def upgrade() -> None:
    _rebuild_entries()
    op.create_table(
        "resizes",
        sa.Column("reservation_id", sa.Text, primary_key=True),
        sa.Column("number", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("amount_nanodollars", WHOLE, nullable=False),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )
    op.create_table(
        "controls",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("since", WHOLE, nullable=False),
        sa.Column("over_at", WHOLE),
        sa.Column("record", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )
    op.create_table(
        "audit",
        sa.Column("seq", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("at", WHOLE, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("record", sa.LargeBinary, nullable=False),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("audit_target", "audit", ["target"])
    _append_only("audit", "lines of the audit log are never changed or deleted")
    op.create_table(
        "alerts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("at", WHOLE, nullable=False),
        sa.Column("budget", sa.Text),
        sa.Column("record", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("key", name="alerts_key"),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )
    op.create_index("alerts_budget", "alerts", ["budget"])
    op.create_table(
        "deliveries",
        sa.Column("alert_id", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("due_at", WHOLE, nullable=False),
        sa.Column("finished", WHOLE, nullable=False),
        sa.Column("attempts", WHOLE, nullable=False),
        sa.Column("arrived_at", WHOLE),
        sa.Column("error", sa.Text, nullable=False),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )
    op.create_index("deliveries_due", "deliveries", ["finished", "due_at"])
    op.create_table(
        "snoozes",
        sa.Column("target", sa.Text, primary_key=True),
        sa.Column("until", WHOLE, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )
    op.create_table(
        "budgets",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("since", WHOLE, nullable=False),
        sa.Column("settled", WHOLE, nullable=False),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )


def downgrade() -> None:
    raise RuntimeError("openings would have to be deleted, and entries never are")


def _rebuild_entries() -> None:
    op.create_table(
        "entries_rebuilt",
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
        sa.Column("declared", sa.Text, nullable=False),
        sa.Column("input_tokens", WHOLE),
        sa.Column("output_tokens", WHOLE),
        sa.Column("legs", sa.Text, nullable=False),
        sa.Column("charge", sa.LargeBinary, nullable=False),
        sa.Column("usage", sa.LargeBinary),
        sa.Column("occurred_at", WHOLE, nullable=False),
        sa.Column("recorded_at", WHOLE, nullable=False),
        sa.UniqueConstraint("id", name="entries_id"),
        sa.CheckConstraint(
            "kind IN ('charge', 'presumed', 'unpriced', 'correction', 'credit', 'opening')", name="entries_kind"
        ),
        sqlite_strict=True,
    )
    # Which keys only the caller vouched for was not yet written down: none, as every budget took them until now.
    op.execute(f"INSERT INTO entries_rebuilt ({COPIED}, declared) SELECT {COPIED}, '[]' FROM entries ORDER BY seq")
    # Takes its index and its triggers along; dropping a table fires none of them.
    op.drop_table("entries")
    op.rename_table("entries_rebuilt", "entries")
    op.create_index("entries_occurred_at", "entries", ["occurred_at"])
    _append_only("entries", "ledger entries are never changed or deleted; write a correction")


def _append_only(table: str, words: str) -> None:
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
        )

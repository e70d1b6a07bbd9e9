"""The tables, as SQLAlchemy knows them. Alembic compares them with what the migrations make.

Imported by migrations and tests only: SQLAlchemy takes half a second to load, and the ledger's own statements are
written by hand (`sql/statements.py`). Money is never anything but a whole number. `schema_rolled.py` has what is made of ledger and
log.
"""

import sqlalchemy as sa

from tollway.storage.schema_rolled import LONG, Whole, metadata

OPTIONAL = frozenset(
    {
        ("controls", "over_at"),
        ("deliveries", "arrived_at"),
        ("cabinet", "expires_at"),
        ("stops", "charged_nanodollars"),
    }
)
"""Columns of instants and amounts that may be NULL: what they tell has not come to be, and may never, or nobody knows it."""

intents = sa.Table(
    "intents",
    metadata,
    sa.Column("reservation_id", sa.Text, primary_key=True),
    sa.Column("opened_at", Whole, nullable=False),
    sa.Column("record", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)
"""Reservations, written before anything is sent. One without an entry or a release is open."""

entries = sa.Table(
    "entries",
    metadata,
    sa.Column("seq", Whole, primary_key=True, autoincrement=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("reservation_id", sa.Text, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("attempt", Whole, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("amount_nanodollars", Whole, nullable=False),
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
    sa.Column("input_tokens", Whole),
    sa.Column("output_tokens", Whole),
    sa.Column("legs", sa.Text, nullable=False),
    sa.Column("charge", sa.LargeBinary, nullable=False),
    sa.Column("usage", sa.LargeBinary),
    sa.Column("occurred_at", Whole, nullable=False),
    sa.Column("recorded_at", Whole, nullable=False),
    sa.UniqueConstraint("id", name="entries_id"),
    sa.CheckConstraint(
        "kind IN ('charge', 'presumed', 'unpriced', 'correction', 'credit', 'opening')", name="entries_kind"
    ),
    sa.Index("entries_occurred_at", "occurred_at"),
    sqlite_strict=True,
)
"""The ledger. `groups`, `metadata`, `declared` and `legs` are JSON, `charge` and `usage` msgpack of their types."""

releases = sa.Table(
    "releases",
    metadata,
    sa.Column("seq", Whole, primary_key=True),
    sa.Column("reservation_id", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("at", Whole, nullable=False),
    sa.UniqueConstraint("reservation_id", name="releases_reservation_id"),
    sqlite_strict=True,
)
"""Reservations that were given back, and why."""

balances = sa.Table(
    "balances",
    metadata,
    sa.Column("account", sa.Text, primary_key=True, info=LONG),
    sa.Column("bucket", Whole, primary_key=True, autoincrement=False),
    sa.Column("spent_nanodollars", Whole, nullable=False),
    sa.Column("through_seq", Whole, nullable=False),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)
"""A cache: what entries up to `through_seq` sum to, so that a start does not read the whole history."""

marks = sa.Table(
    "marks",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("seq", Whole, nullable=False),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)
"""How far background work has come: see `sql/statements.py`."""

records = sa.Table(
    "records",
    metadata,
    sa.Column("seq", Whole, primary_key=True),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("at", Whole, nullable=False),
    sa.Column("gateway", sa.Text, nullable=False),
    sa.Column("status", Whole, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("provider", sa.Text),
    sa.Column("model", sa.Text),
    sa.Column("user", sa.Text),
    sa.Column("key", sa.Text),
    sa.Column("service", sa.Text),
    sa.Column("groups", sa.Text, nullable=False),
    sa.Column("metadata", sa.Text, nullable=False),
    sa.Column("record", sa.LargeBinary, nullable=False),
    sa.Index("records_request_id", "request_id"),
    sa.Index("records_at", "at"),
    sa.Index("records_code", "code", "at", sqlite_where=sa.text("code <> ''"), postgresql_where=sa.text("code <> ''")),
    sqlite_strict=True,
)
"""The request log: the columns it is searched by, and the whole record (msgpack of `LogRecord`)."""

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("settled", Whole, nullable=False),
    sa.Column("created_at", Whole, nullable=False),
    sa.Column("ask_at", Whole, nullable=False),
    sa.Column("record", sa.LargeBinary, nullable=False),
    sa.CheckConstraint("kind IN ('batch', 'file')", name="jobs_kind"),
    sa.Index("jobs_open", "settled", "ask_at"),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)
"""Batches and files at providers, and whose they are (`record` is msgpack of `Job`)."""

settings = sa.Table(
    "settings",
    metadata,
    sa.Column("number", Whole, primary_key=True),
    sa.Column("at", Whole, nullable=False),
    sa.Column("saved_by", sa.Text, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sqlite_strict=True,
)
"""Every saved revision of the settings."""

resizes = sa.Table(
    "resizes",
    metadata,
    sa.Column("reservation_id", sa.Text, primary_key=True),
    sa.Column("number", Whole, primary_key=True, autoincrement=False),
    sa.Column("amount_nanodollars", Whole, nullable=False),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)
"""What the metered holds of an open reservation came to, one line for each change; the last one stands."""

controls = sa.Table(
    "controls",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("since", Whole, nullable=False),
    sa.Column("over_at", Whole),
    sa.Column("record", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)
"""Freezes and increases; `over_at` is when one was ended or will be over by itself (`record` is msgpack of `Control`)."""

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("seq", Whole, primary_key=True, autoincrement=False),
    sa.Column("at", Whole, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("record", sa.LargeBinary, nullable=False),
    sa.Column("previous", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    # It is only ever asked for one target, which may be of any length.
    sa.Index("audit_target", "target", postgresql_using="hash"),
    sqlite_strict=True,
)
"""Who changed what (`record` is JSON of `Change`, as it was hashed). Never changed or deleted."""

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, info=LONG),
    sa.Column("at", Whole, nullable=False),
    sa.Column("budget", sa.Text),
    sa.Column("record", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("key", name="alerts_key"),
    sa.Index("alerts_budget", "budget"),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)
"""Events that somebody wanted to know, each once (`record` is msgpack of `Event`)."""

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("alert_id", sa.Text, primary_key=True),
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("due_at", Whole, nullable=False),
    sa.Column("finished", Whole, nullable=False),
    sa.Column("attempts", Whole, nullable=False),
    sa.Column("arrived_at", Whole),
    sa.Column("error", sa.Text, nullable=False),
    sa.Index("deliveries_due", "finished", "due_at"),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)
"""The outbox: `finished` is 0 until an event has arrived or was given up."""

snoozes = sa.Table(
    "snoozes",
    metadata,
    sa.Column("target", sa.Text, primary_key=True, info=LONG),
    sa.Column("until", Whole, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)
"""Whose alerts are not sent for a time."""

budgets = sa.Table(
    "budgets",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("since", Whole, nullable=False),
    sa.Column("settled", Whole, nullable=False),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)
"""What every budget selected when it was last in force, so that a change of it is noticed at the next start too."""

cabinet = sa.Table(
    "cabinet",
    metadata,
    sa.Column("drawer", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("record", sa.LargeBinary, nullable=False),
    sa.Column("at", Whole, nullable=False),
    sa.Column("expires_at", Whole),
    sa.Index("cabinet_expires_at", "expires_at"),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)
"""Small things the control plane keeps: keys, grants, sessions, sealed secrets, drafts (`record` is JSON)."""

freezes = sa.Table(
    "freezes",
    metadata,
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("dimension", sa.Text, primary_key=True),
    sa.Column("at", Whole, nullable=False),
    sa.Column("record", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)
"""Months whose statements by a dimension were frozen, each with the hash of them."""

frozen = sa.Table(
    "frozen",
    metadata,
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("dimension", sa.Text, primary_key=True),
    sa.Column("number", Whole, primary_key=True, autoincrement=False),
    sa.Column("record", sa.LargeBinary, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sqlite_strict=True,
)
"""Those statements, as they were. Of both tables no row is ever changed or deleted."""

remarks = sa.Table(
    "remarks",
    metadata,
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("recorded_at", Whole, nullable=False),
    sa.Column("at", Whole, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("feedback", Whole),
    sa.Column("score_millionths", Whole),
    sa.Column("metadata", sa.Text, nullable=False),
    sa.CheckConstraint("feedback IN (1, -1)", name="remarks_feedback"),
    sa.Index("remarks_recorded_at", "recorded_at"),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)
"""What people say of requests afterwards, beside the log (`metadata` is JSON)."""

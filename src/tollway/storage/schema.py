"""The tables, as SQLAlchemy knows them. Alembic compares them with what the migrations make.

Imported by migrations and tests only: SQLAlchemy takes half a second to load, and the ledger's own statements are
written by hand (`sqlite/statements.py`). Money is never NULL and never anything but a whole number.
"""

import sqlalchemy as sa

# STRICT tables take INTEGER but not BIGINT; SQLite's INTEGER has 64 bits already.
Whole = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

metadata = sa.MetaData()

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
    sa.Column("input_tokens", Whole),
    sa.Column("output_tokens", Whole),
    sa.Column("legs", sa.Text, nullable=False),
    sa.Column("charge", sa.LargeBinary, nullable=False),
    sa.Column("usage", sa.LargeBinary),
    sa.Column("occurred_at", Whole, nullable=False),
    sa.Column("recorded_at", Whole, nullable=False),
    sa.UniqueConstraint("id", name="entries_id"),
    sa.CheckConstraint("kind IN ('charge', 'presumed', 'unpriced', 'correction', 'credit')", name="entries_kind"),
    sa.Index("entries_occurred_at", "occurred_at"),
    sqlite_strict=True,
)
"""The ledger. `groups`, `metadata` and `legs` are JSON, `charge` and `usage` msgpack of their types."""

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
    sa.Column("account", sa.Text, primary_key=True),
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
"""How far background work has come: see `sqlite/statements.py`."""

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

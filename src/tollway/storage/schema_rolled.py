"""The tables that are made of what stands in ledger and log. `schema.py` has the others."""

import sqlalchemy as sa

# STRICT tables take INTEGER but not BIGINT; SQLite's INTEGER has 64 bits already.
Whole = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

metadata = sa.MetaData()
"""Of these tables and those of `schema.py`."""

LONG = {"long": True}
"""Marks a column that may hold any length, and is one of what tells rows apart: an index of PostgreSQL has room for a third of a page."""

contexts = sa.Table(
    "contexts",
    metadata,
    sa.Column("id", Whole, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("coarse", Whole, nullable=False),
    sa.Column("gateway", sa.Text, nullable=False),
    sa.Column("provider", sa.Text),
    sa.Column("model", sa.Text),
    sa.Column("user", sa.Text),
    sa.Column("key", sa.Text),
    sa.Column("service", sa.Text),
    sa.Column("groups", sa.Text, nullable=False),
    sa.Column("metadata", sa.Text, nullable=False),
    sa.UniqueConstraint("digest", name="contexts_digest"),
    sqlite_strict=True,
)
"""Each caller with each model, once: what rollups are grouped and searched by. `coarse` is the same without who asked."""


spending = sa.Table(
    "spending",
    metadata,
    sa.Column("level", Whole, primary_key=True, autoincrement=False),
    sa.Column("slot", Whole, primary_key=True, autoincrement=False),
    sa.Column("context", Whole, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("amount_nanodollars", Whole, nullable=False),
    sa.Column("entries", Whole, nullable=False),
    sa.Column("unpriced", Whole, nullable=False),
    sa.Column("told", Whole, nullable=False),
    sa.Column("input_tokens", Whole, nullable=False),
    sa.Column("cache_read_tokens", Whole, nullable=False),
    sa.Column("cache_write_tokens", Whole, nullable=False),
    sa.Column("output_tokens", Whole, nullable=False),
    sa.Column("reasoning_tokens", Whole, nullable=False),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)
"""Rollup of the ledger. `level`: hours or days (`slot`), of fine or coarse contexts; see `storage/rolled.py`."""


traffic = sa.Table(
    "traffic",
    metadata,
    sa.Column("level", Whole, primary_key=True, autoincrement=False),
    sa.Column("slot", Whole, primary_key=True, autoincrement=False),
    sa.Column("context", Whole, primary_key=True, autoincrement=False),
    sa.Column("status", Whole, primary_key=True, autoincrement=False),
    sa.Column("requests", Whole, nullable=False),
    sa.Column("refused", Whole, nullable=False),
    sa.Column("errors", Whole, nullable=False),
    sa.Column("cached", Whole, nullable=False),
    sa.Column("saved_nanodollars", Whole, nullable=False),
    sa.Column("saved_unknown", Whole, nullable=False),
    sa.Column("total_us", Whole, nullable=False),
    sa.Column("overhead_us", Whole, nullable=False),
    sa.Column("first_chunks", Whole, nullable=False),
    sa.Column("first_chunk_us", Whole, nullable=False),
    sa.Column("took_0", Whole, nullable=False),
    sa.Column("took_1", Whole, nullable=False),
    sa.Column("took_2", Whole, nullable=False),
    sa.Column("took_3", Whole, nullable=False),
    sa.Column("took_4", Whole, nullable=False),
    sa.Column("took_5", Whole, nullable=False),
    sa.Column("took_6", Whole, nullable=False),
    sa.Column("took_7", Whole, nullable=False),
    sa.Column("took_8", Whole, nullable=False),
    sa.Column("took_9", Whole, nullable=False),
    sa.Column("took_10", Whole, nullable=False),
    sa.Column("took_11", Whole, nullable=False),
    sa.Column("took_12", Whole, nullable=False),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)
"""Rollup of the request log, in the same way. `status` is the first digit; `took_*` how many took how long."""


attributes = sa.Table(
    "attributes",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, primary_key=True, info=LONG),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)
"""The values of metadata that rollups know, up to as many of a key as `storage/rolled.py` says."""


sittings = sa.Table(
    "sittings",
    metadata,
    sa.Column("user", sa.Text, primary_key=True, info=LONG),
    sa.Column("name", sa.Text, primary_key=True, info=LONG),
    sa.Column("first_at", Whole, primary_key=True, autoincrement=False),
    sa.Column("last_at", Whole, nullable=False),
    sa.Column("amount_nanodollars", Whole, nullable=False),
    sa.Column("entries", Whole, nullable=False),
    sa.Index("sittings_last_at", "last_at"),
    sa.Index("sittings_amount", "amount_nanodollars", "last_at", "entries"),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)
"""What somebody spent in one go: a session by its name, or requests without a long pause between them."""


stops = sa.Table(
    "stops",
    metadata,
    sa.Column("downgraded", Whole, primary_key=True, autoincrement=False),
    sa.Column("at", Whole, primary_key=True, autoincrement=False),
    sa.Column("seq", Whole, primary_key=True, autoincrement=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("gateway", sa.Text, nullable=False),
    sa.Column("provider", sa.Text),
    sa.Column("model", sa.Text),
    sa.Column("user", sa.Text),
    sa.Column("charged_nanodollars", Whole),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)
"""A line for each record of a request that was refused (`downgraded` 0) or that a cheaper model served (1); see `sql/stopped.py`."""

meters = sa.Table(
    "meters",
    metadata,
    sa.Column("level", Whole, primary_key=True, autoincrement=False),
    sa.Column("slot", Whole, primary_key=True, autoincrement=False),
    sa.Column("context", Whole, primary_key=True, autoincrement=False),
    sa.Column("meter", sa.Text, primary_key=True),
    sa.Column("quantity", Whole, nullable=False),
    sa.Column("amount_nanodollars", Whole, nullable=False),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)
"""What was charged by meter, credits apart: by days, and by hours where a month may begin; see `sql/meters.py`."""

calls = sa.Table(
    "calls",
    metadata,
    sa.Column("level", Whole, primary_key=True, autoincrement=False),
    sa.Column("slot", Whole, primary_key=True, autoincrement=False),
    sa.Column("context", Whole, primary_key=True, autoincrement=False),
    sa.Column("entries", Whole, nullable=False),
    sa.Column("attempts", Whole, nullable=False),
    sa.Column("unpriced", Whole, nullable=False),
    sa.Column("presumed", Whole, nullable=False),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)
"""Of how many entries and calls of providers that is."""

apart = sa.Table(
    "apart",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("at", Whole, primary_key=True, autoincrement=False),
    sa.Column("seq", Whole, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
    sqlite_strict=True,
)
"""Entries that have to be told one by one, by kind and by when their request was admitted."""

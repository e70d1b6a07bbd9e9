"""Ledger entries as rows: one each, so that the sum of `amount_usd` is the ledger's."""

from collections.abc import Iterator

import msgspec

from tollway.exports.columns import Cell, Column, Row, Table
from tollway.ledger.entry import LedgerEntry
from tollway.money import dollars
from tollway.usage import Usage

_encode = msgspec.json.Encoder(order="deterministic").encode

TOKENS: tuple[tuple[str, str], ...] = (
    ("input_tokens", "prompt tokens, those read from and written to a cache among them"),
    ("cache_read_input_tokens", "of them, read from a cache"),
    ("cache_creation_input_tokens", "of them, written to a cache"),
    ("output_tokens", "generated tokens, reasoning among them"),
    ("reasoning_output_tokens", "of them, reasoning"),
)
"""The counts of `Usage` that have a column of their own; null where the provider told none."""

CALLER: tuple[Column, ...] = (
    Column("user", "text", "who asked"),
    Column("groups", "json", "the caller's groups, as an array"),
    Column("key", "text", "the name of the gateway key"),
    Column("service", "text", "the name of the service"),
    Column("metadata", "json", "key to value, as an object"),
)

_COLUMNS: tuple[Column, ...] = (
    Column("id", "text", "unique for ever"),
    Column("occurred_at", "instant", "the admission: the window and the month it is charged to"),
    Column("recorded_at", "instant", "when it was booked"),
    Column("kind", "text", "charge, presumed, unpriced, correction, credit; opening where that is asked for"),
    Column("amount_usd", "money", "signed; null where no price is known (unpriced)"),
    Column("basis", "text", "metered, counted or presumed"),
    Column("price_id", "text", "the price it was made with"),
    Column("request_id", "text", "the request"),
    Column("attempt", "integer", "the call of a provider, from 1"),
    Column("gateway", "text", "the endpoint"),
    Column("provider", "text", "who was called"),
    Column("model", "text", "the model asked for, as the provider names it"),
    Column("response_model", "text", "the model that answered"),
    *CALLER,
    *(Column(name, "integer", about) for name, about in TOKENS),
    Column("usage", "json", "everything the provider told of usage"),
    Column("lines", "json", "the charge, meter by meter; the lines add up to the amount"),
    Column("accounts", "json", "the accounts of budgets it counts against"),
)


def spends(entry: LedgerEntry) -> bool:
    """Whether it moves money. An opening tells an account what was spent before it; its amount is in other entries."""
    return entry.kind != "opening"


def document(value: object) -> str:
    """JSON text; the keys of an object are in order."""
    return _encode(value).decode()


def tokens(usage: Usage | None) -> list[Cell]:
    """A cell for each of `TOKENS`."""
    return [None if usage is None else getattr(usage, name) for name, _ in TOKENS]


def _rows(entry: LedgerEntry) -> Iterator[Row]:
    context, charge, unpriced = entry.context, entry.charge, entry.kind == "unpriced"
    yield (
        entry.id,
        entry.occurred_at,
        entry.recorded_at,
        entry.kind,
        None if unpriced else charge.amount,
        None if unpriced else charge.basis,
        charge.price_id,
        entry.request_id,
        entry.attempt,
        context.gateway,
        context.provider,
        context.model,
        entry.response_model,
        context.user,
        document(context.groups),
        context.key,
        context.service,
        document(context.metadata),
        *tokens(entry.usage),
        None if entry.usage is None else document(entry.usage),
        None
        if unpriced
        else document(
            [
                {
                    "meter": line.meter,
                    "quantity": line.quantity,
                    "unit_price": {"amount_usd": dollars(line.unit_price.amount), "per": line.unit_price.per},
                    "amount_usd": dollars(line.amount),
                }
                for line in charge.lines
            ]
        ),
        document([account for account, _ in entry.legs]),
    )


def entries_table(*, openings: bool = False) -> Table[LedgerEntry]:
    """Entries that move money; with `openings`, all of them."""

    def rows(entry: LedgerEntry) -> Iterator[Row]:
        if openings or spends(entry):
            yield from _rows(entry)

    return Table("entries", _COLUMNS, rows)

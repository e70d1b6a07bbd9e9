"""Statements as files: CSV that a spreadsheet opens, and a PDF that is set by typst."""

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from typing import Any, Final

import msgspec

from tollway.exports.columns import Column, Row
from tollway.exports.csv import heading, lines
from tollway.statements.printed import printed
from tollway.statements.statement import PRESUMED, Frozen, Statement

TEMPLATE: Final = "statement.typ"

COLUMNS: Final = (
    Column("month", "text", "the month of the statement"),
    Column("timezone", "text", "whose calendar it is of"),
    Column("dimension", "text", "what there is a statement for each value of"),
    Column("value", "text", "whom the statement is for; empty for what has none"),
    Column("section", "text", "usage, presumed, adjustment, or unpriced, whose cost is not known"),
    Column("user", "text", "who used it"),
    Column("provider", "text", "who was asked"),
    Column("model", "text", "which model was asked for"),
    Column("meter", "text", "what was counted"),
    Column("quantity", "integer", "how much of it; of what is unpriced, how many answers"),
    Column(
        "amount_usd", "money", "what it is charged; empty where that is not known. All of a month add up to its total"
    ),
    Column("amends", "text", "of an adjustment: the month that it belongs to"),
    Column("kind", "text", "of an adjustment: its kind in the ledger"),
    Column("entries", "integer", "of an adjustment: how many lines of the ledger it is"),
    Column("reason", "text", "of what was booked by hand: why"),
    Column("booked_by", "text", "of what was booked by hand: by whom"),
    Column("entry", "text", "of what was booked by hand: its id in the ledger"),
    Column("ledger_through", "integer", "the last entry of the ledger that is in the statement"),
    Column("frozen_at", "instant", "when it was frozen; empty while it is open"),
    Column("sha256", "text", "the hash of the freeze"),
)


class PdfUnavailable(Exception):
    """What sets pages is not installed."""


def as_csv(statements: Sequence[Statement], frozen: Frozen | None) -> bytes:
    """A line for each user, model and meter, and for each adjustment. Texts that begin as a formula are escaped."""
    rows = [row for statement in statements for row in _rows(statement, frozen)]
    return heading(COLUMNS) + lines(COLUMNS, rows)


def as_pdf(statements: Sequence[Statement], frozen: Frozen | None, *, now: int, whole: bool) -> bytes:
    """Pages of A4. Takes up to a second for long ones, so not on the event loop. Raises PdfUnavailable."""
    return _compiled(printed(statements, frozen, now=now, whole=whole), "pdf")[0]


def as_pictures(statements: Sequence[Statement], frozen: Frozen | None, *, now: int, whole: bool) -> list[bytes]:
    """The same pages as PNG."""
    return _compiled(printed(statements, frozen, now=now, whole=whole), "png")


def _compiled(said: dict[str, Any], form: str) -> list[bytes]:
    try:
        import typst
    except ImportError:
        raise PdfUnavailable(
            "PDF is set by typst, which is not installed here: pip install 'tollway[reports]'. CSV and JSON work without it"
        ) from None
    # Half a surrogate pair is no text that a page can hold; a zero byte is none either.
    text = msgspec.json.encode(_printable(said)).decode()
    compiler: Any = typst
    made: bytes | list[bytes] = compiler.compile(_template(), format=form, sys_inputs={"said": text})
    return made if isinstance(made, list) else [made]


def _printable(said: Any) -> Any:
    match said:
        case str():
            plain = said.encode(errors="replace").decode()
            return plain if plain.isprintable() else "".join(each if each.isprintable() else " " for each in plain)
        case list():
            return [_printable(each) for each in said]  # pyright: ignore[reportUnknownVariableType]
        case dict():
            return {name: _printable(each) for name, each in said.items()}  # pyright: ignore[reportUnknownVariableType]
        case _:
            return said


@cache
def _template() -> bytes:
    return resources.files("tollway.statements").joinpath(TEMPLATE).read_bytes()


def _rows(statement: Statement, frozen: Frozen | None) -> Iterator[Row]:
    head = (statement.month, statement.timezone, statement.by, statement.value)
    tail = (statement.through, *((None, None) if frozen is None else (frozen.at, frozen.hash)))
    nothing = (None,) * 6
    for each in statement.charges:
        section = "presumed" if each.meter == PRESUMED else "usage"
        used = (section, each.user, each.provider, each.model, each.meter, each.quantity, each.amount)
        yield (*head, *used, *nothing, *tail)
    for count in statement.counts:
        if count.unpriced:
            yield (*head, "unpriced", count.user, None, None, None, count.unpriced, None, *nothing, *tail)
    for each in statement.adjustments:
        amended = ("adjustment", each.user, each.provider, each.model, None, None, each.amount)
        why = (each.amends, each.kind, each.entries, each.word or None, each.by or None, each.entry or None)
        yield (*head, *amended, *why, *tail)

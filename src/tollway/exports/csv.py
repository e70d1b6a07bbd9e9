"""Rows as CSV (RFC 4180, UTF-8), as safe to open in a spreadsheet as it is to read by a program."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from tollway.clock import iso
from tollway.exports.columns import Cell, Column, Kind, Row
from tollway.money import dollars

_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
"""OWASP, CSV Injection: what a spreadsheet may run begins with one of these, the wide ones among them."""
_SUSPECT = frozenset((*_FORMULA, "'"))


def escaped(text: str) -> str:
    """`text` that no spreadsheet takes for a formula: an apostrophe stands before what begins like one, and before an
    apostrophe that stands before such a text already, so that what was written can be told from the cell."""
    # Most texts are told by their first character.
    if text[:1] not in _SUSPECT:
        return text
    return f"'{text}" if text.lstrip("'").startswith(_FORMULA) else text


def unescaped(cell: str) -> str:
    """What `escaped` was given."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA) else cell


def heading(columns: Sequence[Column]) -> bytes:
    """The first line."""
    return _lines([[column.name for column in columns]])


def lines(columns: Sequence[Column], rows: Iterable[Row], *, spreadsheet: bool = True) -> bytes:
    """A line for each row: amounts and counts as plain decimals, instants in RFC 3339, nothing for `None`.

    `spreadsheet`: texts that begin as a formula are `escaped`. Numbers never are: a negative amount stays a number.
    """
    text = escaped if spreadsheet else _same
    writers = [_WRITERS.get(column.kind, text) for column in columns]
    return _lines(
        ["" if cell is None else write(cell) for write, cell in zip(writers, row, strict=True)] for row in rows
    )


def _lines(cells: Iterable[Sequence[str]]) -> bytes:
    made = io.StringIO(newline="")
    csv.writer(made, lineterminator="\r\n").writerows(cells)
    # Half a surrogate pair, which JSON can be sent with, is no text that a file can hold.
    return made.getvalue().encode(errors="backslashreplace")


def _same(text: str) -> str:
    return text


@lru_cache(4_096)
def instant(ms: int) -> str:
    """RFC 3339 to the millisecond. The rows of an entry, and of a month, have many in common."""
    return iso(ms)


@lru_cache(4_096)
def second(ms: int) -> str:
    """RFC 3339 to the whole second before: "2026-07-01T00:00:00Z"."""
    return f"{iso(ms)[:19]}Z"


def _boolean(value: Cell) -> str:
    return "true" if value else "false"


# A column's kind says what its cells are, which the type checker cannot see.
_WRITERS: dict[Kind, Callable[..., str]] = {
    "integer": str,
    "money": dollars,
    "decimal": _same,
    "instant": instant,
    "second": second,
    "boolean": _boolean,
    "json": _same,
}

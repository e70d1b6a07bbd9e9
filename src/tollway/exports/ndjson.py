"""Rows as newline-delimited JSON: an object a line. Amounts are exact decimal strings, as in the API; unknown is null."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from tollway.exports.columns import Cell, Column, Kind, Row
from tollway.exports.csv import instant, second
from tollway.money import dollars

_encode = msgspec.json.Encoder().encode


def lines(columns: Sequence[Column], rows: Iterable[Row]) -> bytes:
    """A line for each row."""
    return _joined(columns, rows, _WRITERS)


def loadable(columns: Sequence[Column], rows: Iterable[Row]) -> bytes:
    """The same with documents as text, for a reader that is told the type of each column."""
    return _joined(columns, rows, {**_WRITERS, "json": _same})


def _joined(columns: Sequence[Column], rows: Iterable[Row], writers: dict[Kind, Callable[..., object]]) -> bytes:
    named = [(column.name, writers.get(column.kind, _same)) for column in columns]
    made: list[bytes] = []
    for row in rows:
        cells = zip(named, row, strict=True)
        thing = {name: None if cell is None else write(cell) for (name, write), cell in cells}
        made.append(_line(thing))
    return b"".join(made)


def _line(thing: dict[str, object]) -> bytes:
    try:
        return _encode(thing) + b"\n"
    except UnicodeEncodeError:
        # Half a surrogate pair, which JSON can be sent with, is no text that a file can hold.
        told = {name: _told(value) if isinstance(value, str) else value for name, value in thing.items()}
        return _encode(told) + b"\n"


def _told(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


def _same(value: Cell) -> Cell:
    return value


def _document(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode(errors="backslashreplace"))


_WRITERS: dict[Kind, Callable[..., object]] = {
    "money": dollars,
    "instant": instant,
    "second": second,
    "json": _document,
}

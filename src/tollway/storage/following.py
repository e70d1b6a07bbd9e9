"""Reading log and ledger in the order in which their rows were written, for whoever follows them with a cursor.

There is one writer, and a row is numbered as it is written. So behind a number that was read no row ever appears below it: a
cursor needs no margin for late ones. A record that is written late is numbered late, whatever its instant.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from tollway.ledger.entry import LedgerEntry
from tollway.logs.record import LogRecord

Source = Literal["records", "entries"]

WIDEST = 100_000
"""Rows that are looked at for one stretch, however few of them are meant."""


class Measured(NamedTuple):
    """A stretch that was looked at and not read."""

    through: int
    """The last row it takes in; what it started behind, where nothing lies there."""
    items: int
    """Rows that are meant."""
    gone: int
    """Rows that were there once."""


class Following(Protocol):
    """The parts of a store that a cursor needs. Methods raise StoreUnavailable."""

    async def last(self, source: Source) -> int:
        """The number of the newest row; 0 where there is none."""
        ...

    async def first(self, source: Source) -> int:
        """The number of the oldest row; 0 where there is none."""
        ...

    async def measure(
        self, source: Source, equals: Mapping[str, str], *, after: int, until: int, rows: int, size: int
    ) -> Measured:
        """How far behind `after`, and up to `until`, a stretch of so many rows reaches whose records have about `size` bytes; of
        one row at least. `equals` are fields of `fields.py`."""
        ...

    async def records(self, equals: Mapping[str, str], *, after: int, through: int) -> Sequence[tuple[int, LogRecord]]:
        """The records numbered after+1 to `through` that are meant, each with its number."""
        ...

    async def entries(
        self, equals: Mapping[str, str], *, after: int, through: int
    ) -> Sequence[tuple[int, LedgerEntry]]:
        """The same of the ledger."""
        ...

    async def quarters(self, *, after: int, through: int) -> Sequence[int]:
        """The quarters of an hour (Unix milliseconds of their beginnings) that entries of these numbers count to, ascending."""
        ...

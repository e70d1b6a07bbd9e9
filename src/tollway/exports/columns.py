"""What an exported file is made of: named columns, and rows of cells. Money is a count of nanodollars up to the last step."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, TypeVar

T = TypeVar("T")

Kind = Literal["text", "integer", "money", "decimal", "instant", "second", "boolean", "json"]
"""text: `str` · integer: `int` · money: `int` nanodollars, written as an exact decimal of US dollars · decimal: the `str` of an
exact decimal with at most 18 places · instant: `int` Unix milliseconds · second: the same, written to the whole second before ·
boolean: `bool` · json: the `str` of a JSON document. Every cell may be `None`: unknown, or there is none."""

Cell = str | int | bool | None
Row = Sequence[Cell]
"""A cell for each column."""


class Column(NamedTuple):
    """A column of a file."""

    name: str
    kind: Kind
    about: str
    """What is in it, in a sentence's part."""


@dataclass(frozen=True)
class Table(Generic[T]):
    """How things of a kind become rows."""

    name: str
    """What a file of them is called."""
    columns: tuple[Column, ...]
    rows: Callable[[T], Iterable[Row]]
    """The rows of one thing: perhaps none, perhaps many."""

    def rows_of(self, things: Iterable[T]) -> list[Row]:
        return [row for thing in things for row in self.rows(thing)]

"""Adding to the cells of a rollup, in the transaction that is under way."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from tollway.money import LARGEST
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.wide import within

_EXACT: Final = "{name} + {more}"
# Beyond 64 bits a sum becomes REAL, which no column takes: it stays at the largest there is.
_WITHIN: Final = f"max(-{LARGEST}, min({LARGEST}, CAST({{name}} AS NUMERIC) + {{more}}))"


class Adding(NamedTuple):
    """How a row is added to what its cell has."""

    exact: str
    within: str


def adding(table: str, key: Sequence[str], sums: Sequence[str]) -> Adding:
    """Of a table whose cells have that key and those sums."""

    def told(sum_of: str) -> str:
        return (
            f"INSERT INTO {table} ({', '.join((*key, *sums))}) VALUES ({', '.join('?' * (len(key) + len(sums)))}) "
            f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET "
            + ", ".join(f"{name} = {sum_of.format(name=f'{table}.{name}', more=f'excluded.{name}')}" for name in sums)
        )

    return Adding(told(_EXACT), told(_WITHIN))


def add(writing: Connection, into: Adding, added: Mapping[Any, Sequence[int]]) -> bool:
    """Adds to cells, by their key; whether they are exact. What 64 bits do not hold stays at the largest they do: the ledger has the
    truth, and one sum that is beyond all measure is not to keep the others from being made."""
    exact = True
    writing.execute("SAVEPOINT adding")
    try:
        writing.executemany(into.exact, [(*cell, *sums) for cell, sums in added.items()])
    except Exception:
        # Databases differ in what they call it. If it was something else, it comes again.
        exact = False
        writing.execute("ROLLBACK TO adding")
        writing.executemany(into.within, [(*cell, *map(within, sums)) for cell, sums in added.items()])
    writing.execute("RELEASE adding")
    return exact

"""What the statements of a store need of a connection, whatever database it leads to.

They are written for SQLite, which has them as they stand; `postgres/dialect.py` says how another one is told.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Cursor(Protocol):
    """The rows of a statement."""

    def __iter__(self) -> Iterator[Any]: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    @property
    def get(self) -> Any:
        """The only value of the only row; `None` without one."""
        ...


class Connection(AbstractContextManager["Connection", bool | None], Protocol):
    """A connection. As a context it is a transaction: committed, or undone when an exception leaves it."""

    @property
    def in_transaction(self) -> bool: ...

    def execute(self, statements: str, bindings: Sequence[Any] = (), /) -> Cursor: ...

    def executemany(self, statements: str, sequenceofbindings: Iterable[Sequence[Any]], /) -> Cursor: ...

    def total_changes(self) -> int:
        """Rows inserted, changed and deleted by the statements run so far."""
        ...

    def close(self) -> None: ...


def plans_by_cost(connection: Connection) -> bool:
    """Whether the database joins tables in an order of its own, by what it believes that costs, and not in the one it is told: then that
    has to be said in another way (`LATERAL`, and `OFFSET 0`, which nothing is moved across)."""
    return getattr(connection, "plans_by_cost", False)

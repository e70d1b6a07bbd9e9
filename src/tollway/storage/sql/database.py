"""What the parts of a store share: a writer, readers, and whatever database is behind them."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from tollway.storage.sql.driver import Connection
from tollway.storage.sql.writer import Companion, Writer

T = TypeVar("T")


class Database(Protocol):
    """A database that one gateway has to itself."""

    @property
    def name(self) -> str:
        """Where it is, in words: never with a password."""
        ...

    @property
    def is_open(self) -> bool: ...

    @property
    def writer(self) -> Writer:
        """Raises StoreUnavailable while the store is not open."""
        ...

    async def open(self, load: Callable[[Connection], T], companion: Callable[[], Companion]) -> T:
        """Keeps other gateways out, brings the schema up to date, runs `load`, and starts writing.

        `load` has the writing connection to itself, in a thread. Raises StoreUnavailable.
        """
        ...

    async def change(self, work: Callable[[Connection], T]) -> T:
        """Runs `work` in a transaction of its own and returns once that is durable. Raises StoreUnavailable, at once while
        nothing can be written."""
        ...

    async def query(self, read: Callable[[Connection], T]) -> T:
        """Runs `read` on a reader of its own, in a thread. Raises StoreUnavailable."""
        ...

    def look_up(self, question: Callable[[Connection], T]) -> T:
        """Answers a question that one row answers, on the loop. Raises StoreUnavailable."""
        ...

    async def close(self) -> None:
        """Flushes and lets go of the database, even where flushing raises StoreUnavailable."""
        ...


class AtRest(Protocol):
    """A database whose gateway is stopped, and that none can open meanwhile."""

    def reading(self) -> AbstractContextManager[Connection]: ...

    def writing(self) -> AbstractContextManager[Connection]:
        """Brings the schema up to date first."""
        ...

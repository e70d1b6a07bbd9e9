"""The part of apsw that is used, with types that can be checked: its own leave the bindings unknown to Python 3.11."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, cast

import apsw


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

    def total_changes(self) -> int: ...

    def table_exists(self, dbname: str | None, table_name: str, /) -> bool: ...

    def set_busy_timeout(self, milliseconds: int, /) -> None: ...

    def set_wal_hook(self, hook: Callable[[Any, str, int], int] | None, /) -> None: ...

    def wal_checkpoint(self, dbname: str | None = None, mode: int = ...) -> tuple[int, int]: ...

    def config(self, op: int, *args: int) -> int: ...

    def close(self) -> None: ...


def connect(path: Path, *, read_only: bool = False, create: bool = True) -> Connection:
    """Opens a database file. Raises apsw.Error."""
    if read_only:
        flags = apsw.SQLITE_OPEN_READONLY
    else:
        flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
    return cast("Connection", apsw.Connection(os.fspath(path), flags=flags))

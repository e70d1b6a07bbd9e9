"""The part of apsw that is used, with types that can be checked: its own leave the bindings unknown to Python 3.11."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, cast

import apsw

from tollway.storage.sql import driver


class Connection(driver.Connection, Protocol):
    """A connection to a file."""

    def table_exists(self, dbname: str | None, table_name: str, /) -> bool: ...

    def set_busy_timeout(self, milliseconds: int, /) -> None: ...

    def set_wal_hook(self, hook: Callable[[Any, str, int], int] | None, /) -> None: ...

    def wal_checkpoint(self, dbname: str | None = None, mode: int = ...) -> tuple[int, int]: ...

    def config(self, op: int, *args: int) -> int: ...


def connect(path: Path, *, read_only: bool = False, create: bool = True) -> Connection:
    """Opens a database file. Raises apsw.Error."""
    if read_only:
        flags = apsw.SQLITE_OPEN_READONLY
    else:
        flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
    return cast("Connection", apsw.Connection(os.fspath(path), flags=flags))

"""The file of a gateway that is stopped."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import apsw

from tollway.errors import StoreUnavailable
from tollway.storage import migrations
from tollway.storage.sql.driver import Connection
from tollway.storage.sqlite import connection


class _AtRest:
    """`sql.database.AtRest` in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def reading(self) -> Generator[Connection]:
        opened = connection.reader(self._path)
        try:
            yield opened
        finally:
            opened.close()

    @contextmanager
    def writing(self) -> Generator[Connection]:
        migrations.upgrade(self._path)
        opened = connection.writer(self._path, "normal")
        try:
            yield opened
        finally:
            opened.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            opened.close()


@contextmanager
def at_rest(folder: Path) -> Generator[_AtRest]:
    """The store in `folder`, which no gateway can open meanwhile.

    Raises StoreUnavailable where there is none, where another process has it, or where it cannot be used.
    """
    path = folder / connection.FILE
    if not path.exists():
        raise StoreUnavailable(f'There is no store in "{folder}": it has no {connection.FILE}')
    lock = connection.FolderLock(folder)
    try:
        yield _AtRest(path)
    except apsw.Error as error:
        raise StoreUnavailable(f'The store "{path}" cannot be read: {error}') from error
    finally:
        lock.release()

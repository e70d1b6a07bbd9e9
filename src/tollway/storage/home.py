"""Which books a data folder goes by.

Every store has a number of its own, drawn when it is begun, and anew for a copy. The folder remembers the number of the one that is in
force: a start on any other, such as an empty database or the file from before a move, would begin with nothing spent, and is refused.
"""

import secrets
from pathlib import Path
from typing import Final

import msgspec

from tollway.errors import StoreUnavailable
from tollway.storage.postgres.url import without_password
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.statements import MARK, SAVE_MARK

FILE: Final = "tollway.db"
"""The store of a data folder whose books are not in a database."""

REMEMBERED: Final = "books.json"
"""The file in a data folder that says which books it goes by, and where they are."""

_MARK: Final = "books"


class Books(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a data folder remembers of its store."""

    number: int
    database: str | None = None
    """Where it is: "host:port/database"; `None` for the file of the folder."""


class Home:
    """A data folder, and where a store is looked for."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        """`url` is that of a database; without one it is the file of the folder."""
        self._folder = folder
        self._database = None if url is None else without_password(url)

    def check(self, number: int | None) -> None:
        """Raises StoreUnavailable where the store with this number, or without one, is not the one that the folder goes by."""
        known = remembered(self._folder)
        if known is None or known.number == number:
            return
        here, there = self._where(self._database), self._where(known.database)
        if here == there:
            said = f"are not what is {here} now"
            move = "Put them back, or name the right database."
        else:
            said = f"are {there}, and not {here}"
            move = (
                "Copy them there: tollway store copy --to URL."
                if known.database is None
                else "Name it (TOLLWAY_DATABASE_URL), or copy them back: tollway store copy --from URL."
            )
        raise StoreUnavailable(
            f'The books of "{self._folder}" {said}: what was spent would not be counted. {move} To begin with what is {here} all the '
            f"same, remove {REMEMBERED} from the folder."
        )

    @staticmethod
    def _where(database: str | None) -> str:
        return f"in {FILE}" if database is None else f"in PostgreSQL, at {database}"

    def remember(self, number: int) -> None:
        """Has the folder go by these books from here on. Raises StoreUnavailable."""
        told = msgspec.json.encode(Books(number, self._database))
        path = self._folder / REMEMBERED
        if _read(path) == told:
            return
        making = path.with_suffix(".new")
        try:
            making.write_bytes(told)
            making.replace(path)
        except OSError as error:
            raise StoreUnavailable(f'"{path}" cannot be written: {error.strerror or error}.') from error


def remembered(folder: Path) -> Books | None:
    """What a folder goes by; `None` where it is new. Raises StoreUnavailable."""
    path = folder / REMEMBERED
    told = _read(path)
    try:
        return None if told is None else msgspec.json.decode(told, type=Books)
    except msgspec.DecodeError as error:
        raise StoreUnavailable(f'"{path}" cannot be read: {error}. Put back what was there, or remove it.') from error


def check_here(folder: Path) -> None:
    """Raises StoreUnavailable where the books of a data folder are in a database."""
    known = remembered(folder)
    if known is not None and known.database is not None:
        Home(folder).check(None)


def number_of(connection: Connection) -> int | None:
    """What a store is known by; `None` where nobody has begun to write in it."""
    return connection.execute(MARK, (_MARK,)).get


def numbered(connection: Connection) -> int:
    """The same, drawn now where it has none."""
    return number_of(connection) or renumber(connection)


def renumber(connection: Connection) -> int:
    """Has a copy be known by a number of its own, which is returned."""
    number = secrets.randbits(52) | 1
    connection.execute(SAVE_MARK, (_MARK, number))
    return number


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreUnavailable(f'"{path}" cannot be read: {error.strerror or error}.') from error

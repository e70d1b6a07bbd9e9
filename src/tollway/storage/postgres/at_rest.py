"""The database of a gateway that is stopped."""

from collections.abc import Generator
from contextlib import contextmanager

from tollway.errors import StoreUnavailable
from tollway.storage.postgres import schema
from tollway.storage.postgres.database import take_lock
from tollway.storage.postgres.driver import FAILURES, Connection
from tollway.storage.postgres.troubles import said, way_out
from tollway.storage.postgres.url import without_password


class _AtRest:
    """`sql.database.AtRest` at a server."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name

    @contextmanager
    def reading(self) -> Generator[Connection]:
        opened = Connection(self._url, use="reading")
        try:
            yield opened
        finally:
            opened.close()

    @contextmanager
    def writing(self) -> Generator[Connection]:
        opened = Connection(self._url, use="writing")
        try:
            schema.upgrade(opened, self._name)
            # A gateway that lost its connection, and with it the lock, does not take up where it was.
            schema.fence(opened, schema.count_opening(opened), self._name)
            yield opened
        finally:
            opened.close()


@contextmanager
def at_rest(url: str) -> Generator[_AtRest]:
    """The store at `url`, which no gateway can open meanwhile.

    Raises StoreUnavailable where there is none, where another process has it, or where it cannot be used.
    """
    name = f'"{without_password(url)}"'
    try:
        lock = Connection(url, use="writing")
        try:
            if schema.revision(lock) is None:
                raise StoreUnavailable(f"There is no store in the database {name}")
            take_lock(lock, name)
            yield _AtRest(url, name)
        finally:
            lock.close()
    except (*FAILURES, ValueError) as error:
        if isinstance(error, StoreUnavailable):
            raise
        raise StoreUnavailable(f"The store {name} cannot be used: {said(error)}. {way_out(error)}") from error

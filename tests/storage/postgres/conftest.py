"""An open store in a database of its own, and a connection that breaks at any one of its ways to the server and back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from tollway.errors import StoreUnavailable
from tollway.storage.conformance.values import NOW
from tollway.storage.postgres import driver
from tollway.storage.postgres.store import PostgresStore
from tollway.storage.sql import writer

When = Literal["before", "after"]


@pytest.fixture
async def store(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PostgresStore]:
    """Tries again at once what could not be written."""
    monkeypatch.setattr(writer, "RETRY_S", 0.001)
    made = PostgresStore(postgres_url, tmp_path)
    await made.open(NOW - 1_000)
    yield made
    try:
        await made.close()
    except StoreUnavailable as error:
        # A test may have opened another one meanwhile.
        assert "estart this" in str(error), error


class Cut:
    """The connection that writes is gone at one of its waits, counted from when it was told so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._left = -1
        self._when: When = "before"
        self._then = -1
        self._made: Callable[..., Any] = driver.Connection._wait
        monkeypatch.setattr(driver.Connection, "_wait", lambda connection, answer: self._wait(connection, answer))

    def at(self, place: int, when: When, then: int = -1) -> None:
        """`after`: the server has done what it was told, and its answer is lost. `then`: once more, so many waits later."""
        self._left, self._when, self._then = place, when, then

    @property
    def came(self) -> bool:
        """Whether it was cut since; from here on it is not."""
        came, self._left = self._left < 0, -1
        self._then = -1
        return came

    def _wait(self, connection: driver.Connection, answer: Any) -> Any:
        if self._left < 0 or connection._reading or answer.__name__ == "_ended":
            return self._made(connection, answer)
        self._left -= 1
        if self._left >= 0:
            return self._made(connection, answer)
        self._left, self._then = self._then, -1
        if answer.__name__ == "_connect":
            answer.close()
            raise ConnectionRefusedError("nobody is there")
        if self._when == "after":
            self._made(connection, answer)
        else:
            answer.close()
        connection._connection.terminate()
        raise driver.asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> Cut:
    return Cut(monkeypatch)


async def until(happened: Callable[[], object]) -> None:
    """Lets everybody else go on until it has; the patience of a test is the only limit."""
    while not happened():
        await asyncio.sleep(0)

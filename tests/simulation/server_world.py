"""A world whose books are in PostgreSQL: what breaks there is the connection, before a commit or behind it."""

import contextlib
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

from simulated import Plan, World
from tests.postgres import PostgresServer

from tollway.ledger.entry import LedgerEntry
from tollway.storage.postgres import writer
from tollway.storage.postgres.driver import Connection, asyncpg
from tollway.storage.postgres.store import PostgresStore
from tollway.storage.schema import metadata
from tollway.storage.sql import rows, statements

When = Literal["before", "after"]


def plan(seed: int) -> Plan:
    """As other worlds, but for where its books are."""
    return Plan.draw(seed, store="postgres", kills=seed % 3, full=seed % 2, requests=25)


class ServerWorld(World):
    """The database at `url` is emptied first."""

    def __init__(
        self,
        seed: int,
        server: PostgresServer,
        url: str,
        broken: Callable[[], contextlib.AbstractContextManager[Any]] | None = None,
    ) -> None:
        super().__init__(plan(seed), broken)
        self.breaks = 0
        self._url = url
        self._server = server
        lots = random.Random(f"breaks {seed}")
        self._break_at: dict[int, When] = {
            int(lots.random() * self.plan.requests * 3) + 1: lots.choice(["before", "after"]) for _ in range(6)
        }

    def carry(self, work: Callable[[], Any]) -> Any:
        # A connection has a loop of its own, which cannot run where another does.
        return self._threads.submit(work).result()

    def new_store(self) -> Any:
        return PostgresStore(self._url, Path("/nowhere"))

    @contextlib.contextmanager
    def surroundings(self) -> Iterator[None]:
        write = writer.write

        def breaking(connection: Connection, batch: Any, *, again: bool) -> Any:
            when = self._break_at.pop(self.commits + 1, None)
            if when == "before":
                self._break(connection)
            known = self.commit(lambda: write(connection, batch, again=again), asyncpg.DiskFullError)
            if when == "after":
                self._break(connection)
            return known

        empty(self._url)
        with ThreadPoolExecutor(1) as self._threads, patch.object(writer, "write", breaking):
            try:
                yield
            finally:
                if self.store._database.is_open:
                    self.abandon(self.store._database)

    def _break(self, connection: Connection) -> None:
        self.breaks += 1
        connection._connection.terminate()
        raise asyncpg.ConnectionDoesNotExistError("the connection broke, says a test")

    def abandon(self, database: Any) -> None:
        def gone() -> None:
            held = database._writer
            looking_up = database._looking_up
            for connection in (
                *([] if held is None else [held._connection]),
                *database._idle,
                *(looking_up or (0, []))[1],
            ):
                connection.abandon()
                connection.close()
            if looking_up is not None:
                looking_up[0].shutdown()

        self.carry(gone)
        # As soon as the server has noticed.
        self._server.disconnect(self._url)

    def entries(self) -> list[LedgerEntry]:
        reading = Connection(self._url, use="reading")
        try:
            found = reading.execute(f"SELECT {statements.ENTRY_COLUMNS} FROM entries ORDER BY seq").fetchall()
        finally:
            reading.close()
        return [rows.to_entry(row)[1] for row in found]


def empty(url: str) -> None:
    """Leaves nothing in the tables of a database, if there are any."""
    connection = Connection(url.replace("//tollway@", "//postgres@"), use="writing")
    try:
        if connection.fetch("SELECT to_regclass('entries')::text")[0][0] is not None:
            connection.script("SET session_replication_role = replica")
            connection.script(f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY")
    finally:
        connection.close()

"""A store with a log that exports read, a clock that is set by hand, and destinations that remember, fail or die."""

import gzip
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tollway.budgets.window import Calendar, Every
from tollway.exports.job import FileTo, HttpTo, Job, S3To
from tollway.storage.conformance.records import record, spending
from tollway.storage.conformance.values import NOW
from tollway.storage.sqlite import SqliteStore
from tollway.workers.exporting import Exporting, Send
from tollway.workers.exporting_batch import Sources
from tollway.workers.exporting_to import Carrier, NotDelivered, Parcel

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def job(to: FileTo | S3To | HttpTo | None = None, **fields: Any) -> Job:
    """Logs, every quarter of an hour, into a folder."""
    written: dict[str, Any] = {"id": "nightly", "name": "", "what": "logs", "window": Every(seconds=900)}
    return Job(**{**written, "to": to or FileTo("logs"), **fields})


class Died(BaseException):
    """The process is gone."""


class World:
    """One store and its exports; `restart` is another process."""

    def __init__(self, store: SqliteStore, folder: Path, *jobs: Job) -> None:
        self.store = store
        self.folder = folder
        self.jobs = list(jobs)
        self.ms = NOW
        self.written = 0
        self.drawn = itertools.count(1)
        """What is random: never twice the same."""
        self.carrier: Send = Carrier(folder)
        self.sent: list[tuple[str, Parcel]] = []
        self.fails: Callable[[Parcel], None] = lambda _: None
        """Called before a parcel is sent."""
        self.dies: Callable[[Parcel], None] = lambda _: None
        """Called behind its arrival."""
        self.restart()

    def restart(self) -> None:
        async def flush() -> None:
            await self.store.ledger.flush()
            await self.store.records.flush()

        self.exporting = Exporting(
            lambda: Sources(self.store.following, self.store.records, self.store.bodies),
            self.store.cabinet,
            lambda: self.jobs,
            lambda: self.send,
            Calendar(),
            lambda: self.ms,
            flush=flush,
            draw=lambda: 0.5,
            entropy=lambda size: next(self.drawn).to_bytes(size, "big"),
        )

    async def reopen(self) -> None:
        """Another process over the same files."""
        folder = self.store._database.folder
        await self.store.close()
        self.store = SqliteStore(folder)
        await self.store.open(self.ms)
        self.restart()

    async def send(self, to: Job, parcel: Parcel) -> None:
        self.fails(parcel)
        await self.carrier(to, parcel)
        self.sent.append((to.id, parcel))
        self.dies(parcel)

    def write(self, count: int, at: int | None = None, **fields: Any) -> list[str]:
        """Requests, each with an entry of the ledger; their ids."""
        made: list[str] = []
        for _ in range(count):
            self.written += 1
            name = f"r{self.written}"
            self.store.ledger.settle(spending(name, 1, at=self.ms if at is None else at))
            self.store.records.write(record(name, self.ms if at is None else at, **fields))
            made.append(name)
        return made

    async def turn(self) -> int:
        """What is due, to its end."""
        started = await self.exporting.turn()
        await self.exporting.idle()
        return started

    async def run(self, name: str = "nightly") -> None:
        """A job, now."""
        self.exporting.ask(name, "test")
        await self.turn()

    def files(self) -> dict[str, bytes]:
        """What is in the export folder, by path."""
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }

    def rows(self) -> list[dict[str, Any]]:
        """The rows of all files, file by file in the order of their names."""
        return [row for content in self.files().values() for row in lines(content)]


def lines(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(content).splitlines()]


def refuse(_: Parcel) -> None:
    raise NotDelivered("the disk is full")

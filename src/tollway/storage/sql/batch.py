"""The rows of one commit, and writing them."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from tollway.storage.books import Ended
from tollway.storage.sql import statements
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.past import ended

Bindings = tuple[Any, ...]
Work = Callable[[Connection], Any]


class Batch:
    """Rows in the order they were queued, kind by kind, and those who wait for them."""

    __slots__ = (
        "balances", "barriers", "entries", "extending", "extensions", "intents", "late", "marks", "names", "probe", "releases",
        "shrinks", "waiting",
    )  # fmt: skip

    def __init__(self) -> None:
        self.intents: list[Bindings] = []
        self.waiting: list[asyncio.Future[Ended | None]] = []
        """One for each intent."""
        self.late: list[Bindings] = []
        """Intents of what went on without them; nobody waits for these."""
        self.extensions: list[Bindings] = []
        self.extending: list[asyncio.Future[None]] = []
        """One for each extension."""
        self.shrinks: list[Bindings] = []
        self.entries: list[Bindings] = []
        self.releases: list[Bindings] = []
        self.balances: list[Bindings] = []
        self.marks: list[Bindings] = []
        self.names: list[str] = []
        """The accounts of `balances`."""
        self.barriers: list[asyncio.Future[None]] = []
        self.probe = False
        """Write something, to find out whether writing works."""

    @classmethod
    def of_probe(cls) -> "Batch":
        """A batch that only finds out whether writing works."""
        made = cls()
        made.probe = True
        return made

    def __bool__(self) -> bool:
        return bool(
            self.intents
            or self.late
            or self.entries
            or self.extensions
            or self.shrinks
            or self.releases
            or self.balances
            or self.marks
            or self.barriers
            or self.probe
        )

    def kept_before(self, later: "Batch") -> "Batch":
        """What must still be written after a failure, with what was queued meanwhile behind it. Intents and
        extensions are dropped: their callers have been told."""
        later.late = self.late + later.late
        later.shrinks = self.shrinks + later.shrinks
        later.entries = self.entries + later.entries
        later.releases = self.releases + later.releases
        later.balances = self.balances + later.balances
        later.marks = self.marks + later.marks
        later.names = self.names + later.names
        return later


def write(connection: Connection, batch: Batch) -> dict[int, Ended]:
    """Writes a batch in one transaction, or nothing of it.

    Returns how the reservations of intents that were known already had ended, by place; those were left out.
    Raises what the database raises.
    """
    known: dict[int, Ended] = {}
    intents = batch.intents
    while not _written(connection, batch, intents):
        for index, row in enumerate(batch.intents):
            if index not in known and (end := known_end(connection, row[0])) is not None:
                known[index] = end
        kept = [row for index, row in enumerate(batch.intents) if index not in known]
        assert len(kept) < len(intents), "an intent was refused that the store does not know"
        intents = kept
    return known


def rollback(connection: Connection) -> None:
    """Undoes a transaction; after some errors SQLite has done so already."""
    if connection.in_transaction:
        with suppress(Exception):
            connection.execute("ROLLBACK")


def _written(connection: Connection, batch: Batch, intents: list[Bindings]) -> bool:
    """`False`, with nothing written, when a reservation of `intents` was known already."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if intents:
            before = connection.total_changes()
            connection.executemany(statements.INSERT_INTENT, intents)
            if connection.total_changes() - before != len(intents):
                rollback(connection)
                return False
        if batch.late:
            connection.executemany(statements.INSERT_INTENT, batch.late)
        if batch.extensions or batch.shrinks:
            connection.executemany(statements.INSERT_RESIZE, batch.extensions + batch.shrinks)
        if batch.entries:
            connection.executemany(statements.INSERT_ENTRY, batch.entries)
        if batch.releases:
            connection.executemany(statements.INSERT_RELEASE, batch.releases)
        if batch.balances:
            connection.executemany(statements.SAVE_BALANCE, batch.balances)
        if batch.marks:
            connection.executemany(statements.SAVE_MARK, batch.marks)
        if batch.probe:
            connection.execute(statements.SAVE_MARK, ("probe", 1))
        connection.execute("COMMIT")
    except BaseException:
        rollback(connection)
        raise
    return True


def known_end(connection: Connection, reservation_id: str) -> Ended | None:
    end = ended(connection, reservation_id)
    if end is None and connection.execute(statements.KNOWN_INTENT, (reservation_id,)).fetchone():
        # Another call holds it, or held it when this process was not yet running.
        return Ended("held")
    return end


class Outcome:
    """What became of a batch and of the job behind it."""

    __slots__ = ("known", "result")

    def __init__(self, known: dict[int, Ended] | Exception, result: object = None) -> None:
        self.known = known
        """How each intent that was refused had ended, by its place in the batch; or why nothing was written."""
        self.result = result
        """What the job returned or raised."""


def turn(connection: Connection, batch: Batch, job: Work | None) -> Outcome:
    """One transaction for the ledger's rows and then one for the job; whatever fails is undone and handed back."""
    try:
        if batch.probe and batch.late:
            # Thousands of rows may wait; they are not tried before a single one can be written.
            write(connection, Batch.of_probe())
        known = write(connection, batch) if batch else {}
    except Exception as error:
        return Outcome(error)
    return Outcome(known, None if job is None else _attempt(connection, job))


def _attempt(connection: Connection, job: Work) -> object:
    try:
        connection.execute("BEGIN IMMEDIATE")
        result = job(connection)
        connection.execute("COMMIT")
    except Exception as error:
        rollback(connection)
        return error
    return result

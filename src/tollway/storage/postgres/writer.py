"""Writing to PostgreSQL: in a thread, over one connection that has the database's lock.

The lock belongs to the connection, so what is written over it is written by the only gateway there is. Where it is lost, a new
one is made, and has to get the lock anew, and to find there what was written last. A commit whose answer never came may have been
made all the same: until the next one that succeeds, rows that are there already are passed over, and those who were told that nothing
was written see to it that it is so (`doubtful`).
"""

import time
from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

from tollway.errors import StoreUnavailable
from tollway.storage.books import Ended
from tollway.storage.postgres import troubles
from tollway.storage.postgres.batch import write
from tollway.storage.postgres.dialect import bound
from tollway.storage.postgres.driver import FAILURES, Connection, Superseded, code_of
from tollway.storage.sql import writer as sql_writer
from tollway.storage.sql.batch import Batch, Outcome, Work, known_end
from tollway.storage.sql.writer import Companion, Writer

T = TypeVar("T")

LONGEST_PAUSE_S: Final = 1.0
"""Between two tries to reach a server that is away; the first ones follow each other sooner."""

_KNOWN_FOR_S: Final = 24 * 3600.0
"""How long an intent is taken for one that has to be there: what has ended is removed, releases after three days."""

_LAST_ENTRY: Final = "SELECT seq, id FROM entries ORDER BY seq DESC LIMIT 1"
_HAS_ENTRY: Final = "SELECT 1 FROM entries WHERE seq = $1 AND id = $2"


class LastEntry(NamedTuple):
    """Of the ledger, as far as it is known to be written."""

    seq: int
    id: str


class LastIntent(NamedTuple):
    """The same of the intents."""

    reservation_id: str
    at_s: float
    """By `time.monotonic`."""


def last_entry(connection: Connection) -> LastEntry | None:
    found = connection.fetch(_LAST_ENTRY)
    return LastEntry(*found[0]) if found else None


class PostgresWriter(Writer):
    """The only user of the writing connection, on one event loop."""

    _connection: Connection

    def __init__(
        self,
        connection: Connection,
        companion: Companion,
        connect: Callable[[], Connection],
        name: str,
        *,
        last: LastEntry | None = None,
    ) -> None:
        """`connect` makes another connection, with the lock; in the thread. `last` is the last entry that is there."""
        super().__init__(connection, companion, threaded=True, name="tollway-postgres")
        self._connect = connect
        self._where = name
        self._last_entry = last
        self._last_intent: LastIntent | None = None
        self._doubt = False
        self._failures = 0
        self._over: Superseded | None = None
        """Why nothing is ever written again; what is counted here is not what is there."""

    @property
    def doubtful(self) -> bool:
        return self._doubt

    @property
    def away(self) -> bool:
        """Whether the connection is known to be gone, and not yet made anew."""
        return self._connection.lost

    def _turn(self, batch: Batch, job: Work | None) -> Outcome:
        try:
            self._reach()
            if batch.probe and batch.late:
                # Thousands of rows may wait; they are not tried before a single one can be written.
                self._write(Batch.of_probe(), again=False)
            known = self._write(batch, again=self._doubt) if batch else {}
        except Exception as error:
            self._failures += 1
            return Outcome(error)
        if batch:
            self._doubt = False
            self._failures = 0
        return Outcome(known, None if job is None else self._done(job))

    def _write(self, batch: Batch, *, again: bool) -> dict[int, Ended]:
        known = self._attempt(lambda: write(self._connection, batch, again=again))
        if batch.entries:
            self._last_entry = LastEntry(batch.entries[-1][0], bound(batch.entries[-1][1]))
        intents = [row[0] for place, row in enumerate(batch.intents) if place not in known]
        intents += [row[0] for row in batch.late]
        if intents:
            self._last_intent = LastIntent(intents[-1], time.monotonic())
        return known

    def _done(self, job: Work) -> object:
        def work() -> object:
            result = job(self._connection)
            self._connection.execute("COMMIT")
            return result

        try:
            return self._attempt(work)
        except Exception as error:
            return error

    def _attempt(self, work: Callable[[], T]) -> T:
        """What `work` returns, which is done in a transaction and commits it. Where it fails, nothing of that stays, or the connection
        is given up."""
        self._begin()
        try:
            return work()
        except BaseException as error:
            self._undo(error)
            raise

    def _begin(self) -> None:
        """Begins a transaction. A connection may have gone since it was used last, and nothing has been told over it yet: that is
        nobody's failure, and another one is made."""
        self._reach()
        try:
            self._look()
        except FAILURES as error:
            if not troubles.is_lost(error):
                raise
            self._reach()
            self._look()

    def _look(self) -> None:
        try:
            self._connection.begin()
        except Superseded as error:
            self._over = error
            self._connection.abandon()
            raise
        except FAILURES:
            self._connection.abandon()
            raise

    def _reach(self) -> None:
        """Makes a connection where there is none."""
        if not self._connection.lost:
            return
        if self._over is not None:
            raise Superseded(str(self._over))
        try:
            self._renew()
        except Superseded as error:
            self._over = error
            raise

    def _undo(self, error: BaseException) -> None:
        if isinstance(error, FAILURES) and troubles.is_lost(error):
            # Whether it was committed cannot be known.
            self._doubt = True
            self._connection.abandon()
        elif code_of(error) == troubles.READ_ONLY:
            # Another takes the writes now, or this one will: whichever it is, the next connection may lead there.
            self._connection.abandon()
        elif self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except FAILURES:
                self._connection.abandon()

    def _renew(self) -> None:
        fresh = self._connect()
        try:
            self._check_remembered(fresh)
        except BaseException:
            fresh.close()
            raise
        self._connection.close()
        self._connection = fresh

    def _check_remembered(self, fresh: Connection) -> None:
        """Commits come to those who follow a server in their order: where the last is there, all are. Raises Superseded."""
        entry, intent = self._last_entry, self._last_intent
        if entry is not None and not fresh.fetch(_HAS_ENTRY, *entry):
            missing = f"entry {entry.seq} of the ledger"
        elif (
            intent is not None
            and time.monotonic() - intent.at_s < _KNOWN_FOR_S
            and known_end(fresh, intent.reservation_id) is None
        ):
            missing = f"reservation {intent.reservation_id}"
        else:
            return
        raise Superseded(
            f"The database {self._where} has lost what was written to it: {missing} is not there any more. A standby that lacked the last "
            "commits took over, or a backup was restored. Compare the ledger with the providers' bills, then restart this gateway."
        )

    def _pause_s(self) -> float:
        return min(sql_writer.RETRY_S * 2 ** min(self._failures - 1, 10), max(LONGEST_PAUSE_S, sql_writer.RETRY_S))

    def _told(self, error: Exception) -> Exception:
        return self._unavailable(error) if isinstance(error, FAILURES) else error

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        if isinstance(error, StoreUnavailable):
            return error
        said = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}".rstrip(": ")
        if troubles.is_defect(error):
            return StoreUnavailable(f"The store does not take this ({said}). This is a defect. Please report it.")
        return StoreUnavailable(
            f"The ledger cannot be written now ({said}). Nothing new is reserved until it can; "
            f"check that PostgreSQL answers at {self._where}, and has room."
        )

    def _shut(self) -> None:
        self._connection.close()

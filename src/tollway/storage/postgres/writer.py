"""Writing to PostgreSQL: in a thread, over one connection that has the database's lock.

The lock belongs to the connection, so what is written over it is written by the only gateway there is. Where it is lost, a new
one is made, and has to get the lock anew. A commit whose answer never came may have been made all the same: until the next one that
succeeds, rows that are there already are passed over, and those who were told that nothing was written see to it that it is so
(`doubtful`).
"""

from collections.abc import Callable
from typing import TypeVar

from tollway.errors import StoreUnavailable
from tollway.storage.postgres.batch import write
from tollway.storage.postgres.driver import FAILURES, Connection, code_of
from tollway.storage.sql.batch import Batch, Outcome, Work
from tollway.storage.sql.writer import Companion, Writer

T = TypeVar("T")


class PostgresWriter(Writer):
    """The only user of the writing connection, on one event loop."""

    _connection: Connection

    def __init__(
        self, connection: Connection, companion: Companion, connect: Callable[[], Connection], name: str
    ) -> None:
        """`connect` makes another connection, with the lock; in the thread."""
        super().__init__(connection, companion, threaded=True, name="tollway-postgres")
        self._connect = connect
        self._where = name
        self._doubt = False

    @property
    def doubtful(self) -> bool:
        return self._doubt

    @property
    def away(self) -> bool:
        """Whether the connection is known to be gone, and not yet made anew."""
        return self._connection.lost

    def _turn(self, batch: Batch, job: Work | None) -> Outcome:
        try:
            if self._connection.lost:
                self._renew()
            if batch.probe and batch.late:
                # Thousands of rows may wait; they are not tried before a single one can be written.
                self._attempt(lambda: write(self._connection, Batch.of_probe(), again=False))
            known = self._attempt(lambda: write(self._connection, batch, again=self._doubt)) if batch else {}
        except Exception as error:
            return Outcome(error)
        if batch:
            self._doubt = False
        return Outcome(known, None if job is None else self._done(job))

    def _done(self, job: Work) -> object:
        def work() -> object:
            self._connection.execute("BEGIN")
            result = job(self._connection)
            self._connection.execute("COMMIT")
            return result

        try:
            return self._attempt(work)
        except Exception as error:
            return error

    def _attempt(self, work: Callable[[], T]) -> T:
        """What `work` returns. Where it fails, nothing of its transaction stays, or the connection is given up."""
        try:
            return work()
        except BaseException as error:
            if isinstance(error, FAILURES) and (not code_of(error) or _is_gone(error)):
                # Whether it was committed cannot be known.
                self._doubt = True
                self._connection.abandon()
            elif self._connection.in_transaction:
                self._undo()
            raise

    def _undo(self) -> None:
        try:
            self._connection.execute("ROLLBACK")
        except FAILURES:
            self._connection.abandon()

    def _renew(self) -> None:
        fresh = self._connect()
        self._connection.close()
        self._connection = fresh

    def _told(self, error: Exception) -> Exception:
        return self._unavailable(error) if isinstance(error, FAILURES) else error

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        if isinstance(error, StoreUnavailable):
            return error
        said = f"{type(error).__name__}: {error}".rstrip(": ")
        if code_of(error) and not _is_gone(error) and not _is_full(error):
            return StoreUnavailable(f"The store does not take this ({said}). This is a defect. Please report it.")
        return StoreUnavailable(
            f"The ledger cannot be written now ({said}). Nothing new is reserved until it can; "
            f"check that PostgreSQL answers at {self._where}, and has room."
        )

    def _shut(self) -> None:
        self._connection.close()


def _is_gone(error: BaseException) -> bool:
    """Whether the server, or the connection, is at its end: classes 08 and 57 of its codes."""
    return code_of(error)[:2] in ("08", "57")


def _is_full(error: BaseException) -> bool:
    """Whether the server wants for something, may not write, or is in somebody's way: classes 53, 25, 40, 55 and 58."""
    return code_of(error)[:2] in ("53", "25", "40", "55", "58")

"""One database of a PostgreSQL server, which one gateway has to itself: its lock, its writer, its readers."""

import asyncio
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

from tollway.errors import StoreUnavailable
from tollway.storage.home import number_of
from tollway.storage.postgres import schema
from tollway.storage.postgres.driver import FAILURES, Connection
from tollway.storage.postgres.troubles import is_lost, said, way_out
from tollway.storage.postgres.url import without_password
from tollway.storage.postgres.writer import LastEntry, PostgresWriter, last_entry
from tollway.storage.sql import driver
from tollway.storage.sql.writer import Companion

T = TypeVar("T")

READERS: Final = 8
"""Questions that are answered at a time; more wait for one of them."""

WRITE_S: Final = 15.0
"""How long a statement that writes may take; beyond, the server is taken to be gone."""

LOOK_UP_S: Final = 5.0
"""The same of a question of one row, for which the event loop waits."""

OPEN_S: Final = 600.0
"""How long a statement of a start may take, which reads all that is held and the last of what was spent."""

ENDS_MS: Final = 5_000
"""How long the server may take to end a session of ours that it still believes in."""

_LOCK: Final = zlib.crc32(b"tollway")
# Of each schema, as each may have a store. Two numbers of 32 bits, which are shown without a sign.
_SCHEMA: Final = "hashtext(coalesce(current_schema(), ''))"
_TRY_LOCK: Final = f"SELECT pg_try_advisory_lock(($1::bigint - 4294967296 * ($1::bigint >> 31))::integer, {_SCHEMA})"
_FROM_HOLDER: Final = (
    "FROM pg_locks JOIN pg_stat_activity USING (pid) "
    f"WHERE locktype = 'advisory' AND granted AND classid = $1::bigint AND objid = ({_SCHEMA}::bigint & 4294967295) "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_HOLDER: Final = f"SELECT pid, application_name, host(client_addr) {_FROM_HOLDER}"
_TRIES: Final = 3
"""Who has the lock may let go of it while it is asked who that is."""

_SESSION: Final = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
# Waits for its end, so that what it was about to commit is there by then, or never.
_END: Final = f"SELECT pg_terminate_backend(pid, {ENDS_MS}) {_FROM_HOLDER} AND pid = $2::integer AND backend_start = $3::timestamptz"


class Session(NamedTuple):
    """Of one server, and of all time: numbers of processes come again, but not at the same instant."""

    pid: int
    began: datetime


class PostgresDatabase:
    """`sql.database.Database` at a server."""

    def __init__(self, url: str, check: Callable[[int | None], None] = lambda number: None) -> None:
        """`url`: postgresql://user:password@host:port/database?options. `check` is given the number of the books that are there, or none,
        before anything is changed in them."""
        self._check = check
        self.name = f'"{without_password(url)}"'
        self._url = url
        self._writer: PostgresWriter | None = None
        self._idle: list[Connection] = []
        self._readers = asyncio.Semaphore(READERS)
        self._opened = 0
        """How often the database had been opened when it was opened here."""
        self._session: Session | None = None
        """What the server calls the connection that has the lock, or had it last."""
        self._looking_up: tuple[ThreadPoolExecutor, list[Connection]] | None = None

    @property
    def is_open(self) -> bool:
        return self._writer is not None

    @property
    def writer(self) -> PostgresWriter:
        if self._writer is None:
            raise StoreUnavailable(f"The store in {self.name} is not open.")
        return self._writer

    async def open(self, load: Callable[[driver.Connection], T], companion: Callable[[], Companion]) -> T:
        writing, loaded, last = await asyncio.to_thread(self._open, load)
        self._writer = PostgresWriter(writing, companion(), self._again, self.name, last=last)
        return loaded

    async def change(self, work: Callable[[driver.Connection], T]) -> T:
        writer = self.writer
        if writer.broken is not None:
            raise StoreUnavailable(str(writer.broken))
        return await writer.run(work)

    async def query(self, read: Callable[[driver.Connection], T]) -> T:
        async with self._readers:
            return await asyncio.to_thread(self._read, read)

    def look_up(self, question: Callable[[driver.Connection], T]) -> T:
        if self._writer is not None and self._writer.away and self._writer.broken is not None:
            # The loop is not kept waiting for a server that is known to be away.
            raise StoreUnavailable(f"The store {self.name} cannot be read now: {self._writer.broken}")
        if self._looking_up is None:
            self._looking_up = ThreadPoolExecutor(1, thread_name_prefix="tollway-postgres-look-up"), []
        thread, kept = self._looking_up
        return thread.submit(self._ask, kept, question, LOOK_UP_S).result()

    async def close(self) -> None:
        looking_up, self._looking_up = self._looking_up, None
        if looking_up is not None:
            looking_up[0].shutdown(wait=True)
            self._idle += looking_up[1]
        idle, self._idle = self._idle, []
        writer, self._writer = self._writer, None
        try:
            if writer is not None:
                await writer.close()
        finally:
            await asyncio.to_thread(_close, idle)

    def _open(self, load: Callable[[driver.Connection], T]) -> tuple[Connection, T, LastEntry | None]:
        writing: Connection | None = None
        try:
            writing = self._locked(OPEN_S)
            if schema.revision(writing) is None:
                self._check(None)
            schema.upgrade(writing, self.name)
            self._check(number_of(writing))
            self._opened = schema.count_opening(writing)
            schema.fence(writing, self._opened, self.name)
            loaded = load(writing)
            last = last_entry(writing)
            writing.wait_at_most(WRITE_S)
            return writing, loaded, last
        except BaseException as error:
            if writing is not None:
                writing.close()
            if isinstance(error, (*FAILURES, ValueError)) and not isinstance(error, StoreUnavailable):
                raise StoreUnavailable(
                    f"The store {self.name} cannot be opened: {said(error)}. {way_out(error)}"
                ) from error
            raise

    def _locked(self, answer_s: float) -> Connection:
        """A connection that writes, with the lock. Raises StoreUnavailable where another has it, and one of `FAILURES`."""
        writing = Connection(self._url, use="writing", answer_s=answer_s)
        try:
            take_lock(writing, self.name, former=self._session)
            self._session = session_of(writing)
            if self._session.pid != writing.process and self._is_shared(self._session):
                raise StoreUnavailable(
                    f"The database {self.name} is behind a pooler that gives one session to many (as PgBouncer does with "
                    "pool_mode=transaction), so that its lock keeps nobody out. Give the address of PostgreSQL itself."
                )
        except BaseException:
            writing.close()
            raise
        return writing

    def _is_shared(self, session: Session) -> bool:
        """Whether somebody else who comes now is served by the same session, which does nothing meanwhile."""
        other = Connection(self._url, use="reading", answer_s=LOOK_UP_S)
        try:
            return session_of(other) == session
        finally:
            other.close()

    def _again(self) -> Connection:
        """The same for a store that is open: what is written over it is fenced by the opening that was counted then."""
        writing = self._locked(WRITE_S)
        schema.fence(writing, self._opened, self.name)
        return writing

    def _read(self, read: Callable[[driver.Connection], T]) -> T:
        return self._ask(self._idle, read, None)

    def _ask(self, kept: list[Connection], question: Callable[[driver.Connection], T], answer_s: float | None) -> T:
        """In a thread: asks over a connection that was kept, or a new one where the server has let go of it."""
        try:
            if kept:
                reading = kept.pop()
                # Who waits for seconds at most asks at once, and only then finds out.
                if answer_s is not None or reading.answers():
                    try:
                        return self._asked(kept, reading, question)
                    except FAILURES as error:
                        if not is_lost(error) or isinstance(error, TimeoutError):
                            raise
                else:
                    _let_go(reading)
            return self._asked(kept, Connection(self._url, use="reading", answer_s=answer_s), question)
        except FAILURES as error:
            raise StoreUnavailable(f"The store {self.name} cannot be read: {said(error)}. {way_out(error)}") from error

    def _asked(self, kept: list[Connection], reading: Connection, question: Callable[[driver.Connection], T]) -> T:
        try:
            found = question(reading)
        except FAILURES:
            # Cheaper than to find out what state it is in.
            _let_go(reading)
            raise
        except BaseException:
            kept.append(reading)
            raise
        kept.append(reading)
        return found


def take_lock(connection: Connection, name: str, former: Session | None = None) -> None:
    """Keeps other gateways out for as long as the connection is there. Raises StoreUnavailable where one is in.

    `former`: a session of our own that is given up. Behind a network that swallowed its end, the server would believe in it for hours.
    """
    holders: list[tuple[Any, ...]] = []
    for _ in range(_TRIES):
        if connection.fetch(_TRY_LOCK, _LOCK)[0][0]:
            return
        if former is not None:
            connection.fetch(_END, _LOCK, *former)
        holders = connection.fetch(_HOLDER, _LOCK)
        if holders and (former is None or holders[0][0] != former.pid):
            break
    by = f" (server process {holders[0][0]}, from {holders[0][2] or 'this machine'})" if holders else ""
    raise StoreUnavailable(
        f"The database {name} is in use by another Tollway{by}. Stop it first, or give this one a database, or a schema, of its own."
    )


def session_of(connection: Connection) -> Session:
    pid, began = connection.fetch(_SESSION)[0]
    return Session(pid, began)


def _let_go(connection: Connection) -> None:
    connection.abandon()
    connection.close()


def _close(connections: list[Connection]) -> None:
    for connection in connections:
        connection.close()

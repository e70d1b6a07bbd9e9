"""A connection to PostgreSQL as the statements of a store need one: answers are waited for, in a thread.

asyncpg speaks with the server. Each connection has an event loop of its own, which runs only while an answer is waited for: so it may
be used by any thread, one at a time, but by none that runs a loop itself.
"""

import asyncio
import os
import re
import socket
from collections import OrderedDict
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from decimal import Decimal
from importlib import import_module
from types import TracebackType
from typing import Any, Final, Literal, TypeVar

from tollway.errors import StoreUnavailable
from tollway.storage.postgres.dialect import bound, translated
from tollway.storage.postgres.url import for_driver, writable

T = TypeVar("T")

asyncpg: Final[Any] = import_module("asyncpg")
# It has types of its own for nothing but what it is written in.

CONNECT_S: Final = 10
"""How long a server may take to let us in."""

ANSWERS_S: Final = 5
"""How long a connection that was kept may take to say that it is still there."""

_PREPARED: Final = 200
"""Statements that a connection keeps prepared."""

_CHANGED: Final = re.compile(r"(?:INSERT 0|UPDATE|DELETE|MERGE) (\d+)$")
_DURABLE: Final = (
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
)
# A time that is over while a commit waits for a standby would have it told as made; one that ends who is idle, the lock; what is asked
# of many rows takes its time. How long an answer may take is told here (`answer_s`).
_UNTIMED: Final = """
SELECT set_config(name, '0', false) FROM pg_settings
WHERE name IN ('statement_timeout', 'transaction_timeout', 'idle_session_timeout', 'idle_in_transaction_session_timeout')
  AND setting <> '0'
"""
# The system's own patience with a connection that has gone silent is two hours, for which the lock would stay taken.
_NOTICED: Final = """
SELECT set_config(name, value, false) FROM (VALUES
  ('tcp_keepalives_idle', '10'), ('tcp_keepalives_interval', '5'), ('tcp_keepalives_count', '3'), ('tcp_user_timeout', '25000')
) AS one (name, value)
"""
_BEGIN: Final = "BEGIN ISOLATION LEVEL READ COMMITTED"
# Seconds but for the last, which is milliseconds; as the server's.
_SILENCE: Final = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 25_000}
_CONTROL: Final = re.compile(r"\s*(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)\b")

FAILURES: Final[tuple[type[Exception], ...]] = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
    EOFError,
)
"""What a statement raises that did not succeed, whoever is to blame."""


def code_of(error: BaseException) -> str:
    """What the server calls an error: five letters and digits (SQLSTATE); "" where it was not the server that spoke."""
    return str(getattr(error, "sqlstate", None) or "")


class Superseded(StoreUnavailable):
    """Somebody else has begun to write: what was read before is not what is there any more."""


class Cursor:
    """The rows of a statement, all of them."""

    __slots__ = ("_next", "_rows")

    def __init__(self, rows: Sequence[Any]) -> None:
        self._rows = rows
        self._next = 0

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def fetchone(self) -> Any:
        if self._next >= len(self._rows):
            return None
        self._next += 1
        return self._rows[self._next - 1]

    def fetchall(self) -> list[Any]:
        return list(self._rows)

    @property
    def get(self) -> Any:
        return self._rows[0][0] if self._rows else None


class Connection:
    """`sql.driver.Connection` to a server."""

    plans_by_cost = True

    def __init__(self, url: str, *, use: Literal["reading", "writing"], answer_s: float | None = None) -> None:
        """Connects. `answer_s` is how long each statement may take. Raises one of `FAILURES`, or ValueError for no URL."""
        self._loop = asyncio.new_event_loop()
        self._reading = use == "reading"
        self._answer_s = answer_s
        self._prepared: OrderedDict[str, Any] = OrderedDict()
        self._changes = 0
        self._depth = 0
        self._beginning = "BEGIN ISOLATION LEVEL REPEATABLE READ" if self._reading else _BEGIN
        self._fenced = ""
        try:
            self._connection: Any = self._wait(_connect(url, use, min(CONNECT_S, answer_s or CONNECT_S)))
        except BaseException:
            self._wait(_ended())
            self._loop.close()
            raise

    @property
    def in_transaction(self) -> bool:
        return not self.lost and self._connection.is_in_transaction()

    @property
    def lost(self) -> bool:
        """Whether the server is not there any more, as far as is known."""
        return self._connection.is_closed()

    def answers(self) -> bool:
        """Whether the server is still there, for one way to it and back."""
        try:
            self._wait(self._connection.execute("SELECT 1", timeout=self._answer_s or ANSWERS_S))
        except FAILURES:
            return False
        return True

    @property
    def process(self) -> int:
        """The number of the process that said it would serve this connection."""
        return self._connection.get_server_pid()

    def wait_at_most(self, answer_s: float) -> None:
        """From here on, for the answer to each statement."""
        self._answer_s = answer_s

    def fence(self, look: str, otherwise: str) -> None:
        """Has `look`, a statement, asked as each transaction begins: where it finds no row, none does, and `otherwise` says why."""
        self._beginning, self._fenced = f"{_BEGIN}; {look}", otherwise

    def begin(self) -> None:
        """Begins a transaction, in one way to the server and back. Raises Superseded with one that has begun, and one of `FAILURES`."""
        if self._wait(self._connection.execute(self._beginning, timeout=self._answer_s)) == "SELECT 0":
            raise Superseded(self._fenced)

    def execute(self, statements: str, bindings: Sequence[Any] = (), /) -> Cursor:
        if _CONTROL.match(statements):
            self._wait(self._connection.execute(translated(statements), timeout=self._answer_s))
            return Cursor(())
        values = [bound(value) for value in bindings]
        return Cursor(self._wait(self._fetch(translated(statements, values), values)))

    def executemany(self, statements: str, sequenceofbindings: Iterable[Sequence[Any]], /) -> Cursor:
        rows = [[bound(value) for value in row] for row in sequenceofbindings]
        if not rows:
            return Cursor(())
        if statements.lstrip().startswith("DELETE"):
            # How many rows were there is known of one statement at a time only.
            self._wait(self._each(translated(statements, rows[0]), rows))
        else:
            self._wait(self._connection.executemany(translated(statements), rows, timeout=self._answer_s))
            self._changes += len(rows)
        return Cursor(())

    def script(self, statements: str, *, patient: bool = False) -> None:
        """Runs statements that need no translation and give nothing back; `patient`: however long they take."""
        self._wait(self._connection.execute(statements, timeout=None if patient else self._answer_s))

    def fetch(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a statement that needs no translation, nor its values."""
        return self._wait(self._fetch(statement, values))

    def copy(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Adds rows to a table, faster than one by one."""
        told = [tuple(bound(value) for value in row) for row in rows]
        self._wait(self._connection.copy_records_to_table(table, records=told, columns=columns))

    def total_changes(self) -> int:
        return self._changes

    def close(self) -> None:
        if self._loop.is_closed():
            return
        try:
            if not self.lost:
                self._wait(self._connection.close(timeout=CONNECT_S))
        except FAILURES:
            self._connection.terminate()
        finally:
            self._wait(_ended())
            self._loop.close()

    def abandon(self) -> None:
        """Lets go of the server without a word: it may be the other end that keeps the lock, so the socket is closed here and now."""
        self._connection.terminate()
        self._wait(_ended())

    def __enter__(self) -> "Connection":
        if self._depth == 0:
            self.begin()
        else:
            self._wait(self._connection.execute(f"SAVEPOINT inside_{self._depth}"))
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if error is not None and self.lost:
            return
        # Where it was lost behind the last statement, this raises: nothing was committed.
        if self._depth == 0:
            self._wait(self._connection.execute("COMMIT" if error is None else "ROLLBACK"))
        else:
            do = "RELEASE" if error is None else "ROLLBACK TO"
            self._wait(self._connection.execute(f"{do} inside_{self._depth}"))

    def _wait(self, answer: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(answer)

    async def _fetch(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        prepared = await self._prepare(statement)
        rows = [tuple(row) for row in await prepared.fetch(*values, timeout=self._answer_s)]
        if (changed := _CHANGED.match(prepared.get_statusmsg())) is not None:
            self._changes += int(changed[1])
        return rows

    async def _each(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        for values in rows:
            await self._fetch(statement, values)

    async def _prepare(self, statement: str) -> Any:
        found = self._prepared.get(statement)
        if found is None:
            found = self._prepared[statement] = await self._connection.prepare(statement, timeout=self._answer_s)
            if len(self._prepared) > _PREPARED:
                # What nobody has is closed at the server by asyncpg.
                self._prepared.popitem(last=False)
        else:
            self._prepared.move_to_end(statement)
        return found


async def _ended() -> None:
    """Nothing that asyncpg began goes on, and what it let go of is closed: a loop that does not run closes no socket."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0)


def _notice(connection: Any) -> None:
    """Has this machine notice, too, that nobody is there any more: else whoever waits for an answer does so for a quarter of an hour."""
    reached: socket.socket | None = connection._transport.get_extra_info("socket")
    if reached is None or reached.family not in (socket.AF_INET, socket.AF_INET6):
        return
    reached.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _SILENCE.items():
        # Not every system has all of them.
        if (option := getattr(socket, name, None)) is not None:
            reached.setsockopt(socket.IPPROTO_TCP, option, value)


async def _connect(url: str, use: Literal["reading", "writing"], patience_s: float) -> Any:
    settings = {
        "application_name": f"tollway {use}",
        # Compiling takes longer than most questions.
        "jit": "off",
        "TimeZone": "UTC",
    }
    if (options := os.environ.get("PGOPTIONS")) is not None and "options=" not in url:
        settings["options"] = options
    if use == "reading":
        settings["default_transaction_read_only"] = "on"
        # A range of a day and one of a year are read in different ways.
        settings["plan_cache_mode"] = "force_custom_plan"
    # What a connection begins with would say that a server takes no writes to whoever asks for one that does.
    sought = {"target_session_attrs": "primary"} if writable(url, os.environ) else {}
    connection: Any = await asyncpg.connect(
        for_driver(url), timeout=patience_s, server_settings=settings, statement_cache_size=0, **sought
    )
    _notice(connection)
    if use == "writing":
        # An answer has to mean that it is on the server's disk, whatever is usual there; more than that may be asked of it.
        await connection.execute(_DURABLE)
        await connection.execute(_NOTICED)
    await connection.execute(_UNTIMED)
    # Sums of whole numbers are NUMERIC there.
    await connection.set_type_codec("numeric", schema="pg_catalog", encoder=str, decoder=_whole, format="text")
    return connection


def _whole(told: str) -> int | Decimal:
    number = Decimal(told)
    return int(number) if number == number.to_integral_value() else number

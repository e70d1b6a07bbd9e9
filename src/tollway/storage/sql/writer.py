"""Group commit: what one turn of the event loop queues is written in one transaction.

Where a commit is a few calls of the system it runs on the loop itself: a thread would cost two wake-ups and a fight for the
interpreter. Where it waits for a disk or for a server, the same function runs in a thread while the next batch gathers. The
connection never has two users: while the thread has it (`_running`), writes queue.

The ledger's rows come before everything else and are never dropped: what cannot be written is tried again, in order,
and until a write works again `broken` says why nothing new may be reserved.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol, TypeVar

from tollway.errors import StoreUnavailable
from tollway.storage.books import Ended
from tollway.storage.sql.batch import Batch, Bindings, Outcome, Work, turn
from tollway.storage.sql.driver import Connection

log = logging.getLogger("tollway.storage")

T = TypeVar("T")

RETRY_S = 0.1
"""How long after a failed write it is tried again."""

LINGER_S = 0.002
"""How long rows that nobody waits for may lie in memory, to share the commit of the next intent (spec ledger 2.7)."""


class Companion(Protocol):
    """What saves balances along with entries; both methods run on the loop."""

    def join(self, batch: Batch) -> None:
        """Adds rows to a batch that is about to be written, in which every entry booked so far is, or before it."""
        ...

    def written(self, batch: Batch) -> None: ...


class Writer(ABC):
    """The only user of the writing connection, on one event loop."""

    def __init__(self, connection: Connection, companion: Companion, *, threaded: bool, name: str) -> None:
        """`threaded`: whether commits are made in a thread; `name` is that of the thread."""
        self._name = name
        self._connection = connection
        self._companion = companion
        self._threaded = threaded
        self._loop = asyncio.get_running_loop()
        self._thread: ThreadPoolExecutor | None = None
        self._batch = Batch()
        self._jobs: list[tuple[Work, asyncio.Future[Any]]] = []
        self._scheduled = False
        self._writing_late = 0
        self._running: asyncio.Future[Any] | None = None
        """What the thread does with the connection now."""
        self._closing = False
        self._closed = False
        self._retry: asyncio.TimerHandle | None = None
        self._linger: asyncio.TimerHandle | None = None
        self.broken: StoreUnavailable | None = None
        """Why nothing can be written now; `None` while writing works."""

    @property
    def doubtful(self) -> bool:
        """Whether what was not known to be written may have been written all the same."""
        return False

    def intent(self, row: Bindings) -> asyncio.Future[Ended | None]:
        """Queues an intent. The future is done once it is durable: `None`, or how the reservation had ended before.

        The future raises StoreUnavailable if the write fails; the row is dropped then.
        """
        future: asyncio.Future[Ended | None] = self._loop.create_future()
        self._batch.intents.append(row)
        self._batch.waiting.append(future)
        self._schedule()
        return future

    def late_intent(self, row: Bindings) -> None:
        """Queues the intent of a reservation that stands without it; it is tried until it is written."""
        self._batch.late.append(row)
        self._schedule_soon()

    @property
    def late(self) -> int:
        """How many such intents are not written yet."""
        return len(self._batch.late) + self._writing_late

    def extension(self, row: Bindings) -> asyncio.Future[None]:
        """Queues what metered holds are raised to. The future is done once it is durable, and raises StoreUnavailable if
        the write fails; the row is dropped then."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._batch.extensions.append(row)
        self._batch.extending.append(future)
        self._schedule()
        return future

    def shrink(self, row: Bindings) -> None:
        """Queues what metered holds are lowered to; no intent queued from here on is durable before it."""
        self._batch.shrinks.append(row)
        self._schedule_soon()

    def entry(self, row: Bindings) -> None:
        """Queues a line of the ledger."""
        self._batch.entries.append(row)
        self._schedule_soon()

    def release(self, row: Bindings) -> None:
        """Queues a release."""
        self._batch.releases.append(row)
        self._schedule_soon()

    def run(self, work: Callable[[Connection], T]) -> asyncio.Future[T]:
        """Queues `work` for a transaction of its own, after the ledger's rows. Raises what `work` raises, and
        StoreUnavailable for an error of the database."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.append((work, future))
        self._schedule()
        return future

    async def flush(self) -> None:
        """Returns once every row queued so far is durable; tries at once, and raises StoreUnavailable if that fails."""
        if self._batch or self._running or self.broken is not None:
            barrier: asyncio.Future[None] = self._loop.create_future()
            self._batch.barriers.append(barrier)
            self._stop_retrying()
            self._schedule()
            await barrier

    async def close(self) -> None:
        """Flushes and closes the connection, even when flushing fails.

        Raises StoreUnavailable naming how many rows could not be written.
        """
        self._closing = True
        try:
            await self.flush()
        finally:
            self._stop_timers()
            lost = len(self._batch.entries)
            if self._running is not None:
                await asyncio.wait([self._running])
            self._closed = True
            for _, future in self._jobs:
                future.cancel()
            await self._loop.run_in_executor(self._executor(), self._shut)
            self._executor().shutdown(wait=False)
            if lost:
                raise StoreUnavailable(f"{lost} ledger entries could not be written before closing: {self.broken}")

    async def checkpoint(self) -> None:
        """Puts in order what writing leaves behind, when nothing else is to be done."""
        return

    def _turn(self, batch: Batch, job: Work | None) -> Outcome:
        """Writes a batch and does a job; in the thread, where there is one."""
        return turn(self._connection, batch, job)

    def _committed(self) -> None:
        """Is told that a transaction was committed."""
        return

    def _tidied(self, busy: bool) -> bool:
        """Puts in order what writing leaves behind, if it is time; `True` where that has the connection now."""
        return False

    @abstractmethod
    def _told(self, error: Exception) -> Exception:
        """What the caller of a job is told of an exception that left it."""

    @abstractmethod
    def _unavailable(self, error: Exception) -> StoreUnavailable:
        """What whoever waits is told of an error of the database: what it means, and the way out."""

    def _pause_s(self) -> float:
        """How long after the write that failed last it is tried again."""
        return RETRY_S

    @abstractmethod
    def _shut(self) -> None:
        """Closes the connection; in the thread."""

    def _schedule(self) -> None:
        if not self._scheduled and self._running is None and self._retry is None:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def _schedule_soon(self) -> None:
        if self._linger is None and not self._scheduled and self._running is None and self._retry is None:
            self._linger = self._loop.call_later(LINGER_S, self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        if self._running is not None or self._closed:
            return
        batch, self._batch = self._batch, Batch()
        if batch.entries or batch.intents:
            self._companion.join(batch)
        if self.broken is not None:
            batch.probe = True
        job = self._jobs.pop(0) if self._jobs and self.broken is None else None
        if not batch and job is None:
            return
        self._writing_late = len(batch.late)
        work = partial(self._turn, batch, job[0] if job else None)
        if self._threaded:
            self._running = self._loop.run_in_executor(self._executor(), work)
            self._running.add_done_callback(lambda ran: self._returned(ran.result(), batch, job))
        else:
            self._finish(work(), batch, job)

    def _returned(self, outcome: Outcome, batch: Batch, job: tuple[Work, asyncio.Future[Any]] | None) -> None:
        self._running = None
        self._finish(outcome, batch, job)

    def _finish(self, outcome: Outcome, batch: Batch, job: tuple[Work, asyncio.Future[Any]] | None) -> None:
        self._writing_late = 0
        if isinstance(outcome.known, Exception):
            if job is not None:
                self._jobs.insert(0, job)
            self._failed(batch, outcome.known)
            self._give_up_jobs(outcome.known)
            return
        self._committed()
        if batch:
            if self.broken is not None:
                log.warning("the store can be written again")
                self.broken = None
            for index, future in enumerate(batch.waiting):
                if not future.done():
                    future.set_result(outcome.known.get(index) if outcome.known else None)
            for done in (*batch.extending, *batch.barriers):
                if not done.done():
                    done.set_result(None)
            self._companion.written(batch)
        if job is not None and not job[1].done():
            if isinstance(outcome.result, Exception):
                job[1].set_exception(self._told(outcome.result))
            else:
                job[1].set_result(outcome.result)
        busy = bool(self._batch or self._jobs)
        if not self._tidied(busy) and busy:
            self._schedule()

    def _failed(self, batch: Batch, error: Exception) -> None:
        self._break(error)
        for future in (*batch.waiting, *batch.extending, *batch.barriers):
            if not future.done():
                future.set_exception(self._unavailable(error))
        self._batch = batch.kept_before(self._batch)

    def _give_up_jobs(self, error: Exception) -> None:
        """Whoever asked for them is told at once; done later, they would surprise."""
        jobs, self._jobs = self._jobs, []
        for _, future in jobs:
            if not future.done():
                future.set_exception(self._unavailable(error))

    def _break(self, error: Exception) -> None:
        """Nothing new is taken until a write has worked again, which is tried soon."""
        if self.broken is None:
            log.error("the store cannot be written, so nothing new is reserved: %s", error)
        self.broken = self._unavailable(error)
        if not self._closing and self._retry is None:
            self._retry = self._loop.call_later(self._pause_s(), self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        self._flush()

    def _stop_timers(self) -> None:
        self._stop_retrying()

    def _stop_retrying(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def _executor(self) -> ThreadPoolExecutor:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix=self._name)
        return self._thread

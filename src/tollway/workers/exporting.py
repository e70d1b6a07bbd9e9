"""Running scheduled exports: each job when it is due, from where it had come, until everything behind that has arrived.

At least once, and nothing left out. A job's cursor is the number of the last row that arrived (`storage/following.py` says why
no row appears behind it later). Before a batch is sent, its range is kept beside the cursor; so what a crash interrupts is sent
again under the same names, and replaces what was there instead of standing beside it. A job that fails rests, ever longer, and
holds up no other.
"""

import asyncio
import contextlib
import logging
import random
import secrets
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from tollway.budgets.window import Calendar
from tollway.errors import StoreUnavailable
from tollway.exports.job import Job, next_due
from tollway.snapshot import Snapshot
from tollway.storage.bodies import BodyStore
from tollway.storage.following import Following
from tollway.storage.protocol import Cabinet, Kept, Ledger, Records
from tollway.workers.deliver import backoff_ms
from tollway.workers.exporting_state import Run, State

if TYPE_CHECKING:
    from tollway.workers.exporting_batch import Sources
    from tollway.workers.exporting_to import Parcel

log = logging.getLogger("tollway.workers")

STATE: Final = "export-state"
RUNS: Final = "export-runs"
"""Drawers of the cabinet, by job."""
LOOK_EVERY_S = 1.0
AT_ONCE = 2
"""Jobs that run at a time: each has one batch in memory."""
MOST_RUNS = 50
"""Runs of a job that are remembered."""
GROWN_AFTER = 3
"""Failures in a row after which it is said that a job fails."""


Send = Callable[[Job, "Parcel"], Awaitable[None]]
"""One attempt. Raises NotDelivered."""


class Exporting:
    """The jobs of one gateway. `turn` starts what is due; `idle` waits for what was started."""

    def __init__(
        self,
        sources: "Callable[[], Sources]",
        cabinet: Cabinet,
        jobs: Callable[[], Sequence[Job]],
        send: "Callable[[], Send]",
        calendar: Calendar,
        now: Callable[[], int],
        *,
        flush: Callable[[], Awaitable[None]],
        draw: Callable[[], float] = random.random,
        entropy: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """`sources` and `send` are asked for when a first job runs. `flush` has all that happened until then readable."""
        self._make_sources, self._make_send = sources, send
        self._cabinet, self._jobs, self._calendar, self._now = cabinet, jobs, calendar, now
        self._flush, self._draw, self._entropy = flush, draw, entropy
        self._made: tuple[Sources, Send] | None = None
        self._states: dict[str, State] = {}
        self._runs: dict[str, list[Run]] = {}
        self._loaded = False
        self._loading = asyncio.Lock()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._asked: dict[str, str] = {}
        """Job → who wants it to run now."""
        self._woken = asyncio.Event()

    def state(self, job_id: str) -> State | None:
        """Where a job stands; `None` before it was first looked at."""
        return self._states.get(job_id)

    def runs(self, job_id: str) -> Sequence[Run]:
        """The newest first."""
        return self._runs.get(job_id, [])

    def failing(self) -> list[tuple[str, int, str]]:
        """The jobs that keep failing: which, how often in a row, why."""
        standing = [(job.id, self._states.get(job.id)) for job in self._jobs() if job.enabled]
        return [(name, s.failures, s.error) for name, s in standing if s is not None and s.failures >= GROWN_AFTER]

    def is_running(self, job_id: str) -> bool:
        return job_id in self._tasks or job_id in self._asked

    def ask(self, job_id: str, by: str) -> None:
        """Has a job run now, whatever its schedule; one that runs already runs once more behind that."""
        self._asked[job_id] = by
        self._woken.set()

    async def forget(self, job_id: str) -> None:
        """Ends a job that is no more, with where it stood: another of its id begins anew. Raises StoreUnavailable."""
        task = self._tasks.get(job_id)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._asked.pop(job_id, None)
        self._states.pop(job_id, None)
        self._runs.pop(job_id, None)
        await self._cabinet.take(STATE, job_id, self._now())
        await self._cabinet.take(RUNS, job_id, self._now())

    async def load(self) -> None:
        """Reads where jobs stand, once. Raises StoreUnavailable."""
        async with self._loading:
            # Two who ask at once: what a job has done since must not be read over.
            if self._loaded:
                return
            states = await self._cabinet.all(STATE, self._now())
            runs = await self._cabinet.all(RUNS, self._now())
            self._states = {kept.id: msgspec.json.decode(kept.record, type=State) for kept in states}
            self._runs = {kept.id: msgspec.json.decode(kept.record, type=list[Run]) for kept in runs}
            self._loaded = True

    async def turn(self) -> int:
        """Starts what is due; returns how many jobs that were. Raises StoreUnavailable."""
        jobs = {job.id: job for job in self._jobs() if job.enabled}
        if not jobs:
            self._asked.clear()
            return 0
        await self.load()
        started = 0
        for name in [*self._asked]:
            if name not in jobs:
                del self._asked[name]
        for job in jobs.values():
            if job.id in self._tasks or len(self._tasks) >= AT_ONCE:
                continue
            state = await self._standing(job)
            now = self._now()
            by = self._asked.pop(job.id, None)
            if by is not None or now >= max(state.due_at, state.rests_until):
                self._start(job, state, by or "schedule")
                started += 1
        return started

    async def wait(self, most_s: float) -> None:
        """Returns when something is asked for, or after that many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                await self._woken.wait()
        self._woken.clear()

    async def idle(self) -> None:
        """Returns once nothing is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks.values())

    async def aclose(self) -> None:
        """Ends what is under way; it goes on from where it had come at the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, job: Job, state: State, by: str) -> None:
        task = asyncio.get_running_loop().create_task(self._run(job, state, by))
        self._tasks[job.id] = task
        task.add_done_callback(lambda _: self._ended(job.id))

    def _ended(self, job_id: str) -> None:
        self._tasks.pop(job_id, None)
        # Another may have waited for its turn.
        self._woken.set()

    async def _standing(self, job: Job) -> State:
        """Where a job stands; a new one begins, as does one that exports something else, and a changed schedule is put right."""
        state = self._states.get(job.id)
        if state is None or state.what != job.what:
            state = State(what=job.what, cursor=0)
            following, source = self._parts()[0].following, state.source
            await self._flush()
            first = await following.last(source) if job.start == "now" else await following.first(source) - 1
            state.cursor = max(0, first)
        put_right, schedule = msgspec.structs.replace(state), repr(job.window)
        put_right.suit(job, self._entropy)
        if state.schedule != schedule:
            put_right.schedule, put_right.due_at = schedule, next_due(job, self._now(), self._calendar)
        if put_right != state:
            # Kept before anything is sent: its names must be those of the next process too.
            await self._keep(job.id, put_right)
        self._states[job.id] = put_right
        return put_right

    def _parts(self) -> "tuple[Sources, Send]":
        if self._made is None:
            self._made = self._make_sources(), self._make_send()
        return self._made

    async def _run(self, job: Job, state: State, by: str) -> None:
        from tollway.exports.parquet import ParquetUnavailable
        from tollway.workers.exporting_to import NotDelivered

        run = Run(started_at=self._now(), by=by, after=state.cursor, through=state.cursor)
        try:
            await self._flush()
            until = await self._parts()[0].following.last(state.source)
            if job.what == "spend":
                await self._days(job, state, run, until)
            else:
                await self._rows(job.id, state, run, until)
            run.ok = True
        except (NotDelivered, StoreUnavailable, ParquetUnavailable) as error:
            run.error = str(error)
        except Exception as error:
            # A defect in one export must not end the worker, and the gateway with it.
            log.exception('export job "%s" failed', job.id)
            run.error = f"a defect: {type(error).__name__}; the log of the gateway says more"
        await self._finish(job, state, run)

    async def _rows(self, job_id: str, state: State, run: Run, until: int) -> None:
        """Sends batch after batch up to the row `until`, or until the job is switched off. Raises what stands in the way."""
        from tollway.workers.exporting_batch import next_stretch, parcels

        sources, send = self._parts()
        while state.cursor < until and (job := self._job(job_id)) is not None and job.what == state.what:
            state.suit(job, self._entropy)
            if state.planned is None:
                found = await next_stretch(sources, job, state.cursor, until)
                if found.items == 0:
                    # Nothing that is meant: there is nothing to send, and what is not kept is merely looked at again.
                    state.cursor = run.through = found.through
                    self._count_gone(state, run, found.gone)
                    continue
                plan = {"planned": found.through, "planned_items": found.items, "planned_gone": found.gone}
                # Only a plan that is durable is carried out: its names must be those of the next process too.
                await self._keep(job_id, msgspec.structs.replace(state, **plan))
                state.planned, state.planned_items, state.planned_gone = found.through, found.items, found.gone
            # A batch that could not be finished is sent as it was planned, whatever was written since.
            through = state.planned
            rows = 0
            async for parcel in parcels(sources, job, state.generation, state.cursor, through, self._entropy):
                await send(job, parcel)
                rows += parcel.rows
                run.objects += 1
                run.size += len(parcel.content)
            # Also what was planned and has left the log since, while the destination failed.
            self._count_gone(state, run, state.planned_gone + max(0, state.planned_items - rows))
            state.cursor, state.planned, state.planned_items, state.planned_gone = through, None, 0, 0
            state.rows += rows
            run.rows += rows
            run.through = through
            await self._keep(job_id, state)

    async def _days(self, job: Job, state: State, run: Run, until: int) -> None:
        """Sends the sums of every day that entries behind the cursor count to. Raises what stands in the way."""
        from tollway.workers.exporting_batch import changed_days, spend_parcel

        sources, send = self._parts()
        if state.cursor >= until:
            return
        quarters = await sources.following.quarters(after=state.cursor, through=until)
        for day in changed_days(quarters, job.timezone, self._calendar):
            if self._job(job.id) is None:
                return
            parcel = await spend_parcel(sources, job, state.generation, day, until)
            await send(job, parcel)
            run.rows += parcel.rows
            run.objects += 1
            run.size += len(parcel.content)
        state.cursor = run.through = until
        state.rows += run.rows
        await self._keep(job.id, state)

    def _job(self, job_id: str) -> Job | None:
        """A job as the settings have it now, while it is switched on."""
        return next((job for job in self._jobs() if job.id == job_id and job.enabled), None)

    @staticmethod
    def _count_gone(state: State, run: Run, gone: int) -> None:
        state.gone += gone
        run.gone += gone

    async def _finish(self, job: Job, state: State, run: Run) -> None:
        now = run.ended_at = self._now()
        if run.ok:
            state.failures = state.rests_until = 0
            state.error, state.succeeded_at = "", now
            state.due_at = next_due(job, now, self._calendar)
        else:
            state.failures += 1
            state.error = run.error
            state.rests_until = now + backoff_ms(state.failures, self._draw())
            level = logging.ERROR if state.failures >= GROWN_AFTER else logging.WARNING
            log.log(level, 'export job "%s" failed, and is tried again: %s', job.id, run.error)
        if run.gone:
            log.warning('export job "%s": %d rows had left the log before they were exported', job.id, run.gone)
        runs = self._runs.setdefault(job.id, [])
        if run.ok and run.objects == 0 and runs and runs[0].ok and runs[0].objects == 0 and runs[0].by == run.by:
            # Of many runs in a row with nothing to send, the last is enough.
            runs[0] = run
        else:
            runs.insert(0, run)
        del runs[MOST_RUNS:]
        try:
            await self._keep(job.id, state)
            await self._cabinet.put(Kept(drawer=RUNS, id=job.id, record=msgspec.json.encode(runs), at=now))
        except StoreUnavailable as error:
            # What arrived and is not noted is sent again, under the same names.
            log.error('how export job "%s" stands was not kept: %s', job.id, error)

    async def _keep(self, job_id: str, state: State) -> None:
        await self._cabinet.put(Kept(drawer=STATE, id=job_id, record=msgspec.json.encode(state), at=self._now()))


class Exported(Protocol):
    """The parts of a store that exports need."""

    @property
    def ledger(self) -> Ledger: ...

    @property
    def records(self) -> Records: ...

    @property
    def following(self) -> Following: ...

    @property
    def bodies(self) -> BodyStore: ...

    @property
    def cabinet(self) -> Cabinet: ...


def exporting_of(
    store: Exported, settings: Callable[[], Snapshot], calendar: Calendar, now: Callable[[], int], root: Path | None
) -> Exporting:
    """The jobs of a gateway with this store, whose files go beneath `root`. What they need is loaded when a first one runs."""

    def sources() -> "Sources":
        from tollway.workers.exporting_batch import Sources
        from tollway.workers.listed_prices import list_prices

        return Sources(store.following, store.records, store.bodies, lambda: list_prices(settings()).of)

    def send() -> Send:
        from tollway.workers.exporting_to import Carrier

        return Carrier(root)

    async def flush() -> None:
        await store.ledger.flush()
        await store.records.flush()

    return Exporting(sources, store.cabinet, lambda: settings().exports, send, calendar, now, flush=flush)


async def keep_exporting(exporting: Exporting, every_s: float = LOOK_EVERY_S) -> None:
    """Runs until cancelled."""
    try:
        while True:
            try:
                await exporting.turn()
            except StoreUnavailable as error:
                log.error("exports wait for the store: %s", error)
            except Exception:
                log.exception("exports could not be started")
            await exporting.wait(every_s)
    finally:
        await exporting.aclose()

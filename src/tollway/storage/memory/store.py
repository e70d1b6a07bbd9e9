"""The parts of the memory store that are a list or a dict, and the whole of it."""

from collections.abc import Collection, Mapping, Sequence

from tollway.ledger.change import Change, Recorded
from tollway.ledger.entry import LedgerEntry
from tollway.ledger.job import Job
from tollway.storage import chain
from tollway.storage.memory.cabinet import MemoryCabinet
from tollway.storage.memory.ledger import MemoryLedger
from tollway.storage.memory.outbox import MemoryOutbox
from tollway.storage.memory.records import MemoryRecords
from tollway.storage.protocol import Known, Revision


class MemoryConfig:
    """`protocol.Config` over a list."""

    def __init__(self) -> None:
        self._revisions: list[Revision] = []

    async def save(self, document: str, *, by: str, at: int) -> Revision:
        if not self._revisions or self._revisions[-1].document != document:
            self._revisions.append(Revision(number=len(self._revisions) + 1, at=at, by=by, document=document))
        return self._revisions[-1]

    async def latest(self) -> Revision | None:
        return self._revisions[-1] if self._revisions else None

    async def history(self, *, limit: int) -> Sequence[Revision]:
        return self._revisions[::-1][:limit]


class MemoryJobs:
    """`protocol.Jobs` over a dict."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}

    async def remember(self, job: Job) -> None:
        known = self._jobs.get(job.id)
        if known is None or job.settled >= known.settled:
            self._jobs[job.id] = job

    async def recall(self, job_id: str) -> Job | None:
        return self._jobs.get(job_id)

    async def open(self, now: int, limit: int) -> Sequence[Job]:
        found = [job for job in self._jobs.values() if job.kind == "batch" and not job.settled and job.ask_at <= now]
        return sorted(found, key=lambda job: (job.ask_at, job.id))[:limit]


class MemoryAudit:
    """`protocol.Audit` over a list."""

    def __init__(self) -> None:
        self._lines: list[Recorded] = []

    async def append(self, *changes: Change) -> None:
        for change in changes:
            previous = self._lines[-1].hash if self._lines else ""
            link = chain.link(previous, chain.canonical(change))
            self._lines.append(Recorded(len(self._lines) + 1, change, previous, link))

    async def changes(
        self, *, target: str | None = None, action: str | None = None, limit: int, before: int | None = None
    ) -> Sequence[Recorded]:
        return [
            line
            for line in reversed(self._lines)
            if (before is None or line.seq < before)
            and (target is None or line.change.target == target)
            and (action is None or line.change.action == action or line.change.action.startswith(action + "."))
        ][:limit]

    async def verify(self) -> Sequence[str]:
        return chain.broken((line.seq, chain.canonical(line.change), line.previous, line.hash) for line in self._lines)

    async def hashes(self, lines: Collection[int]) -> Mapping[int, str]:
        return {line.seq: line.hash for line in self._lines if line.seq in lines}


class MemoryBudgets:
    """`protocol.Budgets` over a dict."""

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}

    async def known(self) -> Sequence[Known]:
        return sorted(self._known.values(), key=lambda known: known.budget)

    async def remember(self, *known: Known) -> None:
        self._known.update((each.budget, each) for each in known)


class MemoryStore:
    """`protocol.Store` in memory."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()
        self.records = MemoryRecords(self.ledger)
        self.config = MemoryConfig()
        self.jobs = MemoryJobs()
        self.audit = MemoryAudit()
        self.outbox = MemoryOutbox()
        self.budgets = MemoryBudgets()
        self.cabinet = MemoryCabinet()

    async def open(self, now: int) -> Sequence[LedgerEntry]:
        return await self.ledger.open(now)

    async def prune(self, now: int) -> bool:
        return False

    async def close(self) -> None:
        return

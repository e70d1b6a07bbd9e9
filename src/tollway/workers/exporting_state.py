"""Where a scheduled export stands, and how it went when it ran: what the cabinet keeps of it."""

from collections.abc import Callable

import msgspec

from tollway.exports.job import Job, What, content_digest
from tollway.storage.following import Source


class State(msgspec.Struct, kw_only=True):
    """Where a job stands; kept in the cabinet."""

    what: What
    """What it exports: of another, the cursor says nothing."""
    cursor: int
    """The last row that arrived."""
    planned: int | None = None
    """The last row of the batch that is on its way."""
    planned_items: int = 0
    """How many of its rows were meant when it was planned: what is not there any more when it leaves has left the log."""
    planned_gone: int = 0
    """That had left the log by then."""
    generation: str = ""
    """In the names and keys of objects: another whenever the same range may become something else."""
    digest: str = ""
    """Of what the job exports (`content_digest`), in this generation."""
    schedule: str = ""
    """For which `due_at` was computed."""
    due_at: int = 0
    """Unix milliseconds."""
    failures: int = 0
    """In a row."""
    rests_until: int = 0
    error: str = ""
    succeeded_at: int | None = None
    rows: int = 0
    """That arrived, since the job began."""
    gone: int = 0
    """That had left the log before they were exported."""

    @property
    def source(self) -> Source:
        """Whose rows the cursor counts."""
        return "records" if self.what == "logs" else "entries"

    def suit(self, job: Job, entropy: Callable[[int], bytes]) -> None:
        """Begins another generation where the job exports something else than before; a batch of the old one, which may have
        arrived in part, is planned anew."""
        digest = content_digest(job)
        if self.digest != digest:
            self.generation, self.digest = entropy(4).hex(), digest
            self.planned, self.planned_items, self.planned_gone = None, 0, 0


class Run(msgspec.Struct, kw_only=True):
    """One time that a job ran."""

    started_at: int
    ended_at: int | None = None
    """`None`: it runs, or the process ended."""
    by: str
    """ "schedule", or who asked."""
    ok: bool = False
    rows: int = 0
    objects: int = 0
    size: int = 0
    """Bytes that were sent."""
    gone: int = 0
    after: int = 0
    through: int = 0
    """The rows it went through: after+1 to this."""
    error: str = ""

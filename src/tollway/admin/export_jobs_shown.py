"""Export jobs as the API shows them: what is written, without secrets; where each goes; how it stands and how it went."""

from importlib.util import find_spec
from typing import Any, Literal

import msgspec
from pydantic import BaseModel

from tollway.admin.charge import Instant, instant_or_none
from tollway.clock import iso
from tollway.document.changes import shown
from tollway.document.written_exports import ExportDocument
from tollway.exports.job import FileTo, HttpTo, Job, S3To
from tollway.workers.exporting import Exporting
from tollway.workers.exporting_state import Run


class ExportJobShown(BaseModel):
    """A job, and how it stands."""

    id: str
    name: str
    enabled: bool
    what: Literal["logs", "entries", "spend", "focus"]
    destination: str
    """In short: "folder tollway/logs", "s3://bucket/prefix", "https://logs.example.com/…"."""
    written: dict[str, Any]
    """As the settings have it, with references in place of secrets."""
    sealed: bool
    """Metadata and bodies leave encrypted."""
    running: bool
    due_at: Instant | None
    """Null while it is switched off, and before it was first looked at."""
    succeeded_at: Instant | None
    failures: int
    """In a row."""
    error: str
    """What stands in the way; empty where nothing does."""
    retry_at: Instant | None
    """failures: when it is tried again by itself."""
    rows: int
    """That arrived, since the job began."""
    behind: int | None
    """Rows of the log or the ledger that it has not looked at yet; null before it was first looked at."""
    gone: int
    """Rows that had left the log before they were exported."""


class ExportJobList(BaseModel):
    at: Instant
    revision: int
    items: list[ExportJobShown]


class ExportJobChanged(BaseModel):
    """A job as it was and as it is, with references in place of secrets."""

    id: str
    revision: int
    """Of the settings in force."""
    changed: bool
    """False where the settings said so already."""
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    warnings: list[str]


class ExportRunShown(BaseModel):
    """One time that a job ran."""

    started_at: Instant
    ended_at: Instant | None
    by: str
    """"schedule", or who asked."""
    ok: bool
    rows: int
    objects: int
    """Files, or requests."""
    bytes_sent: int
    after: int
    through: int
    """It went through the rows numbered after+1 to this."""
    gone: int
    error: str


class ExportRunList(BaseModel):
    """The newest first; of many in a row that found nothing to send, the last."""

    job: str
    running: bool
    items: list[ExportRunShown]


class ExportRunAsked(BaseModel):
    job: str
    asked_at: Instant
    """Its run is the next in the list of runs, and starts within a second unless others run."""


def job_shown(
    job: Job, written: ExportDocument, exporting: Exporting | None, last: dict[str, int], now: int
) -> ExportJobShown:
    """`last`: the number of the newest row of "records" and of "entries"."""
    state = exporting.state(job.id) if exporting is not None else None
    known = state if state is not None and state.what == job.what else None
    return ExportJobShown(
        id=job.id,
        name=job.name,
        enabled=job.enabled,
        what=job.what,
        destination=destination(job),
        written=written_shown(written),
        sealed=job.public_key is not None,
        running=exporting is not None and exporting.is_running(job.id),
        due_at=instant_or_none(known.due_at) if known is not None and job.enabled else None,
        succeeded_at=instant_or_none(known.succeeded_at) if known is not None else None,
        failures=known.failures if known is not None else 0,
        error=known.error if known is not None else "",
        retry_at=iso(max(now, known.rests_until)) if known is not None and known.failures and job.enabled else None,
        rows=known.rows if known is not None else 0,
        behind=max(0, last[known.source] - known.cursor) if known is not None else None,
        gone=known.gone if known is not None else 0,
    )


def run_shown(run: Run) -> ExportRunShown:
    return ExportRunShown(
        started_at=iso(run.started_at),
        ended_at=instant_or_none(run.ended_at),
        by=run.by,
        ok=run.ok,
        rows=run.rows,
        objects=run.objects,
        bytes_sent=run.size,
        after=run.after,
        through=run.through,
        gone=run.gone,
        error=run.error,
    )


def written_shown(written: ExportDocument) -> dict[str, Any]:
    return msgspec.json.decode(shown(written))


def destination(job: Job) -> str:
    match job.to:
        case FileTo(folder=folder):
            return f"folder {folder or '.'}"
        case S3To(bucket=bucket, prefix=prefix):
            return f"s3://{bucket}/{prefix}".rstrip("/")
        case HttpTo() as to:
            return to.shown


def lacks(job: Job, *, has_folder: bool) -> list[str]:
    """What this gateway has not and the job needs, in sentences with the way out."""
    found: list[str] = []
    if isinstance(job.to, FileTo) and not has_folder:
        found.append(
            f'Export job "{job.id}" writes files, and no folder for them is set: start the gateway with --export-dir '
            "(TOLLWAY_EXPORT_DIR)."
        )
    for needed, package in ((isinstance(job.to, S3To), "obstore"), (job.format == "parquet", "duckdb")):
        if needed and find_spec(package) is None:
            found.append(
                f'Export job "{job.id}" needs {package}, which is not installed where the gateway runs: '
                "pip install 'tollway[export]'."
            )
    return found


def job_warnings(jobs: tuple[Job, ...], exporting: Exporting | None, *, has_folder: bool) -> list[str]:
    """What of the export jobs in force is not as it should be, in sentences."""
    found: list[str] = []
    for job in jobs:
        if not job.enabled:
            continue
        missing = lacks(job, has_folder=has_folder)
        found += missing
        state = exporting.state(job.id) if exporting is not None else None
        if state is None:
            continue
        if state.failures and not missing:
            found.append(
                f'Export job "{job.id}" has failed {state.failures} times in a row, and is tried again: {state.error.rstrip(".")}. '
                "Nothing is left out meanwhile, as long as the log is kept."
            )
        if state.gone:
            found.append(
                f'Export job "{job.id}": {state.gone} requests had left the log before they were exported. Keep the log for '
                "longer, or let the job run more often."
            )
    return found

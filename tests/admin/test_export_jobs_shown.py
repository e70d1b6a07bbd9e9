"""How export jobs are shown, and what of them is warned of."""

from typing import Any

from tests.workers.exported import job

from tollway.admin.export_jobs_shown import destination, job_shown, job_warnings, lacks, run_shown
from tollway.document.export_edit import read_fields
from tollway.exports.job import FileTo, HttpTo, S3To
from tollway.gateway import Secret
from tollway.workers.exporting_state import Run, State

WRITTEN = read_fields({"id": "nightly", "what": "logs", "every": "15m", "to": {"file": "logs"}})
LAST = {"records": 20, "entries": 50}


class Standing:
    """Exports that stand as told."""

    def __init__(self, **fields: Any) -> None:
        self._state = State(**{"what": "logs", "cursor": 5, **fields})

    def state(self, _: str) -> State:
        return self._state

    def is_running(self, _: str) -> bool:
        return False


def test_destinations_are_told_in_short_and_without_a_secret() -> None:
    assert destination(job(FileTo("tollway/logs"))) == "folder tollway/logs"
    assert destination(job(FileTo(""))) == "folder ."
    assert destination(job(S3To(bucket="b", prefix="p/q"))) == "s3://b/p/q"
    assert destination(job(S3To(bucket="b"))) == "s3://b"
    assert destination(job(HttpTo(url=Secret("https://logs.example.com/secret?x=y")))) == "https://logs.example.com/…"


def test_a_job_that_was_never_looked_at_is_known_by_its_settings_alone() -> None:
    found = job_shown(job(), WRITTEN, None, LAST, 0)
    assert (found.due_at, found.behind, found.rows, found.running) == (None, None, 0, False)
    other: Any = Standing(what="entries")
    assert job_shown(job(), WRITTEN, other, LAST, 0).behind is None


def test_a_job_that_fails_tells_since_when_why_and_when_it_is_tried_again() -> None:
    failing: Any = Standing(failures=3, error="no room", rests_until=90_000, due_at=60_000, rows=5)
    found = job_shown(job(), WRITTEN, failing, LAST, 70_000)
    assert (found.failures, found.error, found.retry_at) == (3, "no room", "1970-01-01T00:01:30.000Z")
    assert (found.behind, found.rows) == (15, 5)
    assert job_shown(job(enabled=False), WRITTEN, failing, LAST, 0).retry_at is None


def test_what_fails_what_was_lost_and_what_is_lacking_is_warned_of_while_the_job_is_on() -> None:
    failing: Any = Standing(failures=3, error="no room", gone=7)
    warned = job_warnings((job(),), failing, has_folder=True)
    assert 'Export job "nightly" has failed 3 times in a row, and is tried again: no room.' in warned[0]
    assert "7 requests had left the log" in warned[1]
    assert job_warnings((job(enabled=False),), failing, has_folder=False) == []
    assert job_warnings((job(),), None, has_folder=True) == []
    assert "--export-dir" in lacks(job(), has_folder=False)[0]
    assert lacks(job(HttpTo(url=Secret("https://x"))), has_folder=False) == []


def test_a_run_is_shown_with_its_figures() -> None:
    found = run_shown(Run(started_at=0, ended_at=1_000, by="ann", ok=True, rows=3, objects=1, size=99, through=3))
    assert (found.started_at, found.bytes_sent, found.ok) == ("1970-01-01T00:00:00.000Z", 99, True)

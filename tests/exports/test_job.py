"""Jobs: when they are due, what their objects are called, and that they name the fields that stores have."""

from datetime import UTC, datetime

import pytest
from tests.workers.exported import job

from tollway.budgets.window import Calendar, Every, Fixed
from tollway.exports import job as jobs
from tollway.exports.job import HttpTo, S3To, day_name, next_due, range_name
from tollway.gateway import Secret
from tollway.storage import fields


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("window", "now", "due"),
    [
        (Every(seconds=900), "2026-11-22T12:14:59.999Z", "2026-11-22T12:15:00Z"),
        (Every(seconds=900), "2026-11-22T12:15:00Z", "2026-11-22T12:30:00Z"),
        (Fixed(period="day", timezone="Europe/Berlin", anchor_time="02:30"), "2026-11-22T01:29Z", "2026-11-22T01:30Z"),
        # Clocks jump from 02:00 to 03:00 on that day: there is no 02:30, and it runs all the same.
        (Fixed(period="day", timezone="Europe/Berlin", anchor_time="02:30"), "2026-03-28T02:00Z", "2026-03-29T01:00Z"),
        (Fixed(period="month", anchor_day=31), "2026-11-22T00:00Z", "2026-11-30T00:00Z"),
    ],
    ids=["in a quarter", "at its end", "a time of day", "a time that is not there", "the last day"],
)
def test_a_job_is_due_where_a_span_of_its_schedule_ends(window: Every | Fixed, now: str, due: str) -> None:
    found = next_due(job(window=window), ms(now), Calendar())
    assert datetime.fromtimestamp(found / 1000, UTC) == datetime.fromisoformat(due)


def test_names_are_told_by_the_range_and_sort_as_rows_do() -> None:
    first, second = (range_name(job(), "3f9a1c2e", "2026-11-22", after, after + 5) for after in (0, 99_999))
    assert first == "date=2026-11-22/nightly_000000000001_000000000005_3f9a1c2e.ndjson.gz"
    assert first < second
    focus = job(what="focus", format="parquet")
    assert (
        range_name(focus, "3f9a1c2e", "2026-11-22", 0, 5)
        == "month=2026-11/nightly_000000000001_000000000005_3f9a1c2e.parquet"
    )
    assert day_name(job(what="spend", format="csv.gz"), "2026-11-22") == "date=2026-11-22/nightly.csv.gz"


def test_a_job_can_be_narrowed_by_what_stores_have_columns_for() -> None:
    # Feedback is given to what was exported already.
    assert fields.RECORD_FIELDS - {"request_id", "feedback"} == jobs.LOG_FIELDS
    assert fields.ENTRY_FIELDS - {"request_id"} == jobs.ENTRY_FIELDS
    assert fields.GROUP_FIELDS - {"request_id", "kind", "day", "hour"} == jobs.GROUP_FIELDS


def test_no_secret_is_in_what_is_printed() -> None:
    for to in (
        HttpTo(url=Secret("https://logs.example.com/canary"), bearer=Secret("canary")),
        S3To(bucket="b", access_key_id=Secret("canary"), secret_access_key=Secret("canary")),
    ):
        assert "canary" not in repr(job(to))
    assert HttpTo(url=Secret("https://logs.example.com/canary?a=b")).shown == "https://logs.example.com/…"

"""Scheduled exports as they are written: what they mean, and what is refused with the way out and without a secret."""

from pathlib import Path
from typing import Any

import pytest
from tests.exports.test_sealed import PRIVATE, private_pem, public_pem

from tollway.budgets.window import Every, Fixed
from tollway.document.compiled import compile_document
from tollway.document.exports import MOST_JOBS
from tollway.document.written import read_document
from tollway.errors import SettingsInvalid
from tollway.exports.job import FileTo, HttpTo, Job, S3To
from tollway.pricing.price import PriceBook

LOGS: dict[str, Any] = {"id": "nightly", "what": "logs", "every": "15m", "to": {"file": "tollway/logs"}}
SECRETS = {"env:ID": "canary-id", "env:SECRET": "canary-secret", "env:URL": "https://logs.example.com/canary?a=b"}


def compiled(*jobs: dict[str, Any]) -> tuple[Job, ...]:
    document = read_document({"exports": list(jobs)})
    return compile_document(
        document,
        resolve=lambda given, where: SECRETS.get(given, given),
        book=PriceBook(()),
        pepper=b"p",
        revision=1,
    ).exports


def test_a_job_says_little_and_means_the_usual() -> None:
    (found,) = compiled(LOGS)
    assert found == Job(
        id="nightly",
        name="",
        what="logs",
        window=Every(seconds=900),
        to=FileTo("tollway/logs"),
        format="ndjson.gz",
        enabled=True,
    )


@pytest.mark.parametrize(
    ("written", "window"),
    [
        ({"every": "1m"}, Every(seconds=60)),
        ({"every": "6h"}, Every(seconds=21_600)),
        ({"every": "31d"}, Every(seconds=2_678_400)),
        ({"every": "day"}, Fixed(period="day")),
        (
            {"every": "day", "at": "02:30", "timezone": "Europe/Berlin"},
            Fixed(period="day", timezone="Europe/Berlin", anchor_time="02:30"),
        ),
        ({"every": "month"}, Fixed(period="month")),
        ({"every": "month", "on_day": 2, "at": "04:00"}, Fixed(period="month", anchor_day=2, anchor_time="04:00")),
    ],
)
def test_schedules(written: dict[str, Any], window: Every | Fixed) -> None:
    assert compiled({**LOGS, **written})[0].window == window


def test_spend_and_focus_have_forms_of_their_own() -> None:
    spend, focus = compiled(
        {**LOGS, "what": "spend", "by": ["metadata.team"]}, {**LOGS, "id": "bill", "what": "focus", "every": "month"}
    )
    assert (spend.format, spend.by) == ("ndjson.gz", ("metadata.team",))
    assert (focus.format, focus.focus_version, focus.by) == ("csv.gz", "1.2", ())
    assert compiled({**LOGS, "what": "spend"})[0].by == ("gateway", "provider", "model", "user", "key", "service")


def test_destinations_have_their_secrets_resolved() -> None:
    bucket, receiver = compiled(
        {
            **LOGS,
            "to": {
                "s3": {
                    "bucket": "spend",
                    "prefix": "tollway/logs/",
                    "endpoint": "https://s3.example.com/",
                    "access_key_id": "env:ID",
                    "secret_access_key": "env:SECRET",
                }
            },
        },
        {**LOGS, "id": "siem", "to": {"http": {"url": "env:URL", "bearer": "env:SECRET"}}},
    )
    assert isinstance(bucket.to, S3To) and isinstance(receiver.to, HttpTo)
    assert (bucket.to.prefix, bucket.to.endpoint) == ("tollway/logs", "https://s3.example.com")
    assert bucket.to.access_key_id is not None and bucket.to.access_key_id.reveal() == "canary-id"
    assert receiver.to.bearer is not None and receiver.to.bearer.reveal() == "canary-secret"
    assert receiver.to.url.reveal() == SECRETS["env:URL"]


def test_a_public_key_may_stand_in_the_settings_or_in_a_file(tmp_path: Path) -> None:
    SECRETS["file:export.pem"] = public_pem(PRIVATE)
    for written in (public_pem(PRIVATE), "file:export.pem"):
        assert compiled({**LOGS, "public_key": written})[0].public_key == public_pem(PRIVATE)


BUCKET = {"bucket": "spend"}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"id": "a/b"}, "is not a slug"),
        ({"every": "5s"}, "write 15m, 6h, 7d, day or month"),
        ({"every": "0m"}, "is no schedule"),
        ({"every": "999999h"}, "longer than 31 days"),
        ({"every": "32d"}, "longer than 31 days"),
        ({"at": "02:00"}, '"at" says nothing to every: 15m'),
        ({"every": "day", "at": "25:00"}, "25:00"),
        ({"every": "day", "at": "2:00"}, "is no time of day"),
        ({"every": "day", "on_day": 3}, '"on_day" says nothing'),
        ({"every": "month", "on_day": 32}, "32 is no day of a month"),
        ({"timezone": "Mars/Olympus"}, "Mars/Olympus"),
        ({"timezone": "Factory"}, "timezone is 'Factory'; write an IANA name"),
        ({"to": {}}, "write one of"),
        ({"to": {"file": "a", "s3": BUCKET}}, "write one of"),
        ({"to": {"file": "../etc"}}, "can only lead further in"),
        ({"to": {"file": "a/../../etc"}}, "can only lead further in"),
        ({"to": {"file": "/etc"}}, "can only lead further in"),
        ({"to": {"file": "a//b"}}, "can only lead further in"),
        ({"to": {"file": ".ssh"}}, "can only lead further in"),
        ({"to": {"file": "a\\b"}}, "can only lead further in"),
        ({"to": {"s3": {"bucket": "a"}}}, "is no name of a bucket"),
        ({"to": {"s3": {**BUCKET, "region": "eu central"}}}, "is no region"),
        ({"to": {"s3": {**BUCKET, "region": "eü-central-1"}}}, "is no region"),
        ({"to": {"s3": {**BUCKET, "region": "eu-central-١"}}}, "is no region"),
        ({"to": {"s3": {**BUCKET, "region": ""}}}, "is no region"),
        ({"to": {"s3": {**BUCKET, "access_key_id": "env:ID"}}}, "both access_key_id and secret_access_key"),
        ({"to": {"s3": {**BUCKET, "session_token": "env:ID"}}}, "says nothing without access_key_id"),
        ({"to": {"s3": {**BUCKET, "endpoint": "http://s3.example.com"}}}, "has no TLS"),
        ({"to": {"s3": {**BUCKET, "endpoint": "https://s3.example.com?a=b"}}}, "has a query"),
        ({"to": {"s3": {**BUCKET, "prefix": "a/../b"}}}, "can only lead further in"),
        ({"to": {"http": {"url": "ftp://canary"}}}, "not an https URL"),
        ({"to": {"http": {"url": "https://u:canary@example.com"}}}, "not an https URL"),
        ({"to": {"http": {"url": "https://example.com", "bearer": "env:SECRET\ncanary"}}}, "no header may have"),
        ({"to": {"http": {"url": "https://example.com", "bearer": "none"}}}, "is empty"),
        ({"to": {"http": {"url": "https://example.com"}}, "format": "csv.gz"}, "by HTTP goes ndjson.gz alone"),
        ({"what": "entries", "bodies": True}, '"bodies" says nothing to what: entries'),
        ({"what": "entries", "dialect": "cloudflare"}, "says nothing to what: entries"),
        ({"what": "entries", "public_key": "x"}, '"public_key" says nothing'),
        ({"by": ["user"]}, '"by" says nothing to what: logs'),
        ({"what": "spend", "by": ["user", "model", "user"]}, '"user" stands there twice'),
        ({"where": {"status": "abc"}}, "'abc' is no status"),
        ({"where": {"status": 99}}, "'99' is no status"),
        ({"where": {"status": "٤٠٣"}}, "is no status"),
        ({"what": "entries", "where": {"kind": "charges"}}, "'charges' is no kind of entry; there are charge, "),
        ({"what": "spend", "by": ["colour"]}, '"colour" is no field; there are gateway'),
        ({"what": "spend", "start": "now"}, '"start" says nothing'),
        ({"what": "focus", "format": "ndjson.gz"}, "csv.gz or parquet"),
        ({"where": {"request_id": "x"}}, '"request_id" is no field'),
        ({"public_key": private_pem(PRIVATE).decode()}, "private key"),
        ({"public_key": public_pem(PRIVATE), "format": "parquet"}, "use ndjson.gz"),
        ({"name": "a\nb"}, "not on one line"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_job_and_the_way_out(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        compiled({**LOGS, **changed})
    assert said in str(refused.value)
    assert 'exports, job "' in str(refused.value)
    assert "canary" not in str(refused.value)


def test_ids_are_unique_and_there_is_an_end_of_jobs() -> None:
    with pytest.raises(SettingsInvalid, match="used twice"):
        compiled(LOGS, LOGS)
    with pytest.raises(SettingsInvalid, match=f"{MOST_JOBS} are taken"):
        compiled(*({**LOGS, "id": f"job-{number}"} for number in range(MOST_JOBS + 1)))

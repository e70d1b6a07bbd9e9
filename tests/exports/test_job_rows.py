"""Rows of scheduled exports: the columns of the log, bodies, Cloudflare's columns, and what is sealed only sealed."""

import base64
import json
import secrets
from typing import Any

import pytest
from tests.exports.test_sealed import PRIVATE
from tests.workers.exported import job

from tollway.exports import csv, ndjson
from tollway.exports.job_rows import Logged, Spent, body_text, job_logs, job_spend
from tollway.exports.logs import logs_table
from tollway.exports.sealed import seal, unseal
from tollway.storage.conformance.records import record

RECORD = record("r1", user="ada", metadata={"team": "ml"}, status=429, code="rate_limited", provider="openai")


def row(logged: Logged, *, sealing: bool = False, **fields: Any) -> dict[str, Any]:
    table = job_logs(
        job(**fields), (lambda columns: seal(columns, PRIVATE.public_key(), secrets.token_bytes)) if sealing else None
    )
    return json.loads(ndjson.lines(table.columns, table.rows_of([logged])))


def test_a_log_has_the_columns_of_a_download_and_its_bodies() -> None:
    found = row(Logged(RECORD, "asked", "answered"))
    own = logs_table()
    downloaded = json.loads(ndjson.lines(own.columns, own.rows_of([RECORD])))
    assert found == {**downloaded, "request_body": "asked", "response_body": "answered"}
    assert row(Logged(RECORD))["request_body"] is None


def test_what_is_sealed_stands_nowhere_in_clear_and_comes_back_by_the_key() -> None:
    for dialect, names in (
        ("tollway", ("metadata", "request_body", "response_body")),
        ("cloudflare", ("Metadata", "RequestBody", "ResponseBody")),
    ):
        found = row(Logged(RECORD, "asked", None), sealing=True, dialect=dialect)
        assert "asked" not in json.dumps(found) and '"ml"' not in json.dumps(found)
        assert found[names[2]] is None
        assert json.loads(unseal(found[names[0]], PRIVATE)) == {"team": "ml"}
        assert unseal(found[names[1]], PRIVATE) == "asked"
        assert found["user"] == "ada" and set(found[names[1]]) == {"key", "iv", "data"}


def test_cloudflares_columns_stand_before_our_own() -> None:
    found = row(Logged(RECORD, "asked", "answered"), dialect="cloudflare")
    assert [*found][:9] == [
        "Timestamp", "Gateway", "Provider", "Model", "Endpoint", "StatusCode", "Cached", "RateLimited", "request_id",
    ]  # fmt: skip
    assert (found["Gateway"], found["Provider"], found["StatusCode"], found["RateLimited"]) == (
        "default", "openai", 429, True,
    )  # fmt: skip
    assert (found["Metadata"], found["RequestBody"], found["ResponseBody"]) == ({"team": "ml"}, "asked", "answered")
    assert "metadata" not in found
    # The provider's own 429 is no limit of this gateway's.
    assert row(Logged(record("r2", status=429)), dialect="cloudflare")["RateLimited"] is False


@pytest.mark.parametrize(
    ("content", "truncated", "text"),
    [
        ("für 5 €".encode(), False, "für 5 €"),
        ("für 5 €".encode()[:-1], True, "für 5 "),
        (b"\xff\xfb\x90", False, "data:audio/mpeg;base64," + base64.b64encode(b"\xff\xfb\x90").decode()),
        (b"", False, ""),
    ],
    ids=["text", "cut in a character", "sound", "empty"],
)
def test_a_body_is_text_where_it_is_some(content: bytes, truncated: bool, text: str) -> None:
    assert body_text(content, "audio/mpeg", truncated=truncated) == text


def test_spend_is_exact_and_unknown_is_not_zero() -> None:
    table = job_spend(job(what="spend", by=("user", "model"), timezone="Europe/Berlin"))
    rows = table.rows_of([Spent("2026-11-22", ("ada", None), 1_500_000_001, 3, 1, None, 0)])
    assert csv.heading(table.columns) + csv.lines(table.columns, rows) == (
        b"date,user,model,amount_usd,entries,unpriced,input_tokens,output_tokens\r\n"
        b"2026-11-22,ada,,1.500000001,3,1,,0\r\n"
    )

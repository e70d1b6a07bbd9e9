import json
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from google.genai import errors as google_errors
from hypothesis import given
from hypothesis import strategies as st

from tollway.errors import REASONS
from tollway.exchange.refusal import Refusal, body, event, headers

ID = "01900000-0000-7000-8000-000000000001"
CODES = sorted(REASONS)
DIALECTS = ("openai", "anthropic", "google")


def refusal(code: str = "budget_exceeded", **fields: Any) -> Refusal:
    return Refusal(code=code, message='Budget "b" is exhausted.', **fields)


def shaped(code: str, dialect: Any, **fields: Any) -> Any:
    return json.loads(body(refusal(code, **fields), dialect, ID))


def response(code: str, dialect: Any) -> httpx2.Response:
    refused = refusal(code)
    return httpx2.Response(
        refused.status,
        headers=list(headers(refused, ID, cf_spelling=False)),
        content=body(refused, dialect, ID),
        request=httpx2.Request("POST", "http://gateway/v1"),
    )


@pytest.mark.parametrize("code", CODES)
def test_the_openai_sdk_reads_every_refusal(code: str) -> None:
    client = openai.OpenAI(api_key="x", base_url="http://gateway/v1")
    error = client._make_status_error_from_response(response(code, "openai"))
    assert error.status_code == REASONS[code].status
    assert isinstance(error, openai.APIStatusError)
    assert (error.code, error.param) == (code, None) and isinstance(error.type, str)
    assert "is exhausted" in error.message


@pytest.mark.parametrize("code", CODES)
def test_the_anthropic_sdk_reads_every_refusal(code: str) -> None:
    client = anthropic.Anthropic(api_key="x", base_url="http://gateway")
    error = client._make_status_error_from_response(response(code, "anthropic"))
    assert isinstance(error, anthropic.APIStatusError) and error.status_code == REASONS[code].status
    assert isinstance(error.body, dict)
    assert error.body["type"] == "error" and "is exhausted" in error.body["error"]["message"]
    assert error.body["error"]["type"].endswith("_error") or error.body["error"]["type"] == "request_too_large"


@pytest.mark.parametrize("code", CODES)
def test_the_google_sdk_reads_every_refusal(code: str) -> None:
    with pytest.raises(google_errors.APIError) as raised:
        google_errors.APIError.raise_for_response(response(code, "google"))
    assert raised.value.code == REASONS[code].status
    assert raised.value.message is not None and "is exhausted" in raised.value.message
    assert raised.value.status is not None and raised.value.status.isupper()


def test_the_sdks_know_a_spent_budget_from_a_busy_one() -> None:
    assert shaped("budget_exceeded", "openai")["error"]["type"] == "insufficient_quota"
    assert shaped("budget_contended", "openai")["error"]["type"] == "rate_limit_error"
    assert shaped("rate_limited", "openai")["error"]["type"] == "rate_limit_error"
    assert shaped("budget_exceeded", "anthropic")["error"]["type"] == "rate_limit_error"
    assert shaped("budget_exceeded", "google")["error"]["status"] == "RESOURCE_EXHAUSTED"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_carries_the_same_object_for_machines(dialect: Any) -> None:
    ours = shaped("budget_exceeded", dialect, details={"limit_usd": "5"})["error"]["tollway"]
    assert ours == {"code": "budget_exceeded", "request_id": ID, "limit_usd": "5"}


def told(**fields: Any) -> dict[bytes, bytes]:
    cf_spelling = fields.pop("cf_spelling", False)
    found = headers(refusal(**fields), ID, cf_spelling=cf_spelling)
    assert len(dict(found)) == len(found)
    return dict(found)


def test_headers_name_the_reason_the_request_and_the_rule() -> None:
    assert told(rule="each", retry_after_s=60) == {
        b"content-type": b"application/json",
        b"tollway-error": b"budget_exceeded",
        b"tollway-request-id": ID.encode(),
        b"x-should-retry": b"false",
        b"retry-after": b"60",
        b"tollway-budget": b"each",
    }


def test_headers_are_spelled_as_the_caller_spells_them() -> None:
    found = told(rule="each", cf_spelling=True)
    assert {b"cf-aig-error", b"cf-aig-request-id", b"cf-aig-budget"} <= set(found)
    assert not any(name.startswith(b"tollway-") for name in found)


@pytest.mark.parametrize("code", ["budget_exceeded", "budget_frozen", "price_unknown", "request_unbounded"])
def test_a_budget_that_refuses_is_named_in_a_header(code: str) -> None:
    assert told(code=code, rule="each")[b"tollway-budget"] == b"each"


@pytest.mark.parametrize(
    "code", ["provider_key_missing", "credential_expired", "custom_cost_forbidden", "model_missing", "model_unknown"]
)
def test_a_provider_or_a_key_that_refuses_is_not_named_as_a_budget(code: str) -> None:
    assert b"tollway-budget" not in told(code=code, rule="openai")


@pytest.mark.parametrize("code", CODES)
def test_retrying_is_advised_where_it_may_help(code: str) -> None:
    assert told(code=code)[b"x-should-retry"] == (b"true" if REASONS[code].retry else b"false")


@pytest.mark.parametrize("code", CODES)
def test_where_a_retry_may_help_it_is_said_when_and_every_header_is_in_the_reference(code: str) -> None:
    found = told(code=code, rule="each")
    assert (b"retry-after" in found) is REASONS[code].retry
    page = (Path(__file__).parents[2] / "docs" / "reference" / "headers.md").read_text(encoding="utf-8")
    assert all(f"`{name.decode()}`" in page for name in found if name != b"content-type")


def test_a_401_names_the_scheme_that_is_accepted() -> None:
    assert told(code="credential_missing")[b"www-authenticate"].startswith(b"Bearer")
    assert b"www-authenticate" not in told(code="budget_exceeded")


@given(st.text(), st.text())
def test_no_name_breaks_out_of_its_header_or_its_body(rule: str, message: str) -> None:
    refused = Refusal(code="budget_exceeded", message=message.encode("utf-8", "replace").decode(), rule=rule)
    for _, value in headers(refused, ID, cf_spelling=False):
        assert all(0x20 <= byte <= 0x7E for byte in value)
    for dialect in DIALECTS:
        raw = body(refused, dialect, ID)  # type: ignore[arg-type]
        assert json.loads(raw)["error"]["message"] == refused.message
        told = event(refused, dialect, ID)  # type: ignore[arg-type]
        assert told.endswith(b"\n\n") and b"\n" not in told[:-2].removeprefix(b"event: error\n") and b"\r" not in told


def test_a_stream_ends_with_an_event_of_its_dialect() -> None:
    assert event(refusal(), "anthropic", ID).startswith(b'event: error\ndata: {"type":"error"')
    assert event(refusal(), "openai", ID).startswith(b'data: {"error"')
    assert event(refusal(), "google", ID).startswith(b'data: {"error"')

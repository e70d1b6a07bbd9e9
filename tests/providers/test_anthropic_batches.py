"""Anthropic's batches: requests, states, results."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.anthropic_batches import read_requests, read_result, read_state, with_own_results
from tollway.providers.batches import Requests, State
from tollway.providers.codec import Malformed

PARAMS = {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


def body(*params: Any) -> bytes:
    return json.dumps({"requests": [{"custom_id": str(n), "params": p} for n, p in enumerate(params)]}).encode()


def test_each_request_is_read_as_if_it_came_alone() -> None:
    found = read_requests(body(PARAMS, {**PARAMS, "max_tokens": 7}))
    assert isinstance(found, Requests)
    assert (found.model, found.endpoint, found.api) == ("claude-haiku-4-5", "/messages", "anthropic.messages")
    assert [request.ask.max_output_tokens for request in found.all] == [9, 7]
    assert found.all[0].size == len(json.dumps(PARAMS))


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "is not"),
        (b"[]", "is not"),
        (b"{}", "is not"),
        (b'{"requests": [1]}', "is not"),
        (b'{"requests": [{"params": {}}]}', "custom_id"),
        (b'{"requests": [{"custom_id": "a"}]}', "params"),
        (b'{"requests": [], "model": "x"}', "model"),
        (b'{"requests": [{"custom_id": "a", "params": []}]}', "requests[0].params"),
        (b'{"requests": [{"custom_id": "a", "params": {"model": "m", "max_tokens": "many"}}]}', "max_tokens"),
        (b"\xff", "is not"),
        (body({**PARAMS, "stop_sequences": [{}] * 200_001}), "values"),
        (b'{"requests": [' + b'{"custom_id":"","params":{}},' * 100_001 + b"{}]}", "too many requests"),
    ],
)
def test_what_is_no_batch_is_refused_by_the_name_of_its_fault(raw: bytes, said: str) -> None:
    found = read_requests(raw)
    assert isinstance(found, Malformed) and said in found.message


@given(st.binary(max_size=60))
def test_no_bytes_break_the_readers(raw: bytes) -> None:
    assert isinstance(read_requests(raw), Malformed)
    assert read_state(raw) is None
    assert read_result(raw) is None
    assert with_own_results(raw) == raw


def state(**fields: Any) -> bytes:
    return json.dumps({"id": "b", "type": "message_batch", "processing_status": "in_progress", **fields}).encode()


def test_a_state_tells_the_end_and_how_many_were_answered() -> None:
    assert read_state(state()) == State("b", False, None, "", ())
    counts = {"processing": 0, "succeeded": 3, "errored": 1, "canceled": 0, "expired": 0}
    assert read_state(state(request_counts=counts)) == State("b", False, None, "", ())
    assert read_state(state(processing_status="ended", request_counts=counts)) == State("b", True, 3, "", ())
    assert read_state(state(processing_status="ended")) == State("b", True, None, "", ())
    assert read_state(b'{"id": "b", "type": "message_batch_deleted"}') is None


@pytest.mark.parametrize("kind", ["errored", "canceled", "expired"])
def test_what_was_not_answered_costs_nothing(kind: str) -> None:
    result = read_result(json.dumps({"custom_id": "a", "result": {"type": kind}}).encode())
    assert result is not None and result.report is None


def test_an_answer_tells_its_usage() -> None:
    message = {"id": "m", "model": "x", "usage": {"input_tokens": 4, "output_tokens": 2, "service_tier": "batch"}}
    result = read_result(json.dumps({"custom_id": "a", "result": {"type": "succeeded", "message": message}}).encode())
    assert result is not None and result.report is not None and result.report.usage is not None
    assert (result.report.usage.input_tokens, result.report.service_tier) == (4, "batch")


def test_only_the_address_of_the_results_is_changed() -> None:
    given_batch = state(results_url="https://elsewhere.invalid/v1/messages/batches/b/results")
    shown = json.loads(with_own_results(given_batch))
    assert shown.pop("results_url") == "/v1/messages/batches/b/results"
    assert shown == {k: v for k, v in json.loads(given_batch).items() if k != "results_url"}
    assert with_own_results(state(results_url=None)) == state(results_url=None)

import json
from typing import Any

import pytest

from tollway.providers.answer import values
from tollway.providers.gathered_error import Failed, failed


def found(event: Any, *, named: bool = False) -> Failed | None:
    return failed(values(json.dumps(event).encode()), named=named)


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ({"error": {"message": "m", "status_code": 418}}, 418),
        ({"error": {"message": "m", "code": "503"}}, 503),
        ({"error": {"message": "m", "type": "invalid_request_error", "code": "x"}}, 400),
        ({"error": {"message": "m", "type": "tokens", "code": "rate_limit_exceeded"}}, 429),
        ({"error": {"message": "m", "code": "context_length_exceeded"}}, 400),
        ({"error": {"message": "m", "type": "never heard of"}}, 500),
        ({"error": {"message": "m", "code": 200}}, 500),
        ({"error": "out of memory"}, 500),
        ({"error": "too long", "status_code": 413}, 413),
        ({"error": {"code": 503, "message": "m", "status": "UNAVAILABLE"}}, 503),
        ({"error": {"message": "m", "status": "RESOURCE_EXHAUSTED"}}, 429),
        ({"id": "x", "choices": [{"finish_reason": "error"}], "error": {"code": 502, "message": "m"}}, 502),
    ],
)
def test_an_error_has_the_status_it_names_or_stands_for(event: Any, status: int) -> None:
    error = found(event)
    assert error is not None
    assert error.status == status
    assert json.loads(error.body) == {"error": event["error"]}


def test_anthropics_error_is_its_body_as_it_came() -> None:
    event = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_1"}
    error = found(event)
    assert error is not None
    assert error.status == 529
    assert json.loads(error.body) == event


def test_an_error_without_an_envelope_is_given_one() -> None:
    error = found({"type": "error", "code": "server_error", "message": "m", "param": None, "sequence_number": 3})
    assert error is not None
    assert error.status == 500
    assert json.loads(error.body) == {
        "error": {"type": "server_error", "code": "server_error", "message": "m", "param": None}
    }
    error = found({"object": "error", "message": "m", "type": "BadRequestError", "code": 400})
    assert error is not None
    assert error.status == 400
    assert json.loads(error.body)["error"]["type"] == "BadRequestError"


def test_an_event_that_is_called_an_error_is_one() -> None:
    assert found({"message": "m"}) is None
    error = found({"message": "m"}, named=True)
    assert error is not None
    assert json.loads(error.body) == {"error": {"type": "server_error", "message": "m"}}


@pytest.mark.parametrize(
    "event",
    [
        {"choices": []},
        {"error": None, "choices": []},
        {"error": "", "choices": []},
        {"error": {}, "choices": []},
        {"type": "response.failed", "response": {"error": {"code": "server_error"}}},
        {"object": "response", "status": "failed", "error": {"code": "server_error"}},
    ],
)
def test_what_is_no_error_is_none(event: Any) -> None:
    assert found(event) is None

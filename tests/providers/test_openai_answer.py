import json
from typing import Any

import pytest

from tollway.providers.openai_answer import read_answer
from tollway.usage import Report, Usage

PLAIN = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def read(usage: Any, **more: Any) -> Report:
    body = {"id": "x", "model": "m", "choices": [{"finish_reason": "stop"}], "usage": usage, **more}
    return read_answer(json.dumps(body).encode())


def test_the_usual_answer_is_read_whole() -> None:
    found = read(PLAIN, service_tier="default")
    assert found.usage == Usage(input_tokens=10, output_tokens=5)
    assert (found.response_model, found.response_id, found.service_tier, found.finish_reason) == (
        "m",
        "x",
        "default",
        "stop",
    )


@pytest.mark.parametrize(
    "extra",
    [
        {"queue_time": 0.1},
        {"cost": None},
        {"prompt_cache_hit_tokens": 0},
        {"prompt_tokens_details": {"text_tokens": 10}},
    ],
)
def test_what_others_add_to_it_changes_none_of_the_counts(extra: dict[str, Any]) -> None:
    usage = read({**PLAIN, **extra}).usage
    assert usage is not None and (usage.input_tokens, usage.output_tokens) == (10, 5)


@pytest.mark.parametrize("usage", [{**PLAIN, "total_tokens": 99}, {**PLAIN, "prompt_tokens": -1}])
def test_counts_that_do_not_add_up_are_suspect(usage: Any) -> None:
    assert read(usage).suspect is not None


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"usage": 5}'])
def test_an_unreadable_answer_reports_nothing(body: bytes) -> None:
    assert read_answer(body) == Report()


NOTHING_MADE = {"prompt_tokens": 10, "completion_tokens": 0, "total_tokens": 10}


@pytest.mark.parametrize("message", [{"content": "hi"}, {"content": [{"type": "text"}]}, {"tool_calls": [{"id": "c"}]}])
def test_no_output_is_not_believed_beside_what_was_shown(message: dict[str, Any]) -> None:
    found = read(NOTHING_MADE, choices=[{"message": message, "finish_reason": "stop"}])
    assert found.usage == Usage(input_tokens=10)
    assert found.suspect is not None and "0 tokens" in found.suspect


@pytest.mark.parametrize(
    "choice",
    [
        {"message": {"content": ""}},
        {"message": {"content": None, "tool_calls": []}},
        {"message": None},
        # A completion of no tokens may say its prompt again.
        {"text": "Once upon a time"},
        "odd",
    ],
)
def test_no_output_is_believed_where_nothing_was_shown(choice: Any) -> None:
    assert read(NOTHING_MADE, choices=[choice]).usage == Usage(input_tokens=10, output_tokens=0)


def test_the_thoughts_of_gemini_are_noted() -> None:
    usage = {"completion_tokens": 6, "prompt_tokens": 66, "total_tokens": 100}
    found = read(usage, model="gemini-2.5-pro-preview-05-06")
    assert found.usage == Usage(input_tokens=66, output_tokens=6)
    assert found.suspect is not None and "the 28 between them" in found.suspect

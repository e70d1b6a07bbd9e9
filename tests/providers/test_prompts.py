import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tollway.providers.prompts import MOST_BYTES, prompt_of
from tollway.providers.vocabularies import vocabulary_of
from tollway.proxy.tokens import count_all
from tollway.request import Api

DATA = Path(os.environ.get("TOLLWAY_TEST_DATA", str(Path(__file__).parents[3] / "shared" / "data"))) / "responses.jsonl"
APIS: dict[str, Api] = {
    "chat.completions": "openai.chat",
    "completions": "openai.completions",
    "responses": "openai.responses",
}


def read(api: Api, **body: Any) -> Any:
    return prompt_of(api, msgspec.json.encode(body))


def test_messages_of_text_are_plain() -> None:
    messages = [{"role": "system", "content": "a"}, {"role": "user", "content": [{"type": "text", "text": "b"}]}]
    found = read("openai.chat", model="gpt-4o", temperature=1, messages=messages)
    assert (found.texts, found.messages, found.other_tokens, found.plain) == (("a", "b"), 2, 0, True)


def test_instructions_and_a_string_are_messages_too() -> None:
    found = read("openai.responses", model="gpt-4o", instructions="a", input="b", stream=True)
    assert (found.texts, found.messages, found.plain) == (("a", "b"), 2, True)


def test_prompts_have_no_messages() -> None:
    assert read("openai.completions", prompt=["a", "b"]).texts == ("a", "b")
    assert read("openai.completions", prompt="a").messages == 0


@pytest.mark.parametrize(
    "more",
    [
        {"tools": [{"type": "function", "function": {"name": "look_up"}}]},
        {"response_format": {"type": "json_object"}},
        {"never_heard_of_it": "x"},
        {"messages": [{"role": "user", "content": "a", "name": "bob"}]},
        {"messages": [{"role": "assistant", "content": None, "tool_calls": [{"id": "x"}]}]},
        {"messages": [{"role": "a role of its own", "content": "a"}]},
    ],
)
def test_what_the_model_is_told_in_other_words_is_no_plain_text(more: dict[str, Any]) -> None:
    found = read("openai.chat", **{"messages": [{"role": "user", "content": "a"}], **more})
    assert not found.plain
    assert found.other_tokens > 0


@pytest.mark.parametrize(
    "body",
    [
        {"messages": "hi"},
        {"messages": ["hi"]},
        {"messages": [{"role": "user", "content": 1}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]},
        {"messages": [{"role": "user", "content": [1]}]},
        {"messages": [], "tools": [{"type": "web_search"}]},
        {"messages": [], "tools": "x"},
        [],
    ],
)
def test_what_does_not_show_its_size_is_not_read(body: Any) -> None:
    assert prompt_of("openai.chat", msgspec.json.encode(body)) is None


def test_other_apis_and_large_bodies_are_not_read() -> None:
    assert prompt_of("google.generate", b"{}") is None
    assert prompt_of("openai.chat", b"{") is None
    assert read("openai.responses", input=[{"type": "reasoning"}]) is None
    assert read("openai.responses", input=7) is None
    assert read("openai.completions", prompt=[1, 2]) is None
    assert read("openai.chat", messages=[{"role": "user", "content": "x" * MOST_BYTES}]) is None


def recorded() -> list[dict[str, Any]]:
    if not DATA.exists():
        return []
    rows = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]
    return [
        row
        for row in rows
        if row["api"] in APIS and row["provider"] in ("openai", "azure") and "made up" not in str(row["notes"])
    ]


def test_no_recorded_request_to_openai_was_billed_more_than_is_counted() -> None:
    if not recorded():
        pytest.skip("the recorded responses are not there; set TOLLWAY_TEST_DATA to their folder")
    checked = plain = 0
    for row in recorded():
        vocabulary = vocabulary_of(row["provider"], row["model"] or "")
        billed = ((row["expected"] or {}).get("usage") or {}).get("input")
        if vocabulary is None or not billed:
            continue
        counted = count_all(vocabulary.name, [], APIS[row["api"]], json.dumps(row["request"]).encode())
        if counted.prompt_tokens is None:
            continue
        framing = vocabulary.message_tokens * counted.messages + (vocabulary.request_tokens if counted.messages else 0)
        assert counted.prompt_tokens + framing >= billed, row["id"]
        checked += 1
        if counted.plain:
            assert counted.prompt_tokens + framing <= billed + 4 * counted.messages + 1, row["id"]
            plain += 1
    assert checked >= 20
    assert plain >= 15

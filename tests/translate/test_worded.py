"""A request in other words is the same wherever it is put there, and keeps nothing of its conversation."""

import json
import pickle
from typing import Any

import pytest

from tollway.translate.conversation import Untranslatable
from tollway.translate.wanted import Wanted
from tollway.translate.worded import worded

LONG = "a long word " * 5_000
TOOL = {"type": "function", "name": "look.up", "parameters": {"type": "object", "properties": {}}}


def wanted(source: Any, target: Any, path: str) -> Wanted:
    return Wanted(
        source=source, target=target, path=path, query=b"", model="claude-sonnet-4-5", known_as="claude-sonnet-4-5",
        max_tokens=100, now_s=7,
    )  # fmt: skip


RESPONSES = json.dumps({"model": "x", "input": LONG, "tools": [TOOL]}).encode()
CHAT = json.dumps(
    {
        "model": "x",
        "messages": [{"role": "user", "content": LONG}],
        "tools": [{"type": "function", "function": {"name": "look.up", "parameters": {"type": "object"}}}],
    }
).encode()
ANSWER = json.dumps(
    {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": [{"type": "text", "text": "hello"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }
).encode()


@pytest.mark.parametrize(
    ("source", "path", "body"),
    [("openai.chat", "/v1/chat/completions", CHAT), ("openai.responses", "/v1/responses", RESPONSES)],
)
def test_what_is_kept_for_the_answer_is_small_and_can_be_sent_from_one_process_to_another(
    source: str, path: str, body: bytes
) -> None:
    found = worded(wanted(source, "anthropic.messages", path), body)
    assert LONG.encode() in found.sent.body
    kept = pickle.dumps(found.translation)
    assert len(kept) < 10_000 and LONG.encode() not in kept
    there = pickle.loads(kept)
    assert there.answer(200, ANSWER) == found.translation.answer(200, ANSWER)
    # The tool's name goes by another spelling, which the kept translation knows to spell back.
    spelled = json.loads(found.sent.body)["tools"][0]["name"]
    called = ANSWER.replace(
        b'{"type": "text", "text": "hello"}',
        json.dumps({"type": "tool_use", "id": "t", "name": spelled, "input": {}}).encode(),
    )
    assert spelled != "look.up" and b"look.up" in there.answer(200, called)


def test_what_cannot_be_said_is_refused_by_its_name() -> None:
    with pytest.raises(Untranslatable) as refused:
        worded(wanted("openai.chat", "anthropic.messages", "/v1/chat/completions"), CHAT.replace(b"{", b'{"n": 2, ', 1))
    assert refused.value.field == "n"

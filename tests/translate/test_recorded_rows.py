"""Recorded answers of real providers, through the neutral form: what they say stays what it is, in either API and in any cut."""

import json
import random
from typing import Any, NamedTuple

import anthropic.types
import openai.types.chat
import pytest
from recorded_rows import REASON, rows

from tollway.providers.anthropic_usage import read_usage as read_anthropic_usage
from tollway.providers.gathered import gatherer
from tollway.providers.openai_usage import read_usage as read_openai_usage
from tollway.translate.conversation import Kind
from tollway.translate.translation import Translation
from tollway.usage import Usage

CHAT, MESSAGES = rows("chat.completions"), rows("messages")
ROWS: list[tuple[Kind, dict[str, Any]]] = [
    *(("openai.chat", row) for row in CHAT if row["id"] != "d0160"),
    *(("anthropic.messages", row) for row in MESSAGES),
]
BROKEN = [("openai.chat", row) for row in CHAT if row["id"] == "d0160"]
"""A stream that Groq ends with an error."""
STREAMS = [(kind, row) for kind, row in ROWS if row["stream"]]
pytestmark = pytest.mark.skipif(not ROWS, reason=REASON)
BOTH: tuple[Kind, ...] = ("openai.chat", "anthropic.messages")
ASKED = {
    "openai.chat": {
        "model": "m",
        "messages": [{"role": "user", "content": "Hello"}],
        "stream_options": {"include_usage": True},
    },
    "anthropic.messages": {"model": "m", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 100},
}
# What each API calls the same end.
ENDS = {
    "stop": "end",
    "end_turn": "end",
    "stop_sequence": "end",
    "pause_turn": "end",
    "refusal": "filtered",
    "max_tokens": "length",
}
ENDS |= {
    "content_filter": "filtered",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "model_length": "length",
}


class Said(NamedTuple):
    """What an answer says, whatever its API."""

    text: str
    thought: str
    calls: list[tuple[str, Any]]
    end: str | None
    usage: dict[str, int]


def by_row(cases: list[tuple[Kind, dict[str, Any]]]) -> Any:
    return pytest.mark.parametrize(("kind", "row"), cases, ids=[row["id"] for _, row in cases])


def made(source: Kind, target: Kind, *, stream: bool) -> Translation:
    translation = Translation(source, target, now_s=1_700_000_000)
    body = json.dumps({**ASKED[source], "stream": stream}).encode()
    translation.request(body, path="", query=b"", model="m", max_tokens=100)
    return translation


def counted(usage: Usage) -> dict[str, int]:
    # Anthropic has no counts of sounds and pictures, and OpenAI none of cache lifetimes and searches.
    names = (
        "input_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        "output_tokens",
        "reasoning_output_tokens",
    )
    return {name: number for name in names if (number := getattr(usage, name))}


def said_chat(body: dict[str, Any]) -> Said:
    choice = body["choices"][0] if body["choices"] else {}
    message = choice.get("message") or {}
    content = message.get("content") or (message.get("audio") or {}).get("transcript") or ""
    thought = message.get("reasoning_content") or message.get("reasoning") or ""
    if isinstance(content, list):
        thought = "".join(piece["text"] for part in content if part["type"] == "thinking" for piece in part["thinking"])
        content = "".join(part["text"] for part in content if part["type"] == "text")
    text = content + (message.get("refusal") or "")
    functions = [call["function"] for call in message.get("tool_calls") or []]
    functions += [message["function_call"]] if message.get("function_call") else []
    calls = [(function["name"], json.loads(function["arguments"] or "{}")) for function in functions]
    found = body.get("usage") or (body.get("x_groq") or {}).get("usage") or {}
    reason = choice.get("finish_reason") or ("tool_calls" if calls else "stop")
    end = "tool_calls" if calls and reason == "stop" else ENDS.get(reason, reason)
    return Said(text, thought, calls, end, counted(read_openai_usage(found)[0]))


def said_messages(body: dict[str, Any]) -> Said:
    blocks = body["content"]
    return Said(
        "".join(block["text"] for block in blocks if block["type"] == "text"),
        "".join(block["thinking"] for block in blocks if block["type"] == "thinking"),
        [(block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"],
        ENDS.get(body["stop_reason"], body["stop_reason"]),
        counted(read_anthropic_usage(body["usage"])),
    )


def said(kind: Kind, body: bytes) -> Said:
    return said_chat(json.loads(body)) if kind == "openai.chat" else said_messages(json.loads(body))


def gathered(kind: Kind, stream: bytes) -> bytes:
    together = gatherer(kind)
    assert together is not None
    together.feed(stream)
    whole = together.answer()
    assert whole is not None, together.reason
    return whole


def original(kind: Kind, row: dict[str, Any]) -> Said:
    body = row["response"].encode()
    return said(kind, gathered(kind, body) if row["stream"] else body)


def translated(source: Kind, target: Kind, row: dict[str, Any]) -> bytes:
    """The answer in the words of `source`, whole."""
    body = row["response"].encode()
    translation = made(source, target, stream=row["stream"])
    if not row["stream"]:
        return translation.answer(200, body)
    stream = translation.stream()
    return gathered(source, stream.feed(body) + stream.finish(True))


@by_row(ROWS)
def test_an_answer_written_in_its_own_api_says_the_same(kind: Kind, row: dict[str, Any]) -> None:
    assert said(kind, translated(kind, kind, row)) == original(kind, row)


@by_row(ROWS)
def test_an_answer_written_in_the_other_api_says_the_same(kind: Kind, row: dict[str, Any]) -> None:
    other: Kind = "anthropic.messages" if kind == "openai.chat" else "openai.chat"
    expected = original(kind, row)
    if row["id"] == "d0256":
        # The same tokens told as read and as written, which exclusive counts cannot say.
        expected.usage["cache_creation_input_tokens"] = (
            expected.usage["input_tokens"] - expected.usage["cache_read_input_tokens"]
        )
    assert said(other, translated(other, kind, row)) == expected


@by_row(BROKEN)
@pytest.mark.parametrize("source", BOTH)
def test_an_error_amid_a_stream_is_told_in_the_callers_shape(source: Kind, kind: Kind, row: dict[str, Any]) -> None:
    stream = made(source, kind, stream=True).stream()
    sent = stream.feed(row["response"].encode()) + stream.finish(False)
    last = json.loads(sent.strip().split(b"\n\n")[-1].partition(b"data: ")[2])
    assert stream.failed
    assert last["error"]["message"].startswith("Tool call validation failed")
    assert last["error"]["type"] == "invalid_request_error"
    assert b"[DONE]" not in sent and b"message_stop" not in sent


@by_row(ROWS)
def test_the_official_clients_read_what_is_written(kind: Kind, row: dict[str, Any]) -> None:
    completion = openai.types.chat.ChatCompletion.model_validate_json(translated("openai.chat", kind, row), strict=True)
    message = anthropic.types.Message.model_validate_json(translated("anthropic.messages", kind, row), strict=True)
    expected = original(kind, row)
    assert (completion.choices[0].message.content or "") + (
        completion.choices[0].message.refusal or ""
    ) == expected.text
    assert "".join(block.text for block in message.content if block.type == "text") == expected.text
    assert [block.name for block in message.content if block.type == "tool_use"] == [name for name, _ in expected.calls]
    if completion.usage is not None:
        assert completion.usage.prompt_tokens == expected.usage.get("input_tokens", 0)
        assert completion.usage.completion_tokens == message.usage.output_tokens


@by_row(STREAMS)
@pytest.mark.parametrize("source", BOTH)
def test_every_event_of_a_stream_is_what_the_official_clients_expect(
    source: Kind, kind: Kind, row: dict[str, Any]
) -> None:
    stream = made(source, kind, stream=True).stream()
    events = [event for event in (stream.feed(row["response"].encode()) + stream.finish(True)).split(b"\n\n") if event]
    data = [event.partition(b"data: ")[2] for event in events]
    if source == "openai.chat":
        assert data.pop() == b"[DONE]"
        for one in data:
            openai.types.chat.ChatCompletionChunk.model_validate_json(one, strict=True)
        return
    adapter = anthropic._models.TypeAdapter(anthropic.types.RawMessageStreamEvent)  # type: ignore[attr-defined]
    opened = None
    for one in data:
        event = adapter.validate_json(one)
        match event.type:
            case "content_block_start":
                assert opened is None
                opened = event.index
            case "content_block_delta":
                assert event.index == opened
            case "content_block_stop":
                assert event.index == opened
                opened = None
            case _:
                assert opened is None
    assert [json.loads(one)["type"] for one in (data[0], *data[-2:])] == [
        "message_start",
        "message_delta",
        "message_stop",
    ]


SHORT = sorted(STREAMS, key=lambda case: len(case[1]["response"]))[:4]


@by_row(SHORT)
@pytest.mark.parametrize("source", BOTH)
def test_a_short_stream_may_be_cut_at_every_byte(source: Kind, kind: Kind, row: dict[str, Any]) -> None:
    body = row["response"].encode()
    whole = made(source, kind, stream=True).stream()
    expected = whole.feed(body) + whole.finish(True)
    translation = made(source, kind, stream=True)
    for cut in range(len(body)):
        stream = translation.stream()
        assert stream.feed(body[:cut]) + stream.feed(body[cut:]) + stream.finish(True) == expected


@by_row(STREAMS)
@pytest.mark.parametrize("source", BOTH)
def test_a_stream_may_be_cut_anywhere_and_have_other_line_ends(source: Kind, kind: Kind, row: dict[str, Any]) -> None:
    draw = random.Random(row["id"])
    body = row["response"].encode()
    whole = made(source, kind, stream=True).stream()
    expected = whole.feed(body) + whole.finish(True)
    stream = made(source, kind, stream=True).stream()
    windows = body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    cuts = sorted(draw.randrange(len(windows)) for _ in range(40))
    sent = b"".join(
        stream.feed(windows[start:end]) for start, end in zip([0, *cuts], [*cuts, len(windows)], strict=True)
    )
    assert sent + stream.finish(True) == expected


@by_row(STREAMS)
@pytest.mark.parametrize("source", BOTH)
def test_a_stream_that_breaks_off_is_given_no_end(source: Kind, kind: Kind, row: dict[str, Any]) -> None:
    body = row["response"].encode()
    stream = made(source, kind, stream=True).stream()
    sent = stream.feed(body[: len(body) // 3]) + stream.finish(False)
    assert b"[DONE]" not in sent
    assert b"message_stop" not in sent and b"message_delta" not in sent
    assert not stream.failed

"""One attempt at a provider that speaks another API."""

import json
from typing import Any, get_args

import anthropic.types
import openai.types.chat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.request import Api
from tollway.translate.conversation import Kind, Untranslatable
from tollway.translate.fields import Malformed
from tollway.translate.translation import Sent, Translation, translatable

KINDS: tuple[Kind, ...] = get_args(Kind)
BODIES: dict[Kind, dict[str, Any]] = {
    "openai.chat": {"model": "x", "messages": [{"role": "user", "content": "Hello"}]},
    "openai.responses": {"model": "x", "input": "Hello"},
    "anthropic.messages": {"model": "x", "max_tokens": 50, "messages": [{"role": "user", "content": "Hello"}]},
    "google.generate": {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]},
}
PATHS: dict[Kind, str] = {
    "openai.chat": "/v1/chat/completions",
    "openai.responses": "/v1/responses",
    "anthropic.messages": "/v1/messages",
    "google.generate": "/v1beta/models/mine:generateContent",
}
PAIRS = [(source, target) for source in KINDS for target in KINDS if source != target]


def send(translation: Translation, body: Any, *, path: str = "", query: bytes = b"", cap: int | None = 100) -> Sent:
    return translation.request(json.dumps(body).encode(), path=path, query=query, model="mine", max_tokens=cap)


def test_only_apis_of_chat_models_are_translated() -> None:
    assert {
        (source, target) for source in get_args(Api) for target in get_args(Api) if translatable(source, target)
    } == set(PAIRS)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_every_api_is_sent_as_every_other(source: Kind, target: Kind) -> None:
    path = "/v1beta/models/theirs:generateContent" if source == "google.generate" else PATHS[source]
    sent = send(Translation(source, target), BODIES[source], path=path)
    assert (sent.path, sent.query, sent.lost, sent.stream) == (PATHS[target], b"", (), False)
    assert b"Hello" in sent.body
    body = json.loads(sent.body)
    if target == "google.generate":
        assert "model" not in body
    else:
        assert body["model"] == "mine"


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_every_stream_is_asked_for_as_the_other_api_has_it(source: Kind, target: Kind) -> None:
    body = BODIES[source] if source == "google.generate" else {**BODIES[source], "stream": True}
    path = "/v1beta/models/theirs:streamGenerateContent" if source == "google.generate" else PATHS[source]
    sent = send(Translation(source, target), body, path=path, query=b"key=k&alt=sse")
    assert sent.stream
    if target == "google.generate":
        assert (sent.path, sent.query) == ("/v1beta/models/mine:streamGenerateContent", b"alt=sse")
    else:
        assert (sent.path, sent.query) == (PATHS[target], b"")
        assert json.loads(sent.body)["stream"] is True


def test_googles_stream_as_an_array_is_refused_with_the_way_out() -> None:
    path = "/v1beta/models/m:streamGenerateContent"
    with pytest.raises(Untranslatable, match="alt=sse"):
        send(Translation("google.generate", "openai.chat"), BODIES["google.generate"], path=path)


def test_a_model_with_a_slash_stays_one_segment_of_the_path() -> None:
    sent = Translation("openai.chat", "google.generate").request(
        json.dumps(BODIES["openai.chat"]).encode(), path="", query=b"", model="a/b c", max_tokens=None
    )
    assert sent.path == "/v1beta/models/a%2Fb%20c:generateContent"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'"a"'])
def test_a_body_that_is_no_object_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        Translation("openai.chat", "anthropic.messages").request(body, path="", query=b"", model="m", max_tokens=1)


def test_lost_fields_are_short_ascii_names_and_told_once() -> None:
    body = {**BODIES["openai.chat"], "seed": 1, "store": True, "temperature": 2}
    assert send(Translation("openai.chat", "anthropic.messages"), body).lost == ("store", "temperature", "seed")


def test_an_error_is_told_in_the_callers_shape() -> None:
    translation = Translation("anthropic.messages", "openai.chat")
    send(translation, BODIES["anthropic.messages"])
    error = {"error": {"message": "Slow down.", "type": "tokens", "code": "rate_limit_exceeded"}}
    assert json.loads(translation.answer(429, json.dumps(error).encode())) == {
        "type": "error",
        "error": {"type": "rate_limit_error", "message": "Slow down."},
    }


@pytest.mark.parametrize(("status", "told"), [(200, 502), (503, 503)])
def test_an_answer_that_is_not_json_is_quoted_in_part(status: int, told: int) -> None:
    translation = Translation("openai.chat", "anthropic.messages")
    send(translation, BODIES["openai.chat"])
    body = b"<html>" + b"x" * 5000
    failed = translation.told(status, body).failed
    assert failed is not None and failed.status == told
    message = json.loads(translation.answer(status, body))["error"]["message"]
    assert message.endswith("<html>" + "x" * 494)


def test_an_error_with_a_good_status_is_an_error() -> None:
    translation = Translation("anthropic.messages", "openai.chat")
    send(translation, BODIES["anthropic.messages"])
    body = b'{"error": {"message": "Upstream.", "code": 503}}'
    failed = translation.told(200, body).failed
    assert failed is not None and failed.status == 503
    assert json.loads(translation.answer(200, body))["error"]["message"] == "Upstream."


def test_an_answer_without_a_time_gets_the_gateways() -> None:
    translation = Translation("openai.chat", "anthropic.messages", now_s=77)
    send(translation, BODIES["openai.chat"])
    message = {"id": "a", "model": "m", "content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn"}
    completion = openai.types.chat.ChatCompletion.model_validate_json(
        translation.answer(200, json.dumps(message).encode())
    )
    assert (completion.created, completion.choices[0].message.content) == (77, "Hi")
    assert completion.usage is None


words = st.text("abc xyzäö👋.", min_size=1, max_size=12).filter(lambda text: text.strip() == text)
names = st.from_regex(r"[a-z_][a-z0-9_]{0,11}", fullmatch=True)
arguments = st.dictionaries(names, st.one_of(words, st.integers(-5, 5), st.booleans()), max_size=2)


@st.composite
def conversations(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Chats as OpenAI has them, of what Anthropic has as well, that begin and end with the user."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": draw(words)}] if draw(st.booleans()) else []
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    calls = 0
    for _ in range(draw(st.integers(1, 4))):
        text = draw(words)
        content = [{"type": "text", "text": text}, picture] if draw(st.booleans()) else text
        messages.append({"role": "user", "content": content})
        assistant: dict[str, Any] = {"role": "assistant", "content": draw(words)}
        made = [
            {
                "id": f"call_{calls + number}",
                "type": "function",
                "function": {"name": draw(names), "arguments": json.dumps(draw(arguments))},
            }
            for number in range(draw(st.integers(0, 3)))
        ]
        calls += len(made)
        messages.append({**assistant, "tool_calls": made} if made else assistant)
        messages += [{"role": "tool", "tool_call_id": call["id"], "content": draw(words)} for call in made]
    return [*messages, {"role": "user", "content": draw(words)}]


def plain(messages: list[dict[str, Any]]) -> list[Any]:
    """Messages with their arguments parsed, and texts as parts: two spellings of one thing are one."""
    found: list[Any] = []
    for message in messages:
        content = message["content"]
        content = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
        calls = [
            (call["id"], call["function"]["name"], json.loads(call["function"]["arguments"]))
            for call in message.get("tool_calls", [])
        ]
        found.append((message["role"], content, calls, message.get("tool_call_id")))
    return found


@settings(max_examples=150)
@given(
    conversations(),
    st.fixed_dictionaries(
        {},
        optional={
            "max_tokens": st.integers(1, 9999),
            "temperature": st.floats(0, 1),
            "stop": st.lists(words, min_size=1, max_size=3),
            "user": words,
            "stream": st.just(True),
            "parallel_tool_calls": st.just(False),
        },
    ),
    st.lists(names, unique=True, min_size=1, max_size=3),
    st.sampled_from(["auto", "required", "none"]),
)
def test_a_chat_sent_as_anthropics_and_back_keeps_what_both_have(
    messages: list[dict[str, Any]], fields: dict[str, Any], tools: list[str], choice: str
) -> None:
    schema = {"type": "object", "properties": {}}
    body = {
        "model": "mine",
        "messages": messages,
        "tools": [
            {"type": "function", "function": {"name": name, "description": "d", "parameters": schema}} for name in tools
        ],
        "tool_choice": choice,
        **fields,
    }
    there = send(Translation("openai.chat", "anthropic.messages"), body)
    back = json.loads(
        Translation("anthropic.messages", "openai.chat")
        .request(there.body, path="", query=b"", model="mine", max_tokens=None)
        .body
    )
    assert there.lost == ()
    assert plain(back["messages"]) == plain(messages)
    assert (back["tools"], back["tool_choice"]) == (body["tools"], choice)
    assert back["max_tokens"] == fields.get("max_tokens", 100)
    for name in ("temperature", "stop", "user", "stream"):
        assert back.get(name) == fields.get(name)
    assert back.get("parallel_tool_calls") == (None if choice == "none" else fields.get("parallel_tool_calls"))


COSTLY = (
    "tools",
    "thinking",
    "service_tier",
    "output_config",
    "web_search_options",
    "reasoning_effort",
    "reasoning",
    "speed",
    "n",
)


@settings(max_examples=150)
@given(
    st.sampled_from(["claude-haiku-4-5", "claude-sonnet-5", "claude-3-haiku-20240307", "gpt-4o", "gpt-5", "other"]),
    st.booleans(),
    st.fixed_dictionaries(
        {},
        optional={
            "max_tokens": st.integers(1, 5000),
            "temperature": st.floats(0, 1),
            "stream": st.booleans(),
            "service_tier": st.just("auto"),
            "user": words,
        },
    ),
)
def test_nothing_that_costs_money_is_added(model: str, to_chat: bool, fields: dict[str, Any]) -> None:
    source: Kind = "anthropic.messages" if to_chat else "openai.chat"
    target: Kind = "openai.chat" if to_chat else "anthropic.messages"
    named = fields.pop("user", None)
    if named and not to_chat:
        fields["user"] = named
    body = {**BODIES[source], **fields}
    sent = Translation(source, target).request(
        json.dumps(body).encode(), path="", query=b"", model=model, max_tokens=64
    )
    written = json.loads(sent.body)
    assert not [name for name in COSTLY if name in written]
    cap = written.get("max_tokens", written.get("max_completion_tokens"))
    assert cap == body.get("max_tokens", 64)
    assert "cache_control" not in json.dumps(written)


@settings(max_examples=150)
@given(
    st.sampled_from(["claude-haiku-4-5", "claude-sonnet-4-6", "claude-sonnet-5", "other"]),
    st.sampled_from([None, "none", "minimal", "low", "medium", "high", "xhigh", "max"]),
    st.integers(1, 40_000),
)
def test_thinking_is_asked_for_only_where_it_was_and_within_the_cap(model: str, effort: str | None, cap: int) -> None:
    body = {**BODIES["openai.chat"], "reasoning_effort": effort, "max_completion_tokens": cap}
    sent = Translation("openai.chat", "anthropic.messages").request(
        json.dumps(body).encode(), path="", query=b"", model=model, max_tokens=None
    )
    written = json.loads(sent.body)
    thinking = written.get("thinking", {"type": "disabled"})
    assert written["max_tokens"] == cap
    assert thinking.get("budget_tokens", 0) < cap
    if effort in (None, "none"):
        assert thinking == {"type": "disabled"}
    elif thinking["type"] == "disabled":
        assert "reasoning" in sent.lost


def test_thoughts_of_claude_come_back_to_claude_through_a_chat() -> None:
    there = Translation("openai.chat", "anthropic.messages")
    send(there, BODIES["openai.chat"])
    blocks = [
        {"type": "thinking", "thinking": "Hm.", "signature": "sig"},
        {"type": "redacted_thinking", "data": "secret"},
        {"type": "text", "text": "Hi"},
    ]
    answer = {
        "id": "a",
        "model": "m",
        "content": blocks,
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 2},
    }
    message = json.loads(there.answer(200, json.dumps(answer).encode()))["choices"][0]["message"]
    again = [*BODIES["openai.chat"]["messages"], message, {"role": "user", "content": "More"}]
    sent = json.loads(send(Translation("openai.chat", "anthropic.messages"), {"model": "x", "messages": again}).body)
    assert sent["messages"][1]["content"] == blocks


def test_thoughts_of_others_come_back_to_them_through_anthropics_messages() -> None:
    there = Translation("anthropic.messages", "google.generate")
    send(there, BODIES["anthropic.messages"])
    call = {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"}
    answer = {"candidates": [{"content": {"role": "model", "parts": [call]}, "finishReason": "STOP"}]}
    message = json.loads(there.answer(200, json.dumps(answer).encode()))
    anthropic.types.Message.model_validate(message)
    used = next(block["id"] for block in message["content"] if block["type"] == "tool_use")
    again = [
        *BODIES["anthropic.messages"]["messages"],
        {"role": "assistant", "content": message["content"]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": used, "content": "1"}]},
    ]
    sent = send(
        Translation("anthropic.messages", "google.generate"), {**BODIES["anthropic.messages"], "messages": again}
    )
    assert b'"thoughtSignature":"c2ln"' in sent.body


def test_what_a_provider_does_not_take_is_left_out_and_named() -> None:
    body = {**BODIES["anthropic.messages"], "stream": True, "metadata": {"user_id": "u"}}
    sent = Translation("anthropic.messages", "openai.chat").request(
        json.dumps(body).encode(),
        path="",
        query=b"",
        model="m",
        max_tokens=None,
        without=("user", "seed", "stream_options"),
    )
    assert sent.lost == ("user",) and not {"user", "seed", "stream_options"} & set(json.loads(sent.body))


def test_a_deployment_is_asked_for_by_its_name_and_as_the_model_behind_it() -> None:
    sent = Translation("anthropic.messages", "openai.chat").request(
        json.dumps(BODIES["anthropic.messages"]).encode(),
        path="",
        query=b"",
        model="Prod",
        max_tokens=None,
        known_as="gpt-5",
    )
    body = json.loads(sent.body)
    assert body["model"] == "Prod" and body["max_completion_tokens"] == 50 and "max_tokens" not in body


@pytest.mark.parametrize("target", ["openai.chat", "openai.responses"])
def test_a_long_name_of_a_user_is_always_the_same_short_one(target: Kind) -> None:
    def user_of(name: str) -> tuple[str, tuple[str, ...]]:
        body = {**BODIES["anthropic.messages"], "metadata": {"user_id": name}}
        sent = send(Translation("anthropic.messages", target), body)
        return json.loads(sent.body)["user"], sent.lost

    assert user_of("u" * 64) == ("u" * 64, ())
    short, lost = user_of("u" * 65)
    assert len(short) == 64 and lost == ("user",) and user_of("u" * 65)[0] == short != user_of("u" * 66)[0]


def test_what_is_no_answer_is_told_apart_from_an_error() -> None:
    translation = Translation("openai.chat", "anthropic.messages")
    send(translation, BODIES["openai.chat"])
    strange, failed = (
        translation.told(200, b"<html>").failed,
        translation.told(200, b'{"error":{"message":"No"}}').failed,
    )
    assert strange is not None and strange.unreadable and strange.status == 502
    assert failed is not None and not failed.unreadable

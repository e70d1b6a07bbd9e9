"""What a request sets its model to do, read from the bodies of four APIs."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.autorouting.task import APIS, Task, read_task

USER = {"role": "user", "content": "Prove it."}
CALL = {
    "role": "assistant",
    "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
RESULT = {"role": "tool", "tool_call_id": "1", "content": "42"}
TURNS: dict[str, tuple[dict[str, Any], list[Any], dict[str, Any]]] = {
    "openai.chat": ({"messages": [USER]}, [CALL, RESULT], USER),
    "openai.responses": (
        {"input": [USER]},
        [{"type": "function_call", "call_id": "1"}, {"type": "function_call_output", "call_id": "1", "output": "42"}],
        USER,
    ),
    "anthropic.messages": (
        {"messages": [USER]},
        [
            {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "f", "input": {}}]},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "1", "content": "42"},
                    {"type": "text", "text": "Note well."},
                ],
            },
        ],
        USER,
    ),
    "google.generate": (
        {"contents": [{"role": "user", "parts": [{"text": "Prove it."}]}]},
        [
            {"role": "model", "parts": [{"functionCall": {"name": "f"}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}}}]},
        ],
        {"role": "user", "parts": [{"text": "Prove it."}]},
    ),
}


def task(api: Any, body: Any) -> Task:
    found = read_task(api, body if isinstance(body, bytes) else json.dumps(body).encode())
    assert found is not None
    return found


def longer(body: dict[str, Any], *more: Any) -> dict[str, Any]:
    ((name, said),) = body.items()
    return {name: [*said, *more]}


@pytest.mark.parametrize("api", TURNS)
def test_what_follows_from_a_users_message_is_the_same_turn(api: Any) -> None:
    body, follows, again = TURNS[api]
    first, second, third = task(api, body), task(api, longer(body, *follows)), task(api, longer(body, *follows, again))
    assert first.text == second.text == third.text == "Prove it."
    assert first.turn == second.turn != third.turn
    assert second.turn_bytes > first.turn_bytes and second.before_bytes == first.before_bytes == 0
    assert third.before_bytes == second.turn_bytes


@pytest.mark.parametrize(
    ("api", "body"),
    [
        ("openai.chat", {"messages": [{"role": "user", "content": [{"type": "text", "text": "Prove it."}]}]}),
        ("openai.responses", {"input": "Prove it."}),
        ("openai.responses", {"input": [{"role": "user", "content": [{"type": "input_text", "text": "Prove it."}]}]}),
        ("google.generate", {"contents": [{"parts": [{"text": "Prove it."}]}]}),
        ("anthropic.messages", {"system": "Be brief.", "messages": [USER]}),
    ],
)
def test_the_text_is_that_of_the_user_alone(api: Any, body: Any) -> None:
    assert task(api, body).text == "Prove it."


def test_a_mark_for_the_prompts_cache_begins_no_turn() -> None:
    def said(**more: Any) -> Any:
        return {"messages": [{"role": "user", "content": [{"type": "text", "text": "Prove it.", **more}]}]}

    marked = task("anthropic.messages", said(cache_control={"type": "ephemeral"}))
    assert marked.turn == task("anthropic.messages", said()).turn


@pytest.mark.parametrize(
    ("api", "part", "needed"),
    [
        ("openai.chat", {"type": "image_url", "image_url": {"url": "https://x/a.png"}}, "image"),
        ("openai.chat", {"type": "input_audio", "input_audio": {}}, "audio"),
        ("openai.chat", {"type": "file", "file": {}}, "document"),
        ("openai.responses", {"type": "input_image"}, "image"),
        ("openai.responses", {"type": "input_file"}, "document"),
        ("anthropic.messages", {"type": "image", "source": {}}, "image"),
        ("anthropic.messages", {"type": "document", "source": {}}, "document"),
        ("anthropic.messages", {"type": "tool_result", "content": [{"type": "image"}]}, "image"),
        ("google.generate", {"inlineData": {"mimeType": "image/png"}}, "image"),
        ("google.generate", {"inline_data": {"mime_type": "audio/wav"}}, "audio"),
        ("google.generate", {"fileData": {"mimeType": "video/mp4"}}, "video"),
        ("google.generate", {"fileData": {"mimeType": "application/pdf"}}, "document"),
        ("google.generate", {"fileData": 1}, "document"),
    ],
)
def test_what_is_in_a_prompt_besides_text_is_seen_in_every_message(api: Any, part: Any, needed: str) -> None:
    name, inner = {"openai.responses": ("input", "content"), "google.generate": ("contents", "parts")}.get(
        api, ("messages", "content")
    )
    said = [{"role": "user", inner: [part]}, {"role": "user", inner: [{"text": "And now?", "type": "text"}]}]
    assert task(api, {name: said}).needs == {needed}


def test_tools_are_needed_where_some_are_offered() -> None:
    assert task("openai.chat", {"messages": [USER], "tools": [{"type": "function"}]}).needs == {"tools"}
    assert task("openai.chat", {"messages": [USER], "tools": [], "functions": None}).needs == frozenset()


def test_results_alone_begin_no_turn() -> None:
    found = task(
        "openai.responses", {"previous_response_id": "r", "input": [{"type": "function_call_output", "output": "42"}]}
    )
    assert (found.text, found.turn) == ("", "")


def test_of_a_long_prompt_only_the_ends_are_kept() -> None:
    found = task("openai.chat", {"messages": [{"role": "user", "content": "a" * 100_000}]})
    assert len(found.text) < 5_000 and found.turn_bytes > 100_000


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"messages": 1}', b'{"input": []}', b'{"messages": null}', b'\xff{"messages": []}']
)
def test_a_body_that_tells_no_task_is_none(body: bytes) -> None:
    assert read_task("openai.chat", body) is None


def test_other_apis_have_no_task() -> None:
    assert read_task("openai.embeddings", b'{"input": "hi"}') is None
    assert set(TURNS) == APIS


def test_half_a_surrogate_pair_is_text_like_any_other() -> None:
    body = b'{"messages": [{"role": "user", "content": "a\\ud800"}]}'
    found = read_task("openai.chat", body)
    assert found is None or found.text.encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "parts", "text", "user", "inlineData"]), inner, max_size=3
        )
    ),
    max_leaves=10,
)


@given(
    st.sampled_from(sorted(APIS)), st.dictionaries(st.sampled_from(["messages", "input", "contents", "tools"]), JSON)
)
def test_no_body_breaks_it(api: Any, body: Any) -> None:
    found = read_task(api, json.dumps(body).encode())
    assert found is None or (found.before_bytes >= 0 and found.turn_bytes >= 0)

"""What Google reads in a chat body beside OpenAI's fields, wherever it stands there."""

import json
from typing import Any

import pytest

from tollway.providers.codec import Malformed
from tollway.providers.registry import codec_for
from tollway.request import Ask

CODEC = codec_for("openai.chat")


def read(extra: str) -> Ask | Malformed:
    body = (
        b'{"model": "google/gemini-2.0-flash", "messages": [{"role": "user", "content": "hi"}], '
        + extra.encode()
        + b"}"
    )
    return CODEC.read_ask("/v1/chat/completions", b"", b"", body)


def ask(**extra: Any) -> Ask:
    found = read(json.dumps({"n": None, **extra})[1:-1])
    assert isinstance(found, Ask)
    return found


def nested(**google: Any) -> list[dict[str, Any]]:
    """The places at which Google's servers, or an SDK before them, read these fields."""
    return [
        {"google": google},
        {"extra_body": {"google": google}},
        {"extra_body": {"extra_body": {"google": google}}},
        {"extra_body": google},
    ]


@pytest.mark.parametrize("name", ["cached_content", "cachedContent"])
def test_a_cached_content_is_an_input_without_a_size_wherever_it_stands(name: str) -> None:
    for place in ({name: "cachedContents/a"}, *nested(**{name: "cachedContents/a"})):
        found = ask(**place)
        assert (found.unbounded, found.uncapped) == ("cachedContent", None), place
    assert ask(extra_body={"google": {name: None}}).unbounded is None


@pytest.mark.parametrize(
    ("tool", "paid"),
    [
        ({"google_search": {}}, "web_search"),
        ({"googleSearch": {}}, "web_search"),
        ({"url_context": {}}, "web_fetch"),
        ({"something_new": {}}, "something_new"),
    ],
)
def test_a_tool_that_google_runs_is_a_paid_one(tool: dict[str, Any], paid: str) -> None:
    for place in nested(tools=[tool]):
        found = ask(**place)
        assert (found.paid_tools, found.unbounded, found.uncapped) == ((paid,), paid, None), place


def test_the_callers_own_functions_cost_nothing_apart() -> None:
    assert ask(google={"tools": [{"function_declarations": [{"name": "f"}]}]}).paid_tools == ()


@pytest.mark.parametrize("tools", [{"google_search": {}}, "google_search", [1]])
def test_tools_that_cannot_be_read_may_be_any(tools: object) -> None:
    found = ask(google={"tools": tools})
    assert (found.paid_tools, found.unbounded) == (("tools",), "tools")


@pytest.mark.parametrize("name", ["thinking_config", "thinkingConfig"])
def test_a_setting_of_thought_asks_for_reasoning(name: str) -> None:
    for place in nested(**{name: {"include_thoughts": True}}):
        assert ask(**place).reasons, place
    assert not ask(google={name: None}).reasons


def test_what_costs_nothing_changes_nothing() -> None:
    plain = ask()
    extra = {"google": {"safety_settings": [], "thought_tag_marker": "think", "labels": {"a": "b"}}}
    assert ask(extra_body=extra) == ask(extra_body=None, google=None) == plain


@pytest.mark.parametrize(
    ("extra", "uncapped"),
    [
        ({"extra_body": {"max_tokens": 100_000}}, "extra_body.max_tokens"),
        ({"extra_body": {"n": 8, "google": {}}}, "extra_body.n"),
        ({"google": {"generation_config": {"candidateCount": 8}}}, "google.generation_config"),
        ({"extra_body": {"google": {"model": "x"}}}, "extra_body.google.model"),
        ({"extra_body": "x"}, "extra_body"),
        ({"extra_body": [{}]}, "extra_body"),
        ({"google": 5}, "google"),
        ({"extra_body": {"google": ["x"]}}, "extra_body.google"),
        (
            {"extra_body": {"extra_body": {"extra_body": {"extra_body": {"extra_body": {"n": 2}}}}}},
            ".".join(["extra_body"] * 5),
        ),
    ],
)
def test_what_is_not_known_there_may_undo_the_cap(extra: dict[str, Any], uncapped: str) -> None:
    assert ask(**extra).uncapped == uncapped


@pytest.mark.parametrize(
    "extra",
    [
        '"extra_body": {"google": {}, "google": {"cached_content": "a"}}',
        '"extra_body": {"google": {"cached_content": null, "cached_content": "a"}}',
        '"google": {"cached_content": null, "cached_content": "a"}',
        '"google": {}, "google": {"cached_content": "a"}',
    ],
)
def test_a_field_that_stands_twice_is_refused_at_any_depth(extra: str) -> None:
    found = read(extra)
    assert isinstance(found, Malformed) and "twice" in found.message

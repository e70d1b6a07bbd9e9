"""What is collected of a request's input, and what of it has no bound."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.pricing.estimate import TOKENS_PER_MESSAGE
from tollway.providers.inputs import FRAMING_TOKENS, Inputs, undated


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def test_nothing_is_known_of_an_empty_request() -> None:
    inputs = Inputs()
    assert (inputs.unbounded, inputs.media_parts, inputs.messages, inputs.paid_tools, inputs.long_cache) == (
        None,
        0,
        0,
        [],
        False,
    )


def test_the_first_part_without_a_size_gives_the_reason() -> None:
    inputs = Inputs()
    inputs.unsized("an image by link")
    inputs.unsized("a file")
    assert inputs.unbounded == "an image by link"


def test_a_paid_tool_is_named_once_and_has_no_bound() -> None:
    inputs = Inputs()
    for tool in ("web_search", "file_search", "web_search"):
        inputs.paid(tool)
    assert inputs.paid_tools == ["web_search", "file_search"]
    assert inputs.unbounded == "web_search"


def test_a_message_is_worth_what_the_estimate_allows_for_it() -> None:
    assert FRAMING_TOKENS == TOKENS_PER_MESSAGE


@given(st.lists(st.integers(0, 5_000), max_size=6))
def test_framing_is_never_counted_short_and_less_than_a_message_too_much_each(tokens: list[int]) -> None:
    inputs = Inputs()
    for number in tokens:
        inputs.framing(number)
    assert sum(tokens) <= inputs.messages * FRAMING_TOKENS < sum(tokens) + FRAMING_TOKENS * len(tokens) + 1


def test_tools_bring_their_instructions_and_a_message_each() -> None:
    none, one, five = Inputs(), Inputs(), Inputs()
    none.tools(0)
    one.tools(1)
    five.tools(5)
    assert none.messages == 0
    # Recorded instructions took up to 570 tokens.
    assert (one.messages - 1) * FRAMING_TOKENS >= 570
    assert five.messages - one.messages == 4


@pytest.mark.parametrize(
    "value",
    [
        "data:image/png;base64,aGVsbG8=",
        "DATA:image/png;base64,aGVsbG8=",
        {"url": "data:image/png;base64,aGVsbG8=", "detail": "high"},
    ],
)
def test_an_image_in_a_data_url_is_media_in_the_body(value: object) -> None:
    inputs = Inputs()
    inputs.link(raw(value), "an image")
    assert (inputs.media_parts, inputs.unbounded) == (1, None)


@pytest.mark.parametrize(
    ("url", "what", "reason"),
    [
        ("data:", "an image", "a file"),
        ("data:,x", "an image", "a file"),
        ("data:application/pdf;base64,AAAA", "an image", "a file"),
        ("data:audio/ogg;base64,AAAA", "an image", "audio"),
        ("data:video/mp4;base64,AAAA", "a video", "a video"),
        ("data:image/png;base64,AAAA", "a video", "a video"),
        ("data:audio/mpeg;base64,AAAA", "audio", "audio"),
    ],
)
def test_media_other_than_an_image_has_no_size_though_its_bytes_are_there(url: str, what: str, reason: str) -> None:
    inputs = Inputs()
    inputs.link(raw(url), what)
    assert (inputs.media_parts, inputs.unbounded) == (0, reason)


@pytest.mark.parametrize(
    "value", ["https://example.com/x.png", "file:x", " data:x", "", None, 5, [], {}, {"url": None}, {"uri": "data:,x"}]
)
def test_any_other_link_has_no_known_size(value: object) -> None:
    inputs = Inputs()
    inputs.link(raw(value), "an image")
    assert (inputs.media_parts, inputs.unbounded) == (0, "an image by link")


def test_a_link_that_cannot_be_read_has_no_known_size() -> None:
    inputs = Inputs()
    inputs.link(msgspec.Raw(b'"data:cut'), "a file")
    assert (inputs.media_parts, inputs.unbounded) == (0, "a file by link")


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        ("web_search", "web_search"),
        ("web_search_20250305", "web_search"),
        ("web_search_preview", "web_search"),
        ("web_search_preview_2025_03_11", "web_search"),
        ("code_execution_20250825", "code_execution"),
        ("computer_use_preview", "computer_use"),
        ("mcp", "mcp"),
        # Not a date: its own name.
        ("tool_2025", "tool_2025"),
        ("tool_202503", "tool_202503"),
        ("preview", "preview"),
        ("web_search_20250305_beta", "web_search_20250305_beta"),
    ],
)
def test_a_tool_is_known_by_its_name_without_its_version(tool: str, name: str) -> None:
    assert undated(tool) == name


@given(st.text(alphabet="ab_2025preiw", max_size=30))
def test_a_name_without_its_version_is_the_beginning_of_it(tool: str) -> None:
    assert tool.startswith(undated(tool))

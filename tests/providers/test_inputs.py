"""What is collected of a request's input, and what of it has no bound."""

import base64
import json
from struct import pack

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.pricing.estimate import TOKENS_PER_MESSAGE
from tollway.providers.body import MAX_COUNT
from tollway.providers.inputs import FRAMING_TOKENS, Inputs, undated
from tollway.providers.media import ANTHROPIC, GOOGLE, OPENAI, Formulas, anthropic_image


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def png(width: int, height: int) -> str:
    head = b"\x89PNG\r\n\x1a\n" + pack(">I4sII", 13, b"IHDR", width, height)
    return base64.b64encode(head + bytes(3)).decode()


def wave(seconds: int) -> str:
    head = b"RIFF\0\0\0\0WAVEfmt " + pack("<IHHIIHH4sI", 16, 1, 1, 100, 200, 2, 16, b"data", 0)
    return base64.b64encode(head + bytes(200 * seconds - len(head) - 50)).decode()


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


@pytest.mark.parametrize("formulas", [OPENAI, ANTHROPIC, GOOGLE])
def test_an_image_whose_size_is_read_takes_what_the_formula_says(formulas: Formulas) -> None:
    inputs = Inputs(formulas)
    inputs.inline("image/png", raw(png(1024, 768)))
    inputs.inline("Image/PNG", raw(png(10, 10)))
    assert inputs.media_tokens == formulas.image(1024, 768, None) + formulas.image(10, 10, None)
    assert (inputs.media_parts, inputs.unbounded) == (0, None)


@pytest.mark.parametrize(
    ("value", "beside", "detail"),
    [
        ({"url": "", "detail": "low"}, None, "low"),
        ({"detail": "low", "url": ""}, "high", "low"),
        ({"url": ""}, "high", "high"),
        ({"url": "", "detail": None}, "high", None),
        ({"url": "", "detail": 7}, None, "7"),
        ("", "high", "high"),
        ("", None, None),
    ],
)
def test_the_detail_counts_wherever_it_stands(value: object, beside: str | None, detail: str | None) -> None:
    url = "data:image/png;base64," + png(2000, 2000)
    inputs = Inputs(OPENAI)
    inputs.link(raw({**value, "url": url} if isinstance(value, dict) else url), "an image", raw(beside))
    assert inputs.media_tokens == OPENAI.image(2000, 2000, detail)


@pytest.mark.parametrize("data", ["", "aGVsbG8=", "AAA*", None, 5, {}])
def test_an_image_whose_size_is_not_read_is_a_part_of_its_own(data: object) -> None:
    inputs = Inputs(OPENAI)
    inputs.inline("image/png", raw(data))
    assert (inputs.media_parts, inputs.media_tokens, inputs.media_bytes, inputs.unbounded) == (1, 0, 0, None)


def test_without_formulas_an_image_is_a_part_of_its_own_whatever_its_size() -> None:
    inputs = Inputs()
    inputs.inline("image/png", raw(png(10, 10)))
    inputs.link(raw("data:image/png;base64," + png(10, 10)), "an image")
    assert (inputs.media_parts, inputs.media_tokens) == (2, 0)
    inputs.inline("audio/wav", raw(wave(5)))
    assert inputs.unbounded == "audio"


def test_plain_sound_takes_its_seconds() -> None:
    inputs = Inputs(GOOGLE)
    inputs.inline("audio/wav", raw(wave(5)))
    inputs.link(raw({"url": "data:audio/x-wav;base64," + wave(7)}), "audio")
    assert inputs.media_tokens == GOOGLE.sound(5) + GOOGLE.sound(7)
    assert inputs.unbounded is None


def test_plain_sound_has_no_bound_where_the_api_publishes_none() -> None:
    inputs = Inputs(ANTHROPIC)
    inputs.inline("audio/wav", raw(wave(5)))
    assert (inputs.media_tokens, inputs.unbounded) == (0, "audio")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("video/mp4", "a video"), ("application/pdf", "a file"), (None, "a file"), ("audio/mp3", "audio")],
)
def test_other_files_have_no_bound_whatever_they_hold(kind: str | None, reason: str) -> None:
    inputs = Inputs(OPENAI)
    inputs.inline(kind, raw(png(10, 10)))
    assert (inputs.unbounded, inputs.media_tokens, inputs.media_parts) == (reason, 0, 0)


def test_a_sound_linked_as_an_image_is_a_sound() -> None:
    inputs = Inputs(GOOGLE)
    inputs.link(raw("data:audio/wav;base64," + wave(5)), "an image")
    assert inputs.media_tokens == GOOGLE.sound(5)


def test_the_bytes_of_sized_media_are_known_to_be_no_text() -> None:
    inputs = Inputs(ANTHROPIC)
    first, second = png(10, 10), png(20, 10)
    inputs.inline("image/png", raw(first))
    inputs.link(raw("data:image/png;base64," + second), "an image")
    inputs.inline("image/png", raw("aGVsbG8="))
    assert inputs.media_bytes == len(first) + len(second)


def test_pictures_beyond_every_model_do_not_add_up_without_end() -> None:
    inputs = Inputs(OPENAI)
    for _ in range(3):
        inputs.inline("image/png", raw(png(2**31 - 1, 2**31 - 1)))
    assert inputs.media_tokens == MAX_COUNT


@given(st.sampled_from(["image/png", "audio/wav", None]), st.binary(max_size=60))
def test_any_bytes_are_counted_or_named_but_nothing_is_raised(kind: str | None, data: bytes) -> None:
    for written in (data, b'"' + base64.b64encode(data) + b'"', b'"data:image/png;base64,' + data + b'"', b"{" + data):
        inputs = Inputs(OPENAI)
        inputs.inline(kind, msgspec.Raw(written))
        inputs.link(msgspec.Raw(written), "an image")
        assert inputs.media_tokens >= 0
        assert inputs.unbounded is not None or inputs.media_parts or inputs.media_tokens


def test_the_bound_of_a_small_image_is_far_below_the_flat_one() -> None:
    inputs = Inputs(OPENAI)
    inputs.inline("image/png", raw(png(512, 512)))
    assert inputs.media_tokens == 8500
    assert anthropic_image(512, 512) < 400


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


def test_each_paid_tool_is_noted_once_however_many_there_are() -> None:
    inputs = Inputs()
    for number in range(30_000):
        inputs.paid(f"tool_{number}")
        inputs.paid(f"tool_{number}")
    assert inputs.paid_tools == [f"tool_{number}" for number in range(30_000)]


def test_a_reason_is_short_however_long_the_name_of_a_tool_is() -> None:
    inputs = Inputs()
    inputs.paid("t" * 1000)
    assert inputs.unbounded == "t" * 120

"""Pictures over OpenAI's API: billed by the token, or by the picture."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.codec import Malformed
from tollway.providers.openai_images import Images, picture_tokens
from tollway.request import Ask
from tollway.usage import Report, Usage

CODEC = Images()
PATH = "/v1/images/generations"
FORM = b"multipart/form-data; boundary=xyz"
JSON = b"application/json"


def ask(**fields: Any) -> Ask:
    found = CODEC.read_ask(PATH, b"", JSON, json.dumps(fields).encode())
    assert isinstance(found, Ask), found
    return found


def form(*fields: tuple[str, str]) -> bytes:
    parts = [f"--xyz\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n" for head, value in fields]
    return "".join([*parts, "--xyz--\r\n"]).encode()


def edit(*fields: tuple[str, str]) -> Ask | Malformed:
    return CODEC.read_ask("/v1/images/edits", b"", FORM, form(*fields))


@pytest.mark.parametrize(
    ("model", "quality", "size", "tokens"),
    [
        ("gpt-image-1", "low", "1024x1024", 272),
        ("gpt-image-1", "medium", "1024x1536", 1584),
        ("gpt-image-1-mini", "high", "1536x1024", 6208),
        ("gpt-image-1-2025-04-23", "high", "1024x1536", 6240),
        ("gpt-image-1", "auto", None, 6240),
        ("gpt-image-1", None, "1024x1024", 4160),
        ("gpt-image-1", "low", "auto", 408),
        ("gpt-image-1.5", "low", "1024x1024", 272 + 2048),
        ("gpt-image-2", "low", "1024x1024", 196 + 2048),
        ("gpt-image-2", "medium", "1024x1024", 1756 + 2048),
        ("gpt-image-2-2026-04-21", "high", "1024x1024", 7024 + 2048),
        ("gpt-image-2", "high", "2048x1152", 5650 + 2048),
        ("gpt-image-2.5-sunburst", "medium", "2048x1152", 367 + 2048),
        ("gpt-image-2.5-flare-2026-09-08", "high", "2048x1152", 1413 + 2048),
        ("gpt-image-2.5-flare", "xhigh", "2048x1152", 2511 + 2048),
        ("gpt-image-2.5-flare", "max", "1024x1536", 5488 + 2048),
        ("gpt-image-2", "high", None, 23_719 + 2048),
        ("chatgpt-image-latest", "low", None, 23_719 + 2048),
        ("gpt-image-9", "low", "1024x1024", None),
    ],
)
def test_the_published_tokens_of_a_picture_bound_it(model: str, quality: str, size: str, tokens: int | None) -> None:
    assert picture_tokens(model, quality, size) == tokens


@given(
    st.sampled_from(["gpt-image-1", "gpt-image-1.5", "gpt-image-2", "gpt-image-2.5-flare"]),
    st.sampled_from(["low", "medium", "high"]),
    st.sampled_from(["1024x1024", "1024x1536", "1536x1024", "2880x2880", "3840x2160"]),
)
def test_what_is_left_to_the_model_is_never_cheaper(model: str, quality: str, size: str) -> None:
    told = picture_tokens(model, quality, size)
    assert told is not None
    for left in (
        picture_tokens(model, "auto", size),
        picture_tokens(model, quality, "auto"),
        picture_tokens(model, "?", "0x0"),
    ):
        assert left is not None and left >= told


def test_a_token_billed_request_is_bounded_for_each_of_its_pictures() -> None:
    found = ask(model="gpt-image-1", prompt="x", n=3, quality="low", size="1024x1024", stream=True, partial_images=2)
    assert (found.max_output_tokens, found.choices, found.stream, found.unbounded) == (472, 3, True, None)
    assert found.known == Usage(images=3, image_kind="low/1024x1024")
    assert found.floor_output_tokens > 10_000_000


@pytest.mark.parametrize(
    "fields", [{"model": "gpt-image-9"}, {"model": "gpt-image-2", "output_format": "gif"}, {"model": "flux"}, {}]
)
def test_a_picture_whose_tokens_are_not_known_says_so(fields: dict[str, Any]) -> None:
    found = ask(**fields)
    assert found.max_output_tokens is None
    assert found.unbounded


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"model": "dall-e-3"}, "standard/1024x1024"),
        ({"model": "dall-e-3", "quality": "HD", "size": "1024x1792"}, "hd/1024x1792"),
        ({"model": "dall-e-3", "quality": "auto", "size": "auto"}, "standard/1024x1024"),
        ({"model": "openai/dall-e-2", "size": "256x256"}, "standard/256x256"),
        ({"model": "gpt-image-1"}, "auto/auto"),
        ({"model": "black-forest-labs/FLUX.1-schnell", "width": 512, "height": 768, "steps": 4}, "auto/512x768"),
        ({"model": "grok-2-image"}, "auto/auto"),
    ],
)
def test_the_kind_of_a_picture_is_known_beforehand(fields: dict[str, Any], kind: str) -> None:
    assert ask(**fields, n=2).known == Usage(images=2, image_kind=kind)


def test_dall_e_has_a_bound_without_tokens() -> None:
    found = ask(model="dall-e-3")
    assert (found.max_output_tokens, found.unbounded, found.choices) == (None, None, 1)


def test_the_pictures_of_an_edit_are_bounded_wherever_they_stand() -> None:
    found = edit(
        ('name="model"', "gpt-image-1"),
        ('name="image[]"; filename="a.png"', "a"),
        ('name="image[]"; filename="b.png"', "b"),
        ('name="mask"; filename="m.png"', "m"),
        ('name="n"', "2"),
        ('name="quality"', "low"),
        ('name="stream"', "true"),
    )
    assert isinstance(found, Ask)
    assert (found.model, found.media_parts, found.choices, found.stream) == ("gpt-image-1", 0, 2, True)
    assert (found.media_tokens, found.media_bytes) == (3 * 65_536, 3)
    assert found.max_output_tokens == 408
    linked = ask(model="gpt-image-1", images=[{"image_url": "https://example.com/a.png"}, {"file_id": "f"}], mask={})
    assert (linked.media_parts, linked.unbounded) == (3, None)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"model": "a", "model": "b"}', "stands twice"),
        (b'{"n": 0}', "n is 0"),
        (b'{"n": "2"}', "n is"),
        (b'{"stream": 1}', "stream is 1"),
        (b'{"model": "gpt-image-1", "partial_images": -1}', "partial_images is -1"),
        (b'{"model": "gpt-image-1", "partial_images": true}', "partial_images is not a number"),
        (b"[]", "not a JSON object"),
    ],
)
def test_a_body_that_the_api_would_not_take_is_malformed(body: bytes, why: str) -> None:
    found = CODEC.read_ask(PATH, b"", JSON, body)
    assert isinstance(found, Malformed)
    assert why in found.message


def test_a_form_with_a_field_that_stands_twice_is_malformed() -> None:
    assert isinstance(edit(('name="n"', "1"), ('name="n"', "10")), Malformed)
    assert isinstance(edit(('name="n"', "ten")), Malformed)


def test_the_model_is_written_over_in_json_and_in_a_form() -> None:
    body = form(('name="model"', "openai/dall-e-2"), ('name="image"; filename="a"', "\0"))
    changed = CODEC.write_body(body, Ask(), model="dall-e-2", cap=9, include_usage=False)
    assert changed == body.replace(b"openai/", b"")
    assert (
        CODEC.write_body(b'{"model":"a","n":1}', Ask(), model="b", cap=9, include_usage=True) == b'{"model":"b","n":1}'
    )
    assert CODEC.write_body(body, Ask(), model=None, cap=9, include_usage=True) is body
    assert CODEC.write_path(PATH, "b") == PATH


TOKENS = {
    "input_tokens": 50,
    "output_tokens": 272,
    "total_tokens": 322,
    "input_tokens_details": {"image_tokens": 40, "text_tokens": 10},
}


@pytest.mark.parametrize(
    ("answer", "usage"),
    [
        ({"created": 1, "data": [{"url": "u"}]}, Usage(images=1)),
        ({"created": 1, "data": [{"b64_json": "AA"}, {"url": "u"}]}, Usage(images=2)),
        ({"data": [{"url": "u"}, {"b64_json": None, "url": ""}]}, Usage(images=1)),
        (
            {"data": [{"b64_json": "AA"}], "usage": TOKENS, "quality": "low", "size": "1024x1024"},
            Usage(
                input_tokens=50,
                input_image_tokens=40,
                output_tokens=272,
                output_image_tokens=272,
                images=1,
                image_kind="low/1024x1024",
            ),
        ),
        (
            {
                "data": [{"b64_json": "AA"}],
                "usage": {**TOKENS, "output_tokens_details": {"image_tokens": 200, "text_tokens": 72}},
            },
            Usage(input_tokens=50, input_image_tokens=40, output_tokens=272, output_image_tokens=200, images=1),
        ),
        ({"data": [{"url": "u"}], "usage": {"input_tokens": 0, "output_tokens": 0}}, Usage(input_tokens=0, output_tokens=0, images=1)),
        ({"data": [{"embedding": [1]}]}, None),
        ({"data": "x", "usage": []}, None),
    ],
)  # fmt: skip
def test_an_answer_tells_its_tokens_and_its_pictures(answer: dict[str, Any], usage: Usage | None) -> None:
    report = CODEC.read_answer(json.dumps(answer).encode())
    assert report.usage == usage
    assert report.suspect is None


def test_a_cost_that_the_provider_states_is_passed_on_rounded_up() -> None:
    body = {"data": [{"url": "u"}], "usage": {"cost_in_usd_ticks": 200_000_001}}
    report = CODEC.read_answer(json.dumps(body).encode())
    assert (report.usage, report.stated_cost) == (Usage(images=1), 20_000_001)


@pytest.mark.parametrize("usage", [{"input_tokens": -1, "output_tokens": 2}, {"output_tokens": 10**9}])
def test_counts_that_cannot_be_are_suspect(usage: dict[str, int]) -> None:
    assert CODEC.read_answer(json.dumps({"usage": usage}).encode()).suspect


STREAM = (
    b'event: image_generation.partial_image\ndata: {"type":"image_generation.partial_image","b64_json":"AAAA"}\n\n'
    b'event: image_generation.completed\ndata: {"type":"image_generation.completed","b64_json":"AAAA","size":"1024x1024",'
    b'"quality":"low","usage":{"input_tokens":50,"output_tokens":272,"total_tokens":322,'
    b'"input_tokens_details":{"image_tokens":40,"text_tokens":10}}}\n\n'
)


@pytest.mark.parametrize("cut", range(0, len(STREAM), 7))
def test_a_stream_is_read_the_same_however_it_is_cut(cut: int) -> None:
    meter = CODEC.meter(strip_usage=False)
    assert meter.feed(STREAM[:cut]) == STREAM[:cut]
    assert not meter.complete
    assert meter.feed(STREAM[cut:]) == STREAM[cut:]
    assert meter.finish() == b""
    assert meter.complete
    assert meter.report().usage == Usage(
        input_tokens=50,
        input_image_tokens=40,
        output_tokens=272,
        output_image_tokens=272,
        images=1,
        image_kind="low/1024x1024",
    )


def test_the_pictures_of_one_stream_are_added_up() -> None:
    meter = CODEC.meter(strip_usage=False)
    meter.feed(STREAM + STREAM)
    usage = meter.report().usage
    assert usage is not None
    assert (usage.images, usage.input_tokens, usage.output_tokens, usage.input_image_tokens) == (2, 100, 544, 80)
    assert meter.report().suspect is None


def test_an_absurd_stated_cost_is_suspect() -> None:
    report = CODEC.read_answer(b'{"data": [{"url": "u"}], "usage": {"cost_in_usd_ticks": -5}}')
    assert report.stated_cost is None
    assert report.suspect


def test_a_stream_that_fails_is_not_complete() -> None:
    meter = CODEC.meter(strip_usage=False)
    meter.feed(b'data: {"type":"error","error":{"message":"blocked"}}\n\n')
    meter.finish()
    assert (meter.complete, meter.report()) == (False, Report())
    assert meter.output_bytes > 0


@given(st.binary(max_size=80))
def test_any_bytes_are_an_answer_and_never_crash(body: bytes) -> None:
    CODEC.read_answer(body)
    meter = CODEC.meter(strip_usage=False)
    assert meter.feed(body) is body
    assert meter.finish() == b""

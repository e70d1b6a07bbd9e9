import json
from typing import Any

import pytest

from tollway.providers.codec import Malformed
from tollway.providers.cohere_embed import Embed
from tollway.request import Ask
from tollway.usage import Report, Usage

EMBED = Embed()
PICTURE = "data:image/png;base64,AAAA"


def ask(body: dict[str, Any]) -> Ask:
    read = EMBED.read_ask("/v2/embed", b"", b"application/json", json.dumps(body).encode())
    assert isinstance(read, Ask)
    return read


@pytest.mark.parametrize(
    ("body", "messages", "media", "reason"),
    [
        ({"texts": ["a", "b"]}, 2, 0, None),
        ({"images": [PICTURE]}, 1, 1, None),
        ({"images": ["https://x/y.png"]}, 1, 0, "an entry of images of an unknown shape"),
        ({"images": ["data:application/pdf;base64,AA"]}, 1, 0, "a file"),
        (
            {"inputs": [{"content": [{"type": "text"}, {"type": "image_url", "image_url": {"url": PICTURE}}]}]},
            1,
            1,
            None,
        ),
        ({"inputs": [{"content": [{"type": "video"}]}]}, 1, 0, "a content part of type video"),
        (
            {"inputs": [{"content": [{"type": "image_url", "image_url": {"url": "http://x"}}]}]},
            1,
            0,
            "an image by link",
        ),
        ({"texts": {"a": 1}}, 0, 0, "texts of an unknown shape"),
        ({"inputs": ["a"]}, 1, 0, "an entry of inputs of an unknown shape"),
    ],
)
def test_an_input_is_read(body: dict[str, Any], messages: int, media: int, reason: str | None) -> None:
    read = ask({"model": "embed-v4.0", **body})
    assert (read.model, read.messages, read.media_parts, read.unbounded) == ("embed-v4.0", messages, media, reason)
    assert read.max_output_tokens is None


def test_another_spelling_is_refused() -> None:
    assert isinstance(EMBED.read_ask("/v2/embed", b"", b"", b'{"Images": []}'), Malformed)


@pytest.mark.parametrize(
    ("billed", "usage"),
    [
        ({"input_tokens": 208}, Usage(input_tokens=208, output_tokens=0)),
        ({"images": 1, "input_tokens": None}, Usage(input_tokens=0, output_tokens=0, images=1)),
        (
            {"input_tokens": 3, "image_tokens": 30},
            Usage(input_tokens=33, input_image_tokens=30, output_tokens=0),
        ),
    ],
)
def test_an_answer_has_no_output(billed: dict[str, Any], usage: Usage) -> None:
    body = json.dumps({"id": "a", "embeddings": {"float": [[0.1]]}, "meta": {"billed_units": billed}}).encode()
    assert EMBED.read_answer(body) == Report(usage=usage, response_id="a")
    meter = EMBED.meter(strip_usage=False)
    meter.feed(body)
    meter.finish()
    assert meter.report().usage == usage


def test_an_answer_that_tells_nothing_reports_nothing() -> None:
    assert EMBED.read_answer(b'{"embeddings": []}').usage is None
    assert EMBED.read_answer(b"\xff").usage is None


def test_only_the_model_is_written() -> None:
    body = b'{"model":"a","max_tokens":7}'
    assert EMBED.write_body(body, Ask(), model=None, cap=9, include_usage=True) is body
    assert EMBED.write_body(body, Ask(), model="b", cap=3, include_usage=True) == b'{"model":"b","max_tokens":7}'
    assert EMBED.write_path("/v2/embed", "b") == "/v2/embed"

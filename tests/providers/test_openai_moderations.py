"""Moderations: free, or billed by the tokens of their input."""

import json
from typing import Any

import pytest

from tollway.providers.codec import Malformed
from tollway.providers.openai_moderations import Moderations
from tollway.request import Ask
from tollway.usage import Report, Usage

CODEC = Moderations()
PATH = "/v1/moderations"
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def ask(**fields: Any) -> Ask:
    found = CODEC.read_ask(PATH, b"", b"application/json", json.dumps(fields).encode())
    assert isinstance(found, Ask), found
    return found


@pytest.mark.parametrize(
    ("given", "messages", "media", "unbounded"),
    [
        ("bad words", 1, 0, None),
        (["a", "b", "c"], 3, 0, None),
        ([{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": PIXEL}}], 2, 1, None),
        ([{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}], 1, 0, "an image by link"),
        ([{"role": "user", "content": "a"}], 1, 0, None),
        ([[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]], 3, 0, None),
        ({"odd": 1}, 1, 0, "input of an unknown shape"),
    ],
)
def test_every_text_and_image_of_the_input_is_seen(
    given: Any, messages: int, media: int, unbounded: str | None
) -> None:
    found = ask(model="omni-moderation-latest", input=given)
    assert (found.model, found.messages, found.media_parts, found.unbounded) == (
        "omni-moderation-latest",
        messages,
        media,
        unbounded,
    )


def test_a_body_that_the_api_would_not_take_is_malformed() -> None:
    for body in (b"", b'{"model": "a", "model": "b"}', b'{"model": 1}'):
        assert isinstance(CODEC.read_ask(PATH, b"", b"application/json", body), Malformed)


def test_only_the_model_is_written_over() -> None:
    assert CODEC.write_body(b'{"input":"\\u00fc","model":"a"}', Ask(), model="b", cap=5, include_usage=True) == (
        b'{"input":"\\u00fc","model":"b"}'
    )
    body = b'{"input": 1}'
    assert CODEC.write_body(body, Ask(), model=None, cap=5, include_usage=True) is body
    assert CODEC.write_path(PATH, "b") == PATH


def test_openai_tells_no_usage_and_mistral_its_tokens() -> None:
    openai = b'{"id": "modr-1", "model": "omni-moderation-latest", "results": [{"flagged": true}]}'
    assert CODEC.read_answer(openai) == Report(response_model="omni-moderation-latest", response_id="modr-1")
    mistral = b'{"id": "m", "model": "mistral-moderation-latest", "usage": {"prompt_tokens": 9, "total_tokens": 9}}'
    assert CODEC.read_answer(mistral).usage == Usage(input_tokens=9, output_tokens=0)
    meter = CODEC.meter(strip_usage=False)
    assert meter.feed(mistral) is mistral
    meter.finish()
    assert meter.complete
    assert meter.report() == CODEC.read_answer(mistral)

import json

import msgspec
import pytest

from tollway.providers.registry import codec_for
from tollway.providers.rewrite import Rewrite, written
from tollway.request import Api, Ask

BODY = b'{"model":"a", "x" : 1.0,"messages":[]}'


def rewrite(**changes: object) -> Rewrite:
    ask = codec_for("openai.chat").read_ask("/v1/chat/completions", b"", b"application/json", BODY)
    assert isinstance(ask, Ask)
    given = {"model": None, "cap": None, "include_usage": False, "cap_field": "max_completion_tokens"}
    return Rewrite(api="openai.chat", ask=ask, **{**given, **changes})  # type: ignore[arg-type]


def test_what_is_named_changes_and_everything_else_keeps_its_bytes() -> None:
    found = written(BODY, rewrite(model="b"))
    assert json.loads(found) == {"model": "b", "x": 1.0, "messages": []}
    assert b"1.0" in found


def test_the_cap_has_the_name_that_the_provider_knows() -> None:
    assert json.loads(written(BODY, rewrite(cap=7)))["max_completion_tokens"] == 7
    assert json.loads(written(BODY, rewrite(cap=7, cap_field="max_tokens")))["max_tokens"] == 7


def test_it_is_the_same_after_a_journey_to_another_process() -> None:
    one = rewrite(model="b", cap=3, include_usage=True)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(one), type=Rewrite) == one


@pytest.mark.parametrize(
    ("body", "there"),
    [
        (b'{"a":1.0,"messages":[ ]}', b'{"a":1.0,"messages":[ ],"stream":true}'),
        (b'{"stream":false,"x":1e2}', b'{"stream":true,"x":1e2}'),
        (b'{"stream": null,"x":"\\u00e4"}', b'{"stream":true,"x":"\\u00e4"}'),
    ],
)
@pytest.mark.parametrize("api", ["openai.chat", "openai.completions", "openai.responses", "anthropic.messages"])
def test_a_stream_is_asked_for_and_nothing_else_is_written_anew(api: Api, body: bytes, there: bytes) -> None:
    asked = Rewrite(api=api, ask=Ask(), model=None, cap=None, include_usage=False, cap_field="max_tokens", stream=True)
    assert written(body, asked) == there


def test_a_stream_and_its_usage_are_asked_for_together() -> None:
    found = written(b'{"stream_options":{"include_usage":false,"y":1}}', rewrite(stream=True, include_usage=True))
    assert json.loads(found) == {"stream_options": {"include_usage": True, "y": 1}, "stream": True}


def test_google_is_asked_for_a_stream_by_its_path_alone() -> None:
    asked = Rewrite(
        api="google.generate", ask=Ask(), model=None, cap=None, include_usage=False, cap_field="x", stream=True
    )
    assert written(BODY, asked) is BODY

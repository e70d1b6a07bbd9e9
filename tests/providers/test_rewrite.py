import json

import msgspec

from tollway.providers.registry import codec_for
from tollway.providers.rewrite import Rewrite, written
from tollway.request import Ask

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

"""What every codec promises, whichever API it knows."""

import inspect
import json
from typing import Any, get_args

import msgspec
import pytest

from tollway.providers import codec as module
from tollway.providers.codec import Codec, Malformed, Meter
from tollway.providers.registry import codec_for
from tollway.request import Api, Ask
from tollway.usage import Report

APIS: tuple[Api, ...] = get_args(Api)
GOOGLE_PATHS = {
    "google.generate": "/v1beta/models/gemini-2.5-flash:generateContent",
    "google.count_tokens": "/v1beta/models/gemini-2.5-flash:countTokens",
    "google.embed": "/v1beta/models/gemini-2.5-flash:embedContent",
}
JSON = b"application/json"
BODY = b'{"model":"m",  "odd": [1.0, "\\u00fc"], "max_tokens": 5}'


def path_of(api: Api) -> str:
    return GOOGLE_PATHS.get(api, "/v1/anything")


def public(protocol: type) -> list[str]:
    return [name for name in vars(protocol) if not name.startswith("_")]


@pytest.mark.parametrize("api", APIS)
def test_a_codec_says_which_api_it_knows_and_in_whose_words(api: Api) -> None:
    codec = codec_for(api)
    assert codec.api == api
    # Workers AI is asked by OpenAI's users, and its errors are read as OpenAI's.
    assert codec.dialect == api.partition(".")[0].replace("cloudflare", "openai")


@pytest.mark.parametrize("api", APIS)
def test_a_codec_has_every_method_of_the_protocol_with_its_parameters(api: Api) -> None:
    codec = codec_for(api)
    for name in public(Codec):
        wanted, found = getattr(Codec, name), getattr(type(codec), name)
        assert list(inspect.signature(wanted).parameters) == list(inspect.signature(found).parameters), name
        for own, its in zip(
            inspect.signature(wanted).parameters.values(), inspect.signature(found).parameters.values(), strict=True
        ):
            assert own.kind == its.kind, f"{name}, {own.name}"


@pytest.mark.parametrize("api", APIS)
def test_a_codec_keeps_no_state(api: Api) -> None:
    assert not hasattr(codec_for(api), "__dict__")
    assert codec_for(api) is codec_for(api)


@pytest.mark.parametrize("api", APIS)
def test_a_body_that_needs_no_change_is_the_very_same_bytes(api: Api) -> None:
    sent = codec_for(api).write_body(BODY, Ask(model="m"), model=None, cap=None, include_usage=False)
    assert sent is BODY


@pytest.mark.parametrize("api", APIS)
def test_a_fresh_meter_has_seen_nothing_and_passes_every_byte_at_once(api: Api) -> None:
    meter = codec_for(api).meter(strip_usage=False)
    assert (meter.output_bytes, meter.complete, meter.report()) == (0, False, Report())
    for name in public(Meter):
        assert hasattr(meter, name)
    chunk = b"data: {}\n\nda"
    assert meter.feed(chunk) is chunk
    assert meter.finish() == b""


@pytest.mark.parametrize("api", APIS)
def test_two_meters_of_one_codec_know_nothing_of_each_other(api: Api) -> None:
    one, other = codec_for(api).meter(strip_usage=False), codec_for(api).meter(strip_usage=False)
    one.feed(b"data: unreadable and therefore counted whole\n\n")
    assert (other.output_bytes, other.report()) == (0, Report())


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b"\xff", b'{"usage": 5, "usageMetadata": []}'])
def test_an_unreadable_answer_is_an_empty_report(api: Api, body: bytes) -> None:
    assert codec_for(api).read_answer(body) == Report()


@pytest.mark.parametrize("api", APIS)
def test_reading_an_ask_does_not_depend_on_what_is_not_known(api: Api) -> None:
    codec = codec_for(api)
    fields: dict[str, Any] = {"model": "gemini-2.5-flash"}
    plain = codec.read_ask(path_of(api), b"", JSON, json.dumps(fields).encode())
    more = codec.read_ask(path_of(api), b"", JSON, json.dumps({**fields, "x_new": {"deep": [1, 2]}}).encode())
    assert isinstance(plain, Ask) and isinstance(more, Ask)
    if api == "openai.rerank":
        # What is billed once for each document is bounded by the whole body.
        more = msgspec.structs.replace(more, messages=plain.messages)
    assert plain == more


def test_a_malformed_body_says_why_and_cannot_be_changed() -> None:
    found = codec_for("openai.chat").read_ask("/v1/chat/completions", b"", JSON, b"[1]")
    assert found == Malformed("The body is not a JSON object.")
    with pytest.raises(AttributeError):
        found.message = ""  # type: ignore[union-attr,misc]
    assert issubclass(Malformed, msgspec.Struct)


def test_each_promise_is_told() -> None:
    for protocol in (module.Codec, module.Meter):
        for name in public(protocol):
            assert name in ("api", "dialect") or inspect.getdoc(getattr(protocol, name)), name

"""Other values keep their bytes."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.codec import Malformed
from tollway.providers.openai_chat import Chat
from tollway.providers.registry import codec_for
from tollway.providers.splice import merged, spliced
from tollway.request import Api, Ask

PATH = "/v1beta/models/m:generateContent"


def changed(api: Api, body: bytes, model: str | None = None, cap: int | None = None, usage: bool = False) -> bytes:
    ask = codec_for(api).read_ask(PATH, b"", b"application/json", body)
    assert isinstance(ask, Ask)
    return codec_for(api).write_body(body, ask, model=model, cap=cap, include_usage=usage)


def test_values_keep_numbers_escapes_and_inner_white_space() -> None:
    odd = rb'{"a": 1.50e+400, "b":[ 1 ,2 ], "c":"\u00e9\/", "d":{"x" : -0}, "model":"m"}'
    assert spliced(odd, {"model": "n"}) == rb'{"a":1.50e+400,"b":[ 1 ,2 ],"c":"\u00e9\/","d":{"x" : -0},"model":"n"}'


def test_no_change_is_the_same_object() -> None:
    body = b'{ "model" : "m" }'
    assert spliced(body, {}) is body


@pytest.mark.parametrize("given", [None, msgspec.Raw(b"null"), msgspec.Raw(b"{}")])
def test_merging_into_nothing_makes_an_object(given: msgspec.Raw | None) -> None:
    assert bytes(merged(given, "k", 1)) == b'{"k":1}'


@pytest.mark.parametrize(
    ("api", "body", "cap", "expected"),
    [
        # The field the caller used is lowered.
        ("openai.chat", b'{"max_tokens":50}', 10, b'{"max_tokens":10}'),
        ("openai.chat", b'{"max_completion_tokens":50}', 10, b'{"max_completion_tokens":10}'),
        (
            "openai.chat",
            b'{"max_tokens":50,"max_completion_tokens":5}',
            10,
            b'{"max_tokens":10,"max_completion_tokens":5}',
        ),
        # Never raised.
        ("openai.chat", b'{"max_tokens":5}', 10, b'{"max_tokens":5}'),
        ("openai.chat", b'{"max_tokens":10}', 10, b'{"max_tokens":10}'),
        # Added where there is none.
        ("openai.chat", b'{"n":1}', 10, b'{"n":1,"max_completion_tokens":10}'),
        ("openai.chat", b'{"max_tokens":null}', 10, b'{"max_tokens":null,"max_completion_tokens":10}'),
        ("openai.completions", b'{"n":1}', 10, b'{"n":1,"max_tokens":10}'),
        ("openai.responses", b'{"n":1}', 10, b'{"n":1,"max_output_tokens":10}'),
        ("openai.responses", b'{"max_output_tokens":11}', 10, b'{"max_output_tokens":10}'),
        ("anthropic.messages", b'{"max_tokens":11}', 10, b'{"max_tokens":10}'),
        ("google.generate", b'{"a":1}', 10, b'{"a":1,"generationConfig":{"maxOutputTokens":10}}'),
        (
            "google.generate",
            b'{"generationConfig":{"temperature":1.0,"maxOutputTokens":99,"stopSequences":[ "a" ]}}',
            10,
            b'{"generationConfig":{"temperature":1.0,"maxOutputTokens":10,"stopSequences":[ "a" ]}}',
        ),
        (
            "google.generate",
            b'{"generation_config":{"max_output_tokens":99}}',
            10,
            b'{"generation_config":{"max_output_tokens":10}}',
        ),
        (
            "google.generate",
            b'{"generationConfig":{"maxOutputTokens":9}}',
            10,
            b'{"generationConfig":{"maxOutputTokens":9}}',
        ),
        ("openai.embeddings", b'{"input":"x"}', 10, b'{"input":"x"}'),
    ],
)
def test_a_cap_is_only_ever_lowered_or_added(api: Api, body: bytes, cap: int, expected: bytes) -> None:
    assert changed(api, body, cap=cap) == expected


def test_a_compatible_server_may_want_the_older_name_of_the_cap() -> None:
    assert Chat("max_tokens").write_body(b"{}", Ask(), model=None, cap=3, include_usage=False) == b'{"max_tokens":3}'


def test_the_wish_for_usage_keeps_the_other_stream_options() -> None:
    body = b'{"stream":true,"stream_options":{"include_obfuscation": false,"include_usage":false}}'
    expected = b'{"stream":true,"stream_options":{"include_obfuscation":false,"include_usage":true}}'
    assert changed("openai.chat", body, usage=True) == expected
    assert (
        changed("openai.chat", b'{"stream":true}', usage=True)
        == b'{"stream":true,"stream_options":{"include_usage":true}}'
    )


def test_a_compaction_takes_no_cap() -> None:
    codec = codec_for("openai.responses")
    ask = codec.read_ask("/v1/responses/compact", b"", b"", b'{"model":"m"}')
    assert isinstance(ask, Ask)
    assert ask.floor_output_tokens > 10_000_000
    assert codec.write_body(b'{"model":"m"}', ask, model=None, cap=9, include_usage=False) == b'{"model":"m"}'


def test_a_google_embedding_names_its_model_in_the_body_as_well() -> None:
    body = b'{"requests":[{"model":"models/m","content":{"parts":[ ]}},{"content":{}}]}'
    expected = b'{"requests":[{"model":"models/other","content":{"parts":[ ]}},{"content":{}}]}'
    assert changed("google.embed", body, model="other") == expected
    refused = codec_for("google.embed").read_ask("/v1/models/cheap:batchEmbedContents", b"", b"", body)
    assert isinstance(refused, Malformed)


@given(
    st.dictionaries(st.text(max_size=6), st.integers() | st.text(max_size=6) | st.lists(st.floats(0, 1)), max_size=6),
    st.integers(1, 10_000_000),
)
def test_a_cap_written_is_the_cap_read_and_nothing_else_changes(values: dict[str, object], cap: int) -> None:
    values = {name: value for name, value in values.items() if not isinstance(value, int) or abs(value) < 2**60}
    body = msgspec.json.encode(values)
    ask = Ask()
    for api, field in (("openai.chat", "max_completion_tokens"), ("anthropic.messages", "max_tokens")):
        if field in values or "max_tokens" in values:
            continue
        result = codec_for(api).write_body(body, ask, model=None, cap=cap, include_usage=False)
        assert msgspec.json.decode(result) == values | {field: cap}

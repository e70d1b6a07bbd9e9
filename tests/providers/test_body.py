"""What a body has to be before any field of it counts, the same for every API that takes JSON."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tollway.providers.codec import Malformed
from tollway.providers.registry import codec_for
from tollway.request import Api, Ask

JSON_APIS: tuple[Api, ...] = (
    "openai.chat",
    "openai.completions",
    "openai.responses",
    "openai.embeddings",
    "anthropic.messages",
    "google.generate",
    "google.embed",
)
GOOGLE = "/v1beta/models/m:generateContent"


def read(api: Api, body: bytes, path: str = GOOGLE) -> Ask | Malformed:
    return codec_for(api).read_ask(path, b"", b"application/json", body)


@pytest.mark.parametrize("api", JSON_APIS)
@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b"   ", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b"12", "not a JSON object"),
        (b'{"model": "m"', "not JSON"),
        (b'{"model": "m"} x', "not JSON"),
        (b"{'model': 'm'}", "not JSON"),
        (b'\xef\xbb\xbf{"model":"m"}', "not JSON"),
        (b'{"x": "\xff"}', "not UTF-8: byte 7"),
        (b'{"x": "\xed\xa0\x80"}', "not UTF-8"),
        (b'{"x": "a\nb"}', "not JSON"),
        (b'{"model": "a", "model": "b"}', "model stands twice"),
        (b'{"stream": true, "strea\\u006d": false}', "stream stands twice"),
        (b'{"messages": [], "messages": []}', "messages stands twice"),
        (b'{"x": ' + b"[" * 64 + b"1" + b"]" * 64 + b"}", "more than 64 levels"),
        (b'{"x": ' + b'{"y":' * 64 + b"1" + b"}" * 64 + b"}", "more than 64 levels"),
        (b'{"x": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "too deeply"),
        (b"[" * 200_000, "not a JSON object"),
        (b'{"temperature": NaN}', "temperature is NaN"),
        (b'{"top_p": -Infinity}', "top_p is -Infinity"),
    ],
)
def test_a_body_that_no_api_would_take_is_malformed_and_the_message_says_why(api: Api, body: bytes, says: str) -> None:
    found = read(api, body)
    assert isinstance(found, Malformed)
    assert says in found.message


@pytest.mark.parametrize("api", JSON_APIS)
def test_sixty_four_levels_and_a_missing_model_are_fine(api: Api) -> None:
    found = read(api, b'{"x": ' + b"[" * 63 + b"1" + b"]" * 63 + b"}")
    assert isinstance(found, Ask)
    assert found.model == ("m" if api.startswith("google") else None)


CAPS: list[tuple[Api, str]] = [
    ("openai.chat", "max_tokens"),
    ("openai.chat", "max_completion_tokens"),
    ("openai.completions", "max_tokens"),
    ("openai.responses", "max_output_tokens"),
    ("anthropic.messages", "max_tokens"),
    ("google.generate", "generationConfig.maxOutputTokens"),
    ("google.generate", "generationConfig.max_output_tokens"),
]


def body_with(field: str, value: str) -> bytes:
    outer, dot, inner = field.partition(".")
    text = f'"{outer}": {{"{inner}": {value}}}' if dot else f'"{outer}": {value}'
    return f'{{{text}, "x": 1}}'.encode()


@pytest.mark.parametrize(("api", "field"), CAPS)
@pytest.mark.parametrize(
    "value",
    [
        "-1",
        "0",
        '"5"',
        "true",
        "false",
        "1.5",
        "100.0",
        "1e3",
        "1e309",
        str(2**63),
        str(2**64),
        "9" * 5000,
        "10000001",
        "[]",
        "[5]",
        "{}",
        '""',
    ],
)
def test_a_cap_that_is_no_whole_number_in_range_is_malformed_and_named(api: Api, field: str, value: str) -> None:
    found = read(api, body_with(field, value))
    assert isinstance(found, Malformed)
    shown = {"[]": "an array", "[5]": "an array", "{}": "an object"}.get(value, value)
    nested = "." in field and shown != value
    assert found.message.startswith(f"{field} is " + ("" if nested or value == "1e3" else shown[:40]))
    assert "whole number from 1 to 10,000,000" in found.message


@pytest.mark.parametrize(("api", "field"), CAPS)
@pytest.mark.parametrize(("value", "cap"), [("1", 1), ("10000000", 10_000_000), ("null", None)])
def test_a_cap_in_range_is_read_and_null_is_absent(api: Api, field: str, value: str, cap: int | None) -> None:
    found = read(api, body_with(field, value))
    assert isinstance(found, Ask)
    assert found.max_output_tokens == cap


@pytest.mark.parametrize("api", ["openai.chat", "openai.completions", "openai.responses", "anthropic.messages"])
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('"stream": "true"', 'stream is "true"; it must be true or false.'),
        ('"stream": 1', "stream is 1; it must be true or false."),
        ('"stream": {}', "stream is an object; it must be true or false."),
        ('"model": 5', "model is 5; it must be text of at most 512 characters."),
        ('"model": ["m"]', "model is an array; it must be text of at most 512 characters."),
    ],
)
def test_a_field_of_the_wrong_kind_is_named_with_its_value(api: Api, text: str, says: str) -> None:
    assert read(api, f"{{{text}}}".encode()) == Malformed(says)


@pytest.mark.parametrize(
    ("api", "body"),
    [
        ("openai.chat", '{"n": 0}'),
        ("openai.chat", '{"n": 129}'),
        ("openai.completions", '{"best_of": -3}'),
        ("google.generate", '{"generationConfig": {"candidateCount": 129}}'),
        ("google.generate", '{"generationConfig": {"candidateCount": 2, "candidate_count": 3}}'),
        ("google.generate", '{"generationConfig": {"maxOutputTokens": 2, "maxOutputTokens": 3}}'),
        ("google.generate", '{"generationConfig": {}, "generation_config": {}}'),
        ("openai.chat", '{"stream_options": {"include_usage": "yes"}}'),
        ("openai.chat", '{"stream_options": {"include_usage": true, "include_usage": false}}'),
        ("anthropic.messages", '{"thinking": {"type": "enabled", "budget_tokens": -5}}'),
    ],
)
def test_what_decides_cost_is_read_strictly(api: Api, body: str) -> None:
    assert isinstance(read(api, body.encode()), Malformed)


@given(st.binary(max_size=200))
def test_random_bytes_never_raise(body: bytes) -> None:
    for api in JSON_APIS:
        assert isinstance(read(api, body), Ask | Malformed)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "messages",
                    "content",
                    "type",
                    "role",
                    "source",
                    "tools",
                    "input",
                    "contents",
                    "parts",
                    "requests",
                    "model",
                    "stream",
                    "n",
                    "thinking",
                    "system",
                    "cache_control",
                    "generationConfig",
                    "maxOutputTokens",
                    "stream_options",
                    "file",
                    "image_url",
                    "output",
                    "text",
                    "url",
                    "budget_tokens",
                    "prompt",
                    "functionResponse",
                    "inlineData",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(st.sampled_from(["messages", "tools", "input", "contents", "system", "requests"]), json_values))
def test_random_json_never_raises_and_what_is_accepted_can_be_changed(value: object) -> None:
    body = json.dumps(value).encode()
    for api in JSON_APIS:
        ask = read(api, body)
        if isinstance(ask, Ask):
            changed = codec_for(api).write_body(body, ask, model="other", cap=9, include_usage=True)
            assert isinstance(json.loads(changed), dict)


@pytest.mark.parametrize("api", (*JSON_APIS, "openai.other"))
@pytest.mark.parametrize("key", ["MODEL", "Model", "Stream", "\u017ftream"])
def test_a_key_that_decides_the_cost_is_refused_in_any_other_case(api: Api, key: str) -> None:
    # A server written in Go would read it all the same, and obey the last of the two.
    found = read(api, json.dumps({"model": "m", key: "dear"}).encode())
    assert isinstance(found, Malformed)
    assert found.message.endswith("write it in lower case.")


@pytest.mark.parametrize("key", ["Max_Tokens", "max_to\u212aens", "MAX_COMPLETION_TOKENS", "Max_Output_Tokens", "N"])
def test_a_cap_is_refused_in_any_other_case_whatever_the_rest_looks_like(key: str) -> None:
    for other in ("hi", {"deep": [1]}, [{"content": 5}]):
        found = read("openai.chat", json.dumps({"model": "m", "messages": other, key: 9}).encode())
        assert isinstance(found, Malformed) and "lower case" in found.message


def test_other_keys_may_be_written_as_they_like() -> None:
    assert isinstance(read("openai.chat", b'{"model": "m", "User": "x", "nN": 1, "messages": []}'), Ask)


@pytest.mark.parametrize(
    "body",
    [
        b"{" + b",".join(b'"k%d": 1' % number for number in range(100_000)) + b"}",
        b"{" + b",".join([b'"k": 1'] * 100_000) + b"}",
        b'{"metadata": {' + b",".join(b'"k%d": 1' % number for number in range(100_000)) + b"}}",
        b'{"tools": {"a": [1]}, "messages": 7, ' + b",".join(b'"k%d": 1' % number for number in range(100_000)) + b"}",
    ],
    ids=["different", "the same", "in an object", "of odd shapes"],
)
def test_a_large_body_of_very_many_members_is_cut_off(body: bytes) -> None:
    """Each would cost a call, and hold up everybody else meanwhile."""
    found = read("openai.chat", body)
    assert isinstance(found, Malformed)
    assert "more than 10,000 members" in found.message


def test_a_large_text_is_no_large_number_of_members() -> None:
    body = b'{"model": "m", "messages": [{"role": "user", "content": "' + b'a\\": ' * 200_000 + b'"}]}'
    assert not isinstance(read("openai.chat", body), Malformed)

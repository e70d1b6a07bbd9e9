"""Reading the top of an answer that may be anything at all."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.answer import first_text, text, values

DEEP = b"[" * 100_000


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def test_the_values_of_an_object_keep_their_bytes() -> None:
    found = values(b'{"id": "x", "usage": {"a":  1.50}, "n": null}')
    assert {name: bytes(value) for name, value in found.items()} == {
        "id": b'"x"',
        "usage": b'{"a":  1.50}',
        "n": b"null",
    }


def test_a_value_within_a_value_is_read_the_same_way() -> None:
    inner = values(values(b'{"message": {"id": "x"}}')["message"])
    assert text(inner["id"]) == "x"


@pytest.mark.parametrize(
    "body",
    [None, b"", b"null", b"[]", b"5", b'"x"', b"{", b'{"a": }', b'{"a": 1} {}', b'{"\xff": 1}', DEEP, b"data: {}"],
    ids=lambda body: repr(body)[:20],
)
def test_what_is_no_object_has_no_values(body: bytes | None) -> None:
    assert values(body) == {}


@given(st.binary(max_size=60))
def test_no_bytes_make_it_raise(body: bytes) -> None:
    assert isinstance(values(body), dict)
    assert text(msgspec.Raw(body)) is None or text(msgspec.Raw(body)) != ""
    found = first_text(msgspec.Raw(body), "a")
    assert found is None or found


@pytest.mark.parametrize(
    ("value", "read"),
    [("stop", "stop"), ("ü", "ü"), (2, "2"), (0, "0"), (-1, "-1"), (" ", " ")],
)
def test_text_is_a_string_or_the_number_of_an_enumeration(value: object, read: str) -> None:
    assert text(raw(value)) == read


@pytest.mark.parametrize("value", ["", None, True, False, 1.5, [], ["stop"], {"a": "b"}])
def test_anything_else_is_no_text(value: object) -> None:
    assert text(raw(value)) is None


def test_text_that_is_absent_or_cannot_be_read_is_none() -> None:
    assert text(None) is None
    assert text(msgspec.Raw(b'"cut')) is None
    assert text(msgspec.Raw(DEEP)) is None


def test_the_first_element_that_has_a_text_gives_it() -> None:
    assert first_text(
        raw([{"finishReason": None}, {}, {"finishReason": "STOP"}, {"finishReason": "MAX"}]), "finishReason"
    ) == ("STOP")
    assert first_text(raw([{"finishReason": 1}]), "finishReason") == "1"


@pytest.mark.parametrize(
    "elements", [[], [{}], [{"other": "x"}], [{"finishReason": ""}], ["STOP"], {"finishReason": "STOP"}, None, 5]
)
def test_without_such_an_element_there_is_none(elements: object) -> None:
    assert first_text(raw(elements), "finishReason") is None
    assert first_text(None, "finishReason") is None


def test_an_array_that_was_cut_short_has_no_text() -> None:
    assert first_text(msgspec.Raw(b'[{"finishReason": "STOP"}'), "finishReason") is None
    assert first_text(msgspec.Raw(DEEP), "finishReason") is None

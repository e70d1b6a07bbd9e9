import json
from base64 import b64decode, b64encode
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.gathered_pieces import (
    Base64,
    Fields,
    Pile,
    Text,
    Unreadable,
    array_of,
    encoded,
    fill,
    number_of,
    object_of,
    text_of,
)


def merged(*pieces: str) -> Any:
    known: Fields = {}
    pile = Pile()
    for piece in pieces:
        fill(known, object_of(piece.encode()), pile)
    return json.loads(encoded(known))


@pytest.mark.parametrize(
    ("pieces", "whole"),
    [
        (['{"a":"x"}', '{"a":"y"}'], {"a": "xy"}),
        (['{"a":null}', '{"a":"y"}', '{"a":null}'], {"a": "y"}),
        (['{"n":1}', '{"n":2}'], {"n": 2}),
        (['{"b":true}', '{"b":false}'], {"b": False}),
        (['{"id":"i","type":"t"}', '{"id":"i","type":"t"}', '{"id":""}'], {"id": "i", "type": "t"}),
        (['{"name":"f"}', '{"name":"f"}', '{"name":""}', '{"name":"oo"}'], {"name": "foo"}),
        (['{"o":{"a":"x","b":1}}', '{"o":{"a":"y","c":[]}}'], {"o": {"a": "xy", "b": 1, "c": []}}),
        (['{"l":[1,"a"]}', '{"l":[{"z":1}]}', '{"l":[]}'], {"l": [1, "a", {"z": 1}]}),
        (
            ['{"l":[{"index":1,"t":"b"}]}', '{"l":[{"index":0,"t":"a"}]}', '{"l":[{"index":1,"t":"c"}]}'],
            {"l": [{"index": 0, "t": "a"}, {"index": 1, "t": "bc"}]},
        ),
        (
            ['{"l":[{"index":0,"type":"x","t":"a"}]}', '{"l":[{"index":0,"type":"y","t":"b"}]}'],
            {"l": [{"index": 0, "type": "x", "t": "a"}, {"index": 0, "type": "y", "t": "b"}]},
        ),
        (
            ['{"executed_tools":[{"index":0,"arguments":"q"}]}', '{"executed_tools":[{"index":0,"arguments":"q","output":"r"}]}'],
            {"executed_tools": [{"index": 0, "arguments": "q", "output": "r"}]},
        ),
        (['{"a":"x"}', '{"a":1}'], {"a": 1}),
        (['{"a":1}', '{"a":"x"}', '{"a":{"b":2}}'], {"a": {"b": 2}}),
    ],
)  # fmt: skip
def test_pieces_of_a_kind_are_merged(pieces: list[str], whole: Any) -> None:
    assert merged(*pieces) == whole


def test_a_number_keeps_its_digits() -> None:
    known: Fields = {}
    fill(known, object_of(b'{"cost":0.10000000000000000555,"big":123456789012345678901234567890}'), Pile())
    assert encoded(known) == b'{"cost":0.10000000000000000555,"big":123456789012345678901234567890}'


@given(st.text(), st.lists(st.integers(0, 30), max_size=4))
def test_a_text_in_pieces_is_the_text(text: str, cuts: list[int]) -> None:
    known, pile = Text(), Pile()
    edges = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    for start, end in pairwise(edges):
        known.add(text[start:end], pile)
    assert known.plain() == text
    assert pile.kept == len(text.encode())


@given(st.lists(st.binary(max_size=9), max_size=6))
def test_base64_in_pieces_that_are_padded_is_one_encoding_of_all(pieces: list[bytes]) -> None:
    known, pile = Base64(), Pile()
    for piece in pieces:
        known.add(b64encode(piece).decode(), pile)
    assert b64decode(known.plain(), validate=True) == b"".join(pieces)


def test_base64_cut_in_the_middle_is_put_together_as_text() -> None:
    known, pile = Base64(), Pile()
    for piece in ("aGVs", "bG8", "gd29y", "bGQ="):
        known.add(piece, pile)
    assert b64decode(known.plain()) == b"hello world"


def test_what_is_not_base64_stays_as_it_came() -> None:
    known, pile = Base64(), Pile()
    for piece in ("not=", "base64!"):
        known.add(piece, pile)
    assert known.plain() == "not=base64!"


def test_an_object_below_the_merged_levels_is_kept_whole() -> None:
    deep = '{"a":' * 9 + '"x"' + "}" * 9
    assert merged(deep, deep) == json.loads(deep)


def test_half_a_character_is_read_and_joined() -> None:
    assert text_of(msgspec.Raw(b'"\\ud83d"')) == "\ud83d"
    assert merged('{"a":"\\ud83d"}', '{"a":"\\ude00"}') == {"a": "\N{GRINNING FACE}"}


@pytest.mark.parametrize(
    "raw", [b"[1", b"{", b'"\xff"', b"nul", b'{"a":"\\ud83d","b":NaN}', b'{"a":"\\ud83d","b":1e999}']
)
def test_what_is_not_json_is_unreadable(raw: bytes) -> None:
    for read in (object_of, array_of, lambda raw: text_of(msgspec.Raw(raw))):
        with pytest.raises(Unreadable):
            read(raw)


def test_a_list_of_null_is_empty() -> None:
    assert array_of(b"null") == []


@pytest.mark.parametrize(
    ("raw", "number"), [(b"7", 7), (b"-1", None), (b'"7"', None), (b"1.0", None), (b"9" * 20, None)]
)
def test_an_index_is_a_small_whole_number(raw: bytes, number: int | None) -> None:
    assert number_of(msgspec.Raw(raw)) == number
    assert number_of(None) is None

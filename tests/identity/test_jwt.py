import json
from typing import Any

import pytest
from bad_tokens import bad, named
from hypothesis import given
from hypothesis import strategies as st
from made_tokens import ISSUER, claims, part, token

from tollway.identity.jwt import (
    LONGEST_TOKEN,
    Token,
    Unfit,
    instant,
    looks_like_token,
    of_whom,
    read_token,
    strict_json,
)


def read(text: str) -> Token:
    found = read_token(text)
    assert isinstance(found, Token), found
    return found


def unfit(text: str) -> str:
    found = read_token(text)
    assert isinstance(found, Unfit), found
    assert found.code == "token_invalid"
    return found.message


def test_a_token_is_read_into_what_it_claims_and_what_was_signed() -> None:
    text = token()
    found = read(text)
    assert (found.algorithm, found.key_id, found.kind) == ("RS256", "a", "jwt")
    assert found.claims == claims()
    assert found.signed.decode() == text.rpartition(".")[0] and len(found.signature) == 256
    assert repr(found) == "Token(…)"


def test_its_type_is_read_without_its_spelling() -> None:
    assert read(token(header={"typ": "application/AT+JWT"})).kind == "at+jwt"
    assert read(token(header={"typ": None})).kind == "jwt"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a.b.c.d.e", "encrypted"),
        ("e30.e30", "three parts"),
        ("x" * (LONGEST_TOKEN + 1), "longer than 16,384 bytes"),
        (token(header={"crit": ["b64"]}), "crit"),
        (token(header={"zip": "DEF"}), '"zip"'),
        (token(header={"cty": "JWT"}), "within a token"),
        (token(header={"alg": None}), '"alg"'),
        (token(header={"kid": 1}), '"kid"'),
        (token(b'{"a":1,"a":2}'), "twice"),
        (token(b"[]"), "not a JSON object"),
        (token(b"x"), "not JSON"),
    ],
    # Tokens differ from run to run, and names of tests may not.
    ids=map(str, range(11)),
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    assert said in unfit(text)


@pytest.mark.parametrize("text", [text for _, text in named(bad)], ids=[name for name, _ in named(bad)])
def test_nothing_in_the_corpus_makes_the_reader_fail_or_repeat_it(text: str) -> None:
    found = read_token(text)
    assert isinstance(found, Token) or not any(len(one) > 12 and one in found.message for one in text.split("."))
    assert of_whom(text) is None or isinstance(of_whom(text), str)


@given(st.text(max_size=200) | st.binary(max_size=100).map(part))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    for whole in (text, f"{text}.{text}.{text}", f"{part('{}')}.{text}.", f"{part('{}')}.{part(text)}.AA"):
        assert isinstance(read_token(whole), Token | Unfit)
        of_whom(whole)
        looks_like_token(whole)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=10,
    )
)
def test_strict_json_reads_what_json_writes(value: Any) -> None:
    assert strict_json(json.dumps(value).encode("utf-8")) == value


@pytest.mark.parametrize("text", [b"NaN", b"[Infinity]", b'{"a":{"b":1,"b":1}}', b"\xff", b"", b"{} {}", b"[" * 9_999])
def test_strict_json_refuses_what_two_readers_could_take_for_two_things(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"not JSON|twice"):
        strict_json(text)


@pytest.mark.parametrize(("text", "so"), [("ey", False), ("sk-a.b.c", False), ("tw_0123456789ab_x", False)])
def test_a_token_is_told_from_a_key_by_its_beginning(text: str, so: bool) -> None:
    assert looks_like_token(text) is so
    assert looks_like_token(token())


@pytest.mark.parametrize("space", ["", " ", "\n", "\r\n", "\t"])
def test_white_space_in_its_header_does_not_hide_a_token(space: str) -> None:
    head = part("{" + space + '"alg":"RS256"}')
    assert looks_like_token(f"{head}.{part(claims())}.AA")


def test_the_issuer_that_a_token_names_is_read_before_anything_is_proven() -> None:
    assert of_whom(token()) == ISSUER
    for odd in ("", "a.b", token(claims(iss=None)), token(claims(iss=1)), token(b"[]"), "a" * 99_999):
        assert of_whom(odd) is None


@pytest.mark.parametrize(("value", "ms"), [(0, 0), (1.5, 1_500), (1_782_864_000, 1_782_864_000_000)])
def test_an_instant_is_seconds(value: Any, ms: int) -> None:
    assert instant({"exp": value}, "exp") == ms
    assert instant({}, "exp") is None


@pytest.mark.parametrize("value", [None, True, "1", -1, 10**15, float("inf"), [1]])
def test_what_is_no_instant_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match='"exp"'):
        instant({"exp": value}, "exp")

"""A service token in one header."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.proxy.pairs import Pair, of_basic, of_json


def basic(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("encoded", "pair"),
    [
        (basic("abc.tollway:tw_s"), Pair("abc.tollway", "tw_s")),
        (basic("a:b:c"), Pair("a", "b:c")),
        (basic("a-key:"), Pair(None, "a-key")),
        (f"  {basic('a:b')} ", Pair("a", "b")),
        (basic("no colon"), None),
        (basic(":b"), None),
        ("not base64!", None),
        ("YWI", None),
        ("/w==", None),
        ("", None),
    ],
)
def test_basic_is_read_or_is_nothing(encoded: str, pair: Pair | None) -> None:
    assert of_basic(encoded) == pair


@pytest.mark.parametrize("prefix", ["cf-access-", "CF-Access-", "tollway-"])
def test_json_is_read_in_either_spelling(prefix: str) -> None:
    text = f'{{"{prefix}client-id": "a", "{prefix}Client-Secret": "b"}}'
    assert of_json(text.encode()) == Pair("a", "b")


@pytest.mark.parametrize(
    "text",
    [
        b'{"cf-access-client-id": "a"}',
        b'{"cf-access-client-id": "a", "cf-access-client-secret": ""}',
        b'{"cf-access-client-id": "a", "cf-access-client-secret": 7}',
        b'{"cf-access-client-id": "a", "tollway-client-secret": "b"}',
        b'{"cf-access-client-id": "a", "cf-access-client-secret": "b", "cf-access-client-secret": "c"}',
        b'{"cf-access-client-id": "a", "cf-access-client-secret": "b", "other": 1}',
        b'{"cf-access-client-id": {"a": 1}, "cf-access-client-secret": "b"}',
        b"{}",
        b"{",
        b'"a"',
        b"\xff",
        b"[" * 5_000,
    ],
)
def test_half_a_pair_or_two_is_none(text: bytes) -> None:
    assert of_json(text) is None


@given(st.binary(max_size=60))
def test_whatever_comes_is_read_without_a_fault(text: bytes) -> None:
    for found in (of_json(text), of_json(b"{" + text + b"}"), of_basic(text.decode("latin-1"))):
        assert found is None or found.secret


def test_a_pair_does_not_show_its_secret() -> None:
    shown: Any = repr(Pair("abc", "canary"))
    assert "canary" not in shown and "abc" in shown

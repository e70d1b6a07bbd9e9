import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.identity.keys import make_key
from tollway.identity.secrets import ACCESS, CODE, DEVICE, make_family, make_refresh_token, make_token
from tollway.logs.bodies import OVERLAP, Bodies, Body, to_keep, without

SECRET = b"sk-provider/abc+def-0123456789"


def bodies(content: bytes, most: int, **fields: Any) -> Bodies:
    body = Body(part="asked", content=content[: most + OVERLAP], content_type="application/json", size=len(content))
    return Bodies(request_id="r", at=1, bodies=(body,), most=most, **fields)


def test_a_secret_is_painted_over_as_it_is_and_as_json_writes_it() -> None:
    said = b'{"key": "' + SECRET + b'", "again": "' + SECRET.replace(b"/", b"\\/") + b'"}'
    found = without(said, [SECRET])
    assert SECRET not in found and SECRET.replace(b"/", b"\\/") not in found
    assert len(found) == len(said) and found.startswith(b'{"key": "***')


def test_a_gateway_key_of_anybody_is_painted_over() -> None:
    key = make_key(lambda count: bytes(range(count))).encode()
    found = without(b"my key is " + key + b", keep it", [])
    assert found == b"my key is " + b"*" * len(key) + b", keep it"


@pytest.mark.parametrize("prefix", [ACCESS, DEVICE, CODE])
def test_of_a_token_nothing_is_left(prefix: str) -> None:
    token = make_token(prefix, lambda count: bytes(range(count))).encode()
    assert without(b"<" + token + b">", []) == b"<" + b"*" * len(token) + b">"


def test_of_a_refresh_token_nothing_is_left() -> None:
    draw = bytes(range(64)).__getitem__
    token = make_refresh_token(make_family(lambda count: draw(slice(count))), lambda count: draw(slice(count))).encode()
    assert without(b"<" + token + b">", []) == b"<" + b"*" * len(token) + b">"


def escaped(secret: bytes, which: Callable[[int], bool], written: str = "\\u%04x") -> bytes:
    return b"".join(
        (written % character).encode() if which(place) else bytes([character]) for place, character in enumerate(secret)
    )


@given(
    which=st.sets(st.integers(0, len(SECRET) - 1), min_size=1),
    written=st.sampled_from(["\\u%04x", "\\u%04X"]),
    around=st.sampled_from([b'"', b"\\n", b"\\u0041", b"\\/", "ü".encode()]),
)
def test_a_secret_with_escapes_of_json_in_it_is_painted_over_and_nothing_else(
    which: set[int], written: str, around: bytes
) -> None:
    hidden = escaped(SECRET, which.__contains__, written)
    assert json.loads(b'"' + hidden + b'"') == SECRET.decode()
    content = around + hidden + around + hidden + b"!"
    stars = b"*" * len(hidden)
    assert without(content, [SECRET]) == around + stars + around + stars + b"!"


def test_a_gateway_key_with_escapes_of_json_in_it_is_painted_over() -> None:
    key = escaped(make_key(lambda count: bytes(range(count))).encode(), lambda place: place < 3)
    assert without(b"a" + key + b".", []) == b"a" + b"*" * len(key) + b"."


@given(
    st.binary(max_size=60), st.lists(st.sampled_from([b"\\u0041", b"\\/", b"\\u00", b"\\", b"tw_", b"x"]), max_size=8)
)
def test_what_has_no_secret_stays_as_it_is(some: bytes, more: list[bytes]) -> None:
    content = some.join(more) if more else some
    assert without(content, [SECRET]) == content


def test_what_is_kept_of_no_request_is_painted_over_too() -> None:
    (kept,) = to_keep(bodies(b"a " + SECRET + b" b", 100, never=frozenset({SECRET})))
    assert kept.content == b"a " + b"*" * len(SECRET) + b" b"


def test_what_is_too_short_to_be_a_secret_paints_nothing_over() -> None:
    assert without(b"x marks the spot", [b"x", b""]) == b"x marks the spot"


def test_a_body_is_kept_whole_up_to_the_limit() -> None:
    (kept,) = to_keep(bodies(b"a" * 100, 100))
    assert (kept.content, kept.about.size, kept.about.kept, kept.about.truncated) == (b"a" * 100, 100, 100, False)


def test_of_a_larger_one_the_beginning_is_kept_or_nothing_as_the_gateway_says() -> None:
    (cut,) = to_keep(bodies(b"a" * 101, 100, larger="cut"))
    assert (len(cut.content), cut.about.size, cut.about.kept, cut.about.truncated) == (100, 101, 100, True)
    (dropped,) = to_keep(bodies(b"a" * 101, 100, larger="drop"))
    assert (dropped.content, dropped.about.size, dropped.about.kept, dropped.about.truncated) == (b"", 101, 0, True)


@given(before=st.integers(0, 120), most=st.integers(1, 130))
def test_no_piece_of_a_secret_stays_where_a_body_is_cut(before: int, most: int) -> None:
    (kept,) = to_keep(bodies(b"." * before + SECRET + b"." * 50, most, secrets=(SECRET,)))
    assert set(kept.content) <= set(b".*")

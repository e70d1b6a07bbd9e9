from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tollway.identity.keys import make_key
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
    assert key[:-6] not in found and found.startswith(b"my key is ***") and found.endswith(b", keep it")


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

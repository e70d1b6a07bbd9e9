"""Names of people: two that only Unicode makes alike are two."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.identity.names import as_audited, is_address, is_reserved, known_as, same


def test_only_the_case_of_a_to_z_is_no_difference() -> None:
    assert same("Kate.O@EXAMPLE.com") == same("kate.o@example.COM") == "kate.o@example.com"
    assert same(string.ascii_uppercase) == string.ascii_lowercase


@pytest.mark.parametrize(
    "name", ["\u212aate@example.com", "bo\u017fs@example.com", "stra\u00dfe@example.com", "\u0130da", "Ärger"]
)
def test_a_letter_that_looks_like_another_stays_itself(name: str) -> None:
    assert same(name) == name and not same(name).isascii()


@given(st.text())
def test_no_name_beyond_ascii_becomes_one_of_ascii(name: str) -> None:
    assert same(name).isascii() == name.isascii()
    assert len(same(name)) == len(name) and same(same(name)) == same(name)
    assert all(
        a == b or (a in string.ascii_uppercase and b == a.lower()) for a, b in zip(name, same(name), strict=True)
    )


@pytest.mark.parametrize(
    "address", ["kate@example.com", "k+x@example.com", "\u212aate@example.com", "用户@例子.广告", "a@b"]
)
def test_an_address_has_one_at_sign_between_two_names(address: str) -> None:
    assert is_address(address)


@pytest.mark.parametrize(
    "text",
    [
        "", "kate", "@", "kate@", "@example.com", "kate@example.com@example.org", " kate@example.com", "kate@example.com ",
        "ka te@example.com", "kate@example.com,bob@example.com", "kate@example.com\u00a0", "kate@example.com\u200b",
        "k\u202eate@example.com", "kate\t@example.com", "kate@example.com\n", "kate@example.com\0", "k\u2066ate@example.com",
        "kate\u3000@example.com", "kate\ud800@example.com",
    ],
)  # fmt: skip
def test_what_could_be_taken_for_another_or_for_several_is_no_address(text: str) -> None:
    assert not is_address(text)


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("Alice@Example.com", "alice@example.com"), ("*@Example.com", "*@example.com"), ("Alice", "Alice"), ("00uA", "00uA"),
        ("\u212aate@Example.com", "\u212aate@example.com"), ("A@b@C", "A@b@C"), ("", ""),
    ],
)  # fmt: skip
def test_an_address_is_known_in_lower_case_and_any_other_name_as_it_is_written(written: str, known: str) -> None:
    assert known_as(written) == known and known_as(known) == known


@pytest.mark.parametrize(
    ("name", "reserved"),
    [("login:bob@example.com", True), ("LOGIN:x", True), ("login:", True), ("login", False), ("my login:", False)],
)
def test_what_a_login_is_called_no_key_is(name: str, reserved: bool) -> None:
    assert is_reserved(name) is reserved


def test_a_person_who_is_called_like_nobody_by_name_is_told_apart_in_the_audit_log() -> None:
    assert [as_audited(name) for name in ("admin", "File", "gateway", "alice")] == [
        'user "admin"', 'user "File"', 'user "gateway"', "alice",
    ]  # fmt: skip

"""Tokens and codes: what they are made of, and what is taken for one."""

import os

from hypothesis import given
from hypothesis import strategies as st

from tollway.identity.secrets import (
    ACCESS,
    CODE,
    DEVICE,
    REFRESH,
    USER_CODE_LETTERS,
    challenge_of,
    is_challenge,
    is_token,
    make_family,
    make_refresh_token,
    make_token,
    make_user_code,
    proves,
    read_refresh_token,
    read_user_code,
    show_user_code,
)

seeds = st.binary(min_size=32, max_size=32)


@given(seeds)
def test_a_token_is_one_of_its_own_prefix_alone(seed: bytes) -> None:
    for prefix in (ACCESS, DEVICE, CODE):
        token = make_token(prefix, lambda count: seed[:count])
        assert is_token(token, prefix)
        assert not any(is_token(token, other) for other in (ACCESS, DEVICE, CODE) if other != prefix)
        assert read_refresh_token(token) is None


@given(seeds, st.integers(0, 51))
def test_a_token_with_one_wrong_letter_is_none(seed: bytes, place: int) -> None:
    token = make_token(ACCESS, lambda count: seed[:count])
    wrong = token[:place] + ("0" if token[place] != "0" else "1") + token[place + 1 :]
    assert not is_token(wrong, ACCESS)


@given(seeds)
def test_a_refresh_token_names_its_family(seed: bytes) -> None:
    family = make_family(lambda count: seed[:count])
    token = make_refresh_token(family, lambda count: seed[:count])
    found = read_refresh_token(token)
    assert found is not None
    assert found.family == family
    assert found.secret not in repr(found)
    assert read_refresh_token(token[:-1] + ("0" if token[-1] != "0" else "1")) is None
    assert not is_token(token, REFRESH)


@given(seeds)
def test_a_user_code_is_read_however_it_is_typed(seed: bytes) -> None:
    code = make_user_code(lambda count: seed[:count])
    assert len(code) == 8
    assert set(code) <= set(USER_CODE_LETTERS)
    for typed in (
        code,
        code.lower(),
        show_user_code(code),
        f" {show_user_code(code).lower()} ",
        code[:4] + " " + code[4:],
    ):
        assert read_user_code(typed) == code


@given(st.text(max_size=80))
def test_no_text_is_a_code_that_could_not_be_made(typed: str) -> None:
    found = read_user_code(typed)
    assert found is None or (len(found) == 8 and set(found) <= set(USER_CODE_LETTERS))


def test_user_codes_use_all_letters_alike() -> None:
    counts = dict.fromkeys(USER_CODE_LETTERS, 0)
    for _ in range(2_000):
        for letter in make_user_code(os.urandom):
            counts[letter] += 1
    assert len(counts) == 20
    assert all(600 < count < 1_000 for count in counts.values())


def test_the_challenge_is_that_of_the_standard() -> None:
    # RFC 7636, appendix B.
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert is_challenge(challenge_of(verifier))
    assert proves(verifier, challenge_of(verifier))
    assert not proves(verifier + "x", challenge_of(verifier))
    assert not proves("short", challenge_of("short"))
    assert not proves(challenge_of(verifier), challenge_of(verifier)), "the plain method is not taken"

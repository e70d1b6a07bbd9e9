import re
import secrets
import zlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.identity.keys import (
    PREFIXES,
    base62,
    digest,
    is_miscopied,
    is_well_formed,
    looks_like_ours,
    make_id,
    make_key,
)
from tollway.identity.secrets import ACCESS, CODE, DEVICE, REFRESH

RANDOM = st.binary(min_size=48, max_size=48)


def source(random: bytes):
    rest = bytearray(random)

    def take(count: int) -> bytes:
        taken = bytes(rest[:count])
        del rest[:count]
        assert len(taken) == count
        return taken

    return take


@given(RANDOM)
def test_a_made_key_is_well_formed_and_sixty_five_characters_long(random: bytes) -> None:
    key = make_key(source(random))
    assert len(key) == 65
    assert re.fullmatch(r"tw_[0-9a-z]{12}_[0-9A-Za-z]{49}", key)
    assert is_well_formed(key) and looks_like_ours(key) and not is_miscopied(key)


@given(RANDOM)
def test_a_rotated_key_keeps_its_id(random: bytes) -> None:
    identifier = make_id(source(random))
    key = make_key(source(random), identifier)
    assert key.startswith(f"tw_{identifier}_") and is_well_formed(key)


@given(RANDOM, st.integers(0, 64), st.sampled_from("0aZ_\n é"))
def test_a_key_with_another_character_is_not_well_formed(random: bytes, at: int, character: str) -> None:
    key = make_key(source(random))
    other = key[:at] + character + key[at + 1 :]
    assert is_well_formed(other) == (other == key)


@given(RANDOM, st.integers(16, 64))
def test_a_key_that_lost_its_end_is_known_as_miscopied(random: bytes, length: int) -> None:
    assert is_miscopied(make_key(source(random))[:length])


@pytest.mark.parametrize("text", ["tw_", "tw_company-key-of-2019", "sk-1234", "", "tw_short_x"])
def test_a_key_of_another_make_is_not_taken_for_a_miscopied_one(text: str) -> None:
    assert not is_well_formed(text) and not is_miscopied(text)


@pytest.mark.parametrize("random", [b"\x00" * 48, b"\xff" * 48])
def test_the_extremes_of_randomness_fit(random: bytes) -> None:
    assert is_well_formed(make_key(source(random)))


def test_every_character_of_an_id_is_equally_likely() -> None:
    seen = Counter(character for _ in range(2_000) for character in make_key(secrets.token_bytes)[3:15])
    # 24,000 draws of 36: 667 each, with a standard deviation of 26.
    assert len(seen) == 36
    assert max(seen.values()) < 667 + 8 * 26 and min(seen.values()) > 667 - 8 * 26


def test_ids_use_every_place() -> None:
    first = {make_key(secrets.token_bytes)[3] for _ in range(300)}
    assert len(first) > 10


@given(st.integers(0, 62**43 - 1))
def test_base_62_reads_back_and_keeps_its_width(number: int) -> None:
    text = base62(number, 43)
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    value = 0
    for character in text:
        value = value * 62 + digits.index(character)
    assert len(text) == 43 and value == number


def test_the_widths_hold_what_they_must() -> None:
    assert len(base62(2**256 - 1, 43)) == 43
    assert len(base62(2**32 - 1, 6)) == 6


def test_the_checksum_is_the_crc_32_of_what_stands_before_it() -> None:
    key = make_key(source(bytes(range(48))))
    assert key[-6:] == base62(zlib.crc32(key[3:-6].encode()), 6)


def test_what_is_kept_of_a_key_depends_on_the_key_and_the_pepper() -> None:
    assert len({digest("a", b"1"), digest("b", b"1"), digest("a", b"2")}) == 3
    assert digest("a", b"1") == digest("a", b"1")


def test_every_prefix_of_what_is_generated_is_known() -> None:
    assert {ACCESS, REFRESH, DEVICE, CODE} < set(PREFIXES)
    assert all(looks_like_ours(f"{prefix}x") for prefix in PREFIXES) and not looks_like_ours("twx_x")

"""Who guesses is told to wait."""

import pytest

from tollway.identity.attempts import MOST_ADDRESSES, MOST_BAD, WINDOW_MS, Attempts

NOW = 1_790_000_000_000


def test_ten_bad_ones_in_a_minute_are_borne_and_the_next_is_told_when_to_come_back() -> None:
    attempts = Attempts()
    assert [attempts.bad("192.0.2.1", NOW + n) for n in range(MOST_BAD)] == [None] * MOST_BAD
    assert attempts.bad("192.0.2.1", NOW + 10_001) == 50
    assert attempts.bad("192.0.2.1", NOW + WINDOW_MS - 1) == 1
    assert attempts.bad("192.0.2.1", NOW + WINDOW_MS) is None


def test_asking_how_long_to_wait_counts_nothing() -> None:
    attempts = Attempts()
    for n in range(MOST_BAD):
        assert attempts.wait_s("192.0.2.1", NOW) is None, n
        attempts.bad("192.0.2.1", NOW)
    assert [attempts.wait_s("192.0.2.1", NOW + late) for late in (0, 59_500, 60_000)] == [60, 1, None]
    assert attempts.wait_s("192.0.2.2", NOW) is None and len(attempts) == 1


def test_one_address_does_not_count_for_another() -> None:
    attempts = Attempts()
    for _ in range(MOST_BAD):
        attempts.bad("192.0.2.1", NOW)
    assert attempts.bad("192.0.2.2", NOW) is None and attempts.bad("192.0.2.1", NOW) is not None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("", "", True),
        ("odd:address", "odd:other", False),
    ],
)
def test_of_ipv6_a_network_is_one_caller(one: str, other: str, same: bool) -> None:
    attempts = Attempts()
    for _ in range(MOST_BAD):
        attempts.bad(one, NOW)
    assert (attempts.bad(other, NOW) is not None) == same


def test_memory_is_bounded_and_the_oldest_makes_room() -> None:
    attempts = Attempts()
    for n in range(MOST_ADDRESSES + 50):
        attempts.bad(f"address {n}", NOW)
    assert len(attempts) == MOST_ADDRESSES
    for _ in range(MOST_BAD - 1):
        assert attempts.bad(f"address {MOST_ADDRESSES}", NOW) is None
    assert attempts.bad(f"address {MOST_ADDRESSES}", NOW) == 60

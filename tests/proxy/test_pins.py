from hypothesis import given
from hypothesis import strategies as st

from tollway.exchange.auto_steps import Pin
from tollway.proxy.pins import CACHED_MS, IDLE_MS, MOST, Pins

NOW = 1_790_000_000_000
PIN, OTHER = Pin("openai/gpt-5", "t"), Pin("openai/gpt-5-mini", "u")


def test_a_session_has_no_model_before_it_was_given_one() -> None:
    assert Pins().get(b"s", NOW) is None


def test_a_session_has_the_model_that_it_was_given_last() -> None:
    pins = Pins()
    pins.put(b"s", PIN, NOW)
    pins.put(b"s", OTHER, NOW + 1)
    assert pins.get(b"s", NOW + 2) == (OTHER, True)
    assert pins.get(b"t", NOW + 2) is None


def test_a_prompt_is_taken_to_be_cached_for_five_minutes() -> None:
    pins = Pins()
    pins.put(b"s", PIN, NOW)
    assert pins.get(b"s", NOW + CACHED_MS - 1) == (PIN, True)
    assert pins.get(b"s", NOW + CACHED_MS) == (PIN, False)


def test_a_session_is_forgotten_after_an_hour() -> None:
    pins = Pins()
    pins.put(b"s", PIN, NOW)
    assert pins.get(b"s", NOW + IDLE_MS - 1) is not None
    assert pins.get(b"s", NOW + IDLE_MS) is None
    assert len(pins) == 0


def test_what_nobody_asks_for_again_is_cleared_away_too() -> None:
    pins = Pins()
    for number in range(100):
        pins.put(b"%d" % number, PIN, NOW)
    pins.put(b"later", PIN, NOW + IDLE_MS)
    assert len(pins) == 1


def test_there_are_never_more_than_so_many_and_the_one_silent_for_longest_goes_first() -> None:
    pins = Pins()
    for number in range(MOST):
        pins.put(b"%d" % number, PIN, NOW)
    pins.put(b"0", OTHER, NOW)
    pins.put(b"new", PIN, NOW)
    assert len(pins) == MOST
    assert pins.get(b"1", NOW) is None and pins.get(b"0", NOW) is not None


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, IDLE_MS)), max_size=20))
def test_a_clock_that_only_goes_on_never_breaks_it(puts: list[tuple[int, int]]) -> None:
    pins, now = Pins(), NOW
    for session, passed in puts:
        now += passed
        pins.put(b"%d" % session, PIN, now)
        assert pins.get(b"%d" % session, now) == (PIN, True)

"""Counts that a stream repeats: the last one stands, and none falls."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.rising import Rising


def told(*usages: dict[str, Any] | None) -> Rising:
    rising = Rising()
    for usage in usages:
        rising.add(usage)
    return rising


def test_a_later_count_stands_for_the_earlier_one() -> None:
    rising = told({"total_tokens": 3, "output_tokens": 1}, {"output_tokens": 5})
    assert (rising.told, rising.fell) == ({"total_tokens": 3, "output_tokens": 5}, None)


@pytest.mark.parametrize("last", [0, 1, 199, "7", 1.0])
def test_a_count_that_falls_stays_as_high_as_it_was_and_is_named(last: object) -> None:
    rising = told({"completion_tokens": 200}, {"completion_tokens": last})
    assert rising.told == {"completion_tokens": 200}
    assert rising.fell is not None and rising.fell.startswith("completion_tokens was 200 and fell to ")


def test_a_count_that_fell_on_the_way_and_rose_again_is_not_suspect() -> None:
    # Gemini counts each step of its own tools anew, and all of them at the end.
    rising = told({"thoughtsTokenCount": 419}, {"thoughtsTokenCount": 28}, {"thoughtsTokenCount": 447})
    assert (rising.told, rising.fell) == ({"thoughtsTokenCount": 447}, None)


def test_parts_are_compared_one_by_one() -> None:
    rising = told(
        {"details": {"reasoning_tokens": 9, "audio_tokens": 1}, "tier": "flex"},
        {"details": {"reasoning_tokens": 4, "audio_tokens": 2}, "tier": "default"},
    )
    assert rising.told == {"details": {"reasoning_tokens": 9, "audio_tokens": 2}, "tier": "default"}
    assert rising.fell is not None and "details.reasoning_tokens" in rising.fell


@pytest.mark.parametrize("later", [None, {}, {"output_tokens": None}])
def test_what_says_nothing_takes_nothing_back(later: dict[str, Any] | None) -> None:
    rising = told({"output_tokens": 7}, later)
    assert (rising.told, rising.fell) == ({"output_tokens": 7}, None)


def test_what_is_no_count_of_tokens_may_fall() -> None:
    rising = told({"cost": 5, "queue_time": 2}, {"cost": 1, "queue_time": 0})
    assert (rising.told, rising.fell) == ({"cost": 1, "queue_time": 0}, None)


@given(st.lists(st.none() | st.integers(0, 1000), min_size=1))
def test_the_highest_count_is_billed_whatever_the_order(counts: list[int | None]) -> None:
    rising = told(*({"output_tokens": number} for number in counts))
    known = [number for number in counts if number is not None]
    assert rising.told.get("output_tokens") == max(known, default=None)
    assert (rising.fell is None) == (not known or known[-1] == max(known))

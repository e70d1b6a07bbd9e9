"""Which of several models is the cheapest that is good enough."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.autorouting.rules import Auto, Pooled
from tollway.autorouting.task import Task
from tollway.exchange.auto_choice import Routed, Runner, in_order, runner, too_long, worth_moving
from tollway.money import Money
from tollway.pricing.units import MILLION, Price, UnitPrice

AUTO = Auto(models=(), thresholds=(2_500,))


def unit(dollars_per_million: int) -> UnitPrice:
    return UnitPrice(Money(dollars_per_million * 1_000_000_000), MILLION)


def at(name: str, price: int, quality: int | None = None, *, cached: int | None = None) -> Runner:
    return Runner(
        name=name,
        quality=quality,
        input=unit(price),
        cached=unit(price if cached is None else cached),
        output=unit(4 * price),
    )


def names(*runners: Runner, score: int | None, auto: Auto = AUTO) -> str:
    return " ".join(one.name for one in in_order(runners, score, auto))


SMALL, OTHER_SMALL, LARGE, OTHER_LARGE = at("s", 1, 1), at("t", 2, 1), at("l", 10, 2), at("m", 12, 2)
ALL = (OTHER_LARGE, SMALL, LARGE, OTHER_SMALL)


@pytest.mark.parametrize(
    ("score", "order"),
    [
        (0, "s t l m"),
        (2_499, "s t l m"),
        # Where the good ones fail, the best of the others are next.
        (2_500, "l m s t"),
        (10_000, "l m s t"),
        (None, "l m s t"),
    ],
)
def test_the_cheapest_that_is_good_enough_comes_first(score: int | None, order: str) -> None:
    assert names(*ALL, score=score) == order


@pytest.mark.parametrize(("score", "order"), [(0, "a b c"), (2_500, "b c a"), (4_499, "b c a"), (4_500, "c b a")])
def test_without_qualities_the_prices_are_the_ladder(score: int, order: str) -> None:
    assert names(at("b", 2), at("c", 3), at("a", 1), score=score) == order
    assert names(at("b", 2, 9), at("c", 3), at("a", 1, 9), score=score) == order


def test_a_dear_model_that_is_no_better_is_never_needed() -> None:
    assert names(at("dear", 9, 1), at("cheap", 1, 1), score=10_000) == "cheap dear"


def test_a_model_that_is_better_and_cheaper_is_always_first() -> None:
    assert names(at("old", 9, 1), at("new", 1, 2), score=0) == "new old"


def test_thresholds_may_be_written_for_each_step() -> None:
    auto = Auto(models=(), thresholds=(1_000, 2_000))
    found = [names(at("a", 1), at("b", 2), at("c", 3), score=score, auto=auto)[0] for score in (999, 1_000, 2_000)]
    assert found == ["a", "b", "c"]


RUNNERS = st.lists(
    st.builds(lambda n, p, q: at(str(n), p, q), st.integers(0, 99), st.integers(1, 50), st.integers(1, 4) | st.none()),
    min_size=1,
    max_size=8,
    unique_by=lambda one: one.name,
)


@given(RUNNERS, st.integers(0, 10_000) | st.none())
def test_all_are_tried_in_the_end(runners: list[Runner], score: int | None) -> None:
    assert sorted(one.name for one in in_order(runners, score, AUTO)) == sorted(one.name for one in runners)


@given(RUNNERS, st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_harder_prompt_never_gets_a_worse_model(runners: list[Runner], one: int, other: int) -> None:
    easy, hard = (in_order(runners, score, AUTO)[0] for score in sorted((one, other)))
    known = all(runner.quality is not None for runner in runners)
    assert (easy.quality or 0) <= (hard.quality or 0) if known else easy.rank <= hard.rank


def moved(pinned: Runner, other: Runner, before: int, turn: int = 4_000, cap: int | None = None) -> bool:
    return worth_moving(pinned, other, Task(before_bytes=before, turn_bytes=turn), cap)


def test_a_short_conversation_moves_to_a_cheaper_model_and_a_long_one_stays() -> None:
    dear, cheap = at("dear", 10, cached=1), at("cheap", 2)
    assert moved(dear, cheap, before=0) and moved(dear, cheap, before=40_000)
    # 1,000 tokens of turn and 1,000 of answer are $0.05 here and $0.01 there; each token before them costs a millionth more there.
    assert not moved(dear, cheap, before=4 * 41_000) and moved(dear, cheap, before=4 * 39_000)


def test_a_conversation_that_costs_the_same_stays() -> None:
    dear, cheap = at("dear", 10, cached=1), at("cheap", 2)
    assert not moved(dear, cheap, before=4 * 40_000)


def test_a_conversation_moves_to_a_better_model_while_reading_it_anew_is_the_lesser_part() -> None:
    cheap, dear = at("cheap", 2, cached=1), at("dear", 10)
    # The turn and its answer are $0.05 there; what is lost is a millionth for each token before.
    assert moved(cheap, dear, before=4 * 50_000) and not moved(cheap, dear, before=4 * 50_001)
    assert not moved(cheap, dear, before=4 * 50_000, cap=100)


def test_where_nothing_is_cached_nothing_is_lost() -> None:
    assert moved(at("cheap", 2), at("dear", 10), before=100_000_000)


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**6) | st.none())
def test_a_longer_conversation_is_never_easier_to_move(before: int, more: int, cap: int | None) -> None:
    for pinned, other in ((at("a", 10, cached=1), at("b", 2)), (at("b", 2, cached=1), at("a", 10))):
        assert moved(pinned, other, before, cap=cap) or not moved(pinned, other, before + more, cap=cap)


def priced(units: dict[str, int], **more: Any) -> Price:
    return Price(id="p", provider="p", model="m", units={name: unit(one) for name, one in units.items()}, **more)


def test_a_model_has_the_prices_of_its_list() -> None:
    found = runner(Pooled("p/m", 3), priced({"input": 2, "output": 8, "cache_read": 1}), 1_000)
    assert found == Runner(name="p/m", quality=3, input=unit(2), cached=unit(1), output=unit(8))


def test_what_has_no_price_for_cached_input_reads_it_at_the_full_one() -> None:
    found = runner(Pooled("p/m"), priced({"input": 2, "output": 8}), 1_000)
    assert found is not None and found.cached == unit(2)


def test_what_is_not_sold_by_the_token_is_no_runner_unless_it_is_free() -> None:
    assert runner(Pooled("p/m"), priced({"image": 2}), 1) is None
    assert runner(Pooled("p/m"), priced({"input": 2}), 1) is None
    free = runner(Pooled("p/m"), priced({}, free=True), 1)
    assert free is not None and free.rank == (0, "p/m")


@pytest.mark.parametrize(
    ("window", "longest", "cap", "why"),
    [
        (None, None, 10**9, None),
        (1_000, None, None, None),
        (999, None, None, "about 1,000 tokens are more than its 999"),
        (1_000, 500, 500, None),
        (1_000, 499, 500, "it gives 499 tokens at most, not 500"),
    ],
)
def test_a_prompt_must_fit(window: int | None, longest: int | None, cap: int | None, why: str | None) -> None:
    assert too_long(window, longest, 3_000, cap) == why


def test_where_another_one_answered_in_the_end_the_reason_is_that() -> None:
    routed = Routed("pinned_by_turn", 2)
    assert routed.reason_at(2) == "pinned_by_turn"
    assert routed.reason_at(3) == "fallback_candidate_unavailable"

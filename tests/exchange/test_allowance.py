"""How the hold of a metered answer follows it."""

from hypothesis import given
from hypothesis import strategies as st

from tollway.exchange.allowance import CHUNK_TOKENS, IN_FLIGHT_TOKENS, LOW_WATER_TOKENS, Allowance
from tollway.money import Money
from tollway.pricing.estimate import Quote
from tollway.pricing.units import UnitPrice

PRICE = 10


def quote(input_tokens: int = 1_000, output_tokens: int = 16_384, choices: int = 1) -> Quote:
    floor = input_tokens * 2 + 32
    return Quote(
        provider="p",
        model="m",
        price_id="",
        amount=Money(floor + PRICE * output_tokens * choices),
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        choices=choices,
        cap=None,
        floor=Money(floor),
        per_input_token=UnitPrice(Money(2), 1),
        per_output_token=UnitPrice(Money(PRICE), 1),
    )


def test_it_begins_with_the_input_and_one_chunk() -> None:
    allowance = Allowance(quote())
    assert allowance.tokens == CHUNK_TOKENS
    assert allowance.amount == 2_032 + PRICE * CHUNK_TOKENS
    assert not allowance.whole and not allowance.over


def test_an_answer_that_cannot_be_longer_than_a_chunk_is_held_as_a_whole() -> None:
    allowance = Allowance(quote(output_tokens=500))
    assert allowance.whole and allowance.amount == quote(output_tokens=500).amount


def test_it_asks_for_more_before_it_needs_it() -> None:
    allowance = Allowance(quote())
    seen = 0
    while not allowance.saw(seen := seen + 4):
        assert not allowance.over
    assert CHUNK_TOKENS - seen - IN_FLIGHT_TOKENS < LOW_WATER_TOKENS
    assert not allowance.over
    assert allowance.least < allowance.wanted <= seen + IN_FLIGHT_TOKENS + CHUNK_TOKENS + 12


def test_it_is_over_once_another_piece_would_be_more_than_is_held() -> None:
    allowance = Allowance(quote())
    for seen in range(200, CHUNK_TOKENS - IN_FLIGHT_TOKENS - 200, 200):
        allowance.saw(seen)
        assert not allowance.over
    allowance.saw(CHUNK_TOKENS - IN_FLIGHT_TOKENS - 200)
    assert not allowance.over
    allowance.saw(CHUNK_TOKENS - IN_FLIGHT_TOKENS - 200 + 1)
    assert allowance.over


def test_a_whole_hold_is_never_over() -> None:
    allowance = Allowance(quote(output_tokens=500))
    allowance.saw(499)
    allowance.saw(500)
    assert not allowance.over


def test_large_pieces_have_it_ask_the_sooner() -> None:
    allowance = Allowance(quote())
    allowance.tokens = 16_000
    assert not allowance.saw(3_000)
    # Three more pieces like these would not fit any more.
    assert not allowance.saw(6_000)
    assert allowance.saw(9_000)


def test_what_may_have_been_made_while_nobody_looked_is_held_for_until_it_is_seen() -> None:
    allowance = Allowance(quote())
    assert not allowance.unread(100)
    asked = [allowance.unread(100) for _ in range(12)]
    assert any(asked)
    assert not allowance.over
    allowance.saw(300)
    # What was seen is no longer unseen; the rest may still come.
    assert allowance.unread_tokens == 1_000
    allowance.caught_up()
    assert allowance.unread_tokens == 0


def test_the_input_that_the_provider_tells_takes_the_place_of_its_bound() -> None:
    allowance = Allowance(quote(input_tokens=1_000))
    before = allowance.amount
    assert allowance.told_input(400) == -2 * 600
    assert allowance.amount == before - 2 * 600
    assert allowance.told_input(400) == 0


def test_more_input_than_was_bounded_is_not_forgotten() -> None:
    allowance = Allowance(quote(input_tokens=1_000))
    before = allowance.amount
    assert allowance.told_input(1_500) == 2 * 500
    assert allowance.amount == before + 2 * 500


@given(st.lists(st.integers(0, 3_000), max_size=60), st.integers(1, 3))
def test_it_never_holds_for_more_than_the_whole_answer(grown: list[int], choices: int) -> None:
    whole = quote(choices=choices)
    allowance = Allowance(whole)
    seen = 0
    for step in grown:
        seen += step
        if allowance.saw(seen):
            assert allowance.least <= allowance.wanted
            allowance.tokens = max(allowance.tokens, allowance.wanted)
        assert allowance.amount <= whole.amount
        # A piece no larger than two of the largest before it never takes the answer over its hold.
        assert not allowance.over or step > 0


@given(st.lists(st.integers(1, 400), min_size=1, max_size=200))
def test_pieces_that_grow_slowly_never_pass_a_hold_that_is_raised_when_asked(grown: list[int]) -> None:
    allowance = Allowance(quote(output_tokens=200_000))
    seen = 0
    for step in grown:
        seen += step
        asked = allowance.saw(seen)
        assert not allowance.over
        if asked:
            allowance.tokens = max(allowance.tokens, allowance.wanted)


def test_it_knows_what_was_held_first_and_last_and_how_often_it_was_raised() -> None:
    allowance = Allowance(quote(input_tokens=1_000))
    first = allowance.amount
    assert (allowance.first, allowance.held, allowance.raises) == (first, first, 0)
    allowance.raised(4_096)
    allowance.raised(3_000)
    assert (allowance.first, allowance.held, allowance.raises) == (first, allowance.cost(4_096), 2)
    allowance.told_input(900)
    assert allowance.held == allowance.cost(4_096) < first + 4_096 * PRICE
    held = allowance.held
    # The input costs more than was held for it; nothing is held for that before the ledger has said so.
    allowance.told_input(2_000)
    assert allowance.held == held < allowance.amount

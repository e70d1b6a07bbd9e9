"""Small things that a story notes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.exchange.notes import attempt_of, believed, of_hold, raised, sent_at, since, together, tokens_of, walked
from tollway.ledger.reservation import Balance, Held
from tollway.logs.record import Attempt
from tollway.money import Money
from tollway.pricing.charge import Charge, presumed
from tollway.routes.walk import Trail
from tollway.usage import Report, Usage

CHARGES = st.builds(
    lambda amount, basis: Charge(Money(amount), presumed(Money(amount)).lines, "p", basis),
    st.integers(0, 10**12),
    st.sampled_from(["metered", "counted", "presumed"]),
)


@given(st.lists(st.none() | CHARGES, max_size=5))
def test_what_several_tries_were_charged_is_their_sum_line_by_line(charges: list[Charge | None]) -> None:
    total: Charge | None = None
    for one in charges:
        total = together(total, one)
    known = [one for one in charges if one is not None]
    if not known:
        assert total is None
        return
    assert total is not None
    assert total.amount == sum(one.amount for one in known) == sum(line.amount for line in total.lines)
    bases = {one.basis for one in known}
    assert total.basis == next(basis for basis in ("presumed", "counted", "metered") if basis in bases)


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        (Usage(input_tokens=2, output_tokens=3), 5),
        (Usage(input_tokens=2), 2),
        (Usage(output_tokens=3), 3),
        (Usage(input_tokens=0, output_tokens=0), 0),
        (Usage(images=1), None),
        (None, None),
    ],
)
def test_tokens_that_nobody_told_are_unknown_and_not_none_at_all(usage: Usage | None, tokens: int | None) -> None:
    assert tokens_of(usage) == tokens


def test_a_usage_that_contradicts_itself_or_was_presumed_is_not_added_up() -> None:
    charge = Charge(Money(1))
    usage = Usage(input_tokens=1, cache_read_input_tokens=5)
    assert believed(Report(usage=usage), charge) is None
    good = Usage(input_tokens=5)
    assert believed(Report(usage=good), charge) is good
    assert believed(Report(usage=good), presumed(Money(1))) is None
    assert believed(None, charge) is None


def test_the_way_through_a_route_is_one_note_of_bounded_length() -> None:
    assert walked("x", None) == ()
    (note,) = walked("x", Trail(elements=["start", "a"]))
    assert (note.code, note.rule, note.detail) == ("route", "x", "start > a")
    (long,) = walked("x", Trail(elements=["e" * 100] * 100))
    assert len(long.detail) == 512


def test_what_was_not_metered_was_not_raised() -> None:
    assert raised(None) is None


def test_a_try_is_noted_with_when_it_was_sent_and_when_it_ended() -> None:
    noted = attempt_of(None, 5_000_000, 2, "no_answer", code="upstream_timeout", sent_ns=5_002_000, ended_ns=9_000_999)
    assert noted == Attempt(
        number=2, provider="", model="", outcome="no_answer", code="upstream_timeout", sent_us=2, ended_us=4_000
    )
    assert since(5, None) is None and sent_at(None) is None


def test_of_money_that_is_held_what_is_out_of_the_ordinary_is_noted() -> None:
    balances = (Balance("a", 5_000_000_000, 0, 4_000_000_000), Balance("b", 0, 0, 1))
    assert of_hold(Held(balances), ["first", "second"], None) == []
    unwritten, watched, clamped = of_hold(Held(balances, would_refuse=(0,), unwritten=True), ["first", "second"], 300)
    assert (unwritten.code, watched.code, clamped.code) == ("unwritten", "would_refuse", "clamped")
    assert (watched.rule, watched.detail) == ("first", "$5.00 spent of $4.00, monitored only")
    assert clamped.detail == "output capped at 300 tokens"

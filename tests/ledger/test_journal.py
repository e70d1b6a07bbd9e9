"""Folding, drift, and the two entries the ledger writes of its own accord."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.ledger import journal
from tollway.ledger.entry import Context
from tollway.storage.conformance.values import CONTEXT, NOW, entry, hold, metered, opening, reservation

PLACES = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2)), max_size=4, unique=True)


@given(st.lists(st.tuples(PLACES, st.integers(-100, 100)), max_size=20))
def test_folding_adds_every_amount_to_each_of_its_legs(rows: list[tuple[list[tuple[str, int]], int]]) -> None:
    entries = [
        msgspec.structs.replace(entry(reservation(f"r{number}"), amount), legs=tuple(places))
        for number, (places, amount) in enumerate(rows)
    ]
    folded = journal.fold(entries)
    everywhere = {place for places, _ in rows for place in places}
    assert folded.keys() == everywhere
    for place in everywhere:
        assert folded[place] == sum(amount for places, amount in rows if place in places)


def test_what_is_held_is_the_sum_of_open_reservations() -> None:
    one = reservation("one", hold("a", 10), hold("b", 10))
    two = reservation("two", hold("a", 5), hold("a", 7, bucket=NOW + 1))
    assert journal.held([one, two]) == {("a", NOW): 15, ("b", NOW): 10, ("a", NOW + 1): 7}
    assert journal.held([]) == {}


def test_what_is_wanted_is_the_sum_over_metered_holds_of_open_reservations() -> None:
    one = reservation("one", metered("a", 10), hold("b", 10), metered("c", 50), likely=30)
    two = reservation("two", metered("a", 0), metered("a", 5, bucket=NOW + 1), likely=7)
    assert journal.wanted([one, two]) == {("a", NOW): 27, ("a", NOW + 1): 2}
    assert journal.wanted([]) == {}


def test_openings_are_folded_like_every_entry() -> None:
    assert journal.fold([opening("o", 5, "a"), entry(reservation("r", hold("a")), 3)]) == {("a", NOW): 8}


def test_no_drift_is_found_where_counters_are_true() -> None:
    assert journal.drift("spent", {("a", 1): 5, ("b", 1): 0}, {("a", 1): 5, ("c", 1): 0}) == []


def test_drift_is_told_in_words_with_both_amounts() -> None:
    words = journal.drift("spent", {("b", 1): 5_000_000_000, ("a", 1): 1}, {("a", 1): 2, ("c", 3): 7})
    assert words == [
        'Account "a", bucket 1: spent is counted as $0.000000001 (1 nanodollars), but the ledger says $0.000000002 '
        "(2 nanodollars).",
        'Account "b", bucket 1: spent is counted as $5.00 (5000000000 nanodollars), but the ledger says $0.00 '
        "(0 nanodollars).",
        'Account "c", bucket 3: spent is counted as $0.00 (0 nanodollars), but the ledger says $0.000000007 '
        "(7 nanodollars).",
    ]


@pytest.mark.parametrize(
    ("holds", "bound", "amount"),
    [
        ((hold("a", 10), hold("b", 10)), 10, 10),
        ((hold("a", 0, spent_only=True),), 12, 12),
        ((), 12, 12),
        ((hold("a", 20),), 12, 20),
        # A metered answer is cut at what is held for it, whatever another budget holds for the worst case.
        ((metered("a", 12), hold("b", 90)), 12, 12),
        ((metered("a", 20), metered("b", 15)), 12, 20),
    ],
)
def test_a_presumption_books_the_bound_on_every_leg(holds: tuple, bound: int, amount: int) -> None:  # type: ignore[type-arg]
    made = msgspec.structs.replace(reservation("r", *holds, attempt=2), bound=bound)
    presumed = journal.presumption(made, NOW + 9)
    assert (presumed.id, presumed.reservation_id, presumed.attempt) == ("r.2.presumed", "r.2", 2)
    assert (presumed.charge.amount, presumed.charge.basis, presumed.kind) == (amount, "presumed", "presumed")
    assert sum(line.amount for line in presumed.charge.lines) == amount
    assert presumed.legs == tuple((each.account, each.bucket) for each in holds)
    assert (presumed.context, presumed.occurred_at, presumed.recorded_at) == (CONTEXT, NOW, NOW + 9)


@pytest.mark.parametrize("context", [b"", b"\xc1", msgspec.msgpack.encode({"gateway": 5})])
def test_money_is_presumed_even_where_the_context_cannot_be_read(context: bytes) -> None:
    made = msgspec.structs.replace(reservation("r", hold()), context=context)
    presumed = journal.presumption(made, NOW)
    assert presumed.charge.amount == 10
    assert presumed.context == Context(gateway="", provider="", model="") == journal.UNKNOWN


@given(true=st.integers(0, 10**12), presumed=st.integers(0, 10**12))
def test_a_correction_leaves_the_true_charge(true: int, presumed: int) -> None:
    late = entry(reservation("r", hold()), true)
    corrected = journal.correction(late, presumed)
    assert presumed + corrected.charge.amount == true
    assert sum(line.amount for line in corrected.charge.lines) == corrected.charge.amount
    assert corrected.charge.lines[:-1] == late.charge.lines
    assert (corrected.id, corrected.kind, corrected.usage) == ("r.1.correction", "correction", late.usage)
    assert journal.correction(late, presumed, 2).id == "r.1.correction.2"

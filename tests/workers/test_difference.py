import msgspec
from tests.workers.filled import HOUR, START, snapshot_of

from tollway.budgets.window import Calendar
from tollway.ledger.entry import Context
from tollway.storage.books import Booked
from tollway.workers.difference import Difference, since_of

DAY = '{name: all, limit: "20", window: {period: day, timezone: UTC}, carry_over: "1"}'
EACH = '{name: each, limit: "20", window: {period: day, timezone: UTC}, split_by: [user]}'
TODAY = START - 12 * HOUR
CONTEXT = Context(gateway="default", provider="openai", model="gpt-4o", user="ann")


def booked(seq: int = 1, amount: int = 5, *legs: tuple[str, int], at: int = START) -> Booked:
    return Booked(seq, "charge", amount, 1, at, legs, CONTEXT)


def difference(after: int = 0) -> Difference:
    snapshot = snapshot_of(DAY, EACH)
    return Difference([(budget, after) for budget in snapshot.budgets], snapshot, Calendar(), START)


def test_an_entry_is_missing_where_it_should_be_and_too_much_where_it_should_not() -> None:
    found = difference()
    found.add(booked(1, 5, ("all", TODAY), ("each", TODAY)))
    assert found.places == {("each[user=ann]", TODAY): 5, ("each", TODAY): -5}


def test_what_counts_no_more_makes_no_difference() -> None:
    found = difference()
    found.add(booked(1, 5, ("each", TODAY - 24 * HOUR), at=START - 24 * HOUR))
    assert found.places == {("all", TODAY - 24 * HOUR): 5}, "the day before counts where it may be carried over"
    assert found.since == TODAY - 24 * HOUR == since_of(snapshot_of(DAY).budgets[0], Calendar(), START)


def test_an_opening_makes_up_for_what_was_booked_before_it_alone() -> None:
    found = difference(after=3)
    found.add(booked(3, 5))
    opening = Booked(5, "opening", 5, 3, TODAY, (("all", TODAY),), Context(gateway="", provider="", model=""))
    found.add(opening)
    assert found.places == {}
    found.add(opening._replace(attempt=4))
    assert found.places == {("all", TODAY): -5}


def test_a_context_is_looked_at_once(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    found = difference()
    first = found.selecting(CONTEXT, START)
    assert found.selecting(CONTEXT, START + 1) is first
    monkeypatch.setattr("tollway.workers.difference.REMEMBERED", 1)
    assert found.selecting(msgspec.structs.replace(CONTEXT, user="ben"), START) != first
    assert found.selecting(CONTEXT, START) is not first

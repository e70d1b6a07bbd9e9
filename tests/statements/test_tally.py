"""Adding entries up: every nanodollar is on some line, and what was frozen stays."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.statements.histories import ZONES, Entry, Freeze, histories, told

from tollway.statements import tally as tallying
from tollway.statements.month import Month
from tollway.statements.statement import Adjustment, Charged, Counted, Statement
from tollway.statements.tally import Booked, Itemised, Tally, TooManyLines

OCTOBER, NOVEMBER = Month(2026, 10), Month(2026, 11)


def booked(kind: str = "charge", amount: int = 0, *lines: tuple[str, int, int], **said: object) -> Booked:
    made = Booked(kind, amount, "ml", "ann", "openai", "gpt-5", tuple(Itemised(*line) for line in lines))  # type: ignore[arg-type]
    return made._replace(**said)


def of(*entries: tuple[Booked, Month]) -> Statement:
    tally = Tally(NOVEMBER)
    for entry, own in entries:
        tally.add(entry, own)
    (found,) = tally.statements("UTC", (0, 1), "team", 7)
    return found


def charged(meter: str, quantity: int, amount: int) -> Charged:
    return Charged(user="ann", provider="openai", model="gpt-5", meter=meter, quantity=quantity, amount=amount)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(ZONES).map(ZoneInfo).flatmap(lambda zone: st.tuples(st.just(zone), histories(zone))))
def test_frozen_statements_and_open_months_add_up_to_the_ledger_whatever_happens(
    made: tuple[ZoneInfo, list[Entry | Freeze]],
) -> None:
    found = told(made[1], made[0])
    ledger = sum(entry.booked.amount for entry in found.entries)
    kept = sum(each.total for statements in found.frozen.values() for each in statements)
    still = [each for month, statements in found.months.items() if month not in found.frozen for each in statements]
    assert kept + sum(each.total for each in still) == ledger


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(ZONES).map(ZoneInfo).flatmap(lambda zone: st.tuples(st.just(zone), histories(zone))))
def test_what_was_frozen_is_what_would_be_made_of_it_at_the_end(made: tuple[ZoneInfo, list[Entry | Freeze]]) -> None:
    found = told(made[1], made[0])
    assert {month: found.months[month] for month in found.frozen} == found.frozen


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(ZONES).map(ZoneInfo).flatmap(lambda zone: st.tuples(st.just(zone), histories(zone))))
def test_answers_without_a_price_are_counted_once(made: tuple[ZoneInfo, list[Entry | Freeze]]) -> None:
    found = told(made[1], made[0])
    statements = [each for month in found.months.values() for each in month]
    counted = sum(each.unpriced + sum(other.unpriced for other in each.adjustments) for each in statements)
    assert counted == sum(entry.booked.kind == "unpriced" for entry in found.entries)


def test_the_lines_of_charges_are_added_up_by_meter() -> None:
    one = booked("charge", 30, ("input", 100, 10), ("output", 5, 20))
    found = of((one, NOVEMBER), (one, NOVEMBER))
    assert found.charges == (charged("input", 200, 20), charged("output", 10, 40))
    assert found.counts == (Counted(user="ann", attempts=2),)
    assert (found.usage, found.total, found.through) == (60, 60, 7)


def test_what_no_line_explains_is_on_a_line_of_its_own() -> None:
    found = of((booked("charge", 30, ("input", 100, 10)), NOVEMBER))
    assert found.charges == (charged("input", 100, 10), charged("unitemised", 0, 20))


def test_a_presumption_is_told_apart_until_the_truth_is_known() -> None:
    presumed = (booked("presumed", 500, ("presumed", 1, 500)), NOVEMBER)
    before = of(presumed)
    assert (before.usage, before.presumed, before.presumptions, before.total) == (0, 500, 1, 500)
    late = booked("correction", -460, ("input", 100, 40), ("presumed", 1, -500))
    after = of(presumed, (late, NOVEMBER))
    assert (after.usage, after.presumed, after.presumptions, after.total) == (40, 0, 0, 40)
    assert after.charges == (charged("input", 100, 40),)
    assert after.attempts == 1


def test_what_is_rated_again_counts_no_token_twice() -> None:
    first = booked("charge", 30, ("input", 100, 30))
    again = booked("correction", -10, ("input", 100, 20), ("charged_before", 1, -30))
    found = of((first, NOVEMBER), (again, NOVEMBER))
    assert found.charges == (charged("input", 100, 30), charged("rerated", 0, -10))


def test_an_answer_that_gets_its_first_price_is_itemised() -> None:
    priced = booked("correction", 20, ("input", 100, 20), ("charged_before", 1, 0), priced=True)
    found = of((booked("unpriced"), NOVEMBER), (priced, NOVEMBER))
    assert found.charges == (charged("input", 100, 20),)
    assert (found.attempts, found.unpriced, found.total) == (1, 0, 20)


def test_what_is_booked_for_a_frozen_month_names_it() -> None:
    late = booked("correction", -7, ("input", 1, 3), ("charged_before", 1, -10))
    found = of((late, OCTOBER), (late, OCTOBER), (booked("unpriced"), OCTOBER))
    said = {"amends": "2026-10", "user": "ann", "provider": "openai", "model": "gpt-5"}
    assert found.adjustments == (
        Adjustment(kind="correction", amount=-14, entries=2, **said),  # type: ignore[arg-type]
        Adjustment(kind="unpriced", amount=0, entries=1, unpriced=1, **said),  # type: ignore[arg-type]
    )
    assert (found.charges, found.adjusted, found.total) == ((), -14, -14)


def test_every_credit_is_a_line_with_its_reason() -> None:
    one = booked("credit", -5, entry="a.1.credit", word="outage", by="ada", provider="", model="")
    found = of((one, NOVEMBER), (one._replace(entry="b.1.credit", word="typo"), NOVEMBER))
    assert [(each.amends, each.entry, each.word, each.by, each.amount) for each in found.adjustments] == [
        ("2026-11", "a.1.credit", "outage", "ada", -5),
        ("2026-11", "b.1.credit", "typo", "ada", -5),
    ]


def test_too_many_lines_are_refused_before_they_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallying, "MOST_LINES", 10)
    tally = Tally(NOVEMBER)
    with pytest.raises(TooManyLines, match=r"2026-11 would have more than 10 lines"):
        for number in range(20):
            tally.add(booked("charge", 1, ("input", 1, 1), value=f"trace-{number}"), NOVEMBER)

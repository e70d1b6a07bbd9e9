"""The counters alone: placing, ending, booking late, forgetting, and what memory lets go of."""

from collections.abc import Mapping

import pytest

from tollway.ledger.entry import LedgerEntry
from tollway.ledger.reservation import Balance, Exhausted, Gone, Held, Hold
from tollway.money import MOST_IN_ALL
from tollway.storage.conformance.values import NOW, entry, hold, metered, opening, reservation
from tollway.storage.counters import RELEASED, SETTLED, Counters, Ended


class Told:
    """A past that is told what it knows, and notes what it was asked."""

    def __init__(self) -> None:
        self.ends: dict[str, Ended] = {}
        self.entries: set[str] = set()
        self.buckets: dict[str, dict[int, int]] = {}
        self.asked: list[str] = []

    def ended(self, reservation_id: str) -> Ended | None:
        self.asked.append(reservation_id)
        return self.ends.get(reservation_id)

    def has_entry(self, entry_id: str) -> bool:
        self.asked.append(entry_id)
        return entry_id in self.entries

    def spent(self, account: str) -> Mapping[int, int]:
        self.asked.append(account)
        return self.buckets.get(account, {})


@pytest.fixture
def past() -> Told:
    return Told()


@pytest.fixture
def counters(past: Told) -> Counters:
    return Counters(past)


def placed(counters: Counters, name: str, *holds: Hold) -> Held:
    verdict = counters.place(reservation(name, *holds))
    assert isinstance(verdict, Held), verdict
    return verdict


def look(counters: Counters, account: str = "a", **fields: int) -> tuple[int, int]:
    (balance,) = counters.balances([hold(account, **fields)])
    return balance.spent, balance.held


def test_a_hold_is_in_the_balance_that_is_answered(counters: Counters) -> None:
    assert placed(counters, "one", hold("a", 30)) == Held((Balance("a", 0, 30, 100),))
    assert placed(counters, "two", hold("a", 70), hold("b", 70)).balances == (
        Balance("a", 0, 100, 100),
        Balance("b", 0, 70, 100),
    )
    assert list(counters.open) == ["one.1", "two.1"]


def test_all_holds_are_placed_or_none(counters: Counters) -> None:
    placed(counters, "one", hold("b", 95))
    verdict = counters.place(reservation("two", hold("a", 10), hold("b", 10), hold("c", 10)))
    assert verdict == Exhausted(1, Balance("b", 0, 95, 100), True)
    assert (look(counters, "a"), look(counters, "b"), look(counters, "c")) == ((0, 0), (0, 95), (0, 0))
    assert "two.1" not in counters.open


def test_a_budget_that_is_spent_is_named_before_one_that_is_only_held(counters: Counters) -> None:
    placed(counters, "one", hold("a", 95))
    placed(counters, "two", hold("b", 95))
    counters.settle(entry(reservation("two", hold("b", 95)), 95))
    verdict = counters.place(reservation("three", hold("a", 10), hold("b", 10)))
    assert isinstance(verdict, Exhausted)
    assert (verdict.index, verdict.contended) == (1, False)


def test_a_watching_hold_is_placed_though_it_does_not_fit_and_says_so(counters: Counters) -> None:
    held = placed(counters, "one", hold("a", 10, 5, enforced=False), hold("b", 10))
    assert held.would_refuse == (0,)
    assert look(counters) == (0, 10)


def test_two_holds_of_one_reservation_on_one_account_are_both_counted(counters: Counters) -> None:
    assert isinstance(counters.place(reservation("one", hold("a", 60), hold("a", 60))), Exhausted)
    assert look(counters) == (0, 0)
    placed(counters, "two", hold("a", 40), hold("a", 40))
    assert look(counters) == (0, 80)


def test_what_would_be_refused_can_be_asked_without_placing(counters: Counters) -> None:
    assert counters.refusal(reservation("one", hold("a", 100))) is None
    refusal = counters.refusal(reservation("one", hold("a", 101)))
    assert refusal is not None and not refusal.contended
    assert counters.open == {}


def test_settling_books_the_truth_past_the_limit(counters: Counters) -> None:
    placed(counters, "one", hold("a", 10))
    made = entry(reservation("one", hold("a", 10)), 250)
    assert counters.settle(made) is made
    assert look(counters) == (250, 0)
    assert counters.settle(made) is None
    assert look(counters) == (250, 0)


def test_releasing_gives_back_once_and_settling_afterwards_changes_nothing(counters: Counters) -> None:
    placed(counters, "one", hold("a", 10))
    assert counters.release("one.1") == (hold("a", 10),)
    assert counters.release("one.1") is None
    assert counters.settle(entry(reservation("one", hold("a", 10)), 5)) is None
    assert look(counters) == (0, 0)


def test_a_release_may_overtake_its_reserve(counters: Counters) -> None:
    assert counters.release("one.1") == ()
    assert counters.standing(reservation("one", hold())) == Gone("released")


def test_a_reservation_that_is_known_is_told_as_it_stands(counters: Counters) -> None:
    made = reservation("one", hold("a", 10))
    assert counters.standing(made) is None
    counters.place(made)
    assert counters.standing(made) == Held((Balance("a", 0, 10, 100),))
    counters.settle(entry(made, 4))
    assert counters.standing(made) == Gone("settled")


def test_undoing_leaves_no_trace_and_the_id_may_come_again(counters: Counters) -> None:
    made = reservation("one", hold("a", 10))
    counters.place(made)
    counters.undo(made)
    counters.undo(made)
    assert (look(counters), counters.standing(made)) == ((0, 0), None)
    placed(counters, "one", hold("a", 10))


def test_a_lapsed_reservation_is_spent_to_its_bound_and_amended_by_late_evidence(counters: Counters) -> None:
    made = reservation("one", hold("a", 10), deadline=NOW)
    counters.place(made)
    assert counters.lapsed(NOW - 1) == []
    assert counters.lapsed(NOW, busy={"one.1"}) == []
    assert counters.lapsed(NOW) == [made]
    presumed = counters.presume(made, NOW)
    assert (presumed.kind, look(counters)) == ("presumed", (10, 0))

    late = counters.settle(entry(made, 4))
    assert late is not None
    assert (late.kind, late.charge.amount, look(counters)) == ("correction", -6, (4, 0))
    assert counters.settle(entry(made, 4)) is None


def test_an_unknown_price_does_not_take_a_presumption_back(counters: Counters) -> None:
    made = reservation("one", hold("a", 10))
    counters.place(made)
    counters.presume(made, NOW)
    booked = counters.settle(entry(made, 0, "unpriced"))
    assert booked is not None and booked.kind == "unpriced"
    assert look(counters) == (10, 0)


@pytest.mark.parametrize("kind", ["correction", "credit", "opening"])
def test_what_amends_is_booked_once_by_its_id_and_ends_nothing(counters: Counters, kind: str) -> None:
    made = reservation("one", hold("a", 10))
    counters.place(made)
    amending = entry(made, -3, kind)  # type: ignore[arg-type]
    assert counters.settle(amending) is amending
    assert counters.settle(amending) is None
    assert look(counters) == (-3, 10)
    assert "one.1" in counters.open


def test_a_correction_takes_a_number_that_is_free(counters: Counters, past: Told) -> None:
    made = reservation("one", hold("a", 10))
    past.ends["one.1"] = Ended("presumed", 10)
    past.entries |= {"one.1.correction", "one.1.correction.1"}
    late = counters.settle(entry(made, 4))
    assert late is not None
    assert (late.id, late.charge.amount) == ("one.1.correction.2", -6)


def test_an_entry_of_a_reservation_never_heard_of_is_booked_unless_the_store_has_it(
    counters: Counters, past: Told
) -> None:
    late = entry(reservation("one", hold("a", 10)), 4)
    assert counters.settle(late) is late
    past.entries.add("two.1.charge")
    assert counters.settle(entry(reservation("two", hold("a", 10)), 4)) is None
    assert look(counters) == (4, 0)


def test_what_is_forgotten_is_asked_of_the_past(counters: Counters, past: Told) -> None:
    for number in range(3):
        counters.release(f"r{number}.1")
    past.asked.clear()
    counters.forget(2)
    counters.forget(2)
    assert counters.remembers("r0.1")
    for number in range(3, 6):
        counters.release(f"r{number}.1")
    past.asked.clear()
    counters.forget(2)
    assert not counters.remembers("r0.1")
    past.ends["r0.1"] = RELEASED
    assert counters.release("r0.1") is None
    assert past.asked == ["r0.1"]


def test_forgetting_keeps_at_least_as_many_as_it_is_told(counters: Counters) -> None:
    for number in range(10):
        counters.bury(f"r{number}", SETTLED)
    counters.forget(10)
    counters.forget(9)
    assert all(counters.remembers(f"r{number}") for number in range(10))


def test_what_was_opened_since_something_was_forgotten_is_remembered(counters: Counters) -> None:
    assert counters.forgot_at == 0
    counters.limits.tell(NOW + 5)
    counters.release("r0.1")
    counters.forget(1)
    assert counters.forgot_at == 0
    counters.release("r1.1")
    counters.forget(1)
    assert counters.forgot_at == NOW + 5


def test_a_bucket_that_was_booked_in_is_to_be_saved_once(counters: Counters) -> None:
    counters.book([("a", 1), ("a", 2)], 5)
    counters.book([("a", 1)], 5)
    assert [(name, bucket.start) for name, bucket in counters.unsaved] == [("a", 1), ("a", 2)]
    assert [(name, bucket.spent) for name, bucket in counters.take_unsaved(1)] == [("a", 10)]
    counters.book([("a", 1)], 5)
    assert [(name, bucket.start) for name, bucket in counters.unsaved] == [("a", 2), ("a", 1)]


def test_old_buckets_leave_memory_and_come_back_when_an_older_window_is_looked_at(
    counters: Counters, past: Told
) -> None:
    counters.book([("a", start) for start in range(10)], 1)
    counters.take_unsaved(10)
    assert look(counters, since=8) == (2, 0)
    counters.thin(["a", "unknown"], 4)
    assert counters.floors() == {"a": 6}
    assert past.asked == []
    past.buckets["a"] = dict.fromkeys(range(10), 1)
    assert look(counters, since=3) == (7, 0)
    assert past.asked == ["a"]
    assert counters.floors() == {}


def test_what_is_not_saved_or_still_holds_is_not_thinned(counters: Counters) -> None:
    counters.book([("a", start) for start in range(5)], 1)
    look(counters, since=4)
    counters.thin(["a"], 1)
    assert counters.floors() == {}
    placed(counters, "one", hold("b", 1, bucket=0, since=0))
    counters.book([("b", start) for start in range(5)], 1)
    counters.take_unsaved(10)
    look(counters, "b", since=4)
    counters.thin(["b"], 1)
    assert counters.floors() == {}


def test_saved_balances_are_taken_over_for_any_window(counters: Counters) -> None:
    counters.load([("a", 1, 5), ("a", 2, 7), ("b", 1, -3)])
    assert (look(counters, since=2), look(counters, since=1), look(counters, since=0)) == ((7, 0), (12, 0), (12, 0))
    assert look(counters, "b", since=1) == (-3, 0)
    assert list(counters.unsaved) == []


def test_the_accounts_of_a_budget_are_itself_and_those_it_is_split_into(counters: Counters) -> None:
    counters.book([(name, 1) for name in ("each[user=b]", "each", "each[user=a]", "each-other", "eac")], 1)
    counters.balances([hold("each[user=looked at only]")])
    assert counters.accounts("each") == ["each", "each[user=a]", "each[user=b]"]
    counters.place(reservation("refused", hold("each[user=c]", 101)))
    assert "each[user=c]" not in counters.accounts("each")


def test_a_copy_of_every_place_is_taken_and_running_totals_are_checked(counters: Counters) -> None:
    placed(counters, "one", hold("a", 10))
    counters.book([("a", NOW)], 3)
    assert counters.snapshot() == ({("a", NOW): 3}, {("a", NOW): 10}, {("a", NOW): 0})
    assert counters.totals_drift() == []
    counters._accounts["a"].spent += 1
    assert counters.totals_drift() == [
        f'Account "a": the running totals since {NOW} are 4 spent, 10 held and 0 wanted, '
        "but its buckets sum to (3, 10, 0)."
    ]


def test_presuming_what_is_not_open_is_a_defect(counters: Counters) -> None:
    made = reservation("one", hold())
    counters.place(made)
    counters.release("one.1")
    with pytest.raises(AssertionError, match="was not open"):
        counters.presume(made, NOW)


def test_a_presumption_that_is_told_again_changes_nothing(counters: Counters) -> None:
    made = reservation("one", hold("a", 10))
    counters.place(made)
    again: LedgerEntry = counters.presume(made, NOW)
    assert counters.settle(again) is None
    assert look(counters) == (10, 0)


def test_an_opening_is_booked_once_and_leaves_a_presumption_as_it_was(counters: Counters) -> None:
    made = reservation("one", hold("a", 10))
    counters.place(made)
    counters.presume(made, NOW)
    assert counters.settle(opening("one", 5)) is not None
    assert counters.settle(opening("one", 5)) is None
    late = counters.settle(entry(made, 4))
    assert late is not None and late.kind == "correction"
    assert look(counters) == (9, 0)


def test_an_extension_replaces_the_reservation_and_undoing_gives_back_what_is_held_by_then(counters: Counters) -> None:
    made = reservation("one", metered("a", 10), hold("b", 10), likely=30)
    counters.place(made)
    held = counters.extend(made, 25)
    assert held == Held((Balance("a", 0, 25, 100), Balance("b", 0, 10, 100)))
    raised = counters.open["one.1"]
    assert (raised.bound, [each.amount for each in raised.holds]) == (25, [25, 10])
    counters.undo(made)
    assert (look(counters, "a"), look(counters, "b"), sound(counters)) == ((0, 0), (0, 0), [])


def sound(counters: Counters) -> list[str]:
    return counters.holds_drift(counters.snapshot())


def wanted(counters: Counters, account: str = "a") -> int:
    return counters._accounts[account].wanted


def test_what_is_wanted_follows_every_step_of_a_metered_reservation(counters: Counters) -> None:
    made = reservation("one", metered("a", 10), metered("b", 40), hold("c", 10), likely=30)
    counters.place(made)
    assert [wanted(counters, account) for account in "abc"] == [20, 0, 0]
    steps = []
    for amount in (35, 50):
        counters.extend(counters.open["one.1"], amount)
        steps.append([wanted(counters, account) for account in "ab"])
    for amount in (45, 12, 0):
        counters.shrink(counters.open["one.1"], amount)
        steps.append([wanted(counters, account) for account in "ab"])
    # 35 is less than the most that is held: nothing changes.
    assert steps == [[20, 0], [0, 0], [0, 0], [18, 18], [30, 30]]
    assert sound(counters) == []
    counters.settle(entry(made, 5))
    assert [wanted(counters, account) for account in "abc"] == [0, 0, 0]
    assert sound(counters) == []


@pytest.mark.parametrize("end", ["settle", "release", "presume", "undo"])
def test_what_is_wanted_is_gone_with_the_reservation_also_when_its_bucket_is_of_a_window_before(
    counters: Counters, end: str
) -> None:
    made = reservation("one", metered("a", 0, until=NOW + 10), likely=30)
    counters.place(made)
    assert look(counters, since=NOW + 10) == (0, 0)
    assert wanted(counters) == 0
    placed(counters, "two", hold("a", 100, bucket=NOW + 10, since=NOW + 10))
    counters.extend(counters.open["one.1"], 10)
    assert (wanted(counters), sound(counters)) == (0, [])
    standing = counters.open["one.1"]
    match end:
        case "settle":
            counters.settle(entry(made, 5))
        case "release":
            counters.release(made.id)
        case "presume":
            assert counters.presume(standing, NOW).charge.amount == 10
        case _:
            counters.undo(made)
    assert look(counters, since=NOW)[1] == 100
    assert (wanted(counters), sound(counters)) == (0, [])


def test_a_bucket_in_which_something_is_wanted_is_not_thinned(counters: Counters) -> None:
    counters.place(reservation("one", metered("a", 0, bucket=0, since=0), likely=30))
    counters.book([("a", start) for start in range(5)], 1)
    counters.take_unsaved(5)
    look(counters, since=4)
    counters.thin(["a"], 1)
    assert counters.floors() == {}


def test_what_a_reservation_wants_for_itself_does_not_refuse_it(counters: Counters) -> None:
    made = reservation("one", metered("a", 10), metered("a", 10), likely=90)
    assert isinstance(counters.place(made), Held)
    assert wanted(counters) == 160
    assert isinstance(counters.extend(made, 50), Held)
    assert (look(counters), wanted(counters)) == ((0, 100), 80)


def test_what_is_wanted_makes_a_newcomer_wait_and_is_never_counted_as_spent(counters: Counters) -> None:
    counters.place(reservation("one", metered("a", 10), likely=60))
    verdict = counters.place(reservation("two", hold("a", 41)))
    assert verdict == Exhausted(0, Balance("a", 0, 10, 100), True)
    held = counters.place(reservation("three", hold("a", 41, enforced=False)))
    assert isinstance(held, Held) and held.would_refuse == (0,)


def test_only_the_reservation_that_was_raised_is_put_back(counters: Counters) -> None:
    made = reservation("one", metered("a", 10), likely=20)
    counters.place(made)
    counters.extend(made, 50)
    raised = counters.open["one.1"]
    counters.shrink(raised, 40)
    counters.revert(raised, made)
    assert look(counters) == (0, 40)
    counters.revert(counters.open["one.1"], made)
    assert (look(counters), wanted(counters), counters.open["one.1"]) == ((0, 10), 10, made)
    counters.release(made.id)
    counters.revert(made, raised)
    assert (look(counters), sound(counters)) == ((0, 0), [])


def test_what_is_not_open_is_told_as_it_ended(counters: Counters, past: Told) -> None:
    past.ends["one.1"] = Ended("presumed", 5)
    assert (counters.gone("one.1"), counters.gone("never.1")) == (Gone("presumed"), Gone("released"))


def test_the_first_that_cannot_be_met_at_all_is_named_when_a_hold_is_raised(counters: Counters) -> None:
    made = reservation("one", metered("a", 10), metered("b", 10), metered("c", 10))
    counters.place(made)
    placed(counters, "held", hold("a", 90))
    counters.book([("b", NOW), ("c", NOW)], 90)
    assert counters.extend(made, 20) == Exhausted(1, Balance("b", 90, 10, 100), False)


def test_a_stream_of_a_rolling_window_never_passes_the_limit_though_the_window_has_moved_on(counters: Counters) -> None:
    made = reservation("one", metered("a", 40))
    counters.place(made)
    placed(counters, "two", hold("a", 20))
    counters.settle(entry(reservation("two", hold("a", 20)), 20))
    # The window has moved past all of it, and others have spent there.
    assert look(counters, since=NOW + 10) == (0, 0)
    verdict = counters.extend(made, 81)
    assert verdict == Exhausted(0, Balance("a", 20, 40, 100), False)
    counters.book([("a", NOW + 10)], 5)
    assert isinstance(counters.extend(made, 75), Held)
    assert isinstance(counters.extend(counters.open["one.1"], 76), Exhausted)
    assert (look(counters, since=NOW + 10), sound(counters)) == ((5, 0), [])


def test_no_hold_is_raised_past_the_limit_though_credits_would_pay_for_it(counters: Counters) -> None:
    made = reservation("one", metered("a", 40), metered("b", 40, enforced=False))
    counters.place(made)
    counters.book([("a", NOW), ("b", NOW)], -50)
    assert counters.extend(made, 101) == Exhausted(0, Balance("a", -50, 40, 100), False)
    assert isinstance(counters.extend(made, 100), Held)


def test_a_stream_of_a_window_that_is_over_cannot_take_what_was_carried_over_and_used(counters: Counters) -> None:
    carry = {"carry": 50, "previous": NOW - 20}
    old = metered("a", 0, bucket=NOW - 10, since=NOW - 10, until=NOW, **carry)
    counters.book([("a", NOW - 20)], 100)
    counters.place(reservation("old", old))
    full = reservation("new", hold("a", 130, until=NOW + 10, carry=50, previous=NOW - 10))
    assert isinstance(counters.place(full), Held)
    # 130 of 100 are held in the new window, so 70 are left to the old one.
    assert counters.extend(counters.open["old.1"], 71) == Exhausted(0, Balance("a", 0, 0, 70), True)
    assert counters.extend(counters.open["old.1"], 101) == Exhausted(0, Balance("a", 0, 0, 70), False)
    counters.settle(entry(full, 130))
    assert isinstance(counters.extend(counters.open["old.1"], 71), Exhausted)
    assert isinstance(counters.extend(counters.open["old.1"], 70), Held)
    # A late settlement tells the truth, whatever was carried over.
    counters.settle(entry(counters.open["old.1"], 90))
    assert (look(counters, since=NOW), look(counters, since=NOW - 10)) == ((130, 0), (220, 0))
    assert sound(counters) == []


DOLLAR = 10**9


def spent_already(counters: Counters, amount: int, account: str = "a") -> None:
    """Books an entry that no reservation stands for."""
    assert counters.settle(entry(reservation(f"old-{amount}", hold(account)), amount, "credit"))


def test_all_that_is_charged_and_held_is_counted_and_openings_are_not(counters: Counters) -> None:
    made = reservation("one", metered("a", 30))
    counters.place(made)
    assert (counters.booked, counters.pledged) == (0, 30)
    counters.extend(made, 50)
    assert counters.pledged == 50
    counters.shrink(counters.open[made.id], 40)
    assert counters.pledged == 40
    counters.settle(entry(made, 25))
    counters.settle(entry(made, -5, "correction"))
    counters.settle(opening("b", NOW, 70))
    assert (counters.booked, counters.pledged) == (20, 0)
    again = reservation("two", hold("a", 10))
    counters.place(again)
    counters.release(again.id)
    counters.place(again := reservation("three", hold("a", 10)))
    counters.undo(again)
    assert (counters.booked, counters.pledged) == (20, 0)
    lapsed = reservation("four", hold("a", 10))
    counters.place(lapsed)
    counters.presume(lapsed, NOW)
    # One that is settled later is corrected.
    counters.settle(entry(lapsed, 4))
    assert (counters.booked, counters.pledged) == (24, 0)


def test_what_would_bring_all_that_was_charged_beyond_all_measure_is_not_taken_on(counters: Counters) -> None:
    spent_already(counters, MOST_IN_ALL - DOLLAR, "b")
    assert counters.no_room(reservation("fits", hold("a", DOLLAR))) is None
    why = counters.no_room(reservation("one", hold("a", DOLLAR + 1)))
    assert why is not None and "no more than $4,611,686,018.43 in all" in why
    counters.place(reservation("holds", hold("a", DOLLAR, limit=2 * DOLLAR)))
    assert counters.no_room(reservation("one", hold("a", 1))) is not None
    # A store of before may be beyond it: what costs a cent goes on, what is absurd does not.
    spent_already(counters, MOST_IN_ALL, "b")
    assert counters.no_room(reservation("one", hold("a", DOLLAR))) is None
    assert counters.no_room(reservation("one", hold("a", MOST_IN_ALL + 1))) is not None


def test_a_budget_that_only_watches_refuses_what_no_account_is_to_hold(counters: Counters) -> None:
    spent_already(counters, -2 * DOLLAR, "b")
    spent_already(counters, MOST_IN_ALL - DOLLAR)
    watched = hold("a", DOLLAR, enforced=False)
    placed(counters, "fits", watched)
    verdict = counters.place(reservation("one", hold("c", 1), watched))
    assert isinstance(verdict, Exhausted) and (verdict.index, verdict.contended) == (1, False)
    assert counters.balances([hold("c")])[0].held == 0


@pytest.mark.parametrize("sign", [1, -1])
def test_what_is_booked_by_hand_takes_no_sum_beyond_all_measure_and_always_back(counters: Counters, sign: int) -> None:
    legs = (("a", NOW),)
    assert counters.beyond(legs, sign * MOST_IN_ALL) is None
    why = counters.beyond(legs, sign * (MOST_IN_ALL + 1))
    assert why is not None and "all that was ever charged" in why
    spent_already(counters, sign * MOST_IN_ALL)
    spent_already(counters, -sign * DOLLAR, "b")
    why = counters.beyond(legs, sign)
    assert why is not None and 'account "a"' in why
    assert counters.beyond((("b", NOW),), sign) is None
    assert counters.beyond(legs, -sign * MOST_IN_ALL) is None
    spent_already(counters, sign * 2 * MOST_IN_ALL)
    assert counters.beyond(legs, sign) is not None
    assert counters.beyond(legs, -sign) is None

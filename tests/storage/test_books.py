"""Accounts: the limit in force, and what is counted for holds of a window that is over."""

from collections.abc import Mapping

import pytest

from tollway.ledger.control import Control
from tollway.storage.books import Books, Ended
from tollway.storage.conformance.values import NOW, hold


class Past:
    """Knows what accounts spent long ago, and notes who asks."""

    def __init__(self) -> None:
        self.buckets: dict[int, int] = {}
        self.asked = 0

    def ended(self, reservation_id: str) -> Ended | None:
        return None

    def has_entry(self, entry_id: str) -> bool:
        return False

    def spent(self, account: str) -> Mapping[int, int]:
        self.asked += 1
        return self.buckets


@pytest.fixture
def past() -> Past:
    return Past()


@pytest.fixture
def books(past: Past) -> Books:
    return Books(past)


@pytest.mark.parametrize(
    ("limit", "increase", "carried", "share", "in_force"),
    [
        (100, 0, 0, 100, 100),
        (100, 50, 0, 100, 150),
        (100, 50, 30, 100, 180),
        (100, 50, 30, 50, 90),
        (101, 0, 0, 50, 50),
        (0, 0, 0, 50, 0),
        (10**18 + 1, 0, 0, 99, (10**18 + 1) * 99 // 100),
    ],
)
def test_the_limit_in_force_is_the_share_of_everything_that_is_allowed(
    books: Books, limit: int, increase: int, carried: int, share: int, in_force: int
) -> None:
    if increase:
        books.limits.put(Control(id="c", kind="increase", target="a", amount=increase, since=0, by="me"))
    asked = hold(limit=limit, share=share, carry=carried, previous=NOW - 10)
    assert books.limit(asked) == in_force
    assert books.balances([asked])[0].limit == in_force


@pytest.mark.parametrize(
    ("spent", "carry", "carried"), [(0, 30, 30), (70, 30, 30), (71, 30, 29), (100, 30, 0), (150, 30, 0), (-50, 30, 30)]
)
def test_what_the_window_before_left_is_carried_over_up_to_a_bound(
    books: Books, spent: int, carry: int, carried: int
) -> None:
    books.book([("a", NOW - 10)], spent)
    books.book([("a", NOW - 20), ("a", NOW)], 1_000)
    assert books.limit(hold(carry=carry, previous=NOW - 10)) == 100 + carried


def test_looking_at_the_window_before_does_not_move_the_window_that_is_looked_at(books: Books, past: Past) -> None:
    books.book([("a", start) for start in range(10)], 10)
    books.take_unsaved(10)
    assert books.balances([hold(since=9)])[0].spent == 10
    books.thin(["a"], 4)
    past.buckets = dict.fromkeys(range(10), 10)
    assert books.limit(hold(since=9, carry=100, previous=2)) == 100 + 30
    assert (past.asked, books.balances([hold(since=9)])[0].spent, past.asked) == (1, 10, 1)


def test_what_counts_for_an_older_hold_of_a_fixed_window_is_what_lies_in_it(books: Books) -> None:
    books.book([("a", NOW - 10), ("a", NOW)], 7)
    books.book([("a", NOW)], 50)
    old = hold(bucket=NOW - 10, since=NOW - 10, until=NOW)
    assert books.balances([hold()])[0].spent == 57
    assert books._counted(old) == (7, 0)
    assert books._counted(hold(until=NOW + 10)) == (57, 0)
    # The totals stayed where they were.
    assert books._accounts["a"].since == NOW


def test_what_counts_for_an_older_hold_of_a_rolling_window_is_everything_since_its_own_began(
    books: Books, past: Past
) -> None:
    books.book([("a", start) for start in range(10)], 7)
    books._adjust(hold(bucket=3), 5, 0)
    books.balances([hold(since=8)])
    assert books._counted(hold(bucket=3, since=2)) == (56, 5)
    # The totals stayed where they were.
    assert (books._accounts["a"].since, books.totals_drift()) == (8, [])
    assert books._counted(hold(since=8)) == (14, 0)
    assert books._counted(hold(since=9)) == (7, 0)
    books._adjust(hold(bucket=3), -5, 0)
    books.take_unsaved(10)
    books.thin(["a"], 2)
    assert books.floors() == {"a": 8}
    past.buckets = dict.fromkeys(range(10), 7)
    assert (books._counted(hold(bucket=3, since=2)), past.asked) == ((56, 0), 1)
    assert books.totals_drift() == []


def test_nothing_is_carried_over_while_anything_is_held_in_the_window_before(books: Books) -> None:
    carrying = hold(carry=30, previous=NOW - 10)
    books.book([("a", NOW - 10)], 60)
    assert books.limit(carrying) == 130
    books._adjust(hold(bucket=NOW - 10), 1, 0)
    assert books.limit(carrying) == 100
    books._adjust(hold(bucket=NOW - 10), -1, 0)
    assert books.limit(carrying) == 130


@pytest.mark.parametrize(
    ("spent", "held", "increase", "limit"),
    [
        # The window that is over carries 20 itself, from an empty one before it.
        (90, 10, 0, 120),
        (90, 11, 0, 99),
        (115, 0, 0, 85),
        # No more than 20 can have been carried over: the rest was spent past the limit.
        (500, 0, 0, 80),
        (115, 0, 15, 135),
        (115, 0, 10, 95),
    ],
)
def test_a_window_that_is_over_lacks_what_the_next_one_took_over_and_uses(
    books: Books, spent: int, held: int, increase: int, limit: int
) -> None:
    old = hold(bucket=NOW - 10, since=NOW - 10, until=NOW, carry=20, previous=NOW - 20)
    assert books.limit(old) == 120
    if increase:
        books.limits.put(Control(id="c", kind="increase", target="a", amount=increase, since=0, by="me"))
    books.book([("a", NOW)], spent)
    books._adjust(hold(), held, 0)
    # What lies in a window after the next was not carried over from here.
    books.book([("a", NOW + 10)], 1_000)
    assert books.limit(old) == limit


def test_what_the_next_window_uses_is_asked_back_when_memory_let_go_of_it(books: Books, past: Past) -> None:
    books.book([("a", start) for start in range(10)], 110)
    books.take_unsaved(10)
    books.balances([hold(since=9)])
    books.thin(["a"], 4)
    past.buckets = dict.fromkeys(range(10), 110)
    assert books.limit(hold(bucket=1, since=1, until=2, carry=50, previous=0)) == 90
    assert past.asked == 1


def test_a_window_that_memory_let_go_of_is_asked_back_for_an_older_hold(books: Books, past: Past) -> None:
    books.book([("a", start) for start in range(10)], 10)
    books.take_unsaved(10)
    books.balances([hold(since=9)])
    books.thin(["a"], 4)
    past.buckets = dict.fromkeys(range(10), 10)
    assert books._counted(hold(bucket=2, since=2, until=3)) == (10, 0)
    assert books.totals_drift() == []


def test_an_adjustment_counts_in_the_totals_only_if_its_bucket_lies_in_the_window(books: Books, past: Past) -> None:
    books.book([("a", start) for start in range(10)], 1)
    books.take_unsaved(10)
    books.balances([hold(since=5)])
    books._adjust(hold(bucket=7), 3, 4)
    books._adjust(hold(bucket=4), 30, 40)
    account = books._accounts["a"]
    assert (account.held, account.wanted, account.summed(0)) == (3, 4, (10, 33, 44))
    books.thin(["a"], 2)
    past.buckets = dict.fromkeys(range(10), 1)
    books._adjust(hold(bucket=0), 5, 6)
    assert (account.summed(0), books.totals_drift()) == ((10, 38, 50), [])

"""When what is spent falls, against buckets counted by hand."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.budgets.budget import Budget
from tollway.budgets.holds import claims, holds
from tollway.budgets.window import Calendar, Fixed, Rolling, Total, Window
from tollway.ledger.reservation import Balance, Hold, Reservation
from tollway.proxy.own_resets import falls_at, fits_at
from tollway.storage.conformance.values import entry
from tollway.storage.memory import MemoryLedger

NOW = 1_790_000_000_000
DAY_MS, BUCKET_MS = 86_400_000, 300_000
LATEST = NOW - NOW % BUCKET_MS


def asked(window: Window, **more: Any) -> tuple[Budget, Hold, Calendar]:
    budget = Budget(id="b", name="b", limit=100, window=window, **more)
    calendar = Calendar()
    (hold,) = holds(claims((budget,), {}), 10, NOW, calendar)
    return budget, hold, calendar


def ledger_of(spent: dict[int, int]) -> MemoryLedger:
    """With so much spent so many buckets of five minutes ago."""
    ledger = MemoryLedger()
    for ago, amount in spent.items():
        bucket = LATEST - ago * BUCKET_MS
        made = Reservation(f"r{ago}.1", f"r{ago}", 1, (Hold("b", bucket, bucket, amount, 10**15),), NOW, NOW, amount)
        assert ledger.settle(entry(made, amount))
    return ledger


def test_a_fixed_window_falls_at_its_end_and_a_total_never() -> None:
    for window, end in ((Fixed("day"), 1_790_035_200_000), (Total(), None)):
        budget, hold, calendar = asked(window)
        ledger = ledger_of({})
        assert falls_at(budget, hold, ledger, calendar, NOW) == end
        assert fits_at(budget, hold, Balance("b", 100, 0, 100), ledger, calendar, NOW) == end


def test_a_rolling_window_falls_when_its_oldest_bucket_leaves() -> None:
    budget, hold, calendar = asked(Rolling("day"))
    assert falls_at(budget, hold, ledger_of({}), calendar, NOW) is None
    ledger = ledger_of({100: 5, 3: 50, 0: 20})
    assert falls_at(budget, hold, ledger, calendar, NOW) == LATEST - 100 * BUCKET_MS + BUCKET_MS - 1 + DAY_MS


@pytest.mark.parametrize(("limit", "ago"), [(84, 100), (80, 100), (79, 3), (29, 0), (9, 0)])
def test_a_hold_fits_when_enough_has_left(limit: int, ago: int) -> None:
    budget, hold, calendar = asked(Rolling("day"))
    ledger = ledger_of({100: 5, 3: 50, 0: 20})
    found = fits_at(budget, hold, Balance("b", 75, 0, limit), ledger, calendar, NOW)
    assert found == LATEST - ago * BUCKET_MS + BUCKET_MS - 1 + DAY_MS


def test_a_budget_that_checks_what_is_spent_waits_until_that_is_below_its_limit() -> None:
    budget, hold, calendar = asked(Rolling("day"), guarantee="settled")
    ledger = ledger_of({100: 5, 3: 95})
    found = fits_at(budget, hold, Balance("b", 100, 0, 100), ledger, calendar, NOW)
    assert found == LATEST - 100 * BUCKET_MS + BUCKET_MS - 1 + DAY_MS


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.integers(0, 287), st.integers(1, 40), min_size=1, max_size=12), st.integers(0, 120))
def test_what_is_said_is_the_first_instant_at_which_it_is_so(spent: dict[int, int], most: int) -> None:
    budget, hold, calendar = asked(Rolling("day"))
    ledger = ledger_of(spent)
    total = sum(spent.values())
    if total <= most:
        return
    found = fits_at(budget, hold, Balance("b", total, 0, most + 10), ledger, calendar, NOW)
    assert found is not None

    def counted(at: int) -> int:
        (later,) = holds(claims((budget,), {}), 0, at, calendar)
        return ledger.balances((later,))[0].spent

    assert counted(found) <= most < counted(found - 1)
    # The ledger looks at the window of now again.
    assert ledger.balances((hold,))[0].spent == total

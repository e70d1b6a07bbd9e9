"""When a freeze or an increase holds, and whose account it is."""

import pytest

from tollway.ledger.control import Control, budget_of


@pytest.mark.parametrize(
    ("until", "ended_at", "now", "holds"),
    [
        (None, None, 9, False),
        (None, None, 10, True),
        (None, None, 10**15, True),
        (20, None, 19, True),
        (20, None, 20, False),
        (20, 12, 11, False),
        (None, 12, 13, False),
    ],
)
def test_a_control_holds_from_its_beginning_until_it_is_over_or_ended(
    until: int | None, ended_at: int | None, now: int, holds: bool
) -> None:
    control = Control(id="1", kind="increase", target="a", since=10, until=until, by="alice", ended_at=ended_at)
    assert control.holds(now) is holds


def test_a_clock_that_is_set_back_lifts_no_freeze() -> None:
    control = Control(id="1", kind="freeze", target="a", since=10, until=20, by="alice")
    assert control.holds(9) and not control.holds(20)


@pytest.mark.parametrize(
    ("account", "budget"), [("each-user[user=alice]", "each-user"), ("org", "org"), ("a[team=x[1]]", "a")]
)
def test_an_account_belongs_to_the_budget_before_the_first_bracket(account: str, budget: str) -> None:
    assert budget_of(account) == budget

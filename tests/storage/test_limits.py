"""Freezes and increases: what is in force, when, and for whom."""

from typing import Any

import pytest

from tollway.ledger.control import Control
from tollway.storage.limits import Limits


def control(
    identity: str, kind: Any = "increase", target: str = "a", amount: int = 10, since: int = 0, **more: Any
) -> Control:
    return Control(id=identity, kind=kind, target=target, amount=amount, since=since, by="me", **more)


@pytest.fixture
def limits() -> Limits:
    made = Limits()
    made.tell(100)
    return made


def test_nothing_is_in_force_until_something_is_put(limits: Limits) -> None:
    assert (limits.in_force, limits.frozen("a"), limits.increase("a"), list(limits.standing())) == (False, False, 0, [])


def test_an_increase_counts_for_its_account_and_one_of_the_budget_for_all_of_them(limits: Limits) -> None:
    limits.put(control("one", target="a[user=x]", amount=1))
    limits.put(control("two", target="a", amount=10))
    limits.put(control("three", target="a", amount=100))
    assert limits.in_force
    assert [limits.increase(account) for account in ("a[user=x]", "a[user=y]", "a", "ab", "b")] == [111, 110, 110, 0, 0]
    assert not limits.frozen("a")


def test_a_freeze_is_of_an_account_or_of_a_whole_budget(limits: Limits) -> None:
    limits.put(control("one", "freeze", "a[user=x]"))
    limits.put(control("two", "freeze", "b"))
    frozen = [account for account in ("a", "a[user=x]", "a[user=y]", "b", "b[user=x]", "bc") if limits.frozen(account)]
    assert frozen == ["a[user=x]", "b", "b[user=x]"]
    assert limits.increase("b") == 0


def test_a_freeze_is_known_by_every_account_it_is_about(limits: Limits) -> None:
    freeze = control("one", "freeze", "b", reason="a leaked key")
    limits.put(freeze)
    assert [limits.freeze(account) for account in ("b", "b[user=x]", "bc")] == [freeze, freeze, None]


def test_one_of_the_same_id_takes_the_place_of_the_other_and_one_that_has_ended_takes_it_away(limits: Limits) -> None:
    limits.put(control("one", amount=10))
    limits.put(control("one", amount=7))
    assert (limits.increase("a"), len(limits.standing())) == (7, 1)
    limits.put(control("one", amount=7, ended_at=100, ended_by="me"))
    assert (limits.in_force, limits.increase("a"), list(limits.standing())) == (False, 0, [])
    limits.put(control("never put", ended_at=100))
    assert list(limits.standing()) == []


def test_what_begins_or_is_over_by_itself_turns_with_the_clock(limits: Limits) -> None:
    limits.put(control("now", amount=1, since=100, until=110))
    limits.put(control("later", amount=10, since=105, until=120))
    seen = []
    for now in (101, 105, 109, 110, 119, 120, 121):
        turned = limits.tell(now)
        seen.append((now, turned, limits.increase("a"), [each.id for each in limits.standing()]))
    assert seen == [
        (101, False, 1, ["now", "later"]),
        (105, True, 11, ["now", "later"]),
        (109, False, 11, ["now", "later"]),
        (110, True, 10, ["later"]),
        (119, False, 10, ["later"]),
        (120, True, 0, []),
        (121, False, 0, []),
    ]
    assert not limits.in_force


def test_the_clock_never_goes_back(limits: Limits) -> None:
    limits.put(control("one", since=50, until=101))
    limits.tell(101)
    assert not limits.tell(60)
    assert (limits.now, limits.in_force) == (101, False)


def test_one_that_is_over_already_is_not_kept(limits: Limits) -> None:
    limits.put(control("one", since=50, until=100))
    assert (limits.in_force, list(limits.standing())) == (False, [])

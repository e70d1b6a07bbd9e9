"""What a changed budget takes over: when it has changed, and where each entry belongs."""

from typing import Any

import msgspec
import pytest

from tollway.budgets.budget import Action, Budget, Override
from tollway.budgets.desired import fingerprint, legs_of
from tollway.budgets.window import Calendar, Every, Fixed, Rolling
from tollway.match import Attribute, Match

NOW = 1_790_000_000_000
BUDGET = Budget(id="b", name="B", limit=100, window=Fixed("day"), where=(Match("group", ("eng",)),), split_by=("user",))
FACTS = {
    "gateway": Attribute(("default",), "gateway"),
    "user": Attribute(("alice",), "key"),
    "group": Attribute(("eng",), "key"),
    "metadata.app": Attribute(("web",), "header"),
}


def changed(**fields: Any) -> Budget:
    return msgspec.structs.replace(BUDGET, **fields)


def test_a_fingerprint_is_the_same_in_every_process() -> None:
    assert fingerprint(BUDGET) == "ca01bbc0feb8e8ea2846f3322f36da30"


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "c"},
        {"name": "C"},
        {"limit": 5},
        {"mode": "monitor"},
        {"guarantee": "settled"},
        {"on_unpriced": "count"},
        {"alerts": (50,)},
        {"overrides": (Override((("user", "a"),), 5),)},
        {"actions": (Action(at=80, do="warn"),)},
        {"carry_over": 5},
        {"contention_wait_ms": 5},
        {"note": "why"},
        {"parent": "p"},
    ],
    ids=str,
)
def test_what_moves_no_money_to_other_accounts_changes_no_fingerprint(fields: dict[str, Any]) -> None:
    assert fingerprint(changed(**fields)) == fingerprint(BUDGET)


def test_each_part_of_what_is_counted_where_and_when_has_a_fingerprint_of_its_own() -> None:
    others: list[dict[str, Any]] = [
        {},
        {"where": ()},
        {"where": (Match("group", ("ops",)),)},
        {"where": (Match("group", ("eng",), negated=True),)},
        {"where": (Match("user", ("eng",)),)},
        {"split_by": ()},
        {"split_by": ("key",)},
        {"split_by": ("user", "key")},
        {"untagged": "bucket"},
        {"attributes": "verified"},
        {"gateway": "lab"},
        {"enabled": False},
        {"window": Fixed("month")},
        {"window": Fixed("day", "Europe/Berlin")},
        {"window": Rolling("day")},
        {"window": Every(86_400)},
        {"window": Every(86_400, "sliding")},
    ]
    assert len({fingerprint(changed(**fields)) for fields in others}) == len(others)


def test_an_entry_belongs_where_its_request_would_have_held() -> None:
    day = Calendar().span(Fixed("day"), NOW).start
    assert legs_of(BUDGET, FACTS, NOW, Calendar()) == (("b[user=alice]", day),)
    assert legs_of(changed(split_by=()), FACTS, NOW, Calendar()) == (("b", day),)
    assert legs_of(changed(where=(Match("group", ("ops",)),)), FACTS, NOW, Calendar()) == ()
    (rolling,) = legs_of(changed(window=Rolling("day")), FACTS, NOW, Calendar())
    assert NOW - 300_000 < rolling[1] <= NOW


def test_an_entry_of_another_gateway_is_not_the_budgets() -> None:
    assert legs_of(changed(gateway="lab"), FACTS, NOW, Calendar()) == ()
    assert legs_of(changed(gateway="default"), FACTS, NOW, Calendar()) != ()
    assert legs_of(changed(gateway="lab", where=(), split_by=()), {}, NOW, Calendar()) == ()


def test_a_budget_that_is_switched_off_takes_nothing_over() -> None:
    assert legs_of(changed(enabled=False), FACTS, NOW, Calendar()) == ()

"""The names of accounts that a control may have, and the limits that it may lead to."""

from typing import Any

import pytest

from tollway.admin.control_target import check_fits, target_of, unseen
from tollway.admin.problem import Problem
from tollway.budgets.budget import Budget, Override
from tollway.budgets.window import parse_window
from tollway.ledger.control import Control
from tollway.money import DOLLAR, LARGEST
from tollway.storage.conformance.values import NOW, entry, hold, reservation
from tollway.storage.memory import MemoryLedger


def budget(**fields: Any) -> Budget:
    made = {"id": "each", "name": "each", "limit": 5 * DOLLAR, "window": parse_window({"period": "day"}), **fields}
    return Budget(**made)


def increase(target: str, amount: int, **fields: Any) -> Control:
    return Control(
        id=f"{target}{amount}", kind="increase", target=target, amount=amount, since=NOW, by="admin", **fields
    )


@pytest.mark.parametrize(
    "given",
    ["each[user=50%25]", "each[user=(none)]", "each[user=%28none)]", "each[user=a=b]", "each[user=Ann]"],
)
def test_the_name_that_the_ledger_would_have_is_taken(given: str) -> None:
    assert target_of(MemoryLedger(), budget(split_by=("user",)), given) == given


@pytest.mark.parametrize(
    ("split_by", "given", "said"),
    [
        ("user", "each[user=50%]", 'write it as "each[user=50%25]"'),
        ("user", "each[user=%28x]", 'write it as "each[user=(x]"'),
        ("user", "each[user=]", 'write it as "each[user=(none)]"'),
        ("user", "each[user=a\n]", "characters that cannot be shown"),
        ("user", "Each[user=a]", "its accounts are each[user=...]"),
        ("user", "each[User=a]", "its accounts are each[user=...]"),
        ("user", "each[user=a]\n", "its accounts are each[user=...]"),
        ("model", "each[model=openai/GPT-4o]", 'write it as "each[model=openai/gpt-4o]"'),
    ],
)
def test_a_name_that_nobody_has_is_refused_with_the_right_one(split_by: str, given: str, said: str) -> None:
    with pytest.raises(Problem) as refused:
        target_of(MemoryLedger(), budget(split_by=(split_by,)), given)
    assert (refused.value.status, refused.value.code) == (404, "account_unknown")
    assert said in refused.value.detail


def test_metadata_may_be_there_and_say_nothing() -> None:
    assert target_of(MemoryLedger(), budget(split_by=("metadata.team",)), "each[metadata.team=]")


async def test_an_account_that_the_ledger_knows_is_taken_however_it_is_written() -> None:
    ledger, odd = MemoryLedger(), "each[user=]"
    made = reservation("r1", hold(odd))
    await ledger.reserve(made, NOW)
    ledger.settle(entry(made, 5))
    assert target_of(ledger, budget(split_by=("user",)), odd) == odd
    assert unseen(ledger, odd) == []
    assert "never held or spent" in unseen(ledger, "each[user=b]")[0]
    assert unseen(ledger, "each") == [], "a whole budget is not one account"


def test_a_limit_is_never_raised_beyond_64_bits() -> None:
    one = budget(
        split_by=("user",), overrides=(Override((("user", "ann"),), 9 * DOLLAR), Override((("user", "x"),), None))
    )
    standing = [increase("each", DOLLAR), increase("each[user=bob]", 2 * DOLLAR), increase("other", DOLLAR)]
    over = [increase("each", LARGEST, ended_at=NOW)]
    for target, room in (
        ("each", LARGEST - (9 + 1 + 2) * DOLLAR),
        ("each[user=ann]", LARGEST - (9 + 1) * DOLLAR),
        ("each[user=bob]", LARGEST - (5 + 1 + 2) * DOLLAR),
    ):
        check_fits(one, target, room, standing + over)
        with pytest.raises(Problem, match="is too much: with its limit and increases, at most"):
            check_fits(one, target, room + 1, standing + over)


def test_an_account_without_a_limit_has_none_to_raise() -> None:
    free = budget(split_by=("user",), overrides=(Override((("user", "x"),), None),))
    with pytest.raises(Problem, match="has no limit"):
        check_fits(free, "each[user=x]", 1, [])

"""Alerts on the accounts that policies count on: whose limit conditions decide."""

from typing import Any

import msgspec
import pytest
from tests.workers.watched import NOW, Gateway, budget, snapshot

from tollway.budgets.accounts import UNLIMITED
from tollway.budgets.budget import Budget
from tollway.budgets.holds import Claim, account
from tollway.exchange.selection import Selection
from tollway.money import DOLLAR
from tollway.policies.buckets import ACTOR, budgets_of
from tollway.snapshot import Snapshot
from tollway.workers.watched_policies import BucketLimits, called, limits_had


def policy(name: str = "each", amount: str = "10", actor: str = "user:{cf.user.id}", **fields: Any) -> dict[str, Any]:
    return {"name": name, "actor": actor, "action": {"type": "limit", "amount": amount, "period": "daily"}, **fields}


LEADS = policy("leads", "50", condition='"leads" in cf.user.groups')
WATCHED = {"name": "watched", "when": "spent", "at": [50, 80, 100]}


def of_user(settings: Snapshot, user: str) -> tuple[Budget, str]:
    (bucket,) = settings.buckets
    return bucket, account(bucket.id, [(ACTOR, f"user:{user}")])


def judged(settings: Snapshot, user: str, *limits: int) -> None:
    """As if requests of theirs had been held to these limits."""
    bucket, name = of_user(settings, user)
    for number, limit in enumerate(limits):
        claim = Claim(msgspec.structs.replace(bucket, limit=limit), (name,))
        settings.worked_out[user, number] = made(claim)


def made(*claims: Claim) -> Selection:
    found: dict[str, Any] = {field.name: None for field in msgspec.structs.fields(Selection) if field.required}
    return Selection(**{**found, "claims": claims})


async def test_an_account_of_a_policy_is_watched_like_any_other() -> None:
    gateway = Gateway(policies=[policy()], alerts=[WATCHED])
    bucket, name = of_user(gateway.settings, "ann@example.com")
    gateway.spend(6, name)
    (event,) = await gateway.look()
    assert (event.key, event.account, event.budget) == (f"spent:{name}:{NOW - 43_200_000}:50", name, bucket.id)
    assert event.title == "each [user:ann@example.com]: 50% of the budget spent"
    assert (event.data["spent_usd"], event.data["limit_usd"], event.channels) == ("6", "10", ("ops",))
    assert await gateway.look() == []
    gateway.restart()
    assert await gateway.look() == []
    gateway.spend(4, name)
    assert [event.data["threshold_percent"] for event in await gateway.look()] == [80, 100]


async def test_each_account_has_the_limit_of_its_own_policies() -> None:
    gateway = Gateway(policies=[policy(), policy("ann", "100", actor="user:ann")], alerts=[WATCHED])
    for user in ("ann", "bob"):
        gateway.spend(6, of_user(gateway.settings, user)[1])
    # Ann may have either limit, and no request has told by now; Bob has one.
    assert [event.data["limit_usd"] for event in await gateway.look()] == ["10"]
    judged(gateway.settings, "ann", 100 * DOLLAR)
    assert await gateway.look() == []
    gateway.spend(50, of_user(gateway.settings, "ann")[1])
    assert [event.data["limit_usd"] for event in await gateway.look()] == ["100"]


async def test_where_conditions_decide_it_is_the_limit_that_requests_were_held_to() -> None:
    gateway = Gateway(policies=[policy(), LEADS], alerts=[WATCHED])
    for user in ("ann", "bob", "cy"):
        gateway.spend(9, of_user(gateway.settings, user)[1])
    assert await gateway.look() == []
    judged(gateway.settings, "ann", 10 * DOLLAR)
    judged(gateway.settings, "bob", 50 * DOLLAR)
    judged(gateway.settings, "cy", 50 * DOLLAR, 10 * DOLLAR, UNLIMITED)
    told = [
        (event.title.partition(":")[2].partition("]")[0], event.data["limit_usd"]) for event in await gateway.look()
    ]
    # The lowest of several is where refusals begin.
    assert told == [("ann", "10"), ("ann", "10"), ("cy", "10"), ("cy", "10")]
    # That nothing is remembered any more tells nothing again.
    gateway.settings.worked_out.clear()
    gateway.spend(0.5, of_user(gateway.settings, "ann")[1])
    assert await gateway.look() == []


async def test_an_account_that_no_policy_limits_any_more_reaches_nothing() -> None:
    free = {"name": "free", "actor": "user:ann", "action": {"type": "no-limit"}}
    gateway = Gateway(policies=[policy(actor="user:bob"), free], alerts=[WATCHED])
    gateway.spend(1_000, of_user(gateway.settings, "ann")[1])
    assert await gateway.look() == []


async def test_a_limit_that_is_lowered_is_noticed_without_new_spending() -> None:
    gateway = Gateway(policies=[policy()], alerts=[WATCHED])
    gateway.spend(4, of_user(gateway.settings, "ann")[1])
    assert await gateway.look() == []
    gateway.settings = snapshot(policies=[policy(amount="5")], alerts=[WATCHED])
    assert [event.data["threshold_percent"] for event in await gateway.look()] == [50, 80]


@pytest.mark.parametrize("rule", [{"when": "forecast"}, {"when": "unused", "at": [90], "min_elapsed": 40}])
async def test_pace_and_idleness_of_policies_are_told_in_words_for_people(rule: dict[str, Any]) -> None:
    gateway = Gateway(policies=[policy()], alerts=[{"name": "r", **rule}])
    gateway.spend(8, of_user(gateway.settings, "ann")[1])
    (event,) = await gateway.look()
    assert event.kind == rule["when"] and event.title.startswith("each [user:ann]: ")
    assert 'Account "each [user:ann]" has spent $8.00 of $10.00' in event.text


async def test_a_rule_about_budgets_leaves_policies_alone_and_one_about_a_policy_all_else() -> None:
    for named, told in (["team"], ["team"]), (["each"], ["each [user:ann]"]), (None, ["team", "each [user:ann]"]):
        rule = WATCHED if named is None else {**WATCHED, "budgets": named}
        gateway = Gateway(budgets=[budget(limit="10")], policies=[policy()], alerts=[rule])
        gateway.spend(6)
        gateway.spend(6, of_user(gateway.settings, "ann")[1])
        assert [event.title.partition(": ")[0] for event in await gateway.look()] == told


def test_an_account_is_looked_up_once_and_requests_once_for_each_look() -> None:
    settings = snapshot(policies=[policy(), LEADS])
    bucket, name = of_user(settings, "ann")
    limits = BucketLimits(settings)
    assert limits.of(bucket, name) is None
    judged(settings, "ann", 50 * DOLLAR)
    assert limits.of(bucket, name) is None
    limits.begin()
    assert limits.of(bucket, name) == 50 * DOLLAR
    assert limits_had(settings) == {name: {50 * DOLLAR}}


def test_accounts_of_other_budgets_are_called_what_they_are() -> None:
    (bucket,) = budgets_of(snapshot(policies=[policy()]).policies)
    assert called(bucket, account(bucket.id, [(ACTOR, "a,b]")])) == "each [a,b]]"
    # A name from before it was split so.
    assert called(bucket, bucket.id) == "each"
    (plain,) = snapshot(budgets=[budget()]).budgets
    assert called(plain, "team[user=a]") == "team[user=a]"


def test_an_account_that_is_split_otherwise_has_what_the_bucket_says() -> None:
    settings = snapshot(policies=[policy()])
    (bucket,) = settings.buckets
    assert BucketLimits(settings).of(bucket, bucket.id) == 10 * DOLLAR

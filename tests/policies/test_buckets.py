"""Buckets as accounts of the ledger: one for each actor, resource and window, whatever policy speaks of them."""

from typing import Any

from cloudflare_policies import NO_LIMIT, facts, limit, written

from tollway.budgets.accounts import UNLIMITED, limit_of, values_of
from tollway.budgets.holds import holds
from tollway.budgets.window import Calendar
from tollway.policies.buckets import budgets_of, claims_of
from tollway.policies.decide import Caller, decide

ANN = {"cf": {"user": {"id": "ann"}}}
NOW = 1_790_000_000_000


def claimed(*policies: dict[str, Any], person: Any = ANN) -> Any:
    read = written(*policies)
    listed = {budget.id: budget for budget in budgets_of(read)}
    return claims_of(decide(read, Caller(person), facts("openai", "gpt-5.5")).buckets, listed)


def test_a_limit_is_held_on_the_account_of_its_actor() -> None:
    (claim,) = claimed({"name": "each", "actor": "user:{cf.user.id}", "action": limit(10)})
    (hold,) = holds((claim,), 5, NOW, Calendar())
    assert claim.accounts[0].startswith("policies:all.monthly.") and claim.accounts[0].endswith("[actor=user:ann]")
    assert (hold.limit, hold.amount, hold.enforced) == (10 * 10**9, 5, True)
    assert claim.budget.title == 'policy "each" (bucket "user:ann")'


def test_the_highest_limit_is_the_one_that_is_held_and_named() -> None:
    (claim,) = claimed(
        {"name": "each", "actor": "user:{cf.user.id}", "action": limit(10)},
        {"name": "ann", "actor": "user:ann", "action": limit(500)},
    )
    assert (claim.budget.name, claim.budget.limit) == ("ann", 500 * 10**9)


def test_an_unchecked_bucket_is_counted_and_never_refuses() -> None:
    (claim,) = claimed(
        {"actor": "team", "action": limit(10)},
        {"actor": "team", "action": NO_LIMIT, "condition": 'cf.user.id == "ann"'},
    )
    (hold,) = holds((claim,), 5, NOW, Calendar())
    assert (hold.limit, hold.amount, hold.enforced) == (UNLIMITED, 5, False)
    assert claim.budget.on_unpriced == "count"


def test_what_may_change_of_a_policy_leaves_its_account() -> None:
    before = claimed({"name": "a", "actor": "user:{cf.user.id}", "action": limit(10)})
    after = claimed(
        {"name": "b", "id": "other", "actor": "user:{cf.user.id}", "action": limit(99), "condition": 'user != "x"'},
        person={**ANN, "user": "ann"},
    )
    assert before[0].accounts == after[0].accounts


def test_accounts_differ_by_resource_window_zone_and_actor() -> None:
    found = claimed(
        {"actor": "a", "action": limit(1)},
        {"actor": "b", "action": limit(1)},
        {"actor": "a", "action": limit(1, "daily")},
        {"actor": "a", "action": {"type": "limit", "amount": "1", "period": "month", "timezone": "Europe/Berlin"}},
        {"actor": "a", "action": limit(1), "resource": {"provider": "openai"}},
        {"actor": "a", "action": limit(1), "resource": {"model": "gpt-5.5"}},
    )
    assert len({account for claim in found for account in claim.accounts}) == 6


def test_an_actor_cannot_be_mistaken_for_another() -> None:
    names = ["a]b", "a[b", "a,b=c", "a%5Db"]
    accounts = {
        claimed({"actor": "{cf.user.id}", "action": limit(1)}, person={"cf": {"user": {"id": name}}})[0].accounts[0]
        for name in names
    }
    assert len(accounts) == 4
    (listed,) = budgets_of(written({"actor": "{cf.user.id}", "action": limit(1)}))
    assert {values["actor"] for account in accounts if (values := values_of(listed, account))} == set(names)


def test_what_is_listed_has_the_highest_limit_of_each_account() -> None:
    (listed,) = budgets_of(
        written(
            {"name": "each", "actor": "user:{cf.user.id}", "action": limit(10)},
            {"name": "ann", "actor": "user:ann", "action": limit(500)},
            {"name": "low", "actor": "user:bob", "action": limit(1)},
            {"name": "off", "actor": "user:eve", "action": limit(900), "enabled": False},
        )
    )
    assert listed.name == "each, ann, low"
    of = {who: limit_of(listed, f"{listed.id}[actor=user:{who}]") // 10**9 for who in ("ann", "bob", "carol", "eve")}
    assert of == {"ann": 500, "bob": 10, "carol": 10, "eve": 10}

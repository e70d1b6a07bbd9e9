"""Which limit a bucket has under the policies of now."""

from typing import Any

from cloudflare_policies import NO_LIMIT, facts, limit, written

from tollway.budgets.accounts import UNLIMITED
from tollway.money import DOLLAR
from tollway.policies.buckets import budgets_of
from tollway.policies.decide import Caller
from tollway.policies.present import limit_of_now, limits_among, limits_of_account, of_bucket

EACH = {"name": "each", "actor": "user:{cf.user.id}", "action": limit(10)}
LEADS = {"name": "leads", "actor": "user:{cf.user.id}", "condition": '"leads" in cf.user.groups', "action": limit(30)}
FREE = {"name": "free", "actor": "user:ann", "action": NO_LIMIT}
(BUCKET,) = budgets_of(written(EACH))
ANN = {"cf": {"user": {"id": "ann", "groups": ["eng"]}}}


def now(*policies: dict[str, Any], person: Any = ANN, held: int = 10 * DOLLAR, all_known: bool = True) -> int | None:
    about = facts("openai", "gpt-5.5")
    return limit_of_now(written(*policies), Caller(person), about, BUCKET, "user:ann", held, all_known=all_known)


def test_the_highest_of_what_applies_counts() -> None:
    assert now(EACH, LEADS) == 10 * DOLLAR
    assert now(EACH, LEADS, person={"cf": {"user": {"id": "ann", "groups": ["leads"]}}}) == 30 * DOLLAR
    assert now(EACH, FREE) == UNLIMITED


def test_nothing_limits_where_no_policy_does_and_nothing_is_said_where_all_are_about_others() -> None:
    assert now() == now(FREE) == UNLIMITED
    assert now({**EACH, "resource": {"model": "gpt-5*"}}) == UNLIMITED, "another bucket"
    assert now(LEADS) is None


def test_what_was_forgotten_of_a_caller_is_taken_for_its_good() -> None:
    nobody: dict[str, Any] = {"cf": {"user": {"groups": ["eng"]}}}
    german = {**LEADS, "condition": 'cf.country == "DE"'}
    assert now(EACH, german) == 10 * DOLLAR
    assert now(EACH, german, person=nobody, all_known=False) == 30 * DOLLAR
    # The bucket's name tells whose it is, and the groups are known.
    assert now(EACH, LEADS, person=nobody, all_known=False) == 10 * DOLLAR
    assert now({**EACH, "actor": "user:{cf.service}"}, person={"cf": {"service": "ci"}}, all_known=False) is None


def test_the_limits_that_an_account_may_have_name_their_policies() -> None:
    policies = written(
        EACH, LEADS, {**EACH, "name": "too"}, {**LEADS, "name": "off", "action": limit(99), "enabled": False}
    )
    assert limits_of_account(policies, BUCKET, "user:ann") == {10 * DOLLAR: ("each", "too"), 30 * DOLLAR: ("leads",)}
    assert limits_of_account(policies, BUCKET, "team:a") == {UNLIMITED: ()}
    assert limits_of_account(written(EACH, FREE), BUCKET, "user:ann") == {10 * DOLLAR: ("each",), UNLIMITED: ("free",)}
    assert limits_of_account(written(EACH, FREE), BUCKET, "user:bob") == {10 * DOLLAR: ("each",)}


def test_the_policies_of_a_bucket_are_found_once_for_all_of_its_accounts() -> None:
    policies = written(EACH, LEADS, FREE, {**EACH, "name": "off", "enabled": False})
    speaking = of_bucket(policies, BUCKET)
    assert [policy.name for policy in speaking] == ["each", "leads", "free"]
    for actor in ("user:ann", "user:bob", "team:a"):
        assert limits_among(speaking, actor) == limits_of_account(policies, BUCKET, actor)

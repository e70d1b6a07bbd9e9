"""What policies say of a request: Cloudflare's documented rules as cases, and its algorithm as an oracle."""

from typing import Any

import pytest
from cloudflare_policies import BLOCK, CONDITIONS, EXCEPT, NO_LIMIT, facts, limit, oracle, written
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.policies.buckets import period
from tollway.policies.decide import Caller, Verdict, buckets_of_anything, decide
from tollway.policies.fields import only_known

US = {
    "cf": {
        "user": {"id": "u1", "email": "ann@example.com", "groups": ["engineering", "contractors"]},
        "country": "US",
        "custom": {"grade": "7"},
    },
    "metadata": {"environment": "production", "user_id": "ann"},
}


def verdict(
    *policies: dict[str, Any],
    person: Any = US,
    provider: str = "openai",
    model: str | None = "gpt-5.5",
    only_reads: bool = False,
) -> Verdict:
    return decide(written(*policies), Caller(only_known(person)), facts(provider, model), only_reads=only_reads)


def caps(found: Verdict) -> dict[str, list[int]]:
    return {
        bucket.actor: sorted(cap.limit.amount // 10**9 for cap in bucket.caps)
        for bucket in found.buckets
        if not bucket.unchecked
    }


EVERYONE = {"name": "everyone", "action": NO_LIMIT}


# Each: what is documented, the policies, how a request of US for openai/gpt-5.5 ends.
DOCUMENTED: list[tuple[str, list[dict[str, Any]], str]] = [
    ("without a policy everything is allowed", [], "no-limit"),
    ("the first policy turns on default deny", [{"resource": {"model": "other"}, "action": NO_LIMIT}], "block"),
    ("a no-limit policy allows without a check", [EVERYONE], "no-limit"),
    ("a limit is to be checked", [{"action": limit(1000)}], "check_limits"),
    ("a matching block denies", [{"action": BLOCK}], "block"),
    ("a block cannot be overridden", [EVERYONE, {"action": BLOCK, "resource": {"model": "gpt-5.5"}}], "block"),
    ("a block elsewhere does not match", [EVERYONE, {"action": BLOCK, "resource": {"model": "o3"}}], "no-limit"),
    ("an allowlist lets its resource through", [EVERYONE, {"action": EXCEPT, "resource": {"model": "gpt-*"}}], "no-limit"),
    ("an allowlist blocks the rest", [EVERYONE, {"action": EXCEPT, "resource": {"model": "claude-*"}}], "block"),
    ("an allowlist alone permits nothing", [{"action": EXCEPT, "resource": {"model": "gpt-*"}}], "block"),
    ("a provider is matched in full", [EVERYONE, {"action": BLOCK, "resource": {"provider": "openai"}}], "block"),
    ("both of model and provider have to match", [
        EVERYONE, {"action": BLOCK, "resource": {"model": "gpt-*", "provider": "anthropic"}},
    ], "no-limit"),
    ("one of an array is enough", [
        EVERYONE, {"action": BLOCK, "resource": {"model": ["o3", "gpt-5.5"], "provider": ["xai", "openai"]}},
    ], "block"),
    ("a star does not cross a slash", [EVERYONE, {"action": BLOCK, "resource": {"model": "ope*5.5"}}], "no-limit"),
    ("a star stands for a part of a name", [EVERYONE, {"action": BLOCK, "resource": {"model": "openai/*"}}], "block"),
    ("contractors by group", [EVERYONE, {"action": BLOCK, "condition": '"contractors" in cf.user.groups'}], "block"),
    ("employees by domain", [
        {"action": limit(100), "condition": 'cf.user.email.endsWith("@example.com")'},
    ], "check_limits"),
    ("another domain is not permitted", [
        {"action": limit(100), "condition": 'cf.user.email.endsWith("@example.org")'},
    ], "block"),
    ("a country", [{"action": NO_LIMIT, "condition": 'cf.country == "US"'}], "no-limit"),
    ("metadata", [{"action": NO_LIMIT, "condition": 'metadata.environment == "production"'}], "no-limit"),
    ("a condition that does not hold does not match", [EVERYONE, {"action": BLOCK, "condition": 'cf.country == "DE"'}], "no-limit"),
    ("a block that misses its field blocks", [EVERYONE, {"action": BLOCK, "condition": 'cf.custom.clearance == "none"'}], "block"),
    ("a block that misses its field blocks its resource only", [
        EVERYONE, {"action": BLOCK, "condition": 'metadata.nope == "1"', "resource": {"model": "o3"}},
    ], "no-limit"),
    ("a block whose actor misses its field blocks", [EVERYONE, {"action": BLOCK, "actor": "team:{metadata.team}"}], "block"),
    ("a limit that misses its field does not apply", [{"action": limit(5), "actor": "user:{metadata.nope}"}], "block"),
    ("a limit that misses its field leaves others", [
        EVERYONE, {"action": limit(5), "condition": 'metadata.nope == "1"'},
    ], "no-limit"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("policies", "decision"), [case[1:] for case in DOCUMENTED], ids=[case[0] for case in DOCUMENTED]
)
def test_what_cloudflare_documents(policies: list[dict[str, Any]], decision: str) -> None:
    assert verdict(*policies).decision == decision


def test_one_bucket_is_shared_and_another_is_each_ones_own() -> None:
    found = verdict(
        {"actor": "team:engineering", "action": limit(50)}, {"actor": "user:{cf.user.id}", "action": limit(10)}
    )
    assert caps(found) == {"team:engineering": [50], "user:u1": [10]}


def test_the_highest_limit_of_a_bucket_and_window_wins() -> None:
    found = verdict(
        {"actor": "user:{cf.user.id}", "action": limit(10)},
        {"actor": "user:u1", "action": limit(500), "condition": 'cf.user.id == "u1"'},
        {"actor": "user:u1", "action": limit(7, "daily")},
    )
    (bucket,) = found.buckets
    assert {period(cap.limit.window): (cap.limit.amount // 10**9, cap.policy.name) for cap in bucket.caps} == {
        "monthly": (500, "p1"),
        "daily": (7, "p2"),
    }


def test_no_limit_switches_off_the_check_of_its_own_bucket_alone() -> None:
    found = verdict(
        {"actor": "user:{cf.user.id}", "action": limit(10)},
        {"actor": "user:u1", "action": NO_LIMIT},
        {"actor": "team", "action": limit(99)},
    )
    assert found.decision == "check_limits"
    assert caps(found) == {"team": [99]}


def test_equal_actors_of_different_resources_are_different_buckets() -> None:
    found = verdict(
        {"actor": "a", "action": limit(1)}, {"actor": "a", "action": limit(2), "resource": {"model": "gpt-5.5"}}
    )
    assert sorted(cap.limit.amount // 10**9 for bucket in found.buckets for cap in bucket.caps) == [1, 2]


def test_a_condition_that_fails_blocks_for_a_block_and_applies_to_nobody_else() -> None:
    fails = "int(metadata.environment) > 1"
    blocking = verdict(EVERYONE, {"action": BLOCK, "condition": fails})
    assert blocking.decision == "block" and blocking.blocked_by is not None and blocking.blocked_by.failed
    permitting = verdict({"action": NO_LIMIT, "condition": fails})
    assert permitting.decision == "block" and permitting.blocked_by is None
    assert [(one.outcome, one.failed) for one in permitting.judged] == [("failed", True)]


def test_a_condition_that_is_no_boolean_is_a_failure() -> None:
    assert verdict(EVERYONE, {"action": BLOCK, "condition": "cf.user.id"}).decision == "block"
    assert verdict({"action": NO_LIMIT, "condition": "cf.user.id"}).decision == "block"


def test_a_field_that_is_asked_for_with_has_is_not_missing() -> None:
    guarded = 'has(metadata.team) && metadata.team == "ml"'
    assert verdict({"action": NO_LIMIT, "condition": f"!({guarded})"}).decision == "no-limit"
    assert verdict(EVERYONE, {"action": BLOCK, "condition": guarded}).decision == "no-limit"


def test_a_call_that_names_no_model_may_mean_the_blocked_one() -> None:
    block = {"action": BLOCK, "resource": {"model": "gpt-5.5", "provider": "openai"}}
    assert verdict(EVERYONE, block, model=None).decision == "block"
    assert verdict(EVERYONE, block, model=None, only_reads=True).decision == "no-limit"
    assert verdict(EVERYONE, block, model=None, provider="anthropic").decision == "no-limit"
    assert verdict(EVERYONE, {"action": EXCEPT, "resource": {"model": "gpt-5.5"}}, model=None).decision == "block"


def test_a_condition_may_speak_of_the_model_and_is_asked_anew_for_each() -> None:
    policies = written({"action": NO_LIMIT, "condition": 'model.startsWith("openai/gpt") && provider == "openai"'})
    caller = Caller(US)
    assert decide(policies, caller, facts("openai", "gpt-5.5")).decision == "no-limit"
    assert decide(policies, caller, facts("openai", "o3")).decision == "block"
    assert decide(policies, caller, facts("openai", "gpt-4o")).decision == "no-limit"


def test_the_buckets_of_a_caller_are_known_without_a_model() -> None:
    policies = written(
        {"actor": "user:{cf.user.id}", "action": limit(10), "resource": {"model": "gpt-5.5"}},
        {"actor": "team", "action": limit(20), "condition": '"nobody" in cf.user.groups'},
        {"actor": "by:{model}", "action": limit(30)},
        {"action": BLOCK, "resource": {"model": "o3"}},
    )
    assert [bucket.actor for bucket in buckets_of_anything(policies, Caller(US))] == ["user:u1"]


# -- the oracle -------------------------------------------------------------------------------------------------------

RESOURCES: list[Any] = [
    "*",
    {"model": "gpt-5.5"},
    {"model": "gpt-*"},
    {"model": "openai/*"},
    {"provider": "openai"},
    {"provider": ["anthropic", "google"]},
    {"model": ["claude-*", "o3"], "provider": "anthropic"},
]
ACTORS = [
    "everyone",
    "team:engineering",
    "user:{cf.user.id}",
    "user:u1",
    "user:{metadata.user_id}",
    "{cf.country}:{cf.user.id}",
]
ACTIONS = [
    NO_LIMIT,
    BLOCK,
    EXCEPT,
    *(limit(n, p) for n in (1, 7, 100) for p in ("hourly", "daily", "weekly", "monthly")),
]


@st.composite
def policy_lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    def one() -> dict[str, Any]:
        return {
            "actor": draw(st.sampled_from(ACTORS)),
            "resource": draw(st.sampled_from(RESOURCES)),
            "condition": draw(st.sampled_from(list(CONDITIONS))),
            "action": draw(st.sampled_from(ACTIONS)),
        }

    return [one() | {"name": f"p{number}"} for number in range(draw(st.integers(1, 7)))]


@st.composite
def persons(draw: st.DrawFn) -> dict[str, Any]:
    def some(**fields: st.SearchStrategy[Any]) -> dict[str, Any]:
        return {name: draw(strategy) for name, strategy in fields.items() if draw(st.integers(0, 3))}

    user = some(
        id=st.sampled_from(["u1", "u2"]),
        email=st.sampled_from(["a@example.com", "b@example.org"]),
        groups=st.sampled_from([["contractors"], ["engineering"], ["engineering", "contractors"], []]),
    )
    return {
        "cf": {
            "user": user,
            "custom": some(grade=st.sampled_from(["7", "8"])),
            **some(country=st.sampled_from(["US", "DE"])),
        },
        "metadata": some(environment=st.sampled_from(["production", "test"]), user_id=st.sampled_from(["u1", "z"])),
    }


targets = st.sampled_from(
    [("openai", "gpt-5.5"), ("openai", "o3"), ("anthropic", "claude-sonnet-5"), ("anthropic", "o3")]
)


def said(found: Verdict) -> Any:
    if found.decision == "block":
        return "block"
    return {
        (bucket.actor, bucket.resource.text, period(cap.limit.window)): cap.limit.amount // 10**9
        for bucket in found.buckets
        if not bucket.unchecked
        for cap in bucket.caps
    }


def expected(policies: list[dict[str, Any]], person: Any, target: tuple[str, str]) -> Any:
    found = oracle(policies, person, *target)
    if found == "block":
        return found
    text = {
        str(policy["resource"]): read.resource.text for policy, read in zip(policies, written(*policies), strict=True)
    }
    return {(actor, text[resource], window): amount for (actor, resource, window), amount in found.items()}


@settings(max_examples=400, deadline=None)
@given(policy_lists(), persons(), targets)
def test_every_verdict_is_that_of_the_documented_rules(policies: Any, person: Any, target: tuple[str, str]) -> None:
    found = decide(written(*policies), Caller(only_known(person)), facts(*target))
    assert said(found) == expected(policies, person, target)


@settings(max_examples=150, deadline=None)
@given(policy_lists(), persons(), targets, st.randoms(use_true_random=False))
def test_the_order_of_policies_decides_nothing(
    policies: Any, person: Any, target: tuple[str, str], random: Any
) -> None:
    read = list(written(*policies))
    before = decide(read, Caller(only_known(person)), facts(*target))
    random.shuffle(read)
    after = decide(read, Caller(only_known(person)), facts(*target))
    assert (before.decision, said(before)) == (after.decision, said(after))


@settings(max_examples=150, deadline=None)
@given(policy_lists(), policy_lists(), persons(), targets)
def test_no_policy_that_is_added_lifts_a_block(policies: Any, more: Any, person: Any, target: tuple[str, str]) -> None:
    first = decide(written(*policies), Caller(only_known(person)), facts(*target))
    both = [*policies, *({**policy, "name": f"more {policy['name']}"} for policy in more)]
    second = decide(written(*both), Caller(only_known(person)), facts(*target))
    if first.blocked_by is not None:
        assert second.decision == "block"
    if second.decision != "block" and first.decision == "block":
        assert any(one.outcome == "matches" for one in second.judged)

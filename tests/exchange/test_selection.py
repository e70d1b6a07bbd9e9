"""What a caller and a target mean under the settings, and that it is remembered for those alike, and for nobody else."""

from typing import Any

import msgspec
import pytest
import world
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.budgets.budget import Action
from tollway.budgets.desired import legs_of
from tollway.budgets.holds import holds
from tollway.budgets.window import Calendar
from tollway.exchange import selection as module
from tollway.exchange.authenticate import authenticate
from tollway.exchange.selection import LONGEST_REMEMBERED, Selection, facts_of_entry, select
from tollway.exchange.target import Target, choose
from tollway.identity.attributes import MetadataInvalid
from tollway.identity.identity import ANONYMOUS, Identity
from tollway.ledger.entry import Context
from tollway.match import Attribute
from tollway.request import Ask, InferenceRequest
from tollway.snapshot import Snapshot

BOB_KEY = "a-gateway-key-of-bob"
KEYS = [
    {"name": "alice", "secret": world.KEY, "user": "alice@example.com", "groups": ["eng"], "metadata": {"team": "ml"}},
    {"name": "bob", "secret": BOB_KEY, "user": "bob@example.com", "groups": ["eng"]},
]
DAY = {"period": "day"}


def identity_of(request: InferenceRequest, snapshot: Snapshot) -> Identity:
    found = authenticate(request, snapshot)
    assert isinstance(found, Identity)
    return found


def target_of(snapshot: Snapshot, model: str | None = "gpt-4o-mini", provider: str = "openai") -> Target:
    found = choose(world.request(provider=provider), Ask(model=model), snapshot, world.NOW)
    assert isinstance(found, Target)
    return found


def selected(
    snapshot: Snapshot,
    *,
    identity: Identity | None = None,
    model: str | None = "gpt-4o-mini",
    provider: str = "openai",
    **fields: Any,
) -> Selection:
    request = world.request(**fields)
    found = select(request, identity or identity_of(request, snapshot), target_of(snapshot, model, provider), snapshot)
    assert isinstance(found, Selection), found
    return found


def test_requests_alike_share_one_selection_whatever_they_ask() -> None:
    snapshot = world.snapshot()
    first = selected(snapshot)
    assert selected(snapshot) is first
    assert selected(snapshot, body=b'{"another": "body"}', id="another", received_at=world.NOW + 1) is first
    assert len(snapshot.worked_out) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"metadata": '{"app": "web"}'},
        {"secret": BOB_KEY},
        {"model": "gpt-4o"},
        {"model": None},
        {"provider": "anthropic"},
        {"identity": ANONYMOUS},
        {"identity": Identity(kind="service", service="ci", key="alice")},
        {"identity": Identity(kind="user", user="alice@example.com", groups=("eng", "leads"), key="alice")},
        {"identity": Identity(kind="user", user="bob@example.com", key="alice", priority="batch")},
    ],
    ids=str,
)
def test_a_request_that_differs_in_what_counts_has_a_selection_of_its_own(other: dict[str, Any]) -> None:
    snapshot = world.snapshot(keys=KEYS)
    first = selected(snapshot)
    second = selected(snapshot, **other)
    assert second.context != first.context
    assert selected(snapshot) is first
    assert selected(snapshot, **other) is second
    assert len(snapshot.worked_out) == 2


def test_a_request_to_another_gateway_is_counted_by_that_gateways_budgets() -> None:
    budgets = [
        {"name": "company", "limit": "9", "window": DAY},
        {"name": "lab", "limit": "1", "window": DAY, "gateway": "lab"},
    ]
    snapshot = world.snapshot(gateways=[{"slug": "default"}, {"slug": "lab"}], budgets=budgets)
    assert [claim.budget.name for claim in selected(snapshot).claims] == ["company"]
    in_the_lab = selected(snapshot, gateway="lab")
    assert {claim.budget.name for claim in in_the_lab.claims} == {"company", "lab"}
    assert in_the_lab.context.gateway == "lab"


def test_callers_without_a_key_are_told_apart_by_what_is_known_of_them() -> None:
    budget = {"name": "ml", "limit": "1", "window": DAY, "where": {"metadata.team": "ml"}}
    snapshot = world.snapshot(budgets=[budget])
    web = selected(snapshot, identity=Identity(kind="user", user="a", metadata={"team": "web"}))
    ml = selected(snapshot, identity=Identity(kind="user", user="a", metadata={"team": "ml"}))
    assert (len(web.claims), len(ml.claims)) == (0, 1)
    assert (web.context.metadata, ml.context.metadata) == ({"team": "web"}, {"team": "ml"})


def test_new_settings_begin_without_memory() -> None:
    old, new = world.snapshot(), world.snapshot(budgets=[])
    assert selected(old).claims
    assert selected(new).claims == ()


def test_the_memory_starts_over_when_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 3)
    snapshot = world.snapshot()
    first = selected(snapshot)
    for number in range(3):
        selected(snapshot, metadata=f'{{"n": {number}}}')
        assert len(snapshot.worked_out) <= 3
    again = selected(snapshot)
    assert again is not first
    assert again == first


def test_a_long_header_is_not_remembered_and_means_the_same_each_time() -> None:
    snapshot = world.snapshot()
    header = '{"a": "%s"}' % ("x" * (LONGEST_REMEMBERED - 9))
    longest, longer = header, header.replace("x", "xx", 1)
    assert len(longest) == LONGEST_REMEMBERED
    assert selected(snapshot, metadata=longest) is selected(snapshot, metadata=longest)
    assert len(snapshot.worked_out) == 1
    assert selected(snapshot, metadata=longer) is not selected(snapshot, metadata=longer)
    assert selected(snapshot, metadata=longer) == selected(snapshot, metadata=longer)
    assert len(snapshot.worked_out) == 1


@pytest.mark.parametrize("header", ["", "{", "[]", '{"a": {}}', '{"a": 1, "a": 2}', '{"tollway.x": "1"}'])
def test_metadata_that_cannot_be_read_is_refused_every_time_and_fills_no_memory(header: str) -> None:
    snapshot = world.snapshot()
    request = world.request(metadata=header)
    for _ in range(2):
        found = select(request, identity_of(request, snapshot), target_of(snapshot), snapshot)
        assert isinstance(found, MetadataInvalid)
        assert found.message
    assert snapshot.worked_out == {}


def test_the_context_says_who_asked_for_what_in_the_ledgers_words() -> None:
    found = selected(world.snapshot(), metadata='{"app": "web", "try": 2}')
    assert found.context == Context(
        gateway="default",
        provider="openai",
        model="gpt-4o-mini",
        user="alice@example.com",
        groups=("eng",),
        key="alice",
        metadata={"app": "web", "try": "2", "team": "ml"},
        declared=("app", "try"),
    )
    assert msgspec.msgpack.decode(found.encoded_context, type=Context) == found.context


def test_a_call_without_a_model_and_a_caller_without_a_name_have_a_context_too() -> None:
    found = selected(world.snapshot(), identity=ANONYMOUS, model=None, metadata=None)
    assert found.context == Context(gateway="default", provider="openai", model="")
    assert "model" not in found.facts


def test_what_the_key_says_outranks_what_its_bearer_declares() -> None:
    found = selected(world.snapshot(), metadata='{"team": "web", "app": "x"}')
    assert found.facts["metadata.team"] == Attribute(("ml",), "key")
    assert found.facts["metadata.app"] == Attribute(("x",), "header")
    assert found.context.metadata == {"team": "ml", "app": "x"}
    assert found.context.declared == ("app",)


def test_the_target_is_a_fact_by_both_names_of_its_model() -> None:
    facts = selected(world.snapshot(), model="GPT-4o-mini-2024-07-18").facts
    written = ("openai/gpt-4o-mini-2024-07-18", "openai/gpt-4o-mini", "gpt-4o-mini-2024-07-18", "gpt-4o-mini")
    assert facts["model"].values == written
    assert facts["provider"].values == ("openai",)


def test_the_claims_are_those_of_the_budgets_that_count_the_request() -> None:
    budgets = [
        {"name": "company", "limit": "9", "window": DAY},
        {"name": "each", "limit": "1", "window": DAY, "split_by": ["user"]},
        {"name": "claude", "limit": "1", "window": DAY, "where": {"provider": "anthropic"}},
        {"name": "web", "limit": "1", "window": DAY, "where": {"metadata.app": "web"}},
    ]
    snapshot = world.snapshot(budgets=budgets)

    def accounts(**fields: Any) -> list[str]:
        return [account for claim in selected(snapshot, **fields).claims for account in claim.accounts]

    assert accounts() == ["company", "each[user=alice@example.com]"]
    assert accounts(provider="anthropic", model="claude-sonnet-4-5") == [
        "company",
        "each[user=alice@example.com]",
        "claude",
    ]
    assert accounts(metadata='{"app": "web"}') == ["company", "each[user=alice@example.com]", "web"]


@pytest.mark.parametrize(
    ("waits", "wait_s"),
    [
        ([], 0.0),
        ([("enforce", 500)], 0.5),
        ([("enforce", 0)], 0.0),
        ([("enforce", 500), ("enforce", 1_500)], 1.5),
        # A budget that only watches never refuses, so nobody waits for it.
        ([("monitor", 9_000)], 0.0),
        ([("monitor", 9_000), ("enforce", 250)], 0.25),
    ],
)
def test_a_request_waits_as_long_as_the_most_patient_budget_that_may_refuse(
    waits: list[tuple[str, int]], wait_s: float
) -> None:
    budgets = [
        {"name": f"b{n}", "limit": "1", "window": DAY, "mode": mode, "contention_wait_ms": wait}
        for n, (mode, wait) in enumerate(waits)
    ]
    assert selected(world.snapshot(budgets=budgets)).wait_s == wait_s


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from("abcde"), st.text(alphabet="xyz", max_size=3), max_size=5))
def test_what_is_remembered_is_what_would_be_worked_out(metadata: dict[str, str]) -> None:
    header = msgspec.json.encode(metadata).decode()
    known = selected(SHARED, metadata=header)
    assert selected(SHARED, metadata=header) == known == selected(world_without_memory(), metadata=header)


SHARED = world.snapshot()


def world_without_memory() -> Snapshot:
    return msgspec.structs.replace(SHARED, worked_out={})


def test_the_actions_that_are_about_a_request_stand_beside_its_claims() -> None:
    actions = [
        {"at": 50, "do": "warn"},
        {"at": 80, "do": "slow", "delay_ms": 5, "priority": "batch"},
        {"at": 90, "do": "block", "where": {"user": "alice@*"}},
    ]
    budgets = [
        {"name": "plain", "limit": "1", "window": DAY},
        {"name": "acting", "limit": "1", "window": DAY, "actions": actions},
    ]
    found = selected(world.snapshot(budgets=budgets))
    assert found.acts == ((), (Action(at=50, do="warn"),))
    assert [hold.share for hold in holds(found.claims, 5, world.NOW, Calendar())] == [100, 90]
    assert found.priority == 0
    assert selected(world.snapshot(budgets=budgets[:1])).acts == ()


def test_a_key_of_a_class_selects_as_that_class() -> None:
    blocked = {"name": "b", "limit": "1", "window": DAY, "actions": [{"at": 80, "do": "block", "priority": "batch"}]}
    for priority, number, share in [("batch", -1, 80), ("standard", 0, 100), ("production", 1, 100)]:
        found = selected(world.snapshot(keys=[KEYS[0] | {"priority": priority}], budgets=[blocked]))
        assert (found.priority, found.claims[0].share) == (number, share)


HF = {"api_key": world.PROVIDER_KEY}
BEDROCK = {"region": "us-east-1", "auth": {"type": "aws"}}
AZURE = {"resource": "r", "api_key": world.PROVIDER_KEY, "deployments": {"prod": "gpt-4o"}}
WORLD_PROVIDERS = {
    "openai": {"api_key": world.PROVIDER_KEY},
    "claude": {"api": "anthropic", "base_url": "https://c.example", "api_key": "none", "prices": "anthropic"},
    "azure": AZURE,
    "bedrock": BEDROCK,
    "huggingface": HF,
}
TARGETS = st.sampled_from(
    [
        ("openai", "GPT-4o-mini"),
        ("openai", "gpt-4o-2024-08-06"),
        ("openai", None),
        ("openai", ""),
        ("openai", "nobody-knows"),
        ("claude", "claude-sonnet-4-5"),
        ("azure", "prod"),
        ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("huggingface", "deepseek-ai/DeepSeek-R1:novita"),
    ]
)
WHO = st.builds(
    Identity,
    kind=st.just("user"),
    user=st.sampled_from([None, "alice", "bob"]),
    service=st.sampled_from([None, "ci"]),
    groups=st.lists(st.sampled_from(["eng", "ops"]), max_size=2, unique=True).map(tuple),
    key=st.sampled_from([None, "k"]),
    metadata=st.dictionaries(st.sampled_from(["app", "team"]), st.sampled_from(["x", "y"]), max_size=2),
)
COUNTING = [
    {"name": "user", "split_by": ["user"], "untagged": "bucket", "window": {"period": "month"}},
    {"name": "model", "split_by": ["model", "provider"], "window": {"rolling": "day"}},
    {"name": "bare", "where": {"model": ["gpt-4o", "deepseek-r1", "claude-*", "*/gpt-4o*"]}, "split_by": ["group"]},
    {"name": "declared", "where": {"metadata.app": "x"}, "split_by": ["metadata.team"]},
    {"name": "proven", "where": {"metadata.app": "x"}, "attributes": "verified"},
    {"name": "azure", "where": {"provider": ["azure-openai", "amazon-bedrock", "aws-bedrock", "anthropic"]}},
    {"name": "lab", "gateway": "lab", "split_by": ["key", "service"], "untagged": "bucket"},
]
WIDE = world.snapshot(
    providers=WORLD_PROVIDERS,
    gateways=[{"slug": "default"}, {"slug": "lab"}],
    budgets=[{"limit": "1", "window": DAY, **budget} for budget in COUNTING],
)


@settings(deadline=None)
@given(
    TARGETS,
    WHO,
    st.dictionaries(st.sampled_from(["app", "team", "n"]), st.sampled_from(["x", "y"]), max_size=3),
    st.sampled_from(["default", "lab"]),
)
def test_an_entry_belongs_to_the_accounts_that_its_reservation_held(
    where: tuple[str, str | None], who: Identity, declared: dict[str, str], gateway: str
) -> None:
    provider, model = where
    found = selected(
        WIDE,
        identity=who,
        provider=provider,
        model=model,
        gateway=gateway,
        metadata=msgspec.json.encode(declared).decode(),
    )
    placed = holds(found.claims, 5, world.NOW, Calendar())
    context = msgspec.msgpack.decode(found.encoded_context, type=Context)
    facts = facts_of_entry(context, WIDE, world.NOW)
    assert facts == found.facts
    legs = [leg for budget in WIDE.budgets for leg in legs_of(budget, facts, world.NOW, Calendar())]
    assert legs == [(hold.account, hold.bucket) for hold in placed]


def test_an_entry_of_a_provider_that_is_gone_still_has_its_name() -> None:
    context = Context(gateway="default", provider="gone", model="GPT-9")
    facts = facts_of_entry(context, WIDE, world.NOW)
    assert (facts["provider"].values, facts["model"].values) == (("gone",), ("gone/gpt-9", "gpt-9"))


def test_an_entry_that_does_not_say_what_was_declared_has_it_as_proven() -> None:
    old = Context(gateway="default", provider="openai", model="gpt-4o", metadata={"app": "x"})
    assert facts_of_entry(old, WIDE, world.NOW)["metadata.app"] == Attribute(("x",), "key")


def test_the_path_of_a_request_does_not_change_what_counts_it() -> None:
    # An entry does not have it, and neither has the memory of selections.
    first = selected(WIDE, provider="huggingface", model="deepseek-ai/DeepSeek-R1", path="/novita/v3/openai/x")
    assert first.facts == facts_of_entry(first.context, WIDE, world.NOW)


TEAMS = [{"name": "teams", "limit": "1", "window": DAY, "split_by": ["metadata.team"]}]


def accounts(found: Selection) -> tuple[str, ...]:
    return tuple(account for claim in found.claims for account in claim.accounts)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # Whoever administers a key gives it another team.
        ({"metadata": {"team": "ml"}}, {"metadata": {"team": "ops"}}),
        # It was deleted, and made anew under the same name.
        ({"metadata": {"team": "ml"}}, {"metadata": {}}),
        ({"metadata": {}}, {"metadata": {"team": "third"}}),
        # A login was refreshed, and the identity provider says something else by now.
        ({"metadata": {"team": "sales"}, "source": "token"}, {"metadata": {"team": "finance"}, "source": "token"}),
    ],
)
def test_what_a_key_proves_by_now_counts_from_the_next_request(before: dict[str, Any], after: dict[str, Any]) -> None:
    snapshot = world.snapshot(budgets=TEAMS)
    key = Identity(kind="user", user="u", key="k")
    first = selected(snapshot, identity=msgspec.structs.replace(key, **before))
    second = selected(snapshot, identity=msgspec.structs.replace(key, **after))
    for found, fields in ((first, before), (second, after)):
        team = fields["metadata"].get("team")
        assert accounts(found) == ((f"teams[metadata.team={team}]",) if team else ())
        assert found.context.metadata == fields["metadata"]
    assert selected(snapshot, identity=msgspec.structs.replace(key, **before)) is first


@pytest.mark.parametrize("maps_first", [True, False])
def test_of_two_audiences_of_one_issuer_only_that_which_speaks_of_an_attribute_forbids_to_declare_it(
    maps_first: bool,
) -> None:
    snapshot = world.snapshot(budgets=TEAMS)
    free = Identity(kind="user", user="carl", source="token")
    told = msgspec.structs.replace(free, proven_only=frozenset({"team"}))
    found: dict[bool, tuple[str, ...]] = {}
    for maps in (maps_first, not maps_first):
        selection = selected(snapshot, identity=told if maps else free, metadata='{"team": "free"}')
        found[maps] = accounts(selection)
    assert found == {True: (), False: ("teams[metadata.team=free]",)}


def test_a_budget_that_a_route_exempts_counts_the_model_and_refuses_and_does_nothing() -> None:
    snapshot = world.snapshot(
        keys=KEYS,
        budgets=[
            {
                "name": "each",
                "limit": "1",
                "window": DAY,
                "actions": [{"at": 50, "do": "block", "priority": "standard"}, {"at": 10, "do": "warn"}],
            },
            {"name": "all", "limit": "9", "window": DAY},
        ],
    )
    found = selected(snapshot)
    spared = found.without(frozenset({"each"}))
    assert [claim.accounts for claim in spared.claims] == [claim.accounts for claim in found.claims]
    assert [hold.enforced for hold in holds(found.claims, 5, world.NOW, Calendar())] == [True, True]
    placed = holds(spared.claims, 5, world.NOW, Calendar())
    assert [(hold.enforced, hold.amount, hold.share) for hold in placed] == [(False, 5, 100), (True, 5, 100)]
    assert found.acts and not spared.acts
    assert found.without(frozenset({"nobody"})) is found

"""Policies as they are written: every documented shape is read, and what is none is told with the way out."""

from typing import Any

import msgspec
import pytest
import world

from tollway.budgets.window import Every, Fixed, Rolling
from tollway.document import Document, read_document
from tollway.document.policies import by_gateway, policy_id, read_policies
from tollway.errors import SettingsInvalid
from tollway.policies.policy import Block, Limit, NoLimit, Policy, Resource

ANY = {"type": "no-limit"}


def read(*written: dict[str, Any]) -> tuple[Policy, ...]:
    document = read_document({"policies": [{"name": "p", "action": ANY} | policy for policy in written]})
    # What is written out again is the same document.
    assert msgspec.convert(msgspec.to_builtins(document), Document) == document
    return read_policies(document.policies, world.snapshot().gateways)


def limit(**fields: Any) -> Limit:
    (policy,) = read({"action": {"type": "limit", "amount": 1, **fields}})
    assert isinstance(policy.action, Limit)
    return policy.action


@pytest.mark.parametrize(
    ("resource", "read_as"),
    [
        ("*", Resource()),
        ({"model": "gpt-5.5"}, Resource(models=("gpt-5.5",))),
        ({"provider": "openai"}, Resource(providers=("openai",))),
        (
            {"model": ["GPT-5*", "o3", "o3"], "provider": ["openai", "Azure"]},
            Resource(("gpt-5*", "o3"), ("openai", "azure")),
        ),
    ],
)
def test_a_resource_is_read(resource: Any, read_as: Resource) -> None:
    assert read({"resource": resource})[0].resource == read_as


@pytest.mark.parametrize(
    ("action", "read_as"),
    [
        ({"type": "no-limit"}, NoLimit()),
        ({"type": "block"}, Block()),
        ({"type": "block", "except": True}, Block(excepted=True)),
    ],
)
def test_an_action_is_read(action: Any, read_as: Any) -> None:
    assert read({"action": action})[0].action == read_as


@pytest.mark.parametrize(
    ("period", "ours"), [("hourly", "hour"), ("daily", "day"), ("weekly", "week"), ("monthly", "month")]
)
def test_cloudflares_periods_are_calendar_windows_in_utc(period: str, ours: Any) -> None:
    assert limit(period=period, technique="named-interval").window == limit(period=ours).window == Fixed(ours)


def test_a_window_may_be_any_of_ours_with_its_time_zone() -> None:
    assert limit(period="month", timezone="Europe/Berlin").window == Fixed("month", timezone="Europe/Berlin")
    assert limit(period="weekly", timezone="Asia/Tokyo", week_start="sunday").window == Fixed(
        "week", "Asia/Tokyo", "sunday"
    )
    assert limit(rolling="week").window == Rolling("week")
    assert limit(every=3600, technique="sliding").window == Every(3600, "sliding")


@pytest.mark.parametrize(
    ("amount", "nanodollars"),
    [
        (1000, 10**12),
        ("0.000000001", 1),
        (0.1, 10**8),
        (1e-7, 100),
        (1000.42, 1_000_420_000_000),
        ("12.50", 12_500_000_000),
    ],
)
def test_an_amount_is_exact_however_it_is_written(amount: Any, nanodollars: int) -> None:
    assert limit(amount=amount, period="daily").amount == nanodollars


def test_how_unpriced_models_and_bounds_count_may_be_said() -> None:
    found = limit(period="daily", on_unpriced="count", guarantee="settled")
    assert (found.on_unpriced, found.guarantee) == ("count", "settled")
    assert (limit(period="daily").on_unpriced, limit(period="daily").guarantee) == ("block", "hard")


LIMIT = {"type": "limit", "amount": 5, "period": "monthly"}


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"name": ""}, "the name '' is empty"),
        ({"name": "a\nb"}, "not on one line"),
        ({"id": "a b"}, "'a b' is not a slug"),
        ({"gateway": "nope"}, 'no gateway "nope"; there are default'),
        ({"resource": "openai"}, '"openai" is not "*"; write {model: "openai"}'),
        ({"resource": {}}, "it names nothing"),
        ({"resource": {"models": "x"}}, 'a resource has no "models"; it has model, provider, or both'),
        ({"resource": {"model": []}}, "resource.model: name 1 to"),
        ({"resource": {"provider": "open*"}}, '"open*" has a "*", which only models may have'),
        ({"action": {}}, "None is no action; write no-limit, block or limit"),
        ({"action": {"type": "blok"}}, "'blok' is no action; did you mean \"block\""),
        ({"action": {"type": "block", "amount": 1}}, 'block has no "amount"'),
        ({"action": {"type": "no-limit", "except": True}}, 'no-limit has no "except"'),
        ({"action": {"type": "block", "except": "yes"}}, "except: 'yes' is not true or false"),
        ({"action": {"type": "limit", "period": "daily"}}, "a limit needs an amount"),
        ({"action": {"type": "limit", "amount": 5}}, "a limit needs a period: hourly, daily, weekly or monthly"),
        ({"action": LIMIT | {"amount": 0}}, "0 is not above zero"),
        ({"action": LIMIT | {"amount": -5}}, "-5 is not above zero"),
        ({"action": LIMIT | {"amount": True}}, "True"),
        ({"action": LIMIT | {"amount": "many"}}, "amount: 'many' is not an amount of US dollars"),
        ({"action": LIMIT | {"period": "yearly"}}, "period is 'yearly'; write hour, day, week, month or total"),
        ({"action": LIMIT | {"timezone": "Berlin"}}, "write an IANA name"),
        ({"action": LIMIT | {"technique": "sliding"}}, "'sliding' is not named-interval"),
        ({"action": LIMIT | {"limit": 3}}, "limit is not a field of this kind of window"),
        ({"action": LIMIT | {"on_unpriced": "free"}}, "on_unpriced: 'free' is not block, ceiling or count"),
        ({"condition": "1 +"}, "condition, column 4: it ends too early"),
        ({"actor": "{nope}"}, 'actor, column 1: nothing is called "nope"'),
    ],
)
def test_what_is_no_policy_is_told(policy: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsInvalid) as raised:
        read(policy)
    assert said in str(raised.value)


def test_ids_and_names_are_unique() -> None:
    with pytest.raises(SettingsInvalid, match='the id "a-b" is that of policy "a b"'):
        read({"name": "a b"}, {"name": "a-b"})
    with pytest.raises(SettingsInvalid, match="the name is used twice"):
        read({"name": "a"}, {"name": "a", "id": "other"})
    assert [policy_id(one) for one in read_document({"policies": [{"name": "A, b", "action": ANY}]}).policies] == [
        "A-b"
    ]


def test_a_gateway_without_a_policy_in_force_has_none() -> None:
    gateways = {"a": None, "b": None}
    own, off = read({"name": "own", "gateway": "default"}, {"name": "off", "enabled": False})
    assert by_gateway([off], gateways) == {}
    assert by_gateway([msgspec.structs.replace(own, gateway="a"), off], gateways) == {
        "a": (msgspec.structs.replace(own, gateway="a"),)
    }
    assert set(by_gateway([msgspec.structs.replace(own, gateway=None)], gateways)) == {"a", "b"}

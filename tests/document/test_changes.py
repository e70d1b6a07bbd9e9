import json

from tollway.document.changes import HIDDEN, edited, renamed
from tollway.document.text import parse

BEFORE = """\
providers:
  openai: {api_key: "env:OPENAI_API_KEY"}
  gone: {api: openai, base_url: "https://gone.example.com/v1", api_key: "sk-canary-1"}
keys:
  - {name: alice, secret: "tw-canary-2", user: alice}
budgets:
  - {name: a team, limit: "5", window: {period: day}}
  - {name: same, limit: "5", window: {period: day}}
prices:
  - {provider: openai, model: gpt-4o, discount: "15%"}
"""
AFTER = """\
providers:
  openai: {api_key: "file:openai.key"}
keys:
  - {name: alice, secret: "tw-canary-3", user: alice}
  - {name: bob, secret: "env:BOB", user: bob}
budgets:
  - {name: same, limit: "5", window: {period: day}}
  - {name: a team, limit: "7", window: {period: day}}
prices:
  - {provider: openai, model: gpt-4o, discount: "20%"}
channels:
  ops: {webhook: "https://hooks.example.com/canary-4", secret: "env:HOOK"}
alerts:
  - {name: half, when: spent, at: [50], channels: [ops]}
"""


def test_each_thing_that_differs_is_one_line_and_what_only_moved_is_none() -> None:
    found = edited(parse(BEFORE), parse(AFTER))
    assert [(each.action, each.target) for each in found if not each.action.startswith("price")] == [
        ("provider.deleted", "gone"),
        ("provider.changed", "openai"),
        ("key.created", "bob"),
        ("budget.changed", "a-team"),
        ("channel.created", "ops"),
        ("alert.created", "half"),
    ]
    price = next(each for each in found if each.action == "price.changed")
    assert json.loads(price.before or "")["discount"] == "15%"
    budget = next(each for each in found if each.target == "a-team")
    assert json.loads(budget.before or "") == {"name": "a team", "limit": "5", "window": {"period": "day"}}
    assert json.loads(budget.after or "")["limit"] == "7"
    assert edited(parse(AFTER), parse(AFTER)) == []


def test_a_secret_that_is_no_reference_is_never_told() -> None:
    found = edited(parse(BEFORE), parse(AFTER)) + edited(parse("{}"), parse(BEFORE)) + edited(parse(AFTER), parse("{}"))
    said = repr(found)
    assert "canary" not in said
    assert HIDDEN in said
    assert "file:openai.key" in said


def test_a_budget_that_only_has_another_name_is_seen_to_be_renamed() -> None:
    after = parse(BEFORE.replace("name: a team", "name: the team"))
    assert renamed(parse(BEFORE), after) == [("a-team", "the-team")]
    assert renamed(parse(BEFORE), parse(BEFORE.replace("name: a team", "name: A, id: a-team"))) == []
    assert renamed(parse(BEFORE), parse(AFTER)) == []


def test_no_key_of_a_provider_and_no_secret_of_an_issuer_is_told() -> None:
    text = (
        "providers: {openai: {api_keys: {a: sk-canary, b: 'env:B', c: 'sealed:openai/c'}}}\n"
        "issuers: [{name: corp, issuer: 'https://idp', audience: gw, client_secret: canary}]\n"
        "login: {issuer: corp}\n"
    )
    (provider, issuer, login) = edited(parse("providers: {}"), parse(text))
    assert (provider.action, issuer.action, login.action) == ("provider.created", "issuer.created", "login.created")
    assert provider.after is not None and '"c":"sealed:openai/c"' in provider.after
    assert "canary" not in f"{provider.after}{issuer.after}{login.after}"

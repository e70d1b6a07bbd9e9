from datetime import UTC, datetime
from typing import Any

import pytest
import world

from tollway import money
from tollway.budgets.window import Every, Fixed
from tollway.cli import settings_file
from tollway.document import Document, compile_document, read_document, slug_of
from tollway.document.providers import RESERVED
from tollway.errors import SettingsInvalid
from tollway.identity.issued import Issued
from tollway.identity.keys import make_key
from tollway.match import Match
from tollway.snapshot import Snapshot

BOOK = world.book()
MADE = make_key(lambda count: b"\x07" * count)
DAY = {"period": "day"}


def compiled(written: Any) -> Snapshot:
    return compile_document(
        read_document(written), resolve=lambda reference, _: reference, book=BOOK, pepper=b"p", revision=3, text="text"
    )


def refused(written: Any) -> str:
    with pytest.raises(SettingsInvalid) as refusal:
        compiled(written)
    return str(refusal.value)


# The example of the settings page, as it stands.
EXAMPLE = """
providers:
  openai:    {api_key: "env:OPENAI_API_KEY"}
  anthropic: {api_key: "env:ANTHROPIC_API_KEY"}
  local:     {api: openai, base_url: "http://127.0.0.1:4030/v1", api_key: "none"}     # any compatible server
keys:
  - {name: alice-laptop, secret: "env:ALICE_KEY", user: alice@example.com, groups: [engineering], metadata: {team: ml}}
gateways:
  - {slug: default, authentication: required}
budgets:
  - name: company
    limit: "20000"                                 # US dollars, a decimal string
    window: {period: month, timezone: Europe/Berlin}
  - name: engineering, each
    parent: company
    where: {groups: [engineering], model: ["anthropic/claude-opus-*"]}
    split_by: [user]
    limit: "500"
    window: {period: month, timezone: Europe/Berlin}
    alerts: [50, 80, 100]
"""


def test_the_example_of_the_settings_page_loads_as_it_stands(tmp_path: Any) -> None:
    environment = {"OPENAI_API_KEY": "sk-o", "ANTHROPIC_API_KEY": "sk-a", "ALICE_KEY": "a-key-of-alice-1"}
    snapshot = compile_document(
        settings_file.parse(EXAMPLE),
        resolve=settings_file.resolver(tmp_path, environment),
        book=BOOK,
        pepper=b"p",
        revision=1,
    )
    assert list(snapshot.providers) == ["openai", "anthropic", "local"]
    company, each = snapshot.budgets
    assert (company.id, company.limit, company.window) == (
        "company",
        20_000 * money.DOLLAR,
        Fixed("month", "Europe/Berlin"),
    )
    assert (each.id, each.parent, each.split_by, each.alerts) == (
        "engineering-each",
        "company",
        ("user",),
        (50, 80, 100),
    )
    assert each.where == (Match("group", ("engineering",)), Match("model", ("anthropic/claude-opus-*",)))
    key = snapshot.key("a-key-of-alice-1")
    assert key is not None and (key.user, key.groups, key.metadata) == (
        "alice@example.com",
        ("engineering",),
        {"team": "ml"},
    )


def test_nothing_written_is_a_gateway_that_serves_nothing() -> None:
    snapshot = compiled(None)
    assert read_document(None) == Document()
    assert list(snapshot.gateways) == ["default"]
    assert (dict(snapshot.providers), snapshot.budgets, snapshot.revision, snapshot.document) == ({}, (), 3, "text")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"budget": []}, "unknown field `budget`"),
        ({"budgets": [{"name": "a", "limit": "1", "window": DAY, "where": {}, "limits": 1}]}, "unknown field `limits` - at `budgets.a`"),
        ({"providers": {"openai": {"key": "x"}}}, "unknown field `key`"),
        ({"keys": [{"name": "a", "secret": "x", "role": "admin"}]}, "unknown field `role` - at `$.keys[0]`"),
        ({"gateways": [{"slug": "a", "spend_limits": {"rule": []}}]}, "unknown field `rule`"),
        ({"keys": [{"name": "a"}]}, "missing required field `secret`"),
        ({"budgets": [{"name": "a", "limit": "1"}]}, "missing required field `window`"),
        ({"budgets": [{"name": "a", "limit": True, "window": DAY}]}, "got `bool` - at `budgets.a.limit`, which is True"),
        ({"budgets": [{"name": "a", "limit": "1", "window": DAY, "mode": "watch"}]}, "'watch'"),
        ({"budgets": None}, "got `null` - at `$.budgets`"),
        ({"prices": [{"provider": "p", "model": "m", "input": 2.5}]}, '`$.prices[0].input`. An amount of money is written in quotes'),
        ({"prices": [{"provider": "p", "model": "m", "input": 2}]}, 'Write it in quotes: "12"'),
        ({"keys": [{"name": "a", "secret": "x" * 16, "expires_at": "2026-07-01"}]}, "Write an instant with its time zone"),
        (["x"], "got `array`"),
        ("x", "got `str`"),
        ({1: 2}, "Expected `str`"),
    ],
)  # fmt: skip
def test_what_is_not_a_field_or_not_its_type_is_named_with_its_place(written: Any, said: str) -> None:
    assert said in refused(written)


def provider(**fields: Any) -> Any:
    return {"providers": {fields.pop("slug", "openai"): fields}}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (provider(slug="a b", api="openai"), "providers.a b: 'a b' is not a slug"),
        (provider(slug="x" * 65, api="openai"), "is not a slug"),
        (provider(slug="../x", api="openai"), "is not a slug"),
        (provider(slug="x\n", api="openai", base_url="http://x"), "is not a slug"),
        (provider(slug="acme"), 'providers.acme: which API does it speak? Add "api: openai"'),
        (provider(slug="acme", api="openai"), 'providers.acme: add "base_url"'),
        (provider(slug="openai", api="anthropic"), 'add "base_url"'),
        (provider(base_url="ftp://x"), "providers.openai.base_url: 'ftp://x' is not an http(s) URL"),
        (provider(base_url="http://u:p@x"), "is not an http(s) URL"),
        (provider(base_url="http://x/?a=b"), "is not an http(s) URL"),
        (provider(base_url="http://x/\n"), "is not an http(s) URL"),
        (provider(base_url="http://x\\y"), "is not an http(s) URL"),
        (provider(base_url="http://x y"), "is not an http(s) URL"),
        (provider(base_url="http://é"), "is not an http(s) URL"),
        (provider(base_url="http://x:0"), "is not an http(s) URL"),
        (provider(base_url="http://x:65536/"), "is not an http(s) URL"),
        (provider(base_url="http://"), "is not an http(s) URL"),
        (provider(connect_timeout_s=0), "providers.openai.connect_timeout_s: 0.0 is not between"),
        (provider(first_byte_timeout_s=-1), "first_byte_timeout_s: -1.0"),
        (provider(idle_timeout_s=float("nan")), "idle_timeout_s: nan"),
        (provider(idle_timeout_s=86_401), "idle_timeout_s: 86401.0"),
        (provider(api_key="sk-x\r\nx-evil: 1"), "providers.openai.api_key: the secret has spaces, line breaks"),
    ],
)
def test_a_provider_that_cannot_be_called_is_refused(written: Any, said: str) -> None:
    assert said in refused(written)


@pytest.mark.parametrize("slug", sorted(RESERVED))
def test_a_provider_does_not_take_a_path_of_tollways_own(slug: str) -> None:
    assert f'"{slug}" begins a path of Tollway\'s own' in refused(
        provider(slug=slug, api="openai", base_url="http://x")
    )


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:4030/v1",
        "https://api.example.com",
        "http://[::1]:80/x/y",
        "https://my_service:8000",
        "https://x/a.b-c~d",
    ],
)
def test_a_base_url_may_be_any_http_server(url: str) -> None:
    assert compiled(provider(base_url=url)).providers["openai"].base_url == url


def test_a_base_url_loses_its_last_slash() -> None:
    assert compiled(provider(base_url="https://x/v1/")).providers["openai"].base_url == "https://x/v1"


def test_the_three_official_apis_need_only_a_key() -> None:
    providers = compiled(
        {"providers": {slug: {"api_key": "k"} for slug in ("openai", "anthropic", "google-ai-studio")}}
    ).providers
    assert [p.family for p in providers.values()] == ["openai", "anthropic", "google"]
    assert [p.price_list for p in providers.values()] == ["openai", "anthropic", "google"]
    assert providers["openai"].cap_field == "max_completion_tokens"


def test_a_compatible_server_is_asked_with_the_older_cap_and_may_borrow_prices() -> None:
    found = compiled(provider(slug="acme", api="openai", base_url="https://a", prices="gemini")).providers["acme"]
    assert (found.cap_field, found.price_list, found.api_key) == ("max_tokens", "google", None)


def key(**fields: Any) -> Any:
    return {"name": "a", "secret": "a-secret-of-16-ch", **fields}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([key(), key(secret="another-secret-16")], 'key "a": the name is used twice'),
        ([key(), key(name="b")], 'key "b": the same secret as key "a"'),
        ([key(secret="x" * 15)], 'key "a": the secret has 15 characters; use 16 or more'),
        ([key(secret=MADE[:-1] + "!")], "its checksum is wrong; copy it again"),
        ([key(secret=MADE[:-1])], "its checksum is wrong; copy it again"),
        ([key(secret="a secret of mine of 16")], "the secret has spaces"),
        ([key(secret="sixteen-letters-é")], "beyond ASCII"),
        ([key(secret="sixteen-letters-\n")], "line breaks"),
        ([key(gateways=["prod"])], 'key "a": no gateway "prod"; there are default.'),
        ([key(expires_at="2026-07-01T00:00:00")], "expires_at 2026-07-01T00:00:00 has no time zone"),
    ],
)
def test_a_key_that_cannot_be_meant_is_refused(keys: list[Any], said: str) -> None:
    message = refused({"keys": keys})
    assert said in message
    assert all(written["secret"] not in message for written in keys)


def test_a_key_is_kept_as_what_it_stands_for() -> None:
    metadata = {"team": "ml", "n": 3, "x": 2.5, "on": True}
    written = key(
        secret=MADE, service="nightly", metadata=metadata, expires_at=datetime(2026, 7, 1, tzinfo=UTC), enabled=False
    )
    found = compiled({"keys": [written]}).key(MADE)
    assert found is not None
    assert (found.service, found.expires_at, found.enabled) == ("nightly", 1_782_864_000_000, False)
    assert found.metadata == {"team": "ml", "n": "3", "x": "2.5", "on": "true"}
    assert MADE not in repr(found)


@pytest.mark.parametrize(
    ("gateways", "said"),
    [
        ([{"slug": "a b"}], "gateways.slug: 'a b' is not a slug"),
        ([{"slug": "a"}, {"slug": "a"}], 'gateway "a" is written twice'),
        ([{"slug": "a", "default_output_tokens": 0}], "gateways.a.default_output_tokens: 0 is below 1"),
    ],
)
def test_a_gateway_that_cannot_be_meant_is_refused(gateways: list[Any], said: str) -> None:
    assert said in refused({"gateways": gateways})


def budget(**fields: Any) -> Any:
    return {"name": "b", "limit": "1", "window": DAY, **fields}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"limit": 5.5}, 'budget "b", limit: 5.5 is not exact; write it in quotes: limit: "5.5".'),
        ({"limit": "1e3"}, "budget \"b\", limit: '1e3' is not an amount of US dollars"),
        ({"limit": "-1"}, 'budget "b", limit: -1 is below zero'),
        ({"limit": 10**12}, 'budget "b", limit: 1000000000000 is too large; $9,223,372,036.85 is the most.'),
        ({"limit": "99999999999"}, 'budget "b", limit: 99999999999 is too large; $9,223,372,036.85 is the most.'),
        ({"window": {}}, 'budget "b", window: '),
        ({"window": {"period": "month", "timezone": "Berlin"}}, "Europe/Berlin"),
        ({"contention_wait_ms": -1}, 'budget "b", contention_wait_ms: -1 is not between'),
        ({"contention_wait_ms": 60_001}, "contention_wait_ms"),
        ({"id": "a b"}, "budget \"b\", id: 'a b' is not a slug"),
        ({"gateway": "prod"}, 'budget "b": no gateway "prod"; there are default.'),
        ({"where": {"team": "ml"}}, 'budget "b", where: unknown attribute "team"; use model'),
        ({"where": {"metadata.": "ml"}}, 'unknown attribute "metadata."'),
        ({"where": {"user": []}}, 'budget "b", where.user: an empty list selects nothing'),
        ({"split_by": ["team"]}, 'budget "b", split_by: unknown attribute "team"'),
        ({"split_by": ["user", "users"]}, 'budget "b", split_by: user, users names an attribute twice'),
        ({"alerts": [0]}, 'budget "b", alerts: 0 is not a percentage'),
        ({"alerts": [1001]}, "alerts: 1001"),
        ({"parent": "nobody"}, 'budget "b": no budget "nobody" to be its parent; there are b.'),
        ({"name": "a\nb"}, r"budget 'a\nb', name: it has the control character '\n', which no message can show; write"),
        ({"name": "a\0"}, r"budget 'a\x00', name: it has the control character '\x00'"),
        ({"name": "a\x9b"}, r"budget 'a\x9b', name: it has the control character"),
        ({"name": "a\u2028"}, r"budget 'a\u2028', name: it has the control character"),
        ({"name": "n" * 201}, "name: it has 201 characters; write 200 at most"),
    ],
)
def test_a_budget_that_cannot_be_meant_is_refused(fields: dict[str, Any], said: str) -> None:
    assert said in refused({"budgets": [budget(**fields)]})


def test_two_budgets_may_not_share_an_id() -> None:
    assert 'the id "b" is used twice; give one of them another "id"' in refused(
        {"budgets": [budget(), budget(name="b!")]}
    )
    assert len(compiled({"budgets": [budget(), budget(id="c")]}).budgets) == 2


@pytest.mark.parametrize(("limit", "amount"), [("0", 0), (0, 0), (5, 5 * money.DOLLAR), ("0.000000001", 1)])
def test_a_limit_is_exact_and_may_be_nothing(limit: Any, amount: int) -> None:
    assert compiled({"budgets": [budget(limit=limit)]}).budgets[0].limit == amount


def test_attributes_may_be_written_in_the_plural() -> None:
    (found,) = compiled(
        {"budgets": [budget(where={"groups": "eng", "models": ["GPT-4o"]}, split_by=["users"])]}
    ).budgets
    assert found.where == (Match("group", ("eng",)), Match("model", ("gpt-4o",)))
    assert found.split_by == ("user",)


def test_alerts_are_in_order_and_each_once() -> None:
    assert compiled({"budgets": [budget(alerts=[100, 50, 100])]}).budgets[0].alerts == (50, 100)


def tree(*budgets: dict[str, Any]) -> dict[str, Any]:
    found = compiled({"gateways": [{"slug": "prod"}, {"slug": "dev"}], "budgets": list(budgets)})
    return {one.id: one for one in found.budgets}


def test_a_child_selects_within_all_of_its_ancestors() -> None:
    found = tree(
        budget(name="leaf", parent="middle", where={"user": "a"}),
        budget(name="middle", parent="root", where={"group": "eng"}),
        budget(name="root", where={"provider": "openai"}, gateway="prod", attributes="verified"),
    )
    assert list(found) == ["root", "middle", "leaf"]
    assert found["leaf"].where == (Match("user", ("a",)), Match("group", ("eng",)), Match("provider", ("openai",)))
    assert {one.gateway for one in found.values()} == {"prod"}
    assert {one.attributes for one in found.values()} == {"verified"}
    assert found["root"].where == (Match("provider", ("openai",)),)


def test_a_selection_is_not_inherited_twice() -> None:
    found = tree(budget(name="root", where={"user": "a"}), budget(name="leaf", parent="root", where={"user": "a"}))
    assert found["leaf"].where == (Match("user", ("a",)),)


def test_a_parent_is_named_by_its_name_or_its_id() -> None:
    found = tree(
        budget(name="The company", id="co"), budget(name="x", parent="The company"), budget(name="y", parent="co")
    )
    assert found["x"].parent == found["y"].parent == "co"


def test_a_parents_name_that_several_have_is_not_guessed() -> None:
    message = refused({"budgets": [budget(name="p", id="x"), budget(name="p", id="y"), budget(parent="p")]})
    assert 'budget "b": several budgets are named "p"; write the id of one.' in message


@pytest.mark.parametrize(
    ("parents", "circle"),
    [({"a": "a"}, "a → a"), ({"a": "b", "b": "a"}, "a → b → a"), ({"a": "b", "b": "c", "c": "b"}, "b → c → b")],
)
def test_parents_do_not_go_in_circles(parents: dict[str, str], circle: str) -> None:
    message = refused({"budgets": [budget(name=name, parent=parent) for name, parent in parents.items()]})
    assert "its parents form a circle" in message and circle in message


def test_a_child_is_of_its_parents_gateway() -> None:
    message = refused(
        {
            "gateways": [{"slug": "prod"}, {"slug": "dev"}],
            "budgets": [budget(name="p", gateway="prod"), budget(gateway="dev", parent="p")],
        }
    )
    assert 'budget "b" is of gateway "dev", its parent of "prod"; use the same.' in message


def test_a_gateway_has_its_own_budgets_and_those_of_the_account() -> None:
    snapshot = compiled(
        {
            "gateways": [{"slug": "prod"}, {"slug": "dev"}],
            "budgets": [budget(name="all"), budget(name="p", gateway="prod"), budget(name="off", enabled=False)],
        }
    )
    of = {slug: [b.id for b in found] for slug, found in snapshot.budgets_of.items()}
    assert of == {"prod": ["all", "p"], "dev": ["all"], "default": ["all"]}
    assert [b.id for b in snapshot.budgets] == ["all", "p", "off"]


def limits(*rules: Any, enabled: bool = True) -> Any:
    return {"gateways": [{"slug": "g", "spend_limits": {"enabled": enabled, "rules": list(rules)}}]}


CLOUDFLARE = {
    "id": "per-user",
    "enabled": True,
    "limitType": "cost",
    "limit": 200,
    "window": 86400,
    "technique": "fixed",
    "model": {"mode": "filter", "values": ["openai/gpt-5.5"]},
    "provider": {"mode": "filter", "values": ["openai"]},
    "metadata": {"team": {"mode": "filter", "values": ["engineering"]}, "user_id": {"mode": "partition"}},
}


def test_a_spend_limit_of_cloudflare_is_a_budget() -> None:
    (found,) = compiled(limits(CLOUDFLARE)).budgets
    assert (found.id, found.name, found.gateway, found.enabled) == ("g.per-user", "per-user", "g", True)
    assert (found.limit, found.window) == (200 * money.DOLLAR, Every(86_400))
    assert found.where == (
        Match("model", ("openai/gpt-5.5",)),
        Match("provider", ("openai",)),
        Match("metadata.team", ("engineering",)),
    )
    assert found.split_by == ("metadata.user_id",)


@pytest.mark.parametrize(
    ("limit", "amount"), [(0.002, 2_000_000), (1e-9, 1), (0.1, 100_000_000), ("0.1", 100_000_000), (5, 5 * 10**9)]
)
def test_a_spend_limit_is_the_decimal_that_was_written(limit: Any, amount: int) -> None:
    assert compiled(limits({"limit": limit, "window": 60})).budgets[0].limit == amount


def test_a_spend_limit_may_be_split_by_model_and_provider_and_slide() -> None:
    rule = {
        "limit": 1,
        "window": 60,
        "technique": "sliding",
        "model": {"mode": "partition"},
        "provider": {"mode": "partition"},
    }
    (found,) = compiled(limits(rule)).budgets
    assert (found.split_by, found.where, found.window) == (("model", "provider"), (), Every(60, "sliding"))


def test_spend_limits_are_switched_off_one_by_one_or_all_together() -> None:
    on, off = {"limit": 1, "window": 60}, {"limit": 1, "window": 60, "enabled": False}
    assert [b.enabled for b in compiled(limits(on, off)).budgets] == [True, False]
    assert [b.enabled for b in compiled(limits(on, off, enabled=False)).budgets] == [False, False]
    assert [b.id for b in compiled(limits(on, off)).budgets] == ["g.spend-limit-1", "g.spend-limit-2"]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"limit": 0, "window": 60}, 'gateway "g", spend limit "spend-limit-1": limit 0 is not above zero'),
        ({"limit": -1.5, "window": 60}, "limit -1.5 is not above zero"),
        ({"limit": float("nan"), "window": 60}, "is not an amount"),
        ({"limit": float("inf"), "window": 60}, "is not an amount"),
        ({"limit": 1e-10, "window": 60}, "is not an amount"),
        ({"limit": 1e22, "window": 60}, "is not an amount"),
        ({"limit": 1, "window": 0}, "every is 0"),
        ({"limit": 1, "window": 60, "limitType": "tokens"}, "tokens"),
        ({"limit": 1, "window": 60, "model": {"mode": "filter"}}, "where.model: an empty list selects nothing"),
        ({"limit": 1, "window": 60, "metadata": {"": {"mode": "partition"}}}, "unknown attribute"),
        (
            {"limit": 1, "window": 60, "model": {"mode": "partition", "values": ["a"]}},
            "model: a partition takes every value",
        ),
    ],
)
def test_a_spend_limit_that_cannot_be_meant_is_refused(rule: Any, said: str) -> None:
    assert said in refused(limits(rule))


def test_every_partition_of_a_spend_limit_is_an_attribute() -> None:
    (found,) = compiled(limits({"limit": 1, "window": 60, "metadata": {"cf.user_id": {"mode": "partition"}}})).budgets
    assert found.split_by == ("metadata.cf.user_id",)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("engineering, each", "engineering-each"),
        ("_x_", "x_"),
        ("日本", "budget"),
        ("..", "budget"),
        ("a" * 99, "a" * 64),
        ("A.b", "A.b"),
    ],
)
def test_a_name_is_made_a_slug(name: str, slug: str) -> None:
    assert slug_of(name) == slug


def test_a_price_in_the_settings_comes_before_the_price_list() -> None:
    snapshot = compiled({"prices": [{"provider": "openai", "model": "gpt-4o", "input": "1", "output": "2"}]})
    price = snapshot.book.price("openai", "gpt-4o", at_ms=world.NOW)
    assert price is not None and price.overridden
    assert "price of" in refused({"prices": [{"provider": "openai", "model": "gpt-4o"}]})


@pytest.mark.parametrize("name", ["n" * 200, "équipe, chacun", "家 👩\u200d💻"])
def test_a_name_may_be_in_any_alphabet_and_of_200_characters(name: str) -> None:
    assert compiled({"budgets": [budget(name=name)]}).budgets[0].name == name


def test_a_spend_limit_whose_name_no_message_can_show_is_refused() -> None:
    rule = {"id": "one\ntwo", "limit": 5, "window": 86400}
    said = refused({"gateways": [{"slug": "g", "spend_limits": {"rules": [rule]}}]})
    assert r"""gateway "g", spend limit 'one\ntwo', id: it has the control character""" in said


def test_a_key_of_the_settings_cannot_have_the_name_of_one_that_was_issued() -> None:
    issued = Issued()
    issued.names.add("ci")
    with pytest.raises(SettingsInvalid, match=r'key "ci": .* tollway keys delete'):
        compile_document(
            read_document({"keys": [{"name": "ci", "secret": MADE}]}),
            resolve=lambda reference, _: reference,
            book=BOOK,
            pepper=b"p",
            revision=3,
            issued=issued,
        )

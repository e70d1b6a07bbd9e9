import json
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from tollway.admin.warnings import UNMATCHED_DAYS, Seen, seen_by, warnings_of
from tollway.budgets.holds import claims, holds
from tollway.budgets.window import Calendar
from tollway.document import compile_document, read_document
from tollway.identity.keys import Key
from tollway.ledger.reservation import Reservation
from tollway.match import Attribute
from tollway.pricing.price import FILE, PriceBook
from tollway.snapshot import Snapshot
from tollway.storage.memory import MemoryLedger
from tollway.storage.protocol import Known

NOW = 1_790_000_000_000
BOOK = PriceBook.decode(resources.files("tollway.pricing").joinpath(FILE).read_bytes())
SOUND: dict[str, Any] = {
    "providers": {"openai": {"api_key": "env:OPENAI_API_KEY"}},
    "keys": [{"name": "alice", "secret": "file:alice.key", "user": "alice@example.com", "groups": ["eng"]}],
    "budgets": [{"name": "all", "limit": "5", "window": {"period": "day"}}],
}


def compiled(**changes: Any) -> Snapshot:
    written = SOUND | changes

    def resolve(reference: str, where: str) -> str:
        return "" if reference == "env:MISSING" else f"secret-of-{reference}"

    document = read_document(written)
    text = yaml.safe_dump(written)
    return compile_document(document, resolve=resolve, book=BOOK, pepper=b"p", revision=1, text=text)


def warned(**changes: Any) -> list[str]:
    return warnings_of(compiled(**changes), NOW)


def budget(**where: Any) -> list[dict[str, Any]]:
    return [{"name": "b", "limit": "1", "window": {"period": "day"}, "where": where}]


def test_sound_settings_are_not_warned_of() -> None:
    assert warned() == []


def test_settings_that_cannot_be_edited_are_told_with_their_file() -> None:
    snapshot = compiled()
    written = msgspec.structs.replace(snapshot, document=json.dumps(SOUND))
    (said,) = warnings_of(written, NOW, file=Path("/etc/tollway.json"))
    assert said.startswith("Settings file '/etc/tollway.json' is written in braces")
    assert warnings_of(written, NOW)[0].startswith("The settings file is written in braces")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"providers": {"openai": {"api_key": "env:MISSING"}}}, 'Provider "openai" has no key'),
        ({"providers": {"openai": {"api_key": "sk-literal"}}}, "providers.openai.api_key is written in the settings"),
        ({"budgets": []}, 'No budget stops anything on gateway "default"'),
        ({"gateways": [{"slug": "default", "authentication": "none"}]}, 'Gateway "default" asks for no key'),
        ({"budgets": budget(user="alise@example.com")}, 'Did you mean "alice@example.com"?'),
        ({"budgets": budget(groups=["eng", "ops"])}, 'no group "ops" is known'),
        ({"budgets": budget(provider="anthropic")}, 'no provider "anthropic" is known'),
        ({"budgets": budget(model="openai/gpt-nope")}, '"openai/gpt-nope" has no price'),
        (
            {"providers": {"azure": {"resource": "r", "api_key": "env:K", "deployments": {"prod": "gpt-4oo"}}}},
            'the deployment "prod" stands for "gpt-4oo", which has no price',
        ),
        (
            {"providers": {"lab": {"api": "openai", "base_url": "https://lab", "api_key": "none"}}},
            'Provider "lab" has no prices',
        ),
        (
            {"keys": [SOUND["keys"][0] | {"expires_at": "2020-01-01T00:00:00Z"}]},
            'Key "alice" has expired',
        ),
    ],
)
def test_what_is_probably_not_meant_is_one_sentence(changes: dict[str, Any], said: str) -> None:
    (warning,) = warned(**changes)
    assert said in warning
    assert "secret-of" not in warning
    assert "sk-literal" not in warning


@pytest.mark.parametrize(
    "where",
    [
        {"user": "*"},
        {"user": "alice@*"},
        {"groups": ["eng"]},
        {"metadata.team": "anything"},
        {"model": ["openai/gpt-4o-mini", "gpt-4o", "anthropic/*"]},
    ],
)
def test_what_can_match_is_not_warned_of(where: dict[str, Any]) -> None:
    assert warned(budgets=budget(**where)) == []


def test_a_gateway_that_passes_callers_keys_on_needs_none_of_its_own() -> None:
    gateways = [{"slug": "default", "provider_keys": "caller"}]
    assert warned(providers={"openai": {}}, gateways=gateways) == []


def test_limits_of_policies_stop_spending_too() -> None:
    def said(*actions: dict[str, Any]) -> bool:
        policies = [{"name": f"p{number}", "action": action} for number, action in enumerate(actions)]
        return any("No budget stops anything" in one for one in warned(budgets=[], policies=policies))

    limit = {"type": "limit", "amount": 5, "period": "daily"}
    assert not said(limit)
    assert not said({"type": "no-limit"}, limit)
    assert not said({"type": "block"}), "nothing is permitted there"
    assert said({"type": "no-limit"}) and said({"type": "no-limit"}, {"type": "block"})


def test_a_split_by_what_callers_declare_is_warned_of_unless_something_bounds_it() -> None:
    split = {"name": "b", "limit": "1", "window": {"period": "day"}, "split_by": ["metadata.app"]}
    assert any("each new value is a fresh account" in line for line in warned(budgets=[split]))
    assert not any("fresh account" in line for line in warned(budgets=[split | {"attributes": "verified"}]))
    bounded = [*SOUND["budgets"], split | {"parent": "all"}]
    assert not any("fresh account" in line for line in warned(budgets=bounded))


MONTH = {"period": "month"}
EACH = {
    "name": "each",
    "limit": "1",
    "window": {"period": "day"},
    "split_by": ["user", "metadata.app"],
    "parent": "all",
}


def overridden(*overrides: dict[str, str]) -> list[dict[str, Any]]:
    return [*SOUND["budgets"], EACH | {"overrides": list(overrides)}]


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (
            [{"user": "alise@example.com", "limit": "2"}],
            'Budget "each": no user "alise@example.com" is known, so its override 1 gives nobody a limit. '
            'Did you mean "alice@example.com"?',
        ),
        (
            [
                {"user": "*@example.com", "limit": "2"},
                {"user": "alice@*", "limit": "3"},
                {"user": "alice@example.com", "limit": "4"},
            ],
            "its override 3 says nothing, because override 1 comes first and matches all of it",
        ),
        (
            [{"metadata.app": "*", "limit": "2"}, {"metadata.app": "web", "user": "alice@example.com", "limit": "4"}],
            "its override 2 says nothing, because override 1 comes first",
        ),
    ],
)
def test_an_override_that_gives_nobody_a_limit_is_warned_of(overrides: list[dict[str, str]], said: str) -> None:
    (warning,) = warned(budgets=overridden(*overrides))
    assert said in warning


def test_overrides_that_say_something_are_not_warned_of() -> None:
    sound = [
        {"user": "alice@example.com", "metadata.app": "web", "limit": "1"},
        {"user": "alice@example.com", "limit": "2"},
        {"user": "(none)", "limit": "2"},
        {"metadata.app": "anything", "limit": "unlimited"},
        {"user": "*", "limit": "3"},
    ]
    assert warned(budgets=overridden(*sound)) == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"do": "downgrade", "to": "openai/gpt-nope"}, 'Budget "b", downgrade at 80 %: "openai/gpt-nope" has no price'),
        ({"do": "warn", "where": {"group": "ops"}}, 'Budget "b", warn at 80 %: no group "ops" is known'),
    ],
)
def test_an_action_that_does_not_do_what_it_says_is_warned_of(fields: dict[str, Any], said: str) -> None:
    (warning,) = warned(budgets=[budget()[0] | {"actions": [{"at": 80, **fields}]}])
    assert said in warning


def test_a_budget_that_only_watches_blocks_nobody() -> None:
    watching = budget()[0] | {"mode": "monitor", "actions": [{"at": 80, "do": "block", "priority": "batch"}]}
    (warning,) = warned(budgets=[*SOUND["budgets"], watching])
    assert 'Budget "b", block at 80 %: the budget only watches, so it blocks nothing; set mode: enforce' in warning
    sound = budget()[0] | {
        "actions": [
            {"at": 80, "do": "block", "priority": "batch"},
            {"at": 90, "do": "downgrade", "to": "openai/gpt-4o-mini"},
        ]
    }
    assert warned(budgets=[sound]) == []


def child(name: str, limit: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "limit": limit, "window": {"period": "day"}, "parent": "all", **fields}


def test_children_that_add_up_to_more_than_their_parent_are_warned_of() -> None:
    (warning,) = warned(budgets=[*SOUND["budgets"], child("ml", "3"), child("web", "3")])
    assert 'Budget "all": the limits of "ml", "web" add up to $6.00, and its own is $5.00' in warning
    (warning,) = warned(budgets=[*SOUND["budgets"], child("ml", "6"), child("web", "3")])
    assert 'Budget "ml": its limit, $6.00, is never reached, because that of its parent "all" is $5.00.' in warning
    (warning,) = warned(budgets=[*SOUND["budgets"], child("each", "6", split_by=["user"])])
    assert "its limit of each account, $6.00, is never reached" in warning


@pytest.mark.parametrize(
    "children",
    [
        [child("ml", "2"), child("web", "3")],
        # A month and a day cannot be added up, and neither can the accounts of a split budget.
        [child("ml", "3"), child("web", "3", window=MONTH)],
        [child("ml", "3"), child("each", "3", split_by=["user"])],
        [child("ml", "3"), child("web", "3", enabled=False)],
    ],
)
def test_limits_that_cannot_be_compared_or_fit_are_not_warned_of(children: list[dict[str, Any]]) -> None:
    assert warned(budgets=[*SOUND["budgets"], *children]) == []


DAY_MS = 86_400_000
LONG_AGO = NOW - 40 * DAY_MS


@pytest.mark.parametrize(
    ("seen", "days"),
    [
        (Seen(NOW - UNMATCHED_DAYS * DAY_MS, None), 14),
        (Seen(LONG_AGO, None), 40),
        (Seen(LONG_AGO, NOW - 20 * DAY_MS), 20),
        # What was counted by another definition says nothing of this one.
        (Seen(NOW - 15 * DAY_MS, LONG_AGO), 15),
        (Seen(NOW - UNMATCHED_DAYS * DAY_MS + 1, None), None),
        (Seen(LONG_AGO, NOW), None),
    ],
)
def test_a_budget_that_counts_nothing_for_long_is_warned_of(seen: Seen, days: int | None) -> None:
    said = warnings_of(compiled(), NOW, {"all": seen})
    assert len(said) == (days is not None)
    assert days is None or f'Budget "all" has counted no money for {days} days.' in said[0]


async def test_the_ledger_knows_which_budgets_have_counted_money() -> None:
    written = [
        *SOUND["budgets"],
        {"name": "month", "limit": "5", "window": MONTH},
        EACH,
        child("new", "1"),
        child("idle", "1"),
    ]
    snapshot = compiled(budgets=written)
    ledger, calendar = MemoryLedger(), Calendar()
    facts = {"user": Attribute(("alice",), "key"), "metadata.app": Attribute(("web",), "header")}

    async def counted(name: str, at: int) -> None:
        placed = holds(claims([b for b in snapshot.budgets if b.id == name], facts), 5, at, calendar)
        await ledger.reserve(Reservation(f"{name}.1", name, 1, placed, at, at + DAY_MS, 5), at)

    await ledger.open(LONG_AGO)
    await counted("all", NOW - 20 * DAY_MS)
    # The month that was under way 14 days ago counts as a whole.
    await counted("month", NOW - 18 * DAY_MS)
    await counted("each", NOW - 2 * DAY_MS)
    known = [
        Known(budget=b.id, fingerprint="f", since=NOW - DAY_MS if b.id == "new" else LONG_AGO) for b in snapshot.budgets
    ]
    found = seen_by(ledger, snapshot.budgets, known, calendar, NOW)
    assert found == {
        "all": Seen(LONG_AGO, None),
        "month": Seen(LONG_AGO, NOW),
        "each": Seen(LONG_AGO, NOW),
        "idle": Seen(LONG_AGO, None),
    }
    await ledger.close()


def test_what_an_issued_key_is_for_is_known() -> None:
    snapshot = compiled(budgets=budget(key="ci", user="zoe@example.com"))
    assert any('no key "ci"' in warning for warning in warnings_of(snapshot, NOW))
    snapshot.issued.put(Key(name="ci", digest=b"1", user="zoe@example.com"))
    snapshot.issued.names.add("ci")
    assert not any("is known" in warning for warning in warnings_of(snapshot, NOW))


def test_among_very_many_issued_keys_nobody_is_looked_for() -> None:
    snapshot = compiled(budgets=budget(user="zoe@example.com"))
    snapshot.issued.put(*(Key(name=f"{n}", digest=b"%d" % n) for n in range(1_001)))
    assert not any("is known" in warning for warning in warnings_of(snapshot, NOW))


ISSUER = {"name": "idp", "issuer": "https://login.example.com", "audience": "tollway"}
MONTHLY = {"name": "b", "limit": "1", "window": {"period": "month"}}
POLICY = {"name": "p", "condition": '"interns" in cf.user.groups', "actor": "interns", "action": {"type": "block"}}


@pytest.mark.parametrize(
    ("rules", "named"),
    [
        ({"budgets": [MONTHLY | {"where": {"group": "interns"}}]}, 'budget "b"'),
        ({"budgets": [MONTHLY | {"split_by": ["group"]}]}, 'budget "b"'),
        (
            {"budgets": [MONTHLY | {"split_by": ["group"], "overrides": [{"group": "interns", "limit": "1"}]}]},
            'budget "b"',
        ),
        ({"policies": [POLICY]}, 'policy "p"'),
    ],
)
def test_groups_that_a_token_may_leave_out_are_warned_of_where_rules_go_by_them(
    rules: dict[str, Any], named: str
) -> None:
    (warning,) = [said for said in warned(**rules, issuers=[ISSUER]) if said.startswith("Issuer")]
    assert named in warning and "groups_required: true" in warning and '"idp"' in warning
    required = ISSUER | {"claims": {"groups_required": True}}
    for quiet in ([required], [ISSUER | {"enabled": False}], []):
        assert not any("groups_required" in said for said in warned(**rules, issuers=quiet))
    (asked,) = [
        said for said in warned(**rules, issuers=[ISSUER | {"groups_from": "userinfo"}]) if said.startswith("Issuer")
    ]
    assert "a token of a service" in asked


def test_issuers_are_not_warned_of_where_no_rule_goes_by_groups() -> None:
    off = MONTHLY | {"where": {"group": "interns"}, "enabled": False}
    assert not any(said.startswith("Issuer") for said in warned(issuers=[ISSUER], budgets=[SOUND["budgets"][0], off]))

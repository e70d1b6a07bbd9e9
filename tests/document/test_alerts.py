"""Alerts and channels as they are written: what they mean, and what is said of what cannot be meant."""

from typing import Any

import pytest
from tests.workers.watched import OPS, SECRET, budget, snapshot

from tollway.alerts import Rule
from tollway.errors import SettingsInvalid
from tollway.money import DOLLAR
from tollway.workers.watched_accounts import asked_of


def refused(**written: Any) -> str:
    with pytest.raises(SettingsInvalid) as refusal:
        snapshot(**written)
    return str(refusal.value)


def rule(**fields: Any) -> Rule:
    written = {"name": "r", **fields}
    (found,) = snapshot(budgets=[budget()], alerts=[written]).alert_rules
    return found


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"when": "spent", "at": [100, 80, 80]}, {"at": (80, 100)}),
        ({"when": "forecast"}, {"at": (100,), "min_elapsed": 10}),
        ({"when": "burn_rate", "at": [14]}, {"at": (14,), "fast_s": 300, "slow_s": 3600, "once_per_s": 86_400}),
        (
            {"when": "velocity", "at": ["2.50", 10], "split_by": ["user"], "per_s": 60},
            {"at": (5 * DOLLAR // 2, 10 * DOLLAR), "split_by": ("user",), "per_s": 60, "once_per_s": 3600},
        ),
        ({"when": "unpriced"}, {"once_per_s": 86_400}),
        ({"when": "store"}, {"once_per_s": 3_600}),
        ({"when": "hold_exceeded", "once_per_s": 60}, {"once_per_s": 60}),
        ({"when": "export"}, {"once_per_s": 86_400}),
        ({"when": "unused"}, {"at": (20,), "min_elapsed": 90}),
        ({"when": "spent", "at": [80], "budgets": ["team"], "channels": ["ops"]}, {"at": (80,), "budgets": ("team",)}),
    ],
)
def test_what_is_not_written_has_a_default(written: dict[str, Any], meant: dict[str, Any]) -> None:
    assert rule(**written) == Rule(name="r", when=written["when"], channels=("ops",), **meant)


def test_alerts_of_budgets_go_to_the_default_channels() -> None:
    channels = {
        **OPS,
        "quiet": {"apprise": "slack://x", "default": False},
        "mail": {"apprise": "mailtos://example.com"},
    }
    (asked,) = asked_of(snapshot(budgets=[budget(alerts=[80])], channels=channels))
    assert asked.spent == {80: ("ops", "mail")}


def test_a_channel_has_its_address_and_secret_by_reference() -> None:
    import world

    from tollway.document import compile_document, read_document

    secrets = {"env:URL": "https://hooks.example.com/x?y=z", "env:SECRET": SECRET}
    channels = compile_document(
        read_document({"channels": {"ops": {"webhook": "env:URL", "secret": "env:SECRET"}}}),
        resolve=lambda reference, _: secrets[reference],
        book=world.book(),
        pepper=b"p",
        revision=1,
    ).channels
    assert (channels["ops"].address(), channels["ops"].secret()) == (secrets["env:URL"], SECRET)


HOOK = "https://hooks.example.com/x"


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ({}, 'channels.ops: write one of "webhook"'),
        ({"webhook": HOOK, "apprise": "slack://x"}, 'write one of "webhook"'),
        ({"webhook": HOOK}, 'add "secret", with which deliveries are signed; make one with: echo "whsec_$(openssl'),
        ({"webhook": HOOK, "secret": ""}, "the secret is empty, so anybody could sign"),
        ({"webhook": HOOK, "secret": "whsec_"}, "the secret is empty, so anybody could sign"),
        ({"webhook": HOOK, "secret": "hunter2"}, 'begins with "whsec_"'),
        ({"webhook": HOOK, "secret": "whsec_!!!!"}, "is not Base64"),
        ({"webhook": HOOK, "secret": "whsec_aHVudGVyMg=="}, "the secret has 7 bytes; 24 to 64"),
        ({"webhook": "http://hooks.example.com/x", "secret": SECRET}, "the URL has no TLS"),
        ({"webhook": "ftp://hooks.example.com/x", "secret": SECRET}, "not an https URL"),
        ({"webhook": "https://me:hunter2@example.com/", "secret": SECRET}, "not an https URL"),
        ({"webhook": "https://example.com/#x", "secret": SECRET}, "not an https URL"),
        ({"webhook": "https://example.com:99999/", "secret": SECRET}, "not an https URL"),
        ({"webhook": "https://example.com/\r\nx: y", "secret": SECRET}, "not an https URL"),
        ({"apprise": "hooks.example.com"}, "not an apprise URL"),
        ({"apprise": ""}, "not an apprise URL"),
        ({"apprise": "slack://x", "secret": SECRET}, '"secret" says nothing to an apprise channel'),
        ({"apprise": "slack://x", "allow_http": True}, '"allow_http" says nothing'),
        ({"apprise": "slack://x", "colour": "red"}, "unknown field `colour` - at `channels.ops`"),
    ],
)
def test_a_channel_that_cannot_be_used_is_refused_with_the_way_out(channel: dict[str, Any], said: str) -> None:
    words = refused(channels={"ops": channel})
    assert said in words
    assert "hunter2" not in words


TOTAL = {"name": "all", "limit": "9", "window": {"period": "total"}}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"when": "spent"}, 'alert "r": from which point on? Add "at", for example at: [80, 100]'),
        ({"when": "spent", "at": []}, "from which point on?"),
        ({"when": "spent", "at": [0]}, "at: 0 is not a percentage from 1 to 1,000"),
        ({"when": "spent", "at": ["80"]}, "at: '80' is not a percentage"),
        ({"when": "spent", "at": [80.5]}, "at: 80.5 is not a percentage"),
        ({"when": "burn_rate", "at": [2.5]}, "at: 2.5 is not times the pace"),
        ({"when": "unused", "at": [101]}, "from 1 to 100"),
        ({"when": "velocity", "split_by": ["user"]}, 'at: ["20"]'),
        ({"when": "velocity", "split_by": ["user"], "at": [2.5]}, 'at: 2.5 is not exact; write it in quotes: at: ["2.5"]'),
        ({"when": "velocity", "split_by": ["user"], "at": ["-1"]}, "at: -1 is not above zero"),
        ({"when": "velocity", "split_by": ["user"], "at": ["five"]}, "'five' is not an amount"),
        ({"when": "velocity", "at": ["5"]}, "whose velocity? Add split_by: [user]"),
        ({"when": "velocity", "at": ["5"], "split_by": ["colour"]}, 'unknown attribute "colour"'),
        ({"when": "velocity", "at": ["5"], "split_by": ["user"], "budgets": ["team"]}, '"budgets" says nothing to when: velocity'),
        ({"when": "velocity", "at": ["5"], "split_by": ["user"], "per_s": 0}, "per_s: 0 is not between 1 and"),
        ({"when": "spent", "at": [80], "split_by": ["user"]}, '"split_by" says nothing to when: spent'),
        ({"when": "spent", "at": [80], "fast_s": 5}, '"fast_s" says nothing to when: spent'),
        ({"when": "unpriced", "at": [80]}, '"at" says nothing to when: unpriced'),
        ({"when": "burn_rate", "at": [5], "fast_s": 3600}, "fast_s 3600 is not less than slow_s 3600"),
        ({"when": "forecast", "min_elapsed": 100}, "min_elapsed: 100 is not between 0 and 99 percent"),
        ({"when": "forecast", "budgets": ["all"]}, 'budget "all" never starts anew'),
        ({"when": "spent", "at": [80], "budgets": ["nobody"]}, 'no budget "nobody"; there are team, all'),
        ({"when": "spent", "at": [80], "budgets": []}, "an empty list of budgets asks nothing"),
        ({"when": "spent", "at": [80], "channels": ["opps"]}, 'no channel "opps"; there are ops: add it to "channels". Did you mean'),
        ({"when": "spend", "at": [80]}, "'spend'"),
        ({"when": "spent", "at": [80], "colour": "red"}, "unknown field `colour`"),
        ({"when": "spent", "at": [80], "name": "a b"}, "is not a slug"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_meant_is_refused_with_the_way_out(written: dict[str, Any], said: str) -> None:
    assert said in refused(budgets=[budget(), TOTAL], alerts=[{"name": "r", **written}])


def test_a_rule_about_every_budget_leaves_those_without_an_end_alone() -> None:
    asked = asked_of(snapshot(budgets=[budget(), TOTAL], alerts=[{"name": "r", "when": "forecast"}]))
    assert [each.budget.id for each in asked] == ["team"]


LIMIT = {
    "name": "cap",
    "id": "cap-1",
    "actor": "user:{cf.user.id}",
    "action": {"type": "limit", "amount": "5", "period": "daily"},
}
FREE = {"name": "free", "actor": "user:ann", "action": {"type": "no-limit"}}


@pytest.mark.parametrize("name", ["cap", "cap-1", "bucket"])
def test_a_rule_may_be_about_what_a_policy_counts_on(name: str) -> None:
    (bucket,) = snapshot(policies=[LIMIT]).buckets
    rule = {"name": "r", "when": "forecast", "budgets": [bucket.id if name == "bucket" else name, "team"]}
    asked = snapshot(budgets=[budget()], policies=[LIMIT, FREE], alerts=[rule]).alert_rules
    assert asked[0].budgets == (bucket.id, "team")


def test_a_budget_of_that_name_comes_before_a_policy() -> None:
    written = {"budgets": [budget("cap")], "policies": [LIMIT]}
    asked = snapshot(**written, alerts=[{"name": "r", "when": "forecast", "budgets": ["cap"]}]).alert_rules
    assert asked[0].budgets == ("cap",)


@pytest.mark.parametrize(
    ("name", "said"),
    [("free", 'policy "free" has no limit'), ("other", 'no budget "other"; there are team, cap.')],
)
def test_a_policy_that_counts_nothing_cannot_be_watched(name: str, said: str) -> None:
    rule = {"name": "r", "when": "spent", "at": [80], "budgets": [name]}
    assert said in refused(budgets=[budget()], policies=[LIMIT, FREE], alerts=[rule])


def test_names_of_rules_are_unique() -> None:
    twice = [{"name": "r", "when": "store"}, {"name": "r", "when": "unpriced"}]
    assert "the name is used twice" in refused(alerts=twice)

"""What a caller is told of its own budgets: the balances that its next request will be checked against."""

import json
from typing import Any

import msgspec
import pytest
import world

from tollway.clock import iso
from tollway.exchange.refusal import Refusal
from tollway.ledger.control import Control
from tollway.ledger.reservation import Held, Hold, Reservation
from tollway.proxy.own_budget import budget_answer
from tollway.storage.conformance.values import entry
from tollway.storage.memory import MemoryLedger

DAY = {"period": "day", "timezone": "UTC"}
# The day of `world.NOW`, 2026-09-21, and the month it is in.
TODAY = 1_789_948_800_000
MONTH = 1_788_220_800_000
DOLLAR = 1_000_000_000


def said(ledger: MemoryLedger, asked: dict[str, Any] | None = None, **settings: Any) -> Any:
    request = world.request(**{"method": "GET", "body": b"", **(asked or {})})
    found = budget_answer(request, world.snapshot(**settings), ledger, world.calendar())
    return json.loads(found) if isinstance(found, bytes) else found


async def booked(ledger: MemoryLedger, account: str, *, spent: int = 0, held: int = 0, bucket: int = TODAY) -> None:
    for name, amount in (("spent", spent), ("held", held)):
        if amount:
            hold = Hold(account, bucket, bucket, amount, 10**15)
            made = Reservation(
                f"{account}.{name}.1", f"{account}.{name}", 1, (hold,), bucket, world.NOW + 10**6, amount
            )
            assert isinstance(await ledger.reserve(made, world.NOW), Held)
            if name == "spent":
                assert ledger.settle(entry(made, amount))


async def test_each_account_is_shown_with_what_is_spent_held_and_left() -> None:
    ledger = MemoryLedger()
    await booked(ledger, "company", spent=30 * DOLLAR, held=2 * DOLLAR, bucket=MONTH)
    await booked(ledger, "each[user=alice@example.com]", spent=250_000_000)
    await booked(ledger, "each[user=bob@example.com]", spent=990_000_000)
    budgets = [
        {"name": "the company", "id": "company", "limit": "100", "window": {"period": "month", "timezone": "UTC"}},
        {"name": "each", "limit": "1", "window": DAY, "split_by": ["user"], "parent": "company"},
    ]
    company, each = said(ledger, budgets=budgets)["budgets"]
    assert company == {
        "id": "company",
        "budget": "the company",
        "policy": None,
        "bucket": None,
        "account": "company",
        "parent": None,
        "mode": "enforce",
        "guarantee": "hard",
        "window": company["window"],
        "models": [],
        "limit_usd": "100",
        "spent_usd": "30",
        "held_usd": "2",
        "left_usd": "68",
        "share_percent": 100,
        "resets_at": "2026-10-01T00:00:00.000Z",
        "resets": "anew",
        "frozen": False,
        "frozen_until": None,
        "frozen_reason": None,
        "actions": [],
    }
    assert each["parent"] == "company"
    assert "month" in company["window"]
    assert (each["account"], each["spent_usd"], each["left_usd"], each["resets_at"]) == (
        "each[user=alice@example.com]",
        "0.25",
        "0.75",
        "2026-09-22T00:00:00.000Z",
    )


async def test_the_tightest_is_the_enforced_account_with_least_left() -> None:
    ledger = MemoryLedger()
    await booked(ledger, "company", spent=99_900_000_000, bucket=MONTH)
    budgets = [
        {"name": "company", "limit": "100", "window": {"period": "month", "timezone": "UTC"}},
        {"name": "mine", "limit": "1", "window": DAY, "split_by": ["user"]},
        {"name": "watched", "limit": "0.01", "window": DAY, "mode": "monitor"},
    ]
    answer = said(ledger, budgets=budgets)
    assert answer["tightest"] == "company"
    assert [row["mode"] for row in answer["budgets"]] == ["enforce", "enforce", "monitor"]
    assert said(MemoryLedger(), budgets=budgets)["tightest"] == "mine[user=alice@example.com]"


async def test_an_overspent_budget_has_nothing_left_and_never_less_but_is_the_tightest() -> None:
    ledger = MemoryLedger()
    await booked(ledger, "a", spent=DOLLAR)
    await booked(ledger, "b", spent=3 * DOLLAR)
    answer = said(ledger, budgets=[{"name": n, "limit": "1", "window": DAY} for n in "ab"])
    assert [row["left_usd"] for row in answer["budgets"]] == ["0", "0"]
    assert answer["budgets"][1]["spent_usd"] == "3"
    assert answer["tightest"] == "b"


def test_without_budgets_there_are_no_rows_and_no_tightest() -> None:
    nothing = said(MemoryLedger(), budgets=[])
    assert (nothing["budgets"], nothing["tightest"], nothing["models"]) == ([], None, [])
    watched = [{"name": "w", "limit": "1", "window": DAY, "mode": "monitor"}]
    assert said(MemoryLedger(), budgets=watched)["tightest"] is None


@pytest.mark.parametrize(
    ("window", "resets"), [({"period": "total"}, "never"), ({"rolling": "day"}, "nothing to fall")]
)
def test_a_window_without_an_end_has_no_reset(window: dict[str, str], resets: str) -> None:
    (row,) = said(MemoryLedger(), budgets=[{"name": "b", "limit": "1", "window": window}])["budgets"]
    assert (row["resets_at"], row["resets"]) == (None, resets)


async def test_a_rolling_window_resets_when_its_oldest_money_falls_out() -> None:
    ledger = MemoryLedger()
    bucket = world.NOW - 3_600_000 - (world.NOW - 3_600_000) % 300_000
    await booked(ledger, "b", spent=DOLLAR // 2, bucket=bucket)
    (row,) = said(ledger, budgets=[{"name": "b", "limit": "1", "window": {"rolling": "day"}}])["budgets"]
    assert (row["resets_at"], row["resets"]) == (iso(bucket + 86_400_000 + 299_999), "rolling")


async def test_a_frozen_budget_is_shown_with_when_it_thaws_and_why() -> None:
    ledger = MemoryLedger()
    await ledger.control(
        Control(id="1", kind="freeze", target="each", since=1, until=world.NOW + 1000, reason="a leak", by="ops"),
        world.NOW,
    )
    company, each = said(ledger)["budgets"]
    assert (company["frozen"], company["frozen_reason"]) == (False, None)
    assert (each["frozen"], each["frozen_until"], each["frozen_reason"]) == (True, iso(world.NOW + 1000), "a leak")


async def test_the_limit_is_the_one_in_force_with_increases_and_what_was_carried_over() -> None:
    ledger = MemoryLedger()
    await booked(ledger, "b", spent=DOLLAR // 4, bucket=TODAY - 86_400_000)
    budgets = [{"name": "b", "limit": "1", "window": DAY, "carry_over": {"cap": "0.5"}}]
    assert said(ledger, budgets=budgets)["budgets"][0]["limit_usd"] == "1.5"
    await ledger.control(Control(id="1", kind="increase", target="b", amount=3 * DOLLAR, since=1, by="ops"), world.NOW)
    assert said(ledger, budgets=budgets)["budgets"][0]["limit_usd"] == "4.5"


async def test_actions_are_shown_with_whether_they_are_due() -> None:
    ledger = MemoryLedger()
    await booked(ledger, "b", spent=DOLLAR * 8 // 10)
    actions = [{"at": 80, "do": "warn"}, {"at": 90, "do": "slow", "delay_ms": 500}]
    (row,) = said(ledger, budgets=[{"name": "b", "limit": "1", "window": DAY, "actions": actions}])["budgets"]
    assert [(action["do"], action["at_percent"], action["due"], action["delay_ms"]) for action in row["actions"]] == [
        ("warn", 80, True, None),
        ("slow", 90, False, 500),
    ]


def test_an_account_without_a_limit_has_none_and_is_not_the_tightest() -> None:
    budgets = [
        {
            "name": "each", "limit": "1", "window": DAY, "split_by": ["user"],
            "overrides": [{"user": "alice@example.com", "limit": "unlimited"}],
        }
    ]  # fmt: skip
    answer = said(MemoryLedger(), budgets=budgets)
    (row,) = answer["budgets"]
    assert (row["limit_usd"], row["left_usd"], answer["tightest"]) == (None, None, None)


def test_with_a_model_the_budgets_are_those_a_call_of_it_is_checked_against() -> None:
    budgets = [
        {"name": "by model", "id": "by-model", "limit": "1", "window": DAY, "split_by": ["model"]},
        {"name": "claude", "limit": "1", "window": DAY, "where": {"model": "claude-*"}},
        {"name": "all", "limit": "1", "window": DAY},
    ]
    answer = said(MemoryLedger(), {"query": b"model=openai%2Fgpt-4o-mini"}, budgets=budgets)
    assert [row["account"] for row in answer["budgets"]] == ["by-model[model=openai/gpt-4o-mini]", "all"]
    (model,) = answer["models"]
    assert (model["model"], model["status"]) == ("openai/gpt-4o-mini", "works")
    assert model["checked"] == ["by-model[model=openai/gpt-4o-mini]", "all"]
    both = said(
        MemoryLedger(), {"query": b"model=openai/gpt-4o-mini&model=anthropic/claude-haiku-4-5"}, budgets=budgets
    )
    assert sorted(row["id"] for row in both["budgets"]) == sorted(["by-model", "by-model", "claude", "all"])


@pytest.mark.parametrize(
    ("query", "part"),
    [(b"modell=x", "modell"), (b"model=", "empty"), (b"&".join(b"model=m%d" % n for n in range(21)), "21 models")],
)
def test_a_query_that_means_nothing_is_refused(query: bytes, part: str) -> None:
    found = said(MemoryLedger(), {"query": query})
    assert isinstance(found, Refusal)
    assert found.code == "body_invalid"
    assert part in found.message


async def test_another_users_account_is_never_shown() -> None:
    ledger = MemoryLedger()
    await booked(ledger, "each[user=bob@example.com]", spent=DOLLAR)
    text = json.dumps(said(ledger, {"metadata": '{"user": "bob@example.com"}', "query": b"model=openai/gpt-4o-mini"}))
    assert "bob" not in text


def test_no_account_is_searched_for() -> None:
    class Unsearched(MemoryLedger):
        def accounts(self, budget: str) -> list[str]:
            raise AssertionError("all accounts were listed")

    assert said(Unsearched(), {"query": b"model=openai/gpt-4o-mini"})["budgets"]


def test_a_budget_that_selects_by_model_is_shown_with_the_models_it_selects() -> None:
    budgets = [
        {
            "name": "frontier",
            "limit": "1",
            "window": DAY,
            "where": {"model": ["gpt-5*", "claude-opus-*"], "user": "alice@*"},
        },
        {"name": "claude", "limit": "1", "window": DAY, "where": {"provider": "anthropic"}},
        {"name": "web", "limit": "1", "window": DAY, "where": {"metadata.team": "web"}},
    ]
    answer = said(MemoryLedger(), budgets=budgets)
    assert [(row["budget"], row["models"]) for row in answer["budgets"]] == [
        ("frontier", ["gpt-5*", "claude-opus-*"]),
        ("claude", ["anthropic"]),
    ]


def test_a_budget_split_by_model_has_no_account_before_a_model_is_named() -> None:
    budgets = [
        {"name": "by model", "id": "by-model", "limit": "1", "window": DAY, "split_by": ["user", "model"]},
        {"name": "by user", "id": "by-user", "limit": "1", "window": DAY, "split_by": ["user"]},
    ]
    assert [row["account"] for row in said(MemoryLedger(), budgets=budgets)["budgets"]] == [
        "by-user[user=alice@example.com]"
    ]


def test_declared_metadata_counts_as_it_would_in_a_request() -> None:
    budgets = [{"name": "app", "limit": "1", "window": DAY, "split_by": ["metadata.app"]}]
    asked = {"metadata": '{"app": "web"}'}
    assert [row["account"] for row in said(MemoryLedger(), asked, budgets=budgets)["budgets"]] == [
        "app[metadata.app=web]"
    ]
    assert said(MemoryLedger(), budgets=budgets)["budgets"] == []
    verified = [{**budgets[0], "attributes": "verified"}]
    assert said(MemoryLedger(), asked, budgets=verified)["budgets"] == []


def test_a_caller_of_several_groups_sees_an_account_for_each() -> None:
    key = {"name": "k", "secret": world.KEY, "user": "a", "groups": ["eng", "leads"]}
    budgets = [{"name": "group", "limit": "1", "window": DAY, "split_by": ["group"]}]
    answer = said(MemoryLedger(), keys=[key], budgets=budgets)
    assert [row["account"] for row in answer["budgets"]] == ["group[group=eng]", "group[group=leads]"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"secret": None}, "credential_missing"),
        ({"secret": "nobody's"}, "credential_unknown"),
        ({"gateway": "elsewhere"}, "gateway_unknown"),
        ({"metadata": "{"}, "metadata_invalid"),
    ],
)
def test_who_may_not_ask_is_refused_and_told_nothing(asked: dict[str, Any], code: str) -> None:
    found = said(MemoryLedger(), asked)
    assert isinstance(found, Refusal)
    assert found.code == code
    assert "company" not in found.message


async def test_looking_holds_nothing() -> None:
    ledger = MemoryLedger()
    await booked(ledger, "company", held=5, bucket=MONTH)
    first = said(ledger)
    assert said(ledger) == first
    assert len(ledger.open_reservations()) == 1
    assert ledger.entries == []


def test_the_balances_are_of_the_window_in_which_the_request_came() -> None:
    request = msgspec.structs.replace(world.request(), received_at=TODAY - 1)
    answer = json.loads(budget_answer(request, world.snapshot(), MemoryLedger(), world.calendar()))  # type: ignore[arg-type]
    assert answer["budgets"][1]["resets_at"] == "2026-09-21T00:00:00.000Z"

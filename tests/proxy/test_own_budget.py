"""What a caller is told of its own budgets: the balances that its next request will be checked against."""

import json
from typing import Any

import msgspec
import pytest
import world

from tollway.exchange.refusal import Refusal
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
        "budget": "the company",
        "account": "company",
        "mode": "enforce",
        "window": company["window"],
        "models": [],
        "limit_usd": "100",
        "spent_usd": "30",
        "held_usd": "2",
        "left_usd": "68",
        "resets_at": "2026-10-01T00:00:00.000Z",
    }
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
    assert said(MemoryLedger(), budgets=[]) == {"budgets": [], "tightest": None}
    watched = [{"name": "w", "limit": "1", "window": DAY, "mode": "monitor"}]
    assert said(MemoryLedger(), budgets=watched)["tightest"] is None


@pytest.mark.parametrize("window", [{"period": "total"}, {"rolling": "day"}])
def test_a_window_without_an_end_has_no_reset(window: dict[str, str]) -> None:
    (row,) = said(MemoryLedger(), budgets=[{"name": "b", "limit": "1", "window": window}])["budgets"]
    assert row["resets_at"] is None


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

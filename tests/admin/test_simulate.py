"""Budgets against a past added up by hand, asked of a running gateway."""

import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from tests.admin.gateways import Caller, gateway
from tests.admin.test_past import entry

from tollway.admin import simulate as simulate_module
from tollway.admin.simulate import SimulateBody, _proposed, _Rules, _stretch  # pyright: ignore[reportPrivateUsage]
from tollway.budgets.replay import Past
from tollway.clock import iso
from tollway.document import compile_document, read_document
from tollway.ledger.entry import Context
from tollway.money import DOLLAR
from tollway.pricing.price import FILE, PriceBook
from tollway.snapshot import Snapshot
from tollway.usage import Usage

here = pytest.mark.asyncio(loop_scope="module")

DAY_MS = 86_400_000
ALICE = Context(
    gateway="default", provider="openai", model="gpt-4o-mini", user="alice@example.com", key="alice", groups=("eng",),
    metadata={"team": "ml"},
)  # fmt: skip
BOB = Context(
    gateway="default", provider="anthropic", model="claude-haiku-4-5", user="bob@example.com", metadata={"team": "web", "app": "x"},
    declared=("app",),
)  # fmt: skip
MONTH = {"period": "month", "timezone": "UTC"}


def last_month(now: int) -> tuple[int, int]:
    since, until = _stretch(SimulateBody(), now)
    return since, until


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Caller]:
    """In the last month: alice $0.30 a day for 20 days; bob $0.50 on each of 10 days, one without a price, one corrected."""
    async with gateway(tmp_path_factory.mktemp("gateway")) as running:
        ledger, (since, until) = running.runtime.store.ledger, last_month(running.runtime.clock.now())
        for day in range(20):
            ledger.settle(entry(day, since + day * DAY_MS, 3 * DOLLAR // 10, context=ALICE))
        for day in range(10):
            ledger.settle(entry(100 + day, since + day * DAY_MS + 1, DOLLAR // 2, context=BOB))
        ledger.settle(entry(109, since + 9 * DAY_MS + 1, -DOLLAR // 4, "correction", context=BOB))
        ledger.settle(entry(200, since + 15 * DAY_MS, 0, "unpriced", context=BOB))
        # Before and behind it.
        ledger.settle(entry(300, since - 1, 7 * DOLLAR, context=ALICE))
        ledger.settle(entry(301, until, 9 * DOLLAR, context=ALICE))
        yield running


async def simulate(caller: Caller, **asked: Any) -> Any:
    answer = await caller.admin("/api/v1/simulate", asked)
    assert answer.status == 200, answer.body
    return answer.json


@here
async def test_proposed_budgets_say_what_they_would_have_blocked(caller: Caller) -> None:
    proposed = [
        {"name": "all", "limit": "8", "window": MONTH, "on_unpriced": "count"},
        {"name": "each", "limit": "3", "window": MONTH, "split_by": ["user"], "on_unpriced": "count"},
    ]
    told = await simulate(caller, budgets=proposed)
    since, until = last_month(caller.runtime.clock.now())
    assert (told["since"], told["until"], told["proposed"]) == (iso(since), iso(until), True)
    # alice: 10 of 0.30 are 3; the other 10 are blocked. bob: 6 of 0.50 are 3; 3 of 0.50 and the one of 0.25 are blocked.
    every, each = told["budgets"]
    assert (each["blocked"], each["blocked_usd"], each["spent_usd"], each["requests"]) == (14, "4.75", "6", 17)
    assert each["first_blocked_at"] == iso(since + 6 * DAY_MS + 1)
    assert each["text"] == 'Budget "each" would have blocked 14 requests, $4.75.'
    assert each["by_user"] == [
        {"name": "alice@example.com", "requests": 10, "amount_usd": "3", "unpriced": 0},
        {"name": "bob@example.com", "requests": 4, "amount_usd": "1.75", "unpriced": 0},
    ]
    assert [(group["name"], group["requests"]) for group in each["by_model"]] == [
        ("openai/gpt-4o-mini", 10),
        ("anthropic/claude-haiku-4-5", 4),
    ]
    assert [group["name"] for group in each["by_account"]] == [
        "each[user=alice@example.com]",
        "each[user=bob@example.com]",
    ]
    assert (each["peak"]["percent"], each["unpriced"]) == (100, 1)
    assert (every["blocked"], every["spent_usd"], every["peak"]["percent"]) == (0, "6", 75)
    total = told["total"]
    assert total["text"] == "14 of 31 requests would have been blocked, $4.75 of $10.75."
    assert (total["requests"], total["amount_usd"], total["unpriced"]) == (31, "10.75", 1)


@here
async def test_the_budgets_in_force_are_told_the_same_to_compare(caller: Caller) -> None:
    told = await simulate(caller, budgets=[{"name": "free", "limit": "100", "window": MONTH}])
    alone = await simulate(caller)
    assert (told["proposed"], alone["proposed"], alone["in_force"]) == (True, False, None)
    assert told["in_force"]["total"] == alone["total"]
    assert [budget["id"] for budget in alone["budgets"]] == ["company", "each", "tiny", "watched"]
    # "tiny" is of $0.000001 for team web, so all of bob's would be blocked; without a price "company" refuses too.
    tiny = next(budget for budget in alone["budgets"] if budget["id"] == "tiny")
    assert (tiny["blocked"], tiny["blocked_usd"], tiny["blocked_unpriced"]) == (11, "4.75", 1)
    assert "1 request of unknown cost among them" in tiny["text"]
    watched = next(budget for budget in alone["budgets"] if budget["id"] == "watched")
    # It never starts anew, and $7 were spent before: every one of alice's would be refused, were it enforced.
    assert (watched["blocked"], watched["blocked_usd"], watched["spent_usd"]) == (20, "6", "6")
    assert watched["text"].endswith(", but only watches.")
    assert alone["counted_from"] == iso(0)
    assert (alone["total"]["blocked"], alone["total"]["blocked_usd"]) == (11, "4.75")


@here
async def test_budgets_that_never_refuse_block_nothing_and_add_up_to_the_ledger(caller: Caller) -> None:
    told = await simulate(caller, budgets=[{"name": "b", "limit": "1000", "window": MONTH, "on_unpriced": "count"}])
    (budget,) = told["budgets"]
    spend = (await caller.admin(f"/api/v1/spend?since={told['since']}&until={told['until']}")).json
    assert (budget["blocked"], budget["spent_usd"]) == (0, spend["total"]["spent_usd"])
    assert told["total"]["amount_usd"] == spend["total"]["spent_usd"]


@here
async def test_what_a_caller_only_declared_is_no_proof(caller: Caller) -> None:
    by_app = {"name": "b", "limit": "0", "window": MONTH, "where": {"metadata.app": "x"}, "on_unpriced": "count"}
    assert (await simulate(caller, budgets=[by_app]))["total"]["blocked"] == 10
    assert (await simulate(caller, budgets=[{**by_app, "attributes": "verified"}]))["total"]["blocked"] == 0


@here
async def test_a_window_that_began_before_counts_what_was_spent_in_it(caller: Caller) -> None:
    since, _ = last_month(caller.runtime.clock.now())
    asked = {
        "budgets": [{"name": "b", "limit": "5", "window": {"rolling": "month"}}],
        "since": iso(since),
        "until": iso(since + DAY_MS),
    }
    told = await simulate(caller, **asked)
    assert told["total"]["blocked"] == 2
    assert told["counted_from"] < told["since"]


@here
async def test_a_suggestion_comes_from_the_same_past(caller: Caller) -> None:
    proposed = [{"name": "each", "limit": "3", "window": {"period": "day", "timezone": "UTC"}, "split_by": ["user"]}]
    told = await simulate(caller, budgets=proposed, suggest=True)
    (one,) = told["suggestions"]
    alice, bob = one["accounts"][1], one["accounts"][0]
    assert (alice["values"], alice["suggested_usd"], alice["units"]) == ({"user": "alice@example.com"}, "0.45", 20)
    assert (bob["suggested_usd"], bob["units"], bob["median_usd"]) == ("0.75", 10, "0.5")
    assert (one["suggested_usd"], one["unit"], one["needed"]) == ("0.75", "day", None)


@here
async def test_a_budget_is_told_its_suggestion_or_what_is_missing(caller: Caller) -> None:
    found = (await caller.admin("/api/v1/budgets/each/suggestion?days=92")).json
    assert (found["id"], found["accounts_total"]) == ("each", 2)
    assert {one["account"]: one["suggested_usd"] for one in found["accounts"]}["each[user=bob@example.com]"] == "0.75"
    missing = (await caller.admin("/api/v1/budgets/tiny/suggestion?days=92")).json
    assert (missing["suggested_usd"], missing["accounts_total"]) == (None, 1)
    assert "never starts anew" in missing["needed"]
    assert (await caller.admin("/api/v1/budgets/none/suggestion")).json["code"] == "budget_unknown"
    assert (await caller.admin("/api/v1/budgets/each/suggestion?days=6")).json["code"] == "parameter_invalid"


@here
async def test_a_request_is_explained_as_explain_does(caller: Caller) -> None:
    body = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 60}
    request = {"key": "alice", "body": body}
    simulated = await simulate(caller, request=request)
    explained = (await caller.admin("/api/v1/explain", request)).json
    assert simulated == explained
    assert simulated["outcome"] == "forward"


@here
async def test_nothing_is_written(caller: Caller) -> None:
    before = (await caller.admin("/api/v1/budgets")).json["items"]
    await simulate(caller, budgets=[{"name": "b", "limit": "0", "window": MONTH}])
    assert (await caller.admin("/api/v1/budgets")).json["items"] == before


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ({"budgets": [{"name": "b", "limit": "1", "window": {"period": "fortnight"}}]}, 422, "fortnight"),
        ({"budgets": [{"name": "b", "limit": 1.5, "window": MONTH}]}, 422, '"b"'),
        ({"budgets": [{"name": "b", "limit": "1", "windw": MONTH}]}, 422, "windw"),
        ({"budgets": [{"name": "b", "limit": "1", "window": MONTH, "parent": "nobody"}]}, 422, "nobody"),
        ({"budgets": ["b"]}, 400, "budgets"),
        ({"budgets": [], "sinc": "2026-01-01T00:00:00Z"}, 400, "sinc"),
        ({"until": "2026-01-01T00:00:00Z"}, 400, "without since"),
        ({"since": "2020-01-02T00:00:00Z", "until": "2020-01-01T00:00:00Z"}, 400, "not before"),
        ({"since": "2999-01-01T00:00:00Z"}, 400, "not before"),
        ({"since": "2026-01-01"}, 400, "since"),
        ({"request": {"body": {}}, "budgets": []}, 400, "stands alone"),
        ({"request": {"bodi": {}}}, 400, "bodi"),
    ],
)
@here
async def test_what_cannot_be_asked_is_a_problem_that_says_why(
    caller: Caller, asked: dict[str, Any], status: int, said: str
) -> None:
    answer = await caller.admin("/api/v1/simulate", asked)
    assert answer.status == status, answer.body
    assert said in answer.json["detail"]


@here
async def test_a_stretch_that_begins_before_time_is_from_its_beginning(caller: Caller) -> None:
    told = await simulate(caller, budgets=[], since="0001-01-01T00:00:00Z", until="1971-01-01T00:00:00Z")
    assert (told["since"], told["total"]["requests"]) == ("1970-01-01T00:00:00.000Z", 0)
    assert told["total"]["text"] == "0 of 0 requests would have been blocked, $0.00 of $0.00."


@pytest.mark.parametrize(
    ("now", "since", "until"),
    [
        (datetime(2026, 3, 15, 1, tzinfo=UTC), "2026-02-01T00:00:00.000Z", "2026-03-01T00:00:00.000Z"),
        (datetime(2026, 1, 1, tzinfo=UTC), "2025-12-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z"),
        (datetime(2026, 12, 31, 23, 59, tzinfo=UTC), "2026-11-01T00:00:00.000Z", "2026-12-01T00:00:00.000Z"),
    ],
)
def test_the_last_month_is_asked_about_where_nothing_is_said(now: datetime, since: str, until: str) -> None:
    found = _stretch(SimulateBody(), int(now.timestamp()) * 1000)
    assert tuple(iso(each) for each in found) == (since, until)


def _snapshot(**more: Any) -> Snapshot:
    written: dict[str, Any] = {
        "providers": {"openai": {"api_key": "sk-of-a-provider"}},
        "keys": [{"name": "nightly", "secret": "a-secret-of-a-key", "service": "ci", "priority": "batch"}],
        "gateways": [{"slug": "other", "spend_limits": {"rules": [{"id": "cap", "limit": 5, "window": 3600}]}}],
        **more,
    }
    book = PriceBook.decode(resources.files("tollway.pricing").joinpath(FILE).read_bytes())
    document = read_document(written)
    return compile_document(
        document, resolve=lambda text, _: text, book=book, pepper=b"pepper", revision=1, text=json.dumps(written)
    )


def test_spend_limits_of_gateways_stay_beside_what_is_proposed() -> None:
    found = _proposed([{"name": "b", "limit": "1", "window": MONTH}], _snapshot())
    assert [budget.id for budget in found] == ["b", "other.cap"]


def test_a_budget_of_one_gateway_counts_nothing_of_another() -> None:
    budgets = _proposed([{"name": "b", "limit": "1", "window": MONTH}], _snapshot())
    rules = _Rules(_snapshot(), budgets, [])
    for gateway_name, counting in (("default", ["b"]), ("other", ["b", "other.cap"]), ("gone", ["b"])):
        context = Context(gateway=gateway_name, provider="openai", model="gpt-4o-mini")
        first, none = rules.claims(context, 0)
        assert [claim.budget.id for claim in first] == counting
        assert none == ()


def test_a_key_is_of_the_class_that_it_has_now() -> None:
    blocking = [{"at": 80, "do": "block", "priority": "batch"}]
    budgets = _proposed([{"name": "b", "limit": "1", "window": MONTH, "actions": blocking}], _snapshot())
    rules = _Rules(_snapshot(), budgets)
    for key, share in (("nightly", 80), ("gone", 100), (None, 100)):
        context = Context(gateway="default", provider="openai", model="gpt-4o-mini", key=key)
        assert [claim.share for claim in rules.claims(context, 0)[0]] == [share]


def test_callers_are_remembered_and_no_more_than_a_bounded_number_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate_module, "REMEMBERED", 3)
    budgets = _proposed([{"name": "b", "limit": "1", "window": MONTH, "split_by": ["user"]}], _snapshot())
    rules = _Rules(_snapshot(), budgets)
    for number in (0, 1, 2, 3, 4, 0, 3):
        context = Context(gateway="default", provider="openai", model="gpt-4o-mini", user=f"u{number}")
        told = rules.claims(context, 0)
        assert told[0][0].accounts == (f"b[user=u{number}]",)
        assert rules.claims(context, DAY_MS) is told
    assert len(rules._known) <= 3  # pyright: ignore[reportPrivateUsage]


def test_a_cheaper_model_is_priced_by_the_usage_that_was_and_never_guessed() -> None:
    budgets = _proposed([{"name": "minis", "limit": "1", "window": MONTH, "where": {"model": "*mini"}}], _snapshot())
    rules, now = _Rules(_snapshot(), budgets), 1_790_000_000_000
    context = Context(gateway="default", provider="openai", model="gpt-4o", user="alice")
    used = Usage(input_tokens=1_000_000, output_tokens=1_000_000)
    was = Past(now - DAY_MS, 12 * DOLLAR, "alice", "openai/gpt-4o", usage=used)
    served = rules.instead(0, now, context, was, "openai/gpt-4o-mini")
    assert served is not None
    told, claimed = served
    # $0.15 and $0.60 a million tokens.
    assert (told.amount, told.model, told.at) == (3 * DOLLAR // 4, "openai/gpt-4o-mini", was.at)
    assert (told.output_tokens, told.output_amount) == (1_000_000, 6 * DOLLAR // 10)
    assert [claim.budget.id for claim in claimed] == ["minis"]
    assert rules.instead(0, now, context, was, "openai/nobody-knows-it") is None
    assert rules.instead(0, now, context, was, "nobody/gpt-4o-mini") is None
    assert rules.instead(0, now, context, msgspec.structs.replace(was, usage=None), "openai/gpt-4o-mini") is None
    wrong = Usage(input_tokens=1, cache_read_input_tokens=2, output_tokens=1)
    assert rules.instead(0, now, context, msgspec.structs.replace(was, usage=wrong), "openai/gpt-4o-mini") is None


@here
async def test_downgrades_of_unknown_cost_are_told_as_unknown(caller: Caller) -> None:
    # The entries of this ledger tell no usage, so what another model would have cost is not known.
    cheaper = {"at": 50, "do": "downgrade", "to": "openai/gpt-4.1-nano"}
    told = await simulate(caller, budgets=[{"name": "all", "limit": "8", "window": MONTH, "actions": [cheaper]}])
    (budget,) = told["budgets"]
    assert budget["downgraded"] == budget["downgraded_unpriced"] > 0
    assert (budget["downgraded_usd"], budget["downgraded_to_usd"], budget["clamped"]) == ("0", "0", 0)
    assert "at a cost that nobody knows" in budget["text"]

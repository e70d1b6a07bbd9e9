"""Which models still work: as the gateway itself would answer the next call."""

import json
from typing import Any

import pytest
import world
from test_own_budget import DAY, DOLLAR, TODAY, booked

from tollway.clock import iso
from tollway.exchange.authenticate import authenticate
from tollway.exchange.exchange import exchange
from tollway.exchange.steps import Authenticate, Forward, Log, Reserve, Sent
from tollway.ledger.control import Control
from tollway.ledger.reservation import Hold, Reservation
from tollway.proxy.own_budget import budget_answer
from tollway.proxy.own_models import MOST_MODELS, configured_models
from tollway.storage.conformance.values import entry
from tollway.storage.memory import MemoryLedger

MINI = "openai/gpt-4o-mini"


def looked(ledger: MemoryLedger, *models: str, **settings: Any) -> Any:
    query = "&".join(f"model={model}" for model in models).encode()
    request = world.request(method="GET", body=b"", query=query, metadata=settings.pop("metadata", None))
    found = budget_answer(request, world.snapshot(**settings), ledger, world.calendar())
    assert isinstance(found, bytes), found
    answers = json.loads(found)["models"]
    return answers[0] if len(models) == 1 else answers


def of(limit: str, **more: Any) -> list[dict[str, Any]]:
    return [{"name": "the budget", "id": "b", "limit": limit, "window": DAY, **more}]


def test_a_model_that_fits_works() -> None:
    told = looked(MemoryLedger(), MINI, budgets=of("100"))
    assert (told["status"], told["said"], told["code"], told["served_by"]) == ("works", "works", None, MINI)
    assert told["checked"] == ["b"]


def test_a_model_that_fits_with_less_output_is_clamped_to_so_many_tokens() -> None:
    told = looked(MemoryLedger(), MINI, budgets=of("0.001"))
    assert told["status"] == "clamped"
    # $0.60 per million tokens of output: no more than 1,666 for a tenth of a cent, less what the prompt may cost.
    assert 1_400 < told["max_output_tokens"] < 1_667
    assert told["said"] == f"clamped to {told['max_output_tokens']:,} tokens of output"


async def test_a_spent_budget_refuses_until_its_window_ends() -> None:
    ledger = MemoryLedger()
    await booked(ledger, "b", spent=DOLLAR)
    told = looked(ledger, MINI, budgets=of("1"))
    assert (told["status"], told["code"], told["budget"], told["until"]) == (
        "refused", "budget_exceeded", "the budget", "2026-09-22T00:00:00.000Z",
    )  # fmt: skip
    assert told["said"] == 'refused by budget "the budget" until 2026-09-22T00:00:00.000Z'
    assert "is exhausted: $1.00 of $1.00 spent" in told["message"]


async def test_a_rolling_budget_refuses_until_enough_has_fallen_out() -> None:
    ledger = MemoryLedger()
    first, second = TODAY, TODAY + 3_600_000
    await booked(ledger, "b", spent=1, bucket=first)
    hold = Hold("b", second, second, DOLLAR - 1, 10**15)
    made = Reservation("r.1", "r", 1, (hold,), second, world.NOW, DOLLAR)
    assert ledger.settle(entry(made, DOLLAR - 1))
    told = looked(ledger, MINI, budgets=of("1", window={"rolling": "day"}))
    # The oldest nanodollar is not enough; the rest falls out an hour later.
    assert (told["status"], told["until"]) == ("refused", iso(second + 86_400_000 + 299_999))


async def test_a_budget_that_time_does_not_help_refuses_for_good() -> None:
    ledger = MemoryLedger()
    await booked(ledger, "b", spent=DOLLAR, bucket=0)
    told = looked(ledger, MINI, budgets=of("1", window={"period": "total"}))
    assert (told["status"], told["until"]) == ("refused", None)
    assert told["said"] == 'refused by budget "the budget" for good'


async def test_what_others_hold_refuses_for_a_moment() -> None:
    ledger = MemoryLedger()
    await booked(ledger, "b", held=DOLLAR)
    told = looked(ledger, MINI, budgets=of("1"))
    assert (told["code"], told["until"]) == ("budget_contended", None)
    assert "for a moment" in told["said"]


async def test_a_frozen_budget_refuses_until_it_thaws() -> None:
    ledger = MemoryLedger()
    freeze = Control(id="1", kind="freeze", target="b", since=1, until=world.NOW + 1000, by="ops")
    await ledger.control(freeze, world.NOW)
    told = looked(ledger, MINI, budgets=of("1"))
    assert (told["code"], told["until"], told["budget"]) == ("budget_frozen", iso(world.NOW + 1000), "the budget")
    assert "frozen" in told["said"]


async def test_a_budget_that_wants_a_cheaper_model_says_which() -> None:
    ledger = MemoryLedger()
    await booked(ledger, "b", spent=DOLLAR * 8 // 10)
    actions = [{"at": 80, "do": "downgrade", "to": MINI}]
    told = looked(ledger, "openai/gpt-4o", budgets=of("1", actions=actions))
    assert (told["status"], told["said"], told["served_by"]) == ("downgraded", f"downgraded to {MINI}", MINI)


async def test_what_waits_is_not_waited_for() -> None:
    ledger = MemoryLedger()
    await booked(ledger, "b", spent=DOLLAR // 2)
    told = looked(ledger, MINI, budgets=of("1", actions=[{"at": 10, "do": "slow", "delay_ms": 60_000}]))
    assert told["status"] in ("works", "clamped")


def test_a_model_without_a_price_says_so() -> None:
    told = looked(MemoryLedger(), "openai/no-such-model", budgets=of("1"))
    assert (told["status"], told["said"], told["code"], told["budget"]) == (
        "no_price",
        "no price",
        "price_unknown",
        "the budget",
    )


def test_a_model_nobody_serves_is_refused_with_the_gateways_own_words() -> None:
    told = looked(MemoryLedger(), "nobody-knows-it", providers={}, budgets=[])
    assert (told["status"], told["code"], told["checked"]) == ("refused", "model_unknown", [])
    assert "nobody-knows-it" in told["message"]


def test_a_model_that_chat_does_not_know_does_not_work_by_the_word_of_another_api() -> None:
    several = {name: {"api_key": "k"} for name in ("openai", "anthropic", "google", "mistral")}
    told = looked(MemoryLedger(), "gpt-9", "claude-9", providers=several, budgets=[])
    # A name that reads like Claude's is asked for at /v1/messages, as its callers do.
    assert [one["status"] for one in told] == ["refused", "works"]
    assert told[0]["code"] == "model_unknown"
    alone = looked(MemoryLedger(), "gpt-9", providers={"anthropic": {"api_key": "k"}}, budgets=[])
    assert alone["status"] == "works"


@pytest.mark.parametrize(
    "model",
    [
        "anthropic/claude-haiku-4-5",
        "google/gemini-2.5-flash",
        "claude-haiku-4-5",
        "gpt-4o-mini",
        "cohere/command-r-plus-08-2024",
    ],
)
def test_each_api_is_asked_on_its_own_path(model: str) -> None:
    providers = {name: {"api_key": "sk-of-a-provider"} for name in ("openai", "anthropic", "google", "cohere")}
    told = looked(MemoryLedger(), model, budgets=of("100"), providers=providers)
    assert told["status"] == "works", told


@pytest.mark.parametrize("model", ["", "a/b/c?d", "%2e%2e/x", "x" * 3000, "google/../../admin", "google/a:b", "\u2603"])
def test_no_name_of_a_model_is_a_defect(model: str) -> None:
    if model:
        assert looked(MemoryLedger(), model, budgets=of("100"))["status"] in ("refused", "no_price")


@pytest.mark.parametrize("spent", [0, DOLLAR // 2, DOLLAR - 600_000, DOLLAR - 100_000, DOLLAR])
async def test_what_it_says_is_what_the_gateway_then_does(spent: int) -> None:
    ledger = MemoryLedger()
    await booked(ledger, "b", spent=spent)
    told = looked(ledger, MINI, budgets=of("1"))
    assert ledger.open_reservations() == ()
    snapshot = world.snapshot(budgets=of("1"))
    body = {"model": MINI, "messages": [{"role": "user", "content": "Hello"}], "stream": False}
    request = world.request(body, headers=())
    steps = exchange(request, snapshot, world.calendar(), world.NOW)
    command = next(steps)
    while not isinstance(command, Forward | Log):
        match command:
            case Authenticate():
                command = steps.send(authenticate(request, snapshot))
            case Reserve():
                command = steps.send(await ledger.reserve(command.reservation, world.NOW))
            case _:
                command = steps.send(Sent(0))
    if isinstance(command, Log):
        assert (told["status"], told["code"]) == ("refused", command.record.code)
        assert told["message"] == command.record.decisions[-1].detail
    else:
        assert told["code"] is None
        assert json.loads(command.body)["max_completion_tokens"] == told["max_output_tokens"]


def test_the_models_that_the_settings_name_are_looked_at_without_being_asked() -> None:
    providers = {"openai": {"api_key": "sk-of-a-provider", "models": ["gpt-4o-mini", "ft-*"]}}
    budgets = of(
        "100",
        where={"model": ["openai/gpt-4o", "gpt-*"]},
        actions=[{"at": 90, "do": "downgrade", "to": "openai/gpt-4.1-nano"}],
    )
    names = [answer["model"] for answer in looked(MemoryLedger(), providers=providers, budgets=budgets)]
    assert names == ["openai/gpt-4o-mini", "openai/gpt-4o", "openai/gpt-4.1-nano"]


def test_not_more_models_are_looked_at_than_a_moment_is_enough_for() -> None:
    providers = {"openai": {"api_key": "sk-of-a-provider", "models": [f"m{n}" for n in range(100)]}}
    assert len(configured_models(world.snapshot(providers=providers))) == MOST_MODELS


ROUTED = {"routes": [{"name": "x", "order": "in_order", "targets": [{"model": "openai/gpt-4o"}, {"model": MINI}]}]}


def test_a_route_works_where_one_of_its_models_does() -> None:
    told = looked(MemoryLedger(), "dynamic/x", budgets=of("100"), **ROUTED)
    assert (told["status"], told["served_by"], told["checked"]) == ("works", "openai/gpt-4o", ["b"])


async def test_a_route_is_told_past_a_model_whose_budget_is_spent() -> None:
    ledger = MemoryLedger()
    await booked(ledger, "b", spent=DOLLAR)
    dear = of("1", where={"model": "gpt-4o"})
    told = looked(ledger, "dynamic/x", budgets=dear, **ROUTED)
    assert (told["status"], told["served_by"]) == ("works", MINI)
    told = looked(ledger, "dynamic/x", budgets=of("1"), **ROUTED)
    assert (told["status"], told["code"]) == ("refused", "budget_exceeded") and "exhausted" in told["message"]


def test_a_route_that_is_not_there_is_refused_with_those_there_are() -> None:
    told = looked(MemoryLedger(), "dynamic/y", budgets=[], **ROUTED)
    assert (told["code"], '"dynamic/x"' in told["message"]) == ("model_unknown", True)


def test_where_routes_are_on_a_model_is_told_as_before() -> None:
    told = looked(MemoryLedger(), MINI, budgets=of("100"), **ROUTED)
    assert (told["status"], told["served_by"]) == ("works", MINI)

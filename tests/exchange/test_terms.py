"""Prices that are not the book's alone: a caller's own cost, a ceiling, what the request itself tells."""

import json
from typing import Any

import msgspec
import pytest
import world
from test_exchange import COST, DAY, OK, OK_STREAM, Playbook, budget, refused, whole

from tollway.budgets.budget import Budget
from tollway.budgets.holds import Claim
from tollway.budgets.window import Fixed
from tollway.exchange.refusal import Refusal
from tollway.exchange.steps import Forward, Read, Relay, Reserve, Settle
from tollway.exchange.terms import PLAIN, Terms, completed, terms_of, wants_ceiling
from tollway.identity.identity import Identity
from tollway.pricing.calibration import ENOUGH, Calibration, Observed
from tollway.request import Ask
from tollway.usage import Report, Usage

ALICE = Identity(kind="user", user="alice", key="laptop")
TRUSTED = Identity(kind="user", user="alice", key="laptop", custom_cost=True)
CHEAP = '{"per_token_in": 0.000001, "per_token_out": 0.000002}'


def claim(**fields: Any) -> Claim:
    return Claim(Budget(**{"id": "b", "name": "B", "limit": 10**9, "window": Fixed("day"), **fields}), ("b",))


def terms(
    custom_cost: str | None = None, identity: Identity = ALICE, *claims: Claim, ask: Ask | None = None
) -> Terms | Refusal:
    return terms_of(
        world.request(custom_cost=custom_cost), ask or Ask(model="m"), identity, at_ceiling=wants_ceiling(claims)
    )


def test_most_requests_have_no_terms_of_their_own() -> None:
    assert terms() is PLAIN
    assert terms(None, TRUSTED, claim()) is PLAIN


@pytest.mark.parametrize("identity", [ALICE, Identity(kind="anonymous")])
def test_a_caller_whose_key_may_not_say_what_it_costs_is_told_so(identity: Identity) -> None:
    found = terms(CHEAP, identity)
    assert isinstance(found, Refusal) and found.code == "custom_cost_forbidden" and found.status == 403
    assert '"custom_cost: true"' in found.message


def test_a_custom_cost_that_cannot_be_read_is_refused_with_the_reason() -> None:
    found = terms('{"per_token_in": "cheap"}', TRUSTED)
    assert isinstance(found, Refusal) and found.code == "custom_cost_invalid"
    assert found.message.startswith("The custom cost's per_token_in is")


def test_a_custom_cost_is_a_price() -> None:
    found = terms(CHEAP, TRUSTED)
    assert isinstance(found, Terms) and found.price is not None
    assert found.price.units["input"].times(1_000_000) == 10**9


@pytest.mark.parametrize(
    ("claims", "wanted"),
    [
        ((), False),
        ((claim(),), False),
        ((claim(on_unpriced="count"),), False),
        ((claim(on_unpriced="ceiling"),), True),
        ((claim(on_unpriced="ceiling"), claim(on_unpriced="count")), True),
        ((claim(on_unpriced="ceiling"), claim(on_unpriced="block")), False),
        ((claim(on_unpriced="ceiling"), claim(on_unpriced="block", mode="monitor")), True),
    ],
)
def test_unpriced_models_are_billed_at_a_ceiling_where_a_budget_says_so_and_none_refuses(
    claims: tuple[Claim, ...], wanted: bool
) -> None:
    found = terms(None, ALICE, *claims)
    assert isinstance(found, Terms) and found.at_ceiling is wanted


def test_bedrock_takes_its_tier_in_a_header() -> None:
    request = world.request(
        api="bedrock.invoke", dialect="bedrock", headers=((b"x-amzn-bedrock-service-tier", b"priority"),)
    )
    assert completed(Ask(model="m"), request).service_tier == "priority"
    assert completed(Ask(model="m", service_tier="flex"), request).service_tier == "flex"
    assert completed(Ask(model="m"), world.request()).service_tier is None
    found = terms_of(request, Ask(model="m", service_tier="priority"), ALICE, at_ceiling=False)
    assert isinstance(found, Terms) and found.tier == "priority"


def trusted(**changes: Any) -> Any:
    keys = [{"name": "alice", "secret": world.KEY, "user": "alice@example.com", "custom_cost": True}]
    return world.snapshot(keys=keys, **changes)


def settled(play: Playbook, usage: Usage | None, **fields: Any) -> Settle:
    play.on(Forward, OK)
    settle = play.on(Read, whole(usage, raw=b"{}", **fields))
    assert isinstance(settle, Settle)
    return settle


def test_a_request_is_held_and_charged_at_the_cost_its_caller_gives() -> None:
    play = Playbook(trusted(), custom_cost=CHEAP)
    play.forwarded()
    bound = play.commands[1].reservation.bound  # type: ignore[union-attr]
    charge = settled(play, Usage(input_tokens=20, output_tokens=10)).entry.charge
    assert charge.amount == 20 * 1_000 + 10 * 2_000 <= bound
    assert charge.price_id is not None and charge.price_id.startswith("request/*@custom#")


def test_a_total_cost_is_the_whole_charge() -> None:
    play = Playbook(trusted(), custom_cost='{"total_cost": 0.01}')
    play.forwarded()
    assert settled(play, Usage(input_tokens=20, output_tokens=10)).entry.charge.amount == 10_000_000


def test_a_custom_cost_prices_what_has_no_price() -> None:
    play = Playbook(
        trusted(), custom_cost=CHEAP, body={"model": "openai/nobody-knows", "messages": [], "max_tokens": 9}
    )
    play.forwarded()
    assert settled(play, Usage(input_tokens=1, output_tokens=1)).entry.charge.amount == 3_000


def test_a_custom_cost_from_the_wrong_key_ends_the_story_before_money_is_held() -> None:
    play = Playbook(custom_cost=CHEAP)
    play.authenticated()
    code, _, _ = refused(play)
    assert code == "custom_cost_forbidden" and "Reserve" not in play.told


UNPRICED = {"model": "openai/nobody-knows", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 100}


def test_a_model_without_a_price_is_held_and_billed_at_its_providers_dearest() -> None:
    snapshot = world.snapshot(**budget(on_unpriced="ceiling", limit="100"))
    play = Playbook(snapshot, body=UNPRICED)
    play.forwarded()
    charge = settled(play, Usage(input_tokens=20, output_tokens=10)).entry.charge
    ceiling = snapshot.book.at_ceiling("openai")
    assert charge.amount == ceiling.units["input"].times(20) + ceiling.units["output"].times(10)
    assert charge.price_id == ceiling.id
    assert charge.amount <= play.commands[1].reservation.bound  # type: ignore[union-attr]


def test_a_router_that_may_serve_anything_is_held_at_the_ceiling_too() -> None:
    play = Playbook(
        world.snapshot(**budget(on_unpriced="ceiling", limit="100")),
        body={**UNPRICED, "model": "openai/gpt-4o-mini", "models": ["a", "b"]},
    )
    assert isinstance(play.authenticated(), Reserve)


def speech(**fields: Any) -> dict[str, Any]:
    return {
        "api": "openai.speech",
        "path": "/v1/audio/speech",
        "provider": "openai",
        "body": {"model": "tts-1", "input": "x" * 1_000, "voice": "alloy", **fields},
    }


def test_what_the_request_alone_tells_is_charged_where_the_answer_tells_nothing() -> None:
    play = Playbook(**speech())
    play.forwarded()
    play.on(Forward, OK_STREAM)
    settle = play.on(Relay, whole(None, streamed=True, output_bytes=50_000))
    assert isinstance(settle, Settle)
    assert settle.entry.charge.basis == "metered"
    assert settle.entry.charge.amount == 15_000_000, "1,000 characters at $15 a million"
    assert settle.entry.charge.amount <= play.commands[1].reservation.bound  # type: ignore[union-attr]


def test_speech_that_was_cut_is_presumed_and_not_free() -> None:
    play = Playbook(**speech())
    play.forwarded()
    play.on(Forward, OK_STREAM)
    settle = play.on(Relay, whole(None, streamed=True, output_bytes=50_000, reason="client_gone"))
    assert isinstance(settle, Settle) and settle.entry.charge.amount > 0


def test_a_stated_cost_is_taken_from_providers_that_are_known_to_state_it() -> None:
    for slug, kind in (("openrouter", "stated"), ("openai", "input")):
        snapshot = world.snapshot(providers={slug: {"api_key": "k"}}, budgets=[])
        play = Playbook(snapshot, provider=slug, body={"model": "openai/gpt-4o-mini", "messages": [], "max_tokens": 9})
        play.forwarded()
        play.on(Forward, OK)
        report = Report(usage=Usage(input_tokens=20, output_tokens=10), stated_cost=777)
        settle = play.on(Read, msgspec.structs.replace(whole(raw=b"{}"), report=report))
        assert isinstance(settle, Settle)
        assert settle.entry.charge.lines[0].meter == kind
        assert settle.entry.charge.amount == (777 if kind == "stated" else COST)


def test_a_budget_of_expected_cost_holds_what_such_requests_turned_out_to_cost() -> None:
    snapshot = world.snapshot(
        budgets=[
            {"name": "hard", "limit": "1", "window": DAY},
            {"name": "likely", "limit": "1", "window": DAY, "guarantee": "expected"},
        ]
    )
    learned = Calibration()
    from tollway.exchange.exchange import exchange

    def holds() -> list[int]:
        from tollway.exchange.authenticate import authenticate

        request = world.request()
        steps = exchange(request, snapshot, world.calendar(), world.NOW, learned)
        next(steps)
        reserve = steps.send(authenticate(request, snapshot))
        assert isinstance(reserve, Reserve)
        return [hold.amount for hold in reserve.reservation.holds]

    hard, likely = holds()
    assert 0 < likely < hard, "bytes are halved before anything is learned"
    for _ in range(ENOUGH):
        learned.learn(Observed("openai", "gpt-4o-mini", len(world.request().body), 1, 1, 20, 5))
    assert holds()[0] == hard and holds()[1] < likely


def test_what_a_settlement_was_is_handed_on_to_be_learned() -> None:
    play = Playbook()
    play.forwarded()
    observed = settled(play, Usage(input_tokens=20, output_tokens=10)).observed
    assert observed is not None
    assert (observed.provider, observed.model) == ("openai", "gpt-4o-mini")
    assert (observed.input_tokens, observed.output_tokens, observed.charged) == (20, 10, COST)
    assert observed.held == play.commands[1].reservation.bound  # type: ignore[union-attr]
    assert observed.body_bytes == len(play.request.body)


def test_an_answer_with_more_tokens_than_bytes_is_believed_up_to_the_models_window() -> None:
    play = Playbook()
    play.forwarded()
    entry = settled(play, Usage(input_tokens=100_000, output_tokens=10)).entry
    assert entry.charge.basis == "metered" and entry.charge.amount == 100_000 * 150 + 10 * 600
    play = Playbook()
    play.forwarded()
    assert settled(play, Usage(input_tokens=90_000_000, output_tokens=10)).entry.charge.basis != "metered"


@pytest.mark.parametrize("body", [{}, {"model": "gpt-4.1-nano"}])
def test_the_deployment_in_a_path_decides_and_not_what_the_body_says(body: dict[str, Any]) -> None:
    snapshot = world.snapshot(
        providers={"azure": {"api_key": "k", "resource": "r", "deployments": {"prod": "gpt-4o-mini"}}}, **budget()
    )
    path = "/openai/deployments/prod/chat/completions"
    play = Playbook(snapshot, provider="azure", path=path, body={**body, "messages": [], "max_tokens": 9})
    play.forwarded()
    assert settled(play, Usage(input_tokens=20, output_tokens=10)).entry.charge.amount == COST


@pytest.mark.parametrize(
    ("beta", "padding", "tier"), [(b"", 0, False), (b"context-1m-2025-08-07", 0, True), (b"", 250_000, True)]
)
def test_the_turns_of_a_providers_tool_do_not_add_up_to_a_long_context(beta: bytes, padding: int, tier: bool) -> None:
    body = {
        "model": "claude-sonnet-4-5",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "x" * padding or "hi"}],
        "tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 10}],
    }
    play = Playbook(
        world.snapshot(budgets=[]),
        api="anthropic.messages",
        dialect="anthropic",
        path="/v1/messages",
        body=body,
        headers=((b"anthropic-beta", beta),),
    )
    play.forwarded()
    charge = settled(play, Usage(input_tokens=400_000, output_tokens=10, web_searches=10)).entry.charge
    assert charge.lines[0].unit_price.times(1_000_000) == (6 if tier else 3) * 10**9


def test_a_deployment_without_a_model_behind_it_has_no_price() -> None:
    snapshot = world.snapshot(providers={"azure": {"api_key": "k", "resource": "r"}}, **budget())
    path = "/openai/deployments/other/chat/completions"
    play = Playbook(snapshot, provider="azure", path=path, body={"model": "gpt-4o-mini", "messages": []})
    play.authenticated()
    assert refused(play)[0] == "price_unknown"


def test_a_deployment_is_priced_as_what_is_behind_it_and_found_by_rules_on_that_model() -> None:
    snapshot = world.snapshot(
        providers={
            "azure": {"api_key": "k", "resource": "r", "api_version": "1", "deployments": {"prod": "gpt-4o-mini"}}
        },
        **budget(where={"model": "azure/gpt-4o-mini"}),
    )
    play = Playbook(snapshot, body={"model": "azure/prod", "messages": [], "max_tokens": 9})
    forward = play.forwarded()
    assert len(forward.reservation.holds) == 1
    assert json.loads(forward.body)["model"] == "prod"
    assert settled(play, Usage(input_tokens=20, output_tokens=10)).entry.charge.amount == COST


@pytest.mark.parametrize(
    ("fields", "model", "others"),
    [
        ({"path": "/models/org/m/v1/chat/completions", "provider": "huggingface"}, "org/m", ("cheap",)),
        ({"path": "/v1/chat/completions", "provider": "huggingface"}, "cheap", ()),
        ({"path": "/models/org/m/v1/chat/completions"}, "cheap", ()),
        ({"path": "/openai/deployments/d/chat/completions", "provider": "azure"}, "d", ()),
        ({"path": "/models/cheap/v1/chat/completions", "provider": "huggingface"}, "cheap", ()),
        ({"path": "/models/m/async/x", "provider": "nvidia", "api": "openai.other"}, "cheap", ()),
        ({"path": "/@cf/models/m", "provider": "cloudflare", "api": "cloudflare.run"}, "cheap", ()),
    ],
)
def test_a_model_in_the_path_answers_and_the_bodys_has_to_be_allowed_too(
    fields: dict[str, Any], model: str, others: tuple[str, ...]
) -> None:
    found = completed(Ask(model="cheap"), world.request(**fields))
    assert (found.model, found.also_models) == (model, others)
    nameless = completed(Ask(model="tgi"), world.request(path="/models/m", provider="huggingface"))
    assert (nameless.model, nameless.also_models) == ("m", ())

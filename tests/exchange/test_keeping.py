"""Kept answers on the road of a request, and requests that are repeated."""

import json
from typing import Any

import msgspec
import pytest
import world
from playbook import CHAT, EVENTS, JSON, OK, OK_STREAM, Playbook, budget, refused, whole
from roads import MINI, NANO, Road, chain

from tollway.cache.entry import Kept, Tape
from tollway.cache.idempotency import Fresh, Lost, Mismatch, Replay, Wait
from tollway.exchange.keeping_steps import Begin, Finish, Keep, Lookup
from tollway.exchange.steps import (
    Forward,
    Head,
    Log,
    NoAnswer,
    NotSent,
    Read,
    Relay,
    Release,
    Reserve,
    Send,
    Sent,
    Settle,
    Unavailable,
)
from tollway.request import Handling

CACHED = {"gateways": [{"slug": "default", "cache": {"ttl_s": 600}}]}
KEPT = Kept(
    status=200,
    headers=(*JSON,),
    body=b'{"kept": true}',
    provider="openai",
    model="gpt-4o-mini",
    cost_nanodollars=9_000,
    request_id="before",
    made_at=world.NOW - 1,
    expires_at=world.NOW + 1,
)
REPEATED = Handling(idempotency_key="once")


def cached(**asked: Any) -> Playbook:
    play = Playbook(world.snapshot(**CACHED), **asked)
    play.authenticated()
    return play


def test_a_kept_answer_costs_nothing_and_is_in_no_budget() -> None:
    play = cached()
    assert isinstance(play.command, Lookup)
    play.on(Lookup, KEPT)
    send, record = play.sent_and_logged()
    assert play.told == ["Authenticate", "Lookup", "Send", "Log"]
    said = dict(send.headers)
    assert (send.status, send.body) == (200, b'{"kept": true}')
    assert (said[b"tollway-cache-status"], said[b"tollway-cost-usd"]) == (b"HIT", b"0")
    assert b"tollway-budget" not in said and b"tollway-idempotent-replayed" not in said
    assert (record.cached, record.saved, record.charge, record.holds, record.attempts) == (True, 9_000, None, (), ())


def test_an_answer_that_is_made_is_kept_for_the_time_the_gateway_says() -> None:
    play = cached()
    play.on(Lookup, None)
    play.held()
    play.on(Forward, Head(200, (*JSON, (b"x-request-id", b"up"), (b"openai-organization", b"o")), False, 1))
    play.on(Read, whole(raw=b'{"made": true}'))
    keep = play.on(Settle, None)
    assert isinstance(keep, Keep)
    kept = keep.kept
    assert (kept.body, kept.headers, kept.cost_nanodollars) == (b'{"made": true}', JSON, 9_000)
    assert kept.expires_at - kept.made_at == 600_000
    play.on(Keep, None)
    send, record = play.sent_and_logged()
    assert dict(send.headers)[b"tollway-cache-status"] == b"MISS" and not record.cached


def test_who_skips_the_cache_is_not_answered_from_it_and_replaces_what_is_kept() -> None:
    play = cached(handling=Handling(skip_cache=True))
    play.held()
    play.on(Forward, OK)
    play.on(Read, whole(raw=b"{}"))
    assert isinstance(play.on(Settle, None), Keep)
    play.on(Keep, None)
    send, _ = play.sent_and_logged()
    assert dict(send.headers)[b"tollway-cache-status"] == b"BYPASS"


def test_a_gateway_without_a_cache_looks_nothing_up_and_says_nothing_of_it() -> None:
    play = Playbook()
    play.forwarded()
    play.on(Forward, OK)
    play.on(Read, whole(raw=b"{}"))
    play.on(Settle, None)
    send, _ = play.sent_and_logged()
    assert b"tollway-cache-status" not in dict(send.headers)


def test_who_can_share_with_nobody_is_told_that_the_cache_is_left_out() -> None:
    anonymous = {"gateways": [{"slug": "default", "authentication": "none", "cache": {"ttl_s": 600}}], "budgets": []}
    play = Playbook(world.snapshot(**anonymous), secret=None)
    play.authenticated()
    play.held()
    play.on(Forward, OK)
    play.on(Read, whole(raw=b"{}"))
    play.on(Settle, None)
    send, _ = play.sent_and_logged()
    assert dict(send.headers)[b"tollway-cache-status"] == b"BYPASS" and "Keep" not in play.told


def test_an_answer_that_a_budget_made_shorter_is_not_kept() -> None:
    play = Playbook(world.snapshot(**CACHED, **budget()), body={**CHAT, "max_tokens": 4_000})
    play.authenticated()
    play.on(Lookup, None)
    limit = play.command.reservation.holds[0].limit
    play.refused_by(0, spent=limit - 1_500_000)
    play.held()
    play.on(Forward, OK)
    play.on(Read, whole(raw=b"{}"))
    assert isinstance(play.on(Settle, None), Send)


def test_an_answer_of_a_model_that_a_budget_wanted_instead_is_not_kept() -> None:
    acting = budget(where={"model": MINI}, actions=[{"at": 1, "do": "downgrade", "to": NANO}])
    play = Playbook(world.snapshot(**CACHED, **acting), body={**CHAT, "max_tokens": 100})
    play.authenticated()
    play.on(Lookup, None)
    play.refused_by(0, spent=10**9)
    assert isinstance(play.command, Lookup), "its own answer may be there"
    play.on(Lookup, None)
    play.held()
    play.on(Forward, OK)
    play.on(Read, whole(raw=b"{}"))
    assert isinstance(play.on(Settle, None), Send)


@pytest.mark.parametrize("status", [400, 429, 500])
def test_an_error_is_not_kept(status: int) -> None:
    play = cached()
    play.on(Lookup, None)
    play.held()
    play.on(Forward, Head(status, JSON, False, 1))
    play.on(Read, whole(None, raw=b"{}"))
    assert isinstance(play.on(Release, None), Send)


def taken(command: Any, *pieces: bytes) -> None:
    """The relay, carried out as far as the tape goes."""
    assert isinstance(command, Relay) and isinstance(command.tape, Tape)
    for piece in pieces:
        command.tape.add(piece)


def test_a_stream_is_kept_as_the_pieces_it_came_in() -> None:
    play = cached(body={**CHAT, "stream": True})
    play.on(Lookup, None)
    play.held()
    relay = play.on(Forward, OK_STREAM)
    taken(relay, b"data: 1\n\n", b"data: [DONE]\n\n")
    assert dict(relay.headers)[b"tollway-cache-status"] == b"MISS"
    play.on(Relay, whole(streamed=True))
    keep = play.on(Settle, None)
    assert isinstance(keep, Keep) and keep.kept.streamed
    assert list(keep.kept.pieces) == [b"data: 1\n\n", b"data: [DONE]\n\n"] and keep.kept.headers == EVENTS


@pytest.mark.parametrize("fields", [{"reason": "broken_off"}, {"reason": "client_gone"}, {"finished": False}])
def test_a_stream_that_did_not_come_to_its_end_is_not_kept(fields: dict[str, Any]) -> None:
    play = cached(body={**CHAT, "stream": True})
    play.on(Lookup, None)
    play.held()
    taken(play.on(Forward, OK_STREAM), b"data: 1\n\n")
    play.on(Relay, whole(streamed=True, **fields))
    while not isinstance(play.command, Log):
        assert not isinstance(play.command, Keep)
        play.on(type(play.command), None)


def test_a_name_of_the_callers_own_may_stand_for_another_models_answer_which_is_told() -> None:
    play = cached(handling=Handling(cache_key="mine"))
    play.on(Lookup, Kept(**{name: getattr(KEPT, name) for name in KEPT.__struct_fields__} | {"model": "gpt-4.1-nano"}))
    send, record = play.sent_and_logged()
    assert dict(send.headers)[b"tollway-model"] == b"gpt-4.1-nano" and record.request_model == "gpt-4.1-nano"


def policed(*blocked: str) -> dict[str, Any]:
    return {"policies": [
        {"name": "all", "resource": "*", "action": {"type": "no-limit"}},
        *({"name": "no", "resource": {"model": model}, "action": {"type": "block"}} for model in blocked),
    ]}  # fmt: skip


def of(provider: str, model: str) -> Kept:
    return msgspec.structs.replace(KEPT, provider=provider, model=model)


@pytest.mark.parametrize("provider", ["anthropic", "gone"])
def test_by_a_name_of_ones_own_nobody_is_given_an_answer_of_a_model_they_may_not_use(provider: str) -> None:
    # The answer that is made instead takes its place.
    settings = {**CACHED, **policed("anthropic/*")}
    play = Playbook(world.snapshot(**settings), handling=Handling(cache_key="greet"))
    play.authenticated()
    play.on(Lookup, of(provider, "claude-sonnet-4-5"))
    play.held()
    play.on(Forward, OK)
    play.on(Read, whole(raw=b"{}"))
    keep = play.on(Settle, None)
    assert isinstance(keep, Keep) and (keep.kept.model, keep.kept.custom) == ("gpt-4o-mini", "greet")
    play.on(Keep, None)
    send, _ = play.sent_and_logged()
    assert dict(send.headers)[b"tollway-cache-status"] == b"MISS"


def test_by_a_name_of_ones_own_nobody_is_given_an_answer_that_their_key_is_not_for() -> None:
    keys = [{"name": "alice", "secret": world.KEY, "user": "alice@example.com", "models": [MINI]}]
    play = Playbook(world.snapshot(**CACHED, keys=keys), handling=Handling(cache_key="greet"))
    play.authenticated()
    assert isinstance(play.on(Lookup, of("anthropic", "claude-sonnet-4-5")), Reserve)


def test_by_a_name_of_ones_own_an_answer_of_another_model_that_may_be_used_is_given() -> None:
    play = Playbook(world.snapshot(**CACHED, **policed("anthropic/*")), handling=Handling(cache_key="greet"))
    play.authenticated()
    play.on(Lookup, of("openai", "gpt-4.1-nano"))
    send, _ = play.sent_and_logged()
    assert dict(send.headers)[b"tollway-cache-status"] == b"HIT"


def test_a_header_the_cache_cannot_mean_is_refused() -> None:
    play = cached(handling=Handling(cache_ttl_s=5))
    assert refused(play)[0] == "cache_invalid"


def test_behind_a_failed_target_the_fallbacks_kept_answer_is_given() -> None:
    play = Road(world.snapshot(budgets=[], **CACHED, **chain(NANO, MINI)))
    play.authenticated()
    play.on(Lookup, None)
    play.fails()
    play.on(Lookup, KEPT)
    send, record = play.sent_and_logged()
    said = dict(send.headers)
    assert (said[b"tollway-cache-status"], said[b"tollway-step"]) == (b"HIT", b"1")
    assert record.cached and len(record.attempts) == 1


def test_a_hit_shows_no_budget_of_a_target_that_failed_before_it() -> None:
    play = Road(world.snapshot(**budget(), **CACHED, **chain(NANO, MINI)))
    play.authenticated()
    play.on(Lookup, None)
    play.fails()
    play.on(Lookup, KEPT)
    send, record = play.sent_and_logged()
    assert b"tollway-budget" not in dict(send.headers) and record.holds == ()


# -- repeats ------------------------------------------------------------------------------------------------------------


def repeated(**asked: Any) -> Playbook:
    play = Playbook(world.snapshot(**asked.pop("settings", {})), handling=REPEATED, **asked)
    play.authenticated()
    assert isinstance(play.command, Begin)
    return play


def test_the_first_request_of_a_key_runs_and_leaves_its_answer_before_its_caller_has_it() -> None:
    play = repeated()
    play.on(Begin, Fresh())
    play.held()
    play.on(Forward, OK)
    play.on(Read, whole(raw=b'{"made": true}'))
    finish = play.on(Settle, None)
    assert isinstance(finish, Finish) and finish.kept is not None and not finish.lost
    assert finish.kept.body == b'{"made": true}'
    play.on(Finish, None)
    play.sent_and_logged()


def test_a_repeat_is_answered_with_what_the_first_was_and_costs_nothing() -> None:
    play = repeated()
    play.on(Begin, Replay(KEPT))
    send, record = play.sent_and_logged()
    said = dict(send.headers)
    assert play.told == ["Authenticate", "Begin", "Send", "Log"]
    assert said[b"tollway-idempotent-replayed"] == b"true" and said[b"tollway-cost-usd"] == b"0"
    assert (said[b"tollway-provider"], said[b"tollway-model"]) == (b"openai", b"gpt-4o-mini")
    assert record.charge is None and [d.detail for d in record.decisions] == ["as before"]


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        (policed(MINI), "policy_denied"),
        ({"keys": [{"name": "alice", "secret": world.KEY, "models": [NANO]}]}, "model_not_allowed"),
        ({"policies": policed()["policies"], "providers": {"anthropic": {"api_key": "sk-ant"}}}, "provider_unknown"),
    ],
)  # fmt: skip
def test_a_repeat_is_not_given_what_its_caller_may_no_longer_use(settings: dict[str, Any], code: str) -> None:
    play = repeated(settings=settings)
    play.on(Begin, Replay(KEPT))
    found, _, record = refused(play)
    assert (found, record.decisions[-1].step) == (code, "policy") and play.told == [
        "Authenticate",
        "Begin",
        "Send",
        "Log",
    ]


def test_a_repeat_is_answered_where_policies_allow_its_model() -> None:
    play = repeated(settings=policed("anthropic/*"))
    play.on(Begin, Replay(KEPT))
    send, _ = play.sent_and_logged()
    assert send.body == KEPT.body


@pytest.mark.parametrize(
    ("reply", "code", "status"),
    [
        (Wait(), "idempotency_in_progress", 409),
        (Mismatch(), "idempotency_mismatch", 422),
        (Lost(), "idempotency_interrupted", 409),
        (Unavailable("disk"), "budget_store_unavailable", 503),
    ],
)
def test_a_repeat_that_cannot_be_answered_is_refused_and_ends_nothing(reply: Any, code: str, status: int) -> None:
    play = repeated()
    play.on(Begin, reply)
    found, send, _ = refused(play)
    assert (found, send.status) == (code, status) and "Finish" not in play.told


def test_what_was_certainly_not_billed_may_run_anew() -> None:
    play = repeated()
    play.on(Begin, Fresh())
    play.held()
    play.on(Forward, NotSent("upstream_unreachable", "no", 1))
    finish = play.on(Release, None)
    assert isinstance(finish, Finish) and (finish.kept, finish.lost) == (None, False)


@pytest.mark.parametrize("model", ["openai/gpt-4o-mini", "openai/never-heard-of-it"])
def test_what_may_have_been_billed_and_has_no_answer_is_lost(model: str) -> None:
    play = repeated(settings={"budgets": []}, body={**CHAT, "model": model})
    play.on(Begin, Fresh())
    play.held()
    play.on(Forward, NoAnswer("upstream_timeout", "silence", 1))
    finish = play.on(Settle, None)
    assert isinstance(finish, Finish) and (finish.kept, finish.lost) == (None, True)


def test_a_stream_whose_caller_has_left_is_lost() -> None:
    play = repeated(body={**CHAT, "stream": True, "max_tokens": 100})
    play.on(Begin, Fresh())
    play.held()
    taken(play.on(Forward, OK_STREAM), b"data: 1\n\n")
    play.on(Relay, whole(streamed=True, reason="client_gone"))
    while not isinstance(play.command, Log):
        play.on(type(play.command), None)
    finish = play.on(Log, None)
    assert isinstance(finish, Finish) and finish.lost and finish.kept is None
    play.on(Finish, None)
    assert play.over


def test_a_kept_answer_is_the_answer_of_repeats_too() -> None:
    play = Playbook(world.snapshot(**CACHED), handling=REPEATED)
    play.authenticated()
    play.on(Begin, Fresh())
    finish = play.on(Lookup, KEPT)
    assert isinstance(finish, Finish) and finish.kept is KEPT
    play.on(Finish, None)
    assert play.on(Send, Sent(1)).record.cached


def test_two_callers_or_two_keys_are_never_each_others_repeat() -> None:
    def key(**asked: Any) -> bytes:
        play = Playbook(world.snapshot(), **{"handling": REPEATED, **asked})
        play.authenticated()
        return play.command.key

    assert key() == key() != key(handling=Handling(idempotency_key="twice"))
    first = Playbook(world.snapshot(), handling=REPEATED)
    first.authenticated()
    other = Playbook(world.snapshot(), handling=REPEATED, body={**CHAT, "n": 1})
    other.authenticated()
    assert first.command.key == other.command.key and first.command.fingerprint != other.command.fingerprint


@pytest.mark.parametrize("key", ["", "a" * 256, "é"])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    play = Playbook(handling=Handling(idempotency_key=key))
    play.authenticated()
    code, send, _ = refused(play)
    assert code == "idempotency_invalid" and "idempotency-key" in json.loads(send.body)["error"]["message"]


def test_a_refusal_by_a_budget_is_forgotten_so_that_a_repeat_may_ask_again() -> None:
    play = repeated(settings=budget())
    play.on(Begin, Fresh())
    play.refused_by(0, spent=10**9)
    assert isinstance(play.command, Finish) and not play.command.lost
    play.on(Finish, None)
    assert refused(play)[0] == "budget_exceeded" and play.told.count("Reserve") == 1

"""Rate limits on the road of a request: counted once, put right with what was really used."""

import json
from typing import Any

import pytest
import world
from playbook import CHAT, OK, refused, whole
from roads import MINI, NANO, Road, chain, tries

from tollway.exchange.steps import (
    Corrected,
    Forward,
    Head,
    Log,
    NoAnswer,
    NotSent,
    Pause,
    Read,
    Release,
    Reserve,
    Send,
    Sent,
    Settle,
)
from tollway.usage import Usage


def limit(**fields: Any) -> dict[str, Any]:
    return {"budgets": [], "rate_limits": [{"name": "pace", "window_s": 60, **fields}]}


def road(settings: dict[str, Any], **asked: Any) -> Road:
    play = Road(world.snapshot(**settings), **{"body": {**CHAT, "max_tokens": 50}, **asked})
    play.authenticated()
    return play


def corrected(play: Road) -> list[int | None]:
    """What the limits are told in the end."""
    if isinstance(play.command, Send):
        play.on(Send, Sent(1))
    play.on(Log, None)
    told: list[int | None] = []
    while not play.over:
        told.append(play.command.tokens)
        play.on(Corrected, None)
    return told


def used(play: Road) -> list[int]:
    return [standing.used for one in play.admissions for standing in one.standings]


def test_a_request_is_counted_once_whatever_is_tried() -> None:
    play = road({**limit(requests=9), **chain(NANO, MINI)}, handling=tries(2), body={**CHAT, "model": "dynamic/x"})
    play.fails()
    play.on(Pause, None)
    play.fails()
    play.answers()
    play.sent_and_logged()
    assert (len(play.forwards), play.told.count("Admit"), used(play)) == (3, 1, [1])


def test_a_limit_of_one_model_counts_when_that_model_is_tried() -> None:
    limits = {"budgets": [], "rate_limits": [
        {"name": "all", "window_s": 60, "requests": 9},
        {"name": "mini", "window_s": 60, "requests": 9, "where": {"model": MINI}},
    ]}  # fmt: skip
    play = road({**limits, **chain(NANO, MINI)}, body={**CHAT, "model": "dynamic/x"})
    play.fails()
    assert [[claim.limit.name for claim in one.claims] for one in play.admissions] == [["all"], ["mini"]]


def test_a_limit_that_is_reached_answers_429_names_itself_and_says_when_to_come_back() -> None:
    play = Road(world.snapshot(**limit(requests=1)), body=CHAT)
    play.authenticated()
    play.answers()
    play.sent_and_logged()
    again = Road(world.snapshot(**limit(requests=1)), body=CHAT)
    again.counters = play.counters
    again.authenticated()
    code, send, record = refused(again)
    said = dict(send.headers)
    assert (code, send.status) == ("rate_limited", 429)
    assert said[b"retry-after"] == b"60" and said[b"x-should-retry"] == b"true"
    assert said[b"ratelimit"] == b'"pace";r=0;t=60' and said[b"ratelimit-policy"] == b'"pace";q=1;w=60'
    assert json.loads(send.body)["error"]["type"] == "rate_limit_error"
    assert (record.decisions[-1].step, record.decisions[-1].rule) == ("rate", "pace")
    assert "Reserve" not in again.told


def test_a_fallback_is_not_limited_by_what_limits_the_first_model_alone() -> None:
    limits = {"budgets": [], "rate_limits": [{"name": "n", "window_s": 60, "requests": 1, "where": {"model": NANO}}]}
    settings, body = {**limits, **chain(NANO, MINI)}, {**CHAT, "model": "dynamic/x"}
    play = road(settings, body=body)
    play.answers()
    play.sent_and_logged()
    again = Road(world.snapshot(**settings), body=body)
    again.counters = play.counters
    again.authenticated()
    again.answers()
    send, record = again.sent_and_logged()
    assert again.called == [MINI] and b"ratelimit" not in dict(send.headers), "what limits the other model is no matter"
    assert [d.detail.partition(":")[0] for d in record.decisions if d.code == "passed_over"] == [
        f"{NANO} (rate_limited)"
    ]


def test_the_headers_of_an_answer_tell_what_is_left_and_drop_the_providers_own() -> None:
    play = road(limit(requests=3))
    play.held()
    theirs = ((b"ratelimit", b'"default";r=1;t=1'), (b"ratelimit-policy", b'"default";q=1;w=1'))
    play.on(Forward, Head(200, (*OK.headers, *theirs, (b"x-ratelimit-limit-requests", b"9")), False, 1))
    play.on(Read, whole(raw=b"{}"))
    send = play.on(Settle, None)
    assert [value for name, value in send.headers if name == b"ratelimit"] == [b'"pace";r=2;t=60']
    assert [value for name, value in send.headers if name == b"ratelimit-policy"] == [b'"pace";q=3;w=60']
    assert dict(send.headers)[b"x-ratelimit-limit-requests"] == b"9", "that is about the provider"


def test_a_watching_limit_refuses_nothing_and_is_noted() -> None:
    play = road(limit(requests=1, mode="monitor"))
    play.answers()
    play.sent_and_logged()
    again = Road(world.snapshot(**limit(requests=1, mode="monitor")), body=CHAT)
    again.counters = play.counters
    again.authenticated()
    again.answers()
    _, record = again.sent_and_logged()
    assert [(d.step, d.rule) for d in record.decisions if d.code == "would_refuse"] == [("rate", "pace")]


def test_tokens_are_put_right_with_what_was_really_used() -> None:
    play = road(limit(tokens=9_999))
    assert used(play) == [play.admissions[0].tokens] and play.admissions[0].tokens >= 50
    play.answers()
    assert corrected(play) == [30]


def test_the_tokens_of_all_tries_count() -> None:
    play = road(limit(tokens=9_999), handling=tries(2))
    play.held()
    play.on(Forward, OK)
    broke = whole(Usage(input_tokens=20, output_tokens=3), reason="broken_off")
    play.on(Read, broke)
    settle = play.command
    play.on(Settle, None)
    play.on(Pause, None)
    play.answers()
    expected = [] if settle.entry.usage is None else [53]
    assert corrected(play) == expected


def call(max_tokens: int, model: str = MINI, attempts: int = 1) -> Any:
    return world.request({**CHAT, "model": model, "max_tokens": max_tokens}, handling=tries(attempts))


def test_a_larger_step_counts_the_tokens_that_it_has_more_and_no_request() -> None:
    play = road(limit(tokens=9_999, requests=9), calls=[call(50), call(900), call(200)])
    first = play.admissions[0].tokens
    play.fails()
    play.fails()
    assert [one.tokens for one in play.admissions] == [first, 850]
    by_unit = {standing.unit: standing.used for one in play.admissions for standing in one.standings}
    assert by_unit == {"requests": 1, "tokens": first + 850}
    play.answers()
    told = corrected(play)
    assert told == [30, 0], "all of it is the first's"
    for one, tokens in zip(play.admissions, told, strict=True):
        play.counters.tokens(one, tokens or 0, world.NOW)
    limits = play.snapshot.rates_of["default"]
    assert [(use.requests, use.tokens) for use in play.counters.busiest(limits[0], world.NOW, 1)] == [(1, 30)]


def test_a_larger_step_waits_for_the_limit_and_a_smaller_one_behind_it_does_not() -> None:
    settings = limit(tokens=1_500)
    before = Road(world.snapshot(**settings), body={**CHAT, "max_tokens": 600})
    before.authenticated()
    play = Road(world.snapshot(**settings), calls=[call(50), call(1_000), call(60)])
    play.counters = before.counters
    play.authenticated()
    play.fails()
    assert play.told.count("Forward") == 1 and isinstance(play.command, Reserve), "the third step's turn"
    play.answers()
    play.on(Send, Sent(1))
    record = play.command.record
    assert [d.detail.partition(" ")[2][:14] for d in record.decisions if d.code == "passed_over"][1:] == [
        "(rate_limited)"
    ]


def test_a_step_that_can_never_fit_is_told_so_though_the_first_did() -> None:
    play = road(limit(tokens=500), calls=[call(50), call(490)])
    play.fails()
    send = play.command
    assert (dict(send.headers)[b"tollway-error"], send.status) == (b"rate_unreachable", 422)


def test_an_error_of_the_provider_has_used_no_tokens() -> None:
    play = road(limit(tokens=9_999))
    play.fails(Head(400, (), False, 1))
    assert corrected(play) == [0]


def test_what_was_never_sent_is_given_back() -> None:
    play = road(limit(tokens=9_999))
    play.held()
    play.on(Forward, NotSent("upstream_unreachable", "no", 1))
    play.on(Release, None)
    assert corrected(play) == [None]


@pytest.mark.parametrize("ending", ["no answer", "no usage"])
def test_what_nobody_knows_stays_as_it_was_expected(ending: str) -> None:
    play = road(limit(tokens=9_999), handling=tries(1))
    play.held()
    if ending == "no answer":
        play.on(Forward, NoAnswer("upstream_timeout", "silence", 1))
    else:
        play.on(Forward, OK)
        play.on(Read, whole(None, raw=b"{}"))
    while isinstance(play.command, Settle):
        play.on(Settle, None)
    assert corrected(play) == []


def test_a_limit_of_requests_alone_is_corrected_by_nothing() -> None:
    play = road(limit(requests=9))
    play.answers()
    assert corrected(play) == []


def test_a_request_that_can_never_fit_is_told_so() -> None:
    play = road(limit(tokens=60))
    code, send, _ = refused(play)
    assert (code, send.status) == ("rate_unreachable", 422) and b"retry-after" not in dict(send.headers)


def test_without_limits_nobody_is_asked() -> None:
    play = road({"budgets": []})
    assert play.told == ["Authenticate", "Reserve"]

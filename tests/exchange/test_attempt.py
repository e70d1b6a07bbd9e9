"""One target, tried: as often as it is worth, and what a try that does not answer leaves behind."""

import json
from typing import Any

import pytest
import world
from playbook import CHAT, JSON, OK, OK_STREAM, USAGE, budget, refused, whole
from roads import CLAUDE, FAILS, NANO, ROUTED, Road, broken, chain, tries

from tollway.exchange.steps import (
    Forward,
    Head,
    Log,
    NoAnswer,
    NotSent,
    Pause,
    Read,
    Relay,
    Release,
    Reserve,
    Send,
    Settle,
)
from tollway.money import dollars
from tollway.usage import Usage


def trying(attempts: int = 3, settings: dict[str, Any] | None = None, **asked: Any) -> Road:
    play = Road(
        world.snapshot(**{"budgets": [], **(settings or {})}), **{"body": CHAT, "handling": tries(attempts), **asked}
    )
    play.authenticated()
    return play


def paused(play: Road) -> int:
    assert isinstance(play.command, Pause), play.command
    delay_ms: int = play.command.delay_ms
    play.on(Pause, None)
    return delay_ms


def test_a_target_that_fails_for_a_moment_is_tried_again_after_a_pause_that_grows() -> None:
    play = trying()
    play.fails()
    first = paused(play)
    play.fails()
    second = paused(play)
    play.answers()
    _, record = play.sent_and_logged()
    assert 500 <= first <= 1_000 and 1_000 <= second <= 2_000
    assert [one.reservation.id.rpartition(".")[2] for one in play.forwards] == ["1", "2", "3"]
    assert [(a.number, a.outcome) for a in record.attempts] == [(1, "rejected"), (2, "rejected"), (3, "answered")]


def test_a_retry_is_no_step_of_the_road() -> None:
    play = trying(2)
    play.fails()
    paused(play)
    play.answers()
    send, record = play.sent_and_logged()
    assert b"tollway-step" not in dict(send.headers)
    assert not [d for d in record.decisions if d.code == "passed_over"]


def test_after_the_last_try_the_providers_own_error_goes_to_the_caller() -> None:
    play = trying(2)
    play.fails()
    paused(play)
    play.fails(Head(529, (*JSON, (b"retry-after", b"7")), False, 1), b'{"type": "overloaded"}')
    send, record = play.sent_and_logged()
    assert (send.status, send.body) == (529, b'{"type": "overloaded"}')
    assert (b"retry-after", b"7") in send.headers
    assert (record.status, record.code) == (529, "upstream_error")


def test_what_would_fail_again_is_not_tried_again() -> None:
    play = trying()
    play.fails(Head(400, JSON, False, 1), b'{"error": "bad"}')
    send, _ = play.sent_and_logged()
    assert (send.status, len(play.forwards)) == (400, 1)


def test_a_provider_is_left_alone_for_as_long_as_it_asks() -> None:
    play = trying()
    play.fails(Head(429, (*JSON, (b"retry-after", b"12")), False, 1))
    assert paused(play) == 12_000


def test_a_provider_that_asks_for_more_than_a_minute_is_not_waited_for() -> None:
    play = trying()
    play.fails(Head(429, (*JSON, (b"retry-after", b"61")), False, 1))
    send, _ = play.sent_and_logged()
    assert send.status == 429 and len(play.forwards) == 1


@pytest.mark.parametrize("reply", [NotSent("upstream_unreachable", "no", 1), NoAnswer("upstream_timeout", "no", 1)])
def test_a_provider_that_is_not_reached_or_says_nothing_is_tried_again(reply: Any) -> None:
    play = trying(2)
    play.held()
    play.on(Forward, reply)
    play.on(type(play.command), None)
    paused(play)
    play.answers()
    _, record = play.sent_and_logged()
    assert [a.outcome for a in record.attempts] == [
        "not_sent" if isinstance(reply, NotSent) else "no_answer",
        "answered",
    ]


def test_what_was_refused_here_is_not_tried_again() -> None:
    play = trying(settings=budget())
    play.refused_by(0, spent=10**9)
    assert refused(play)[0] == "budget_exceeded" and play.told.count("Reserve") == 1


def test_each_try_holds_its_own_money_and_what_was_presumed_of_one_is_no_part_of_the_next() -> None:
    play = trying(2, budget())
    first = play.command.reservation
    play.held()
    settle = play.on(Forward, NoAnswer("upstream_timeout", "silence", 1))
    assert settle.entry.charge.amount == first.bound and settle.entry.attempt == 1
    play.on(Settle, None)
    paused(play)
    second = play.command.reservation
    assert (second.id, second.attempt, second.bound) == (f"{play.request.id}.2", 2, first.bound)


def test_a_cap_that_one_try_was_given_is_not_told_of_the_next() -> None:
    play = trying(2, budget(), body={**CHAT, "max_tokens": 4_000})
    limit = play.command.reservation.holds[0].limit
    play.refused_by(0, spent=limit - 1_500_000)
    play.fails()
    paused(play)
    play.answers()
    send, _ = play.sent_and_logged()
    assert b"tollway-max-tokens" not in dict(send.headers)


def test_only_tries_before_the_last_have_the_timeout() -> None:
    play = trying(2, handling=tries(2, timeout_ms=250))
    play.held()
    assert play.command.timeout_ms == 250
    play.on(Forward, NotSent("upstream_unreachable", "no", 1))
    play.on(Release, None)
    paused(play)
    play.held()
    assert play.command.timeout_ms is None


def test_more_tries_than_anybody_gets_still_have_a_last_one() -> None:
    play = trying(50, handling=tries(50, timeout_ms=250))
    for _ in range(4):
        play.fails()
        paused(play)
    play.held()
    assert play.command.timeout_ms is None
    play.on(Forward, FAILS)
    play.on(Read, whole(None))
    assert isinstance(play.on(Release, None), Send)


def test_an_answer_that_breaks_off_was_perhaps_billed_and_is_tried_again() -> None:
    play = trying(2)
    play.held()
    play.on(Forward, OK)
    settle = play.on(Read, broken())
    assert isinstance(settle, Settle) and settle.entry.charge.amount > 0
    play.on(Settle, None)
    paused(play)
    play.answers()
    send, record = play.sent_and_logged()
    assert [a.outcome for a in record.attempts] == ["broken_off", "answered"]
    assert all(a.cost for a in record.attempts)
    # The header tells what the log does: both tries.
    assert record.charge is not None
    assert dict(send.headers)[b"tollway-cost-usd"] == dollars(record.charge.amount).encode()


def test_an_answer_that_breaks_off_for_good_is_a_refusal() -> None:
    play = trying(1)
    play.held()
    play.on(Forward, OK)
    play.on(Read, broken("too_long"))
    play.on(Settle, None)
    code, send, _ = refused(play)
    assert (code, send.status) == ("upstream_timeout", 504)


def test_nobody_knows_what_an_unanswered_try_of_an_unpriced_model_cost() -> None:
    play = trying(1, body={**CHAT, "model": "openai/never-heard-of-it"})
    play.held()
    settle = play.on(Forward, NoAnswer("upstream_timeout", "silence", 1))
    assert settle.entry.kind == "unpriced"
    play.on(Settle, None)
    _, _, record = refused(play)
    assert record.charge is None and record.attempts[0].cost is None


def test_a_caller_that_leaves_while_it_waits_is_not_sent_for() -> None:
    play = trying(3)
    play.fails()
    paused(play)
    play.held()
    play.on(Forward, NotSent("upstream_unreachable", "The caller left.", 1, gone=True))
    log = play.on(Release, None)
    assert isinstance(log, Log), "there is nobody to be told"
    assert (log.record.status, log.record.code, log.record.attempts[-1].code) == (499, "client_gone", "client_gone")


def test_a_caller_that_leaves_before_the_provider_answers_is_one_that_left_and_is_presumed() -> None:
    play = trying(3)
    play.held()
    settle = play.on(Forward, NoAnswer("upstream_timeout", "The caller left.", 1, gone=True))
    assert settle.entry.charge.basis == "presumed"
    log = play.on(Settle, None)
    assert isinstance(log, Log)
    assert (log.record.status, log.record.code, log.record.attempts[-1].outcome) == (499, "client_gone", "no_answer")


BUSY = b'{"error": {"message": "overloaded", "code": 503}}'


def erring(play: Road, failed: int = 503, **fields: Any) -> Any:
    """An error of status 200, as the driver has found it out; what is commanded then."""
    play.held()
    play.on(Forward, Head(200, (*JSON, (b"content-encoding", b"gzip")), False, 1))
    return play.on(Read, whole(**{"usage": None, "raw": BUSY, "failed": failed, **fields}))


def test_an_error_that_calls_itself_an_answer_costs_nothing_and_has_its_own_status() -> None:
    play = trying(1)
    assert isinstance(erring(play), Release)
    play.on(Release, None)
    send, record = play.sent_and_logged()
    assert (send.status, send.body) == (503, BUSY)
    assert b"content-encoding" not in dict(send.headers), "it was decoded to be looked at"
    assert (record.status, record.code, record.attempts[0].outcome) == (503, "upstream_error", "rejected")


def test_an_error_that_calls_itself_an_answer_is_tried_again_and_fallen_back_from() -> None:
    play = trying(2)
    erring(play)
    play.on(Release, None)
    paused(play)
    play.answers()
    play.sent_and_logged()
    play = Road(world.snapshot(budgets=[], **chain(NANO, CLAUDE)))
    play.authenticated()
    erring(play, failed=402)
    play.on(Release, None)
    assert play.command.reservation.attempt == 2, "the next target is held for"


@pytest.mark.parametrize("usage", [USAGE, Usage(input_tokens=20)])
def test_an_error_that_tells_its_usage_is_billed_by_that(usage: Usage) -> None:
    play = trying(1)
    settle = erring(play, usage=usage)
    assert isinstance(settle, Settle)
    assert settle.entry.charge.amount > 0
    play.on(Settle, None)
    send, _ = play.sent_and_logged()
    assert send.status == 503


TRANSLATED = {**ROUTED, "model": CLAUDE}


def answered(said: bytes, head: Head = OK, **asked: Any) -> Road:
    """A translated call, read to the end."""
    play = trying(1, **{"body": TRANSLATED, **asked})
    play.held()
    read = play.on(Forward, head)
    assert isinstance(read, Read) and read.plain, "it is read here, so it must not be compressed"
    play.on(Read, whole(USAGE if head.status < 400 else None, raw=said))
    return play


def test_an_error_of_another_api_is_put_into_the_callers_words() -> None:
    body = b'{"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}'
    play = answered(body, Head(529, (*JSON, (b"content-encoding", b"br")), False, 1))
    play.on(Release, None)
    send, _ = play.sent_and_logged()
    said = json.loads(send.body)
    assert send.status == 529 and said["error"]["message"] == "busy" and "type" not in said
    assert b"content-encoding" not in dict(send.headers)


@pytest.mark.parametrize(
    "body", [b"<html>no</html>", b'{"type": "error", "error": {"type": "api_error", "message": "no"}}', b"", b"[]"]
)
def test_an_answer_that_is_an_error_whatever_its_status_says_is_one_to_the_caller(body: bytes) -> None:
    play = answered(body)
    play.on(Settle, None)
    send, record = play.sent_and_logged()
    assert send.status >= 400 and "error" in json.loads(send.body)
    assert record.code == "upstream_error"


def test_a_stream_of_another_api_is_relayed_in_the_callers_words() -> None:
    play = trying(1, body={**TRANSLATED, "stream": True})
    play.held()
    relay = play.on(Forward, OK_STREAM)
    assert isinstance(relay, Relay) and relay.translation is not None
    assert [value for name, value in relay.headers if name == b"content-type"] == [b"text/event-stream; charset=utf-8"]
    play.on(Relay, whole(streamed=True))
    log = play.on(Settle, None)
    assert isinstance(log, Log)


def test_what_cannot_be_carried_and_only_tunes_the_answer_is_named_in_a_header() -> None:
    body = b'{"type":"message","id":"m","role":"assistant","content":[],"model":"c","usage":{"input_tokens":1,"output_tokens":1}}'
    play = answered(body, body={**TRANSLATED, "seed": 7})
    play.on(Settle, None)
    send, _ = play.sent_and_logged()
    assert dict(send.headers)[b"tollway-not-carried"] == b"seed"


def test_a_route_to_one_model_retries_as_its_element_says() -> None:
    play = Road(world.snapshot(budgets=[], **chain(NANO, retries=1)))
    play.authenticated()
    play.fails()
    assert isinstance(play.command, Pause)
    play.on(Pause, None)
    assert isinstance(play.command, Reserve)


def test_an_error_that_says_it_is_an_answer_has_its_own_status_and_is_not_billed() -> None:
    play = trying(1, body={**CHAT, "model": CLAUDE})
    said = b'{"type":"error","error":{"type":"rate_limit_error","message":"Too many."}}'
    play.fails(OK, said)
    send, record = play.sent_and_logged()
    assert send.status >= 429 and json.loads(send.body)["error"]["message"] == "Too many."
    assert (record.status, record.code) == (send.status, "upstream_error")


def test_what_is_no_answer_of_the_api_is_an_error_and_presumed() -> None:
    play = trying(1, body={**CHAT, "model": CLAUDE})
    play.held()
    play.on(Forward, OK)
    play.on(Read, whole(None, raw=b"<html>"))
    assert play.command.entry.charge.basis == "presumed" and play.command.entry.charge.amount > 0
    play.on(Settle, None)
    send, _ = play.sent_and_logged()
    assert send.status == 502 and "not a JSON object" in json.loads(send.body)["error"]["message"]

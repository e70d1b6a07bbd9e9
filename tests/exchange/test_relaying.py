"""An answer that comes as a stream: what the caller is sent, and what is taken down of it."""

import json
from typing import Any

import pytest
import world
from playbook import CHAT, EVENTS, OK_STREAM, Playbook, budget, whole
from roads import CLAUDE, ROUTED

from tollway.cache.entry import Tape
from tollway.cache.idempotency import Fresh
from tollway.exchange.keeping_steps import Begin
from tollway.exchange.relaying import in_json
from tollway.exchange.steps import Count, Forward, Head, Log, Pause, Relay, Release, Send, Settle
from tollway.request import Handling

STREAM = {**CHAT, "stream": True, "max_tokens": 100}


def relayed(head: Head = OK_STREAM, settings: dict[str, Any] | None = None, **asked: Any) -> Playbook:
    play = Playbook(world.snapshot(**{"budgets": [], **(settings or {})}), **{"body": STREAM, **asked})
    play.forwarded()
    relay = play.on(Forward, head)
    assert isinstance(relay, Relay)
    return play


def test_nothing_is_taken_down_that_nobody_will_ask_for() -> None:
    assert relayed().command.tape is None and relayed().command.translation is None


def test_what_a_repeat_may_ask_for_is_taken_down() -> None:
    play = Playbook(world.snapshot(budgets=[]), body=STREAM, handling=Handling(idempotency_key="k"))
    play.authenticated()
    play.on(Begin, Fresh())
    play.held()
    assert isinstance(play.on(Forward, OK_STREAM).tape, Tape)


@pytest.mark.parametrize(
    ("reason", "status", "code"),
    [
        ("complete", 200, ""),
        ("client_gone", 499, "client_gone"),
        ("broken_off", 200, "upstream_invalid"),
        ("too_long", 200, "upstream_timeout"),
    ],
)
def test_the_log_says_how_the_stream_ended(reason: str, status: int, code: str) -> None:
    play = relayed()
    play.on(Relay, whole(streamed=True, reason=reason))
    while isinstance(play.command, Settle | Count):
        play.on(type(play.command), None)
    log = play.command
    assert isinstance(log, Log) and (log.record.status, log.record.code) == (status, code)
    assert log.record.attempts[0].outcome == ("answered" if reason == "complete" else reason)


def test_a_stream_in_other_words_has_their_content_type_alone_and_keeps_its_usage() -> None:
    head = Head(200, (*EVENTS, (b"anthropic-organization-id", b"o")), True, 1)
    play = relayed(head, body={**ROUTED, "model": CLAUDE, "stream": True})
    relay = play.command
    assert [name for name, _ in relay.headers].count(b"content-type") == 1
    message = {
        "id": "m",
        "role": "assistant",
        "model": "c",
        "content": [],
        "usage": {"input_tokens": 3, "output_tokens": 1},
    }
    event = json.dumps({"type": "message_start", "message": message}).encode()
    text = b"event: message_start\ndata: " + event + b"\n\n"
    shown = relay.translation.feed(text)
    assert b"event: message_start" not in shown


def test_an_answer_carried_as_a_stream_is_sent_as_a_whole_one() -> None:
    settings = {"gateways": [{"slug": "default", "carry_as_stream": True}], **budget()}
    play = relayed(settings=settings, body={**CHAT, "max_tokens": 10_000})
    relay = play.command
    assert relay.gather is not None
    events = [
        {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
         "choices": [{"index": 0, "delta": {"role": "assistant", "content": "hi"}, "finish_reason": None}]},
        {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
         "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    ]  # fmt: skip
    for event in events:
        relay.gather.feed(b"data: " + json.dumps(event).encode() + b"\n\n")
    relay.gather.feed(b"data: [DONE]\n\n")
    play.on(Relay, whole(streamed=True))
    play.on(Settle, None)
    send, _ = play.sent_and_logged()
    assert isinstance(send, Send) and json.loads(send.body)["choices"][0]["message"]["content"] == "hi"
    assert [value for name, value in send.headers if name == b"content-type"] == [b"application/json"]


def test_a_body_made_anew_has_no_header_that_tells_of_the_old_one() -> None:
    head = Head(
        200,
        (
            (b"content-type", b"text/event-stream"),
            (b"content-encoding", b"gzip"),
            (b"content-length", b"9"),
            (b"cache-control", b"no-cache"),
            (b"x-request-id", b"up"),
        ),
        True,
        1,
    )
    assert in_json(head).headers == ((b"content-type", b"application/json"), (b"x-request-id", b"up"))


def test_a_stream_that_is_an_error_and_nothing_else_costs_nothing() -> None:
    play = relayed()
    release = play.on(Relay, whole(None, streamed=True, reason="broken_off", finished=False, failed=503))
    assert isinstance(release, Release)
    log = play.on(Release, None)
    assert isinstance(log, Log)
    assert (log.record.status, log.record.code, log.record.attempts[0].status) == (200, "upstream_error", 503)


def test_a_carried_stream_that_is_an_error_is_tried_again_and_then_answered_with_its_error() -> None:
    settings = {"gateways": [{"slug": "default", "carry_as_stream": True}], **budget()}
    play = Playbook(world.snapshot(**settings), body={**CHAT, "max_tokens": 10_000}, handling=Handling(max_attempts=2))
    play.authenticated()
    for number in (1, 2):
        play.held()
        relay = play.on(Forward, OK_STREAM)
        relay.gather.feed(b'data: {"error": {"message": "busy", "code": 503}}\n\n')
        play.on(Relay, whole(None, streamed=True, reason="broken_off", finished=False, failed=503))
        play.on(Release, None)
        if number == 1:
            play.on(Pause, None)
    send, record = play.sent_and_logged()
    assert (send.status, json.loads(send.body)["error"]["message"]) == (503, "busy")
    assert [one.outcome for one in record.attempts] == ["rejected", "rejected"]

"""A call that wants a whole answer, carried as a stream and put together again."""

import json
from typing import Any

import world
from playbook import OK, OK_STREAM, Playbook, refused, whole

from tollway.exchange.refusal import Refusal
from tollway.exchange.steps import Forward, Log, Read, Relay, Reserve, Send, Settle
from tollway.usage import Usage

LONG = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 16_000}
CARRIES = {"gateways": [{"slug": "default", "carry_as_stream": True}]}


def carried(**asked: Any) -> Playbook:
    return Playbook(world.snapshot(**CARRIES), **{"body": LONG, **asked})


def pieces(*events: Any) -> bytes:
    return b"".join(b"data: " + (e if isinstance(e, bytes) else json.dumps(e).encode()) + b"\n\n" for e in events)


FIRST = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini",
         "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hel"}}]}  # fmt: skip
REST = {**FIRST, "choices": [{"index": 0, "delta": {"content": "lo"}, "finish_reason": "stop"}]}
USED = {**FIRST, "choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30}}


def relayed(play: Playbook) -> Relay:
    play.forwarded()
    relay = play.on(Forward, OK_STREAM)
    assert isinstance(relay, Relay)
    return relay


def test_it_goes_out_as_a_stream_and_holds_a_chunk_only() -> None:
    play = carried()
    play.authenticated()
    assert isinstance(play.command, Reserve) and all(hold.metered for hold in play.command.reservation.holds)
    forward = play.held()
    assert isinstance(forward, Forward)
    sent = json.loads(forward.body)
    assert sent["stream"] is True and sent["stream_options"] == {"include_usage": True}


def test_the_caller_has_it_as_a_whole() -> None:
    play = carried()
    relay = relayed(play)
    assert relay.gather is not None
    relay.gather.feed(pieces(FIRST, REST, USED, b"[DONE]"))
    assert isinstance(play.on(Relay, whole(Usage(input_tokens=20, output_tokens=10), streamed=True)), Settle)
    send = play.on(Settle, None)
    assert isinstance(send, Send)
    answer = json.loads(send.body)
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"]["content"] == "Hello"
    headers = dict(send.headers)
    assert headers[b"content-type"] == b"application/json" and headers[b"tollway-cost-usd"] == b"0.000009"


def test_what_passes_the_budget_is_refused_as_a_whole_and_settled() -> None:
    play = carried()
    relay = relayed(play)
    assert relay.gather is not None
    relay.gather.feed(pieces(FIRST))
    over = whole(None, reason="over_budget", streamed=True, finished=False, output_bytes=2_000,
                 refusal=Refusal(code="budget_exceeded", message="spent"))  # fmt: skip
    settle = play.on(Relay, over)
    assert isinstance(settle, Settle) and settle.entry.charge.amount > 0
    play.on(Settle, None)
    code, send, _ = refused(play)
    assert (code, send.status) == ("budget_exceeded", 429)


def test_an_answer_that_broke_off_is_no_answer() -> None:
    play = carried()
    relay = relayed(play)
    assert relay.gather is not None
    relay.gather.feed(pieces(FIRST))
    play.on(Relay, whole(None, reason="broken_off", streamed=True, finished=False, output_bytes=20))
    play.on(Settle, None)
    code, send, _ = refused(play)
    assert (code, send.status) == ("upstream_invalid", 502)


def test_an_error_in_the_stream_is_the_providers_own_answer() -> None:
    play = carried()
    relay = relayed(play)
    assert relay.gather is not None
    relay.gather.feed(pieces({"error": {"message": "overloaded", "type": "server_error", "code": None}}))
    play.on(Relay, whole(None, streamed=True, output_bytes=0))
    play.on(Settle, None)
    send, record = play.sent_and_logged()
    assert send.status >= 400 and b"overloaded" in send.body
    assert record.code == "upstream_error"


def test_a_caller_that_left_is_answered_nothing() -> None:
    play = carried()
    relayed(play)
    play.on(Relay, whole(None, reason="client_gone", streamed=True, finished=False, output_bytes=20))
    log = play.on(Settle, None)
    assert isinstance(log, Log) and log.record.status == 499


def test_a_provider_that_does_not_stream_is_read_as_ever() -> None:
    play = carried()
    play.forwarded()
    assert isinstance(play.on(Forward, OK), Read)


def test_nothing_is_carried_that_the_gateway_does_not_allow_or_that_cannot_be_metered() -> None:
    for play in (
        Playbook(body=LONG),
        carried(body={**LONG, "max_tokens": 100}),
        carried(body={**LONG, "model": "openai/o3"}),
    ):
        sent = json.loads(play.forwarded().body)
        assert "stream" not in sent

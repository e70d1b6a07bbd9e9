"""Large answers of another API: another process puts them into the caller's words."""

import json

import world
from playbook import OK, USAGE, budget, whole
from roads import CLAUDE, ROUTED, Road, tries

from tollway.exchange.steps import Forward, Read, Settle, Unavailable
from tollway.exchange.translate_steps import TranslateBack
from tollway.providers.weight import MOST_BYTES

LARGE = json.dumps(
    {
        "type": "message",
        "id": "m",
        "role": "assistant",
        "model": "c",
        "content": [{"type": "text", "text": "x" * MOST_BYTES}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
).encode()


def answered(said: bytes) -> Road:
    play = Road(world.snapshot(**budget()), body={**ROUTED, "model": CLAUDE}, handling=tries(1))
    play.authenticated()
    play.held()
    play.on(Forward, OK)
    play.on(Read, whole(USAGE, raw=said))
    return play


def test_a_large_answer_is_worded_elsewhere_and_settled_as_ever() -> None:
    play = answered(LARGE)
    asked = play.command
    assert isinstance(asked, TranslateBack) and (asked.status, asked.body) == (200, LARGE)
    settle = play.on(TranslateBack, asked.translation.told(asked.status, asked.body))
    assert isinstance(settle, Settle) and settle.entry.charge.basis == "metered"
    play.on(Settle, None)
    send, _ = play.sent_and_logged()
    assert send.status == 200
    assert json.loads(send.body)["choices"][0]["message"]["content"] == "x" * MOST_BYTES


def test_an_answer_that_nobody_can_word_now_is_settled_and_the_caller_told() -> None:
    play = answered(LARGE)
    settle = play.on(TranslateBack, Unavailable("It died."))
    assert isinstance(settle, Settle) and settle.entry.charge.amount > 0
    play.on(Settle, None)
    send, record = play.sent_and_logged()
    assert (send.status, record.code) == (503, "overloaded") and "It died." in json.loads(send.body)["error"]["message"]


def test_a_small_answer_is_worded_here() -> None:
    assert isinstance(answered(LARGE.replace(b"x" * 1_000, b"")).command, Settle)

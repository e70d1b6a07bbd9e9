"""How a request ends for its caller."""

import json

import msgspec
import pytest
import world
from playbook import JSON, whole

from tollway.cache.entry import Kept
from tollway.exchange.closing import Answered, Passed, given_up, refuse, repeatable, replayed, sent
from tollway.exchange.keeping import MOST_REPEATED
from tollway.exchange.keeping_steps import Finish
from tollway.exchange.notes import Repeat
from tollway.exchange.refusal import Refusal
from tollway.exchange.steps import Head, Log, Send, Sent
from tollway.exchange.story import Story
from tollway.exchange.target import Target, choose
from tollway.exchange.told import tells_step
from tollway.money import Money
from tollway.pricing.charge import Charge
from tollway.request import Ask

REFUSAL = Refusal(code="upstream_timeout", message="It said nothing.", retry_after_s=1)
ERROR = Answered(Head(503, JSON, False, 1), whole(None), None, b'{"error": "theirs"}')
GOOD = Answered(Head(200, JSON, False, 1), whole(), Charge(Money(9)), b"{}")


def story(*, repeats: bool = False) -> Story:
    found = Story(world.request())
    target = choose(found.request, Ask(model="openai/gpt-4o-mini"), world.snapshot(), world.NOW)
    assert isinstance(target, Target)
    found.target = target
    found.repeat = Repeat(b"key", b"print") if repeats else None
    return found


def told(steps: object) -> list[object]:
    """All commands; what is sent is taken."""
    found: list[object] = []
    try:
        command = next(steps)  # type: ignore[call-overload]
        while True:
            found.append(command)
            command = steps.send(Sent(5) if isinstance(command, Send) else None)  # type: ignore[attr-defined]
    except StopIteration:
        return found


def test_a_providers_own_error_goes_out_as_it_came() -> None:
    send, log = told(given_up(story(), Passed(refusal=REFUSAL, step="forward", error=ERROR)))
    assert isinstance(send, Send) and isinstance(log, Log)
    assert (send.status, send.body, log.record.code) == (503, b'{"error": "theirs"}', "upstream_error")
    assert b"tollway-cost-usd" not in dict(send.headers)


def test_where_the_provider_had_no_words_the_refusal_has() -> None:
    send, log = told(given_up(story(), Passed(refusal=REFUSAL, step="forward")))
    assert isinstance(send, Send) and isinstance(log, Log)
    assert send.status == 504 and json.loads(send.body)["error"]["message"] == "It said nothing."
    assert (log.record.decisions[-1].step, log.record.decisions[-1].outcome) == ("forward", "deny")


def test_a_caller_that_has_left_is_sent_nothing_and_logged_as_gone() -> None:
    found = story(repeats=True)
    finish, log = told(given_up(found, Passed(refusal=REFUSAL, step="forward", over=True, gone=True)))
    assert isinstance(finish, Finish) and isinstance(log, Log)
    assert (log.record.status, log.record.code, log.record.decisions) == (499, "client_gone", ())


def test_a_repeat_is_told_the_step_that_the_first_was_told() -> None:
    found = story()
    assert not tells_step(story())
    found.stepwise, found.step = True, 2
    assert tells_step(found)
    for step, said in ((2, b"2"), (0, b"0"), (None, None)):
        kept = Kept(status=200, headers=(), body=b"kept", step=step, made_at=0, expires_at=1)
        send, _ = told(replayed(story(), kept, 1, repeat=True))
        assert isinstance(send, Send) and dict(send.headers).get(b"tollway-step") == said


@pytest.mark.parametrize("ending", ["answer", "error", "refusal", "kept"])
def test_whoever_repeats_is_told_before_the_caller_and_once(ending: str) -> None:
    found = story(repeats=True)
    kept = Kept(status=200, headers=(), body=b"kept", made_at=0, expires_at=1)
    steps = {
        "answer": lambda: sent(found, GOOD),
        "error": lambda: sent(found, ERROR),
        "refusal": lambda: refuse(found, "forward", REFUSAL),
        "kept": lambda: replayed(found, kept, 1, repeat=False),
    }[ending]()
    finish, send, _ = told(steps)
    assert isinstance(finish, Finish) and isinstance(send, Send)
    assert (finish.key, finish.fingerprint, finish.lost) == (b"key", b"print", False)
    assert (finish.kept.body if finish.kept is not None else None) == {"answer": b"{}", "kept": b"kept"}.get(ending)
    assert told(repeatable(found, None)) == []


def test_an_error_behind_a_try_that_may_have_been_billed_leaves_its_key_lost() -> None:
    found = story(repeats=True)
    found.settled(Charge(Money(5)))
    finish = told(sent(found, ERROR))[0]
    assert isinstance(finish, Finish) and finish.lost


def test_an_answer_too_large_to_be_given_again_is_lost_to_repeats() -> None:
    found = story(repeats=True)
    found.settled(Charge(Money(5)))
    finish = told(sent(found, msgspec.structs.replace(GOOD, body=bytes(MOST_REPEATED + 1))))[0]
    assert isinstance(finish, Finish) and finish.lost and finish.kept is None


def test_without_a_key_nobody_is_told() -> None:
    assert [type(command) for command in told(sent(story(), GOOD))] == [Send, Log]

"""What is counted of a stream that told no usage, and of a request that does not fit by its bytes."""

from typing import Any

import pytest
import world
from playbook import DAY, EVENTS, Playbook, budget

from tollway.exchange.steps import Count, Ended, Forward, Head, Log, Relay, Reserve, Settle
from tollway.ledger.reservation import Balance, Exhausted
from tollway.pricing.estimate import Quote
from tollway.providers.prompts import Counted
from tollway.providers.shown import Kept
from tollway.usage import Report, Usage

LONG = "word " * 4_000
ASKED = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": LONG}], "max_tokens": 1_000}
STREAM = {**ASKED, "stream": True}
PLAIN = {"providers": {"openai": {"api_key": "sk", "default_tier_is_standard": True}}}
KEPT = Kept(("word " * 100,), "word ", 0, 1)
PER_INPUT, PER_OUTPUT = 150, 600


def cut(**fields: Any) -> Ended:
    values: dict[str, Any] = {
        "reason": "client_gone",
        "report": Report(),
        "output_bytes": 516,
        "finished": False,
        "streamed": True,
        "kept": KEPT,
        "shown_ms": 2_000,
        "unseen_ms": 20,
        "at": world.NOW,
        "at_ns": 2,
        **fields,
    }
    return Ended(**values)


def ended(play: Playbook, reply: Ended) -> Any:
    """As far as the end of the stream."""
    play.forwarded()
    play.on(Forward, Head(200, EVENTS, True, 1))
    return play.on(Relay, reply)


def test_a_cut_stream_is_counted_with_its_prompt_and_charged_so() -> None:
    play = Playbook(world.snapshot(**PLAIN, **budget()), body=STREAM)
    count = ended(play, cut())
    assert isinstance(count, Count)
    assert (count.vocabulary, count.shown, count.request) == ("o200k_base", (*KEPT.texts, "word "), play.request)
    settle = play.on(Count, Counted((101, 2), 4_001, 1, plain=True))
    assert isinstance(settle, Settle)
    charge = settle.entry.charge
    assert charge.basis == "counted"
    # 101 and one for the end; at 51 tokens a second, and half as much again, two in 20 ms; and a character under way.
    assert {line.meter: line.quantity for line in charge.lines} == {"input": 4_001 + 4 + 3, "output": 102 + 2 + 3}


def test_without_anybody_to_count_bytes_are_tokens() -> None:
    play = Playbook(world.snapshot(**PLAIN, **budget()), body=STREAM)
    ended(play, cut(unseen_tokens=7))
    settle = play.on(Count, None)
    assert {line.meter: line.quantity for line in settle.entry.charge.lines}["output"] == 516 + 100 + 7


@pytest.mark.parametrize(
    ("fields", "output"),
    [
        # A stream that was hardly begun has no pace yet: 400 tokens a second.
        ({"shown_ms": 900}, 102 + 8 + 3),
        # It is made faster than any that is metered: 3,060 tokens a second.
        ({"shown_ms": 50, "unseen_ms": 100}, 102 + 306 + 3),
        # The caller was slow, and what had come was not all looked at.
        ({"behind": True, "unseen_tokens": 300}, 102 + 400),
        # Nothing is in flight of an answer that has ended.
        ({"reason": "complete", "finished": True}, 102),
        # Half an event, and tokens that are no text.
        ({"kept": Kept(KEPT.texts, "word ", 40, 1), "reason": "complete", "finished": True}, 142),
        # A count is never above the bytes.
        ({"kept": Kept(KEPT.texts, "", 999, 1), "reason": "complete", "finished": True}, 516),
        # However long it was silent, no more was in flight than without a count.
        ({"unseen_ms": 60_000}, 102 + 100),
    ],
)
def test_what_may_have_been_made_and_not_seen_is_added(fields: dict[str, Any], output: int) -> None:
    play = Playbook(world.snapshot(**PLAIN, **budget()), body=STREAM)
    ended(play, cut(**fields))
    settle = play.on(Count, Counted((101, 2), 4_001, 1, plain=True))
    assert {line.meter: line.quantity for line in settle.entry.charge.lines}["output"] == output


@pytest.mark.parametrize(
    ("asked", "reply"),
    [
        ({"body": STREAM}, cut(kept=None)),
        ({"body": {**STREAM, "model": "openai/o3"}}, cut()),
        ({"body": {**STREAM, "service_tier": "priority"}}, cut()),
        ({"body": STREAM}, cut(reason="complete", finished=True, report=Report(usage=Usage(input_tokens=9, output_tokens=9)))),
    ],
    ids=["not kept", "it may reason unseen", "dearer than plain text", "told"],
)  # fmt: skip
def test_what_text_does_not_tell_is_not_counted(asked: dict[str, Any], reply: Ended) -> None:
    play = Playbook(world.snapshot(**PLAIN, **budget()), **asked)
    assert isinstance(ended(play, reply), Settle)


def test_input_that_was_told_stays_as_it_was_told() -> None:
    body = {"model": "anthropic/claude-3-5-haiku-latest", "max_tokens": 900, "stream": True, "messages": []}
    play = Playbook(
        world.snapshot(**budget()), body=body, api="anthropic.messages", dialect="anthropic", path="/v1/messages"
    )
    count = ended(play, cut(report=Report(usage=Usage(input_tokens=33))))
    assert (count.vocabulary, count.request) == ("claude", None)
    settle = play.on(Count, Counted((180, 3)))
    assert {line.meter: line.quantity for line in settle.entry.charge.lines}["input"] == 33


# Before refusing.


def refused_for(play: Playbook, left: int) -> Any:
    """The reservation is refused; so much is left of a dollar."""
    hold = play.command.reservation.holds[0]
    return play.on(Reserve, Exhausted(0, Balance(hold.account, hold.limit - left, 0, hold.limit), False))


def test_a_request_that_does_not_fit_by_its_bytes_is_counted_and_tried_again() -> None:
    play = Playbook(world.snapshot(**PLAIN, **budget()), body=ASKED)
    play.authenticated()
    before = play.command.reservation.bound
    count = refused_for(play, before // 2)
    assert isinstance(count, Count) and count.shown == () and count.request is play.request
    again = play.on(Count, Counted((), 4_001, 1, plain=True))
    assert isinstance(again, Reserve)
    # 20,000 bytes and more became the text's tokens and the marks that the bound by bytes has too.
    bytes_bound = before - 1_000 * PER_OUTPUT
    assert again.reservation.bound == (4_001 + 8 + 64) * PER_INPUT + 32 + 1_000 * PER_OUTPUT < bytes_bound
    assert isinstance(play.held(), Forward)


def test_the_cap_is_lowered_where_the_tokens_do_not_fit_either() -> None:
    play = Playbook(world.snapshot(**PLAIN, **budget()), body=ASKED)
    play.authenticated()
    left = (4_001 + 8 + 64) * PER_INPUT + 32 + 300 * PER_OUTPUT
    refused_for(play, left)
    play.on(Count, Counted((), 4_001, 1, plain=True))
    clamped = refused_for(play, left)
    assert isinstance(clamped, Reserve)
    assert clamped.reservation.bound == left
    assert play.held().request is play.request


@pytest.mark.parametrize(
    "reply",
    [None, Counted(()), Counted((), 4_001, 1, plain=False), Counted((), 10**6, 1, plain=True)],
    ids=["nobody counts", "it cannot be read", "not only text", "no fewer than bytes"],
)
def test_a_count_that_bounds_nothing_leaves_the_refusal_as_it_is(reply: Counted | None) -> None:
    play = Playbook(world.snapshot(**PLAIN, **budget()), body=ASKED)
    play.authenticated()
    refused_for(play, play.command.reservation.bound // 2)
    play.on(Count, reply)
    assert "budget_exceeded" in str(play.command.body)


def test_an_estimate_is_enough_for_a_budget_that_holds_what_is_expected() -> None:
    play = Playbook(world.snapshot(**PLAIN, **budget(guarantee="expected")), body=ASKED)
    play.authenticated()
    refused_for(play, play.command.reservation.holds[0].amount - 1)
    # By its bytes it fits with a smaller cap, so nobody counts.
    assert isinstance(play.command, Count | Reserve)
    if isinstance(play.command, Count):
        assert isinstance(play.on(Count, Counted((), 4_001, 1, plain=False)), Reserve)


def test_a_metered_stream_may_begin_with_an_estimate_but_is_never_held_whole_by_one() -> None:
    play = Playbook(world.snapshot(**PLAIN, **budget()), body={**STREAM, "max_tokens": 16_000})
    play.authenticated()
    assert play.command.reservation.holds[0].metered
    left = 4_001 * PER_INPUT + 600 * PER_OUTPUT
    command = refused_for(play, left)
    assert isinstance(command, Count)
    again = play.on(Count, Counted((), 4_001, 1, plain=False))
    assert again.reservation.holds[0].metered
    # Its beginning does not fit either: what would be left to hold is not held by an estimate.
    refused_for(play, left)
    assert "budget_exceeded" in str(play.command.body)


@pytest.mark.parametrize("left", [0, 100, 10**9])
def test_nobody_counts_where_a_count_cannot_help(left: int) -> None:
    play = Playbook(world.snapshot(**PLAIN, **budget()), body=ASKED)
    play.authenticated()
    assert not isinstance(refused_for(play, left), Count)


def test_what_fits_at_first_is_never_counted() -> None:
    play = Playbook(world.snapshot(**PLAIN, **budget()), body=ASKED)
    assert play.forwarded() is not None
    assert "Count" not in play.told


def test_a_tightened_quote_is_smaller_by_its_input_alone() -> None:
    play = Playbook(world.snapshot(**PLAIN, budgets=[{"name": "b", "limit": "1", "window": DAY}]), body=ASKED)
    play.authenticated()
    play.held()
    quote = _quote_of(play)
    smaller = quote.tightened(100)
    assert smaller is not None and smaller.input_tokens == 100
    assert quote.amount - smaller.amount == (quote.input_tokens - 100) * PER_INPUT == quote.floor - smaller.floor
    assert quote.tightened(quote.input_tokens) is None
    assert Log not in map(type, play.commands)


def _quote_of(play: Playbook) -> Quote:
    from tollway.exchange.holding import price
    from tollway.exchange.target import Target, choose
    from tollway.providers.registry import codec_for
    from tollway.request import Ask

    ask = codec_for("openai.chat").read_ask("/", b"", b"application/json", play.request.body)
    assert isinstance(ask, Ask)
    target = choose(play.request, ask, play.snapshot, world.NOW)
    assert isinstance(target, Target)
    quote = price(play.request, ask, target, play.snapshot, world.NOW)
    assert isinstance(quote, Quote)
    return quote

"""Every reply at every step: no path leaves a reservation open, forwards without one, or forgets to answer and log."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import world
from roads import elements, model, rate

from tollway.cache.entry import Kept
from tollway.cache.idempotency import Fresh, Lost, Mismatch, Replay, Wait
from tollway.exchange.authenticate import authenticate
from tollway.exchange.exchange import exchange
from tollway.exchange.keeping_steps import Begin, Finish, Keep, Lookup
from tollway.exchange.recheck import Recheck
from tollway.exchange.refusal import Refusal
from tollway.exchange.steps import (
    Admit,
    Authenticate,
    Booked,
    Command,
    Consult,
    Corrected,
    Count,
    Ended,
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
    Seen,
    Send,
    Sent,
    Settle,
    Unavailable,
    Weighed,
)
from tollway.ledger.reservation import Balance, Exhausted, Gone, Held
from tollway.providers.prompts import Counted
from tollway.rates.counters import Admitted, Counters, Limited
from tollway.request import Handling
from tollway.snapshot import Snapshot
from tollway.usage import Report, Usage

USAGE = Usage(input_tokens=20, output_tokens=10)
LONGEST_PATH = 40
Replies = Callable[[Command, Snapshot], list[Any]]


def replies(command: Command, snapshot: Snapshot) -> list[Any]:
    """Every kind of reply the world may give."""
    match command:
        case Authenticate():
            return [authenticate(command.request, snapshot), Refusal(code="credential_unknown", message="no")]
        case Reserve():
            holds = command.reservation.holds
            balances = tuple(Balance(h.account, 0, h.amount, h.limit) for h in holds)
            found: list[Any] = [
                Held(balances),
                # Half of it was spent before.
                Held(tuple(Balance(h.account, h.limit // 2, h.amount, h.limit) for h in holds)),
                Held(balances, (0,)) if holds else Held(()),
                Unavailable("disk"),
                Gone("released"),
            ]
            if holds:
                hold = holds[-1]
                found += [
                    Exhausted(0, Balance(holds[0].account, holds[0].limit, 0, holds[0].limit), False),
                    Exhausted(len(holds) - 1, Balance(hold.account, 0, hold.limit, hold.limit), True),
                    # Nearly spent: there is room for a smaller answer.
                    Exhausted(
                        0, Balance(holds[0].account, holds[0].limit - hold.amount * 9 // 10, 0, holds[0].limit), False
                    ),
                ]
            return found
        case Recheck():
            limit = Balance("b", 1, 0, 1)
            return [
                Held(()),
                Exhausted(0, limit, False, True),
                Exhausted(0, limit, True),
                Gone("released"),
                Unavailable("disk"),
            ]
        case Forward():
            return [
                Head(200, ((b"content-type", b"application/json"),), False, 1),
                Head(200, ((b"content-type", b"text/event-stream"),), True, 1),
                Head(400, (), False, 1),
                Head(429, (), True, 1),
                Head(500, (), False, 1),
                NotSent("upstream_unreachable", "refused", 1),
                NoAnswer("upstream_timeout", "silence", 1),
            ]
        case Read() | Relay():
            reports = [Report(), Report(usage=USAGE), Report(usage=USAGE, finish_reason="stop")]
            reports.append(Report(usage=Usage(input_tokens=1, cache_read_input_tokens=5, output_tokens=1)))
            return [
                Ended(reason=reason, report=report, at=world.NOW, at_ns=2, output_bytes=40, finished=finished)
                for reason in ("complete", "client_gone", "broken_off", "too_long")
                for report in reports
                for finished in (True, False)
            ] + [
                Ended(
                    reason="over_budget",
                    report=report,
                    at=world.NOW,
                    at_ns=2,
                    output_bytes=40,
                    streamed=True,
                    finished=False,
                    refusal=Refusal(code="budget_exceeded", message="spent"),
                )
                for report in reports
                if isinstance(command, Relay)
            ]
        case Count():
            # Where budgets act there are paths enough: nobody to count is as a count that does not help.
            acting = any(budget.actions for budget in snapshot.budgets)
            return [None] if acting else [None, Counted(tuple(9 for _ in command.shown), 2, 1, plain=True)]
        case Send():
            return [Sent(3)]
        case Settle() | Release() | Log() | Pause():
            return [None]
        case _:
            raise AssertionError(f"{command!r} is not expected where nothing is switched on")


@dataclass
class Told:
    """What was commanded on one path, with the replies."""

    steps: list[tuple[Command, Any]] = field(default_factory=list)

    def commands(self, kind: type) -> list[Any]:
        return [command for command, _ in self.steps if isinstance(command, kind)]


def every_path(snapshot: Snapshot, replies: Replies = replies, **asked: Any) -> Iterator[Told]:
    """Walks the tree of replies, deepest first."""
    pending: list[list[Any]] = [[]]
    while pending:
        prefix = pending.pop()
        told, steps = Told(), exchange(world.request(**asked), snapshot, world.calendar(), world.NOW)
        command = next(steps)
        over = False
        for reply in prefix:
            told.steps.append((command, reply))
            try:
                command = steps.send(reply)
            except StopIteration:
                over = True
                break
        if over:
            yield told
            continue
        assert len(prefix) < LONGEST_PATH, "an exchange ends"
        pending += [[*prefix, reply] for reply in replies(command, snapshot)]


CHAT = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]}
CASES: dict[str, dict[str, Any]] = {
    "chat": {},
    "chat without a cap": {"body": CHAT},
    "chat streamed": {"body": {**CHAT, "stream": True, "max_tokens": 2000}},
    "chat metered": {"body": {**CHAT, "stream": True, "max_tokens": 10_000}},
    "a model without a price": {"body": {**CHAT, "model": "openai/never-heard-of-it"}},
    "no key": {"secret": None},
    "malformed": {"body": b"{"},
    "anthropic": {
        "body": {"model": "anthropic/claude-sonnet-4-5", "max_tokens": 300, "messages": []},
        "api": "anthropic.messages",
        "dialect": "anthropic",
        "path": "/v1/messages",
    },
    "token count": {
        "body": {"model": "anthropic/claude-sonnet-4-5", "messages": []},
        "api": "anthropic.count_tokens",
        "dialect": "anthropic",
        "path": "/v1/messages/count_tokens",
    },
    "another API's model": {"body": {**CHAT, "model": "anthropic/claude-sonnet-4-5"}},
}


ACTIONS = [
    {"at": 1, "do": "warn"},
    {"at": 1, "do": "slow", "delay_ms": 5},
    {"at": 1, "do": "downgrade", "to": "openai/gpt-4.1-nano"},
]


@pytest.mark.parametrize("budgeted", ["budgets", "no budgets", "settled", "monitored", "counted", "acting"])
@pytest.mark.parametrize("case", CASES)
def test_every_path_ends_each_reservation_once_and_answers_once_and_logs_once(case: str, budgeted: str) -> None:
    changes: dict[str, Any] = {
        "budgets": {},
        "no budgets": {"budgets": []},
        "settled": {"budgets": [{"name": "b", "limit": "1", "window": {"period": "day"}, "guarantee": "settled"}]},
        "monitored": {"budgets": [{"name": "b", "limit": "1", "window": {"period": "day"}, "mode": "monitor"}]},
        "counted": {"budgets": [{"name": "b", "limit": "1", "window": {"period": "day"}, "on_unpriced": "count"}]},
        "acting": {"budgets": [{"name": "b", "limit": "1", "window": {"period": "day"}, "actions": ACTIONS}]},
    }[budgeted]
    paths = 0
    for told in every_path(world.snapshot(**changes), **CASES[case]):
        paths += 1
        held = [c.reservation.id for c, reply in told.steps if isinstance(c, Reserve) and isinstance(reply, Held)]
        ended = [c.entry.reservation_id for c in told.commands(Settle)] + [
            c.reservation_id for c in told.commands(Release)
        ]
        assert sorted(held) == sorted(ended), told
        for position, (command, _) in enumerate(told.steps):
            if isinstance(command, Forward):
                before = [
                    c.reservation.id
                    for c, reply in told.steps[:position]
                    if isinstance(reply, Held) and isinstance(c, Reserve)
                ]
                given_back = [c.reservation_id for c, _ in told.steps[:position] if isinstance(c, Release)]
                standing = [held for held in before if held not in given_back]
                assert standing == [command.reservation.id], "forwarded without a hold that stands"
        answered = told.commands(Send) + told.commands(Relay)
        left = any(isinstance(c, Read) and reply.reason == "client_gone" for c, reply in told.steps)
        assert len(answered) == (0 if left else 1), told
        assert len(told.commands(Log)) == 1 and isinstance(told.steps[-1][0], Log), told
    assert paths > 1


def test_what_was_sent_and_not_answered_counts_as_spent() -> None:
    for told in every_path(world.snapshot()):
        if any(isinstance(reply, NoAnswer) for _, reply in told.steps):
            (settled,) = told.commands(Settle)
            (reserved,) = [c for c, reply in told.steps if isinstance(c, Reserve) and isinstance(reply, Held)]
            assert settled.entry.kind == "presumed"
            assert settled.entry.charge.amount == reserved.reservation.bound > 0


def test_no_charge_passes_its_hold_and_no_answer_of_a_priced_model_is_free() -> None:
    for case in ("chat", "chat streamed", "chat metered", "anthropic"):
        for told in every_path(world.snapshot(), **CASES[case]):
            for settled in told.commands(Settle):
                (reserved,) = [c for c, reply in told.steps if isinstance(c, Reserve) and isinstance(reply, Held)]
                assert 0 < settled.entry.charge.amount <= reserved.reservation.bound


def test_a_request_that_waited_once_does_not_wait_again() -> None:
    for told in every_path(world.snapshot(), body={**CHAT, "max_tokens": 2000}):
        waits = [c.wait_s for c in told.commands(Reserve)]
        contended = [
            reply.contended for c, reply in told.steps if isinstance(c, Reserve) and isinstance(reply, Exhausted)
        ]
        for position, was_contended in enumerate(contended):
            if was_contended and position + 1 < len(waits):
                assert waits[position + 1] == 0


# -- with everything switched on: fewer replies to each command, and more commands ------------------------------------

KEPT = Kept(
    status=200, headers=(), body=b"{}", provider="openai", model="m", cost_nanodollars=7, made_at=0, expires_at=9**15
)


def some_replies(command: Command, snapshot: Snapshot) -> list[Any]:
    """One reply of each kind, so that paths over several targets stay countable."""
    match command:
        case Authenticate():
            return [authenticate(command.request, snapshot)]
        case Admit():
            counters = Counters()
            admitted = counters.admit(command.claims, world.NOW, tokens_expected=command.tokens)
            claim = command.claims[0]
            return [admitted, Limited(claim, "requests", 1, 1, 1, 5, world.NOW + 5_000, ())]
        case Weighed():
            return [0, 5_000]
        case Consult():
            return [tuple(Seen() for _ in command.names), tuple(Seen(resting=True) for _ in command.names)]
        case Lookup():
            return [None, KEPT]
        case Begin():
            return [Fresh(), Wait(), Replay(KEPT), Mismatch(), Lost(), Unavailable("disk")]
        case Corrected() | Booked() | Keep() | Finish():
            return [None]
        case Reserve():
            holds = command.reservation.holds
            found: list[Any] = [Held(tuple(Balance(h.account, 0, h.amount, h.limit) for h in holds))]
            if holds:
                found.append(Exhausted(0, Balance(holds[0].account, holds[0].limit, 0, holds[0].limit), False))
            else:
                found.append(Unavailable("disk"))
            return found
        case Forward():
            found = [
                Head(200, ((b"content-type", b"application/json"),), False, 1),
                Head(429, ((b"retry-after", b"1"),), False, 1),
                NotSent("upstream_unreachable", "refused", 1),
                NotSent("upstream_unreachable", "left", 1, gone=True),
                NoAnswer("upstream_timeout", "silence", 1),
                NoAnswer("upstream_timeout", "left", 1, gone=True),
            ]
            if b'"stream": true' in command.request.body or b'"stream":true' in command.request.body:
                found[0] = Head(200, ((b"content-type", b"text/event-stream"),), True, 1)
            return found
        case Read() | Relay():
            return [
                Ended(
                    reason=reason,
                    report=Report(usage=USAGE) if reason == "complete" else Report(),
                    at=world.NOW,
                    at_ns=2,
                    output_bytes=40,
                    raw=b"{}",
                )
                for reason in ("complete", "client_gone", "broken_off")
            ]
        case Count():
            return [None]
        case Send():
            return [Sent(3)]
        case _:
            return [None]


RATED = rate("r", "a", "b", limitType="cost")
LIMITS = {"rate_limits": [{"name": "l", "requests": 9, "tokens": 9_000_000, "window_s": 60}]}
CACHED = {"gateways": [{"slug": "default", "cache": {"ttl_s": 600}}]}
ROUTED = {**CHAT, "model": "dynamic/x", "max_tokens": 100}
BUDGET = {"budgets": [{"name": "b", "limit": "1", "window": {"period": "day"}}]}
ROADS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a try that is made again": ({**BUDGET, **LIMITS}, {"handling": Handling(max_attempts=3, retry_delay_ms=1)}),
    "a rate and two models": (
        {**BUDGET, **elements("r", RATED, model("a", "openai/gpt-4o-mini", "b"), model("b", "openai/gpt-4.1-nano", retries=1))},
        {"body": ROUTED},
    ),
    "a pool": (
        {
            **BUDGET,
            **LIMITS,
            "routes": [
                {
                    "name": "x",
                    "targets": [{"model": "openai/gpt-4o-mini"}, {"model": "anthropic/claude-sonnet-4-5"}],
                }
            ],
        },
        {"body": ROUTED},
    ),
    "a stream of two models": (
        {**BUDGET, **LIMITS, **elements("a", model("a", "openai/gpt-4o-mini", "b"), model("b", "anthropic/claude-sonnet-4-5"))},
        {"body": {**ROUTED, "stream": True}},
    ),
    "a repeat that may be kept": (
        {**BUDGET, **LIMITS, **CACHED, **elements("a", model("a", "openai/gpt-4o-mini", "b"), model("b", "openai/gpt-4.1-nano"))},
        {"body": ROUTED, "handling": Handling(idempotency_key="k")},
    ),
    "a stream that is repeated and kept": (
        {"budgets": [], **CACHED},
        {"body": {**CHAT, "stream": True, "max_tokens": 9}, "handling": Handling(idempotency_key="k", max_attempts=2)},
    ),
    "a repeat of what has no price": (
        {"budgets": [{"name": "b", "limit": "1", "window": {"period": "day"}, "on_unpriced": "count"}]},
        {"body": {**CHAT, "model": "openai/never-heard-of-it"}, "handling": Handling(idempotency_key="k", max_attempts=2)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("road", ROADS)
def test_every_path_over_several_tries_ends_each_once_and_says_so_to_whoever_counts(road: str) -> None:
    settings, asked = ROADS[road]
    paths = 0
    for told in every_path(world.snapshot(**settings), some_replies, **asked):
        paths += 1
        _money(told)
        _answers(told)
        _counts(told)
        _repeats(told)
    assert paths > 10


def _money(told: Told) -> None:
    """Each reservation is ended once, each try that may be billed is an entry of its own, nothing goes out without a hold."""
    held = [c.reservation for c, reply in told.steps if isinstance(c, Reserve) and isinstance(reply, Held)]
    settled = [c.entry for c in told.commands(Settle)]
    ended = [entry.reservation_id for entry in settled] + [c.reservation_id for c in told.commands(Release)]
    assert sorted(one.id for one in held) == sorted(ended), told
    assert len({one.id for one in held}) == len(held) and len({entry.id for entry in settled}) == len(settled)
    for one in held:
        assert one.id == f"{one.request_id}.{one.attempt}"
    standing: list[str] = []
    for command, reply in told.steps:
        match command:
            case Reserve() if isinstance(reply, Held):
                standing.append(command.reservation.id)
            case Settle():
                standing.remove(command.entry.reservation_id)
            case Release():
                standing.remove(command.reservation_id)
            case Forward():
                assert standing == [command.reservation.id], "forwarded without a hold that stands"
            case _:
                pass


def _answers(told: Told) -> None:
    """One answer, one line of the log; nothing is sent to a provider after the caller has had a byte, or has left."""
    (log,) = told.commands(Log)
    answered = [place for place, (command, _) in enumerate(told.steps) if isinstance(command, Send | Relay)]
    left = [
        place
        for place, (_, reply) in enumerate(told.steps)
        if getattr(reply, "gone", False) or getattr(reply, "reason", "") == "client_gone"
    ]
    assert len(answered) == 1 or (left and not answered), told
    forwards = [place for place, (command, _) in enumerate(told.steps) if isinstance(command, Forward)]
    assert all(place < end for place in forwards for end in answered) and all(
        place <= end for place in forwards for end in left
    )
    record = log.record
    numbers = [attempt.number for attempt in record.attempts]
    assert numbers == [command.reservation.attempt for command in told.commands(Forward)]
    charged = {c.entry.attempt: c.entry.charge.amount for c in told.commands(Settle) if c.entry.kind != "unpriced"}
    assert {a.number: a.cost for a in record.attempts if a.cost is not None} == charged
    assert (record.charge.amount if record.charge is not None else 0) == sum(charged.values())
    if record.cached:
        assert record.saved == 7 and not log.record.holds


def _counts(told: Told) -> None:
    """A request is counted once on each limit, and what it used is put right where that is known."""
    admitted = [(c, reply) for c, reply in told.steps if isinstance(c, Admit) and isinstance(reply, Admitted)]
    # A larger try is counted as so many tokens more, and as no other request.
    assert sum(c.requests for c, _ in admitted) <= 1
    first = [30 * len(told.commands(Settle)), *(0 for _ in admitted[1:])][: len(admitted)]
    corrected = told.commands(Corrected)
    entries = [c.entry for c in told.commands(Settle)]
    if not any(not isinstance(reply, NotSent) for c, reply in told.steps if isinstance(c, Forward)):
        assert [c.tokens for c in corrected] == [None for _ in admitted], "nothing was sent, so nothing was used"
    elif any(entry.usage is None for entry in entries):
        assert corrected == [], "what is not known stays as it was expected"
    else:
        assert [c.tokens for c in corrected] == first
    let_through = [c.weigh for c, reply in told.steps if isinstance(c, Weighed) and reply == 0]
    spent = sum(entry.charge.amount for entry in entries)
    booked = [(list(c.weighed), c.nanodollars) for c in told.commands(Booked)]
    assert booked == ([(let_through, spent)] if let_through and spent else [])


def _repeats(told: Told) -> None:
    """Whoever was told to be the first says how it ended, once; a lost answer is never one that was certainly not billed."""
    first = [c for c, reply in told.steps if isinstance(c, Begin) and isinstance(reply, Fresh)]
    finished = told.commands(Finish)
    assert [(c.key, c.fingerprint) for c in finished] == [(c.key, c.fingerprint) for c in first]
    for finish in finished:
        billed = any(c.entry.charge.amount or c.entry.kind == "unpriced" for c in told.commands(Settle))
        assert finish.lost == (billed and finish.kept is None)
        if finish.kept is not None:
            assert finish.kept.status < 400

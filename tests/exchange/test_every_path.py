"""Every reply at every step: no path leaves a reservation open, forwards without one, or forgets to answer and log."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import world

from tollway.exchange.authenticate import authenticate
from tollway.exchange.exchange import exchange
from tollway.exchange.refusal import Refusal
from tollway.exchange.steps import (
    Authenticate,
    Command,
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
    Send,
    Sent,
    Settle,
    Unavailable,
)
from tollway.ledger.reservation import Balance, Exhausted, Gone, Held
from tollway.providers.prompts import Counted
from tollway.snapshot import Snapshot
from tollway.usage import Report, Usage

USAGE = Usage(input_tokens=20, output_tokens=10)
LONGEST_PATH = 20


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


@dataclass
class Told:
    """What was commanded on one path, with the replies."""

    steps: list[tuple[Command, Any]] = field(default_factory=list)

    def commands(self, kind: type) -> list[Any]:
        return [command for command, _ in self.steps if isinstance(command, kind)]


def every_path(snapshot: Snapshot, **asked: Any) -> Iterator[Told]:
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

"""A crowd at one budget: the real exchange and the real ledger under a seeded scheduler, against a provider's own bill.

Every step of every request may be followed by any step of any other. The provider bills what it really did, sees
clients leave, breaks off, fails; its bill may never pass the limit, nor what the ledger says.
"""

import random
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "exchange"))
import world

from tollway.exchange.authenticate import authenticate
from tollway.exchange.exchange import exchange
from tollway.exchange.steps import (
    Authenticate,
    Ended,
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
)
from tollway.ledger.reservation import Held, Reservation
from tollway.pricing.charge import charge
from tollway.providers.registry import codec_for
from tollway.storage.memory import MemoryStore
from tollway.usage import Report, Usage

LIMIT = 20_000_000
"""Two cents: room for a few dozen of these requests."""
REQUESTS = 120
MODEL = "gpt-4o-mini"


def now_of(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that does not wait."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("the memory ledger waited")


class Provider:
    """Does the work, and keeps its own bill."""

    def __init__(self, lots: random.Random, book: Any) -> None:
        self.bill = 0
        self._lots = lots
        self._price = book.price("openai", MODEL, at_ms=world.NOW)

    def work(self, body: bytes) -> tuple[Usage, bool]:
        """What it did, and whether it told."""
        ask = codec_for("openai.chat").read_ask("/v1/chat/completions", b"", b"application/json", body)
        assert ask.max_output_tokens is not None, "a hard budget needs a cap in force"
        # A token is at least one byte of text; the frame adds a few for each message.
        prompt = len(msgspec.json.decode(body)["messages"][0]["content"])
        whole = Usage(
            input_tokens=self._lots.randint(1, prompt + 8),
            output_tokens=self._lots.randint(0, ask.max_output_tokens),
        )
        self.bill += charge(whole, self._price).amount
        return whole, self._lots.random() < 0.9


class Crowd:
    """Requests under way; `step` moves one of them on by one command."""

    def __init__(self, seed: int, ledger: Any = None) -> None:
        self.lots = random.Random(seed)
        self.snapshot = world.snapshot(
            # Its provider bills a stream in full where it is sent, so none may be metered.
            providers={"openai": {"api_key": world.PROVIDER_KEY, "bills_after_disconnect": True}},
            budgets=[
                {"name": "all", "limit": "0.02", "window": {"period": "month"}},
                {
                    "name": "each",
                    "limit": "0.005",
                    "window": {"period": "day"},
                    "split_by": ["metadata.who"],
                    "parent": "all",
                },
            ],
        )
        self.provider = Provider(self.lots, self.snapshot.book)
        self.store = MemoryStore()
        self.ledger = ledger or self.store.ledger
        self.calendar = world.calendar()
        self.waiting: list[tuple[Any, Any]] = []
        self.statuses: list[int] = []
        self.reservations: dict[str, Reservation] = {}
        self.told: dict[int, Usage | None] = {}
        for number in range(REQUESTS):
            body: dict[str, Any] = {
                "model": f"openai/{MODEL}",
                "messages": [{"role": "user", "content": "x" * self.lots.randint(1, 400)}],
            }
            if self.lots.random() < 0.7:
                body["max_tokens"] = self.lots.randint(1, 6000)
            if self.lots.random() < 0.5:
                body["stream"] = True
            request = world.request(body, id=f"r{number}", metadata=f'{{"who":"{self.lots.randint(0, 9)}"}}')
            steps = exchange(request, self.snapshot, self.calendar, world.NOW)
            self.waiting.append((steps, next(steps)))

    def step(self) -> None:
        index = self.lots.randrange(len(self.waiting))
        steps, command = self.waiting[index]
        try:
            self.waiting[index] = (steps, steps.send(self.reply(command, id(steps))))
        except StopIteration:
            self.waiting.pop(index)

    def reply(self, command: Any, who: int) -> Any:
        lots = self.lots
        match command:
            case Authenticate():
                return authenticate(command.request, self.snapshot)
            case Reserve():
                reply = now_of(self.ledger.reserve(command.reservation, world.NOW))
                if isinstance(reply, Held):
                    self.reservations[command.reservation.id] = command.reservation
                return reply
            case Forward():
                fate = lots.random()
                if fate < 0.05:
                    return NotSent("upstream_unreachable", "refused", 1)
                usage, told = self.provider.work(command.body)
                if fate < 0.1:
                    return NoAnswer("upstream_timeout", "silence", 1)
                self.told[who] = usage if told else None
                streamed = b'"stream":true' in command.body
                return Head(200, (), streamed, 1)
            case Read() | Relay():
                # A stream that is cut stops the provider's meter late: what it did was billed at Forward, in full.
                usage = self.told.pop(who)
                report = Report(usage=usage, finish_reason="stop") if usage is not None else Report()
                if usage is None:
                    reason = lots.choice(["complete", "broken_off", "client_gone"])
                    return Ended(
                        reason=reason,
                        report=report,
                        output_bytes=10**6,
                        at=world.NOW,
                        at_ns=2,
                        finished=reason == "complete",
                    )
                return Ended(reason="complete", report=report, at=world.NOW, at_ns=2)
            case Settle():
                self.ledger.settle(command.entry)
            case Release():
                self.ledger.release(command.reservation_id, command.code, world.NOW)
            case Send():
                self.statuses.append(command.status)
                return Sent(3)
            case Log():
                pass
        return None

    def check(self) -> None:
        for reservation in self.reservations.values():
            for hold, balance in zip(reservation.holds, self.store.ledger.balances(reservation.holds), strict=True):
                assert balance.spent + balance.held <= hold.limit, f"{balance} passed its limit"

    def run(self) -> None:
        while self.waiting:
            self.step()
            self.check()


@pytest.mark.parametrize("seed", range(60))
def test_the_bill_of_the_provider_never_passes_the_limit_whatever_the_order(seed: int) -> None:
    crowd = Crowd(seed)
    crowd.run()
    assert crowd.provider.bill <= LIMIT
    assert not crowd.store.ledger.open_reservations()
    total = now_of(crowd.store.records.spend(_everything(), ()))
    spent = sum(row.spent for row in total)
    assert crowd.provider.bill <= spent <= LIMIT
    assert not now_of(crowd.store.ledger.verify())
    assert 429 in crowd.statuses


def _everything() -> Any:
    from tollway.storage.protocol import Filter

    return Filter()


class ChecksAndRecordsLater:
    """The mutant that most gateways are: looks at what is spent, holds nothing."""

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger
        self._holds: dict[str, Reservation] = {}

    async def reserve(self, reservation: Reservation, now: int, wait_s: float = 0.0) -> Any:
        nothing = tuple(msgspec.structs.replace(hold, amount=0, spent_only=True) for hold in reservation.holds)
        return await self._ledger.reserve(msgspec.structs.replace(reservation, holds=nothing), now, wait_s)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


def test_this_simulation_catches_a_ledger_that_only_checks_what_is_spent() -> None:
    caught = 0
    for seed in range(20):
        crowd = Crowd(seed)
        crowd.ledger = ChecksAndRecordsLater(crowd.store.ledger)
        try:
            crowd.run()
        except AssertionError:
            caught += 1
            continue
        caught += crowd.provider.bill > LIMIT
    assert caught == 20

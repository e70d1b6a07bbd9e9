"""An exchange as a conversation: a test gives each reply to the command that it answers."""

from collections.abc import Sequence
from typing import Any

import world

from tollway.exchange.authenticate import authenticate
from tollway.exchange.exchange import exchange
from tollway.exchange.steps import Authenticate, Command, Ended, Forward, Head, Log, Reserve, Send, Sent
from tollway.ledger.reservation import Balance, Exhausted, Held
from tollway.logs.record import LogRecord
from tollway.request import InferenceRequest
from tollway.snapshot import Snapshot
from tollway.usage import Report, Usage

USAGE = Usage(input_tokens=20, output_tokens=10)
# gpt-4o-mini costs $0.15 and $0.60 per million tokens: 150 and 600 nanodollars each.
COST = 20 * 150 + 10 * 600
DAY = {"period": "day"}
CHAT = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]}
STREAM = {**CHAT, "stream": True}
JSON = ((b"content-type", b"application/json"),)
EVENTS = ((b"content-type", b"text/event-stream"),)
OK = Head(200, JSON, False, 1)
OK_STREAM = Head(200, EVENTS, True, 1)


def budget(**fields: Any) -> dict[str, Any]:
    return {"budgets": [{"name": "b", "limit": "1", "window": DAY, **fields}]}


def whole(usage: Usage | None = USAGE, **fields: Any) -> Ended:
    return Ended(**{"reason": "complete", "report": Report(usage=usage), "at": world.NOW + 5, "at_ns": 9_000, **fields})


class Playbook:
    """One exchange and the world's side of it: each reply is given to the command that it answers."""

    def __init__(self, snapshot: Snapshot | None = None, calls: Sequence[InferenceRequest] = (), **asked: Any) -> None:
        """`calls`: the steps of an array, in place of one request."""
        self.snapshot = snapshot or world.snapshot()
        self.request: InferenceRequest = world.request(**asked)
        self.steps = exchange(
            self.request, self.snapshot, world.calendar(), world.NOW, steps=[(call, None) for call in calls]
        )
        self.commands: list[Command] = [next(self.steps)]
        self.over = False

    @property
    def command(self) -> Any:
        return self.commands[-1]

    def on(self, kind: type, reply: Any) -> Any:
        """Answers the command, which must be of that kind; the one that follows, `None` behind the last."""
        assert isinstance(self.command, kind), self.command
        try:
            self.commands.append(self.steps.send(reply))
        except StopIteration:
            self.over = True
            return None
        return self.command

    def authenticated(self) -> Any:
        return self.on(Authenticate, authenticate(self.request, self.snapshot))

    def held(self, spent: int = 0, would_refuse: tuple[int, ...] = ()) -> Any:
        holds = self.command.reservation.holds
        return self.on(Reserve, Held(tuple(Balance(h.account, spent, h.amount, h.limit) for h in holds), would_refuse))

    def refused_by(self, index: int, *, spent: int = 0, held: int = 0, contended: bool = False) -> Any:
        hold = self.command.reservation.holds[index]
        return self.on(Reserve, Exhausted(index, Balance(hold.account, spent, held, hold.limit), contended))

    def forwarded(self) -> Forward:
        """As far as the provider, where nothing is in the way."""
        self.authenticated()
        command = self.held()
        assert isinstance(command, Forward), command
        return command

    def sent_and_logged(self) -> tuple[Send, LogRecord]:
        """The end of every story that answers with a whole body."""
        send = self.command
        log = self.on(Send, Sent(10_000))
        assert isinstance(log, Log)
        self.on(Log, None)
        assert self.over
        return send, log.record

    @property
    def told(self) -> list[str]:
        return [type(command).__name__ for command in self.commands]


def refused(play: Playbook) -> tuple[str, Send, LogRecord]:
    """The code of a refusal, which must be the end of the story."""
    send, record = play.sent_and_logged()
    assert dict(send.headers)[b"tollway-error"].decode() == record.code
    assert send.status == record.status
    return record.code, send, record

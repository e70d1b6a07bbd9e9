"""What is noted of an exchange beside its story: the time that was not Tollway's own, and bodies, where they are kept.

Where a gateway keeps no bodies, which is what it does unless its settings say otherwise, nothing is looked at but that.
"""

import time
from collections.abc import Awaitable
from typing import Any, TypeVar

import msgspec

from tollway.exchange.steps import Ended, Forward, Head, NoAnswer, NotSent, Send
from tollway.ledger.reservation import Exhausted, Held
from tollway.logs.record import LogRecord
from tollway.logs.rules import DEFAULT, Wanted, wanted
from tollway.proxy.caller import Caller
from tollway.proxy.capture import Capture, painter_of, secrets_of
from tollway.proxy.transport import UpstreamRequest
from tollway.proxy.world import World
from tollway.request import NO_HANDLING, InferenceRequest
from tollway.snapshot import Snapshot

T = TypeVar("T")


class Noted:
    """The notes of one exchange."""

    __slots__ = (
        "_capture",
        "_headers",
        "_past_us",
        "_records",
        "_sent_ns",
        "_snapshot",
        "_telemetry",
        "_tried_us",
        "_waited_us",
        "_wanted",
    )

    def __init__(self, world: World, snapshot: Snapshot, request: InferenceRequest, caller: Caller) -> None:
        self._records = world.records
        self._telemetry, self._headers, self._snapshot = world.telemetry, request.headers, snapshot
        self._capture: Capture | None = None
        self._wanted: Wanted | None = None
        self._sent_ns = 0
        self._past_us = 0
        """Microseconds that tries took which did not answer."""
        self._tried_us = 0
        """Microseconds that the last answer took."""
        self._waited_us = 0
        """Microseconds between tries, and in line for money that others held."""
        gateway = snapshot.gateways.get(request.gateway)
        logs = gateway.logs if gateway is not None else None
        if logs is not None or request.handling is not NO_HANDLING:
            self._wanted = wanted(logs, request.handling)
            if self._wanted.bodies and world.bodies is not None:
                self._capture = Capture(world.bodies, logs or DEFAULT, request, caller, secrets_of(snapshot))

    def sending(self, sent: UpstreamRequest, command: Forward) -> UpstreamRequest:
        """A try begins."""
        self._past_us += self._tried_us
        self._tried_us = 0
        self._sent_ns = time.monotonic_ns()
        if self._capture is not None:
            self._capture.sent(sent, command)
        return sent

    def tried(self, reply: Head | NotSent | NoAnswer) -> Head | NotSent | NoAnswer:
        """A try has an answer, or will have none."""
        if type(reply) is not Head and self._sent_ns:
            self._past_us += (time.monotonic_ns() - self._sent_ns) // 1000
            if type(reply) is NoAnswer:
                reply = msgspec.structs.replace(reply, sent_ns=self._sent_ns)
        self._sent_ns = 0
        return reply

    def ended(self, reply: Ended) -> Ended:
        """An answer has ended."""
        self._tried_us = reply.upstream_us or 0
        return reply

    def reserved(self, reply: T) -> T:
        """Money is held, or not."""
        if type(reply) is Held or type(reply) is Exhausted:
            self._waited_us += reply.waited_us
        return reply

    async def waiting(self, pause: Awaitable[T]) -> T:
        """A pause that was commanded."""
        began_ns = time.monotonic_ns()
        try:
            return await pause
        finally:
            self._waited_us += (time.monotonic_ns() - began_ns) // 1000

    def answering(self, command: Send) -> Send:
        """The caller is sent a whole answer."""
        if self._capture is not None:
            self._capture.whole(command)
        return command

    def write(self, record: LogRecord) -> None:
        """Remembers the request, as far as it is to be."""
        asked = self._wanted
        kept = asked is None or asked.record or (asked.strangers and _is_stranger(record))
        durations = record.durations
        if self._past_us or self._waited_us or (self._tried_us and durations.upstream_us is None):
            record = msgspec.structs.replace(record, durations=self._with_waits(record))
        record = painter_of(self._snapshot).painted(record)
        self._telemetry.heard(record, self._headers, self._snapshot, kept=kept)
        if not kept:
            return
        self._records.write(record)
        if self._capture is not None and not _is_stranger(record):
            self._capture.keep(record)

    def close(self) -> None:
        """The exchange is over."""
        if self._capture is not None:
            self._capture.close()

    def _with_waits(self, record: LogRecord) -> Any:
        durations = record.durations
        last_us = durations.upstream_us if durations.upstream_us is not None else self._tried_us
        upstream_us = last_us + self._past_us
        return msgspec.structs.replace(
            durations, upstream_us=upstream_us if upstream_us else None, waited_us=self._waited_us
        )


def _is_stranger(record: LogRecord) -> bool:
    """Whether it was not let in: whoever that was has no say in what is kept, and fills no disk."""
    return any(decision.step == "authenticate" and decision.outcome == "deny" for decision in record.decisions)

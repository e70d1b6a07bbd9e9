"""Settings with everything on a road: routes, rate limits, the cache; and one conversation through them."""

from collections.abc import Sequence
from typing import Any

import world
from playbook import CHAT, OK, Playbook, whole

from tollway.exchange.steps import Admit, Consult, Ended, Forward, Head, Read, Release, Seen, Settle
from tollway.gateway import Retry
from tollway.rates.counters import Admitted, Counters
from tollway.request import Handling
from tollway.snapshot import Snapshot

NANO, MINI, CLAUDE = "openai/gpt-4.1-nano", "openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5"
ROUTED = {**CHAT, "model": "dynamic/x", "max_tokens": 100}
FAILS = Head(500, ((b"content-type", b"application/json"), (b"x-request-id", b"up")), False, 1)


def model(identifier: str, name: str, fallback: str | None = None, **properties: Any) -> dict[str, Any]:
    provider, _, rest = name.partition("/")
    outputs = {"success": {"elementId": "end"}}
    if fallback is not None:
        outputs["fallback"] = {"elementId": fallback}
    return {
        "id": identifier,
        "type": "model",
        "properties": {"provider": provider, "model": rest, **properties},
        "outputs": outputs,
    }


def rate(identifier: str, success: str, fallback: str | None = None, **properties: Any) -> dict[str, Any]:
    outputs = {"success": {"elementId": success}}
    if fallback is not None:
        outputs["fallback"] = {"elementId": fallback}
    said = {"limitType": "count", "limit": 5, "window": 60, **properties}
    return {"id": identifier, "type": "rate", "properties": said, "outputs": outputs}


def pool(order: str, *names: str, **fields: Any) -> dict[str, Any]:
    return {"routes": [{"name": "x", "order": order, "targets": [{"model": name} for name in names], **fields}]}


def elements(first: str, *found: dict[str, Any]) -> dict[str, Any]:
    """A route of these elements, of which `first` is the first."""
    start = {"id": "start", "type": "start", "outputs": {"next": {"elementId": first}}}
    return {"routes": [{"name": "x", "elements": [start, *found, {"id": "end", "type": "end", "outputs": {}}]}]}


def chain(*names: str, **properties: Any) -> dict[str, Any]:
    """A route of models, each the fallback of the one before."""
    found = [
        model(f"m{place}", name, f"m{place + 1}" if place + 1 < len(names) else None, **properties)
        for place, name in enumerate(names)
    ]
    return elements("m0", *found)


def broken(reason: Any = "broken_off") -> Ended:
    return whole(None, reason=reason)


def tries(attempts: int, **more: Any) -> Handling:
    return Handling(max_attempts=attempts, retry_delay_ms=1_000, **more)


class Road(Playbook):
    """A conversation over several targets. Reservations are held and consultations answered as they come."""

    def __init__(self, snapshot: Snapshot | None = None, **asked: Any) -> None:
        super().__init__(snapshot, **{"body": ROUTED, **asked})
        self.counters = Counters()
        self.admissions: list[Admitted] = []

    def on(self, kind: type, reply: Any) -> Any:
        super().on(kind, reply)
        while isinstance(self.command, Consult | Admit) and not self.over:
            command = self.command
            if isinstance(command, Consult):
                super().on(Consult, self.seen(command.names))
            else:
                said = self.counters.admit(
                    command.claims, world.NOW, tokens_expected=command.tokens, requests=command.requests
                )
                if isinstance(said, Admitted):
                    self.admissions.append(said)
                super().on(Admit, said)
        return None if self.over else self.command

    def seen(self, names: Sequence[str]) -> tuple[Seen, ...]:
        return tuple(Seen() for _ in names)

    def fails(self, head: Head = FAILS, body: bytes = b'{"error": {"message": "down"}}') -> Any:
        """The target's error, up to what is tried behind it."""
        self.held()
        self.on(Forward, head)
        self.on(Read, whole(None, raw=body))
        return self.on(Release, None)

    def answers(self, **fields: Any) -> Any:
        self.held()
        self.on(Forward, OK)
        self.on(Read, whole(**{"raw": b"{}", **fields}))
        return self.on(Settle, None)

    @property
    def forwards(self) -> list[Forward]:
        return [command for command in self.commands if isinstance(command, Forward)]

    @property
    def called(self) -> list[str]:
        return [f"{one.route.provider.slug}/{one.route.model}" for one in self.forwards]


THRICE = Retry(max_attempts=3, delay_ms=1_000)

"""What the end of a call tells of its target."""

from typing import Any

import msgspec
import pytest
import world

from tollway.clock import Clock
from tollway.exchange.steps import Forward, NoAnswer, NotSent
from tollway.gateway import ProviderKey, Secret
from tollway.ledger.reservation import Reservation
from tollway.proxy.health import LEAST
from tollway.proxy.outcome import name_of, remember
from tollway.proxy.world import World
from tollway.request import Handling
from tollway.snapshot import Route, Snapshot
from tollway.storage.memory import MemoryLedger


class Answer:
    def __init__(self, status: int) -> None:
        self.status = status
        self.headers: list[tuple[bytes, bytes]] = []

    async def read(self) -> bytes:
        return b""

    def close(self) -> None:
        return


def made(snapshot: Snapshot, **changes: Any) -> tuple[Forward, World, list[tuple[str, str, bool]]]:
    told: list[tuple[str, str, bool]] = []
    parts: Any = (MemoryLedger(), None, None, Clock(lambda: world.NOW * 1_000_000), {})
    outside = World(*parts, key_used=lambda provider, name, refused: told.append((provider, name, refused)))
    provider = msgspec.structs.replace(snapshot.providers["openai"], **changes)
    reservation = Reservation("r.1", "r", 1, (), world.NOW, world.NOW + 1, 0, b"")
    command = Forward(reservation, Route(provider, "gpt-4o-mini"), world.request(), "/v1/chat/completions")
    outside.health.seen((name_of(command.route),), world.NOW)
    return command, outside, told


def rests(answer: Any, settings: dict[str, Any] | None = None) -> bool:
    snapshot = world.snapshot(**(settings or {}))
    command, outside, _ = made(snapshot)
    for _ in range(LEAST):
        remember(command, answer, 100, snapshot, outside)
    return outside.health.seen(("openai/gpt-4o-mini",), world.NOW)[0].resting


@pytest.mark.parametrize(
    ("answer", "resting"),
    [
        (Answer(200), False),
        (Answer(500), True),
        (Answer(401), True),
        (Answer(404), False),
        (NotSent("upstream_unreachable", "no", 1), True),
        (NoAnswer("upstream_timeout", "no", 1), True),
        (NotSent("overloaded", "we are", 1), False),
        (NotSent("shutting_down", "we are", 1), False),
        (NoAnswer("shutting_down", "we are", 1), False),
    ],
)
def test_a_target_rests_for_its_own_failures_alone(answer: Any, resting: bool) -> None:
    assert rests(answer) is resting


@pytest.mark.parametrize(
    ("own", "waited", "gateways", "resting"),
    [
        (1, 1, None, False),
        (1, 1, 5_000, False),
        (5_000, 5_000, 5_000, True),
        (9_000, 9_000, 5_000, True),
        (500_000, 500_000, None, True),
        (1, 3_000, None, True),
        (None, 5_000, 5_000, True),
    ],
)
def test_nobody_makes_a_target_rest_for_all_by_waiting_for_less_than_the_settings_do(
    own: int | None, waited: int, gateways: int | None, resting: bool
) -> None:
    snapshot = world.snapshot(gateways=[{"slug": "default", **({"timeout_ms": gateways} if gateways else {})}])
    command, outside, _ = made(snapshot)
    command = msgspec.structs.replace(
        command, request=world.request(handling=Handling(timeout_ms=own)), timeout_ms=waited
    )
    for _ in range(LEAST):
        remember(command, NoAnswer("upstream_timeout", "no", 1), 1, snapshot, outside)
    assert outside.health.seen(("openai/gpt-4o-mini",), world.NOW)[0].resting is resting


def test_a_call_that_no_connection_came_of_is_noted_however_long_its_caller_waits() -> None:
    snapshot = world.snapshot()
    command, outside, _ = made(snapshot)
    command = msgspec.structs.replace(command, request=world.request(handling=Handling(timeout_ms=1)), timeout_ms=1)
    for _ in range(LEAST):
        remember(command, NotSent("upstream_unreachable", "no", 1), 1, snapshot, outside)
    assert outside.health.seen(("openai/gpt-4o-mini",), world.NOW)[0].resting


def test_where_callers_bring_their_keys_nobody_can_have_a_target_rest_with_a_bad_one() -> None:
    settings = {"gateways": [{"slug": "default", "provider_keys": "caller"}]}
    assert not rests(Answer(401), settings) and not rests(Answer(429), settings) and rests(Answer(500), settings)


def test_how_fast_it_answered_is_remembered() -> None:
    snapshot = world.snapshot()
    command, outside, _ = made(snapshot)
    remember(command, Answer(200), 240, snapshot, outside)
    assert outside.health.seen(("openai/gpt-4o-mini",), world.NOW)[0].latency_ms == 240


@pytest.mark.parametrize(("status", "refused"), [(200, False), (401, True), (403, False)])
def test_the_use_of_a_stored_key_is_told_and_whether_it_was_refused(status: int, refused: bool) -> None:
    snapshot = world.snapshot()
    command, outside, told = made(snapshot, keys={"default": ProviderKey(Secret("sk"))})
    remember(command, Answer(status), 1, snapshot, outside)
    assert told == [("openai", "default", refused)]


def test_a_call_that_was_not_answered_tells_nothing_of_a_key() -> None:
    snapshot = world.snapshot()
    command, outside, told = made(snapshot, keys={"default": ProviderKey(Secret("sk"))})
    remember(command, NoAnswer("upstream_timeout", "no", 1), 1, snapshot, outside)
    assert told == []

import signal
from typing import Any

import pytest

from tollway import failpoints
from tollway.errors import SettingsInvalid, StoreUnavailable
from tollway.failpoints import POINTS, Act, Failpoints, arm, read
from tollway.proxy.transport import NotSent
from tollway.proxy.upstream.client import HttpTransport
from tollway.storage.conformance.values import NOW, entry, hold, metered, opening, reservation
from tollway.storage.sql.ledger import SqlLedger
from tollway.storage.sqlite import SqliteStore


def test_points_are_read_with_their_pass_and_action() -> None:
    assert read("after_intent=kill, mid_stream@3=delay:500,, in_prune=raise") == {
        "after_intent": Act(1, "kill"),
        "mid_stream": Act(3, "delay", 0.5),
        "in_prune": Act(1, "raise"),
    }
    assert read("") == {}


@pytest.mark.parametrize(
    "text",
    [
        "nowhere=kill",
        "after_intent",
        "after_intent=drop",
        "after_intent@x=kill",
        "after_intent=delay",
        "in_prune=kill:1",
    ],
)
def test_what_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(SettingsInvalid) as refusal:
        read(text)
    assert repr(text) in str(refusal.value) and "TOLLWAY_FAILPOINTS" in str(refusal.value)


def test_a_point_acts_once_at_its_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(failpoints.time, "sleep", slept.append)
    points = Failpoints(read("in_prune@2=raise, in_outbox=delay:40"))
    points.hit("in_prune")
    with pytest.raises(StoreUnavailable, match="in_prune"):
        points.hit("in_prune")
    for point in ("in_prune", "in_outbox", "in_outbox", "after_intent"):
        points.hit(point)
    assert slept == [0.04]


def test_a_kill_cannot_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(failpoints.os, "kill", lambda process, number: sent.append(number))
    Failpoints(read("after_intent=kill")).hit("after_intent")
    assert sent == [signal.SIGKILL]


def test_disarmed_nothing_is_left_around_a_function() -> None:
    before = (SqlLedger.reserve, HttpTransport.send)
    disarm = arm("after_intent=kill")
    assert SqlLedger.reserve is not before[0]
    disarm()
    assert (SqlLedger.reserve, HttpTransport.send) == before


async def test_a_store_and_a_transport_pass_their_points_in_order(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed: list[str] = []
    monkeypatch.setattr(Failpoints, "hit", lambda _, point: passed.append(point))

    class Answer:
        status, headers = 200, ()

        def __init__(self) -> None:
            self.pieces = [b"a", b"b", b""]

        async def read(self) -> bytes:
            return self.pieces.pop(0)

        def close(self) -> None:
            passed.append("closed")

    async def send(_: Any, request: Any) -> Any:
        return NotSent("overloaded", "no") if request is None else Answer()

    monkeypatch.setattr(HttpTransport, "send", send)
    disarm = arm("")
    try:
        store = SqliteStore(tmp_path)
        await store.open(NOW)
        made = reservation("r", metered(), hold("b"))
        await store.ledger.reserve(made, NOW)
        await store.ledger.extend(made.id, 20, NOW)
        store.ledger.shrink(made.id, 5)
        transport: Any = object.__new__(HttpTransport)
        assert isinstance(await transport.send(None), NotSent)
        answer = await transport.send("request")
        assert (answer.status, answer.headers) == (200, ())
        assert [await answer.read() for _ in range(3)] == [b"a", b"b", b""]
        answer.close()
        store.ledger.settle(entry(made, 5))
        store.ledger.settle(entry(made, 5))
        await store.ledger.flush()
        await store.ledger.move(opening("o", 3))
        await store.prune(NOW)
        await store.close()
    finally:
        disarm()
    assert passed == [
        "in_recovery", "after_reserve", "after_intent", "after_extend", "after_shrink", "before_dispatch", "before_dispatch",
        "after_first_byte", "mid_stream", "after_last_byte", "closed", "after_settle", "after_ledger", "in_backfill",
        "after_ledger", "in_prune", "in_checkpoint",
    ]  # fmt: skip
    assert set(passed) - {"closed"} <= set(POINTS)

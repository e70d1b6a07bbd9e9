"""How requests went through a route, element by element."""

from pathlib import Path

from tests.admin.gateways import SETTINGS, gateway

from tollway.admin.route_traffic import traffic
from tollway.logs.record import Decision, Durations, LogRecord
from tollway.money import Money
from tollway.pricing.charge import Charge

ELEMENTS = [
    {"id": "start", "type": "start", "outputs": {"next": {"elementId": "limit"}}},
    {"id": "limit", "type": "rate", "outputs": {"success": {"elementId": "large"}, "fallback": {"elementId": "small"}}},
    {"id": "large", "type": "model", "outputs": {"success": {"elementId": "end"}, "fallback": {"elementId": "small"}}},
    {"id": "small", "type": "model", "outputs": {"success": {"elementId": "end"}}},
    {"id": "end", "type": "end"},
]


def record(way: str, status: int = 200, cost: int | None = 1) -> LogRecord:
    return LogRecord(
        request_id=f"{way}{status}",
        at=1_000,
        gateway="default",
        method="POST",
        path="/v1/chat/completions",
        api="openai.chat",
        status=status,
        charge=Charge(Money(cost)) if cost is not None else None,
        decisions=(Decision(step="route", outcome="note", code="route", rule="chat", detail=way),),
        durations=Durations(total_us=1),
    )


def test_models_that_did_not_answer_and_limits_that_were_passed_count_as_failed() -> None:
    found = traffic(
        [
            record("start > limit > large"),
            record("start > limit > large > small"),
            record("start > limit > small"),
            record("start > limit > large > small", status=502, cost=None),
            record("start > limit > large", cost=None),
        ],
        "chat",
        ELEMENTS,
        complete=True,
    )
    assert {one.element: (one.requests, one.failed) for one in found.elements} == {
        "start": (5, 0),
        "limit": (5, 1),
        "large": (4, 2),
        "small": (3, 1),
    }
    assert (found.requests, found.answered, found.refused, found.unpriced) == (5, 4, 1, 1)
    assert found.amount_usd == "0.000000003" and found.complete


def test_nothing_of_nothing_is_nothing() -> None:
    found = traffic([], "chat", ELEMENTS, complete=True)
    assert (found.requests, found.elements, found.oldest) == (0, [], None)


async def test_the_way_of_real_requests_is_told_and_no_other_routes(tmp_path: Path) -> None:
    routes = (
        "routes:\n"
        "  - {{name: chat, targets: [{{model: openai/gpt-4o-mini}}]}}\n"
        "  - {{name: chat-two, targets: [{{model: openai/gpt-4o-mini}}]}}\n"
    )
    async with gateway(tmp_path, SETTINGS + routes) as caller:
        for _ in range(2):
            assert (await caller.chat(model="dynamic/chat")).status == 200
        assert (await caller.chat(model="dynamic/chat-two")).status == 200
        await caller.logged("/api/v1/logs", 3)
        found = (await caller.admin("/api/v1/routes/chat/traffic")).json
        assert (found["requests"], found["answered"], found["complete"]) == (2, 2, True)
        assert {one["element"]: (one["requests"], one["failed"]) for one in found["elements"]}["pool"] == (2, 0)
        missing = await caller.admin("/api/v1/routes/nope/traffic")
        assert missing.status == 404
        wrong = await caller.admin("/api/v1/routes/chat/traffic?since=2026-02-01T00:00:00Z&until=2026-01-01T00:00:00Z")
        assert wrong.status == 400

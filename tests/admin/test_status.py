import msgspec
import pytest
from tests.admin.gateways import Caller

from tollway.alerts import Event
from tollway.errors import StoreUnavailable
from tollway.ledger.reservation import Balance
from tollway.storage.protocol import Known


@pytest.mark.asyncio(loop_scope="module")
async def test_the_status_names_everything_and_verifies_on_demand(caller: Caller) -> None:
    await caller.chat()
    status = (await caller.admin("/api/v1/status?verify=true")).json
    assert status["store"] == {"ok": True, "verified": True, "differences": []}
    assert (await caller.admin("/api/v1/status")).json["store"]["verified"] is False
    assert [(p["slug"], p["family"], p["has_key"]) for p in status["providers"]] == [
        ("openai", "openai", True),
        ("anthropic", "anthropic", True),
        ("google", "google", False),
    ]
    assert status["providers"][0]["host"].startswith("127.0.0.1:")
    assert [(key["name"], key["user"]) for key in status["keys"]] == [
        ("alice", "alice@example.com"),
        ("bob", "bob@example.com"),
        ("old", "old@example.com"),
    ]
    assert status["revision"] == 1
    assert status["uptime_s"] is None or status["uptime_s"] >= 0
    assert any('"google" has no key' in warning for warning in status["warnings"])
    assert any('"old" has expired' in warning for warning in status["warnings"])


@pytest.mark.asyncio(loop_scope="module")
async def test_a_budget_that_has_counted_nothing_for_weeks_is_told(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, now = caller.runtime.store.budgets, caller.runtime.clock.now()
    known = [msgspec.structs.replace(each, since=now - 15 * 86_400_000) for each in await store.known()]

    async def long_known() -> list[Known]:
        return known

    assert not any("has counted no money" in said for said in (await caller.admin("/api/v1/status")).json["warnings"])
    monkeypatch.setattr(store, "known", long_known)
    monkeypatch.setattr(caller.runtime.store.ledger, "balances", lambda holds: [Balance("a", 0, 0, 1) for _ in holds])
    assert any(
        "has counted no money for 15 days" in said for said in (await caller.admin("/api/v1/status")).json["warnings"]
    )


@pytest.mark.asyncio(loop_scope="module")
async def test_a_ledger_that_differs_is_told(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    async def verify() -> list[str]:
        return ["company: 5 counted, 4 booked"]

    monkeypatch.setattr(caller.runtime.store.ledger, "verify", verify)
    store = (await caller.admin("/api/v1/status?verify=true")).json["store"]
    assert store == {"ok": False, "verified": True, "differences": ["company: 5 counted, 4 booked"]}


@pytest.mark.asyncio(loop_scope="module")
async def test_a_store_that_cannot_be_read_is_a_503_that_says_so(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def flush() -> None:
        raise StoreUnavailable("disk full at /somewhere/private")

    monkeypatch.setattr(caller.runtime.store.ledger, "flush", flush)
    answer = await caller.admin("/api/v1/spend")
    assert (answer.status, answer.json["code"]) == (503, "store_unavailable")
    assert answer.headers["retry-after"] == "1"
    assert b"private" not in answer.body


@pytest.mark.asyncio(loop_scope="module")
async def test_a_channel_that_takes_nothing_is_warned_of(caller: Caller) -> None:
    outbox, now = caller.runtime.store.outbox, caller.runtime.clock.now()
    old = Event(id="0198-1", key="k", kind="spent", at=now - 7_200_000, title="t", text="", channels=("gone",))
    await outbox.raise_(old)
    (delivery,) = await outbox.deliveries("0198-1")
    await outbox.tried(msgspec.structs.replace(delivery, attempts=11, due_at=now + 60_000, error="status 500"))
    warnings = (await caller.admin("/api/v1/status")).json["warnings"]
    assert any('Channel "gone" has not taken an alert' in said and "11 times: status 500" in said for said in warnings)

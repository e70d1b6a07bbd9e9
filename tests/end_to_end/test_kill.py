"""`kill -9` at random moments under load: no settled charge lost, no hold leaked, the books balance."""

import asyncio
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from crowd import ask, bill, billing_provider, body_of
from gateway import KEY, RunningGateway

DOLLAR = 1_000_000_000
CALLERS = 24


async def load_then_kill(gateway: RunningGateway, lots: random.Random, round_number: int) -> None:
    """Callers ask without pause until the gateway dies under them."""
    dead = False

    async def caller(number: int) -> None:
        turn = 0
        while not dead:
            leave = lots.randint(1, 4000) if lots.random() < 0.1 else None
            await ask(gateway.url, KEY, f"{round_number}.{number}.{turn}", body_of(lots), leave_after=leave)
            turn += 1

    callers = [asyncio.create_task(caller(number)) for number in range(CALLERS)]
    await asyncio.sleep(0.05 + lots.random() * 0.6)
    gateway.kill()
    dead = True
    await asyncio.gather(*callers)


def entries(gateway: RunningGateway) -> list[Any]:
    """The whole ledger."""
    found: list[Any] = []
    cursor = ""
    while True:
        page = gateway.admin(f"/ledger/entries?limit=500{cursor}")
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


def audit(gateway: RunningGateway, provider: str) -> None:
    """The ledger against the provider's bill, and the counters against the ledger."""
    billed: dict[str, int] = bill(provider)["by_id"]
    booked = entries(gateway)
    by_id: dict[str, int] = {}
    for entry in booked:
        identifier = entry["metadata"]["id"]
        amount = int(Decimal(entry["amount_usd"]) * DOLLAR)
        assert identifier not in by_id, f"{identifier} is in the ledger twice"
        by_id[identifier] = amount
        if entry["kind"] == "charge" and entry["charge"]["basis"] == "metered":
            assert amount == billed[identifier], f"{identifier} was charged another amount than billed"
        else:
            assert amount >= billed.get(identifier, 0), f"{identifier} was charged less than billed"
    missing = set(billed) - set(by_id)
    assert not missing, f"billed and not in the ledger: {sorted(missing)[:5]}"
    status = gateway.admin("/status?verify=true")
    assert status["store"]["verified"] and status["store"]["differences"] == []
    assert status["open_reservations"] == 0
    (budget,) = gateway.admin("/budgets")["items"]
    (account,) = budget["accounts"]
    assert int(Decimal(account["spent_usd"]) * DOLLAR) == sum(by_id.values())
    assert Decimal(account["held_usd"]) == 0


def run(tmp_path: Path, kills: int, seed: int) -> None:
    lots = random.Random(seed)
    with billing_provider() as provider:
        settings = {
            "providers": {"openai": {"base_url": f"{provider}/v1", "api_key": "sk-provider"}},
            "keys": [{"name": "tests", "secret": KEY, "user": "tests"}],
            "budgets": [{"name": "plenty", "limit": "100000", "window": {"period": "total"}}],
        }
        gateway = RunningGateway(settings, tmp_path)
        try:
            for round_number in range(kills):
                gateway.start()
                asyncio.run(load_then_kill(gateway, lots, round_number))
                if round_number % 10 == 9 or kills < 20:
                    gateway.start()
                    audit(gateway, provider)
                    assert gateway.stop() == 0
            gateway.start()
            audit(gateway, provider)
            assert gateway.stop() == 0
        finally:
            gateway.kill()


def test_a_few_kills_lose_no_charge_and_leak_no_hold(tmp_path: Path) -> None:
    run(tmp_path, kills=6, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_hundred_kills_lose_no_charge_and_leak_no_hold(tmp_path: Path) -> None:
    run(tmp_path, kills=200, seed=2)

"""A hard budget of one dollar under a thousand requests at once: the provider's own bill never passes it."""

import asyncio
import random
from decimal import Decimal
from pathlib import Path

from crowd import ask, bill, billing_provider, body_of
from gateway import running

DOLLAR = 1_000_000_000
AT_ONCE = 1_000
KEYS = [f"a-gateway-key-number-{number:02}" for number in range(50)]


async def crowd(url: str, rounds: int) -> list[int]:
    """`AT_ONCE` callers; each asks again until it is told that the budget is spent."""
    lots = random.Random(1)

    async def caller(number: int) -> list[int]:
        statuses: list[int] = []
        for turn in range(rounds):
            status = await ask(url, KEYS[number % len(KEYS)], f"{number}.{turn}", body_of(lots))
            statuses.append(status)
            if status == 429:
                break
        return statuses

    found = await asyncio.gather(*(caller(number) for number in range(AT_ONCE)))
    return [status for statuses in found for status in statuses]


def test_a_thousand_at_once_never_pass_a_dollar_and_use_most_of_it(tmp_path: Path) -> None:
    with billing_provider() as provider:
        settings = {
            "providers": {"openai": {"base_url": f"{provider}/v1", "api_key": "sk-provider"}},
            "keys": [
                {"name": f"key{number}", "secret": key, "user": f"user{number}"} for number, key in enumerate(KEYS)
            ],
            "budgets": [
                {"name": "one dollar", "limit": "1", "window": {"period": "total"}},
                {
                    "name": "each",
                    "limit": "0.1",
                    "window": {"period": "total"},
                    "split_by": ["user"],
                    "parent": "one dollar",
                },
            ],
        }
        with running(settings, tmp_path) as gateway:
            statuses = asyncio.run(crowd(gateway.url, rounds=20))
            billed = bill(provider)
            assert set(statuses) <= {200, 429}, {status: statuses.count(status) for status in set(statuses)}
            assert 429 in statuses, "the budget was reached"
            assert billed["total"] <= DOLLAR
            assert billed["total"] >= DOLLAR * 8 // 10
            (budget,) = [b for b in gateway.admin("/budgets")["items"] if b["name"] == "one dollar"]
            (account,) = budget["accounts"]
            assert Decimal(account["held_usd"]) == 0
            # A stream that was ended at the limit is counted by its bytes: never less than it was billed.
            assert billed["total"] <= Decimal(account["spent_usd"]) * DOLLAR <= DOLLAR

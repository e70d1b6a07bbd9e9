"""Any question, over any range, zone and calendar, says the same as adding up the ledger by hand."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from tests.admin.gateways import Caller, gateway

from tollway.clock import iso
from tollway.ledger.entry import LedgerEntry
from tollway.storage.conformance.records import spending

HOUR = 3_600_000
BASE = 1_774_569_600_000
"""2026-03-27T00:00:00Z: clocks change within the days behind it."""
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/Los_Angeles",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
)
FIELDS = ("gateway", "provider", "model", "user", "key", "kind", "metadata.team")


def local_start(at: int, zone: ZoneInfo, grain: str) -> datetime:
    """When the bucket of an instant begins by the clocks of a zone; told by the wall clock alone."""
    wall = datetime.fromtimestamp(at // 1000, UTC).astimezone(zone).replace(tzinfo=None)
    day = wall.replace(hour=0, minute=0, second=0)
    match grain:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case _:
            return day.replace(day=1)


def value(entry: LedgerEntry, field: str) -> str | None:
    if field == "kind":
        return entry.kind
    if field == "metadata.team":
        return entry.context.metadata.get("team") or None
    found: str | None = getattr(entry.context, field)
    return found


async def fill(caller: Caller, chance: random.Random) -> list[LedgerEntry]:
    store, entries = caller.runtime.store, list[LedgerEntry]()
    for number in range(400):
        at = BASE + chance.randrange(10 * 24 * HOUR)
        made = spending(
            f"r{number}",
            chance.randrange(-(10**12), 10**13),
            chance.choice(["charge", "charge", "presumed", "credit"]),
            at,
            gateway=chance.choice(["a", "b"]),
            provider=chance.choice(["openai", "anthropic"]),
            model=f"m{chance.randrange(4)}",
            user=chance.choice([None, "ann", "bob", "eve"]),
            key=chance.choice([None, "k1", "k2"]),
            metadata=chance.choice([{}, {"team": ""}, {"team": "ml"}, {"team": "web", "trace": f"t{number}"}]),
        )
        assert store.ledger.settle(made)
        entries.append(made)
        if number == 250:
            await store.ledger.flush()
            while await store.analytics.roll():
                pass
    return entries


async def test_the_api_says_the_same_as_the_ledger(tmp_path: Path) -> None:
    chance = random.Random(2_026)
    async with gateway(tmp_path) as caller:
        entries = await fill(caller, chance)
        for number in range(120):
            since = BASE + chance.randrange(9 * 24 * HOUR)
            until = since + 1 + chance.randrange(5 * 24 * HOUR)
            name, grain = chance.choice(ZONES), chance.choice(["none", "hour", "day", "week", "month"])
            by = chance.sample(FIELDS, chance.randrange(3))
            user = chance.choice([None, None, "ann"])
            asked = {"from": iso(since), "to": iso(until), "timezone": name, "grain": grain, "by": ",".join(by)}
            asked |= {"metrics": "cost", "limit": str(chance.choice([1, 3, 100]))} | ({"user": user} if user else {})
            answer = await caller.admin(f"/api/v1/analytics?{urlencode(asked)}")
            assert answer.status == 200, (asked, answer.body)
            found = answer.json
            meant = [e for e in entries if since <= e.occurred_at < until and user in (None, e.context.user)]
            whole = sum(e.charge.amount for e in meant)
            assert Fraction(found["total"]["whole"]["cost"]["spent_usd"]) == Fraction(whole, 10**9), (number, asked)
            assert found["total"]["whole"]["cost"]["entries"] == len(meant)
            groups = Counter[tuple[str | None, ...]]()
            for e in meant:
                groups[tuple(value(e, field) for field in by)] += e.charge.amount
            parts = Fraction(0)
            for group in found["groups"]:
                amount = Fraction(group["whole"]["cost"]["spent_usd"])
                assert amount == Fraction(groups[tuple(group["group"][field] for field in by)], 10**9), (number, asked)
                parts += amount
            rest = Fraction(found["other"]["whole"]["cost"]["spent_usd"]) if found["other"] else 0
            assert not by or parts + rest == Fraction(whole, 10**9)
            if grain in ("day", "week", "month"):
                zone = ZoneInfo(name)
                expected = Counter[datetime]()
                for e in meant:
                    expected[local_start(e.occurred_at, zone, grain)] += e.charge.amount
                shown = [Fraction(bucket["cost"]["spent_usd"]) for bucket in found["total"]["buckets"]]
                assert [amount for amount in shown if amount] == [
                    Fraction(expected[start], 10**9) for start in sorted(expected) if expected[start]
                ], (number, asked)

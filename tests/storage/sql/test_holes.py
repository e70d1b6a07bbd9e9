"""Answers without a price, as whoever reads every entry would count them, however many are noted by then."""

import random
from typing import Any

import msgspec
import pytest
from tests.storage.sql.places import in_a_file

from tollway.ledger.entry import Kind, LedgerEntry, entry_id
from tollway.money import LARGEST
from tollway.storage.analytics import Hole
from tollway.storage.conformance.records import spending
from tollway.storage.conformance.values import NOW
from tollway.storage.sql import analytics, holes
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.store import SqlStore
from tollway.usage import Usage

DAY = 86_400_000


def told(entries: list[LedgerEntry], since: int) -> list[Hole]:
    """By looking at every entry."""
    corrected = {each.reservation_id for each in entries if each.id.endswith(".correction")}
    found: dict[tuple[str, str], list[int]] = {}
    for each in entries:
        if each.occurred_at < since:
            continue
        sums = [0] * 5
        if each.kind == "unpriced" and each.reservation_id not in corrected:
            usage = each.usage or Usage()
            sums[:3] = 1, usage.input_tokens or 0, usage.output_tokens or 0
        elif each.kind == "charge" and "@ceiling#" in (each.charge.price_id or ""):
            sums[3:] = 1, each.charge.amount
        else:
            continue
        known = found.setdefault((each.context.provider, each.context.model), [0] * 5)
        for place, number in enumerate(sums):
            known[place] += number
    return [
        Hole(**dict(zip(Hole.__struct_fields__, (*key, *sums), strict=True))) for key, sums in sorted(found.items())
    ]


@pytest.mark.parametrize("few", [holes.FEW, -1], ids=["by place", "by instant"])
@pytest.mark.parametrize("seed", range(3))
async def test_holes_are_counted_by_model_whatever_was_noted_by_then(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch, seed: int, few: int
) -> None:
    monkeypatch.setattr(analytics, "CELLS_AT_ONCE", 9)
    monkeypatch.setattr(holes, "FEW", few)
    chance, booked = random.Random(seed), list[LedgerEntry]()
    for number in range(80):
        kind: Kind = chance.choice(("charge", "charge", "unpriced", "presumed", "credit"))
        # What was told beyond all measure is a count no more.
        usage = chance.choice((None, Usage(), Usage(input_tokens=5, output_tokens=7), Usage(input_tokens=9)))
        who: dict[str, Any] = {"provider": chance.choice("ab"), "model": chance.choice("xy")}
        amount = 0 if kind == "unpriced" else chance.choice((chance.randrange(10**9), LARGEST))
        made = spending(f"r{number}", amount, kind, NOW + chance.randrange(-5 * DAY, 5 * DAY), **who)
        price_id = chance.choice(("p", None, "a/*@ceiling#2026"))
        made = msgspec.structs.replace(
            made, usage=usage, charge=msgspec.structs.replace(made.charge, price_id=price_id)
        )
        booked.append(made)
        if kind == "unpriced" and chance.random() < 0.4:
            again = msgspec.structs.replace(made, kind="correction", id=entry_id(made.request_id, 1, "correction"))
            booked.append(again)
    # Corrections are booked later, in between.
    booked.sort(key=lambda each: (int(each.request_id[1:]) + 9 * (each.kind == "correction"), each.id))
    for number, each in enumerate(booked):
        assert store.ledger.settle(each)
        if chance.random() < 0.2:
            await store.ledger.flush()
            await store.analytics.roll()
            for since in (NOW, NOW - 3 * DAY, 0):
                assert await store.analytics.holes(since) == told(booked[: number + 1], since)
    await store.ledger.flush()
    while await store.analytics.roll():
        pass
    assert await store.analytics.holes(0) == told(booked, 0)
    assert await store.analytics.holes(NOW + 9 * DAY) == []


@in_a_file
async def test_what_is_noted_is_found_without_looking_at_the_others(store: SqlStore) -> None:
    def plan(reading: Connection) -> list[str]:
        statement = holes._UNPRICED.format(where=holes._NOTED.format(kind="unpriced"))
        return [row[3] for row in reading.execute(f"EXPLAIN QUERY PLAN {statement}", (1, 2))]

    steps = await store._database.query(plan)
    assert any("SEARCH entries USING INTEGER PRIMARY KEY" in step for step in steps)
    assert any("SEARCH apart USING PRIMARY KEY (kind=? AND at>?)" in step for step in steps)
    assert not any(step.startswith("SCAN entries") for step in steps)

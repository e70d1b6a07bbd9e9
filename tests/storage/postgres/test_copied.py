"""A store moved from its file to PostgreSQL: row by row the same, whole by every check there is, and it goes on from there."""

from pathlib import Path
from typing import Any

from tollway.ledger.change import Change
from tollway.ledger.control import Control
from tollway.storage.conformance.records import record
from tollway.storage.conformance.values import NOW, entry, held, hold, metered, opening
from tollway.storage.schema import metadata
from tollway.storage.sqlite import SqliteStore

TABLES = sorted(metadata.tables)
KINDS = ("charge", "presumed", "unpriced", "correction", "credit")
"""Of entries; openings are moved in."""


async def fill(folder: Path) -> None:
    """Some of everything."""
    store = SqliteStore(folder)
    await store.open(NOW)
    for number, kind in enumerate(KINDS * 2):
        made = await held(store, f"r{number}", metered("a", 10, 10**9), hold("b", 10, 10**9))
        await store.ledger.extend(made.id, 20 + number, NOW)
        if kind in ("correction", "credit"):
            store.ledger.settle(entry(made, 4))
            store.ledger.settle(entry(made, -1, kind, number=1))
        else:
            store.ledger.settle(entry(made, 5 + number, kind))
    store.ledger.release((await held(store, "back", hold("a", 10, 10**9))).id, "not_sent", NOW)
    await held(store, "open", metered("a", 10, 10**9))
    await store.ledger.extend("open.1", 33, NOW)
    await store.ledger.move(opening("o", 5, "b"))
    wide = await held(store, "wide", hold("w", 2**62, 2**62))
    store.ledger.settle(entry(wide, 2**62))
    await store.ledger.control(
        Control(id="c1", target="account:a", since=NOW, record_of=()) if False else control("c1")
    )
    for number in range(30):
        code = "budget_exceeded" if number % 7 == 0 else ""
        store.records.write(
            record(f"r{number}", NOW + number * 1_000, user=f"ü{number % 3}", code=code, metadata={"team": "ml\x00'\""})
        )
    await store.records.flush()
    for number in range(12):
        await store.audit.append(
            Change(at=NOW + number, by="admin", action="budget.changed", target=f"b{number}", after='{"é": 1}')
        )
    await store.config.save("budgets: []  # 'quoted'", by="admin", at=NOW) if False else None
    while await store.analytics.roll_up():
        pass
    while await store.prune(NOW):
        pass
    await store.close()


def control(identity: str) -> Any:
    raise NotImplementedError

"""A store in a file with something of everything in it, and how its tables are read."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tollway.alerts import Snooze
from tollway.logs.record import Decision
from tollway.logs.remark import Patch
from tollway.statements.month import month_of
from tollway.storage.conformance.cabinet import kept
from tollway.storage.conformance.controls import control
from tollway.storage.conformance.jobs import batch
from tollway.storage.conformance.records import record, spending
from tollway.storage.conformance.remembered import change, event
from tollway.storage.conformance.values import NOW, entry, held, hold, metered, opening
from tollway.storage.protocol import Known
from tollway.storage.schema import metadata
from tollway.storage.sql.driver import Connection
from tollway.storage.sqlite import SqliteStore

SPENT = 5 + 7 + 2**62 + sum(range(60))
"""On the account "a", in nanodollars, but for what is held."""
HELD = 33


async def fill(folder: Path) -> None:
    """A store that was stopped as a gateway is, but for one reservation that nobody ended."""
    store = SqliteStore(folder)
    await store.open(NOW)
    for number, amount in enumerate((5, 7, 2**62)):
        made = await held(store, f"r{number}", metered("a", 10, 2**63 - 1))
        await store.ledger.extend(made.id, 20, NOW)
        store.ledger.settle(entry(made, amount))
    for number in range(60):
        store.ledger.settle(
            spending(f"s{number}", number, user=f"ü{number % 3}", model="'; --", metadata={"team": "ml"})
        )
        store.records.write(record(f"s{number}", NOW + number, user=f"ü{number % 3}", metadata={"k": '"'}))
    store.ledger.settle(spending("unpriced", 0, "unpriced"))
    refused = (Decision(step="policy", outcome="deny", code="model_not_allowed"),)
    store.records.write(record("no", NOW, status=403, code="model_not_allowed", decisions=refused))
    store.ledger.release((await held(store, "back", hold("a", 10, 2**63 - 1))).id, "not_sent", NOW)
    await store.ledger.move(opening("o", 5, "b"))
    await held(store, "open", metered("a", 10, 2**63 - 1))
    await store.ledger.extend("open.1", HELD, NOW)
    await store.ledger.control(control("freeze", "ops"))
    await store.records.flush()
    await store.audit.append(*(change("budget.changed", f"b{number}", after='{"é": 1}') for number in range(5)))
    await store.config.save("budgets: []  # 'quoted' \N{SNOWMAN}", by="admin", at=NOW)
    await store.cabinet.put(kept("k", bytes(range(256))), kept("l", b"", expires_at=NOW + 10))
    await store.jobs.remember(batch("b1"))
    await store.budgets.remember(Known(budget="ml", fingerprint="f", since=NOW))
    await store.outbox.raise_(event("e1", "k1"))
    await store.outbox.snooze(Snooze(target="ml", until=NOW + 1, by="alice"))
    await store.logged.remark(Patch(feedback=1), request_id="s1", recorded_at=NOW, at=NOW, by="alice")
    utc = ZoneInfo("UTC")
    await store.billing.freeze(month_of(NOW, utc), "team", utc, at=NOW, frozen_by="alice", word="")
    while await store.analytics.roll():
        pass
    # The one that nobody ended stays: closing a store ends nothing.
    await store.close()


def rows(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, but for how often it was opened, and the number that a copy gets anew."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for table in metadata.sorted_tables:
        names = ", ".join(f'"{column.name}"' for column in table.columns)
        read = [tuple(row) for row in connection.execute(f'SELECT {names} FROM "{table.name}"').fetchall()]
        found[table.name] = sorted((row for row in read if row[0] not in ("opened", "probe", "books")), key=repr)
    return found

"""A ledger of a million entries: opened and checked in the time that a person waits."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tollway.storage.conformance.values import NOW, entry, held, hold, metered, reservation
from tollway.storage.sql import rows, statements
from tollway.storage.sqlite import SqliteStore, connection
from tollway.storage.sqlite.connection import FILE

ENTRIES = 1_000_000
ACCOUNTS = 1_000


def made_up() -> Iterator[tuple[Any, ...]]:
    row = list(rows.of_entry(entry(reservation("r", hold()), 5)))
    legs = row.index(f'[["a",{NOW}]]')
    for number in range(1, ENTRIES + 1):
        request = f"r{number}"
        row[:3] = f"{request}.1.charge", f"{request}.1", request
        row[5] = number % 97
        row[legs] = f'[["org",{NOW}],["team",{NOW}],["user[user=u{number % ACCOUNTS}]",{NOW}]]'
        yield (number, *row)


@pytest.mark.slow
async def test_a_million_entries_are_verified_within_a_minute(blank: Path, tmp_path: Path) -> None:
    shutil.copy(blank, tmp_path)
    writing = connection.writer(tmp_path / FILE, "normal")
    with writing:
        writing.executemany(statements.INSERT_ENTRY, made_up())
    writing.close()
    store = SqliteStore(tmp_path)
    await store.open(NOW)
    stream = await held(store, "stream", metered("org", 10, 10**18))
    await store.ledger.extend(stream.id, 50, NOW)
    began = time.monotonic()
    assert await store.ledger.verify() == []
    assert time.monotonic() - began < 60
    (org, one) = store.ledger.balances([hold("org"), hold("user[user=u1]")])
    assert org.spent == sum(number % 97 for number in range(1, ENTRIES + 1))
    assert one.spent == sum(number % 97 for number in range(1, ENTRIES + 1, ACCOUNTS))
    await store.close()

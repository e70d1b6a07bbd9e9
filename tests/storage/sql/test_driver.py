"""What is promised of a connection is what databases have, and all that a store asks of one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.storage.sql.places import in_a_file

from tollway.ledger.change import Change
from tollway.storage.conformance.records import record
from tollway.storage.conformance.values import NOW, assert_sound, entry, held, hold
from tollway.storage.counters import Counters
from tollway.storage.protocol import Filter
from tollway.storage.sql import balances, driver
from tollway.storage.sql.past import SqlPast
from tollway.storage.sql.rebuilt import take_in
from tollway.storage.sql.store import SqlStore
from tollway.storage.sql.verified import verified
from tollway.storage.sqlite.driver import connect


def promised(protocol: type) -> set[str]:
    return {name for name in vars(protocol) if not name.startswith("_")}


def only(connection: Any) -> Any:
    return OnlyPromised(connection, driver.Connection)


class OnlyPromised:
    """A connection, or a cursor, with what its protocol names and nothing else."""

    def __init__(self, real: Any, protocol: type) -> None:
        self._real = real
        self._promised = promised(protocol)

    def __getattr__(self, name: str) -> Any:
        assert name in self._promised, f"{name} is not promised"
        return getattr(self._real, name)

    def __enter__(self) -> "OnlyPromised":
        self._real.__enter__()
        return self

    def __exit__(self, *raised: Any) -> Any:
        return self._real.__exit__(*raised)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._real)

    def execute(self, statements: str, *bindings: Any) -> "OnlyPromised":
        return OnlyPromised(self._real.execute(statements, *bindings), driver.Cursor)


@pytest.mark.parametrize("protocol", [driver.Connection, driver.Cursor])
def test_sqlite_has_everything_that_is_promised(protocol: type, tmp_path: Path) -> None:
    connection = connect(tmp_path / "x.db")
    real = connection if protocol is driver.Connection else connection.execute("SELECT 1")
    assert promised(protocol) - set(dir(real)) == set()
    connection.close()


@in_a_file
async def test_a_store_asks_nothing_of_a_connection_but_what_is_promised(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    database: Any = store._database
    query, writing = database.query, database.writer._connection
    monkeypatch.setattr(database.writer, "_connection", only(writing))
    monkeypatch.setattr(database, "query", lambda read: query(lambda reading: read(only(reading))))
    store.ledger.settle(entry(await held(store, "one", hold()), 4))
    store.ledger.release((await held(store, "two", hold())).id, "not_sent", NOW)
    store.records.write(record("one"))
    await store.audit.append(Change(at=NOW, by="admin", action="budget.changed", target="b"))
    await store.records.flush()
    await store.ledger.flush()
    await database.change(take_in)
    assert len((await store.records.records(Filter(), limit=9, cursor=None)).items) == 1
    assert len((await store.records.entries(Filter(), limit=9, cursor=None)).items) == 1
    assert list(await store.audit.verify()) == []
    assert list((await database.query(verified)).differences) == []
    assert (
        await database.query(lambda reading: balances.load(reading, Counters(SqlPast(lambda ask: ask(reading))))) == 1
    )
    await assert_sound(store)
    monkeypatch.undo()

"""Following log and ledger with a cursor: every row once, in the order it was written, whatever its instant."""

import pytest

from tollway.storage.conformance.records import record, spending
from tollway.storage.conformance.values import NOW
from tollway.storage.following import Measured
from tollway.storage.sql import following as module
from tollway.storage.sql.store import SqlStore
from tollway.workers.rollups import roll_all

HOUR = 3_600_000
ALL = 1 << 60


async def filled(store: SqlStore, count: int) -> None:
    """Requests, the later the older; every third is ada's."""
    for number in range(1, count + 1):
        user = "ada" if number % 3 == 0 else "bob"
        store.ledger.settle(spending(f"r{number}", number, at=NOW - number * HOUR, user=user))
        store.records.write(record(f"r{number}", NOW - number * HOUR, user=user))
    await store.ledger.flush()
    await store.records.flush()


async def test_rows_come_in_the_order_in_which_they_were_written(store: SqlStore) -> None:
    assert await store.following.last("records") == await store.following.first("entries") == 0
    await filled(store, 5)
    records = await store.following.records({}, after=1, through=4)
    assert [(number, one.request_id) for number, one in records] == [(2, "r2"), (3, "r3"), (4, "r4")]
    entries = await store.following.entries({"user": "ada"}, after=0, through=5)
    assert [(number, one.request_id) for number, one in entries] == [(3, "r3")]
    for source in ("records", "entries"):
        assert (await store.following.first(source), await store.following.last(source)) == (1, 5)


async def test_a_stretch_has_no_more_rows_than_asked_and_ends_before_the_next_that_is_meant(store: SqlStore) -> None:
    await filled(store, 10)
    asked = {"after": 0, "until": ALL, "size": ALL}
    for source in ("records", "entries"):
        measured = await store.following.measure(source, {}, rows=4, **asked)
        assert measured == Measured(through=4, items=4, gone=0)
        # 3 and 6 are ada's, and so is 9, which does not fit: all before it were looked at.
        measured = await store.following.measure(source, {"user": "ada"}, rows=2, **asked)
        assert measured == Measured(through=8, items=2, gone=0)


async def test_a_stretch_ends_where_it_is_asked_to_and_nothing_lies_behind_it(store: SqlStore) -> None:
    await filled(store, 10)
    for until in (7, 10):
        found = await store.following.measure("records", {}, after=5, until=until, rows=100, size=ALL)
        assert found == Measured(through=until, items=until - 5, gone=0)
    assert await store.following.measure("records", {}, after=10, until=10, rows=5, size=ALL) == Measured(10, 0, 0)


async def test_a_row_that_is_larger_than_the_stretch_may_be_is_one_of_its_own(store: SqlStore) -> None:
    await filled(store, 3)
    for source in ("records", "entries"):
        found = await store.following.measure(source, {}, after=0, until=ALL, rows=100, size=1)
        assert found[:2] == (1, 1)


async def test_only_so_many_rows_are_looked_at_at_once(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WIDEST", 4)
    await filled(store, 10)
    found = await store.following.measure("records", {"user": "nobody"}, after=2, until=10, rows=100, size=ALL)
    assert found == Measured(through=6, items=0, gone=0)


async def test_rows_that_are_gone_are_counted(store: SqlStore) -> None:
    await filled(store, 10)
    await roll_all(store.analytics, pause_s=0)
    assert await store.analytics.retain(before=None, rows=4) == 6
    found = await store.following.measure("records", {}, after=2, until=10, rows=100, size=ALL)
    assert found == Measured(through=10, items=4, gone=4)


async def test_quarters_of_an_hour_are_those_of_what_moves_money(store: SqlStore) -> None:
    for number, at in enumerate((NOW, NOW + 60_000, NOW + 900_000)):
        store.ledger.settle(spending(f"r{number}", 1, at=at))
    store.ledger.settle(spending("o", 1, "opening", at=NOW + HOUR))
    await store.ledger.flush()
    assert await store.following.quarters(after=0, through=10) == [NOW, NOW + 900_000]
    assert await store.following.quarters(after=2, through=10) == [NOW + 900_000]


async def test_a_field_that_there_is_not_is_named(store: SqlStore) -> None:
    with pytest.raises(ValueError, match='"colour" is not a field'):
        await store.following.measure("records", {"colour": "red"}, after=0, until=1, rows=1, size=1)
    with pytest.raises(ValueError, match='"status" is not a field'):
        await store.following.entries({"status": "200"}, after=0, through=1)

"""The request log in SQLite: written in batches, never in the way, read page by page."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest
from tests.storage.sql.places import same_place

from tollway.errors import StoreUnavailable
from tollway.storage import migrations
from tollway.storage.conformance.records import record, spending
from tollway.storage.conformance.values import NOW
from tollway.storage.protocol import Filter
from tollway.storage.sql import records as module
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.filters import conditions
from tollway.storage.sql.store import SqlStore

Fail = Callable[[SqlStore], Any]


async def ids(store: SqlStore, where: Filter | None = None, limit: int = 100) -> list[str]:
    page = await store.records.records(where or Filter(), limit=limit, cursor=None)
    return [item.request_id for item in page.items]  # type: ignore[union-attr]


async def test_a_record_can_be_read_once_it_is_flushed_and_flushing_nothing_is_done_at_once(store: SqlStore) -> None:
    await store.records.flush()
    store.records.write(record("r"))
    assert await store.records.record("r") is None
    await store.records.flush()
    assert await store.records.record("r") == record("r")
    await store.records.flush()
    assert await ids(store) == ["r"]


async def test_a_full_batch_is_begun_without_waiting_for_the_clock(store: SqlStore) -> None:
    for number in range(module.WRITTEN_AT_ONCE - 1):
        store.records.write(record(f"r{number}"))
    assert store.records._writing is None and store.records._timer is not None
    store.records.write(record("last"))
    writing = store.records._writing
    assert writing is not None and store.records._timer is None
    await writing
    assert len(await ids(store)) == module.WRITTEN_AT_ONCE


async def test_many_records_are_written_in_transactions_of_bounded_size(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    insert = module._insert

    def noted(writing: Connection, batch: list[Any]) -> int:
        sizes.append(len(batch))
        return insert(writing, batch)

    monkeypatch.setattr(module, "_insert", noted)
    for number in range(module.WRITTEN_AT_ONCE * 2 + 1):
        store.records.write(record(f"r{number}", NOW + number))
    await store.records.flush()
    assert sum(sizes) == module.WRITTEN_AT_ONCE * 2 + 1
    assert max(sizes) <= module.WRITTEN_AT_ONCE
    assert (await ids(store))[0] == f"r{module.WRITTEN_AT_ONCE * 2}"


async def test_past_the_bound_the_oldest_is_dropped_and_counted(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUEUED_AT_MOST", 3)
    for number in range(5):
        store.records.write(record(f"r{number}", NOW + number))
    assert store.records.dropped == 2
    await store.records.flush()
    assert await ids(store) == ["r4", "r3", "r2"]


async def test_a_record_without_an_encoding_is_counted_and_does_not_harm_the_others(store: SqlStore) -> None:
    for made in (record("a"), record("b", user="\ud83d"), record("c")):
        store.records.write(made)
    await store.records.flush()
    assert store.records.dropped == 1
    assert sorted(await ids(store)) == ["a", "c"]


async def test_records_that_cannot_be_written_stay_queued_in_their_order(store: SqlStore, fail: Fail) -> None:
    disk = fail(store)
    disk.failing = True
    for number in range(3):
        store.records.write(record(f"r{number}"))
    with pytest.raises(StoreUnavailable):
        await store.records.flush()
    assert [each.request_id for each in store.records._queue] == ["r0", "r1", "r2"]
    disk.failing = False
    store.records.write(record("r3"))
    await store.records.flush()
    assert await ids(store) == ["r3", "r2", "r1", "r0"]
    assert store.records.dropped == 0


async def test_a_failure_in_the_background_is_tried_again_and_tells_nobody(
    store: SqlStore, fail: Fail, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = fail(store)
    disk.failing = True
    store.records.write(record("r"))
    store.records._start()
    writing = store.records._writing
    assert writing is not None
    await writing
    assert store.records._timer is not None, "it is to be tried again"
    disk.failing = False
    await store.records.flush()
    assert await ids(store) == ["r"]


async def test_closing_writes_what_is_queued(store: SqlStore) -> None:
    store.records.write(record("r"))
    await store.close()
    again = same_place(store)
    await again.open(NOW)
    assert await ids(again) == ["r"]
    await again.close()


@pytest.mark.parametrize("ask", ["records", "entries"])
async def test_a_cursor_that_was_not_given_and_a_page_of_nothing_are_refused(store: SqlStore, ask: str) -> None:
    question = getattr(store.records, ask)
    with pytest.raises(ValueError, match="is not a cursor"):
        await question(Filter(), limit=5, cursor="1; DROP TABLE entries")
    with pytest.raises(ValueError, match="cannot be asked for"):
        await question(Filter(), limit=0, cursor=None)


async def test_a_cursor_is_given_only_where_there_is_more(store: SqlStore) -> None:
    for number in range(4):
        store.ledger.settle(spending(f"r{number}", 1))
    await store.ledger.flush()
    exact = await store.records.entries(Filter(), limit=4, cursor=None)
    assert (len(exact.items), exact.next) == (4, None)
    first = await store.records.entries(Filter(), limit=3, cursor=None)
    assert first.next is not None
    rest = await store.records.entries(Filter(), limit=3, cursor=first.next)
    assert [item.id for item in (*first.items, *rest.items)] == [item.id for item in exact.items]  # type: ignore[union-attr]
    assert rest.next is None


async def test_a_row_that_comes_between_two_pages_moves_nothing(store: SqlStore) -> None:
    for number in range(3):
        store.records.write(record(f"r{number}", NOW + number))
    await store.records.flush()
    first = await store.records.records(Filter(), limit=2, cursor=None)
    store.records.write(record("newer", NOW + 9))
    await store.records.flush()
    rest = await store.records.records(Filter(), limit=2, cursor=first.next)
    assert [item.request_id for item in rest.items] == ["r0"]  # type: ignore[union-attr]


@pytest.mark.parametrize(("ask", "name"), [("records", "kind"), ("entries", "status"), ("entries", "day")])
async def test_a_field_of_the_other_table_is_refused_before_anything_is_read(
    store: SqlStore, ask: str, name: str
) -> None:
    with pytest.raises(ValueError, match=f'"{name}" is not a field'):
        await getattr(store.records, ask)(Filter(equals={name: "x"}), limit=5, cursor=None)
    with pytest.raises(ValueError, match='"status" is not a field'):
        await store.records.spend(Filter(), ["status"])


async def test_spend_without_entries_has_no_rows_and_without_groups_one(store: SqlStore) -> None:
    assert await store.records.spend(Filter(), []) == []
    assert await store.records.spend(Filter(), ["user"]) == []
    store.ledger.settle(spending("one", 3, user="alice"))
    store.ledger.settle(spending("two", 4))
    await store.ledger.flush()
    (total,) = await store.records.spend(Filter(), [])
    assert (total.group, total.spent, total.entries) == ((), 7, 2)
    by_user = await store.records.spend(Filter(), ["user"])
    assert [(row.group, row.spent) for row in by_user] == [((None,), 4), (("alice",), 3)]


async def test_a_filter_that_few_pass_looks_at_so_many_requests_for_a_page(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOKED_AT_MOST", 10)
    for number in range(35):
        store.records.write(record(f"r{number}", NOW + number, user="ann" if number in (0, 7, 30) else "bob"))
    await store.records.flush()
    for where in (Filter(equals={"user": "ann"}), Filter(equals={"user": "ann", "api": "openai.chat"})):
        pages: list[list[str]] = []
        cursor: str | None = None
        while True:
            page = await store.records.records(where, limit=5, cursor=cursor)
            pages.append([item.request_id for item in page.items])  # type: ignore[union-attr]
            cursor = page.next
            if cursor is None:
                break
        assert pages == [["r30"], [], ["r7"], ["r0"]]


async def test_what_has_an_index_is_found_at_once(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOKED_AT_MOST", 2)
    for number in range(20):
        code = "budget_exceeded" if number % 7 == 0 else ""
        store.records.write(record(f"r{number}", NOW + number, code=code, user="ann"))
    await store.records.flush()
    for equals, found in (
        ({"request_id": "r3"}, ["r3"]),
        ({"code": "budget_exceeded"}, ["r14", "r7", "r0"]),
        ({"code": "budget_exceeded", "user": "ann"}, ["r14", "r7", "r0"]),
    ):
        page = await store.records.records(Filter(equals=equals), limit=5, cursor=None)
        assert ([item.request_id for item in page.items], page.next) == (found, None)  # type: ignore[union-attr]


@pytest.mark.parametrize("field", ["code", "request_id", "feedback"])
async def test_that_a_request_has_none_is_in_no_index(
    store: SqlStore, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOKED_AT_MOST", 2)
    for number in range(5):
        store.records.write(record(f"r{number}", NOW + number))
    await store.records.flush()
    page = await store.records.records(Filter(equals={field: ""}), limit=9, cursor=None)
    assert len(page.items) == (0 if field == "request_id" else 2) and page.next is not None


def test_refusals_by_their_reason_are_read_from_their_index_in_order(tmp_path: Path) -> None:
    path = tmp_path / "tollway.db"
    migrations.upgrade(path)
    clauses, bindings = conditions("records", Filter(equals={"code": "budget_exceeded"}))
    reading = apsw.Connection(str(path))
    plan = reading.execute(
        f"EXPLAIN QUERY PLAN SELECT record FROM records WHERE {' AND '.join(clauses)} ORDER BY at DESC, seq DESC LIMIT 9",
        bindings,
    ).fetchall()
    assert [step[3] for step in plan] == ["SEARCH records USING INDEX records_code (code=?)"]


async def test_bodies_find_no_room_before_the_first_record_is_lost(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUEUED_AT_MOST", 10)
    # Nothing is written meanwhile: the loop has no turn.
    for number in range(4):
        store.records.write(record(f"r{number}"))
    assert store.bodies.hold(5) and not store.records.pressed
    store.bodies.let_go(5)
    for number in range(4, 10):
        store.records.write(record(f"r{number}"))
    assert not store.bodies.hold(5) and store.records.pressed and store.records.dropped == 0
    store.records.write(record("one too many"))
    assert store.records.dropped == 1
    await store.records.flush()
    assert store.bodies.hold(5)
    store.bodies.let_go(5)

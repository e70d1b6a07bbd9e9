"""The reference store: what conformance does not ask, because it is memory's alone, or the plain meaning of a question."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.ledger.entry import LedgerEntry
from tollway.ledger.reservation import Exhausted, Gone
from tollway.storage.conformance.records import HOUR, record, spending
from tollway.storage.conformance.values import LONG_S, NOW, at, entry, held, hold, reservation
from tollway.storage.memory import MemoryStore
from tollway.storage.protocol import Filter, SpendRow


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


async def test_two_stores_share_nothing(store: MemoryStore) -> None:
    await held(store, "one", hold("a", 10))
    other = MemoryStore()
    assert at(other) == (0, 0)
    assert await other.open(NOW) == ()


async def test_entries_are_kept_in_the_order_of_settlement(store: MemoryStore) -> None:
    for name in ("b", "a"):
        assert store.ledger.settle(entry(await held(store, name, hold()), 3))
    assert [each.id for each in store.ledger.entries] == ["b.1.charge", "a.1.charge"]
    assert store.ledger.has_entry("a.1.charge")
    assert not store.ledger.has_entry("c.1.charge")


async def test_a_sweep_books_what_has_lapsed_and_nothing_else(store: MemoryStore) -> None:
    await store.ledger.reserve(reservation("late", hold("a", 10), deadline=NOW), NOW)
    await store.ledger.reserve(reservation("early", hold("a", 5), deadline=NOW + 1), NOW)
    presumed = store.ledger.sweep(NOW)
    assert [(each.reservation_id, each.charge.amount) for each in presumed] == [("late.1", 10)]
    assert list(store.ledger.entries) == list(presumed)
    assert [each.id for each in store.ledger.open_reservations()] == ["early.1"]
    assert store.ledger.sweep(NOW) == []


async def test_its_books_are_checked_against_what_it_keeps(store: MemoryStore) -> None:
    store.ledger.settle(entry(await held(store, "one", hold("a", 10)), 4))
    assert await store.ledger.verify() == []
    store.ledger.entries.clear()
    (words,) = await store.ledger.verify()
    assert 'Account "a"' in words and "(4 nanodollars), but the ledger says $0.00" in words


async def test_a_reservation_that_ended_is_gone_even_where_the_money_is_spent(store: MemoryStore) -> None:
    made = await held(store, "one", hold("a", 100))
    store.ledger.settle(entry(made, 100))
    assert await store.ledger.reserve(made, NOW) == Gone("settled")
    verdict = await store.ledger.reserve(reservation("two", hold("a", 1)), NOW, LONG_S)
    assert isinstance(verdict, Exhausted) and not verdict.contended


async def test_nothing_is_left_to_prune_or_to_flush(store: MemoryStore) -> None:
    assert await store.prune(NOW) is False
    await store.ledger.flush()
    await store.records.flush()
    await store.close()


async def test_the_newest_record_of_a_request_is_the_one_that_is_told(store: MemoryStore) -> None:
    store.records.write(record("r", status=200))
    store.records.write(record("r", status=429))
    found = await store.records.record("r")
    assert found is not None and found.status == 429
    assert await store.records.record("other") is None


@pytest.mark.parametrize("limit", [0, -1])
async def test_a_page_without_rows_cannot_be_asked_for(store: MemoryStore, limit: int) -> None:
    with pytest.raises(ValueError, match="cannot be asked for"):
        await store.records.records(Filter(), limit=limit, cursor=None)


async def test_the_span_of_a_filter_has_its_start_and_not_its_end(store: MemoryStore) -> None:
    for number in range(3):
        store.records.write(record(f"r{number}", NOW + number))
    page = await store.records.records(Filter(since=NOW, until=NOW + 2), limit=9, cursor=None)
    assert [item.request_id for item in page.items] == ["r1", "r0"]  # type: ignore[union-attr]


async def test_spend_by_group_counts_a_caller_in_each_of_its_groups_and_in_none(store: MemoryStore) -> None:
    store.ledger.settle(spending("one", 10, groups=("eng", "leads")))
    store.ledger.settle(spending("two", 5))
    store.ledger.settle(spending("three", 0, "unpriced", groups=("eng",)))
    rows = await store.records.spend(Filter(), ["group"])
    assert [(row.group, row.spent, row.entries, row.unpriced) for row in rows] == [
        (("eng",), 10, 2, 1),
        (("leads",), 10, 1, 0),
        ((None,), 5, 1, 0),
    ]


async def test_spend_by_hour_and_day_is_in_utc(store: MemoryStore) -> None:
    store.ledger.settle(spending("one", 1, at=NOW - 1))
    store.ledger.settle(spending("two", 2, at=NOW + 13 * HOUR))
    assert [row.group for row in await store.records.spend(Filter(), ["day", "hour"])] == [
        ("2026-07-01", "2026-07-01T13:00Z"),
        ("2026-06-30", "2026-06-30T23:00Z"),
    ]


async def test_spend_without_groups_is_one_sum_and_without_entries_no_row(store: MemoryStore) -> None:
    assert await store.records.spend(Filter(), []) == []
    store.ledger.settle(spending("one", 3))
    store.ledger.settle(spending("two", 4))
    assert await store.records.spend(Filter(), []) == [
        SpendRow(group=(), spent=7, entries=2, unpriced=0, input_tokens=22, output_tokens=10)
    ]


async def test_settings_that_did_not_change_are_no_new_revision(store: MemoryStore) -> None:
    assert await store.config.latest() is None
    first = await store.config.save("a", by="file", at=1)
    assert await store.config.save("a", by="someone", at=2) is first
    second = await store.config.save("b", by="file", at=3)
    third = await store.config.save("a", by="file", at=4)
    assert [each.number for each in (first, second, third)] == [1, 2, 3]
    assert list(await store.config.history(limit=2)) == [third, second]
    assert await store.config.latest() == third


@given(st.lists(st.integers(0, 5), max_size=20), st.integers(1, 7))
def test_every_row_is_on_exactly_one_page_newest_first(offsets: list[int], limit: int) -> None:
    async def seen() -> list[LedgerEntry]:
        store = MemoryStore()
        for number, offset in enumerate(offsets):
            store.ledger.settle(spending(f"r{number}", 1, at=NOW + offset))
        found: list[LedgerEntry] = []
        cursor: str | None = None
        while True:
            page = await store.records.entries(Filter(), limit=limit, cursor=cursor)
            assert len(page.items) <= limit
            found += [item for item in page.items if isinstance(item, LedgerEntry)]
            cursor = page.next
            if cursor is None:
                return found

    found = asyncio.run(seen())
    assert sorted(each.id for each in found) == sorted(f"r{number}.1.charge" for number in range(len(offsets)))
    assert [each.occurred_at for each in found] == sorted((NOW + offset for offset in offsets), reverse=True)

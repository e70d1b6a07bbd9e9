"""The database itself: what a start reads, what is pruned, what stays known."""

import asyncio
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.storage.sql.places import killed, reopened, while_closed

from tollway.ledger.reservation import Gone, Held
from tollway.storage.conformance.records import record, spending
from tollway.storage.conformance.values import NOW, assert_sound, at, entry, held, hold, reservation, written
from tollway.storage.memory import MemoryStore
from tollway.storage.protocol import Filter
from tollway.storage.sql import balances
from tollway.storage.sql.store import SqlStore
from tollway.storage.sqlite import SqliteStore


async def test_a_start_presumes_what_was_open_and_knows_it_for_ever(store: SqlStore) -> None:
    made = await held(store, "r", hold())
    again = await reopened(store)
    assert at(again) == (10, 0)
    assert await again.ledger.reserve(made, NOW) == Gone("presumed")
    twice = await reopened(again)
    assert at(twice) == (10, 0)
    assert twice.ledger.settle(entry(made, 4))
    assert not twice.ledger.settle(entry(made, 4))
    thrice = await reopened(twice)
    assert at(thrice) == (4, 0)
    assert not thrice.ledger.settle(entry(made, 4))
    assert not thrice.ledger.release(made.id, "late", NOW)
    await assert_sound(thrice)
    await thrice.close()


@pytest.mark.parametrize("pruned", [False, True])
async def test_ends_are_known_after_a_start(store: SqlStore, pruned: bool) -> None:
    settled = await held(store, "s", hold())
    store.ledger.settle(entry(settled, 4))
    store.ledger.settle(entry(settled, -1, "credit"))
    released = await held(store, "r", hold())
    store.ledger.release(released.id, "not_sent", NOW)
    if pruned:
        assert not await store.prune(NOW)
        assert await store._database.query(lambda reading: reading.execute("SELECT * FROM intents").fetchall()) == []
    again = await reopened(store)
    assert await again.ledger.reserve(settled, NOW) == Gone("settled")
    assert await again.ledger.reserve(released, NOW) == Gone("released")
    assert not again.ledger.settle(entry(settled, 4))
    assert not again.ledger.settle(entry(settled, -1, "credit"))
    assert not again.ledger.settle(entry(released, 4))
    assert not again.ledger.release(settled.id, "late", NOW)
    assert at(again) == (3, 0)
    await assert_sound(again)
    await again.close()


async def test_known_reservations_in_a_batch_do_not_harm_the_others(store: SqlStore) -> None:
    old = [await held(store, f"old{number}", hold()) for number in range(3)]
    for made in old:
        store.ledger.settle(entry(made, 1))
    again = await reopened(store)
    mixed = [old[0], reservation("new1", hold()), old[1], reservation("new2", hold()), old[2]]
    answers = await asyncio.gather(*(again.ledger.reserve(made, NOW) for made in mixed))
    assert [type(answer) for answer in answers] == [Gone, Held, Gone, Held, Gone]
    assert at(again) == (3, 20)
    await assert_sound(again)
    await again.close()


async def test_pruning_never_removes_what_is_open(store: SqlStore) -> None:
    still = await held(store, "open", hold(limit=10**6))
    for number in range(40):
        made = await held(store, f"r{number}", hold(limit=10**6))
        if number % 2:
            store.ledger.settle(entry(made, 1))
        else:
            store.ledger.release(made.id, "not_sent", NOW)
    await store.ledger.flush()
    assert not await store.prune(NOW + 1)
    left = await store._database.query(lambda reading: reading.execute("SELECT reservation_id FROM intents").fetchall())
    assert left == [(still.id,)]
    await store.prune(NOW + 73 * 3_600_000)
    left = await store._database.query(lambda reading: reading.execute("SELECT count(*) FROM releases").get)
    assert left == 1
    await assert_sound(store)


async def test_pruning_goes_in_bounded_steps(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    from tollway.storage.sql import recovery

    monkeypatch.setattr(recovery, "PRUNED_AT_ONCE", 5)
    for number in range(12):
        store.ledger.settle(entry(await held(store, f"r{number}", hold(limit=10**6)), 1))
    assert [await store.prune(NOW) for _ in range(3)] == [True, True, False]


async def test_a_start_reads_saved_balances_and_the_entries_after_them(
    store: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(balances, "ENTRIES_BETWEEN_PASSES", 10)
    monkeypatch.setattr(balances, "SAVED_AT_ONCE", 2)
    for number in range(75):
        names = (f"a{number % 7}", "all")
        made = await held(store, f"r{number}", *(hold(name, limit=10**6) for name in names))
        store.ledger.settle(entry(made, number))
    await store.ledger.flush()
    again, _ = await killed(store, tmp_path / "crashed")
    for closed in (False, True):
        if closed:
            again = await reopened(again)
        assert at(again, "all") == (sum(range(75)), 0)
        mark = await again._database.query(
            lambda reading: reading.execute("SELECT seq FROM marks WHERE name = 'balances'").get
        )
        assert mark >= 50
        await assert_sound(again)
        await again.close()


async def test_old_buckets_leave_memory_and_come_back(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balances, "KEPT_BUCKETS", 5)
    monkeypatch.setattr(balances, "ENTRIES_BETWEEN_PASSES", 4)
    for step in range(30):
        place = {"bucket": NOW + step, "since": NOW + step - 2}
        made = await held(store, f"r{step}", hold(limit=10**6, **place))
        store.ledger.settle(entry(made, 1))
    await store.ledger.flush()
    account = store.ledger._counters._accounts["a"]
    assert len(account.buckets) < 12
    await assert_sound(store)
    late = await held(store, "late", hold(limit=10**6, bucket=NOW + 40, since=NOW + 40))
    old = reservation("old", hold(bucket=NOW + 1, since=NOW + 1))
    assert store.ledger.settle(entry(old, 100))
    assert at(store, since=NOW) == (130, 10)
    store.ledger.settle(entry(late, 1))
    await assert_sound(store)
    again = await reopened(store)
    assert len(again.ledger._counters._accounts["a"].buckets) <= 5
    assert at(again, since=NOW + 1) == (130, 0)
    await assert_sound(again)
    await again.close()


async def test_verify_finds_what_is_wrong(store: SqlStore) -> None:
    made = await held(store, "r", hold())
    store.ledger.settle(entry(await held(store, "s", hold()), 4))
    counters = store.ledger._counters
    counters._accounts["a"].buckets[NOW].spent += 1
    counters._accounts["a"].buckets[NOW].held += 2
    words = await store.ledger.verify()
    assert len(words) == 3
    assert any("spent is counted as" in word and "(5 nanodollars)" in word for word in words)
    counters._accounts["a"].buckets[NOW].spent -= 1
    counters._accounts["a"].buckets[NOW].held -= 2
    await assert_sound(store)
    del counters.open[made.id]
    assert any("open in the store, but not in memory" in word for word in await store.ledger.verify())
    counters.open[made.id] = made
    await store._database.writer.run(lambda own: own.execute("DELETE FROM intents"))
    assert any("open in memory, but not in the store" in word for word in await store.ledger.verify())


async def test_verify_finds_a_saved_balance_that_is_wrong(store: SqlStore) -> None:
    store.ledger.settle(entry(await held(store, "r", hold()), 4))
    await store.close()
    await while_closed(store, lambda other: other.execute("UPDATE balances SET spent_nanodollars = 3"))
    await store.open(NOW)
    assert [word.partition(":")[0] for word in await store.ledger.verify()] == [f'Account "a", bucket {NOW}']


async def test_ended_reservations_are_forgotten_in_time_and_still_known(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(balances, "KEPT_ENDS", 4)
    made = [await held(store, f"r{number}", hold(limit=10**6)) for number in range(20)]
    for each in made:
        store.ledger.settle(entry(each, 1))
        await store.ledger.flush()
    counters = store.ledger._counters
    assert len(counters._ended) + len(counters._ended_before) <= 10
    assert not store.ledger.settle(entry(made[0], 1))
    assert await store.ledger.reserve(made[1], NOW) == Gone("settled")
    await assert_sound(store)


async def test_an_unpriced_answer_without_budgets_is_never_lost(store: SqlStore) -> None:
    made = await held(store, "r")
    again = await reopened(store)
    (row,) = await written(again)
    assert (row.kind, row.charge.amount, row.legs, row.reservation_id) == ("presumed", 7, (), made.id)
    await again.close()


async def test_records_are_bounded_and_the_oldest_goes_first(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    from tollway.storage.sql import records

    monkeypatch.setattr(records, "QUEUED_AT_MOST", 10)
    for number in range(15):
        store.records.write(record(f"r{number}"))
    assert store.records.dropped == 5
    await store.records.flush()
    assert await store.records.record("r4") is None
    assert await store.records.record("r5") is not None
    store.records.write(record("odd", user_agent="\ud800"))
    await store.records.flush()
    assert store.records.dropped == 6


async def test_records_are_written_without_being_asked(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    from tollway.storage.sql import records

    monkeypatch.setattr(records, "FLUSH_S", 0.0)
    store.records.write(record("one"))
    while await store.records.record("one") is None:
        await asyncio.sleep(0)
    for number in range(120):
        store.records.write(record(f"r{number}"))
    while await store.records.record("r119") is None:
        await asyncio.sleep(0)


FIELDS = st.sampled_from(["user", "group", "day", "hour", "metadata.team", "kind", "model", "gateway"])


TEXTS = st.sampled_from(["a", "b", "'", ""])


@settings(max_examples=15, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(-(10**12), 10**12),
            st.sampled_from(["charge", "unpriced", "correction"]),
            st.integers(0, 72),
            st.none() | TEXTS,
            st.lists(TEXTS, max_size=2, unique=True),
            st.dictionaries(st.sampled_from(["team", "$.x"]), TEXTS, max_size=2),
        ),
        max_size=12,
    ),
    group_by=st.lists(FIELDS, max_size=3, unique=True),
    equals=st.dictionaries(st.sampled_from(["user", "group", "metadata.$.x", "kind"]), TEXTS, max_size=1),
    since=st.none() | st.integers(0, 48),
)
def test_reports_equal_sums_in_python(blank: Path, tmp_path_factory, rows, group_by, equals, since) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("reports")
    shutil.copy(blank, folder)

    async def compare() -> None:
        stores = (SqliteStore(folder), MemoryStore())
        where = Filter(since=None if since is None else NOW + since * 3_600_000, equals=equals)
        answers = []
        for store in stores:
            await store.open(NOW)
            for number, (amount, kind, hours, user, groups, metadata) in enumerate(rows):
                made = spending(
                    f"r{number}",
                    amount,
                    kind,
                    NOW + hours * 3_600_000,
                    user=user,
                    groups=tuple(groups),
                    metadata=metadata,
                )
                assert store.ledger.settle(made)
            await store.ledger.flush()
            page = await store.records.entries(where, limit=3, cursor=None)
            second = await store.records.entries(where, limit=3, cursor=page.next) if page.next else None
            answers.append((list(await store.records.spend(where, group_by)), page, second))
            assert await store.ledger.verify() == []
            await store.close()
        assert answers[0] == answers[1]

    asyncio.run(compare())

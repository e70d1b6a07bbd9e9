"""Group commit, and what happens when the database says no."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.storage.sql.places import same_place

from tollway.errors import StoreUnavailable
from tollway.ledger.reservation import Held
from tollway.storage.conformance.values import LONG_S, NOW, assert_sound, at, entry, held, hold, reservation, written
from tollway.storage.sql import writer
from tollway.storage.sql.store import SqlStore

Fail = Callable[[SqlStore], Any]


async def test_what_one_turn_of_the_loop_queues_is_one_commit(store: SqlStore, fail: Fail) -> None:
    connection = fail(store)
    await asyncio.gather(*(held(store, f"r{number}", hold(limit=10_000)) for number in range(50)))
    assert connection.commits == 1
    for number in range(50):
        store.ledger.settle(entry(reservation(f"r{number}", hold()), 1))
    await store.ledger.flush()
    assert connection.commits == 2


async def test_a_reserve_that_cannot_be_written_holds_nothing(store: SqlStore, fail: Fail) -> None:
    connection = fail(store)
    connection.failing = True
    with pytest.raises(StoreUnavailable, match="FullError: database or disk is full"):
        await store.ledger.reserve(reservation("r", hold(amount=60)), NOW)
    assert at(store) == (0, 0)
    connection.failing = False
    # Only a write that worked makes the store trustworthy again.
    with pytest.raises(StoreUnavailable):
        await store.ledger.reserve(reservation("s", hold(amount=60)), NOW)
    await store.ledger.flush()
    await held(store, "r", hold(amount=60))
    await assert_sound(store)


async def test_two_calls_for_one_reservation_fail_together(store: SqlStore, fail: Fail) -> None:
    fail(store).failing = True
    made = reservation("r", hold(amount=60))
    answers = await asyncio.gather(*(store.ledger.reserve(made, NOW) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(answer, StoreUnavailable) for answer in answers)
    assert at(store) == (0, 0)
    store._database.writer._connection.failing = False  # type: ignore[attr-defined]


async def test_settlements_and_releases_are_tried_until_they_are_written(
    store: SqlStore, fail: Fail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "RETRY_S", 0.001)
    first, second, third = [await held(store, name, hold(amount=20)) for name in ("one", "two", "three")]
    connection = fail(store)
    connection.failing = True
    store.ledger.settle(entry(first, 5))
    with pytest.raises(StoreUnavailable):
        await store.ledger.flush()
    store.ledger.release(second.id, "not_sent", NOW)
    store.ledger.settle(entry(third, 6))
    assert at(store) == (11, 0)
    with pytest.raises(StoreUnavailable):
        await store.ledger.reserve(reservation("four", hold()), NOW)
    connection.failing = False
    while store._database.writer.broken is not None:
        await asyncio.sleep(0)
    await held(store, "four", hold())
    assert [row.request_id for row in await written(store)] == ["three", "one"]
    await assert_sound(store)


async def test_those_who_wait_are_told_that_the_store_is_unavailable(store: SqlStore, fail: Fail) -> None:
    holder = await held(store, "holder", hold(amount=100))
    waiting = [
        asyncio.create_task(store.ledger.reserve(reservation(f"r{number}", hold(amount=60)), NOW, LONG_S))
        for number in range(3)
    ]
    await asyncio.sleep(0)
    connection = fail(store)
    connection.failing = True
    store.ledger.release(holder.id, "not_sent", NOW)
    answers = await asyncio.gather(waiting[0], return_exceptions=True)
    assert isinstance(answers[0], StoreUnavailable)
    connection.failing = False
    await store.ledger.flush()
    assert isinstance(await waiting[1], Held)
    store.ledger.release("r1.1", "not_sent", NOW)
    assert isinstance(await waiting[2], Held)
    await assert_sound(store)


async def test_a_cancelled_reserve_whose_write_fails_holds_nothing(store: SqlStore, fail: Fail) -> None:
    connection = fail(store)
    connection.failing = True
    reserving = asyncio.create_task(store.ledger.reserve(reservation("r", hold(amount=60)), NOW))
    await asyncio.sleep(0)
    reserving.cancel()
    await asyncio.wait([reserving])
    assert at(store) == (0, 0)
    connection.failing = False
    await store.ledger.flush()
    await assert_sound(store)


async def test_closing_says_what_could_not_be_written(store: SqlStore, fail: Fail) -> None:
    made = await held(store, "r", hold())
    fail(store).failing = True
    store.ledger.settle(entry(made, 5))
    with pytest.raises(StoreUnavailable, match="1 ledger entries could not be written"):
        await store.close()
    again = same_place(store)
    assert [each.charge.amount for each in await again.open(NOW)] == [10]
    await again.close()


async def test_a_poisonous_amount_is_refused_before_anything_is_booked(store: SqlStore) -> None:
    made = await held(store, "r", hold())
    with pytest.raises(OverflowError):
        store.ledger.settle(entry(made, 2**63))
    assert at(store) == (0, 10)
    await assert_sound(store)


async def test_half_a_surrogate_pair_does_not_stop_the_ledger(store: SqlStore) -> None:
    import msgspec

    made = await held(store, "r", hold())
    odd = entry(made, 5)
    odd = msgspec.structs.replace(
        odd, response_model="gpt\ud800", context=msgspec.structs.replace(odd.context, user="\ud800")
    )
    assert store.ledger.settle(odd)
    (row,) = await written(store)
    assert (row.response_model, row.context.user) == ("gpt?", "?")


async def test_a_job_that_fails_leaves_nothing_behind(store: SqlStore) -> None:
    def work(connection: object) -> None:
        connection.execute("INSERT INTO marks VALUES ('x', 1)")  # type: ignore[attr-defined]
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await store._database.writer.run(work)
    rows = await store._database.query(
        lambda reading: reading.execute("SELECT * FROM marks WHERE name = 'x'").fetchall()
    )
    assert rows == []
    with pytest.raises(StoreUnavailable, match="defect"):
        await store._database.writer.run(lambda connection: connection.execute("nonsense"))
    await held(store, "r", hold())


async def test_a_job_that_the_disk_keeps_from_its_turn_is_given_up_and_never_done_later(
    store: SqlStore, fail: Fail
) -> None:
    made = await held(store, "r", hold())
    connection = fail(store)
    connection.failing = True
    store.ledger.settle(entry(made, 5))
    done: list[str] = []
    jobs = [asyncio.ensure_future(store._database.change(lambda _, name=name: done.append(name))) for name in "ab"]
    for job in jobs:
        with pytest.raises(StoreUnavailable, match="FullError"):
            await job
    connection.failing = False
    await store.ledger.flush()
    await store._database.change(lambda _: done.append("c"))
    assert done == ["c"]

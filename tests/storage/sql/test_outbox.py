"""Alerts in a database: raised in one step, and still to be delivered after a start."""

from collections.abc import Callable
from typing import Any

import pytest

from tollway.errors import StoreUnavailable
from tollway.storage.conformance.remembered import event
from tollway.storage.conformance.values import NOW
from tollway.storage.sql.store import SqlStore

Fail = Callable[[SqlStore], Any]


async def test_an_event_and_its_deliveries_are_written_together(store: SqlStore, fail: Fail) -> None:
    disk = fail(store)
    disk.failing = True
    with pytest.raises(StoreUnavailable):
        await store.outbox.raise_(event("e1", "a"))
    disk.failing = False
    assert (list(await store.outbox.events(limit=9)), list(await store.outbox.due(NOW, 9))) == ([], [])
    commits = disk.commits
    assert list(await store.outbox.raise_(event("e1", "a"), event("e2", "b"))) == [event("e1", "a"), event("e2", "b")]
    assert disk.commits == commits + 1
    assert len(await store.outbox.due(NOW, 9)) == 4


async def test_what_has_not_arrived_is_due_after_a_start_and_its_key_is_still_known(store: SqlStore) -> None:
    await store.outbox.raise_(event("e1", "a", data={"spent": "1.50", "until": None, "percent": 80}))
    await store.close()
    await store.open(NOW)
    assert list(await store.outbox.raise_(event("e2", "a"))) == []
    assert [each.event.data["percent"] for each in await store.outbox.due(NOW, 9)] == [80, 80]


async def test_a_channel_that_is_named_twice_is_delivered_to_once(store: SqlStore) -> None:
    await store.outbox.raise_(event("e1", "a", channels=("mail", "mail")))
    assert [each.channel for each in await store.outbox.due(NOW, 9)] == ["mail"]

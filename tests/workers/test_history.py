import pytest
from tests.workers.filled import snapshot_of

from tollway.errors import StoreUnavailable
from tollway.storage.memory import MemoryStore
from tollway.workers.history import History

A = '{name: a, limit: "1", window: {period: day}}'
NAMED = '{name: b, limit: "1", window: {period: day}}'


def history(store: MemoryStore) -> History:
    return History(store.config, store.audit, lambda: 5)


async def lines(store: MemoryStore) -> list[tuple[str, str, str]]:
    found = await store.audit.changes(limit=100)
    return [(line.change.action, line.change.target, line.change.by) for line in reversed(found)]


async def test_a_start_with_the_settings_of_the_last_one_is_no_change() -> None:
    store = MemoryStore()
    text = snapshot_of(A).document
    assert await history(store).started(text) == 1
    once = await lines(store)
    assert once == [("provider.created", "openai", "file"), ("budget.created", "a", "file")]
    assert await history(store).started(text) == 1
    assert await lines(store) == once


async def test_settings_of_another_version_are_one_line() -> None:
    store = MemoryStore()
    await store.config.save("budgets: {old: way}", by="file", at=1)
    await history(store).started(snapshot_of(A).document)
    assert await lines(store) == [("settings.changed", "settings", "file")]


async def test_a_budget_whose_id_came_from_its_name_is_told_of_when_renamed(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    await history(store).changed(snapshot_of(A), snapshot_of(NAMED), "ann")
    assert await lines(store) == [("budget.deleted", "a", "ann"), ("budget.created", "b", "ann")]
    assert 'write "id: a" to keep' in caplog.text
    assert [revision.by for revision in await store.config.history(limit=9)] == ["ann"]


async def test_a_history_that_cannot_be_kept_is_told_of_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()

    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(store.config, "save", away)
    monkeypatch.setattr(store.audit, "append", away)
    await history(store).changed(snapshot_of(A), snapshot_of(NAMED), "ann")
    assert caplog.text.count("the disk is full") == 2

"""Histories of routes: bounded, and safe from those who change them at the same time."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from tollway.admin import route_versions
from tollway.admin.problem import Problem
from tollway.admin.route_versions import History, Versions
from tollway.storage.memory.cabinet import MemoryCabinet

NOW = 1_800_000_000_000


def versions() -> Versions:
    store = SimpleNamespace(cabinet=MemoryCabinet())
    return Versions(cast(Any, SimpleNamespace(store=store, clock=SimpleNamespace(now=lambda: NOW))))


def adding(kept: Versions, comment: str) -> Any:
    version = kept.version({"elements": []}, [], "ann", comment)

    def change(history: History | None) -> History:
        before = history or History("a", None, NOW, NOW)
        return msgspec.structs.replace(before, versions=(*before.versions, version))

    return change


async def test_what_is_kept_is_found_by_its_id() -> None:
    kept = versions()
    assert await kept.get("a") is None
    history = await kept.change("a", adding(kept, "first"))
    assert await kept.get("a") == history and await kept.all() == {"a": history}
    version = history.versions[0]
    assert history.version(version.id) == version and history.version("x") is None
    await kept.drop("a")
    assert await kept.all() == {}


async def test_nobody_who_saves_at_the_same_time_is_lost() -> None:
    kept = versions()
    await asyncio.gather(*(kept.change("a", adding(kept, str(number))) for number in range(15)))
    history = await kept.get("a")
    assert history is not None and sorted(int(one.comment or "") for one in history.versions) == list(range(15))


async def test_who_never_gets_a_turn_is_told() -> None:
    kept = versions()
    await kept.change("a", adding(kept, "first"))
    cabinet = kept._runtime.store.cabinet  # pyright: ignore[reportPrivateUsage]

    async def never(*_: object) -> bool:
        return False

    cast(Any, cabinet).swap = never
    with pytest.raises(Problem, match="try again"):
        await kept.change("a", adding(kept, "second"))


async def test_the_oldest_that_were_not_deployed_are_dropped_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route_versions, "MOST_VERSIONS", 3)
    kept = versions()
    first = (await kept.change("a", adding(kept, "0"))).versions[0]
    deployment = kept.deployment(first.id, "ann", None)
    await kept.change("a", lambda history: msgspec.structs.replace(cast(History, history), deployments=(deployment,)))
    for number in range(1, 6):
        history = await kept.change("a", adding(kept, str(number)))
    assert [one.comment for one in history.versions] == ["0", "4", "5"]
    monkeypatch.setattr(route_versions, "LARGEST", 1)
    history = await kept.change("a", adding(kept, "6"))
    assert [one.comment for one in history.versions] == ["6"]

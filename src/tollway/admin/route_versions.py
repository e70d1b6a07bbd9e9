"""Versions and deployments of routes, kept in the store; which version is in force, the settings file alone decides."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.ids import Ids
from tollway.storage.protocol import Kept

DRAWER = "route"
MOST_VERSIONS = 200
"""Of one route; the oldest ones that were not deployed are dropped first."""
MOST_DEPLOYMENTS = 200
LARGEST = 4_000_000
"""Bytes of all versions of a route."""
_TRIES = 20


class Version(msgspec.Struct, frozen=True):
    """A route as it was saved once."""

    id: str
    at: int
    """Unix milliseconds."""
    by: str
    content: Mapping[str, Any]
    """`elements`, or `targets` and what belongs to them, as the settings have it."""
    elements: Sequence[Any]
    """In Cloudflare's newer dialect, whichever they were written in."""
    comment: str | None = None


class Deployment(msgspec.Struct, frozen=True):
    id: str
    version_id: str
    at: int
    by: str
    comment: str | None = None


class History(msgspec.Struct, frozen=True):
    """What is kept of one route."""

    name: str
    gateway: str | None
    created_at: int
    modified_at: int
    versions: tuple[Version, ...] = ()
    """The oldest first."""
    deployments: tuple[Deployment, ...] = ()
    """The oldest first."""

    def version(self, version_id: str) -> Version | None:
        return next((one for one in self.versions if one.id == version_id), None)


class Versions:
    """The histories of all routes, by their ids. Every method raises StoreUnavailable."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._ids = Ids(os.urandom)

    async def all(self) -> dict[str, History]:
        kept = await self._runtime.store.cabinet.all(DRAWER, self._runtime.clock.now())
        return {one.id: _read(one) for one in kept}

    async def get(self, route_id: str) -> History | None:
        kept = await self._runtime.store.cabinet.get(DRAWER, route_id, self._runtime.clock.now())
        return _read(kept) if kept is not None else None

    def version(self, content: Mapping[str, Any], elements: Sequence[Any], by: str, comment: str | None) -> Version:
        """A new one, which is not kept yet."""
        now = self._runtime.clock.now()
        return Version(self._ids.new(now), now, by, content, elements, comment)

    def deployment(self, version_id: str, by: str, comment: str | None) -> Deployment:
        now = self._runtime.clock.now()
        return Deployment(self._ids.new(now), version_id, now, by, comment)

    async def change(self, route_id: str, change: Callable[[History | None], History]) -> History:
        """Keeps what `change` makes of what is kept, whoever else changes it meanwhile; it may be asked several times."""
        cabinet, now = self._runtime.store.cabinet, self._runtime.clock.now()
        for _ in range(_TRIES):
            before = await cabinet.get(DRAWER, route_id, now)
            history = _bounded(change(_read(before) if before is not None else None))
            record = msgspec.json.encode(history)
            kept = Kept(drawer=DRAWER, id=route_id, record=record, at=now)
            if await cabinet.swap(kept, before.record if before is not None else None):
                return history
        raise Problem(409, "route_changed", f'Others keep changing the route "{route_id[:64]}"; try again.')

    async def drop(self, route_id: str) -> None:
        await self._runtime.store.cabinet.take(DRAWER, route_id, self._runtime.clock.now())


def _read(kept: Kept) -> History:
    return msgspec.json.decode(kept.record, type=History)


def _bounded(history: History) -> History:
    """The same without the oldest versions, where there are too many; those that were deployed last are kept longest."""
    versions: Sequence[Version] = history.versions
    deployed = {one.version_id for one in history.deployments[-10:]}
    while len(versions) > MOST_VERSIONS or (len(versions) > 1 and _size(versions) > LARGEST):
        newest = versions[-1]
        unused = [one for one in versions if one.id not in deployed and one is not newest]
        gone = unused[0] if unused else versions[0]
        versions = [one for one in versions if one is not gone]
    return msgspec.structs.replace(
        history, versions=tuple(versions), deployments=history.deployments[-MOST_DEPLOYMENTS:]
    )


def _size(versions: Sequence[Version]) -> int:
    return len(msgspec.json.encode(versions))

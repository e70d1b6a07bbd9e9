"""The safe: provider keys that people stored through the gateway, sealed. What is in it goes to providers only.

The cabinet's drawer "secret" has a record for each, by `provider/alias` or `gateway/provider/alias`. All of them are in
memory too, sealed; they are opened where the settings are compiled, in a thread, for a key service may be asked.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from tollway.clock import Clock
from tollway.errors import StoreUnavailable
from tollway.gateway import ProviderKey, Secret
from tollway.sealing import SealBroken, Sealed, rewrap, seal, unseal
from tollway.storage.protocol import Cabinet, Kept
from tollway.workers.masters import Masters

log = logging.getLogger("tollway")

DRAWER = "secret"
EVERY_S = 60

Status = Literal["unused", "active", "invalid", "expired"]


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's key in the safe. What it is cannot be read from it."""

    provider: str
    alias: str = "default"
    gateway: str | None = None
    """The only gateway that uses it; any without one of its own where none is named."""
    sealed: Sealed
    preview: str
    """Its last four characters, where it is long enough that they tell nothing."""
    created_at: int
    """Unix milliseconds."""
    changed_at: int
    by: str
    expires_at: int | None = None
    """It is not used from then on."""

    @property
    def id(self) -> str:
        named = f"{self.provider}/{self.alias}"
        return f"{self.gateway}/{named}" if self.gateway is not None else named


class Use(msgspec.Struct):
    """What came of a key, as far as this process knows."""

    last_used_at: int = 0
    refused_at: int = 0
    """When the provider last said that it does not know the key."""


class Safe:
    """One for a process. Methods that change something are durable when they return and raise StoreUnavailable."""

    def __init__(self, cabinet: Cabinet, masters: Masters) -> None:
        self._cabinet = cabinet
        self._masters = masters
        self._stored: dict[str, Stored] = {}
        self._lock = asyncio.Lock()
        self.loaded = False
        self.used: dict[str, Use] = {}
        """By id; written where a request is sent."""
        self._noted: dict[str, tuple[int, int]] = {}

    async def load(self, now: int) -> bool:
        """Reads what there is; whether there is anything. Raises StoreUnavailable."""
        found = await self._cabinet.all(DRAWER, now)
        self._stored = {kept.id: msgspec.json.decode(kept.record, type=Stored) for kept in found}
        for kept in await self._cabinet.all(_USED, now):
            self.used[kept.id] = msgspec.json.decode(kept.record, type=Use)
        self.loaded = True
        return bool(self._stored)

    def all(self) -> Sequence[Stored]:
        """By id."""
        return [self._stored[name] for name in sorted(self._stored)]

    def get(self, name: str) -> Stored | None:
        return self._stored.get(name)

    def status(self, stored: Stored, now: int) -> Status:
        """What is known of a key: whether a provider took it, or did not, when it was last used."""
        use = self.used.get(stored.id, _UNUSED)
        if stored.expires_at is not None and stored.expires_at <= now:
            return "expired"
        if use.refused_at and use.refused_at >= max(use.last_used_at, stored.changed_at):
            return "invalid"
        return "active" if use.last_used_at >= stored.changed_at else "unused"

    async def put(self, stored: Stored, secret: str, now: int) -> Stored:
        """Seals `secret` as `stored`, in the place of an older one of its id. Raises SettingsInvalid and SealBroken where it
        cannot be sealed."""
        async with self._lock:
            sealed = await asyncio.to_thread(self._seal, secret, stored.id)
            before = self.get(stored.id)
            fresh = msgspec.structs.replace(
                stored,
                sealed=sealed,
                preview=secret[-4:] if len(secret) >= 20 else "",
                created_at=before.created_at if before is not None else now,
                changed_at=now,
            )
            await self._keep(fresh, now)
            return fresh

    async def remove(self, name: str, now: int) -> Stored | None:
        async with self._lock:
            found = self.get(name)
            await self._cabinet.take(DRAWER, name, now)
            await self._cabinet.take(_USED, name, now)
            self._stored.pop(name, None)
            self.used.pop(name, None)
            return found

    def reveal(self, name: str) -> str:
        """The secret of that id; may wait for a key service. Raises SealBroken, also where there is none."""
        stored = self.get(name)
        if stored is None:
            known = ", ".join(sorted(self._stored)) or "nothing"
            raise SealBroken(
                f'No secret "{name}" is stored; there is: {known}. Store it with: tollway secrets set {name}'
            )
        return unseal(stored.sealed, stored.id, self._masters.all)

    def opened(self) -> Mapping[str, Mapping[str, ProviderKey]]:
        """Provider → alias, or `gateway/alias` → key. One that cannot be opened is there, so that no other takes its place."""
        found: dict[str, dict[str, ProviderKey]] = {}
        for stored in self.all():
            secret = None
            try:
                secret = Secret(self.reveal(stored.id))
            except SealBroken as error:
                # The others are needed all the same; whoever asks for this one is told that there is none.
                log.error("%s", error)
            alias = stored.alias if stored.gateway is None else f"{stored.gateway}/{stored.alias}"
            found.setdefault(stored.provider, {})[alias] = ProviderKey(secret, stored.expires_at)
        return found

    async def rotate(self, now: int, *, renew: bool) -> int:
        """Wraps everything under the master key in force, or another one where `renew` says so; how many were wrapped anew.

        Each is wrapped in a step of its own, and requests go on: stopped half-way, it goes on where it is called again.
        Raises SealBroken, SettingsInvalid and StoreUnavailable; what was wrapped by then stays so.
        """
        async with self._lock:
            if renew:
                await asyncio.to_thread(self._masters.renew)
            current = await asyncio.to_thread(self._masters.current)
            wrapped = 0
            for stored in self._due(current.id):
                sealed = await asyncio.to_thread(
                    rewrap, stored.sealed, stored.id, self._masters.all, current, secrets.token_bytes
                )
                await self._keep(msgspec.structs.replace(stored, sealed=sealed), now)
                wrapped += 1
            # Nothing is wrapped under them any more.
            await asyncio.to_thread(self._masters.forget)
            return wrapped

    def note(self, provider: str, name: str, at: int, *, refused: bool) -> None:
        """A request went out with a provider's key of that name: an alias, or `gateway/alias`."""
        gateway, slash, alias = name.rpartition("/")
        found = f"{gateway}{slash}{provider}/{alias}"
        if found in self._stored:
            use = self.used.setdefault(found, Use())
            if refused:
                use.refused_at = at
            else:
                use.last_used_at = at

    async def note_use(self, now: int) -> None:
        """Keeps when keys were last used. Raises StoreUnavailable."""
        noted = [
            Kept(drawer=_USED, id=name, record=msgspec.json.encode(use), at=now)
            for name, use in self.used.items()
            if name in self._stored and self._noted.get(name) != (use.last_used_at, use.refused_at)
        ]
        if noted:
            await self._cabinet.put(*noted)
            self._noted.update((n, (u.last_used_at, u.refused_at)) for n, u in self.used.items())

    def _due(self, current: str) -> Iterator[Stored]:
        return (stored for stored in self.all() if stored.sealed.master != current)

    def _seal(self, secret: str, name: str) -> Sealed:
        return seal(secret, name, self._masters.current(), secrets.token_bytes)

    async def _keep(self, stored: Stored, now: int) -> None:
        await self._cabinet.put(Kept(drawer=DRAWER, id=stored.id, record=msgspec.json.encode(stored), at=now))
        self._stored[stored.id] = stored


async def keep_safe(safe: Safe, clock: Clock) -> None:
    """Keeps every minute when keys were last used, until it is cancelled."""
    while True:
        await asyncio.sleep(EVERY_S)
        with contextlib.suppress(StoreUnavailable):
            await safe.note_use(clock.now())


_USED = "secret-use"
_UNUSED = Use()

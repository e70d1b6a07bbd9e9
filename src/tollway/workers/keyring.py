"""The keys and service tokens issued here: every change is durable before it is answered, and in force with the next request.

What ends, ends in memory first, and what begins, begins in the store first: a crash in between leaves a key that opens
nothing, never one that does and should not.
"""

import asyncio
import gc
import logging
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Collection, Iterable, Mapping
from heapq import heappop, heappush
from typing import Any, NamedTuple

import msgspec

from tollway.errors import StoreUnavailable
from tollway.identity.addresses import is_within
from tollway.identity.authority import (
    TOLD_MS,
    IssuedKey,
    State,
    as_known,
    digests_of,
    keys_of,
    lean,
    revoked,
    rotated,
    state_of,
)
from tollway.identity.issued import Issued
from tollway.identity.keys import Key, digest, is_well_formed, make_id, make_key
from tollway.identity.names import as_audited, is_reserved
from tollway.storage.protocol import Cabinet, Kept

log = logging.getLogger("tollway.workers")

DRAWER = "key"
USED = "key_used"
"""When each key was last used, by its name; apart, so that noting a use never writes over a change."""
NAMED = "key_name"
"""Who had made a key of a name for themselves, by the name: what it spent, and what rules say of it, stays with the name."""
AT_ONCE = 100
"""Uses that are written in one step: a millisecond or two in which nothing else is."""

_encode = msgspec.json.Encoder().encode
_record = msgspec.json.Decoder(IssuedKey)


class _Use(msgspec.Struct, frozen=True):
    at: int


_use = msgspec.json.Decoder(_Use)


class _Named(msgspec.Struct, frozen=True):
    user: str | None


_named = msgspec.json.Decoder(_Named)


class Made(NamedTuple):
    """A key with its secret, which nobody is told again."""

    record: IssuedKey
    secret: str

    def __repr__(self) -> str:
        return f"Made({self.record.name!r}, …)"


class NotDone(msgspec.Struct, frozen=True):
    """Why a change was not made: a machine-readable `code`, and the way out."""

    code: str
    message: str


class Keyring:
    """Everything that was issued, in memory; `cabinet` has the same on disk."""

    def __init__(
        self,
        cabinet: Cabinet,
        issued: Issued,
        pepper: bytes,
        now: Callable[[], int],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        """`now`: Unix milliseconds."""
        self._cabinet = cabinet
        self._issued = issued
        self._pepper = pepper
        self._now = now
        self._random = random_bytes
        self._by_id: dict[str, IssuedKey] = {}
        self._ids: dict[str, str] = {}
        """Name → id."""
        self._names: list[str] = []
        """In their order."""
        self._had: dict[str, str | None] = {}
        """Name → who had made a key of that name for themselves, which is gone; `None`: it was not, or in the settings."""
        self._used: dict[str, int] = {}
        """Name → last use, as it is written down."""
        self._ends: list[tuple[int, bytes]] = []
        """A heap: when a secret is of no interest any more."""
        self._changing = asyncio.Lock()

    async def load(self) -> int:
        """Takes in what earlier processes issued; returns how many. Raises StoreUnavailable."""
        now = self._now()
        kept, used = await self._cabinet.all(DRAWER, now), await self._cabinet.all(USED, now)

        def read() -> tuple[list[IssuedKey], list[Key], dict[str, int]]:
            shared: dict[Any, Any] = {}
            records = [lean(as_known(_record.decode(each.record)), shared) for each in kept]
            # One that its owner has called like what another opens by signing in would be counted, and judged, as that.
            keys = [key for record in records if not _poses(record) for key in keys_of(record, now)]
            return records, keys, {each.id: _use.decode(each.record).at for each in used}

        # Nothing of it is garbage; to look for some, again and again, takes four times as long as all else.
        collecting = gc.isenabled()
        gc.disable()
        try:
            records, keys, self._used = await asyncio.to_thread(read)
        finally:
            if collecting:
                gc.enable()
        for record in records:
            if is_reserved(record.name):
                what = "opens nothing" if _poses(record) else "is taken for a login by budgets and policies"
                log.error(
                    'the key "%s" of %s %s, by its name; revoke it, and make another', record.name, record.user, what
                )
        self._had = {each.id: _named.decode(each.record).user for each in await self._cabinet.all(NAMED, now)}
        self._by_id = {record.id: record for record in records}
        self._ids = {record.name: record.id for record in records}
        self._names = sorted(self._ids)
        self._issued.names.update(self._names)
        self._open(keys)
        return len(records)

    def find(self, id_or_name: str) -> IssuedKey | None:
        return self._by_id.get(id_or_name) or self._by_id.get(self._ids.get(id_or_name, ""))

    def after(self, name: str, most: int) -> list[IssuedKey]:
        """The next ones whose name comes after `name`, in the order of their names."""
        place = bisect_right(self._names, name)
        return [self._by_id[self._ids[each]] for each in self._names[place : place + most]]

    def last_used(self, name: str) -> int | None:
        """Unix milliseconds; `None` for never."""
        at = self._issued.uses.get(name) or self._used.get(name)
        record = self._by_id.get(self._ids.get(name, ""))
        # What is older was another key of that name, which is gone.
        return None if at is None or (record is not None and at < record.created_at) else at

    def __len__(self) -> int:
        return len(self._by_id)

    async def issue(
        self, wanted: IssuedKey, taken: Collection[str] = (), *, most_own: int | None = None
    ) -> Made | NotDone:
        """A new key as `wanted`, with an id and a secret of its own; the other fields stand. `taken`: other names that
        are in use. `most_own`: so many its user may have made that have not ended. Raises StoreUnavailable, and nothing is
        issued."""
        async with self._changing:
            if wanted.name in self._ids or wanted.name in taken:
                return NotDone(
                    "key_taken", f'There is a key or service token named "{wanted.name}" already; names are unique.'
                )
            if wanted.name in self._by_id:
                # Whoever is asked for by it is the one whose id it is.
                return NotDone("key_taken", f'"{wanted.name}" is the id of another key; take another name.')
            now = self._now()
            if most_own is not None and self._had.get(wanted.name, wanted.user) != wanted.user:
                return NotDone(
                    "key_taken",
                    f'A key named "{wanted.name}" was another\'s, and what was spent and decided by that name stays with it; take '
                    "another name.",
                )
            if most_own is not None and self._own_of(wanted.user, now) >= most_own:
                return NotDone(
                    "key_limit",
                    f"You have {most_own} keys that have not ended, and may have no more; revoke one that is not used (tollway "
                    "keys list, tollway keys revoke NAME), or ask an administrator (administration.developer_keys).",
                )
            if state_of(wanted, now) == "expired":
                return NotDone(
                    "key_ended", f'"{wanted.name}" would have expired already; choose an instant that lies ahead.'
                )
            record = msgspec.structs.replace(wanted, id=self._new_id(taken))
            made = self._with_secret(record, now, 0, wanted.created_by)
            await self._keep(made.record)
            self._ids[record.name] = record.id
            self._issued.names.add(record.name)
            insort(self._names, record.name)
            self._in_force(made.record)
            return made

    async def rotate(
        self, key_id: str, *, grace_ms: int, by: str, edit: Callable[[IssuedKey], IssuedKey] | None = None
    ) -> Made | NotDone:
        """A new secret for a key, or for what `edit` makes of it; those that opened it do so for `grace_ms` more at most.
        Raises StoreUnavailable, and nothing is changed."""
        async with self._changing:
            now = self._now()
            record = self._open_one(key_id, now)
            if isinstance(record, NotDone):
                return record
            made = self._with_secret(edit(record) if edit is not None else record, now, grace_ms, by)
            await self._keep(made.record)
            self._in_force(made.record)
            return made

    async def change(self, key_id: str, edit: Callable[[IssuedKey], IssuedKey]) -> IssuedKey | NotDone:
        """Puts in force what `edit` makes of a key. Raises StoreUnavailable, and nothing is changed."""
        async with self._changing:
            record = self._open_one(key_id, self._now())
            if isinstance(record, NotDone):
                return record
            fresh = edit(record)
            same = (fresh.id, fresh.name, fresh.kind, fresh.secrets) == (
                record.id,
                record.name,
                record.kind,
                record.secrets,
            )
            assert same, "a change is of what a key may do, not of which it is"
            if fresh != record:
                await self._keep(fresh)
                self._in_force(fresh)
            return fresh

    async def revoke(self, key_id: str, *, by: str) -> IssuedKey | NotDone:
        """Ends a key for good. It opens nothing from then on, even where that cannot be kept: raises StoreUnavailable then."""
        async with self._changing:
            record = self._by_id.get(key_id)
            if record is None:
                return _unknown(key_id)
            ended = revoked(record, now=self._now(), by=by)
            self._in_force(ended)
            # Also where it was revoked before: the store may not know of it.
            await self._keep(ended)
            return ended

    async def delete(self, key_id: str, *, by: str) -> IssuedKey | NotDone:
        """Takes a key out, which opens nothing from then on, and returns what it was; its name is free again. Raises
        StoreUnavailable: it is revoked then, until the next start at least."""
        async with self._changing:
            record = self._by_id.get(key_id)
            if record is None:
                return _unknown(key_id)
            now = self._now()
            self._in_force(revoked(record, now=now, by=by))
            await self._note({record.name: record.user if record.own else None})
            await self._cabinet.take(DRAWER, record.id, now)
            await self._cabinet.take(USED, record.name, now)
            del self._by_id[record.id], self._ids[record.name]
            del self._names[bisect_left(self._names, record.name)]
            self._issued.names.discard(record.name)
            self._issued.uses.pop(record.name, None)
            self._used.pop(record.name, None)
            return record

    async def remember(self, keys: Iterable[Key]) -> None:
        """Notes the names of keys that stand in the settings, so that nobody takes one for a key of their own once they do not.
        Raises StoreUnavailable."""
        async with self._changing:
            await self._note({key.name: None for key in keys})

    def client(self, client_id: str, client_secret: str, address: str) -> Key | None:
        """The service token that these open now, from that address; `None` where they open none.

        The secret is looked up by its HMAC, as any key is (`exchange/authenticate.py` says why that tells nothing).
        """
        if not is_well_formed(client_secret):
            return None
        found = self._issued.get(digest(client_secret, self._pepper))
        now = self._now()
        if found is None or not found.client_id or found.client_id != client_id or not found.enabled:
            return None
        if found.expires_at is not None and found.expires_at <= now:
            return None
        if found.addresses and not is_within(address, found.addresses):
            return None
        self._issued.uses[found.name] = now
        return found

    def drop_ended(self) -> int:
        """Forgets secrets that ended long ago; how many."""
        now, dropped = self._now(), 0
        while self._ends and self._ends[0][0] <= now:
            _, ended = heappop(self._ends)
            key = self._issued.get(ended)
            # Its end may have been moved since.
            if key is not None and key.expires_at is not None and key.expires_at + TOLD_MS <= now:
                self._issued.drop(ended)
                dropped += 1
        return dropped

    async def write_uses(self, others: Collection[str] = ()) -> int:
        """Writes down when keys were last used, those that were since the last time; how many. `others`: names besides
        those issued here that are worth it. Raises StoreUnavailable, and the rest is written next time."""
        fresh, self._issued.uses = self._issued.uses, {}
        self._used.update((name, at) for name, at in fresh.items() if name in self._ids or name in others)
        names = [name for name in fresh if name in self._used]
        at = self._now()
        for first in range(0, len(names), AT_ONCE):
            some = names[first : first + AT_ONCE]
            try:
                await self._cabinet.put(
                    *(Kept(drawer=USED, id=name, record=_encode(_Use(fresh[name])), at=at) for name in some)
                )
            except StoreUnavailable:
                self._issued.uses = {name: fresh[name] for name in names[first:]} | self._issued.uses
                raise
        return len(names)

    def state(self, record: IssuedKey) -> State:
        return state_of(record, self._now())

    def _own_of(self, user: str | None, now: int) -> int:
        """How many keys somebody made for themselves that have not ended. An administrator may have changed them since."""
        made = (each for each in self._by_id.values() if each.user == user and _is_made_by_its_user(each))
        return sum(state_of(each, now) in ("active", "disabled") for each in made)

    def _new_id(self, taken: Collection[str]) -> str:
        """One that is no key's id nor name."""
        while True:
            found = make_id(self._random)
            if found not in self._by_id and found not in self._ids and found not in taken:
                return found

    def _with_secret(self, record: IssuedKey, now: int, grace_ms: int, by: str) -> Made:
        secret = make_key(self._random, record.id)
        hashed = digest(secret, self._pepper)
        return Made(rotated(record, hashed, now=now, grace_ms=grace_ms, by=by), secret)

    def _open_one(self, key_id: str, now: int) -> IssuedKey | NotDone:
        """The key of that id, if it has not ended: what has ended never opens again."""
        record = self._by_id.get(key_id)
        if record is None:
            return _unknown(key_id)
        state = state_of(record, now)
        if state in ("revoked", "expired"):
            said = "was revoked" if state == "revoked" else "has expired"
            return NotDone(
                "key_ended", f'"{record.name}" {said}, and that is for good. Make a new one under another name.'
            )
        return record

    async def _note(self, names: Mapping[str, str | None]) -> None:
        """Writes down who may have each name for a key of their own, if anybody."""
        fresh = {name: user if self._had.get(name, user) == user else None for name, user in names.items()}
        fresh = {name: user for name, user in fresh.items() if name not in self._had or self._had[name] != user}
        if not fresh:
            return
        at = self._now()
        await self._cabinet.put(
            *(Kept(drawer=NAMED, id=name, record=_encode(_Named(user)), at=at) for name, user in fresh.items())
        )
        self._had.update(fresh)

    async def _keep(self, record: IssuedKey) -> None:
        await self._cabinet.put(Kept(drawer=DRAWER, id=record.id, record=_encode(record), at=self._now()))

    def _in_force(self, record: IssuedKey) -> None:
        """What `record` says is what opens from now on, and nothing else of that key."""
        before = self._by_id.get(record.id)
        keys = keys_of(record, self._now())
        if before is not None:
            kept = {key.digest for key in keys}
            self._issued.drop(*(each for each in digests_of(before) if each not in kept))
        self._by_id[record.id] = record
        self._open(keys)

    def _open(self, keys: list[Key] | tuple[Key, ...]) -> None:
        self._issued.put(*keys)
        for key in keys:
            if key.expires_at is not None:
                heappush(self._ends, (key.expires_at + TOLD_MS, key.digest))


def _is_made_by_its_user(record: IssuedKey) -> bool:
    return record.own or (record.user is not None and record.created_by in (record.user, as_audited(record.user)))


def _poses(record: IssuedKey) -> bool:
    return is_reserved(record.name) and _is_made_by_its_user(record)


def _unknown(key_id: str) -> NotDone:
    return NotDone("key_unknown", f'No key or service token has the id "{key_id[:64]}".')

"""Drafts of policies, kept in the store until they are committed."""

import hashlib
from collections.abc import Sequence

import msgspec

from tollway.admin.runtime import Runtime
from tollway.document.policy_edit import fields_of
from tollway.document.written import PolicyDocument
from tollway.storage.protocol import Kept

DRAWER = "draft"


class Draft(msgspec.Struct, frozen=True):
    """One policy as somebody wants it."""

    id: str
    policy: PolicyDocument
    by: str
    at: int
    """Unix milliseconds at which it was staged."""
    on: str | None = None
    """`digest_of` what was in force when it was begun; `None` for one that was staged before this was kept."""

    def is_outdated(self, in_force: PolicyDocument | None) -> bool:
        """Whether what it was made from has been changed since, so that it would take that change back."""
        return self.on is not None and self.on != digest_of(in_force)


def digest_of(policy: PolicyDocument | None) -> str:
    """Tells one state of a policy from another; `None`: there is none."""
    return hashlib.sha256(msgspec.json.encode(fields_of(policy))).hexdigest() if policy is not None else "none"


class _Record(msgspec.Struct, frozen=True):
    policy: PolicyDocument
    by: str
    on: str | None = None


class Drafts:
    """The drafts of one gateway, by the id of the policy. Every method raises StoreUnavailable."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def all(self) -> Sequence[Draft]:
        kept = await self._runtime.store.cabinet.all(DRAWER, self._runtime.clock.now())
        return [_read(one) for one in kept]

    async def get(self, policy_id: str) -> Draft | None:
        kept = await self._runtime.store.cabinet.get(DRAWER, policy_id, self._runtime.clock.now())
        return _read(kept) if kept is not None else None

    async def put(self, policy_id: str, policy: PolicyDocument, by: str, on: str | None = None) -> Draft:
        """Stages it in the place of an older draft of its id. `on`: `digest_of` what it is a change of."""
        draft = Draft(policy_id, policy, by, self._runtime.clock.now(), on)
        record = msgspec.json.encode({"policy": fields_of(policy), "by": by, "on": on})
        await self._runtime.store.cabinet.put(Kept(drawer=DRAWER, id=policy_id, record=record, at=draft.at))
        return draft

    async def drop(self, policy_id: str, only: Draft | None = None) -> None:
        """Takes a draft out; with `only`, just where it is still that one."""
        if only is not None and await self.get(policy_id) != only:
            return
        await self._runtime.store.cabinet.take(DRAWER, policy_id, self._runtime.clock.now())


def _read(kept: Kept) -> Draft:
    record = msgspec.json.decode(kept.record, type=_Record)
    return Draft(kept.id, record.policy, record.by, kept.at, record.on)

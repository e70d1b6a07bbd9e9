"""Making, changing and ending keys and service tokens: durable, in force and in the audit log before the answer.

A secret is in the answer to the one who made it, and nowhere else: not in the store, the log or the audit log.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

import msgspec
from pydantic import BaseModel

from tollway.admin.audit import audited
from tollway.admin.key_asked import KeyChange, changed
from tollway.admin.key_shown import key_shown, service_token_shown
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.errors import StoreUnavailable
from tollway.identity.authority import IssuedKey, Kind
from tollway.workers.keyring import Made, NotDone

T = TypeVar("T", IssuedKey, Made)

NO_STORE = {"cache-control": "no-store"}
"""Of an answer with a secret in it (RFC 6749, 5.1)."""

_STATUS = {"key_unknown": 404, "key_taken": 409, "key_ended": 409, "key_limit": 409}
_NOUN: dict[Kind, str] = {"key": "key", "service_token": "service token"}


class Done(NamedTuple):
    """What stands now."""

    record: IssuedKey
    warnings: list[str]


class DoneWithSecret(NamedTuple):
    record: IssuedKey
    secret: str
    warnings: list[str]

    def __repr__(self) -> str:
        return f"DoneWithSecret({self.record.name!r}, …)"


class Issuing:
    """The changes of one kind, keys or service tokens. Each raises Problem, or StoreUnavailable with nothing changed."""

    def __init__(self, runtime: Runtime, kind: Kind) -> None:
        self._runtime = runtime
        self._kind: Kind = kind

    def find(self, id_or_name: str) -> IssuedKey:
        """Raises Problem, also for one of the other kind."""
        record = self._runtime.keyring.find(id_or_name)
        if record is None or record.kind != self._kind:
            raise Problem(404, "key_unknown", self._unknown(id_or_name))
        return record

    def shown(self, record: IssuedKey) -> BaseModel:
        last_used = self._runtime.keyring.last_used(record.name)
        show = key_shown if self._kind == "key" else service_token_shown
        return show(record, self._runtime.clock.now(), last_used)

    async def create(self, wanted: IssuedKey, *, most_own: int | None = None) -> DoneWithSecret:
        """`most_own`: so many its user may have made for themselves that have not ended."""
        taken = {key.name for key in self._runtime.snapshot.keys.values()}
        made = _done(await self._runtime.keyring.issue(wanted, taken, most_own=most_own))
        warnings = await self._audited("created", wanted.created_by, after=made.record)
        return DoneWithSecret(made.record, made.secret, warnings)

    async def change(
        self, id_or_name: str, asked: KeyChange, *, by: str, fit: Callable[[IssuedKey], IssuedKey] | None = None
    ) -> Done:
        """`fit`: what is made of what was asked for; an administrator's change without it stays the administrator's."""
        before = self.find(id_or_name)
        snapshot, now = self._runtime.snapshot, self._runtime.clock.now()
        seen: list[IssuedKey] = []

        def edit(record: IssuedKey) -> IssuedKey:
            seen.append(record)
            fresh = changed(record, asked, snapshot, now)
            if fit is not None:
                return fit(fresh)
            # Also where it says so already: switched off by whoever it is for, it would be theirs to switch on again.
            says = fresh != record or asked.model_fields_set - {"note"}
            return msgspec.structs.replace(fresh, own=False) if says else record

        after = _done(await self._runtime.keyring.change(before.id, edit))
        self._follow()
        if after == seen[0]:
            return Done(after, [])
        return Done(after, await self._audited("changed", by, before=seen[0], after=after))

    async def rotate(
        self, id_or_name: str, grace_s: int, *, by: str, fit: Callable[[IssuedKey], IssuedKey] | None = None
    ) -> DoneWithSecret:
        """`fit`: what is made of the key first."""
        before = self.find(id_or_name)
        made = _done(await self._runtime.keyring.rotate(before.id, grace_ms=grace_s * 1000, by=by, edit=fit))
        self._follow()
        warnings = await self._audited("rotated", by, before=before, after=made.record)
        return DoneWithSecret(made.record, made.secret, warnings)

    async def revoke(self, id_or_name: str, *, by: str) -> Done:
        before = self.find(id_or_name)
        after = await self._end(before, lambda: self._runtime.keyring.revoke(before.id, by=by))
        if before.revoked_at is not None:
            return Done(after, [])
        return Done(after, await self._audited("revoked", by, before=before, after=after))

    async def delete(self, id_or_name: str, *, by: str) -> Done:
        before = self.find(id_or_name)
        gone = await self._end(before, lambda: self._runtime.keyring.delete(before.id, by=by))
        return Done(gone, await self._audited("deleted", by, before=gone))

    async def _end(self, record: IssuedKey, end: Callable[[], Awaitable[IssuedKey | NotDone]]) -> IssuedKey:
        try:
            return _done(await end())
        except StoreUnavailable:
            raise Problem(
                503,
                "store_unavailable",
                f'The {_NOUN[self._kind]} "{record.name}" opens nothing now, but that could not be kept and will not outlast a '
                "restart. Do it again shortly.",
            ) from None
        finally:
            self._follow()

    def _follow(self) -> None:
        """Access tokens that were made of a service token change and end with it, before anybody is told that it did."""
        if self._kind == "service_token":
            self._runtime.tokens.follow()

    async def _audited(
        self, verb: str, by: str, *, before: IssuedKey | None = None, after: IssuedKey | None = None
    ) -> list[str]:
        record = after or before
        assert record is not None
        return await audited(
            self._runtime,
            f"{self._kind}.{verb}",
            record.name,
            by=by,
            before=self._written(before),
            after=self._written(after),
        )

    def _written(self, record: IssuedKey | None) -> object:
        """What the audit log has of it: what the API shows, without what changes by itself."""
        return self.shown(record).model_dump(exclude={"last_used_at"}) if record is not None else None

    def _unknown(self, id_or_name: str) -> str:
        nouns = "keys" if self._kind == "key" else "service-tokens"
        return (
            f'No {_NOUN[self._kind]} has the id or name "{id_or_name[:64]}"; GET /api/v1/{nouns} lists those there are.'
        )


def _done(answer: T | NotDone) -> T:
    if isinstance(answer, NotDone):
        raise Problem(_STATUS[answer.code], answer.code, answer.message)
    return answer

"""What is kept of a key or service token that was issued here, and what may become of it.

A secret opens until its own end (the grace of a rotation) or its key's, whichever is first, and never again after that:
an end is only ever moved while it lies ahead.
"""

from typing import Any, Literal

import msgspec

from tollway.identity.keys import Key, Priority
from tollway.identity.names import known_as
from tollway.identity.person import Person

Kind = Literal["key", "service_token"]
State = Literal["active", "disabled", "expired", "revoked"]

LONGEST_GRACE_MS = 30 * 86_400_000
"""Of a rotation, as Cloudflare has it for service tokens."""
TOLD_MS = 7 * 86_400_000
"""For so long the bearer of an ended secret is told that it has expired; later that it is not known."""
MOST_SECRETS = 50
"""Rotations that are remembered."""


class IssuedSecret(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One secret of a key, or what is remembered of it."""

    digest: bytes = b""
    """HMAC-SHA-256 under the pepper; empty once it can open nothing."""
    made_at: int
    """Unix milliseconds."""
    made_by: str
    ends_at: int | None = None
    """Where a newer one has taken its place: from then on it opens nothing."""


class IssuedKey(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A key or a service token as it is kept. No secret is in it."""

    id: str
    kind: Kind
    name: str
    """What budgets and logs know it by; it never changes."""
    user: str | None = None
    service: str | None = None
    owner: str | None = None
    """Who answers for it."""
    groups: tuple[str, ...] = ()
    metadata: dict[str, str] = {}
    gateways: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    priority: Priority = "standard"
    custom_cost: bool = False
    enabled: bool = True
    expires_at: int | None = None
    """Unix milliseconds."""
    note: str = ""
    person: Person | None = None
    proven_only: frozenset[str] = frozenset()
    """Metadata of which only what is written here counts, even where there is none."""
    own: bool = False
    """Whoever it is for made it, and no administrator has changed it since: what it may do is theirs to change."""
    created_at: int
    created_by: str
    revoked_at: int | None = None
    revoked_by: str | None = None
    secrets: tuple[IssuedSecret, ...] = ()
    """The newest first."""

    @property
    def client_id(self) -> str:
        """What a service token is sent with; empty for a key."""
        return f"{self.id}.tollway" if self.kind == "service_token" else ""

    @property
    def previous_ends_at(self) -> int | None:
        """When the last of the secrets that were replaced stops opening; `None` where none was, or revocation came first."""
        ends = [each.ends_at for each in self.secrets if each.ends_at is not None]
        return max(ends) if ends and self.revoked_at is None else None


def state_of(record: IssuedKey, now: int) -> State:
    """What it is worth at `now` (Unix milliseconds)."""
    if record.revoked_at is not None:
        return "revoked"
    if record.expires_at is not None and record.expires_at <= now:
        return "expired"
    return "active" if record.enabled else "disabled"


def keys_of(record: IssuedKey, now: int) -> tuple[Key, ...]:
    """What its secrets open, one key for each, without those that ended long before `now` (Unix milliseconds)."""
    if record.revoked_at is not None:
        return ()
    found: list[Key] = []
    for secret in record.secrets:
        ends = [end for end in (secret.ends_at, record.expires_at) if end is not None]
        end = min(ends, default=None)
        if secret.digest and (end is None or end + TOLD_MS > now):
            found.append(_key(record, secret.digest, end))
    return tuple(found)


def rotated(record: IssuedKey, digest: bytes, *, now: int, grace_ms: int, by: str) -> IssuedKey:
    """The same with a new secret. All that opened until now do so for `grace_ms` at most, and never longer than before."""
    assert state_of(record, now) in ("active", "disabled"), "what has ended is not rotated"
    assert 0 <= grace_ms <= LONGEST_GRACE_MS
    newest = IssuedSecret(digest=digest, made_at=now, made_by=by)
    older = [_ending(secret, now, now + grace_ms) for secret in record.secrets]
    # Only a secret that has ended may be forgotten.
    kept = [secret for n, secret in enumerate(older) if secret.digest or n < MOST_SECRETS - 1]
    return msgspec.structs.replace(record, secrets=(newest, *kept))


def revoked(record: IssuedKey, *, now: int, by: str) -> IssuedKey:
    """The same for good: not even the digests are left."""
    if record.revoked_at is not None:
        return record
    bare = tuple(
        msgspec.structs.replace(secret, digest=b"", ends_at=min(now, secret.ends_at or now))
        for secret in record.secrets
    )
    return msgspec.structs.replace(record, revoked_at=now, revoked_by=by, secrets=bare)


def as_known(record: IssuedKey) -> IssuedKey:
    """A record that was kept before addresses were: whose it is, as budgets know them."""
    user, owner = (known_as(name) if name is not None else None for name in (record.user, record.owner))
    if (user, owner) == (record.user, record.owner):
        return record
    return msgspec.structs.replace(record, user=user, owner=owner)


def lean(record: IssuedKey, shared: dict[Any, Any]) -> IssuedKey:
    """The same, with what many keys say alike taken from `shared`, so that it is in memory once."""
    same = shared.setdefault
    return msgspec.structs.replace(
        record,
        owner=record.user if record.owner == record.user else same(record.owner, record.owner),
        service=record.name if record.service == record.name else same(record.service, record.service),
        groups=same(record.groups, record.groups),
        metadata=same(("metadata", *record.metadata.items()), record.metadata),
        gateways=same(record.gateways, record.gateways),
        models=same(record.models, record.models),
        addresses=same(record.addresses, record.addresses),
        proven_only=same(record.proven_only, record.proven_only),
        created_by=same(record.created_by, record.created_by),
    )


def digests_of(record: IssuedKey) -> tuple[bytes, ...]:
    """Of every secret that may still open."""
    return tuple(secret.digest for secret in record.secrets if secret.digest)


def _ending(secret: IssuedSecret, now: int, end: int) -> IssuedSecret:
    end = min(end, secret.ends_at) if secret.ends_at is not None else end
    return msgspec.structs.replace(secret, ends_at=end, digest=secret.digest if end > now else b"")


def _key(record: IssuedKey, digest: bytes, expires_at: int | None) -> Key:
    return Key(
        name=record.name,
        digest=digest,
        user=record.user,
        service=record.service,
        groups=record.groups,
        metadata=record.metadata,
        gateways=record.gateways,
        expires_at=expires_at,
        enabled=record.enabled,
        custom_cost=record.custom_cost,
        priority=record.priority,
        models=record.models,
        id=record.id,
        person=record.person,
        proven_only=record.proven_only,
        client_id=record.client_id,
        addresses=record.addresses,
    )

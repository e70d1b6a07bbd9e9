"""Keys and service tokens as the API shows them: all but what opens anything."""

from typing import Any, Literal

from pydantic import BaseModel

from tollway.admin.charge import Instant, instant_or_none
from tollway.clock import iso
from tollway.identity.authority import IssuedKey, State, state_of
from tollway.identity.keys import PREFIX, Key, Priority


class SecretShown(BaseModel):
    """When a secret was made, and until when it opens."""

    made_at: Instant
    made_by: str
    expires_at: Instant | None
    """Null for the newest, which opens as long as the key does."""


class _Shown(BaseModel):
    name: str
    managed_by: Literal["api", "file"]
    """file: it is written in the settings, and changed there."""
    state: State
    owner: str | None
    team: str | None
    project: str | None
    groups: list[str]
    metadata: dict[str, str]
    gateways: list[str]
    """Empty for all."""
    models: list[str]
    """Empty for all."""
    addresses: list[str]
    """Empty for all."""
    priority: Priority
    custom_cost: bool
    enabled: bool
    expires_at: Instant | None
    last_used_at: Instant | None
    """Null where that is not known to have happened; written down once a minute."""
    created_at: Instant | None
    """Null for a key of the settings."""
    created_by: str | None
    revoked_at: Instant | None
    revoked_by: str | None
    note: str
    secrets: list[SecretShown]
    """The newest first; of at most 50 rotations."""


class IssuedKeyShown(_Shown):
    """A gateway key; never the key."""

    id: str | None
    """It is part of the key: `tw_<id>_...`. Null for a key of the settings, which is asked for by its name."""
    prefix: str | None
    """How the key begins."""
    user: str | None
    service: str | None
    previous_secret_expires_at: Instant | None
    """Until when the secret before the last rotation opens, or did."""


class ServiceTokenShown(_Shown):
    """A service token; never its secret."""

    id: str
    client_id: str
    service: str
    previous_client_secret_expires_at: Instant | None


def key_shown(record: IssuedKey, now: int, last_used: int | None) -> IssuedKeyShown:
    """`now` and `last_used`: Unix milliseconds."""
    return IssuedKeyShown(
        **_common(record, now, last_used),
        id=record.id,
        prefix=f"{PREFIX}{record.id}_",
        user=record.user,
        service=record.service,
        previous_secret_expires_at=instant_or_none(record.previous_ends_at),
    )


def service_token_shown(record: IssuedKey, now: int, last_used: int | None) -> ServiceTokenShown:
    return ServiceTokenShown(
        **_common(record, now, last_used),
        id=record.id,
        client_id=record.client_id,
        service=record.service or record.name,
        previous_client_secret_expires_at=instant_or_none(record.previous_ends_at),
    )


def file_key_shown(key: Key, now: int, last_used: int | None) -> IssuedKeyShown:
    """A key of the settings."""
    return IssuedKeyShown(
        name=key.name,
        managed_by="file",
        state=state_of_key(key, now),
        owner=key.user,
        team=key.metadata.get("team"),
        project=key.metadata.get("project"),
        groups=list(key.groups),
        metadata=key.metadata,
        gateways=list(key.gateways),
        models=list(key.models),
        addresses=list(key.addresses),
        priority=key.priority,
        custom_cost=key.custom_cost,
        enabled=key.enabled,
        expires_at=instant_or_none(key.expires_at),
        last_used_at=instant_or_none(last_used),
        created_at=None,
        created_by=None,
        revoked_at=None,
        revoked_by=None,
        note="",
        secrets=[],
        id=None,
        prefix=None,
        user=key.user,
        service=key.service,
        previous_secret_expires_at=None,
    )


def state_of_key(key: Key, now: int) -> State:
    if key.expires_at is not None and key.expires_at <= now:
        return "expired"
    return "active" if key.enabled else "disabled"


def _common(record: IssuedKey, now: int, last_used: int | None) -> dict[str, Any]:
    return {
        "name": record.name,
        "managed_by": "api",
        "state": state_of(record, now),
        "owner": record.owner,
        "team": record.metadata.get("team"),
        "project": record.metadata.get("project"),
        "groups": list(record.groups),
        "metadata": record.metadata,
        "gateways": list(record.gateways),
        "models": list(record.models),
        "addresses": list(record.addresses),
        "priority": record.priority,
        "custom_cost": record.custom_cost,
        "enabled": record.enabled,
        "expires_at": instant_or_none(record.expires_at),
        "last_used_at": instant_or_none(last_used),
        "created_at": iso(record.created_at),
        "created_by": record.created_by,
        "revoked_at": instant_or_none(record.revoked_at),
        "revoked_by": record.revoked_by,
        "note": record.note,
        "secrets": [
            SecretShown(made_at=iso(each.made_at), made_by=each.made_by, expires_at=instant_or_none(each.ends_at))
            for each in record.secrets
        ],
    }

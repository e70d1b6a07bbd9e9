"""What an administrator may ask of a key or a service token, read and checked; what is not named stays as it is."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Annotated, Any

import msgspec
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tollway.admin.problem import Problem
from tollway.admin.where import milliseconds
from tollway.clock import FARTHEST_MS, iso
from tollway.identity.addresses import read_network
from tollway.identity.attributes import LONGEST_NAME, LONGEST_VALUE
from tollway.identity.authority import LONGEST_GRACE_MS, IssuedKey
from tollway.identity.keys import Priority
from tollway.identity.names import LOGIN, is_reserved, known_as
from tollway.snapshot import Snapshot

MOST_LISTED = 100
MOST_METADATA = 20
LONGEST = timedelta(days=3_660)
DAY_S = 86_400
_LENGTH = re.compile(r"([0-9]{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_RESERVED = ("cf.", "tollway.")
# They would be cut out of, or mean something in, the path that a key is asked for by.
_NOT_IN_NAMES = frozenset("/\\?#%")

_Text = Annotated[str | None, Field(default=None, min_length=1, max_length=256)]
_Name = Annotated[
    str, Field(min_length=1, max_length=128, description="What budgets and logs know it by; it never changes.")
]
_Listed = Annotated[list[str], Field(default_factory=list, max_length=MOST_LISTED)]


class KeyChange(BaseModel):
    """What may be changed; the same of a key and of a service token."""

    model_config = ConfigDict(extra="forbid")

    owner: _Text
    """Who answers for it; the user of a key, unless another is named."""
    team: _Text
    """Kept as `metadata.team`, by which budgets may split."""
    project: _Text
    """Kept as `metadata.project`."""
    groups: _Listed
    metadata: dict[str, str | int | float | bool] = Field(default_factory=dict, max_length=MOST_METADATA)
    """Proven attributes: they outrank what a caller declares."""
    gateways: _Listed
    """Slugs it opens; empty for all."""
    models: _Listed
    """Patterns of `provider/model` or bare names that it may use; empty for all."""
    addresses: _Listed
    """Networks (CIDR) that it may be used from, by the address that the listener sees; empty for all."""
    priority: Priority = "standard"
    custom_cost: bool = False
    """It may say what its requests cost."""
    enabled: bool = True
    expires_at: AwareDatetime | None = Field(default=None, description="RFC 3339 with a zone; null for never.")
    expires_in: str | None = Field(default=None, max_length=16, description='Instead of it: "12h", "90d", "52w".')
    note: str = Field(default="", max_length=1_000)


class KeyAsked(KeyChange):
    """A key that is to be made, for a person, or for a service."""

    name: _Name
    user: _Text
    service: _Text


class ServiceTokenAsked(KeyChange):
    """A service token that is to be made: its name is the `service` of budgets and logs."""

    name: _Name


class RotationAsked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    grace_s: int = Field(
        default=DAY_S,
        strict=True,
        ge=0,
        le=LONGEST_GRACE_MS // 1000,
        description="For so long the secret of until now goes on opening; 0 where it has leaked.",
    )


def key_of(asked: KeyAsked, snapshot: Snapshot, *, now: int, by: str) -> IssuedKey:
    """The key that is asked for, without a secret. Raises Problem naming the field. `now`: Unix milliseconds."""
    if asked.user is not None and asked.service is not None:
        raise _no("user: a key is a person's or a service's; name one of them, and the person as owner of the other.")
    bare = IssuedKey(
        id="",
        kind="key",
        name=_name(asked.name),
        user=_person("user", asked.user),
        service=_printable("service", asked.service),
        owner=_person("user", asked.user),
        created_at=now,
        created_by=by,
    )
    return changed(bare, asked, snapshot, now)


def service_token_of(asked: ServiceTokenAsked, snapshot: Snapshot, *, now: int, by: str) -> IssuedKey:
    """The same of a service token."""
    name = _name(asked.name)
    bare = IssuedKey(id="", kind="service_token", name=name, service=name, created_at=now, created_by=by)
    return changed(bare, asked, snapshot, now)


def changed(record: IssuedKey, asked: KeyChange, snapshot: Snapshot, now: int) -> IssuedKey:
    """`record` with what was asked for. Raises Problem naming the field."""
    given = asked.model_fields_set
    fresh: dict[str, Any] = {}
    for field in ("priority", "custom_cost", "enabled", "note"):
        if field in given:
            fresh[field] = getattr(asked, field)
    if "owner" in given:
        fresh["owner"] = _person("owner", asked.owner)
    if "groups" in given:
        fresh["groups"] = _texts("groups", asked.groups)
    if "gateways" in given:
        fresh["gateways"] = _texts("gateways", asked.gateways)
        for slug in fresh["gateways"]:
            if snapshot.gateway(slug) is None:
                raise _no(f'gateways: no gateway "{slug}"; there are {", ".join(sorted(snapshot.gateways))}.')
    if "models" in given:
        fresh["models"] = _texts("models", asked.models)
    if "addresses" in given:
        fresh["addresses"] = tuple(dict.fromkeys(_read("addresses", read_network, each) for each in asked.addresses))
    if given & {"metadata", "team", "project"}:
        fresh["metadata"] = _metadata(record, asked)
    if given & {"expires_at", "expires_in"}:
        fresh["expires_at"] = _expiry(asked, now)
    return msgspec.structs.replace(record, **fresh)


def _metadata(record: IssuedKey, asked: KeyChange) -> dict[str, str]:
    found = dict(record.metadata)
    if "metadata" in asked.model_fields_set:
        # `true`, `3`, `2.5`: as the settings have it.
        found = {name: value if isinstance(value, str) else json.dumps(value) for name, value in asked.metadata.items()}
    for field in ("team", "project"):
        if field in asked.model_fields_set:
            value = getattr(asked, field)
            if "metadata" in asked.model_fields_set and field in found and found[field] != value:
                raise _no(f"{field}: metadata says another one; write it once.")
            found.pop(field, None)
            if value is not None:
                found[field] = value
    for name, value in found.items():
        if record.metadata.get(name) == value:
            # It stands already: what an identity provider proved of a key's owner has names that nobody may write.
            continue
        if not name or len(name) > LONGEST_NAME or not name.isprintable() or name.startswith(_RESERVED):
            raise _no(
                f"metadata: {name[:LONGEST_NAME]!r} is no name for an entry; write 1 to {LONGEST_NAME} printable characters "
                "that do not begin with cf. or tollway."
            )
        if len(value) > LONGEST_VALUE or not value.isprintable():
            raise _no(f"metadata.{name}: write {LONGEST_VALUE} printable characters at most.")
    return found


def _expiry(asked: KeyChange, now: int) -> int | None:
    if asked.expires_at is not None and asked.expires_in is not None:
        raise _no("expires_at: write either that or expires_in.")
    if asked.expires_in is not None:
        length = _LENGTH.fullmatch(asked.expires_in)
        if length is None or int(length[1]) == 0:
            raise _no(f'expires_in: "{asked.expires_in}" is no length of time; write 12h, 90d or 52w.')
        end = now + int(timedelta(**{_UNITS[length[2]]: int(length[1])}).total_seconds()) * 1000
    elif asked.expires_at is not None:
        end = milliseconds(asked.expires_at) or 0
        if end <= now:
            raise _no(f"expires_at: {iso(end)} is over already; to end a key now, revoke it.")
    else:
        return None
    if end - now > LONGEST.days * DAY_S * 1000 + FARTHEST_MS:
        raise _no(f"expires_at: a key ends within {LONGEST.days} days, or never (null).")
    return end


def _name(name: str) -> str:
    if not name.isprintable() or name.strip() != name or set(name) & _NOT_IN_NAMES:
        raise _no("name: write printable characters without / \\ ? # % and without spaces at its ends.")
    if is_reserved(name):
        raise _no(f"name: what begins with {LOGIN} is the name of what somebody opens by signing in; take another.")
    return name


def _texts(field: str, given: Sequence[str]) -> tuple[str, ...]:
    for each in given:
        if not each or len(each) > 256 or not each.isprintable():
            raise _no(f"{field}: each entry has 1 to 256 printable characters.")
    return tuple(dict.fromkeys(given))


def _printable(field: str, text: str | None) -> str | None:
    if text is not None and not (text.isprintable() and text.strip() == text):
        raise _no(f"{field}: write printable characters without spaces at its ends.")
    return text


def _person(field: str, text: str | None) -> str | None:
    """A name as budgets know the person by, whose tokens have addresses in lower case."""
    text = _printable(field, text)
    return known_as(text) if text is not None else None


def _read(field: str, read: Callable[[str], str], text: str) -> str:
    try:
        return read(text)
    except ValueError as error:
        raise _no(f"{field}: {error}.") from None


def _no(detail: str) -> Problem:
    return Problem(400, "body_invalid", detail)

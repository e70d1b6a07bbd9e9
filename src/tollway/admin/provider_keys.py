"""The keys of providers: stored through the API, sealed, used at once; never shown again to anybody."""

import re
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AliasChoices, AwareDatetime, BaseModel, ConfigDict, Field, SecretStr

from tollway.admin.audit import Actor, audited
from tollway.admin.charge import Instant, instant_or_none
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.where import milliseconds, no_parameters
from tollway.clock import iso
from tollway.document.providers import check_secret
from tollway.errors import SettingsInvalid
from tollway.gateway import Provider
from tollway.sealing import SealBroken, Sealed
from tollway.workers.safe import Safe, Stored

_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LONGEST = 16_384
_NOT_YET = Sealed(master="", data_key=b"", secret=b"")


class KeyGiven(BaseModel):
    model_config = ConfigDict(extra="forbid")

    provider: str = Field(max_length=128, description="As the settings call it.")
    alias: str = Field(
        default="default", max_length=64, description='"default" is used where the caller asks for no other.'
    )
    gateway: str | None = Field(default=None, max_length=128, description="The slug of the only gateway that uses it.")
    secret: SecretStr = Field(max_length=_LONGEST, validation_alias=AliasChoices("secret", "key"))
    expires_at: AwareDatetime | None = Field(
        default=None, description="It is not used from then on. RFC 3339 with a zone."
    )


class KeyShown(BaseModel):
    """A provider's key, without what it is."""

    id: str
    """`provider/alias`, or `gateway/provider/alias`."""
    provider: str
    alias: str
    gateway: str | None
    """Null for all gateways."""
    preview: str
    """The last four characters; empty where they would tell too much, or the settings hold it."""
    status: Literal["unused", "active", "invalid", "expired", "unknown"]
    """invalid: the provider answered 401 when it was last used. unknown: the settings hold it, and nobody keeps count."""
    last_used_at: Instant | None
    created_at: Instant | None
    changed_at: Instant | None
    expires_at: Instant | None
    by: str
    """Who stored it; "file" for one of the settings."""
    managed_by: Literal["store", "file"]
    master: str | None
    """The master key it is sealed under."""


class KeyList(BaseModel):
    """By id."""

    items: list[KeyShown]


class KeyChanged(KeyShown):
    warnings: list[str]


class RotateAsked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    new_key: bool = Field(
        default=False,
        description="Make another master key first, where the gateway keeps its own; else what TOLLWAY_MASTER_KEY names.",
    )


class Rotated(BaseModel):
    wrapped: int
    """Secrets whose data keys were wrapped anew."""
    warnings: list[str]


class Which(BaseModel):
    model_config = ConfigDict(extra="forbid")

    gateway: str | None = Field(default=None, max_length=128, description="Of a key that only this gateway uses.")


def provider_keys_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["provider keys"])

    def safe() -> Safe:
        if runtime.safe is None:
            raise Problem(503, "store_unavailable", "The gateway is still starting. Try again shortly.")
        return runtime.safe

    def shown(stored: Stored) -> KeyShown:
        now, kept = runtime.clock.now(), safe()
        use = kept.used.get(stored.id)
        return KeyShown(
            id=stored.id,
            provider=stored.provider,
            alias=stored.alias,
            gateway=stored.gateway,
            preview=stored.preview,
            status=kept.status(stored, now),
            last_used_at=iso(use.last_used_at) if use is not None and use.last_used_at else None,
            created_at=iso(stored.created_at),
            changed_at=iso(stored.changed_at),
            expires_at=instant_or_none(stored.expires_at),
            by=stored.by,
            managed_by="store",
            master=stored.sealed.master,
        )

    async def in_force() -> None:
        assert runtime.reload is not None
        await runtime.reload("admin")

    async def provider_keys() -> KeyList:
        """Every key of a provider: those that were stored, and those that the settings name."""
        stored = safe().all()
        taken = {each.id for each in stored}
        written = [
            _written(provider, alias)
            for provider in runtime.snapshot.providers.values()
            for alias in provider.aliases("")
            if f"{provider.slug}/{alias}" not in taken
        ]
        items = [*(shown(each) for each in stored), *written]
        return KeyList(items=sorted(items, key=lambda item: item.id))

    async def store_provider_key(given: KeyGiven, response: Response, by: Actor) -> KeyChanged:
        """Seals a provider's key and uses it from the next request on; 201 where there was none of that name."""
        kept, now = safe(), runtime.clock.now()
        provider = _provider(runtime, given)
        secret = given.secret.get_secret_value().strip()
        try:
            check_secret(secret, f"{given.provider}/{given.alias}")
        except SettingsInvalid as error:
            raise Problem(400, "body_invalid", f"secret: {error}") from None
        if not secret:
            raise Problem(400, "body_invalid", "secret: it is empty.")
        expires_at = milliseconds(given.expires_at) if given.expires_at is not None else None
        if expires_at is not None and expires_at <= now:
            raise Problem(400, "body_invalid", f"expires_at: {iso(expires_at)} is over already.")
        fresh = Stored(
            provider=provider.slug,
            alias=given.alias,
            gateway=given.gateway,
            sealed=_NOT_YET,
            preview="",
            created_at=now,
            changed_at=now,
            by=by,
            expires_at=expires_at,
        )
        replaced = kept.get(fresh.id) is not None
        try:
            stored = await kept.put(fresh, secret, now)
        except SealBroken as error:
            raise Problem(503, "master_key_unavailable", f"{error} Nothing was stored.") from None
        await in_force()
        warnings = await audited(
            runtime,
            "provider_key.replaced" if replaced else "provider_key.stored",
            stored.id,
            by=by,
            after={"preview": stored.preview, "expires_at": instant_or_none(stored.expires_at)},
        )
        used = runtime.snapshot.providers[provider.slug].keys
        name = given.alias if given.gateway is None else f"{given.gateway}/{given.alias}"
        if name not in used:
            warnings.append(
                f"providers.{provider.slug}.api_key of the settings comes before it; take that out for this one to be used."
            )
        response.status_code = 200 if replaced else 201
        return KeyChanged(**shown(stored).model_dump(), warnings=warnings)

    async def remove_provider_key(provider: str, alias: str, which: Annotated[Which, Query()], by: Actor) -> KeyChanged:
        """Takes a stored key out; no request goes out with it from now on."""
        kept = safe()
        name = f"{provider}/{alias}" if which.gateway is None else f"{which.gateway}/{provider}/{alias}"
        stored = kept.get(name)
        if stored is None:
            known = ", ".join(each.id for each in kept.all()) or "none"
            raise Problem(404, "provider_key_unknown", f'No key "{name[:128]}" is stored; there are: {known}.')
        gone = shown(stored)
        await kept.remove(name, runtime.clock.now())
        await in_force()
        warnings = await audited(runtime, "provider_key.removed", name, by=by, before={"preview": stored.preview})
        return KeyChanged(**gone.model_dump(), warnings=warnings)

    async def rotate_master_key(asked: RotateAsked, by: Actor) -> Rotated:
        """Wraps every stored key under the master key in force. Requests go on meanwhile; stopped half-way, ask again."""
        try:
            wrapped = await safe().rotate(runtime.clock.now(), renew=asked.new_key)
        except SealBroken as error:
            raise Problem(503, "master_key_unavailable", str(error)) from None
        except SettingsInvalid as error:
            raise Problem(409, "master_key_elsewhere", str(error)) from None
        warnings = await audited(runtime, "master_key.rotated", "provider keys", by=by, after={"wrapped": wrapped})
        return Rotated(wrapped=wrapped, warnings=warnings)

    nothing_else = [Depends(no_parameters)]
    router.get("/provider-keys", dependencies=nothing_else)(provider_keys)
    router.post("/provider-keys", status_code=201, dependencies=nothing_else)(store_provider_key)
    router.post("/provider-keys/rotate", dependencies=nothing_else)(rotate_master_key)
    router.delete("/provider-keys/{provider}/{alias}")(remove_provider_key)
    return router


def _provider(runtime: Runtime, given: KeyGiven) -> Provider:
    provider = runtime.snapshot.providers.get(given.provider)
    if provider is None:
        known = ", ".join(sorted(runtime.snapshot.providers)) or "none"
        raise Problem(404, "provider_unknown", f'No provider "{given.provider}" is configured; there are: {known}.')
    if provider.auth is not None:
        raise Problem(
            409,
            "provider_signs",
            f'Provider "{provider.slug}" is identified to by the "auth" of the settings, not a key.',
        )
    if not _ALIAS.fullmatch(given.alias):
        raise Problem(400, "body_invalid", f"alias: {given.alias!r} is no name; use letters, digits, dots and dashes.")
    if given.gateway is not None and given.gateway not in runtime.snapshot.gateways:
        known = ", ".join(sorted(runtime.snapshot.gateways))
        raise Problem(404, "gateway_unknown", f'No gateway "{given.gateway}"; there are: {known}.')
    return provider


def _written(provider: Provider, alias: str) -> KeyShown:
    return KeyShown(
        id=f"{provider.slug}/{alias}",
        provider=provider.slug,
        alias=alias,
        gateway=None,
        preview="",
        status="unknown",
        last_used_at=None,
        created_at=None,
        changed_at=None,
        expires_at=None,
        by="file",
        managed_by="file",
        master=None,
    )

"""How the gateway is: its version, settings, store, providers and keys, and what in the settings is probably not meant."""

import os
import time
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from tollway import __version__
from tollway.admin.alerts import late_channels
from tollway.admin.audit import Actor
from tollway.admin.charge import Dollars, Instant, instant_or_none
from tollway.admin.export_jobs_shown import job_warnings
from tollway.admin.metrics_ledger import ROLLED
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.settings_change import ADMIN
from tollway.admin.warnings import Seen, seen_by, warnings_of
from tollway.admin.where import no_parameters
from tollway.clock import iso
from tollway.errors import StoreUnavailable
from tollway.gateway import Family
from tollway.money import dollars
from tollway.pricing import price


class StatusQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    verify: bool = Field(
        default=False, description="Recompute every balance from the ledger, and tell each difference."
    )


class StoreShown(BaseModel):
    ok: bool
    verified: bool
    """Whether the balances were recomputed for this answer."""
    differences: list[str]


class ProviderShown(BaseModel):
    slug: str
    family: Family
    host: str
    has_key: bool
    price_list: str | None


class GatewayShown(BaseModel):
    slug: str
    authentication: Literal["required", "none"]
    provider_keys: Literal["configured", "caller"]


class KeyShown(BaseModel):
    """A gateway key, without its secret."""

    name: str
    user: str | None
    service: str | None
    groups: list[str]
    gateways: list[str]
    """Slugs it may be used on; empty for all."""
    expires_at: Instant | None
    enabled: bool


class BookShown(BaseModel):
    """The list prices in force, beside those of the settings."""

    version: str
    date: str


class Status(BaseModel):
    version: str
    at: Instant
    uptime_s: int | None
    """Null where the system does not tell."""
    revision: int
    store: StoreShown
    open_reservations: int
    held_usd: Dollars
    """The bounds of all requests under way."""
    price_book: BookShown
    providers: list[ProviderShown]
    gateways: list[GatewayShown]
    keys: list[KeyShown]
    budgets: int
    warnings: list[str]


class Reloaded(BaseModel):
    revision: int
    changed: bool


class _BookHead(msgspec.Struct):
    version: str
    date: str


def status_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["status"])
    book = _book()

    async def status(query: Annotated[StatusQuery, Query()]) -> Status:
        """How the gateway is."""
        snapshot, now = runtime.snapshot, runtime.clock.now()
        opened = runtime.store.ledger.open_reservations()
        return Status(
            version=__version__,
            at=iso(now),
            uptime_s=_uptime_s(),
            revision=snapshot.revision,
            store=await _store(runtime, verify=query.verify),
            open_reservations=len(opened),
            held_usd=dollars(sum(reservation.bound for reservation in opened)),
            price_book=book,
            providers=[
                ProviderShown(
                    slug=provider.slug,
                    family=provider.family,
                    host=urlsplit(provider.base_url).netloc,
                    has_key=provider.has_credentials,
                    price_list=provider.price_list,
                )
                for provider in snapshot.providers.values()
            ],
            gateways=[
                GatewayShown(
                    slug=gateway.slug, authentication=gateway.authentication, provider_keys=gateway.provider_keys
                )
                for gateway in snapshot.gateways.values()
            ],
            keys=[
                KeyShown(
                    name=key.name,
                    user=key.user,
                    service=key.service,
                    groups=list(key.groups),
                    gateways=list(key.gateways),
                    expires_at=instant_or_none(key.expires_at),
                    enabled=key.enabled,
                )
                for key in snapshot.keys.values()
            ],
            budgets=len(snapshot.budgets),
            warnings=[
                # The first is the one that Overview shows.
                *await _channels(runtime, now),
                *warnings_of(snapshot, now, await _seen(runtime, now), runtime.settings_path),
                *_anchors(runtime),
                *await _rollups(runtime),
                *_workers(runtime),
                *_exports(runtime),
            ],
        )

    async def reload(by: Actor) -> Reloaded:
        """Reads the settings file again. Settings that cannot be used change nothing."""
        if runtime.reload is None:
            raise Problem(503, "store_unavailable", "The gateway is still starting. Try again shortly.")
        before = runtime.snapshot.revision
        revision = await runtime.reload("file" if by == ADMIN else by)
        return Reloaded(revision=revision, changed=revision != before)

    router.get("/status")(status)
    router.post("/reload", dependencies=[Depends(no_parameters)])(reload)
    return router


def _exports(runtime: Runtime) -> Sequence[str]:
    has_folder = runtime.settings.export_dir is not None
    return job_warnings(runtime.snapshot.exports, runtime.exporting, has_folder=has_folder)


async def _channels(runtime: Runtime, now: int) -> Sequence[str]:
    """Channels that take nothing; nothing while the store cannot tell."""
    try:
        return await late_channels(runtime.store.outbox, now)
    except StoreUnavailable:
        return []


def _anchors(runtime: Runtime) -> Sequence[str]:
    trouble = runtime.anchors.trouble
    return [] if trouble is None else [f"{trouble.rstrip('.')}. What is cut off the log meanwhile is not seen."]


async def _rollups(runtime: Runtime) -> Sequence[str]:
    """What is wrong with the sums that analytics are made of; nothing while the store cannot tell."""
    try:
        rolled = await runtime.store.analytics.rolled()
    except StoreUnavailable:
        return []
    behind = {"spending": rolled.entries_behind, "traffic": rolled.records_behind}
    found = [
        f"{behind[table]:,} rows of the {ROLLED[table]} cannot be taken into the sums of analytics: {why.rstrip('.')}. Until they are, "
        "/metrics stands still and old records of the log stay. With the gateway stopped: tollway analytics verify, then rebuild."
        for table, why in rolled.failing.items()
    ]
    if rolled.full:
        found.append(
            "A sum of analytics is beyond what 64 bits hold, and is shown as $9,223,372,036.85. The ledger, budgets and statements have "
            "all of it: look for an amount that cannot be meant (GET /api/v1/ledger/entries)."
        )
    return found


def _workers(runtime: Runtime) -> Sequence[str]:
    return [
        f"What runs beside the requests failed and began again: {name}, {trouble.times} times, last with {trouble.words.rstrip('.')}. "
        "This is a defect; please report it."
        for name, trouble in runtime.upkeep.troubles.items()
    ]


async def _seen(runtime: Runtime, now: int) -> Mapping[str, Seen] | None:
    """What budgets have counted; `None` while the store cannot tell."""
    try:
        known = await runtime.store.budgets.known()
    except StoreUnavailable:
        return None
    return seen_by(runtime.store.ledger, runtime.snapshot.budgets, known, runtime.calendar, now)


async def _store(runtime: Runtime, *, verify: bool) -> StoreShown:
    try:
        if verify:
            differences = list(await runtime.store.ledger.verify())
            return StoreShown(ok=not differences, verified=True, differences=differences)
        await runtime.store.config.latest()
        if (why := runtime.store.ledger.unavailable) is not None:
            return StoreShown(ok=False, verified=False, differences=[why])
    except StoreUnavailable as error:
        return StoreShown(ok=False, verified=False, differences=[str(error)])
    return StoreShown(ok=True, verified=False, differences=[])


def _book() -> BookShown:
    """The compiled book's own words about itself."""
    compiled = resources.files(price.__package__ or "tollway.pricing").joinpath(price.FILE).read_bytes()
    head = msgspec.json.decode(compiled, type=_BookHead)
    return BookShown(version=head.version, date=head.date)


def _uptime_s() -> int | None:
    """Seconds since this process began."""
    try:
        # proc(5): the 22nd field is the start in clock ticks since boot; the second may hold spaces, in brackets.
        fields = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        began = int(fields[19]) // os.sysconf("SC_CLK_TCK")
        return max(0, int(time.clock_gettime(time.CLOCK_BOOTTIME)) - began)
    except (OSError, AttributeError, ValueError, IndexError):
        return None

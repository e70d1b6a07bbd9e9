"""Kept answers: how many there are and what they were good for, and letting go of them."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from tollway.admin.audit import Actor, audited
from tollway.admin.charge import Dollars, Instant
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.where import no_parameters
from tollway.cache.rules import Caching
from tollway.clock import iso
from tollway.money import dollars
from tollway.storage.cached import Answers, GatewayStats, Purge

_OFF = Caching()


class Counts(BaseModel):
    entries: int
    bytes: int
    hits: int
    """Since the process began, as are all counts but entries and bytes."""
    misses: int
    saved_usd: Dollars
    """What the answers that were given again had cost."""
    unpriced_hits: int
    """Hits of answers without a price: what they saved is not known, and not in `saved_usd`."""


class GatewayCacheShown(Counts):
    """What one gateway keeps."""

    gateway: str
    ttl_s: int
    """0: only what callers ask for by header."""
    scope: Literal["none", "team", "user"]
    by_headers: bool


class CacheShown(Counts):
    """All that is kept."""

    at: Instant
    limit_bytes: int
    evicted: int
    """Entries that gave way to others."""
    gateways: list[GatewayCacheShown]


class PurgeQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    gateway: str | None = Field(
        default=None, min_length=1, max_length=256, description="Only what it keeps, by its slug."
    )
    provider: str | None = Field(
        default=None,
        min_length=1,
        max_length=256,
        description="Only what it answered, by its slug or another of its names.",
    )
    key: str | None = Field(
        default=None, min_length=1, max_length=512, description="Only what callers named so (`tollway-cache-key`)."
    )


class Purged(BaseModel):
    purged: int
    """Entries that were there and are gone."""
    warnings: list[str]


def cache_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["cache"])

    async def cache() -> CacheShown:
        """What is kept, and what it was good for since the process began, by gateway."""
        found = await _answers(runtime).stats()
        gateways = runtime.snapshot.gateways
        shown = [
            _of_gateway(
                slug,
                found.gateways.get(slug, GatewayStats()),
                gateways[slug].cache or _OFF if slug in gateways else _OFF,
            )
            for slug in sorted(gateways.keys() | found.gateways.keys())
        ]
        total = list(found.gateways.values())
        return CacheShown(
            at=iso(runtime.clock.now()),
            entries=found.entries,
            bytes=found.bytes,
            limit_bytes=found.limit_bytes,
            evicted=found.evicted,
            hits=sum(each.hits for each in total),
            misses=sum(each.misses for each in total),
            saved_usd=dollars(sum(each.saved_nanodollars for each in total)),
            unpriced_hits=sum(each.unpriced_hits for each in total),
            gateways=shown,
        )

    async def purge(query: Annotated[PurgeQuery, Query()], actor: Actor) -> Purged:
        """Lets go of kept answers: of a gateway, of a provider, of a name, or, without any of them, of all."""
        provider = query.provider
        if provider is not None:
            known = runtime.snapshot.provider(provider)
            provider = known.slug if known is not None else provider
        purged = await _answers(runtime).purge(Purge(gateway=query.gateway, provider=provider, key=query.key))
        narrowed = {"gateway": query.gateway, "provider": provider, "key": query.key}
        asked = {name: value for name, value in narrowed.items() if value is not None}
        warnings = await audited(
            runtime, "cache.purged", query.gateway or "*", by=actor, after=asked | {"purged": purged}
        )
        return Purged(purged=purged, warnings=warnings)

    router.get("/cache", dependencies=[Depends(no_parameters)])(cache)
    router.delete("/cache")(purge)
    return router


def _answers(runtime: Runtime) -> Answers:
    if runtime.answers is None:
        raise Problem(503, "store_unavailable", "The gateway is still starting. Try again shortly.")
    return runtime.answers


def _of_gateway(slug: str, stats: GatewayStats, caching: Caching) -> GatewayCacheShown:
    return GatewayCacheShown(
        gateway=slug,
        ttl_s=caching.ttl_s,
        scope=caching.scope,
        by_headers=caching.by_headers,
        entries=stats.entries,
        bytes=stats.bytes,
        hits=stats.hits,
        misses=stats.misses,
        saved_usd=dollars(stats.saved_nanodollars),
        unpriced_hits=stats.unpriced_hits,
    )

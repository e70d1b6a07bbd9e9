"""Rate limits by the API: those in force with what they count now; made, changed and taken out in the settings file."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from tollway.admin.audit import Actor
from tollway.admin.budgets import MatchShown, match_shown
from tollway.admin.charge import Instant
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.settings_change import IfMatch, SettingsChange, etag
from tollway.admin.where import no_parameters
from tollway.admin.written import Fields, schema_of
from tollway.clock import iso
from tollway.document.rate_edit import fields_of, place_of, read_fields, with_fields, with_limit, without_limit
from tollway.document.rates import limit_id
from tollway.document.text import parse
from tollway.document.written_rates import RateLimitDocument
from tollway.rates.limit import RateLimit
from tollway.snapshot import Snapshot

_SCHEMA = schema_of(RateLimitDocument)

Written = Annotated[Fields, WithJsonSchema(_SCHEMA)]
"""An entry of `rate_limits:` as the settings have it; what it does not say is left out."""
Patch = Annotated[
    Fields,
    Body(description="Fields in the place of the limit's own; null takes one out. `where` is merged by attribute."),
]


class RateQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    buckets: int = Field(default=10, ge=0, le=1_000, description="How many buckets of each limit to list.")


class BucketShown(BaseModel):
    """One bucket of a limit, as this process has counted it in the window of now."""

    bucket: str
    """Empty for the one that newcomers share where there is no room for more."""
    requests: int | None
    """Null where the limit does not count them."""
    tokens: int | None


class RateLimitShown(BaseModel):
    id: str
    name: str
    enabled: bool
    gateway: str | None
    """The only gateway it is for; null for all."""
    where: list[MatchShown]
    split_by: list[str]
    requests: int | None
    tokens: int | None
    window_s: int
    technique: Literal["fixed", "sliding"]
    untagged: Literal["skip", "bucket"]
    attributes: Literal["any", "verified"]
    mode: Literal["enforce", "monitor"]
    editable: bool
    """False for the one that a gateway has by its fields rate_limiting_...: it is changed in the settings file."""
    busiest: list[BucketShown]
    """Those nearest to the limit."""


class RateLimitList(BaseModel):
    at: Instant
    revision: int
    items: list[RateLimitShown]


class RateLimitChanged(BaseModel):
    """A limit as it was and as it is."""

    id: str
    revision: int
    """Of the settings in force."""
    changed: bool
    """False where the settings said so already."""
    before: Written | None
    after: Written | None
    warnings: list[str]


def rates_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["rate limits"])
    settings = SettingsChange(runtime)

    async def change(
        wanted: str, edit: Callable[[str], str], response: Response, if_match: str | None, by: str
    ) -> RateLimitChanged:
        before = runtime.snapshot
        made = await settings.make(edit, if_match, by)
        response.headers.update(etag(runtime.snapshot))
        return RateLimitChanged(
            id=wanted,
            revision=runtime.snapshot.revision,
            changed=made.changed,
            before=_written(before, wanted),
            after=_written(made.snapshot, wanted),
            warnings=made.warnings,
        )

    async def rate_limits(query: Annotated[RateQuery, Query()]) -> RateLimitList:
        """Every rate limit, with its busiest buckets now."""
        snapshot, now = runtime.snapshot, runtime.clock.now()
        written = {limit_id(one) for one in parse(snapshot.document).rate_limits}
        items = [_shown(runtime, limit, limit.id in written, now, query.buckets) for limit in snapshot.rate_limits]
        return RateLimitList(at=iso(now), revision=snapshot.revision, items=items)

    async def create_rate_limit(
        written: Annotated[Written, Body()], response: Response, by: Actor, if_match: IfMatch = None
    ) -> RateLimitChanged:
        """Writes a rate limit into the settings; it counts from the next request on."""
        limit = read_fields(written)
        return await change(limit_id(limit), lambda text: with_limit(text, limit), response, if_match, by)

    async def change_rate_limit(
        limit_id: str, fields: Patch, response: Response, by: Actor, if_match: IfMatch = None
    ) -> RateLimitChanged:
        """Changes fields of a rate limit. With another number the count goes on; with another window it begins anew."""
        _check_written(runtime.snapshot, limit_id)
        if fields.get("id", limit_id) != limit_id:
            raise Problem(
                400,
                "body_invalid",
                f'id: it names the limit\'s buckets and stays "{limit_id}"; change the name instead.',
            )
        return await change(
            limit_id, lambda text: _or_gone(with_fields, text, limit_id, fields), response, if_match, by
        )

    async def delete_rate_limit(
        limit_id: str, response: Response, by: Actor, if_match: IfMatch = None
    ) -> RateLimitChanged:
        """Takes a rate limit out of the settings; it refuses nothing from the next request on."""
        _check_written(runtime.snapshot, limit_id)
        return await change(limit_id, lambda text: _or_gone(without_limit, text, limit_id), response, if_match, by)

    router.get("/rate-limits")(rate_limits)
    router.post("/rate-limits", status_code=201, dependencies=[Depends(no_parameters)])(create_rate_limit)
    router.patch("/rate-limits/{limit_id}", dependencies=[Depends(no_parameters)])(change_rate_limit)
    router.delete("/rate-limits/{limit_id}", dependencies=[Depends(no_parameters)])(delete_rate_limit)
    return router


def _shown(runtime: Runtime, limit: RateLimit, editable: bool, now: int, most: int) -> RateLimitShown:
    return RateLimitShown(
        id=limit.id,
        name=limit.name,
        enabled=limit.enabled,
        gateway=limit.gateway,
        where=[match_shown(match) for match in limit.where],
        split_by=list(limit.split_by),
        requests=limit.requests,
        tokens=limit.tokens,
        window_s=limit.window_s,
        technique=limit.technique,
        untagged=limit.untagged,
        attributes=limit.attributes,
        mode=limit.mode,
        editable=editable,
        busiest=[
            BucketShown(bucket=use.bucket, requests=use.requests, tokens=use.tokens)
            for use in runtime.rates.busiest(limit, now, most)
        ],
    )


def _or_gone(edit: Callable[..., str], text: str, wanted: str, *rest: Any) -> str:
    try:
        return edit(text, wanted, *rest)
    except KeyError:
        raise _unknown(wanted, "the settings file has none of that id") from None


def _check_written(snapshot: Snapshot, wanted: str) -> None:
    if _written(snapshot, wanted) is not None:
        return
    found = next((limit for limit in snapshot.rate_limits if limit.id == wanted), None)
    if found is None:
        known = ", ".join(limit.id for limit in snapshot.rate_limits[:20]) or "none"
        raise _unknown(wanted, f"there are: {known}")
    raise Problem(
        409,
        "rate_limit_elsewhere",
        f'"{wanted}" is what gateway "{found.gateway}" says by rate_limiting_limit; change it in the settings file, under '
        "gateways, and reload.",
    )


def _unknown(wanted: str, said: str) -> Problem:
    return Problem(404, "rate_limit_unknown", f'No rate limit with the id "{wanted[:64]}"; {said}.')


def _written(snapshot: Snapshot, wanted: str) -> dict[str, Any] | None:
    document = parse(snapshot.document)
    try:
        return fields_of(document.rate_limits[place_of(document, wanted)])
    except KeyError:
        return None

"""The identity providers: what is expected of their tokens, and how their keys are."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from tollway.admin.charge import Instant, instant_or_none
from tollway.admin.runtime import Runtime
from tollway.identity.issuer import Issuer
from tollway.proxy.jwks import STALE_MS, State


class IssuerQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    check: bool = Field(
        default=False,
        description="Ask those for their keys of which none that are fresh are known, and tell how it went.",
    )


class IssuerShown(BaseModel):
    """An identity provider, without its secret."""

    name: str
    issuer: str
    kind: Literal["oidc", "cloudflare_access"]
    enabled: bool
    audiences: list[str]
    algorithms: list[str]
    gateways: list[str]
    """Slugs that its tokens open; empty for all."""
    groups_from: Literal["claim", "userinfo"]
    signs_in: bool
    """Whether people can sign in there: it has a `client_id`."""
    state: Literal["unused", "good", "stale", "unavailable"]
    """unused: its keys were not needed yet; stale: it does not answer, and the keys last seen go on for a day."""
    keys: list[str]
    """The names of the keys it publishes; "" for one without a name."""
    fetched_at: Instant | None
    """When it last answered with its keys."""
    tried_at: Instant | None
    good_until: Instant | None
    """Until when the keys are good while it does not answer."""
    error: str
    """What stood in the way of the last try."""


class IssuersShown(BaseModel):
    items: list[IssuerShown]


def issuers_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["issuers"])

    async def issuers(query: Annotated[IssuerQuery, Query()]) -> IssuersShown:
        """The identity providers of the settings, and how their keys are."""
        known, now = runtime.snapshot.issuers.all(), runtime.clock.now()
        shown: list[IssuerShown] = []
        for issuer in known:
            asked = query.check and issuer.enabled
            state = await runtime.issuers.refresh(issuer, now) if asked else runtime.issuers.state(issuer)
            shown.append(_shown(issuer, state, now))
        return IssuersShown(items=shown)

    router.get("/issuers")(issuers)
    return router


def _shown(issuer: Issuer, state: State | None, now: int) -> IssuerShown:
    fetched_at = state.fetched_at if state is not None else None
    good_until = None if fetched_at is None else fetched_at + STALE_MS
    return IssuerShown(
        name=issuer.name,
        issuer=issuer.issuer,
        kind=issuer.kind,
        enabled=issuer.enabled,
        audiences=list(issuer.audiences),
        algorithms=sorted(issuer.algorithms),
        gateways=list(issuer.gateways),
        groups_from=issuer.groups_from,
        signs_in=issuer.client_id is not None,
        state=_state(state, good_until, now),
        keys=[key or "" for key in state.keys] if state is not None else [],
        fetched_at=instant_or_none(fetched_at),
        tried_at=instant_or_none(state.tried_at if state is not None else None),
        good_until=instant_or_none(good_until),
        error=state.error if state is not None else "",
    )


def _state(state: State | None, good_until: int | None, now: int) -> Literal["unused", "good", "stale", "unavailable"]:
    if state is None or state.tried_at is None:
        return "unused"
    if good_until is None or now >= good_until:
        return "unavailable"
    return "stale" if state.error else "good"

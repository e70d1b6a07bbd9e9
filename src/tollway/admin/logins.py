"""Who is signed in, and ending that: for whoever leaves the company, or has lost a machine."""

import json
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from tollway.admin.audit import Actor
from tollway.admin.charge import Instant
from tollway.admin.oauth_grants import Grants
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.where import no_parameters
from tollway.clock import iso
from tollway.identity.grants import Family
from tollway.ledger.change import Change


class LoginQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    user: str | None = Field(default=None, description="Only this person's.")


class LoginShown(BaseModel):
    """One signing in, with all tokens that follow from it."""

    id: str
    user: str
    groups: list[str]
    gateways: list[str]
    """Slugs that its tokens open; empty for all."""
    client: str
    """What the program said of itself; nothing vouches for it."""
    started_at: Instant
    refreshed_at: Instant | None
    ends_at: Instant


class LoginsShown(BaseModel):
    at: Instant
    items: list[LoginShown]


def logins_router(runtime: Runtime) -> APIRouter:
    router, grants = APIRouter(tags=["logins"]), Grants(runtime)

    async def logins(query: Annotated[LoginQuery, Query()]) -> LoginsShown:
        """Who is signed in, the newest first."""
        found = [_shown(one) for one in await runtime.tokens.families() if query.user in (None, one.identity.user)]
        return LoginsShown(at=iso(runtime.clock.now()), items=found)

    async def end_logins(login: str, by: Actor) -> LoginsShown:
        """Ends a login, by its id, or all of a person's, by their name: none of its tokens opens anything from now on, and
        what the person has allowed and no program has collected is taken back. The answer has the logins that were ended."""
        now = runtime.clock.now()
        # Before the logins: what a program collects meanwhile is one of them.
        withdrawn = await grants.withdraw(login, now)
        ended = [one for one in await runtime.tokens.families() if login in (one.id, one.identity.user)]
        if not ended and not withdrawn:
            raise Problem(
                404, "login_unknown", f'No login has the id "{login[:64]}", and nobody of that name is signed in.'
            )
        await runtime.tokens.end(*(one.id for one in ended))
        await runtime.store.audit.append(
            *(
                Change(
                    at=now,
                    by=by,
                    action="login.ended",
                    target=one.identity.user or "",
                    before=json.dumps({"id": one.id, "client": one.client, "groups": one.identity.groups}),
                )
                for one in ended
            ),
            *(
                [Change(at=now, by=by, action="login.withdrawn", target=login, after=json.dumps({"grants": withdrawn}))]
                if withdrawn
                else []
            ),
        )
        return LoginsShown(at=iso(now), items=[_shown(one) for one in ended])

    router.get("/logins")(logins)
    router.delete("/logins/{login}", dependencies=[Depends(no_parameters)])(end_logins)
    return router


def _shown(one: Family) -> LoginShown:
    return LoginShown(
        id=one.id,
        user=one.identity.user or "",
        groups=list(one.identity.groups),
        gateways=list(one.gateways),
        client=one.client,
        started_at=iso(one.started_at),
        refreshed_at=iso(one.rotated_at) if one.rotated_at else None,
        ends_at=iso(one.ends_at),
    )

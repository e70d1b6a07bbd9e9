"""Service tokens: a client id and a client secret for an agent or a CI job, whose name budgets and logs know it by."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from tollway.admin.audit import Actor
from tollway.admin.charge import Instant
from tollway.admin.issuing import NO_STORE, DoneWithSecret, Issuing
from tollway.admin.key_asked import KeyChange, RotationAsked, ServiceTokenAsked, service_token_of
from tollway.admin.key_shown import ServiceTokenShown, service_token_shown
from tollway.admin.keys import KeyQuery, page, selects
from tollway.admin.runtime import Runtime
from tollway.admin.where import no_parameters
from tollway.clock import iso
from tollway.identity.authority import IssuedKey


class ServiceTokenPage(BaseModel):
    at: Instant
    items: list[ServiceTokenShown]
    next: str | None
    """`cursor` of the page after this one; null at the end."""


class ServiceTokenMade(BaseModel):
    """The only answer that has the client secret: keep it now."""

    service_token: ServiceTokenShown
    client_id: str
    client_secret: str
    previous_client_secret_expires_at: Instant | None
    warnings: list[str]


class ServiceTokenDone(BaseModel):
    """What stands now; of one that was deleted, what was."""

    service_token: ServiceTokenShown
    warnings: list[str]


def service_tokens_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["service tokens"])
    issuing = Issuing(runtime, "service_token")

    def show(record: IssuedKey) -> ServiceTokenShown:
        return service_token_shown(record, runtime.clock.now(), runtime.keyring.last_used(record.name))

    def with_secret(made: DoneWithSecret, response: Response) -> ServiceTokenMade:
        response.headers.update(NO_STORE)
        shown = show(made.record)
        return ServiceTokenMade(
            service_token=shown,
            client_id=shown.client_id,
            client_secret=made.secret,
            previous_client_secret_expires_at=shown.previous_client_secret_expires_at,
            warnings=made.warnings,
        )

    async def service_tokens(query: Annotated[KeyQuery, Query()]) -> ServiceTokenPage:
        """Every service token, those that were revoked too."""
        now = runtime.clock.now()
        some, following = await page(
            runtime, "service_token", query, lambda each: isinstance(each, IssuedKey) and selects(query, each, now), []
        )
        items = [show(each) for each in some if isinstance(each, IssuedKey)]
        return ServiceTokenPage(at=iso(now), items=items, next=following)

    async def create_service_token(asked: ServiceTokenAsked, by: Actor, response: Response) -> ServiceTokenMade:
        """Makes a service token that opens from now on. The answer is the only one that has its secret."""
        wanted = service_token_of(asked, runtime.snapshot, now=runtime.clock.now(), by=by)
        return with_secret(await issuing.create(wanted), response)

    async def service_token(token_id: str) -> ServiceTokenShown:
        """One service token, by its id or its name."""
        return show(issuing.find(token_id))

    async def change_service_token(token_id: str, asked: KeyChange, by: Actor) -> ServiceTokenDone:
        """Changes what is named and nothing else, from the next request on."""
        done = await issuing.change(token_id, asked, by=by)
        return ServiceTokenDone(service_token=show(done.record), warnings=done.warnings)

    async def rotate_service_token(
        token_id: str, asked: RotationAsked, by: Actor, response: Response
    ) -> ServiceTokenMade:
        """Makes a new client secret; the one of until now opens for the grace. The client id stays."""
        return with_secret(await issuing.rotate(token_id, asked.grace_s, by=by), response)

    async def revoke_service_token(token_id: str, by: Actor) -> ServiceTokenDone:
        """Ends a service token for good, from the next request on. It stays in the list, and its name stays taken."""
        done = await issuing.revoke(token_id, by=by)
        return ServiceTokenDone(service_token=show(done.record), warnings=done.warnings)

    async def delete_service_token(token_id: str, by: Actor) -> ServiceTokenDone:
        """Revokes a service token and takes it out of the list; its name is free again."""
        done = await issuing.delete(token_id, by=by)
        return ServiceTokenDone(service_token=show(done.record), warnings=done.warnings)

    alone: dict[str, Any] = {"dependencies": [Depends(no_parameters)]}
    router.get("/service-tokens")(service_tokens)
    router.post("/service-tokens", status_code=201, **alone)(create_service_token)
    router.get("/service-tokens/{token_id}", **alone)(service_token)
    router.patch("/service-tokens/{token_id}", **alone)(change_service_token)
    router.delete("/service-tokens/{token_id}", **alone)(delete_service_token)
    router.post("/service-tokens/{token_id}/rotate", **alone)(rotate_service_token)
    router.post("/service-tokens/{token_id}/revoke", **alone)(revoke_service_token)
    return router

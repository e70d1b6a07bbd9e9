"""Dynamic routes by the API: saved as versions in the store, deployed into the settings file, tried without a call."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Body, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from tollway.admin.audit import Actor
from tollway.admin.charge import Instant
from tollway.admin.problem import Problem
from tollway.admin.route_desk import RouteDesk, version_unknown
from tollway.admin.route_shown import (
    ProblemShown,
    RouteShown,
    as_written,
    elements_shown,
    known_now,
    problems_shown,
    route_shown,
)
from tollway.admin.route_simulate import RouteSimulated, RouteSimulation, simulated
from tollway.admin.runtime import Runtime
from tollway.admin.settings_change import IfMatch, etag
from tollway.admin.where import no_parameters
from tollway.admin.written import check_text
from tollway.clock import iso
from tollway.document.routes import examined, told
from tollway.document.written_routes import RouteDocument
from tollway.routes.problem import Problems


class ContentWritten(BaseModel):
    """Elements, or the targets that are short for them."""

    model_config = ConfigDict(extra="forbid")

    elements: list[Any] = Field(default_factory=list, description="In either of Cloudflare's dialects.")
    targets: list[Any] = Field(default_factory=list, description='[{"model": "openai/gpt-4o", "weight": 3}]')
    order: str | None = Field(default=None, description="weighted, least_latency, cheapest or in_order.")
    timeout: int | None = Field(default=None, description="Milliseconds.")
    retries: int | None = None
    exempt: list[str] = Field(default_factory=list, description="Budgets that do not refuse the targets.")
    comment: str | None = Field(default=None, min_length=1, max_length=1_000)

    @model_validator(mode="before")
    @classmethod
    def _text(cls, written: Any) -> Any:
        return check_text(written) if isinstance(written, dict) else written  # pyright: ignore[reportUnknownArgumentType]

    def document(self, name: str, gateway: str | None) -> RouteDocument:
        fields = {
            "name": name,
            "gateway": gateway,
            "elements": self.elements,
            "targets": self.targets,
            "order": self.order,
            "timeout": self.timeout,
            "retries": self.retries,
            "exempt": self.exempt,
            "comment": self.comment,
        }
        return msgspec.convert(fields, RouteDocument)


class VersionWritten(ContentWritten):
    deploy: bool = Field(default=False, description="Also put it in force.")


class RouteWritten(VersionWritten):
    name: str = Field(description="Callers name it as the model dynamic/{name}.")
    gateway: str | None = Field(default=None, description="The slug of the only gateway it is for.")


class RoutePatch(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str | None = None
    enabled: bool | None = None


class ListQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    gateway: str | None = Field(default=None, max_length=64, description="Only what this gateway can call.")


class RouteList(BaseModel):
    at: Instant
    revision: int
    items: list[RouteShown]


class RouteChanged(RouteShown):
    revision: int
    """Of the settings in force."""
    changed: bool
    warnings: list[str]


class Validated(BaseModel):
    valid: bool
    problems: list[ProblemShown]
    """All of them."""
    elements: list[Any]
    """The same in Cloudflare's newer dialect; empty where they are not valid."""


def routes_router(runtime: Runtime, desk: RouteDesk) -> APIRouter:
    router = APIRouter(tags=["routes"])

    async def shown(identifier: str, response: Response, changed: bool, warnings: list[str]) -> RouteChanged:
        response.headers.update(etag(runtime.snapshot))
        found = route_shown(identifier, *await desk.find(identifier))
        return RouteChanged(
            **found.model_dump(), revision=runtime.snapshot.revision, changed=changed, warnings=warnings
        )

    async def routes(query: Annotated[ListQuery, Query()]) -> RouteList:
        """Every route: those in force, and those that have versions alone."""
        kept, there = await desk.versions.all(), desk.in_force()
        found = [route_shown(one, kept.get(one), there.get(one)) for one in dict.fromkeys((*there, *kept))]
        items = [one for one in found if query.gateway is None or one.gateway_id in (None, query.gateway)]
        return RouteList(at=iso(runtime.clock.now()), revision=runtime.snapshot.revision, items=items)

    async def create_route(
        written: Annotated[RouteWritten, Body()], response: Response, by: Actor, if_match: IfMatch = None
    ) -> RouteChanged:
        """Saves a route that is not there yet. It serves nothing until a version is deployed."""
        document = written.document(written.name, written.gateway)
        identifier, version, warnings = await desk.create(document, by)
        if written.deploy:
            _, _, more = await desk.deploy(identifier, version.id, by, written.comment, if_match)
            warnings += more
        return await shown(identifier, response, True, warnings)

    async def validate_route(written: Annotated[ContentWritten, Body()]) -> Validated:
        """Everything that is wrong with elements; nothing is saved."""
        document = written.document("route", None)
        found = examined(document, known_now(runtime.snapshot))
        if isinstance(found, Problems):
            return Validated(valid=False, problems=problems_shown(found.problems), elements=[])
        return Validated(valid=True, problems=[], elements=elements_shown(document))

    async def route(route_id: str) -> RouteShown:
        """One route, with the elements in force."""
        return route_shown(route_id, *await desk.find(route_id))

    async def patch_route(
        route_id: str, patch: RoutePatch, response: Response, by: Actor, if_match: IfMatch = None
    ) -> RouteChanged:
        """Renames a route, or switches it on or off. Its id and its versions stay; its limits, which are counted under its
        name, begin anew."""
        if patch.name is None and patch.enabled is None:
            raise Problem(400, "body_invalid", "There is nothing to change; send name, enabled, or both.")
        changed, warnings = await desk.change(route_id, patch.name, patch.enabled, by, if_match)
        return await shown(route_id, response, changed, warnings)

    async def delete_route(route_id: str, response: Response, by: Actor, if_match: IfMatch = None) -> RouteChanged:
        """Takes a route out at once, with all of its versions."""
        found = route_shown(route_id, *await desk.find(route_id))
        warnings = await desk.delete(route_id, by, if_match)
        response.headers.update(etag(runtime.snapshot))
        gone: dict[str, Any] = {**found.model_dump(), "in_force": False}
        return RouteChanged(**gone, revision=runtime.snapshot.revision, changed=True, warnings=warnings)

    async def simulate_route(route_id: str, asked: RouteSimulation) -> RouteSimulated:
        """The way of a request through a route, and every model it would try. Nobody is called and nothing is counted."""
        history, written = await desk.find(route_id)
        if asked.version_id is not None or written is None:
            wanted = asked.version_id or (history.versions[-1].id if history is not None and history.versions else "")
            version = history.version(wanted) if history is not None else None
            if history is None or version is None:
                raise version_unknown(route_id, wanted, history)
            written = as_written(history.name, history.gateway, version.content)
        found = examined(written, known_now(runtime.snapshot))
        if isinstance(found, Problems):
            raise Problem(400, "route_invalid", told(written.name, found))
        for field, names in (("answers", asked.answers), ("limited", asked.limited)):
            for name in names:
                if name not in found.elements:
                    there = ", ".join(found.elements)
                    raise Problem(400, "body_invalid", f'{field}: no element "{name[:64]}"; there are {there}.')
        return simulated(asked, found, runtime.snapshot.issuers.headers)

    router.get("/routes")(routes)
    router.post("/routes", status_code=201, dependencies=[Depends(no_parameters)])(create_route)
    # Before the paths with an id, which take any name.
    router.post("/routes/validate", dependencies=[Depends(no_parameters)])(validate_route)
    router.get("/routes/{route_id}", dependencies=[Depends(no_parameters)])(route)
    router.patch("/routes/{route_id}", dependencies=[Depends(no_parameters)])(patch_route)
    router.delete("/routes/{route_id}", dependencies=[Depends(no_parameters)])(delete_route)
    router.post("/routes/{route_id}/simulate", dependencies=[Depends(no_parameters)])(simulate_route)
    return router

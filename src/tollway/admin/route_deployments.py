"""The versions of a route, and which of them is put in force: `/routes/{id}/versions` and `/routes/{id}/deployments`."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from tollway.admin.audit import Actor
from tollway.admin.route_desk import RouteDesk, version_unknown
from tollway.admin.route_shown import (
    DeploymentShown,
    VersionInFull,
    VersionShown,
    active_version,
    deployment_shown,
    known_now,
    version_in_full,
    version_shown,
)
from tollway.admin.routes import VersionWritten
from tollway.admin.runtime import Runtime
from tollway.admin.settings_change import IfMatch, etag
from tollway.admin.where import no_parameters


class VersionList(BaseModel):
    items: list[VersionShown]
    """The newest first."""


class VersionSaved(VersionInFull):
    revision: int
    """Of the settings in force."""
    warnings: list[str]


class DeployRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version_id: str = Field(max_length=128)
    comment: str | None = Field(default=None, min_length=1, max_length=1_000)


class DeploymentList(BaseModel):
    items: list[DeploymentShown]
    """The newest first."""


class Deployed(DeploymentShown):
    revision: int
    """Of the settings in force."""
    changed: bool
    """False where that version was in force already."""
    warnings: list[str]


def route_deployments_router(runtime: Runtime, desk: RouteDesk) -> APIRouter:
    router = APIRouter(tags=["routes"])

    async def full(route_id: str, version_id: str) -> VersionInFull:
        history, there = await desk.find(route_id)
        version = history.version(version_id) if history is not None else None
        if history is None or version is None:
            raise version_unknown(route_id, version_id, history)
        active = active_version(history, there)
        return version_in_full(version, history.name, history.gateway, active, known_now(runtime.snapshot))

    async def route_versions(route_id: str) -> VersionList:
        """Every version that is kept, and which of them is in force."""
        history, there = await desk.find(route_id)
        if history is None:
            return VersionList(items=[])
        active = active_version(history, there)
        found = [version_shown(one, active) for one in reversed(history.versions)]
        return VersionList(items=found)

    async def save_version(
        route_id: str,
        written: Annotated[VersionWritten, Body()],
        response: Response,
        by: Actor,
        if_match: IfMatch = None,
    ) -> VersionSaved:
        """Saves a version. It serves nothing until it is deployed."""
        history, there = await desk.find(route_id)
        if there is not None:
            name, gateway = there.name, there.gateway
        else:
            assert history is not None
            name, gateway = history.name, history.gateway
        version, warnings = await desk.save(route_id, written.document(name, gateway), by)
        if written.deploy:
            _, _, more = await desk.deploy(route_id, version.id, by, written.comment, if_match)
            warnings += more
        response.headers.update(etag(runtime.snapshot))
        shown = await full(route_id, version.id)
        return VersionSaved(**shown.model_dump(), revision=runtime.snapshot.revision, warnings=warnings)

    async def route_version(route_id: str, version_id: str) -> VersionInFull:
        """One version, with its elements, and whether it could be deployed now."""
        return await full(route_id, version_id)

    async def route_deployments(route_id: str) -> DeploymentList:
        """What was put in force, when, and by whom."""
        history, _ = await desk.find(route_id)
        kept = history.deployments if history is not None else ()
        return DeploymentList(items=[deployment_shown(one) for one in reversed(kept)])

    async def deploy_route(
        route_id: str, asked: DeployRequest, response: Response, by: Actor, if_match: IfMatch = None
    ) -> Deployed:
        """Puts a version in force with the next request; an older one to roll back."""
        deployment, made, warnings = await desk.deploy(route_id, asked.version_id, by, asked.comment, if_match)
        response.headers.update(etag(runtime.snapshot))
        return Deployed(
            **deployment_shown(deployment).model_dump(),
            revision=runtime.snapshot.revision,
            changed=made.changed,
            warnings=warnings,
        )

    alone = [Depends(no_parameters)]
    router.get("/routes/{route_id}/versions", dependencies=alone)(route_versions)
    router.post("/routes/{route_id}/versions", status_code=201, dependencies=alone)(save_version)
    router.get("/routes/{route_id}/versions/{version_id}", dependencies=alone)(route_version)
    router.get("/routes/{route_id}/deployments", dependencies=alone)(route_deployments)
    router.post("/routes/{route_id}/deployments", status_code=201, dependencies=alone)(deploy_route)
    return router

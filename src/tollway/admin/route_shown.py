"""Routes as the API shows them: Cloudflare's objects, and beside them what is in force."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from pydantic import BaseModel

from tollway.admin.charge import Instant
from tollway.admin.route_versions import Deployment, History, Version
from tollway.clock import iso
from tollway.document.route_edit import fields_of
from tollway.document.routes import examined, known_to_routes
from tollway.document.written_routes import RouteDocument
from tollway.routes.problem import Known, Problem, Problems
from tollway.routes.route import PREFIX
from tollway.routes.write import write_route
from tollway.snapshot import Snapshot

OF_CONTENT = ("elements", "targets", "order", "timeout", "retries", "exempt")
"""Fields of a route that a version keeps."""


class ProblemShown(BaseModel):
    element: str | None
    """The id of the element; null for the route as a whole."""
    field: str
    message: str


class DeploymentShown(BaseModel):
    deployment_id: str
    version_id: str
    created_at: Instant
    created_by: str
    comment: str | None


class VersionShown(BaseModel):
    version_id: str
    active: str
    """Cloudflare's "true" or "false": whether this is what is in force."""
    created_at: Instant
    created_by: str
    data: str
    """The elements as JSON text."""
    comment: str | None


class VersionInFull(VersionShown):
    elements: list[Any]
    is_valid: bool
    """Whether it could be deployed now: a provider that it names may have been taken out since."""
    problems: list[ProblemShown]


class RouteShown(BaseModel):
    id: str
    name: str
    model: str
    """What callers name: dynamic/{name}."""
    gateway_id: str | None
    """The only gateway it is for; null for all."""
    elements: list[Any]
    """What is in force, or else the newest version."""
    in_force: bool
    enabled: bool
    edited: bool
    """It was changed in the settings file: no version is what is in force."""
    deployment: DeploymentShown | None
    """The last one."""
    version: VersionShown | None
    """The newest."""
    created_at: Instant | None
    """Null for what was never saved here."""
    modified_at: Instant | None


def content_of(written: RouteDocument) -> dict[str, Any]:
    """What a version keeps of a route."""
    fields = fields_of(written)
    return {name: fields[name] for name in OF_CONTENT if name in fields}


def as_written(
    name: str, gateway: str | None, content: Mapping[str, Any], *, identifier: str | None = None
) -> RouteDocument:
    """The route of a version."""
    return msgspec.convert({"name": name, "gateway": gateway, "id": identifier, **content}, RouteDocument)


def known_now(snapshot: Snapshot) -> Known:
    return known_to_routes(snapshot.providers, snapshot.budgets)


def elements_shown(written: RouteDocument) -> list[Any]:
    """The elements in the newer dialect; of what cannot be read, as it is written."""
    found = examined(written, Known())
    return list(written.elements) if isinstance(found, Problems) else write_route(found)


def active_version(history: History | None, in_force: RouteDocument | None) -> Version | None:
    """The version that is in force: the one that was deployed last of those that say the same."""
    if history is None or in_force is None:
        return None
    wanted = elements_shown(in_force)
    same = [version for version in history.versions if version.elements == wanted]
    deployed = [one.version_id for one in history.deployments]
    return max(same, key=lambda one: (_last(deployed, one.id), one.at), default=None)


def route_shown(identifier: str, history: History | None, in_force: RouteDocument | None) -> RouteShown:
    assert history is not None or in_force is not None
    name = in_force.name if in_force is not None else history.name if history is not None else ""
    gateway = in_force.gateway if in_force is not None else history.gateway if history is not None else None
    active = active_version(history, in_force)
    newest = history.versions[-1] if history is not None and history.versions else None
    last = history.deployments[-1] if history is not None and history.deployments else None
    elements = list(newest.elements) if newest is not None else []
    return RouteShown(
        id=identifier,
        name=name,
        model=f"{PREFIX}{name}",
        gateway_id=gateway,
        elements=elements_shown(in_force) if in_force is not None else elements,
        in_force=in_force is not None and in_force.enabled,
        enabled=in_force is None or in_force.enabled,
        edited=in_force is not None and active is None,
        deployment=deployment_shown(last) if last is not None else None,
        version=version_shown(newest, active) if newest is not None else None,
        created_at=iso(history.created_at) if history is not None else None,
        modified_at=iso(history.modified_at) if history is not None else None,
    )


def version_shown(version: Version, active: Version | None) -> VersionShown:
    return VersionShown(
        version_id=version.id,
        active="true" if active is not None and version.id == active.id else "false",
        created_at=iso(version.at),
        created_by=version.by,
        data=json.dumps(version.elements, ensure_ascii=False),
        comment=version.comment,
    )


def version_in_full(
    version: Version, name: str, gateway: str | None, active: Version | None, known: Known
) -> VersionInFull:
    found = examined(as_written(name, gateway, version.content), known)
    return VersionInFull(
        **version_shown(version, active).model_dump(),
        elements=list(version.elements),
        is_valid=not isinstance(found, Problems),
        problems=problems_shown(found.problems) if isinstance(found, Problems) else [],
    )


def deployment_shown(one: Deployment) -> DeploymentShown:
    return DeploymentShown(
        deployment_id=one.id, version_id=one.version_id, created_at=iso(one.at), created_by=one.by, comment=one.comment
    )


def problems_shown(problems: Sequence[Problem]) -> list[ProblemShown]:
    return [ProblemShown(element=one.element, field=one.field, message=one.message) for one in problems]


def _last(ids: Sequence[str], wanted: str) -> int:
    return max((place for place, one in enumerate(ids) if one == wanted), default=-1)

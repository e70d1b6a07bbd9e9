"""The settings themselves: gateways and their choices, the text of all of it, and the settings of the process."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from tollway.admin.audit import Actor
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.settings_change import Changed, IfMatch, SettingsChange, etag
from tollway.admin.where import no_parameters
from tollway.admin.written import Fields, schema_of
from tollway.document.changes import Edited, edited
from tollway.document.gateway_edit import FIELDS, fields_of, gateway_of, with_gateway
from tollway.document.hidden import hidden, revealed
from tollway.document.text import parse
from tollway.document.written_gateway import GatewayDocument
from tollway.settings import SETTINGS

Written = Annotated[Fields, WithJsonSchema(schema_of(GatewayDocument))]
"""An entry of `gateways:` as the settings have it; what it does not say is left out."""


class DryRun(BaseModel):
    model_config = ConfigDict(extra="forbid")

    dry_run: bool = Field(default=False, description="Tells what the change would be, and makes none.")


class DocumentGiven(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=1_000_000)


class ProcessSetting(BaseModel):
    """A setting that a start reads: an option beats an environment variable, which beats the default."""

    name: str
    option: str
    environment: str
    value: str | None
    """Empty for what its help says of nothing; null where it was not read from this table."""
    default: str
    source: Literal["option", "environment", "default", "unknown"]
    unit: str
    help: str


class SettingsShown(BaseModel):
    revision: int
    path: str | None
    """The settings file."""
    process: list[ProcessSetting]


class DocumentShown(BaseModel):
    """The settings file, with `(written in the settings)` in the place of secrets that are no references."""

    revision: int
    text: str


class Difference(BaseModel):
    """One thing that was added, changed or taken out."""

    action: str
    target: str
    before: str | None
    """JSON of what was written, with references in place of secrets."""
    after: str | None


class DocumentChanged(BaseModel):
    revision: int
    changed: bool
    differences: list[Difference]
    warnings: list[str]


class GatewayWritten(BaseModel):
    slug: str
    written: Written | None
    """Null for one that exists without being written."""


class GatewayList(BaseModel):
    revision: int
    fields: list[str]
    """All that a gateway may say."""
    items: list[GatewayWritten]


class GatewayChanged(BaseModel):
    slug: str
    revision: int
    changed: bool
    before: Written | None
    after: Written | None
    warnings: list[str]


def settings_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["settings"])
    change = SettingsChange(runtime)

    async def settings(response: Response) -> SettingsShown:
        """Which settings are in force, and the settings of the process, with where each comes from."""
        response.headers.update(etag(runtime.snapshot))
        origins = runtime.settings.origins
        process = [
            ProcessSetting(
                name=row.name,
                option=f"--{row.name.replace('_', '-')}",
                environment=row.environment,
                value=origins[row.name][0] if row.name in origins else None,
                default=row.default,
                source=origins[row.name][1] if row.name in origins else "unknown",
                unit=row.unit,
                help=row.help,
            )
            for row in SETTINGS
        ]
        path = runtime.settings_path
        return SettingsShown(
            revision=runtime.snapshot.revision, path=str(path) if path is not None else None, process=process
        )

    async def document(response: Response) -> DocumentShown:
        """The text of the settings that are in force."""
        snapshot = runtime.snapshot
        response.headers.update(etag(snapshot))
        return DocumentShown(revision=snapshot.revision, text=hidden(snapshot.document))

    async def replace_document(
        given: DocumentGiven, query: Annotated[DryRun, Query()], response: Response, by: Actor, if_match: IfMatch = None
    ) -> DocumentChanged:
        """Puts another text in force, whole. A secret that was hidden stays what it is where it stays where it was."""
        if if_match is None:
            raise Problem(
                400,
                "header_invalid",
                "If-Match: send the revision that the text was read at; others may have changed it.",
            )
        before = runtime.snapshot

        def edit(text: str) -> str:
            new = revealed(given.text, text)
            # A file keeps its ends of lines.
            return new.replace("\r\n", "\n").replace("\n", "\r\n") if "\r\n" in text else new

        done = await _made(change, edit, if_match, by, dry_run=query.dry_run)
        response.headers.update(etag(runtime.snapshot))
        differences = edited(parse(before.document), parse(done.snapshot.document)) if done.changed else []
        return DocumentChanged(
            revision=runtime.snapshot.revision,
            changed=done.changed,
            differences=[_difference(each) for each in differences],
            warnings=done.warnings,
        )

    async def gateways(response: Response) -> GatewayList:
        """Every gateway, with what the settings say of it."""
        snapshot = runtime.snapshot
        written = parse(snapshot.document)
        response.headers.update(etag(snapshot))
        items = [
            GatewayWritten(slug=slug, written=_written(gateway_of(written, slug))) for slug in sorted(snapshot.gateways)
        ]
        return GatewayList(revision=snapshot.revision, fields=list(FIELDS), items=items)

    async def change_gateway(
        slug: str,
        fields: Annotated[Fields, Body(description="Fields in the place of the gateway's own; null takes one out.")],
        query: Annotated[DryRun, Query()],
        response: Response,
        by: Actor,
        if_match: IfMatch = None,
    ) -> GatewayChanged:
        """Changes what is named of a gateway and nothing else, from the next request on."""
        snapshot = runtime.snapshot
        if slug not in snapshot.gateways:
            known = ", ".join(sorted(snapshot.gateways))
            raise Problem(404, "gateway_unknown", f'No gateway "{slug[:128]}"; there are: {known}.')
        before = _written(gateway_of(parse(snapshot.document), slug))
        done = await _made(change, lambda text: with_gateway(text, slug, fields), if_match, by, dry_run=query.dry_run)
        response.headers.update(etag(runtime.snapshot))
        return GatewayChanged(
            slug=slug,
            revision=runtime.snapshot.revision,
            changed=done.changed,
            before=before,
            after=_written(gateway_of(parse(done.snapshot.document), slug)),
            warnings=done.warnings,
        )

    alone: dict[str, Any] = {"dependencies": [Depends(no_parameters)]}
    router.get("/settings", **alone)(settings)
    router.get("/settings/document", **alone)(document)
    router.put("/settings/document")(replace_document)
    router.get("/gateways", **alone)(gateways)
    router.patch("/gateways/{slug}")(change_gateway)
    return router


async def _made(
    change: SettingsChange, edit: Callable[[str], str], if_match: str | None, by: str, *, dry_run: bool
) -> Changed:
    return await (change.preview(edit, if_match) if dry_run else change.make(edit, if_match, by))


def _written(gateway: GatewayDocument | None) -> dict[str, Any] | None:
    return None if gateway is None else fields_of(gateway)


def _difference(each: Edited) -> Difference:
    return Difference(action=each.action, target=each.target, before=each.before, after=each.after)

"""Scheduled exports by the API: written into the settings file, run, paused, and seen at work. Secrets are never shown back."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Response
from pydantic import WithJsonSchema

from tollway.admin.access import Asker
from tollway.admin.audit import Actor
from tollway.admin.export_jobs_shown import (
    ExportJobChanged,
    ExportJobList,
    ExportJobShown,
    ExportRunAsked,
    ExportRunList,
    job_shown,
    lacks,
    run_shown,
    written_shown,
)
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.settings_change import IfMatch, SettingsChange, etag
from tollway.admin.where import no_parameters
from tollway.admin.written import Fields, schema_of
from tollway.clock import iso
from tollway.document.export_edit import fields_of, job_of, read_fields, with_job, with_job_fields, without_job
from tollway.document.text import parse
from tollway.document.written_exports import ExportDocument
from tollway.identity.roles import Principal, roles_with
from tollway.snapshot import Snapshot
from tollway.workers.exporting import Exporting

Written = Annotated[Fields, WithJsonSchema(schema_of(ExportDocument))]
"""An entry of `exports:` as the settings have it; the id may be left out, as the path says it."""
Patch = Annotated[Fields, Body(description="Fields in the place of the job's own; null takes one out.")]

_OWNERS = "administration:write"
_REFERENCE = ("env:", "file:", "sealed:")
_SECRETS = ("access_key_id", "secret_access_key", "session_token", "bearer")


def export_jobs_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["export jobs"], dependencies=[Depends(no_parameters)])
    settings = SettingsChange(runtime)

    async def change(
        job_id: str, edit: Callable[[str], str], response: Response, if_match: str | None, by: str
    ) -> ExportJobChanged:
        before = _written(runtime.snapshot, job_id)
        made = await settings.make(edit, if_match, by)
        response.headers.update(etag(runtime.snapshot))
        after = _written(made.snapshot, job_id)
        has_folder = runtime.settings.export_dir is not None
        lacking = [
            line for job in made.snapshot.exports if job.id == job_id for line in lacks(job, has_folder=has_folder)
        ]
        return ExportJobChanged(
            id=job_id,
            revision=runtime.snapshot.revision,
            changed=made.changed,
            before=written_shown(before) if before is not None else None,
            after=written_shown(after) if after is not None else None,
            warnings=[*made.warnings, *lacking],
        )

    async def shown() -> Mapping[str, ExportJobShown]:
        snapshot, now, store = runtime.snapshot, runtime.clock.now(), runtime.store.following
        if not snapshot.exports:
            return {}
        if runtime.exporting is not None:
            await runtime.exporting.load()
        written = {one.id: one for one in parse(snapshot.document).exports}
        records, entries = await asyncio.gather(store.last("records"), store.last("entries"))
        last = {"records": records, "entries": entries}
        return {
            job.id: job_shown(job, written[job.id], runtime.exporting, last, now)
            for job in snapshot.exports
            if job.id in written
        }

    async def export_jobs(response: Response) -> ExportJobList:
        """Every scheduled export, and how it stands."""
        found = await shown()
        response.headers.update(etag(runtime.snapshot))
        return ExportJobList(
            at=iso(runtime.clock.now()), revision=runtime.snapshot.revision, items=list(found.values())
        )

    async def export_job(job_id: str, response: Response) -> ExportJobShown:
        """One of them."""
        found = (await shown()).get(job_id)
        if found is None:
            raise _unknown(runtime.snapshot, job_id)
        response.headers.update(etag(runtime.snapshot))
        return found

    async def put_export_job(
        job_id: str,
        written: Annotated[Written, Body()],
        response: Response,
        by: Actor,
        asker: Asker,
        if_match: IfMatch = None,
    ) -> ExportJobChanged:
        """Writes a job into the settings, in the place of the one of its id; what that had sent is not sent again."""
        if written.get("id", job_id) != job_id:
            raise Problem(400, "body_invalid", f'id: the path says "{job_id[:64]}"; send the same, or leave it out.')
        job = read_fields({**written, "id": job_id})
        _check_asker(_written(runtime.snapshot, job_id), job, asker)
        return await change(job_id, lambda text: with_job(text, job), response, if_match, by)

    async def change_export_job(
        job_id: str, fields: Patch, response: Response, by: Actor, asker: Asker, if_match: IfMatch = None
    ) -> ExportJobChanged:
        """Changes fields of a job: `{"enabled": false}` pauses it, and it goes on later from where it had come."""
        before = _written(runtime.snapshot, job_id)
        if before is None:
            raise _unknown(runtime.snapshot, job_id)
        if fields.get("id", job_id) != job_id:
            raise Problem(400, "body_invalid", f'id: it stays "{job_id[:64]}"; make another job instead.')
        patched = {name: value for name, value in {**fields_of(before), **fields}.items() if value is not None}
        _check_asker(before, read_fields(patched), asker)
        return await change(
            job_id, lambda text: _or_gone(with_job_fields, text, job_id, fields), response, if_match, by
        )

    async def delete_export_job(
        job_id: str, response: Response, by: Actor, if_match: IfMatch = None
    ) -> ExportJobChanged:
        """Takes a job out of the settings, and forgets where it stood. What it has sent stays where it is."""
        if _written(runtime.snapshot, job_id) is None:
            raise _unknown(runtime.snapshot, job_id)
        found = await change(job_id, lambda text: _or_gone(without_job, text, job_id), response, if_match, by)
        if runtime.exporting is not None:
            await runtime.exporting.forget(job_id)
        return found

    async def run_export_job(job_id: str, by: Actor) -> ExportRunAsked:
        """Has a job run now, whatever its schedule says."""
        job = next((one for one in runtime.snapshot.exports if one.id == job_id), None)
        if job is None:
            raise _unknown(runtime.snapshot, job_id)
        if not job.enabled:
            raise Problem(
                409,
                "export_job_paused",
                f'Export job "{job_id}" is switched off; send {{"enabled": true}} to it first.',
            )
        _exporting(runtime).ask(job_id, by)
        return ExportRunAsked(job=job_id, asked_at=iso(runtime.clock.now()))

    async def export_job_runs(job_id: str) -> ExportRunList:
        """How a job went."""
        if all(one.id != job_id for one in runtime.snapshot.exports):
            raise _unknown(runtime.snapshot, job_id)
        exporting = _exporting(runtime)
        await exporting.load()
        return ExportRunList(
            job=job_id,
            running=exporting.is_running(job_id),
            items=[run_shown(run) for run in exporting.runs(job_id)],
        )

    router.get("/export-jobs")(export_jobs)
    router.get("/export-jobs/{job_id}")(export_job)
    router.put("/export-jobs/{job_id}")(put_export_job)
    router.patch("/export-jobs/{job_id}")(change_export_job)
    router.delete("/export-jobs/{job_id}")(delete_export_job)
    router.post("/export-jobs/{job_id}/run", status_code=202)(run_export_job)
    router.get("/export-jobs/{job_id}/runs")(export_job_runs)
    return router


def _check_asker(before: ExportDocument | None, after: ExportDocument, asker: Principal) -> None:
    """Whoever says where secrets of the gateway are sent could have them sent to himself, and whoever opens private addresses, or
    names an endpoint of S3, whose client looks its address up again, reaches what stands behind the firewall: that is for those
    who may change everything. Raises Problem."""
    if before is not None and (before.to, before.public_key) == (after.to, after.public_key):
        return
    references = _references(after)
    for where, value in references.items():
        if where.rpartition(".")[2] in _SECRETS and not value.startswith(_REFERENCE):
            raise Problem(
                422,
                "settings_invalid",
                f"{where}: a secret is not sent in clear, as it would stand in the settings file; put it into a variable, a file "
                "or the gateway's safe, and send env:NAME, file:PATH or sealed:NAME.",
            )
    to = after.to
    private = any(part is not None and part.allow_private for part in (to.s3, to.http))
    endpoint = to.s3 is not None and to.s3.endpoint is not None
    if (references or private or endpoint) and not asker.may(_OWNERS):
        what = next(iter(references), "allow_private" if private else "to.s3.endpoint")
        raise Problem(
            403,
            "forbidden",
            f"{what}: where the gateway's own secrets go, and which addresses behind the firewall it may reach, is for "
            f"{' or '.join(roles_with(_OWNERS))} to say. Ask one of them to write this job, or leave that out.",
        )


def _references(job: ExportDocument) -> dict[str, str]:
    """What of a job is, or leads to, a secret of the gateway: where → what is written."""
    found: dict[str, str] = {}
    for place, part in (("to.s3", job.to.s3), ("to.http", job.to.http)):
        for name in (*_SECRETS, "url"):
            value = getattr(part, name, None)
            if value is not None and (name in _SECRETS or value.startswith(_REFERENCE)):
                found[f"{place}.{name}"] = value
    if job.public_key is not None and job.public_key.startswith(_REFERENCE):
        found["public_key"] = job.public_key
    return found


def _exporting(runtime: Runtime) -> Exporting:
    if runtime.exporting is None:
        raise Problem(503, "store_unavailable", "The gateway is still starting. Try again shortly.")
    return runtime.exporting


def _or_gone(edit: Callable[..., str], text: str, job_id: str, *rest: Any) -> str:
    try:
        return edit(text, job_id, *rest)
    except KeyError:
        raise Problem(
            404, "export_job_unknown", f'No export job "{job_id[:64]}"; the settings file has none of that id.'
        ) from None


def _unknown(snapshot: Snapshot, job_id: str) -> Problem:
    known = ", ".join(job.id for job in snapshot.exports[:20]) or "none"
    return Problem(404, "export_job_unknown", f'No export job "{job_id[:64]}"; there are: {known}.')


def _written(snapshot: Snapshot, job_id: str) -> ExportDocument | None:
    try:
        return job_of(parse(snapshot.document), job_id)
    except KeyError:
        return None

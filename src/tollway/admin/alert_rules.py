"""Rules of alerts by the API: written into the settings file, in force at once, and in the audit log."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Body, Depends, Response
from pydantic import BaseModel, WithJsonSchema

from tollway.admin.audit import Actor
from tollway.admin.charge import Instant
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.settings_change import IfMatch, SettingsChange, etag
from tollway.admin.where import no_parameters
from tollway.clock import iso
from tollway.document.alert_edit import fields_of, read_fields, with_alert, without_alert
from tollway.document.text import parse
from tollway.document.written import AlertDocument
from tollway.snapshot import Snapshot

_SCHEMA = msgspec.json.schema_components([AlertDocument])[1]["AlertDocument"]

Written = Annotated[dict[str, Any], WithJsonSchema(_SCHEMA)]
"""An entry of `alerts:` as the settings have it."""


class RuleWritten(BaseModel):
    rule: Written
    channels: list[str]
    """Where its events go, the default channels where it names none; none: they are kept, and nobody is told."""


class RuleList(BaseModel):
    at: Instant
    revision: int
    items: list[RuleWritten]


class RuleChanged(BaseModel):
    revision: int
    changed: bool
    """False where the settings said so already."""
    before: Written | None
    after: Written | None
    warnings: list[str]


def alert_rules_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["alerts"], dependencies=[Depends(no_parameters)])
    settings = SettingsChange(runtime)

    async def alert_rules(response: Response) -> RuleList:
        """The rules of the settings, as they are written."""
        snapshot = runtime.snapshot
        told = {rule.name: list(rule.channels) for rule in snapshot.alert_rules}
        response.headers.update(etag(snapshot))
        return RuleList(
            at=iso(runtime.clock.now()),
            revision=snapshot.revision,
            items=[
                RuleWritten(rule=fields_of(one), channels=told.get(one.name, []))
                for one in parse(snapshot.document).alerts
            ],
        )

    async def put_alert_rule(
        name: str, written: Annotated[Written, Body()], response: Response, by: Actor, if_match: IfMatch = None
    ) -> RuleChanged:
        """Writes a rule into the settings, in the place of the one of its name; it is asked from now on."""
        if written.get("name", name) != name:
            raise Problem(400, "body_invalid", f'name: the path says "{name[:64]}"; send the same, or leave it out.')
        rule = read_fields({"name": name, **written})
        before = _written(runtime.snapshot).get(name)
        made = await settings.make(lambda text: with_alert(text, rule), if_match, by)
        response.headers.update(etag(runtime.snapshot))
        warnings = [*made.warnings]
        if not next((one.channels for one in made.snapshot.alert_rules if one.name == name), ()):
            warnings.append("It has no channel, so its alerts are kept in the history and nobody is told.")
        return RuleChanged(
            revision=runtime.snapshot.revision,
            changed=made.changed,
            before=before,
            after=_written(made.snapshot).get(name),
            warnings=warnings,
        )

    async def delete_alert_rule(name: str, response: Response, by: Actor, if_match: IfMatch = None) -> RuleChanged:
        """Takes a rule out of the settings. What it has told stays in the history."""
        before = _written(runtime.snapshot).get(name)
        made = await settings.make(lambda text: _without(text, name), if_match, by)
        response.headers.update(etag(runtime.snapshot))
        return RuleChanged(
            revision=runtime.snapshot.revision, changed=True, before=before, after=None, warnings=made.warnings
        )

    router.get("/alerts/rules")(alert_rules)
    router.put("/alerts/rules/{name}")(put_alert_rule)
    router.delete("/alerts/rules/{name}")(delete_alert_rule)
    return router


def _written(snapshot: Snapshot) -> Mapping[str, dict[str, Any]]:
    return {one.name: fields_of(one) for one in parse(snapshot.document).alerts}


def _without(text: str, name: str) -> str:
    try:
        return without_alert(text, name)
    except KeyError:
        known = ", ".join(one.name for one in parse(text).alerts[:20]) or "none"
        raise Problem(
            404, "alert_unknown", f'No alert rule "{name[:64]}" in the settings; there are: {known}.'
        ) from None

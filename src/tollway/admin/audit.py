"""Who changed what: the audit log, whose lines are chained by hashes, and the name that an administrator gives."""

import asyncio
import json
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from tollway.admin.access import PRINCIPAL
from tollway.admin.charge import Instant
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.settings_change import ADMIN
from tollway.admin.where import no_parameters
from tollway.clock import iso
from tollway.errors import SettingsInvalid, StoreUnavailable
from tollway.identity.names import NOBODY_BY_NAME, same
from tollway.identity.roles import Principal
from tollway.ledger.change import Change, Recorded

ACTOR_HEADER = "tollway-actor"
LONGEST_ACTOR = 128

NOT_AUDITED = "It is in force, but could not be written into the audit log; the log of the gateway says why."

_encode = msgspec.json.Encoder(order="sorted").encode


def actor_of(request: Request) -> str:
    """Who has signed in; or, with the administrator's token, whom the header names, which is not proven: "admin" without
    it."""
    given = request.headers.getlist(ACTOR_HEADER)
    asker: Principal | None = request.scope.get(PRINCIPAL)
    if asker is not None and asker.by != "token":
        if given:
            raise Problem(400, "header_invalid", f"{ACTOR_HEADER}: who asks is proven already; leave it out.")
        return asker.name
    if not given:
        return ADMIN
    name = given[0].strip()
    if len(given) > 1 or not name or len(name) > LONGEST_ACTOR or not name.isprintable():
        raise Problem(
            400, "header_invalid", f"{ACTOR_HEADER}: send one name of 1 to {LONGEST_ACTOR} printable characters."
        )
    if name != ADMIN and same(name) in NOBODY_BY_NAME:
        raise Problem(
            400,
            "header_invalid",
            f'{ACTOR_HEADER}: "{name}" is nobody\'s name: the log has "file" for edits of the settings file, "gateway" for what '
            'the gateway does itself, and "admin" for the administrator\'s token.',
        )
    return name


Actor = Annotated[str, Depends(actor_of)]
"""Who asks for a change."""


class AuditQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    target: str | None = Field(default=None, max_length=1024, description="Only of this budget, account, key, ...")
    action: str | None = Field(default=None, max_length=64, description='"budget.changed", or the noun: "budget".')
    before: int | None = Field(
        default=None, ge=1, le=2**63 - 1, description="`next` of the page before: lines below that number."
    )
    limit: int = Field(default=50, ge=1, le=500)


class ChangeShown(BaseModel):
    """One change."""

    seq: int
    at: Instant
    by: str
    """"file" for an edit of the settings file, "admin" for the administrator's token, or the name that was declared with it."""
    action: str
    target: str
    before: Any
    """What was written; null where there was nothing. Never a secret."""
    after: Any
    reason: str
    previous: str
    """The hash of the line before."""
    hash: str


class AuditPage(BaseModel):
    """Newest first."""

    items: list[ChangeShown]
    next: int | None
    """`before` of the page after this one; null at the end."""


class AuditVerified(BaseModel):
    ok: bool
    """Whether no difference was found."""
    lines: int
    last_hash: str
    """Of the last line; empty where there are no lines."""
    differences: list[str]
    """What was changed, taken out, moved or cut off."""
    notes: list[str]
    """What nothing would show."""
    anchors: int
    """How often the head of the log was signed and kept in the second place."""
    anchored_line: int
    """The last line that an anchor signs: up to there, lines that are cut off are missed. 0 where there are none."""
    anchored_at: Instant | None
    keys: list[str]
    """The public keys that anchors may be signed with, the one in force first. Keep them elsewhere for `--offline --key`."""


def audit_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["audit"])

    async def audit(query: Annotated[AuditQuery, Query()]) -> AuditPage:
        """Changes of settings, controls and the ledger, newest first."""
        found = await runtime.store.audit.changes(
            target=query.target, action=query.action, limit=query.limit + 1, before=query.before
        )
        page = found[: query.limit]
        return AuditPage(
            items=[change_shown(line) for line in page], next=page[-1].seq if len(found) > query.limit else None
        )

    async def verify() -> AuditVerified:
        """Computes the chain of hashes again, and compares it with the anchors."""
        try:
            found = await runtime.anchors.verify()
            keys = await asyncio.to_thread(runtime.anchors.trusted)
        except (OSError, SettingsInvalid) as error:
            raise Problem(
                503, "anchors_unavailable", f"The anchors in {runtime.anchors.path} cannot be checked: {error}"
            ) from None
        return AuditVerified(
            ok=not found.differences,
            lines=found.lines,
            last_hash=found.last_hash,
            differences=list(found.differences),
            notes=list(found.notes),
            anchors=found.anchors,
            anchored_line=found.anchored_line,
            anchored_at=iso(found.anchored_at) if found.anchored_at is not None else None,
            keys=list(keys),
        )

    router.get("/audit")(audit)
    router.get("/audit/verify", dependencies=[Depends(no_parameters)])(verify)
    return router


def change_shown(line: Recorded) -> ChangeShown:
    change = line.change
    return ChangeShown(
        seq=line.seq,
        at=iso(change.at),
        by=change.by,
        action=change.action,
        target=change.target,
        before=json.loads(change.before) if change.before is not None else None,
        after=json.loads(change.after) if change.after is not None else None,
        reason=change.reason,
        previous=line.previous,
        hash=line.hash,
    )


async def audited(
    runtime: Runtime,
    action: str,
    target: str,
    *,
    by: str,
    before: object = None,
    after: object = None,
    reason: str = "",
) -> list[str]:
    """Writes a line about what is in force already; returns a warning where that was not possible."""
    change = Change(
        at=runtime.clock.now(),
        by=by,
        action=action,
        target=target,
        before=_encode(before).decode() if before is not None else None,
        after=_encode(after).decode() if after is not None else None,
        reason=reason,
    )
    try:
        await runtime.store.audit.append(change)
    except StoreUnavailable:
        return [NOT_AUDITED]
    return []

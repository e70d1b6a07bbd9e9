"""Saying how a request was, and taking requests out of the log. Neither changes what the ledger has of them."""

import asyncio
import json
import unicodedata
from math import isfinite
from typing import Annotated, Literal, Self

import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from tollway.admin.access import Asker, Only
from tollway.admin.audit import Actor, audited
from tollway.admin.charge import Instant
from tollway.admin.logged import others_too
from tollway.admin.logs import LogListing
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.where import given_once
from tollway.clock import iso
from tollway.logs.remark import LONGEST_NAME, LONGEST_VALUE, MOST_ENTRIES, MOST_SCORE, Patch, Remark, millionths
from tollway.storage.protocol import Filter

ERASED_AT_ONCE = 100
"""Requests in one step, some milliseconds of the event loop's time."""
PAUSE_S = 0.01
MOST_ERASED = 100_000

_NO_TEXT = ("Cc", "Cs")
"""Unicode's categories of what is not written: controls, and halves of surrogate pairs."""

Scalar = str | int | float | bool


class RemarkAsked(BaseModel):
    """What is said of a request. What is left out stays as it is; null takes it away."""

    model_config = ConfigDict(extra="forbid")

    feedback: Literal[1, -1] | None = None
    score: Annotated[float, Field(ge=-MOST_SCORE, le=MOST_SCORE, allow_inf_nan=False)] | None = Field(
        default=None, description="To six places."
    )
    metadata: dict[str, Scalar] | None = Field(
        default=None, description="In the place of what was added before. What the caller sent with the request stays."
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("parameter_missing", "send feedback, score or metadata, or several of them")
        return self

    def patch(self) -> Patch:
        """Raises Problem for metadata that is not taken."""
        given = self.model_fields_set
        unset = msgspec.UNSET
        score = None if self.score is None else millionths(str(self.score))
        return Patch(
            feedback=self.feedback if "feedback" in given else unset,
            score_millionths=score if "score" in given else unset,
            metadata=_texts(self.metadata) if "metadata" in given else unset,
        )


class RemarkShown(BaseModel):
    """What is said of a request now."""

    request_id: str
    feedback: Literal[1, -1] | None
    score: float | None
    added_metadata: dict[str, str]
    by: str
    at: Instant
    warnings: list[str]


class Erasure(LogListing):
    """Which requests are taken out of the log."""

    limit: int = Field(default=10_000, ge=1, le=MOST_ERASED, description="How many at most.")
    all: bool = Field(default=False, description="To be said where nothing else narrows it down.")

    def filter(self, only: str | None = None) -> Filter:
        found = super().filter(only)
        return msgspec.structs.replace(
            found, equals={name: value for name, value in found.equals.items() if name != "all"}
        )


class Erased(BaseModel):
    """What became of it."""

    deleted: int
    """Requests that are no longer in the log."""
    left: int
    """Requests that are meant and still there: the newest of the log, and those that the figures of analytics lack yet. Their bodies
    are gone. Ask again in a moment."""
    bodies: int
    """Requests of which bodies were kept, and are gone."""
    next: str | None
    """`cursor`, to go on where `limit` was reached; null at the end."""
    warnings: list[str]


def log_changes_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["logs"])

    async def remark(request_id: str, asked: RemarkAsked, only: Only, asker: Asker, actor: Actor) -> RemarkShown:
        """Says of a request whether it was good (1 or -1), how good, and what else it is to be found by."""
        patch = asked.patch()
        record = await others_too(runtime, request_id, only, asker, "logs:write")
        before, after = await runtime.store.logged.remark(
            patch, request_id=record.request_id, recorded_at=record.at, at=runtime.clock.now(), by=actor
        )
        warnings = await audited(
            runtime, "log.remarked", record.request_id, by=actor, before=_audited(before), after=_audited(after)
        )
        return RemarkShown(
            request_id=record.request_id,
            feedback=after.feedback,
            score=after.score,
            added_metadata=after.metadata,
            by=after.by,
            at=iso(after.at),
            warnings=warnings,
        )

    async def erase(query: Annotated[Erasure, Query()], actor: Actor) -> Erased:
        """Takes requests out of the log, with their bodies and what was said of them. What they cost stays in the ledger, and the
        figures of analytics stay."""
        try:
            where = query.filter()
            narrowed = where.equals or where.least or where.most or where.text or where.since or where.until
            if not narrowed and not query.all:
                raise Problem(
                    400, "parameter_invalid", "Nothing says which requests: give a filter, or all=true for all of them."
                )
            erased = await _erase(runtime, where, query.limit, query.cursor)
        except ValueError as error:
            raise Problem(400, "parameter_invalid", f"{error}.") from None
        said = query.model_dump(exclude_none=True, exclude={"limit", "cursor"}, mode="json")
        erased.warnings = await audited(
            runtime,
            "log.deleted",
            query.gateway or "*",
            by=actor,
            after={"where": said, "deleted": erased.deleted, "left": erased.left, "bodies": erased.bodies},
        )
        return erased

    router.patch("/logs/{request_id}")(remark)
    router.delete("/logs", dependencies=[Depends(given_once)])(erase)
    return router


async def _erase(runtime: Runtime, where: Filter, limit: int, cursor: str | None) -> Erased:
    store, found = runtime.store, Erased(deleted=0, left=0, bodies=0, next=cursor, warnings=[])
    await store.records.flush()
    picked = 0
    while picked < limit:
        page = await store.logged.pick(where, limit=min(ERASED_AT_ONCE, limit - picked), cursor=found.next)
        # First what says most, should this be broken off here.
        found.bodies += await store.bodies.delete([request_id for _, request_id in page.rows])
        deleted = await store.logged.erase(page.rows)
        picked += len(page.rows)
        found.deleted += deleted
        found.left += len(page.rows) - deleted
        found.next = page.next
        if page.next is None:
            break
        await asyncio.sleep(PAUSE_S)
    if found.bodies:
        await store.bodies.give_back()
    return found


def _texts(metadata: dict[str, Scalar] | None) -> dict[str, str]:
    written: dict[str, str] = {}
    for name, value in (metadata or {}).items():
        # RFC 8259, 6: JSON has no number that is infinite, but 1e400 is read as one.
        if isinstance(value, float) and not isfinite(value):
            raise Problem(400, "body_invalid", f"metadata.{name[:80]}: the number is too large, or none.")
        written[name] = value if isinstance(value, str) else json.dumps(value)
    if len(written) > MOST_ENTRIES:
        raise Problem(400, "body_invalid", f"metadata: {len(written)} entries; {MOST_ENTRIES} at most.")
    for name, value in written.items():
        if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
            raise Problem(
                400,
                "body_invalid",
                f'metadata: the key "{name[:80]}" is not 1 to {LONGEST_NAME} printable characters.',
            )
        if len(value) > LONGEST_VALUE:
            raise Problem(400, "body_invalid", f"metadata.{name}: {len(value):,} characters; {LONGEST_VALUE} at most.")
        if any(unicodedata.category(character) in _NO_TEXT for character in value if character not in "\t\n"):
            words = "it has a control character, or half of a surrogate pair; leave that out."
            raise Problem(400, "body_invalid", f"metadata.{name}: {words}")
    return written


def _audited(remark: Remark | None) -> object:
    if remark is None or remark.empty:
        return None
    return {"feedback": remark.feedback, "score": remark.score, "metadata": remark.metadata}

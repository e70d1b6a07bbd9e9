"""The bodies that were kept of a request: for those who may read them, and every reading is audited."""

import asyncio
import base64
from collections.abc import Sequence
from typing import Literal, NoReturn

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from tollway.admin.access import Asker, Only
from tollway.admin.audit import Actor, audited
from tollway.admin.logged import others_too
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.where import no_parameters
from tollway.logs.bodies import About, KeptBody, Part
from tollway.logs.record import LogRecord

SCOPE = "bodies:read"


class BodyAbout(BaseModel):
    """What is told of a kept body without reading it."""

    part: Literal["asked", "sent", "returned"]
    """asked: by the caller · sent: to the provider, where that was something else · returned: to the caller."""
    content_type: str
    size: int
    """Bytes of the whole."""
    kept: int
    """Bytes that are here: the beginning. 0 of one that was larger than the gateway keeps."""
    truncated: bool


class BodyShown(BodyAbout):
    """A kept body. Credentials in it are painted over with stars."""

    encoding: Literal["utf-8", "base64"]
    """How `content` holds it: base64 where it is no text."""
    content: str


class RequestBodies(BaseModel):
    """What was asked, and what was sent to the provider."""

    request_id: str
    asked: BodyShown | None
    sent: BodyShown | None
    """Null where the provider was sent what was asked, or nothing."""


class ResponseBody(BaseModel):
    """What the caller was returned: of a stream, its bytes as they came."""

    request_id: str
    returned: BodyShown


def log_bodies_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["logs"])

    async def request_bodies(request_id: str, only: Only, asker: Asker, actor: Actor) -> Response:
        """What was asked, and what was sent to the provider where it differs. Where the gateway keeps bodies."""
        record = await others_too(runtime, request_id, only, asker, SCOPE)
        _check_readable(runtime, record, only, asker.name)
        asked, sent = await _bodies(runtime, record, ("asked", "sent"))
        if asked is None and sent is None:
            _not_kept(runtime, record, "asked")
        await _audited(runtime, record, only, actor, "request")
        return await asyncio.to_thread(
            lambda: _answer(RequestBodies(request_id=record.request_id, asked=_shown(asked), sent=_shown(sent)))
        )

    async def response_body(request_id: str, only: Only, asker: Asker, actor: Actor) -> Response:
        """What the caller was returned. Where the gateway keeps bodies."""
        record = await others_too(runtime, request_id, only, asker, SCOPE)
        _check_readable(runtime, record, only, asker.name)
        (returned,) = await _bodies(runtime, record, ("returned",))
        if returned is None:
            _not_kept(runtime, record, "returned")
        await _audited(runtime, record, only, actor, "response")

        def made() -> Response:
            shown = _shown(returned)
            assert shown is not None
            return _answer(ResponseBody(request_id=record.request_id, returned=shown))

        return await asyncio.to_thread(made)

    plain = [Depends(no_parameters)]
    router.get("/logs/{request_id}/request", dependencies=plain, response_model=RequestBodies)(request_bodies)
    router.get("/logs/{request_id}/response", dependencies=plain, response_model=ResponseBody)(response_body)
    return router


def about_shown(about: About) -> BodyAbout:
    return BodyAbout(
        part=about.part,
        content_type=about.content_type,
        size=about.size,
        kept=about.kept,
        truncated=about.truncated,
    )


def _check_readable(runtime: Runtime, record: LogRecord, only: str | None, name: str) -> None:
    """Raises Problem where somebody may see the request, and not its bodies."""
    gateway = runtime.snapshot.gateway(record.gateway)
    allowed = gateway is not None and gateway.logs is not None and gateway.logs.own_payload
    if only is not None and not allowed:
        raise Problem(
            403,
            "forbidden",
            f'{name} may not read bodies of requests: gateway "{record.gateway}" shows them to administrators alone. It shows '
            "callers their own where its settings say logs: {own_payload: true}.",
        )


async def _bodies(runtime: Runtime, record: LogRecord, parts: Sequence[Part]) -> list[KeptBody | None]:
    return [await runtime.store.bodies.body(record.request_id, part) for part in parts]


def _not_kept(runtime: Runtime, record: LogRecord, part: Part) -> NoReturn:
    gateway = runtime.snapshot.gateway(record.gateway)
    keeps = gateway is not None and gateway.logs is not None and gateway.logs.payload
    why = (
        "a header asked for it not to be kept, there was none, it was dropped for want of room, or its time is over"
        if keeps
        else f'gateway "{record.gateway}" keeps no bodies (logs: {{payload: true}} in its settings switches that on)'
    )
    raise Problem(404, "body_not_kept", f'Nothing that was {part} is kept of request "{record.request_id}": {why}.')


async def _audited(runtime: Runtime, record: LogRecord, only: str | None, actor: str, what: str) -> None:
    if only is None:
        await audited(runtime, "log.body_read", record.request_id, by=actor, after={"read": what, "user": record.user})


def _shown(kept: KeptBody | None) -> BodyShown | None:
    if kept is None:
        return None
    about = about_shown(kept.about)
    try:
        encoding, content = "utf-8", kept.content.decode()
    except UnicodeDecodeError as error:
        # What was cut may end within a character.
        if about.truncated and error.start >= len(kept.content) - 3:
            encoding, content = "utf-8", kept.content[: error.start].decode()
        else:
            encoding, content = "base64", base64.b64encode(kept.content).decode()
    return BodyShown(**about.model_dump(), encoding=encoding, content=content)


def _answer(shown: BaseModel) -> Response:
    """Made in a thread: a body may have megabytes. JSON, so that nothing a provider sent is ever a page of this gateway."""
    return Response(shown.model_dump_json(), media_type="application/json", headers={"cache-control": "no-store"})

"""Finding one request of the log for whoever may see it."""

import asyncio
from typing import NoReturn

from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.identity.roles import Principal, roles_with
from tollway.logs.record import LogRecord


async def logged_request(runtime: Runtime, request_id: str, only: str | None) -> LogRecord:
    """The record of a request, be it that it was answered this moment. Raises Problem where there is none, or none of `only`."""
    record = await runtime.store.records.record(request_id)
    if record is None:
        # Whoever has just been answered may have an opinion before the log has the request.
        await asyncio.shield(runtime.store.records.flush())
        record = await runtime.store.records.record(request_id)
    if record is None or (only is not None and record.user != only):
        unknown(request_id)
    return record


async def others_too(runtime: Runtime, request_id: str, only: str | None, asker: Principal, scope: str) -> LogRecord:
    """The same, where somebody who may do a thing (`scope`) with their own alone may see more than that: it is said then."""
    if only is None or not asker.may("logs:read"):
        return await logged_request(runtime, request_id, only)
    record = await logged_request(runtime, request_id, None)
    if record.user != only:
        raise Problem(
            403,
            "forbidden",
            f"{asker.name} may not do this with the requests of others: it needs the role {' or '.join(roles_with(scope))}, and "
            f"theirs: {', '.join(sorted(asker.roles))}.",
        )
    return record


def unknown(request_id: str) -> NoReturn:
    raise Problem(
        404, "record_unknown", f'No request "{request_id[:64]}" in the log; GET /api/v1/logs lists the newest.'
    )

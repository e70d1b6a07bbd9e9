"""What went through a route, element by element: how many requests came to each, and how many did not get further."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from tollway.admin.charge import Dollars, Instant, instant_or_none
from tollway.admin.route_desk import RouteDesk
from tollway.admin.route_shown import route_shown
from tollway.admin.runtime import Runtime
from tollway.admin.where import Moment, milliseconds
from tollway.logs.record import LogRecord
from tollway.money import dollars
from tollway.storage.protocol import Filter

PATH = " > "
"""Between the elements of a way, as the log has it."""
_AT_ONCE = 500
_MOST_PAGES = 8
_TRIED = frozenset({"model", "pool"})
_WEIGHED = frozenset({"rate", "rate_limit"})


class TrafficQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    since: Moment | None = Field(default=None, description="RFC 3339 with a zone, or a date (UTC), inclusive.")
    until: Moment | None = Field(default=None, description="RFC 3339 with a zone, or a date (UTC), exclusive.")
    most: int = Field(default=2_000, ge=1, le=5_000, description="Of the newest requests through it.")

    @model_validator(mode="after")
    def _ordered(self) -> "TrafficQuery":
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise PydanticCustomError("parameter_invalid", "since is not before until, so nothing lies between them")
        return self


class ElementTraffic(BaseModel):
    element: str
    requests: int
    """That came to it."""
    failed: int
    """That a model there did not answer, or that passed the limit there."""


class RouteTraffic(BaseModel):
    """Of the newest requests, since there is a way only in the log."""

    requests: int
    answered: int
    refused: int
    amount_usd: Dollars
    """Of those whose cost is known."""
    unpriced: int
    """Answered, and nobody knows at what cost."""
    oldest: Instant | None
    """The oldest of them."""
    complete: bool
    """These are all of the range; otherwise there are more before `oldest`, or before what was looked at."""
    elements: list[ElementTraffic]


def route_traffic_router(runtime: Runtime, desk: RouteDesk) -> APIRouter:
    router = APIRouter(tags=["routes"])

    async def route_traffic(route_id: str, query: Annotated[TrafficQuery, Query()]) -> RouteTraffic:
        """How requests of the log went through a route, by element."""
        shown = route_shown(route_id, *await desk.find(route_id))
        asked = Filter(
            since=milliseconds(query.since),
            until=milliseconds(query.until),
            equals={"gateway": shown.gateway_id} if shown.gateway_id is not None else {},
            # A decision's text is its code, its rule and its detail: the way through this route and no other.
            text=f"route {shown.name} ",
        )
        found: list[LogRecord] = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            limit = min(_AT_ONCE, query.most - len(found))
            page = await runtime.store.records.records(asked, limit=limit, cursor=cursor)
            found += [one for one in page.items if isinstance(one, LogRecord) and way_of(one, shown.name)]
            cursor = page.next
            if cursor is None or len(found) >= query.most:
                break
        return traffic(found, shown.name, shown.elements, complete=cursor is None)

    router.get("/routes/{route_id}/traffic")(route_traffic)
    return router


def way_of(record: LogRecord, route: str) -> list[str]:
    """The elements that a request came to, in order; empty where it took another way."""
    for decision in record.decisions:
        if decision.step == "route" and decision.code == "route" and decision.rule == route:
            return decision.detail.split(PATH) if decision.detail else []
    return []


def traffic(records: list[LogRecord], route: str, elements: Sequence[Any], *, complete: bool) -> RouteTraffic:
    """What they come to, element by element. `elements`: of the route as it is now, which say what each of them is."""
    kinds = {str(one["id"]): str(one["type"]) for one in elements}
    fallbacks = {str(one["id"]): _output(one, "fallback") for one in elements}
    came, failed = Counter[str](), Counter[str]()
    answered = refused = unpriced = spent = 0
    for record in records:
        way = way_of(record, route)
        came.update(way)
        well = record.status < 400
        answered += well
        refused += not well
        unpriced += well and record.charge is None and not record.cached
        spent += record.charge.amount if record.charge is not None else 0
        failed.update(_failed(way, kinds, fallbacks, well=well))
    return RouteTraffic(
        requests=len(records),
        answered=answered,
        refused=refused,
        amount_usd=dollars(spent),
        unpriced=unpriced,
        oldest=instant_or_none(min((one.at for one in records), default=None)),
        complete=complete,
        elements=[ElementTraffic(element=name, requests=times, failed=failed[name]) for name, times in came.items()],
    )


def _failed(way: list[str], kinds: Mapping[str, str], fallbacks: Mapping[str, str], *, well: bool) -> Iterator[str]:
    """The elements at which it went wrong: models that did not answer, limits that were reached."""
    for place, element in enumerate(way):
        last = place == len(way) - 1
        if kinds.get(element) in _TRIED:
            if not (well and last):
                yield element
        elif kinds.get(element) in _WEIGHED and (last or way[place + 1] == fallbacks.get(element)):
            yield element


def _output(element: dict[str, Any], name: str) -> str:
    """Where an output leads, in either of Cloudflare's dialects; empty where it leads nowhere."""
    given = element.get("outputs", {}).get(name, "")
    return given if isinstance(given, str) else given.get("elementId", "")

"""A route walked without calling anybody: which way a request would take, and what it would try."""

from collections.abc import Container
from typing import Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from tollway import money
from tollway.admin.written import Fields
from tollway.routes.facts import RouteFacts, hidden
from tollway.routes.route import Route, Target
from tollway.routes.walk import Trail, Try, Weigh, walk


class UserAsked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str | None = None
    email: str | None = None
    groups: list[str] | None = None
    name: str | None = None


class RouteSimulation(BaseModel):
    model_config = ConfigDict(extra="forbid")

    body: Fields = Field(default_factory=dict, description="The request body.")
    headers: dict[str, str] = Field(default_factory=dict, max_length=200)
    metadata: dict[str, str | bool | int | float] = Field(default_factory=dict, max_length=100)
    user: UserAsked = Field(default_factory=UserAsked)
    key: str | None = None
    service: str | None = None
    country: str | None = None
    gateway: str | None = Field(default=None, description="Its slug; the route's own where there is one.")
    draw: float = Field(default=0.0, ge=0, lt=1, description="What percentages draw.")
    version_id: str | None = Field(default=None, description="Of a version that need not be in force.")
    answers: list[str] = Field(
        default_factory=list,
        max_length=100,
        description="Elements whose models answer; the others fail, so that all that is tried is shown.",
    )
    limited: list[str] = Field(
        default_factory=list, max_length=100, description="Elements whose limits are reached; the others are not."
    )


class TargetShown(BaseModel):
    provider: str
    model: str
    weight: int


class StepShown(BaseModel):
    element: str
    kind: Literal["try", "weigh"]
    went_well: bool
    targets: list[TargetShown]
    order: str | None
    timeout: int | None
    """Milliseconds."""
    retries: int | None
    exempt: list[str]
    """Budgets that do not refuse these."""
    limit: str | None
    """Such as "100 requests in 3600 s", of what is weighed."""
    counter: str | None


class RouteSimulated(BaseModel):
    path: list[str]
    """The elements, in the order they were come to."""
    steps: list[StepShown]
    targets: list[TargetShown]
    """Every model that would be tried, in order."""
    answered_by: str | None
    """The element; null where none of those that were tried is in `answers`."""
    ended: str
    """Why it ended without an answer; empty where there is one."""
    notes: list[str]


def simulated(asked: RouteSimulation, route: Route, issuers: Container[bytes] = frozenset()) -> RouteSimulated:
    """The walk of a request through a route. `issuers`: the headers that tokens come in, which no route is shown."""
    trail, steps = Trail(), list[StepShown]()
    targets: list[Target] = []
    going = walk(route, _facts(asked, route, issuers), lambda _: asked.draw, trail)
    ended, answered_by = "", None
    try:
        step = next(going)
        while True:
            match step:
                case Try():
                    well = step.element_id in asked.answers
                    targets += step.targets
                    answered_by = step.element_id if well else None
                case Weigh():
                    well = step.element_id not in asked.limited
            steps.append(_step(step, well))
            step = going.send(well)
    except StopIteration as end:
        ended = str(end.value)
    return RouteSimulated(
        path=trail.elements,
        steps=steps,
        targets=[_target(one) for one in targets],
        answered_by=answered_by,
        ended=ended,
        notes=trail.notes,
    )


def _facts(asked: RouteSimulation, route: Route, issuers: Container[bytes]) -> RouteFacts:
    user = {name: value for name, value in asked.user.model_dump().items() if value is not None}
    gateway = asked.gateway or route.gateway or "default"
    model = asked.body.get("model", f"dynamic/{route.name}")
    person: dict[str, Any] = {"user": {name: user[name] for name in ("id", "email", "groups") if name in user}}
    if asked.country is not None:
        person["country"] = asked.country
    values: dict[str, Any] = {
        "metadata": {name: _text(value) for name, value in asked.metadata.items()},
        "user": user,
        "key": asked.key,
        "service": asked.service,
        "gateway": gateway,
        "model": model,
        "country": asked.country,
        "cf": person,
    }
    headers = hidden([(name.encode(), value.encode()) for name, value in asked.headers.items()], issuers, ())
    return RouteFacts(
        body=asked.body, headers=headers, values={name: one for name, one in values.items() if one is not None}
    )


def _text(value: str | bool | int | float) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _step(step: Try | Weigh, well: bool) -> StepShown:
    if isinstance(step, Try):
        return StepShown(
            element=step.element_id,
            kind="try",
            went_well=well,
            targets=[_target(one) for one in step.targets],
            order=step.order,
            timeout=step.timeout_ms,
            retries=step.retries,
            exempt=list(step.exempt),
            limit=None,
            counter=None,
        )
    amount = f"{step.limit:,} requests" if step.limit_type == "count" else money.display(step.limit)
    return StepShown(
        element=step.element_id,
        kind="weigh",
        went_well=well,
        targets=[],
        order=None,
        timeout=None,
        retries=None,
        exempt=[],
        limit=f"{amount} in {step.window_s:,} s ({step.technique})",
        counter=step.counter,
    )


def _target(one: Target) -> TargetShown:
    return TargetShown(provider=one.provider, model=one.model, weight=one.weight)

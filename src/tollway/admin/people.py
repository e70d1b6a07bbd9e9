"""Who uses what, person by person or team by team: what they spent, on which model, and against the period before."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from tollway.admin.access import Only
from tollway.admin.analytics_query import (
    Compared,
    Range,
    Ranged,
    dimensions,
    earlier_of,
    filters,
    range_of,
    refuse_untold,
)
from tollway.admin.charge import Dollars, Instant, instant_or_none
from tollway.admin.insights import Ask
from tollway.admin.people_layers import Layers, layers_of
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.clock import iso
from tollway.money import dollars
from tollway.proxy.own_models import MOST_MODELS, configured_models
from tollway.storage.analytics import Answer, Condition, Question

By = Literal["user", "group", "team", "service"]
_SPENDING = ("amount_nanodollars", "entries", "unpriced", "told", "input_tokens", "output_tokens")
_TRAFFIC = ("requests", "refused")
_EVERY_MODEL = 20_000
_LATELY_MS = 30 * 86_400_000
_USED = 10


class PeopleQuery(Compared):
    by: By = "user"
    limit: int = Field(default=100, ge=1, le=1_000, description="How many, those with the most spend.")


class PersonQuery(Ranged):
    sessions: int = Field(default=20, ge=1, le=500, description="How many sessions to list, the newest first.")


class LayersQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    gateway: str = Field(default="default", max_length=64)
    model: list[str] = Field(
        default_factory=list,
        max_length=20,
        description="Asked about instead of what they use and what the settings name, as provider/model.",
    )


class PersonRow(BaseModel):
    """What one of them did in the range."""

    name: str | None
    """Null for requests that name nobody."""
    spent_usd: Dollars
    before_usd: Dollars
    """In the period that is compared with."""
    requests: int
    refused: int
    unpriced: int
    """Entries without a price, which are in no amount."""
    tokens: int | None
    """Input and output; null where no usage is known."""
    top_model: str | None
    top_model_spent_usd: Dollars | None
    last_charged_at: Instant | None
    """Of a person, whenever it was; null where that is not known, and of all others."""


class PeopleAnswer(BaseModel):
    from_: Instant = Field(alias="from")
    to: Instant
    previous_from: Instant
    previous_to: Instant
    by: By
    items: list[PersonRow]
    others: int
    """How many more there are."""
    overlapping: bool
    """Somebody may be in several groups, which then add up to more than there is."""


class PersonSession(BaseModel):
    session: str | None
    """As the caller named it; null for requests without a pause of 30 minutes."""
    from_: Instant = Field(alias="from")
    to: Instant
    entries: int
    spent_usd: Dollars
    stands_out: bool
    """It cost more than twice what is usual for the person, and more than is common at all."""


class PersonAnswer(BaseModel):
    user: str
    known: bool
    """They ever asked, or have a key."""
    groups: list[str]
    """As their newest key, or their own sign-in, proves them."""
    keys: int
    last_charged_at: Instant | None
    sessions: list[PersonSession]
    sessions_in_range: int


def people_router(runtime: Runtime, ask: Ask) -> APIRouter:
    router = APIRouter(tags=["analytics"])

    async def people(query: Annotated[PeopleQuery, Query()], request: Request) -> PeopleAnswer:
        """Everybody with spend or requests in the range, the largest first, or the teams, groups or services."""
        asked = range_of(query, runtime.clock.now())
        where = filters(request.query_params.multi_items(), PeopleQuery, None)
        refuse_untold("cost,requests", [condition.field for condition in where])
        by = dimensions(query.by)
        now = Question(
            bounds=(asked.since, asked.until),
            by=by,
            where=where,
            columns={"spending": _SPENDING, "traffic": _TRAFFIC},
            limit=query.limit,
        )
        answer = await ask(now)
        start, end, _ = earlier_of(query, asked)
        spent: Any = {"spending": ("amount_nanodollars",)}
        earlier = await ask(msgspec.structs.replace(now, bounds=(start, end), columns=spent, limit=_EVERY_MODEL))
        models = await ask(msgspec.structs.replace(now, by=(*by, "model"), columns=spent, limit=_EVERY_MODEL))
        names = [group[0] for group in answer.groups]
        last: Mapping[str, int] = {}
        if query.by == "user":
            last = await runtime.store.analytics.last_charged([name for name in names if name is not None])
        return PeopleAnswer(
            **_from(asked),
            to=iso(asked.until),
            previous_from=iso(start),
            previous_to=iso(end),
            by=query.by,
            items=_rows(answer, earlier, _top(models), last),
            others=answer.others,
            overlapping=answer.overlapping,
        )

    async def person(user: str, query: Annotated[PersonQuery, Query()], request: Request, only: Only) -> PersonAnswer:
        """One person: whether they are known, by what, and their sessions in the range."""
        _own(user, only)
        if filters(request.query_params.multi_items(), PersonQuery, None):
            raise Problem(
                400, "parameter_unknown", "Sessions are of a person and of no model or team; leave filters out."
            )
        asked = range_of(query, runtime.clock.now())
        analytics = runtime.store.analytics
        sittings = await analytics.sittings(since=asked.since, until=asked.until, user=user)
        out = await analytics.outstanding(since=asked.since, until=asked.until, among={user}, listed=500)
        standing_out = {(one.sitting.name, one.sitting.first_at) for one in out.dearest}
        last = (await analytics.last_charged([user])).get(user)
        keys = [key for key in runtime.snapshot.keys.values() if key.user == user]
        keys += [key for key in runtime.snapshot.issued.all() if key.user == user and key.id]
        newest = keys[-1] if keys else None
        return PersonAnswer(
            user=user,
            known=last is not None or newest is not None or user in await analytics.users(),
            groups=list(newest.groups) if newest is not None else [],
            keys=len({key.name for key in keys}),
            last_charged_at=instant_or_none(last),
            sessions=[
                PersonSession(
                    **{"from": iso(one.first_at)},  # type: ignore[arg-type]
                    session=one.name or None,
                    to=iso(one.last_at),
                    entries=one.entries,
                    spent_usd=dollars(one.spent),
                    stands_out=(one.name, one.first_at) in standing_out,
                )
                for one in reversed(sittings[-query.sessions :])
            ],
            sessions_in_range=len(sittings),
        )

    async def layers(user: str, query: Annotated[LayersQuery, Query()], request: Request, only: Only) -> Layers:
        """The budgets that count a person, with what is left of each, and which models still work for them."""
        _own(user, only)
        models = query.model
        if not models:
            # What they used of late, and what the settings name.
            now = runtime.clock.now()
            used = await ask(
                Question(
                    bounds=(now - _LATELY_MS, now),
                    by=("provider", "model"),
                    where=(Condition(field="user", values=(user,)),),
                    columns={"spending": ("amount_nanodollars",)},
                    limit=_USED,
                )
            )
            named = [f"{provider}/{model}" for provider, model in used.groups if provider and model]
            models = list(dict.fromkeys([*named, *configured_models(runtime.snapshot)]))[:MOST_MODELS]
        return layers_of(runtime, request, user, query.gateway, models)

    router.get("/people")(people)
    router.get("/people/{user}")(person)
    router.get("/people/{user}/layers")(layers)
    return router


def _own(user: str, only: str | None) -> None:
    """Raises Problem for somebody else, as for nobody."""
    if only is not None and user != only:
        raise Problem(403, "forbidden", f"Your role sees what is your own alone, that of {only}.")


def _rows(
    answer: Answer, earlier: Answer, top: Mapping[str | None, tuple[str, int]], last: Mapping[str, int]
) -> list[PersonRow]:
    found: list[PersonRow] = []
    for (name,), series in answer.groups.items():
        amount, _, unpriced, told, read, written = series.whole["spending"]
        requests, refused = series.whole["traffic"]
        was = earlier.groups.get((name,))
        model = top.get(name)
        found.append(
            PersonRow(
                name=name,
                spent_usd=dollars(amount),
                before_usd=dollars(was.whole["spending"][0] if was is not None else 0),
                requests=requests,
                refused=refused,
                unpriced=unpriced,
                tokens=read + written if told else None,
                top_model=model[0] if model is not None else None,
                top_model_spent_usd=dollars(model[1]) if model is not None else None,
                last_charged_at=instant_or_none(last.get(name)) if name is not None else None,
            )
        )
    return found


def _top(models: Answer) -> dict[str | None, tuple[str, int]]:
    """Of each, the model that the most was spent on; of none where nothing was."""
    found: dict[str | None, tuple[str, int]] = {}
    for (name, model), series in models.groups.items():
        amount = series.whole["spending"][0]
        if model is not None and amount > found.get(name, ("", 0))[1]:
            found[name] = (model, amount)
    return found


def _from(asked: Range) -> Any:
    """A field whose name is a keyword."""
    return {"from": iso(asked.since)}

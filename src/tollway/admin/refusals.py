"""What Tollway kept from being spent: refusals by reason, and requests that a cheaper model served."""

from collections.abc import Awaitable, Callable, Iterable, Mapping

from pydantic import BaseModel, ConfigDict, Field

from tollway.admin.analytics_asked import told_as_problems
from tollway.admin.analytics_query import Ranged, range_of
from tollway.admin.charge import Dollars, Instant
from tollway.admin.runtime import Runtime
from tollway.clock import iso
from tollway.errors import REASONS
from tollway.money import dollars
from tollway.storage.analytics import Answer, Condition, Question, Stopped

_EVERY_MODEL = 10_000

Ask = Callable[[Question], Awaitable[Answer]]
Means = Mapping[tuple[str | None, str | None], int]
"""Provider and model → nanodollars that one priced charge of it cost in the range, rounded down."""


class RefusalsQuery(Ranged):
    model_config = ConfigDict(extra="forbid")

    gateway: str | None = Field(default=None, max_length=256)


class ReasonShown(BaseModel):
    """Requests that were refused for one reason."""

    code: str
    meaning: str
    requests: int
    people: int
    """How many users they are of."""
    estimated_usd: Dollars | None
    """What they would have cost: for each, what one charge of its provider and model cost on average in the range. Nobody knows
    it exactly. Null where none of them can be told so."""
    unestimated: int
    """Requests that are not in `estimated_usd`: nothing of their model was charged in the range, or they name none."""
    last_at: Instant


class DowngradedShown(BaseModel):
    """Requests that a budget had a cheaper model serve."""

    looked_since: Instant
    """From here on they are told: later than `from` where there are more than 50,000, or where an older log is not listed yet."""
    requests: int
    people: int
    spent_usd: Dollars
    """What they were charged, exactly; without those that have no price."""
    asked_estimated_usd: Dollars | None
    """What the models asked for would have cost, estimated as in `ReasonShown`; null where none can be told so."""
    unestimated: int


class RefusalsAnswer(BaseModel):
    from_: Instant = Field(alias="from")
    to: Instant
    requests: int
    """Of the whole range."""
    refused: int
    """By Tollway, of the whole range."""
    looked_since: Instant
    """From here on reasons are told: later than `from` where there are more than 50,000 refusals, or where an older log is not listed
    yet."""
    reasons: list[ReasonShown]
    """The most requests first."""
    downgraded: DowngradedShown


async def refusals(runtime: Runtime, ask: Ask, query: RefusalsQuery, only: str | None) -> RefusalsAnswer:
    """Raises Problem."""
    asked = range_of(query, runtime.clock.now())
    given = (("gateway", query.gateway), ("user", only))
    where = tuple(Condition(field=field, values=(value,)) for field, value in given if value is not None)
    bounds = (asked.since, asked.until)
    told = await ask(Question(bounds=bounds, where=where, columns={"traffic": ("requests", "refused")}))
    # Means are of everybody's charges: what a model costs is no secret of somebody else's.
    charged = await ask(
        Question(
            bounds=bounds,
            by=("provider", "model"),
            columns={"spending": ("amount_nanodollars", "entries", "unpriced")},
            limit=_EVERY_MODEL,
        )
    )
    with told_as_problems():
        stops = await runtime.store.analytics.stops(
            since=asked.since, until=asked.until, user=only, gateway=query.gateway
        )
    means = means_of(charged)
    reasons: dict[str, list[Stopped]] = {}
    for one in stops.refused:
        reasons.setdefault(one.code, []).append(one)
    swapped = stops.swapped
    requests, refused = told.total.whole["traffic"]
    estimated, unestimated = estimate(swapped, means)
    return RefusalsAnswer(
        **{"from": iso(asked.since)},
        to=iso(asked.until),
        requests=requests,
        refused=refused,
        looked_since=iso(stops.refused_since),
        reasons=sorted((_reason(code, found, means) for code, found in reasons.items()), key=lambda one: -one.requests),
        downgraded=DowngradedShown(
            looked_since=iso(stops.swapped_since),
            requests=sum(one.requests for one in swapped),
            people=_people(swapped),
            spent_usd=dollars(sum(one.charged or 0 for one in swapped)),
            asked_estimated_usd=_shown(estimated),
            unestimated=unestimated,
        ),
    )


def means_of(answer: Answer) -> Means:
    found: dict[tuple[str | None, str | None], int] = {}
    for (provider, model), series in answer.groups.items():
        amount, entries, unpriced = series.whole["spending"]
        if entries > unpriced and amount > 0:
            found[provider, model] = amount // (entries - unpriced)
    return found


def estimate(found: Iterable[Stopped], means: Means) -> tuple[int | None, int]:
    """Nanodollars, `None` where not one of them has a mean, and how many have none."""
    total, known, unknown = 0, 0, 0
    for one in found:
        mean = means.get((one.provider, one.model))
        if mean is None:
            unknown += one.requests
        else:
            total, known = total + mean * one.requests, known + 1
    return (total if known else None), unknown


def _reason(code: str, found: list[Stopped], means: Means) -> ReasonShown:
    estimated, unestimated = estimate(found, means)
    reason = REASONS.get(code)
    return ReasonShown(
        code=code,
        meaning=reason.meaning if reason is not None else "",
        requests=sum(one.requests for one in found),
        people=_people(found),
        estimated_usd=_shown(estimated),
        unestimated=unestimated,
        last_at=iso(max(one.at for one in found)),
    )


def _people(found: Iterable[Stopped]) -> int:
    return len({one.user for one in found if one.user is not None})


def _shown(amount: int | None) -> str | None:
    return None if amount is None else dollars(amount)

"""Who uses what: how many people, how much in the middle and at the top, whom to talk to, which sessions stand out."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, Field

from tollway.admin.analytics_query import Range
from tollway.admin.charge import Dollars, Instant
from tollway.admin.runtime import Runtime
from tollway.clock import iso
from tollway.money import dollars
from tollway.storage.analytics import Anomaly, Answer, Condition, Question

_EVERYBODY = 1_000_000
_TOP_PERCENT = 10
_REVIEWED_TIMES = 2

Ask = Callable[[Question], Awaitable[Answer]]


class Person(NamedTuple):
    """What one user did in the range."""

    user: str
    spent: int
    tokens: int | None
    requests: int


class Part(BaseModel):
    """So much of a whole."""

    part: int
    whole: int


class MoneyPart(BaseModel):
    part_usd: Dollars
    whole_usd: Dollars


class PersonShown(BaseModel):
    user: str
    spent_usd: Dollars
    tokens: int | None
    """Input and output; null where no usage is known."""
    requests: int


class SittingShown(BaseModel):
    user: str
    session: str | None
    """As the caller named it (metadata `session` or `session_id`); null for requests without a pause of 30 minutes."""
    from_: Instant = Field(alias="from")
    to: Instant
    entries: int
    spent_usd: Dollars
    usual_usd: Dollars
    """The 95th percentile of what this user's sessions cost in the 30 days before."""
    rare_usd: Dollars
    """The 99th percentile of what everybody's other sessions cost in the range and the 30 days before."""


class InsightsAnswer(BaseModel):
    from_: Instant = Field(alias="from")
    to: Instant
    active_users: int
    """With a request or a ledger entry in the range."""
    adoption: Part
    """Active users, of everybody who is known: who ever asked, or has a key."""
    median_spent_usd: Dollars | None
    """Of an active user; null without one. Between two, half of their sum, rounded down to a nanodollar."""
    median_tokens: int | None
    """Of an active user whose usage is known."""
    top_users: int
    """A tenth of the active users, rounded up."""
    top_requests: Part
    """What so many asked who asked the most, of all requests of active users."""
    top_spent: MoneyPart
    """What so many spent who spent the most, of all spend of active users."""
    users_to_review: int
    """Who spent twice the median or more."""
    review: list[PersonShown]
    identified_requests: Part
    """With a user, of all."""
    identified_spent: MoneyPart
    anomalous_sessions: int
    """Ended in the range, above twice the user's own 95th percentile and above everybody's 99th. Nothing is blocked for it."""
    anomalies: list[SittingShown]


async def insights(
    runtime: Runtime, ask: Ask, asked: Range, where: tuple[Condition, ...], listed: int
) -> InsightsAnswer:
    answer = await ask(
        Question(
            bounds=(asked.since, asked.until),
            by=("user",),
            where=where,
            columns={
                "spending": ("amount_nanodollars", "entries", "told", "input_tokens", "output_tokens"),
                "traffic": ("requests",),
            },
            limit=_EVERYBODY,
        )
    )
    people = _people(answer)
    spent, requests = answer.total.whole["spending"][0], answer.total.whole["traffic"][0]
    top = -(-len(people) * _TOP_PERCENT // 100)
    most_asked = sorted((one.requests for one in people), reverse=True)[:top]
    most_spent = sorted((one.spent for one in people), reverse=True)[:top]
    median = middle([one.spent for one in people])
    review = [one for one in people if median is not None and 0 < _REVIEWED_TIMES * median <= one.spent]
    known = {one.user for one in people} | set(await runtime.store.analytics.users()) | _with_a_key(runtime)
    own_spent, own_requests = sum(one.spent for one in people), sum(one.requests for one in people)
    # Sessions are of a user and of no model or team: with filters, those of whoever is meant.
    chosen = {one.user for one in people}
    standing_out = await runtime.store.analytics.outstanding(
        since=asked.since, until=asked.until, among=chosen if where else None, listed=listed
    )
    return InsightsAnswer(
        **_from(asked.since),
        to=iso(asked.until),
        active_users=len(people),
        adoption=Part(part=len(people), whole=len(known)),
        median_spent_usd=None if median is None else dollars(median),
        median_tokens=middle([one.tokens for one in people if one.tokens is not None]),
        top_users=top,
        top_requests=Part(part=sum(most_asked), whole=own_requests),
        top_spent=MoneyPart(part_usd=dollars(sum(most_spent)), whole_usd=dollars(own_spent)),
        users_to_review=len(review),
        review=[_person_shown(one) for one in sorted(review, key=lambda one: (-one.spent, one.user))[:listed]],
        identified_requests=Part(part=own_requests, whole=requests),
        identified_spent=MoneyPart(part_usd=dollars(own_spent), whole_usd=dollars(spent)),
        anomalous_sessions=standing_out.number,
        anomalies=[_sitting_shown(one) for one in standing_out.dearest],
    )


def middle(amounts: Sequence[int]) -> int | None:
    """The median, rounded down; `None` of nothing."""
    ordered = sorted(amounts)
    half = len(ordered) // 2
    if not ordered:
        return None
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) // 2


def _people(answer: Answer) -> list[Person]:
    found: list[Person] = []
    for (user,), series in answer.groups.items():
        amount, entries, told, read, written = series.whole["spending"]
        (requests,) = series.whole["traffic"]
        if user is not None and (requests or entries):
            found.append(Person(user, amount, read + written if told else None, requests))
    return found


def _with_a_key(runtime: Runtime) -> set[str]:
    snapshot = runtime.snapshot
    return {
        key.user
        for keys in (snapshot.keys.values(), snapshot.issued.all())
        for key in keys
        if key.user is not None and key.enabled
    }


def _person_shown(one: Person) -> PersonShown:
    return PersonShown(user=one.user, spent_usd=dollars(one.spent), tokens=one.tokens, requests=one.requests)


def _sitting_shown(one: Anomaly) -> SittingShown:
    sitting = one.sitting
    return SittingShown(
        **_from(sitting.first_at),
        user=sitting.user,
        session=sitting.name or None,
        to=iso(sitting.last_at),
        entries=sitting.entries,
        spent_usd=dollars(sitting.spent),
        usual_usd=dollars(one.usual),
        rare_usd=dollars(one.rare),
    )


def _from(at: int) -> Any:
    """A field whose name is a keyword."""
    return {"from": iso(at)}

"""The request log: what happened to each request, and why."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Annotated, Literal, Self, cast

from fastapi import APIRouter, Depends, Query
from msgspec import structs
from pydantic import AfterValidator, BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from tollway.admin.access import Only
from tollway.admin.charge import ChargeShown, Dollars, Instant, charge_shown, usage_shown
from tollway.admin.entries import EntryShown, entry_shown
from tollway.admin.log_bodies import BodyAbout, about_shown
from tollway.admin.logged import logged_request, unknown
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.where import Listing, given_once, no_parameters
from tollway.budgets.accounts import UNLIMITED
from tollway.clock import iso
from tollway.ledger.control import budget_of
from tollway.ledger.entry import LedgerEntry
from tollway.ledger.reservation import Hold
from tollway.logs.bodies import About
from tollway.logs.record import Billing, LogRecord, Raised
from tollway.logs.remark import MOST_SCORE, Remark, millionths
from tollway.money import dollars, parse
from tollway.storage.deep import RANGES, SCORE
from tollway.storage.logged import Tail
from tollway.storage.protocol import Filter


def _amount(text: str) -> str:
    parse(text)
    return text


Amount = Annotated[str, AfterValidator(_amount)] | None
Score = Annotated[float, Field(ge=-MOST_SCORE, le=MOST_SCORE, allow_inf_nan=False)] | None
Count = Annotated[int, Field(ge=0, le=10**15)] | None


class LogListing(Listing):
    status: int | None = Field(default=None, ge=100, le=599)
    code: str | None = Field(default=None, max_length=64, description="Why it was refused or ended early.")
    request_id: str | None = Field(default=None, max_length=128)
    api: str | None = Field(default=None, max_length=64, description="Such as openai.chat.")
    method: str | None = Field(default=None, max_length=16)
    path: str | None = Field(default=None, max_length=1024)
    response_model: str | None = Field(default=None, max_length=1024)
    user_agent: str | None = Field(default=None, max_length=1024)
    streamed: bool | None = None
    cached: bool | None = None
    min_cost_usd: Amount = None
    max_cost_usd: Amount = None
    min_duration_ms: Count = None
    max_duration_ms: Count = None
    min_input_tokens: Count = None
    max_input_tokens: Count = None
    min_output_tokens: Count = None
    max_output_tokens: Count = None
    feedback: Literal["1", "-1", ""] | None = Field(
        default=None, description="What was said of it afterwards; empty: nothing was."
    )
    min_score: Score = None
    max_score: Score = None
    text: str | None = Field(
        default=None,
        max_length=256,
        description="Somewhere in ids, names, paths, groups, metadata (key=value), reasons; whatever the case. A page of such "
        "a search, or one by cost, duration or tokens, may be short, even empty, while `next` is not null.",
    )

    @model_validator(mode="after")
    def _not_crossed(self) -> Self:
        found = self.filter()
        for name, least in found.least.items():
            most = found.most.get(name)
            if most is not None and least > most:
                unit = "_usd" if name == "cost" else ""
                raise PydanticCustomError(
                    "parameter_invalid",
                    "min_{name} is more than max_{name}, so nothing lies between them; send them the other way round",
                    {"name": f"{name}{unit}"},
                )
        return self

    def filter(self, only: str | None = None) -> Filter:
        equals = dict(super().filter(only).equals)
        least: dict[str, int] = {}
        most: dict[str, int] = {}
        for name in RANGES:
            for limits, bound in ((least, "min"), (most, "max")):
                written = equals.pop(f"{bound}_{name}_usd" if name == "cost" else f"{bound}_{name}", None)
                if written is not None:
                    limits[name] = parse(written) if name == "cost" else int(written)
        for limits, bound in ((least, "min_score"), (most, "max_score")):
            written = equals.pop(bound, None)
            if written is not None:
                limits[SCORE] = millionths(written)
        for name in ("streamed", "cached"):
            if name in equals:
                equals[name] = equals[name].lower()
        text = equals.pop("text", None)
        return structs.replace(super().filter(only), equals=equals, text=text, least=least, most=most)


class LogQuery(LogListing):
    after: str | None = Field(
        default=None,
        max_length=128,
        description="The id of a request: what was logged since comes, the oldest first. Send `next` as `after` to go on.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.after is not None and self.cursor is not None:
            raise PydanticCustomError("parameter_invalid", "after and cursor go two ways; send one of them")
        return self

    def filter(self, only: str | None = None) -> Filter:
        found = super().filter(only)
        return structs.replace(found, equals={name: value for name, value in found.equals.items() if name != "after"})


class DurationsShown(BaseModel):
    """Microseconds on the monotonic clock; null where there was no such moment."""

    total_us: int
    sent_us: int | None
    """From the request received to the one sent to the provider, of the last try; null where none was sent."""
    upstream_us: int | None
    """From the request sent to the end of the answer, of all tries together."""
    first_chunk_us: int | None
    """From the request received to the first byte of the answer."""
    waited_us: int
    """Between tries, by a budget's command, and in line for money that others held."""
    overhead_us: int
    """What Tollway itself took."""


class HoldShown(BaseModel):
    """What was held, from before the request was sent until its answer was settled."""

    account: str
    budget: str
    """Its id."""
    amount_usd: Dollars
    """Before the request was sent."""
    last_usd: Dollars
    """When the answer ended; not `amount_usd` where the hold followed a stream."""
    raises: int | None
    """How often it was raised while the answer was made; null where it was held as a whole."""
    limit_usd: Dollars | None
    """Null for an account without a limit."""
    enforced: bool
    spent_before_usd: Dollars | None
    """What was spent on the account when this was held; null in records that are older than that field."""
    held_before_usd: Dollars | None
    """What others held on it then."""


class DecisionShown(BaseModel):
    """One choice made on the way, with the rule that made it."""

    step: str
    outcome: Literal["allow", "deny", "note"]
    code: str
    rule: str
    detail: str


class AttemptShown(BaseModel):
    """One call of a provider."""

    number: int
    provider: str
    model: str
    outcome: str
    status: int | None
    code: str
    amount_usd: Dollars | None
    """What it was booked as; null where nothing was, or no price is known."""


class LogShown(BaseModel):
    """One request, as a list shows it."""

    request_id: str
    at: Instant
    gateway: str
    method: str
    path: str
    api: str
    status: int
    """What the caller was given; 499 where the caller left first."""
    code: str
    provider: str | None
    request_model: str | None
    response_model: str | None
    user: str | None
    groups: list[str]
    key: str | None
    service: str | None
    metadata: dict[str, str]
    amount_usd: Dollars | None
    """Null where nothing was charged or no price is known; `billing` says which."""
    billing: Billing
    """not_billed: the provider answered with an error and told no usage. unknown: no price is known, or nobody knows how it ended."""
    basis: Literal["metered", "counted", "presumed"] | None
    usage: dict[str, int | None] | None
    streamed: bool
    cached: bool
    """The answer was kept from a request before: it cost nothing, and no provider was called."""
    saved_usd: Dollars | None
    """What that answer cost then; null where nothing was saved, or no price was known."""
    feedback: Literal[1, -1] | None
    """What was said of it afterwards; null where nothing was."""
    score: float | None
    added_metadata: dict[str, str]
    """What was added afterwards to find it by. `metadata.<key>` finds it too."""
    durations: DurationsShown


class LogPage(BaseModel):
    """Newest first; with `after`, oldest first."""

    items: list[LogShown]
    next: str | None
    """The cursor of the page after this one, null at the end; with `after`, the `after` to go on with, null while nothing is newer."""


class LogDetail(LogShown):
    """One request, with everything that is kept of it."""

    charge: ChargeShown | None
    holds: list[HoldShown]
    decisions: list[DecisionShown]
    attempts: list[AttemptShown]
    entries: list[EntryShown]
    """What stands in the ledger for it."""
    proven_by: Literal["key", "token"] | None
    """What says who it is; null for nobody in particular."""
    declared: list[str]
    """Names among `metadata` that the caller only declared in a header; the others were proven."""
    request_bytes: int
    response_bytes: int
    user_agent: str
    bodies: list[BodyAbout]
    """What is kept of its bodies; empty where nothing is."""


def log_shown(record: LogRecord, remark: Remark | None = None) -> LogShown:
    durations = record.durations
    return LogShown(
        request_id=record.request_id,
        at=iso(record.at),
        gateway=record.gateway,
        method=record.method,
        path=record.path,
        api=record.api,
        status=record.status,
        code=record.code,
        provider=record.provider,
        request_model=record.request_model,
        response_model=record.response_model,
        user=record.user,
        groups=list(record.groups),
        key=record.key,
        service=record.service,
        metadata=record.metadata,
        amount_usd=dollars(record.charge.amount) if record.charge is not None else None,
        billing=record.billing,
        basis=record.charge.basis if record.charge is not None else None,
        usage=usage_shown(record.usage),
        streamed=record.streamed,
        cached=record.cached,
        saved_usd=dollars(record.saved) if record.saved is not None else None,
        feedback=remark.feedback if remark is not None else None,
        score=remark.score if remark is not None else None,
        added_metadata=remark.metadata if remark is not None else {},
        durations=DurationsShown(
            total_us=durations.total_us,
            sent_us=durations.sent_us,
            upstream_us=durations.upstream_us,
            first_chunk_us=durations.first_chunk_us,
            waited_us=durations.waited_us,
            overhead_us=durations.overhead_us,
        ),
    )


def detail_shown(
    record: LogRecord, entries: list[LedgerEntry], remark: Remark | None = None, bodies: Sequence[About] = ()
) -> LogDetail:
    return LogDetail(
        **log_shown(record, remark).model_dump(),
        charge=charge_shown(record.charge) if record.charge is not None else None,
        holds=[
            _hold_shown(hold, record.raised if hold.metered else None, before)
            for hold, before in zip_longest(record.holds, record.before[: len(record.holds)])
        ],
        decisions=[
            DecisionShown(step=d.step, outcome=d.outcome, code=d.code, rule=d.rule, detail=d.detail)
            for d in record.decisions
        ],
        attempts=[
            AttemptShown(
                number=a.number,
                provider=a.provider,
                model=a.model,
                outcome=a.outcome,
                status=a.status,
                code=a.code,
                amount_usd=dollars(a.cost) if a.cost is not None else None,
            )
            for a in record.attempts
        ],
        entries=[entry_shown(entry) for entry in entries],
        proven_by=record.proven_by or None,
        declared=list(record.declared),
        request_bytes=record.request_bytes,
        response_bytes=record.response_bytes,
        user_agent=record.user_agent,
        bodies=[about_shown(about) for about in bodies],
    )


def _hold_shown(hold: Hold, raised: Raised | None, before: tuple[int, int] | None) -> HoldShown:
    spent, held = before if before is not None else (None, None)
    return HoldShown(
        account=hold.account,
        budget=budget_of(hold.account),
        amount_usd=dollars(hold.amount),
        last_usd=dollars(raised.last if raised is not None else hold.amount),
        raises=raised.times if raised is not None else None,
        limit_usd=dollars(hold.limit) if hold.limit < UNLIMITED else None,
        enforced=hold.enforced,
        spent_before_usd=dollars(spent) if spent is not None else None,
        held_before_usd=dollars(held) if held is not None else None,
    )


def logs_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["logs"])

    async def logs(where: Annotated[LogQuery, Query()], only: Only) -> LogPage:
        """Requests, newest first; or, with `after`, what was logged since, oldest first."""
        try:
            if where.after is not None:
                tail = await _tail(where, where.after, only)
                items, following = list(tail.items), tail.after
            else:
                page = await runtime.store.records.records(where.filter(only), limit=where.limit, cursor=where.cursor)
                items, following = cast("list[LogRecord]", list(page.items)), page.next
        except ValueError as error:
            raise Problem(400, "parameter_invalid", f"{error}.") from None
        said = await runtime.store.logged.remarks([record.request_id for record in items])
        return LogPage(items=[log_shown(record, said.get(record.request_id)) for record in items], next=following)

    async def _tail(where: LogQuery, after: str, only: str | None) -> Tail:
        tail = await runtime.store.logged.tail(where.filter(only), after=after, limit=where.limit, only=only)
        if tail is None:
            unknown(after)
        return tail

    async def log(request_id: str, only: Only) -> LogDetail:
        """One request, with its charge, holds, decisions and ledger entries."""
        record = await logged_request(runtime, request_id, only)
        page = await runtime.store.records.entries(
            Filter(equals={"request_id": record.request_id}), limit=100, cursor=None
        )
        said = await runtime.store.logged.remarks((record.request_id,))
        bodies = await runtime.store.bodies.parts(record.request_id)
        entries = cast("list[LedgerEntry]", list(page.items))
        return detail_shown(record, entries, said.get(record.request_id), bodies)

    router.get("/logs", dependencies=[Depends(given_once)])(logs)
    router.get("/logs/{request_id}", dependencies=[Depends(no_parameters)])(log)
    return router

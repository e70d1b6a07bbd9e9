"""Rating the past again: a preview of what attempts cost at the prices of now, and then explicit corrections.

Nothing changes until someone who has seen the preview sends its token back. The token stands for exactly these
corrections: where applying would book others, it books none.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator
from typing import cast

import msgspec
from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from tollway.admin.audit import Actor, audited
from tollway.admin.charge import Dollars, Instant
from tollway.admin.problem import Problem
from tollway.admin.rerating import LEFT_OUT, Kept, Rated, rerate
from tollway.admin.runtime import Records, Runtime
from tollway.admin.where import Where, no_parameters
from tollway.clock import iso
from tollway.ledger.entry import LedgerEntry
from tollway.money import dollars
from tollway.storage.protocol import Filter

READ_AT_ONCE = 200
"""Entries of a page."""

RATED_AT_ONCE = 50
"""Entries rated between two turns of the event loop: a few milliseconds."""

BOOKED_AT_ONCE = 50

MOST = 100_000
"""Corrections of one re-rate: they are all in memory between being rated and being booked."""

SHOWN = 20
"""Of the largest differences."""


class RerateBody(BaseModel):
    """Which attempts, by the instant they were admitted at; `since` must be given."""

    model_config = ConfigDict(extra="forbid")

    where: Where = Field(description="As the query of GET /ledger/entries: since, until, provider, model, user, ...")
    unknown_tier: str | None = Field(
        default=None,
        max_length=64,
        description="The service tier to take where the ledger does not tell it: standard, flex, priority, ... "
        "Without it, attempts whose price depends on that are left out.",
    )


class ApplyBody(RerateBody):
    token: str = Field(max_length=128, description="The token of the preview of the same question.")


class DifferenceShown(BaseModel):
    """One attempt whose charge would become another."""

    request_id: str
    attempt: int
    occurred_at: Instant
    provider: str
    model: str
    accounts: list[str]
    before_usd: Dollars
    after_usd: Dollars
    difference_usd: Dollars
    price_before: str | None
    price_after: str | None


class ModelDifference(BaseModel):
    """The corrections of one model, added up."""

    provider: str
    model: str
    corrections: int
    before_usd: Dollars
    after_usd: Dollars
    difference_usd: Dollars


class LeftOutShown(BaseModel):
    """Attempts that stay as they are, for one reason."""

    reason: str
    meaning: str
    attempts: int
    charged_usd: Dollars
    request_id: str
    """Of one of them."""


class RerateShown(BaseModel):
    """What the attempts were charged, and what they cost at the prices that now hold for their time."""

    revision: int
    """Of the settings whose prices were taken."""
    price_book: str
    attempts: int
    """All that were found, those left out among them."""
    unchanged: int
    corrections: int
    before_usd: Dollars
    """What the rated attempts have been charged until now, corrections included; those left out are not in it."""
    after_usd: Dollars
    difference_usd: Dollars
    """After less before: exactly the sum of the corrections."""
    models: list[ModelDifference]
    """Largest difference first."""
    largest: list[DifferenceShown]
    left_out: list[LeftOutShown]
    token: str | None
    """Stands for exactly these corrections; null where there are none."""


class AppliedShown(RerateShown):
    """What has been booked."""

    booked: int
    """Corrections that are in the ledger now, by this call."""


class Plan(msgspec.Struct, kw_only=True):
    """A re-rate, worked out."""

    revision: int
    price_book: str
    attempts: int = 0
    unchanged: int = 0
    before: int = 0
    after: int = 0
    changed: list[Rated] = []
    kept: Counter[str] = msgspec.field(default_factory=Counter[str])
    kept_amount: Counter[str] = msgspec.field(default_factory=Counter[str])
    examples: dict[str, str] = {}

    def add(self, found: Rated | Kept) -> None:
        self.attempts += 1
        if isinstance(found, Kept):
            self.kept[found.reason] += 1
            self.kept_amount[found.reason] += found.before
            self.examples.setdefault(found.reason, found.request_id)
            return
        self.before += found.before
        self.after += found.after
        if found.correction is None:
            self.unchanged += 1
        else:
            self.changed.append(found)

    def corrections(self) -> list[LedgerEntry]:
        return [rated.correction for rated in self.changed if rated.correction is not None]

    def token(self) -> str | None:
        """A digest over each correction: which one it is, of how much, at which price."""
        made = sorted(f"{e.id} {e.charge.amount} {e.charge.price_id}" for e in self.corrections())
        return hashlib.sha256("\n".join(made).encode()).hexdigest()[:32] if made else None


async def entries_of(records: Records, where: Filter) -> AsyncIterator[LedgerEntry]:
    """Ledger entries, newest first, page by page."""
    cursor: str | None = None
    while True:
        page = await records.entries(where, limit=READ_AT_ONCE, cursor=cursor)
        for number, entry in enumerate(cast("list[LedgerEntry]", page.items)):
            if number % RATED_AT_ONCE == 0:
                await asyncio.sleep(0)
            yield entry
        cursor = page.next
        if cursor is None:
            return


async def attempts(records: Records, where: Filter) -> AsyncIterator[list[LedgerEntry]]:
    """The entries of one attempt after the other, each in the order in which they were booked; credits are none.

    All entries of an attempt have the instant of its admission, so they lie side by side.
    """
    gathered: dict[tuple[str, int], list[LedgerEntry]] = {}
    at: int | None = None
    async for entry in entries_of(records, where):
        if entry.occurred_at != at:
            for found in gathered.values():
                yield found[::-1]
            gathered, at = {}, entry.occurred_at
        if entry.kind != "credit":
            gathered.setdefault((entry.request_id, entry.attempt), []).append(entry)
    for found in gathered.values():
        yield found[::-1]


async def plan(runtime: Runtime, body: RerateBody) -> Plan:
    """What applying would book, at the prices of now. Raises Problem for a question that cannot be answered."""
    where = body.where.filter()
    if where.since is None:
        raise Problem(400, "body_invalid", 'where.since: say from when on, for example "2026-07-01T00:00:00Z".')
    snapshot, now = runtime.snapshot, runtime.clock.now()
    # What is settled counts at once; the rows follow within a moment, and are waited for here.
    await runtime.store.ledger.flush()
    made = Plan(revision=snapshot.revision, price_book=snapshot.book.version)
    async for entries in attempts(runtime.store.records, where):
        made.add(rerate(entries, snapshot, now=now, unknown_tier=body.unknown_tier))
        if len(made.changed) > MOST:
            raise Problem(
                400,
                "body_invalid",
                f"where: more than {MOST:,} attempts would be corrected; narrow it down with since and until, "
                "and go from one stretch of time to the next.",
            )
    assert made.after - made.before == sum(entry.charge.amount for entry in made.corrections())
    return made


async def book(runtime: Runtime, corrections: list[LedgerEntry]) -> int:
    """Books corrections, a few at a time; returns how many were not there already. Durable once it returns."""
    booked = 0
    ledger = runtime.store.ledger
    for start in range(0, len(corrections), BOOKED_AT_ONCE):
        booked += sum(ledger.settle(entry) for entry in corrections[start : start + BOOKED_AT_ONCE])
        await ledger.flush()
        await asyncio.sleep(0)
    return booked


def rerate_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["prices"], dependencies=[Depends(no_parameters)])
    applying = asyncio.Lock()

    async def preview(body: RerateBody) -> RerateShown:
        """What past attempts cost at the prices of now. Nothing is booked; the token is for applying."""
        return rerate_shown(await plan(runtime, body))

    async def apply(body: ApplyBody, by: Actor) -> AppliedShown:
        """Books the corrections of a preview: exactly those, or, where they would be others by now, none."""
        async with applying:
            made = await plan(runtime, body)
            if made.token() != body.token:
                raise Problem(409, "rerate_changed", _changed(len(made.changed)))
            shown = rerate_shown(made)
            booked = await book(runtime, made.corrections())
            asked = body.where.model_dump(mode="json", exclude_none=True)
            after = {"where": asked, "corrections": booked, "difference_usd": shown.difference_usd}
            await audited(runtime, "ledger.rerated", "ledger", by=by, after=after)
        return AppliedShown(**shown.model_dump(), booked=booked)

    router.post("/prices/rerate")(preview)
    router.post("/prices/rerate/apply")(apply)
    return router


def _changed(corrections: int) -> str:
    if not corrections:
        return (
            "There is nothing left to correct; perhaps these corrections have been booked already. Nothing was booked."
        )
    return (
        f"The token stands for other corrections than the {corrections:,} that there would be now: prices or entries are "
        "others. Nothing was booked; look at the preview again."
    )


def rerate_shown(made: Plan) -> RerateShown:
    by_size = sorted(made.changed, key=lambda rated: (-abs(rated.after - rated.before), rated.original.id))
    models: dict[tuple[str, str], list[int]] = {}
    for rated in made.changed:
        context = rated.original.context
        sums = models.setdefault((context.provider, context.model), [0, 0, 0])
        for place, amount in enumerate((1, rated.before, rated.after)):
            sums[place] += amount
    return RerateShown(
        revision=made.revision,
        price_book=made.price_book,
        attempts=made.attempts,
        unchanged=made.unchanged,
        corrections=len(made.changed),
        before_usd=dollars(made.before),
        after_usd=dollars(made.after),
        difference_usd=dollars(made.after - made.before),
        models=[
            ModelDifference(
                provider=provider,
                model=model,
                corrections=count,
                before_usd=dollars(before),
                after_usd=dollars(after),
                difference_usd=dollars(after - before),
            )
            for (provider, model), (count, before, after) in sorted(
                models.items(), key=lambda item: (-abs(item[1][2] - item[1][1]), item[0])
            )
        ],
        largest=[_difference(rated) for rated in by_size[:SHOWN]],
        left_out=[
            LeftOutShown(
                reason=reason,
                meaning=LEFT_OUT[reason],
                attempts=count,
                charged_usd=dollars(made.kept_amount[reason]),
                request_id=made.examples[reason],
            )
            for reason, count in made.kept.most_common()
        ],
        token=made.token(),
    )


def _difference(rated: Rated) -> DifferenceShown:
    entry = rated.original
    return DifferenceShown(
        request_id=entry.request_id,
        attempt=entry.attempt,
        occurred_at=iso(entry.occurred_at),
        provider=entry.context.provider,
        model=entry.context.model,
        accounts=[account for account, _ in entry.legs],
        before_usd=dollars(rated.before),
        after_usd=dollars(rated.after),
        difference_usd=dollars(rated.after - rated.before),
        price_before=entry.charge.price_id or None,
        price_after=rated.correction.charge.price_id if rated.correction is not None else None,
    )

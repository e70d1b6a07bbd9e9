"""What would have happened, and what would happen: budgets against the past, or a request that is not sent.

The ledger's entries are told to budgets that are not in force, by the rules that would decide (`claims`, `holds`), in the
order in which the requests were admitted. Nothing is written. The budgets in force are told the same, to compare.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from tollway.admin.explain import ExplainAnswer, ExplainRequest, explained
from tollway.admin.past import OUTPUT, attempts, slices
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.simulated import InForceShown, ReplayShown, SuggestionsShown, replay_shown, suggestions_shown
from tollway.admin.where import milliseconds, no_parameters
from tollway.admin.written import Fields
from tollway.budgets.budget import Budget
from tollway.budgets.holds import Claim, claims
from tollway.budgets.index import Index
from tollway.budgets.replay import Past, Replay
from tollway.budgets.suggest import Observed, days_of
from tollway.budgets.window import Calendar
from tollway.clock import instant, iso
from tollway.document.budgets import read_budgets
from tollway.document.text import parse
from tollway.document.written import Document, read_document
from tollway.errors import UsageInvalid
from tollway.exchange.selection import facts_of_entry
from tollway.identity.keys import Priority
from tollway.ledger.entry import Context
from tollway.pricing.charge import Charge, charge_report
from tollway.snapshot import Snapshot
from tollway.usage import Report

TURN_S = 0.002
"""After so long the event loop has a turn."""

REMEMBERED = 8_192
"""Callers with a model whose budgets are remembered."""

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_DAY_MS = 86_400_000
_SHORT, _LONG = 28, 92
"""Days that a suggestion looks back by itself: for windows up to a week, and for longer ones."""


class SimulateBody(BaseModel):
    """A request that is not sent; or budgets (those of the settings where none are given), and a stretch of the past."""

    model_config = ConfigDict(extra="forbid")

    request: ExplainRequest | None = Field(default=None, description="As the body of POST /api/v1/explain.")
    budgets: list[Fields] | None = Field(
        default=None,
        max_length=1_000,
        description="As `budgets` of the settings, in their place; gateways' spend_limits stay.",
    )
    since: AwareDatetime | None = Field(default=None, description="RFC 3339; by default the last calendar month, UTC.")
    until: AwareDatetime | None = Field(default=None, description="RFC 3339, exclusive; by default now, after `since`.")
    suggest: bool = Field(default=False, description="Also what limits the same past suggests for these budgets.")

    @model_validator(mode="after")
    def _one_question(self) -> "SimulateBody":
        if self.request is not None and (self.budgets is not None or self.since or self.until or self.suggest):
            raise PydanticCustomError(
                "two_questions", "request stands alone: ask about budgets and the past in a call of their own"
            )
        if self.until is not None and self.since is None:
            raise PydanticCustomError("until_alone", "until is given without since; give both, or since alone")
        return self


class SimulateAnswer(ReplayShown):
    """What budgets would have said to the requests of a stretch of time."""

    since: str
    until: str
    counted_from: str
    """What was spent from here on fills the accounts, so that windows which began before `since` are whole."""
    proposed: bool
    """False: the budgets are those in force."""
    in_force: InForceShown | None
    """The budgets in force, told the same; null where they are the ones that were asked about."""
    suggestions: list[SuggestionsShown] | None


class SuggestionQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    days: int | None = Field(
        default=None, ge=7, le=366, description=f"How far to look back; by default {_SHORT}, or {_LONG} for a month."
    )
    accounts: int = Field(default=100, ge=0, le=10_000, description="How many accounts to list.")


def simulate_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["simulate"])
    # A long past is told to one at a time: each has its accounts in memory.
    alone = asyncio.Lock()

    async def simulate(asked: SimulateBody) -> ExplainAnswer | SimulateAnswer:
        """What budgets would have said to the past, or what would happen to a request now. Nothing is written."""
        if asked.request is not None:
            return await explained(runtime, asked.request)
        snapshot, now = runtime.snapshot, runtime.clock.now()
        since, until = _stretch(asked, now)
        budgets = snapshot.budgets
        if asked.budgets is not None:
            # Up to a thousand of them, and the settings beside: the loop has requests to serve.
            budgets = await asyncio.to_thread(_proposed, asked.budgets, snapshot)
        async with alone:
            return await _simulate(runtime, snapshot, asked, budgets, since, until)

    async def suggestion(budget_id: str, query: Annotated[SuggestionQuery, Query()]) -> SuggestionsShown:
        """A limit that the past suggests for a budget, for each of its accounts."""
        snapshot, now = runtime.snapshot, runtime.clock.now()
        budget = next((one for one in snapshot.budgets if one.id == budget_id), None)
        if budget is None:
            known = ", ".join(one.id for one in snapshot.budgets[:20]) or "none"
            raise Problem(404, "budget_unknown", f'No budget with the id "{budget_id[:64]}"; there are: {known}.')
        days = query.days or (_SHORT if (days_of(budget.window) or 31) <= 7 else _LONG)
        since = now - days * _DAY_MS
        observed = Observed(budget, runtime.calendar, since, now)
        # A budget that is switched off may be asked about too.
        rules = _Rules(snapshot, [msgspec.structs.replace(budget, enabled=True)])

        def tell(context: Context, past: Past) -> None:
            _observe([observed], rules.claims(context, past.at)[0], past)

        async with alone:
            await _tell(runtime, since, now, tell)
        return suggestions_shown(observed, iso(since), iso(now), query.accounts)

    router.post("/simulate", dependencies=[Depends(no_parameters)])(simulate)
    router.get("/budgets/{budget_id}/suggestion")(suggestion)
    return router


async def _simulate(
    runtime: Runtime, snapshot: Snapshot, asked: SimulateBody, budgets: Sequence[Budget], since: int, until: int
) -> SimulateAnswer:
    calendar = runtime.calendar
    sets = [budgets] if asked.budgets is None else [budgets, snapshot.budgets]
    rules, now = _Rules(snapshot, *sets), runtime.clock.now()
    replays = [Replay(each, calendar, since) for each in sets]
    observed = [Observed(budget, calendar, since, until) for budget in budgets] if asked.suggest else []
    counted_from = min((_begin(budget, calendar, since) for each in sets for budget in each), default=since)

    def tell(context: Context, past: Past) -> None:
        claimed = rules.claims(context, past.at)
        for number, (replay, counting) in enumerate(zip(replays, claimed, strict=True)):
            replay.tell(past, counting, partial(rules.instead, number, now, context, past))
        if observed and past.at >= since:
            _observe(observed, claimed[0], past)

    await _tell(runtime, counted_from, until, tell)
    shown = replay_shown(replays[0])
    return SimulateAnswer(
        **shown.model_dump(),
        since=iso(since),
        until=iso(until),
        counted_from=iso(counted_from),
        proposed=asked.budgets is not None,
        in_force=InForceShown(**replay_shown(replays[1]).model_dump()) if len(replays) > 1 else None,
        suggestions=[suggestions_shown(one, iso(since), iso(until), 100) for one in observed]
        if asked.suggest
        else None,
    )


async def _tell(runtime: Runtime, since: int, until: int, tell: Callable[[Context, Past], None]) -> None:
    """Tells every attempt of [since, until), oldest first, leaving the loop its turns between them."""
    # What is settled counts at once; the rows follow within a moment, and are waited for here.
    await runtime.store.ledger.flush()
    began_s = time.monotonic()
    async for entries in slices(runtime.store.records, since, until):
        for context, past in attempts(entries):
            tell(context, past)
            if time.monotonic() - began_s > TURN_S:
                await asyncio.sleep(0)
                began_s = time.monotonic()


class _Rules:
    """Which budgets of several sets count what an entry tells of a request, remembered for each caller and model."""

    def __init__(self, snapshot: Snapshot, *sets: Sequence[Budget]) -> None:
        self._snapshot = snapshot
        self._sets = sets
        self._indexes: dict[str, tuple[Index, ...]] = {}
        self._names: dict[tuple[str, str, int], tuple[str, ...]] = {}
        self._known: dict[tuple[bytes, tuple[str, ...]], tuple[tuple[Claim, ...], ...]] = {}
        keys = (*snapshot.issued.all(), *snapshot.keys.values())
        self._priorities: dict[str, Priority] = {key.name: key.priority for key in keys}
        self._encode = msgspec.msgpack.Encoder().encode

    def claims(self, context: Context, at: int) -> tuple[tuple[Claim, ...], ...]:
        """For each set, the claims of a request of this context admitted at `at` (Unix milliseconds)."""
        key = self._encode(context), self._called(context, at)
        found = self._known.get(key)
        if found is None:
            found = _put(self._known, key, self._work_out(context, at))
        return found

    def instead(
        self, number: int, now: int, context: Context, past: Past, to: str
    ) -> tuple[Past, tuple[Claim, ...]] | None:
        """A request as the model `to` would have served it, with the same usage at its price `now`, and the claims of set
        `number`; `None` where its usage, or that model's price, is not known."""
        head, _, model = to.partition("/")
        snapshot = self._snapshot
        provider = snapshot.provider(head)
        if provider is None or past.usage is None:
            return None
        listed = snapshot.listed(provider, model, now)
        try:
            owed = charge_report(
                Report(usage=past.usage),
                snapshot.book,
                provider=listed.provider,
                requested_model=listed.model,
                at_ms=now,
            )
        except UsageInvalid:
            return None
        if not isinstance(owed, Charge):
            return None
        served = msgspec.structs.replace(context, provider=provider.slug, model=model)
        output = sum(line.amount for line in owed.lines if line.meter in OUTPUT)
        told = msgspec.structs.replace(
            past,
            amount=owed.amount,
            model=f"{provider.slug}/{model}",
            output_tokens=past.usage.output_tokens or 0 if output else 0,
            output_amount=output,
        )
        return told, self.claims(served, past.at)[number]

    def _called(self, context: Context, at: int) -> tuple[str, ...]:
        """The names of the model on that day: all of the facts that depends on when it was."""
        key = context.provider, context.model, at // _DAY_MS
        found = self._names.get(key)
        if found is None:
            asked = Context(gateway="", provider=context.provider, model=context.model)
            model = facts_of_entry(asked, self._snapshot, at).get("model")
            found = _put(self._names, key, model.values if model is not None else ())
        return found

    def _work_out(self, context: Context, at: int) -> tuple[tuple[Claim, ...], ...]:
        here = (None, context.gateway)
        indexes = self._indexes.get(context.gateway)
        if indexes is None:
            indexes = tuple(Index([b for b in budgets if b.enabled and b.gateway in here]) for budgets in self._sets)
            self._indexes[context.gateway] = indexes
        facts = facts_of_entry(context, self._snapshot, at)
        priority = self._priorities.get(context.key or "", "standard")
        return tuple(claims(index.candidates(facts), facts, priority) for index in indexes)


def _put(known: dict[_Key, _Value], key: _Key, value: _Value) -> _Value:
    """Remembers a value in a bounded memory; past it, it starts over."""
    if len(known) >= REMEMBERED:
        known.clear()
    known[key] = value
    return value


def _observe(observed: Sequence[Observed], claimed: Sequence[Claim], past: Past) -> None:
    by_id = {claim.budget.id: claim for claim in claimed}
    for one in observed:
        claim = by_id.get(one.budget.id)
        for account in claim.accounts if claim is not None else ():
            one.add(account, past.at, past.amount)


def _begin(budget: Budget, calendar: Calendar, since: int) -> int:
    """The oldest instant that counts against the budget at `since`; its last window too, where something is carried over."""
    if not budget.enabled:
        return since
    begins = calendar.span(budget.window, since).since
    previous = calendar.previous(budget.window, since) if budget.carry_over else None
    return begins if previous is None else previous


def _stretch(asked: SimulateBody, now: int) -> tuple[int, int]:
    since, until = milliseconds(asked.since), milliseconds(asked.until)
    if since is None:
        today = instant(now)
        until = _first(today.year, today.month)
        return _first(today.year - (today.month == 1), (today.month - 2) % 12 + 1), until
    # What is yet to come has nothing in it, and an hour from now cannot be looked at.
    until = now if until is None else min(until, now)
    if since >= until:
        raise Problem(400, "body_invalid", "since is not before until (or now), so nothing lies between them.")
    return max(0, since), until


def _first(year: int, month: int) -> int:
    found = milliseconds(datetime(year, month, 1, tzinfo=UTC))
    assert found is not None
    return found


def _proposed(written: Sequence[dict[str, Any]], snapshot: Snapshot) -> tuple[Budget, ...]:
    """The budgets that the settings would have with these in the place of theirs. Raises SettingsInvalid."""
    read = read_document({"budgets": list(written)})
    stay = parse(snapshot.document) if snapshot.document else Document()
    document = Document(budgets=read.budgets, gateways=stay.gateways)
    return read_budgets(document, snapshot.gateways, snapshot.providers)

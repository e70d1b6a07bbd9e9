"""Alerts: what was told and how it was delivered, the channels, a test of one, and snoozes."""

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tollway.admin.charge import Instant, instant_or_none
from tollway.admin.problem import Problem
from tollway.admin.runtime import Runtime
from tollway.admin.where import no_parameters
from tollway.alerts import AlertKind, Channel, Delivery, Event, Snooze, telling
from tollway.clock import instant, iso
from tollway.ids import Ids
from tollway.ledger.control import budget_of
from tollway.storage.protocol import Outbox
from tollway.workers.deliver import GIVE_UP_MS, Sender

BY = "admin api"
LONGEST_SNOOZE = timedelta(days=366)


class AlertQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=50, ge=1, le=500)
    cursor: str | None = Field(default=None, max_length=64, description="`next` of the page before.")
    budget: str | None = Field(default=None, max_length=128, description="Only alerts of this budget, by its id.")


class DeliveryShown(BaseModel):
    channel: str
    state: Literal["waiting", "arrived", "given_up"]
    attempts: int
    arrived_at: Instant | None
    next_attempt_at: Instant | None
    """Null once it has arrived or was given up."""
    error: str
    """What the last attempt met with."""


class AlertShown(BaseModel):
    """Something that somebody wanted to know, told once."""

    id: str
    """Stays the same however often it is delivered: the `webhook-id` of a webhook."""
    kind: AlertKind
    at: Instant
    title: str
    text: str
    budget: str | None
    account: str | None
    data: dict[str, str | int | None]
    """The figures: amounts as decimal strings of US dollars, instants as RFC 3339."""
    channels: list[str]
    """Where it goes; none where it was snoozed or is only kept."""
    deliveries: list[DeliveryShown]
    """How it stands at each of them."""


class AlertPage(BaseModel):
    """Newest first."""

    items: list[AlertShown]
    next: str | None
    """The cursor of the page after this one; null at the end."""


class ChannelShown(BaseModel):
    name: str
    kind: Literal["webhook", "apprise"]
    address: str
    """Without what may be a credential."""
    default: bool
    """It gets the alerts of budgets, and of rules that name no channels."""
    allow_private: bool


class RuleShown(BaseModel):
    name: str
    when: AlertKind
    budgets: list[str] | None
    """Null for all of them."""
    channels: list[str]


class ChannelList(BaseModel):
    items: list[ChannelShown]
    rules: list[RuleShown]


class TestAsked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    channel: str = Field(max_length=64, description="The name of a channel.")


class TestOutcome(BaseModel):
    id: str
    channel: str
    arrived: bool
    error: str
    """What stood in the way."""


class SnoozeAsked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    target: str = Field(min_length=1, max_length=1024, description='A budget\'s id, an account, or "*" for everything.')
    until: AwareDatetime = Field(description="RFC 3339 with a zone; one in the past ends the snooze.")
    by: str = Field(default=BY, min_length=1, max_length=128, description="Who asks.")


class SnoozeShown(BaseModel):
    target: str
    until: Instant
    by: str


class SnoozeList(BaseModel):
    items: list[SnoozeShown]


def alert_shown(event: Event, deliveries: Iterable[Delivery]) -> AlertShown:
    return AlertShown(
        id=event.id,
        kind=event.kind,
        at=iso(event.at),
        title=event.title,
        text=event.text,
        budget=event.budget,
        account=event.account,
        data=event.data,
        channels=list(event.channels),
        deliveries=[delivery_shown(each) for each in deliveries],
    )


def delivery_shown(delivery: Delivery) -> DeliveryShown:
    arrived = delivery.arrived_at is not None
    return DeliveryShown(
        channel=delivery.channel,
        state="arrived" if arrived else "given_up" if delivery.given_up else "waiting",
        attempts=delivery.attempts,
        arrived_at=instant_or_none(delivery.arrived_at),
        next_attempt_at=None if arrived or delivery.given_up else iso(delivery.due_at),
        error=delivery.error,
    )


_LATE_MS = 3_600_000
_LOOKED_AT = 500
"""Deliveries under way, those that are due first."""


async def late_channels(outbox: Outbox, now: int) -> Sequence[str]:
    """What is to be said of channels that have not taken an alert in an hour or more of trying."""
    late: defaultdict[str, list[Delivery]] = defaultdict(list)
    # Whenever the next try is due, it is on its way now.
    for each in await outbox.due(now + GIVE_UP_MS, _LOOKED_AT):
        if each.attempts > 0 and each.event.at <= now - _LATE_MS:
            late[each.channel].append(each)
    found: list[str] = []
    for channel, waiting in sorted(late.items()):
        oldest = min(waiting, key=lambda each: each.event.at)
        alerts = "an alert" if len(waiting) == 1 else f"{len(waiting)} alerts"
        found.append(
            f'Channel "{channel}" has not taken {alerts}, the oldest since {iso(oldest.event.at)[:16]}Z, tried {oldest.attempts} '
            f"times: {oldest.error or 'no answer'}. tollway alerts test {channel} says what stands in the way."
        )
    return found


def alerts_router(runtime: Runtime) -> APIRouter:
    router = APIRouter(tags=["alerts"])
    ids = Ids(os.urandom)

    async def alerts(query: Annotated[AlertQuery, Query()]) -> AlertPage:
        """What was told, newest first, and whether it has arrived."""
        found = await runtime.store.outbox.events(limit=query.limit + 1, before=query.cursor, budget=query.budget)
        page = found[: query.limit]
        of: defaultdict[str, list[Delivery]] = defaultdict(list)
        for each in await runtime.store.outbox.deliveries(*(event.id for event in page)):
            of[each.event.id].append(each)
        return AlertPage(
            items=[alert_shown(event, of[event.id]) for event in page],
            next=page[-1].id if len(found) > query.limit else None,
        )

    async def alert(alert_id: str) -> AlertShown:
        """One alert, and how its deliveries stand."""
        # "~" stands behind every character of an id, so the first below it is that id or another one.
        found = await runtime.store.outbox.events(limit=1, before=f"{alert_id}~")
        if not found or found[0].id != alert_id:
            raise Problem(404, "alert_unknown", f'No alert "{alert_id[:64]}"; GET /api/v1/alerts lists the newest.')
        return alert_shown(found[0], await runtime.store.outbox.deliveries(alert_id))

    async def channels() -> ChannelList:
        """Where alerts go, and the rules of the settings that send there."""
        snapshot = runtime.snapshot
        return ChannelList(
            items=[_channel_shown(channel) for channel in snapshot.channels.values()],
            rules=[
                RuleShown(
                    name=rule.name,
                    when=rule.when,
                    budgets=list(rule.budgets) if rule.budgets is not None else None,
                    channels=list(rule.channels),
                )
                for rule in snapshot.alert_rules
            ],
        )

    async def test_channel(asked: TestAsked) -> TestOutcome:
        """Sends a test to a channel now, and says how that went. It is not tried again."""
        channel = runtime.snapshot.channels.get(asked.channel)
        if channel is None:
            known = ", ".join(runtime.snapshot.channels) or "none"
            raise Problem(404, "channel_unknown", f'No channel "{asked.channel}" in the settings; there are: {known}.')
        now = runtime.clock.now()
        event = telling.trial(channel.name, at=now, event_id=ids.new(now))
        sender = Sender()
        try:
            outcome = await sender(channel, event, now)
        finally:
            await sender.aclose()
        # Kept for the history; it is on no channel's way any more.
        data: dict[str, str | int | None] = {
            "channel": channel.name,
            "arrived": int(outcome.arrived),
            "error": outcome.said,
        }
        await runtime.store.outbox.raise_(msgspec.structs.replace(event, channels=(), data=data))
        return TestOutcome(id=event.id, channel=channel.name, arrived=outcome.arrived, error=outcome.said)

    async def snooze(asked: SnoozeAsked) -> SnoozeShown:
        """Keeps alerts of a budget or an account without sending them, until an instant."""
        now = runtime.clock.now()
        if asked.until - instant(now) > LONGEST_SNOOZE:
            raise Problem(
                400, "body_invalid", "until: a snooze lasts a year at most; take the alert out of the settings."
            )
        known = {budget.id for budget in (*runtime.snapshot.budgets, *runtime.snapshot.buckets)}
        if asked.target != "*" and budget_of(asked.target) not in known:
            listed = ", ".join(sorted(known)[:20]) or "none"
            raise Problem(404, "budget_unknown", f'No budget for "{asked.target[:64]}"; there are: {listed}, and "*".')
        until = int((asked.until.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))
        kept = Snooze(target=asked.target, until=max(until, 0), by=asked.by)
        await runtime.store.outbox.snooze(kept)
        return _snooze_shown(kept)

    async def snoozes() -> SnoozeList:
        """Snoozes that are not over."""
        found = await runtime.store.outbox.snoozes(runtime.clock.now())
        return SnoozeList(items=[_snooze_shown(snooze) for snooze in found])

    router.get("/alerts")(alerts)
    # Before the path that takes any id.
    router.get("/alerts/channels", dependencies=[Depends(no_parameters)])(channels)
    router.get("/alerts/snoozes", dependencies=[Depends(no_parameters)])(snoozes)
    router.post("/alerts/test", dependencies=[Depends(no_parameters)])(test_channel)
    router.post("/alerts/snooze", dependencies=[Depends(no_parameters)])(snooze)
    router.get("/alerts/{alert_id}", dependencies=[Depends(no_parameters)])(alert)
    return router


def _channel_shown(channel: Channel) -> ChannelShown:
    return ChannelShown(
        name=channel.name,
        kind=channel.kind,
        address=channel.shown,
        default=channel.default,
        allow_private=channel.allow_private,
    )


def _snooze_shown(snooze: Snooze) -> SnoozeShown:
    return SnoozeShown(target=snooze.target, until=iso(snooze.until), by=snooze.by)

"""Models that requests have named, or the settings name, and that have no price: the holes in the counting."""

from collections.abc import Iterable
from typing import cast

import msgspec
from pydantic import BaseModel

from tollway.admin.charge import Dollars, Instant
from tollway.admin.rerate import READ_AT_ONCE
from tollway.admin.runtime import Records, Runtime
from tollway.admin.warnings import unpriced_models
from tollway.clock import iso
from tollway.logs.record import LogRecord
from tollway.money import dollars
from tollway.pricing.charge import charge
from tollway.snapshot import Snapshot
from tollway.storage.protocol import Filter
from tollway.usage import Usage

DAYS = 30
_DAY_MS = 86_400_000


class UnpricedModel(BaseModel):
    """A model that requests have named, without a price then or now."""

    provider: str
    model: str
    priced_now: bool
    """It has a price by now: a re-rate books what these requests cost."""
    requests: int
    """Answered, and in the ledger without an amount."""
    input_tokens: int
    output_tokens: int
    at_ceiling_usd: Dollars
    """What those tokens cost at the dearest price of the provider's list."""
    counted_at_ceiling: int
    """Answered, and charged at the ceiling already."""
    counted_usd: Dollars
    refused: int
    """Not sent, because no price is known."""


class NamedModel(BaseModel):
    """A model that the settings name and that has no price."""

    where: str
    model: str


class Unpriced(BaseModel):
    since: Instant
    items: list[UnpricedModel]
    """Dearest first."""
    settings: list[NamedModel]


class _Seen(msgspec.Struct):
    """What is known of one model's requests."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    counted: int = 0
    counted_amount: int = 0
    refused: int = 0


_Models = dict[tuple[str, str], _Seen]


async def unpriced(runtime: Runtime) -> Unpriced:
    """Of the last `DAYS` days, by model."""
    snapshot, now = runtime.snapshot, runtime.clock.now()
    since = now - DAYS * _DAY_MS
    await runtime.store.ledger.flush()
    await runtime.store.records.flush()
    seen: _Models = {}
    for hole in await runtime.store.analytics.holes(since):
        # What was charged at the dearest price is a hole for as long as the model has none of its own.
        open_ = not _has_price(snapshot, hole.provider, hole.model, now)
        if hole.provider and hole.model and (hole.requests or open_):
            seen[hole.provider, hole.model] = _Seen(
                requests=hole.requests,
                input_tokens=hole.input_tokens,
                output_tokens=hole.output_tokens,
                counted=hole.counted if open_ else 0,
                counted_amount=hole.counted_amount if open_ else 0,
            )
    await _refused(runtime.store.records, since, seen)
    found = [(_ceiling(snapshot, *name, of, now), name, of) for name, of in seen.items()]
    return Unpriced(
        since=iso(since),
        items=[
            UnpricedModel(
                provider=provider,
                model=model,
                priced_now=_has_price(snapshot, provider, model, now),
                requests=of.requests,
                input_tokens=of.input_tokens,
                output_tokens=of.output_tokens,
                at_ceiling_usd=dollars(ceiling),
                counted_at_ceiling=of.counted,
                counted_usd=dollars(of.counted_amount),
                refused=of.refused,
            )
            for ceiling, (provider, model), of in sorted(found, key=lambda each: (-each[0], each[1]))
        ],
        settings=list(_named(snapshot, now)),
    )


async def _refused(records: Records, since: int, seen: _Models) -> None:
    cursor: str | None = None
    while True:
        where = Filter(since=since, equals={"code": "price_unknown"})
        page = await records.records(where, limit=READ_AT_ONCE, cursor=cursor)
        for record in cast("list[LogRecord]", page.items):
            seen.setdefault((record.provider or "", record.request_model or ""), _Seen()).refused += 1
        cursor = page.next
        if cursor is None:
            return


def _listed(snapshot: Snapshot, provider: str, model: str, now: int) -> tuple[str, str]:
    """The names under which the price book has it."""
    configured = snapshot.provider(provider)
    if configured is None:
        return provider, model
    listed = snapshot.listed(configured, model, now)
    return listed.provider, listed.model


def _has_price(snapshot: Snapshot, provider: str, model: str, now: int) -> bool:
    return snapshot.book.price(*_listed(snapshot, provider, model, now), at_ms=now) is not None


def _ceiling(snapshot: Snapshot, provider: str, model: str, of: _Seen, now: int) -> int:
    dearest = snapshot.book.at_ceiling(_listed(snapshot, provider, model, now)[0])
    usage = Usage(input_tokens=of.input_tokens, output_tokens=of.output_tokens)
    return charge(usage, dearest).amount


def _named(snapshot: Snapshot, now: int) -> Iterable[NamedModel]:
    for budget in snapshot.budgets:
        for name in unpriced_models(budget, snapshot, now):
            yield NamedModel(where=f'budget "{budget.name}"', model=name)
    for provider in snapshot.providers.values():
        for deployment, model in provider.deployments.items():
            if not _has_price(snapshot, provider.slug, deployment, now):
                yield NamedModel(where=f'deployment "{deployment}" of provider "{provider.slug}"', model=model)
        for pattern in provider.models:
            if (
                "*" not in pattern
                and pattern not in provider.deployments
                and not _has_price(snapshot, provider.slug, pattern, now)
            ):
                yield NamedModel(where=f'models of provider "{provider.slug}"', model=pattern)

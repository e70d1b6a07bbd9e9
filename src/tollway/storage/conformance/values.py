"""What the checks are made of: small reservations, their settlements, and how to look at a store."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from tollway.ledger.entry import Context, Kind, LedgerEntry, entry_id
from tollway.ledger.reservation import Held, Hold, Reservation
from tollway.money import Money
from tollway.pricing.charge import Charge, ChargeLine
from tollway.pricing.units import UnitPrice
from tollway.storage.protocol import Filter, Store
from tollway.usage import Usage

NOW = 1_782_864_000_000
"""2026-07-01T00:00:00Z; later than the instant the store was opened at."""

SOON_S = 0.01
"""Seconds that a waiter which is to give up waits."""

LONG_S = 60.0
"""Seconds that a waiter which is to be admitted may wait."""

Check = Callable[[Store], Awaitable[None]]
"""Raises AssertionError where the store, fresh and opened, is wrong."""

CONTEXT = Context(
    gateway="default",
    provider="openai",
    model="gpt-5",
    user="alice",
    groups=("ml", "eng"),
    metadata={"team": "ml"},
    declared=("team",),
)


def hold(account: str = "a", amount: int = 10, limit: int = 100, **fields: Any) -> Hold:
    """A hold in the window that starts at NOW, unless `fields` say otherwise."""
    return msgspec.structs.replace(Hold(account, NOW, NOW, amount, limit), **fields)


def metered(account: str = "a", amount: int = 10, limit: int = 100, **fields: Any) -> Hold:
    """A hold that follows its answer."""
    return hold(account, amount, limit, metered=True, **fields)


def reservation(
    request_id: str,
    *holds: Hold,
    attempt: int = 1,
    deadline: int = NOW + 60_000,
    likely: int = 0,
    priority: int = 0,
) -> Reservation:
    """A reservation of these holds; what is presumed spent is the largest of them."""
    return Reservation(
        id=f"{request_id}.{attempt}",
        request_id=request_id,
        attempt=attempt,
        holds=holds,
        opened_at=NOW,
        deadline=deadline,
        bound=max((each.amount for each in holds), default=7),
        context=msgspec.msgpack.encode(CONTEXT),
        likely=likely,
        priority=priority,
    )


def entry(of: Reservation, amount: int, kind: Kind = "charge", number: int = 0) -> LedgerEntry:
    """The settlement of a reservation."""
    money = Money(amount)
    return LedgerEntry(
        id=entry_id(of.request_id, of.attempt, kind, number),
        reservation_id=of.id,
        request_id=of.request_id,
        attempt=of.attempt,
        kind=kind,
        charge=Charge(money, (ChargeLine("input", 1, UnitPrice(money, 1), money),), "p1", "metered"),
        legs=tuple((each.account, each.bucket) for each in of.holds),
        context=CONTEXT,
        response_model="gpt-5-2025",
        usage=Usage(input_tokens=11, output_tokens=5),
        occurred_at=of.opened_at,
        recorded_at=NOW + 5,
    )


async def assert_sound(store: Store) -> None:
    """Every counter is what the ledger says."""
    words = await store.ledger.verify()
    assert not words, words


def at(store: Store, account: str = "a", **fields: Any) -> tuple[int, int]:
    """(spent, held) of an account."""
    (balance,) = store.ledger.balances([hold(account, **fields)])
    return balance.spent, balance.held


async def written(store: Store) -> list[LedgerEntry]:
    """Every entry, newest first."""
    await store.ledger.flush()
    page = await store.records.entries(Filter(), limit=1_000, cursor=None)
    return [item for item in page.items if isinstance(item, LedgerEntry)]


def opening(identity: str, amount: int, account: str = "a", bucket: int = NOW) -> LedgerEntry:
    """What an account takes over of entries before it."""
    taken = entry(reservation(identity), amount, "opening")
    return msgspec.structs.replace(taken, legs=((account, bucket),), reservation_id=f"opening.{identity}")


def shown_limit(store: Store, account: str = "a", **fields: Any) -> int:
    """The limit that a balance of the account tells, which is the one in force."""
    asked = hold(account, **fields)
    (balance,) = store.ledger.balances([asked])
    assert balance.limit == store.ledger.limit(asked)
    return balance.limit


async def held(
    store: Store, request_id: str, *holds: Hold, wait_s: float = 0.0, likely: int = 0, priority: int = 0
) -> Reservation:
    """A reservation that the store has accepted."""
    made = reservation(request_id, *holds, likely=likely, priority=priority)
    verdict = await store.ledger.reserve(made, NOW, wait_s)
    assert isinstance(verdict, Held), verdict
    return made

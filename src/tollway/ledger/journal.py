"""Folding entries into balances: the one place that says what an account has spent.

Balances and counters are caches of this fold. A counter that differs from it is wrong, and `drift` says where. Here
too are the two entries that the ledger writes of its own accord: what is presumed, and what amends a presumption.
"""

from collections.abc import Iterable, Mapping

import msgspec

from tollway.ledger.entry import Context, LedgerEntry, entry_id
from tollway.ledger.reservation import Reservation
from tollway.ledger.reservation import wanted as wanted_by
from tollway.money import Money, display
from tollway.pricing.charge import Charge, presumed

Place = tuple[str, int]
"""An account and the bucket (Unix milliseconds) in which an amount is booked."""

UNKNOWN = Context(gateway="", provider="", model="")
"""Who asked, when a reservation does not say."""

_read_context = msgspec.msgpack.Decoder(Context).decode


def fold(entries: Iterable[LedgerEntry]) -> dict[Place, int]:
    """Nanodollars spent on each account and bucket: the sum of every entry that counts against it, whatever its kind."""
    spent: dict[Place, int] = {}
    for entry in entries:
        amount = entry.charge.amount
        for place in entry.legs:
            spent[place] = spent.get(place, 0) + amount
    return spent


def held(reservations: Iterable[Reservation]) -> dict[Place, int]:
    """Nanodollars held on each account and bucket by reservations that are still open."""
    amounts: dict[Place, int] = {}
    for reservation in reservations:
        for hold in reservation.holds:
            place = (hold.account, hold.bucket)
            amounts[place] = amounts.get(place, 0) + hold.amount
    return amounts


def wanted(reservations: Iterable[Reservation]) -> dict[Place, int]:
    """Nanodollars that open reservations are likely to need on each account and bucket beyond what they hold."""
    amounts: dict[Place, int] = {}
    for reservation in reservations:
        for hold in reservation.holds:
            amount = wanted_by(hold, reservation.likely)
            if amount:
                place = (hold.account, hold.bucket)
                amounts[place] = amounts.get(place, 0) + amount
    return amounts


def drift(what: str, counted: Mapping[Place, int], true: Mapping[Place, int]) -> list[str]:
    """Where counters differ from the truth, in words; a place that one side lacks counts as nothing there.

    `what` names the column: "spent", "held" or "wanted".
    """
    return [
        f'Account "{account}", bucket {bucket}: {what} is counted as {_amount(counted.get((account, bucket), 0))}, '
        f"but the ledger says {_amount(true.get((account, bucket), 0))}."
        for account, bucket in sorted(counted.keys() | true.keys())
        if counted.get((account, bucket), 0) != true.get((account, bucket), 0)
    ]


def presumption(reservation: Reservation, now: int) -> LedgerEntry:
    """The entry for a reservation whose end nobody knows: its bound counts as spent on every leg.

    spec ledger 2.2: a lapsed reservation that may have been sent is spent, never given back. A metered answer is cut
    where it can be held for no longer, so its metered holds bound its cost, whatever others hold for the worst case.
    """
    bounding = [hold.amount for hold in reservation.holds if hold.metered] or [
        hold.amount for hold in reservation.holds
    ]
    amount = max(reservation.bound, max(bounding, default=0))
    return LedgerEntry(
        id=entry_id(reservation.request_id, reservation.attempt, "presumed"),
        reservation_id=reservation.id,
        request_id=reservation.request_id,
        attempt=reservation.attempt,
        kind="presumed",
        charge=presumed(Money(amount)),
        legs=tuple((hold.account, hold.bucket) for hold in reservation.holds),
        context=context(reservation.context),
        occurred_at=reservation.opened_at,
        recorded_at=now,
    )


def correction(late: LedgerEntry, presumption: int, number: int = 0) -> LedgerEntry:
    """The entry that amends a presumption of so many nanodollars, when `late` tells the true charge after all.

    Its lines are those of the true charge and one that takes the presumption back, so they add up to its amount.
    `number` keeps its id apart from earlier corrections of the same attempt.
    """
    true = late.charge
    return msgspec.structs.replace(
        late,
        id=entry_id(late.request_id, late.attempt, "correction", number),
        kind="correction",
        charge=Charge(
            amount=Money(true.amount - presumption),
            lines=(*true.lines, *presumed(Money(-presumption)).lines),
            price_id=true.price_id,
            basis=true.basis,
        ),
    )


def context(encoded: bytes) -> Context:
    """The context of a reservation; an unreadable one is `UNKNOWN`, for money is booked even where nobody knows whose."""
    try:
        return _read_context(encoded)
    except msgspec.DecodeError:
        return UNKNOWN


def _amount(nanodollars: int) -> str:
    return f"{display(nanodollars)} ({nanodollars} nanodollars)"

"""A reservation: the holds one attempt places on every budget it counts against, and the states it may pass through.

    HELD ──settle──▶ SETTLED      the true charge is in the ledger
     ├────release──▶ RELEASED     provably nothing was billed: every hold is given back
     └────lapse────▶ PRESUMED     sent, and nobody knows the end: the hold counts as spent
                        └─settle─▶ SETTLED   late evidence: a correction of (charge - hold)

A reservation ends once. Ending it again with the same outcome changes nothing.
"""

from typing import Literal

import msgspec

State = Literal["held", "settled", "released", "presumed"]

# from → the states it may move to; what is not listed does not happen.
MOVES: dict[State, frozenset[State]] = {
    "held": frozenset({"settled", "released", "presumed"}),
    "presumed": frozenset({"settled"}),
    "settled": frozenset(),
    "released": frozenset(),
}


class Hold(msgspec.Struct, frozen=True, array_like=True):
    """One leg of a reservation: an amount on one account of one budget.

    A fixed window has one bucket, so `bucket == since`. A rolling one has many; what counts is every bucket from
    `since` on. All instants are Unix milliseconds.
    """

    account: str
    """The budget and, where it is split, the values it is split by."""
    bucket: int
    """Where the amount is booked: the start of the bucket in which the request was admitted."""
    since: int
    """The start of the oldest bucket that counts against the limit."""
    amount: int
    """Nanodollars held: the bound of the cost, or 0 where only recorded spend is checked."""
    limit: int
    """Nanodollars that may be spent in the window."""
    enforced: bool = True
    """`False`: the verdict is recorded and never refuses."""
    spent_only: bool = False
    """Guarantee `settled`: refuse once what is spent reaches the limit, whatever is held."""
    until: int | None = None
    """The window's end; `None` for one that never ends or that rolls."""


class Reservation(msgspec.Struct, frozen=True, array_like=True):
    """The holds of one attempt, all placed or none."""

    id: str
    """`{request_id}.{attempt}`: reserving it twice is reserving it once."""
    request_id: str
    attempt: int
    holds: tuple[Hold, ...]
    opened_at: int
    """Unix milliseconds."""
    deadline: int
    """Unix milliseconds after which nobody is believed to be working on it."""
    bound: int
    """Nanodollars presumed spent on every leg if its end is never known, those of `spent_only` holds of 0 included."""
    context: bytes = b""
    """What a presumed entry needs to be told from the reservation alone (msgpack of `ledger.entry.Context`)."""


class Balance(msgspec.Struct, frozen=True, array_like=True):
    """An account in one window, at one moment. `available` may be negative: settlement never refuses the truth."""

    account: str
    spent: int
    held: int
    limit: int

    @property
    def available(self) -> int:
        return self.limit - self.spent - self.held


class Held(msgspec.Struct, frozen=True, array_like=True):
    """The reservation stands, durably. `balances` are those of its holds, in their order, with this hold in them."""

    balances: tuple[Balance, ...]
    would_refuse: tuple[int, ...] = ()
    """Indexes of monitored holds that an enforced budget would have refused."""


class Exhausted(msgspec.Struct, frozen=True, array_like=True):
    """Nothing was held: the hold at `index` did not fit."""

    index: int
    balance: Balance
    contended: bool
    """The money is held by others, not spent: it may come back."""


class Gone(msgspec.Struct, frozen=True, array_like=True):
    """The reservation had already ended when it was asked for again; nothing was held."""

    state: State


def fits(hold: Hold, spent: int, held: int) -> bool:
    """Whether `hold` may be placed on an account with `spent` and `held` nanodollars in its window.

    A hold of nothing on a bounded budget always fits: a free request passes a spent budget.
    """
    if hold.spent_only:
        return spent < hold.limit
    return hold.amount == 0 or spent + held + hold.amount <= hold.limit


def contended(hold: Hold, spent: int) -> bool:
    """Whether `hold` would fit if every other hold were given back."""
    return not hold.spent_only and spent + hold.amount <= hold.limit

"""A reservation: the holds one attempt places on every budget it counts against, and the states it may pass through.

    HELD ──settle──▶ SETTLED      the true charge is in the ledger
     ├────release──▶ RELEASED     provably nothing was billed: every hold is given back
     └────lapse────▶ PRESUMED     sent, and nobody knows the end: the hold counts as spent
                        └─settle─▶ SETTLED   late evidence: a correction of (charge - hold)

A reservation ends once. Ending it again with the same outcome changes nothing.
"""

from typing import Literal, final

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
    metered: bool = False
    """Its amount follows the answer as it is made: `Ledger.extend` and `Ledger.shrink` change it."""
    share: int = 100
    """Percent of the limit that this request may use: less than 100 where an action of the budget stops it earlier."""
    carry: int = 0
    """Nanodollars of the limit of the window before that are added to this one's, at most, where they were not spent."""
    previous: int | None = None
    """The start of the window before, where something of it may be carried over."""


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
    likely: int = 0
    """Nanodollars a metered answer is likely to come to: what it does not hold yet is not given to newcomers."""
    priority: int = 0
    """Whoever has more waits before those with less."""
    lenient: bool = False
    """While the store cannot be written it may stand in memory alone: every budget that counts it says so."""


class Balance(msgspec.Struct, frozen=True, array_like=True):
    """An account in one window, at one moment. `available` may be negative: settlement never refuses the truth."""

    account: str
    spent: int
    held: int
    limit: int

    @property
    def available(self) -> int:
        return self.limit - self.spent - self.held


@final
class Held(msgspec.Struct, frozen=True, array_like=True):
    """The reservation stands, durably unless it is `unwritten`. `balances` are those of its holds, in their order, with this
    hold in them."""

    balances: tuple[Balance, ...]
    would_refuse: tuple[int, ...] = ()
    """Indexes of monitored holds that an enforced budget would have refused."""
    unwritten: bool = False
    """It stands in memory alone: the store cannot be written now."""
    waited_us: int = 0
    """Microseconds in line for money that others held."""


@final
class Exhausted(msgspec.Struct, frozen=True, array_like=True):
    """Nothing was held: the hold at `index` did not fit."""

    index: int
    balance: Balance
    contended: bool
    """The money is held by others, not spent: it may come back."""
    frozen: bool = False
    """The account was frozen by hand; neither money nor time helps."""
    reason: str = ""
    """Why it was frozen, in the words of whoever did it."""
    by: str = ""
    """Who froze it."""
    waited_us: int = 0
    """Microseconds in line for money that others held."""


@final
class Gone(msgspec.Struct, frozen=True, array_like=True):
    """The reservation had already ended when it was asked for again; nothing was held."""

    state: State


def fits(hold: Hold, spent: int, held: int, limit: int | None = None) -> bool:
    """Whether `hold` may be placed on an account with `spent` and `held` nanodollars in its window.

    `limit` is the one in force (nanodollars); `None` for the hold's own. A hold of nothing on a bounded budget always
    fits: a free request passes a spent budget.
    """
    if limit is None:
        limit = hold.limit
    if hold.spent_only:
        return spent < limit
    return hold.amount == 0 or spent + held + hold.amount <= limit


def contended(hold: Hold, spent: int, limit: int | None = None) -> bool:
    """Whether `hold` would fit if every other hold were given back; `limit` as for `fits`."""
    return not hold.spent_only and spent + hold.amount <= (hold.limit if limit is None else limit)


def wanted(hold: Hold, likely: int) -> int:
    """Nanodollars that a metered hold will probably be raised by, of an answer that is `likely` to come to so many."""
    return likely - hold.amount if hold.metered and likely > hold.amount else 0


def metered(reservation: Reservation) -> int:
    """Nanodollars of the largest metered hold; 0 where there is none."""
    return max((hold.amount for hold in reservation.holds if hold.metered), default=0)


def resized(reservation: Reservation, amount: int) -> Reservation:
    """The same reservation with its metered holds, and what is presumed of it, at `amount` nanodollars.

    More than the largest of them raises all; less lowers those that are larger. Itself where that changes nothing.
    """
    holds = reservation.holds
    largest = metered(reservation)
    amount = max(0, amount)
    if amount == largest or not any(hold.metered for hold in holds):
        return reservation
    return msgspec.structs.replace(
        reservation,
        holds=tuple(
            msgspec.structs.replace(hold, amount=amount)
            if hold.metered and (amount > largest or amount < hold.amount)
            else hold
            for hold in holds
        ),
        bound=amount,
    )

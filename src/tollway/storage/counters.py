"""What is spent and held on every account, now: the counters of one process, in memory.

Pure and synchronous, so every step is atomic on an event loop: two callers never both get the last dollar. A counter
is a cache. The truth is the ledger's entries and the open reservations (`ledger.journal`), from which it is rebuilt.

    place    checks every hold and places all or none          spent + held never passes a limit here
    extend   raises the metered holds, all or none              nor here; answers under way come before new ones
    shrink   lowers them
    settle   gives the holds back and books the true amount     never refuses for lack of money
    release  gives the holds back
    presume  books the bound of a reservation that lapsed       spent + held stays what it was, or falls

A new reservation also leaves alone what metered answers under way are likely to need (`wanted`). Reservations that ended
are remembered, so that ending one twice changes nothing. What has been forgotten is asked of `Past`, which the store
answers from its unique keys. `books.py` has the accounts.
"""

from collections.abc import Callable, Collection, Iterable, Sequence

import msgspec

from tollway.ledger import journal
from tollway.ledger.entry import LedgerEntry
from tollway.ledger.reservation import (
    Balance,
    Exhausted,
    Gone,
    Held,
    Hold,
    Reservation,
    contended,
    fits,
    metered,
    resized,
    wanted,
)
from tollway.money import MOST_IN_ALL, display
from tollway.storage.account import Account
from tollway.storage.books import Books, Copy, Ended, Past, Renew

SETTLED = Ended("settled")
RELEASED = Ended("released")


class Counters(Books):
    """Accounts, open reservations, and the ends that are remembered."""

    __slots__ = ("_ended", "_ended_before", "forgot_at", "open", "renew")

    def __init__(self, past: Past) -> None:
        super().__init__(past)
        self._ended: dict[str, Ended] = {}
        self._ended_before: dict[str, Ended] = {}
        self.forgot_at = 0
        """Unix milliseconds: what was opened later has its end in memory, if it has one."""
        self.open: dict[str, Reservation] = {}
        """The reservations now held, by id."""
        self.renew: Renew = lambda reservation: reservation.holds
        """By which limits a reservation that was made some time ago is judged now."""

    def standing(self, reservation: Reservation) -> Held | Gone | None:
        """The answer for a reservation that is known already: it is held, or it has ended. `None` for a new one."""
        if reservation.id in self.open:
            return self._standing(self.open[reservation.id])
        ended = self._ended.get(reservation.id) or self._ended_before.get(reservation.id)
        return None if ended is None else Gone(ended.state)

    def _standing(self, reservation: Reservation) -> Held:
        """What is held, and which budgets that only watch would have refused it."""
        balances = self.balances(reservation.holds)
        watched = zip(reservation.holds, balances, strict=True)
        would_refuse = (
            index
            for index, (hold, balance) in enumerate(watched)
            if not hold.enforced and not fits(hold, balance.spent, balance.held - hold.amount, balance.limit)
        )
        return Held(balances, tuple(would_refuse))

    def place(self, reservation: Reservation) -> Held | Exhausted:
        """Places every hold of a new reservation, or none.

        A refusal names the first enforced hold that is spent out, else the first that is contended: nobody waits for
        one budget while another cannot be met at all.
        """
        accounts = self._accounts
        controlled = self.limits.in_force
        balances: list[Balance] = []
        would_refuse: tuple[int, ...] = ()
        for hold in reservation.holds:
            try:
                account = accounts[hold.account]
            except KeyError:
                account = accounts[hold.account] = Account(hold.since)
            if account.since != hold.since:
                self._look(hold.account, account, hold.since)
            amount = hold.amount
            limit = hold.limit
            if controlled or hold.share != 100 or hold.carry:
                limit = self.limit(hold)
                if controlled and self._frozen(hold):
                    index = len(balances)
                    self._give_back(reservation.holds[:index])
                    return self.refusal(reservation) or self._refused(index, hold, account)
            spent = account.spent
            held = account.held
            # The first half is true of almost every hold, and spares the call.
            if (spent + held + account.wanted + amount > limit or hold.spent_only) and not fits(
                hold, spent, held + account.wanted, limit
            ):
                index = len(balances)
                # Where nothing is enforced, no sum is let grow beyond all measure all the same.
                if hold.enforced or spent + held <= MOST_IN_ALL < spent + held + amount:
                    self._give_back(reservation.holds[:index])
                    return self.refusal(reservation) or self._refused(index, hold, account)
                would_refuse = (*would_refuse, index)
            bucket = account.last
            if bucket.start != hold.bucket:
                bucket = account.bucket(hold.bucket)
            bucket.held += amount
            account.held = held = held + amount
            balances.append(Balance(hold.account, spent, held, limit))
        if reservation.likely:
            for hold in reservation.holds:
                self._adjust(hold, 0, wanted(hold, reservation.likely))
        self.open[reservation.id] = reservation
        self.pledged += reservation.bound
        return Held(tuple(balances), would_refuse)

    def no_room(self, reservation: Reservation) -> str | None:
        """Why the ledger takes on no such reservation, whatever budgets say; `None` where it does. What it has beyond all measure
        already, from before, does not keep others from what costs a cent."""
        there, bound = self.booked + self.pledged, reservation.bound
        if bound <= MOST_IN_ALL and not there <= MOST_IN_ALL < there + bound:
            return None
        return (
            f"The ledger takes on no more than {display(MOST_IN_ALL)} in all: {display(self.booked)} was charged, "
            f"{display(self.pledged)} is held, and this request may cost {display(bound)}."
        )

    def refusal(self, reservation: Reservation) -> Exhausted | None:
        """What `place` would refuse with, without placing anything; `None` if it would place."""
        if self.limits.in_force:
            for index, hold in enumerate(reservation.holds):
                if self._frozen(hold):
                    return self._refused(index, hold, self._view(hold))
        first: Exhausted | None = None
        for index, hold in enumerate(reservation.holds):
            account = self._view(hold)
            if not hold.enforced or fits(hold, account.spent, account.held + account.wanted, self.limit(hold)):
                continue
            refused = self._refused(index, hold, account)
            if not refused.contended:
                return refused
            first = first or refused
        return first

    def extend(self, reservation: Reservation, amount: int) -> Held | Exhausted:
        """Raises every metered hold of an open reservation to `amount` nanodollars, or none; less than is held changes
        nothing. What others are likely to need does not count, and the first refusal is named as `place` names it.

        No enforced hold is raised past the limit in force now, whatever it was when the reservation was made, and not
        even where credits would pay for it. What the next window took over of one that is over counts as held by others.
        """
        if not amount:
            return self._asked_again(reservation)
        raised = resized(reservation, max(amount, metered(reservation)))
        in_force = reservation.holds if raised is reservation else self.renew(reservation)
        balances: list[Balance] = []
        would_refuse: tuple[int, ...] = ()
        more_on: dict[str, int] = {}
        first: Exhausted | None = None
        for index, (hold, larger, now) in enumerate(zip(reservation.holds, raised.holds, in_force, strict=True)):
            spent, held = self._counted(hold)
            limit = self.limit(now)
            if self.limits.in_force and self._frozen(larger):
                return self._refused_by_freeze(index, Balance(hold.account, spent, held, limit))
            more = larger.amount - hold.amount
            held += more_on.get(hold.account, 0)
            if more and (spent + held + more > limit or larger.amount > limit):
                if now.enforced:
                    free = limit + self._lent(now)
                    refused = Exhausted(
                        index,
                        Balance(hold.account, spent, held, limit),
                        larger.amount <= free and contended(larger, spent, free),
                    )
                    first = refused if first is None or (first.contended and not refused.contended) else first
                else:
                    would_refuse = (*would_refuse, index)
            more_on[hold.account] = more_on.get(hold.account, 0) + more
            balances.append(Balance(hold.account, spent, held + more, limit))
        if first is not None:
            return first
        self._exchange(reservation, raised)
        return Held(tuple(balances), would_refuse)

    def _asked_again(self, reservation: Reservation) -> Held | Exhausted:
        """What became of an open reservation if it were to be placed now, by the limits of now; nothing changes."""
        balances: list[Balance] = []
        first: Exhausted | None = None
        for index, (hold, now) in enumerate(zip(reservation.holds, self.renew(reservation), strict=True)):
            spent, held = self._counted(hold)
            limit = self.limit(now)
            if self.limits.in_force and self._frozen(hold):
                return self._refused_by_freeze(index, Balance(hold.account, spent, held, limit))
            if now.enforced and first is None and not fits(now, spent, held - hold.amount, limit):
                others = Balance(hold.account, spent, held - hold.amount, limit)
                first = Exhausted(index, others, contended(now, spent, limit))
            balances.append(Balance(hold.account, spent, held, limit))
        return first or Held(tuple(balances))

    def renewed(self, reservation: Reservation) -> Reservation:
        """A reservation that is not placed yet, as it is judged now."""
        return msgspec.structs.replace(reservation, holds=tuple(self.renew(reservation)))

    def shrink(self, reservation: Reservation, amount: int) -> bool:
        """Lowers every metered hold of an open reservation to `amount` nanodollars; whether any was larger."""
        lowered = resized(reservation, min(amount, metered(reservation)))
        self._exchange(reservation, lowered)
        return lowered is not reservation

    def revert(self, raised: Reservation, before: Reservation) -> None:
        """Takes back an extension that could not be made durable, unless the reservation has changed or ended since."""
        if self.open.get(raised.id) is raised:
            self._exchange(raised, before)

    def gone(self, reservation_id: str) -> Gone:
        """The answer for a reservation that is not open; one never heard of holds as little as one that was released."""
        return Gone((self._end(reservation_id) or RELEASED).state)

    def undo(self, reservation: Reservation) -> None:
        """Forgets a reservation whose intent could not be made durable; the same id may be reserved again."""
        standing = self.open.pop(reservation.id, None)
        if standing is not None:
            self.pledged -= standing.bound
            self._give_back(standing.holds, standing.likely)

    def settle(self, entry: LedgerEntry) -> LedgerEntry | None:
        """Books an entry, and returns the one to write: itself, or a correction where the reservation had been
        presumed. `None` when it was there already.

        A correction, a credit or an opening ends nothing: it is booked once, by its id.
        """
        if entry.kind in ("correction", "credit", "opening"):
            return self._amend(entry)
        reservation = self.open.pop(entry.reservation_id, None)
        if reservation is None:
            return self._settle_late(entry)
        amount = entry.charge.amount
        self._ended[entry.reservation_id] = Ended("presumed", amount) if entry.kind == "presumed" else SETTLED
        self.pledged -= reservation.bound
        self.booked += amount
        self._give_back(reservation.holds, reservation.likely)
        self.book(entry.legs, amount)
        return entry

    def release(self, reservation_id: str) -> Sequence[Hold] | None:
        """Gives every hold back and returns them; `None` when the reservation had already ended.

        A reservation never heard of is remembered as released: a release may overtake its reserve (spec ledger 2.2).
        """
        reservation = self.open.pop(reservation_id, None)
        if reservation is None and self._end(reservation_id) is not None:
            return None
        self._ended[reservation_id] = RELEASED
        if reservation is None:
            return ()
        self.pledged -= reservation.bound
        self._give_back(reservation.holds, reservation.likely)
        return reservation.holds

    def presume(self, reservation: Reservation, now: int) -> LedgerEntry:
        """Ends an open reservation as spent to its bound; returns the entry to write."""
        entry = journal.presumption(reservation, now)
        booked = self.settle(entry)
        assert booked is entry, f"{reservation.id} was not open"
        return entry

    def lapsed(self, now: int, busy: Collection[str] = ()) -> list[Reservation]:
        """Open reservations whose deadline is over, but for those in `busy`."""
        return [each for each in self.open.values() if each.deadline <= now and each.id not in busy]

    def remembers(self, reservation_id: str) -> bool:
        """Whether the reservation is open, or its end is in memory."""
        return reservation_id in self.open or reservation_id in self._ended or reservation_id in self._ended_before

    def bury(self, reservation_id: str, ended: Ended) -> None:
        """Remembers an end that the store told."""
        self._ended[reservation_id] = ended

    def forget(self, keep: int) -> None:
        """Lets go of the oldest ends once more than `keep` are remembered; at least the last `keep` stay.

        Only for ends that the store has written down: `Past` must know them from here on.
        """
        if len(self._ended) > keep:
            self._ended_before, self._ended = self._ended, {}
            self.forgot_at = self.limits.now

    def holds_drift(self, counted: Copy) -> list[str]:
        """Where a copy differs from the reservations that are open now, and totals from their buckets, in words."""
        return [
            *journal.drift("held", counted.held, journal.held(self.open.values())),
            *journal.drift("wanted", counted.wanted, journal.wanted(self.open.values())),
            *self.totals_drift(),
        ]

    def _settle_late(self, entry: LedgerEntry) -> LedgerEntry | None:
        ended = self._end(entry.reservation_id)
        if ended is None:
            if self._past.has_entry(entry.id):
                return None
            booked = entry
        elif ended.state != "presumed" or entry.kind == "presumed":
            return None
        elif entry.kind == "unpriced":
            # Unknown is not zero: the presumption stands until a price is known.
            booked = entry
        else:
            booked = self._numbered(lambda number: journal.correction(entry, ended.presumed, number))
            self._ended[booked.id] = SETTLED
        amount = booked.charge.amount
        self._ended[entry.reservation_id] = Ended("presumed", amount) if booked.kind == "presumed" else SETTLED
        self.booked += amount
        self.book(booked.legs, amount)
        return booked

    def _amend(self, entry: LedgerEntry) -> LedgerEntry | None:
        if self._known(entry.id):
            return None
        self._ended[entry.id] = SETTLED
        if entry.kind == "correction" and (ended := self._end(entry.reservation_id)) and ended.state == "presumed":
            self._ended[entry.reservation_id] = SETTLED
        if entry.kind != "opening":
            self.booked += entry.charge.amount
        self.book(entry.legs, entry.charge.amount)
        return entry

    def _numbered(self, make: Callable[[int], LedgerEntry]) -> LedgerEntry:
        """The first of `make(0)`, `make(1)`, ... whose id is not taken."""
        number = 0
        while self._known((entry := make(number)).id):
            number += 1
        return entry

    def _known(self, entry_id: str) -> bool:
        return entry_id in self._ended or entry_id in self._ended_before or self._past.has_entry(entry_id)

    def _end(self, reservation_id: str) -> Ended | None:
        ended = self._ended.get(reservation_id) or self._ended_before.get(reservation_id)
        return ended or self._past.ended(reservation_id)

    def _frozen(self, hold: Hold) -> bool:
        """Whether a hold may not be placed or raised, because its account is frozen; what is free passes."""
        return (hold.amount > 0 or hold.spent_only) and self.limits.frozen(hold.account)

    def _refused_by_freeze(self, index: int, balance: Balance) -> Exhausted:
        by = self.limits.freeze(balance.account)
        return Exhausted(
            index, balance, contended=False, frozen=True, reason=by.reason if by else "", by=by.by if by else ""
        )

    def _exchange(self, before: Reservation, after: Reservation) -> None:
        """Puts a reservation with other amounts in the place of an open one."""
        if after is before:
            return
        likely = before.likely
        for old, new in zip(before.holds, after.holds, strict=True):
            if new is not old:
                self._adjust(old, new.amount - old.amount, wanted(new, likely) - wanted(old, likely))
        self.open[before.id] = after
        self.pledged += after.bound - before.bound

    def _give_back(self, holds: Iterable[Hold], likely: int = 0) -> None:
        for hold in holds:
            if likely and hold.metered:
                self._adjust(hold, -hold.amount, -wanted(hold, likely))
                continue
            amount = hold.amount
            if amount:
                account = self._accounts[hold.account]
                account.buckets[hold.bucket].held -= amount
                if hold.bucket >= account.since:
                    account.held -= amount

    def _refused(self, index: int, hold: Hold, account: Account) -> Exhausted:
        limit = self.limit(hold)
        balance = Balance(hold.account, account.spent, account.held, limit)
        if self.limits.in_force and self._frozen(hold):
            return self._refused_by_freeze(index, balance)
        return Exhausted(index, balance, contended(hold, account.spent, limit))

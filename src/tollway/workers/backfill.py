"""Budgets that are new or count something else take over what entries before them amount to.

What an account should hold is the sum of the entries that its budget, as it is defined now, selects; what it does hold
is the sum of the legs booked on it. The difference is booked as openings, so both can be computed again at any time, by
anybody, with the same result: a crash between two steps is made good by the next pass.

    forget    the store is told that the budget's accounts are being computed
    count     entries are read in the order of the ledger, a stretch at a time, the requests' turns between them
    open      the differences are booked, and the new settings put in force in the same turn of the event loop
    follow    what was admitted under the old settings, and corrections of older entries, still have the old legs: the
              entries behind what was counted are looked at until none of them can matter any more
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from tollway.budgets.budget import Budget
from tollway.budgets.desired import fingerprint
from tollway.budgets.window import Calendar
from tollway.errors import StoreUnavailable
from tollway.ledger import journal
from tollway.ledger.control import budget_of
from tollway.ledger.entry import Context, LedgerEntry, entry_id
from tollway.ledger.journal import Place
from tollway.ledger.reservation import Reservation
from tollway.money import LARGEST, Money
from tollway.pricing.charge import Charge
from tollway.snapshot import Snapshot
from tollway.storage.protocol import Budgets, Known, Ledger
from tollway.workers.difference import Difference, since_of
from tollway.workers.renewed import Renewed

log = logging.getLogger("tollway.workers")

READ_AT_ONCE = 100
"""Entries of a stretch: what a thread does with the interpreter before it is the requests' turn."""

COUNTED_AT_ONCE = 20
"""Entries looked at between two turns of the event loop: half a millisecond, or two where nothing is known of them yet."""

BOOKED_AT_ONCE = 200
"""Openings booked in one turn. So many, or fewer, are booked in the turn that puts the settings in force."""

GRACE_MS = 150_000
"""How long after a change requests may still be admitted under the settings that they began with: what an action may
delay them, and what they may wait for money."""

FOLLOW_EVERY_S = 1.0

COMPUTING = ""
"""The fingerprint of a budget whose accounts are not, or not yet, what its definition says."""

_NOBODY = Context(gateway="", provider="", model="")
_PREVIOUS = "+previous"
_NEVER = (1 << 62) - 1


class _Watched(msgspec.Struct):
    """A budget that entries with other legs may still come for."""

    budget: Budget
    known: Known
    through: int
    """The place in the ledger up to which its accounts are right."""


def counts_as(budget: Budget) -> str:
    """What is remembered of a budget once its accounts hold what it selects."""
    return fingerprint(budget) + (_PREVIOUS if budget.carry_over else "")


def is_counted(budget: Budget, known: Known | None) -> bool:
    """Whether that is what is remembered of it."""
    # What is carried over is computed from the window before, which is only counted where that was asked for.
    return known is not None and known.fingerprint in (counts_as(budget), fingerprint(budget) + _PREVIOUS)


class Backfill:
    """The back-fill of one gateway; one pass at a time."""

    def __init__(
        self, ledger: Ledger, budgets: Budgets, calendar: Calendar, now: Callable[[], int], *, grace_ms: int = GRACE_MS
    ) -> None:
        """`now`: Unix milliseconds."""
        self._ledger = ledger
        self._budgets = budgets
        self._calendar = calendar
        self._now = now
        self._grace_ms = grace_ms
        self._lock = asyncio.Lock()
        self._known: dict[str, Known] | None = None
        self._snapshot: Snapshot | None = None
        self._watched: dict[str, _Watched] = {}

    @property
    def unsettled(self) -> frozenset[str]:
        """The ids of budgets that requests under way at their last change may still come for."""
        return frozenset(name for name, each in self._watched.items() if not each.known.settled)

    async def take_over(
        self, snapshot: Snapshot, put_in_force: Callable[[], None], *, crashed: bool = False
    ) -> Sequence[str]:
        """Puts settings in force once every budget of them holds what it selects; returns the ids of those computed.

        `crashed`: an earlier process ended without booking all it had begun, so what it had not finished is computed
        again. Raises StoreUnavailable; nothing is in force then that was not.
        """
        async with self._lock:
            known = await self._remembered()
            changed = [each for each in snapshot.budgets if self._is_to_compute(each, known, crashed=crashed)]
            await self._forget(snapshot, changed, known)
            renewed = Renewed(snapshot, self._calendar)

            def in_force() -> None:
                put_in_force()
                # In the same turn: what is under way is judged by the limits that are shown from here on.
                self._ledger.judge_by(renewed)

            through = await self._fill([each for each in changed if each.enabled], snapshot, in_force)
            await self._adopt(snapshot, changed, through)
            return [budget.id for budget in changed]

    async def follow(self) -> int:
        """Looks at what was booked since; returns how many openings that took. Raises StoreUnavailable."""
        async with self._lock:
            now = self._now()
            for name, each in tuple(self._watched.items()):
                if each.known.settled and not self._matters(each.budget, each.known, now):
                    del self._watched[name]
            if not self._watched or self._snapshot is None:
                return 0
            return await self._follow(tuple(self._watched.values()), self._snapshot, now)

    def _is_to_compute(self, budget: Budget, known: Mapping[str, Known], *, crashed: bool) -> bool:
        found = known.get(budget.id)
        if found is None or not is_counted(budget, found):
            return True
        if not budget.enabled or budget.id in self._watched:
            return False
        return not found.settled or (crashed and self._matters(budget, found, self._now()))

    def _matters(self, budget: Budget, known: Known, now: int) -> bool:
        """Whether what was admitted before the budget's last change may lie in a window that counts."""
        return since_of(budget, self._calendar, now) <= known.since + self._grace_ms

    async def _forget(self, snapshot: Snapshot, changed: Sequence[Budget], known: Mapping[str, Known]) -> None:
        """Whatever becomes of what follows, these are computed again before anybody relies on them."""
        names = {budget.id for budget in snapshot.budgets}
        gone = [each.budget for each in known.values() if each.budget not in names and each.fingerprint != COMPUTING]
        stale = [*gone, *(budget.id for budget in changed if budget.id in known)]
        if stale:
            await self._remember(*(Known(budget=name, fingerprint=COMPUTING, since=self._now()) for name in stale))

    async def _fill(self, budgets: Sequence[Budget], snapshot: Snapshot, put_in_force: Callable[[], None]) -> int:
        """Books what is missing on accounts of these budgets; returns up to which entry they are right.

        The settings come in force in the turn that books the difference, or, where that is long, between what is missing
        and what is too much: no budget ever counts less than was spent on it, before or after.
        """
        if not budgets:
            put_in_force()
            return 0
        difference = Difference([(budget, 0) for budget in budgets], snapshot, self._calendar, self._now())
        through = await self._read(difference, 0, None)
        made = openings(difference.places, through, self._now())
        if len(made) <= BOOKED_AT_ONCE:
            for each in made:
                self._ledger.settle(each)
            put_in_force()
        else:
            await self._book([each for each in made if each.charge.amount > 0])
            put_in_force()
            try:
                await self._book([each for each in made if each.charge.amount < 0])
            except StoreUnavailable as error:
                # Too much is counted until whoever follows finds the rest; the settings are in force all the same.
                log.error("budgets could not be completed from the ledger: %s", error)
                return 0
        return through

    async def _read(self, difference: Difference, after: int, until: int | None) -> int:
        # What is queued to be written is in the counters, and must be in what is read.
        await self._ledger.flush()
        while True:
            stretch = await self._ledger.booked(after=after, since=difference.since, until=until, limit=READ_AT_ONCE)
            for number, booked in enumerate(stretch.items, start=1):
                difference.add(booked)
                if number % COUNTED_AT_ONCE == 0:
                    await asyncio.sleep(0)
            after = stretch.through
            if not stretch.more:
                return after

    async def _book(self, made: Sequence[LedgerEntry]) -> None:
        for start in range(0, len(made), BOOKED_AT_ONCE):
            await asyncio.gather(*(self._ledger.move(each) for each in made[start : start + BOOKED_AT_ONCE]))

    async def _adopt(self, snapshot: Snapshot, changed: Sequence[Budget], through: int) -> None:
        """Remembers what was computed, and watches what entries with other legs may still come for."""
        now = self._now()
        assert self._known is not None
        fresh = {
            budget.id: Known(budget=budget.id, fingerprint=counts_as(budget), since=now, settled=not budget.enabled)
            for budget in changed
        }
        if fresh:
            try:
                await self._ledger.flush()
                await self._remember(*fresh.values())
            except StoreUnavailable as error:
                # They are in force; the next start computes them again, unless it is remembered later.
                log.error("what was computed for budgets is not remembered yet: %s", error)
        last: int | None = None
        watched: dict[str, _Watched] = {}
        for budget in snapshot.budgets:
            known = fresh.get(budget.id) or self._known[budget.id]
            if not budget.enabled:
                continue
            standing = self._watched.get(budget.id)
            if budget.id in fresh:
                watched[budget.id] = _Watched(budget, known, through)
            elif standing is not None:
                watched[budget.id] = _Watched(budget, standing.known, standing.through)
            elif self._matters(budget, known, now):
                if last is None:
                    last = (await self._ledger.booked(after=0, since=_NEVER, limit=1)).through
                watched[budget.id] = _Watched(budget, known, last)
        self._watched, self._snapshot = watched, snapshot

    async def _follow(self, watched: Sequence[_Watched], snapshot: Snapshot, now: int) -> int:
        difference = Difference([(each.budget, each.through) for each in watched], snapshot, self._calendar, now)
        under_way = self._ledger.open_reservations()
        # Before anything is read: what ends from here on is booked behind it.
        settled = [
            each for each in watched if not each.known.settled and self._is_over(each, difference, under_way, now)
        ]
        until = max(each.known.since for each in watched) + self._grace_ms + 1
        through = await self._read(difference, min(each.through for each in watched), until)
        made = openings(difference.places, through, now)
        await self._book(made)
        for each in watched:
            each.through = through
        if settled:
            for each in settled:
                each.known = msgspec.structs.replace(each.known, settled=True)
            await self._remember(*(each.known for each in settled))
        return len(made)

    def _is_over(self, watched: _Watched, difference: Difference, under_way: Iterable[Reservation], now: int) -> bool:
        """Whether no request that began under other settings is under way, or may yet be admitted."""
        if now < watched.known.since + self._grace_ms:
            return False
        budget = watched.budget
        for reservation in under_way:
            if reservation.opened_at <= watched.known.since + self._grace_ms:
                context = journal.context(reservation.context)
                wanted = {
                    account
                    for other, accounts in difference.selecting(context, reservation.opened_at)
                    if other.id == budget.id
                    for account in accounts
                }
                if wanted != {hold.account for hold in reservation.holds if budget_of(hold.account) == budget.id}:
                    return False
        return True

    async def _remembered(self) -> Mapping[str, Known]:
        if self._known is None:
            self._known = {known.budget: known for known in await self._budgets.known()}
        return self._known

    async def _remember(self, *known: Known) -> None:
        await self._budgets.remember(*known)
        assert self._known is not None
        self._known.update((each.budget, each) for each in known)


def openings(places: Mapping[Place, int], through: int, now: int) -> list[LedgerEntry]:
    """The entries that make good for a difference in what entries up to `through` amount to.

    Their ids are made of the place and of `through`: the same difference is booked once. An opening is at the beginning of
    its bucket, so it lies in every window that the bucket lies in. What 64 bits do not hold takes several.
    """
    made: list[LedgerEntry] = []
    for (account, bucket), amount in sorted(places.items()):
        request_id = f"opening-{hashlib.sha256(f'{bucket} {account}'.encode()).hexdigest()[:24]}"
        for number, part in enumerate(_parts(amount)):
            made.append(
                LedgerEntry(
                    id=entry_id(request_id, through, "opening", number),
                    reservation_id=f"{request_id}.{through}",
                    request_id=request_id,
                    attempt=through,
                    kind="opening",
                    charge=Charge(Money(part), basis="counted"),
                    legs=((account, bucket),),
                    context=_NOBODY,
                    occurred_at=bucket,
                    recorded_at=now,
                )
            )
    return made


def _parts(amount: int) -> Iterator[int]:
    while abs(amount) > LARGEST:
        part = LARGEST if amount > 0 else -LARGEST
        yield part
        amount -= part
    yield amount


async def keep_following(backfill: Backfill, every_s: float = FOLLOW_EVERY_S) -> None:
    """Runs until cancelled; a store that is away is tried again."""
    while True:
        try:
            await backfill.follow()
        except StoreUnavailable as error:
            log.error("budgets cannot be completed from the ledger now: %s", error)
        await asyncio.sleep(every_s)

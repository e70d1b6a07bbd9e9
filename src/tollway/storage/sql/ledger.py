"""The ledger in SQLite: counters in memory, every step of money durable.

`reserve` and `extend` answer only when their rows are committed. While nothing can be written, a lenient reservation
stands in memory alone, and its rows are queued like those of a settlement. `settle`, `shrink`, `release` and `sweep` change the
counters at once and queue their rows, which are tried until they are written.
"""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from itertools import count

import msgspec

from tollway.errors import StoreUnavailable
from tollway.ledger.control import Control
from tollway.ledger.entry import LedgerEntry
from tollway.ledger.reservation import Balance, Exhausted, Gone, Held, Hold, Reservation
from tollway.money import LARGEST
from tollway.storage.books import Ended, Renew, Stretch, Unwritten
from tollway.storage.counters import Counters
from tollway.storage.sql import balances, recovery, rows, statements
from tollway.storage.sql.booked import booked
from tollway.storage.sql.database import Database
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.past import SqlPast
from tollway.storage.waiting import Admission

MOST_UNWRITTEN = 10_000
"""Requests that may stand in memory alone: about 10 MB, and what the death of the process would lose of them."""

_TOLD_EVERY = 100
log = logging.getLogger("tollway.storage")


class SqlLedger:
    """`protocol.Ledger` in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._past = SqlPast(database.look_up)
        self._let_through = 0
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._counters = Counters(self._past)
        self._admission = Admission(self._counters, placed=self._queue_intent, abandoned=self._abandon)
        self._saving = balances.Balances(self._counters, 0)
        self._pending: dict[str, asyncio.Future[Ended | None]] = {}
        """Reservations that are placed, and whose intent is not yet durable."""
        self._extending: dict[str, asyncio.Future[None]] = {}
        """Reservations that are raised, and whose extension is not yet durable."""
        self._unwritten: set[str] = set()
        """Reservations whose intent was queued to be written late, until their caller is told."""
        self._resizes = count(1)

    async def open(self, now: int) -> Sequence[LedgerEntry]:
        if self._database.is_open:
            return ()
        self._start_afresh()
        return await self._database.open(partial(self._load, now=now), lambda: self._saving)

    @property
    def latest(self) -> int:
        """The latest instant (Unix milliseconds) that this process, or one before it, has told the ledger of."""
        return self._counters.limits.now

    async def reserve(self, reservation: Reservation, now: int, wait_s: float = 0.0) -> Held | Exhausted | Gone:
        self._tell(now)
        while True:
            self._check_writable(reservation)
            standing = self._counters.standing(reservation)
            if standing is not None:
                pending = self._pending.get(reservation.id)
                if pending is None:
                    return standing
                # Another call for the same reservation waits for its commit: its answer is ours.
                await asyncio.wait([pending])
                if not pending.cancelled() and (ended := pending.result()) is not None:
                    return Gone(ended.state)
                continue
            if (why := self._counters.no_room(reservation)) is not None:
                raise StoreUnavailable(why)
            verdict: Held | Exhausted | None = self._admission.attempt(reservation)
            forgotten = type(verdict) is Exhausted and reservation.opened_at <= self._counters.forgot_at
            if forgotten and (ended := self._past.ended(reservation.id)) is not None:
                # Memory had let go of it. Where the holds fit, the intent's unique key tells instead.
                self._counters.bury(reservation.id, ended)
                return Gone(ended.state)
            if type(verdict) is Exhausted and verdict.contended and wait_s > 0:
                # What cannot be encoded is refused here, not when its turn comes inside somebody else's settlement.
                rows.of_reservation(reservation)
                verdict = await self._admission.wait(reservation, verdict, wait_s)
            if type(verdict) is Held:
                return await self._commit(reservation, verdict, now)
            if verdict is not None:
                return verdict

    async def extend(self, reservation_id: str, amount: int, now: int) -> Held | Exhausted | Gone:
        """Raises OverflowError, having changed nothing, for an amount beyond 64 bits."""
        if amount > LARGEST:
            raise OverflowError(f"reservation {reservation_id}: {amount} nanodollars are more than 64 bits hold")
        self._tell(now)
        while (pending := self._extending.get(reservation_id)) is not None:
            await asyncio.wait([pending])
        before = self._counters.open.get(reservation_id)
        self._check_writable(before)
        if before is None:
            return self._counters.gone(reservation_id)
        verdict = self._counters.extend(before, amount)
        raised = self._counters.open[reservation_id]
        if raised is before:
            return verdict
        if raised.lenient and self._database.writer.broken is not None:
            self._resize_late(raised)
            return verdict
        future = self._database.writer.extension((reservation_id, next(self._resizes), raised.bound))
        self._extending[reservation_id] = future
        future.add_done_callback(partial(self._extended, before, raised))
        # Whoever leaves meanwhile leaves the row to be written, or taken back, all the same.
        try:
            await asyncio.shield(future)
        except StoreUnavailable:
            if not raised.lenient:
                raise
        return verdict

    def shrink(self, reservation_id: str, amount: int) -> bool:
        writer = self._database.writer
        before = self._counters.open.get(reservation_id)
        if before is None:
            return False
        if self._counters.shrink(before, amount):
            writer.shrink((reservation_id, next(self._resizes), self._counters.open[reservation_id].bound))
            self._admission.given_back(before.holds)
        return True

    async def control(self, control: Control, now: int | None = None) -> None:
        # Once it is written it must be in force, whether or not the caller is still there.
        await asyncio.shield(self._put(control, now))

    def judge_by(self, renew: Renew) -> None:
        self._counters.renew = renew
        self._admission.renewed()

    def controls(self) -> Sequence[Control]:
        return self._counters.limits.standing()

    def limit(self, hold: Hold) -> int:
        return self._counters.limit(hold)

    async def move(self, opening: LedgerEntry) -> bool:
        """Raises StoreUnavailable; what was booked by then stays booked, and is written as soon as it can be."""
        self._check_writable()
        booked = self.settle(opening)
        await self.flush()
        return booked

    async def booked(self, *, after: int, since: int, until: int | None = None, limit: int) -> Stretch:
        return await self._database.query(partial(booked, after=after, since=since, until=until, limit=limit))

    def settle(self, entry: LedgerEntry) -> bool:
        """Raises, having changed nothing, OverflowError for an amount beyond 64 bits, and StoreUnavailable while the
        store is not open or what memory has forgotten cannot be looked up."""
        writer = self._database.writer
        row = rows.of_entry(entry)
        booked = self._counters.settle(entry)
        if booked is None:
            return False
        if booked is not entry:
            row = rows.of_entry(booked)
        writer.entry((self._saving.next_seq(), *row))
        self._admission.booked(booked.legs)
        return True

    def beyond(self, entry: LedgerEntry) -> str | None:
        return self._counters.beyond(entry.legs, entry.charge.amount)

    def release(self, reservation_id: str, code: str, now: int) -> bool:
        writer = self._database.writer
        holds = self._counters.release(reservation_id)
        if holds is None:
            return False
        writer.release((reservation_id, code, now))
        self._admission.given_back(holds)
        return True

    def sweep(self, now: int) -> Sequence[LedgerEntry]:
        writer = self._database.writer
        self._tell(now)
        presumed: list[LedgerEntry] = []
        for reservation in self._counters.lapsed(now, self._pending):
            entry = self._counters.presume(reservation, now)
            writer.entry((self._saving.next_seq(), *rows.of_entry(entry)))
            self._admission.booked(entry.legs)
            presumed.append(entry)
        return presumed

    def balances(self, holds: Sequence[Hold]) -> tuple[Balance, ...]:
        return self._counters.balances(holds)

    def accounts(self, budget: str) -> Sequence[str]:
        return self._counters.accounts(budget)

    def names(self) -> Sequence[str]:
        return self._counters.names()

    def open_reservations(self) -> Sequence[Reservation]:
        return tuple(self._counters.open.values())

    async def flush(self) -> None:
        await self._database.writer.flush()

    async def verify(self) -> Sequence[str]:
        counters = self._counters
        counted = counters.snapshot()
        floors = counters.floors()
        through = self._saving.seq
        reservations = dict(counters.open)
        words = counters.holds_drift(counted)
        await self.flush()
        truth = await self._database.query(partial(recovery.truth, through=through))
        words += recovery.spent_drift(counted.spent, floors, truth)
        # What has not changed since is durable by now, or the flush would have failed.
        unchanged = {identity: each for identity, each in reservations.items() if counters.open.get(identity) is each}
        words += recovery.holds_drift(
            {identity: each for identity, each in unchanged.items() if identity not in self._extending}, truth
        )
        for reservation_id in truth.open:
            if not counters.remembers(reservation_id):
                words.append(f"Reservation {reservation_id} is open in the store, but not in memory.")
        for reservation_id in reservations:
            if reservation_id in counters.open and reservation_id not in truth.open.keys() | self._pending.keys():
                words.append(f"Reservation {reservation_id} is open in memory, but not in the store.")
        return words

    @property
    def unavailable(self) -> str | None:
        if not self._database.is_open:
            return f"The store in {self._database.name} is not open."
        broken = self._database.writer.broken
        return None if broken is None else str(broken)

    async def prune(self, now: int) -> bool:
        """Removes what is no longer needed, one bounded step; `True` when there is more to do.

        Entries are never removed. Raises StoreUnavailable.
        """
        writer = self._database.writer
        more = await writer.run(partial(recovery.prune, now=now))
        if not more:
            await writer.checkpoint()
        return more

    async def close(self) -> None:
        if not self._database.is_open:
            return
        try:
            await self.flush()
            saved = self._saving.all()
            await self._database.writer.run(partial(balances.save, batch=saved))
        finally:
            await self._database.close()

    @property
    def unwritten(self) -> Unwritten:
        return Unwritten(self._database.writer.late if self._database.is_open else 0, self._let_through)

    def _check_writable(self, reservation: Reservation | None = None) -> None:
        """Raises StoreUnavailable while nothing can be written, unless the reservation may stand without it."""
        broken = self._database.writer.broken
        if broken is None:
            return
        if reservation is None or not reservation.lenient:
            raise StoreUnavailable(str(broken))
        if reservation.id not in self._counters.open and not self._has_room():
            raise StoreUnavailable(f"{broken} {MOST_UNWRITTEN:,} requests went on without it, and no more may.")

    def _has_room(self) -> bool:
        return self._database.writer.late < MOST_UNWRITTEN

    def _queue_intent(self, reservation: Reservation) -> None:
        row = rows.of_reservation(reservation)
        writer = self._database.writer
        if writer.broken is None or not reservation.lenient or not self._has_room():
            self._pending[reservation.id] = writer.intent(row)
            return
        done: asyncio.Future[Ended | None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        self._pending[reservation.id] = done
        self._queue_late(reservation)

    def _queue_late(self, reservation: Reservation) -> None:
        """Lets a reservation go on without the store; its intent is written as soon as that works."""
        writer = self._database.writer
        self._unwritten.add(reservation.id)
        self._let_through += 1
        writer.late_intent(rows.of_reservation(reservation))
        if writer.late % _TOLD_EVERY == 1:
            log.error(
                "%d requests went on while the store cannot be written, as their budgets allow; they are in memory alone "
                "until it can",
                writer.late,
            )

    def _resize_late(self, raised: Reservation) -> None:
        self._database.writer.shrink((raised.id, next(self._resizes), raised.bound))

    async def _commit(self, reservation: Reservation, held: Held, now: int) -> Held | Gone:
        """Waits until the intent is durable; whatever else happens, nothing stays held."""
        future = self._pending[reservation.id]
        try:
            ended = await future
        except StoreUnavailable:
            standing = self._counters.open.get(reservation.id)
            if standing is None or not reservation.lenient or not self._has_room():
                self._take_back(reservation)
                self._unsay(reservation, now)
                raise
            ended = None
            self._queue_late(standing)
        except asyncio.CancelledError:
            if not future.cancelled() and future.exception() is not None:
                self._take_back(reservation)
                self._unsay(reservation, now)
            elif not future.cancelled() and future.result() is not None:
                self._take_back(reservation)
            else:
                self.release(reservation.id, "cancelled", now)
            raise
        finally:
            del self._pending[reservation.id]
        if ended is not None:
            self._take_back(reservation)
            self._counters.bury(reservation.id, ended)
            return Gone(ended.state)
        if reservation.id in self._unwritten:
            self._unwritten.discard(reservation.id)
            return msgspec.structs.replace(held, unwritten=True)
        return held

    def _extended(self, before: Reservation, raised: Reservation, future: asyncio.Future[None]) -> None:
        self._extending.pop(raised.id, None)
        if future.cancelled() or future.exception() is not None:
            standing = self._counters.open.get(raised.id)
            if raised.lenient and standing is not None:
                self._resize_late(standing)
                return
            self._counters.revert(raised, before)
            self._admission.given_back(raised.holds)
            if self._database.is_open and self._database.writer.doubtful:
                self._database.writer.shrink((raised.id, next(self._resizes), before.bound))

    async def _put(self, control: Control, now: int | None) -> None:
        row = rows.of_control(control)

        def work(writing: Connection) -> None:
            writing.execute(statements.PUT_CONTROL, row)

        await self._database.change(work)
        self._counters.limits.put(control)
        self._tell(control.ended_at if now is None else now)
        self._admission.changed()

    def _tell(self, now: int | None) -> None:
        if now is not None and self._counters.limits.tell(now):
            self._admission.changed()

    def _take_back(self, reservation: Reservation) -> None:
        self._counters.undo(reservation)
        self._admission.given_back(reservation.holds)

    def _unsay(self, reservation: Reservation, now: int) -> None:
        """Ends in the store what may be open there, although its caller was told that it is not."""
        if self._database.writer.doubtful:
            self._database.writer.release((reservation.id, "not_written", now))

    def _abandon(self, reservation: Reservation) -> None:
        self._pending.pop(reservation.id).cancel()
        self._unwritten.discard(reservation.id)
        self.release(reservation.id, "cancelled", reservation.opened_at)

    def _load(self, writing: Connection, now: int) -> Sequence[LedgerEntry]:
        # A machine's clock that was set back meanwhile opens no window again.
        self._counters.forgot_at = now = max(now, int(writing.execute(statements.LATEST).get))
        self._counters.limits.tell(now)
        for (record,) in writing.execute(statements.STANDING_CONTROLS, (now,)):
            self._counters.limits.put(rows.read_control(record))
        seq = balances.load(writing, self._counters)
        presumed = recovery.presume_open(writing, seq, now)
        for entry in presumed:
            self._counters.booked += entry.charge.amount
            self._counters.book(entry.legs, entry.charge.amount)
            self._counters.bury(entry.reservation_id, Ended("presumed", entry.charge.amount))
        self._saving = balances.Balances(self._counters, seq + len(presumed))
        return presumed

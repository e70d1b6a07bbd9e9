"""Waiting for held money to come back: by priority, then first come, first served, on the account that refused.

When holds on an account shrink, only the waiter at its head tries again, and the next one if that was admitted: a
thousand waiters cost one look for each release. Nobody of lower or the same priority overtakes: a new request that needs
money of an account with such waiters is contended, and waits behind them or is refused.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from itertools import count

from msgspec import structs

from tollway.ledger.reservation import Balance, Exhausted, Held, Hold, Reservation
from tollway.storage.counters import Counters

_NEWEST = float("inf")


class _Waiter:
    __slots__ = ("account", "answer", "refusal", "reservation", "turn")

    def __init__(self, reservation: Reservation, ticket: int, refusal: Exhausted, answer: "Answer") -> None:
        self.reservation = reservation
        self.turn = (-reservation.priority, ticket)
        """Its place in every line it comes to: the smallest is the first."""
        self.refusal = refusal
        self.answer = answer
        self.account = refusal.balance.account


Answer = asyncio.Future[Held | Exhausted | None]


class Admission:
    """Places reservations on `counters`, in turn.

    `placed` is called in the same step as the holds are placed; `abandoned` when the caller has gone before it could
    be told that they were.
    """

    __slots__ = ("_abandoned", "_counters", "_placed", "_queues", "_tickets")

    def __init__(
        self,
        counters: Counters,
        *,
        placed: Callable[[Reservation], None],
        abandoned: Callable[[Reservation], None],
    ) -> None:
        self._counters = counters
        self._placed = placed
        self._abandoned = abandoned
        self._queues: dict[str, deque[_Waiter]] = {}
        self._tickets = count()

    def attempt(self, reservation: Reservation, turn: tuple[int, float] | None = None) -> Held | Exhausted:
        """Places the holds of a new reservation, or says why not. `turn`: its place in line, if it has waited."""
        if self._queues:
            blocked = self._behind(reservation, turn or (-reservation.priority, _NEWEST))
            if blocked is not None:
                refusal = self._counters.refusal(reservation)
                return refusal if refusal is not None and not refusal.contended else blocked
        verdict = self._counters.place(reservation)
        if type(verdict) is Held:
            try:
                self._placed(reservation)
            except BaseException:
                self._counters.undo(reservation)
                raise
        return verdict

    async def wait(self, reservation: Reservation, refusal: Exhausted, wait_s: float) -> Held | Exhausted | None:
        """Waits in line for the account of `refusal`, at most `wait_s` seconds.

        `None` when another call for the same reservation was admitted meanwhile: ask again.
        """
        loop = asyncio.get_running_loop()
        waiter = _Waiter(reservation, next(self._tickets), refusal, loop.create_future())
        self._enqueue(waiter)
        timer, began = loop.call_later(wait_s, self._expire, waiter), loop.time()
        try:
            answer = await waiter.answer
            return None if answer is None else structs.replace(answer, waited_us=int((loop.time() - began) * 1e6))
        except asyncio.CancelledError:
            if not waiter.answer.cancelled() and type(waiter.answer.result()) is Held:
                self._abandoned(reservation)
            raise
        finally:
            timer.cancel()
            self._advance(waiter.account)

    def booked(self, legs: Iterable[tuple[str, int]]) -> None:
        """Says that what is spent or held on these accounts has changed."""
        if self._queues:
            for account, _ in legs:
                self._advance(account)

    def given_back(self, holds: Iterable[Hold]) -> None:
        """Says that these holds are no longer there."""
        if self._queues:
            for hold in holds:
                self._advance(hold.account)

    def changed(self) -> None:
        """Says that limits have changed, or that accounts were frozen: everybody's first in line tries again."""
        for account in tuple(self._queues):
            self._advance(account)

    def renewed(self) -> None:
        """Says that other settings are in force: whoever waits is judged by them from here on."""
        for queue in self._queues.values():
            for waiter in queue:
                waiter.reservation = self._counters.renewed(waiter.reservation)
        self.changed()

    def _advance(self, account: str) -> None:
        while (head := self._head(account)) is not None:
            if self._counters.standing(head.reservation) is not None:
                head.answer.set_result(None)
                continue
            verdict = self.attempt(head.reservation, head.turn)
            if isinstance(verdict, Held) or not verdict.contended:
                head.answer.set_result(verdict)
                continue
            head.refusal = verdict
            if verdict.balance.account == account:
                return
            self._queues[account].popleft()
            head.account = verdict.balance.account
            self._enqueue(head)

    def _head(self, account: str) -> _Waiter | None:
        """The first on the account that still waits; those who have gone are taken out of its way."""
        queue = self._queues.get(account)
        while queue:
            if not queue[0].answer.done():
                return queue[0]
            queue.popleft()
        if queue is not None:
            del self._queues[account]
        return None

    def _behind(self, reservation: Reservation, turn: tuple[int, float]) -> Exhausted | None:
        """The refusal of a reservation that would take money an earlier waiter is in line for."""
        for index, hold in enumerate(reservation.holds):
            if hold.enforced and hold.amount and hold.account in self._queues:
                head = self._head(hold.account)
                if head is not None and head.turn < turn:
                    (balance,) = self._counters.balances((hold,))
                    return Exhausted(index, balance, contended=True)
        return None

    def _enqueue(self, waiter: _Waiter) -> None:
        """Puts a waiter in line by its turn: one that was sent on from another account keeps its place."""
        queue = self._queues.setdefault(waiter.account, deque())
        position = len(queue)
        while position and queue[position - 1].turn > waiter.turn:
            position -= 1
        queue.insert(position, waiter)

    def _expire(self, waiter: _Waiter) -> None:
        if not waiter.answer.done():
            refusal = self._counters.refusal(waiter.reservation)
            waiter.answer.set_result(refusal or self._in_line(waiter))

    def _in_line(self, waiter: _Waiter) -> Exhausted:
        """The refusal of one whose reservation would fit, but who never came to the head of the line."""
        index = waiter.refusal.index
        balance: Balance = self._counters.balances(waiter.reservation.holds[index : index + 1])[0]
        return Exhausted(index, balance, contended=True)

"""The money protocol, broken in the ways that gateways break it: a simulation that lets one of these pass is itself broken.

Each is the real classes with one thing changed, entered around a world (spec ledger 2.12).
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import msgspec
import simulated

from tollway.exchange.allowance import Allowance
from tollway.ledger.reservation import Exhausted, Held, Reservation, metered, resized
from tollway.proxy.purse import Purse
from tollway.storage.counters import Counters
from tollway.storage.memory import MemoryLedger
from tollway.storage.sql import balances, recovery, rows, statements
from tollway.storage.sql import ledger as sqlite_ledger
from tollway.storage.sql.ledger import SqlLedger
from tollway.storage.sql.writer import Writer

Mutant = Callable[[], contextlib.AbstractContextManager[Any]]


@contextlib.contextmanager
def without_durable_intents() -> Iterator[None]:
    """A reservation is answered from memory, and nothing of it is written."""

    def intent(self: Any, row: Any) -> Any:
        future = self._loop.create_future()
        future.set_result(None)
        return future

    with patch.object(Writer, "intent", intent):
        yield


@contextlib.contextmanager
def expiry_releases() -> Iterator[None]:
    """A hold whose owner is gone is given back, as if nothing had been sent."""

    def sweep(self: Any, now: int) -> Any:
        for reservation in list(self.open_reservations()):
            if reservation.deadline <= now:
                self.release(reservation.id, "expired", now)
        return []

    def presume_open(writing: Any, seq: int, now: int) -> Any:
        mark = int(writing.execute(statements.MARK, ("entries",)).get or 0)
        found = writing.execute(statements.OPEN_INTENTS, (mark,)).fetchall()
        with writing:
            writing.executemany(statements.INSERT_RELEASE, [(row[0], "expired", now) for row in found])
        return []

    with (
        patch.object(MemoryLedger, "sweep", sweep),
        patch.object(SqlLedger, "sweep", sweep),
        patch.object(recovery, "presume_open", presume_open),
    ):
        yield


@contextlib.contextmanager
def holds_shrink_to_the_headroom() -> Iterator[None]:
    """Whoever does not fit holds what is left instead."""
    place = Counters.place

    def shrinking(self: Any, reservation: Reservation) -> Any:
        verdict = place(self, reservation)
        if not isinstance(verdict, Exhausted):
            return verdict
        left = [balance.available for balance in self.balances(reservation.holds)]
        if min(left) <= 0:
            return verdict
        holds = tuple(
            msgspec.structs.replace(hold, amount=min(hold.amount, most))
            for hold, most in zip(reservation.holds, left, strict=True)
        )
        return place(self, msgspec.structs.replace(reservation, holds=holds))

    with patch.object(Counters, "place", shrinking):
        yield


@contextlib.contextmanager
def checks_then_records() -> Iterator[None]:
    """Only what is spent is looked at; nothing is held."""
    place = Counters.place

    def checking(self: Any, reservation: Reservation) -> Any:
        holds = tuple(msgspec.structs.replace(hold, amount=0, spent_only=True) for hold in reservation.holds)
        return place(self, msgspec.structs.replace(reservation, holds=holds))

    with patch.object(Counters, "place", checking):
        yield


@contextlib.contextmanager
def retries_without_identity() -> Iterator[None]:
    """What is asked again is asked under another name."""

    def again(self: Any, reservation: Reservation) -> Reservation:
        return msgspec.structs.replace(reservation, id=f"{reservation.id}b", attempt=reservation.attempt + 50)

    with patch.object(simulated.Line, "_again", again):
        yield


@contextlib.contextmanager
def settles_by_plain_increment() -> Iterator[None]:
    """A settlement that comes twice counts twice."""
    settle = Counters.settle

    def incrementing(self: Any, entry: Any) -> Any:
        booked = settle(self, entry)
        if booked is None:
            self.book(entry.legs, entry.charge.amount)
        return booked

    with patch.object(Counters, "settle", incrementing):
        yield


@contextlib.contextmanager
def reseeds_additively() -> Iterator[None]:
    """At a start, what is in the ledger is added to what is there."""
    load = balances.load

    def adding(connection: Any, counters: Any) -> int:
        last = load(connection, counters)
        for _, _, amount, legs in connection.execute(statements.ENTRIES_AFTER, (0,)).fetchall():
            counters.book(rows.read_legs(legs), amount)
        return last

    with patch.object(sqlite_ledger.balances, "load", adding):
        yield


@contextlib.contextmanager
def extensions_are_not_durable() -> Iterator[None]:
    """A raised hold is answered from memory, and nothing of it is written."""

    def extension(self: Any, row: Any) -> Any:
        future = self._loop.create_future()
        future.set_result(None)
        return future

    with patch.object(Writer, "extension", extension):
        yield


@contextlib.contextmanager
def extensions_are_not_checked() -> Iterator[None]:
    """An answer under way is given whatever it asks for."""

    def extend(self: Any, reservation: Reservation, amount: int) -> Any:
        raised = resized(reservation, max(amount, metered(reservation)))
        self._exchange(reservation, raised)
        return Held(self.balances(raised.holds))

    with patch.object(Counters, "extend", extend):
        yield


@contextlib.contextmanager
def shrinks_are_not_written() -> Iterator[None]:
    """What a lowered hold gave back is given to others, while a start would still presume all of it."""
    with patch.object(Writer, "shrink", lambda self, row: None):
        yield


@contextlib.contextmanager
def cuts_are_ignored() -> Iterator[None]:
    """An answer goes on though its hold could not be raised."""
    follow = Purse.follow

    async def following(self: Any) -> None:
        self._stop = lambda: None
        await follow(self)
        self.refusal = None

    with patch.object(Purse, "follow", following):
        yield


@contextlib.contextmanager
def pieces_are_not_reckoned_with() -> Iterator[None]:
    """An answer is cut when it has passed its hold, not before the piece that would."""
    with patch.object(Allowance, "over", property(lambda self: self._need > self.tokens)):
        yield


@contextlib.contextmanager
def freezes_are_not_durable() -> Iterator[None]:
    """A freeze is forgotten by the next process."""
    with patch.object(statements, "STANDING_CONTROLS", "SELECT 1 WHERE ?1 < 0"):
        yield


MUTANTS: dict[str, Mutant] = {
    each.__name__: each
    for each in (
        without_durable_intents,
        expiry_releases,
        holds_shrink_to_the_headroom,
        checks_then_records,
        retries_without_identity,
        settles_by_plain_increment,
        reseeds_additively,
        extensions_are_not_durable,
        extensions_are_not_checked,
        shrinks_are_not_written,
        cuts_are_ignored,
        pieces_are_not_reckoned_with,
        freezes_are_not_durable,
    )
}

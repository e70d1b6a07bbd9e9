"""Random histories, with crashes: both stores and a small oracle always agree."""

import asyncio
import shutil
import tempfile
from pathlib import Path

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tollway.ledger.reservation import Exhausted, Gone, Held, Hold, Reservation
from tollway.storage import migrations
from tollway.storage.conformance.values import NOW, entry, reservation
from tollway.storage.memory import MemoryStore
from tollway.storage.sqlite import SqliteStore
from tollway.storage.sqlite.connection import FILE

NAMES = st.sampled_from([f"r{number}" for number in range(12)])
AMOUNTS = st.integers(0, 60)
LIMIT = 100
STEP = 10


@st.composite
def holds(draw: st.DrawFn) -> tuple[Hold, ...]:
    made: list[Hold] = []
    amount = draw(AMOUNTS)
    for account in draw(st.lists(st.sampled_from("abc"), max_size=3, unique=True)):
        kind = draw(st.sampled_from(["enforced", "monitored", "spent_only"]))
        bucket = NOW + STEP * draw(st.integers(0, 3))
        since = bucket - STEP * draw(st.integers(0, 2))
        made.append(
            Hold(
                account,
                bucket,
                since,
                0 if kind == "spent_only" else amount,
                LIMIT,
                enforced=kind != "monitored",
                spent_only=kind == "spent_only",
            )
        )
    return tuple(made)


class Histories(RuleBasedStateMachine):
    """The oracle: what is booked for each reservation, and which are held. Everything else follows by adding up."""

    @initialize()
    def start(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp())
        self.generation = 0
        self.now = NOW
        self.memory = MemoryStore()
        shutil.copy(_blank(), self.folder / FILE)
        self.sqlite = SqliteStore(self.folder)
        self.wait(self.sqlite.open(NOW - 1))
        self.held: dict[str, Reservation] = {}
        self.booked: dict[str, tuple[Reservation, int]] = {}
        self.presumed: set[str] = set()
        self.released: set[str] = set()

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.wait(self.sqlite.close())
            self.loop.close()
            shutil.rmtree(self.folder)

    def wait(self, awaitable):  # type: ignore[no-untyped-def]
        return self.loop.run_until_complete(awaitable)

    @rule(name=NAMES, holds=holds(), time=st.integers(1, 50))
    def reserve(self, name: str, holds: tuple[Hold, ...], time: int) -> None:
        made = msgspec.structs.replace(reservation(name, *holds, deadline=self.now + time), bound=33)
        expected = self.wait(self.memory.ledger.reserve(made, self.now))
        assert self.wait(self.sqlite.ledger.reserve(made, self.now)) == expected
        if made.id in self.held:
            assert isinstance(expected, Held)
        elif made.id in self.booked or made.id in self.released:
            assert isinstance(expected, Gone)
        elif isinstance(expected, Held):
            for hold in holds:
                assert not hold.enforced or self.fits(hold)
            self.held[made.id] = made
        else:
            assert isinstance(expected, Exhausted)
            assert not self.fits(holds[expected.index])

    def fits(self, hold: Hold) -> bool:
        spent = self.spent(hold.account, hold.since)
        if hold.spent_only:
            return spent < hold.limit
        return hold.amount == 0 or spent + self.holding(hold.account, hold.since) + hold.amount <= hold.limit

    @rule(name=NAMES, amount=st.integers(0, 80))
    def settle(self, name: str, amount: int) -> None:
        identity = f"{name}.1"
        late = self.booked.get(identity)
        made = self.held.get(identity) or (late[0] if late else None)
        if made is None:
            return
        settled = self.memory.ledger.settle(entry(made, amount))
        assert self.sqlite.ledger.settle(entry(made, amount)) == settled
        assert settled == (identity in self.held or identity in self.presumed)
        if settled:
            self.held.pop(identity, None)
            self.presumed.discard(identity)
            self.booked[identity] = (made, amount)

    @rule(name=NAMES)
    def release(self, name: str) -> None:
        identity = f"{name}.1"
        released = self.memory.ledger.release(identity, "not_sent", self.now)
        assert self.sqlite.ledger.release(identity, "not_sent", self.now) == released
        assert released == (identity not in self.booked and identity not in self.released)
        if released:
            self.held.pop(identity, None)
            self.released.add(identity)

    @rule(time=st.integers(1, 30))
    def sweep(self, time: int) -> None:
        self.now += time
        lapsed = self.memory.ledger.sweep(self.now)
        assert list(self.sqlite.ledger.sweep(self.now)) == list(lapsed)
        assert {each.reservation_id for each in lapsed} == {
            identity for identity, made in self.held.items() if made.deadline <= self.now
        }
        for each in lapsed:
            self.presume(each.reservation_id, each.charge.amount)

    def presume(self, identity: str, amount: int) -> None:
        made = self.held.pop(identity)
        assert amount == max(33, *(hold.amount for hold in made.holds), 0)
        self.booked[identity] = (made, amount)
        self.presumed.add(identity)

    @rule()
    def crash(self) -> None:
        """The process is gone between two instants; another one starts from the files as they were."""
        self.wait(self.sqlite.ledger.flush())
        self.generation += 1
        folder = self.folder / str(self.generation)
        folder.mkdir()
        for file in self.sqlite._database.folder.glob(f"{FILE}*"):
            shutil.copy(file, folder)
        self.wait(self.sqlite.close())
        self.sqlite = SqliteStore(folder)
        entries = self.wait(self.sqlite.open(self.now))
        assert {each.reservation_id for each in entries} == self.held.keys()
        for each in entries:
            assert self.memory.ledger.settle(each)
            self.presume(each.reservation_id, each.charge.amount)

    @rule()
    def restart(self) -> None:
        self.sweep(100)
        folder = self.sqlite._database.folder
        self.wait(self.sqlite.close())
        self.sqlite = SqliteStore(folder)
        assert not self.wait(self.sqlite.open(self.now))

    @rule()
    def prune(self) -> None:
        self.wait(self.sqlite.prune(self.now))

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "loop"):
            return
        looks = [Hold(account, NOW, NOW + STEP * since, 0, LIMIT) for account in "abc" for since in (-2, 0, 1, 3)]
        balances = self.sqlite.ledger.balances(looks)
        assert balances == self.memory.ledger.balances(looks)
        for look, balance in zip(looks, balances, strict=True):
            assert balance.spent == self.spent(look.account, look.since)
            assert balance.held == self.holding(look.account, look.since)
        assert {each.id for each in self.sqlite.ledger.open_reservations()} == self.held.keys()

    def spent(self, account: str, since: int) -> int:
        return sum(
            amount
            for made, amount in self.booked.values()
            for hold in made.holds
            if hold.account == account and hold.bucket >= since
        )

    def holding(self, account: str, since: int) -> int:
        return sum(
            hold.amount
            for made in self.held.values()
            for hold in made.holds
            if hold.account == account and hold.bucket >= since
        )

    @rule()
    def verify(self) -> None:
        assert self.wait(self.sqlite.ledger.verify()) == []
        assert self.wait(self.memory.ledger.verify()) == []


_BLANK: list[Path] = []


def _blank() -> Path:
    if not _BLANK:
        path = Path(tempfile.mkdtemp()) / FILE
        migrations.upgrade(path)
        _BLANK.append(path)
    return _BLANK[0]


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=15, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)

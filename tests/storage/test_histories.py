"""Random histories, with crashes: both stores and a small oracle always agree."""

import asyncio
import shutil
import tempfile
from pathlib import Path

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.storage.crashing import started_again

from tollway.ledger import journal
from tollway.ledger.control import Control, budget_of
from tollway.ledger.reservation import Exhausted, Gone, Held, Hold, Reservation
from tollway.storage import migrations
from tollway.storage.conformance.values import NOW, entry, opening, reservation
from tollway.storage.memory import MemoryStore
from tollway.storage.sqlite import SqliteStore
from tollway.storage.sqlite.connection import FILE

NAMES = st.sampled_from([f"r{number}" for number in range(12)])
ACCOUNTS = ("a", "b[x]", "b[y]")
AMOUNTS = st.integers(0, 60)
LIMIT = 100
STEP = 10


@st.composite
def holds(draw: st.DrawFn) -> tuple[Hold, ...]:
    made: list[Hold] = []
    amount = draw(AMOUNTS)
    for account in draw(st.lists(st.sampled_from(ACCOUNTS), max_size=3, unique=True)):
        kind = draw(st.sampled_from(["enforced", "enforced", "monitored", "spent_only"]))
        bucket = NOW + STEP * draw(st.integers(0, 3))
        since = bucket - STEP * draw(st.integers(0, 2))
        carries = draw(st.booleans())
        made.append(
            Hold(
                account,
                bucket,
                since,
                0 if kind == "spent_only" else amount,
                LIMIT,
                enforced=kind != "monitored",
                spent_only=kind == "spent_only",
                until=draw(st.sampled_from([None, bucket + STEP])),
                metered=kind != "spent_only" and draw(st.booleans()),
                share=draw(st.sampled_from([100, 100, 75])),
                carry=draw(st.integers(1, 40)) if carries else 0,
                previous=since - STEP if carries else None,
            )
        )
    return tuple(made)


class Histories(RuleBasedStateMachine):
    """The oracle: what is booked for each reservation, which are held, and what was done by hand. Everything else follows by
    adding up."""

    @initialize()
    def start(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp())
        self.generation = 0
        self.now = NOW
        self.memory = MemoryStore()
        shutil.copy(_blank(), self.folder / FILE)
        self.sqlite = SqliteStore(self.folder)
        for store in (self.memory, self.sqlite):
            self.wait(store.open(NOW - 1))
        self.openings: list[tuple[str, int, int]] = []
        self.controls: dict[str, Control] = {}
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

    @rule(name=NAMES, holds=holds(), time=st.integers(1, 50), likely=st.sampled_from([0, 0, 30, 90]))
    def reserve(self, name: str, holds: tuple[Hold, ...], time: int, likely: int) -> None:
        bound = max((hold.amount for hold in holds if hold.metered), default=33)
        made = msgspec.structs.replace(reservation(name, *holds, deadline=self.now + time, likely=likely), bound=bound)
        expected = self.wait(self.memory.ledger.reserve(made, self.now))
        assert self.wait(self.sqlite.ledger.reserve(made, self.now)) == expected
        if made.id in self.held:
            assert isinstance(expected, Held)
        elif made.id in self.booked or made.id in self.released:
            assert isinstance(expected, Gone)
        elif isinstance(expected, Held):
            for index, hold in enumerate(holds):
                assert not self.frozen(hold)
                assert self.fits(hold) is (index not in expected.would_refuse) or hold.enforced
                assert not hold.enforced or self.fits(hold)
            self.held[made.id] = made
        else:
            assert isinstance(expected, Exhausted)
            refusing = holds[expected.index]
            assert expected.frozen is self.frozen(refusing) is any(map(self.frozen, holds))
            assert expected.frozen or not self.fits(refusing)
            assert expected.contended is (not expected.frozen and self.may_come_back(refusing))

    def fits(self, hold: Hold) -> bool:
        spent = self.spent(hold.account, hold.since)
        if hold.spent_only:
            return spent < self.limit(hold)
        held = self.holding(hold.account, hold.since) + self.wanted(hold.account, hold.since)
        return hold.amount == 0 or spent + held + hold.amount <= self.limit(hold)

    def may_come_back(self, hold: Hold) -> bool:
        return not hold.spent_only and self.spent(hold.account, hold.since) + hold.amount <= self.limit(hold)

    def frozen(self, hold: Hold) -> bool:
        return (hold.amount > 0 or hold.spent_only) and any(
            control.kind == "freeze" and control.holds(self.now) and control.target in (hold.account, hold.account[0])
            for control in self.controls.values()
        )

    def limit(self, hold: Hold) -> int:
        raised = sum(
            control.amount
            for control in self.controls.values()
            if control.kind == "increase"
            and control.holds(self.now)
            and control.target in {hold.account, budget_of(hold.account)}
        )
        limit = hold.limit + raised
        if hold.previous is not None:
            spent, held = (
                adding(hold.account, hold.previous) - adding(hold.account, hold.since) for adding in self.columns
            )
            if held == 0:
                limit += max(0, min(hold.carry, hold.limit - spent))
            if hold.until is not None:
                after = sum(
                    adding(hold.account, hold.until) - adding(hold.account, hold.until + 1) for adding in self.columns
                )
                lent = min(hold.carry, after - hold.limit - raised)
                if lent > 0:
                    limit = min(limit, hold.limit - lent)
        return limit * hold.share // 100

    @property
    def columns(self):  # type: ignore[no-untyped-def]
        return (self.spent, self.holding)

    @rule(name=NAMES, amount=st.integers(0, 120))
    def extend(self, name: str, amount: int) -> None:
        identity = f"{name}.1"
        answer = self.wait(self.memory.ledger.extend(identity, amount, self.now))
        assert self.wait(self.sqlite.ledger.extend(identity, amount, self.now)) == answer
        if identity not in self.held:
            assert isinstance(answer, Gone)
            return
        before = self.held[identity]
        larger = self.resize(before, amount) if amount > most(before) else before
        fitting = [self.fits_larger(*pair) for pair in zip(before.holds, larger.holds, strict=True)]
        frozen = [self.frozen(hold) for hold in larger.holds]
        if isinstance(answer, Exhausted):
            assert answer.frozen is any(frozen)
            assert frozen[answer.index] if answer.frozen else not fitting[answer.index]
            return
        assert isinstance(answer, Held)
        assert not any(frozen)
        assert all(fits or not hold.enforced for fits, hold in zip(fitting, larger.holds, strict=True))
        self.held[identity] = larger

    @rule(name=NAMES, amount=st.integers(-5, 120))
    def shrink(self, name: str, amount: int) -> None:
        identity = f"{name}.1"
        shrunk = self.memory.ledger.shrink(identity, amount)
        assert self.sqlite.ledger.shrink(identity, amount) == shrunk == (identity in self.held)
        if shrunk and amount < most(self.held[identity]):
            self.held[identity] = self.resize(self.held[identity], max(0, amount))

    def resize(self, made: Reservation, amount: int) -> Reservation:
        if not any(hold.metered for hold in made.holds):
            return made
        holds = tuple(msgspec.structs.replace(each, amount=amount) if each.metered else each for each in made.holds)
        return msgspec.structs.replace(made, holds=holds, bound=amount)

    def fits_larger(self, hold: Hold, larger: Hold) -> bool:
        if larger.amount == hold.amount:
            return True
        until = NOW + 99 * STEP if hold.until is None else hold.until
        counted = sum(adding(hold.account, hold.since) - adding(hold.account, until) for adding in self.columns)
        return max(counted + larger.amount - hold.amount, larger.amount) <= self.limit(hold)

    @rule(
        whose=st.sampled_from(["a", "b", "b[x]"]),
        kind=st.sampled_from(["increase", "increase", "freeze"]),
        amount=st.integers(0, 50),
        begins=st.integers(-5, 20),
        lasts=st.sampled_from([None, 1, 30]),
    )
    def control(self, whose: str, kind: str, amount: int, begins: int, lasts: int | None) -> None:
        since = self.now + begins
        self.put(
            Control(
                id=f"{kind} {whose}",
                kind=kind,  # type: ignore[arg-type]
                target=whose,
                amount=amount,
                since=since,
                until=None if lasts is None else since + lasts,
                by="x",
            )
        )

    @rule(whose=st.sampled_from(["a", "b", "b[x]"]), kind=st.sampled_from(["increase", "freeze", "freeze"]))
    def end_control(self, whose: str, kind: str) -> None:
        control = self.controls.get(f"{kind} {whose}")
        if control is not None:
            self.put(msgspec.structs.replace(control, ended_at=self.now, ended_by="y"))

    def put(self, control: Control) -> None:
        self.controls[control.id] = control
        for store in (self.memory, self.sqlite):
            self.wait(store.ledger.control(control, self.now))

    @rule(account=st.sampled_from(ACCOUNTS), step=st.integers(0, 3), amount=st.integers(-40, 40))
    def move(self, account: str, step: int, amount: int) -> None:
        bucket = NOW + STEP * step
        moved = msgspec.structs.replace(
            opening(f"o{len(self.openings)}", amount, account, bucket), recorded_at=self.now
        )
        self.openings.append((account, bucket, amount))
        for store in (self.memory, self.sqlite):
            assert self.wait(store.ledger.move(moved))
            assert not self.wait(store.ledger.move(moved))

    @rule(name=NAMES, amount=st.integers(0, 80))
    def settle(self, name: str, amount: int) -> None:
        identity = f"{name}.1"
        late = self.booked.get(identity)
        made = self.held.get(identity) or (late[0] if late else None)
        if made is None:
            return
        # A start takes what was booked last for the time it is at least.
        line = msgspec.structs.replace(entry(made, amount), recorded_at=self.now)
        settled = self.memory.ledger.settle(line)
        assert self.sqlite.ledger.settle(line) == settled
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
        if any(hold.metered for hold in made.holds):
            assert amount == most(made)
        else:
            assert amount == max(33, *(hold.amount for hold in made.holds), 0)
        self.booked[identity] = (made, amount)
        self.presumed.add(identity)

    @rule()
    def crash(self) -> None:
        """The process is gone between two instants; another one starts from the files as they were."""
        self.generation += 1
        folder = self.folder / str(self.generation)
        self.sqlite, entries = self.wait(started_again(self.sqlite, folder, self.now))
        assert {each.reservation_id for each in entries} == self.held.keys()
        for each in entries:
            assert self.memory.ledger.settle(each)
            assert each.charge.amount == journal.presumption(self.held[each.reservation_id], self.now).charge.amount
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
        looks = [Hold(account, NOW, NOW + STEP * since, 0, LIMIT) for account in ACCOUNTS for since in (-2, 0, 1, 3)]
        balances = self.sqlite.ledger.balances(looks)
        assert balances == self.memory.ledger.balances(looks)
        for look, balance in zip(looks, balances, strict=True):
            assert balance.spent == self.spent(look.account, look.since)
            assert balance.held == self.holding(look.account, look.since)
            assert balance.limit == self.limit(look)
        assert self.sqlite.ledger.controls() == self.memory.ledger.controls()
        for store in (self.memory, self.sqlite):
            counters = store.ledger._counters
            assert counters.holds_drift(counters.snapshot()) == []
        assert list(self.sqlite.ledger.open_reservations()) == list(self.held.values())
        assert {each.id for each in self.sqlite.ledger.open_reservations()} == self.held.keys()

    def spent(self, account: str, since: int) -> int:
        return sum(
            amount
            for made, amount in self.booked.values()
            for hold in made.holds
            if hold.account == account and hold.bucket >= since
        ) + sum(amount for name, bucket, amount in self.openings if name == account and bucket >= since)

    def wanted(self, account: str, since: int) -> int:
        return sum(
            max(0, made.likely - hold.amount)
            for made in self.held.values()
            for hold in made.holds
            if hold.metered and hold.account == account and hold.bucket >= since
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


def most(made: Reservation) -> int:
    return max((hold.amount for hold in made.holds if hold.metered), default=0)


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

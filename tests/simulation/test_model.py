"""All stores and an oracle, driven by the same random histories: they agree after every step."""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from mutants import MUTANTS
from oracle import Oracle, Verdict
from server_world import empty
from tests.storage.crashing import started_again
from tests.storage.sql.places import killed

from tollway.ledger.control import Control
from tollway.ledger.entry import LedgerEntry
from tollway.ledger.reservation import Exhausted, Gone, Held, Hold, Reservation
from tollway.storage import migrations
from tollway.storage.conformance.values import NOW, entry
from tollway.storage.memory import MemoryStore
from tollway.storage.postgres.store import PostgresStore
from tollway.storage.sql.store import SqlStore
from tollway.storage.sqlite import SqliteStore
from tollway.storage.sqlite.connection import FILE

NAMES = st.sampled_from([f"r{number}" for number in range(10)])
AMOUNTS = st.integers(0, 60)
STEP = 10
ACCOUNTS = ("a", "b", "each[user=x]", "each[user=y]")
TARGETS = st.sampled_from([*ACCOUNTS, "each"])


class Model(RuleBasedStateMachine):
    """Account "b" has a rolling window, the others' windows are fixed and of one length."""

    @initialize()
    def start(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp())
        self.generation = 0
        self.now = NOW
        self.limits = dict.fromkeys(ACCOUNTS, 100)
        self.made: dict[str, Reservation] = {}
        self.opened_at: dict[str, int] = {}
        self.oracle = Oracle()
        self.memory = MemoryStore()
        self.durable = self.first()
        self.wait(self.durable.open(NOW))

    def first(self) -> SqlStore:
        """An empty one."""
        shutil.copy(_blank(), self.folder / FILE)
        return SqliteStore(self.folder)

    def another(self, folder: Path) -> Awaitable[tuple[SqlStore, Sequence[LedgerEntry]]]:
        """What a process finds that starts after this one was killed, and what it presumes."""
        assert isinstance(self.durable, SqliteStore)
        return started_again(self.durable, folder, self.now)

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.wait(self.durable.close())
            self.loop.close()
            shutil.rmtree(self.folder)

    def wait(self, awaitable: Awaitable[Any]) -> Any:
        return self.loop.run_until_complete(awaitable)

    def look(self, account: str, **fields: Any) -> Hold:
        """A hold in the window of now."""
        bucket = self.now - self.now % STEP
        since = bucket - 2 * STEP if account == "b" else bucket
        until = None if account == "b" else bucket + STEP
        return Hold(account, bucket, since, fields.pop("amount", 0), self.limits[account], until=until, **fields)

    def renew(self, reservation: Reservation) -> tuple[Hold, ...]:
        return tuple(msgspec.structs.replace(hold, limit=self.limits[hold.account]) for hold in reservation.holds)

    def pick(self, name: str) -> str:
        """A reservation: mostly one that is open, for little can be done to others."""
        opened, number = sorted(self.oracle.open), int(name[1:])
        return f"{name}.1" if number % 3 == 0 or not opened else opened[number % len(opened)]

    def agree(self, expected: Verdict, *replies: Any) -> None:
        for reply in replies:
            match reply:
                case Held():
                    assert expected.kind == "held", (expected, reply)
                case Gone():
                    assert expected.kind == "gone", (expected, reply)
                case Exhausted():
                    kind = "frozen" if reply.frozen else "contended" if reply.contended else "exhausted"
                    assert (kind, reply.index) == (expected.kind, expected.index), (expected, reply)
                case _:
                    raise AssertionError(reply)

    @rule(
        name=NAMES,
        accounts=st.lists(st.sampled_from(ACCOUNTS), min_size=1, max_size=4, unique=True),
        kinds=st.lists(st.sampled_from(["hard", "hard", "metered", "metered", "monitored", "spent"]), min_size=4, max_size=4),
        amount=AMOUNTS,
        likely=st.integers(0, 90),
        share=st.sampled_from([100, 100, 80]),
        time=st.integers(1, 60),
    )  # fmt: skip
    def reserve(
        self, name: str, accounts: list[str], kinds: list[str], amount: int, likely: int, share: int, time: int
    ) -> None:
        identity = f"{name}.1"
        if identity not in self.made:
            holds = tuple(
                self.look(
                    account,
                    amount=0 if kind == "spent" else amount,
                    enforced=kind != "monitored",
                    spent_only=kind == "spent",
                    metered=kind == "metered",
                    share=share,
                )
                for account, kind in zip(accounts, kinds, strict=False)
            )
            opened_at = self.opened_at.setdefault(identity, self.now)
            made = Reservation(identity, name, 1, holds, opened_at, self.now + time, amount, likely=likely)
        else:
            made = self.made[identity]
        expected = self.oracle.reserve(made)
        if expected.kind == "held":
            self.made[identity] = made
        replies = [self.wait(store.ledger.reserve(made, self.now)) for store in (self.memory, self.durable)]
        self.agree(expected, *replies)

    @rule(name=NAMES, amount=st.integers(0, 120))
    def extend(self, name: str, amount: int) -> None:
        identity = self.pick(name)
        expected = self.oracle.extend(identity, amount)
        replies = [self.wait(store.ledger.extend(identity, amount, self.now)) for store in (self.memory, self.durable)]
        self.agree(expected, *replies)

    @rule(name=NAMES, amount=AMOUNTS)
    def shrink(self, name: str, amount: int) -> None:
        identity = self.pick(name)
        expected = self.oracle.shrink(identity, amount)
        assert [store.ledger.shrink(identity, amount) for store in (self.memory, self.durable)] == [expected] * 2

    @rule(name=NAMES, amount=st.integers(0, 80))
    def settle(self, name: str, amount: int) -> None:
        """Also twice, and late."""
        made = self.made.get(f"{name}.1")
        if made is None:
            return
        expected = self.oracle.settle(made, amount)
        for store in (self.memory, self.durable):
            assert store.ledger.settle(entry(made, amount)) == expected
            assert not store.ledger.settle(entry(made, amount))

    @rule(name=NAMES)
    def release(self, name: str) -> None:
        # What is given back was made before, whenever its reserve arrives.
        self.opened_at.setdefault(f"{name}.1", self.now)
        expected = self.oracle.release(f"{name}.1")
        for store in (self.memory, self.durable):
            assert store.ledger.release(f"{name}.1", "not_sent", self.now) == expected

    @rule(time=st.integers(1, 30))
    def sweep(self, time: int) -> None:
        self.now += time
        expected = self.oracle.lapse(self.now)
        for store in (self.memory, self.durable):
            assert {each.reservation_id: each.charge.amount for each in store.ledger.sweep(self.now)} == expected

    @rule()
    def crash(self) -> None:
        """The process is gone; another one starts from the files as they were."""
        self.generation += 1
        self.durable, presumed = self.wait(self.another(self.folder / str(self.generation)))
        self.durable.ledger.judge_by(self.renew)
        expected = self.oracle.crash()
        assert {each.reservation_id: each.charge.amount for each in presumed} == expected
        for each in presumed:
            assert self.memory.ledger.settle(each)

    @rule(account=st.sampled_from(ACCOUNTS), limit=st.integers(0, 150))
    def edit(self, account: str, limit: int) -> None:
        before = [self.oracle.spent(self.look(each)) for each in ACCOUNTS]
        self.limits[account] = limit
        self.oracle.edited[account] = limit
        for store in (self.memory, self.durable):
            store.ledger.judge_by(self.renew)
        assert [balance.spent for balance in self.balances(self.durable)] == before

    @rule(name=TARGETS, on=st.sampled_from([True, False, False, False, False]))
    def freeze(self, name: str, on: bool) -> None:
        (self.oracle.frozen.add if on else self.oracle.frozen.discard)(name)
        self.control(Control(id=f"f {name}", kind="freeze", target=name, since=NOW, by="t"), on=on)

    @rule(name=TARGETS, amount=st.integers(1, 50), on=st.booleans())
    def increase(self, name: str, amount: int, on: bool) -> None:
        if on:
            self.oracle.increases[name] = amount
        else:
            self.oracle.increases.pop(name, None)
        self.control(Control(id=f"i {name}", kind="increase", target=name, amount=amount, since=NOW, by="t"), on=on)

    def control(self, control: Control, *, on: bool) -> None:
        if not on:
            control = msgspec.structs.replace(control, ended_at=self.now, ended_by="t")
        for store in (self.memory, self.durable):
            self.wait(store.ledger.control(control, self.now))

    def balances(self, store: Any) -> Any:
        return store.ledger.balances([self.look(account) for account in ACCOUNTS])

    @invariant()
    def they_agree(self) -> None:
        if not hasattr(self, "loop"):
            return
        looks = [self.look(account) for account in ACCOUNTS]
        expected = [(self.oracle.spent(look), self.oracle.held(look), self.oracle.limit(look)) for look in looks]
        for store in (self.memory, self.durable):
            assert [(b.spent, b.held, b.limit) for b in self.balances(store)] == expected
            assert {each.id for each in store.ledger.open_reservations()} == self.oracle.open.keys()

    @rule()
    def verify(self) -> None:
        assert self.wait(self.durable.ledger.verify()) == []
        assert self.wait(self.memory.ledger.verify()) == []


class ServerModel(Model):
    """The same in the database at `url`."""

    url = ""

    def first(self) -> SqlStore:
        empty(self.url)
        return PostgresStore(self.url, self.folder)

    def another(self, folder: Path) -> Awaitable[tuple[SqlStore, Sequence[LedgerEntry]]]:
        return self._killed(folder)

    async def _killed(self, folder: Path) -> tuple[SqlStore, Sequence[LedgerEntry]]:
        await self.durable.ledger.flush()
        return await killed(self.durable, folder, self.now)


_BLANK: list[Path] = []


def _blank() -> Path:
    if not _BLANK:
        path = Path(tempfile.mkdtemp()) / FILE
        migrations.upgrade(path)
        _BLANK.append(path)
    return _BLANK[0]


def checked(examples: int) -> Any:
    case = type("Case", (Model.TestCase,), {})
    case.settings = settings(
        max_examples=examples, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
    )
    return case


TestModel = checked(30)
TestModelAtLength = pytest.mark.slow(pytest.mark.timeout(3600)(checked(20_000)))


def test_a_server_agrees_with_them(postgres_url: str) -> None:
    ServerModel.url = postgres_url
    some = settings(
        max_examples=15, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    run_state_machine_as_test(ServerModel, settings=some)


@pytest.mark.parametrize(
    "name",
    [
        "expiry_releases",
        "checks_then_records",
        "extensions_are_not_checked",
        "freezes_are_not_durable",
    ],
)
def test_the_model_notices_a_broken_protocol(name: str) -> None:
    quick = settings(
        max_examples=300,
        stateful_step_count=50,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
        database=None,
        derandomize=True,
        report_multiple_bugs=False,
    )
    with MUTANTS[name](), pytest.raises((AssertionError, ExceptionGroup)):
        run_state_machine_as_test(Model, settings=quick)

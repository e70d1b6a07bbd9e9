"""A gateway in a simulated world, drawn from a seed: the real exchange, driver and ledgers under lots and virtual time.

Callers come and go, the provider keeps its own bill, messages to the ledger are doubled and lost, clocks jump, limits
are edited, and the process is killed at any step and inside any commit; a new one starts from the files that are left.
Whatever happens, `World` checks what must always be true, and raises `Violation` where it is not. The same seed makes
the same run: `World.trace` is a hash of everything that mattered.
"""

import asyncio
import contextlib
import functools
import hashlib
import logging
import random
import shutil
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import apsw
import msgspec
import world as small
from own_bill import Habits, OwnBill
from virtual_loop import Timeline, VirtualLoop

from tollway.budgets.window import Calendar
from tollway.clock import Clock
from tollway.document import compile_document
from tollway.errors import StoreUnavailable
from tollway.exchange.exchange import exchange
from tollway.ledger import journal
from tollway.ledger.control import Control, budget_of
from tollway.ledger.entry import LedgerEntry
from tollway.ledger.reservation import Exhausted, Held, Hold, Reservation
from tollway.proxy import driver as driving
from tollway.proxy import purse, unread
from tollway.proxy.driver import Driver
from tollway.proxy.heavy import Heavy, HeavyFailed
from tollway.proxy.world import World as Outside
from tollway.snapshot import Snapshot
from tollway.storage import migrations
from tollway.storage.memory import MemoryStore
from tollway.storage.sql import batch as batches
from tollway.storage.sql import rows, statements
from tollway.storage.sqlite import SqliteStore
from tollway.storage.sqlite import connection as connections
from tollway.workers.sweep import SWEEP_EVERY_S, keep_books

DAY_MS = 86_400_000
LONGEST_S = 10_000.0
"""After so long nothing may be under way."""
_BOOK = small.book()


class Violation(AssertionError):
    """Something that must always be true was not."""


class Killed(BaseException):
    """The process has died here."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is drawn before anything happens."""

    seed: int
    store: str = "memory"
    sync: str = "normal"
    requests: int = 50
    spread_s: float = 8.0
    """How long callers keep coming."""
    limit: int = 30_000_000
    """Nanodollars of the dearest budget; its children have parts of it."""
    habits: Habits = Habits()
    hidden: float = 0.1
    """How many ask a model that reasons in hiding."""
    anthropic: float = 0.1
    """How many ask a model whose streams tell their input at their beginning, so that the hold shrinks."""
    mode: str = "enforce"
    streams: float = 0.6
    wait_ms: int = 2_000
    """How long a request waits for money that others hold."""
    capped: bool = False
    """Every caller names a cap."""
    leaves: float = 0.08
    slow: float = 0.0
    """How many take their answers slower than they are made."""
    doubled: float = 0.06
    """How often a message to the ledger comes twice, or its answer is lost and it is sent again."""
    lost: float = 0.0
    """How often the end of an attempt is never told to the ledger: its owner died."""
    late: float = 0.03
    """How often it is told much later."""
    kills: int = 0
    """At lots drawn among steps and commits."""
    kill_at_commit: int | None = None
    """The number of the commit, for those that go through all of them; its halves are before and after it."""
    kill_after: bool = False
    jumps: bool = False
    edits: int = 0
    freezes: int = 0
    raises: int = 0
    """How often the limit is raised for a time."""
    full: int = 0
    """How often the disk is full for some commits."""

    @classmethod
    def draw(cls, seed: int, **fixed: Any) -> "Plan":
        lots = random.Random(f"plan {seed}")
        store = lots.choice(["memory", "sqlite", "sqlite"])
        liar = lots.random() < 0.1
        drawn: dict[str, Any] = {
            "store": store,
            "sync": lots.choice(["normal", "normal", "full"]),
            "requests": lots.randint(20, 60),
            "spread_s": lots.choice([0.01, 3.0, 20.0]),
            "limit": lots.choice([20_000_000, 60_000_000, 150_000_000]),
            "habits": Habits(
                obeys_caps=not liar,
                bills_errors=liar and lots.random() < 0.5,
                bills_after_disconnect=lots.random() < 0.3,
                fails=lots.choice([0.0, 0.03, 0.03, 0.1]),
                greedy=lots.choice([0.1, 0.5, 1.0]),
            ),
            "hidden": lots.choice([0.0, 0.0, 0.3]),
            "anthropic": lots.choice([0.0, 0.1, 0.5]),
            "leaves": lots.choice([0.0, 0.1, 0.3]),
            "slow": lots.choice([0.0, 0.0, 0.2]),
            "doubled": lots.choice([0.0, 0.05, 0.2]),
            "late": lots.choice([0.0, 0.05]),
            "lost": lots.choice([0.0, 0.0, 0.03]),
            "kills": lots.choice([0, 1, 1, 2, 4]) if store == "sqlite" else 0,
            "jumps": lots.random() < 0.25,
            "edits": lots.choice([0, 0, 1, 3]),
            "freezes": lots.choice([0, 0, 0, 2]),
            "raises": lots.choice([0, 0, 0, 2]),
            "full": lots.choice([0, 0, 0, 2]) if store == "sqlite" else 0,
        }
        return cls(seed=seed, **{**drawn, **fixed})


class Told(msgspec.Struct):
    """What the ledger has been told of an attempt."""

    reservation: Reservation
    exact: int | None = None
    """The metered amount that was to be settled."""
    lowered_to: int | None = None
    """What its hold was lowered to, until it was raised again."""
    lowered_at: float = 0.0
    orphan: bool = False
    """Its owner died, or its deadline passed: it may be presumed."""


class World:
    """One run. `broken` makes the mutants: it is entered around everything."""

    def __init__(self, plan: Plan, broken: Callable[[], contextlib.AbstractContextManager[Any]] | None = None) -> None:
        self.plan = plan
        self.timeline = Timeline()
        self.lots = random.Random(f"world {plan.seed}")
        self.provider = OwnBill(plan.seed, plan.habits, self.note, lambda: self.timeline.now)
        self.told: dict[str, Told] = {}
        self.statuses: list[int] = []
        self.verdicts: list[tuple[str, str]] = []
        self.failures: list[str] = []
        self.verbose = False
        self.commits = 0
        self.deaths = 0
        self.extensions: Counter[str] = Counter()
        self.offset_ms = 0
        self.limits: list[int] = []
        self.probes: dict[str, Hold] = {}
        """The newest window of each account."""
        self.ceilings: dict[tuple[str, int], int] = {}
        self.peaks: dict[tuple[str, int], int] = {}
        self._broken = broken or contextlib.nullcontext
        self._hash = hashlib.blake2b(digest_size=16)
        self._limit = plan.limit
        self._frozen: dict[str, Control] = {}
        self._raised = 0
        self._full = 0
        self._waiting = list(range(plan.requests))
        self._under_way: dict[int, Snapshot] = {}
        self._agenda: list[tuple[float, Callable[[], None]]] = []
        self._kill_at_step: set[int] = set()
        self._kill_at_commit: dict[int, bool] = {}
        self._recovering = False
        self._unreachable: list[Any] = []
        self._now_read = 0

    # What a reader of a failure sees.

    @property
    def trace(self) -> str:
        return self._hash.hexdigest()

    def note(self, *said: Any) -> None:
        self._hash.update(repr((self.timeline.steps, *said)).encode())

    def check(self, true: bool, words: Callable[[], str]) -> None:
        if not true:
            raise Violation(f"seed {self.plan.seed}: {words()}")

    # The run.

    def carry(self, work: Callable[[], Any]) -> Any:
        """Does what a thread of the product does."""
        return work()

    def run(self) -> "World":
        folder = Path(tempfile.mkdtemp(dir=_FAST))
        try:
            with self._broken(), self._patched(), self.surroundings():
                self._begin(folder)
                self._to_the_end()
        finally:
            self.loop.die()
            shutil.rmtree(folder)
        return self

    @contextlib.contextmanager
    def surroundings(self) -> Iterator[None]:
        """What is another than usual as long as this world is there."""
        write = batches.write
        with patch.object(
            batches, "write", lambda connection, batch: self.commit(lambda: write(connection, batch), apsw.FullError)
        ):
            yield

    def commit(self, write: Callable[[], Any], full: type[Exception]) -> Any:
        """Counts a commit, which may be the last one, or none."""
        self.commits += 1
        after = self._kill_at_commit.pop(self.commits, None)
        if after is False:
            raise Killed
        if self._full and not self._recovering:
            self._full -= 1
            raise full("the disk is full, says a test")
        known = write()
        if after:
            raise Killed
        return known

    @contextlib.contextmanager
    def _patched(self) -> Iterator[None]:
        with (
            patch.object(driving, "time", _Stopwatch(self.timeline)),
            patch.object(unread, "time", _Stopwatch(self.timeline)),
            patch.object(purse, "time", _Stopwatch(self.timeline)),
            patch.object(driving.log, "disabled", True),
            patch("tollway.workers.sweep.log.disabled", True),
            patch.object(logging.getLogger("tollway.storage"), "disabled", True),
        ):
            yield

    def _begin(self, folder: Path) -> None:
        plan, lots = self.plan, self.lots
        self._folder = folder
        if plan.store == "sqlite":
            shutil.copy(_blank(), folder / connections.FILE)
        if plan.kill_at_commit is not None:
            self._kill_at_commit[plan.kill_at_commit] = plan.kill_after
        for _ in range(plan.kills):
            if lots.random() < 0.5:
                self._kill_at_step.add(int(lots.random() ** 2 * plan.requests * 60) + 5)
            else:
                self._kill_at_commit[int(lots.random() ** 2 * plan.requests * 3) + 1] = lots.random() < 0.5
        for number in self._waiting:
            self._agenda.append((1_000 + lots.random() * plan.spread_s, lambda number=number: self._arrive(number)))
        for _ in range(plan.edits):
            self._agenda.append((1_000 + lots.random() * (plan.spread_s + 5), functools.partial(self._edit)))
        for number, happens in ((plan.freezes, self._freeze), (plan.raises, self._raise), (plan.full, self._fill_disk)):
            for _ in range(number):
                # Each is a function of its own: what has happened is found in the agenda by its identity.
                event = functools.partial(happens)
                self._agenda.append((1_000 + lots.random() * (plan.spread_s + 5), event))
        if plan.jumps:
            for _ in range(lots.randint(1, 4)):
                self._agenda.append((1_000 + lots.random() * (plan.spread_s + 5), functools.partial(self._jump)))
        self._agenda.sort(key=lambda item: item[0])
        self._snapshot = self._settings()
        self._start()

    def new_store(self) -> Any:
        """Where what was written before is."""
        if self.plan.store == "memory":
            return MemoryStore()
        return SqliteStore(self._folder, sync=self.plan.sync)  # type: ignore[arg-type]

    def _settings(self) -> Snapshot:
        dollars = lambda amount: f"{amount // 10**9}.{amount % 10**9:09}"  # noqa: E731
        limit, mode = self._limit, self.plan.mode
        budget: dict[str, Any] = {"mode": mode, "contention_wait_ms": self.plan.wait_ms}
        provider = {
            "api_key": small.PROVIDER_KEY,
            "bills_after_disconnect": self.plan.habits.bills_after_disconnect,
        }
        self.limits.append(limit)
        return compile_document(
            small.document(
                providers={"openai": {**provider, "default_tier_is_standard": True}, "anthropic": provider},
                budgets=[
                    {"name": "all", "limit": dollars(limit), "window": {"period": "month"}, **budget},
                    {
                        "name": "team",
                        "limit": dollars(limit // 2),
                        "window": {"period": "month"},
                        "split_by": ["metadata.squad"],
                        "parent": "all",
                        **budget,
                    },
                    {
                        "name": "who",
                        "limit": dollars(limit // 4),
                        "window": {"rolling": "day"},
                        "split_by": ["metadata.who"],
                        "parent": "all",
                        **budget,
                    },
                    {"name": "seen", "limit": dollars(limit // 8), "window": {"period": "day"}, "mode": "monitor"},
                ],
            ),
            resolve=lambda reference, _: reference,
            book=_BOOK,
            pepper=b"pepper",
            revision=len(self.limits),
        )

    def _start(self) -> None:
        """A process begins: with nothing but what is on the disk."""
        self.loop = VirtualLoop(self.timeline, self.lots, self.carry)
        self.loop.after_step = self._stepped
        self.store = self.new_store()
        self.clock = Clock(lambda: (self._wall_ms()) * 1_000_000)
        self.calendar = Calendar()
        self.ledger = Line(self)
        self._outside = Outside(
            ledger=self.ledger,  # type: ignore[arg-type]
            records=_Forgetful(),  # type: ignore[arg-type]
            transport=self.provider,  # type: ignore[arg-type]
            clock=self.clock,
            urls={},
            heavy=_HEAVY,
        )
        self._recovering = True
        presumed = self.loop.wait(self.store.open(self.clock.now()))
        self._recovering = False
        for entry in presumed:
            self.note("presumed", entry.id, entry.charge.amount)
            told = self.told.get(entry.reservation_id)
            # Long enough ago for its row to have been written.
            if told is not None and told.lowered_to is not None and told.lowered_at < self.timeline.now - 1:
                self.check(
                    self.plan.full > 0 or entry.charge.amount <= told.lowered_to,
                    lambda e=entry, t=told: f"{e.id} is {e.charge.amount}, though lowered to {t.lowered_to}",
                )
        if presumed:
            known = {told.reservation.id for told in self.told.values()}
            self.check(
                {entry.reservation_id for entry in presumed} <= known,
                lambda: "a reservation was presumed that nobody made",
            )
        self.loop.create_task(keep_books(self.store, self.clock))
        for at, action in self._agenda:
            self.loop.call_at(at, self._do, at, action)

    def _do(self, at: float, action: Callable[[], None]) -> None:
        self._agenda = [each for each in self._agenda if each[1] is not action]
        action()

    def _wall_ms(self) -> int:
        return small.NOW + int((self.timeline.now - 1_000) * 1_000) + self.offset_ms

    def _stepped(self) -> None:
        steps = self.timeline.steps
        if steps in self._kill_at_step and not self._recovering:
            raise Killed
        if self.ledger.touched:
            self.ledger.touched = False
            self._check_limits()

    def _to_the_end(self) -> None:
        last = self.timeline.now + LONGEST_S
        self._run(
            lambda: (
                not (self._agenda or self._under_way or self.ledger.delayed or self.failures)
                or self.timeline.now > last
            )
        )
        self.check(not self.failures, lambda: "; ".join(self.failures))
        self.check(not self._under_way, lambda: f"requests that never end: {sorted(self._under_way)}")
        # A clock that was set back is set right again: nothing else would ever let a deadline pass.
        self.offset_ms += max(0, self.clock.now() - self._wall_ms())
        longest = max((told.reservation.deadline for told in self.told.values()), default=0) - self.clock.now()
        self._run_for(max(0, longest) / 1_000 + 2 * SWEEP_EVERY_S + 1)
        self._kill_at_step.clear()
        self._kill_at_commit.clear()
        self._full = 0
        self._check_limits()
        self._run_check()
        ledger = self.store.ledger
        self.check(not self.loop.complaints, lambda: f"nobody caught {self.loop.complaints}")
        self.check(
            not ledger.open_reservations(), lambda: f"still held: {[each.id for each in ledger.open_reservations()]}"
        )
        self.loop.wait(self.store.close())

    def _run(self, done: Callable[[], bool]) -> None:
        while True:
            try:
                self.loop.run(done)
            except Killed:
                self._die()
                continue
            return

    def _run_for(self, seconds: float) -> None:
        end = self.timeline.now + seconds
        while self.timeline.now < end:
            try:
                self.loop.call_at(end, lambda: None)
                self.loop.run(lambda: self.timeline.now >= end)
            except Killed:
                self._die()

    def _die(self) -> None:
        """kill -9: connections break, files stay as they are, memory is gone."""
        self.deaths += 1
        # What was settled and not yet written is held again.
        self.ceilings = dict(self.peaks)
        self.note("killed", self.commits)
        loop, store = self.loop, self.store
        loop.die()
        self._under_way.clear()
        for answer in list(self.provider.open):
            answer.close()
        self.abandon(store._database)
        self._unreachable.append(loop)
        booked: dict[str, int] = {}
        for entry in self.entries():
            booked[entry.reservation_id] = booked.get(entry.reservation_id, 0) + entry.charge.amount
        for identity, told in self.told.items():
            if identity not in booked or (told.exact is not None and told.exact != booked[identity]):
                told.orphan = True
        try:
            self._start()
        except Killed:
            self._die()

    def abandon(self, database: Any) -> None:
        """Lets go of a store as a process does that is killed."""
        old = database._writer
        if old is not None:
            old._connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            old._connection.close()
        if database._reading is not None:
            database._reading.close()
        if database._lock is not None:
            database._unlock()

    # What happens in it.

    def _arrive(self, number: int) -> None:
        self._under_way[number] = self._snapshot
        self.loop.create_task(self._call(number))

    async def _call(self, number: int) -> None:
        plan = self.plan
        lots = random.Random(f"{plan.seed} caller {number}")
        snapshot = self._snapshot
        told_early = lots.random() < plan.anthropic
        model = "openai/o4-mini" if lots.random() < plan.hidden else "openai/gpt-4o-mini"
        asked: dict[str, Any] = {
            "model": "anthropic/claude-3-5-haiku-latest" if told_early else model,
            "messages": [
                {"role": "user", "content": "x" * lots.choice([*[lots.randint(1, 400)] * 3, lots.randint(1, 9_000)])}
            ],
        }
        cap = lots.randint(1, 5_000)
        if told_early:
            asked["max_tokens"] = cap
        elif plan.capped or lots.random() < 0.7:
            asked["max_completion_tokens"] = cap
        if lots.random() < plan.streams:
            asked["stream"] = True
        who = lots.randint(0, 9)
        now = self.clock.now()
        body = msgspec.json.encode(asked)
        request = small.request(
            body,
            api="anthropic.messages" if told_early else "openai.chat",
            dialect="anthropic" if told_early else "openai",
            path="/v1/messages" if told_early else "/v1/chat/completions",
            id=f"r{number}",
            metadata=f'{{"who":"{who}","squad":"{who % 3}"}}',
            received_at=now,
            headers=(
                (b"content-type", b"application/json"),
                (b"x-test-id", f"r{number}".encode()),
                (b"x-test-bytes", str(len(body)).encode()),
            ),
        )
        caller = Caller(self, lots)
        driver = Driver(self._outside, snapshot, request, caller.send, caller, caller)
        if lots.random() < plan.leaves:
            self.loop.call_later(lots.random() ** 2 * 10, caller.leave)
        try:
            await driver.run(exchange(request, snapshot, self.calendar, now))
        except Exception as error:
            # The listener would answer 500, and the hold be left to its deadline.
            self.failures.append(f"r{number} failed: {traceback.format_exc() if self.verbose else error!r}")
        finally:
            caller.over = True
        self.statuses.append(caller.status)
        self.note("answered", number, caller.status)
        self._under_way.pop(number, None)

    def _edit(self) -> None:
        before = self._spent()
        self._limit = self.plan.limit * self.lots.randint(5, 15) // 10
        self._snapshot = self._settings()
        self.note("edited", self._limit)
        self.check(self._spent() == before, lambda: "an edit of limits changed what was spent")

    def _freeze(self) -> None:
        target = self.lots.choice(["all", "who", "team[metadata.squad=1]"])
        self.loop.create_task(self._freezing(target, self.lots.random() * 5))

    async def _freezing(self, target: str, seconds: float) -> None:
        """A freeze, by hand, and its end. Killed in between it stays."""
        now = self.clock.now()
        # Begun long ago by any clock: a process that starts on one that was set back would wait for a later beginning.
        since = now - 100 * DAY_MS
        control = Control(id=f"{target} {now}", kind="freeze", target=target, since=since, by="a test")
        with contextlib.suppress(StoreUnavailable):
            await self.store.ledger.control(control, now)
            self._frozen[target] = control
            self.note("frozen", target)
            await asyncio.sleep(seconds)
            self._frozen.pop(target, None)
            ended = msgspec.structs.replace(control, ended_at=self.clock.now(), ended_by="a test")
            await self.store.ledger.control(ended, self.clock.now())
            self.note("thawed", target)

    def frozen_now(self, reservation: Reservation) -> bool:
        """Whether nothing may be held for it: a freeze of one of its accounts is known to be durable."""
        return any(
            hold.account in self._frozen or budget_of(hold.account) in self._frozen for hold in reservation.holds
        )

    def _raise(self) -> None:
        self.loop.create_task(self._raising(self.plan.limit // 10, self.lots.random() * 5))

    async def _raising(self, amount: int, seconds: float) -> None:
        now = self.clock.now()
        control = Control(id=f"more {now}", kind="increase", target="all", amount=amount, since=now, by="a test")
        self._raised += amount
        with contextlib.suppress(StoreUnavailable):
            await self.store.ledger.control(control, now)
            await asyncio.sleep(seconds)
            ended = msgspec.structs.replace(control, ended_at=self.clock.now(), ended_by="a test")
            await self.store.ledger.control(ended, self.clock.now())
            self._raised -= amount

    def _fill_disk(self) -> None:
        self._full = self.lots.randint(1, 5)
        self.note("disk full", self._full)

    def _jump(self) -> None:
        self.offset_ms = self.lots.choice([-1, 1]) * self.lots.choice([3_600_000, DAY_MS, 30 * DAY_MS])
        self.note("jumped", self.offset_ms)
        for told in self.told.values():
            if told.reservation.deadline <= self._wall_ms():
                told.orphan = True

    # What must be true.

    def _spent(self) -> list[int]:
        return [balance.spent for balance in self.store.ledger.balances(list(self.probes.values()))]

    def _check_limits(self) -> None:
        """Spent and held never pass the limit: the present one, or the one in force when they were admitted."""
        if not self.plan.habits.obeys_caps or not self.probes:
            return
        shares = {"all": 1, "team": 2, "who": 4}
        highest = max([self._limit, *(_limit_of(snapshot) for snapshot in self._under_way.values())])
        raised = {"all": self._raised}
        holds = list(self.probes.values())
        for hold, balance in zip(holds, self.store.ledger.balances(holds), strict=True):
            # A rolling window moves on with its spend; a calendar's begins with none.
            place = (hold.account, hold.since if hold.until is not None else 0)
            share = shares.get(hold.account.partition("[")[0])
            if share is None or self.plan.mode != "enforce":
                continue
            counted = balance.spent + balance.held
            limit = highest // share + raised.get(hold.account, 0)
            allowed = max(limit, min(self.ceilings.get(place, 0), counted))
            self.ceilings[place] = allowed
            self.peaks[place] = max(allowed, self.peaks.get(place, 0))
            self.check(
                counted <= allowed,
                lambda b=balance, a=allowed: (
                    f"{b.account} has {b.spent} spent and {b.held} held, {b.spent + b.held - a} over {a}"
                ),
            )

    def _run_check(self) -> None:
        self.loop.wait(self.store.ledger.flush())
        words = self.loop.wait(self.store.ledger.verify())
        self.check(not words, lambda: "; ".join(words))
        entries = self.entries()
        # I1 and I4: what is counted is the sum of the ledger.
        spent = journal.fold(entries)
        for hold, balance in zip(
            self.probes.values(), self.store.ledger.balances(list(self.probes.values())), strict=True
        ):
            true = sum(
                amount
                for (account, bucket), amount in spent.items()
                if account == hold.account and bucket >= hold.since
            )
            self.check(
                (balance.spent, balance.held) == (true, 0),
                lambda b=balance, t=true: f"{b.account} counts {b.spent} spent and {b.held} held; the ledger says {t}",
            )
        if self.plan.habits.obeys_caps and self.plan.mode == "enforce" and not (self.plan.edits or self.plan.raises):
            for (account, bucket), amount in spent.items():
                if account == "all":
                    self.check(amount <= self._limit, lambda b=bucket, a=amount: f"all has spent {a} in {b}")
        # I5: what the children have spent, the parent has.
        for child, parent in (("team[", "all"),):
            children: dict[int, int] = {}
            for (account, bucket), amount in spent.items():
                if account.startswith(child):
                    children[bucket] = children.get(bucket, 0) + amount
            for bucket, amount in children.items():
                self.check(
                    spent.get((parent, bucket), 0) == amount,
                    lambda c=child, b=bucket: f"{c} and its parent differ in {b}",
                )
        self._check_bills(entries)

    def _check_bills(self, entries: list[LedgerEntry]) -> None:
        """Every attempt that was sent has one outcome, and never less than was billed."""
        by_reservation: dict[str, list[LedgerEntry]] = {}
        for entry in entries:
            by_reservation.setdefault(entry.reservation_id, []).append(entry)
        for identity, booked in by_reservation.items():
            outcomes = [entry for entry in booked if entry.kind in ("charge", "presumed", "unpriced")]
            self.check(len(outcomes) == 1, lambda i=identity, o=outcomes: f"{i} has {len(o)} outcomes")
            told = self.told.get(identity)
            self.check(told is not None, lambda i=identity: f"{i} was booked, and never reserved")
            assert told is not None
            work = self.provider.work.get(told.reservation.request_id)
            self.check(
                work is not None or told.orphan or told.reservation.request_id in self.provider.unsure,
                lambda i=identity, o=outcomes: f"{i} was booked as {o[0].charge.amount}, and never sent",
            )
        for name, work in self.provider.work.items():
            booked = by_reservation.get(f"{name}.1", [])
            amount = sum(entry.charge.amount for entry in booked)
            told = self.told.get(f"{name}.1")
            self.check(told is not None, lambda n=name: f"{n} was sent without a reservation")
            assert told is not None
            self.check(work.sent == 1, lambda n=name: f"{n} was sent twice")
            if self.plan.habits.bills_errors:
                continue
            if self.plan.habits.obeys_caps or (told.exact is not None and not told.orphan):
                self.check(
                    amount >= work.bill,
                    lambda n=name, a=amount, w=work: f"{n} was billed {w.bill}, and {a} is in the ledger",
                )
            self.check(
                bool(booked) or work.bill == 0, lambda n=name, w=work: f"{n} was billed {w.bill}, and is not booked"
            )
            if told.exact is not None and not told.orphan:
                self.check(
                    amount == told.exact,
                    lambda n=name, a=amount, t=told: f"{n} was settled as {t.exact}, and {a} is in the ledger",
                )
            if work.told and told.exact is not None:
                self.check(
                    told.exact == work.bill,
                    lambda n=name, t=told, w=work: f"{n} was billed {w.bill}, and metered as {t.exact}",
                )

    def entries(self) -> list[LedgerEntry]:
        """What is written."""
        if self.plan.store == "memory":
            return list(self.store.ledger.entries)
        reading = connections.reader(self._folder / connections.FILE)
        try:
            found = reading.execute(f"SELECT {statements.ENTRY_COLUMNS} FROM entries ORDER BY seq").fetchall()
        finally:
            reading.close()
        return [rows.to_entry(row)[1] for row in found]


class Caller:
    """The caller's end, as the listener shows it to the driver: `connection` and `cycle` in one."""

    def __init__(self, world: World, lots: random.Random) -> None:
        self.status = 0
        self.on_gone: Callable[[], None] | None = None
        self.over = False
        self.task = asyncio.current_task()
        self._slow_s = lots.choice([0.2, 3.0]) if lots.random() < world.plan.slow else 0.0
        self.flow = self
        self.write_paused = False

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif self._slow_s:
            # From the second piece on its buffer is full.
            self.write_paused, was = True, self.write_paused
            if was:
                await asyncio.sleep(self._slow_s)

    def reply(self, cycle: Any, status: int, headers: Any, body: bytes) -> bool:
        self.status = status
        return True

    def leave(self) -> None:
        if self.on_gone is not None and not self.over:
            self.on_gone()


class Line:
    """The ledger as the driver sees it, over a line that doubles, delays and loses; it keeps book of what it was told."""

    def __init__(self, world: World) -> None:
        self.touched = False
        self.delayed = 0
        self._world = world
        self._ledger = world.store.ledger

    def _lots(self, *about: Any) -> random.Random:
        return random.Random(f"{self._world.plan.seed} line {about}")

    async def reserve(self, reservation: Reservation, now: int, wait_s: float = 0.0) -> Any:
        world, ledger = self._world, self._ledger
        told = world.told.setdefault(reservation.id, Told(reservation))
        told.reservation = reservation
        for hold in reservation.holds:
            known = world.probes.get(hold.account)
            if known is None or known.since <= hold.since:
                world.probes[hold.account] = hold
        frozen = world.frozen_now(reservation) and reservation.bound > 0
        lots = self._lots("reserve", reservation.id)
        twice = lots.random()
        again = lots.random() < 0.5
        if twice >= world.plan.doubled:
            reply = await ledger.reserve(reservation, now, wait_s)
        elif again:
            # The answer was lost, and the same is asked again.
            await ledger.reserve(reservation, now, wait_s)
            reply = await ledger.reserve(self._again(reservation), now, wait_s)
        else:
            replies = await asyncio.gather(
                ledger.reserve(reservation, now, wait_s),
                ledger.reserve(self._again(reservation), now, wait_s),
                return_exceptions=True,
            )
            reply = next((each for each in replies if isinstance(each, Held)), replies[0])
            if isinstance(reply, BaseException):
                raise reply
        self.touched = True
        world.check(not (frozen and isinstance(reply, Held)), lambda: f"{reservation.id} was admitted though frozen")
        self._judge(reservation, reply)
        return reply

    def _again(self, reservation: Reservation) -> Reservation:
        return reservation

    def _judge(self, reservation: Reservation, reply: Any) -> None:
        world = self._world
        if isinstance(reply, Held):
            verdict = "held"
            if any(not reservation.holds[index].account.startswith("seen") for index in reply.would_refuse):
                verdict = "refused"
        else:
            verdict = "refused" if isinstance(reply, Exhausted) else "gone"
        world.verdicts.append((reservation.id, verdict))
        world.note("reserve", reservation.id, reservation.bound, verdict)

    def settle(self, entry: LedgerEntry) -> bool:
        world = self._world
        told = world.told[entry.reservation_id]
        if entry.kind == "charge" and entry.charge.basis == "metered":
            told.exact = entry.charge.amount
        world.note("settle", entry.id, entry.charge.amount)
        lots = self._lots("settle", entry.id)
        fate = lots.random()
        if fate < world.plan.lost:
            told.orphan = True
            told.exact = None
            return False
        if fate < world.plan.lost + world.plan.late:
            self.delayed += 1
            world.loop.call_later(lots.choice([1, 100, 2_500]), self._settle_late, entry)
            return True
        return self._settle(entry)

    def _settle_late(self, entry: LedgerEntry) -> None:
        self.delayed -= 1
        self._settle(entry)

    def _settle(self, entry: LedgerEntry) -> bool:
        world = self._world
        settled = self._ledger.settle(entry)
        self.touched = True
        lots = self._lots("twice", entry.id)
        if lots.random() < world.plan.doubled:
            self._ledger.settle(entry)
        if lots.random() < world.plan.doubled:
            world.loop.call_later(lots.random() * 100, self._ledger.settle, entry)
        return settled

    async def extend(self, reservation_id: str, amount: int, now: int) -> Any:
        world = self._world
        frozen = world.frozen_now(world.told[reservation_id].reservation)
        # Killed before it is answered, it may be raised all the same.
        world.told[reservation_id].lowered_to = None
        reply = await self._ledger.extend(reservation_id, amount, now)
        self.touched = True
        if self._lots("extend", reservation_id, amount).random() < world.plan.doubled:
            reply = await self._ledger.extend(reservation_id, amount, now)
        world.note("extend", reservation_id, amount, type(reply).__name__)
        world.extensions[type(reply).__name__] += 1
        world.check(not (frozen and isinstance(reply, Held)), lambda: f"{reservation_id} was raised though frozen")
        return reply

    def shrink(self, reservation_id: str, amount: int) -> bool:
        world = self._world
        world.note("shrink", reservation_id, amount)
        world.extensions["shrink"] += 1
        told = world.told[reservation_id]
        told.lowered_to, told.lowered_at = amount, world.timeline.now
        if self._lots("shrink", reservation_id).random() < world.plan.doubled:
            self._ledger.shrink(reservation_id, amount)
        return self._ledger.shrink(reservation_id, amount)

    def release(self, reservation_id: str, code: str, now: int) -> bool:
        self._world.note("release", reservation_id)
        released = self._ledger.release(reservation_id, code, now)
        self.touched = True
        if self._lots("release", reservation_id).random() < self._world.plan.doubled:
            self._ledger.release(reservation_id, code, now)
        return released

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


class _Stopwatch:
    """What the driver takes for the module `time`."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline

    def monotonic_ns(self) -> int:
        return int(self._timeline.now * 1e9)


class _Forgetful:
    def write(self, record: Any) -> None:
        pass


class _NoTokens(Heavy):
    """The provider's text has a token for each byte, which no real vocabulary has; and no process is begun in a simulation."""

    async def count(self, *_: Any) -> Any:
        raise HeavyFailed("tokens are not counted here")


_HEAVY = _NoTokens()
_FAST = "/dev/shm" if Path("/dev/shm").is_dir() else None
_COMPILED: dict[int, int] = {}


def _limit_of(snapshot: Snapshot) -> int:
    return next(budget.limit for budget in snapshot.budgets_of["default"] if budget.id == "all")


@functools.lru_cache
def _blank() -> Path:
    """An empty database: making one takes longer than a world does."""
    path = Path(tempfile.mkdtemp()) / connections.FILE
    migrations.upgrade(path)
    return path

"""The machine's clock is set while money is spent: no window begins early, and none begins twice."""

import asyncio
import shutil
import time
import urllib.request
from datetime import datetime
from pathlib import Path

import msgspec
import pytest
from gateway import ADMIN_TOKEN, RunningGateway
from town import settings

from tollway.budgets.budget import Budget
from tollway.budgets.holds import claims, holds
from tollway.budgets.window import Calendar, Fixed, Rolling, Window
from tollway.clock import Clock
from tollway.ledger.reservation import Exhausted, Held, Reservation
from tollway.storage.conformance.values import assert_sound, entry, hold, reservation
from tollway.storage.sqlite import SqliteStore

HOUR, DAY = 3_600_000, 86_400_000
NOON = 1_782_907_200_000
"""2026-07-01T12:00:00Z."""
JUMPS = [HOUR, -HOUR, 30 * DAY, -30 * DAY, 400 * DAY]
WINDOWS: dict[str, Window] = {"day": Fixed("day"), "rolling": Rolling("day")}


class Machine:
    """A machine whose clock may be set, with a gateway's clock, a budget of 100 and a store."""

    def __init__(self, folder: Path, window: Window) -> None:
        self.wall, self.passed = NOON, 1_000
        self.folder = folder
        self.budget = Budget(id="b", name="b", limit=100, window=window)
        self.calendar = Calendar()
        self.number = 0

    async def start(self) -> None:
        """A process begins."""
        self.clock = Clock(lambda: self.wall * 1_000_000, lambda: self.passed * 1_000_000)
        self.store = SqliteStore(self.folder)
        await self.store.open(self.clock.now())
        self.clock.begin(self.store.ledger.latest)

    def wait(self, ms: int) -> None:
        self.wall += ms
        self.passed += ms

    async def hold(self, amount: int) -> Reservation | None:
        """Holds so much of the budget, where it lets it."""
        self.number += 1
        now = self.clock.now()
        placed = holds(claims([self.budget], {}), amount, now, self.calendar)
        made = msgspec.structs.replace(reservation(f"r{self.number}", *placed), opened_at=now, deadline=now + HOUR)
        verdict = await self.store.ledger.reserve(made, now)
        assert isinstance(verdict, Held | Exhausted)
        return made if isinstance(verdict, Held) else None

    async def spend(self, amount: int) -> bool:
        """Whether the budget let so much be spent."""
        made = await self.hold(amount)
        if made is not None:
            self.settle(made, amount)
        return made is not None

    def settle(self, made: Reservation, amount: int) -> None:
        told = msgspec.structs.replace(entry(made, amount), recorded_at=self.clock.now())
        assert self.store.ledger.settle(told)

    def spent(self) -> int:
        (placed,) = holds(claims([self.budget], {}), 1, self.clock.now(), self.calendar)
        return self.store.ledger.balances([placed])[0].spent


@pytest.mark.parametrize("jump", JUMPS)
@pytest.mark.parametrize("window", WINDOWS)
async def test_a_jump_between_requests_opens_no_window(blank: Path, tmp_path: Path, jump: int, window: str) -> None:
    shutil.copy(blank, tmp_path)
    machine = Machine(tmp_path, WINDOWS[window])
    await machine.start()
    assert await machine.spend(90)
    machine.wall += jump
    for _ in range(3):
        machine.wait(1_000)
        assert not await machine.spend(20), "the budget was reset by a clock"
        assert machine.spent() == 90
    assert await machine.spend(10)
    # By the time that has really passed, the window does end, once, wherever the machine's clock stands.
    machine.wait(DAY + 301_000)
    assert machine.spent() == 0
    assert await machine.spend(100) and not await machine.spend(1)
    machine.wall -= jump
    machine.wait(1_000)
    assert not await machine.spend(1), "the clock was put right, and a window began again"
    await assert_sound(machine.store)
    await machine.store.close()


@pytest.mark.parametrize("jump", JUMPS)
async def test_a_jump_within_a_request_neither_ends_it_nor_moves_its_charge(
    blank: Path, tmp_path: Path, jump: int
) -> None:
    shutil.copy(blank, tmp_path)
    machine = Machine(tmp_path, Fixed("day"))
    await machine.start()
    made = await machine.hold(60)
    assert made is not None
    machine.wall += jump
    assert not machine.store.ledger.sweep(machine.clock.now()), "a request under way was presumed over"
    assert machine.spent() == 0 and not await machine.spend(50)
    machine.settle(made, 40)
    assert machine.spent() == 40
    assert await machine.spend(60) and not await machine.spend(1)
    await assert_sound(machine.store)
    await machine.store.close()


@pytest.mark.parametrize("back", [DAY, 30 * DAY])
async def test_a_clock_set_back_while_no_process_runs_opens_no_window_again(
    blank: Path, tmp_path: Path, back: int
) -> None:
    shutil.copy(blank, tmp_path)
    machine = Machine(tmp_path, Fixed("day"))
    await machine.start()
    assert await machine.spend(50)
    machine.wait(DAY)
    assert await machine.spend(90)
    await machine.store.close()
    machine.wall -= back
    assert (
        machine.calendar.span(Fixed("day"), machine.wall).start < machine.calendar.span(Fixed("day"), NOON + DAY).start
    )
    await machine.start()
    assert machine.clock.drift_ms <= -back + 1
    assert machine.spent() == 90 and not await machine.spend(20)
    machine.wait(DAY)
    assert machine.spent() == 0
    await assert_sound(machine.store)
    await machine.store.close()


async def book(data: Path, ahead: int) -> None:
    """Books something at an instant."""
    store = SqliteStore(data)
    await store.open(ahead)
    made = msgspec.structs.replace(reservation("r", hold()), opened_at=ahead, deadline=ahead + HOUR)
    assert isinstance(await store.ledger.reserve(made, ahead), Held)
    store.ledger.settle(msgspec.structs.replace(entry(made, 1), recorded_at=ahead))
    await store.close()


def test_a_gateway_that_finds_itself_in_the_past_goes_on_from_its_ledger_and_says_so(
    blank: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(blank.parent, data)
    ahead = time.time_ns() // 1_000_000 + 30 * DAY
    asyncio.run(book(data, ahead))
    gateway = RunningGateway(settings("http://127.0.0.1:9"), tmp_path).start()
    try:
        at = datetime.fromisoformat(gateway.admin("/status")["at"]).timestamp()
        assert at >= ahead // 1000
        token = {"authorization": f"Bearer {ADMIN_TOKEN}"}
        with urllib.request.urlopen(urllib.request.Request(f"{gateway.url}/metrics", headers=token)) as answer:
            (told,) = [each for each in answer.read().decode().splitlines() if each.startswith("tollway_clock_drift")]
        assert -31 * DAY < float(told.split()[1]) * 1000 < -29 * DAY
    finally:
        gateway.kill()

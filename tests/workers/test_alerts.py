"""Keeping watch: exactly one event for each crossing, whatever breaks in between, and nobody waits for it."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.workers.receivers import receiver
from tests.workers.watched import DAY, NOW, SECRET, Gateway, budget, snapshot

from tollway.alerts import Channel, Event, Snooze
from tollway.alerts.crossing import reached
from tollway.budgets.window import Calendar
from tollway.clock import Clock
from tollway.errors import StoreUnavailable
from tollway.money import DOLLAR
from tollway.storage.books import Unwritten
from tollway.storage.memory import MemoryLedger, MemoryOutbox
from tollway.storage.sqlite import SqliteStore
from tollway.workers.alerts import ACCOUNTS_AT_ONCE, keep_watch, run_alerts
from tollway.workers.deliver import Deliveries
from tollway.workers.webhook import Outcome

TROUBLE = {"name": "trouble", "when": "store"}


class Killed(Exception):
    """The process ended here."""


class Fragile:
    """An outbox before or behind which the process may end."""

    def __init__(self, outbox: MemoryOutbox, draw: random.Random) -> None:
        self._outbox = outbox
        self._draw = draw

    async def raise_(self, *events: Event) -> Sequence[Event]:
        if self._draw.random() < 0.25:
            raise Killed
        new = await self._outbox.raise_(*events)
        if self._draw.random() < 0.25:
            raise Killed
        return new

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outbox, name)


async def crash_run(seed: int) -> int:
    """One life of a gateway with kills in it; how many events there were."""
    draw = random.Random(seed)
    gateway = Gateway(budgets=[budget("each", "100", "day", split_by=["user"], alerts=[50, 80, 100])])
    fragile = Fragile(gateway.store.outbox, draw)
    gateway.restart(outbox=fragile)
    spent: Counter[tuple[str, int]] = Counter()
    for _ in range(12):
        account = f"each[user={draw.choice('ab')}]"
        amount = draw.randrange(60)
        gateway.spend(amount, account)
        spent[account, gateway.now // DAY] += amount
        # Now and then the window ends between the spending and the look.
        gateway.now = draw.choice([gateway.now + 1_000, (gateway.now // DAY + 1) * DAY + draw.randrange(600_000)])
        while True:
            try:
                await gateway.watch.turn(gateway.now)
                break
            except Killed:
                gateway.restart(outbox=fragile)
        gateway.now += draw.choice([1_000, 2_000, 8 * 3_600_000])
        if draw.random() < 0.2:
            gateway.restart(outbox=fragile)
    expected = {
        f"spent:{account}:{day * DAY}:{percent}"
        for (account, day), amount in spent.items()
        for percent in reached(amount * DOLLAR, 100 * DOLLAR, (50, 80, 100))
    }
    keys = [event.key for event in await gateway.events()]
    assert sorted(keys) == sorted(expected), seed
    return len(keys)


async def test_in_a_thousand_lives_with_kills_each_threshold_is_told_exactly_once() -> None:
    total = sum([await crash_run(seed) for seed in range(1_000)])
    assert total > 3_000


async def test_a_rolling_window_with_kills_is_told_once_for_each_time_it_is_crossed() -> None:
    for seed in range(100):
        draw = random.Random(seed)
        gateway = Gateway(budgets=[{"name": "team", "limit": "100", "window": {"rolling": "day"}, "alerts": [80]}])
        fragile = Fragile(gateway.store.outbox, draw)
        gateway.restart(outbox=fragile)
        for _ in range(4):
            for amount in (85, 0):
                gateway.spend(amount)
                while True:
                    try:
                        await gateway.watch.turn(gateway.now)
                        break
                    except Killed:
                        gateway.restart(outbox=fragile)
                gateway.now += 13 * 3_600_000
                gateway.restart(outbox=fragile)
        states = [event.data["state"] for event in await gateway.events()]
        # 85 are spent every 26 hours, and looked at every 13: above, still above, gone and above again within one look.
        assert states[0] == "reached" and states.count("reached") - states.count("below") in (0, 1), seed


async def test_what_is_snoozed_is_kept_and_not_sent() -> None:
    gateway = Gateway(budgets=[budget("each", "10", split_by=["user"], alerts=[100])])
    await gateway.store.outbox.snooze(Snooze(target="each[user=a]", until=NOW + 1_000, by="me"))
    gateway.spend(10, "each[user=a]")
    gateway.spend(10, "each[user=b]")
    assert {event.account: event.channels for event in await gateway.look()} == {
        "each[user=a]": (),
        "each[user=b]": ("ops",),
    }
    gateway.now += 2_000
    gateway.spend(10, "each[user=c]")
    (event,) = await gateway.look()
    assert event.channels == ("ops",)


async def test_a_store_that_is_away_is_told_of_without_it_and_written_down_later() -> None:
    class Away(MemoryLedger):
        async def flush(self) -> None:
            raise StoreUnavailable("the disk is full")

    gateway = Gateway(budgets=[budget(alerts=[50])], alerts=[TROUBLE])
    gateway.spend(60)
    gateway.restart(ledger=Away())
    for _ in range(3):
        assert await gateway.look() == []
    (told,) = gateway.told
    assert "the disk is full" in told.text and told.channels == ("ops",)
    gateway.watch._ledger = gateway.store.ledger
    gateway.watch._accounts._ledger = gateway.store.ledger
    await gateway.watch.turn(gateway.now)
    kept = {event.kind: event for event in await gateway.events()}
    assert kept["store"].id == told.id and kept["store"].channels == ()
    assert kept["spent"].channels == ("ops",)


async def test_requests_that_go_on_without_the_store_are_told_of_at_once_and_once() -> None:
    class Away(MemoryLedger):
        gone_on = 0

        @property
        def unwritten(self) -> Unwritten:
            return Unwritten(self.gone_on, self.gone_on)

        async def flush(self) -> None:
            raise StoreUnavailable("the disk is full")

    ledger = Away()
    gateway = Gateway(budgets=[budget(on_store_failure="allow")], alerts=[TROUBLE])
    gateway.restart(ledger=ledger)
    await gateway.look()
    assert len(gateway.told) == 1
    for ledger.gone_on in (7, 8):
        await gateway.look()
    told = gateway.told[1:]
    assert [(event.data["state"], event.data["count"]) for event in told] == [("unwritten", 7)]
    assert told[0].channels == ("ops",)
    assert "on_store_failure: allow" in told[0].text


async def test_questions_wait_for_the_store_too(caplog: pytest.LogCaptureFixture) -> None:
    class Away(MemoryOutbox):
        async def raise_(self, *events: Event) -> Sequence[Event]:
            raise StoreUnavailable("the disk is full")

    gateway = Gateway(budgets=[budget()], alerts=[{"name": "new", "when": "unpriced"}])
    gateway.spend(0, kind="unpriced")
    gateway.restart(outbox=Away())
    assert await gateway.watch.ask(gateway.now) == 0
    assert "the disk is full" in caplog.text
    gateway.restart()
    assert len(await gateway.ask()) == 1


async def test_however_many_accounts_there_are_the_requests_have_their_turn() -> None:
    gateway = Gateway(budgets=[budget("each", "10", split_by=["user"], alerts=[100])])
    count = 20 * ACCOUNTS_AT_ONCE
    for number in range(count):
        gateway.spend(9, f"each[user={number:05}]")
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    running = asyncio.create_task(others())
    assert await gateway.look() == []
    running.cancel()
    assert turns >= count // ACCOUNTS_AT_ONCE
    gateway.spend(1, "each[user=04321]")
    assert [event.account for event in await gateway.look()] == ["each[user=04321]"]


async def test_a_defect_ends_no_worker(caplog: pytest.LogCaptureFixture) -> None:
    gateway = Gateway(budgets=[budget(alerts=[50])], alerts=[{"name": "new", "when": "unpriced"}])
    gateway.spend(60)
    calls = 0

    def shaky() -> Any:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise ZeroDivisionError
        return snapshot(budgets=[budget(alerts=[50])])

    gateway.watch._settings = shaky
    running = asyncio.create_task(keep_watch(gateway.watch, Clock(lambda: NOW * 1_000_000), every_s=0, ask_every_s=0))
    while not await gateway.events():
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert "could not be looked for" in caplog.text


async def test_from_the_last_dollar_to_the_receiver() -> None:
    gateway = Gateway()
    async with receiver() as hook:
        ops = {"webhook": hook.url, "secret": SECRET, "allow_private": True, "allow_http": True}
        gateway.settings = snapshot(budgets=[budget(alerts=[80])], channels={"ops": ops})
        gateway.spend(81)
        running = asyncio.create_task(
            run_alerts(
                gateway.store,
                lambda: gateway.settings,
                Calendar(),
                Clock(lambda: gateway.now * 1_000_000),
                gateway.new_id,
            )
        )
        async with asyncio.timeout(20):
            while not hook.requests:
                await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    (event,) = await gateway.events()
    assert hook.requests[0].headers["webhook-id"] == event.id


async def test_a_store_on_disk_keeps_events_over_restarts_and_each_arrives_with_its_id(tmp_path: Path) -> None:
    sent: list[tuple[str, str]] = []
    reached_it = True

    async def send(channel: Channel, event: Event, now: int) -> Outcome:
        sent.append((event.key, event.id))
        return Outcome(reached_it, "" if reached_it else "refused")

    gateway = Gateway(budgets=[budget(alerts=[50, 80])])
    for life in range(3):
        gateway.store = store = SqliteStore(tmp_path)  # type: ignore[assignment]
        await store.open(gateway.now)
        gateway.restart()
        if life == 0:
            gateway.spend(60)
        if life == 1:
            gateway.spend(30)
        new = await gateway.watch.turn(gateway.now)
        assert new == (1, 1, 0)[life]
        # The first life ends before anything is sent, the second meets a dead channel.
        reached_it = life == 2
        gateway.now += 60_000
        clock = Clock(lambda: gateway.now * 1_000_000)
        deliveries = Deliveries(store.outbox, lambda: gateway.settings.channels, send, clock, lambda: 0.5)
        if life:
            for _ in range(30):
                await deliveries.turn()
                await deliveries.idle()
                gateway.now += 10_000
        await store.close()
    keys = {key for key, _ in sent}
    assert keys == {f"spent:team:{NOW - DAY // 2}:{percent}" for percent in (50, 80)}
    assert len({event_id for _, event_id in sent}) == 2
    assert len(sent) > 2


@pytest.mark.parametrize("window", [{"period": "month"}, {"rolling": "day"}])
async def test_what_could_not_be_kept_is_told_at_the_next_look_of_the_same_process(window: dict[str, str]) -> None:
    class Away(MemoryOutbox):
        away = True

        async def raise_(self, *events: Event) -> Sequence[Event]:
            if self.away:
                raise StoreUnavailable("the disk is full")
            return await super().raise_(*events)

    gateway = Gateway(budgets=[{"name": "team", "limit": "100", "window": window, "alerts": [50]}])
    outbox = gateway.store.outbox = Away()
    gateway.restart()
    gateway.spend(60)
    assert await gateway.look() == []
    outbox.away = False
    assert len(await gateway.look()) == 1
    assert await gateway.look() == []

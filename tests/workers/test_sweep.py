import asyncio
import logging
from typing import Any

import pytest

from tollway.clock import Clock
from tollway.errors import StoreUnavailable
from tollway.ledger.entry import Context, LedgerEntry
from tollway.pricing.charge import Charge
from tollway.workers.sweep import PRUNE_EVERY_SWEEPS, keep_books, sweep_once, tell_of_drift

ENTRY = LedgerEntry(
    id="r.1.presumed", reservation_id="r.1", request_id="r", attempt=1, kind="presumed",
    charge=Charge(amount=5, lines=(), price_id="p", basis="presumed"), legs=(), occurred_at=1, recorded_at=2,
    context=Context(gateway="g", provider="p", model="m"),
)  # fmt: skip


class Store:
    """Answers as a store does; each of the two may be away."""

    def __init__(
        self, *, lapsed: Any = (), sweep_fails: bool = False, prune_fails: bool = False, steps: int = 1
    ) -> None:
        self.ledger: Any = self
        self.swept: list[int] = []
        self.pruned: list[int] = []
        self._lapsed = lapsed
        self._steps = steps
        self._sweep_fails, self._prune_fails = sweep_fails, prune_fails

    def sweep(self, now: int) -> Any:
        self.swept.append(now)
        if self._sweep_fails:
            raise StoreUnavailable("the disk is full")
        return self._lapsed

    async def prune(self, now: int) -> bool:
        self.pruned.append(now)
        if self._prune_fails:
            raise StoreUnavailable("the disk is full")
        self._steps -= 1
        return self._steps > 0


async def test_every_lapsed_hold_is_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    store = Store(lapsed=[ENTRY])
    assert await sweep_once(store, 7, prune=False) == 1
    assert (store.swept, store.pruned) == ([7], [])
    assert "r.1" in caplog.text and caplog.records[0].levelno == logging.WARNING


async def test_finished_intents_are_pruned_when_it_is_their_turn() -> None:
    store = Store()
    assert await sweep_once(store, 7, prune=True) == 0
    assert store.pruned == [7]


async def test_pruning_goes_on_until_nothing_is_left() -> None:
    store = Store(steps=500)
    await sweep_once(store, 7, prune=True)
    assert len(store.pruned) == 500


@pytest.mark.parametrize("failing", [{"sweep_fails": True}, {"prune_fails": True}])
async def test_a_store_that_is_away_ends_no_worker(failing: dict[str, bool], caplog: pytest.LogCaptureFixture) -> None:
    assert await sweep_once(Store(**failing), 7, prune=True) == 0
    assert "the disk is full" in caplog.text


async def test_the_books_are_kept_until_the_worker_is_stopped() -> None:
    store = Store()
    worker = asyncio.create_task(keep_books(store, Clock(lambda: 5_000_000), every_s=0))
    while len(store.pruned) < 2:
        await asyncio.sleep(0)
    worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await worker
    assert set(store.swept) == {5}
    assert 2 * PRUNE_EVERY_SWEEPS <= len(store.swept) < 3 * PRUNE_EVERY_SWEEPS


def test_a_clock_that_is_not_followed_is_told_of_once_and_again_when_it_changes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told = 0
    for drift_ms in (0, 3_600_000, 3_600_500, 3_601_000, -86_400_000, 0, 0):
        told = tell_of_drift(drift_ms, told, 1_782_864_000_000)
    said = [(record.levelno, record.getMessage()) for record in caplog.records]
    assert [level for level, _ in said] == [logging.ERROR, logging.ERROR, logging.WARNING]
    assert "set forward by 3600 s" in said[0][1] and "2026-07-01T00:00:00.000Z" in said[0][1]
    assert "set back by 86400 s" in said[1][1]
    assert "right again" in said[2][1]

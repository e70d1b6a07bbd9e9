"""Asking about batches unasked: which, how often, and what happens where it fails."""

import asyncio
import logging

import msgspec
import pytest

from tollway.clock import Clock
from tollway.errors import StoreUnavailable
from tollway.ledger.job import ASK_EVERY_MS, OPEN_FOR_MS, Job
from tollway.storage.conformance.jobs import batch
from tollway.storage.conformance.values import NOW
from tollway.storage.memory import MemoryJobs
from tollway.workers.batches import AT_ONCE, collect_batches, collect_once


class Asked:
    """Remembers what it was asked to collect; `fails` on those."""

    def __init__(self, *fails: str) -> None:
        self.names: list[str] = []
        self._fails = fails

    async def __call__(self, job: Job) -> None:
        self.names.append(job.upstream_id)
        if job.upstream_id in self._fails:
            raise ValueError("a defect")


async def kept(*made: Job) -> MemoryJobs:
    jobs = MemoryJobs()
    for job in made:
        await jobs.remember(job)
    return jobs


async def test_a_batch_is_left_alone_until_it_is_due_and_the_longer_the_older_it_is() -> None:
    jobs, asked = await kept(batch("b", created_at=NOW).asked(NOW)), Asked()
    assert await collect_once(jobs, asked, NOW) == 0
    assert await collect_once(jobs, asked, NOW + ASK_EVERY_MS - 1) == 0
    assert await collect_once(jobs, asked, NOW + ASK_EVERY_MS) == 1
    assert await collect_once(jobs, asked, NOW + ASK_EVERY_MS + 1) == 0
    day = NOW + 24 * 3_600_000
    assert await collect_once(jobs, asked, day) == 1
    assert await collect_once(jobs, asked, day + 3_600_000) == 0
    assert await collect_once(jobs, asked, day + 2 * 3_600_000) == 1


async def test_one_that_fails_keeps_no_other_waiting(caplog: pytest.LogCaptureFixture) -> None:
    jobs, asked = await kept(batch("bad"), batch("good")), Asked("bad")
    with caplog.at_level(logging.ERROR):
        assert await collect_once(jobs, asked, NOW) == 2
    assert asked.names == ["bad", "good"] and "openai/bad" in caplog.text
    assert await collect_once(jobs, asked, NOW) == 0


async def test_a_turn_is_bounded() -> None:
    jobs, asked = await kept(*(batch(f"b{number:03}") for number in range(AT_ONCE + 3))), Asked()
    assert await collect_once(jobs, asked, NOW) == AT_ONCE
    assert await collect_once(jobs, asked, NOW) == 3
    assert len(set(asked.names)) == AT_ONCE + 3


async def test_a_batch_whose_results_never_came_is_given_up_and_stays_as_presumed() -> None:
    old = batch("old", created_at=NOW - OPEN_FOR_MS - 1)
    jobs, asked = await kept(old), Asked()
    assert await collect_once(jobs, asked, NOW) == 0
    assert await jobs.recall(old.id) == msgspec.structs.replace(old, settled=True)
    assert not asked.names


async def test_a_store_that_is_away_is_tried_again_next_turn(caplog: pytest.LogCaptureFixture) -> None:
    class Away(MemoryJobs):
        async def open(self, now: int, limit: int) -> list[Job]:
            raise StoreUnavailable("the disk is full")

    assert await collect_once(Away(), Asked(), NOW) == 0
    assert "the disk is full" in caplog.text


async def test_a_cancellation_that_an_answer_swallowed_still_ends_the_worker() -> None:
    jobs = await kept(batch("b1"), batch("b2"))
    started = asyncio.Event()
    asked: list[str] = []

    async def swallows(job: Job) -> None:
        asked.append(job.id)
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return

    worker = asyncio.create_task(collect_batches(jobs, swallows, Clock(lambda: NOW * 1_000_000), every_s=0))
    await started.wait()
    worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await worker
    assert len(asked) == 1

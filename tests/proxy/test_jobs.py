"""Commands about jobs, carried out."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tollway.errors import StoreUnavailable
from tollway.exchange.steps import Compute, Recall, Remember, Unavailable
from tollway.ledger.job import Job
from tollway.proxy.jobs import carry_out
from tollway.storage.conformance.jobs import batch
from tollway.storage.memory import MemoryJobs

THREAD = ThreadPoolExecutor(1)


async def test_what_is_computed_does_not_run_on_the_loop() -> None:
    assert await carry_out(Compute(threading.get_ident), MemoryJobs(), THREAD) != threading.get_ident()


async def test_what_is_remembered_is_recalled() -> None:
    jobs, made = MemoryJobs(), batch("b")
    assert await carry_out(Recall(made.id), jobs, THREAD) is None
    assert await carry_out(Remember(made), jobs, THREAD) is None
    assert await carry_out(Recall(made.id), jobs, THREAD) == made


async def test_a_store_that_is_away_is_a_reply_and_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    class Away(MemoryJobs):
        async def recall(self, job_id: str) -> Job | None:
            raise StoreUnavailable("the disk is full")

        async def remember(self, job: Job) -> None:
            raise StoreUnavailable("the disk is full")

    for command in (Recall("x"), Remember(batch("b"))):
        assert await carry_out(command, Away(), THREAD) == Unavailable("the disk is full")
    assert "the disk is full" in caplog.text

"""Commands about jobs, carried out."""

import asyncio
import time
from collections.abc import AsyncIterator, Generator
from typing import Any

import msgspec
import pytest
from job_world import form, lines, messages, request

from tollway.errors import StoreUnavailable
from tollway.exchange.steps import Compute, ReadRequests, Recall, Remember, Unavailable
from tollway.ledger.job import Job
from tollway.providers.batch_bodies import read_requests
from tollway.providers.batches import Requests
from tollway.providers.codec import Malformed
from tollway.providers.weight import is_heavy
from tollway.proxy.heavy import Heavy
from tollway.proxy.heavy_worker import PART_REQUESTS
from tollway.proxy.jobs import carry_out
from tollway.proxy.turn import TURN_NS
from tollway.storage.conformance.jobs import batch
from tollway.storage.memory import MemoryJobs


@pytest.fixture
async def heavy() -> AsyncIterator[Heavy]:
    made = Heavy()
    yield made
    await made.aclose()


async def test_what_is_computed_lets_the_others_in_between_its_steps(
    heavy: Heavy, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_ns, turns = [1], 0
    monkeypatch.setattr(time, "monotonic_ns", lambda: now_ns[0])

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    def work() -> Generator[None, None, str]:
        for _ in range(10):
            now_ns[0] += 2 * TURN_NS
            yield
        return "done"

    counting = asyncio.create_task(count())
    assert await carry_out(Compute(work), MemoryJobs(), heavy) == "done"
    counting.cancel()
    assert turns >= 9


@pytest.mark.parametrize("number", [1, PART_REQUESTS, PART_REQUESTS + 1, 5 * PART_REQUESTS])
@pytest.mark.parametrize("api", ["openai.files", "anthropic.batches"])
async def test_the_requests_of_a_batch_are_the_same_whoever_reads_them(heavy: Heavy, api: str, number: int) -> None:
    names = [f"n{n}" for n in range(number)]
    if api == "openai.files":
        content_type, body = form(lines(*names))
        asked = request("POST", "/v1/files", body, content_type=content_type)
    else:
        asked = request("POST", "/v1/messages/batches", messages(*names))
    assert asked.api == api
    found = await carry_out(ReadRequests(asked), MemoryJobs(), heavy)
    assert isinstance(found, Requests) and len(found.all) == number
    assert found._replace(all=tuple(found.all)) == read_requests(asked.api, asked.content_type, asked.body)
    # A small one is read at once.
    assert (heavy.pid is not None) == is_heavy(asked.body, asked.content_type)


async def test_a_large_batch_that_is_none_is_told_as_such(heavy: Heavy) -> None:
    asked: Any = request("POST", "/v1/messages/batches", b"x" * 300_000)
    assert isinstance(await carry_out(ReadRequests(asked), MemoryJobs(), heavy), Malformed)
    assert heavy.pid is not None
    small = msgspec.structs.replace(asked, body=b"[]")
    assert isinstance(await carry_out(ReadRequests(small), MemoryJobs(), heavy), Malformed)


async def test_what_is_remembered_is_recalled(heavy: Heavy) -> None:
    jobs, made = MemoryJobs(), batch("b")
    assert await carry_out(Recall(made.id), jobs, heavy) is None
    assert await carry_out(Remember(made), jobs, heavy) is None
    assert await carry_out(Recall(made.id), jobs, heavy) == made


async def test_a_store_that_is_away_is_a_reply_and_a_line_in_the_log(
    heavy: Heavy, caplog: pytest.LogCaptureFixture
) -> None:
    class Away(MemoryJobs):
        async def recall(self, job_id: str) -> Job | None:
            raise StoreUnavailable("the disk is full")

        async def remember(self, job: Job) -> None:
            raise StoreUnavailable("the disk is full")

    for command in (Recall("x"), Remember(batch("b"))):
        assert await carry_out(command, Away(), heavy) == Unavailable("the disk is full")
    assert "the disk is full" in caplog.text

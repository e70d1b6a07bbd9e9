"""A batch settled by the worker's own questions, over real connections to an account with a bill."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest
from batch_provider import Account, account_served
from job_world import NOW, JobWorld, lines, messages, settings

from tollway.clock import Clock
from tollway.ids import Ids
from tollway.ledger.job import Job
from tollway.proxy.collect import Collector
from tollway.proxy.upstream.client import HttpTransport
from tollway.proxy.world import World
from tollway.storage.memory import MemoryStore


class Gateway:
    def __init__(self, url: str, account: Account, transport: HttpTransport) -> None:
        self.store = MemoryStore()
        providers: Any = {
            "anthropic": {"base_url": url, "api_key": "sk-provider"},
            "openai": {"base_url": f"{url}/v1", "api_key": "sk-provider"},
        }
        self.snapshot = settings(providers=providers)
        world = World(
            self.store.ledger, self.store.records, transport, Clock(lambda: NOW * 1_000_000), {}, jobs=self.store.jobs
        )
        random = iter(range(10**6))
        ids = Ids(lambda count: next(random).to_bytes(count, "big"))
        self.collector = Collector(world, lambda: self.snapshot, ids)
        self.told = JobWorld(store=self.store, snapshot=self.snapshot)
        self.told.account = account

    async def made(self, provider: str) -> Job:
        if provider == "anthropic":
            await self.told.call("POST", "/v1/messages/batches", messages("a", "fail-1", "bb"))
        else:
            await self.told.upload(lines("a", "fail-1", "bb"))
            asked = {"input_file_id": "file-0", "endpoint": "/v1/chat/completions", "completion_window": "24h"}
            await self.told.call("POST", "/v1/batches", asked)
        (job,) = await self.store.jobs.open(10**15, 5)
        return job


@pytest.fixture
def served() -> Iterator[tuple[str, Account]]:
    with account_served() as found:
        yield found


@pytest.fixture
async def gateway(served: tuple[str, Account]) -> AsyncIterator[Gateway]:
    transport = HttpTransport()
    yield Gateway(*served, transport)
    await transport.aclose()


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
async def test_the_true_cost_arrives_though_nobody_fetches_the_results(provider: str, gateway: Gateway) -> None:
    job = await gateway.made(provider)
    await gateway.collector(job)
    assert gateway.told.spent() == job.bound
    gateway.told.account.finished = True
    await gateway.collector(job)
    assert gateway.told.spent() == gateway.told.account.bill > 0
    assert await gateway.store.jobs.open(10**15, 5) == []
    assert not gateway.store.ledger.open_reservations()


async def test_a_batch_that_the_settings_no_longer_lead_to_is_left_as_it_is(gateway: Gateway) -> None:
    job = await gateway.made("anthropic")
    asked = len(gateway.told.account.asked)
    elsewhere = msgspec.structs.replace(job, context=msgspec.structs.replace(job.context, provider="gone"))
    await gateway.collector(elsewhere)
    assert len(gateway.told.account.asked) == asked and gateway.told.spent() == job.bound


async def test_a_provider_that_is_away_changes_nothing(gateway: Gateway) -> None:
    job = await gateway.made("openai")
    gateway.told.account.batches.clear()
    await gateway.collector(job)
    assert gateway.told.spent() == job.bound and not gateway.store.ledger.open_reservations()

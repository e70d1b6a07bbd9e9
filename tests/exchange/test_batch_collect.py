"""Asking unasked: what a batch cost is known though nobody fetches its results."""

import json
from typing import Any

import msgspec
import pytest
from job_world import JobWorld, lines, messages, settings

from tollway.exchange.batch_collect import collection
from tollway.exchange.steps import Forward, Log, Send
from tollway.ledger.job import Job

NAMES = ("a", "bb", "fail-1", "expire-1", "ccc")


async def made(provider: str, *names: str) -> tuple[JobWorld, Job]:
    gateway = JobWorld()
    if provider == "anthropic":
        answer = await gateway.call("POST", "/v1/messages/batches", messages(*names))
    else:
        file = json.loads((await gateway.upload(lines(*names))).body)["id"]
        asked = {"input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
        answer = await gateway.call("POST", "/v1/batches", asked)
    job = await gateway.job(f"{provider}/{json.loads(answer.body)['id']}")
    assert job is not None
    return gateway, job


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
async def test_a_batch_is_settled_once_it_has_ended_and_not_before(provider: str) -> None:
    gateway, job = await made(provider, *NAMES)
    await gateway.collect(job)
    assert gateway.spent() == job.bound
    gateway.account.finished = True
    await gateway.collect(job)
    assert gateway.spent() == gateway.account.bill
    again = await gateway.job(job.id)
    assert again is not None and again.settled
    await gateway.collect(job)
    assert gateway.spent() == gateway.account.bill
    assert not gateway.store.ledger.open_reservations()
    assert not any(isinstance(command, Send | Log) for command in gateway.commands)


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
async def test_results_that_break_off_are_asked_for_again(provider: str) -> None:
    gateway, job = await made(provider, *NAMES)
    gateway.account.finished = True
    gateway.cut = 300
    await gateway.collect(job)
    assert gateway.spent() == job.bound
    gateway.cut = 0
    await gateway.collect(job)
    assert gateway.spent() == gateway.account.bill


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
async def test_a_batch_without_an_answer_is_settled_at_nothing(provider: str) -> None:
    gateway, job = await made(provider, "fail-1", "expire-1")
    gateway.account.finished = True
    await gateway.collect(job)
    assert gateway.spent() == gateway.account.bill == 0


async def test_a_batch_that_the_provider_does_not_know_stays_as_presumed() -> None:
    gateway, job = await made("anthropic", *NAMES)
    gateway.account.batches.clear()
    await gateway.collect(job)
    assert gateway.spent() == job.bound and not gateway.store.ledger.open_reservations()


async def test_what_the_settings_no_longer_lead_to_is_not_asked() -> None:
    gateway, job = await made("anthropic", *NAMES)
    elsewhere = msgspec.structs.replace(job.context, gateway="gone")
    assert collection(msgspec.structs.replace(job, context=elsewhere), "i", gateway.snapshot, 1, 0) is None
    without = settings(providers={"openai": {"api_key": "k"}})
    assert collection(job, "i", without, 1, 0) is None
    keyless: Any = settings(providers={"anthropic": {}}, gateways=[{"slug": "default", "provider_keys": "caller"}])
    assert collection(job, "i", keyless, 1, 0) is None


async def test_nothing_is_asked_without_a_hold_that_stands_and_none_is_left() -> None:
    gateway, job = await made("openai", *NAMES)
    gateway.account.finished = True
    await gateway.collect(job)
    asked = [command for command in gateway.commands if isinstance(command, Forward)]
    assert [command.path for command in asked] == ["/v1/batches/batch_0", "/v1/files/file-1/content"]
    assert len({command.reservation.id for command in asked}) == 2
    assert all(not command.reservation.holds for command in asked)

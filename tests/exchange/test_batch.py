"""Making batches and files: what is held, what is refused, and that nothing is lost whatever dies when."""

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
import world
from job_world import BOB, NOW, Died, JobWorld, lines, messages, request, settings, value_of

from tollway.exchange.authenticate import authenticate
from tollway.exchange.batch import job_exchange
from tollway.exchange.batch_money import prices_now
from tollway.exchange.refusal import Refusal
from tollway.exchange.steps import (
    Authenticate,
    Command,
    Compute,
    Ended,
    Forward,
    Head,
    Log,
    NoAnswer,
    NotSent,
    Read,
    ReadRequests,
    Recall,
    Relay,
    Release,
    Remember,
    Reserve,
    Send,
    Sent,
    Settle,
    Unavailable,
)
from tollway.exchange.target import Target, choose
from tollway.ledger.job import Job
from tollway.ledger.reservation import Balance, Exhausted, Gone, Held
from tollway.providers.batch_bodies import read_requests
from tollway.request import Ask
from tollway.storage import migrations
from tollway.storage.sqlite import SqliteStore
from tollway.storage.sqlite.connection import FILE
from tollway.usage import Report

NAMES = ("a", "bb", "fail-1", "expire-1", "ccc")


async def made(gateway: JobWorld, provider: str, *names: str, **more: Any) -> Any:
    """A batch, made through the gateway: what the caller is told of it."""
    if provider == "anthropic":
        answer = await gateway.call("POST", "/v1/messages/batches", messages(*names), **more)
    else:
        file = json.loads((await gateway.upload(lines(*names))).body)["id"]
        answer = await gateway.call("POST", "/v1/batches", wanted(file), **more)
    assert answer.status == 200, answer
    return json.loads(answer.body)


def wanted(file: str, **fields: Any) -> dict[str, Any]:
    return {"input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h", **fields}


def refused(answer: Any) -> tuple[int, str, str]:
    error = json.loads(answer.body)["error"]
    return answer.status, error["tollway"]["code"], error["message"]


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
async def test_a_batch_is_booked_at_its_bound_and_then_at_what_its_results_cost(provider: str) -> None:
    gateway = JobWorld()
    batch = await made(gateway, provider, *NAMES)
    job = await gateway.job(f"{provider}/{batch['id']}")
    assert job is not None and job.bound is not None and not job.settled
    assert gateway.spent() == job.bound > gateway.account.bill > 0
    assert job.requests == len(NAMES) and job.context.key == "alice"
    gateway.account.finished = True
    await gateway.collect(job)
    assert gateway.spent() == gateway.account.bill
    entries = [(entry.kind, entry.charge.amount) for entry in gateway.store.ledger.entries]  # type: ignore[attr-defined]
    assert entries == [("presumed", job.bound), ("correction", gateway.account.bill - job.bound)]


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
async def test_a_batch_that_may_cost_more_than_is_left_is_refused_and_not_sent(provider: str) -> None:
    limit = {"name": "small", "limit": "0.0005", "window": {"period": "total"}}
    gateway = JobWorld(snapshot=settings(budgets=[limit]))
    names = [f"r{number}" for number in range(40)]
    file = ""
    if provider == "openai":
        file = json.loads((await gateway.upload(lines(*names))).body)["id"]
        answer = await gateway.call("POST", "/v1/batches", wanted(file))
    else:
        answer = await gateway.call("POST", "/v1/messages/batches", messages(*names))
    assert refused(answer)[:2] == (429, "budget_exceeded")
    assert not gateway.account.batches and gateway.spent("small") == 0
    assert not gateway.store.ledger.open_reservations()


async def test_the_bound_is_the_sum_of_what_each_request_may_cost_alone() -> None:
    one, three = JobWorld(), JobWorld()
    single = await made(one, "anthropic", "x")
    triple = await made(three, "anthropic", "x", "y", "z")
    first, second = await one.job(f"anthropic/{single['id']}"), await three.job(f"anthropic/{triple['id']}")
    assert first is not None and second is not None and first.bound is not None
    assert second.bound == 3 * first.bound


async def test_a_batch_that_the_provider_rejects_costs_nothing() -> None:
    gateway = JobWorld()
    answer = await gateway.call("POST", "/v1/messages/batches", messages("a", "reject"))
    assert answer.status == 400 and gateway.spent() == 0
    assert not gateway.store.ledger.open_reservations()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "is not"),
        ({"requests": []}, "is empty"),
        ({"requests": [{"custom_id": "a", "params": {"model": "m"}, "Params": {}}]}, "Params"),
        (b'{"requests":[],"requests":[{"custom_id":"a","params":{"model":"m"}}]}', "twice"),
        (b'{"requests":[{"custom_id":"a","params":{"model":"m"},"params":{}}]}', "twice"),
        (b'{"requests":[{"custom_id":"a","params":{"model":"m","max_tokens":1,"max_tokens":9}}]}', "twice"),
        ({"requests": [{"custom_id": "a", "params": {"max_tokens": 1}}]}, "names no model"),
        ({"requests": [*messages("a")["requests"], *messages("b", model="claude-sonnet-4-5")["requests"]]}, "one batch for"),
        ({"requests": messages("a")["requests"] * 10_001}, "10,001 requests"),
    ],
)  # fmt: skip
async def test_a_body_that_could_be_read_in_two_ways_is_refused(body: Any, said: str) -> None:
    gateway = JobWorld()
    status, code, message = refused(await gateway.call("POST", "/v1/messages/batches", body))
    assert (status, code) == (400, "body_invalid") and said in message
    assert not gateway.account.asked


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n" * 30_000, "too many lines"),
        (b"nonsense\n", "line 1 is not a JSON object"),
        (lines("a", url="/v1/images/generations"), "url is '/v1/images/generations'"),
        (lines("a") + lines("b", url="/v1/responses"), "a batch calls one endpoint"),
        (lines("a") + lines("b", model="gpt-4o"), "one file for"),
        (lines("a").replace(b'"POST"', b'"GET"'), "method"),
        (lines("a").replace(b'"custom_id"', b'"priority"'), "the field priority"),
        (lines("a").replace(b'"url"', b'"url": "/v1/chat/completions", "url"'), "twice"),
    ],
)
async def test_a_file_that_could_be_read_in_two_ways_is_not_taken(content: bytes, said: str) -> None:
    gateway = JobWorld()
    status, code, message = refused(await gateway.upload(content))
    assert (status, code) == (400, "body_invalid") and said in message
    assert not gateway.account.asked


async def test_a_file_for_anything_else_is_not_taken() -> None:
    gateway = JobWorld()
    status, code, message = refused(await gateway.upload(lines("a"), purpose="assistants"))
    assert (status, code) == (400, "body_invalid") and "whole account" in message


async def test_a_batch_is_made_only_of_a_file_that_its_caller_has_uploaded_here() -> None:
    gateway = JobWorld()
    file = json.loads((await gateway.upload(lines("a"))).body)["id"]
    gateway.account.files["file-theirs"] = lines("x")
    assert refused(await gateway.call("POST", "/v1/batches", wanted("file-theirs")))[:2] == (404, "job_unknown")
    assert refused(await gateway.call("POST", "/v1/batches", wanted(file), secret=BOB))[:2] == (404, "job_unknown")
    other = await gateway.call("POST", "/v1/batches", wanted(file, endpoint="/v1/embeddings"))
    assert "endpoint is /v1/embeddings" in refused(other)[2]
    more = await gateway.call("POST", "/v1/batches", wanted(file, model="gpt-5"))
    assert "model is not a field" in refused(more)[2]
    assert not gateway.account.batches
    assert (await gateway.call("POST", "/v1/batches", wanted(file), secret="another-key-of-alice")).status == 200


async def test_a_file_whose_prices_have_changed_is_to_be_uploaded_again() -> None:
    gateway = JobWorld()
    file = json.loads((await gateway.upload(lines("a"))).body)["id"]
    gateway.snapshot = settings(prices=[{"provider": "openai", "model": "gpt-4o-mini", "input": "9", "output": "9"}])
    assert "Upload it again" in refused(await gateway.call("POST", "/v1/batches", wanted(file)))[2]
    assert not gateway.account.batches


async def test_results_of_a_batch_are_no_file_to_make_one_of() -> None:
    gateway = JobWorld()
    batch = await made(gateway, "openai", "a")
    gateway.account.finished = True
    output = json.loads((await gateway.call("GET", f"/v1/batches/{batch['id']}")).body)["output_file_id"]
    assert "no file that was uploaded" in refused(await gateway.call("POST", "/v1/batches", wanted(output)))[2]


async def test_a_caller_that_nobody_knows_can_have_no_jobs() -> None:
    open_to_all = [{"slug": "default", "authentication": "none"}]
    gateway = JobWorld(snapshot=settings(gateways=open_to_all))
    answer = await gateway.call("POST", "/v1/messages/batches", messages("a"), secret=None)
    assert refused(answer)[:2] == (401, "credential_missing")


async def test_a_batch_takes_no_custom_cost_and_no_other_name_of_its_model() -> None:
    gateway = JobWorld()
    answer = await gateway.call("POST", "/v1/messages/batches", messages("a"), custom_cost='{"per_token_in": 0}')
    assert refused(answer)[1] == "custom_cost_invalid"
    named = await gateway.call("POST", "/v1/messages/batches", messages("a", model="anthropic/claude-haiku-4-5"))
    assert refused(named)[1] == "model_unknown" and "named as the provider does" in refused(named)[2]
    assert not gateway.account.asked


async def test_a_model_without_a_price_is_refused_where_a_budget_must_hold_it_and_counted_where_none_does() -> None:
    body = messages("a", model="claude-never-heard-of")
    gateway = JobWorld()
    assert refused(await gateway.call("POST", "/v1/messages/batches", body))[1] == "price_unknown"
    free = JobWorld(snapshot=settings(budgets=[]))
    batch = json.loads((await free.call("POST", "/v1/messages/batches", body)).body)
    job = await free.job(f"anthropic/{batch['id']}")
    assert job is not None and job.settled and job.bound is None
    assert [entry.kind for entry in free.store.ledger.entries] == ["unpriced"]  # type: ignore[attr-defined]


async def test_at_the_ceiling_a_batch_is_billed_by_what_its_results_tell() -> None:
    budget = {"name": "all", "limit": "100", "window": {"period": "total"}, "on_unpriced": "ceiling"}
    gateway = JobWorld(snapshot=settings(budgets=[budget]))
    answer = await gateway.call("POST", "/v1/messages/batches", messages("a", model="claude-never-heard-of"))
    job = await gateway.job(f"anthropic/{json.loads(answer.body)['id']}")
    assert job is not None and job.at_ceiling and gateway.spent() == job.bound
    gateway.account.finished = True
    await gateway.collect(job)
    assert job.bound is not None and 0 < gateway.spent() < job.bound


async def test_a_line_without_a_cap_is_held_at_the_longest_answer_and_one_above_the_listed_cap_at_what_it_says() -> (
    None
):
    capped, uncapped = JobWorld(), JobWorld()
    await capped.upload(lines("a", max_tokens=16_384))
    await uncapped.upload(lines("a", max_tokens=None))
    first, second = await capped.job("openai/file-0"), await uncapped.job("openai/file-0")
    assert first is not None and second is not None and first.bound is not None and second.bound is not None
    assert abs(first.bound - second.bound) < 10_000
    above = JobWorld()
    await above.upload(lines("a", max_tokens=160_000))
    third = await above.job("openai/file-0")
    assert third is not None and third.bound is not None and third.bound > 9 * first.bound


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
async def test_whatever_dies_when_a_batch_never_costs_less_than_the_provider_bills(
    provider: str, tmp_path: Path
) -> None:
    blank = tmp_path / "blank" / FILE
    blank.parent.mkdir()
    migrations.upgrade(blank)
    dies_at = 0
    while True:
        folder = tmp_path / str(dies_at)
        folder.mkdir()
        shutil.copy(blank, folder)
        store = SqliteStore(folder)
        await store.open(NOW)
        gateway = JobWorld(store=store)
        body: Any = messages(*NAMES)
        path = "/v1/messages/batches"
        if provider == "openai":
            body, path = wanted(json.loads((await gateway.upload(lines(*NAMES))).body)["id"]), "/v1/batches"
        died = False
        try:
            await gateway.call("POST", path, body, dies_at=dies_at)
        except Died:
            died = True
        # A process that is killed leaves what was committed, and its lock.
        await store.close()
        again = SqliteStore(folder)
        await again.open(NOW + 1)
        gateway.store = again
        assert gateway.spent() >= gateway.account.bill
        assert not again.ledger.open_reservations()
        gateway.account.finished = True
        for job in await again.jobs.open(NOW + 10**9, 5):
            await gateway.collect(job)
            await gateway.collect(msgspec.structs.replace(job, settled=False))
            assert gateway.spent() == gateway.account.bill
        assert gateway.spent() >= gateway.account.bill
        assert await again.ledger.verify() == []
        await again.close()
        if not died:
            assert gateway.spent() == gateway.account.bill
            break
        dies_at += 1
    assert dies_at > 5


BATCH = {"id": "b", "object": "batch", "type": "message_batch", "status": "completed", "processing_status": "ended"}
JOB = Job(
    id="openai/b", kind="batch", context=msgspec.convert({"gateway": "default", "provider": "openai", "model": "gpt-4o-mini",
    "key": "alice"}, type=Job.__annotations__["context"]), listed=("openai", "gpt-4o-mini"), created_at=NOW, requests=1,
    endpoint="/chat/completions", bound=5, request_id="r", attempt=1,
)  # fmt: skip


def replies(command: Command) -> list[Any]:
    """Every kind of reply the world may give."""
    match command:
        case Authenticate():
            return [authenticate(command.request, SNAPSHOT), Refusal(code="credential_unknown", message="no")]
        case Reserve():
            holds = command.reservation.holds
            found: list[Any] = [
                Held(tuple(Balance(h.account, 0, h.amount, h.limit) for h in holds)), Unavailable("disk"), Gone("released"),
            ]  # fmt: skip
            spent = Balance(holds[0].account, holds[0].limit, 0, holds[0].limit)
            return [*found, Exhausted(0, spent, False), Exhausted(0, spent, True)] if holds[0].amount else found
        case Forward():
            statuses = [Head(status, (), streamed, 1) for status in (200, 404, 500) for streamed in (False, True)]
            return [*statuses, NotSent("upstream_unreachable", "x", 1), NoAnswer("upstream_timeout", "x", 1)]
        case Read() | Relay():
            bodies = [b"", b"{}", json.dumps(BATCH).encode()]
            return [
                Ended(reason=reason, report=Report(), raw=raw, at=NOW, at_ns=2)
                for reason in ("complete", "client_gone", "broken_off", "too_long")
                for raw in bodies
            ]
        case Recall():
            file = msgspec.structs.replace(JOB, id="openai/f", kind="file", price_id=PRICES)
            return [
                None,
                Unavailable("disk"),
                JOB,
                file,
                msgspec.structs.replace(file, batch="openai/b", id="openai/b"),
            ]
        case Remember():
            return [None, Unavailable("disk")]
        case Compute():
            return [value_of(command.work())]
        case ReadRequests():
            return [read_requests(command.request.api, command.request.content_type, command.request.body)]
        case Send():
            return [Sent(3)]
        case Settle() | Release() | Log():
            return [None]


SNAPSHOT = settings()
TARGET = choose(request("POST", "/v1/batches"), Ask(model="gpt-4o-mini"), SNAPSHOT, NOW)
assert isinstance(TARGET, Target)
PRICES = prices_now(request("POST", "/v1/batches"), TARGET, SNAPSHOT, NOW)
CASES: dict[str, dict[str, Any]] = {
    "a message batch": {"method": "POST", "path": "/v1/messages/batches", "body": messages("a")},
    "a malformed one": {"method": "POST", "path": "/v1/messages/batches", "body": b"{"},
    "a look at one": {"method": "GET", "path": "/v1/messages/batches/b"},
    "results": {"method": "GET", "path": "/v1/messages/batches/b/results"},
    "an OpenAI batch": {"method": "POST", "path": "/v1/batches", "body": wanted("f")},
    "a cancelled one": {"method": "POST", "path": "/v1/batches/b/cancel"},
    "a file's content": {"method": "GET", "path": "/v1/files/f/content"},
    "a deleted file": {"method": "DELETE", "path": "/v1/files/f"},
}


@pytest.mark.parametrize("case", CASES)
def test_every_path_ends_each_reservation_once_and_answers_once_and_logs_once(case: str) -> None:
    asked = request(**CASES[case])
    pending: list[list[Any]] = [[]]
    paths = 0
    while pending:
        prefix = pending.pop()
        steps, told = job_exchange(asked, SNAPSHOT, world.calendar(), NOW), list[tuple[Command, Any]]()
        command = next(steps)
        for reply in prefix:
            told.append((command, reply))
            try:
                command = steps.send(reply)
            except StopIteration:
                break
        else:
            assert len(prefix) < 25, "a telling ends"
            pending += [[*prefix, reply] for reply in replies(command)]
            continue
        paths += 1
        held = [c.reservation.id for c, reply in told if isinstance(c, Reserve) and isinstance(reply, Held)]
        ended = [c.entry.reservation_id for c, _ in told if isinstance(c, Settle) and c.entry.request_id != "r"]
        ended += [c.reservation_id for c, _ in told if isinstance(c, Release)]
        assert sorted(held) == sorted(ended), told
        for position, (step, _) in enumerate(told):
            if isinstance(step, Forward):
                before = [
                    c.reservation.id
                    for c, reply in told[:position]
                    if isinstance(c, Reserve) and isinstance(reply, Held)
                ]
                assert before == [step.reservation.id], "forwarded without a hold that stands"
        left = any(isinstance(c, Read) and reply.reason == "client_gone" for c, reply in told)
        answered = [c for c, _ in told if isinstance(c, Send | Relay)]
        assert len(answered) == (0 if left else 1), told
        assert sum(isinstance(c, Log) for c, _ in told) == 1 and isinstance(told[-1][0], Log), told
    assert paths > 1

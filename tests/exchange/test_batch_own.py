"""One's own jobs: seen by nobody else, settled once all their results were seen, and only then deleted."""

import json
from typing import Any

import msgspec
import pytest
from job_world import BOB, JobWorld, lines, messages, settings

from tollway.exchange.steps import Settle
from tollway.ledger.job import Job

NAMES = ("a", "bb", "fail-1", "expire-1", "ccc")


async def anthropic(*names: str, **more: Any) -> tuple[JobWorld, str]:
    gateway = JobWorld(**more)
    answer = await gateway.call("POST", "/v1/messages/batches", messages(*(names or NAMES)))
    assert answer.status == 200, answer
    return gateway, json.loads(answer.body)["id"]


async def openai(*names: str) -> tuple[JobWorld, str]:
    gateway = JobWorld()
    file = json.loads((await gateway.upload(lines(*(names or NAMES)))).body)["id"]
    made = {"input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    return gateway, json.loads((await gateway.call("POST", "/v1/batches", made)).body)["id"]


async def known(gateway: JobWorld, identifier: str) -> Job:
    job = await gateway.job(identifier)
    assert job is not None
    return job


def code(answer: Any) -> tuple[int, str]:
    return answer.status, json.loads(answer.body)["error"]["tollway"]["code"]


async def test_results_settle_a_batch_and_seen_again_change_nothing() -> None:
    gateway, batch = await anthropic()
    gateway.account.finished = True
    for _ in range(2):
        answer = await gateway.call("GET", f"/v1/messages/batches/{batch}/results")
        assert answer.body.count(b"\n") == len(NAMES)
        assert gateway.spent() == gateway.account.bill
    assert len(gateway.store.ledger.entries) == 2  # type: ignore[attr-defined]
    assert (await known(gateway, f"anthropic/{batch}")).settled
    assert not [c for c in gateway.commands if isinstance(c, Settle)]


async def test_results_pass_untouched_by_their_reading() -> None:
    gateway, batch = await anthropic()
    gateway.account.finished = True
    answer = await gateway.call("GET", f"/v1/messages/batches/{batch}/results")
    assert answer.body == gateway.account.respond("GET", f"/v1/messages/batches/{batch}/results", "", b"").body


async def test_results_that_break_off_anywhere_settle_nothing() -> None:
    gateway, batch = await anthropic()
    gateway.account.finished = True
    bound = gateway.spent()
    for cut in (1, 200, 700, 900):
        gateway.cut = cut
        await gateway.call("GET", f"/v1/messages/batches/{batch}/results")
        assert gateway.spent() == bound
    gateway.cut = 0
    await gateway.call("GET", f"/v1/messages/batches/{batch}/results")
    assert gateway.spent() == gateway.account.bill


@pytest.mark.parametrize("lost", [0, 1, 4])
async def test_results_with_a_line_missing_settle_nothing(lost: int) -> None:
    gateway, batch = await anthropic()
    gateway.account.finished = True
    bound = gateway.spent()
    del gateway.account.batches[batch]["lines"][lost]
    await gateway.call("GET", f"/v1/messages/batches/{batch}/results")
    assert gateway.spent() == bound


@pytest.mark.parametrize(
    "usage", [None, {}, {"input_tokens": 0, "output_tokens": 0}, {"input_tokens": -5, "output_tokens": 1}]
)
async def test_an_answer_that_does_not_say_what_it_cost_settles_nothing(usage: Any) -> None:
    gateway, batch = await anthropic()
    gateway.account.finished = True
    bound = gateway.spent()
    gateway.account.batches[batch]["lines"][0]["result"]["message"]["usage"] = usage
    await gateway.call("GET", f"/v1/messages/batches/{batch}/results")
    assert gateway.spent() == bound


async def test_a_batch_above_its_bound_is_booked_at_the_truth_and_noted() -> None:
    gateway, batch = await anthropic("a")
    gateway.account.finished = True
    usage = {"input_tokens": 10, "output_tokens": 1_000_000, "service_tier": "batch"}
    gateway.account.batches[batch]["lines"][0]["result"]["message"]["usage"] = usage
    await gateway.call("GET", f"/v1/messages/batches/{batch}/results")
    assert gateway.spent() == 10 * 500 + 1_000_000 * 2_500
    (record,) = [r for r in gateway.store.records._records if r.path.endswith("/results")]  # type: ignore[attr-defined]
    assert {"batch_settled", "hold_exceeded"} <= {decision.code for decision in record.decisions}


async def test_a_batch_none_of_whose_requests_was_answered_costs_nothing_once_it_has_ended() -> None:
    gateway, batch = await anthropic("fail-1", "expire-1")
    assert gateway.spent() > 0
    await gateway.call("GET", f"/v1/messages/batches/{batch}")
    assert gateway.spent() > 0
    gateway.account.finished = True
    await gateway.call("GET", f"/v1/messages/batches/{batch}")
    assert gateway.spent() == 0 and (await known(gateway, f"anthropic/{batch}")).settled


async def test_the_results_lie_behind_the_gateway_and_not_at_the_provider() -> None:
    gateway, batch = await anthropic()
    path = f"/v1/messages/batches/{batch}"
    assert json.loads((await gateway.call("GET", path)).body)["results_url"] is None
    gateway.account.finished = True
    assert json.loads((await gateway.call("GET", path)).body)["results_url"] == f"{path}/results"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/messages/batches/{}"),
        ("GET", "/v1/messages/batches/{}/results"),
        ("POST", "/v1/messages/batches/{}/cancel"),
        ("DELETE", "/v1/messages/batches/{}"),
    ],
)
async def test_another_callers_batch_and_none_at_all_are_answered_alike(method: str, path: str) -> None:
    gateway, batch = await anthropic()
    before = len(gateway.account.asked)
    theirs = await gateway.call(method, path.format(batch), secret=BOB, id="r")
    none = await gateway.call(method, path.format("msgbatch_none"), id="r")
    assert code(theirs) == (404, "job_unknown")
    assert theirs == none
    assert len(gateway.account.asked) == before
    assert (await gateway.call("GET", f"/v1/messages/batches/{batch}", secret="another-key-of-alice")).status == 200


async def test_another_gateways_batch_is_not_seen() -> None:
    two = settings(gateways=[{"slug": "default"}, {"slug": "other"}])
    gateway, batch = await anthropic(snapshot=two)
    assert code(await gateway.call("GET", f"/v1/messages/batches/{batch}", gateway="other")) == (404, "job_unknown")


async def test_files_of_a_batch_are_its_owners_and_an_id_of_the_other_kind_is_unknown() -> None:
    gateway, batch = await openai()
    gateway.account.finished = True
    state = json.loads((await gateway.call("GET", f"/v1/batches/{batch}")).body)
    for file in (state["input_file_id"], state["output_file_id"], state["error_file_id"]):
        assert (await gateway.call("GET", f"/v1/files/{file}")).status == 200
        assert code(await gateway.call("GET", f"/v1/files/{file}", secret=BOB)) == (404, "job_unknown")
        assert code(await gateway.call("GET", f"/v1/files/{file}/content", secret=BOB)) == (404, "job_unknown")
        assert code(await gateway.call("GET", f"/v1/batches/{file}")) == (404, "job_unknown")
    assert code(await gateway.call("GET", f"/v1/files/{batch}")) == (404, "job_unknown")


async def test_only_the_file_with_the_answers_settles_and_only_once_the_provider_has_counted() -> None:
    gateway, batch = await openai()
    bound = gateway.spent()
    gateway.account.finished = True
    state = json.loads((await gateway.call("GET", f"/v1/batches/{batch}")).body)
    assert gateway.spent() == bound
    await gateway.call("GET", f"/v1/files/{state['input_file_id']}/content")
    await gateway.call("GET", f"/v1/files/{state['error_file_id']}/content")
    assert gateway.spent() == bound
    whole = gateway.account.files[state["output_file_id"]]
    gateway.account.files[state["output_file_id"]] = whole[: whole.index(b"\n") + 1]
    await gateway.call("GET", f"/v1/files/{state['output_file_id']}/content")
    assert gateway.spent() == bound
    gateway.account.files[state["output_file_id"]] = whole
    await gateway.call("GET", f"/v1/files/{state['output_file_id']}/content")
    assert gateway.spent() == gateway.account.bill


async def test_nothing_is_deleted_before_its_cost_is_known() -> None:
    gateway, batch = await anthropic()
    assert code(await gateway.call("DELETE", f"/v1/messages/batches/{batch}")) == (409, "job_open")
    gateway.account.finished = True
    await gateway.call("GET", f"/v1/messages/batches/{batch}/results")
    assert (await gateway.call("DELETE", f"/v1/messages/batches/{batch}")).status == 200
    other, made = await openai()
    other.account.finished = True
    output = json.loads((await other.call("GET", f"/v1/batches/{made}")).body)["output_file_id"]
    assert code(await other.call("DELETE", f"/v1/files/{output}")) == (409, "job_open")
    await other.call("GET", f"/v1/files/{output}/content")
    assert (await other.call("DELETE", f"/v1/files/{output}")).status == 200
    assert (await other.call("DELETE", "/v1/files/file-0")).status == 200


async def test_a_spent_budget_does_not_keep_results_from_their_owner() -> None:
    gateway, batch = await anthropic()
    gateway.account.finished = True
    gateway.snapshot = settings(budgets=[{"name": "all", "limit": "0", "window": {"period": "total"}}])
    assert (await gateway.call("GET", f"/v1/messages/batches/{batch}/results")).status == 200
    assert gateway.spent() == gateway.account.bill


async def test_news_is_remembered_once_and_never_unsettles() -> None:
    gateway, batch = await openai()
    gateway.account.finished = True
    old = await known(gateway, f"openai/{batch}")
    await gateway.call("GET", f"/v1/batches/{batch}")
    job = await known(gateway, f"openai/{batch}")
    assert job.answers == 3 and job.results and len(job.files) == 2
    await gateway.call("GET", f"/v1/files/{job.results}/content")
    await gateway.store.jobs.remember(msgspec.structs.replace(old, ask_at=0))
    assert (await known(gateway, f"openai/{batch}")).settled


async def test_a_provider_that_counts_wrongly_settles_nothing_by_a_part_of_its_files() -> None:
    gateway, batch = await openai()
    bound = gateway.spent()
    gateway.account.finished = True
    state = json.loads((await gateway.call("GET", f"/v1/batches/{batch}")).body)
    job = await known(gateway, f"openai/{batch}")
    await gateway.store.jobs.remember(msgspec.structs.replace(job, answers=0))
    await gateway.call("GET", f"/v1/files/{state['error_file_id']}/content")
    assert gateway.spent() == bound
    gateway.cut = gateway.account.files[state["output_file_id"]].index(b"\n") + 1
    await gateway.call("GET", f"/v1/files/{state['output_file_id']}/content")
    assert gateway.spent() == bound
    gateway.cut = 0
    await gateway.call("GET", f"/v1/files/{state['output_file_id']}/content")
    assert gateway.spent() == gateway.account.bill

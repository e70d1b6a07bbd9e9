import asyncio
from decimal import Decimal

import pytest
from tests.admin.exposed import Exposed, read_openmetrics
from tests.admin.gateways import BOB_KEY, Caller

from tollway.admin.metrics import LINES_AT_ONCE, written
from tollway.money import dollars
from tollway.telemetry.metrics import METRICS
from tollway.telemetry.samples import Family, Sample


async def scraped(caller: Caller) -> Exposed:
    answer = await caller.admin("/metrics")
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return Exposed(answer.body.decode())


@pytest.mark.asyncio(loop_scope="module")
async def test_prometheus_reads_all_of_it_and_promtool_has_nothing_to_say(caller: Caller) -> None:
    await caller.chat()
    await caller.chat(BOB_KEY)
    await caller.chat(model='openai/no-such-model\n"x"')
    found = await scraped(caller)
    assert found.lints() == []
    families = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in found.names()}
    assert families <= METRICS.keys()
    for name, labels in found.samples:
        metric = METRICS.get(name) or METRICS[name.rpartition("_")[0]]
        assert {label for label, _ in labels} - {"le"} == set(metric.labels), name


@pytest.mark.asyncio(loop_scope="module")
async def test_openmetrics_is_given_to_whom_asks_for_it(caller: Caller) -> None:
    token = {"authorization": f"Bearer {caller.admin_token}"}
    asked = "application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
    answer = await caller.ask("GET", "/metrics", token | {"accept": asked}, b"")
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.body.endswith(b"# EOF\n")
    kinds = read_openmetrics(answer.body.decode())
    assert kinds["tollway_charged_usd"] == "counter" and kinds["tollway_request_duration_seconds"] == "histogram"


@pytest.mark.asyncio(loop_scope="module")
async def test_without_a_credential_nothing_is_told(caller: Caller) -> None:
    assert (await caller.admin("/metrics", token="")).status == 401
    assert (await caller.admin("/metrics?x=1")).status == 400


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_counted_is_what_analytics_and_the_provider_say(caller: Caller) -> None:
    await caller.chat()
    found = await scraped(caller)
    spent = found.total("tollway_charged_usd_total") - found.total("tollway_credited_usd_total")
    assert spent == Decimal(dollars(caller.bill.total))
    told = (await caller.admin("/api/v1/analytics")).json["total"]["whole"]
    assert spent == Decimal(told["cost"]["spent_usd"])
    assert found.total("tollway_requests_total") == told["requests"]["requests"]
    assert found.total("tollway_refused_requests_total") == told["requests"]["refused"]
    assert found.total("tollway_tokens_total") == told["tokens"]["input"] + told["tokens"]["output"]
    assert found.value("tollway_budget_spent_usd", budget="company", account="") == spent
    assert found.value("tollway_rollup_behind_rows", table="ledger") == 0
    assert found.value("tollway_request_duration_seconds_count", gateway="default", provider="openai") >= 1
    assert found.value("tollway_overhead_seconds_count", gateway="default") >= 1
    assert found.value("tollway_store_writable") == 1 and found.value("tollway_open_reservations") == 0
    held = found.value("tollway_estimated_usd_total", provider="openai", model="gpt-4o-mini")
    assert held >= found.value("tollway_metered_usd_total", provider="openai", model="gpt-4o-mini") > 0


@pytest.mark.asyncio(loop_scope="module")
async def test_no_user_and_no_key_is_in_it_unless_somebody_asks_for_accounts(caller: Caller) -> None:
    found = await scraped(caller)
    assert "alice" not in found.text and "bob" not in found.text
    # Of a budget that is split, all accounts are one.
    assert found.value("tollway_budget_accounts", budget="each") >= 1
    assert found.value("tollway_budget_spent_usd", budget="each", account="(other)") > 0


@pytest.mark.asyncio(loop_scope="module")
async def test_a_refusal_is_counted_by_its_reason(caller: Caller) -> None:
    refused = await caller.chat(BOB_KEY)
    code = refused.headers["tollway-error"]
    before = (await scraped(caller)).total("tollway_refusals_total", code=code)
    assert before >= 1
    assert (await caller.chat(BOB_KEY)).status == refused.status
    assert (await scraped(caller)).total("tollway_refusals_total", code=code) == before + 1


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_refused_before_it_is_a_request_is_counted_too(caller: Caller) -> None:
    before = (await scraped(caller)).total("tollway_refusals_total", code="path_unknown")
    assert (await caller.ask("GET", "/nowhere/at/all", {"tollway-gateway-id": "made-up"}, b"")).status == 404
    assert "made-up" not in (await scraped(caller)).text
    assert (await scraped(caller)).total("tollway_refusals_total", code="path_unknown") == before + 1


@pytest.mark.asyncio(loop_scope="module")
async def test_names_that_callers_make_up_have_no_lines_of_their_own(caller: Caller) -> None:
    for number in range(5):
        await caller.chat(model=f"anthropic/made-up-{number}", max_tokens=1)
    await caller.chat(BOB_KEY, model="openai/gpt-4o")
    found = await scraped(caller)
    assert 'gpt-4o"' not in found.text.replace("gpt-4o-mini", "")
    assert found.total("tollway_requests_total", model="(other)") > 0


async def test_a_long_answer_leaves_the_loop_to_others() -> None:
    samples = (Sample({"table": str(n)}, n) for n in range(60_000))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    other = asyncio.get_running_loop().create_task(others())
    text = await written([Family("tollway_rollup_behind_rows", samples)], openmetrics=False)
    other.cancel()
    assert text.count(b"\n") == 60_002
    assert turns >= 60_000 // LINES_AT_ONCE - 2

import asyncio
import time
from decimal import Decimal
from pathlib import Path

import msgspec
from tests.admin.exposed import Exposed
from tests.admin.gateways import Caller, gateway

from tollway.admin.metrics import written
from tollway.admin.metrics_ledger import ledger_families
from tollway.storage.analytics import UPPER_MS, Rolled
from tollway.telemetry.exposition import lines
from tollway.telemetry.sums import Sums

MINI = {"gateway": "default", "provider": "openai", "model": "gpt-4o-mini"}
ROLLED = Rolled(entries=5, entries_behind=2, records=5, records_behind=0)


def shown(*sums: Sums) -> Exposed:
    return Exposed("".join(lines(ledger_families(sums, ROLLED), openmetrics=False)))


def filled(model: str = "m") -> Sums:
    sums = Sums("g", "p", model)
    sums.charged, sums.credited, sums.kinds, sums.told = 1_500_000_001, 500_000_000, {"charge": 2, "correction": 1}, 2
    sums.tokens["input"] = 9
    sums.statuses, sums.total_us, sums.took = {"2": 3}, 2_250_000, [1, 1, *([0] * 10), 1]
    return sums


def test_amounts_are_exact_to_the_nanodollar() -> None:
    found = shown(filled())
    assert (
        found.samples["tollway_charged_usd_total", frozenset({("gateway", "g"), ("provider", "p"), ("model", "m")})]
        == "1.500000001"
    )
    assert found.total("tollway_charged_usd_total") - found.total("tollway_credited_usd_total") == Decimal(
        "1.000000001"
    )
    assert found.lints() == []


def test_what_is_not_known_has_no_line_and_what_is_none_has_one() -> None:
    untold = Sums("g", "p", "m")
    untold.kinds, untold.untold = {"presumed": 1}, 1
    found = shown(untold)
    assert "tollway_tokens_total" not in found.names() and found.total("tollway_untold_entries_total") == 1
    # A counter that grows from nothing to something has to be there before.
    assert found.value("tollway_credited_usd_total", gateway="g", provider="p", model="m") == 0


def test_how_long_requests_took_is_added_up_over_the_models() -> None:
    found = shown(filled("a"), filled("b"))
    labels = {"gateway": "g", "provider": "p"}
    assert found.value("tollway_request_duration_seconds_count", **labels) == 6
    assert found.value("tollway_request_duration_seconds_bucket", **labels, le="0.05") == 2
    assert found.value("tollway_request_duration_seconds_bucket", **labels, le="+Inf") == 6
    assert found.value("tollway_request_duration_seconds_sum", **labels) == Decimal("4.5")
    assert len([1 for name, _ in found.samples if name.endswith("_bucket")]) == len(UPPER_MS) + 1


def test_what_the_sums_lack_is_told() -> None:
    assert shown().value("tollway_rollup_behind_rows", table="ledger") == 2


def test_what_cannot_be_rolled_up_is_told() -> None:
    assert shown().value("tollway_rollup_failing", table="ledger") == shown().value("tollway_rollup_full") == 0
    rolled = msgspec.structs.replace(ROLLED, full=True, failing={"spending": "no"})
    found = Exposed("".join(lines(ledger_families((), rolled), openmetrics=False)))
    assert [found.value("tollway_rollup_failing", table=table) for table in ("ledger", "log")] == [1, 0]
    assert found.value("tollway_rollup_full") == 1


async def scraped(caller: Caller) -> Exposed:
    return Exposed((await caller.admin("/metrics")).body.decode())


async def test_after_a_restart_money_is_counted_on_and_never_from_the_start(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        await caller.chat()
        before = await scraped(caller)
    async with gateway(tmp_path) as caller:
        again = await scraped(caller)
        for name in ("tollway_charged_usd_total", "tollway_credited_usd_total"):
            assert again.value(name, **MINI) == before.value(name, **MINI)
        assert again.value("tollway_requests_total", **MINI, status="2xx") == 1
        # What the process counts begins again.
        assert again.total("tollway_attempts_total") == 0 < before.total("tollway_attempts_total")
        await caller.chat()
        later = await scraped(caller)
        assert later.value("tollway_charged_usd_total", **MINI) == 2 * before.value("tollway_charged_usd_total", **MINI)
        spent = (await caller.admin("/api/v1/analytics")).json["total"]["whole"]["cost"]["spent_usd"]
        assert later.total("tollway_charged_usd_total") - later.total("tollway_credited_usd_total") == Decimal(spent)


async def test_a_thousand_models_hold_the_loop_for_no_more_than_five_milliseconds() -> None:
    families = list(ledger_families([filled(f"m{number}") for number in range(1_000)], ROLLED))
    longest_ns, over = 0, False

    async def others() -> None:
        nonlocal longest_ns
        while not over:
            # Processor time of this thread: what other processes do meanwhile is not in it.
            began = time.thread_time_ns()
            await asyncio.sleep(0)
            longest_ns = max(longest_ns, time.thread_time_ns() - began)

    other = asyncio.get_running_loop().create_task(others())
    text = await written(families, openmetrics=False)
    over = True
    await other
    assert text.count(b"\n") > 10_000
    assert longest_ns < 5_000_000, longest_ns

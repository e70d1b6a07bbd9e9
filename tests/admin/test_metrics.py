import pytest
from tests.admin.gateways import Caller

from tollway.admin.metrics import MOST_MODELS, OTHER, bounded, family
from tollway.storage.protocol import SpendRow


def row(model: str, spent: int) -> SpendRow:
    return SpendRow(group=("openai", model), spent=spent, entries=1, unpriced=0, input_tokens=2, output_tokens=3)


def test_models_beyond_the_largest_are_one_row_and_nothing_is_lost() -> None:
    rows = [row(f"m{n}", n) for n in range(MOST_MODELS + 50)]
    found = bounded(rows)
    assert len(found) == MOST_MODELS + 1
    assert found[-1].group == (OTHER, OTHER)
    assert sum(r.spent for r in found) == sum(r.spent for r in rows)
    assert sum(r.entries for r in found) == len(rows)


def test_a_label_cannot_break_out_of_its_quotes() -> None:
    written = family("x", "gauge", "X.", [({"model": 'a"b\\c\nd'}, 1)])
    assert written == '# HELP x X.\n# TYPE x gauge\nx{model="a\\"b\\\\c\\nd"} 1\n'


def test_a_family_without_samples_is_left_out() -> None:
    assert family("x", "gauge", "X.", []) == ""


@pytest.mark.asyncio(loop_scope="module")
async def test_metrics_count_what_the_ledger_knows_in_bounded_labels(caller: Caller) -> None:
    await caller.chat()
    answer = await caller.admin("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = dict(line.rsplit(" ", 1) for line in answer.body.decode().splitlines() if not line.startswith("#"))
    spent = samples['tollway_spend_nanodollars{provider="openai",model="gpt-4o-mini"}']
    assert int(spent) == caller.bill.total
    assert samples['tollway_budget_spent_nanodollars{budget="company"}'] == spent
    assert samples["tollway_open_reservations"] == "0"
    assert (samples["tollway_store_writable"], samples["tollway_clock_drift_milliseconds"]) == ("1", "0")
    assert (samples["tollway_unwritten_requests"], samples["tollway_unwritten_requests_total"]) == ("0", "0")
    held = samples['tollway_estimated_nanodollars_total{provider="openai",model="gpt-4o-mini"}']
    metered = samples['tollway_metered_nanodollars_total{provider="openai",model="gpt-4o-mini"}']
    assert int(held) >= int(metered) > 0
    assert samples['tollway_hold_exceeded_total{provider="openai",model="gpt-4o-mini"}'] == "0"

from fractions import Fraction

import pytest
from tests.admin.gateways import BOB_KEY, Caller

from tollway.money import dollars

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_total_is_the_providers_own_bill(caller: Caller) -> None:
    for model in ("openai/gpt-4o-mini", "openai/gpt-4o", "anthropic/claude-haiku-4-5"):
        assert (await caller.chat(model=model)).status == 200
    assert (await caller.chat(model="anthropic/claude-haiku-4-5", stream=True)).status == 200

    answer = (await caller.admin("/api/v1/spend?group_by=provider,model")).json

    by_model = {row["group"]["model"]: row["spent_usd"] for row in answer["rows"]}
    assert by_model == {model: dollars(amount) for model, amount in caller.bill.amounts.items()}
    assert answer["total"]["spent_usd"] == dollars(caller.bill.total)
    assert answer["total"]["entries"] == caller.bill.requests


async def test_the_rows_add_up_to_the_total(caller: Caller) -> None:
    await caller.chat()
    for fields in ("user", "model,user", "day", "metadata.team", "provider,key,kind,hour"):
        answer = (await caller.admin(f"/api/v1/spend?group_by={fields}")).json
        assert answer["rows"], fields
        assert sum(Fraction(row["spent_usd"]) for row in answer["rows"]) == Fraction(answer["total"]["spent_usd"])


async def test_a_caller_in_two_groups_counts_in_both_and_once_in_the_total(caller: Caller) -> None:
    await caller.chat()
    answer = (await caller.admin("/api/v1/spend?group_by=group")).json
    by_group = {row["group"]["group"]: row["spent_usd"] for row in answer["rows"]}
    assert by_group == {"eng": answer["total"]["spent_usd"], "leads": answer["total"]["spent_usd"]}


async def test_a_filter_narrows_rows_and_total_alike(caller: Caller) -> None:
    await caller.chat()
    mine = (await caller.admin("/api/v1/spend?group_by=user&metadata.team=ml")).json
    nobodys = (await caller.admin("/api/v1/spend?group_by=user&metadata.team=none")).json
    assert [row["group"] for row in mine["rows"]] == [{"user": "alice@example.com"}]
    assert mine["rows"][0]["spent_usd"] == mine["total"]["spent_usd"] != "0"
    assert nobodys["rows"] == []
    assert nobodys["total"]["spent_usd"] == "0"


async def test_a_refused_request_costs_nothing(caller: Caller) -> None:
    before = (await caller.admin("/api/v1/spend")).json
    assert (await caller.chat(BOB_KEY)).status == 429
    assert (await caller.admin("/api/v1/spend")).json == before


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("group_by=colour", "colour"),
        ("group_by=model,model", "group_by"),
        ("groupby=model", "groupby"),
        ("metadata.=x", "metadata."),
        ("since=yesterday", "since"),
        ("since=2026-01-01T00:00:00", "since"),
        ("since=2026-02-01T00:00:00Z&until=2026-01-01T00:00:00Z", "since"),
        ("kind=gift", "kind"),
        ("metadata.team=a&metadata.team=b", "metadata.team"),
    ],
)
async def test_a_question_that_cannot_be_meant_is_refused_naming_what(caller: Caller, query: str, named: str) -> None:
    answer = await caller.admin(f"/api/v1/spend?{query}")
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert named in answer.json["detail"]

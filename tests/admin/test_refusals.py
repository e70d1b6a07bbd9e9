"""Refusals by reason, and what they would have cost."""

from fractions import Fraction
from typing import Any

import pytest
from tests.admin.gateways import BOB_KEY, Caller

from tollway.admin.refusals import Stopped, estimate

here = pytest.mark.asyncio(loop_scope="module")


async def told(caller: Caller, query: str = "") -> Any:
    answer = await caller.admin(f"/api/v1/analytics/refusals{query}")
    assert answer.status == 200, answer.body
    return answer.json


@here
async def test_refusals_are_told_by_reason_with_an_estimate_from_what_the_model_costs(caller: Caller) -> None:
    assert (await told(caller))["reasons"] == []
    for _ in range(2):
        assert (await caller.chat()).status == 200
    for model in ("openai/gpt-4o-mini", "openai/gpt-4o-mini", "openai/gpt-4o"):
        assert (await caller.chat(BOB_KEY, model)).status == 429
    assert (await caller.chat("nobodys-key")).status == 401
    await caller.logged("/api/v1/logs", 5)
    found = await told(caller)
    by_code = {reason["code"]: reason for reason in found["reasons"]}
    spent = by_code["budget_exceeded"]
    assert (spent["requests"], spent["people"], spent["meaning"]) == (3, 1, "a budget is spent")
    # Both calls of the small model cost the same; of the large one nothing was charged, so nobody can say.
    assert Fraction(spent["estimated_usd"]) * 10**9 == caller.bill.total // 2 * 2
    assert spent["unestimated"] == 1
    assert found["refused"] == sum(reason["requests"] for reason in found["reasons"])
    assert found["requests"] >= 5 and found["looked_since"] == found["from"]
    assert found["downgraded"] == {
        "looked_since": found["from"], "requests": 0, "people": 0, "spent_usd": "0", "asked_estimated_usd": None, "unestimated": 0,
    }  # fmt: skip


@here
async def test_a_parameter_it_does_not_know_is_named(caller: Caller) -> None:
    answer = await caller.admin("/api/v1/analytics/refusals?user=bob")
    assert answer.status == 400
    assert "user" in answer.json["detail"]


def test_what_has_no_mean_is_counted_apart_and_is_no_zero() -> None:
    one = Stopped(code="downgraded", provider="openai", model="gpt-4o", user=None, requests=1, at=1)
    assert estimate([one, one], {("openai", "gpt-4o"): 5}) == (10, 0)
    assert estimate([one], {}) == (None, 1)
    assert estimate([], {}) == (None, 0)

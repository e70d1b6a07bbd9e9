"""Analytics over a running gateway, against its provider's bill and its ledger."""

from datetime import datetime
from fractions import Fraction
from typing import Any
from urllib.parse import quote

import pytest
from tests.admin.gateways import BOB_KEY, Caller

from tollway.admin.analytics_shown import AnalyticsAnswer, MoversAnswer
from tollway.clock import iso
from tollway.money import dollars

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def asked(caller: Caller, query: str) -> Any:
    answer = await caller.admin(f"/api/v1/analytics{query}")
    assert answer.status == 200, answer.body
    return answer.json


def spent(series: Any) -> Fraction:
    return Fraction(series["cost"]["spent_usd"])


async def test_every_view_adds_up_to_the_providers_bill(caller: Caller) -> None:
    for model in ("openai/gpt-4o-mini", "openai/gpt-4o", "anthropic/claude-haiku-4-5"):
        assert (await caller.chat(model=model)).status == 200
    assert (await caller.chat(BOB_KEY)).status == 429
    await caller.logged("/api/v1/logs", 4)
    for by in ("", "model", "user,model", "metadata.team", "team,provider", "key", "service,gateway"):
        for grain in ("none", "hour", "day", "week", "month"):
            for again in ("rollups behind", "rolled"):
                found = await asked(caller, f"?by={by}&grain={grain}&timezone=Asia/Kolkata&limit=1")
                AnalyticsAnswer.model_validate(found)
                assert found["total"]["whole"]["cost"]["spent_usd"] == dollars(caller.bill.total), (by, grain, again)
                parts = [*found["groups"], *([found["other"]] if found["other"] else [])]
                assert not by or sum(spent(part["whole"]) for part in parts) == spent(found["total"]["whole"])
                assert len(found["starts"]) == len(found["total"]["buckets"])
                if grain != "none":
                    assert sum(map(spent, found["total"]["buckets"])) == spent(found["total"]["whole"])
                while await caller.runtime.store.analytics.roll():
                    pass
    total = (await asked(caller, ""))["total"]["whole"]
    assert total["requests"] == {"requests": 4, "refused": 1}
    assert total["errors"]["errors"] == 0
    assert total["cost"]["unpriced"] == 0
    assert total["latency"]["p95_ms"] is not None
    assert sum(total["latency"]["histogram"]) == 4


async def test_it_says_the_same_as_the_sums_of_spend(caller: Caller) -> None:
    await caller.chat()
    mine = (await asked(caller, "?by=user,model&limit=100"))["groups"]
    rows = (await caller.admin("/api/v1/spend?group_by=user,model")).json["rows"]
    theirs = {tuple(row["group"].values()): row["spent_usd"] for row in rows}
    assert {
        tuple(g["group"].values()): g["whole"]["cost"]["spent_usd"] for g in mine if g["whole"]["cost"]["entries"]
    } == theirs


async def test_tokens_are_null_where_no_usage_is_known(caller: Caller) -> None:
    await caller.chat()
    assert (await asked(caller, "?metrics=tokens"))["total"]["whole"]["tokens"]["input"] > 0
    nobodys = (await asked(caller, "?metrics=tokens&user=nobody"))["total"]["whole"]
    assert nobodys == {"tokens": dict.fromkeys(("input", "cache_read", "cache_write", "output", "reasoning"))}


@pytest.mark.parametrize(
    ("query", "users"),
    [
        ("user=alice@example.com", {"alice@example.com"}),
        ("user!=alice@example.com", {"bob@example.com", None}),
        ("user=alice*&user=bob*", {"alice@example.com", "bob@example.com"}),
        ("user=bob@example.com&metadata.team=ml", set()),
        ("group=leads", {"alice@example.com"}),
        ("group!=leads", {"bob@example.com", None}),
        ("team=web", {"bob@example.com"}),
        ("user=", {None}),
        ("status=4xx", {"bob@example.com", None}),
        ("key!=", {"alice@example.com", "bob@example.com"}),
    ],
)
async def test_filters_say_who_is_meant(caller: Caller, query: str, users: set[str | None]) -> None:
    await caller.chat()
    await caller.chat(BOB_KEY)
    await caller.chat("nobody's key")
    await caller.runtime.store.records.flush()
    found = await asked(caller, f"?by=user&metrics=requests&{quote(query, safe='=&!@*')}")
    assert {group["group"]["user"] for group in found["groups"]} == users


async def test_the_period_before_is_of_the_same_calendar(caller: Caller) -> None:
    await caller.chat()
    found = await asked(caller, "?from=2026-05-01&to=2026-07-01&timezone=Europe/Berlin&compare=previous&by=model")
    assert (found["previous"]["from"], found["previous"]["to"]) == (
        "2026-02-28T23:00:00.000Z",
        "2026-04-30T22:00:00.000Z",
    )
    assert spent(found["previous"]["total"]["whole"]) == 0
    # Half of the time since the first request, and the half before.
    now = await asked(caller, "?by=model&compare=previous&metrics=cost")
    assert [group["previous"]["cost"]["spent_usd"] for group in now["groups"]] == ["0"] * len(now["groups"])
    assert datetime.fromisoformat(now["previous"]["to"]) == datetime.fromisoformat(now["from"])


async def test_the_earlier_period_may_be_named(caller: Caller) -> None:
    await caller.chat()
    # A stretch before all of it, beside one that has all there is.
    now = caller.runtime.clock.now()
    named = f"before_from={iso(now - 3_600_000)}&before_to={iso(now + 3_600_000)}"
    ranged = f"from={iso(now - 9_000_000)}&to={iso(now - 7_200_000)}&{named}"
    found = await asked(caller, f"?{ranged}&by=model&metrics=cost")
    assert found == await asked(caller, f"?{ranged}&compare=previous&by=model&metrics=cost")
    assert (found["previous"]["from"], found["previous"]["to"]) == (iso(now - 3_600_000), iso(now + 3_600_000))
    movers = (await caller.admin(f"/api/v1/analytics/movers?{ranged}&by=user")).json
    assert (movers["previous_from"], movers["previous_to"]) == (iso(now - 3_600_000), iso(now + 3_600_000))
    people = (await caller.admin(f"/api/v1/people?{ranged}")).json
    assert (people["previous_from"], people["previous_to"]) == (iso(now - 3_600_000), iso(now + 3_600_000))
    everything = spent(found["previous"]["total"]["whole"])
    assert everything == Fraction(movers["total"]["before_usd"]) == Fraction(dollars(caller.bill.total)) > 0


async def test_movers_are_changes_that_add_up(caller: Caller) -> None:
    await caller.chat(model="openai/gpt-4o")
    answer = await caller.admin("/api/v1/analytics/movers?by=model&limit=1")
    MoversAnswer.model_validate(answer.json)
    found = answer.json
    assert Fraction(found["items"][0]["change_usd"]) > 0
    parts = [*found["items"], *([found["other"]] if found["other"] else [])]
    assert sum(Fraction(part["change_usd"]) for part in parts) == Fraction(found["total"]["change_usd"])
    assert found["total"]["spent_usd"] == dollars(caller.bill.total)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("?by=colour", "colour"),
        ("?by=model,user,key", "by"),
        ("?by=model,model", "by"),
        ("?colour=red", "colour"),
        ("?timezone=Mars/Base", "Mars/Base"),
        ("?timezone=../../etc/passwd", "timezone"),
        ("?from=yesterday", "yesterday"),
        ("?from=2026-01-01T00:00:00", "from: '2026-01-01T00:00:00' has no zone"),
        ("?to=9999-12-31", "to: '9999-12-31' is beyond what is kept"),
        ("?from=2026-02-01&to=2026-01-01", "from"),
        ("?compare=previous&before_from=2026-01-01", "before_to"),
        ("?compare=previous&before_from=2026-02-01&before_to=2026-01-01", "before_from"),
        ("?compare=previous&before_from=then&before_to=2026-01-01", "then"),
        ("?before_to=2026-02-01", "before_from"),
        ("/movers?before_to=2026-02-01", "before_from"),
        ("?from=1970-01-01&to=2026-01-01&grain=hour", "grain"),
        ("?grain=minute", "grain"),
        ("?metrics=beauty", "beauty"),
        ("?by=status&metrics=cost", "status"),
        ("?by=status&kind=charge", "kind"),
        ("?limit=0", "limit"),
        ("?limit=2&limit=3", "limit"),
        ("/movers?by=status", "status"),
        ("/movers?by=", "by"),
        ("/users?kind=charge", "kind"),
        ("/users?compare=previous", "compare"),
    ],
)
async def test_a_question_that_cannot_be_meant_is_refused_naming_what(caller: Caller, query: str, named: str) -> None:
    answer = await caller.admin(f"/api/v1/analytics{query}")
    assert answer.status == 400, answer.body
    assert named in answer.json["detail"]


async def test_what_would_take_too_long_is_refused_with_a_way_out(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await caller.chat()
    monkeypatch.setattr("tollway.storage.sql.asking.READ_AT_MOST", 0)
    await caller.runtime.store.records.flush()
    await caller.runtime.store.ledger.flush()
    while await caller.runtime.store.analytics.roll():
        pass
    answer = await caller.admin("/api/v1/analytics?timezone=Asia/Kathmandu&grain=day")
    assert (answer.status, answer.json["code"]) == (400, "range_too_long")
    await caller.chat()
    answer = await caller.admin("/api/v1/analytics")
    assert (answer.status, answer.json["code"]) in {(503, "analytics_not_ready"), (400, "range_too_long")}


async def test_an_answer_of_more_figures_than_anybody_reads_is_refused_with_what_would_do(caller: Caller) -> None:
    for path in ("analytics", "exports/analytics"):
        wide = f"/api/v1/{path}?by=metadata.trace&grain=hour&from=2026-09-10&to=2026-12-01&limit=1000"
        answer = await caller.admin(wide)
        assert (answer.status, answer.json["code"]) == (400, "parameter_invalid"), path
        assert answer.json["detail"].startswith("limit: "), path
    fits = await caller.admin(
        "/api/v1/analytics?by=model&grain=hour&from=2026-09-10&to=2026-12-01&limit=100&metrics=cost"
    )
    assert fits.status == 200

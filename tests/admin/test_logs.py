from fractions import Fraction

import pytest
from tests.admin.gateways import ALICE_KEY, BOB_KEY, Caller

from tollway.admin.logs import detail_shown
from tollway.budgets.accounts import UNLIMITED
from tollway.ledger.reservation import Hold
from tollway.logs.record import Durations, LogRecord, Raised

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_request_is_told_with_its_charge_holds_decisions_and_entries(caller: Caller) -> None:
    sent = await caller.chat(stream=True)
    log_id = sent.headers["tollway-request-id"]
    await caller.logged("/api/v1/logs", 1)

    log = (await caller.admin(f"/api/v1/logs/{log_id}")).json

    assert (log["status"], log["user"], log["key"], log["groups"]) == (
        200,
        "alice@example.com",
        "alice",
        ["eng", "leads"],
    )
    assert (log["provider"], log["request_model"], log["streamed"]) == ("openai", "gpt-4o-mini", True)
    charge = log["charge"]
    assert charge["basis"] == "metered"
    assert [line["meter"] for line in charge["lines"]] == ["input", "output"]
    assert charge["lines"][0]["unit_price"] == {"amount_usd": "0.15", "per": 1_000_000}
    assert sum(Fraction(line["amount_usd"]) for line in charge["lines"]) == Fraction(charge["amount_usd"])
    assert log["amount_usd"] == charge["amount_usd"]
    assert {hold["account"]: hold["enforced"] for hold in log["holds"]} == {
        "company": True,
        "each[user=alice@example.com]": True,
        "watched": False,
    }
    assert all(Fraction(hold["amount_usd"]) >= Fraction(charge["amount_usd"]) for hold in log["holds"])
    assert {hold["budget"] for hold in log["holds"]} == {"company", "each", "watched"}
    assert ("would_refuse", "watched") in [(d["code"], d["rule"]) for d in log["decisions"]]
    assert [(a["outcome"], a["status"]) for a in log["attempts"]] == [("answered", 200)]
    assert [(e["kind"], e["amount_usd"]) for e in log["entries"]] == [("charge", charge["amount_usd"])]
    assert log["durations"]["total_us"] >= log["durations"]["upstream_us"] > 0
    assert 0 < log["durations"]["sent_us"] <= log["durations"]["total_us"] - log["durations"]["upstream_us"]
    assert {(hold["spent_before_usd"], hold["held_before_usd"]) for hold in log["holds"]} == {("0", "0")}
    assert (log["proven_by"], log["declared"]) == ("key", [])
    assert log["usage"]["input_tokens"] > 0
    assert log["usage"]["images"] is None


async def test_a_refusal_is_told_with_its_reason_and_no_amount(caller: Caller) -> None:
    refused = await caller.chat(BOB_KEY)
    assert refused.status == 429
    page = await caller.logged("/api/v1/logs?code=budget_exceeded", 1)
    log = (await caller.admin(f"/api/v1/logs/{page['items'][0]['request_id']}")).json
    assert (log["status"], log["code"], log["user"]) == (429, "budget_exceeded", "bob@example.com")
    assert log["amount_usd"] is None
    assert log["charge"] is None
    assert log["entries"] == []
    assert log["decisions"][-1]["detail"] == refused.json["error"]["message"]


async def test_pages_give_every_request_once(caller: Caller) -> None:
    for _ in range(5):
        await caller.chat()
    whole = [log["request_id"] for log in (await caller.logged("/api/v1/logs?status=200&limit=500", 5))["items"]]
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await caller.admin(f"/api/v1/logs?status=200&limit=2{cursor}")).json
        seen += [log["request_id"] for log in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == whole


async def test_a_filter_shows_what_was_asked_for_only(caller: Caller) -> None:
    await caller.chat(model="anthropic/claude-haiku-4-5")
    await caller.chat(BOB_KEY)
    await caller.logged("/api/v1/logs?provider=anthropic", 1)
    for query, of_it in (
        ("provider=anthropic", lambda log: log["provider"] == "anthropic"),
        ("model=gpt-4o-mini", lambda log: log["request_model"] == "gpt-4o-mini"),
        ("user=alice@example.com", lambda log: log["user"] == "alice@example.com"),
        ("group=leads", lambda log: "leads" in log["groups"]),
        ("metadata.team=web", lambda log: log["metadata"] == {"team": "web"}),
        ("status=429", lambda log: log["status"] == 429),
        ("since=2020-01-01T00:00:00%2B02:00", lambda log: True),
        ("text=BOB@EXAMPLE", lambda log: log["user"] == "bob@example.com"),
        ("text=team%3Dweb", lambda log: log["metadata"] == {"team": "web"}),
        ("metadata.team=ml&text=haiku", lambda log: log["provider"] == "anthropic" and log["metadata"]["team"] == "ml"),
        ("api=anthropic.messages", lambda log: log["path"] == "/v1/messages"),
        ("streamed=false&cached=false", lambda log: not log["streamed"]),
        ("min_cost_usd=0.000001", lambda log: float(log["amount_usd"]) >= 0.000001),
        ("max_duration_ms=100000&min_input_tokens=1", lambda log: log["usage"]["input_tokens"] >= 1),
    ):
        page = (await caller.admin(f"/api/v1/logs?{query}")).json
        assert page["items"], query
        assert all(of_it(log) for log in page["items"]), query
    for nothing in (
        "text=nowhere",
        "min_cost_usd=1000",
        "metadata.team=alice@example.com",
        "until=2020-01-01T00:00:00Z",
        "service=none",
        "metadata.team=%27%20OR%201=1",
    ):
        assert (await caller.admin(f"/api/v1/logs?{nothing}")).json == {"items": [], "next": None}


async def test_an_empty_value_shows_requests_of_nobody(caller: Caller) -> None:
    """As analytics does."""
    await caller.chat()
    turned_away = (await caller.chat("no-key-of-this-gateway")).headers["tollway-request-id"]
    assert (await caller.logged(f"/api/v1/logs?request_id={turned_away}", 1))["items"][0]["user"] is None
    for query in ("user=", "key=", "group=", "metadata.team=", "user=&status=401", "user=&text=credential"):
        page = (await caller.admin(f"/api/v1/logs?limit=500&{query}")).json
        assert turned_away in [log["request_id"] for log in page["items"]], query
        assert all(log["user"] is None for log in page["items"]), query
    assert (await caller.admin("/api/v1/logs?user=&key=alice")).json["items"] == []
    page = (await caller.admin("/api/v1/logs?code=&feedback=&limit=500")).json
    assert page["items"] and all(log["code"] == "" for log in page["items"])


@pytest.mark.parametrize(
    "path", ["logs", "ledger/entries", "spend", "exports/logs", "exports/entries", "exports/focus"]
)
async def test_a_field_that_is_given_twice_is_refused_and_not_half_read(caller: Caller, path: str) -> None:
    refused = await caller.admin(f"/api/v1/{path}?user=alice@example.com&user=")
    assert (refused.status, refused.json["code"]) == (400, "parameter_invalid")
    assert "user is given twice" in refused.json["detail"]


@pytest.mark.parametrize("query", ["min_cost_usd=cheap", "max_duration_ms=-1", "streamed=perhaps", "min_beauty=1"])
async def test_a_bound_that_is_none_is_refused_naming_it(caller: Caller, query: str) -> None:
    answer = await caller.admin(f"/api/v1/logs?{query}")
    assert answer.status == 400
    assert query.partition("=")[0] in answer.json["detail"]


@pytest.mark.parametrize("path", ["logs", "exports/logs"])
@pytest.mark.parametrize(
    ("query", "detail"),
    [
        (
            "max_cost_usd=1e3",
            "max_cost_usd: '1e3' is not an amount of US dollars; write a decimal string with at most nine places, such as \"12.50\".",
        ),
        (
            f"min_cost_usd={'9' * 4_000}",
            f"min_cost_usd: '{'9' * 59}… is not an amount of US dollars; write a decimal string with at most nine places, such as "
            '"12.50".',
        ),
        (
            "min_cost_usd=5&max_cost_usd=1",
            "min_cost_usd is more than max_cost_usd, so nothing lies between them; send them the other way round.",
        ),
        (
            "min_score=0.5&max_score=-1",
            "min_score is more than max_score, so nothing lies between them; send them the other way round.",
        ),
    ],
)
async def test_a_bound_that_cannot_be_meant_is_told_by_its_name_its_value_and_the_way_out(
    caller: Caller, path: str, query: str, detail: str
) -> None:
    answer = await caller.admin(f"/api/v1/{path}?{query}")
    assert (answer.status, answer.json["code"], answer.json["detail"]) == (400, "parameter_invalid", detail)


async def test_two_bounds_that_are_one_amount_mean_that_amount(caller: Caller) -> None:
    (log,) = (await caller.admin("/api/v1/logs?limit=1&min_cost_usd=0.000001")).json["items"]
    cost = log["amount_usd"]
    same = (await caller.admin(f"/api/v1/logs?min_cost_usd={cost}&max_cost_usd={cost}")).json["items"]
    assert {each["amount_usd"] for each in same} == {cost}


async def test_what_is_logged_since_a_request_comes_oldest_first(caller: Caller) -> None:
    first = (await caller.chat()).headers["tollway-request-id"]
    await caller.logged(f"/api/v1/logs?request_id={first}", 1)
    nothing = (await caller.admin(f"/api/v1/logs?after={first}")).json
    assert nothing == {"items": [], "next": None}
    later = [(await caller.chat(key)).headers["tollway-request-id"] for key in (ALICE_KEY, BOB_KEY, ALICE_KEY)]
    await caller.logged(f"/api/v1/logs?request_id={later[-1]}", 1)
    page = (await caller.admin(f"/api/v1/logs?after={first}&limit=2")).json
    assert [log["request_id"] for log in page["items"]] == later[:2] and page["next"] == later[1]
    page = (await caller.admin(f"/api/v1/logs?after={page['next']}&limit=2")).json
    assert [log["request_id"] for log in page["items"]] == later[2:] and page["next"] == later[2]
    page = (await caller.admin(f"/api/v1/logs?after={first}&user=bob@example.com")).json
    assert [log["request_id"] for log in page["items"]] == later[1:2] and page["next"] == later[2]
    for query, said in (("after=unknown", "No request"), (f"after={first}&cursor=1.1", "two ways")):
        refused = await caller.admin(f"/api/v1/logs?{query}")
        assert refused.status in (400, 404, 422) and said in refused.json["detail"]


async def test_ledger_entries_of_one_kind_and_their_accounts(caller: Caller) -> None:
    await caller.chat()
    page = (await caller.admin("/api/v1/ledger/entries?kind=charge&user=alice@example.com&limit=1")).json
    (entry,) = page["items"]
    assert entry["kind"] == "charge"
    assert entry["accounts"] == ["company", "each[user=alice@example.com]", "watched"]
    assert entry["amount_usd"] == entry["charge"]["amount_usd"]
    assert (await caller.admin("/api/v1/ledger/entries?kind=credit")).json["items"] == []


async def test_the_holds_of_a_stream_are_told_as_they_were_raised() -> None:
    record = LogRecord(
        request_id="r",
        at=0,
        gateway="default",
        method="POST",
        path="/v1/chat/completions",
        api="openai.chat",
        status=200,
        holds=(
            Hold("team[user=ann]", 0, 0, 5_000_000, 10**9, metered=True),
            Hold("free for all", 0, 0, 5_000_000, UNLIMITED, enforced=False),
        ),
        raised=Raised(5_000_000, 20_000_000, 7),
        durations=Durations(total_us=1),
    )
    metered, whole = detail_shown(record, []).holds
    assert (metered.amount_usd, metered.last_usd, metered.raises, metered.limit_usd) == ("0.005", "0.02", 7, "1")
    assert (whole.amount_usd, whole.last_usd, whole.raises, whole.limit_usd) == ("0.005", "0.005", None, None)


async def test_a_model_that_there_is_not_is_found_by_the_name_that_was_asked_for(caller: Caller) -> None:
    refused = await caller.chat(model="made-up-9")
    assert refused.status == 404
    (log,) = (await caller.logged("/api/v1/logs?model=made-up-9", 1))["items"]
    assert (log["request_id"], log["request_model"]) == (refused.headers["tollway-request-id"], "made-up-9")
    answer = (await caller.admin("/api/v1/analytics?by=model&metrics=requests")).json
    assert "made-up-9" not in [group["group"]["model"] for group in answer["groups"]]
    assert sum(each["whole"]["requests"]["refused"] for each in answer["groups"] if each["group"]["model"] is None) >= 1

from typing import Any

import msgspec
import pytest
from tests.admin.gateways import ALICE_KEY, BOB_KEY, Caller

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHAT = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Hello there!"}], "max_tokens": 60}


async def explain(caller: Caller, **asked: Any) -> Any:
    answer = await caller.admin("/api/v1/explain", {"body": CHAT} | asked)
    assert answer.status == 200, answer.body
    return answer.json


async def test_a_request_that_fits_is_told_with_its_bound_and_its_budgets(caller: Caller) -> None:
    told = await explain(caller, key="alice")
    assert (told["outcome"], told["code"], told["refusal"]) == ("forward", "", None)
    assert told["identity"]["user"] == "alice@example.com"
    assert told["identity"]["metadata"] == {"team": "ml"}
    assert told["target"] == {
        "provider": "openai",
        "model": "gpt-4o-mini",
        "api": "openai.chat",
        "path": "/v1/chat/completions",
    }
    assert told["quote"]["output_tokens"] == 60
    assert told["quote"]["cap"] is None
    assert told["held"] == told["quote"]
    assert [(leg["budget"], leg["verdict"], leg["refuses"]) for leg in told["budgets"]] == [
        ("company", "fits", False),
        ("each", "fits", False),
        ("watched", "exhausted", False),
    ]
    assert all(leg["needed_usd"] == told["quote"]["bound_usd"] for leg in told["budgets"])


async def test_it_says_what_the_gateway_then_does(caller: Caller) -> None:
    for key_name, key in (("alice", ALICE_KEY), ("bob", BOB_KEY)):
        told = await explain(caller, key=key_name)
        done = await caller.ask(
            "POST", "/v1/chat/completions", {"authorization": f"Bearer {key}"}, msgspec.json.encode(CHAT)
        )
        assert (told["outcome"] == "forward") == (done.status == 200)
        if told["refusal"] is not None:
            assert told["refusal"]["status"] == done.status
            assert told["refusal"]["body"]["error"]["message"] == done.json["error"]["message"]
            assert told["code"] == done.headers["tollway-error"]


async def test_nothing_is_held_sent_or_logged(caller: Caller) -> None:
    async def state() -> list[bytes]:
        targets = ("/api/v1/ledger/entries", "/api/v1/spend?group_by=key", "/metrics")
        return [(await caller.admin(target)).body for target in targets]

    await caller.chat()
    logged = len((await caller.logged("/api/v1/logs?limit=500", 1))["items"])
    before, billed = await state(), caller.bill.requests
    for key in ("alice", "bob"):
        await explain(caller, key=key)
    await caller.chat()
    assert caller.bill.requests == billed + 1
    # The real request behind them is the next in the log: they have left nothing.
    page = await caller.logged("/api/v1/logs?limit=500", logged + 1)
    assert len(page["items"]) == logged + 1
    assert before[0] != (await state())[0]
    status = (await caller.admin("/api/v1/status?verify=true")).json
    assert (status["open_reservations"], status["held_usd"], status["store"]["ok"]) == (0, "0", True)


async def test_a_described_person_needs_no_key(caller: Caller) -> None:
    told = await explain(caller, user="new@example.com", groups=["eng"], metadata={"team": "web"})
    assert told["identity"]["key"] is None
    assert [leg["budget"] for leg in told["budgets"]] == ["company", "each", "tiny"]
    assert (told["outcome"], told["code"]) == ("refuse", "budget_exceeded")
    assert next(leg for leg in told["budgets"] if leg["refuses"])["budget"] == "tiny"


async def test_the_path_follows_the_providers_api(caller: Caller) -> None:
    claude = await explain(caller, key="alice", body=CHAT | {"model": "claude-haiku-4-5"})
    gemini = await explain(caller, key="alice", body={"model": "google/gemini-2.5-flash", "contents": []})
    assert claude["target"]["api"] == "anthropic.messages"
    assert claude["outcome"] == "forward"
    assert gemini["code"] == "provider_key_missing"


async def test_an_output_cap_that_would_be_lowered_is_told(caller: Caller) -> None:
    told = await explain(caller, key="alice", body=CHAT | {"model": "anthropic/claude-opus-4-5", "max_tokens": 64_000})
    assert told["outcome"] == "forward"
    assert float(told["held"]["bound_usd"]) <= 1 < float(told["quote"]["bound_usd"])
    assert told["held"]["output_tokens"] == told["held"]["cap"] < 64_000


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"key": "old"}, "credential_expired"),
        ({"key": "alice", "gateway": "nowhere"}, "gateway_unknown"),
        ({"user": "x", "gateway": "nowhere"}, "gateway_unknown"),
        ({"key": "alice", "body": {"messages": []}}, "model_missing"),
        ({"key": "alice", "body": {"model": "openai/no-such-model", "messages": [], "max_tokens": 9}}, "price_unknown"),
        ({"key": "alice", "metadata": {f"k{n}": "v" for n in range(6)}}, "metadata_invalid"),
    ],
)
async def test_each_refusal_before_the_ledger_is_told(caller: Caller, asked: dict[str, Any], code: str) -> None:
    told = await explain(caller, **asked)
    assert (told["outcome"], told["code"]) == ("refuse", code)
    assert told["refusal"]["body"]["error"]["message"]


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"key": "nobody"}, 404, "key_unknown"),
        ({"key": "alice", "user": "x"}, 400, "body_invalid"),
        ({"key": "alice", "path": "v1/messages"}, 400, "body_invalid"),
        ({"key": "alice", "path": "/no/such/path"}, 400, "body_invalid"),
        ({"key": "alice", "path": "/v1/models", "method": "GET"}, 400, "body_invalid"),
        ({"key": "alice", "path": "/v1/../api"}, 400, "body_invalid"),
        ({"key": "alice", "path": "/openai/v1/batches"}, 400, "body_invalid"),
        ({"colour": "red"}, 400, "body_invalid"),
    ],
)
async def test_a_question_that_makes_no_sense_is_a_problem(
    caller: Caller, asked: dict[str, Any], status: int, code: str
) -> None:
    answer = await caller.admin("/api/v1/explain", {"body": CHAT} | asked)
    assert (answer.status, answer.json["code"]) == (status, code)


@pytest.mark.parametrize("model", ["openai/gpt-4o-mini", "google-ai-studio/gemini-2.5-flash"])
async def test_a_large_body_is_explained_like_a_small_one(caller: Caller, model: str) -> None:
    large = CHAT | {"model": model, "x": "y" * 300_000}
    small = CHAT | {"model": model}
    told, expected = await explain(caller, body=large), await explain(caller, body=small)
    assert (told["outcome"], told["code"], told["target"]) == (
        expected["outcome"],
        expected["code"],
        expected["target"],
    )


@pytest.mark.parametrize(
    "body",
    [
        b'{"body": [%s]}' % (b"1," * 5_000 + b"1"),
        b"{" * 300_000,
        b'{"user": "%s"}' % (b"x" * 300_000),
        b'{"body": {}, "bodi": {}, "x": [%s]}' % (b"1," * 5_000 + b"1"),
    ],
)
async def test_a_large_body_that_cannot_be_explained_is_a_problem(caller: Caller, body: bytes) -> None:
    answer = await caller.admin("/api/v1/explain", body, method="POST")
    assert (answer.status, answer.json["code"]) == (400, "body_invalid")

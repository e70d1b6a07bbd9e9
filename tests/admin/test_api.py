"""What holds for every route: who gets in, what an error looks like, what is never said."""

import json
import random
from urllib.parse import quote

import pytest
from tests.admin.gateways import ALICE_KEY, BOB_KEY, CANARY, Caller

from tollway.admin.access import ACCESS
from tollway.proxy.transport import NoAnswer, NotSent, UpstreamRequest, parse_url
from tollway.proxy.upstream.client import HttpTransport

pytestmark = pytest.mark.asyncio(loop_scope="module")

READS = (
    "/api/v1/status",
    "/api/v1/status?verify=true",
    "/api/v1/budgets",
    "/api/v1/budgets/each",
    "/api/v1/budgets/each/suggestion",
    "/api/v1/spend?group_by=model,user",
    "/api/v1/logs",
    "/api/v1/ledger/entries",
    "/api/v1/statements",
    "/api/v1/prices?provider=openai",
    "/api/v1/prices/openai/gpt-4o-mini",
    "/api/v1/prices/diff",
    "/api/v1/prices/unpriced",
    "/metrics",
)


async def test_every_path_is_closed_without_the_administrators_token(caller: Caller) -> None:
    for target in (*READS, "/api/v1/explain", "/api/v1/reload", "/api/v1/nowhere", "/api", "/api//v1/status"):
        for token in ("", ALICE_KEY, caller.admin_token[:-1], f"{caller.admin_token}x", "é"):
            # Whoever guesses is told to wait after a while, which another test is about.
            caller.runtime.attempts.__init__()
            answer = await caller.admin(target, token=token)
            assert answer.status == 401, (target, token)
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.json["code"] == ("credential_unknown" if token else "credential_missing")


async def test_whoever_guesses_is_told_to_wait_and_the_right_token_opens_all_the_same(caller: Caller) -> None:
    caller.runtime.attempts.__init__()
    answers = [await caller.admin("/api/v1/status", token=f"guess {n}") for n in range(12)]
    assert [answer.status for answer in answers] == [401] * 10 + [429] * 2
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60 and answers[-1].json["code"] == "too_many_attempts"
    assert (await caller.admin("/api/v1/status")).status == 200
    caller.runtime.attempts.__init__()


async def test_the_right_token_opens_every_read(caller: Caller) -> None:
    for target in READS:
        assert (await caller.admin(target)).status == 200, target


async def test_two_authorization_headers_open_nothing(caller: Caller) -> None:
    good = ("authorization", f"Bearer {caller.admin_token}")
    transport = HttpTransport()
    headers = [(name.encode(), value.encode()) for name, value in (good, ("authorization", "Bearer x"))]
    answer = await transport.send(UpstreamRequest("GET", parse_url(caller.url).at(b"/api/v1/status"), headers))
    assert not isinstance(answer, NotSent | NoAnswer)
    assert answer.status == 401
    answer.close()
    await transport.aclose()


async def test_no_secret_is_in_any_answer(caller: Caller) -> None:
    await caller.chat()
    assert (await caller.chat(BOB_KEY)).status == 429
    await caller.chat(f"unknown-{CANARY}-unknown")
    page = await caller.logged("/api/v1/logs?limit=500", 3)
    targets = [*READS, "/api/openapi.json", *(f"/api/v1/logs/{log['request_id']}" for log in page["items"])]
    asked = {"key": "alice", "body": {"model": "openai/gpt-4o-mini", "messages": [], "max_tokens": 5}}
    answers = [await caller.admin(target) for target in targets]
    answers += [
        await caller.admin("/api/v1/explain", asked),
        await caller.admin("/api/v1/explain", {**asked, "key": "bob"}),
        await caller.admin("/api/v1/explain", {**asked, "key": "nobody"}),
        await caller.admin("/api/v1/reload", method="POST"),
        await caller.admin("/api/v1/status", token=caller.admin_token + "x"),
    ]
    for answer in answers:
        assert CANARY.encode() not in answer.body
        assert caller.admin_token.encode() not in answer.body
        assert not any(CANARY in value for value in answer.headers.values())


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("/api/v1/nowhere", 404, "path_unknown"),
        ("/api/v1/status/", 404, "path_unknown"),
        ("/api/v1/status?verify=perhaps", 400, "parameter_invalid"),
        ("/api/v1/status?verfy=true", 400, "parameter_unknown"),
        ("/api/v1/budgets?x=1", 400, "parameter_unknown"),
        ("/api/v1/budgets/none", 404, "budget_unknown"),
        ("/api/v1/logs/none", 404, "record_unknown"),
        ("/api/v1/logs/none?x=1", 400, "parameter_unknown"),
        ("/api/v1/logs?limit=0", 400, "parameter_invalid"),
        ("/api/v1/logs?limit=501", 400, "parameter_invalid"),
        ("/api/v1/logs?limit=ten", 400, "parameter_invalid"),
        ("/api/v1/logs?cursor=%27%3B--", 400, "parameter_invalid"),
        ("/api/v1/logs?kind=charge", 400, "parameter_unknown"),
        ("/api/v1/logs?status=9999", 400, "parameter_invalid"),
        ("/api/v1/ledger/entries?status=200", 400, "parameter_unknown"),
        ("/api/v1/ledger/entries?cursor=1", 400, "parameter_invalid"),
        ("/metrics?x=1", 400, "parameter_unknown"),
        ("/api/v1/logs?cursor=9223372036854775808.1", 400, "parameter_invalid"),
        ("/api/v1/ledger/entries?cursor=1.99999999999999999999", 400, "parameter_invalid"),
        ("/api/v1/analytics?from=1970-01-01&to=9998-01-01&compare=previous", 400, "parameter_invalid"),
        ("/api/v1/exports/analytics?from=1970-01-01&to=9998-01-01&compare=previous", 400, "parameter_invalid"),
        ("/api/v1/analytics/movers?from=1970-01-01&to=9998-01-01", 400, "parameter_invalid"),
        ("/api/v1/people?from=1970-01-01&to=9998-01-01", 400, "parameter_invalid"),
    ],
)
async def test_an_error_is_a_problem_document(caller: Caller, target: str, status: int, code: str) -> None:
    answer = await caller.admin(target)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json) == {"type", "status", "code", "title", "detail"}
    assert answer.json["status"] == status
    assert b"Traceback" not in answer.body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b'{"bodi": {}}',
        b'{"body": []}',
        b'{"method": "BREW"}',
        b'{"path": 1}',
    ],
)
async def test_a_body_that_cannot_be_used_is_a_problem(caller: Caller, body: bytes) -> None:
    answer = await caller.admin("/api/v1/explain", body, method="POST")
    assert answer.status == 400
    assert answer.json["code"] == "body_invalid"


async def test_a_method_that_a_path_does_not_take_is_a_problem(caller: Caller) -> None:
    answer = await caller.admin("/api/v1/status", method="DELETE")
    assert (answer.status, answer.json["code"]) == (405, "method_not_allowed")


async def test_a_body_that_is_too_large_is_refused(caller: Caller) -> None:
    answer = await caller.admin("/api/v1/explain", b" " * (8 * 1024 * 1024 + 1))
    assert (answer.status, answer.json["code"]) == (413, "body_too_large")


async def test_a_defect_is_told_without_its_stack(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object) -> int:
        raise ZeroDivisionError("a secret of the inside")

    monkeypatch.setattr(caller.runtime.store.ledger, "balances", broken)
    answer = await caller.admin("/api/v1/budgets")
    assert (answer.status, answer.json["code"]) == (500, "internal_error")
    assert b"secret of the inside" not in answer.body
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("edge", ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59.999999-14:00"])
@pytest.mark.parametrize("name", ["since", "until"])
async def test_the_first_and_the_last_instant_of_every_zone_are_answered(caller: Caller, name: str, edge: str) -> None:
    for path in ("logs", "ledger/entries", "spend", "exports/logs", "exports/entries"):
        answer = await caller.admin(f"/api/v1/{path}?{name}={edge}")
        assert answer.status == 200, (path, answer.body)
    erased = await caller.admin(f"/api/v1/logs?user=nobody&{name}={edge}", method="DELETE")
    assert erased.status == 200, erased.body


async def test_no_query_is_answered_with_a_defect(caller: Caller) -> None:
    draw = random.Random(7)
    targets = (
        "/api/v1/status",
        "/api/v1/budgets",
        "/api/v1/spend",
        "/api/v1/logs",
        "/api/v1/ledger/entries",
        "/api/v1/logs/x",
    )
    names = (
        "user",
        "model",
        "group",
        "since",
        "until",
        "limit",
        "cursor",
        "group_by",
        "metadata.a",
        "metadata.\"'",
        "kind",
        "x",
    )
    values = (
        *(
            "",
            "0",
            "-1",
            "1e9",
            "99999999999999999999",
            "null",
            "true",
            "\x00",
            "'; DROP TABLE entries; --",
            "é☃",
            "a" * 2000,
        ),
        *(
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59+00:00",
            "2026-01-01",
            "day,hour",
            "metadata.",
            "metadata.x",
            ",",
            "1.1",
        ),
    )
    for _ in range(300):
        chosen = [(draw.choice(names), draw.choice(values)) for _ in range(draw.randint(1, 3))]
        query = "&".join(f"{quote(name)}={quote(value)}" for name, value in chosen)
        answer = await caller.admin(f"{draw.choice(targets)}?{query}")
        assert answer.status in (200, 400, 404), (query, answer.body)


async def test_the_openapi_document_says_what_is_not_plain(caller: Caller) -> None:
    schemas = (await caller.admin("/api/openapi.json", token="")).json["components"]["schemas"]
    for kind, field, said in (
        ("SessionShown", "user", "Whose things are their own"),
        ("SessionShown", "csrf", "tollway-csrf"),
        ("MatrixAsked", "policy", "As if this one were in force too"),
        ("CellShown", "policies", "policies that decided"),
    ):
        assert said in schemas[kind]["properties"][field]["description"], (kind, field)
        if kind.endswith("Shown"):
            assert field in schemas[kind]["required"]


async def test_the_openapi_document_lists_every_route_and_asks_for_no_token(caller: Caller) -> None:
    answer = await caller.admin("/api/openapi.json", token="")
    assert answer.status == 200
    # `tests/admin/test_access.py` sees to it that every route is in the table.
    paths = {place.partition(" ")[2] for place in ACCESS}
    assert set(answer.json["paths"]) == {path for path in paths if path.startswith(("/api/", "/metrics"))}


async def test_no_amount_of_money_is_a_json_number(caller: Caller) -> None:
    await caller.chat()
    await caller.logged("/api/v1/logs", 1)

    def walk(name: str, value: object) -> None:
        assert not isinstance(value, float), name
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(key, inner)
        elif isinstance(value, list):
            for inner in value:
                walk(name, inner)
        elif name.endswith("_usd"):
            assert isinstance(value, str | None), name

    for target in READS[:-1]:
        walk(target, json.loads((await caller.admin(target)).body))

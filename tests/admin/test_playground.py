"""Trying a model as oneself: metered, refused and logged as any other call, and without a key in the browser."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import pytest_asyncio
from tests.admin.gateways import SETTINGS, Answer, Caller, gateway
from tests.admin.people import ALICE, BOB, OWNER, ROLES, signed_in

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Caller]:
    async with gateway(tmp_path_factory.mktemp("gateway"), SETTINGS + ROLES) as running:
        yield running


async def tried(caller: Caller, token: str, where: str = "default", more: Any = None, **fields: Any) -> Answer:
    body = {
        "model": "openai/gpt-4o-mini",
        "messages": [{"role": "user", "content": "Hello!"}],
        "max_tokens": 20,
    } | fields
    headers = {"authorization": f"Bearer {token}"} | (more or {})
    return await caller.ask("POST", f"/api/v1/playground/{where}/chat/completions", headers, json.dumps(body).encode())


async def test_a_call_is_answered_metered_and_logged_as_whoever_is_signed_in(caller: Caller) -> None:
    before = len(list(caller.runtime.snapshot.issued.all()))
    alice = signed_in(caller, ALICE)
    answer = await tried(caller, alice)
    assert answer.status == 200 and answer.json["choices"]
    assert answer.headers["tollway-cost-usd"] and answer.headers["tollway-budget"]
    found = await caller.logged(f"/api/v1/logs?request_id={answer.headers['tollway-request-id']}", 1)
    (record,) = found["items"]
    assert (record["user"], record["key"]) == (ALICE, f"login:{ALICE}")
    assert record["path"] == "/v1/chat/completions"
    # What opened the gateway is gone with the answer; only the token of who asked is new.
    assert len(list(caller.runtime.snapshot.issued.all())) == before + 1


async def test_an_answer_is_streamed(caller: Caller) -> None:
    answer = await tried(caller, signed_in(caller, ALICE), stream=True)
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/event-stream")
    assert answer.body.count(b"data: ") > 1 and b"[DONE]" in answer.body


async def test_a_refusal_says_why_as_to_any_caller(caller: Caller) -> None:
    answer = await tried(caller, signed_in(caller, BOB, metadata={"team": "web"}))
    assert (answer.status, answer.headers["tollway-error"]) == (429, "budget_exceeded")
    assert "tiny" in answer.json["error"]["message"]
    other = await tried(caller, signed_in(caller, ALICE), "elsewhere")
    assert (other.status, other.json["code"]) == (404, "gateway_unknown")


async def test_nobody_says_there_who_they_are(caller: Caller) -> None:
    """A key that is sent along is not looked at."""
    more = {"tollway-authorization": "Bearer tw_nothing", "x-api-key": "somebody", "tollway-gateway-id": "other"}
    answer = await tried(caller, signed_in(caller, ALICE), more=more)
    assert answer.status == 200
    declared = await tried(caller, signed_in(caller, ALICE), more={"tollway-metadata": '{"purpose": "trial"}'})
    found = await caller.logged(f"/api/v1/logs?request_id={declared.headers['tollway-request-id']}", 1)
    assert found["items"][0]["metadata"]["purpose"] == "trial"


async def test_the_models_are_those_that_the_person_may_use(caller: Caller) -> None:
    async def models(**proven: Any) -> list[str]:
        token = signed_in(caller, ALICE, **proven)
        answer = await caller.admin("/api/v1/playground/default/models", token=token)
        return [one["id"] for one in answer.json["data"]]

    assert "openai/gpt-4o-mini" in await models()
    assert await models(models=("openai/gpt-4o-mini",)) == ["openai/gpt-4o-mini"]


async def test_who_has_no_name_of_their_own_has_to_bring_a_key(caller: Caller) -> None:
    answer = await tried(caller, caller.admin_token)
    assert (answer.status, answer.json["code"]) == (403, "forbidden")
    assert "administrator's token is nobody" in answer.json["detail"]


async def test_a_session_has_to_send_its_token_against_forgery(caller: Caller) -> None:
    given = {"name": "root", "password": "a-long-password"}
    assert (await caller.admin("/api/v1/users", given | {"roles": ["owner"]})).status == 201
    begun = await caller.ask("POST", "/api/v1/session", {}, json.dumps(given).encode())
    cookie = {"cookie": begun.headers["set-cookie"].partition(";")[0]}
    answer = await caller.ask("POST", "/api/v1/playground/default/chat/completions", cookie, b"{}")
    assert (answer.status, answer.json["code"]) == (403, "request_forged")
    assert OWNER not in answer.body.decode()

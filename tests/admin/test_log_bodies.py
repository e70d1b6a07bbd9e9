import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.admin.gateways import ALICE_KEY, BOB_KEY, CANARY, PROVIDER_KEY, SETTINGS, Caller, gateway
from tests.admin.people import ADMIN, ALICE, BOB, FINANCE, ROLES, signed_in

from tollway.admin.log_bodies import _shown
from tollway.logs.bodies import About, KeptBody

pytestmark = pytest.mark.asyncio(loop_scope="module")

GATEWAYS = """\
gateways:
  - {{slug: default}}
  - {{slug: kept, logs: {{payload: true, by_headers: more}}}}
  - {{slug: shown, logs: {{payload: true, own_payload: true}}}}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Caller]:
    folder: Path = tmp_path_factory.mktemp("gateway")
    async with gateway(folder, SETTINGS + ROLES + GATEWAYS) as running:
        yield running


async def chat(caller: Caller, slug: str, key: str = ALICE_KEY, said: str = "Hello there!", **fields: Any) -> str:
    """One call on a gateway; its id."""
    body = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": said}], "max_tokens": 60} | fields
    headers = {"authorization": f"Bearer {key}", "tollway-gateway-id": slug}
    sent = await caller.ask("POST", "/v1/chat/completions", headers, json.dumps(body).encode())
    await caller.logged(f"/api/v1/logs?request_id={sent.headers['tollway-request-id']}", 1)
    return sent.headers["tollway-request-id"]


async def test_what_was_asked_sent_and_returned_is_read_by_administrators(caller: Caller) -> None:
    request_id = await chat(caller, "kept")
    log = (await caller.admin(f"/api/v1/logs/{request_id}")).json
    assert [body["part"] for body in log["bodies"]] == ["asked", "sent", "returned"]
    assert all(body["kept"] == body["size"] > 0 and not body["truncated"] for body in log["bodies"])

    found = await caller.admin(f"/api/v1/logs/{request_id}/request")
    asked, sent = found.json["asked"], found.json["sent"]
    assert json.loads(asked["content"])["model"] == "openai/gpt-4o-mini" and asked["encoding"] == "utf-8"
    assert json.loads(sent["content"])["model"] == "gpt-4o-mini"
    assert found.headers["content-type"] == "application/json" and found.headers["cache-control"] == "no-store"

    returned = (await caller.admin(f"/api/v1/logs/{request_id}/response")).json["returned"]
    assert json.loads(returned["content"])["choices"] and returned["content_type"].startswith("application/json")


async def test_a_stream_is_shown_as_it_came(caller: Caller) -> None:
    request_id = await chat(caller, "kept", stream=True)
    returned = (await caller.admin(f"/api/v1/logs/{request_id}/response")).json["returned"]
    assert returned["content"].startswith("data: ") and returned["content"].rstrip().endswith("data: [DONE]")
    assert returned["content_type"].startswith("text/event-stream")


async def test_no_secret_is_in_a_body_nor_in_any_file(caller: Caller) -> None:
    request_id = await chat(
        caller, "kept", said=f"my key is {ALICE_KEY}, his is {BOB_KEY}, and theirs {PROVIDER_KEY}: keep them"
    )
    for part in ("request", "response"):
        found = await caller.admin(f"/api/v1/logs/{request_id}/{part}")
        assert found.status == 200 and CANARY not in found.body.decode()
    asked = (await caller.admin(f"/api/v1/logs/{request_id}/request")).json["asked"]["content"]
    assert f"my key is {'*' * len(ALICE_KEY)}, his is {'*' * len(BOB_KEY)}, and theirs ***" in asked
    await caller.runtime.store.bodies.flush()
    for path in sorted(caller.runtime.settings.data.rglob("*.db*")):
        assert CANARY.encode() not in path.read_bytes(), path.name


async def test_whoever_may_not_read_bodies_is_told_so(caller: Caller) -> None:
    request_id = await chat(caller, "kept")
    for user, status, words in (
        (FINANCE, 403, "it needs the role admin or owner, and theirs: developer, finance"),
        (ALICE, 403, 'gateway "kept" shows them to administrators alone'),
        (BOB, 404, "No request"),
    ):
        found = await caller.admin(f"/api/v1/logs/{request_id}/request", token=signed_in(caller, user))
        assert (found.status, words in found.json["detail"]) == (status, True), found.json
    assert (await caller.admin(f"/api/v1/logs/{request_id}/request", token="")).status == 401
    assert (await caller.admin(f"/api/v1/logs/{request_id}/request", token=signed_in(caller, ADMIN))).status == 200


async def test_callers_read_their_own_where_the_gateway_lets_them(caller: Caller) -> None:
    request_id = await chat(caller, "shown")
    own = await caller.admin(f"/api/v1/logs/{request_id}/request", token=signed_in(caller, ALICE))
    assert own.status == 200 and "Hello there!" in own.json["asked"]["content"]
    for user, status in ((BOB, 404), (FINANCE, 403)):
        other = await caller.admin(f"/api/v1/logs/{request_id}/response", token=signed_in(caller, user))
        assert other.status == status


async def test_every_reading_of_anothers_bodies_is_audited(caller: Caller) -> None:
    request_id = await chat(caller, "shown")
    for token, part in ((signed_in(caller, ALICE), "request"), (signed_in(caller, ADMIN), "response")):
        await caller.admin(f"/api/v1/logs/{request_id}/{part}", token=token)
    lines = (await caller.admin(f"/api/v1/audit?target={request_id}")).json["items"]
    assert [(line["action"], line["by"], line["after"]) for line in lines] == [
        ("log.body_read", ADMIN, {"read": "response", "user": ALICE})
    ]


async def test_a_request_without_bodies_says_why(caller: Caller) -> None:
    plain = await chat(caller, "default")
    found = await caller.admin(f"/api/v1/logs/{plain}/response")
    assert (found.status, found.json["code"]) == (404, "body_not_kept")
    assert 'gateway "default" keeps no bodies' in found.json["detail"]
    refused = await chat(caller, "kept", BOB_KEY)
    sent = (await caller.admin(f"/api/v1/logs/{refused}/request")).json
    assert sent["asked"] is not None and sent["sent"] is None
    returned = (await caller.admin(f"/api/v1/logs/{refused}/response")).json["returned"]["content"]
    assert "budget_exceeded" in returned
    assert (await caller.admin("/api/v1/logs/unknown/request")).json["code"] == "record_unknown"
    assert (await caller.admin(f"/api/v1/logs/{plain}/response?raw=true")).json["code"] == "parameter_unknown"


async def test_what_is_no_text_is_shown_in_base64_and_what_was_cut_in_a_character_without_it() -> None:
    whole = About(part="asked", content_type="image/png", size=3, kept=3)
    shown = _shown(KeptBody(whole, b"\xff\xfe\x00"))
    assert shown is not None and (shown.encoding, shown.content) == ("base64", "//4A")
    cut = About(part="asked", content_type="text/plain", size=9, kept=3)
    shown = _shown(KeptBody(cut, "äö".encode()[:3]))
    assert shown is not None and (shown.encoding, shown.content, shown.truncated) == ("utf-8", "ä", True)


async def test_a_key_in_the_path_the_model_or_the_user_agent_stands_in_no_log(caller: Caller) -> None:
    issued = (await caller.admin("/api/v1/keys", {"name": "lost"})).json["secret"]
    for secret in (BOB_KEY, issued):
        for key, path, model, agent in (
            (ALICE_KEY, "/v1/chat/completions", f"openai/{secret}", f"curl {secret}"),
            (ALICE_KEY, f"/openai/{secret}/v1/chat/completions", "gpt-4o-mini", "curl"),
            ("sk-nobody-knows-this-key", f"/{secret}", "gpt-4o-mini", secret),
        ):
            body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}
            headers = {"authorization": f"Bearer {key}", "user-agent": agent}
            sent = await caller.ask("POST", path, headers, json.dumps(body).encode())
            request_id = sent.headers["tollway-request-id"]
            (log,) = (await caller.logged(f"/api/v1/logs?request_id={request_id}", 1))["items"]
            whole = await caller.admin(f"/api/v1/logs/{request_id}")
            assert secret not in json.dumps(log) + whole.body.decode()
            assert "*" * len(secret) in whole.body.decode()
    await caller.runtime.store.records.flush()
    for path in sorted(caller.runtime.settings.data.rglob("*.db*")):
        content = path.read_bytes()
        assert BOB_KEY.encode() not in content and issued.encode() not in content, path.name

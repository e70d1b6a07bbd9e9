from pathlib import Path
from typing import Any

import apsw
from tests.admin.gateways import ALICE_KEY, CANARY, PROVIDER_KEY, SETTINGS, Answer, Caller, gateway

WITHOUT = SETTINGS.replace('openai:    {{api_key: "file:provider.key", ', "openai:    {{")
ALIASED = SETTINGS.replace(
    'openai:    {{api_key: "file:provider.key", ',
    'openai:    {{api_key: "file:provider.key", api_keys: {{other: "file:old.key"}}, ',
)
STORED = f"sk-stored-{CANARY}-0001"
SECOND = f"sk-second-{CANARY}-0002"


async def put(caller: Caller, secret: str = STORED, **fields: Any) -> Any:
    return await caller.admin("/api/v1/provider-keys", {"provider": "openai", "secret": secret} | fields)


async def asked(caller: Caller, headers: dict[str, str]) -> Answer:
    body = b'{"model":"openai/gpt-4o-mini","messages":[{"role":"user","content":"Hi"}],"max_tokens":9}'
    return await caller.ask("POST", "/v1/chat/completions", {"authorization": f"Bearer {ALICE_KEY}"} | headers, body)


async def key_of(caller: Caller, headers: dict[str, str] | None = None) -> str:
    """What identifies a request at the provider."""
    caller.bill.keys.clear()
    answer = await asked(caller, headers or {})
    assert answer.status == 200, answer.body
    (key,) = caller.bill.keys
    return key.removeprefix("Bearer ")


async def test_a_stored_key_is_used_by_the_next_request_and_a_removed_one_by_none(tmp_path: Path) -> None:
    async with gateway(tmp_path, WITHOUT) as caller:
        assert (await caller.chat()).headers["tollway-error"] == "provider_key_missing"
        answer = await put(caller)
        assert answer.status == 201
        assert (answer.json["id"], answer.json["preview"], answer.json["status"]) == (
            "openai/default",
            "0001",
            "unused",
        )
        assert await key_of(caller) == STORED
        assert (await put(caller, SECOND)).status == 200
        assert await key_of(caller) == SECOND
        (shown,) = [k for k in (await caller.admin("/api/v1/provider-keys")).json["items"] if k["provider"] == "openai"]
        assert (shown["status"], shown["managed_by"], shown["by"]) == ("active", "store", "admin")
        gone = await caller.admin("/api/v1/provider-keys/openai/default", method="DELETE")
        assert gone.status == 200
        assert (await caller.chat()).headers["tollway-error"] == "provider_key_missing"
        again = await caller.admin("/api/v1/provider-keys/openai/default", method="DELETE")
        assert (again.status, again.json["code"]) == (404, "provider_key_unknown")


async def test_a_caller_picks_a_key_by_its_alias(tmp_path: Path) -> None:
    async with gateway(tmp_path, ALIASED) as caller:
        await put(caller, alias="second")
        assert await key_of(caller, {"tollway-byok-alias": "second"}) == STORED
        assert await key_of(caller, {"cf-aig-byok-alias": "other"}) == f"old-gateway-key-{CANARY}"
        assert await key_of(caller) == await key_of(caller, {"tollway-byok-alias": "default"}) == PROVIDER_KEY
        unknown = await asked(caller, {"tollway-byok-alias": "third"})
        assert (unknown.status, unknown.headers["tollway-error"]) == (400, "provider_key_unknown")
        assert "it has: default, other, second" in unknown.json["error"]["message"]


async def test_a_key_of_one_gateway_is_used_by_that_gateway_alone(tmp_path: Path) -> None:
    settings = WITHOUT + "gateways: [{{slug: ci}}, {{slug: default}}]\n"
    async with gateway(tmp_path, settings) as caller:
        assert (await put(caller, gateway="ci")).status == 201
        assert (await asked(caller, {})).headers["tollway-error"] == "provider_key_missing"
        assert await key_of(caller, {"tollway-gateway-id": "ci"}) == STORED
        await put(caller, SECOND)
        assert await key_of(caller) == SECOND
        assert await key_of(caller, {"tollway-gateway-id": "ci"}) == STORED
        assert (await caller.admin("/api/v1/provider-keys/openai/default?gateway=ci", method="DELETE")).status == 200
        assert await key_of(caller, {"tollway-gateway-id": "ci"}) == SECOND


async def test_the_settings_come_before_what_is_stored_and_that_is_said(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        answer = await put(caller)
        assert "api_key of the settings comes before it" in answer.json["warnings"][0]
        assert await key_of(caller) == PROVIDER_KEY


async def test_the_settings_may_name_what_is_stored(tmp_path: Path) -> None:
    async with gateway(tmp_path, WITHOUT) as caller:
        await put(caller, alias="kept")
        text = (tmp_path / "tollway.yaml").read_text()
        (tmp_path / "tollway.yaml").write_text(
            text.replace("openai:    {", 'openai:    {api_key: "sealed:openai/kept", ')
        )
        assert (await caller.admin("/api/v1/reload", {})).status == 200
        assert await key_of(caller) == STORED
        (tmp_path / "tollway.yaml").write_text(text.replace("openai:    {", 'openai:    {api_key: "sealed:openai/x", '))
        refused = await caller.admin("/api/v1/reload", {})
        assert refused.status == 422 and 'No secret "openai/x" is stored' in refused.json["detail"]


async def test_stored_keys_outlive_the_gateway_and_a_change_of_the_master_key(tmp_path: Path) -> None:
    async with gateway(tmp_path, WITHOUT) as caller:
        await put(caller)
        assert (await caller.admin("/api/v1/provider-keys/rotate", {"new_key": True})).json["wrapped"] == 1
        assert (await caller.chat()).status == 200
    async with gateway(tmp_path, WITHOUT) as caller:
        assert await key_of(caller) == STORED
        actions = [line["action"] for line in (await caller.admin("/api/v1/audit")).json["items"]]
        assert {"provider_key.stored", "master_key.rotated"} <= set(actions)


async def test_what_is_no_key_is_refused_and_nothing_is_stored(tmp_path: Path) -> None:
    async with gateway(tmp_path, WITHOUT) as caller:
        for fields, status, said in [
            ({"provider": "mistral"}, 404, 'No provider "mistral"'),
            ({"alias": "a b"}, 400, "'a b' is no name"),
            ({"gateway": "x"}, 404, 'No gateway "x"'),
            ({"secret": " "}, 400, "it is empty"),
            ({"secret": f"{STORED}\nx"}, 400, "line breaks"),
            ({"expires_at": "2020-01-01T00:00:00Z"}, 400, "is over already"),
            ({"secrets": "x"}, 400, "secrets"),
            ({"secret": "x" * 20_000}, 400, "secret"),
        ]:
            answer = await put(caller, **fields)
            assert answer.status == status and said in answer.json["detail"], answer.body
            assert CANARY not in answer.body.decode()
        assert [k["id"] for k in (await caller.admin("/api/v1/provider-keys")).json["items"]] == ["anthropic/default"]


async def test_no_stored_key_stands_anywhere_but_in_requests_to_the_provider(
    tmp_path: Path, caplog: Any, capfd: Any
) -> None:
    caplog.set_level("DEBUG")
    async with gateway(tmp_path, WITHOUT) as caller:
        answers = [await put(caller), await put(caller, SECOND, alias="second")]
        assert (await caller.chat()).status == 200
        answers += [
            await caller.admin(path)
            for path in ("/api/v1/provider-keys", "/api/v1/audit", "/api/v1/logs", "/api/v1/status", "/metrics")
        ]
        assert not any(CANARY in answer.body.decode() for answer in answers)
        assert repr(caller.runtime.snapshot.providers["openai"]).count(CANARY) == 0
    connection = apsw.Connection(str(tmp_path / "data" / "tollway.db"))
    dumped = "\n".join(
        str(row) for (name,) in list(connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'"))
        for row in connection.execute(f'SELECT * FROM "{name}"')
    )  # fmt: skip
    connection.close()
    assert "openai/second" in dumped
    raw = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    said = dumped.encode() + raw + caplog.text.encode() + capfd.readouterr().err.encode()
    assert STORED.encode() not in said and SECOND.encode() not in said


async def test_a_key_may_be_called_a_key_too(tmp_path: Path) -> None:
    async with gateway(tmp_path, WITHOUT) as caller:
        answer = await caller.admin("/api/v1/provider-keys", {"provider": "openai", "key": STORED})
        assert (answer.status, answer.json["preview"]) == (201, "0001")
        assert await key_of(caller) == STORED

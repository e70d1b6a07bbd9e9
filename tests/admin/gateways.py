"""A real gateway before a fake provider, and someone to ask it."""

import asyncio
import json
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from tollway.demo.gateway import running_gateway
from tollway.demo.provider import Bill, fake_provider
from tollway.errors import StoreUnavailable
from tollway.proxy.transport import NoAnswer, NotSent, UpstreamRequest, parse_url
from tollway.proxy.upstream.client import HttpTransport
from tollway.storage.sql.batch import Outcome

CANARY = "canary-7f3a9c"
"""Is part of every secret there is; it must not come back."""

PROVIDER_KEY = f"sk-provider-{CANARY}"
ALICE_KEY = f"alice-gateway-key-{CANARY}"
BOB_KEY = f"bob-gateway-key-{CANARY}"

SETTINGS = """\
providers:
  openai:    {{api_key: "file:provider.key", base_url: "{url}/v1"}}
  anthropic: {{api_key: "file:provider.key", base_url: "{url}"}}
  google:    {{base_url: "{url}"}}
keys:
  - {{name: alice, secret: "file:alice.key", user: alice@example.com, groups: [eng, leads], metadata: {{team: ml}}}}
  - {{name: bob, secret: "file:bob.key", user: bob@example.com, groups: [eng], metadata: {{team: web}}}}
  - {{name: old, secret: "file:old.key", user: old@example.com, expires_at: 2020-01-01T00:00:00Z}}
budgets:
  - {{name: company, limit: "20", window: {{period: month, timezone: UTC}}}}
  - {{name: "each, a day", id: each, parent: company, limit: "1", window: {{period: day, timezone: UTC}}, split_by: [user]}}
  - {{name: tiny, parent: company, where: {{metadata.team: web}}, limit: "0.000001", window: {{period: total}}}}
  - {{name: watched, parent: company, where: {{user: alice@example.com}}, limit: "0.000001", window: {{period: total}}, mode: monitor}}
"""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Caller:
    """Asks the gateway over its socket, as anybody would."""

    def __init__(self, url: str, admin_token: str, bill: Bill, folder: Path, runtime: Any) -> None:
        self.url = url
        self.admin_token = admin_token
        self.bill = bill
        self.folder = folder
        self.runtime = runtime
        self._transport = HttpTransport()

    async def admin(self, target: str, body: Any = None, *, token: str | None = None, method: str = "") -> Answer:
        """An admin request with the administrator's token, or with another ("" for none)."""
        given = self.admin_token if token is None else token
        headers = {"authorization": f"Bearer {given}"} if given else {}
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return await self.ask(method or ("POST" if raw else "GET"), target, headers, raw)

    async def chat(self, key: str = ALICE_KEY, model: str = "openai/gpt-4o-mini", **fields: Any) -> Answer:
        """One model call."""
        body = {"model": model, "messages": [{"role": "user", "content": "Hello there!"}], "max_tokens": 60} | fields
        headers = {"authorization": f"Bearer {key}"}
        path = "/v1/messages" if model.startswith("anthropic/") else "/v1/chat/completions"
        return await self.ask("POST", path, headers, json.dumps(body).encode())

    async def ask(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        fields = [(name.encode(), value.encode()) for name, value in headers.items()]
        if body and "content-type" not in headers:
            fields.append((b"content-type", b"application/json"))
        request = UpstreamRequest(method, parse_url(self.url).at(target.encode()), fields, body)
        answer = await self._transport.send(request)
        assert not isinstance(answer, NotSent | NoAnswer), answer
        said = b""
        while piece := await answer.read():
            said += piece
        found = {name.decode(): value.decode("latin-1") for name, value in answer.headers}
        return Answer(answer.status, found, said)

    async def logged(self, target: str, least: int) -> Any:
        """A listing once it has `least` items: log records are written a moment after their answers."""
        for _ in range(200):
            found = (await self.admin(target)).json
            if len(found["items"]) >= least:
                return found
            await asyncio.sleep(0.02)
        raise AssertionError(f"{target} never had {least} items")

    async def aclose(self) -> None:
        await self._transport.aclose()


@asynccontextmanager
async def gateway(folder: Path, settings: str = SETTINGS) -> AsyncGenerator[Caller]:
    """A running gateway with the settings above, and a caller of it."""
    secrets = {"provider": PROVIDER_KEY, "alice": ALICE_KEY, "bob": BOB_KEY, "old": f"old-gateway-key-{CANARY}"}
    for name, secret in secrets.items():
        (folder / f"{name}.key").write_text(secret)
    async with fake_provider() as provider, running_gateway(folder, settings.format(url=provider.url)) as running:
        caller = Caller(running.url, running.runtime.admin_token, provider.bill, folder, running.runtime)
        try:
            yield caller
        finally:
            await caller.aclose()


@contextmanager
def full_disk(caller: Caller) -> Generator[None]:
    """Nothing can be written meanwhile, whoever tries; as found out before."""
    writer = caller.runtime.store._database.writer
    turn = writer._turn
    writer._turn = lambda *_: Outcome(apsw.FullError("the disk is full"))  # type: ignore[method-assign]
    writer.broken = StoreUnavailable("the disk is full")
    yield
    writer._turn = turn  # type: ignore[method-assign]
    writer.broken = None

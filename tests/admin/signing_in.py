"""A gateway at which people sign in, an identity provider, a program that asks for tokens, and somebody before a browser."""

import asyncio
import base64
import hashlib
import html
import json
import re
import secrets
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

sys.path.insert(0, str(Path(__file__).parents[1] / "idp"))
from idps import Browser, RunningIdp, free_port
from tests.admin.gateways import ALICE_KEY, Answer, Caller

from tollway.demo.gateway import running_gateway
from tollway.demo.provider import fake_provider

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SETTINGS = """\
providers:
  openai:    {{api_key: none, base_url: "{url}/v1"}}
  anthropic: {{api_key: none, base_url: "{url}"}}
keys:
  - {{name: alice, secret: "{key}", user: key-holder@example.com}}
gateways:
  - {{slug: default}}
  - {{slug: other}}
budgets:
  - {{name: "each, a day", id: each, limit: "1", window: {{period: day, timezone: UTC}}, split_by: [user]}}
issuers:
  - name: company
    issuer: "{issuer}"
    audience: tollway
    client_id: "{client_id}"
    client_secret: "{client_secret}"
    scopes: {scopes}
    allow_private: true
    allow_http: true
login: {login}
"""


class Person:
    """Somebody before a browser, who signs in as `name`."""

    def __init__(self, name: str, password: str = "any", *, stop_at: str = "") -> None:
        self._browser = Browser(stop_at=stop_at)
        self._name = name
        self._password = password

    @property
    def page(self) -> str:
        return self._browser.page

    @property
    def url(self) -> str:
        return self._browser.url

    def visit(self, url: str, form: dict[str, str] | None = None) -> str:
        self._browser.visit(url, form)
        return self._go_on()

    def submit(self, **filled: str) -> str:
        self._browser.submit(**filled)
        return self._go_on()

    def sign_in(self) -> str:
        """Goes through the identity provider's pages, until the gateway asks."""
        for _ in range(8):
            if 'name="decision"' in self.page or "<form" not in self.page or 'name="user_code"' in self.page:
                return self.page
            for field in ("login", "username"):
                if f'name="{field}"' in self.page:
                    self.submit(**{field: self._name, "password": self._password})
                    break
            else:
                self.submit()
        raise AssertionError(self.page)

    def _go_on(self) -> str:
        """A page may send the browser on by itself."""
        found = re.search(r'<meta http-equiv="refresh" content="0;url=([^"]*)"', self.page)
        if found is not None:
            self._browser.visit(html.unescape(found[1]))
        return self.page


class Program(Caller):
    """A client of the authorization server."""

    async def form(self, path: str, fields: dict[str, str] | None = None, **headers: str) -> Answer:
        body = urlencode(fields or {}).encode()
        named = {
            "content-type": "application/x-www-form-urlencoded",
            **{n.replace("_", "-"): v for n, v in headers.items()},
        }
        return await self.ask("POST", path, named, body)

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.ask("GET", path, {name.replace("_", "-"): value for name, value in headers.items()}, b"")

    async def device(self, client_id: str | None = "tollway") -> Any:
        answer = await self.form("/oauth/device_authorization", {"client_id": client_id} if client_id else {})
        assert answer.status == 200, answer.body
        return answer.json

    async def poll(self, code: str, client_id: str | None = "tollway") -> Answer:
        fields = {"grant_type": DEVICE_GRANT, "device_code": code}
        return await self.form("/oauth/token", {**fields, "client_id": client_id} if client_id else fields)

    async def refresh(self, token: str, **fields: str) -> Answer:
        return await self.form("/oauth/token", {"grant_type": "refresh_token", "refresh_token": token, **fields})

    async def signed_in(self, name: str, password: str = "any") -> Any:
        """The tokens of somebody who went through the whole device flow."""
        begun = await self.device()
        page = await asyncio.to_thread(self.allow, begun["verification_uri_complete"], name, password)
        assert "You are signed in" in page, page
        answer = await self.poll(begun["device_code"])
        assert answer.status == 200, answer.body
        return answer.json

    @staticmethod
    def allow(url: str, name: str, password: str = "any", decision: str = "allow") -> str:
        """What a person does with a verification URI, in a browser of its own."""
        person = Person(name, password)
        person.visit(url)
        person.submit()
        person.sign_in()
        return person.submit(decision=decision)

    async def whoami(self, token: str, gateway: str = "default") -> Answer:
        return await self.get("/v1/budget", authorization=f"Bearer {token}", tollway_gateway_id=gateway)

    def later(self, ms: int) -> None:
        """Time goes by."""
        clock = self.runtime.clock
        read, elapsed, ns = clock._read, clock._elapsed, ms * 1_000_000
        clock._read, clock._elapsed = (lambda: read() + ns), (lambda: elapsed() + ns)


def pkce() -> tuple[str, str]:
    """A verifier, and its challenge."""
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).decode().rstrip("=")


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@asynccontextmanager
async def signing_in(
    folder: Path,
    idp: RunningIdp,
    port: int,
    *,
    login: dict[str, Any] | None = None,
    scopes: tuple[str, ...] = (),
    more: str = "",
) -> AsyncGenerator[Program]:
    """A running gateway whose people sign in at `idp`, which knows its callback at `port`; `more` of settings."""
    async with fake_provider() as provider:
        settings = SETTINGS.format(
            url=provider.url,
            key=ALICE_KEY,
            issuer=idp.issuer,
            client_id=idp.client_id,
            client_secret=idp.client_secret,
            scopes=json.dumps(scopes or ("openid", "profile", "email")),
            login=json.dumps({"issuer": "company", **(login or {})}),
        )
        async with running_gateway(folder, settings + more, port=port) as running:
            caller = Program(running.url, running.runtime.admin_token, provider.bill, folder, running.runtime)
            try:
                yield caller
            finally:
                await caller.aclose()


def callback(port: int) -> str:
    return f"http://127.0.0.1:{port}/oauth/callback"


__all__ = ["DEVICE_GRANT", "Person", "Program", "callback", "free_port", "pkce", "query_of", "signing_in"]

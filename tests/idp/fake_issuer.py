"""An identity provider that a test holds in its hand: it answers what it is told to, and counts what it is asked."""

import asyncio
import json
from collections import Counter
from typing import Any

import made_tokens as tokens
import msgspec

from tollway.document.issuers import read_issuers
from tollway.document.written import IssuerDocument
from tollway.identity.issuer import Issuer
from tollway.proxy.fetch import Allowed, Fetched, Fetcher, FetchFailed


class FakeIssuer(Fetcher):
    """Stands in the place of the network: path → status and body. `down` makes every question fail."""

    def __init__(self, issuer: str = tokens.ISSUER) -> None:
        super().__init__()
        self.issuer = issuer
        self.down = False
        self.asked: Counter[str] = Counter()
        self.headers: list[dict[str, str]] = []
        self.gate: asyncio.Event | None = None
        """Where there is one, answers wait for it."""
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.says("/.well-known/openid-configuration", issuer=issuer, jwks_uri=f"{issuer}/keys")
        self.publishes(tokens.jwk())

    def says(self, path: str, status: int = 200, **fields: Any) -> None:
        self.answers[path] = (status, json.dumps(fields).encode())

    def publishes(self, *keys: dict[str, Any]) -> None:
        self.answers["/keys"] = (200, json.dumps({"keys": keys}).encode())

    async def fetch(self, text: str, allowed: Allowed, **sent: Any) -> Fetched:
        path = text.removeprefix(self.issuer)
        self.asked[path] += 1
        self.headers.append(dict(sent.get("headers", {})))
        await asyncio.sleep(0)
        if self.gate is not None:
            await self.gate.wait()
        if self.down:
            raise FetchFailed("login.example.com cannot be reached: refused")
        status, body = self.answers.get(path, (404, b"{}"))
        return Fetched(status, body)


def issuer(**fields: Any) -> Issuer:
    """The issuer that settings with these fields describe."""
    return trusted(fields).all()[0]


def trusted(*written: dict[str, Any], gateways: tuple[str, ...] = ("default", "prod")) -> Any:
    """What `issuers:` in settings means."""
    documents = [
        msgspec.convert(
            {"name": "company", "issuer": tokens.ISSUER, "audience": tokens.AUDIENCE, **fields}, IssuerDocument
        )
        for fields in (written or ({},))
    ]
    return read_issuers(documents, gateways, lambda text, _: text)

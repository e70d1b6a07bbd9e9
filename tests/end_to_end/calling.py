"""Calling a gateway as a user would by hand, and reading its books."""

import http.client
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from gateway import ADMIN_TOKEN, KEY, RunningGateway

DOLLAR = 1_000_000_000


@dataclass(frozen=True)
class Answered:
    status: int
    headers: dict[str, str]
    """Names in lower case."""
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def text(self) -> str:
        """What a chat answer says."""
        return str(self.body["choices"][0]["message"]["content"])

    @property
    def request_id(self) -> str:
        return self.headers.get("tollway-request-id") or self.headers["cf-aig-request-id"]


def call(
    gateway: RunningGateway,
    path: str,
    body: Any,
    *,
    key: str = KEY,
    method: str = "POST",
    timeout: float = 30,
    **headers: str,
) -> Answered:
    """A request with the gateway key; `tollway_cache_ttl="60"` is the header tollway-cache-ttl."""
    parts = urlsplit(gateway.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    sent = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, body if isinstance(body, bytes) else json.dumps(body), sent)
        answer = connection.getresponse()
        raw = answer.read()
        return Answered(answer.status, {name.lower(): value for name, value in answer.getheaders()}, raw)
    finally:
        connection.close()


def chat(gateway: RunningGateway, model: str, *, key: str = KEY, said: str = "hi", **headers: str) -> Answered:
    """A short chat; what is not a header's text is a field of the body."""
    return call(gateway, "/v1/chat/completions", body_of(model, said), key=key, **headers)


def body_of(model: str, said: str = "hi", **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": said}], "max_tokens": 50, **fields}


def administer(gateway: RunningGateway, method: str, path: str, body: Any = None) -> Answered:
    found = call(gateway, f"/api/v1{path}", body if body is not None else {}, key=ADMIN_TOKEN, method=method)
    assert found.status < 300, found.raw
    return found


def entries(gateway: RunningGateway, request_id: str) -> list[Any]:
    """The ledger's entries of a request, the oldest first."""
    items = gateway.admin("/ledger/entries?limit=500")["items"]
    return [entry for entry in reversed(items) if entry["request_id"] == request_id]


def nanodollars(usd: str) -> int:
    return int(Decimal(usd) * DOLLAR)


def spent(gateway: RunningGateway, budget: str) -> int:
    """Nanodollars of the only account of a budget."""
    (found,) = [one for one in gateway.admin("/budgets")["items"] if one["name"] == budget]
    accounts = found["accounts"]
    assert len(accounts) <= 1
    return sum(nanodollars(account["spent_usd"]) for account in accounts)

"""A small world for exchanges: settings, requests, replies. Real classes throughout; nothing is mocked."""

from typing import Any

import msgspec

from tollway.budgets.window import Calendar
from tollway.document import Document, compile_document, read_document
from tollway.pricing.price import PriceBook
from tollway.request import Credential, InferenceRequest
from tollway.snapshot import Snapshot

NOW = 1_790_000_000_000
"""2026-09-21 14:13:20 UTC."""
KEY = "a-gateway-key-of-alice"
PROVIDER_KEY = "sk-provider-secret"


def book() -> PriceBook:
    from importlib import resources

    from tollway.pricing.price import FILE

    return PriceBook.decode(resources.files("tollway.pricing").joinpath(FILE).read_bytes())


def document(**changes: Any) -> Document:
    written: dict[str, Any] = {
        "providers": {
            "openai": {"api_key": PROVIDER_KEY},
            "anthropic": {"api_key": PROVIDER_KEY},
            "google": {"api_key": PROVIDER_KEY},
        },
        "keys": [
            {"name": "alice", "secret": KEY, "user": "alice@example.com", "groups": ["eng"], "metadata": {"team": "ml"}}
        ],
        "budgets": [
            {"name": "company", "limit": "100", "window": {"period": "month"}},
            {"name": "each", "limit": "1", "window": {"period": "day"}, "split_by": ["user"], "parent": "company"},
        ],
    }
    written.update(changes)
    return read_document(written)


def snapshot(**changes: Any) -> Snapshot:
    return compile_document(
        document(**changes), resolve=lambda reference, _: reference, book=book(), pepper=b"pepper", revision=1
    )


def request(
    body: Any = None,
    *,
    api: str = "openai.chat",
    dialect: str = "openai",
    path: str = "/v1/chat/completions",
    provider: str | None = None,
    secret: str | None = KEY,
    **more: Any,
) -> InferenceRequest:
    if body is None:
        body = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 100}
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    values: dict[str, Any] = {
        "id": "01900000-0000-7000-8000-000000000001",
        "received_at": NOW,
        "started_ns": 0,
        "method": "POST",
        "path": path,
        "upstream_path": path,
        "query": b"",
        "headers": ((b"content-type", b"application/json"), (b"authorization", b"Bearer " + (secret or "").encode())),
        "content_type": b"application/json",
        "body": raw,
        "api": api,
        "dialect": dialect,
        "gateway": "default",
        "provider": provider,
        "credentials": (Credential(b"authorization", secret),) if secret is not None else (),
        "metadata": None,
    }
    values.update(more)
    return InferenceRequest(**values)


def calendar() -> Calendar:
    return Calendar()

"""How the recorded providers are configured, and where each recorded request goes."""

import json
from typing import Any
from urllib.parse import urlsplit

from gateway import KEY

from tollway.providers.presets import BY_SLUG

SLUGS = {
    "google-gemini": "google",
    "huggingface-router": "huggingface",
    "openai-compatible-local": "local",
    "pydantic-gateway": "reseller",
}
"""What the settings here call a recorded provider, where it is not its own name."""
OWN: dict[str, dict[str, Any]] = {
    "local": {"api": "openai", "base_url": ""},
    "reseller": {"api": "openai", "base_url": ""},
    "reseller-bedrock": {"api": "bedrock", "base_url": "/bedrock"},
}


def slug_of(row: dict[str, Any]) -> str:
    slug = SLUGS.get(row["provider"], row["provider"])
    return "reseller-bedrock" if slug == "reseller" and row["api"] == "converse" else slug


def provider_settings(slug: str, upstream: str) -> dict[str, Any]:
    """The provider as it is known, but for its host."""
    if slug in OWN:
        return {**OWN[slug], "base_url": upstream + OWN[slug]["base_url"], "api_key": "sk-provider"}
    preset = BY_SLUG[slug]
    path = "" if preset.base_url is None or "{" in preset.base_url else urlsplit(preset.base_url).path
    if slug == "snowflake":
        path = "/api/v2/cortex/v1"
    return {"base_url": upstream + path, "api_key": "sk-provider"}


def settings_for(
    rows: list[dict[str, Any]], upstream: str, *, on_unpriced: str = "count", **provider: Any
) -> dict[str, Any]:
    """A gateway that knows every provider of `rows` at `upstream`, and watches what is spent."""
    return {
        "providers": {
            slug: {**provider_settings(slug, upstream), **provider} for slug in sorted({slug_of(row) for row in rows})
        },
        "keys": [{"name": "tests", "secret": KEY, "user": "tests@example.com"}],
        "budgets": [
            {
                "name": "watch",
                "limit": "1000",
                "window": {"period": "month"},
                "mode": "monitor",
                "on_unpriced": on_unpriced,
            }
        ],
    }


def path_of(row: dict[str, Any]) -> str:
    """Where a recorded request goes at the gateway."""
    url = urlsplit(row["url"])
    prefix = OWN.get(slug_of(row), {}).get("base_url", "")
    return f"/{slug_of(row)}{url.path.removeprefix(prefix)}" + (f"?{url.query}" if url.query else "")


def request_of(row: dict[str, Any]) -> bytes:
    return (row["request"] if isinstance(row["request"], str) else json.dumps(row["request"])).encode()


def headers_of(row: dict[str, Any]) -> dict[str, str]:
    """A caller's own headers."""
    content_type = (row.get("request_headers") or {}).get("content-type", "application/json")
    return {"authorization": f"Bearer {KEY}", "content-type": content_type}

"""A service token where one header holds both halves of it: as HTTP Basic, or as the JSON that Cloudflare Access takes."""

import base64
import binascii
import json
from typing import Any, NamedTuple, cast


class Pair(NamedTuple):
    """Both halves."""

    client: str | None
    """`None` where all that came is a key, as `curl -u KEY:` sends it."""
    secret: str

    def __repr__(self) -> str:
        return f"Pair({self.client!r}, …)"


def of_basic(encoded: str) -> Pair | None:
    """What stands behind `Basic` (RFC 7617); `None` for what is not that."""
    try:
        client, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    if not colon or not client:
        return None
    return Pair(client, secret) if secret else Pair(None, client)


def of_json(text: bytes) -> Pair | None:
    """What `{"cf-access-client-id": ..., "cf-access-client-secret": ...}` says, in that spelling or with `tollway-`; `None`
    where a half is missing, comes twice, or stands beside something else."""
    if not text.startswith(b"{"):
        return None
    try:
        pairs: Any = json.loads(text, object_pairs_hook=list)
    except (ValueError, RecursionError):
        return None
    # Objects are lists of pairs here; a key that comes twice is still there twice.
    found = {str(name).lower(): value for name, value in cast("list[tuple[str, Any]]", pairs)}
    if len(found) != 2 or len(pairs) != 2:
        return None
    for prefix in ("cf-access-", "tollway-"):
        client, secret = found.get(f"{prefix}client-id"), found.get(f"{prefix}client-secret")
        if isinstance(client, str) and isinstance(secret, str) and client and secret:
            return Pair(client, secret)
    return None

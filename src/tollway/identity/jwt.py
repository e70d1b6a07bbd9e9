"""Reading a token (RFC 7515, 7519), as RFC 8725 asks: strictly, and believing nothing of it that is not signed.

What stands here knows no key: `read_token` says whether a text can be a token at all and what it claims, `of_whom` which
issuer it names, `keyset.py` whether that issuer signed it, `claims.py` who it is.
"""

import base64
import binascii
import json
import re
from typing import Any, cast

import msgspec

LONGEST_TOKEN = 16 * 1024
LONGEST_KEY_ID = 256
"""Bytes of a `kid`, which is a name and nothing else: never a path, never an address."""
_PARTS = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")
_LATEST = 253_402_300_800
"""Seconds; the year 10000."""


class Unfit(msgspec.Struct, frozen=True):
    """Why a token proves nothing: `code` of `errors.REASONS`, and the message with the way out. Never the token."""

    code: str
    message: str


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A text in the shape of a token. Nothing in it is proven."""

    signed: bytes
    """What the signature is of (RFC 7515, 5.1)."""
    signature: bytes
    algorithm: str
    key_id: str | None
    kind: str
    """Its `typ`, in lower case, without "application/"; "jwt" where it says none (RFC 7519, 5.1)."""
    claims: dict[str, Any]

    def __repr__(self) -> str:
        return "Token(…)"


def looks_like_token(text: str) -> bool:
    """Whether `text` is made like a signed token, or like an encrypted one: base64url of "{..." and dots."""
    # Of "{" and a quote, white space or "}".
    return text.startswith(("ey", "ew", "e3")) and "." in text


def of_whom(text: str) -> str | None:
    """The `iss` that a token claims, unproven; `None` where there is none to be read. It only decides which settings judge
    the token."""
    if len(text) > LONGEST_TOKEN:
        return None
    parts = text.split(".")
    if len(parts) != 3:
        return None
    try:
        iss = _object(parts[1]).get("iss")
    except ValueError:
        return None
    return iss if isinstance(iss, str) else None


def read_token(text: str) -> Token | Unfit:
    """What `text` claims, if it is one token that is signed and neither encrypted, compressed nor nested."""
    if len(text) > LONGEST_TOKEN:
        return _invalid(f"it is longer than {LONGEST_TOKEN:,} bytes; ask the identity provider for fewer claims")
    if text.count(".") == 4:
        return _invalid("it is encrypted (JWE); have the identity provider sign it only")
    if _PARTS.fullmatch(text) is None:
        return _invalid("it is not three parts in base64url; copy it again, without line breaks")
    head, body, signature = text.split(".")
    try:
        header, claims = _object(head), _object(body)
        made = _decoded(signature)
    except ValueError as error:
        return _invalid(f"{error}; ask for a new one")
    if "crit" in header:
        # RFC 7515, 4.1.11: what is critical and not understood makes it invalid; nothing critical is understood here.
        return _invalid("its header has critical extensions (crit), of which none is known here")
    for name in ("enc", "zip", "b64"):
        if name in header:
            return _invalid(f'its header has "{name}"; encrypted, compressed and detached tokens are not taken')
    if str(header.get("cty", "")).lower().removeprefix("application/") in ("jwt", "jose"):
        return _invalid("it is a token within a token; send the inner one's kind only")
    algorithm, key_id, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    if not isinstance(algorithm, str) or not isinstance(kind, str):
        return _invalid('its header has no "alg", or an "alg" or "typ" that is no text')
    if key_id is not None and (not isinstance(key_id, str) or len(key_id.encode("utf-8", "replace")) > LONGEST_KEY_ID):
        return _invalid(f'its header has a "kid" that is no text of at most {LONGEST_KEY_ID} bytes')
    return Token(
        signed=f"{head}.{body}".encode("ascii"),
        signature=made,
        algorithm=algorithm,
        key_id=key_id,
        kind=kind.lower().removeprefix("application/"),
        claims=claims,
    )


def instant(claims: dict[str, Any], name: str) -> int | None:
    """A NumericDate (RFC 7519, 2) in Unix milliseconds; `None` where it is not there. Raises ValueError for another thing."""
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LATEST:
        raise ValueError(f'its "{name}" is not a number of seconds')
    return int(value * 1000)


def strict_json(text: bytes) -> Any:
    """The JSON in `text`: UTF-8, no key twice in one object, no NaN. Raises ValueError, which repeats nothing of it."""
    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except _Twice:
        raise ValueError("a name stands twice in one of its objects") from None
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None


class _Twice(ValueError):
    """Two readers of such an object may see two different values."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Twice
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _object(part: str) -> dict[str, Any]:
    """The JSON object in a part. Raises ValueError."""
    found = strict_json(_decoded(part))
    if not isinstance(found, dict):
        raise ValueError("a part of it is not a JSON object")
    return cast(dict[str, Any], found)


def _decoded(part: str) -> bytes:
    """Base64url without padding, written the one right way. Raises ValueError."""
    try:
        decoded = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a part of it is not base64url") from None
    if base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() != part:
        # Two texts for one token: loose bits at the end.
        raise ValueError("a part of it is not base64url as it is to be written")
    return decoded


def _invalid(what: str) -> Unfit:
    return Unfit("token_invalid", f"The token cannot be accepted: {what}.")

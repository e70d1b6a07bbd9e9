"""Requests that are repeated on purpose: `Idempotency-Key`, so that one is answered once and billed once.

| the key is            | and the request     | so the repeat                                                             |
|-----------------------|---------------------|---------------------------------------------------------------------------|
| new                   |                     | runs (`Fresh`)                                                             |
| of one under way      | the same            | waits for its answer, or is told to come again (`Wait`)                    |
| of one answered       | the same            | gets the same answer and costs nothing (`Replay`)                          |
| of one that was lost  | the same            | is refused: it may have been billed, and its answer is not here (`Lost`)   |
| of any of these       | another             | is refused (`Mismatch`)                                                    |

What was certainly not billed (a refusal, an error of the provider) is forgotten, so that a repeat runs anew.
"""

import hashlib
from typing import Literal

import msgspec

from tollway.cache.entry import Kept
from tollway.cache.key import owner_of
from tollway.cache.rules import Refused
from tollway.identity.identity import Identity

LIFETIME_MS = 24 * 3_600_000
LONGEST_KEY = 255
WAIT_S = 30.0
"""How long a repeat waits for the first one's answer before it is told to come again: less than SDKs wait for an answer."""

_encode = msgspec.msgpack.Encoder().encode


class Fresh(msgspec.Struct, frozen=True):
    """It is the first: it runs, and must be finished, abandoned or marked as lost."""


class Wait(msgspec.Struct, frozen=True):
    """The first is under way."""


class Replay(msgspec.Struct, frozen=True):
    """The first was answered so."""

    kept: Kept


class Mismatch(msgspec.Struct, frozen=True):
    """The first was another request."""


class Lost(msgspec.Struct, frozen=True):
    """The first was sent to a provider, and its whole answer is not here."""

    why: Literal["interrupted", "not_kept"] = "interrupted"
    """interrupted: this gateway ended, or the caller left, while it was under way · not_kept: the answer was too large to keep."""


Begun = Fresh | Wait | Replay | Mismatch | Lost


def read_key(header: str) -> str | Refused:
    """The key in the header. It may stand in quotes (RFC 8941 strings), as the IETF's draft has it."""
    key = header.strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not 0 < len(key) <= LONGEST_KEY or not (key.isascii() and key.isprintable()):
        return Refused(
            "idempotency_invalid",
            f"idempotency-key: send 1 to {LONGEST_KEY} printable ASCII characters, a random UUID for example "
            f"(these are {len(key):,}).",
        )
    return key


def repeat_key(gateway: str, identity: Identity, key: str, brought: tuple[str, ...] = ()) -> bytes:
    """What a request is known by: the gateway, who calls, and the caller's own key.

    `brought`: digests of the provider keys that came with it (`brought_keys`), which tell callers apart who have no name. Those
    who have neither share their keys, as they share all else; only the same request is ever answered so.
    """
    owner = owner_of(identity) or ("anonymous", *brought)
    return hashlib.sha256(b"tollway repeat 1" + _encode((gateway, owner, key))).digest()


def fingerprint(method: str, path: str, query: bytes, body: bytes) -> bytes:
    """What tells a repeat from another request. `path`: as the caller wrote it; `query`: without credentials."""
    made = hashlib.sha256(_encode((method, path, query, len(body))))
    made.update(body)
    return made.digest()


def refusal_of(begun: Wait | Mismatch | Lost, key: str) -> Refused:
    """What a repeat is told that cannot be answered. `Wait`: it has waited for as long as it may."""
    shown = key[:64]
    match begun:
        case Wait():
            return Refused(
                "idempotency_in_progress",
                f'The first request with idempotency-key "{shown}" is still under way. Send the same again in a moment to get its '
                "answer; it is billed once.",
                retry_after_s=2,
            )
        case Mismatch():
            return Refused(
                "idempotency_mismatch",
                f'idempotency-key "{shown}" belongs to another request of the last 24 hours (another method, path or body). Use a '
                "new key for each request, and the same one only to repeat it.",
            )
        case Lost(why):
            because = (
                "ended before its answer was whole"
                if why == "interrupted"
                else "was answered, and its answer is too large to be kept"
            )
            return Refused(
                "idempotency_interrupted",
                f'The first request with idempotency-key "{shown}" {because}; the provider may have billed it, so it is not run '
                "again by itself. To run it again, and be billed for it again, send a new key.",
            )

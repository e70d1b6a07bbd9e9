"""What may be kept, and for how long: the gateway's settings, and what a caller's headers ask for beside them.

| asked by header           | read | kept for                                                        |
|---------------------------|------|-----------------------------------------------------------------|
| nothing                   | yes  | the gateway's `ttl_s`; neither read nor kept where that is 0     |
| `tollway-cache-ttl: 0`    | no   | not kept                                                        |
| `tollway-cache-ttl: 600`  | yes  | that                                                            |
| `tollway-skip-cache: true`| no   | as without it: the answer made now replaces the kept one         |
| `tollway-cache-key: name` | yes  | the same; 5 minutes where neither gateway nor header says a time |
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from tollway.cache.key import Scope
from tollway.request import Api, Handling

MONTH_S = 31 * 86_400
SHORTEST_S = 60
UNSAID_S = 300
"""How long an answer is kept that has a name of the caller's own, where nobody said how long (Cloudflare's five minutes)."""
LARGEST_REQUEST = 25 * 1024 * 1024
"""Bytes of a request whose answer may be kept (Cloudflare's limit)."""
LARGEST_ENTRY = 64 * 1024 * 1024
"""Bytes of an answer that any gateway may keep: none is read whole that is longer."""
LONGEST_NAME = 512
_LOOKED_INTO = 256 * 1024
"""Bytes of a body that is read to see whether a field is really there; of a longer one the mere name counts."""


class Caching(msgspec.Struct, frozen=True, kw_only=True):
    """What a gateway keeps of the answers it passes on."""

    ttl_s: int = 0
    """0: off, but for callers whose headers ask for it."""
    scope: Scope = "user"
    by_headers: bool = True
    """Callers may turn it on, and say for how long, by header; whether or not, they may always turn it off."""
    max_entry_bytes: int = 8 * 1024 * 1024


class Refused(NamedTuple):
    """Why a request cannot go on: `code` of `errors.REASONS`."""

    code: str
    message: str
    retry_after_s: int | None = None


class Use(NamedTuple):
    """What the cache is to do for one request."""

    read: bool
    keep_s: int
    """0: the answer is not kept."""
    custom: str | None = None
    max_entry_bytes: int = 0

    @property
    def bypassed(self) -> bool:
        """Whether it is left out (`BYPASS`), or asked (`HIT`, `MISS`)."""
        return not self.read

    @property
    def off(self) -> bool:
        """Whether it has nothing to do at all, so that no key need be made."""
        return not self.read and not self.keep_s


OFF = Use(read=False, keep_s=0)
_DEFAULT = Caching()


class Outcome(NamedTuple):
    """How an answer went."""

    status: int
    complete: bool
    """To its own end: it did not break off, was not cut, and its caller did not leave."""
    clamped: bool = False
    """A budget made its output cap smaller than was asked for, so that it may be shorter than another caller's would be."""
    refused: bool = False
    """Tollway answered, not a provider."""


def use_of(
    caching: Caching | None,
    handling: Handling,
    *,
    api: Api,
    method: str,
    path: str,
    body: bytes,
    cf_spelling: bool = False,
) -> Use | Refused:
    """What the cache is to do; an error where a header cannot be meant. `path` is the provider-side one.

    `caching` is `None` for a gateway whose settings say nothing of it. `cf_spelling`: headers are called `cf-aig-*`.
    """
    # Most requests: nothing is kept here, and nobody asks for it.
    if handling.cache_ttl_s is None and handling.cache_key is None and (caching is None or caching.ttl_s == 0):
        return OFF
    wrong = _wrong(handling, "cf-aig-" if cf_spelling else "tollway-")
    if wrong is not None:
        return wrong
    found = caching or _DEFAULT
    keep_s = found.ttl_s
    if handling.cache_ttl_s == 0:
        return OFF
    custom = handling.cache_key
    if found.by_headers:
        if handling.cache_ttl_s is not None:
            keep_s = handling.cache_ttl_s
        elif custom is not None and keep_s == 0:
            keep_s = UNSAID_S
    if keep_s == 0 or not may_be_kept(api, method, path, body):
        return OFF
    return Use(not handling.skip_cache, keep_s, custom, found.max_entry_bytes)


def _wrong(handling: Handling, prefix: str) -> Refused | None:
    ttl_s, name = handling.cache_ttl_s, handling.cache_key
    if ttl_s is not None and ttl_s != 0 and not SHORTEST_S <= ttl_s <= MONTH_S:
        return Refused(
            "cache_invalid",
            f"{prefix}cache-ttl: {ttl_s} is not a time that answers are kept for; send {SHORTEST_S} to {MONTH_S:,} seconds, or 0 "
            "to leave the cache out.",
        )
    if name is not None and not (0 < len(name) <= LONGEST_NAME and name.isprintable()):
        return Refused(
            "cache_invalid",
            f"{prefix}cache-key: send 1 to {LONGEST_NAME} printable characters (these are {len(name):,}).",
        )
    return None


_ANSWERS: frozenset[Api] = frozenset(
    {
        "openai.chat", "openai.responses", "openai.completions", "openai.embeddings", "openai.images", "openai.speech",
        "openai.moderations", "openai.rerank", "openai.ocr", "anthropic.messages", "anthropic.vertex", "google.generate",
        "google.embed", "google.predict", "bedrock.converse", "bedrock.invoke", "cohere.chat", "cohere.embed", "cohere.rerank",
        "ollama.chat", "ollama.generate", "ollama.embed", "cloudflare.run",
    }
)  # fmt: skip
"""APIs that make answers. Not those of files, batches and jobs, nor token counts, which are free, nor transcriptions: the
boundary of their forms is drawn anew for each request, so that none is ever the same as another."""


def may_be_kept(api: Api, method: str, path: str, body: bytes) -> bool:
    """Whether the answer to such a request may be kept, whoever asks."""
    if api not in _ANSWERS or method != "POST" or len(body) > LARGEST_REQUEST:
        return False
    if api == "google.predict" and not path.endswith(":predict"):
        # Work that goes on behind the answer.
        return False
    return not _leaves_something(api, body)


class _Stateful(msgspec.Struct):
    store: object = None
    background: object = None
    conversation: object = None
    previous_response_id: object = None
    options: dict[str, object] | None = None


_STATEFUL: dict[Api, tuple[bytes, ...]] = {
    "openai.chat": (b'"store"',),
    "openai.completions": (b'"store"',),
    "openai.responses": (b'"store"', b'"background"', b'"conversation"', b'"previous_response_id"'),
    "cloudflare.run": (b'"background"',),
}
"""Fields by which a request leaves something behind at the provider, or builds on what was left: its answer is no function
of its body."""


def _leaves_something(api: Api, body: bytes) -> bool:
    names = _STATEFUL.get(api, ())
    if not any(name in body for name in names):
        return False
    if len(body) > _LOOKED_INTO:
        return True
    try:
        found = msgspec.json.decode(body, type=_Stateful)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return True
    said = {b'"store"': found.store, b'"background"': found.background}
    said |= {b'"conversation"': found.conversation, b'"previous_response_id"': found.previous_response_id}
    if any(said[name] not in (None, False) for name in names):
        return True
    return api == "cloudflare.run" and bool((found.options or {}).get("background"))


_LINKED = re.compile(rb'"url"\s*:\s*"')


def is_keepable(use: Use, outcome: Outcome, headers: Iterable[tuple[bytes, bytes]], body: bytes, api: Api) -> bool:
    """Whether this answer is kept, once it has ended."""
    if use.keep_s == 0 or outcome.status != 200 or not outcome.complete or outcome.clamped or outcome.refused:
        return False
    if not body or len(body) > use.max_entry_bytes:
        return False
    if any(name.lower() == b"content-encoding" for name, _ in headers):
        # It was passed on as it came, which another caller may not be able to read.
        return False
    # A link to a picture works for an hour at most.
    return not (api == "openai.images" and _LINKED.search(body) is not None)

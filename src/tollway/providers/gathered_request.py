"""Which calls may be carried as a stream though their caller asked for a whole answer, and where they then go."""

from __future__ import annotations

import re

import msgspec

from tollway.providers.answer import values
from tollway.providers.counts import decoded
from tollway.providers.google_path import parted
from tollway.request import Api, Ask

_GENERATE = re.compile(r"(:|%3a)generateContent$", re.IGNORECASE)
_PREDICT = re.compile(r"(:|%3a)rawPredict$", re.IGNORECASE)
_ALT = re.compile(rb"(?:\$|%24)?alt(?:=|$)", re.IGNORECASE)


class Upstream(msgspec.Struct, frozen=True):
    """Where a call goes that is to be answered as a stream. Its body wants `Rewrite.stream`."""

    path: str
    query: bytes
    """Without the question mark."""
    include_usage: bool
    """Its API tells the usage of a stream only to those who ask, where the provider lets itself be asked (`asks_usage`)."""


def upstream_request(api: Api, path: str, query: bytes, body: bytes, ask: Ask) -> Upstream | None:
    """Where the call goes as a stream; None where it is one already, or its provider would not stream it.

    `path` is the provider's, as the codec wrote it, and `body` the caller's. Takes time linear in the body.
    """
    if ask.stream:
        return None
    match api:
        case "openai.chat":
            # As a stream, audio comes as bare samples only: another format would be refused.
            return None if _given(body, "audio", "deferred") else Upstream(path, query, include_usage=True)
        case "openai.completions":
            return None if _best_of_many(body) else Upstream(path, query, include_usage=True)
        case "openai.responses":
            job = path.rstrip("/").endswith("/compact") or _given(body, "background")
            return None if job else Upstream(path, query, include_usage=False)
        case "anthropic.messages":
            return Upstream(path, query, include_usage=False)
        case "anthropic.vertex":
            parts = parted(path)
            if parts is None or parts.model == "count-tokens" or not _PREDICT.search(path):
                return None
            return Upstream(_PREDICT.sub(r"\1streamRawPredict", path), query, include_usage=False)
        case "google.generate":
            if not _GENERATE.search(path) or _speaks(body):
                return None
            return Upstream(_GENERATE.sub(r"\1streamGenerateContent", path), _as_events(query), include_usage=False)
        case _:
            return None


def _as_events(query: bytes) -> bytes:
    """`query` with `alt=sse` for whatever `alt` it had, and everything else as it was."""
    kept = [part for part in query.split(b"&") if part and _ALT.match(part) is None]
    return b"&".join([*kept, b"alt=sse"])


def _given(body: bytes, *names: str) -> bool:
    """Whether any of these values stands in `body` and asks for something."""
    # A quote inside a text is escaped, so this misses no plainly written name, and opens few bodies.
    if not any(f'"{name}"'.encode() in body for name in names):
        return False
    found = values(body)
    return any(decoded(found.get(name)) not in (None, False) for name in names)


def _best_of_many(body: bytes) -> bool:
    if b'"best_of"' not in body:
        return False
    asked = decoded(values(body).get("best_of"))
    return asked is not None and asked != 1


def _speaks(body: bytes) -> bool:
    """Whether Gemini is to speak, which not every model streams, or to cut a call's arguments into pieces of their own."""
    return any(
        name in body
        for name in (b'"AUDIO"', b'"speechConfig"', b'"speech_config"', b'"streamFunctionCallArguments"',
                     b'"stream_function_call_arguments"')
    )  # fmt: skip

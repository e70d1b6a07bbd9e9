"""Signatures of other providers, put where an API has the signatures of its own.

A model of Anthropic's, Google's or OpenAI's that thought before it called a tool wants its signature back with the call. Its caller,
who speaks another API, keeps opaque text and sends it back: `encrypted_content` in OpenAI's Responses, `thoughtSignature` in
Google's. What is put there says who made it, so that nobody else is ever sent it.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from tollway.translate.conversation import Kind

_MARK = "tollway:"
_KINDS: dict[str, Kind] = {
    "openai.chat": "openai.chat",
    "openai.responses": "openai.responses",
    "anthropic.messages": "anthropic.messages",
    "google.generate": "google.generate",
}


class Sealed(msgspec.Struct, frozen=True):
    """A signature, and the id of the call that it belongs to; `None` where it is a thought's own."""

    signature: tuple[Kind, str]
    call: str | None = None


def seal(signature: tuple[Kind, str], own: Kind, call: str | None = None) -> str:
    """The text that stands for a signature; one that the API `own` made stays as it is."""
    if signature[0] == own and call is None:
        return signature[1]
    return _MARK + msgspec.json.encode([signature[0], call, signature[1]]).decode()


def unseal(text: str, own: Kind) -> Sealed:
    """What `seal` was given; whatever it did not make is of the API `own`."""
    as_it_is = Sealed((own, text))
    if not text.startswith(_MARK):
        return as_it_is
    try:
        value: Any = msgspec.json.decode(text[len(_MARK) :])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return as_it_is
    if not isinstance(value, list) or len(cast("list[Any]", value)) != 3:
        return as_it_is
    kind, call, signature = cast("list[Any]", value)
    if not isinstance(kind, str) or kind not in _KINDS or not isinstance(signature, str):
        return as_it_is
    return Sealed((_KINDS[kind], signature), call if isinstance(call, str) else None)

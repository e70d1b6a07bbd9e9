"""Google's own fields in a chat completion: what OpenAI's API has no name for, and costs money all the same.

Vertex AI reads them at `google`, AI Studio at `extra_body.google`, where the `extra_body` is the body's own (an SDK takes
one more of that name apart before it sends). A relay may put whatever an `extra_body` holds into the call it makes, so
what is not known there may be a second cap, or a number of answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tollway.providers.body import Fields, object_at, object_of
from tollway.providers.google_generate import read_tools
from tollway.providers.inputs import Inputs

_CACHES = ("cached_content", "cachedContent")
_THINKING = ("thinking_config", "thinkingConfig")
_INNER = ("extra_body", "google")
_HARMLESS = frozenset(
    {
        *_CACHES,
        *_THINKING,
        *_INNER,
        "tools",
        "thought_tag_marker",
        "thoughtTagMarker",
        "safety_settings",
        "safetySettings",
        "labels",
    }
)
"""Fields that are read here, and those that change nothing of what a call costs."""
_DEEPEST = 4
_tools = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


class Extras:
    """What the fields of one body say, besides what `Inputs` collects."""

    __slots__ = ("thinks", "uncapped")

    def __init__(self) -> None:
        self.thinks = False
        """They set how the model thinks."""
        self.uncapped: str | None = None
        """What may undo the cap of the request."""


_NONE = Extras()
_NAMES = (*_INNER, *_CACHES, *_THINKING)


def read_extras(fields: Fields, inputs: Inputs) -> Extras:
    """Notes what `fields` of a chat body hold beside OpenAI's. Raises Unfit for a key that stands twice."""
    if fields.keys().isdisjoint(_NAMES):
        return _NONE
    found = Extras()
    _read_known(fields, inputs, found)
    for name in _INNER:
        value: object = fields.get(name)
        if isinstance(value, dict):
            _read_inner(object_at(fields, name), name, inputs, found)
        elif value is not None:
            _read_inner(None, name, inputs, found)
    return found


def _read_inner(place: Fields | None, path: str, inputs: Inputs, found: Extras) -> None:
    """What stands at `path`; `None` is no object."""
    if place is None or path.count(".") >= _DEEPEST:
        found.uncapped = found.uncapped or path
        return
    _read_known(place, inputs, found)
    if _given(place.get("tools")):
        _read_tools(place["tools"], inputs)
    unknown = next((name for name in place if name not in _HARMLESS and _given(place[name])), None)
    if unknown is not None:
        found.uncapped = found.uncapped or f"{path}.{unknown}"[:80]
    for name in _INNER:
        value: object = place.get(name)
        if _given(value):
            inner = object_of(bytes(value)) if isinstance(value, msgspec.Raw) else None
            _read_inner(inner, f"{path}.{name}", inputs, found)


def _read_known(place: Mapping[str, Any], inputs: Inputs, found: Extras) -> None:
    if any(_given(place.get(name)) for name in _CACHES):
        inputs.unsized("cachedContent")
    found.thinks = found.thinks or any(_given(place.get(name)) for name in _THINKING)


def _read_tools(raw: object, inputs: Inputs) -> None:
    try:
        tools = _tools.decode(raw) if isinstance(raw, msgspec.Raw) else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        tools = None
    if tools is None:
        # A relay may read more in it than is seen here.
        inputs.paid("tools")
    else:
        read_tools(tools, inputs)


def _given(value: object) -> bool:
    return value is not None and not (isinstance(value, msgspec.Raw) and bytes(value) == b"null")

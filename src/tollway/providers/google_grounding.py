"""What an answer of Gemini says it has looked up, and how many searches Google bills for it.

Google, "Gemini Developer API pricing": models before Gemini 3 bill a prompt that was grounded, however often they searched;
later ones bill each query. Of queries it says: empty ones, and those that repeat another, are not counted. A prompt that was
grounded with Google Maps is billed apart, at most as dear as one that was with Google Search.
"""

from __future__ import annotations

import re

import msgspec

from tollway.providers.answer import text, values

_BY_PROMPT = re.compile(r"(?:.*/)?gemini-(?:live-)?[012](?:\.\d+)?(?:-.*)?", re.IGNORECASE | re.DOTALL)
"""Any other name, "gemini-flash-latest" or "deep-research-…", is taken to bill by the query, which is never fewer."""
_MOST_QUERIES = 10_000
"""Longer lists are noise."""

_texts = msgspec.json.Decoder(list[str | None])
_chunks = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


class Grounding:
    """Collects what the candidates of one answer, or of all chunks of its stream, say of their grounding."""

    __slots__ = ("_on_maps", "_on_web", "_queries")

    def __init__(self) -> None:
        self._queries: set[str] = set()
        self._on_web = False
        self._on_maps = False

    def add(self, metadata: msgspec.Raw) -> None:
        """Takes the `groundingMetadata` of a candidate in; what is of an unknown shape says nothing."""
        found = values(metadata)
        if "webSearchQueries" in found and len(self._queries) < _MOST_QUERIES:
            try:
                asked = _texts.decode(found["webSearchQueries"])
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                asked = []
            self._queries.update([query.strip() for query in asked if query and query.strip()])
        if "groundingChunks" in found:
            try:
                sources = _chunks.decode(found["groundingChunks"])
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                sources = []
            self._on_maps = self._on_maps or any("maps" in source for source in sources)
        if text(found.get("googleMapsWidgetContextToken")):
            self._on_maps = True
        # A page that the request named is among the chunks as well, and costs nothing but its tokens.
        if "searchEntryPoint" in found:
            self._on_web = True

    def searches(self, model: str | None) -> int | None:
        """How many are billed to an answer of `model`; `None` where nothing was looked up."""
        on_web = self._on_web or bool(self._queries)
        if not on_web and not self._on_maps:
            return None
        if model is not None and _BY_PROMPT.fullmatch(model):
            return on_web + self._on_maps
        # The queries on a map are not told: one at least was made.
        return max(len(self._queries), int(self._on_web)) + self._on_maps

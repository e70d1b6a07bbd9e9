"""A stream of Google's generateContent answers as the one answer it stands for."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from tollway.providers.answer import Values, text, values
from tollway.providers.counts import reported
from tollway.providers.gathered_pieces import (
    NODE_BYTES,
    NULL,
    Fields,
    Pile,
    Text,
    array_of,
    fill_by_name,
    grown,
    number_of,
    object_of,
    opens_with,
    replaced,
    text_of,
)

_PLAIN = frozenset({"text", "thought", "thoughtSignature"})
_BY_NAME = frozenset({"groundingMetadata", "urlContextMetadata"})
"""Objects whose fields are told when they are known, each once, or again when it has grown."""
_LISTS = frozenset({"citationMetadata", "logprobsResult"})
"""Objects whose lists have in each chunk what belongs to that chunk."""


class GenerateAnswer:
    """The chunks of one stream, merged."""

    __slots__ = ("_blocked", "_candidates", "_top", "_usage", "pile")

    def __init__(self) -> None:
        self.pile = Pile()
        self._top: Fields = {}
        self._candidates: dict[int, _Candidate] = {}
        self._usage: dict[str, Any] = {}
        self._blocked = False

    def event(self, event: Values) -> None:
        """Takes one chunk in."""
        for name, raw in event.items():
            match name:
                case "candidates":
                    self._top.setdefault(name, None)
                    for candidate in array_of(raw):
                        self._take(object_of(candidate))
                case "usageMetadata":
                    self._top.setdefault(name, None)
                    counts = (reported(raw) or {}).items()
                    self._usage.update((key, value) for key, value in counts if value is not None)
                case _:
                    self._top[name] = replaced(self._top.get(name), raw, self.pile)
        if "promptFeedback" in event and text(values(event["promptFeedback"]).get("blockReason")):
            self._blocked = True

    def end(self) -> None:
        """An end mark, which is not Google's."""

    @property
    def complete(self) -> bool:
        """Every candidate has its finish reason, or the prompt was blocked."""
        candidates = self._candidates.values()
        return self._blocked or (bool(candidates) and all(candidate.ended for candidate in candidates))

    def answer(self) -> Any:
        """The whole answer, ready to be encoded."""
        top = dict(self._top)
        if "candidates" in top:
            top["candidates"] = [self._candidates[index].answer() for index in sorted(self._candidates)]
        if "usageMetadata" in top:
            top["usageMetadata"] = self._usage
        return top

    def _take(self, candidate: Values) -> None:
        index = number_of(candidate.get("index")) or 0
        if index not in self._candidates:
            self._candidates[index] = _Candidate(self.pile)
        self._candidates[index].take(candidate)


class _Candidate:
    """One of the answers of a stream."""

    __slots__ = ("_content", "_fields", "_parts", "_pile")

    def __init__(self, pile: Pile) -> None:
        self._pile = pile
        pile.kept += 4 * NODE_BYTES
        self._fields: Fields = {}
        self._content: Fields = {}
        self._parts: list[Any] = []

    @property
    def ended(self) -> bool:
        return bool(text(self._fields.get("finishReason")))

    def take(self, candidate: Values) -> None:
        for name, raw in candidate.items():
            if name == "content" and opens_with(raw, b"{"):
                self._fields.setdefault(name, None)
                for inner, value in object_of(raw).items():
                    if inner == "parts":
                        self._content.setdefault(inner, None)
                        for part in array_of(value):
                            self._add(part)
                    else:
                        self._content[inner] = replaced(self._content.get(inner), value, self._pile)
            elif name in _BY_NAME:
                self._fields[name] = fill_by_name(self._fields.get(name), raw, self._pile)
            elif name in _LISTS and opens_with(raw, b"{"):
                # Their lists are extended, and all else in them is replaced: there is nothing in them to be continued.
                self._fields[name] = grown(self._fields.get(name), name, raw, self._pile)
            else:
                self._fields[name] = replaced(self._fields.get(name), raw, self._pile)

    def answer(self) -> Fields:
        fields = dict(self._fields)
        if "content" in fields:
            fields["content"] = dict(self._content)
            if "parts" in self._content:
                told = [part for part in self._parts if not _says_nothing(part)]
                fields["content"]["parts"] = told or self._parts[:1]
        return fields

    def _add(self, raw: msgspec.Raw) -> None:
        """A part: text goes on with the text before it, if that is of the same kind and not signed yet."""
        part = object_of(raw)
        written = part.get("text", NULL)
        if not opens_with(written, b'"') or not _PLAIN.issuperset(part):
            self._parts.append(self._pile.keep(raw))
            return
        last = self._parts[-1] if self._parts else None
        # A last chunk without text signs the text before it.
        goes_on = isinstance(last, dict) and "thoughtSignature" not in last
        if not goes_on or not (
            _is_thought(part) == _is_thought(cast(Values, last)) or ("thoughtSignature" in part and written == _EMPTY)
        ):
            last = cast(Fields, {"text": Text()})
            self._parts.append(last)
            self._pile.kept += 2 * NODE_BYTES
        known = cast(Fields, last)
        known["text"].add(text_of(written), self._pile)
        for name in ("thought", "thoughtSignature"):
            if name in part and (name not in known):
                known[name] = self._pile.keep(part[name])


_EMPTY = msgspec.Raw(b'""')


def _is_thought(part: Values) -> bool:
    return bytes(part.get("thought", NULL)) == b"true"


def _says_nothing(part: Any) -> bool:
    """An empty text, which a last chunk may have for nothing but its finish reason."""
    if not isinstance(part, dict):
        return False
    fields = cast(Fields, part)
    return not fields["text"].utf8 and "thoughtSignature" not in fields

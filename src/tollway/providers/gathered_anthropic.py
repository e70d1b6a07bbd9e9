"""A stream of Anthropic's messages as the one message it stands for."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from tollway.providers.answer import Values, text
from tollway.providers.counts import Reported, reported
from tollway.providers.gathered_pieces import (
    NODE_BYTES,
    NULL,
    Fields,
    Pile,
    Text,
    fill,
    grown,
    number_of,
    object_of,
    text_of,
)

_NOT_MESSAGE = frozenset({"type", "delta", "usage"})


class MessageAnswer:
    """The events of one stream, merged into what `message_start` began."""

    __slots__ = ("_blocks", "_ended", "_message", "_usage", "pile")

    def __init__(self) -> None:
        self.pile = Pile()
        self._message: Fields = {}
        self._blocks: dict[int, _Block] = {}
        self._usage: dict[str, Any] = {}
        self._ended = False

    def event(self, event: Values) -> None:
        """Takes one event in; a ping, or a kind that is not known, changes nothing."""
        index = number_of(event.get("index")) or 0
        match text(event.get("type")):
            case "message_start" if "message" in event:
                for name, raw in object_of(event["message"]).items():
                    self._message[name] = self.pile.keep(raw)
                self._count(self._message.get("usage"))
            case "content_block_start" if "content_block" in event:
                self._blocks[index] = _Block(object_of(event["content_block"]), self.pile)
            case "content_block_delta" if "delta" in event:
                if index not in self._blocks:
                    self._blocks[index] = _Block({}, self.pile)
                self._blocks[index].take(object_of(event["delta"]))
            case "message_delta":
                changes = object_of(event.get("delta", b"{}"))
                changes |= {name: raw for name, raw in event.items() if name not in _NOT_MESSAGE}
                for name, raw in changes.items():
                    self._message[name] = self.pile.keep(raw)
                self._count(event.get("usage"))
            case "message_stop":
                self._ended = bool(self._message)
            case _:
                pass

    def end(self) -> None:
        """An end mark, which is not Anthropic's."""

    @property
    def complete(self) -> bool:
        """The end of the message was seen."""
        return self._ended

    def answer(self) -> Any:
        """The whole message, ready to be encoded."""
        message = dict(self._message)
        if self._blocks:
            message["content"] = [self._blocks[index].answer() for index in sorted(self._blocks)]
        if self._usage:
            message["usage"] = self._usage
        return message

    def _count(self, raw: msgspec.Raw | None) -> None:
        _update(self._usage, reported(raw) or {})


def _update(known: dict[str, Any], later: Reported) -> None:
    """Counts so far never fall, as the meter has it: what comes as 0 or null after a count was left out."""
    for name, value in later.items():
        before = known.get(name)
        if isinstance(before, dict) and isinstance(value, dict):
            _update(cast(dict[str, Any], before), cast(Reported, value))
        elif value or name not in known or (value is not None and not before):
            known[name] = value


class _Block:
    """A content block: what it began as, and what was added to it."""

    __slots__ = ("_citations", "_fields", "_input", "_pile")

    def __init__(self, start: Values, pile: Pile) -> None:
        self._pile = pile
        pile.kept += 4 * NODE_BYTES
        self._fields: Fields = {}
        for name, raw in start.items():
            self._fields[name] = pile.keep(raw)
        self._input: Text | None = None
        self._citations: list[msgspec.Raw] = []

    def take(self, delta: Values) -> None:
        match text(delta.pop("type", NULL)):
            case "input_json_delta":
                if self._input is None:
                    self._input = Text()
                if "partial_json" in delta:
                    self._input.add(text_of(delta["partial_json"]), self._pile)
            case "citations_delta":
                if "citation" in delta:
                    self._citations.append(self._pile.keep(delta["citation"]))
            case "signature_delta":
                self._fields |= {name: self._pile.keep(raw) for name, raw in delta.items()}
            case _:
                # Text, thinking, a compaction: whatever has text in it continues the field of the same name.
                for name in delta:
                    begun = self._fields.get(name)
                    if isinstance(begun, msgspec.Raw):
                        self._fields[name] = grown(None, name, begun, self._pile)
                fill(self._fields, delta, self._pile)

    def answer(self) -> Fields:
        fields = dict(self._fields)
        if self._citations:
            fields["citations"] = self._citations
        if self._input is not None and self._input.utf8:
            fields["input"] = _arguments(bytes(self._input.utf8))
        return fields


def _arguments(written: bytes) -> object:
    """A tool's input; where it was cut off in the middle it is no JSON, and given as what it is.

    Anthropic's documentation of fine-grained streaming wraps it like that as well. An empty input would be another call.
    """
    raw = msgspec.Raw(written)
    try:
        msgspec.json.decode(raw, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {"INVALID_JSON": written.decode(errors="replace")}
    return raw

"""Reading a stream of Anthropic's messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tollway.providers.anthropic_usage import read_usage
from tollway.translate.anthropic_messages_answer import explanation, read_error, read_stop
from tollway.translate.anthropic_messages_thoughts import read_signature
from tollway.translate.fields import json_text, object_in, objects_in, text_in
from tollway.translate.spelled import Spelling
from tollway.translate.told import (
    Begun,
    Cited,
    Delta,
    Event,
    Over,
    PartBegun,
    PartEnded,
    Signed,
    Stopped,
    Used,
)
from tollway.usage import Usage

_TEXTS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}


class MessagesReader:
    """Reads a stream of events. Blocks come one after the other."""

    __slots__ = ("_names", "_next", "_parts", "_usage")

    def __init__(self, names: Spelling) -> None:
        self._names = names
        self._next = 0
        self._parts: dict[int, int] = {}
        """By the index of the provider: the number of the part. Blocks of its own tools have none."""
        self._usage: dict[str, Any] = {}

    def read(self, event: str, data: Mapping[str, Any]) -> Iterator[Event]:
        """One event."""
        match data.get("type") or event:
            case "message_start":
                message = object_in(data.get("message"))
                usage = object_in(message.get("usage"))
                # What it calls output there is a first guess, not a count.
                _grow(self._usage, {name: value for name, value in usage.items() if name != "output_tokens"})
                yield Begun(
                    id=text_in(message.get("id")),
                    model=text_in(message.get("model")),
                    usage=self._read_usage() if usage else None,
                )
            case "content_block_start":
                yield from self._begin(_index(data), object_in(data.get("content_block")))
            case "content_block_delta":
                number = self._parts.get(_index(data))
                if number is not None:
                    yield from _delta(number, object_in(data.get("delta")))
            case "content_block_stop":
                number = self._parts.pop(_index(data), None)
                if number is not None:
                    yield PartEnded(number)
            case "message_delta":
                usage = object_in(data.get("usage"))
                _grow(self._usage, usage)
                delta = object_in(data.get("delta"))
                told = self._read_usage() if usage else None
                if explained := explanation(delta):
                    yield PartBegun(index=self._next, kind="declined")
                    yield Delta(index=self._next, text=explained)
                    yield PartEnded(self._next)
                    self._next += 1
                if delta.get("stop_reason"):
                    sequence = text_in(delta.get("stop_sequence")) or None
                    yield Stopped(stop=read_stop(delta["stop_reason"]), stop_sequence=sequence, usage=told)
                elif told is not None:
                    yield Used(told)
            case "message_stop":
                yield Over()
            case "error":
                yield read_error(200, data)
            case _:
                pass  # A ping, or an event that is not known yet.

    def finish(self) -> Iterator[Event]:
        """The end has an event of its own."""
        return iter(())

    def _begin(self, index: int, block: Mapping[str, Any]) -> Iterator[Event]:
        number = self._next
        match block.get("type"):
            case "text":
                yield PartBegun(index=number, kind="text")
                text = text_in(block.get("text"))
                cited = objects_in(block.get("citations"))
            case "thinking":
                yield PartBegun(index=number, kind="thought")
                text, cited = text_in(block.get("thinking")), []
            case "redacted_thinking":
                yield PartBegun(index=number, kind="thought", redacted=True)
                text, cited = "", []
                signature = read_signature(text_in(block.get("data")))
                if signature is not None:
                    yield Signed(index=number, signature=signature)
            case "tool_use":
                name = self._names.back(text_in(block.get("name")))
                yield PartBegun(index=number, kind="tool_call", id=text_in(block.get("id")), name=name)
                # Servers that speak this API nearly give the whole input at once.
                given = object_in(block.get("input"))
                text, cited = json_text(given) if given else "", []
            case _:
                return
        self._parts[index] = number
        self._next += 1
        if text:
            yield Delta(index=number, text=text)
        for citation in cited:
            yield Cited(index=number, citation=citation)

    def _read_usage(self) -> Usage:
        return read_usage(self._usage)


def _index(data: Mapping[str, Any]) -> int:
    index = data.get("index")
    return index if type(index) is int else 0


def _delta(number: int, delta: Mapping[str, Any]) -> Iterator[Event]:
    match delta.get("type"):
        case "text_delta" | "thinking_delta" | "input_json_delta" as kind:
            text = text_in(delta.get(_TEXTS[kind]))
            if text:
                yield Delta(index=number, text=text)
        case "signature_delta":
            signature = read_signature(text_in(delta.get("signature")))
            if signature is not None:
                yield Signed(index=number, signature=signature)
        case "citations_delta":
            yield Cited(index=number, citation=object_in(delta.get("citation")))
        case _:
            pass


def _grow(known: dict[str, Any], later: Mapping[str, Any]) -> None:
    """Counts so far never fall: a 0 or a null that comes after a count is one that was left out."""
    for name, value in later.items():
        if value or known.get(name) is None:
            known[name] = value

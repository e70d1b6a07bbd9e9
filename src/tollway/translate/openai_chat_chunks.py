"""Writing a stream of OpenAI's chat completions."""

from __future__ import annotations

from typing import Any

import msgspec

from tollway.translate.conversation import Request, Text, Thought
from tollway.translate.counted import chat_usage, merged
from tollway.translate.openai_chat_answer import (
    notes_of,
    write_error,
    written_stop,
)
from tollway.translate.openai_chat_thoughts import detail
from tollway.translate.told import (
    Begun,
    Cited,
    Delta,
    Event,
    Failed,
    Over,
    PartBegun,
    PartEnded,
    Signed,
    Stopped,
    Used,
)
from tollway.usage import Usage


class ChatWriter:
    """Writes a stream of chunks. The usage comes in a chunk of its own, and only to who asked for it."""

    __slots__ = (
        "_begun",
        "_calls",
        "_done",
        "_include_usage",
        "_length",
        "_parts",
        "_reason",
        "_refused",
        "_texts",
        "_thoughts",
        "_usage",
    )

    def __init__(self, request: Request) -> None:
        self._include_usage = request.include_usage
        self._begun = Begun()
        self._parts: dict[int, PartBegun] = {}
        self._calls: dict[int, list[int]] = {}
        """By the number of the part: the index among the calls, and how much of its arguments was written."""
        self._texts: dict[int, tuple[int, int]] = {}
        """By the number of the part: where its text begins and how long it is."""
        self._length = 0
        self._thoughts = 0
        self._refused = False
        self._usage: Usage | None = None
        self._reason: str | None = None
        self._done = False

    def write(self, event: Event) -> bytes:
        """The chunks for it."""
        match event:
            case Begun():
                self._begun = event
                self._usage = merged(self._usage, event.usage)
                return self._chunk({"role": "assistant", "content": "", "refusal": None})
            case PartBegun():
                return self._part(event)
            case Delta():
                return self._delta(event)
            case Signed():
                return self._signed(event)
            case Cited():
                return self._cited(event)
            case PartEnded(index):
                call = self._calls.get(index)
                # A call without arguments has an empty object in this API.
                return self._arguments(call, "{}") if call is not None and call[1] == 0 else b""
            case Stopped():
                self._usage = merged(self._usage, event.usage)
                self._reason = written_stop(event.stop, calls=bool(self._calls), refused=self._refused)
                return self._chunk({}, self._reason)
            case Used(usage):
                self._usage = merged(self._usage, usage)
                return b""
            case Over():
                return self.finish()
            case Failed():
                self._done = True
                return _event(write_error(event))

    def finish(self) -> bytes:
        """The usage, where it was asked for, and the end mark."""
        if self._done:
            return b""
        self._done = True
        end = b""
        if self._reason is None:
            end += self._chunk({}, written_stop(None, calls=bool(self._calls), refused=self._refused))
        if self._include_usage and self._usage is not None:
            end += _event({**self._head(), "choices": [], "usage": chat_usage(self._usage)})
        return end + b"data: [DONE]\n\n"

    def _part(self, part: PartBegun) -> bytes:
        self._parts[part.index] = part
        match part.kind:
            case "text":
                self._texts[part.index] = self._length, 0
            case "declined":
                self._refused = True
            case "tool_call":
                call = self._calls[part.index] = [len(self._calls), 0]
                function = {"name": part.name or "", "arguments": ""}
                return self._chunk(
                    {"tool_calls": [{"index": call[0], "id": part.id or "", "type": "function", "function": function}]}
                )
            case "thought":
                self._thoughts += 1
        return b""

    def _delta(self, delta: Delta) -> bytes:
        part = self._parts.get(delta.index)
        if part is None or not delta.text:
            return b""
        match part.kind:
            case "text":
                start, length = self._texts[delta.index]
                self._texts[delta.index] = start, length + len(delta.text)
                self._length += len(delta.text)
                return self._chunk({"content": delta.text})
            case "thought":
                return self._chunk({"reasoning_content": delta.text})
            case "declined":
                return self._chunk({"refusal": delta.text})
            case "tool_call":
                return self._arguments(self._calls[delta.index], delta.text)

    def _arguments(self, call: list[int], text: str) -> bytes:
        call[1] += len(text)
        return self._chunk({"tool_calls": [{"index": call[0], "function": {"arguments": text}}]})

    def _signed(self, signed: Signed) -> bytes:
        part = self._parts.get(signed.index)
        if part is None:
            return b""
        if part.kind == "thought":
            thought = Thought(signature=signed.signature, redacted=part.redacted, id=part.id)
            return self._chunk({"reasoning_details": [detail(thought, self._thoughts - 1)]})
        call = self._calls.get(signed.index)
        if call is None or signed.signature[0] != "google.generate":
            return b""
        extra = {"google": {"thought_signature": signed.signature[1]}}
        return self._chunk({"tool_calls": [{"index": call[0], "extra_content": extra}]})

    def _cited(self, cited: Cited) -> bytes:
        start, length = self._texts.get(cited.index, (self._length, 0))
        notes = notes_of([Text(text=" " * start), Text(text=" " * length, citations=(cited.citation,))])
        return self._chunk({"annotations": notes}) if notes else b""

    def _head(self) -> dict[str, Any]:
        begun = self._begun
        return {
            "id": begun.id,
            "object": "chat.completion.chunk",
            "created": begun.created or 0,
            "model": begun.model,
        }

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        shown = {**self._head(), "choices": [choice]}
        if self._include_usage:
            shown["usage"] = None
        return _event(shown)


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(data) + b"\n\n"

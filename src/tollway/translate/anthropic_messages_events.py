"""Writing a stream of Anthropic's messages."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from tollway.translate.anthropic_messages_answer import citation_of, write_error, written_stop
from tollway.translate.anthropic_messages_thoughts import call_proof, written_signature
from tollway.translate.conversation import Kind
from tollway.translate.counted import anthropic_usage, merged
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
    Stop,
    Stopped,
    Used,
)
from tollway.usage import Usage


class MessagesWriter:
    """Writes a stream of events. Blocks never overlap: what comes for a later one waits until the one before it has ended."""

    __slots__ = ("_blocks", "_calls", "_done", "_open", "_started", "_stop", "_stop_sequence", "_usage", "_waiting")

    def __init__(self) -> None:
        self._blocks = 0
        self._open: _Block | None = None
        self._waiting: list[_Block] = []
        self._calls = False
        self._usage: Usage | None = None
        self._stop: Stop | None = None
        self._stop_sequence: str | None = None
        self._started = False
        self._done = False

    def write(self, event: Event) -> bytes:
        """The events for it."""
        match event:
            case Begun():
                self._usage = merged(self._usage, event.usage)
                return self._start(event)
            case PartBegun():
                return self._begin(event)
            case Delta() | Signed() | Cited() | PartEnded():
                return self._more(event)
            case Stopped():
                self._usage = merged(self._usage, event.usage)
                self._stop, self._stop_sequence = event.stop, event.stop_sequence
                return b""  # The last counts may be still to come, and stand in one event with it.
            case Used(usage):
                self._usage = merged(self._usage, usage)
                return b""
            case Over():
                return self.finish()
            case Failed():
                self._done = True
                return _sent("error", write_error(event))

    def finish(self) -> bytes:
        """Why it stopped, what it took, and the end."""
        if self._done:
            return b""
        self._done = True
        end = b"" if self._started else self._start(Begun())
        while self._open is not None:
            end += self._end()
        delta = {"stop_reason": written_stop(self._stop, calls=self._calls), "stop_sequence": self._stop_sequence}
        return (
            end
            + _sent("message_delta", {"delta": delta, "usage": anthropic_usage(self._usage)})
            + _sent("message_stop", {})
        )

    def _start(self, begun: Begun) -> bytes:
        self._started = True
        message: dict[str, Any] = {
            "id": begun.id,
            "type": "message",
            "role": "assistant",
            "model": begun.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": anthropic_usage(self._usage),
        }
        return _sent("message_start", {"message": message})

    def _begin(self, part: PartBegun) -> bytes:
        self._calls = self._calls or part.kind == "tool_call"
        block = _Block(part)
        if self._open is not None:
            self._waiting.append(block)
            return b""
        self._open = block
        return self._begun(block)

    def _begun(self, block: _Block) -> bytes:
        """The start of a block, and what has waited for it. A redacted thought has nothing to show before its proof is known."""
        shown = block.start()
        if shown is None:
            return b""
        sent = self._started_block(shown)
        for delta in block.deltas:
            sent += _sent("content_block_delta", {"index": self._blocks, "delta": delta})
        block.deltas.clear()
        return sent

    def _started_block(self, shown: dict[str, Any]) -> bytes:
        return _sent("content_block_start", {"index": self._blocks, "content_block": shown})

    def _more(self, event: Delta | Signed | Cited | PartEnded) -> bytes:
        opened = self._open
        index = event.index
        if opened is None:
            return b""
        if opened.part.index != index:
            for block in self._waiting:
                if block.part.index == index:
                    block.take(event)
            return b""
        if isinstance(event, PartEnded):
            return self._end()
        opened.take(event)
        sent = b""
        if opened.part.redacted:
            return b""
        for delta in opened.deltas:
            sent += _sent("content_block_delta", {"index": self._blocks, "delta": delta})
        opened.deltas.clear()
        return sent

    def _end(self) -> bytes:
        """Ends the open block, and goes on with those that waited, up to one that is still being made."""
        sent = b""
        while self._open is not None:
            block = self._open
            if block.part.redacted:
                sent += self._started_block({"type": "redacted_thinking", "data": written_signature(block.proof)})
            sent += self._stopped()
            if block.part.kind == "tool_call" and block.proof is not None:
                sent += self._started_block(call_proof(block.part.id or "", block.proof)) + self._stopped()
            self._open = self._waiting.pop(0) if self._waiting else None
            if self._open is None:
                break
            sent += self._begun(self._open)
            if not self._open.ended:
                break
        return sent

    def _stopped(self) -> bytes:
        self._blocks += 1
        return _sent("content_block_stop", {"index": self._blocks - 1})


class _Block:
    """A part of the answer, and the deltas that could not be sent yet."""

    __slots__ = ("_text", "deltas", "ended", "part", "proof")

    def __init__(self, part: PartBegun) -> None:
        self.part = part
        self.deltas: list[dict[str, Any]] = []
        self.ended = False
        self.proof: tuple[Kind, str] | None = None
        self._text = ""

    def start(self) -> dict[str, Any] | None:
        match self.part.kind:
            case "text" | "declined":
                return {"type": "text", "text": ""}
            case "thought":
                return None if self.part.redacted else {"type": "thinking", "thinking": "", "signature": ""}
            case "tool_call":
                return {"type": "tool_use", "id": self.part.id or "", "name": self.part.name or "", "input": {}}

    def take(self, event: Delta | Signed | Cited | PartEnded) -> None:
        match event:
            case Delta():
                self.deltas.append(self._delta(event.text))
            case Signed():
                self.proof = event.signature
                if self.part.kind == "thought" and not self.part.redacted:
                    self.deltas.append({"type": "signature_delta", "signature": written_signature(event.signature)})
            case Cited():
                citation = citation_of(event.citation, self._text)
                if citation is not None and self.part.kind == "text":
                    self.deltas.append({"type": "citations_delta", "citation": citation})
            case PartEnded():
                self.ended = True

    def _delta(self, text: str) -> dict[str, Any]:
        kind: Literal["text", "declined", "thought", "tool_call"] = self.part.kind
        match kind:
            case "text" | "declined":
                self._text += text
                return {"type": "text_delta", "text": text}
            case "thought":
                return {"type": "thinking_delta", "thinking": text}
            case "tool_call":
                return {"type": "input_json_delta", "partial_json": text}


def _sent(kind: str, data: dict[str, Any]) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + msgspec.json.encode({"type": kind, **data}) + b"\n\n"

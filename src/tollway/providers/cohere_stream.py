"""The events of Cohere's streams: v1's lines of JSON and v2's server-sent events."""

from __future__ import annotations

from typing import Any

import msgspec

from tollway.providers.answer import text, values
from tollway.providers.body import ABSENT
from tollway.providers.cohere_usage import report_of
from tollway.providers.counts import decoded
from tollway.providers.openai_stream import FRAMING_BYTES, size
from tollway.usage import Report


class _Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct, gc=False):
    function: _Function | None = None


class _Content(msgspec.Struct, gc=False):
    text: str | None = None
    thinking: str | None = None


class _Message(msgspec.Struct, gc=False):
    content: _Content | list[Any] | str | None = None
    tool_plan: str | None = None
    tool_calls: _Call | list[Any] | None = None


class _Delta(msgspec.Struct, gc=False):
    message: _Message | None = None
    usage: msgspec.Raw = ABSENT
    finish_reason: str | None = None


class _Event(msgspec.Struct, gc=False):
    """Both versions: v2 has a `type` and a `delta`, v1 an `event_type` and its values beside it."""

    type: str | None = None
    id: str | None = None
    delta: _Delta | None = None
    event_type: str | None = None
    is_finished: bool | None = None
    generation_id: str | None = None
    text: str | None = None
    tool_call_delta: msgspec.Raw = ABSENT
    tool_calls: msgspec.Raw = ABSENT
    search_queries: msgspec.Raw = ABSENT
    response: msgspec.Raw = ABSENT
    finish_reason: str | None = None


_event = msgspec.json.Decoder(_Event)


class CohereReader:
    """Follows a stream of `/chat` or `/generate`; its last event has what is billed."""

    __slots__ = ("_begun", "_called", "_end", "_finish_reason", "_id", "complete", "output_bytes")

    def __init__(self) -> None:
        self.output_bytes = 0
        self.complete = False
        self._begun = False
        self._called = False
        self._id: str | None = None
        self._finish_reason: str | None = None
        self._end: dict[str, msgspec.Raw] = {}
        """The values of the answer that the last event repeats (v1), or its usage alone (v2)."""

    def event(self, data: bytes) -> bool:
        """Takes one event in; False where it is none."""
        if data == b"[DONE]":
            self.complete = True
            return True
        try:
            event = _event.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._read_odd(data)
            return False
        if event.type is None and event.event_type is None and event.is_finished is None:
            return False
        if not self._begun:
            self._begun = True
            self.output_bytes += FRAMING_BYTES
        self._id = self._id or event.id or event.generation_id
        self._finish_reason = event.finish_reason or self._finish_reason
        if event.delta is not None:
            self._read_delta(event.delta)
        if event.event_type is not None or event.is_finished is not None:
            self._read_first_api(event)
        if event.type == "message-end" or event.event_type == "stream-end" or event.is_finished:
            self.complete = True
        return True

    def report(self) -> Report:
        """What the stream has told of itself."""
        read = report_of(self._end)
        return msgspec.structs.replace(
            read,
            response_id=read.response_id or self._id,
            finish_reason=self._finish_reason or read.finish_reason,
        )

    def _read_delta(self, delta: _Delta) -> None:
        message = delta.message
        if message is not None:
            content, calls = message.content, message.tool_calls
            if isinstance(content, _Content):
                self.output_bytes += size(content.text) + size(content.thinking)
            else:
                self.output_bytes += size(content)
            self.output_bytes += size(message.tool_plan)
            if isinstance(calls, _Call):
                self._read_function(calls.function)
            else:
                self.output_bytes += size(calls)
        if delta.finish_reason is not None:
            self._finish_reason = delta.finish_reason
        if isinstance(decoded(delta.usage), dict):
            self._end = {"usage": delta.usage}

    def _read_function(self, function: _Function | None) -> None:
        if function is not None:
            if function.name:
                self.output_bytes += FRAMING_BYTES
            self.output_bytes += size(function.name) + size(function.arguments)

    def _read_first_api(self, event: _Event) -> None:
        self.output_bytes += size(event.text)
        if event.tool_call_delta is not ABSENT:
            self._called = True
            self.output_bytes += len(bytes(event.tool_call_delta))
        elif event.tool_calls is not ABSENT and not self._called:
            # Calls that came in pieces are repeated as a whole, and count once.
            self.output_bytes += len(bytes(event.tool_calls))
        if event.search_queries is not ABSENT:
            self.output_bytes += len(bytes(event.search_queries))
        if isinstance(decoded(event.response), dict):
            self._end = values(event.response)

    def _read_odd(self, data: bytes) -> None:
        """An event of an unknown shape: its usage still counts."""
        found = values(data)
        end = found if "usage" in found else values(found.get("delta"))
        if isinstance(decoded(end.get("usage")), dict):
            self._end = {"usage": end["usage"]}
        elif isinstance(decoded(values(found.get("response")).get("meta")), dict):
            self._end = values(found.get("response"))
        if text(found.get("type")) == "message-end" or text(found.get("event_type")) == "stream-end":
            self.complete = True

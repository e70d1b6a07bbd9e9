"""The events of OpenAI's chat and completions streams."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import msgspec

from tollway.providers import unknown_text
from tollway.providers.answer import Values, text, values
from tollway.providers.body import ABSENT
from tollway.providers.counts import decoded, reported
from tollway.providers.elsewhere import read_elsewhere
from tollway.providers.openai_usage import Read, believed, read_raw, read_told
from tollway.providers.rising import Rising
from tollway.providers.shown import Shown
from tollway.usage import Report

FRAMING_BYTES = 16
"""What an answer, or a tool call in it, may hold in tokens that are not text. Recorded short answers show up to ten."""

_NULL = msgspec.Raw(b"null")


class _Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(msgspec.Struct, gc=False):
    index: Any = None
    function: _Function | None = None
    custom: msgspec.Raw = ABSENT


class _Delta(msgspec.Struct, gc=False):
    content: str | list[Any] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None
    function_call: _Function | None = None
    audio: msgspec.Raw = ABSENT


class _Choice(msgspec.Struct, gc=False):
    index: int = 0
    delta: _Delta | None = None
    text: str | None = None
    finish_reason: str | None = None
    usage: msgspec.Raw = ABSENT


class _Chunk(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = ABSENT
    x_groq: msgspec.Raw = ABSENT
    event: msgspec.Raw = ABSENT
    result: msgspec.Raw = ABSENT
    type: msgspec.Raw = ABSENT


_chunk = msgspec.json.Decoder(_Chunk)


class ChatReader:
    """Follows a chat or completions stream: the first chunk names the answer, the last usage counts."""

    __slots__ = (
        "_aside",
        "_echoes",
        "_ended",
        "_finish_reason",
        "_first",
        "_last",
        "_seen",
        "_told",
        "_usage",
        "complete",
        "output_bytes",
        "shown",
    )

    def __init__(self) -> None:
        self.output_bytes = 0
        self.complete = False
        self.shown: Shown | None = None
        """Where the text is kept, if it may have to be counted in tokens."""
        self._first: bytes | None = None
        self._last: bytes | None = None
        """The event that carried the usage, which names the tier as well."""
        self._usage: msgspec.Raw | None = None
        """The usage that was told last."""
        self._told = Rising()
        """The counts of every usage that was told."""
        self._echoes = False
        """It is a completion, whose text may be its own prompt."""
        self._aside: Read | None = None
        """Counts from elsewhere than the usage; they stand where there is none."""
        self._finish_reason: str | None = None
        self._seen: set[int] = set()
        self._ended: set[int] = set()

    def event(self, data: bytes) -> bool:
        """Takes one chunk in; True for the extra usage chunk."""
        try:
            chunk = _chunk.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._read_odd(data)
            return False
        if self._first is None:
            self._first = data
        choices, shown, blank = chunk.choices, self.shown, False
        for choice in choices or ():
            delta = choice.delta
            if delta is not None:
                content = delta.content
                if content:
                    grown = len(content) if type(content) is str and content.isascii() else size(content)
                    self.output_bytes += grown
                    if shown is not None and type(content) is str:
                        shown.add(choice.index, content, grown)
                elif not (delta.reasoning_content or delta.reasoning or delta.refusal):
                    # A call that holds nothing known is looked at once more, as is a chunk without any text.
                    calls = delta.tool_calls
                    blank = blank or not (calls and calls[0].function is not None)
                if delta.reasoning_content or delta.reasoning or delta.refusal:
                    self._read_thoughts(delta, choice.index)
                if delta.tool_calls is not None or delta.function_call is not None or delta.audio is not ABSENT:
                    self._read_calls(delta, choice.index)
            else:
                self._echoes = True
                self._generated(choice.index, choice.text)
                blank = blank or not choice.text
            if choice.index not in self._seen:
                self._seen.add(choice.index)
                self.output_bytes += FRAMING_BYTES
                if shown is not None:
                    shown.answer(FRAMING_BYTES)
            if choice.finish_reason is not None:
                self._finish_reason = choice.finish_reason
                self._ended.add(choice.index)
                self.complete = self._ended == self._seen
                if choice.usage is not ABSENT and choice.usage != _NULL:
                    self._aside, self._last = read_raw(choice.usage), data  # Moonshot puts it into the last choice.
        if blank:
            self.output_bytes += unknown_text.in_chunk(data)
        if chunk.usage is not ABSENT and chunk.usage != _NULL:
            self._tell(chunk.usage, data)
            return choices == []
        if chunk.x_groq is not ABSENT:
            self._read_groq(chunk.x_groq, data)
        elif choices is None:
            self._read_other(chunk, data)
        return False

    def report(self) -> Report:
        """What the stream has told of itself."""
        first, last = values(self._first), values(self._last)
        read = read_told(self._told.told, self._usage)
        if read.usage is None and self._aside is not None:
            read = self._aside
        elif self._told.fell is not None:
            read = read._replace(suspect=read.suspect or self._told.fell)
        # Every choice is framed, whether it says anything or not.
        shown = not self._echoes and self.output_bytes > FRAMING_BYTES * len(self._seen)
        read = believed(read, shown=shown)
        return Report(
            usage=read.usage,
            response_model=text(first.get("model")) or text(last.get("model")),
            response_id=text(first.get("id")) or text(last.get("id")),
            service_tier=text(last.get("service_tier")) or text(first.get("service_tier")) or read.tier,
            finish_reason=self._finish_reason,
            suspect=read.suspect,
            stated_cost=read.stated_cost,
        )

    def _read_thoughts(self, delta: _Delta, choice: int) -> None:
        # Some servers send one thought under both names; the larger is the true one.
        thought = max(delta.reasoning_content or "", delta.reasoning or "", key=size)
        self._generated((choice, "thought"), thought)
        self._generated((choice, "refusal"), delta.refusal)

    def _read_calls(self, delta: _Delta, choice: int) -> None:
        calls = [(call.index if type(call.index) is int else None, call.function) for call in delta.tool_calls or ()]
        for index, function in [*calls, (None, delta.function_call)]:
            if function is not None:
                if function.name:
                    self.output_bytes += FRAMING_BYTES
                self._generated((choice, "name", index), function.name)
                self._generated((choice, "arguments", index), function.arguments)
        for call in delta.tool_calls or ():
            if call.custom is not ABSENT:
                self.output_bytes += len(bytes(call.custom))
        if delta.audio is not ABSENT and delta.audio != _NULL:
            self.output_bytes += len(bytes(delta.audio))

    def _generated(self, strand: Hashable, said: str | None) -> None:
        if said:
            grown = size(said)
            self.output_bytes += grown
            if self.shown is not None:
                self.shown.add(strand, said, grown)

    def _read_groq(self, raw: msgspec.Raw, data: bytes) -> None:
        usage = values(raw).get("usage")
        if usage is not None and usage != _NULL:
            self._tell(usage, data)

    def _tell(self, usage: msgspec.Raw, data: bytes) -> None:
        self._usage, self._last = usage, data
        self._told.add(reported(usage))

    def _read_other(self, chunk: _Chunk, data: bytes) -> None:
        """An event of another API on this path: Meta's own and LM Studio's own. Their text, their end, their counts."""
        event: Values = {}
        if chunk.event is not ABSENT:
            event = values(chunk.event)
            delta = values(event.get("delta"))
            # A tool call comes without a text.
            self.output_bytes += len(bytes(event["delta"])) if delta and "text" not in delta else 0
            self.output_bytes += size(text(delta.get("text")))
            if reason := text(event.get("stop_reason")):
                self._finish_reason = reason
                self.complete = True
        elif chunk.result is not ABSENT:
            event = values(chunk.result)
            self.complete = self.complete or text(chunk.type) == "chat.end"
        elif (text(chunk.type) or "").endswith(".delta"):
            self.output_bytes += size(text(values(data).get("content")))
        else:
            self.output_bytes += unknown_text.in_chunk(data)
        found = read_elsewhere(event)
        if found.usage is not None:
            self._aside, self._last = found, data

    def _read_odd(self, data: bytes) -> None:
        """The end mark, or an event of an unknown shape: its length bounds what it holds, and its usage still counts."""
        if data == b"[DONE]":
            self.complete = True
            return
        self.output_bytes += len(data)
        usage = values(data).get("usage")
        if usage is not None and isinstance(decoded(usage), dict):
            self._tell(usage, data)


def size(generated: str | list[Any] | None) -> int:
    """The UTF-8 bytes of generated text; parts of an unknown kind count as their JSON."""
    if not generated:
        return 0
    if isinstance(generated, list):
        return len(msgspec.json.encode(generated))
    return len(generated) if generated.isascii() else len(generated.encode(errors="surrogatepass"))

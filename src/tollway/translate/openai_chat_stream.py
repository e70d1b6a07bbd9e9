"""Reading a stream of OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from tollway.translate.conversation import Declined, Thought, ToolCall
from tollway.translate.fields import object_in, objects_in, text_in
from tollway.translate.openai_chat_answer import (
    arguments_of,
    calls_of,
    citations,
    read_content,
    read_error,
    read_stop,
    spoken,
    usage_of,
)
from tollway.translate.openai_chat_request import thought_signature
from tollway.translate.openai_chat_thoughts import plain_thought, read_thoughts
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
    Stop,
    Stopped,
    Used,
)

_Strand = Literal["text", "thought", "declined"]


class ChatReader:
    """Reads a stream of chunks: text, thoughts and refusals one after the other, tool calls side by side."""

    __slots__ = ("_begun", "_calls", "_ended", "_last_call", "_names", "_next", "_open", "_seen", "_stop")

    def __init__(self, names: Spelling) -> None:
        self._names = names
        self._begun: Begun | None = None
        self._next = 0
        self._open: tuple[_Strand, int] | None = None
        """The strand that is being written, and the number of its part."""
        self._calls: dict[int, tuple[int, str]] = {}
        """By the index of the provider: the number of the part, and the call's id."""
        self._last_call = -1
        self._seen: list[Any] = []
        """What there was of calls and refusals, which decides why the answer ended."""
        self._stop: Stop | None = None
        self._ended = False

    def read(self, event: str, data: Mapping[str, Any]) -> Iterator[Event]:
        """One chunk."""
        if data.get("error"):
            yield read_error(200, data)
            return
        if self._begun is None:
            self._begun = _beginning(data)
            if self._begun is None:
                return
            yield self._begun
        for choice in objects_in(data.get("choices")):
            if choice.get("index", 0) in (0, None):
                yield from self._choice(choice)
        usage = usage_of(data)
        if usage is not None:
            yield Used(usage)

    def finish(self) -> Iterator[Event]:
        """The end, where every sign of it was seen."""
        if self._ended:
            yield Over()

    def _choice(self, choice: Mapping[str, Any]) -> Iterator[Event]:
        # Writer repeats each delta as a message.
        delta = object_in(choice.get("delta")) or object_in(choice.get("message"))
        yield from self._thoughts(delta)
        for part in read_content(delta.get("content")) or read_content(spoken(delta)):
            yield from self._add("thought" if isinstance(part, Thought) else "text", part.text)
        for note in citations(delta):
            if self._open is not None and self._open[0] == "text":
                yield Cited(index=self._open[1], citation=note)
        if refusal := text_in(delta.get("refusal")):
            self._seen.append(Declined(refusal))
            yield from self._add("declined", refusal)
        for call in calls_of(delta):
            yield from self._call(call)
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and not self._ended:
            self._ended = True
            self._stop = read_stop(reason, self._seen)
            yield from self._close()
            for number, _ in self._calls.values():
                yield PartEnded(number)
            yield Stopped(stop=self._stop)

    def _thoughts(self, delta: Mapping[str, Any]) -> Iterator[Event]:
        plain = plain_thought(delta)
        if plain:
            yield from self._add("thought", plain)
        for thought in read_thoughts({"reasoning_details": delta.get("reasoning_details")}):
            if not plain and thought.text:
                yield from self._add("thought", thought.text)
            if thought.signature is None:
                continue
            if thought.redacted:
                yield from self._close()
                number = self._number()
                yield PartBegun(index=number, kind="thought", redacted=True, id=thought.id)
                yield Signed(index=number, signature=thought.signature)
                yield PartEnded(number)
            else:
                if self._open is None or self._open[0] != "thought":
                    yield from self._begin("thought")
                assert self._open is not None
                yield Signed(index=self._open[1], signature=thought.signature)
                yield from self._close()

    def _add(self, strand: _Strand, text: str) -> Iterator[Event]:
        if not text:
            return
        if self._open is None or self._open[0] != strand:
            yield from self._begin(strand)
        assert self._open is not None
        yield Delta(index=self._open[1], text=text)

    def _begin(self, strand: _Strand) -> Iterator[Event]:
        yield from self._close()
        self._open = strand, self._number()
        yield PartBegun(index=self._open[1], kind=strand)

    def _close(self) -> Iterator[Event]:
        if self._open is not None:
            yield PartEnded(self._open[1])
            self._open = None

    def _number(self) -> int:
        self._next += 1
        return self._next - 1

    def _call(self, call: Mapping[str, Any]) -> Iterator[Event]:
        given, call_id, function = call.get("index"), text_in(call.get("id")), object_in(call.get("function"))
        index = given if type(given) is int else max(self._last_call, 0)
        name = text_in(function.get("name"))
        known = self._calls.get(index)
        if known is not None and call_id and name and known[1] != call_id:
            # Some servers give every call the same index, or none, and each its own id.
            yield PartEnded(known[0])
            known = None
        if known is None:
            yield from self._close()
            number = self._number()
            known = self._calls[index] = number, call_id or f"{self._begun.id if self._begun else ''}_{number}"
            self._seen.append(ToolCall(id=known[1], name=name, arguments=""))
            yield PartBegun(index=number, kind="tool_call", id=known[1], name=self._names.back(name))
        self._last_call = index
        if text := arguments_of(function.get("arguments")):
            yield Delta(index=known[0], text=text)
        signature = thought_signature(call.get("extra_content"))
        if signature is not None:
            yield Signed(index=known[0], signature=signature)


def _beginning(data: Mapping[str, Any]) -> Begun | None:
    """What the first chunk tells; `None` for Azure's, which only tells of its filter, and names nothing."""
    if not objects_in(data.get("choices")) and not data.get("usage"):
        return None
    created = data.get("created")
    return Begun(
        id=text_in(data.get("id")),
        model=text_in(data.get("model")),
        created=created if type(created) is int else None,
    )

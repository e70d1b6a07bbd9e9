"""A streamed answer put together again, for a caller who did not ask for a stream.

Where a call is carried as a stream upstream so that it can be metered, its caller is given what the provider would have
answered at once. An answer with a hole in it is never given: what cannot be read, or is cut short, is no answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from tollway.providers.answer import Values
from tollway.providers.gathered_anthropic import MessageAnswer
from tollway.providers.gathered_error import Failed, failed
from tollway.providers.gathered_google import GenerateAnswer
from tollway.providers.gathered_openai_chat import ChatAnswer
from tollway.providers.gathered_pieces import Pile, Unreadable, encoded, object_of
from tollway.providers.gathered_responses import ResponsesAnswer
from tollway.providers.sse import Events, Objects, data_of
from tollway.request import Api

LIMIT_BYTES = 64 * 1024 * 1024
"""What is kept of one stream before it is given up. The largest real answers, with pictures in them, have a few megabytes."""


_BROKE_OFF = "The provider's stream broke off before the end of its answer."


class Answer(Protocol):
    """What one API makes of the events of its streams."""

    pile: Pile

    def event(self, event: Values) -> None:
        """Takes one event in, an object. Raises Unreadable where a part of the answer is lost with it."""
        ...

    def end(self) -> None:
        """The end mark `[DONE]` was seen."""
        ...

    @property
    def complete(self) -> bool:
        """The provider's own end of the answer was seen."""
        ...

    def answer(self) -> Any:
        """The whole answer, for `encoded`; only asked for when it is complete."""
        ...


class Gatherer:
    """Follows one streamed answer; fed every decompressed chunk, in any cut. With `arrays` it may be a JSON array."""

    __slots__ = ("_answer", "_arrays", "_begun", "_events", "_finished", "_limit", "_whole", "error", "reason")

    def __init__(self, answer: Answer, *, arrays: bool = False, limit_bytes: int = LIMIT_BYTES) -> None:
        self._answer = answer
        self._arrays = arrays
        self._limit = limit_bytes
        self._events: Events | Objects = Events()
        self._begun = False
        self._finished = False
        self._whole: bytearray | None = None
        """An answer that is no stream after all, in plain JSON."""
        self.error: Failed | None = None
        """The error that the provider ended the stream with, as an answer of its own."""
        self.reason: str | None = None
        """Why there will be no answer, in a sentence. Once it is set, nothing more is kept."""

    def feed(self, chunk: bytes) -> None:
        """Takes in what has arrived. Never raises; see `reason`."""
        if self.reason is not None:
            return
        if not self._begun:
            self._begin(chunk)
        if self._whole is not None:
            self._whole += chunk
            self._weigh(len(self._whole))
            return
        for event in self._events.feed(chunk):
            self._read(event)

    def finish(self) -> None:
        """The stream has ended. A second time changes nothing."""
        if self._finished:
            return
        self._finished = True
        if self.reason is None and self._whole is None:
            rest = self._events.rest()
            if _is_cut(rest):
                self.reason = _BROKE_OFF
            else:
                self._read(rest)
        if self.reason is None and self._whole is not None:
            self._read_whole(bytes(self._whole))
        if self.reason is None and self._whole is None and not self._answer.complete:
            self.reason = _BROKE_OFF

    @property
    def complete(self) -> bool:
        """The provider's own end was seen, and nothing before it is lost; of a whole answer once it has finished."""
        if self.reason is not None:
            return False
        return self._answer.complete if self._whole is None else self._finished

    def answer(self) -> bytes | None:
        """The body that the provider would have answered without streaming; None where `reason` says why not."""
        self.finish()
        if self.reason is not None:
            return None
        if self._whole is not None:
            return bytes(self._whole)
        try:
            return encoded(self._answer.answer())
        except (Unreadable, ValueError, RecursionError) as error:
            self._lose(error)
            return None

    def _begin(self, chunk: bytes) -> None:
        """Tells by the first byte that is not white space what it is."""
        first = chunk.lstrip()[:1]
        self._begun = bool(first)
        if first == b"{":
            self._whole = bytearray()
        elif first == b"[" and self._arrays:
            self._events = Objects()

    def _read(self, event: bytes) -> None:
        data = event.strip() if isinstance(self._events, Objects) else data_of(event)
        if self.reason is not None:
            return
        if data == b"[DONE]":
            self._answer.end()
        elif data.startswith(b"{"):
            if not (isinstance(self._answer, ChatAnswer) and self._answer.usual(data)):
                self._take(data, named=event.startswith((b"event: error", b"event:error")))
            self._weigh(self._answer.pile.kept)

    def _take(self, data: bytes, *, named: bool) -> None:
        try:
            event = object_of(data)
            self._fail(failed(event, named=named))
            if self.reason is None:
                self._answer.event(event)
        except (Unreadable, RecursionError) as error:
            self._lose(error)

    def _read_whole(self, body: bytes) -> None:
        try:
            self._fail(failed(object_of(body)))
        except (Unreadable, RecursionError) as error:
            self._lose(error)

    def _fail(self, error: Failed | None) -> None:
        if error is not None:
            self.error = error
            self.reason = "The provider ended its stream with an error."

    def _weigh(self, kept: int) -> None:
        if kept > self._limit and self.reason is None:
            self.reason = f"The answer is larger than the {self._limit:,} bytes that are kept to put a stream together."
            self._whole = None
            self._events = Events()

    def _lose(self, error: Exception) -> None:
        told = error if isinstance(error, Unreadable) else "it is nested too deeply or has no proper text"
        self.reason = f"A part of the provider's stream cannot be read: {told}."


def _is_cut(rest: bytes) -> bool:
    """Whether what is left behind the last event is only the beginning of one."""
    data = data_of(rest)
    if not data.startswith(b"{"):
        return False
    try:
        object_of(data)
    except (Unreadable, RecursionError):
        return True
    return False


_ANSWERS: dict[Api, Callable[[], Answer]] = {
    "openai.chat": lambda: ChatAnswer("chat.completion"),
    "openai.completions": lambda: ChatAnswer("text_completion"),
    "openai.responses": ResponsesAnswer,
    "anthropic.messages": MessageAnswer,
    "anthropic.vertex": MessageAnswer,
    "google.generate": GenerateAnswer,
}


def gatherer(api: Api, *, limit_bytes: int = LIMIT_BYTES) -> Gatherer | None:
    """What puts one stream of `api` together again; None for an API whose streams are not known well enough."""
    answer = _ANSWERS.get(api)
    return Gatherer(answer(), arrays=api == "google.generate", limit_bytes=limit_bytes) if answer is not None else None

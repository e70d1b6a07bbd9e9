"""A stream in the words of OpenAI's Responses: its events, in its order, each numbered."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from tollway.translate.conversation import Declined, Kind, Request, Text
from tollway.translate.counted import merged
from tollway.translate.openai_responses_asked import Asked
from tollway.translate.openai_responses_response import (
    Writing,
    content_of,
    ended,
    error_of,
    finish_messages,
    free_text,
    is_own,
    response,
)
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


class _Part:
    """A part that is being written."""

    __slots__ = ("begun", "citations", "item", "place", "signature", "text")

    def __init__(self, begun: PartBegun) -> None:
        self.begun = begun
        self.item: dict[str, Any] | None = None
        """`None` until there is something to show."""
        self.place = -1
        """Of its item in the output."""
        self.text: list[str] = []
        self.citations: list[dict[str, Any]] = []
        self.signature: tuple[Kind, str] | None = None


class Writer:
    """Writes one response. Texts and refusals that follow each other are contents of one message."""

    def __init__(self, asked: Asked, request: Request) -> None:
        self._asked = asked
        self._model = request.model
        self._response: dict[str, Any] | None = None
        self._writing = Writing(asked, "")
        self._parts: dict[int, _Part] = {}
        self._message: dict[str, Any] | None = None
        self._message_place = 0
        self._usage: Usage | None = None
        self._stopped = Stopped(stop=None)
        self._number = 0
        self._closed = False

    def write(self, event: Event) -> bytes:
        if self._closed:
            return b""
        match event:
            case Begun():
                self._usage = merged(self._usage, event.usage)
                return self._begin(event)
            case PartBegun():
                return self._begin(Begun()) + self._begin_part(event)
            case Delta():
                part = self._parts.get(event.index)
                return b"" if part is None or not event.text else self._grow(part, event.text)
            case Signed():
                if (part := self._parts.get(event.index)) is not None:
                    part.signature = event.signature
                return b""
            case Cited():
                part = self._parts.get(event.index)
                return b"" if part is None or not is_own(event.citation) else self._cite(part, dict(event.citation))
            case PartEnded():
                part = self._parts.pop(event.index, None)
                return b"" if part is None else self._end_part(part)
            case Used():
                self._usage = merged(self._usage, event.usage)
                return b""
            case Stopped():
                self._usage = merged(self._usage, event.usage)
                self._stopped = event
                return b""
            case Over():
                return self._end()
            case Failed():
                return self._fail(event)

    def finish(self) -> bytes:
        """Nothing: a response ends with an event of its own, and one that was cut has none."""
        return b""

    def _event(self, kind: str, **fields: Any) -> bytes:
        written = {"type": kind, "sequence_number": self._number, **fields}
        self._number += 1
        return b"event: " + kind.encode() + b"\ndata: " + msgspec.json.encode(written) + b"\n\n"

    def _begin(self, begun: Begun) -> bytes:
        if self._response is not None:
            return b""
        self._response = response(
            self._asked,
            response_id=begun.id or "resp_0",
            model=begun.model or self._model,
            created=begun.created,
        )
        self._writing = Writing(self._asked, self._response["id"])
        return self._event("response.created", response=self._response) + self._event(
            "response.in_progress", response=self._response
        )

    @property
    def _output(self) -> list[dict[str, Any]]:
        assert self._response is not None, "every part begins the response"
        return self._response["output"]

    def _begin_part(self, begun: PartBegun) -> bytes:
        part = self._parts[begun.index] = _Part(begun)
        match begun.kind:
            case "text" | "declined":
                return self._begin_content(part)
            case "tool_call":
                return self._end_message() + self._begin_call(part)
            case "thought":
                # A thought with nothing to show and no signature that the caller wants is no item at all.
                return self._end_message()

    def _add_item(self, part: _Part, item: dict[str, Any], **shown: Any) -> bytes:
        part.item, part.place = item, len(self._output)
        self._output.append(item)
        return self._event("response.output_item.added", output_index=part.place, item={**item, **shown})

    def _begin_content(self, part: _Part) -> bytes:
        written = b""
        if self._message is None:
            self._message = self._writing.message()
            written = self._add_item(part, self._message)
            self._message_place = part.place
        part.item, part.place = self._message, self._message_place
        self._message["content"].append(self._content(part))
        return written + self._event("response.content_part.added", **self._at(part), part=self._content(part))

    def _content(self, part: _Part) -> dict[str, Any]:
        text = "".join(part.text)
        if part.begun.kind == "declined":
            return content_of(Declined(text))
        return content_of(Text(text=text, citations=tuple(part.citations)))

    def _at(self, part: _Part) -> dict[str, Any]:
        """Where a part of a message, a call or a thought stands."""
        assert part.item is not None, "only what has an item is told of"
        at = {"item_id": part.item["id"], "output_index": part.place}
        match part.begun.kind:
            case "text" | "declined":
                # Of a message only the last content is being written.
                return {**at, "content_index": len(part.item["content"]) - 1}
            case "thought":
                return {**at, "summary_index": 0}
            case "tool_call":
                return at

    def _begin_call(self, part: _Part) -> bytes:
        name = part.begun.name or ""
        item = self._writing.call(part.begun.id or "", name, "")
        return self._add_item(part, item, **({} if self._writing.custom(name) else {"status": "in_progress"}))

    def _grow(self, part: _Part, text: str) -> bytes:
        part.text.append(text)
        match part.begun.kind:
            case "text":
                return self._event("response.output_text.delta", **self._at(part), delta=text, logprobs=[])
            case "declined":
                return self._event("response.refusal.delta", **self._at(part), delta=text)
            case "tool_call":
                if self._writing.custom(part.begun.name or ""):
                    # Its free text is inside of JSON until that is whole.
                    return b""
                return self._event("response.function_call_arguments.delta", **self._at(part), delta=text)
            case "thought":
                return self._show_thought(part) + self._event(
                    "response.reasoning_summary_text.delta", **self._at(part), delta=text
                )

    def _show_thought(self, part: _Part) -> bytes:
        if part.item is not None:
            return b""
        added = self._add_item(part, self._writing.reasoning(part.begun.id, "", None))
        return added + self._event(
            "response.reasoning_summary_part.added", **self._at(part), part={"type": "summary_text", "text": ""}
        )

    def _cite(self, part: _Part, citation: dict[str, Any]) -> bytes:
        part.citations.append(citation)
        number = len(part.citations) - 1
        return self._event(
            "response.output_text.annotation.added", **self._at(part), annotation_index=number, annotation=citation
        )

    def _end_part(self, part: _Part) -> bytes:
        text = "".join(part.text)
        match part.begun.kind:
            case "text" | "declined":
                return self._end_content(part, text)
            case "tool_call":
                return self._end_call(part, text)
            case "thought":
                return self._end_thought(part, text)

    def _end_content(self, part: _Part, text: str) -> bytes:
        assert part.item is not None, "a content begins with its message"
        content = part.item["content"][-1] = self._content(part)
        if part.begun.kind == "text":
            done = self._event("response.output_text.done", **self._at(part), text=text, logprobs=[])
        else:
            done = self._event("response.refusal.done", **self._at(part), refusal=text)
        return done + self._event("response.content_part.done", **self._at(part), part=content)

    def _end_call(self, part: _Part, arguments: str) -> bytes:
        assert part.item is not None, "a call begins with its item"
        if self._writing.custom(part.begun.name or ""):
            given = part.item["input"] = free_text(arguments)
            written = self._event("response.custom_tool_call_input.delta", **self._at(part), delta=given)
            written += self._event("response.custom_tool_call_input.done", **self._at(part), input=given)
        else:
            part.item["arguments"] = arguments or "{}"
            written = self._event(
                "response.function_call_arguments.done",
                **self._at(part),
                arguments=part.item["arguments"],
                name=part.item["name"],
            )
        written += self._item_done(part.item, part.place)
        encrypted = self._writing.sealed(part.signature, part.begun.id)
        return written if encrypted is None else written + self._sealed_item(encrypted)

    def _sealed_item(self, encrypted: str) -> bytes:
        """The signature of a call, as an item behind it."""
        part = _Part(PartBegun(index=-1, kind="thought"))
        item = self._writing.reasoning(None, "", encrypted)
        return self._add_item(part, item) + self._item_done(item, part.place)

    def _end_thought(self, part: _Part, text: str) -> bytes:
        encrypted = self._writing.sealed(part.signature)
        if part.item is None:
            if encrypted is None:
                return b""
            item = self._writing.reasoning(part.begun.id, "", encrypted)
            return self._add_item(part, item) + self._item_done(item, part.place)
        summary = {"type": "summary_text", "text": text}
        part.item["summary"] = [summary]
        if encrypted is not None:
            part.item["encrypted_content"] = encrypted
        return (
            self._event("response.reasoning_summary_text.done", **self._at(part), text=text)
            + self._event("response.reasoning_summary_part.done", **self._at(part), part=summary)
            + self._item_done(part.item, part.place)
        )

    def _item_done(self, item: dict[str, Any], place: int) -> bytes:
        return self._event("response.output_item.done", output_index=place, item=item)

    def _end_message(self, status: Literal["completed", "incomplete"] = "completed") -> bytes:
        if self._message is None:
            return b""
        message, self._message = self._message, None
        message["status"] = status
        return self._item_done(message, self._message_place)

    def _end(self) -> bytes:
        written = self._begin(Begun())
        for part in list(self._parts.values()):
            written += self._end_part(part)
        assert self._response is not None, "it has begun"
        cut = self._stopped.stop in ("length", "filtered")
        written += self._end_message("incomplete" if cut else "completed")
        finish_messages(self._output, self._stopped.stop)
        self._response |= ended(self._stopped.stop, self._usage, self._output)
        self._closed = True
        return written + self._event(f"response.{self._response['status']}", response=self._response)

    def _fail(self, failed: Failed) -> bytes:
        self._closed = True
        error = error_of(failed)
        if self._response is None:
            return self._event("error", code=error["code"], message=failed.message, param=None)
        self._response |= {"status": "failed", "error": error}
        return self._event("response.failed", response=self._response)

"""What OpenAI's responses say of themselves, whole and streamed."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import msgspec

from tollway.providers import unknown_text
from tollway.providers.answer import Values, text, values
from tollway.providers.body import ABSENT
from tollway.providers.counts import decoded
from tollway.providers.openai_stream import FRAMING_BYTES, size
from tollway.providers.openai_usage import read_raw
from tollway.providers.shown import Shown
from tollway.usage import Report, Usage


class _Action(msgspec.Struct):
    type: str | None = None


class _Output(msgspec.Struct):
    """An output item, for counting the searches and the pictures among them."""

    type: str | None = None
    action: _Action | None = None


_outputs = msgspec.json.Decoder(list[_Output])


def report_of(found: Values, searches: Sequence[msgspec.Raw] = ()) -> Report:
    """What an answer reports. `searches`: the calls that its stream showed, for an end that does not repeat them."""
    read = read_raw(found.get("usage"))
    output = found.get("output")
    if searches and not decoded(output):
        output = msgspec.Raw(b"[" + b",".join(bytes(item) for item in searches) + b"]")
    return Report(
        usage=_with_tools(read.usage, output) if read.usage is not None else None,
        response_model=text(found.get("model")),
        response_id=text(found.get("id")),
        service_tier=text(found.get("service_tier")),
        finish_reason=text(values(found.get("incomplete_details")).get("reason")) or text(found.get("status")),
        suspect=read.suspect,
        stated_cost=read.stated_cost,
    )


def _with_tools(usage: Usage, output: msgspec.Raw | None) -> Usage:
    # Searches are billed by the call and not part of the usage. Of a web search's actions only "search" is billed;
    # "open_page" and "find_in_page" are not.
    if output is None or not any(call in bytes(output) for call in (b"_search_call", b"image_generation_call")):
        return usage
    try:
        items = _outputs.decode(output)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return usage
    web = sum(1 for item in items if item.type == "web_search_call" and (item.action or _SEARCH).type == "search")
    files = sum(1 for item in items if item.type == "file_search_call")
    # Perplexity counts its searches in the usage, and lists none or all of them.
    web = usage.web_searches or web
    images = sum(1 for item in items if item.type == "image_generation_call")
    return msgspec.structs.replace(
        usage, web_searches=web or None, file_searches=files or None, images=images or usage.images
    )


_SEARCH = _Action(type="search")
"""Older answers leave the action out; each such call was a search."""


class _Event(msgspec.Struct, gc=False):
    type: str | None = None
    output_index: Any = None
    delta: str | None = None
    response: msgspec.Raw = ABSENT
    item: msgspec.Raw = ABSENT


_event = msgspec.json.Decoder(_Event)
_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})


class ResponsesReader:
    """Follows a responses stream; its last event repeats the whole answer with its usage."""

    __slots__ = ("_counted", "_index", "_response", "_searches", "complete", "output_bytes", "shown")

    def __init__(self) -> None:
        self.output_bytes = 0
        self.complete = False
        self.shown: Shown | None = None
        """Where the text is kept, if it may have to be counted in tokens."""
        self._response: msgspec.Raw | None = None
        self._searches: list[msgspec.Raw] = []
        self._index: object = self
        """The item of the last delta."""
        self._counted: dict[int | None, int | None] = {}
        """Item → bytes that were counted of it as it was done; `None` where deltas had shown it."""

    def event(self, data: bytes) -> bool:
        """Takes one event in. None is extra."""
        try:
            event = _event.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if data == b"[DONE]":
                self.complete = True
            else:
                self.output_bytes += len(data)
            return False
        if event.delta is not None:
            delta = event.delta
            grown = len(delta) if delta.isascii() else size(delta)
            self.output_bytes += grown
            if event.output_index is not self._index:
                self._index = event.output_index
                self._counted[_index(event)] = None
            if self.shown is not None:
                self.shown.add(_strand(event), delta, grown)
        elif event.response is not ABSENT:
            self._response = event.response
            if event.type in _ENDS:
                self.complete = True
                self._read_unseen(values(event.response))
        elif event.item is not ABSENT:
            item = values(event.item)
            if event.type == "response.output_item.added":
                self._read_item(item)
                return False
            self._read_done(_index(event), item)
            if "encrypted_content" in item:
                # Hidden reasoning shows as nothing but this.
                self.output_bytes += size(text(item["encrypted_content"]))
            elif event.type == "response.output_item.done" and b"_search_call" in bytes(event.item):
                self._searches.append(event.item)
        else:
            self._read_other(event, data)
        return False

    def report(self) -> Report:
        """What the stream has told of itself."""
        found = values(self._response)
        report = report_of(found, self._searches)
        if report.finish_reason == "in_progress" and bytes(found.get("background", ABSENT)) != b"true":
            # So every stream begins, and one that is closed is over; only an answer in the background is made all the same.
            return msgspec.structs.replace(report, finish_reason=None)
        return report

    def _read_item(self, item: Values) -> None:
        """An item that begins; a message is framed as an answer is, a call at more length."""
        name = text(item.get("name"))
        self.output_bytes += FRAMING_BYTES + size(name)
        shown = self.shown
        if shown is None:
            return
        if name:
            shown.add((text(item.get("id")), "name"), name, size(name))
        elif text(item.get("type")) == "message":
            shown.answer(FRAMING_BYTES)

    def _read_other(self, event: _Event, data: bytes) -> None:
        """An event without a delta: what it says again, deltas may have shown."""
        index = _index(event)
        before = self._counted.get(index, 0)
        ends = (event.type or "").endswith(".done")
        if ends and before is None:
            return
        found = unknown_text.in_event(data)
        self.output_bytes += found
        if found and ends and before is not None:
            self._counted[index] = before + found

    def _read_done(self, index: int | None, item: Values) -> None:
        """An item that is done, as far as nothing has shown it before."""
        before = self._counted.get(index, 0)
        if before is None:
            return
        found = max(before, unknown_text.in_item(item))
        self.output_bytes += found - before
        self._counted[index] = found

    def _read_unseen(self, response: Values) -> None:
        """The end of an answer that tells no usage: it may be the first to show its items."""
        if decoded(response.get("usage")) or None in self._counted:
            return
        try:
            items = _items.decode(response.get("output", ABSENT))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        for index, item in enumerate(items):
            self._read_done(index, item)


_items = msgspec.json.Decoder(list[Values])


def _index(event: _Event) -> int | None:
    index: object = event.output_index
    return index if isinstance(index, int) else None


def _strand(event: _Event) -> Hashable:
    """What the text of an event belongs to."""
    return (event.type, _index(event))

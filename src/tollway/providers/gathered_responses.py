"""A stream of OpenAI's responses: its last event has the whole answer in it."""

from __future__ import annotations

from typing import Any

import msgspec

from tollway.providers.answer import Values, text
from tollway.providers.gathered_pieces import Pile, number_of, object_of
from tollway.providers.splice import spliced

_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})


class ResponsesAnswer:
    """The answer at the end of one stream; the items that were finished before it where it does not repeat them."""

    __slots__ = ("_items", "_response", "pile")

    def __init__(self) -> None:
        self.pile = Pile()
        self._response: msgspec.Raw | None = None
        self._items: dict[int, msgspec.Raw] = {}

    def event(self, event: Values) -> None:
        """Takes one event in."""
        kind = text(event.get("type"))
        if kind in _ENDS and "response" in event:
            self._response = self.pile.keep(event["response"])
        elif kind == "response.output_item.done" and "item" in event:
            place = number_of(event.get("output_index"))
            self._items[len(self._items) if place is None else place] = self.pile.keep(event["item"])

    def end(self) -> None:
        """An end mark, which some servers send; the answer stands before it or nowhere."""

    @property
    def complete(self) -> bool:
        """The whole answer was seen."""
        return self._response is not None

    def answer(self) -> Any:
        """The whole answer, ready to be encoded."""
        assert self._response is not None
        output = object_of(self._response).get("output")
        if not self._items or (output is not None and bytes(output) not in (b"[]", b"null")):
            return self._response
        items = [self._items[place] for place in sorted(self._items)]
        return msgspec.Raw(spliced(bytes(self._response), {"output": items}))

"""A stream of OpenAI's Responses, read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from tollway.translate.conversation import Declined, Text, ToolCall
from tollway.translate.fields import json_text, object_in, text_in
from tollway.translate.openai_responses_answer import AnswerPart, failed_of, stop_of, usage_of
from tollway.translate.sealed import unseal
from tollway.translate.spelled import Spelling
from tollway.translate.told import Begun, Cited, Delta, Event, Failed, Over, PartBegun, PartEnded, Signed, Stopped

PartKind = Literal["text", "thought", "tool_call", "declined"]


class _Open:
    """A part that has begun and not ended."""

    __slots__ = ("index", "kind", "seen", "summary")

    def __init__(self, index: int, kind: PartKind) -> None:
        self.index = index
        self.kind: PartKind = kind
        self.seen = 0
        """Characters that were told."""
        self.summary: object = None
        """Which paragraph of a summary it is at."""


class Reader:
    """Follows the items of one response; each of their parts becomes a part of the answer."""

    def __init__(self, names: Spelling) -> None:
        self._names = names
        self._next = 0
        self._open: dict[tuple[object, object], _Open] = {}
        """By the item's place, and the content's in it; a call and a thought have no content of their own."""
        self._told: list[AnswerPart] = []
        """One of each kind that was told, to know why the answer ended."""
        self._begun = False
        self._over = False

    def read(self, event: str, data: Mapping[str, Any]) -> Iterator[Event]:
        if self._over:
            return
        kind = text_in(data.get("type")) or event
        place = data.get("output_index")
        match kind:
            case "response.created" | "response.in_progress" | "response.queued":
                yield from self._begin(object_in(data.get("response")))
            case "response.output_item.added":
                yield from self._item_added(place, object_in(data.get("item")))
            case "response.content_part.added":
                yield from self._content_added(place, data)
            case "response.output_text.delta" | "response.output_text.done":
                yield from self._grow((place, data.get("content_index")), "text", data, "text")
            case "response.refusal.delta" | "response.refusal.done":
                yield from self._grow((place, data.get("content_index")), "declined", data, "refusal")
            case "response.reasoning_text.delta" | "response.reasoning_text.done":
                yield from self._think(place, ("content", data.get("content_index")), data)
            case "response.reasoning_summary_text.delta" | "response.reasoning_summary_text.done":
                yield from self._think(place, ("summary", data.get("summary_index")), data)
            case "response.function_call_arguments.delta" | "response.function_call_arguments.done":
                if (place, None) in self._open:
                    yield from self._grow((place, None), "tool_call", data, "arguments")
            case "response.output_text.annotation.added":
                opened = self._open.get((place, data.get("content_index")))
                if opened is not None and isinstance(data.get("annotation"), dict):
                    yield Cited(index=opened.index, citation=object_in(data.get("annotation")))
            case "response.content_part.done":
                yield from self._close((place, data.get("content_index")))
            case "response.output_item.done":
                yield from self._item_done(place, object_in(data.get("item")))
            case "response.completed" | "response.incomplete":
                yield from self._end(object_in(data.get("response")), kind)
            case "response.failed":
                self._over = True
                yield failed_of(object_in(data.get("response")))
            case "error":
                self._over = True
                yield failed_of({"error": object_in(data.get("error")) or dict(data)})
            case _:
                # Events of tools that the provider runs, and whatever is new.
                pass

    def finish(self) -> Iterator[Event]:
        """Nothing: the end is an event of its own, and a stream without it has not ended."""
        return iter(())

    def _begin(self, response: dict[str, Any]) -> Iterator[Event]:
        if self._begun:
            return
        self._begun = True
        created = response.get("created_at")
        yield Begun(
            id=text_in(response.get("id")),
            model=text_in(response.get("model")),
            created=int(created) if isinstance(created, int | float) else None,
        )

    def _begin_part(self, key: tuple[object, object], kind: PartKind, **said: Any) -> Iterator[Event]:
        yield from self._begin({})
        self._open[key] = _Open(self._next, kind)
        yield PartBegun(index=self._next, kind=kind, **said)
        self._next += 1

    def _item_added(self, place: object, item: dict[str, Any]) -> Iterator[Event]:
        if item.get("type") in ("function_call", "custom_tool_call"):
            name = self._names.back(text_in(item.get("name")))
            yield from self._begin_part((place, None), "tool_call", id=text_in(item.get("call_id")), name=name)
            self._told.append(ToolCall(id="", name="", arguments=""))
            yield from self._add(self._open[(place, None)], text_in(item.get("arguments")))

    def _content_added(self, place: object, data: Mapping[str, Any]) -> Iterator[Event]:
        part = object_in(data.get("part"))
        key = (place, data.get("content_index"))
        if key in self._open:
            return
        if part.get("type") == "output_text":
            yield from self._begin_part(key, "text")
            self._told.append(Text(text=""))
            yield from self._add(self._open[key], text_in(part.get("text")))
        elif part.get("type") == "refusal":
            yield from self._begin_part(key, "declined")
            self._told.append(Declined(""))
            yield from self._add(self._open[key], text_in(part.get("refusal")))

    def _add(self, opened: _Open, text: str) -> Iterator[Event]:
        if text:
            opened.seen += len(text)
            yield Delta(index=opened.index, text=text)

    def _grow(self, key: tuple[object, object], kind: PartKind, data: Mapping[str, Any], whole: str) -> Iterator[Event]:
        """A delta, or the whole at its end, of which some providers send nothing before."""
        if key not in self._open:
            if whole in data and not text_in(data.get(whole)):
                return
            yield from self._begin_part(key, kind)
            self._told.append(Declined("") if kind == "declined" else Text(text=""))
        opened = self._open[key]
        yield from self._add(
            opened, text_in(data.get(whole))[opened.seen :] if whole in data else text_in(data.get("delta"))
        )

    def _think(self, place: object, paragraph: object, data: Mapping[str, Any]) -> Iterator[Event]:
        delta = text_in(data.get("delta"))
        if not delta and (place, None) in self._open:
            return
        delta = delta or text_in(data.get("text"))
        if not delta:
            return
        if (place, None) not in self._open:
            yield from self._begin_part((place, None), "thought", id=text_in(data.get("item_id")) or None)
            self._open[(place, None)].summary = paragraph
        opened = self._open[(place, None)]
        if opened.summary != paragraph:
            opened.summary = paragraph
            delta = f"\n\n{delta}"
        yield from self._add(opened, delta)

    def _item_done(self, place: object, item: dict[str, Any]) -> Iterator[Event]:
        key = (place, None)
        match item.get("type"):
            case "function_call" | "custom_tool_call" if key not in self._open:
                yield from self._item_added(place, item)
            case "reasoning" if key not in self._open and text_in(item.get("encrypted_content")):
                yield from self._begin_part(key, "thought", id=text_in(item.get("id")) or None, redacted=True)
            case _:
                pass
        opened = self._open.get(key)
        if opened is not None and item.get("type") == "function_call":
            yield from self._add(opened, text_in(item.get("arguments"))[opened.seen :])
        if opened is not None and item.get("type") == "custom_tool_call":
            yield from self._add(opened, json_text({"input": text_in(item.get("input"))}))
        if opened is not None and item.get("type") == "reasoning" and text_in(item.get("encrypted_content")):
            yield Signed(
                index=opened.index,
                signature=unseal(text_in(item.get("encrypted_content")), "openai.responses").signature,
            )
        for known in [known for known in self._open if known[0] == place]:
            yield from self._close(known)

    def _close(self, key: tuple[object, object]) -> Iterator[Event]:
        opened = self._open.get(key)
        if opened is not None and (opened.kind in ("text", "declined") or key[1] is None):
            del self._open[key]
            yield PartEnded(opened.index)

    def _end(self, response: dict[str, Any], kind: str) -> Iterator[Event]:
        self._over = True
        yield from self._begin(response)
        for key in list(self._open):
            yield from self._close(key)
        status = text_in(response.get("status")) or kind.removeprefix("response.")
        yield Stopped(stop=stop_of({**response, "status": status}, self._told), usage=usage_of(response))
        yield Over()


def failed_in(error: Mapping[str, Any], status: int) -> Failed:
    """OpenAI's error, as it stands in the body of an answer."""
    code = error.get("code")
    return Failed(
        text_in(error.get("message")) or "The provider answered with an error, and did not say why.",
        text_in(error.get("type")),
        str(code) if isinstance(code, str | int) else None,
        status,
    )

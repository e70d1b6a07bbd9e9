"""A stream of OpenAI's chat completions, or completions, as the one answer it stands for."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from tollway.providers.answer import Values, text, values
from tollway.providers.gathered_pieces import (
    NODE_BYTES,
    NULL,
    Fields,
    Pile,
    Text,
    array_of,
    fill,
    fill_by_name,
    grown,
    number_of,
    object_of,
    opens_with,
    replaced,
    text_of,
)

_FIRST = frozenset({"id", "created", "model"})
"""What the first chunk says of the answer, and the meter takes from it as well."""
_PADDING = frozenset({"obfuscation", "p"})
"""Random text that hides the length of a chunk: OpenAI's and Mistral's."""
_GROWING = frozenset({"logprobs"})
_OF_GROQ = ("usage", "usage_breakdown")
"""What Groq puts beside its request's id in a stream, and beside the choices in a whole answer."""


class ChatAnswer:
    """The chunks of one stream, merged. `object` is what the whole answer calls itself."""

    __slots__ = ("_aside", "_choices", "_done", "_object", "_said", "_top", "pile")

    def __init__(self, object_name: str) -> None:
        self.pile = Pile()
        self._object = msgspec.Raw(msgspec.json.encode(object_name))
        self._top: Fields = {}
        self._choices: dict[int, _Choice] = {}
        self._aside: msgspec.Raw | None = None
        """The usage that Moonshot puts into the last choice; it stands where there is no other."""
        self._done = False
        self._said: tuple[str | None, str | None] | None = None
        """The tier and the fingerprint that the last chunk named, if it was a usual one; they may change in the middle."""

    def event(self, event: Values) -> None:
        """Takes one chunk in."""
        for name, raw in event.items():
            match name:
                case "choices":
                    self._top.setdefault("choices", None)
                    for choice in array_of(raw):
                        self._choose(object_of(choice))
                case "object":
                    self._top["object"] = self._object
                case "x_groq":
                    self._top[name] = fill_by_name(self._top.get(name), raw, self.pile)
                case _ if name in _PADDING or (name == "usage" and opens_with(raw, b"n")):
                    pass
                case _ if name not in _FIRST or bytes(self._top.get(name, b'""')) == b'""':
                    self._top[name] = replaced(self._top.get(name), raw, self.pile)
                case _:
                    pass

    def usual(self, data: bytes) -> bool:
        """Takes in what nearly all chunks of a long answer are, quickly; False for any other, which changes nothing."""
        said, self._said = self._said, None
        try:
            chunk = _usual.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        self._said = (chunk.service_tier, chunk.system_fingerprint)
        if len(chunk.choices) != 1 or self._said != said:
            return False
        (piece,) = chunk.choices
        choice = self._choices.get(piece.index)
        return choice is not None and choice.goes_on(piece.delta.content)

    def end(self) -> None:
        """The end mark was seen."""
        self._done = True

    @property
    def complete(self) -> bool:
        """The end mark was seen, or the end of every choice; and there is one at all."""
        return bool(self._choices) and (self._done or all(choice.ended for choice in self._choices.values()))

    def answer(self) -> Any:
        """The whole answer, ready to be encoded."""
        top = dict(self._top)
        top.setdefault("object", self._object)
        top["choices"] = [self._choices[index].answer() for index in sorted(self._choices)]
        groq = top.get("x_groq")
        if isinstance(groq, dict):
            beside = cast(Fields, groq)
            top["x_groq"] = {name: value for name, value in beside.items() if name not in _OF_GROQ}
            for name in _OF_GROQ:
                if name in beside:
                    top.setdefault(name, beside[name])
        if self._aside is not None:
            top.setdefault("usage", self._aside)
        if "usage" in top:
            top["usage"] = top.pop("usage")
        return top

    def _choose(self, choice: Values) -> None:
        index = number_of(choice.get("index")) or 0
        known = self._choices.get(index)
        if known is None:
            known = self._choices[index] = _Choice(self.pile)
        usage = choice.pop("usage", NULL)
        if opens_with(usage, b"{"):
            self._aside = replaced(self._aside, usage, self.pile)
        known.take(choice)


class _UsualDelta(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    content: str


class _UsualChoice(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    delta: _UsualDelta
    index: int = 0
    logprobs: None = None
    finish_reason: None = None


class _UsualChunk(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A chunk in the middle of most streams: it repeats what the first one said, and adds a piece of text."""

    choices: list[_UsualChoice]
    id: str = ""
    object: str = ""
    created: int = 0
    model: str = ""
    service_tier: str | None = None
    system_fingerprint: str | None = None
    usage: None = None
    obfuscation: str = ""
    p: str = ""


_usual = msgspec.json.Decoder(_UsualChunk)


class _Choice:
    """One of the answers of a stream."""

    __slots__ = ("_calls", "_content", "_fields", "_message", "_pile")

    def __init__(self, pile: Pile) -> None:
        self._pile = pile
        pile.kept += 8 * NODE_BYTES
        self._fields: Fields = {}
        self._message: Fields = {}
        self._calls: _Calls | None = None
        self._content: _Parts | None = None

    @property
    def ended(self) -> bool:
        return opens_with(self._fields.get("finish_reason", NULL), b'"')

    def goes_on(self, written: str) -> bool:
        """Adds to the content, if that is a text so far."""
        content = self._message.get("content")
        if not isinstance(content, Text):
            return False
        content.add(written, self._pile)
        return True

    def take(self, choice: Values) -> None:
        fields = self._fields
        # Writer repeats each delta as a message.
        repeated = "delta" in choice and opens_with(choice["delta"], b"{")
        for name, raw in choice.items():
            if name == "delta" or (name == "message" and not repeated):
                fields.setdefault("message", None)
                if not opens_with(raw, b"n"):
                    self._grow(object_of(raw))
            elif name == "message":
                pass
            elif name in _GROWING or name == "text":
                fields[name] = grown(fields.get(name), name, raw, self._pile)
            elif name == "finish_reason" and opens_with(raw, b'"') and not self.ended:
                # An empty reason ends the choice as well, as the meter has it.
                fields[name] = self._pile.keep(raw)
            else:
                fields[name] = replaced(fields.get(name), raw, self._pile)

    def answer(self) -> Fields:
        fields = dict(self._fields)
        fields.setdefault("finish_reason", NULL)
        if "message" not in fields:
            return fields
        message = dict(self._message)
        role = message.pop("role", None)
        content = message.pop("content", NULL)
        if self._content is not None:
            content = self._content.plain()
        fields["message"] = {
            "role": role if role is not None and not opens_with(role, b"n") else "assistant",
            "content": content,
            **message,
        }
        if self._calls is not None:
            fields["message"]["tool_calls"] = self._calls.plain()
        return fields

    def _grow(self, delta: Values) -> None:
        content = delta.get("content")
        if content is not None and (self._content is not None or opens_with(content, b"[")):
            if self._content is None:
                self._content = _Parts(self._pile)
                known = self._message.get("content")
                if isinstance(known, Text) and known.utf8:
                    self._content.add_text(known.plain())
            self._message["content"] = NULL
            del delta["content"]
            self._content.add(content)
        calls = delta.get("tool_calls")
        if calls is not None and opens_with(calls, b"["):
            if self._calls is None:
                self._calls = _Calls(self._pile)
            self._calls.add(calls)
            # It holds the place among the others.
            self._message["tool_calls"] = NULL
            del delta["tool_calls"]
        fill(self._message, delta, self._pile)


class _Calls:
    """Tool calls, each of whose arguments come in pieces.

    A call is known by its index. Some servers give every call the same one, or none, and each its own id.
    """

    __slots__ = ("_calls", "_last", "_pile")

    def __init__(self, pile: Pile) -> None:
        self._pile = pile
        self._calls: list[tuple[int, Fields]] = []
        self._last: dict[int, Fields] = {}

    def add(self, raw: msgspec.Raw) -> None:
        for element in array_of(raw):
            call = object_of(element)
            given = number_of(call.pop("index", None))
            index = given if given is not None else self._calls[-1][0] if self._calls else 0
            known = self._last.get(index)
            if known is None or _another(known, call):
                known = self._last[index] = Fields()
                self._calls.append((index, known))
                self._pile.kept += NODE_BYTES
            fill(known, call, self._pile)

    def plain(self) -> list[Fields]:
        for _, call in self._calls:
            function = call.get("function")
            if isinstance(function, dict) and not isinstance(cast(Fields, function).get("arguments"), Text | dict):
                # A call without arguments; the field is never left out, and always a string.
                function["arguments"] = ""
        return [call for _, call in sorted(self._calls, key=lambda call: call[0])]


def _another(known: Fields, call: Values) -> bool:
    """Whether both have an id, and not the same; some servers send a new one with each piece, but the name only once."""
    ids = {bytes(found.get("id", NULL)) for found in (known, call)} - {b"null", b'""'}
    return len(ids) == 2 and any(text(values(call.get(kind)).get("name")) for kind in ("function", "custom"))


class _Parts:
    """Content that is a list of parts, as Mistral's is where it thinks aloud; parts of one kind are run together."""

    __slots__ = ("_parts", "_pile")

    def __init__(self, pile: Pile) -> None:
        self._pile = pile
        self._parts: list[Any] = []

    def add(self, raw: msgspec.Raw) -> None:
        if opens_with(raw, b'"'):
            self.add_text(text_of(raw))
            return
        for element in array_of(raw):
            if opens_with(element, b'"'):
                self.add_text(text_of(element))
                continue
            part = object_of(element)
            match bytes(part.get("type", b"")):
                case b'"text"' if "text" in part and part.keys() == {"type", "text"}:
                    self.add_text(text_of(part["text"]))
                case b'"thinking"' if opens_with(part.get("thinking", NULL), b"["):
                    self._think(part)
                case _:
                    self._parts.append(self._pile.keep(element))

    def add_text(self, written: str) -> None:
        if not written:
            return
        last = self._parts[-1] if self._parts else None
        if not isinstance(last, dict) or last["type"] != "text":
            last = {"type": "text", "text": Text()}
            self._parts.append(last)
            self._pile.kept += 2 * NODE_BYTES
        cast(Fields, last)["text"].add(written, self._pile)

    def plain(self) -> list[Any]:
        shown: list[Any] = []
        for part in self._parts:
            thinking = cast(Fields, part).get("thinking") if isinstance(part, dict) else None
            shown.append({**part, "thinking": thinking.plain()} if isinstance(thinking, _Parts) else part)
        return shown

    def _think(self, part: Values) -> None:
        last = self._parts[-1] if self._parts else None
        if not isinstance(last, dict) or last["type"] != "thinking":
            last = {"type": "thinking", "thinking": _Parts(self._pile)}
            self._parts.append(last)
            self._pile.kept += 3 * NODE_BYTES
        known = cast(Fields, last)
        known["thinking"].add(part["thinking"])
        for name, raw in part.items():
            if name not in ("type", "thinking"):
                known[name] = replaced(known.get(name), raw, self._pile)

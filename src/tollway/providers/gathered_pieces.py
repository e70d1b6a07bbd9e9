"""Putting JSON values together that came in pieces: text grows, objects are filled in, lists are extended.

What is not known to come in pieces keeps its bytes, so that a number has the digits the provider wrote.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, TypeAlias, cast

import msgspec

from tollway.providers.answer import Values

NULL = msgspec.Raw(b"null")
NODE_BYTES = 64
"""About what a kept value takes beside its own bytes."""

_MOST_DEEP = 6
"""Levels of an object that are merged; what lies deeper is kept as it came. The deepest real delta has four."""
_WHOLE = frozenset(
    {
        "id", "type", "role", "object", "index", "format", "channel", "status", "call_id", "item_id", "finish_reason",
        "native_finish_reason", "mime_type", "language", "model", "phase", "expires_at",
    }
)  # fmt: skip
"""Strings that a later piece repeats or replaces, and never continues."""
_SNAPSHOTS = frozenset({"executed_tools"})
"""Lists whose elements are sent again when they have grown: Groq's."""

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_array = msgspec.json.Decoder(list[msgspec.Raw])


class Unreadable(Exception):
    """A piece that cannot be read, without which the answer would have a hole; the message says which."""


class Pile:
    """How much is kept of a stream, in bytes."""

    __slots__ = ("kept",)

    def __init__(self) -> None:
        self.kept = 0

    def keep(self, raw: msgspec.Raw) -> msgspec.Raw:
        """A copy of `raw` that does not hold on to the event it came in."""
        kept = msgspec.Raw(bytes(raw))
        self.kept += NODE_BYTES + len(memoryview(kept))
        return kept


class Text:
    """A string that grows."""

    __slots__ = ("utf8",)

    def __init__(self) -> None:
        self.utf8: bytearray = bytearray()

    def add(self, text: str, pile: Pile) -> None:
        """`text` at its end."""
        # Half of a character outside the basic plane may end one piece, and the other half begin the next.
        piece = text.encode(errors="surrogatepass")
        self.utf8 += piece
        pile.kept += len(piece)

    def repeats(self, text: str) -> bool:
        """Whether `text` is all of it once more, or nothing."""
        piece = text.encode(errors="surrogatepass")
        return not piece or (len(piece) == len(self.utf8) and self.utf8.startswith(piece))

    def plain(self) -> str:
        """All of it."""
        return self.utf8.decode(errors="surrogatepass")


class Base64(Text):
    """Bytes that come in pieces, each encoded by itself: a piece in the middle may end in padding."""

    __slots__ = ()

    def add(self, text: str, pile: Pile) -> None:
        """`text` as the next piece."""
        if self.utf8:
            self.utf8 += b"\n"
        super().add(text, pile)

    def plain(self) -> str:
        """One encoding of all pieces."""
        pieces = bytes(self.utf8).split(b"\n")
        if not any(piece.endswith(b"=") for piece in pieces[:-1]):
            return b"".join(pieces).decode(errors="surrogatepass")
        try:
            return base64.b64encode(b"".join(base64.b64decode(piece, validate=True) for piece in pieces)).decode()
        except binascii.Error:
            return b"".join(pieces).decode(errors="surrogatepass")


class Items:
    """A list that grows: elements with an `index` are filled in, all others are added."""

    __slots__ = ("indexed", "others")

    def __init__(self) -> None:
        self.indexed: dict[tuple[int, str], Fields] = {}
        self.others: list[msgspec.Raw] = []

    def add(self, raw: msgspec.Raw, name: str, pile: Pile, depth: int) -> None:
        """The elements of `raw`, a list."""
        for element in array_of(raw):
            fields = object_of(element) if opens_with(element, b"{") else {}
            index = number_of(fields.get("index"))
            if index is None:
                self.others.append(pile.keep(element))
                continue
            key = (index, bytes(fields.get("type", b"")).decode(errors="replace"))
            if name in _SNAPSHOTS or key not in self.indexed:
                self.indexed[key] = {}
                pile.kept += NODE_BYTES
            fill(self.indexed[key], fields, pile, depth + 1)

    def plain(self) -> list[Any]:
        """All elements: those with an index in its order, then the others as they came."""
        return [*(self.indexed[key] for key in sorted(self.indexed)), *self.others]


Node: TypeAlias = "msgspec.Raw | Text | Items | Fields"
Fields: TypeAlias = dict[str, Any]
"""An object in the making: a `Node` for each name."""


def fill(known: Fields, pieces: Values, pile: Pile, depth: int = 0) -> None:
    """Adds to each field of `known` what `pieces` has of it."""
    for name, raw in pieces.items():
        known[name] = grown(known.get(name), name, raw, pile, depth)


def grown(known: Any, name: str, raw: msgspec.Raw, pile: Pile, depth: int = 0) -> Any:
    """The node of that `name`, with `raw` added to it: a null changes nothing, what is no text replaces."""
    if opens_with(raw, b"n"):
        return pile.keep(raw) if known is None else known
    if opens_with(raw, b'"') and name not in _WHOLE:
        text = text_of(raw)
        if not isinstance(known, Text):
            known = Base64() if name == "data" else Text()
            pile.kept += NODE_BYTES
        elif name == "name" and known.repeats(text):
            return known  # Some servers repeat a function's name in each piece of its arguments.
        known.add(text, pile)
        return known
    if depth < _MOST_DEEP and opens_with(raw, b"{"):
        if not isinstance(known, dict):
            known = Fields()
            pile.kept += NODE_BYTES
        fill(cast(Fields, known), object_of(raw), pile, depth + 1)
        return cast(Fields, known)
    if depth < _MOST_DEEP and opens_with(raw, b"["):
        if not isinstance(known, Items):
            known = Items()
            pile.kept += NODE_BYTES
        known.add(raw, name, pile, depth)
        return known
    return replaced(known, raw, pile)


def replaced(known: Any, raw: msgspec.Raw, pile: Pile) -> Any:
    """`raw` in the place of `known`, unless it says nothing: null, "", [] or {}."""
    if known is not None and bytes(raw) in (b"null", b'""', b"[]", b"{}"):
        return known
    if isinstance(known, msgspec.Raw):
        pile.kept -= NODE_BYTES + len(memoryview(known))
    return pile.keep(raw)


def fill_by_name(known: Any, raw: msgspec.Raw, pile: Pile) -> Any:
    """The object `known` with those of its fields that `raw` tells anew; `raw` in its place where either is no object."""
    if not opens_with(raw, b"{"):
        return replaced(known, raw, pile)
    fields: Fields = cast(Fields, known) if isinstance(known, dict) else {}
    for name, value in object_of(raw).items():
        fields[name] = replaced(fields.get(name), value, pile)
    return fields


def opens_with(raw: msgspec.Raw, first: bytes) -> bool:
    """Whether the first byte of `raw` is `first`: of what kind it is."""
    return bytes(memoryview(raw)[:1]) == first


def object_of(raw: msgspec.Raw | bytes) -> Values:
    """The values of a JSON object. Raises Unreadable."""
    try:
        return _object.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        read = _leniently(raw)
    if not isinstance(read, dict):
        raise Unreadable("an object was expected")
    return {name: _written(value) for name, value in cast(dict[str, Any], read).items()}


def array_of(raw: msgspec.Raw | bytes) -> list[msgspec.Raw]:
    """The elements of a JSON array; none of null. Raises Unreadable."""
    if bytes(memoryview(raw)[:4]) == b"null":
        return []
    try:
        return _array.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        read = _leniently(raw)
    if not isinstance(read, list):
        raise Unreadable("a list was expected")
    return [_written(value) for value in cast(list[Any], read)]


def text_of(raw: msgspec.Raw) -> str:
    """A JSON string, halves of characters included. Raises Unreadable."""
    try:
        return msgspec.json.decode(raw, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        read = _leniently(raw)
    if not isinstance(read, str):
        raise Unreadable("a text was expected")
    return read


def number_of(raw: msgspec.Raw | None) -> int | None:
    """A whole number, None where there is none."""
    digits = b"" if raw is None else bytes(raw)
    return int(digits) if digits.isdigit() and len(digits) < 10 else None


def encoded(plain: Any) -> bytes:
    """What was put together, as JSON."""
    try:
        return msgspec.json.encode(plain, enc_hook=_plain)
    except UnicodeEncodeError:
        # Two halves of a character that came apart are written as two escapes, which together mean it.
        return json.dumps(plain, default=_reread, separators=(",", ":")).encode()


def _plain(node: Any) -> Any:
    if isinstance(node, Text | Items):
        return node.plain()
    raise TypeError(f"a {type(node).__name__} is no part of an answer")


def _reread(node: Any) -> Any:
    return json.loads(bytes(node)) if isinstance(node, msgspec.Raw) else _plain(node)


def _leniently(raw: msgspec.Raw | bytes) -> Any:
    """Python's own reader, which is slower and takes half of an escaped character."""
    try:
        return json.loads(bytes(raw))
    except ValueError:
        raise Unreadable("it is not JSON") from None


def _written(value: Any) -> msgspec.Raw:
    try:
        return msgspec.Raw(json.dumps(value, allow_nan=False, separators=(",", ":")).encode())
    except ValueError:
        raise Unreadable("it has a number that JSON does not have") from None

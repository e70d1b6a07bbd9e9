"""The contents of Google's generateContent as turns: what was said, called and answered."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Iterable
from typing import Any, cast

from tollway.translate.conversation import Kind, Media, Part, Text, Thought, ToolCall, ToolResult, Turn, Untranslatable
from tollway.translate.fields import Fields, Malformed, json_text
from tollway.translate.google_models import SAY_NOTHING
from tollway.translate.media_types import kind_of, type_of
from tollway.translate.sealed import seal, unseal

_HOSTED = "it belongs to a tool that Google runs; leave it out, or name a model of Google's"
_RUN = ("executableCode", "codeExecutionResult", "toolCall", "toolResponse")
_OUTPUT = ("output", "result")
"""Where a function's answer that is only a text stands: Google's documentation says "output", its SDK writes "result"."""


class Calls:
    """Hands out ids to calls that have none: "call_0", "call_1", counted over the whole conversation."""

    __slots__ = ("_made", "_taken")

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._made = 0

    def take(self, given: str | None) -> str:
        """The id that the call has, or one that no other has."""
        while given is None:
            made, self._made = f"call_{self._made}", self._made + 1
            if made not in self._taken:
                given = made
        self._taken.add(given)
        return given


class Contents:
    """Takes the contents of a request in, one after the other."""

    def __init__(self, lost: list[str], given: Iterable[str] = ()) -> None:
        self.turns: list[Turn] = []
        self._lost = lost
        self._calls = Calls(given)
        self._open: dict[str, deque[ToolCall]] = {}
        """Calls that may have no answer yet, by "id:…" and by "name:…"; one that has is passed over where it is met."""
        self._answered: set[int] = set()
        """Those that have one, by the address of the object, which `_kept` keeps from being another's."""
        self._kept: list[ToolCall] = []

    def read(self, content: Fields) -> None:
        role = content.text("role") or "user"
        if role not in ("user", "model", "function"):
            raise Malformed(f"{content.place('role')} must be user or model.")
        parts: list[Part] = []
        for part in content.each("parts"):
            parts += self._read_part(part)
        content.done()
        self.turns.append(Turn("assistant" if role == "model" else "user", tuple(parts)))

    def _read_part(self, part: Fields) -> list[Part]:
        for name in _RUN:
            if part.has(name):
                raise Untranslatable(part.place(name), _HOSTED)
        self._lost += part.lose("mediaResolution", "partMetadata")
        part.refuse("videoMetadata", "a piece of a film cannot be asked for elsewhere; send the piece itself")
        signature = part.text("thoughtSignature")
        thought = bool(part.flag("thought"))
        read: list[Part] = []
        if (call := part.nested("functionCall")) is not None:
            read.append(self._read_call(call, signature))
        elif (response := part.nested("functionResponse")) is not None:
            read.append(self._read_response(response))
        elif (blob := part.nested("inlineData")) is not None:
            read.append(_read_inline(blob))
        elif (file := part.nested("fileData")) is not None:
            read.append(_read_file(file))
        else:
            read += told(part.needed("text"), thought=thought, signature=signature)
        part.done()
        return read

    def _read_call(self, call: Fields, signature: str | None) -> ToolCall:
        call.refuse("partialArgs", "a call must stand in the conversation whole")
        call.raw("willContinue")
        arguments = call.mapping("args") or {}
        read = ToolCall(
            id=self._calls.take(call.text("id") or None),
            name=call.needed("name"),
            arguments=json_text(arguments),
            signature=signed(signature),
        )
        call.done()
        for key in (f"id:{read.id}", f"name:{read.name}"):
            self._open.setdefault(key, deque()).append(read)
        return read

    def _unanswered(self, key: str) -> ToolCall | None:
        """The first call of that id, or name, which nobody has answered."""
        calls = self._open.get(key)
        while calls:
            if id(calls[0]) not in self._answered:
                return calls[0]
            calls.popleft()
        return None

    def _read_response(self, response: Fields) -> ToolResult:
        response.refuse("willContinue", "an answer must stand in the conversation whole")
        response.refuse("scheduling", "this is of Google's live API; leave it out")
        given, name = response.text("id"), response.needed("name")
        call = self._unanswered(f"id:{given}") or self._unanswered(f"name:{name}")
        if call is None:
            raise Untranslatable(
                response.where, f'answers a call of "{name}" that nobody made; give the call before it'
            )
        self._answered.add(id(call))
        self._kept.append(call)
        value = response.mapping("response") or {}
        failed = set(value) == {"error"}
        parts: list[Text | Media] = []
        if value:
            parts.append(Text(text=_result_text(value)))
        for extra in response.each("parts"):
            if (blob := extra.nested("inlineData")) is not None:
                parts.append(_read_inline(blob))
            elif (file := extra.nested("fileData")) is not None:
                parts.append(_read_file(file))
            extra.done()
        response.done()
        return ToolResult(id=call.id, name=name, parts=tuple(parts), failed=failed)


def given_ids(contents: object) -> set[str]:
    """The ids that the caller's own calls have, so that none is made twice."""
    found: set[str] = set()
    for content in cast("list[Any]", contents) if isinstance(contents, list) else []:
        parts: Any = content.get("parts") if isinstance(content, dict) else None  # pyright: ignore
        for part in cast("list[Any]", parts) if isinstance(parts, list) else []:
            call: Any = part.get("functionCall") if isinstance(part, dict) else None  # pyright: ignore
            if isinstance(call, dict) and isinstance(known := cast("dict[str, Any]", call).get("id"), str) and known:
                found.add(known)
    return found


def told(text: str, *, thought: bool, signature: str | None) -> list[Text | Thought]:
    """A text or a thought. The signature of a text is a thought of its own behind it, of which nothing is shown."""
    proof = signed(signature)
    if thought:
        return [Thought(text=text, signature=proof, redacted=not text and proof is not None)] if text or proof else []
    said: list[Text | Thought] = [Text(text=text)] if text else []
    if proof is not None:
        said.append(Thought(signature=proof, redacted=True))
    return said


def signed(signature: str | None) -> tuple[Kind, str] | None:
    """A `thoughtSignature`, of whoever made it; `None` for the words that stand for none."""
    if not signature or signature in SAY_NOTHING:
        return None
    try:
        text = b64decode(signature, validate=True).decode()
    except ValueError:
        return ("google.generate", signature)
    sealed = unseal(text, "google.generate").signature
    return ("google.generate", signature) if sealed[1] == text else sealed


def signature_of(signature: tuple[Kind, str]) -> str:
    """The `thoughtSignature` that says it; Google's clients read it as bytes in base64."""
    if signature[0] == "google.generate":
        return signature[1]
    return b64encode(seal(signature, "google.generate").encode()).decode()


def _result_text(response: dict[str, Any]) -> str:
    if len(response) == 1:
        name, value = next(iter(response.items()))
        if name in (*_OUTPUT, "error") and isinstance(value, str):
            return value
    return json_text(response)


def _read_inline(blob: Fields) -> Media:
    media_type = blob.text("mimeType") or ""
    media = Media(
        kind=kind_of(media_type),
        media_type=media_type,
        data=_standard(blob.needed("data")),
        name=blob.text("displayName"),
    )
    blob.done()
    return media


def _standard(data: str) -> str:
    """base64 in the alphabet that the other APIs take: Google reads that of URLs as well, and its SDK writes it."""
    if "-" in data or "_" in data:
        data = data.replace("-", "+").replace("_", "/")
    return data + "=" * (-len(data) % 4)


def _read_file(file: Fields) -> Media:
    uri, name = file.needed("fileUri"), file.text("displayName")
    media_type = file.text("mimeType") or type_of(uri)
    file.done()
    kind = kind_of(media_type)
    if uri.startswith(("gs://", "files/")) or "generativelanguage.googleapis.com" in uri:
        return Media(kind=kind, media_type=media_type, file_id=uri, name=name)
    if "youtube.com/" in uri or "youtu.be/" in uri:
        kind = "video"
    return Media(kind=kind, media_type=media_type, url=uri, name=name)

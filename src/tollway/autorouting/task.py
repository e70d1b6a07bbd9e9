"""What a request sets its model to do: the text to be judged, what else is in it, and where its last turn begins.

A turn is a user's message and what follows from it: tool calls, and their results. The request is read leniently: what it means
to its provider is the codec's business, and what is not understood here is only not looked at.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from tollway.autorouting.rules import Input
from tollway.autorouting.text import cut
from tollway.request import Api

APIS: frozenset[Api] = frozenset({"openai.chat", "openai.responses", "anthropic.messages", "google.generate"})
"""Those whose requests are understood here."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    text: str = ""
    """Of the last message that a user wrote, as much as is judged; empty where there is none."""
    turn: str = ""
    """The same in all requests of a turn, and in no other of its conversation; empty where no user's message is in it."""
    needs: frozenset[Input] = frozenset()
    """What is in it besides text."""
    before_bytes: int = 0
    """Of the conversation before the turn: what a provider may have kept of the turn before."""
    turn_bytes: int = 0


class _Item(msgspec.Struct, frozen=True):
    """One message, or whatever stands among them."""

    role: str = ""
    type: str = ""
    content: msgspec.Raw = msgspec.Raw()
    parts: msgspec.Raw = msgspec.Raw()


_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_raws = msgspec.json.Decoder(list[msgspec.Raw])
_item = msgspec.json.Decoder(_Item)
_MESSAGES: Mapping[Api, str] = {
    "openai.chat": "messages",
    "openai.responses": "input",
    "anthropic.messages": "messages",
    "google.generate": "contents",
}
_RULES = ("system", "instructions", "tools", "systemInstruction", "system_instruction")
"""What stands before all messages."""
_PARTS: Mapping[str, Input] = {
    "image_url": "image",
    "input_image": "image",
    "image": "image",
    "input_audio": "audio",
    "audio": "audio",
    "video_url": "video",
    "video": "video",
    "file": "document",
    "input_file": "document",
    "document": "document",
}
"""By the `type` of a part, in the APIs of OpenAI and Anthropic."""
_RESULTS = frozenset({"tool_result", "function_call_output"})
_MOST_PARTS = 2_000
"""Of a message, which are looked at."""


def read_task(api: Api, body: bytes) -> Task | None:
    """The task of a request of one of `APIS`; `None` where its body tells none. Takes as long as parsing it."""
    where = _MESSAGES.get(api)
    if where is None:
        return None
    try:
        fields = _fields.decode(body)
        return _task(fields, bytes(fields.get(where, b"")))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _task(fields: dict[str, msgspec.Raw], said: bytes) -> Task | None:
    needs: set[Input] = set()
    if any(bytes(fields.get(name, b"null")) not in (b"null", b"[]") for name in ("tools", "functions")):
        needs.add("tools")
    rules = sum(len(bytes(fields.get(name, b""))) for name in _RULES)
    if said[:1] == b'"':
        text = _clean(msgspec.json.decode(said, type=str))
        return Task(
            text=cut(text), turn=_digest(1, text), needs=frozenset(needs), before_bytes=rules, turn_bytes=len(said)
        )
    if said[:1] != b"[":
        return None
    before, turn, users = rules, 0, 0
    text = ""
    for raw in _raws.decode(said):
        written = bytes(raw)
        found = _read(written, needs)
        if found is None:
            turn += len(written)
            continue
        before, turn, users = before + turn, len(written), users + 1
        text = found
    if not users:
        return Task(needs=frozenset(needs), before_bytes=rules, turn_bytes=turn)
    return Task(
        text=cut(text),
        turn=_digest(users, text),
        needs=frozenset(needs),
        before_bytes=before,
        turn_bytes=turn,
    )


def _read(written: bytes, needs: set[Input]) -> str | None:
    """The text of a user's message; `None` for anything else. What is in it besides text goes into `needs`."""
    try:
        item = _item.decode(written)
    except msgspec.ValidationError:
        return None
    texts: list[str] = []
    result = False
    for raw in (item.content, item.parts):
        content = bytes(raw)
        if content[:1] == b'"':
            texts.append(msgspec.json.decode(content, type=str))
        elif content[:1] == b"[":
            for part in cast(list[Any], msgspec.json.decode(content))[:_MOST_PARTS]:
                result |= _part(part, texts, needs)
    # Google's first content may leave its role out; OpenAI's items may leave out that they are messages.
    is_user = item.role == "user" or (not item.role and not item.type and bytes(item.parts) != b"")
    return _clean("\n".join(texts)) if is_user and not result and item.type in ("", "message") else None


def _part(part: Any, texts: list[str], needs: set[Input]) -> bool:
    """Whether the part is the result of a tool."""
    if not isinstance(part, dict):
        return False
    fields = cast(dict[str, Any], part)
    kind, text = fields.get("type"), fields.get("text")
    if isinstance(text, str):
        texts.append(text)
    if isinstance(kind, str):
        if kind in _PARTS:
            needs.add(_PARTS[kind])
        inner = fields.get("content")
        if kind in _RESULTS and isinstance(inner, list):
            for one in cast(list[Any], inner)[:_MOST_PARTS]:
                _part(one, [], needs)
        return kind in _RESULTS
    for name in ("inlineData", "inline_data", "fileData", "file_data"):
        if name in fields:
            needs.add(_of_media_type(fields[name]))
    return "functionResponse" in fields or "function_response" in fields


def _of_media_type(value: Any) -> Input:
    fields: Mapping[str, Any] = cast(Mapping[str, Any], value) if isinstance(value, dict) else {}
    kind = str(fields.get("mimeType") or fields.get("mime_type") or "").partition("/")[0].lower()
    known: Mapping[str, Input] = {"image": "image", "audio": "audio", "video": "video"}
    return known.get(kind, "document")


def _digest(users: int, text: str) -> str:
    # Of the text alone: marks for the prompt's cache move on from one request of a turn to the next.
    return hashlib.sha256(f"{users}\0{text}".encode()).hexdigest()[:32]


def _clean(text: str) -> str:
    # Half a surrogate pair is no text that another process could be sent.
    return text.encode(errors="replace").decode()

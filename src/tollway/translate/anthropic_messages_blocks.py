"""The messages of an Anthropic request, as its content blocks."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from typing import Any

from tollway.translate.anthropic_messages_thoughts import written_signature
from tollway.translate.conversation import (
    Cached,
    Declined,
    Media,
    Part,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Turn,
    Untranslatable,
)
from tollway.translate.fields import object_of_json
from tollway.translate.spelled import Spelling

_PICTURES = {"image/jpeg", "image/png", "image/gif", "image/webp"}


class Blocks:
    """Writes the parts of turns as blocks; adds to `lost` what has no place in one."""

    __slots__ = ("_ids", "_lost", "_names")

    def __init__(self, names: Spelling, lost: list[str]) -> None:
        self._names = names
        self._ids = Spelling(64)
        self._lost = lost

    def texts(self, texts: Iterable[Text]) -> list[dict[str, Any]]:
        """Blocks of text; white space alone is not taken by the API, and says nothing."""
        return [self._text(text) for text in texts if text.text.strip()]

    def messages(self, turns: Sequence[Turn]) -> list[dict[str, Any]]:
        """The turns, those of one side that follow each other as one, tool results ahead of what else the user says."""
        messages: list[dict[str, Any]] = []
        for turn in turns:
            blocks = self._blocks(turn)
            if not blocks:
                continue
            if messages and messages[-1]["role"] == turn.role:
                messages[-1]["content"] += blocks
            else:
                messages.append({"role": turn.role, "content": blocks})
        for message in messages:
            if message["role"] == "user":
                message["content"].sort(key=_after_results)
        if messages and messages[-1]["role"] == "assistant" and messages[-1]["content"][-1]["type"] == "text":
            # The start of an answer may not end in white space.
            messages[-1]["content"][-1]["text"] = messages[-1]["content"][-1]["text"].rstrip()
        for message in messages:
            blocks = message["content"]
            if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
                message["content"] = blocks[0]["text"]
        return messages

    def _blocks(self, turn: Turn) -> list[dict[str, Any]]:
        blocks: list[dict[str, Any]] = []
        for part in turn.parts:
            blocks += self._block(part, turn.role)
        return blocks

    def _block(self, part: Part, role: str) -> list[dict[str, Any]]:
        match part:
            case Text():
                return self.texts([part])
            case Declined():
                return self.texts([Text(text=part.text)])
            case Media():
                if role == "assistant":
                    raise Untranslatable(
                        "messages", "the assistant says text alone in this API; leave its pictures and sounds out"
                    )
                return [self._media(part)]
            case Thought():
                return self._thought(part)
            case ToolCall():
                block: dict[str, Any] = {
                    "type": "tool_use",
                    "id": self._ids.out(part.id),
                    "name": self._names.out(part.name),
                    "input": object_of_json(part.arguments),
                }
                return [_marked(block, part.cached)]
            case ToolResult():
                return [self._result(part)]

    def _text(self, text: Text) -> dict[str, Any]:
        return _marked({"type": "text", "text": text.text}, text.cached)

    def _thought(self, thought: Thought) -> list[dict[str, Any]]:
        """Its own maker takes a thought with its proof alone; any other is left out."""
        signature = thought.signature
        if signature is None or signature[0] != "anthropic.messages":
            self._lost.append("thinking")
            return []
        if thought.redacted:
            return [{"type": "redacted_thinking", "data": signature[1]}]
        return [{"type": "thinking", "thinking": thought.text, "signature": written_signature(signature)}]

    def _result(self, result: ToolResult) -> dict[str, Any]:
        block: dict[str, Any] = {"type": "tool_result", "tool_use_id": self._ids.out(result.id)}
        content: list[dict[str, Any]] = []
        for part in result.parts:
            content += self._block(part, "user")
        if len(content) == 1 and content[0].keys() == {"type", "text"}:
            block["content"] = content[0]["text"]
        elif content:
            block["content"] = content
        if result.failed:
            block["is_error"] = True
        return _marked(block, result.cached)

    def _media(self, media: Media) -> dict[str, Any]:
        if media.detail is not None:
            self._lost.append("detail")
        if media.file_id is not None:
            raise Untranslatable("file_id", "a stored file is known to its keeper alone; send its bytes")
        match media.kind:
            case "image":
                return _marked({"type": "image", "source": _picture(media)}, media.cached)
            case "document":
                block: dict[str, Any] = {"type": "document", "source": _document(media)}
                if media.name:
                    block["title"] = media.name
                return _marked(block, media.cached)
            case "audio" | "video":
                raise Untranslatable(
                    media.kind, "Anthropic's models take text, pictures and documents; send what is said as text"
                )


def _after_results(block: dict[str, Any]) -> bool:
    return block["type"] != "tool_result"


def _picture(media: Media) -> dict[str, Any]:
    if media.url is not None:
        return {"type": "url", "url": media.url}
    media_type = "image/jpeg" if media.media_type == "image/jpg" else media.media_type
    if media_type not in _PICTURES:
        raise Untranslatable(
            "image", f'Anthropic\'s models see JPEG, PNG, GIF and WebP, not "{media_type}"; send one of those'
        )
    return {"type": "base64", "media_type": media_type, "data": media.data}


def _document(media: Media) -> dict[str, Any]:
    if media.url is not None:
        return {"type": "url", "url": media.url}
    if media.media_type == "application/pdf":
        return {"type": "base64", "media_type": "application/pdf", "data": media.data}
    if media.media_type.startswith("text/"):
        try:
            text = base64.b64decode(media.data or "", validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise Untranslatable("document", "a document of text must be UTF-8 in base64") from None
        return {"type": "text", "media_type": "text/plain", "data": text}
    raise Untranslatable(
        "document", f'Anthropic\'s models read PDF and text, not "{media.media_type}"; send one of those'
    )


def _marked(block: dict[str, Any], cached: Cached | None) -> dict[str, Any]:
    if cached is not None:
        block["cache_control"] = {"type": "ephemeral", "ttl": cached.ttl}
    return block

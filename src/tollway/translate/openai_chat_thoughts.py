"""Thoughts in OpenAI's chat, which has no place of its own for them: the fields that its copies agreed on.

`reasoning_content` (DeepSeek, vLLM, and most) and `reasoning` (OpenRouter, Groq, Cerebras) hold the text. `reasoning_details`
(OpenRouter) holds what proves it, by the maker's format: sent back with the conversation, a thought is carried to its maker again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tollway.translate.conversation import Kind, Thought
from tollway.translate.fields import objects_in, text_in

_FORMATS: dict[Kind, str] = {
    "anthropic.messages": "anthropic-claude-v1",
    "openai.responses": "openai-responses-v1",
    "google.generate": "google-gemini-v1",
}
_KINDS: dict[str, Kind] = {form: kind for kind, form in _FORMATS.items()}


def read_thoughts(message: Mapping[str, Any]) -> list[Thought]:
    """The thoughts of a message; each only once, though a server may write it under several names."""
    thoughts: list[Thought] = []
    shown = 0
    for detail in objects_in(message.get("reasoning_details")):
        kind = _KINDS.get(text_in(detail.get("format")), "openai.chat")
        text = text_in(detail.get("text")) or text_in(detail.get("summary"))
        proof = text_in(detail.get("signature"))
        hidden = text_in(detail.get("data")) if detail.get("type") == "reasoning.encrypted" else ""
        shown += len(text)
        if text or proof or hidden:
            thoughts.append(
                Thought(
                    text=text,
                    signature=(kind, hidden or proof) if hidden or proof else None,
                    redacted=bool(hidden and not text),
                    id=text_in(detail.get("id")) or None,
                )
            )
    plain = plain_thought(message)
    if plain and not shown:
        thoughts.insert(0, Thought(text=plain))
    return thoughts


def plain_thought(message: Mapping[str, Any]) -> str:
    """The text of it, under whichever name; some servers send one thought under both."""
    return max(text_in(message.get("reasoning_content")), text_in(message.get("reasoning")), key=len)


def written_thoughts(thoughts: Iterable[Thought]) -> dict[str, Any]:
    """The fields of a message that hold the thoughts."""
    found = list(thoughts)
    fields: dict[str, Any] = {}
    text = "".join(thought.text for thought in found)
    if text:
        fields["reasoning_content"] = text
    if any(thought.signature for thought in found):
        fields["reasoning_details"] = [detail(thought, number) for number, thought in enumerate(found)]
    return fields


def detail(thought: Thought, index: int) -> dict[str, Any]:
    """One thought with its proof, as OpenRouter writes it."""
    kind, proof = thought.signature or (None, None)
    # OpenAI's summary and its proof are two things that belong together: the text stands beside the data.
    if thought.redacted or kind == "openai.responses":
        shown: dict[str, Any] = {"type": "reasoning.encrypted", "data": proof or ""}
        if thought.text:
            shown["summary"] = thought.text
    else:
        shown = {"type": "reasoning.text", "text": thought.text, "signature": proof}
    return {**shown, "id": thought.id, "format": _FORMATS.get(kind, "unknown") if kind else "unknown", "index": index}

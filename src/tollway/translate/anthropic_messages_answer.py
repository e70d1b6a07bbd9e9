"""Whole answers and errors of Anthropic's messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tollway.providers.anthropic_usage import read_usage
from tollway.translate.anthropic_messages_thoughts import call_proof, read_signature, written_signature
from tollway.translate.conversation import Declined, Media, Text, Thought, ToolCall
from tollway.translate.counted import anthropic_usage
from tollway.translate.fields import json_text, object_in, object_of_json, objects_in, text_in
from tollway.translate.spelled import Spelling
from tollway.translate.told import Answer, Failed, Stop

_STOPS: dict[str, Stop] = {
    "end_turn": "end",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_calls",
    "refusal": "declined",
    "pause_turn": "paused",
}
_REASONS: dict[Stop, str] = {
    "end": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "stop_sequence": "stop_sequence",
    "filtered": "refusal",
    "declined": "refusal",
    "paused": "pause_turn",
}
_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_STATUSES = {kind: status for status, kind in _KINDS.items()} | {"api_error": 500}
_TIERS = frozenset({"standard", "priority", "batch"})


def read_answer(body: Mapping[str, Any], names: Spelling) -> Answer:
    """The whole message. What the provider's own tools did is passed over and named in `lost`; none was asked for."""
    parts: list[Text | Thought | ToolCall | Declined | Media] = []
    lost: list[str] = []
    for block in objects_in(body.get("content")):
        match kind := text_in(block.get("type")):
            case "text":
                parts.append(Text(text=text_in(block.get("text")), citations=tuple(objects_in(block.get("citations")))))
            case "thinking":
                parts.append(
                    Thought(
                        text=text_in(block.get("thinking")), signature=read_signature(text_in(block.get("signature")))
                    )
                )
            case "redacted_thinking":
                parts.append(Thought(signature=read_signature(text_in(block.get("data"))), redacted=True))
            case "tool_use":
                parts.append(
                    ToolCall(
                        id=text_in(block.get("id")),
                        name=names.back(text_in(block.get("name"))),
                        arguments=json_text(object_in(block.get("input"))),
                    )
                )
            case _:
                lost.append(kind)
    if explained := explanation(body):
        parts.append(Declined(explained))
    usage = object_in(body.get("usage"))
    return Answer(
        id=text_in(body.get("id")),
        model=text_in(body.get("model")),
        parts=tuple(parts),
        stop=read_stop(body.get("stop_reason")),
        stop_sequence=text_in(body.get("stop_sequence")) or None,
        usage=read_usage(usage) if usage else None,
        service_tier=text_in(usage.get("service_tier")) or None,
        lost=tuple(dict.fromkeys(lost)),
    )


def explanation(delta: Mapping[str, Any]) -> str:
    """Why the model refused, in words; empty where it did not, or does not say."""
    return text_in(object_in(delta.get("stop_details")).get("explanation"))


def read_stop(reason: object) -> Stop | None:
    """Why it ended; a reason that is not known yet is an end all the same."""
    return _STOPS.get(text_in(reason), "end") if reason else None


def write_answer(answer: Answer) -> dict[str, Any]:
    """The whole message."""
    content: list[dict[str, Any]] = []
    for part in answer.parts:
        content += _blocks(part)
    usage = anthropic_usage(answer.usage)
    if answer.service_tier in _TIERS:
        usage["service_tier"] = answer.service_tier
    return {
        "id": answer.id,
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": content,
        "stop_reason": written_stop(answer.stop, calls=any(isinstance(part, ToolCall) for part in answer.parts)),
        "stop_sequence": answer.stop_sequence,
        "usage": usage,
    }


def written_stop(stop: Stop | None, *, calls: bool) -> str:
    """The reason a client reads; where the provider gave none, what the answer shows."""
    if stop is None:
        return "tool_use" if calls else "end_turn"
    return _REASONS[stop]


def _blocks(part: Text | Thought | ToolCall | Declined | Media) -> list[dict[str, Any]]:
    match part:
        case Text():
            return [text_block(part)]
        case Declined():
            return [{"type": "text", "text": part.text}] if part.text else []
        case Thought():
            if part.redacted:
                return [{"type": "redacted_thinking", "data": written_signature(part.signature)}]
            return [{"type": "thinking", "thinking": part.text, "signature": written_signature(part.signature)}]
        case ToolCall():
            call = {"type": "tool_use", "id": part.id, "name": part.name, "input": object_of_json(part.arguments)}
            return [call] if part.signature is None else [call_proof(part.id, part.signature), call]
        case Media():
            # An answer of this API holds none; its caller did not ask for one, and is told.
            return [
                {
                    "type": "text",
                    "text": f"[The model also made {part.kind} ({part.media_type or part.url}), which this API cannot hold.]",
                }
            ]


def text_block(text: Text) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "text", "text": text.text}
    found = [cited for citation in text.citations if (cited := citation_of(citation, text.text)) is not None]
    if found:
        block["citations"] = found
    return block


def citation_of(citation: Mapping[str, Any], text: str) -> dict[str, Any] | None:
    """A citation as this API has it: its own as they are, links as what a search found; `None` for anything else."""
    if text_in(citation.get("type")).endswith("_location"):
        return dict(citation)
    inner = object_in(citation.get("url_citation")) or citation
    url = text_in(inner.get("url")) or text_in(inner.get("uri"))
    if not url:
        return None
    first, last = inner.get("start_index"), inner.get("end_index")
    return {
        "type": "web_search_result_location",
        "url": url,
        "title": text_in(inner.get("title")) or None,
        "cited_text": text[first:last] if type(first) is int and type(last) is int else "",
        "encrypted_index": "",
    }


def read_error(status: int, body: Mapping[str, Any]) -> Failed:
    """An error as Anthropic writes it; in a stream its type tells the status."""
    error = object_in(body.get("error")) or body
    kind = text_in(error.get("type"))
    if status < 400:
        status = _STATUSES.get(kind, 500)
    return Failed(text_in(error.get("message")) or f"The provider answered {status}.", kind, status=status)


def write_error(failed: Failed) -> dict[str, Any]:
    """The error as Anthropic's clients read it."""
    status = failed.status or 500
    kind = (
        failed.kind
        if failed.kind in _STATUSES
        else _KINDS.get(status, "invalid_request_error" if status < 500 else "api_error")
    )
    return {"type": "error", "error": {"type": kind, "message": failed.message}}

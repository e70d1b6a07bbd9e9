"""Whole answers of OpenAI's Responses, read and written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tollway.providers.openai_usage import read_usage
from tollway.translate.conversation import Declined, Media, Text, Thought, ToolCall
from tollway.translate.fields import distinct, json_text, object_in, objects_in, text_in
from tollway.translate.openai_responses_input import thought_of
from tollway.translate.spelled import Spelling
from tollway.translate.told import Answer, Failed, Stop
from tollway.usage import Usage

STATUSES = {
    "server_error": 500,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "vector_store_timeout": 504,
    "invalid_prompt": 400,
}
"""HTTP statuses that the codes of a failed response stand for."""

AnswerPart = Text | Thought | ToolCall | Declined | Media


def read(body: Mapping[str, Any], names: Spelling) -> Answer:
    """What a whole response says; items of tools that the provider ran are named in `lost`."""
    parts: list[AnswerPart] = []
    lost: list[str] = []
    for item in objects_in(body.get("output")):
        _read_item(item, names, parts, lost)
    status = text_in(body.get("status"))
    created = body.get("created_at")
    return Answer(
        id=text_in(body.get("id")),
        model=text_in(body.get("model")),
        created=int(created) if isinstance(created, int | float) else None,
        parts=tuple(parts),
        stop=stop_of(body, parts),
        usage=usage_of(body),
        service_tier=text_in(body.get("service_tier")) or None,
        lost=distinct(lost),
        failed=failed_of(body) if status in ("failed", "cancelled") else None,
    )


def _read_item(item: dict[str, Any], names: Spelling, parts: list[AnswerPart], lost: list[str]) -> None:
    match item.get("type"):
        case "message":
            for content in objects_in(item.get("content")):
                if content.get("type") == "refusal":
                    parts.append(Declined(text_in(content.get("refusal"))))
                elif content.get("type") == "output_text":
                    citations = tuple(objects_in(content.get("annotations")))
                    parts.append(Text(text=text_in(content.get("text")), citations=citations))
        case "function_call":
            name = names.back(text_in(item.get("name")))
            parts.append(
                ToolCall(id=text_in(item.get("call_id")), name=name, arguments=text_in(item.get("arguments")) or "{}")
            )
        case "custom_tool_call":
            arguments = json_text({"input": text_in(item.get("input"))})
            name = names.back(text_in(item.get("name")))
            parts.append(ToolCall(id=text_in(item.get("call_id")), name=name, arguments=arguments))
        case "reasoning":
            thought, _ = thought_of(
                text_in(item.get("id")) or None,
                objects_in(item.get("summary")),
                objects_in(item.get("content")),
                text_in(item.get("encrypted_content")) or None,
            )
            if thought.text or thought.signature is not None:
                parts.append(thought)
        case "image_generation_call" if text_in(item.get("result")):
            media_type = f"image/{text_in(item.get('output_format')) or 'png'}"
            parts.append(Media(kind="image", media_type=media_type, data=text_in(item.get("result"))))
        case kind:
            lost.append(text_in(kind) or "item")


def stop_of(body: Mapping[str, Any], parts: list[AnswerPart]) -> Stop | None:
    """Why the response ended; `None` where it has not, or has failed."""
    match body.get("status"):
        case "completed":
            if any(isinstance(part, ToolCall) for part in parts):
                return "tool_calls"
            declined = any(isinstance(part, Declined) for part in parts)
            return "declined" if declined and not any(isinstance(part, Text) for part in parts) else "end"
        case "incomplete":
            match object_in(body.get("incomplete_details")).get("reason"):
                case "max_output_tokens":
                    return "length"
                case "content_filter":
                    return "filtered"
                case _:
                    return "paused"
        case _:
            return None


def usage_of(body: Mapping[str, Any]) -> Usage | None:
    usage = object_in(body.get("usage"))
    return read_usage(usage)[0] if usage else None


def failed_of(body: Mapping[str, Any]) -> Failed:
    """The error of a response that failed."""
    error = object_in(body.get("error"))
    code = text_in(error.get("code")) or None
    message = text_in(error.get("message")) or "The provider says that its answer failed, and not why."
    return Failed(message, text_in(error.get("type")) or code or "server_error", code, STATUSES.get(code or "", 500))

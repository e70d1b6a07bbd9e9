"""A response of OpenAI's as it is written: its items, and what it repeats of the request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tollway.translate.conversation import Declined, Kind, Media, Text, Thought, ToolCall
from tollway.translate.fields import object_in, object_of_json, text_in
from tollway.translate.openai_responses_answer import STATUSES
from tollway.translate.openai_responses_asked import Asked
from tollway.translate.sealed import seal
from tollway.translate.told import Answer, Failed, Stop
from tollway.usage import Usage

_ANNOTATIONS = {
    "url_citation": {"url", "title", "start_index", "end_index"},
    "file_citation": {"file_id", "filename", "index"},
    "container_file_citation": {"container_id", "file_id", "filename", "start_index", "end_index"},
    "file_path": {"file_id", "index"},
}


class Writing:
    """The items of one response, with ids made of its own."""

    def __init__(self, asked: Asked, response: str) -> None:
        self._asked = asked
        self._seed = response.removeprefix("resp_") or "0"
        self._count = 0

    def id(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}_{self._seed}_{self._count - 1}"

    def custom(self, name: str) -> bool:
        """Whether the caller declared the tool as one that takes free text."""
        return name in self._asked.custom

    def sealed(self, signature: tuple[Kind, str] | None, call: str | None = None) -> str | None:
        """The encrypted content that a signature becomes, where the caller wants any."""
        return seal(signature, "openai.responses", call) if signature is not None and self._asked.encrypted else None

    def message(self) -> dict[str, Any]:
        return {"id": self.id("msg"), "type": "message", "status": "in_progress", "content": [], "role": "assistant"}

    def call(self, call_id: str, name: str, arguments: str) -> dict[str, Any]:
        space, own = self._asked.namespaces.get(name, (None, name))
        named = {"name": own} if space is None else {"name": own, "namespace": space}
        if self.custom(name):
            return {
                "id": self.id("ctc"),
                "type": "custom_tool_call",
                "status": "completed",
                "call_id": call_id,
                **named,
                "input": free_text(arguments),
            }
        return {
            "id": self.id("fc"),
            "type": "function_call",
            "status": "completed",
            "arguments": arguments,
            "call_id": call_id,
            **named,
        }

    def reasoning(self, item_id: str | None, text: str, encrypted: str | None) -> dict[str, Any]:
        item: dict[str, Any] = {
            "id": item_id or self.id("rs"),
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": text}] if text else [],
        }
        if encrypted is not None:
            item["encrypted_content"] = encrypted
        return item


def free_text(arguments: str) -> str:
    """The one text of a custom tool's call; what is no such object is given as it is."""
    value = object_of_json(arguments).get("input")
    return value if isinstance(value, str) else arguments


def content_of(part: Text | Declined) -> dict[str, Any]:
    if isinstance(part, Declined):
        return {"type": "refusal", "refusal": part.text}
    return {
        "type": "output_text",
        "annotations": [citation for citation in part.citations if is_own(citation)],
        "logprobs": [],
        "text": part.text,
    }


def is_own(citation: Mapping[str, Any]) -> bool:
    """Whether it is one of the annotations that OpenAI's clients know."""
    wanted = _ANNOTATIONS.get(text_in(citation.get("type")))
    return wanted is not None and all(citation.get(name) is not None for name in wanted)


def items_of(answer: Answer, writing: Writing) -> list[dict[str, Any]]:
    """The output. Texts and refusals that follow each other are one message."""
    items: list[dict[str, Any]] = []
    for part in answer.parts:
        match part:
            case Text() | Declined():
                if not items or items[-1]["type"] != "message":
                    items.append(writing.message())
                items[-1]["content"].append(content_of(part))
            case ToolCall():
                items.append(writing.call(part.id, part.name, part.arguments))
                if (encrypted := writing.sealed(part.signature, part.id)) is not None:
                    items.append(writing.reasoning(None, "", encrypted))
            case Thought():
                encrypted = writing.sealed(part.signature)
                if part.text or encrypted is not None:
                    items.append(writing.reasoning(part.id, part.text, encrypted))
            case Media():
                items.append(
                    {
                        "id": writing.id("ig"),
                        "type": "image_generation_call",
                        "status": "completed",
                        "output_format": part.media_type.partition("/")[2] or "png",
                        "result": part.data,
                    }
                )
    finish_messages(items, answer.stop)
    return items


def finish_messages(items: list[dict[str, Any]], stop: Stop | None) -> None:
    """Messages are completed, but for the last one of an answer that was cut."""
    for item in items:
        if item["type"] == "message":
            item["status"] = "incomplete" if stop in ("length", "filtered") and item is items[-1] else "completed"


def response(asked: Asked, *, response_id: str, model: str, created: int | None) -> dict[str, Any]:
    """A response that is being made: what was asked is repeated in it, with OpenAI's own defaults."""
    said = asked.body
    text = object_in(said.get("text"))
    reasoning = object_in(said.get("reasoning"))
    return {
        "id": response_id,
        "object": "response",
        "created_at": created or 0,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": said.get("instructions"),
        "max_output_tokens": said.get("max_output_tokens"),
        "model": model,
        "output": [],
        "parallel_tool_calls": said.get("parallel_tool_calls") is not False,
        "previous_response_id": None,
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "store": False,
        "temperature": said.get("temperature"),
        "text": {**text, "format": text.get("format") or {"type": "text"}},
        "tool_choice": said.get("tool_choice") or "auto",
        "tools": said.get("tools") or [],
        "top_p": said.get("top_p"),
        "truncation": "disabled",
        "usage": None,
        "user": said.get("user"),
        "metadata": said.get("metadata") or {},
    }


def ended(stop: Stop | None, usage: Usage | None, output: list[dict[str, Any]]) -> dict[str, Any]:
    """What changes in a response when it ends."""
    reason = {"length": "max_output_tokens", "filtered": "content_filter"}.get(stop or "")
    if stop == "declined" and not any(
        content["type"] == "refusal" for item in output for content in item.get("content") or ()
    ):
        # Where the model has not said so itself, nothing else would tell.
        reason = "content_filter"
    return {
        "status": "completed" if reason is None else "incomplete",
        "incomplete_details": None if reason is None else {"reason": reason},
        "usage": None if usage is None else usage_in_words(usage),
    }


def usage_in_words(usage: Usage) -> dict[str, Any]:
    """OpenAI's clients read each of these as a number, so what is not known is 0 to them; the ledger never reads it."""
    return {
        "input_tokens": usage.input_tokens or 0,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read_input_tokens or 0,
            "cache_write_tokens": usage.cache_creation_input_tokens or 0,
        },
        "output_tokens": usage.output_tokens or 0,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_output_tokens or 0},
        "total_tokens": (usage.input_tokens or 0) + (usage.output_tokens or 0),
    }


def write(answer: Answer, asked: Asked) -> dict[str, Any]:
    """A whole response."""
    written = response(
        asked,
        response_id=answer.id or "resp_0",
        model=answer.model,
        created=answer.created,
    )
    written["output"] = items_of(answer, Writing(asked, written["id"]))
    written |= ended(answer.stop, answer.usage, written["output"])
    if answer.service_tier is not None:
        written["service_tier"] = answer.service_tier
    if answer.failed is not None:
        written |= {"status": "failed", "error": error_of(answer.failed)}
    return written


def error_of(failed: Failed) -> dict[str, Any]:
    """An error inside of a response, with one of the codes that OpenAI's clients know."""
    code = failed.code if failed.code in STATUSES else None
    if code is None:
        match failed.status:
            case 429:
                code = "rate_limit_exceeded"
            case 400 | 413 | 422:
                code = "invalid_prompt"
            case _:
                code = "server_error"
    return {"code": code, "message": failed.message}

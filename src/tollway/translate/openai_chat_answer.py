"""Whole answers and errors of OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from tollway.providers.openai_usage import read_usage
from tollway.translate.conversation import Declined, Media, Text, Thought, ToolCall
from tollway.translate.counted import chat_usage
from tollway.translate.fields import json_text, object_in, objects_in, text_in
from tollway.translate.openai_chat_request import thought_signature
from tollway.translate.openai_chat_thoughts import read_thoughts, written_thoughts
from tollway.translate.spelled import Spelling
from tollway.translate.told import Answer, Failed, Stop
from tollway.usage import Usage

_STOPS: dict[str, Stop] = {
    "stop": "end",
    "length": "length",
    "model_length": "length",  # Mistral: the model's own length, not the cap's.
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "filtered",
}
_REASONS: dict[Stop, str] = {
    "end": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "stop_sequence": "stop",
    "filtered": "content_filter",
    "declined": "content_filter",
    "paused": "stop",
}
_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "not_found_error",
    413: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}


def read_answer(body: Mapping[str, Any], names: Spelling) -> Answer:
    """The first choice; no more is ever asked for across APIs. What cannot be read is passed over."""
    choice = next(iter(objects_in(body.get("choices"))), cast("dict[str, Any]", {}))
    message = object_in(choice.get("message"))
    parts: list[Text | Thought | ToolCall | Declined | Media] = [*read_thoughts(message)]
    parts += read_content(message.get("content"), citations(message)) or read_content(spoken(message))
    if refusal := text_in(message.get("refusal")):
        parts.append(Declined(refusal))
    answer_id = text_in(body.get("id"))
    for number, call in enumerate(calls_of(message)):
        parts.append(_call(call, f"{answer_id or 'call'}_{number}", names))
    for image in objects_in(message.get("images")):
        parts += _image(text_in(object_in(image.get("image_url")).get("url")))
    created = body.get("created")
    return Answer(
        id=answer_id,
        model=text_in(body.get("model")),
        created=created if type(created) is int else None,
        parts=tuple(parts),
        stop=read_stop(choice.get("finish_reason"), parts),
        usage=usage_of(body),
        service_tier=text_in(body.get("service_tier")) or None,
    )


def read_stop(reason: object, parts: list[Any]) -> Stop | None:
    """Why it ended; a server may say "stop" where it calls tools, and a refusal is told by its own field alone."""
    stop = _STOPS.get(text_in(reason))
    if stop == "end" and any(isinstance(part, ToolCall) for part in parts):
        return "tool_calls"
    if stop == "end" and any(isinstance(part, Declined) for part in parts):
        return "declined"
    if stop is None and text_in(reason):
        return "end"  # "eos", "stop_sequence" and other words of servers that speak this API nearly.
    return stop


def usage_of(body: Mapping[str, Any]) -> Usage | None:
    """The usage of an answer or a chunk; Groq and Moonshot have it elsewhere in a stream."""
    for holder in (body, object_in(body.get("x_groq")), *objects_in(body.get("choices"))):
        usage = object_in(holder.get("usage"))
        if usage:
            return read_usage(usage)[0]
    return None


def calls_of(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The calls of a message or a delta, the deprecated single one among them."""
    calls = objects_in(message.get("tool_calls"))
    single = object_in(message.get("function_call"))
    return [*calls, {"index": 0, "function": single}] if single else calls


def read_content(content: object, cited: tuple[dict[str, Any], ...] = ()) -> list[Text | Thought]:
    """Content as text, or as Mistral's parts, in which it thinks aloud."""
    if isinstance(content, str):
        return [Text(text=content, citations=cited)] if content else []
    found: list[Text | Thought] = []
    for part in objects_in(content):
        match part.get("type"):
            case "text" if text := text_in(part.get("text")):
                found.append(Text(text=text))
            case "thinking":
                found.append(
                    Thought(text="".join(text_in(piece.get("text")) for piece in objects_in(part.get("thinking"))))
                )
            case _:
                pass
    return found


def spoken(message: Mapping[str, Any]) -> str:
    """What an answer in sound says, in words; the sound itself cannot be asked for across APIs."""
    return text_in(object_in(message.get("audio")).get("transcript"))


def citations(message: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """The links that an answer is annotated with."""
    return tuple(note for note in objects_in(message.get("annotations")) if note.get("type") == "url_citation")


def _call(call: Mapping[str, Any], made_id: str, names: Spelling) -> ToolCall:
    function = object_in(call.get("function"))
    arguments = function.get("arguments")
    return ToolCall(
        id=text_in(call.get("id")) or made_id,
        name=names.back(text_in(function.get("name"))),
        arguments=arguments_of(arguments) or "{}",
        signature=thought_signature(call.get("extra_content")),
    )


def arguments_of(arguments: object) -> str:
    """The JSON text of a call's arguments; some servers give the object itself."""
    return text_in(arguments) or (json_text(given) if (given := object_in(arguments)) else "")


def _image(url: str) -> list[Media]:
    head, comma, data = url.partition(";base64,")
    if comma:
        return [Media(kind="image", media_type=head.removeprefix("data:"), data=data)]
    return [Media(kind="image", url=url)] if url else []


def write_answer(answer: Answer) -> dict[str, Any]:
    """The whole answer."""
    texts = [part for part in answer.parts if isinstance(part, Text)]
    calls = [part for part in answer.parts if isinstance(part, ToolCall)]
    refusals = [part.text for part in answer.parts if isinstance(part, Declined)]
    images = [part for part in answer.parts if isinstance(part, Media)]
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(text.text for text in texts) if texts or not (calls or refusals) else None,
        "refusal": "".join(refusals) or None,
        **written_thoughts(part for part in answer.parts if isinstance(part, Thought)),
    }
    if calls:
        message["tool_calls"] = [written_call(call) for call in calls]
    if notes := notes_of(texts):
        message["annotations"] = notes
    if images:
        message["images"] = [{"type": "image_url", "image_url": {"url": _url(image)}} for image in images]
    body: dict[str, Any] = {
        "id": answer.id,
        "object": "chat.completion",
        "created": answer.created or 0,
        "model": answer.model,
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": None,
                "finish_reason": written_stop(answer.stop, calls=bool(calls), refused=bool(refusals)),
            }
        ],
    }
    if answer.usage is not None:
        body["usage"] = chat_usage(answer.usage)
    if answer.service_tier is not None and answer.service_tier in ("auto", "default", "flex", "scale", "priority"):
        body["service_tier"] = answer.service_tier
    return body


def written_call(call: ToolCall) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments or "{}"},
    }
    if call.signature is not None and call.signature[0] == "google.generate":
        shown["extra_content"] = {"google": {"thought_signature": call.signature[1]}}
    return shown


def written_stop(stop: Stop | None, *, calls: bool, refused: bool) -> str:
    """The reason a client reads; where the provider gave none, what the answer shows."""
    if stop is None:
        return "tool_calls" if calls else "stop"
    return "stop" if stop == "declined" and refused else _REASONS[stop]


def notes_of(texts: list[Text]) -> list[dict[str, Any]]:
    """The links that are cited, at the place of the text that cites them."""
    notes: list[dict[str, Any]] = []
    start = 0
    for text in texts:
        end = start + len(text.text)
        for citation in text.citations:
            inner = object_in(citation.get("url_citation")) or citation
            url = text_in(inner.get("url")) or text_in(inner.get("uri"))
            if url:
                first, last = inner.get("start_index"), inner.get("end_index")
                link = {
                    "start_index": start + first if type(first) is int else start,
                    "end_index": start + last if type(last) is int else end,
                    "title": text_in(inner.get("title")),
                    "url": url,
                }
                notes.append({"type": "url_citation", "url_citation": link})
        start = end
    return notes


def _url(image: Media) -> str:
    return image.url or f"data:{image.media_type};base64,{image.data}"


def read_error(status: int, body: Mapping[str, Any]) -> Failed:
    """An error as OpenAI writes it, and as its copies do."""
    error = body.get("error")
    if isinstance(error, str):
        return Failed(error, status=status)
    found = object_in(error) or body
    detail = found.get("message") or found.get("detail") or found.get("error")
    code = found.get("code")
    # In the middle of a stream the status stands in the error: OpenRouter has it as the code, Groq by a name of its own.
    told = next(
        (value for value in (found.get("status_code"), code) if type(value) is int and 400 <= value <= 599), 500
    )
    real = status if status >= 400 else told
    message = detail if isinstance(detail, str) else json_text(detail) if detail else f"The provider answered {status}."
    return Failed(message, text_in(found.get("type")), str(code) if isinstance(code, str | int) else None, real)


def write_error(failed: Failed) -> dict[str, Any]:
    """The error as OpenAI's clients read it."""
    kind = _KINDS.get(failed.status or 500, "invalid_request_error" if (failed.status or 500) < 500 else "server_error")
    return {
        "error": {"message": failed.message, "type": kind, "param": None, "code": failed.code or failed.kind or None}
    }

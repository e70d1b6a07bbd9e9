"""Whole answers of Google's generateContent, read and written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tollway.providers.google_usage import report_of
from tollway.translate.conversation import Declined, Media, Text, Thought, ToolCall
from tollway.translate.fields import distinct, json_text, object_in, object_of_json, objects_in, text_in
from tollway.translate.google_generate_contents import Calls, signature_of, signed, told
from tollway.translate.media_types import kind_of
from tollway.translate.spelled import Spelling
from tollway.translate.told import Answer, Failed, Stop
from tollway.usage import Usage

_NUMBERED = {1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY", 4: "RECITATION", 5: "OTHER"}
"""google.ai.generativelanguage.Candidate.FinishReason, for answers with enumerations as numbers."""
_FILTERS = frozenset(
    {
        *("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR"),
        *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
    }
)
_WRITTEN: dict[Stop, str] = {
    "end": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "stop_sequence": "STOP",
    "filtered": "SAFETY",
    "declined": "SAFETY",
    "paused": "OTHER",
}
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}
_IN_WORDS = {"AUDIO": "input_audio_tokens", "IMAGE": "input_image_tokens", "VIDEO": "input_video_tokens"}
_OUT_WORDS = {"AUDIO": "output_audio_tokens", "IMAGE": "output_image_tokens"}

AnswerPart = Text | Thought | ToolCall | Declined | Media


def read(body: Mapping[str, Any], names: Spelling, calls: Calls) -> Answer:
    """What the first candidate says; parts of tools that Google ran are named in `lost`."""
    candidate = first_candidate(body)
    parts: list[AnswerPart] = []
    lost: list[str] = []
    for part in objects_in(object_in(candidate.get("content")).get("parts")):
        parts += read_part(part, names, calls, lost)
    lost += [name for name in ("groundingMetadata", "urlContextMetadata") if candidate.get(name)]
    _cite(parts, citations_of(candidate))
    reason = reason_of(body)
    stop = stop_of(reason, called=any(isinstance(part, ToolCall) for part in parts))
    if stop == "filtered" and reason is not None and reason not in _FILTERS:
        lost.append(f"finish_reason.{reason.lower()}")
    usage, tier = usage_of(body)
    return Answer(
        id=text_in(body.get("responseId")),
        model=text_in(body.get("modelVersion")),
        parts=tuple(parts),
        stop=stop,
        usage=usage,
        service_tier=tier,
        lost=distinct(lost),
    )


def read_part(part: Mapping[str, Any], names: Spelling, calls: Calls, lost: list[str]) -> list[AnswerPart]:
    """The parts of an answer that one of Google's stands for; none for what belongs to tools that Google ran."""
    signature = text_in(part.get("thoughtSignature")) or None
    if isinstance(part.get("functionCall"), dict):
        call = object_in(part.get("functionCall"))
        return [
            ToolCall(
                id=calls.take(text_in(call.get("id")) or None),
                name=names.back(text_in(call.get("name"))),
                arguments=json_text(object_in(call.get("args"))),
                signature=signed(signature),
            )
        ]
    if isinstance(part.get("inlineData"), dict):
        blob = object_in(part.get("inlineData"))
        media_type = text_in(blob.get("mimeType"))
        return [Media(kind=kind_of(media_type), media_type=media_type, data=text_in(blob.get("data")))]
    if isinstance(part.get("text"), str):
        return [*told(part["text"], thought=part.get("thought") is True, signature=signature)]
    lost += [name for name in part if name not in ("thoughtSignature", "thought")]
    return []


def citations_of(candidate: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the answer recites. Vertex and AI Studio have different names for it."""
    metadata = object_in(candidate.get("citationMetadata"))
    return objects_in(metadata.get("citationSources") or metadata.get("citations"))


def _cite(parts: list[AnswerPart], citations: list[dict[str, Any]]) -> None:
    """Citations are told of the whole answer; they are given to its last text."""
    for number in range(len(parts) - 1, -1, -1):
        part = parts[number]
        if isinstance(part, Text) and citations:
            parts[number] = Text(text=part.text, citations=tuple(citations))
            return


def first_candidate(body: Mapping[str, Any]) -> dict[str, Any]:
    """The one answer that was asked for; empty where there is none."""
    candidates = objects_in(body.get("candidates"))
    return candidates[0] if candidates else {}


def reason_of(body: Mapping[str, Any]) -> str | None:
    """The word that the answer ended with, or why the prompt was blocked."""
    candidate = first_candidate(body)
    reason = candidate.get("finishReason")
    if isinstance(reason, int):
        return _NUMBERED.get(reason, "OTHER") if reason else None
    if isinstance(reason, str) and reason != "FINISH_REASON_UNSPECIFIED":
        return reason
    return "SAFETY" if object_in(body.get("promptFeedback")).get("blockReason") else None


def stop_of(reason: str | None, *, called: bool) -> Stop | None:
    match reason:
        case None:
            return None
        case "STOP":
            return "tool_calls" if called else "end"
        case "FUNCTION_CALL" if called:
            # Not Google's own word, but that of servers that speak its API.
            return "tool_calls"
        case "MAX_TOKENS":
            return "length"
        case "CONTINUATION":
            return "paused"
        case _:
            # The provider, not the model, put an end to it: a filter, or a call that could not be read.
            return "filtered"


def usage_of(body: Mapping[str, Any], *, ended: bool = True) -> tuple[Usage | None, str | None]:
    """The counts, and the tier that was billed."""
    usage = object_in(body.get("usageMetadata"))
    report = report_of({}, usage, None, ended=ended)
    return report.usage, report.service_tier


def write(answer: Answer) -> dict[str, Any]:
    """A whole answer."""
    parts = [written for part in answer.parts for written in write_part(part)]
    citations = [one for part in answer.parts if isinstance(part, Text) for one in part.citations if is_own(one)]
    return chunk(
        parts,
        answer_id=answer.id,
        model=answer.model,
        stop=answer.stop,
        usage=answer.usage,
        citations=citations,
    )


def write_part(part: AnswerPart) -> list[dict[str, Any]]:
    match part:
        case Text() | Declined():
            return [{"text": part.text}] if part.text else []
        case Thought():
            written: dict[str, Any] = {"text": part.text}
            if part.text:
                written["thought"] = True
            if part.signature is not None:
                written["thoughtSignature"] = signature_of(part.signature)
            return [written] if len(written) > 1 else []
        case ToolCall():
            call: dict[str, Any] = {
                "functionCall": {"id": part.id, "name": part.name, "args": object_of_json(part.arguments)}
            }
            if part.signature is not None:
                call["thoughtSignature"] = signature_of(part.signature)
            return [call]
        case Media():
            return [{"inlineData": {"mimeType": part.media_type, "data": part.data}}] if part.data is not None else []


def is_own(citation: Mapping[str, Any]) -> bool:
    """Whether it is one of Google's, which have no type."""
    return "type" not in citation and "uri" in citation


def chunk(
    parts: list[dict[str, Any]],
    *,
    answer_id: str,
    model: str,
    stop: Stop | None = None,
    usage: Usage | None = None,
    citations: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """One answer, or a piece of a stream, which has the same shape."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}}
    if stop is not None:
        candidate["finishReason"] = _WRITTEN[stop]
    candidate["index"] = 0
    if citations:
        candidate["citationMetadata"] = {"citationSources": citations}
    written: dict[str, Any] = {"candidates": [candidate]}
    if usage is not None:
        written["usageMetadata"] = usage_in_words(usage)
    if model:
        written["modelVersion"] = model
    if answer_id:
        written["responseId"] = answer_id
    return written


def usage_in_words(usage: Usage) -> dict[str, Any]:
    """Google's counts: the candidates' do not have the thoughts in them, nor the prompt's what tools put into it."""
    counts = {
        "promptTokenCount": _less(usage.input_tokens, usage.tool_use_input_tokens),
        "candidatesTokenCount": _less(usage.output_tokens, usage.reasoning_output_tokens),
        "thoughtsTokenCount": usage.reasoning_output_tokens,
        "cachedContentTokenCount": usage.cache_read_input_tokens,
        "toolUsePromptTokenCount": usage.tool_use_input_tokens,
        "totalTokenCount": (usage.input_tokens or 0) + (usage.output_tokens or 0),
    }
    written: dict[str, Any] = {name: count for name, count in counts.items() if count is not None}
    for name, words in (("promptTokensDetails", _IN_WORDS), ("candidatesTokensDetails", _OUT_WORDS)):
        details = [
            {"modality": modality, "tokenCount": count}
            for modality, field in words.items()
            if (count := getattr(usage, field)) is not None
        ]
        if details:
            written[name] = details
    if usage.cache_read_audio_tokens is not None:
        written["cacheTokensDetails"] = [{"modality": "AUDIO", "tokenCount": usage.cache_read_audio_tokens}]
    return written


def _less(whole: int | None, part: int | None) -> int | None:
    return None if whole is None else max(0, whole - (part or 0))


def read_error(status: int, body: Mapping[str, Any]) -> Failed:
    """Google's error, as it stands in the body of an answer."""
    error = object_in(body.get("error"))
    code = error.get("code")
    return Failed(
        text_in(error.get("message")) or "The provider answered with an error, and did not say why.",
        text_in(error.get("status")),
        None,
        code if isinstance(code, int) and 400 <= code < 600 else status,
    )


def write_error(failed: Failed) -> dict[str, Any]:
    """An error as Google's clients read it: `status` is one of its own words, by the HTTP status."""
    status = failed.status or 500
    word = failed.kind if failed.kind in _STATUSES.values() else _STATUSES.get(status)
    if word is None:
        word = "INVALID_ARGUMENT" if status < 500 else "INTERNAL"
    return {"error": {"code": status, "message": failed.message, "status": word}}

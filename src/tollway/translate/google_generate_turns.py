"""Turns as the contents of Google's generateContent."""

from __future__ import annotations

from typing import Any

from tollway.translate.conversation import (
    Declined,
    Media,
    Part,
    Request,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Untranslatable,
)
from tollway.translate.fields import object_of_json
from tollway.translate.google_models import NO_SIGNATURE, gemini
from tollway.translate.media_types import type_of
from tollway.translate.spelled import Spelling


def write_contents(request: Request, names: Spelling, lost: list[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """The contents, and the texts of the system that stood amid them. Raises Untranslatable."""
    calls = {part.id: part for turn in request.turns for part in turn.parts if isinstance(part, ToolCall)}
    order = {call: number for number, call in enumerate(calls)}
    late: list[str] = []
    # All answers to parallel calls have to stand in one content, so whatever one side says in a row is one.
    said: list[tuple[str, list[tuple[Part, str]]]] = []
    for number, turn in enumerate(request.turns):
        if turn.name is not None:
            lost.append("name")
        if turn.role == "system":
            late += [part.text for part in turn.parts if isinstance(part, Text)]
            lost.append("system_position")
            continue
        role = "model" if turn.role == "assistant" else "user"
        placed = [(part, f"turns[{number}].parts[{place}]") for place, part in enumerate(turn.parts)]
        if said and said[-1][0] == role:
            said[-1][1].extend(placed)
        else:
            said.append((role, placed))
    contents: list[dict[str, Any]] = []
    for role, placed in said:
        parts = [
            written
            for part, where in _ordered(placed, order)
            for written in _write_part(part, where, calls, names, lost)
        ]
        if parts:
            contents.append({"role": role, "parts": parts})
    if gemini(request.model).signs:
        for content in contents:
            _sign(content, lost)
    return contents, late


def _ordered(placed: list[tuple[Part, str]], order: dict[str, int]) -> list[tuple[Part, str]]:
    """Results in the order of their calls: without ids it is what tells two calls of one function apart."""

    def turn_of(one: tuple[Part, str]) -> int:
        return order.get(one[0].id, len(order)) if isinstance(one[0], ToolResult) else len(order)

    waiting = iter(sorted((one for one in placed if isinstance(one[0], ToolResult)), key=turn_of))
    return [next(waiting) if isinstance(one[0], ToolResult) else one for one in placed]


def _write_part(
    part: Part, where: str, calls: dict[str, ToolCall], names: Spelling, lost: list[str]
) -> list[dict[str, Any]]:
    if isinstance(part, Text | Media | ToolCall | ToolResult) and part.cached is not None:
        lost.append("cache_control")
    match part:
        case Text():
            if part.citations:
                lost.append("citations")
            return [{"text": part.text}] if part.text else []
        case Declined():
            return [{"text": part.text}] if part.text else []
        case Media():
            return [_media(part, where, lost)]
        case ToolCall():
            called: dict[str, Any] = {
                "functionCall": {"name": names.out(part.name), "args": object_of_json(part.arguments)}
            }
            if part.signature is not None and part.signature[0] == "google.generate":
                called["thoughtSignature"] = part.signature[1]
            elif part.signature is not None:
                lost.append("thought_signature")
            return [called]
        case ToolResult():
            return [_result(part, where, calls, names, lost)]
        case Thought():
            return _thought(part, lost)


def _thought(part: Thought, lost: list[str]) -> list[dict[str, Any]]:
    if part.signature is None or part.signature[0] != "google.generate":
        lost.append("thinking")
        return []
    written: dict[str, Any] = {"text": part.text}
    if part.text:
        written["thought"] = True
    return [written | {"thoughtSignature": part.signature[1]}]


def _result(
    result: ToolResult, where: str, calls: dict[str, ToolCall], names: Spelling, lost: list[str]
) -> dict[str, Any]:
    call = calls.get(result.id)
    name = call.name if call is not None else result.name
    if name is None:
        raise Untranslatable(where, f'the result of "{result.id}" answers no call; give the call before it')
    texts = [part.text for part in result.parts if isinstance(part, Text)]
    key = "error" if result.failed else "output"
    response: dict[str, Any] = {"name": names.out(name), "response": {key: "\n".join(texts)}}
    media = [_media(part, where, lost) for part in result.parts if isinstance(part, Media)]
    if media:
        response["parts"] = media
    return {"functionResponse": response}


def _media(part: Media, where: str, lost: list[str]) -> dict[str, Any]:
    if part.detail not in (None, "auto"):
        lost.append("detail")
    if part.file_id is not None:
        raise Untranslatable(where, "a file that one provider keeps is unknown to another; send its content or a URL")
    media_type = part.media_type or type_of(part.name) or type_of(part.url)
    if not media_type:
        raise Untranslatable(
            where, "Gemini has to be told what type of file it is; send its content along, as a data URL"
        )
    if part.data is not None:
        return {"inlineData": {"mimeType": media_type, "data": part.data}}
    return {"fileData": {"mimeType": media_type, "fileUri": part.url}}


def _sign(content: dict[str, Any], lost: list[str]) -> None:
    """From Gemini 3 on the first call of each step must be signed, or the request is refused."""
    first = next((part for part in content["parts"] if "functionCall" in part), None)
    if content["role"] == "model" and first is not None and "thoughtSignature" not in first:
        first["thoughtSignature"] = NO_SIGNATURE
        lost.append("thought_signature")

"""Usage as OpenAI chat and Anthropic messages write it: the one counts inclusively, as `Usage` does, the other exclusively."""

from __future__ import annotations

from typing import Any

import msgspec

from tollway.usage import Usage


def merged(before: Usage | None, later: Usage | None) -> Usage | None:
    """Both reports of one stream: the later word wins, field by field."""
    if before is None or later is None:
        return later if before is None else before
    said = {name: value for name in later.__struct_fields__ if (value := getattr(later, name)) is not None}
    return msgspec.structs.replace(before, **said)


def chat_usage(usage: Usage) -> dict[str, Any]:
    """What OpenAI chat calls usage. A count that was not reported is left out, but for the three that every client reads."""
    prompt = _said(
        cached_tokens=usage.cache_read_input_tokens,
        cache_write_tokens=usage.cache_creation_input_tokens,
        audio_tokens=usage.input_audio_tokens,
        image_tokens=usage.input_image_tokens,
    )
    completion = _said(reasoning_tokens=usage.reasoning_output_tokens, audio_tokens=usage.output_audio_tokens)
    return {
        "prompt_tokens": usage.input_tokens or 0,
        "completion_tokens": usage.output_tokens or 0,
        "total_tokens": (usage.input_tokens or 0) + (usage.output_tokens or 0),
        **({"prompt_tokens_details": prompt} if prompt else {}),
        **({"completion_tokens_details": completion} if completion else {}),
    }


def anthropic_usage(usage: Usage | None) -> dict[str, Any]:
    """What Anthropic calls usage. Its two counts are always there, as its clients read them without asking."""
    usage = usage or Usage()
    fresh = usage.input_tokens or 0
    # Some routers tell the same tokens as read and as written; what is told here must add up to the input.
    read = _within(usage.cache_read_input_tokens, fresh)
    fresh -= read or 0
    written = _within(usage.cache_creation_input_tokens, fresh)
    shown: dict[str, Any] = {
        "input_tokens": fresh - (written or 0),
        **_said(cache_creation_input_tokens=written, cache_read_input_tokens=read),
        "output_tokens": usage.output_tokens or 0,
    }
    hour = usage.cache_creation_1h_input_tokens
    if written is not None and hour is not None:
        shown["cache_creation"] = {
            "ephemeral_5m_input_tokens": max(0, written - hour),
            "ephemeral_1h_input_tokens": min(hour, written),
        }
    if usage.reasoning_output_tokens is not None:
        shown["output_tokens_details"] = {"thinking_tokens": usage.reasoning_output_tokens}
    if usage.web_searches is not None:
        shown["server_tool_use"] = {"web_search_requests": usage.web_searches, "web_fetch_requests": 0}
    return shown


def _within(count: int | None, whole: int) -> int | None:
    return None if count is None else max(0, min(count, whole))


def _said(**counts: int | None) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count is not None}

"""Anthropic messages and its token count."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from tollway.providers.anthropic_usage import MessagesReader, read_answer, tier_at
from tollway.providers.body import (
    ABSENT,
    MAX_COUNT,
    Fields,
    Shape,
    Unfit,
    Unread,
    flag,
    name_at,
    object_at,
    whole_number,
)
from tollway.providers.codec import Headers, Malformed, Meter
from tollway.providers.inputs import Inputs, undated
from tollway.providers.media import ANTHROPIC
from tollway.providers.other_models import others_in
from tollway.providers.splice import lowered, spliced, values_of
from tollway.providers.stream import StreamMeter
from tollway.request import Api, Ask, Dialect
from tollway.usage import Report

_TEXT_BLOCKS = frozenset(
    [
        "text",
        "thinking",
        "redacted_thinking",
        "tool_use",
        "tool_result",
        "server_tool_use",
        "mcp_tool_use",
        "mcp_tool_result",
        "search_result",
        "web_search_result",
        "web_search_tool_result",
        "web_fetch_result",
        "web_fetch_tool_result",
        "code_execution_result",
        "code_execution_tool_result",
        "bash_code_execution_result",
        "bash_code_execution_tool_result",
        "text_editor_code_execution_tool_result",
        "tool_search_tool_result",
        "tool_search_tool_search_result",
        "tool_reference",
        "compaction",
        "content_block",
        "fallback",
        "web_search_tool_result_error",
        "web_fetch_tool_result_error",
    ]
)
_CLIENT_TOOLS = frozenset({"bash", "text_editor", "computer", "memory"})
_SEARCHING_TOOLS = ("tool_search_tool",)

_BUILT_IN_TOOL_TOKENS = 4096
"""A generous bound of a built-in tool's definition. The largest recorded is memory: 1,581 tokens with its prompt."""


class _CacheControl(msgspec.Struct, gc=False):
    ttl: str | None = None


class _Source(msgspec.Struct, gc=False):
    """Where an image or a document comes from."""

    type: str | None = None
    media_type: str | None = None
    data: msgspec.Raw = ABSENT
    content: list[_Element] | str | None = None


class _Element(msgspec.Struct, gc=False):
    """A message, a content block, a tool or a fallback."""

    type: str | None = None
    role: str | None = None
    content: list[_Element] | _Element | str | None = None
    source: _Source | str | None = None
    cache_control: _CacheControl | None = None
    model: msgspec.Raw = ABSENT


_shape = Shape(_Element)


class Messages:
    """`/v1/messages`."""

    __slots__ = ()

    api: Api = "anthropic.messages"
    dialect: Dialect = "anthropic"

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The fields that decide what the request may cost."""
        try:
            fields = _shape.open(body)
            inputs = Inputs(ANTHROPIC)
            for name in ("system", "messages"):
                _read_array(fields, name, inputs)
            _read_tools(fields, inputs)
            others = others_in(fields)
            cap = whole_number(fields, "max_tokens")
            fast = name_at(fields, "speed") == "fast"
            return Ask(
                model=name_at(fields, "model"),
                stream=flag(fields, "stream"),
                max_output_tokens=cap,
                unbounded=inputs.unbounded,
                media_parts=inputs.media_parts,
                media_tokens=inputs.media_tokens,
                media_bytes=inputs.media_bytes,
                messages=inputs.messages,
                paid_tools=tuple(inputs.paid_tools),
                service_tier=tier_at(
                    "fast" if fast else name_at(fields, "service_tier"), name_at(fields, "inference_geo")
                ),
                long_cache=inputs.long_cache or object_at(fields, "cache_control").get("ttl") == "1h",
                reasons=_reasons(fields),
                substitutes=others.substitutes,
                also_models=others.also_models,
                uncapped=others.uncapped,
                floor_output_tokens=_floor(fields, cap),
            )
        except Unfit as unfit:
            return unfit.malformed()

    def write_path(self, path: str, model: str) -> str:
        """`path` as it is: the body names the model."""
        return path

    def write_body(self, body: bytes, ask: Ask, *, model: str | None, cap: int | None, include_usage: bool) -> bytes:
        """`body` with the model and the cap (only ever lowered) written into it; a stream has its usage unasked."""
        changes: dict[str, object] = {}
        if model is not None:
            changes["model"] = model
        if cap is not None:
            given = values_of(body).get("max_tokens", msgspec.Raw(b"null"))
            if bytes(given) == b"null" or lowered(given, cap):
                changes["max_tokens"] = cap
        return spliced(body, changes)

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """What a whole answer reports."""
        return read_answer(body)

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter for one stream. There is no usage chunk to strip."""
        return StreamMeter(MessagesReader(), read_answer)


class CountTokens:
    """`/v1/messages/count_tokens`, which is free."""

    __slots__ = ()

    api: Api = "anthropic.count_tokens"
    dialect: Dialect = "anthropic"

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The model; nothing else matters where nothing is billed."""
        try:
            return Ask(model=name_at(_shape.open(body), "model"), floor_output_tokens=MAX_COUNT + 1)
        except Unfit as unfit:
            return unfit.malformed()

    def write_path(self, path: str, model: str) -> str:
        """`path` as it is: the body names the model."""
        return path

    def write_body(self, body: bytes, ask: Ask, *, model: str | None, cap: int | None, include_usage: bool) -> bytes:
        """`body` with the model written into it."""
        return spliced(body, {} if model is None else {"model": model})

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """Nothing: a count is not usage."""
        return Report()

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter, for completeness; a count is not streamed."""
        return StreamMeter(MessagesReader(), self.read_answer)


def _floor(fields: Fields, cap: int | None) -> int:
    """`max_tokens` has to stay above the thinking budget; a budget above it already (interleaved) cannot be cut."""
    thinking = object_at(fields, "thinking")
    if thinking.get("type") != "enabled":
        return 0
    budget = whole_number(thinking, "budget_tokens", shown_as="thinking.budget_tokens")
    if budget is None:
        return 0
    return budget + 1 if cap is None else min(budget + 1, cap)


def _reasons(fields: Fields) -> bool:
    return fields.get("thinking") is not None and object_at(fields, "thinking").get("type") != "disabled"


def _read_array(fields: Fields, name: str, inputs: Inputs) -> None:
    elements = fields.get(name)
    if isinstance(elements, Unread | dict):
        inputs.unsized(f"{name} of an unknown shape")
        inputs.long_cache = True
    elif isinstance(elements, list):
        _read_blocks(cast(list[Any], elements), inputs)


def _read_blocks(blocks: list[Any], inputs: Inputs) -> None:
    """Walks messages and blocks, without recursion: they may be nested as deep as the parser goes."""
    waiting = [blocks]
    while waiting:
        level = waiting.pop()
        inputs.messages += len(level)
        for block in level:
            if type(block) is not _Element:
                continue
            if type(block.content) is list:
                waiting.append(block.content)
            elif type(block.content) is _Element:
                waiting.append([block.content])
            if block.cache_control is not None and block.cache_control.ttl == "1h":
                inputs.long_cache = True
            if block.type == "text" or (block.type is None and block.role is not None):
                continue
            if type(block.source) is _Source:
                _read_source(block.type or "content", block.source, waiting, inputs)
            elif block.type not in _TEXT_BLOCKS:
                inputs.unsized(f"a content block of type {block.type}"[:80])


def _read_source(what: str, source: _Source, waiting: list[list[Any]], inputs: Inputs) -> None:
    match source.type:
        case "base64":
            inputs.inline(source.media_type or ("image/" if what == "image" else None), source.data)
        case "text":
            pass
        case "content":
            if type(source.content) is list:
                waiting.append(source.content)
        case "url":
            inputs.unsized(f"{what[:40]} by link")
        case _:
            inputs.unsized(f"{what[:40]} by id")


def _read_tools(fields: Fields, inputs: Inputs) -> None:
    if fields.get("mcp_servers"):
        inputs.paid("mcp")
    if fields.get("container") is not None:
        inputs.unsized("container")
    tools = fields.get("tools")
    if isinstance(tools, Unread):
        inputs.unsized("tools of an unknown shape")
        inputs.long_cache = True
    if not isinstance(tools, list):
        return
    inputs.tools(len(cast(list[Any], tools)))
    for tool in cast(list[Any], tools):
        if type(tool) is not _Element:
            continue
        if tool.cache_control is not None and tool.cache_control.ttl == "1h":
            inputs.long_cache = True
        if tool.type is None or tool.type == "custom":
            continue
        name = undated(tool.type)
        if name in _CLIENT_TOOLS or name.startswith(_SEARCHING_TOOLS):
            inputs.framing(_BUILT_IN_TOOL_TOKENS)
        else:
            inputs.paid("mcp" if name == "mcp_toolset" else name)

"""OpenAI responses (`/responses`) and its compaction (`/responses/compact`)."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from tollway.providers.answer import text, values
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
from tollway.providers.media import OPENAI
from tollway.providers.openai_responses_stream import ResponsesReader, report_of
from tollway.providers.other_models import others_in
from tollway.providers.splice import lowered, spliced, values_of
from tollway.providers.stream import StreamMeter
from tollway.request import Api, Ask, Dialect
from tollway.usage import Report

_STORED = ("previous_response_id", "conversation", "prompt")
_TEXT_PARTS = frozenset({"input_text", "output_text", "text", "refusal", "summary_text", "reasoning_text"})
_PLAIN_ITEMS = frozenset(
    [
        "message",
        "function_call",
        "function_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
        "local_shell_call",
        "local_shell_call_output",
        "shell_call",
        "shell_call_output",
        "apply_patch_call",
        "apply_patch_call_output",
        "computer_call",
        "computer_call_output",
        "mcp_call",
        "mcp_list_tools",
        "mcp_approval_request",
        "mcp_approval_response",
        "tool_search_call",
        "tool_search_output",
    ]
)
_SEALED_ITEMS = frozenset({"reasoning", "compaction", "compaction_summary"})
"""Items that carry their content encrypted, or, where it is left out, refer to what the provider has stored."""
_CLIENT_TOOLS = frozenset({"function", "custom", "namespace", "local_shell", "shell", "apply_patch", "tool_search"})
_TOOL_NAMES = {"code_interpreter": "code_execution", "computer_use": "computer"}


class _Part(msgspec.Struct, gc=False):
    type: str | None = None
    image_url: msgspec.Raw = ABSENT
    detail: msgspec.Raw = ABSENT
    file_id: msgspec.Raw = ABSENT
    file_url: msgspec.Raw = ABSENT
    file_data: msgspec.Raw = ABSENT
    input_audio: msgspec.Raw = ABSENT


class _Element(msgspec.Struct, gc=False):
    """An input item or a tool."""

    type: str | None = None
    id: msgspec.Raw = ABSENT
    content: list[_Part | str] | str | None = None
    output: list[_Part | str] | _Part | str | None = None
    encrypted_content: str | None = None
    result: msgspec.Raw = ABSENT
    model: msgspec.Raw = ABSENT
    tools: msgspec.Raw = ABSENT


_shape = Shape(_Element)


class Responses:
    """`/responses` and `/responses/compact`, which takes no cap: its floor is above every cap."""

    __slots__ = ()

    api: Api = "openai.responses"
    dialect: Dialect = "openai"

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The fields that decide what the request may cost."""
        try:
            fields = _shape.open(body)
            inputs = Inputs(OPENAI)
            for name in _STORED:
                if fields.get(name) is not None:
                    inputs.unsized(name)
            _read_input(fields, inputs)
            _read_tools(fields, inputs)
            stored = _read_prompt(fields, inputs)
            others = others_in(fields)
            return Ask(
                model=name_at(fields, "model"),
                stream=flag(fields, "stream"),
                max_output_tokens=whole_number(fields, "max_output_tokens"),
                unbounded=inputs.unbounded,
                media_parts=inputs.media_parts,
                media_tokens=inputs.media_tokens,
                media_bytes=inputs.media_bytes,
                messages=inputs.messages,
                paid_tools=tuple(inputs.paid_tools),
                service_tier=name_at(fields, "service_tier"),
                reasons=_reasons(fields),
                # What is made in the background goes on when its stream is closed.
                hides=bool(fields.get("background")),
                substitutes=others.substitutes,
                also_models=others.also_models,
                uncapped=others.uncapped or stored,
                floor_output_tokens=MAX_COUNT + 1 if path.rstrip("/").endswith("/compact") else 0,
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
        if cap is not None and ask.floor_output_tokens <= MAX_COUNT:
            given = values_of(body).get("max_output_tokens", msgspec.Raw(b"null"))
            if bytes(given) == b"null" or lowered(given, cap):
                changes["max_output_tokens"] = cap
        return spliced(body, changes)

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """What a whole answer reports."""
        return report_of(values(body))

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter for one stream. There is no usage chunk to strip."""
        return StreamMeter(ResponsesReader(), self.read_answer)


def _read_prompt(fields: Fields, inputs: Inputs) -> str | None:
    """A stored prompt may hold any of OpenAI's own tools, of which no request shows any: searches and code, which have a
    price for each call, and pictures, which have no bound."""
    if not _stored_prompt(fields):
        return None
    for tool in ("web_search", "file_search", "code_execution"):
        inputs.paid(tool)
    return "a stored prompt, which may hold tools,"


def _stored_prompt(fields: Fields) -> bool:
    prompt: object = fields.get("prompt")
    return prompt is not None and not isinstance(prompt, str)


def _reasons(fields: Fields) -> bool:
    if _stored_prompt(fields):
        # What it says of reasoning is not seen.
        return True
    return fields.get("reasoning") is not None and object_at(fields, "reasoning").get("effort") != "none"


def _read_input(fields: Fields, inputs: Inputs) -> None:
    items = fields.get("input")
    if isinstance(items, Unread):
        inputs.unsized("input of an unknown shape")
    if not isinstance(items, list):
        inputs.messages += 1
        return
    inputs.messages += len(cast(list[Any], items))
    for item in cast(list[Any], items):
        if type(item) is not _Element:
            continue
        if type(item.content) is list:
            _read_parts(item.content, inputs)
        if type(item.output) is list:
            _read_parts(item.output, inputs)
        elif type(item.output) is _Part:
            _read_parts([item.output], inputs)
        kind = item.type
        if kind in _PLAIN_ITEMS or (kind is None and item.content is not None):
            continue
        if kind in _SEALED_ITEMS:
            if not item.encrypted_content:
                inputs.unsized(f"a stored {kind} item")
        elif kind == "image_generation_call" and len(memoryview(item.result)) > len('""') and _given(item.result):
            inputs.inline("image/", item.result)
        else:
            inputs.unsized(kind[:60] if kind else "item_reference")


def _read_parts(parts: list[_Part | str], inputs: Inputs) -> None:
    inputs.messages += len(parts)
    for part in parts:
        if type(part) is not _Part or part.type in _TEXT_PARTS:
            continue
        if _given(part.file_id):
            inputs.unsized("a file by id")
        elif _given(part.file_url):
            inputs.unsized("a file by link")
        elif _given(part.image_url):
            inputs.link(part.image_url, "an image", part.detail)
        elif _given(part.file_data):
            inputs.unsized("a file")
        elif _given(part.input_audio):
            inputs.inline("audio/", values(part.input_audio).get("data", ABSENT))
        else:
            inputs.unsized(f"a content part of type {part.type}"[:80])


def _given(raw: msgspec.Raw) -> bool:
    return raw is not ABSENT and bytes(memoryview(raw)[:5]) != b"null"


def _read_tools(fields: Fields, inputs: Inputs) -> None:
    tools = fields.get("tools")
    if isinstance(tools, Unread):
        inputs.unsized("tools of an unknown shape")
    if not isinstance(tools, list):
        return
    inputs.tools(len(cast(list[Any], tools)))
    for tool in cast(list[Any], tools):
        if type(tool) is _Element and tool.type == "namespace":
            _check_namespace(tool.tools)
        elif type(tool) is _Element and tool.type is not None and tool.type not in _CLIENT_TOOLS:
            name = undated(tool.type)
            inputs.paid(_TOOL_NAMES.get(name, name))


_inner = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


def _check_namespace(tools: msgspec.Raw) -> None:
    """Raises Unfit where a namespace holds anything but the caller's own functions: what it costs would not be looked at."""
    if not _given(tools):
        return
    try:
        kinds = [text(tool.get("type")) for tool in _inner.decode(tools)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unfit("tools of a namespace is no array of tools.") from None
    other = next((kind for kind in kinds if kind not in ("function", "custom")), "function")
    if other != "function":
        raise Unfit(
            f'A namespace holds functions, and this one a tool of type "{(other or "")[:40]}"; put it among tools itself.'
        )

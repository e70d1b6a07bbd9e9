"""Google generateContent and streamGenerateContent, embeddings, and the token count.

Google reads every field under two spellings, `generationConfig` and `generation_config`. Elements with a field that is
not named here are of an unknown shape: a new kind of tool or part may fetch what the body does not show.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from tollway.providers.answer import text, values
from tollway.providers.body import (
    ABSENT,
    MAX_CHOICES,
    Fields,
    Shape,
    Unfit,
    Unread,
    name_at,
    object_at,
    object_of,
    one_of,
    whole_number,
)
from tollway.providers.codec import Headers, Malformed, Meter
from tollway.providers.counts import decoded
from tollway.providers.google_path import check_agrees, parted, with_model
from tollway.providers.google_usage import GenerateReader, read_answer
from tollway.providers.inputs import Inputs
from tollway.providers.media import GOOGLE
from tollway.providers.other_models import Others
from tollway.providers.splice import lowered, merged, spliced, values_of
from tollway.providers.stream import StreamMeter
from tollway.providers.token_count import TokenCount
from tollway.request import Api, Ask, Dialect
from tollway.usage import Report

_CONFIG = ("generationConfig", "generation_config")
_CAP = ("maxOutputTokens", "max_output_tokens")
_CHOICES = ("candidateCount", "candidate_count")

_CLIENT_TOOLS = frozenset({"functionDeclarations", "function_declarations"})
_TOOL_NAMES = {
    "googleSearch": "web_search",
    "google_search": "web_search",
    "googleSearchRetrieval": "web_search",
    "google_search_retrieval": "web_search",
    # No dearer than a search: Google, "Gemini Developer API pricing".
    "googleMaps": "web_search",
    "google_maps": "web_search",
    "urlContext": "web_fetch",
    "url_context": "web_fetch",
    "fileSearch": "file_search",
    "file_search": "file_search",
    "codeExecution": "code_execution",
    "code_execution": "code_execution",
    "computerUse": "computer",
    "computer_use": "computer",
    "mcpServers": "mcp",
    "mcp_servers": "mcp",
}


_PLAIN_PARTS = frozenset(
    [
        "text",
        "thought",
        "thoughtSignature",
        "thought_signature",
        "functionCall",
        "function_call",
        "executableCode",
        "executable_code",
        "codeExecutionResult",
        "code_execution_result",
        "toolCall",
        "tool_call",
        "toolResponse",
        "tool_response",
        "videoMetadata",
        "video_metadata",
        "mediaResolution",
        "media_resolution",
        "partMetadata",
        "part_metadata",
    ]
)
_RESOLUTIONS = ("mediaResolution", "media_resolution")
_FUNCTION_RESPONSES = ("functionResponse", "function_response")

_Part = dict[str, msgspec.Raw]
_Value = list[_Part] | _Part | str | int | float | bool | None
_shape = Shape(dict[str, _Value])
_parts = msgspec.json.Decoder(list[_Part])


class Generate:
    """`:generateContent` and `:streamGenerateContent`, streamed as events (`alt=sse`) or as a JSON array."""

    __slots__ = ()

    api: Api = "google.generate"
    dialect: Dialect = "google"

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The fields that decide what the request may cost. The model and the wish to stream stand in the path."""
        try:
            fields = _shape.open(body)
            inputs = Inputs(GOOGLE)
            if fields.get(one_of(fields, "cachedContent", "cached_content")) is not None:
                inputs.unsized("cachedContent")
            _read_system(fields, inputs)
            _read_contents(fields.get("contents"), inputs)
            read_tools(fields.get("tools"), inputs)
            config = object_at(fields, one_of(fields, *_CONFIG))
            thinking = one_of(config, "thinkingConfig", "thinking_config")
            cap, choices = one_of(config, *_CAP), one_of(config, *_CHOICES)
            parts = parted(path)
            check_agrees(fields.get("model"), query, parts.model if parts else None)
            others = _others_in(config)
            return Ask(
                model=parts.model if parts else None,
                stream=parts is not None and parts.method == "streamGenerateContent",
                max_output_tokens=whole_number(config, cap, shown_as=f"generationConfig.{cap}"),
                choices=whole_number(config, choices, MAX_CHOICES, f"generationConfig.{choices}") or 1,
                unbounded=inputs.unbounded,
                media_parts=inputs.media_parts,
                media_tokens=inputs.media_tokens,
                media_bytes=inputs.media_bytes,
                messages=inputs.messages,
                paid_tools=tuple(inputs.paid_tools),
                service_tier=name_at(fields, one_of(fields, "serviceTier", "service_tier")),
                reasons=config.get(thinking) is not None,
                substitutes=others.substitutes,
                also_models=others.also_models,
            )
        except Unfit as unfit:
            return unfit.malformed()

    def write_path(self, path: str, model: str) -> str:
        """`path` with the model's upstream name in it."""
        return with_model(path, model)

    def write_body(self, body: bytes, ask: Ask, *, model: str | None, cap: int | None, include_usage: bool) -> bytes:
        """`body` with the cap (only ever lowered) written into its `generationConfig`; the path names the model."""
        if cap is None:
            return body
        present = values_of(body)
        config = next((name for name in _CONFIG if name in present), _CONFIG[0])
        raw = present.get(config)
        inner = {} if raw is None or bytes(raw) == b"null" else values_of(raw)
        field = next((name for name in _CAP if name in inner), _CAP[0])
        given = inner.get(field, msgspec.Raw(b"null"))
        if bytes(given) != b"null" and not lowered(given, cap):
            return body
        return spliced(body, {config: merged(raw, field, cap)})

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """What a whole answer reports."""
        return read_answer(body)

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter for one stream. There is no usage chunk to strip."""
        return StreamMeter(GenerateReader(), read_answer, arrays=True)


class CountTokens(TokenCount):
    """`:countTokens`, which is free."""

    __slots__ = ()

    api: Api = "google.count_tokens"
    dialect: Dialect = "google"

    def model_in(self, path: str) -> str | None:
        """The model's name behind `models/`."""
        parts = parted(path)
        return parts.model if parts else None

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The model; a body that names one, itself or in the request that it counts, has to agree with the path."""
        ask = TokenCount.read_ask(self, path, query, content_type, body)
        if isinstance(ask, Malformed):
            return ask
        try:
            fields = object_of(body) or {}
            check_agrees(decoded(fields.get("model")), query, ask.model)
            counted = object_of(bytes(fields.get(_request_in(fields), b""))) or {}
            check_agrees(decoded(counted.get("model")), b"", ask.model)
        except Unfit as unfit:
            return unfit.malformed()
        return ask

    def write_path(self, path: str, model: str) -> str:
        """`path` with the model's upstream name in it."""
        return with_model(path, model)

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter, for completeness; a count is not streamed."""
        return StreamMeter(GenerateReader(), self.read_answer)


def _request_in(fields: Fields) -> str:
    return one_of(fields, "generateContentRequest", "generate_content_request")


def _others_in(config: Fields) -> Others:
    """What `generationConfig` says of other models: Vertex may be told to run another one, or to choose one itself."""
    found = Others()
    routing = config.get(one_of(config, "routingConfig", "routing_config"))
    if routing is not None or config.get(one_of(config, "modelConfig", "model_config")) is not None:
        found.substitutes = True
    if isinstance(routing, msgspec.Raw):
        inner = values(routing)
        for mode in ("manualMode", "manual_mode"):
            manual = values(inner.get(mode))
            for name in ("modelName", "model_name"):
                if name in manual:
                    found.named(decoded(manual[name]))
    return found


def _read_system(fields: Fields, inputs: Inputs) -> None:
    system = object_at(fields, one_of(fields, "systemInstruction", "system_instruction"))
    read_content(system.get("parts"), inputs)


def _read_contents(contents: object, inputs: Inputs) -> None:
    if isinstance(contents, Unread | dict):
        inputs.unsized("contents of an unknown shape")
    if not isinstance(contents, list):
        return
    known = cast(list[dict[str, _Value] | str | None], contents)
    inputs.messages += len(known)
    for content in known:
        if isinstance(content, dict):
            read_content(content.get("parts"), inputs)


def read_content(parts: object, inputs: Inputs, *, answered: bool = False) -> None:
    """Notes what the parts of one content hold. `parts` is decoded or not, an array or a single part.

    `answered`: they stand in what a function gave back, where no further answers of functions may stand.
    """
    if parts is None:
        return
    if isinstance(parts, msgspec.Raw):
        try:
            parts = [values_of(parts)] if bytes(parts).startswith(b"{") else _parts.decode(parts)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            parts = "?"
    if isinstance(parts, dict):
        parts = [cast(_Part, parts)]
    if not isinstance(parts, list):
        inputs.unsized("parts of an unknown shape")
        return
    known = cast(list[_Part], parts)
    inputs.messages += len(known)
    for part in known:
        if not _PLAIN_PARTS.issuperset(part):
            _read_part(part, inputs, answered=answered)


def _read_part(part: _Part, inputs: Inputs, *, answered: bool) -> None:
    for name, raw in part.items():
        if name in _RESOLUTIONS and values(raw).keys() - {"level"}:
            inputs.unsized("mediaResolution with its own number of tokens")
        elif name in _PLAIN_PARTS:
            continue
        elif name in ("inlineData", "inline_data"):
            _read_inline(raw, inputs)
        elif name in _FUNCTION_RESPONSES and not answered:
            # A function may give back media beside its text, as parts of its own.
            try:
                response = values_of(raw)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                inputs.unsized("a functionResponse of an unknown shape")
                continue
            read_content(response.get("parts"), inputs, answered=True)
        elif name in ("fileData", "file_data"):
            inputs.unsized("fileData")
        else:
            inputs.unsized(f"a part with {name}"[:80])


def _read_inline(raw: msgspec.Raw, inputs: Inputs) -> None:
    data = values(raw)
    # Google reads one of two spellings; both are noted, and the one that bounds less counts.
    for kind in [text(data[name]) for name in ("mimeType", "mime_type") if name in data] or [None]:
        inputs.inline(kind, data.get("data", ABSENT))


def read_tools(tools: object, inputs: Inputs) -> None:
    """Notes the tools of a request, each an object by whose names it is known."""
    if isinstance(tools, Unread | dict):
        inputs.unsized("tools of an unknown shape")
    if not isinstance(tools, list):
        return
    inputs.tools(len(cast(list[Any], tools)))
    for tool in cast(list[Any], tools):
        for name in cast(dict[str, object], tool) if isinstance(tool, dict) else ():
            if name not in _CLIENT_TOOLS:
                inputs.paid(_TOOL_NAMES.get(name, name))

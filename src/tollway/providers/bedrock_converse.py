"""Bedrock Converse and ConverseStream: one shape of messages for every model that can talk."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from tollway.providers.answer import text, values
from tollway.providers.anthropic_messages import Messages
from tollway.providers.bedrock_path import BedrockPath, is_router, is_stored_prompt, parted, with_model, without_region
from tollway.providers.bedrock_stream import ConverseReader, FrameMeter
from tollway.providers.bedrock_usage import GROUNDING, read_converse, tier_of
from tollway.providers.body import (
    MAX_CHOICES,
    MAX_NAME,
    Fields,
    Shape,
    Unfit,
    Unread,
    name_at,
    object_at,
    whole_number,
)
from tollway.providers.codec import Headers, Malformed, Meter
from tollway.providers.counts import decoded
from tollway.providers.inputs import Inputs
from tollway.providers.media import ANTHROPIC
from tollway.providers.splice import lowered, merged, spliced, values_of
from tollway.request import Api, Ask, Dialect
from tollway.usage import Report

_PLAIN_BLOCKS = frozenset(
    [
        "text",
        "json",
        "toolUse",
        "reasoningContent",
        "citationsContent",
        "searchResult",
        "toolAddition",
        "toolRemoval",
    ]
)
_TEXT_FORMATS = frozenset({"txt", "md", "csv", "html"})
"""Documents whose bytes are their text. The others are compressed, or pages that are read as pictures."""
_SYSTEM_TOOLS = {GROUNDING: "web_search", "nova_code_interpreter": "code_execution"}

_FIELDS = (
    "messages",
    "system",
    "inferenceConfig",
    "toolConfig",
    "additionalModelRequestFields",
    "promptVariables",
    "serviceTier",
    "performanceConfig",
)
CAPS = frozenset(
    [
        "maxTokens",
        "max_tokens",
        "max_new_tokens",
        "max_completion_tokens",
        "max_output_tokens",
        "max_tokens_to_sample",
        "max_gen_len",
        "maxTokenCount",
        "maxOutputTokens",
    ]
)
"""Every family's name for the cap."""
_CHOICES = ("n", "num_generations", "numResults", "num_results", "best_of")

_Part = dict[str, msgspec.Raw]
_Value = list[_Part] | _Part | str | int | float | bool | None
SHAPE = Shape(dict[str, _Value])
_parts = msgspec.json.Decoder(list[_Part])


class Converse:
    """`/model/{id}/converse` and `/model/{id}/converse-stream`."""

    __slots__ = ()

    api: Api = "bedrock.converse"
    dialect: Dialect = "bedrock"

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The fields that decide what the request may cost. The model and the wish to stream stand in the path."""
        try:
            fields = SHAPE.open(body)
            exactly_named(fields, _FIELDS)
            config = object_at(fields, "inferenceConfig")
            exactly_named(config, ("maxTokens",))
            cap = whole_number(config, "maxTokens", shown_as="inferenceConfig.maxTokens")
            return read_conversation(fields, parted(path), cap)
        except Unfit as unfit:
            return unfit.malformed()

    def write_path(self, path: str, model: str) -> str:
        """`path` with the model's upstream name in it."""
        return with_model(path, model)

    def write_body(self, body: bytes, ask: Ask, *, model: str | None, cap: int | None, include_usage: bool) -> bytes:
        """`body` with the cap (only ever lowered) written into its `inferenceConfig`; the path names the model."""
        return body if cap is None else with_cap(body, "inferenceConfig", ("maxTokens",), cap)

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """What a whole answer reports."""
        return read_converse(body)

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter for one stream. There is no usage chunk to strip."""
        return FrameMeter(ConverseReader(), read_converse)


def with_cap(body: bytes, within: str | None, names: tuple[str, ...], cap: int) -> bytes:
    """`body` with `cap` in place of a larger one, or as the first of `names` where there is none.

    `within` is the object that holds the field; `None` where it stands at the top.
    """
    present = values_of(body)
    outer = present.get(within) if within is not None else None
    given = present if within is None else {} if outer is None or bytes(outer) == b"null" else values_of(outer)
    used = [name for name in names if bytes(given.get(name, b"null")) != b"null"]
    changes = {name: cap for name in used or names[:1] if name not in used or lowered(given[name], cap)}
    if within is None or not changes:
        return spliced(body, changes)
    for name in changes:
        outer = merged(outer, name, cap)
    return spliced(body, {within: outer})


def exactly_named(fields: Fields, names: tuple[str, ...]) -> None:
    """Raises Unfit where a field is another spelling of one of `names`: a lenient parser might obey it."""
    folded = {name.casefold(): name for name in names}
    for field in fields:
        wanted = folded.get(field.casefold(), field)
        if wanted != field:
            raise Unfit(f"{field} is another spelling of {wanted}; write it so.")


def read_conversation(fields: Fields, parts: BedrockPath | None, cap: int | None) -> Ask | Malformed:
    """The Ask of a body in Converse's shape. Raises Unfit for what its API would not take."""
    model = parts.model_id if parts else None
    inputs = Inputs(ANTHROPIC if without_region(model or "").startswith("anthropic.") else None)
    if fields.get("promptVariables") is not None or (parts and is_stored_prompt(parts.model)):
        inputs.unsized("a stored prompt")
    _read_array(fields, "system", inputs, messages=False)
    _read_array(fields, "messages", inputs, messages=True)
    _read_tools(fields, inputs)
    extra = _read_additional(fields)
    if isinstance(extra, Malformed):
        return extra
    for tool in extra.paid_tools:
        inputs.paid(tool)
    if extra.unbounded is not None:
        inputs.unsized(extra.unbounded)
    tier = name_at(object_at(fields, "serviceTier"), "type") or extra.service_tier
    latency = name_at(object_at(fields, "performanceConfig"), "latency")
    return Ask(
        model=model,
        stream=parts is not None and parts.streams,
        max_output_tokens=cap,
        choices=extra.choices,
        unbounded=inputs.unbounded,
        media_parts=inputs.media_parts,
        media_tokens=inputs.media_tokens,
        media_bytes=inputs.media_bytes,
        messages=inputs.messages + extra.messages,
        paid_tools=tuple(inputs.paid_tools),
        service_tier=tier_of(tier, latency),
        long_cache=inputs.long_cache or extra.long_cache,
        reasons=extra.reasons,
        substitutes=extra.substitutes or (parts is not None and is_router(parts.model)),
        also_models=extra.also_models,
        uncapped=extra.uncapped,
        floor_output_tokens=extra.floor_output_tokens if cap is None else min(extra.floor_output_tokens, cap),
    )


def _read_additional(fields: Fields) -> Ask | Malformed:
    """What the model's own fields, passed on as they are, add: Claude's tools and thinking, other families' choices.

    Raises Unfit for a second cap, which a model might obey in place of the first.
    """
    where = "additionalModelRequestFields"
    given = object_at(fields, where)
    if not given:
        return Ask()
    nested = [(f"{where}.{name}", values(raw)) for name, raw in given.items() if isinstance(raw, msgspec.Raw)]
    for outer, inner in [(where, given), *nested]:
        # The schema of a tool may name its parameters as it likes.
        for name in () if outer.endswith((".tools", ".response_format")) else CAPS & inner.keys():
            raise Unfit(f"{outer}.{name} is another spelling of inferenceConfig.maxTokens; write it there.")
    choices = [whole_number(given, name, MAX_CHOICES, f"{where}.{name}") or 1 for name in _CHOICES]
    known = {name: value for name, value in given.items() if not isinstance(value, Unread)}
    unread = any(isinstance(given.get(name), Unread) for name in ("tools", "fallbacks"))
    claude = Messages().read_ask("", b"", b"", msgspec.json.encode(known))
    if isinstance(claude, Malformed):
        return Malformed(f"In {where}: {claude.message}")
    reasons = claude.reasons or any("reasoning" in name.lower() and _asked(value) for name, value in given.items())
    return msgspec.structs.replace(
        claude, choices=max(choices), reasons=reasons, substitutes=claude.substitutes or unread
    )


def _asked(value: object) -> bool:
    """Whether a wish for reasoning is one: an effort, or an object that does not say "disabled"."""
    if isinstance(value, msgspec.Raw):
        return text(values(value).get("type")) != "disabled"
    return value not in (None, False, "none", "disabled")


def _read_array(fields: Fields, name: str, inputs: Inputs, *, messages: bool) -> None:
    elements = fields.get(name)
    if isinstance(elements, Unread | dict):
        inputs.unsized(f"{name} of an unknown shape")
        inputs.long_cache = True
    if not isinstance(elements, list):
        return
    known = [cast(dict[str, Any], element) for element in cast(list[Any], elements) if isinstance(element, dict)]
    if not messages:
        read_blocks([_raw(element) for element in known], inputs)
        return
    inputs.messages += len(cast(list[Any], elements))
    for message in known:
        content = message.get("content")
        if isinstance(content, list):
            read_blocks(cast(list[_Part], content), inputs)
        elif content is not None and not isinstance(content, str):
            inputs.unsized("content of an unknown shape")


def _raw(element: dict[str, Any]) -> _Part:
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in element.items()}


def read_blocks(blocks: list[_Part], inputs: Inputs, *, answered: bool = False) -> None:
    """Notes what content blocks hold. `answered`: they stand in a tool's result, where no further result may stand."""
    inputs.messages += len(blocks)
    for block in blocks:
        if _PLAIN_BLOCKS.issuperset(block):
            continue
        for name, raw in block.items():
            _read_block(name, raw, inputs, answered=answered)


def _read_block(name: str, raw: msgspec.Raw, inputs: Inputs, *, answered: bool) -> None:
    match name:
        case _ if name in _PLAIN_BLOCKS or bytes(raw) == b"null":
            pass
        case "cachePoint":
            lifetime = text(values(raw).get("ttl"))
            inputs.long_cache = inputs.long_cache or lifetime not in (None, "5m")
        case "image" | "document" | "video" | "audio":
            _read_media(name, values(raw), inputs)
        case "guardContent":
            if "image" in (guarded := values(raw)):
                _read_media("image", values(guarded["image"]), inputs)
        case "toolResult" if not answered:
            try:
                read_blocks(_parts.decode(values(raw).get("content", b"[]")), inputs, answered=True)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                inputs.unsized("a toolResult of an unknown shape")
        case _:
            inputs.unsized(f"a content block with {name}"[:80])


def _read_media(what: str, media: dict[str, msgspec.Raw], inputs: Inputs) -> None:
    source = values(media.get("source"))
    if not source or not {"bytes", "text", "content"}.issuperset(source):
        inputs.unsized(f"{what} by link")
        return
    if "bytes" not in source:
        return
    kind = (text(media.get("format")) or "").lower()
    if what == "document":
        if kind not in _TEXT_FORMATS:
            inputs.inline("application/octet-stream")
    else:
        inputs.inline(f"{what}/{kind}", source["bytes"])


def _read_tools(fields: Fields, inputs: Inputs) -> None:
    config = object_at(fields, "toolConfig")
    exactly_named(config, ("tools",))
    raw = config.get("tools")
    if raw is None:
        return
    try:
        tools = _parts.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError):
        inputs.unsized("tools of an unknown shape")
        inputs.long_cache = True
        return
    inputs.tools(len(tools))
    for tool in tools:
        for name, value in tool.items():
            if name == "cachePoint":
                _read_block(name, value, inputs, answered=False)
            elif name == "systemTool":
                called = text(values(value).get("name")) or name
                inputs.paid(_SYSTEM_TOOLS.get(called, called[:MAX_NAME]))
            elif name != "toolSpec" and decoded(value) is not None:
                inputs.paid(name[:MAX_NAME])

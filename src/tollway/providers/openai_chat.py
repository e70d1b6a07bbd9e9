"""OpenAI chat completions and the legacy completions, which most other providers speak as well."""

from __future__ import annotations

import re
from typing import Any, Literal, cast

import msgspec

from tollway.providers.answer import values
from tollway.providers.body import (
    ABSENT,
    MAX_CHOICES,
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
from tollway.providers.counts import decoded
from tollway.providers.google_extras import read_extras
from tollway.providers.inputs import Inputs, undated
from tollway.providers.media import OPENAI
from tollway.providers.openai_answer import read_answer
from tollway.providers.openai_stream import ChatReader
from tollway.providers.other_models import others_in
from tollway.providers.splice import lowered, merged, spliced, values_of
from tollway.providers.stream import StreamMeter
from tollway.request import Api, Ask, Dialect
from tollway.usage import Report, Usage

_TEXT_PARTS = frozenset({"text", "refusal", "thinking", "reasoning", "input_text", "output_text"})
_CLIENT_TOOLS = frozenset({"function", "custom"})
_ALWAYS_SEARCHES = re.compile(r"-search-(?:preview|api)(?:-|$)")
"""gpt-4o-search-preview, gpt-5-search-api and their kin search before each answer, asked for or not."""


class _Part(msgspec.Struct, gc=False):
    """A content part; only what may hide its size."""

    type: str | None = None
    image_url: msgspec.Raw = ABSENT
    video_url: msgspec.Raw = ABSENT
    audio_url: msgspec.Raw = ABSENT
    input_audio: msgspec.Raw = ABSENT
    file: msgspec.Raw = ABSENT


class _Element(msgspec.Struct, gc=False):
    """An element of any top-level array: a message or a tool."""

    type: str | None = None
    content: list[_Part | str] | str | None = None
    audio: msgspec.Raw = ABSENT
    model: msgspec.Raw = ABSENT


_shape = Shape(_Element)


class Chat:
    """`/chat/completions`. `cap_field` is what a cap is called where the caller sent none."""

    __slots__ = ("_cap_field",)

    api: Api = "openai.chat"
    dialect: Dialect = "openai"

    def __init__(self, cap_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens") -> None:
        self._cap_field = cap_field

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The fields that decide what the request may cost."""
        try:
            fields = _shape.open(body)
            inputs = Inputs(OPENAI)
            _read_messages(fields, inputs)
            _read_tools(fields, inputs)
            others = others_in(fields)
            model = name_at(fields, "model")
            known = _read_searches(fields, model, inputs)
            extras = read_extras(fields, inputs)
            predicted = _predicted(fields)
            agent = name_at(fields, "agent_id") if path.rstrip("/").endswith("/agents/completions") else None
            if agent is not None and model is not None:
                raise Unfit("agent_id and model both say which model answers; send one.")
            caps = (whole_number(fields, "max_completion_tokens"), whole_number(fields, "max_tokens"))
            return Ask(
                model=model,
                stream=flag(fields, "stream"),
                # A server may obey either of the two, so the bound is the larger one.
                max_output_tokens=max((cap for cap in caps if cap is not None), default=None),
                choices=whole_number(fields, "n", MAX_CHOICES) or 1,
                include_usage=_wants_usage(fields),
                unbounded=inputs.unbounded,
                media_parts=inputs.media_parts,
                media_tokens=inputs.media_tokens,
                media_bytes=inputs.media_bytes,
                messages=inputs.messages,
                paid_tools=tuple(inputs.paid_tools),
                service_tier=name_at(fields, "service_tier"),
                reasons=extras.thinks or _reasons(fields),
                hides=predicted > 0,
                predicted_bytes=predicted,
                substitutes=agent is not None or others.substitutes,
                also_models=others.also_models,
                uncapped=others.uncapped or extras.uncapped,
                known=known,
            )
        except Unfit as unfit:
            return unfit.malformed()

    def write_path(self, path: str, model: str) -> str:
        """`path` as it is: the body names the model."""
        return path

    def write_body(self, body: bytes, ask: Ask, *, model: str | None, cap: int | None, include_usage: bool) -> bytes:
        """`body` with the model, the cap (only ever lowered) and the wish for a usage chunk written into it."""
        return _write(body, ("max_completion_tokens", "max_tokens"), self._cap_field, model, cap, include_usage)

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """What a whole answer reports."""
        return read_answer(body)

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter for one stream."""
        return StreamMeter(ChatReader(), read_answer, strip_usage=strip_usage)


class Completions:
    """`/completions`: text in, text out; a prompt may be a list of prompts, each answered `n` times."""

    __slots__ = ()

    api: Api = "openai.completions"
    dialect: Dialect = "openai"

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The fields that decide what the request may cost."""
        try:
            fields = _shape.open(body)
            inputs = Inputs()
            prompts = _prompts(fields, inputs)
            others = others_in(fields)
            predicted = _predicted(fields)
            # All of `best_of` are generated and billed, though only `n` are returned.
            each = max(whole_number(fields, "n", MAX_CHOICES) or 1, whole_number(fields, "best_of", MAX_CHOICES) or 1)
            return Ask(
                model=name_at(fields, "model"),
                stream=flag(fields, "stream"),
                max_output_tokens=whole_number(fields, "max_tokens"),
                choices=each * prompts,
                include_usage=_wants_usage(fields),
                unbounded=inputs.unbounded,
                messages=prompts,
                service_tier=name_at(fields, "service_tier"),
                reasons=_reasons(fields),
                hides=predicted > 0,
                predicted_bytes=predicted,
                substitutes=others.substitutes,
                also_models=others.also_models,
                uncapped=others.uncapped,
            )
        except Unfit as unfit:
            return unfit.malformed()

    def write_path(self, path: str, model: str) -> str:
        """`path` as it is: the body names the model."""
        return path

    def write_body(self, body: bytes, ask: Ask, *, model: str | None, cap: int | None, include_usage: bool) -> bytes:
        """`body` with the model, the cap (only ever lowered) and the wish for a usage chunk written into it."""
        return _write(body, ("max_tokens",), "max_tokens", model, cap, include_usage)

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """What a whole answer reports."""
        return read_answer(body)

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter for one stream."""
        return StreamMeter(ChatReader(), read_answer, strip_usage=strip_usage)


def _reasons(fields: Fields) -> bool:
    effort = fields.get("reasoning_effort")
    # `reasoning` is OpenRouter's, `thinking` what Anthropic and others take on this API.
    others = fields.get("reasoning") is not None or fields.get("thinking") is not None
    return effort not in (None, "none") or others


def _predicted(fields: Fields) -> int:
    """Bytes of a predicted output as they stand in the body: no fewer than its text has.

    OpenAI counts rejected tokens as completion tokens, also "for purposes of output limits", but takes no
    `max_completion_tokens` beside a prediction ("Predicted Outputs"). So nothing says that the cap of a request bounds them.
    """
    if fields.get("prediction") is None or not object_at(fields, "prediction"):
        return 0
    raws: dict[object, msgspec.Raw] = fields["prediction"]
    return sum(len(memoryview(raw)) for raw in raws.values())


def _read_messages(fields: Fields, inputs: Inputs) -> None:
    elements = fields.get("messages")
    if isinstance(elements, Unread | dict):
        inputs.unsized("messages of an unknown shape")
    if not isinstance(elements, list):
        return
    inputs.messages += len(cast(list[Any], elements))
    for element in cast(list[Any], elements):
        if type(element) is not _Element:
            continue
        if type(element.content) is list:
            inputs.messages += len(element.content)
            for part in element.content:
                if type(part) is _Part and part.type not in _TEXT_PARTS:
                    _read_part(part, inputs)
        if element.audio is not ABSENT and decoded(element.audio) is not None:
            inputs.unsized("an earlier answer's audio")


def _read_part(part: _Part, inputs: Inputs) -> None:
    sized = False
    for raw, what in ((part.image_url, "an image"), (part.video_url, "a video"), (part.audio_url, "audio")):
        if raw is not ABSENT:
            inputs.link(raw, what)
            sized = True
    if part.input_audio is not ABSENT:
        inputs.inline("audio/", values(part.input_audio).get("data", ABSENT))
        sized = True
    if part.file is not ABSENT:
        _read_file(part.file, inputs)
        sized = True
    if not sized:
        inputs.unsized(f"a content part of type {part.type}"[:80])


def _read_file(raw: msgspec.Raw, inputs: Inputs) -> None:
    file = decoded(raw)
    content = cast(dict[str, object], file).get("file_data") if isinstance(file, dict) else None
    if isinstance(content, str) and content[:4].lower() != "http":
        inputs.unsized("a file")
    else:
        inputs.unsized("a file by id")


def _read_tools(fields: Fields, inputs: Inputs) -> None:
    tools = fields.get("tools") or fields.get("functions")
    if isinstance(tools, Unread):
        inputs.unsized("tools of an unknown shape")
    if not isinstance(tools, list):
        return
    inputs.tools(len(cast(list[Any], tools)))
    for tool in cast(list[Any], tools):
        if type(tool) is _Element and tool.type is not None and tool.type not in _CLIENT_TOOLS:
            inputs.paid(undated(tool.type.rpartition(":")[2]))


def _read_searches(fields: Fields, model: str | None, inputs: Inputs) -> Usage | None:
    """Notes what searches without being a tool; the usage is the one search that OpenAI bills an answer and does not tell."""
    once = fields.get("web_search_options") is not None or (
        model is not None and "-search-" in model and _ALWAYS_SEARCHES.search(model) is not None
    )
    # Alibaba, Azure ("on your data"), and what SDKs call an extra body.
    others = fields.get("enable_search") or fields.get("data_sources") or fields.get("web_search")
    if once or others or _lives(fields):
        inputs.paid("web_search")
    return Usage(web_searches=1) if once else None


def _lives(fields: Fields) -> bool:
    """Whether xAI's live search is on: given at all, its mode is "auto"."""
    parameters: object = fields.get("search_parameters")
    if isinstance(parameters, dict):
        return object_at(fields, "search_parameters").get("mode") != "off"
    return parameters is not None


def _wants_usage(fields: Fields) -> bool:
    return flag(object_at(fields, "stream_options"), "include_usage", "stream_options.include_usage")


def _prompts(fields: Fields, inputs: Inputs) -> int:
    """How many prompts there are: a list of numbers is one prompt, already cut into tokens."""
    prompt = fields.get("prompt")
    if isinstance(prompt, Unread):
        inputs.unsized("prompt of an unknown shape")
    if not isinstance(prompt, list):
        return 1
    prompts = cast(list[Any], prompt)
    if all(type(entry) is int for entry in prompts):
        return 1
    if len(prompts) > MAX_COUNT // MAX_CHOICES:
        raise Unfit(f"prompt has {len(prompts):,} entries; send fewer at once.")
    return len(prompts)


def _write(
    body: bytes, caps: tuple[str, ...], new_cap: str, model: str | None, cap: int | None, include_usage: bool
) -> bytes:
    changes: dict[str, object] = {}
    if model is not None:
        changes["model"] = model
    if cap is not None or include_usage:
        present = values_of(body)
        if cap is not None:
            given = [field for field in caps if present.get(field) not in (None, msgspec.Raw(b"null"))]
            changes |= {
                field: cap for field in given or [new_cap] if field not in given or lowered(present[field], cap)
            }
        if include_usage:
            changes["stream_options"] = merged(present.get("stream_options"), "include_usage", True)
    return spliced(body, changes)

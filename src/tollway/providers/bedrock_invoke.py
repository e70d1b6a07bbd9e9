"""Bedrock InvokeModel and InvokeModelWithResponseStream, whose body is that of the model's family."""

from __future__ import annotations

import msgspec

from tollway.providers.anthropic_messages import Messages
from tollway.providers.bedrock_converse import SHAPE, read_conversation, with_cap
from tollway.providers.bedrock_events import InvokeReader
from tollway.providers.bedrock_families import (
    Family,
    cap_of,
    family_of,
    read_embed,
    read_images,
    read_rerank,
    read_text,
    reasoning_asked,
)
from tollway.providers.bedrock_path import BedrockPath, is_router, parted, with_model, without_region
from tollway.providers.bedrock_stream import FrameMeter
from tollway.providers.bedrock_usage import read_invoke
from tollway.providers.body import Fields, Unfit, name_at
from tollway.providers.codec import Headers, Malformed, Meter
from tollway.providers.openai_chat import Chat
from tollway.providers.splice import spliced, values_of
from tollway.request import Api, Ask, Dialect
from tollway.usage import Report

_NO_CAP = frozenset({"images", "embed", "rerank"})


class Invoke:
    """`/model/{id}/invoke` and `/model/{id}/invoke-with-response-stream`."""

    __slots__ = ()

    api: Api = "bedrock.invoke"
    dialect: Dialect = "bedrock"

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The fields that decide what the request may cost. The model and the wish to stream stand in the path."""
        parts = parted(path)
        if not body.strip() and parts is not None:
            # Nothing that a model could answer; Bedrock says what it misses.
            return Ask(model=parts.model_id, stream=parts.streams, unbounded="an empty body")
        try:
            fields = SHAPE.open(body)
            ask = _read(fields, parts, family_of(parts.model_id if parts else None, fields), body)
        except Unfit as unfit:
            return unfit.malformed()
        if isinstance(ask, Malformed) or parts is None:
            return ask
        return msgspec.structs.replace(
            ask,
            model=parts.model_id,
            stream=parts.streams,
            substitutes=ask.substitutes or is_router(parts.model),
        )

    def write_path(self, path: str, model: str) -> str:
        """`path` with the model's upstream name in it."""
        return with_model(path, model)

    def write_body(self, body: bytes, ask: Ask, *, model: str | None, cap: int | None, include_usage: bool) -> bytes:
        """`body` with the cap (only ever lowered) written into its family's own field.

        The path names the model; a body that repeats it has to agree.
        """
        if not body.strip():
            return body
        present = values_of(body)
        if model is not None and "model" in present:
            body = spliced(body, {"model": model})
        family = family_of(ask.model, present)
        if cap is None or family.shape in _NO_CAP or (family.shape == "unknown" and ask.max_output_tokens is None):
            return body
        return with_cap(body, family.within, family.caps, cap)

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """What a whole answer reports, in its body and in Bedrock's headers."""
        return read_invoke(body, headers)

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter for one stream of any family. There is no usage chunk to strip."""
        return FrameMeter(InvokeReader(), read_invoke)


def _read(fields: Fields, parts: BedrockPath | None, family: Family, body: bytes) -> Ask | Malformed:
    match family.shape:
        case "claude":
            return Messages().read_ask("", b"", b"", body)
        case "chat":
            named = name_at(fields, "model")
            if named is not None and parts is not None and without_region(named) != without_region(parts.model):
                raise Unfit(f"model is {named[:80]}, but the path names {parts.model_id[:80]}; send one of them.")
            cap_of(fields, family)
            return Chat().read_ask("", b"", b"", body)
        case "converse":
            ask = read_conversation(fields, parts, cap_of(fields, family))
            if isinstance(ask, Malformed):
                return ask
            return msgspec.structs.replace(ask, reasons=ask.reasons or reasoning_asked(fields))
        case "text" | "unknown":
            return read_text(fields, family)
        case "images":
            return read_images(fields)
        case "embed":
            return read_embed(fields)
        case "rerank":
            return read_rerank(fields)

"""Moderations: free at OpenAI, whose price list says so, and billed by the token at Mistral, whose answers tell them."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from tollway.providers.answer import text, values
from tollway.providers.body import ABSENT, MAX_COUNT, Shape, Unfit, Unread, name_at
from tollway.providers.codec import Headers, Malformed, Meter
from tollway.providers.counts import reported
from tollway.providers.inputs import Inputs
from tollway.providers.openai_stream import ChatReader
from tollway.providers.openai_usage import read_usage
from tollway.providers.splice import spliced
from tollway.providers.stream import StreamMeter
from tollway.request import Api, Ask, Dialect
from tollway.usage import Report


class _Element(msgspec.Struct, gc=False):
    """A text or an image to judge (OpenAI), or a message of a conversation (Mistral, `/chat/moderations`)."""

    type: str | None = None
    role: str | None = None
    image_url: msgspec.Raw = ABSENT


_shape = Shape(_Element)


class Moderations:
    """`/moderations` and `/chat/moderations`: input only, so there is nothing to cap."""

    __slots__ = ()

    api: Api = "openai.moderations"
    dialect: Dialect = "openai"

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The fields that decide what the request may cost."""
        try:
            fields = _shape.open(body)
            inputs = Inputs()
            given = fields.get("input")
            if isinstance(given, Unread | dict):
                inputs.unsized("input of an unknown shape")
            elements: list[Any] = cast(list[Any], given) if isinstance(given, list) else [given]
            inputs.messages = len(elements)
            for element in elements:
                if type(element) is _Element and element.image_url is not ABSENT:
                    inputs.link(element.image_url, "an image")
                elif isinstance(element, list):
                    # Mistral takes several conversations at once.
                    inputs.messages += len(cast(list[Any], element))
            return Ask(
                model=name_at(fields, "model"),
                unbounded=inputs.unbounded,
                media_parts=inputs.media_parts,
                media_tokens=inputs.media_tokens,
                media_bytes=inputs.media_bytes,
                messages=inputs.messages,
                floor_output_tokens=MAX_COUNT + 1,
            )
        except Unfit as unfit:
            return unfit.malformed()

    def write_path(self, path: str, model: str) -> str:
        """`path` as it is: the body names the model."""
        return path

    def write_body(self, body: bytes, ask: Ask, *, model: str | None, cap: int | None, include_usage: bool) -> bytes:
        """`body` with the model written into it."""
        return spliced(body, {} if model is None else {"model": model})

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """What a whole answer reports. A judgement has no billed output, so that count is zero, not unknown."""
        found = values(body)
        usage = reported(found.get("usage"))
        read, suspect = read_usage(usage) if usage else (None, None)
        if read is not None and read.output_tokens is None:
            read = msgspec.structs.replace(read, output_tokens=0)
        return Report(
            usage=read, response_model=text(found.get("model")), response_id=text(found.get("id")), suspect=suspect
        )

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter, for completeness; a judgement is not streamed."""
        return StreamMeter(ChatReader(), self.read_answer)

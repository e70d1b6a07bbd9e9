"""OpenAI embeddings, which Mistral, Voyage and local servers speak as well."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from tollway.providers.answer import text, values
from tollway.providers.body import Shape, Unfit, Unread, name_at
from tollway.providers.codec import Headers, Malformed, Meter
from tollway.providers.openai_stream import ChatReader
from tollway.providers.openai_usage import read_raw
from tollway.providers.other_models import substitutes
from tollway.providers.splice import spliced
from tollway.providers.stream import StreamMeter
from tollway.request import Api, Ask, Dialect
from tollway.usage import Report


class _Element(msgspec.Struct, gc=False):
    """An input that is an object: images, in models that embed them; OpenAI's own takes text and tokens only."""


_shape = Shape(_Element)


class Embeddings:
    """`/embeddings`: input only, so there is nothing to cap."""

    __slots__ = ()

    api: Api = "openai.embeddings"
    dialect: Dialect = "openai"

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The fields that decide what the request may cost."""
        try:
            fields = _shape.open(body)
            given = fields.get("input")
            elements = cast(list[Any], given) if isinstance(given, list) else []
            known = not isinstance(given, Unread | dict) and not any(type(entry) is _Element for entry in elements)
            return Ask(
                model=name_at(fields, "model"),
                unbounded=None if known else "input of an unknown shape",
                # A list of numbers is one text, already cut into tokens.
                messages=1 if all(type(entry) is int for entry in elements) else len(elements),
                service_tier=name_at(fields, "service_tier"),
                substitutes=substitutes(fields),
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
        """What a whole answer reports. An embedding has no output, so that count is zero, not unknown."""
        found = values(body)
        read = read_raw(found.get("usage"))
        usage = read.usage
        if usage is not None and usage.output_tokens is None:
            usage = msgspec.structs.replace(usage, output_tokens=0)
        return Report(
            usage=usage,
            response_model=text(found.get("model")),
            response_id=text(found.get("id")),
            suspect=read.suspect,
            stated_cost=read.stated_cost,
        )

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter, for a server that streams what is one answer here."""
        return StreamMeter(ChatReader(), self.read_answer)

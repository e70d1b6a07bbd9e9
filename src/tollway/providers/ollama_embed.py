"""Ollama's own `/api/embed`, and `/api/embeddings` before it, which reports nothing."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from tollway.providers.answer import values
from tollway.providers.body import Unfit, Unread, name_at
from tollway.providers.codec import Headers, Malformed, Meter
from tollway.providers.ndjson import LineMeter
from tollway.providers.ollama_chat import OllamaReader, opened, report_of
from tollway.providers.splice import spliced
from tollway.request import Api, Ask, Dialect
from tollway.usage import Report


class Embed:
    """`/api/embed` (an `input`, one or many) and `/api/embeddings` (a `prompt`)."""

    __slots__ = ()

    api: Api = "ollama.embed"
    dialect: Dialect = "ollama"

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The fields that decide what the request may cost."""
        try:
            fields = opened(body)
            given: object = fields.get("input")
            entries = cast(list[Any], given) if isinstance(given, list) else [given]
            odd = any(isinstance(entry, Unread | dict) for entry in entries)
            return Ask(
                model=name_at(fields, "model"),
                unbounded="input of an unknown shape" if odd else None,
                messages=len(entries),
            )
        except Unfit as unfit:
            return unfit.malformed()

    def write_path(self, path: str, model: str) -> str:
        """`path` as it is: the body names the model."""
        return path

    def write_body(self, body: bytes, ask: Ask, *, model: str | None, cap: int | None, include_usage: bool) -> bytes:
        """`body` with the model written into it; there is no output to cap."""
        return spliced(body, {} if model is None else {"model": model})

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """What a whole answer reports. `/api/embeddings` counts nothing, which is unknown and not zero."""
        read = report_of(values(body))
        return msgspec.structs.replace(read, finish_reason=None)

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter, for a server that streams what is one answer here."""
        return LineMeter(OllamaReader(), self.read_answer)

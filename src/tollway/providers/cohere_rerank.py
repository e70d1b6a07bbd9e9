"""Cohere's `/rerank` in both versions, billed by the search unit."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from tollway.providers.answer import values
from tollway.providers.body import Shape, Unfit, Unread, name_at
from tollway.providers.codec import Headers, Malformed, Meter
from tollway.providers.cohere_stream import CohereReader
from tollway.providers.cohere_usage import report_of
from tollway.providers.ndjson import LineMeter
from tollway.providers.spelling import refuse_other_spellings
from tollway.providers.splice import spliced
from tollway.request import Api, Ask, Dialect
from tollway.usage import Report, Usage

DOCUMENTS_PER_UNIT = 100
"""Cohere, "How Does Cohere's Pricing Work?": a search unit is one query with up to 100 documents."""

CHUNK_BYTES = 200
"""A document longer than 500 tokens together with the query counts once for each chunk (the same page; newer models take
longer ones whole). The query takes half of that at most, and a token is no less than a byte, so that no chunk but a
document's last has fewer bytes than this."""


def most_search_units(documents: int, body_bytes: int) -> int:
    """The most search units that ranking so many documents, in a body so long, is billed; never fewer than one.

    `documents` is `Ask.messages` of a rerank.
    """
    chunks = documents + body_bytes // CHUNK_BYTES
    return max(1, -(-chunks // DOCUMENTS_PER_UNIT))


class _Element(msgspec.Struct, gc=False):
    """A document that is an object: all of it is text."""


_shape = Shape(_Element)


class Rerank:
    """`/v1/rerank` and `/v2/rerank`."""

    __slots__ = ()

    api: Api = "cohere.rerank"
    dialect: Dialect = "cohere"

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The fields that decide what the request may cost; `messages` is the number of documents."""
        try:
            fields = _shape.open(body)
            refuse_other_spellings(fields, ("documents",))
            documents = fields.get("documents")
            unread = isinstance(documents, Unread | dict)
            number = len(cast(list[Any], documents)) if isinstance(documents, list) else 0
            return Ask(
                model=name_at(fields, "model"),
                unbounded="documents of an unknown shape" if unread else None,
                messages=number,
                known=None if unread else Usage(search_units=most_search_units(number, len(body))),
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
        """What a whole answer reports: its units, and no tokens where none are billed."""
        read = report_of(values(body))
        usage = read.usage
        if usage is None:
            return read
        return msgspec.structs.replace(
            read,
            usage=msgspec.structs.replace(
                usage, input_tokens=usage.input_tokens or 0, output_tokens=usage.output_tokens or 0
            ),
        )

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter, for a server that streams what is one answer here."""
        return LineMeter(CohereReader(), self.read_answer)

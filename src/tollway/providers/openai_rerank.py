"""Reranking as Voyage, Jina, Together, Mixedbread, DeepInfra and vLLM offer it, billed by the token.

The query is read once with each document, so that it counts as often as there are documents.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from typing import Any, cast

import msgspec

from tollway.money import DOLLAR, LARGEST
from tollway.providers import cohere_usage
from tollway.providers.answer import Values, text, values
from tollway.providers.body import ABSENT, Fields, Shape, Unfit, Unread, name_at
from tollway.providers.codec import Headers, Malformed, Meter
from tollway.providers.cohere_rerank import most_search_units
from tollway.providers.counts import decoded, reported
from tollway.providers.inputs import Inputs
from tollway.providers.openai_stream import ChatReader
from tollway.providers.openai_usage import read_usage
from tollway.providers.other_models import substitutes
from tollway.providers.splice import spliced
from tollway.providers.stream import StreamMeter
from tollway.request import Api, Ask, Dialect
from tollway.usage import Report, Usage

PAIR_TOKENS = 64
"""A generous bound of what a model puts around one query and document; Qwen3's reranker has the longest known, some 50."""


class _Element(msgspec.Struct, gc=False):
    """A document that is an object: text, unless it says otherwise."""

    image: msgspec.Raw = ABSENT
    image_url: msgspec.Raw = ABSENT
    url: msgspec.Raw = ABSENT
    content: msgspec.Raw = ABSENT


_shape = Shape(_Element)


class Rerank:
    """`/rerank`: input only, so there is nothing to cap."""

    __slots__ = ()

    api: Api = "openai.rerank"
    dialect: Dialect = "openai"

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The fields that decide what the request may cost."""
        try:
            fields = _shape.open(body)
            inputs = Inputs()
            documents = _read_documents(fields, inputs)
            inputs.framing((_query_bytes(fields, body, inputs) + PAIR_TOKENS) * documents)
            return Ask(
                model=name_at(fields, "model"),
                unbounded=inputs.unbounded,
                media_parts=inputs.media_parts,
                messages=inputs.messages,
                service_tier=name_at(fields, "service_tier"),
                substitutes=substitutes(fields),
                # For models that are billed by Cohere's units, wherever they are served.
                known=Usage(search_units=most_search_units(documents, len(body))) if inputs.unbounded is None else None,
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
        """What a whole answer reports. A ranking has no output, so that count is zero, not unknown.

        Its input is unknown where only search units are told, which a price by the token has nothing to do with.
        """
        found = values(body)
        read, suspect = None, None
        for block in (reported(found.get("usage")), reported(found.get("meta"))):
            if block is None or read is not None:
                continue
            if "billed_units" in block or "tokens" in block:
                read, suspect = cohere_usage.read_usage(block)
            else:
                usage, suspect = read_usage(block)
                read = usage if usage.input_tokens is not None or usage.output_tokens is not None else None
        status = reported(found.get("inference_status"))
        if read is None and status is not None:
            # DeepInfra's own shape.
            read, suspect = read_usage({"input_tokens": status.get("tokens_input")})
            read = read if read.input_tokens is not None else None
        if read is not None:
            read = msgspec.structs.replace(read, output_tokens=read.output_tokens or 0)
        return Report(
            usage=read,
            response_model=text(found.get("model")),
            response_id=text(found.get("id")) or text(found.get("request_id")),
            suspect=suspect,
            stated_cost=_stated_cost(found),
        )

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter, for a server that streams what is one answer here."""
        return StreamMeter(ChatReader(), self.read_answer)


def _stated_cost(found: Values) -> int | None:
    """The dollars at DeepInfra's `inference_status.cost`, as nanodollars rounded up; read as text, never as a float."""
    raw = values(found.get("inference_status")).get("cost")
    if raw is None:
        return None
    try:
        amount = (Decimal(bytes(raw).decode()) * DOLLAR).to_integral_value(ROUND_CEILING)
        return int(amount) if 0 <= amount <= LARGEST else None
    except (ArithmeticError, ValueError):
        return None


def _read_documents(fields: Fields, inputs: Inputs) -> int:
    """How many documents there are; none is as one."""
    documents: object = fields.get("documents", fields.get("input"))
    if isinstance(documents, Unread | dict):
        inputs.unsized("documents of an unknown shape")
    if not isinstance(documents, list):
        return 1
    entries = cast(list[Any], documents)
    for entry in entries:
        if type(entry) is _Element:
            _read_element(entry, inputs)
    return max(len(entries), 1)


def _read_element(element: _Element, inputs: Inputs) -> None:
    for raw in (element.image, element.image_url, element.url):
        if raw is not ABSENT:
            inputs.link(raw, "an image")
    if element.content is not ABSENT and not isinstance(decoded(element.content), str):
        inputs.unsized("a document of mixed content")


def _query_bytes(fields: Fields, body: bytes, inputs: Inputs) -> int:
    given: object = fields.get("query")
    if isinstance(given, str):
        return len(given.encode(errors="surrogatepass"))
    if given is not None:
        inputs.unsized("a query that is not text")
    return len(body)

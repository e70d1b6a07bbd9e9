"""Claude on Vertex: Anthropic's messages, with the model and the wish to stream in the path.

`…/publishers/anthropic/models/claude-sonnet-4@20250514:streamRawPredict`. The model "count-tokens" is a token count,
which is free; its body names the model that it counts for.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

import msgspec

from tollway.providers.anthropic_messages import CountTokens, Messages
from tollway.providers.body import Unfit
from tollway.providers.codec import Headers, Malformed, Meter
from tollway.providers.google_path import check_agrees, parted, with_model
from tollway.providers.splice import spliced, values_of
from tollway.request import Api, Ask, Dialect
from tollway.usage import Report

_COUNT = "count-tokens"
_VERTEX = re.compile(r"(?:.*/)?publishers/anthropic/models/[^/]+:(?:rawPredict|streamRawPredict)")
# Exact, as it decides what is free.
_FREE = re.compile(
    r"(?:/v\d\w*)?(?:/projects/[^/]+/locations/[^/]+)?/publishers/anthropic/models/count-tokens:rawPredict"
)

_messages = Messages()
_counting = CountTokens()


def speaks(path: str) -> bool:
    """Whether a POST to `path` of Google's is a call of Claude's."""
    return _VERTEX.fullmatch(unquote(path)) is not None


def counts_only(path: str) -> bool:
    """Whether a POST to `path` is a token count, which costs nothing."""
    return _FREE.fullmatch(unquote(path)) is not None


class Vertex:
    """`:rawPredict` and `:streamRawPredict` of Anthropic's models."""

    __slots__ = ()

    api: Api = "anthropic.vertex"
    dialect: Dialect = "anthropic"

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The fields that decide what the request may cost. A body that names a model has to agree with the path."""
        parts = parted(path)
        if parts is not None and parts.model == _COUNT:
            return _counting.read_ask(path, query, content_type, body)
        ask = _messages.read_ask(path, query, content_type, body)
        if isinstance(ask, Malformed) or parts is None:
            return ask
        try:
            check_agrees(ask.model, query, parts.model)
        except Unfit as unfit:
            return unfit.malformed()
        return msgspec.structs.replace(
            ask, model=parts.model, stream=ask.stream or parts.method.casefold() == "streamrawpredict"
        )

    def write_path(self, path: str, model: str) -> str:
        """`path` with the model's upstream name in it; a token count's has none."""
        parts = parted(path)
        return path if parts is not None and parts.model == _COUNT else with_model(path, model)

    def write_body(self, body: bytes, ask: Ask, *, model: str | None, cap: int | None, include_usage: bool) -> bytes:
        """`body` with the cap (only ever lowered) written into it, and the model where it names one."""
        body = _messages.write_body(body, ask, model=None, cap=cap, include_usage=include_usage)
        if model is None or "model" not in values_of(body):
            return body
        return spliced(body, {"model": model})

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """What a whole answer reports. A token count has no usage."""
        return _messages.read_answer(body, headers)

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter for one stream. There is no usage chunk to strip."""
        return _messages.meter(strip_usage=strip_usage)

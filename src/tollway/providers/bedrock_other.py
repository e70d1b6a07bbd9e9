"""Bedrock's token count, and every other path: guardrails, agents, jobs whose cost no answer shows."""

from __future__ import annotations

from tollway.providers.bedrock_events import InvokeReader
from tollway.providers.bedrock_path import parted, with_model
from tollway.providers.bedrock_stream import FrameMeter
from tollway.providers.bedrock_usage import read_invoke
from tollway.providers.body import MAX_COUNT
from tollway.providers.codec import Headers, Malformed, Meter
from tollway.providers.token_count import TokenCount
from tollway.request import Api, Ask, Dialect
from tollway.usage import Report

_UNKNOWN_COST = "a call whose cost only its answer shows"
_SESSION = "invoke-with-bidirectional-stream"


class CountTokens(TokenCount):
    """`/model/{id}/count-tokens`, which is free."""

    __slots__ = ()

    api: Api = "bedrock.count_tokens"
    dialect: Dialect = "bedrock"

    def model_in(self, path: str) -> str | None:
        """The model's id, decoded."""
        parts = parted(path)
        return parts.model_id if parts else None

    def write_path(self, path: str, model: str) -> str:
        """`path` with the model's upstream name in it."""
        return with_model(path, model)

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter, for completeness; a count is not streamed."""
        return FrameMeter(InvokeReader(), self.read_answer)


class Other:
    """The codec of `bedrock.other`: nothing is known beforehand, and only a model in the path is ever changed."""

    __slots__ = ()

    api: Api = "bedrock.other"
    dialect: Dialect = "bedrock"

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The model of the path. A job (`/async-invoke`) or a session is of any length and has none that prices it."""
        parts = parted(path)
        return Ask(
            model=parts.model_id if parts and parts.action != _SESSION else None,
            unbounded=_UNKNOWN_COST,
            floor_output_tokens=MAX_COUNT + 1,
        )

    def write_path(self, path: str, model: str) -> str:
        """`path` with the model's upstream name in it, where it names one."""
        return with_model(path, model)

    def write_body(self, body: bytes, ask: Ask, *, model: str | None, cap: int | None, include_usage: bool) -> bytes:
        """`body` as it is."""
        return body

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """What a whole answer reports, in whichever of the known shapes."""
        return read_invoke(body, headers)

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter for one stream, or for bytes that are none."""
        return FrameMeter(InvokeReader(), read_invoke)

"""What the token counts of APIs that name the model in the path have in common: nothing of them is billed."""

from __future__ import annotations

from typing import Protocol

from tollway.providers.body import MAX_COUNT
from tollway.providers.codec import Headers, Malformed
from tollway.request import Ask
from tollway.usage import Report


class TokenCount(Protocol):
    """The part of a codec that is the same whatever the path looks like."""

    __slots__ = ()

    def model_in(self, path: str) -> str | None:
        """The model that the path names."""
        ...

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The model; nothing else matters where nothing is billed."""
        return Ask(model=self.model_in(path), floor_output_tokens=MAX_COUNT + 1)

    def write_body(self, body: bytes, ask: Ask, *, model: str | None, cap: int | None, include_usage: bool) -> bytes:
        """`body` as it is."""
        return body

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """Nothing: a count is not usage."""
        return Report()

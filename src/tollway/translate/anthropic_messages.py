"""Anthropic's messages: requests, answers and streams, to and from the neutral form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tollway.translate import anthropic_messages_answer, anthropic_messages_request, anthropic_messages_written
from tollway.translate.anthropic_messages_events import MessagesWriter
from tollway.translate.anthropic_messages_stream import MessagesReader
from tollway.translate.codec import StreamReader, StreamWriter, Written
from tollway.translate.conversation import Request
from tollway.translate.spelled import Spelling
from tollway.translate.told import Answer, Failed

_LONGEST_NAME = 64
"""The models of all platforms take it; Anthropic's own takes 128."""


class Messages:
    """The codec of "anthropic.messages" for one request: as the provider's, it remembers how names were spelled."""

    __slots__ = ("_names",)

    def __init__(self) -> None:
        self._names = Spelling(_LONGEST_NAME)

    def read_request(self, body: Mapping[str, Any], *, model: str | None, stream: bool) -> Request:
        """The path says neither in this API. Raises Untranslatable and Malformed."""
        return anthropic_messages_request.read_request(body)

    def write_request(self, request: Request, *, max_tokens: int | None) -> Written:
        """`max_tokens`: the cap where the caller named none, for this API must have one. Raises Untranslatable."""
        body, lost = anthropic_messages_written.write_request(request, self._names, max_tokens=max_tokens)
        return Written(body=body, lost=lost)

    def read_answer(self, body: Mapping[str, Any]) -> Answer:
        return anthropic_messages_answer.read_answer(body, self._names)

    def write_answer(self, answer: Answer, request: Request) -> dict[str, Any]:
        return anthropic_messages_answer.write_answer(answer)

    def read_error(self, status: int, body: Mapping[str, Any]) -> Failed:
        return anthropic_messages_answer.read_error(status, body)

    def write_error(self, failed: Failed) -> dict[str, Any]:
        return anthropic_messages_answer.write_error(failed)

    def stream_reader(self) -> StreamReader:
        return MessagesReader(self._names)

    def stream_writer(self, request: Request) -> StreamWriter:
        return MessagesWriter()

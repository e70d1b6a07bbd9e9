"""OpenAI's chat completions: requests, answers and streams, to and from the neutral form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tollway.translate import openai_chat_answer, openai_chat_request, openai_chat_written
from tollway.translate.codec import StreamReader, StreamWriter, Written
from tollway.translate.conversation import Request
from tollway.translate.openai_chat_chunks import ChatWriter
from tollway.translate.openai_chat_stream import ChatReader
from tollway.translate.spelled import Spelling
from tollway.translate.told import Answer, Failed

_LONGEST_NAME = 64
"""OpenAI's reference of `tools`."""


class Chat:
    """The codec of "openai.chat" for one request: as the provider's, it remembers how names were spelled."""

    __slots__ = ("_names",)

    def __init__(self) -> None:
        self._names = Spelling(_LONGEST_NAME)

    def read_request(self, body: Mapping[str, Any], *, model: str | None, stream: bool) -> Request:
        """The path says neither in this API. Raises Untranslatable and Malformed."""
        return openai_chat_request.read_request(body)

    def write_request(self, request: Request, *, max_tokens: int | None) -> Written:
        """This API needs no cap, so none is made up. Raises Untranslatable."""
        body, lost = openai_chat_written.write_request(request, self._names)
        return Written(body=body, lost=lost)

    def read_answer(self, body: Mapping[str, Any]) -> Answer:
        return openai_chat_answer.read_answer(body, self._names)

    def write_answer(self, answer: Answer, request: Request) -> dict[str, Any]:
        return openai_chat_answer.write_answer(answer)

    def read_error(self, status: int, body: Mapping[str, Any]) -> Failed:
        return openai_chat_answer.read_error(status, body)

    def write_error(self, failed: Failed) -> dict[str, Any]:
        return openai_chat_answer.write_error(failed)

    def stream_reader(self) -> StreamReader:
        return ChatReader(self._names)

    def stream_writer(self, request: Request) -> StreamWriter:
        return ChatWriter(request)

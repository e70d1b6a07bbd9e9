"""Google's generateContent and streamGenerateContent, as one of the APIs that are translated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tollway.translate import google_generate_answer as answers
from tollway.translate import google_generate_asked as asked
from tollway.translate import google_generate_written as requests
from tollway.translate.codec import Written
from tollway.translate.conversation import Request, ToolCall
from tollway.translate.google_generate_contents import Calls
from tollway.translate.google_generate_stream import Reader, Writer
from tollway.translate.spelled import Spelling
from tollway.translate.told import Answer, Failed

_LONGEST_NAME = 64


class Generate:
    """One request of the API: it remembers how names were spelled, and which calls the conversation has."""

    __slots__ = ("_called", "_names")

    def __init__(self) -> None:
        self._names = Spelling(_LONGEST_NAME)
        self._called: tuple[str, ...] = ()

    def read_request(self, body: Mapping[str, Any], *, model: str | None, stream: bool) -> Request:
        """Both spellings of Google's fields are read. Raises Untranslatable, and Malformed."""
        return asked.read(body, model=model, stream=stream)

    def write_request(self, request: Request, *, max_tokens: int | None) -> Written:
        """`max_tokens` is not used: the API needs no cap, and one may cut the answer. Raises Untranslatable."""
        self._called = tuple(part.id for turn in request.turns for part in turn.parts if isinstance(part, ToolCall))
        return requests.write(request, self._names)

    def read_answer(self, body: Mapping[str, Any]) -> Answer:
        return answers.read(body, self._names, Calls(self._called))

    def write_answer(self, answer: Answer, request: Request) -> dict[str, Any]:
        if answer.failed is not None:
            return answers.write_error(answer.failed)
        written = answers.write(answer)
        return written if answer.model else {**written, "modelVersion": request.model}

    def read_error(self, status: int, body: Mapping[str, Any]) -> Failed:
        return answers.read_error(status, body)

    def write_error(self, failed: Failed) -> dict[str, Any]:
        return answers.write_error(failed)

    def stream_reader(self) -> Reader:
        return Reader(self._names, Calls(self._called))

    def stream_writer(self, request: Request) -> Writer:
        return Writer(request)

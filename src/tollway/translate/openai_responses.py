"""OpenAI's Responses, as one of the APIs that are translated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tollway.translate import openai_responses_answer as answers
from tollway.translate import openai_responses_written as requests
from tollway.translate.codec import Written
from tollway.translate.conversation import Request
from tollway.translate.fields import object_in
from tollway.translate.openai_responses_asked import Asked
from tollway.translate.openai_responses_events import Writer
from tollway.translate.openai_responses_response import write as written_response
from tollway.translate.openai_responses_stream import Reader, failed_in
from tollway.translate.spelled import Spelling
from tollway.translate.told import Answer, Failed

_LONGEST_NAME = 64
_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


class Responses:
    """One request of the API: as the caller's, it remembers what was asked; as the provider's, how names were spelled."""

    __slots__ = ("_asked", "_names")

    def __init__(self) -> None:
        self._asked = Asked()
        self._names = Spelling(_LONGEST_NAME)

    def forget(self) -> None:
        """Lets go of the conversation: an answer repeats everything of the request but that."""
        self._asked.body = {name: value for name, value in self._asked.body.items() if name != "input"}

    def read_request(self, body: Mapping[str, Any], *, model: str | None, stream: bool) -> Request:
        """Custom tools become functions with one text, `input`. Raises Untranslatable, and Malformed."""
        return self._asked.read(body, model=model, stream=stream)

    def write_request(self, request: Request, *, max_tokens: int | None) -> Written:
        """`max_tokens` is not used: the API needs no cap, and one may cut the answer. Raises Untranslatable."""
        return requests.write(request, self._names)

    def read_answer(self, body: Mapping[str, Any]) -> Answer:
        return answers.read(body, self._names)

    def write_answer(self, answer: Answer, request: Request) -> dict[str, Any]:
        written = written_response(answer, self._asked)
        return written if answer.model else {**written, "model": request.model}

    def read_error(self, status: int, body: Mapping[str, Any]) -> Failed:
        error = body.get("error")
        return failed_in({"message": error} if isinstance(error, str) else object_in(error), status)

    def write_error(self, failed: Failed) -> dict[str, Any]:
        kind = _KINDS.get(failed.status or 500) or ("server_error" if (failed.status or 500) >= 500 else _KINDS[400])
        return {"error": {"message": failed.message, "type": failed.kind or kind, "param": None, "code": failed.code}}

    def stream_reader(self) -> Reader:
        return Reader(self._names)

    def stream_writer(self, request: Request) -> Writer:
        return Writer(self._asked, request)

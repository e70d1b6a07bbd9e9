"""An error that a provider calls an answer: a body with status 200 (OpenRouter documents it), or a stream of nothing else.

Nothing was made, so nothing is billed. What cannot be read is no such error: nobody knows what it is.
"""

from __future__ import annotations

import msgspec

from tollway.providers.answer import Values, values
from tollway.providers.gathered_error import failed, status_told
from tollway.providers.openai_stream import FRAMING_BYTES
from tollway.providers.sse import Events, Objects, data_of
from tollway.providers.weight import is_heavy
from tollway.request import Api
from tollway.usage import Report

UNTOLD = 502
"""The status of an error that tells none."""
LONGEST_OPENING = 8 * 1024
"""Bytes of a stream in which it has to have said what went wrong."""

# Not what works on in the background, where "error" is a field of a job, nor paths that nobody here knows.
_APIS: frozenset[Api] = frozenset(
    {
        "openai.chat",
        "openai.responses",
        "openai.completions",
        "openai.embeddings",
        "openai.images",
        "openai.speech",
        "openai.transcription",
        "openai.moderations",
        "openai.rerank",
        "openai.ocr",
        "anthropic.messages",
        "anthropic.vertex",
        "google.generate",
        "google.embed",
        "cohere.chat",
        "cohere.embed",
        "cohere.rerank",
        "ollama.chat",
        "ollama.generate",
        "ollama.embed",
    }
)
_ANSWERS = frozenset(
    {
        "audio",
        "candidates",
        "choices",
        "content",
        "data",
        "embedding",
        "embeddings",
        "generations",
        "images",
        "job",
        "jsonrpc",
        "output",
        "outputs",
        "pages",
        "predictions",
        "response",
        "result",
        "results",
        "status",
        "text",
    }
)
"""What a body with an answer, or of a job, has. One that has an error beside it may well be billed."""
_USAGES = ("usage", "usageMetadata", "meta")
_NULL = b"null"


def error_of(api: Api, body: bytes, report: Report) -> int | None:
    """The HTTP status of the error that a whole answer is; `None` where it is none, or may be more than one.

    `report`: what the body tells of its usage, which may be billed all the same.
    """
    if api not in _APIS or not body or is_heavy(body):
        return None
    # What has neither the word nor an escape that might spell it has no error, and need not be read once more.
    if b"error" not in body and b"\\u" not in body:
        return None
    return _of_whole(values(body), report)


def error_in(api: Api, opening: bytes, output_bytes: int, report: Report) -> int | None:
    """The HTTP status of the error that is all that a stream has told; `None` where it has shown anything besides.

    `opening`: the whole of it, decompressed. `output_bytes`: what its meter has seen.
    """
    if api not in _APIS or report.usage is not None or report.stated_cost is not None or report.finish_reason:
        return None
    begun = opening.lstrip()[:1]
    if begun == b"{":
        return _of_whole(values(opening), report)
    events = Objects() if begun == b"[" else Events()
    answers: set[bytes] = set()
    status: int | None = None
    for event in (*events.feed(opening), events.rest()):
        data = event.strip() if isinstance(events, Objects) else data_of(event)
        found = values(data) if data.startswith(b"{") else {}
        error = failed(found, named=event.startswith((b"event: error", b"event:error"))) if found else None
        if error is not None and status is None:
            status = _status(found)
        answers |= {bytes(choice.get("index", msgspec.Raw(b"0"))) for choice in _choices(found)}
    # An answer that has only begun has the framing that its meter counts for it, and no text.
    return status if output_bytes <= FRAMING_BYTES * len(answers) else None


def _of_whole(found: Values, report: Report) -> int | None:
    present = {name for name, raw in found.items() if bytes(raw) != _NULL}
    if present & _ANSWERS or failed(found) is None:
        return None
    # A usage that cannot be read is one that nobody knows.
    return None if report.usage is None and not present.isdisjoint(_USAGES) else _status(found)


def _status(found: Values) -> int:
    # Some have no object for it: what went wrong stands in the event itself.
    return status_told(values(found.get("error")) or found, found) or UNTOLD


def _choices(found: Values) -> list[Values]:
    try:
        return msgspec.json.decode(found.get("choices", msgspec.Raw(b"[]")), type=list[dict[str, msgspec.Raw]])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []

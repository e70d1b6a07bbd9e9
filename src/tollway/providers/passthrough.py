"""Any other path of a provider: passed on as it is, its model found where it may stand, its usage where it is known."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import msgspec

from tollway.providers import anthropic_usage, google_usage, openai_usage
from tollway.providers.answer import Values, text, values
from tollway.providers.body import MAX_COUNT, Unfit, object_of
from tollway.providers.codec import Headers, Malformed, Meter
from tollway.providers.counts import Reported, decoded, reported
from tollway.providers.elsewhere import read_elsewhere
from tollway.providers.forms import cut, is_form, texts
from tollway.providers.google_path import check_agrees, parted, with_model
from tollway.providers.splice import spliced
from tollway.providers.stream import StreamMeter
from tollway.request import Api, Ask, Dialect
from tollway.usage import Report, Usage

_JOB = re.compile(
    r"/(?:batches|runs|tunedModels)/?$|/threads/runs|/realtime/|:(?:batch|asyncBatch|predictLongRunning)[A-Za-z]*$"
    r"|/(?:jobs|fine[-_]tun(?:es|ing)|batchInferenceJobs|batchPredictionJobs|interactions|videos|video/generations|async"
    r"|predictions)(?:/|$)|/agents/(?!completions/?$)",
    re.IGNORECASE,
)
"""A job, or a session, of any number of calls: no context window bounds it, and its cost is in no answer. It has no price."""
_FIELDS = ("model", "stream")
_UNKNOWN_COST = "a call whose cost only its answer shows"


def is_job(path: str) -> bool:
    """Whether a POST to `path` starts work whose models and cost are not in its answer."""
    return _JOB.search(unquote(path)) is not None


class Passthrough:
    """The codec of `*.other`: nothing is known beforehand, and nothing but the model's name is ever changed."""

    __slots__ = ("api", "dialect")

    def __init__(self, api: Api, dialect: Dialect) -> None:
        self.api: Api = api
        self.dialect: Dialect = dialect

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The model and the wish to stream, from JSON or from a multipart form. Malformed where they stand twice."""
        try:
            fields = _form(content_type, body) if is_form(content_type) else _json(body)
            job = is_job(path)
            parts = parted(path) if self.dialect == "google" else None
            if parts is not None and not job:
                check_agrees(fields.get("model"), query, parts.model)
        except Unfit as unfit:
            return unfit.malformed()
        model = parts.model if parts else fields.get("model")
        if job:
            model = None
        return Ask(
            model=model if isinstance(model, str) and model else None,
            stream=fields.get("stream") in (True, "true", "True", "1"),
            unbounded=_UNKNOWN_COST,
            floor_output_tokens=MAX_COUNT + 1,
        )

    def write_path(self, path: str, model: str) -> str:
        """`path` with the model's upstream name in it, where it names one as Google's paths do."""
        return with_model(path, model) if self.dialect == "google" else path

    def write_body(self, body: bytes, ask: Ask, *, model: str | None, cap: int | None, include_usage: bool) -> bytes:
        """`body` with the model written over where it is JSON that names one; a form is not touched."""
        if model is None or "model" not in values(body):
            return body
        return spliced(body, {"model": model})

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """What a whole answer reports, in whichever of the known shapes. Bytes that are no JSON report nothing."""
        if body.lstrip()[:1] != b"{":
            return Report()
        return _report(values(body))

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter for one stream, or for bytes that are none."""
        return StreamMeter(_AnyReader(), self.read_answer)


def _form(content_type: bytes, body: bytes) -> dict[str, Any]:
    """The two fields of a form. Raises Unfit for any flaw: another parser might see another model in it."""
    if not body:
        return {}
    form = cut(content_type, body)
    if form.flaw is not None:
        raise Unfit(form.flaw)
    return dict(texts(form, body, _FIELDS))


def _json(body: bytes) -> dict[str, Any]:
    """The two fields of a JSON body; empty where it is anything else, which is the provider's to judge."""
    found = object_of(body) or {}
    return {name: decoded(found[name]) for name in _FIELDS if name in found}


_images = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


def _report(found: Values) -> Report:
    usage = reported(found.get("usage")) or reported(found.get("usageMetadata"))
    read, suspect = _read_usage(found, usage) if usage else read_elsewhere(found)[:2]
    images = _count_images(found)
    if images:
        read = msgspec.structs.replace(read or Usage(), images=images)
    return Report(
        usage=read,
        response_model=text(found.get("model")) or text(found.get("modelVersion")) or text(found.get("model_id")),
        response_id=text(found.get("id")) or text(found.get("responseId")),
        service_tier=text(found.get("service_tier")),
        suspect=suspect,
    )


def _read_usage(found: Values, usage: Reported) -> tuple[Usage | None, str | None]:
    if "usageMetadata" in found:
        return google_usage.read_usage(usage)
    if "total_input_tokens" in usage or "total_output_tokens" in usage:
        return google_usage.read_interaction(usage)
    if ("cache_read_input_tokens" in usage and "prompt_tokens" not in usage) or text(found.get("type")) == "message":
        return anthropic_usage.checked(usage)
    return openai_usage.read_usage(usage)


def _count_images(found: Values) -> int:
    """The pictures of an image answer: `data` whose entries are pictures, not embeddings or models."""
    if "data" not in found or "created" not in found:
        return 0
    try:
        entries = _images.decode(found["data"])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 0
    return sum(1 for entry in entries if "b64_json" in entry or "url" in entry)


_MARKS = (b'"usage', b'"metrics"', b'"stats"', b'_token_count"')
"""One of these is in every event that has counts."""
_HOLDERS = ("response", "message", "interaction", "event", "result")
_UNFINISHED = b'"not_finished"'
"""How watsonx, which counts in each event, says that more is to come."""


def _later(before: Report, report: Report) -> Report:
    """`report`, with the input of an earlier event where it tells none: watsonx tells it once, then 0."""
    usage, known = report.usage, before.usage
    if usage is None or known is None or usage.input_tokens or not known.input_tokens:
        return report
    return msgspec.structs.replace(report, usage=msgspec.structs.replace(usage, input_tokens=known.input_tokens))


class _AnyReader:
    """Follows a stream of unknown events: the last usage in any of them counts, and all bytes count as output."""

    __slots__ = ("_report", "complete", "output_bytes")

    def __init__(self) -> None:
        self.output_bytes = 0
        self.complete = False
        self._report = Report()

    def event(self, data: bytes) -> bool:
        """Takes one event in. None is extra."""
        self.output_bytes += len(data)
        if data == b"[DONE]":
            self.complete = True
        elif any(mark in data for mark in _MARKS):
            found = values(data)
            for inner in (found, *(values(found[name]) for name in _HOLDERS if name in found)):
                report = _report(inner)
                if report.usage is not None:
                    self._report = _later(self._report, report)
                    self.complete = _UNFINISHED not in data
        return False

    def report(self) -> Report:
        """What the stream has told of itself."""
        return self._report

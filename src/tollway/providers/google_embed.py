"""Google embedContent and batchEmbedContents: input only."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from tollway.providers.answer import values
from tollway.providers.body import Fields, Shape, Unfit, object_at
from tollway.providers.codec import Headers, Malformed, Meter
from tollway.providers.counts import decoded, reported
from tollway.providers.google_generate import read_content
from tollway.providers.google_path import check_agrees, parted, with_model
from tollway.providers.google_usage import GenerateReader, read_embedded, report_of
from tollway.providers.inputs import Inputs
from tollway.providers.splice import merged, spliced, values_of
from tollway.providers.stream import StreamMeter
from tollway.request import Api, Ask, Dialect
from tollway.usage import Report

_shape = Shape(dict[str, msgspec.Raw])
_requests = msgspec.json.Decoder(list[msgspec.Raw])


class Embed:
    """`:embedContent` and `:batchEmbedContents`."""

    __slots__ = ()

    api: Api = "google.embed"
    dialect: Dialect = "google"

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The fields that decide what the request may cost. Each request of a batch has to name the path's model."""
        try:
            fields = _shape.open(body)
            inputs = Inputs()
            parts = parted(path)
            model = parts.model if parts else None
            check_agrees(None, query, model)
            _read_one(fields, object_at(fields, "content").get("parts"), model, inputs)
            requests = fields.get("requests")
            if requests is not None and not isinstance(requests, list):
                raise Unfit("requests is not an array of objects.")
            for request in cast(list[Any], requests or []):
                if not isinstance(request, dict):
                    raise Unfit("requests is not an array of objects.")
                inner = cast(dict[str, msgspec.Raw], request)
                _read_one(inner, values(inner.get("content")).get("parts"), model, inputs)
            return Ask(
                model=model, unbounded=inputs.unbounded, media_parts=inputs.media_parts, messages=inputs.messages
            )
        except Unfit as unfit:
            return unfit.malformed()

    def write_path(self, path: str, model: str) -> str:
        """`path` with the model's upstream name in it."""
        return with_model(path, model)

    def write_body(self, body: bytes, ask: Ask, *, model: str | None, cap: int | None, include_usage: bool) -> bytes:
        """`body` with the model written over wherever it names one: Google wants it to agree with the path."""
        if model is None:
            return body
        name = f"models/{model.rpartition('/')[2]}"
        present = values_of(body)
        changes: dict[str, object] = {}
        if "model" in present:
            changes["model"] = name
        if bytes(present.get("requests", b"null")) != b"null":
            requests = _requests.decode(present["requests"])
            changes["requests"] = [merged(raw, "model", name) if "model" in values_of(raw) else raw for raw in requests]
        return spliced(body, changes)

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """What a whole answer reports."""
        found = values(body)
        usage = reported(found.get("usageMetadata"))
        report = report_of(found, usage, None)
        if usage is None:
            return report
        read, suspect = read_embedded(usage)
        return msgspec.structs.replace(report, usage=read, suspect=suspect)

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter, for completeness; embeddings are not streamed."""
        return StreamMeter(GenerateReader(), self.read_answer)


def _read_one(request: Fields, parts: object, model: str | None, inputs: Inputs) -> None:
    named: object = request.get("model")
    if isinstance(named, msgspec.Raw):
        named = decoded(named)
    check_agrees(named, b"", model)
    read_content(parts, inputs)

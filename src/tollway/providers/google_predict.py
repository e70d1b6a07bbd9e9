"""Google's older method, `:predict`: Imagen's pictures, and text embeddings on Vertex.

The model stands in the path, and decides what the body means. Imagen bills the pictures it makes; embeddings bill
tokens, which stand with each of them, or characters, which stand in the answer's metadata.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from tollway.providers.answer import Values, text, values
from tollway.providers.body import MAX_CHOICES, MAX_COUNT, Fields, Shape, Unfit, Unread, object_at, one_of, whole_number
from tollway.providers.codec import Headers, Malformed, Meter
from tollway.providers.counts import added, count, decoded, doubt, nested
from tollway.providers.google_path import check_agrees, parted, with_model
from tollway.providers.google_usage import GenerateReader
from tollway.providers.inputs import Inputs
from tollway.providers.stream import StreamMeter
from tollway.request import Api, Ask, Dialect
from tollway.usage import Report, Usage

_PICTURE_MODELS = ("imagen", "imagegeneration", "image-", "virtual-try-on")
_EMBEDDING_MODELS = ("text-embedding", "text-multilingual-embedding", "textembedding-gecko", "gemini-embedding")
_PICTURES_UNASKED = 4
"""Vertex AI, "Imagen API": what `sampleCount` is where it is not given."""
_MOST_INSTANCES = 250
"""Vertex AI, "Text embeddings API": of one request. Imagen takes one."""
_PICTURES = ("image", "referenceImages", "mask", "personImage", "productImages")

_shape = Shape(dict[str, msgspec.Raw])
_predictions = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


class Predict:
    """`:predict`. A long-running prediction (Veo) is another API, whose answer is an operation."""

    __slots__ = ()

    api: Api = "google.predict"
    dialect: Dialect = "google"

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The fields that decide what the request may cost. A model that is not known here has no bound."""
        try:
            fields = _shape.open(body)
            parts = parted(path)
            model = parts.model if parts else None
            check_agrees(fields.get("model"), query, model)
            plain = (model or "").lower().rpartition("/")[2]
            instances = _instances(fields)
            if plain.startswith(_PICTURE_MODELS):
                return _of_pictures(fields, model, instances)
            unbounded = None if plain.startswith(_EMBEDDING_MODELS) else "what this model makes of a prediction"
            return Ask(
                model=model, unbounded=unbounded, messages=max(len(instances), 1), floor_output_tokens=MAX_COUNT + 1
            )
        except Unfit as unfit:
            return unfit.malformed()

    def write_path(self, path: str, model: str) -> str:
        """`path` with the model's upstream name in it."""
        return with_model(path, model)

    def write_body(self, body: bytes, ask: Ask, *, model: str | None, cap: int | None, include_usage: bool) -> bytes:
        """`body` as it is: the path names the model, and nothing can be capped."""
        return body

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """What a whole answer reports: pictures, tokens, characters, whichever it has."""
        found = values(body)
        read = _read_usage(found)
        # An answer names a model by what its owner calls the deployment, which is no name of a price list.
        return Report(usage=read, suspect=doubt(read, {}) if read is not None else None)

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter for an answer too large to be kept whole; a prediction is not streamed."""
        return StreamMeter(GenerateReader(), self.read_answer)


def _instances(fields: Fields) -> list[Any]:
    given = fields.get("instances")
    if isinstance(given, Unread | dict | str):
        raise Unfit("instances is not an array of objects.")
    instances = cast(list[Any], given) if isinstance(given, list) else []
    if len(instances) > _MOST_INSTANCES:
        raise Unfit(f"instances has {len(instances)} entries; a prediction takes at most {_MOST_INSTANCES}.")
    return instances


def _of_pictures(fields: Fields, model: str | None, instances: list[Any]) -> Ask:
    parameters = object_at(fields, "parameters")
    name = one_of(parameters, "sampleCount", "sample_count", "numberOfImages")
    number = whole_number(parameters, name, MAX_CHOICES, f"parameters.{name}") or _PICTURES_UNASKED
    size = parameters.get(one_of(parameters, "sampleImageSize", "imageSize"))
    inputs = Inputs()
    for instance in instances:
        inside = cast(dict[str, msgspec.Raw], instance) if isinstance(instance, dict) else {}
        for part in _PICTURES:
            inputs.media_parts += _number_of(inside.get(part))
    pictures = number * max(len(instances), 1)
    return Ask(
        model=model,
        choices=pictures,
        media_parts=inputs.media_parts,
        messages=max(len(instances), 1),
        known=Usage(
            images=pictures, image_kind=f"standard/{size.lower()}" if isinstance(size, str) and len(size) < 32 else None
        ),
        floor_output_tokens=MAX_COUNT + 1,
    )


def _number_of(raw: msgspec.Raw | None) -> int:
    value = decoded(raw)
    return len(cast(list[Any], value)) if isinstance(value, list) else 0 if value is None else 1


def _read_usage(found: Values) -> Usage | None:
    metadata = values(found.get("metadata"))
    characters = count(decoded(metadata.get("billableCharacterCount")))
    # Text models before Gemini: {"tokenMetadata": {"inputTokenCount": {"totalTokens", "totalBillableCharacters"}, ...}}
    told = decoded(metadata.get("tokenMetadata"))
    told = nested({"it": told}, "it")
    given, made = nested(told, "inputTokenCount"), nested(told, "outputTokenCount")
    tokens, pictures = count(given.get("totalTokens")), 0
    try:
        predictions = _predictions.decode(found["predictions"]) if "predictions" in found else []
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        predictions = []
    for prediction in predictions:
        statistics = values(values(prediction.get("embeddings")).get("statistics"))
        tokens = added(tokens, count(decoded(statistics.get("token_count"))))
        kind = text(prediction.get("mimeType"))
        if (kind is None or kind.startswith("image/")) and (
            text(prediction.get("bytesBase64Encoded")) or text(prediction.get("gcsUri"))
        ):
            pictures += 1
    if tokens is None and characters is None and not pictures:
        return None
    output = count(made.get("totalTokens"))
    return Usage(
        input_tokens=tokens,
        # An embedding has no output, so that count is zero, not unknown.
        output_tokens=0 if tokens is not None and output is None else output,
        characters=characters,
        images=pictures or None,
    )

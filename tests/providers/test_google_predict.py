"""Google's `:predict`: pictures, embeddings, and whatever is not known."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.codec import Malformed
from tollway.providers.google_predict import Predict
from tollway.request import Ask
from tollway.usage import Report, Usage

CODEC = Predict()
VERTEX = "/v1/projects/p/locations/us-central1/publishers/google/models/"
STUDIO = "/v1beta/models/"


def read(model: str, before: str = VERTEX, **fields: Any) -> Ask | Malformed:
    return CODEC.read_ask(f"{before}{model}:predict", b"", b"application/json", json.dumps(fields).encode())


def ask(model: str, before: str = VERTEX, **fields: Any) -> Ask:
    found = read(model, before, **fields)
    assert isinstance(found, Ask), found
    return found


@pytest.mark.parametrize("before", [VERTEX, STUDIO])
@pytest.mark.parametrize(
    ("parameters", "number"),
    [({"sampleCount": 2}, 2), ({}, 4), (None, 4), ({"sample_count": 3}, 3), ({"numberOfImages": 1}, 1)],
)
def test_the_pictures_of_imagen_are_known_beforehand(before: str, parameters: Any, number: int) -> None:
    found = ask("imagen-4.0-generate-001", before, instances=[{"prompt": "x"}], parameters=parameters)
    assert (found.model, found.choices, found.unbounded) == ("imagen-4.0-generate-001", number, None)
    assert found.known == Usage(images=number)


def test_pictures_to_start_from_are_bounded_and_the_size_is_told() -> None:
    image = {"bytesBase64Encoded": "AAAA"}
    found = ask(
        "imagen-3.0-capability-001",
        instances=[{"prompt": "x", "image": image, "referenceImages": [{"referenceImage": image}, {}]}] * 2,
        parameters={"sampleCount": 2, "sampleImageSize": "2K"},
    )
    assert (found.media_parts, found.choices) == (6, 4)
    assert found.known == Usage(images=4, image_kind="standard/2k")


@pytest.mark.parametrize("model", ["text-embedding-005", "gemini-embedding-001", "text-multilingual-embedding-002"])
def test_embeddings_are_bounded_by_their_text(model: str) -> None:
    found = ask(model, instances=[{"content": "a"}, {"content": "b", "task_type": "RETRIEVAL_QUERY"}])
    assert (found.model, found.messages, found.choices, found.unbounded, found.known) == (model, 2, 1, None, None)


@pytest.mark.parametrize("model", ["multimodalembedding@001", "text-bison", "lyria-002", "my-own"])
def test_a_model_that_is_not_known_has_no_bound(model: str) -> None:
    assert ask(model, instances=[{}]).unbounded


def test_an_endpoint_of_ones_own_names_no_model() -> None:
    found = CODEC.read_ask("/v1/projects/p/locations/l/endpoints/1:predict", b"", b"application/json", b"{}")
    assert isinstance(found, Ask)
    assert found.model is None
    assert found.unbounded


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"instances": {"prompt": "x"}}, "instances is not an array"),
        ({"instances": [{}] * 251}, "at most 250"),
        ({"instances": [], "parameters": {"sampleCount": 0}}, "parameters.sampleCount is 0"),
        ({"parameters": {"sampleCount": 1, "sample_count": 4}}, "two spellings"),
        ({"parameters": [1]}, "parameters is an array"),
    ],
)
def test_a_body_that_the_api_would_not_take_is_malformed(fields: dict[str, Any], why: str) -> None:
    found = read("imagen-4.0-generate-001", **fields)
    assert isinstance(found, Malformed)
    assert why in found.message


def test_the_path_takes_another_model_and_the_body_is_left_alone() -> None:
    assert CODEC.write_path(STUDIO + "a:predict", "b") == STUDIO + "b:predict"
    body = b'{"instances": []}'
    assert CODEC.write_body(body, Ask(), model="b", cap=5, include_usage=True) is body


@pytest.mark.parametrize(
    ("answer", "usage"),
    [
        (
            {"predictions": [{"bytesBase64Encoded": "A", "mimeType": "image/png"}, {"gcsUri": "gs://a", "mimeType": "image/png"}]},
            Usage(images=2),
        ),
        ({"predictions": [{"bytesBase64Encoded": "A"}, {"raiFilteredReason": "blocked"}]}, Usage(images=1)),
        ({"predictions": [{"bytesBase64Encoded": "A", "mimeType": "audio/wav"}]}, None),
        (
            {
                "predictions": [
                    {"embeddings": {"values": [0.1], "statistics": {"token_count": 4, "truncated": False}}},
                    {"embeddings": {"values": [0.1], "statistics": {"token_count": 5.0}}},
                ],
                "metadata": {"billableCharacterCount": 31},
            },
            Usage(input_tokens=9, output_tokens=0, characters=31),
        ),
        (
            {
                "predictions": [{"content": "hi"}],
                "metadata": {
                    "tokenMetadata": {
                        "inputTokenCount": {"totalTokens": 7, "totalBillableCharacters": 20},
                        "outputTokenCount": {"totalTokens": 3, "totalBillableCharacters": 9},
                    }
                },
            },
            Usage(input_tokens=7, output_tokens=3),
        ),
        ({"predictions": []}, None),
        ({"predictions": "x", "metadata": 5}, None),
    ],
)  # fmt: skip
def test_an_answer_tells_pictures_tokens_or_characters(answer: dict[str, Any], usage: Usage | None) -> None:
    body = json.dumps(answer).encode()
    assert CODEC.read_answer(body) == Report(usage=usage)
    meter = CODEC.meter(strip_usage=False)
    assert meter.feed(body) is body
    meter.finish()
    assert meter.complete
    assert meter.report().usage == usage


def test_a_count_that_cannot_be_is_suspect() -> None:
    assert CODEC.read_answer(b'{"metadata": {"billableCharacterCount": -4}}').suspect


@given(st.binary(max_size=80))
def test_any_bytes_are_an_answer_and_never_crash(body: bytes) -> None:
    CODEC.read_answer(body)
    CODEC.read_ask(VERTEX + "imagen-3:predict", b"", b"application/json", body)

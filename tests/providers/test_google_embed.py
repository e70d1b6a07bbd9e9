"""Google's embeddings: input only, and a model that is named in two places."""

import json
from typing import Any

import pytest

from tollway.providers.codec import Malformed
from tollway.providers.google_embed import Embed
from tollway.request import Ask
from tollway.usage import Report, Usage

CODEC = Embed()
ONE = "/v1beta/models/gemini-embedding-001:embedContent"
MANY = "/v1beta/models/gemini-embedding-001:batchEmbedContents"
TEXT = {"parts": [{"text": "hello"}]}


def read(body: Any, path: str = ONE) -> Ask | Malformed:
    return CODEC.read_ask(
        path, b"", b"application/json", body if isinstance(body, bytes) else json.dumps(body).encode()
    )


def ask(body: Any, path: str = ONE) -> Ask:
    found = read(body, path)
    assert isinstance(found, Ask), found
    return found


def written(body: Any, model: str | None) -> Any:
    raw = json.dumps(body).encode()
    return json.loads(CODEC.write_body(raw, Ask(), model=model, cap=None, include_usage=False))


def test_the_path_names_the_model_and_nothing_is_streamed_or_capped() -> None:
    found = ask({"content": TEXT})
    assert (found.model, found.stream, found.max_output_tokens, found.unbounded) == (
        "gemini-embedding-001",
        False,
        None,
        None,
    )
    assert ask({"content": TEXT}, "/v1beta/other").model is None


def test_every_part_of_every_request_of_a_batch_is_counted() -> None:
    one = ask({"content": TEXT}).messages
    batch = {"requests": [{"content": TEXT}, {"content": TEXT}, {"content": TEXT}]}
    assert one >= 1
    assert ask(batch, MANY).messages == 3 * one
    assert ask({"requests": []}, MANY).messages == ask({"requests": None}, MANY).messages == 0


@pytest.mark.parametrize("batch", [False, True])
def test_media_and_what_has_no_known_size_is_seen(batch: bool) -> None:
    def of(*parts: dict[str, Any]) -> Ask:
        content = {"content": {"parts": list(parts)}}
        return ask({"requests": [{"content": TEXT}, content]} if batch else content)

    inline = of({"inlineData": {"mimeType": "image/png", "data": "aGVsbG8="}})
    assert (inline.media_parts, inline.unbounded) == (1, None)
    assert of({"fileData": {"fileUri": "https://example.com/x"}}).unbounded == "fileData"


@pytest.mark.parametrize(
    "body",
    [
        {"content": TEXT, "model": "models/other"},
        {
            "requests": [
                {"content": TEXT, "model": "models/gemini-embedding-001"},
                {"content": TEXT, "model": "models/dear"},
            ]
        },
    ],
)
def test_a_body_that_names_another_model_than_the_path_is_refused(body: dict[str, Any]) -> None:
    found = read(body)
    assert isinstance(found, Malformed)
    assert '"gemini-embedding-001" in the path; they must agree' in found.message


@pytest.mark.parametrize(
    "name", ["models/gemini-embedding-001", "gemini-embedding-001", "tunedModels/gemini-embedding-001"]
)
def test_a_body_that_names_the_same_model_is_taken(name: str) -> None:
    assert ask({"content": TEXT, "model": name}).model == "gemini-embedding-001"
    assert ask({"requests": [{"content": TEXT, "model": name}]}, MANY).model == "gemini-embedding-001"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "The body is empty"),
        (b"[]", "not a JSON object"),
        ({"content": "hello"}, "content is"),
        ({"requests": {"content": TEXT}}, "requests is not an array of objects"),
        ({"requests": "x"}, "requests is not an array of objects"),
        ({"requests": [{"content": TEXT}, "x"]}, "requests is not an array of objects"),
        (b'{"requests": [], "requests": []}', "stands twice"),
    ],
)
def test_a_body_that_the_api_would_not_take_is_malformed(body: Any, why: str) -> None:
    found = read(body)
    assert isinstance(found, Malformed)
    assert why in found.message


def test_another_model_is_written_wherever_the_body_names_one() -> None:
    assert written({"content": TEXT, "model": "models/a"}, "b") == {"content": TEXT, "model": "models/b"}
    assert written({"content": TEXT}, "b") == {"content": TEXT}
    batch = {"requests": [{"content": TEXT, "model": "models/a"}, {"content": TEXT}]}
    assert written(batch, "publishers/google/models/b") == {
        "requests": [{"content": TEXT, "model": "models/b"}, {"content": TEXT}]
    }
    assert written({"content": TEXT, "requests": None, "model": "a"}, "b") == {
        "content": TEXT,
        "requests": None,
        "model": "models/b",
    }


def test_what_is_not_the_model_keeps_its_bytes() -> None:
    body = b'{"requests":[{"content":{"parts":[{"text":"\\u00fc"}]},"outputDimensionality":1.50,"model":"models/a"}]}'
    assert CODEC.write_body(body, Ask(), model=None, cap=9, include_usage=True) is body
    changed = CODEC.write_body(body, Ask(), model="b", cap=None, include_usage=False)
    assert changed == body.replace(b"models/a", b"models/b")


def test_the_path_takes_another_model() -> None:
    assert CODEC.write_path(MANY, "b") == "/v1beta/models/b:batchEmbedContents"


def test_an_answer_reports_its_usage_where_it_has_one() -> None:
    answer = b'{"embedding": {"values": [0.1]}, "usageMetadata": {"promptTokenCount": 7}}'
    assert CODEC.read_answer(answer).usage == Usage(input_tokens=7, output_tokens=0)
    assert CODEC.read_answer(b'{"embedding": {"values": [0.1]}}') == Report()


def test_its_meter_reads_a_whole_answer() -> None:
    meter = CODEC.meter(strip_usage=False)
    body = b'{"usageMetadata": {"promptTokenCount": 7}}'
    assert meter.feed(body) + meter.finish() == body
    assert meter.report().usage == Usage(input_tokens=7, output_tokens=0)
    assert meter.complete


@pytest.mark.parametrize("modality", ["DOCUMENT", 5])
def test_a_document_is_embedded_as_images(modality: object) -> None:
    details = [
        {"modality": "TEXT", "tokenCount": 2},
        {"modality": "IMAGE", "tokenCount": 3},
        {"modality": modality, "tokenCount": 5},
    ]
    body = json.dumps({"usageMetadata": {"promptTokenCount": 10, "promptTokensDetails": details}}).encode()
    assert CODEC.read_answer(body) == Report(usage=Usage(input_tokens=10, input_image_tokens=8, output_tokens=0))


def test_a_unified_path_names_the_provider_before_the_model() -> None:
    body = {"model": "models/gemini-embedding-001", "content": TEXT}
    found = ask(body, "/v1beta/models/google/gemini-embedding-001:embedContent")
    assert found.model == "google/gemini-embedding-001"

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.openai_rerank import Rerank
from tollway.request import Ask
from tollway.usage import Usage

RERANK = Rerank()


def ask(body: dict[str, Any]) -> Ask:
    read = RERANK.read_ask("/v1/rerank", b"", b"", json.dumps({"model": "m", **body}).encode())
    assert isinstance(read, Ask)
    return read


@given(st.integers(1, 50), st.integers(1, 400), st.integers(1, 400))
def test_the_query_counts_with_each_document(documents: int, query: int, size: int) -> None:
    body = {"query": "q" * query, "documents": ["d" * size] * documents}
    bound = len(json.dumps(body)) + 8 * ask(body).messages
    assert bound >= documents * (query + size + 50)


@pytest.mark.parametrize(
    ("body", "media", "reason"),
    [
        ({"query": "q", "documents": ["a", {"text": "b"}]}, 0, None),
        ({"query": "q", "documents": [{"image": "https://x/y.png"}]}, 0, "an image by link"),
        ({"query": "q", "documents": [{"image": "data:image/png;base64,AA"}]}, 1, None),
        ({"query": "q", "documents": [{"content": [{"type": "image_url"}]}]}, 0, "a document of mixed content"),
        ({"query": {"image": "x"}, "documents": ["a"]}, 0, "a query that is not text"),
        ({"query": "q", "documents": {"a": 1}}, 0, "documents of an unknown shape"),
    ],
)
def test_documents_are_read(body: dict[str, Any], media: int, reason: str | None) -> None:
    read = ask(body)
    assert (read.model, read.media_parts, read.unbounded, read.max_output_tokens) == ("m", media, reason, None)


@pytest.mark.parametrize(
    ("answer", "usage"),
    [
        ({"usage": {"total_tokens": 57}}, Usage(input_tokens=57, output_tokens=0)),
        ({"usage": {"total_tokens": 57, "prompt_tokens": 57}}, Usage(input_tokens=57, output_tokens=0)),
        (
            {"usage": {"total_tokens": 57, "prompt_tokens": 57, "completion_tokens": 0}},
            Usage(input_tokens=57, output_tokens=0),
        ),
        (
            {"meta": {"billed_units": {"search_units": 1}, "tokens": {"input_tokens": 9}}},
            Usage(output_tokens=0, search_units=1),
        ),
        (
            {"meta": {"billed_units": {"total_tokens": 5}, "tokens": {"input_tokens": 9}}},
            Usage(input_tokens=9, output_tokens=0),
        ),
        ({"scores": [0.1], "inference_status": {"tokens_input": 12}}, Usage(input_tokens=12, output_tokens=0)),
        ({"results": []}, None),
        ({"usage": {}}, None),
    ],
)
def test_an_answer_is_read(answer: dict[str, Any], usage: Usage | None) -> None:
    report = RERANK.read_answer(json.dumps({"model": "m", "id": "i", **answer}).encode())
    assert (report.usage, report.response_model, report.response_id, report.suspect) == (usage, "m", "i", None)


@pytest.mark.parametrize(
    ("cost", "nanodollars"),
    [("0.0000001234", 124), ("1.5e-7", 150), ("0", 0), ("-1", None), ("null", None), ("1e999999", None), ('"x"', None)],
)
def test_a_stated_cost_is_read_as_nanodollars_rounded_up(cost: str, nanodollars: int | None) -> None:
    answer = b'{"scores":[],"inference_status":{"cost":' + cost.encode() + b"}}"
    assert RERANK.read_answer(answer).stated_cost == nanodollars


def test_a_count_that_cannot_be_is_suspect() -> None:
    assert RERANK.read_answer(b'{"usage":{"total_tokens":-4}}').suspect is not None


@given(st.binary(max_size=60))
def test_no_bytes_break_it(data: bytes) -> None:
    RERANK.read_answer(data)
    meter = RERANK.meter(strip_usage=False)
    assert meter.feed(data) == data


def test_only_the_model_is_written() -> None:
    body = b'{"model":"a","top_k":7}'
    assert RERANK.write_body(body, Ask(), model=None, cap=9, include_usage=True) is body
    assert RERANK.write_body(body, Ask(), model="b", cap=3, include_usage=True) == b'{"model":"b","top_k":7}'


def test_input_that_is_not_told_is_unknown_not_zero() -> None:
    report = RERANK.read_answer(json.dumps({"meta": {"billed_units": {"search_units": 2}}}).encode())
    assert report.usage == Usage(output_tokens=0, search_units=2)

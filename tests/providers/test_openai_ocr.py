"""OCR: pages, and pages that are annotated as well."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.codec import Malformed
from tollway.providers.openai_ocr import Ocr
from tollway.request import Ask
from tollway.usage import Report, Usage

CODEC = Ocr()
PATH = "/v1/ocr"
DOCUMENT = {"type": "document_url", "document_url": "https://example.com/a.pdf"}
SCHEMA = {"type": "json_schema", "json_schema": {}}


def ask(**fields: Any) -> Ask:
    body = json.dumps({"model": "mistral-ocr-latest", **fields}).encode()
    found = CODEC.read_ask(PATH, b"", b"application/json", body)
    assert isinstance(found, Ask), found
    return found


@pytest.mark.parametrize(
    ("pages", "number"),
    [([0, 3, 7], 3), ("0-3,7", 5), ("2", 1), (4, 1), (["0-9", 12], 11), (" 0 - 1 ", 2)],
)
def test_the_pages_that_are_named_bound_the_bill(pages: Any, number: int) -> None:
    found = ask(document=DOCUMENT, pages=pages)
    assert (found.known, found.unbounded) == (Usage(pages=number), None)
    annotated = ask(document=DOCUMENT, pages=pages, document_annotation_format=SCHEMA)
    assert annotated.known == Usage(pages=number, annotated_pages=number)
    assert ask(document=DOCUMENT, pages=pages, bbox_annotation_format=SCHEMA).known == annotated.known


@pytest.mark.parametrize("pages", [None, [], "", "all", "5-2", "-3", [1.5], {"from": 1}, True, "1-99999999"])
def test_a_document_whose_pages_are_not_told_has_no_bound(pages: Any) -> None:
    found = ask(document=DOCUMENT, pages=pages)
    assert (found.known, found.unbounded) == (None, "the pages of a document")


def test_a_picture_is_one_page() -> None:
    found = ask(document={"type": "image_url", "image_url": "https://example.com/a.png"})
    assert (found.known, found.unbounded) == (Usage(pages=1), None)


@pytest.mark.parametrize(
    "body", [b"", b'{"document": "a"}', b'{"document": {"type": "a", "type": "b"}}', b'{"model": 1}']
)
def test_a_body_that_the_api_would_not_take_is_malformed(body: bytes) -> None:
    assert isinstance(CODEC.read_ask(PATH, b"", b"application/json", body), Malformed)


def test_only_the_model_is_written_over() -> None:
    assert (
        CODEC.write_body(b'{"model":"a","pages":[1]}', Ask(), model="b", cap=5, include_usage=True)
        == b'{"model":"b","pages":[1]}'
    )
    assert CODEC.write_path(PATH, "b") == PATH


@pytest.mark.parametrize(
    ("info", "usage"),
    [
        ({"pages_processed": 3, "doc_size_bytes": 4096}, Usage(pages=3)),
        ({"pages_processed": 3, "pages_processed_annotation": 2}, Usage(pages=3, annotated_pages=2)),
        ({"pages_processed": 0, "pages_processed_annotation": 2}, Usage(pages=2, annotated_pages=2)),
        (
            {"pages_processed": 1, "doc_size_bytes": None, "pages_processed_annotation": 0},
            Usage(pages=1, annotated_pages=0),
        ),
        ({"doc_size_bytes": 4096}, None),
    ],
)
def test_an_answer_tells_its_pages(info: dict[str, Any], usage: Usage | None) -> None:
    body = json.dumps({"pages": [{"index": 0}], "model": "mistral-ocr-2505", "usage_info": info}).encode()
    assert CODEC.read_answer(body) == Report(usage=usage, response_model="mistral-ocr-2505")
    meter = CODEC.meter(strip_usage=False)
    assert meter.feed(body) is body
    meter.finish()
    assert meter.complete
    assert meter.report() == CODEC.read_answer(body)


@pytest.mark.parametrize(
    "info",
    [{"pages_processed": -3}, {"pages_processed": 10**6}, {"pages_processed": 1, "pages_processed_annotation": -2}],
)
def test_counts_that_cannot_be_are_suspect(info: dict[str, Any]) -> None:
    assert CODEC.read_answer(json.dumps({"usage_info": info}).encode()).suspect


@given(st.binary(max_size=80))
def test_any_bytes_are_an_answer_and_never_crash(body: bytes) -> None:
    CODEC.read_answer(body)
    CODEC.read_ask(PATH, b"", b"application/json", body)

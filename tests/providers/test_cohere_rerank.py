import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.cohere_rerank import Rerank, most_search_units
from tollway.request import Ask
from tollway.usage import Usage

RERANK = Rerank()


def test_a_request_tells_how_many_documents_it_has() -> None:
    body = json.dumps({"model": "rerank-v3.5", "query": "q", "documents": ["a", {"text": "b"}], "top_n": 1}).encode()
    read = RERANK.read_ask("/v2/rerank", b"", b"", body)
    assert isinstance(read, Ask)
    assert (read.model, read.messages, read.unbounded) == ("rerank-v3.5", 2, None)


def test_documents_of_an_unknown_shape_are_unbounded() -> None:
    read = RERANK.read_ask("/v2/rerank", b"", b"", b'{"documents": {"a": 1}}')
    assert isinstance(read, Ask)
    assert read.unbounded == "documents of an unknown shape"


@pytest.mark.parametrize(("units", "read"), [(1, 1), (2.0, 2), (0, 0)])
def test_an_answer_is_billed_by_the_unit(units: float, read: int) -> None:
    body = json.dumps({"id": "a", "results": [], "meta": {"billed_units": {"search_units": units}}}).encode()
    assert RERANK.read_answer(body).usage == Usage(input_tokens=0, output_tokens=0, search_units=read)


def test_an_answer_without_units_reports_nothing() -> None:
    assert RERANK.read_answer(b'{"results": []}').usage is None


@pytest.mark.parametrize(
    ("documents", "size", "units"), [(0, 0, 1), (1, 100, 1), (100, 150, 1), (101, 150, 2), (1, 2_000_000, 101)]
)
def test_the_most_units_follow_documents_and_bytes(documents: int, size: int, units: int) -> None:
    assert most_search_units(documents, size) == units


@given(st.lists(st.integers(1, 20_000), min_size=1, max_size=300), st.integers(1, 20_000))
def test_no_bill_by_the_published_rule_is_above_the_most_units(documents: list[int], query: int) -> None:
    """Each document in chunks of 500 tokens that include the query, which takes at most half of a chunk."""
    room = 500 - min(query, 250)
    chunks = sum(-(-tokens // room) for tokens in documents)
    assert -(-chunks // 100) <= most_search_units(len(documents), sum(documents) + query)


def test_only_the_model_is_written() -> None:
    body = b'{"model":"a","top_n":7}'
    assert RERANK.write_body(body, Ask(), model=None, cap=9, include_usage=True) is body
    assert RERANK.write_body(body, Ask(), model="b", cap=3, include_usage=True) == b'{"model":"b","top_n":7}'


def test_the_most_search_units_are_known_before_the_answer() -> None:
    body = json.dumps({"model": "rerank-v3.5", "query": "q", "documents": ["a"] * 101}).encode()
    read = RERANK.read_ask("/v2/rerank", b"", b"application/json", body)
    assert isinstance(read, Ask)
    assert read.known == Usage(search_units=most_search_units(101, len(body)))
    unknown = RERANK.read_ask("/v2/rerank", b"", b"application/json", b'{"model": "rerank-v3.5", "documents": {}}')
    assert isinstance(unknown, Ask)
    assert unknown.known is None

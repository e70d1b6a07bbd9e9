"""What Gemini says it has looked up, and what of it Google bills."""

import json
from typing import Any

import msgspec
import pytest

from tollway.providers.google_grounding import Grounding

WEB = {"web": {"uri": "https://x", "title": "x"}}
PLACE = {"maps": {"uri": "https://maps.google.com/?cid=1", "title": "x", "placeId": "places/1"}}


def searches(model: str | None, *metadata: Any) -> int | None:
    grounding = Grounding()
    for each in metadata:
        grounding.add(msgspec.Raw(json.dumps(each).encode()))
    return grounding.searches(model)


@pytest.mark.parametrize(
    ("model", "billed"),
    [
        ("gemini-1.5-pro-002", 1),
        ("gemini-2.0-flash", 1),
        ("gemini-2.5-flash-lite", 1),
        ("publishers/google/models/gemini-2.5-pro", 1),
        ("gemini-live-2.5-flash", 1),
        ("gemini-3-flash-preview", 3),
        ("gemini-3.1-pro-preview", 3),
        ("gemini-4-argon", 3),
        ("gemini-20-flash", 3),
        # What a name does not tell is billed as what is never fewer.
        ("gemini-flash-latest", 3),
        ("nano-banana-pro-preview", 3),
        (None, 3),
    ],
)
def test_older_models_bill_the_prompt_and_later_ones_each_query(model: str | None, billed: int) -> None:
    assert searches(model, {"webSearchQueries": ["a", "b", "c"]}) == billed


def test_empty_queries_and_repeated_ones_are_not_billed() -> None:
    assert searches("gemini-3-flash-preview", {"webSearchQueries": ["", "largest city in Mexico"]}) == 1
    assert searches("gemini-3-flash-preview", {"webSearchQueries": ["a", "", None, "a", " a "]}) == 1


def test_the_queries_of_all_chunks_and_candidates_are_counted_once_each() -> None:
    chunks = [{"webSearchQueries": ["a"]}, {"webSearchQueries": ["a", "b"]}, {}]
    assert searches("gemini-3-flash-preview", *chunks) == 2
    assert searches("gemini-2.5-flash", *chunks) == 1


@pytest.mark.parametrize(
    "metadata", [{}, {"webSearchQueries": []}, {"webSearchQueries": [""]}, {"groundingChunks": [WEB]}]
)
@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3-flash-preview"])
def test_an_answer_that_searched_for_nothing_is_billed_no_search(model: str, metadata: Any) -> None:
    # A page that the request itself names (urlContext) is a chunk as well, without a query.
    assert searches(model, metadata) is None


def test_a_search_that_tells_no_query_is_known_by_its_entry_point() -> None:
    assert searches("gemini-2.5-flash", {"searchEntryPoint": {"renderedContent": "<div>"}}) == 1
    assert searches("gemini-3-flash-preview", {"searchEntryPoint": {"renderedContent": "<div>"}}) == 1


def test_places_are_billed_beside_searches() -> None:
    for model in ("gemini-2.5-flash", "gemini-3-flash-preview"):
        assert searches(model, {"groundingChunks": [PLACE, PLACE]}) == 1
        assert searches(model, {"googleMapsWidgetContextToken": "widgetcontent/x"}) == 1
        assert searches(model, {"groundingChunks": [WEB, PLACE], "webSearchQueries": ["a"]}) == 2


@pytest.mark.parametrize("metadata", ["x", [], 5, None, {"webSearchQueries": "a", "groundingChunks": {"maps": 1}}])
def test_metadata_of_an_unknown_shape_says_nothing(metadata: Any) -> None:
    assert searches("gemini-3-flash-preview", metadata) is None

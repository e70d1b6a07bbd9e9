from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.answer import values
from tollway.providers.cohere_usage import read_usage, report_of
from tollway.usage import Usage

TOKENS = {"input_tokens": 69, "output_tokens": 150}


@pytest.mark.parametrize(
    ("block", "usage"),
    [
        # What is billed counts, not what was processed; the cached part of the latter changes nothing.
        (
            {"billed_units": {"input_tokens": 7, "output_tokens": 149}, "tokens": TOKENS, "cached_tokens": 64},
            Usage(input_tokens=7, output_tokens=149),
        ),
        ({"billed_units": {"input_tokens": 7.0, "output_tokens": 2.0}}, Usage(input_tokens=7, output_tokens=2)),
        ({"tokens": TOKENS}, Usage(input_tokens=69, output_tokens=150)),
        ({"billed_units": None, "tokens": TOKENS}, Usage(input_tokens=69, output_tokens=150)),
        ({"billed_units": {}, "tokens": TOKENS}, Usage(input_tokens=69, output_tokens=150)),
        (
            {"billed_units": {"input_tokens": 7, "output_tokens": None}, "tokens": TOKENS},
            Usage(input_tokens=7, output_tokens=150),
        ),
        ({"billed_units": {"search_units": 2}, "tokens": TOKENS}, Usage(search_units=2)),
        (
            {"billed_units": {"input_tokens": 3, "image_tokens": 30}, "tokens": {"input_tokens": 33}},
            Usage(input_tokens=33, input_image_tokens=30),
        ),
        ({"billed_units": {"input_tokens": None, "images": 1}}, Usage(images=1)),
        ({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}, Usage(input_tokens=3, output_tokens=4)),
        ({"billed_units": {"classifications": 5}}, None),
        ({"api_version": {"version": "1"}}, None),
        ({"billed_units": "none", "tokens": [1]}, None),
    ],
)
def test_what_is_billed_is_read(block: dict[str, Any], usage: Usage | None) -> None:
    assert read_usage(block) == (usage, None)


@pytest.mark.parametrize(
    ("billed", "named"),
    [
        ({"input_tokens": -1, "output_tokens": 2}, "input_tokens is -1"),
        ({"input_tokens": 10**10}, "input_tokens is 10000000000"),
        ({"search_units": 10**9}, "search_units is 1000000000"),
        ({"search_units": -3}, "search_units is -3"),
        ({"search_units": 1e300}, "search_units is 1e+300"),
        ({"images": "many"}, "images is many"),
        ({"output_tokens": 1e300}, "output_tokens is 1e+300"),
    ],
)
def test_a_count_that_cannot_be_is_suspect(billed: dict[str, Any], named: str) -> None:
    _, suspect = read_usage({"billed_units": billed})
    assert named in (suspect or "")


def test_both_versions_of_an_answer_are_read() -> None:
    billed = {"billed_units": {"input_tokens": 1, "output_tokens": 2}}
    first = report_of(values(msgspec.json.encode({"response_id": "r", "finish_reason": "COMPLETE", "meta": billed})))
    second = report_of(values(msgspec.json.encode({"id": "r", "finish_reason": "COMPLETE", "usage": billed})))
    assert first == second
    assert (first.response_id, first.finish_reason, first.response_model) == ("r", "COMPLETE", None)


_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["billed_units", "tokens", "input_tokens", "images", "search_units"]), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["usage", "meta", "id"]), _json))
def test_no_answer_breaks_it(answer: dict[str, Any]) -> None:
    report = report_of(values(msgspec.json.encode(answer)))
    if report.usage is not None and report.suspect is None:
        report.usage.check()

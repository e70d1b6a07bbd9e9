"""Counts that stand elsewhere than in a usage object."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.answer import values
from tollway.providers.elsewhere import read_elsewhere
from tollway.providers.openai_usage import Read
from tollway.usage import Usage


def read(found: dict[str, Any]) -> Read:
    return read_elsewhere(values(json.dumps(found).encode()))


def metric(name: str, value: object) -> dict[str, Any]:
    return {"metric": name, "value": value, "unit": "tokens"}


@pytest.mark.parametrize(
    ("found", "usage"),
    [
        (
            {"metrics": [metric("num_prompt_tokens", 19), metric("num_completion_tokens", 5)]},
            Usage(input_tokens=19, output_tokens=5),
        ),
        (
            {"stats": {"input_tokens": 7, "total_output_tokens": 9, "reasoning_output_tokens": 4}},
            Usage(input_tokens=7, output_tokens=9, reasoning_output_tokens=4),
        ),
        (
            {"results": [{"generated_token_count": 5, "input_token_count": 11, "stop_reason": "eos_token"}]},
            Usage(input_tokens=11, output_tokens=5),
        ),
        ({"stats": {"tokens_per_second": 5.1}}, None),
        ({"results": [{"index": 0, "relevance_score": 0.5}]}, None),
        ({"metrics": {"latency": 3}}, None),
        ({"choices": []}, None),
    ],
)
def test_counts_are_found_where_they_stand(found: dict[str, Any], usage: Usage | None) -> None:
    assert read(found) == Read(usage)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ({"metrics": [metric("num_prompt_tokens", 3), metric("num_total_tokens", 9)]}, "num_total_tokens is 9"),
        ({"stats": {"input_tokens": -3}}, "cannot be negative"),
        ({"results": [{"input_token_count": 10**9}]}, "which no call can be"),
    ],
)
def test_counts_that_cannot_be_are_named(found: dict[str, Any], why: str) -> None:
    assert why in (read(found).suspect or "")


NONSENSE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["metric", "value", "input_tokens", "input_token_count"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.sampled_from(["metrics", "stats", "results"]), NONSENSE)
def test_nothing_breaks_it(name: str, value: object) -> None:
    found = read({name: value})
    assert found.usage is not None or found == Read()

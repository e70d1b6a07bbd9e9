"""OpenAI's two usage shapes, and what copies of its API make of them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.openai_usage import read_usage
from tollway.usage import Usage

CHAT = {
    "prompt_tokens": 100,
    "completion_tokens": 50,
    "total_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 5, "image_tokens": 6, "video_tokens": 7},
    "completion_tokens_details": {"reasoning_tokens": 20, "audio_tokens": 3, "image_tokens": 4},
}
READ = Usage(
    input_tokens=100,
    cache_read_input_tokens=60,
    input_audio_tokens=5,
    input_image_tokens=6,
    input_video_tokens=7,
    output_tokens=50,
    reasoning_output_tokens=20,
    output_audio_tokens=3,
    output_image_tokens=4,
)


def test_chat_counts_cached_tokens_in_the_input_and_reasoning_in_the_output() -> None:
    assert read_usage(CHAT) == (READ, None)


def test_responses_say_the_same_in_other_words() -> None:
    responses = {
        name.replace("prompt_", "input_").replace("completion_", "output_"): value for name, value in CHAT.items()
    }
    assert "input_tokens_details" in responses and "output_tokens" in responses
    assert read_usage(responses) == (READ, None)
    singular = {name.replace("tokens_details", "token_details"): value for name, value in responses.items()}
    assert read_usage(singular) == (READ, None)


def test_what_is_not_reported_is_not_zero() -> None:
    assert read_usage({}) == (Usage(), None)
    assert read_usage({"prompt_tokens": 3, "prompt_tokens_details": None}) == (Usage(input_tokens=3), None)


def test_a_total_alone_is_input() -> None:
    assert read_usage({"total_tokens": 8})[0] == Usage(input_tokens=8)
    assert read_usage({"prompt_tokens": 0, "total_tokens": 8})[0].input_tokens == 0


@pytest.mark.parametrize(
    ("usage", "output"),
    [
        # xAI: 10 + 5 + 20 = 35, so the reasoning stands beside the completion.
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 35}, 25),
        # OpenAI: 10 + 25 = 35, so it stands inside.
        ({"prompt_tokens": 10, "completion_tokens": 25, "total_tokens": 35}, 25),
        # Nothing tells: taken as OpenAI means it.
        ({"prompt_tokens": 10, "completion_tokens": 25}, 25),
    ],
)
def test_the_total_tells_whether_reasoning_is_in_the_completion(usage: dict[str, Any], output: int) -> None:
    read, suspect = read_usage({**usage, "completion_tokens_details": {"reasoning_tokens": 20}})
    assert (read.output_tokens, read.reasoning_output_tokens, suspect) == (output, 20, None)


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1000))
def test_reasoning_is_billed_once_wherever_it_stands(prompt: int, visible: int, reasoning: int) -> None:
    details = {"completion_tokens_details": {"reasoning_tokens": reasoning}}
    total = {"prompt_tokens": prompt, "total_tokens": prompt + visible + reasoning}
    beside = read_usage({**total, **details, "completion_tokens": visible})
    inside = read_usage({**total, **details, "completion_tokens": visible + reasoning})
    assert beside == inside
    assert beside[0].output_tokens == visible + reasoning


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens_details": {"cached_tokens": 4}},
        {"prompt_cache_hit_tokens": 4},
        {"cached_tokens": 4},
        {"prompt_tokens_details": {"cached_tokens": 4}, "cached_tokens": 9},
        {"prompt_tokens_details": {"cached_tokens": None}, "cached_tokens": 4},
    ],
)
def test_cached_tokens_have_many_names(usage: dict[str, Any]) -> None:
    assert read_usage({"prompt_tokens": 10, **usage})[0].cache_read_input_tokens == 4


def test_a_cached_count_of_zero_is_a_count() -> None:
    usage = {"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 0}, "cached_tokens": 9}
    assert read_usage(usage)[0].cache_read_input_tokens == 0


@pytest.mark.parametrize("name", ["cache_write_tokens", "cache_creation_tokens"])
def test_cache_writes_have_two_names(name: str) -> None:
    usage = {"prompt_tokens": 10, "prompt_tokens_details": {name: 4}}
    assert read_usage(usage)[0].cache_creation_input_tokens == 4


@pytest.mark.parametrize(("seconds", "billed"), [(3, 3), (2.1, 3), (0, 0), (None, None)])
def test_a_transcription_is_billed_by_whole_seconds(seconds: float | None, billed: int | None) -> None:
    usage = {"type": "duration", "seconds": seconds, "prompt_tokens": 5}
    assert read_usage(usage) == (Usage(input_audio_seconds=billed), None)


@pytest.mark.parametrize(
    ("usage", "why"),
    [
        ({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 4}, "total_tokens is 4"),
        ({"prompt_tokens": -1}, "cannot be negative"),
        ({"prompt_tokens": 1, "cached_tokens": 2}, "exceed input_tokens 1"),
        ({"prompt_tokens": 10**9}, "which no call can be"),
    ],
)
def test_counts_that_cannot_be_are_named_and_kept(usage: dict[str, Any], why: str) -> None:
    read, suspect = read_usage(usage)
    assert suspect is not None and why in suspect
    assert read.input_tokens == usage["prompt_tokens"]

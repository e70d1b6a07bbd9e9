"""OpenAI's two usage shapes, and what copies of its API make of them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.openai_usage import Read, believed, read_usage
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


def test_a_negative_duration_is_suspect() -> None:
    assert read_usage({"type": "duration", "seconds": 7}) == (Usage(input_audio_seconds=7), None)
    read, suspect = read_usage({"type": "duration", "seconds": -7})
    assert read == Usage(input_audio_seconds=-7)
    assert suspect is not None


PERPLEXITY = {
    "prompt_tokens": 9,
    "completion_tokens": 8000,
    "citation_tokens": 20000,
    "num_search_queries": 22,
    "reasoning_tokens": 150000,
}


@pytest.mark.parametrize("total", [None, 8009, 158009])
def test_perplexity_counts_its_reasoning_beside_the_completion_whatever_its_total_says(total: int | None) -> None:
    assert read_usage({**PERPLEXITY, "total_tokens": total}) == (
        Usage(
            input_tokens=9,
            output_tokens=158000,
            reasoning_output_tokens=150000,
            citation_tokens=20000,
            web_searches=22,
        ),
        None,
    )


def test_reasoning_at_the_top_level_is_inside_the_completion_elsewhere() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 80, "total_tokens": 89, "reasoning_tokens": 50}
    read = Usage(input_tokens=9, output_tokens=80, reasoning_output_tokens=50)
    assert read_usage(usage) == (read, None)
    assert read_usage({**usage, "completion_tokens_details": {"reasoning_tokens": 30}})[0].reasoning_output_tokens == 30


def test_the_parts_of_a_prompt_may_stand_beside_it() -> None:
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 5,
        "cache_read_input_tokens": 60,
        "cache_creation_input_tokens": 30,
    }
    read = Usage(input_tokens=100, output_tokens=5, cache_read_input_tokens=60, cache_creation_input_tokens=30)
    assert read_usage(usage) == (read, None)
    details = {"cached_tokens": 7, "cache_write_tokens": 8}
    told = read_usage({**usage, "prompt_tokens_details": details})[0]
    assert (told.cache_read_input_tokens, told.cache_creation_input_tokens) == (7, 8)


def test_a_cache_beside_what_is_not_called_a_prompt_is_no_part_of_it() -> None:
    assert read_usage({"input_tokens": 3, "cache_read_input_tokens": 60}) == (Usage(input_tokens=3), None)


def test_reasoning_beyond_an_output_that_adds_up_is_suspect_but_can_be_billed() -> None:
    read, suspect = read_usage(
        {
            "prompt_tokens": 20,
            "completion_tokens": 2,
            "total_tokens": 22,
            "completion_tokens_details": {"reasoning_tokens": 7},
        }
    )
    assert read == Usage(input_tokens=20, output_tokens=2, reasoning_output_tokens=2)
    read.check()
    assert suspect is not None and "reasoning_tokens 7 exceed output_tokens 2" in suspect


def test_searches_are_read_from_the_calls_of_tools() -> None:
    usage = {"input_tokens": 5, "output_tokens": 1, "tool_calls_details": {"search_web": {"invocation": 3}}}
    assert read_usage(usage) == (Usage(input_tokens=5, output_tokens=1, web_searches=3), None)
    assert read_usage({**usage, "tool_calls_details": {"fetch_url": {"invocation": 3}}})[0].web_searches is None
    assert read_usage({**usage, "num_search_queries": 4})[0].web_searches == 4


@pytest.mark.parametrize(
    ("usage", "input_tokens"),
    [
        ({"total_tokens": 8, "text_tokens": 3, "image_pixels": 2_000_000}, 8),
        ({"total_tokens": 8, "prompt_tokens": None, "cached_tokens": 0}, 8),
        ({"total_tokens": 8, "total_answer_tokens": 5}, None),
    ],
)
def test_a_total_is_input_only_where_no_other_tokens_are_told(usage: dict[str, Any], input_tokens: int | None) -> None:
    assert read_usage(usage)[0].input_tokens == input_tokens


def test_xai_without_a_total_is_known_by_its_sources() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 20}}
    assert read_usage({**usage, "num_sources_used": 0}) == (
        Usage(input_tokens=10, output_tokens=25, reasoning_output_tokens=20),
        None,
    )
    inside = {**usage, "num_sources_used": 0, "completion_tokens": 25, "total_tokens": 35}
    assert read_usage(inside)[0].output_tokens == 25


HIDDEN = {"completion_tokens": 10, "prompt_tokens": 9, "total_tokens": 113}


def test_what_only_the_total_has_is_noted_and_not_charged() -> None:
    read, suspect = read_usage(HIDDEN)
    assert read == Usage(input_tokens=9, output_tokens=10)
    assert suspect is not None and "total_tokens is 113" in suspect and "94" in suspect


def test_what_was_made_is_what_the_total_says_where_nothing_else_does() -> None:
    # An answer of Gemini that was all thoughts tells no completion.
    read, suspect = read_usage({"prompt_tokens": 9, "total_tokens": 109})
    assert read == Usage(input_tokens=9, output_tokens=100)
    assert suspect is not None and "billed as output" in suspect


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(1, 1000))
def test_a_total_above_its_parts_is_never_taken_in_silence(prompt: int, completion: int, more: int) -> None:
    total = prompt + completion + more
    read, suspect = read_usage({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total})
    assert (read.input_tokens, read.output_tokens) == (prompt, completion)
    assert suspect is not None and str(more) in suspect


def test_a_negative_output_is_what_the_total_says() -> None:
    read, suspect = read_usage({"prompt_tokens": 100, "completion_tokens": -500, "total_tokens": 600})
    assert (read.input_tokens, read.output_tokens) == (100, 500)
    assert suspect is not None and "-500" in suspect
    assert read_usage({"prompt_tokens": 100, "completion_tokens": -5})[0].output_tokens == -5


def test_what_stands_beside_a_prompt_in_the_total_is_billed_as_input() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 315}
    read, suspect = read_usage({**usage, "connector_tokens": 300})
    assert (read.input_tokens, read.output_tokens) == (310, 5)
    assert suspect is not None and "billed as input" in suspect
    cache = {"cache_read_input_tokens": 200, "cache_creation_input_tokens": 100}
    cached = read_usage({**usage, **cache})[0]
    assert (cached.input_tokens, cached.cache_read_input_tokens, cached.output_tokens) == (310, 200, 5)


def test_sources_in_a_total_are_billed_once_at_their_own_price() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 35, "citation_tokens": 20}
    read = read_usage(usage)[0]
    assert (read.output_tokens, read.citation_tokens) == (5, 20)


def test_an_output_of_zero_is_believed_unless_something_was_shown() -> None:
    none = Read(Usage(input_tokens=5, output_tokens=0, reasoning_output_tokens=0))
    assert believed(none, shown=False) is none
    found = believed(none, shown=True)
    assert (found.usage, found.suspect is None) == (Usage(input_tokens=5), False)
    some = Read(Usage(input_tokens=5, output_tokens=1))
    assert believed(some, shown=True) is some
    assert believed(Read(), shown=True) == Read()

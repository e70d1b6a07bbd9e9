"""Usage written as either API counts."""

from hypothesis import given
from hypothesis import strategies as st

from tollway.providers.anthropic_usage import read_usage as read_anthropic
from tollway.providers.openai_usage import read_usage as read_openai
from tollway.translate.counted import anthropic_usage, chat_usage, merged
from tollway.usage import Usage

counts = st.integers(0, 10_000)


@given(fresh=counts, read=counts, written=counts, hour=counts, output=counts, thought=counts)
def test_counts_come_back_out_of_either_api(
    fresh: int, read: int, written: int, hour: int, output: int, thought: int
) -> None:
    usage = Usage(
        input_tokens=fresh + read + written + hour,
        cache_read_input_tokens=read,
        cache_creation_input_tokens=written + hour,
        cache_creation_1h_input_tokens=hour,
        output_tokens=output + thought,
        reasoning_output_tokens=thought,
    )
    assert read_anthropic(anthropic_usage(usage)) == usage
    again, suspect = read_openai(chat_usage(usage))
    assert suspect is None
    # OpenAI tells no lifetimes of its cache.
    assert (again.input_tokens, again.cache_read_input_tokens, again.cache_creation_input_tokens) == (
        usage.input_tokens,
        read,
        written + hour,
    )
    assert (again.output_tokens, again.reasoning_output_tokens) == (output + thought, thought)


def test_anthropic_counts_are_exclusive() -> None:
    usage = Usage(input_tokens=100, cache_read_input_tokens=60, cache_creation_input_tokens=30, output_tokens=5)
    assert anthropic_usage(usage) == {
        "input_tokens": 10,
        "cache_creation_input_tokens": 30,
        "cache_read_input_tokens": 60,
        "output_tokens": 5,
    }


def test_what_was_not_counted_is_not_made_up() -> None:
    assert "prompt_tokens_details" not in chat_usage(Usage(input_tokens=3, output_tokens=4))
    assert anthropic_usage(None) == {"input_tokens": 0, "output_tokens": 0}


def test_the_later_word_wins_field_by_field() -> None:
    first, last = Usage(input_tokens=9, output_tokens=1), Usage(output_tokens=7)
    assert merged(first, last) == Usage(input_tokens=9, output_tokens=7)
    assert merged(None, last) is last
    assert merged(first, None) is first

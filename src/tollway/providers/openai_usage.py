"""OpenAI's two usage shapes as `Usage`: chat (`prompt_tokens`) and responses (`input_tokens`).

Both count cached tokens inside the input and reasoning inside the output. Providers that copied the API differ in small
ways; what is known of them is said where it is handled.
"""

from typing import NamedTuple

import msgspec

from tollway.providers.counts import Reported, added, beyond, count, doubt, first_count, nested, reported
from tollway.providers.stated_cost import read_stated_cost
from tollway.usage import Usage


class Read(NamedTuple):
    """What a usage object says."""

    usage: Usage | None = None
    suspect: str | None = None
    stated_cost: int | None = None
    """Nanodollars that the provider says it charges."""
    tier: str | None = None
    """How much was searched, which sets Perplexity's fee for a request."""


def read_raw(raw: msgspec.Raw | bytes | None) -> Read:
    """What a usage object of either shape says, its cost too where the provider states one."""
    return read_told(reported(raw), raw)


def read_told(usage: Reported | None, raw: msgspec.Raw | bytes | None) -> Read:
    """`read_raw` of counts that were added up over a stream; `raw` is the usage that was told last, which states the cost."""
    if raw is None or not usage:
        return Read()
    read, suspect = read_usage(usage)
    size = usage.get("search_context_size")
    tier = size if isinstance(size, str) and size else None
    if "cost" not in usage and "cost_in_usd_ticks" not in usage:
        return Read(read, suspect, tier=tier)
    stated = read_stated_cost(raw)
    return Read(read, suspect or stated.suspect, stated.nanodollars, tier)


def believed(read: Read, *, shown: bool) -> Read:
    """`read`, without an output of zero where text was `shown`: what was made is unknown then, not nothing."""
    usage = read.usage
    if not shown or usage is None or usage.output_tokens != 0:
        return read
    usage = msgspec.structs.replace(usage, output_tokens=None, reasoning_output_tokens=None)
    return read._replace(usage=usage, suspect=read.suspect or "the output is told to be 0 tokens, but text was shown")


def read_usage(usage: Reported) -> tuple[Usage, str | None]:
    """The counts of a usage object of either shape, and why they are not to be trusted, if so.

    What a total has beyond its parts is suspect, and no output by itself: recorded answers of Gemini, whose thoughts are in the
    total alone, are priced by their parts.
    """
    if usage.get("type") == "duration":
        heard = Usage(input_audio_seconds=count(usage.get("seconds")))
        return heard, doubt(heard, usage)
    prompt = nested(
        usage, "prompt_tokens_details", "input_tokens_details", "input_token_details", "prompt_token_details"
    )
    completion = nested(
        usage,
        "completion_tokens_details",
        "output_tokens_details",
        "output_token_details",
        "completion_token_details",
    )
    total = count(usage.get("total_tokens"))
    input_tokens = first_count(usage, "prompt_tokens", "input_tokens")
    output_tokens = first_count(usage, "completion_tokens", "output_tokens")
    if input_tokens is None and output_tokens is None and _is_alone(usage):
        input_tokens = total  # Voyage reports an embedding's tokens as the total alone.
    reasoning = _either(first_count(completion, "reasoning_tokens"), first_count(usage, "reasoning_tokens"))
    overflow: str | None = None
    if reasoning:
        visible = added(input_tokens, output_tokens)
        beside = added(visible, reasoning)
        if total == beside or _counts_beside(usage, total):
            output_tokens = added(output_tokens, reasoning)  # xAI counts reasoning beside the completion, not inside.
            if total == visible:
                total = beside  # Perplexity's total leaves it out.
        elif output_tokens is not None and total == visible and reasoning > output_tokens >= 0:
            # What is billed is the whole, and the whole adds up; Mistral's answers have shown it.
            overflow = f"reasoning_tokens {reasoning} exceed output_tokens {output_tokens}; billed as {output_tokens}"
            reasoning = output_tokens
    # No output is negative: the total alone tells it then.
    made = None if output_tokens is not None and output_tokens < 0 else output_tokens
    hidden = beyond(total, input_tokens, made)
    # Perplexity's sources have their own price.
    if hidden is not None and hidden != count(usage.get("citation_tokens")):
        overflow = f"total_tokens is {total}, but input and output are {input_tokens} + {output_tokens}"
        if hidden in _put_into_the_prompt(usage):
            input_tokens = added(input_tokens, hidden)
            overflow = f"{overflow}; the {hidden} between them are billed as input"
        elif made is None:
            output_tokens = hidden
            overflow = f"{overflow}; the {hidden} between them are billed as output"
        else:
            overflow = f"{overflow}; the {hidden} between them may be thoughts, and are not charged"
    # Databricks puts the parts of a prompt beside it. Where the input has its other name, they may be Anthropic's,
    # which are no parts of it.
    beside_prompt = usage if "prompt_tokens" in usage else _NO_PARTS
    read = Usage(
        input_tokens=input_tokens,
        # DeepSeek and Moonshot have names of their own for what others put into the details.
        cache_read_input_tokens=_either(
            first_count(prompt, "cached_tokens"),
            _either(
                first_count(usage, "prompt_cache_hit_tokens", "cached_tokens"),
                first_count(beside_prompt, "cache_read_input_tokens"),
            ),
        ),
        cache_creation_input_tokens=_either(
            first_count(prompt, "cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens"),
            first_count(beside_prompt, "cache_creation_input_tokens"),
        ),
        input_audio_tokens=first_count(prompt, "audio_tokens"),
        input_image_tokens=first_count(prompt, "image_tokens"),
        input_video_tokens=first_count(prompt, "video_tokens"),
        output_tokens=output_tokens,
        reasoning_output_tokens=reasoning,
        output_audio_tokens=first_count(completion, "audio_tokens"),
        output_image_tokens=first_count(completion, "image_tokens"),
        # Perplexity names what its research has read and looked for.
        citation_tokens=first_count(usage, "citation_tokens"),
        web_searches=_either(first_count(usage, "num_search_queries"), _searches(usage)),
        input_audio_seconds=first_count(usage, "prompt_audio_seconds"),
    )
    return read, overflow or doubt(read, usage, (("total_tokens", total),))


_NO_PARTS: Reported = {}
_PARTS_OF_A_TOTAL = frozenset({"total_tokens", "text_tokens", "image_tokens", "audio_tokens", "video_tokens"})


def _is_alone(usage: Reported) -> bool:
    """Whether no other count of tokens than the total, and what an input is made of, is told."""
    return not any(
        name.endswith("_tokens") and name not in _PARTS_OF_A_TOTAL and count(value) for name, value in usage.items()
    )


def _put_into_the_prompt(usage: Reported) -> tuple[int | None, ...]:
    """What may stand beside a prompt in a total: what Mistral's connectors found, a cache that is no part of the prompt."""
    cache = added(count(usage.get("cache_read_input_tokens")), count(usage.get("cache_creation_input_tokens")))
    return count(usage.get("connector_tokens")), cache


def _counts_beside(usage: Reported, total: int | None) -> bool:
    """Whether these are the counts of a provider that bills reasoning beside the completion, though no total says so."""
    if "completion_tokens" not in usage:
        return False
    if "citation_tokens" in usage or "num_search_queries" in usage:
        return "reasoning_tokens" in usage  # Perplexity.
    return total is None and "num_sources_used" in usage  # xAI alone counts sources.


def _searches(usage: Reported) -> int | None:
    """The searches of Perplexity's Agent API, which counts the calls of each tool."""
    tools = nested(usage, "tool_calls_details")
    return first_count(nested(tools, "search_web", "web_search"), "invocation", "invocations") if tools else None


def _either(first: int | None, second: int | None) -> int | None:
    return second if first is None else first

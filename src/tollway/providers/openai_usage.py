"""OpenAI's two usage shapes as `Usage`: chat (`prompt_tokens`) and responses (`input_tokens`).

Both count cached tokens inside the input and reasoning inside the output. Providers that copied the API differ in small
ways; what is known of them is said where it is handled.
"""

from tollway.providers.counts import Reported, added, count, doubt, first_count, nested
from tollway.usage import Usage


def read_usage(usage: Reported) -> tuple[Usage, str | None]:
    """The counts of a usage object of either shape, and why they are not to be trusted, if so."""
    if usage.get("type") == "duration":
        return Usage(input_audio_seconds=count(usage.get("seconds"))), None
    prompt = nested(usage, "prompt_tokens_details", "input_tokens_details", "input_token_details")
    completion = nested(usage, "completion_tokens_details", "output_tokens_details", "output_token_details")
    total = count(usage.get("total_tokens"))
    input_tokens = first_count(usage, "prompt_tokens", "input_tokens")
    output_tokens = first_count(usage, "completion_tokens", "output_tokens")
    if input_tokens is None and output_tokens is None:
        input_tokens = total  # Voyage reports an embedding's tokens as the total alone.
    reasoning = first_count(completion, "reasoning_tokens")
    if reasoning and total == added(input_tokens, output_tokens, reasoning):
        output_tokens = added(output_tokens, reasoning)  # xAI counts reasoning beside the completion, not inside.
    read = Usage(
        input_tokens=input_tokens,
        # DeepSeek and Moonshot have names of their own for what others put into the details.
        cache_read_input_tokens=_either(
            first_count(prompt, "cached_tokens"), first_count(usage, "prompt_cache_hit_tokens", "cached_tokens")
        ),
        cache_creation_input_tokens=first_count(prompt, "cache_write_tokens", "cache_creation_tokens"),
        input_audio_tokens=first_count(prompt, "audio_tokens"),
        input_image_tokens=first_count(prompt, "image_tokens"),
        input_video_tokens=first_count(prompt, "video_tokens"),
        output_tokens=output_tokens,
        reasoning_output_tokens=reasoning,
        output_audio_tokens=first_count(completion, "audio_tokens"),
        output_image_tokens=first_count(completion, "image_tokens"),
    )
    return read, doubt(read, usage, (("total_tokens", total),))


def _either(first: int | None, second: int | None) -> int | None:
    return second if first is None else first

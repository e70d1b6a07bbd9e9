"""Cohere's counts as `Usage`: what it bills, not what it processed.

Every answer has both: `billed_units` leaves out the instructions that Cohere puts around a prompt, `tokens` has them,
and `cached_tokens` is a part of the latter that changes no bill. A count that is only processed is used where nothing
is said to be billed, as on Cohere's models at other hosts.
"""

from tollway.providers import openai_usage
from tollway.providers.answer import Values, text
from tollway.providers.counts import Reported, added, count, doubt, first_count, nested, reported
from tollway.usage import Report, Usage

_UNITS = ("search_units", "images", "classifications")
"""What is billed in the place of tokens."""
_MOST_UNITS = 1_000_000
"""Far above what a call can have: a rerank takes 10,000 chunks, an embedding 96 inputs."""
_NOTHING = Usage()
_BILLED = ("input_tokens", "output_tokens", "image_tokens", *_UNITS)


def read_usage(block: Reported) -> tuple[Usage | None, str | None]:
    """The billed counts of a `usage` (v2) or `meta` (v1), and why they are not to be trusted, if so."""
    billed, tokens = nested(block, "billed_units"), nested(block, "tokens")
    if first_count(billed, *_BILLED) is not None:
        by_unit = first_count(billed, *_UNITS)
        fallback: Reported = {} if by_unit is not None else tokens
        images = count(billed.get("image_tokens"))
        read = Usage(
            # The tokens of images are billed beside those of text.
            input_tokens=added(_first(billed, fallback, "input_tokens"), images),
            input_image_tokens=images,
            output_tokens=_first(billed, fallback, "output_tokens"),
            search_units=count(billed.get("search_units")),
            images=count(billed.get("images")),
        )
        return (read if read != _NOTHING else None), _doubt_units(billed) or doubt(read, billed)
    if first_count(tokens, "input_tokens", "output_tokens") is not None:
        read = Usage(
            input_tokens=count(tokens.get("input_tokens")),
            input_image_tokens=count(tokens.get("image_tokens")),
            output_tokens=count(tokens.get("output_tokens")),
        )
        return read, doubt(read, tokens)
    if first_count(block, "prompt_tokens", "input_tokens", "completion_tokens", "output_tokens") is not None:
        return openai_usage.read_usage(block)
    return None, _doubt_units(billed) or doubt(_NOTHING, billed)


def report_of(found: Values) -> Report:
    """What a whole answer of either version reports. None names the model that answered."""
    block = reported(found.get("usage")) or reported(found.get("meta"))
    read, suspect = read_usage(block) if block else (None, None)
    return Report(
        usage=read,
        response_model=text(found.get("model")),
        response_id=text(found.get("id")) or text(found.get("response_id")) or text(found.get("generation_id")),
        finish_reason=text(found.get("finish_reason")),
        suspect=suspect,
    )


def _doubt_units(billed: Reported) -> str | None:
    """Why a count of units is not to be trusted: it is none, or more than one call can have."""
    for name in _UNITS:
        value = billed.get(name)
        if value is not None and not 0 <= _readable(value) <= _MOST_UNITS:
            return f"{name} is {str(value)[:24]}, which no call can be"
    return None


def _readable(value: object) -> int:
    number = count(value)
    return -1 if number is None else number


def _first(billed: Reported, tokens: Reported, name: str) -> int | None:
    number = count(billed.get(name))
    return count(tokens.get(name)) if number is None else number

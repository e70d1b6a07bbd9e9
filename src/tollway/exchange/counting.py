"""Counting tokens where no usage was told, and where a request does not fit by its bytes.

A count never lies below what the provider bills, as far as that can be known: text is counted with the model's own
vocabulary, everything else as before, and what may have been made and not seen is added. Where there is no vocabulary, or
nobody to count, a byte is a token.
"""

import msgspec

from tollway.exchange.allowance import IN_FLIGHT_TOKENS, LEAST_PART, TOKENS_PER_S
from tollway.exchange.steps import Count, Ended
from tollway.exchange.target import Target
from tollway.pricing.estimate import TOKENS_PER_MESSAGE, TOKENS_PER_REQUEST, Quote
from tollway.providers.prompts import MOST_BYTES, Counted, countable
from tollway.providers.vocabularies import Vocabulary, vocabulary_of
from tollway.request import InferenceRequest
from tollway.usage import Report, Usage

_KNOWN_PACE_MS = 1_000
"""An answer that was watched for so long is made at a pace that can be told."""
_BURST_MS = 10
"""What comes at once at the beginning tells nothing of how much would come in a second."""
_CHARACTER = 3
"""Tokens of a character that was not shown yet: it has up to four, and is shown with the last."""
_FASTER = 150
"""Percent of its average pace at which it may be made for a moment."""


def cut(ended: Ended) -> bool:
    """Whether the answer was ended before its end."""
    return ended.reason != "complete" or not ended.finished


# What a stream has shown.


def vocabulary_for(target: Target) -> Vocabulary | None:
    """What the streams of `target` are to be counted with, if they are cut; `None` where their text tells too little."""
    return _vocabulary(target) if target.visible else None


def of_shown(ended: Ended, request: InferenceRequest, target: Target) -> Count | None:
    """What is to be counted of a stream that told no usage, or not all; `None` where its bytes have to do."""
    vocabulary, kept = vocabulary_for(target), ended.kept
    if vocabulary is None or kept is None:
        return None
    told = ended.report.usage is not None and ended.report.usage.input_tokens is not None
    prompt = request if not told and vocabulary.exact and _countable(request) else None
    return Count(vocabulary.name, (*kept.texts, kept.largest), prompt)


def usage_of(ended: Ended, quote: Quote, target: Target, counted: Counted | None, most: int | None = None) -> Report:
    """The usage of an answer that told none: its input as counted or bounded, its output as counted; what was not seen of it
    is no more than makes `most` tokens."""
    seen = ended.report.usage
    output = output_tokens(ended, quote, target, counted, most)
    if seen is not None and seen.input_tokens is not None:
        # Of the output only its length is known; what it is made of was told before its end, if at all.
        told = seen.input_tokens
        if told >= 0 and cut(ended) and quote.unbounded is None:
            # It may have told of its input before it knew it: then its bound stands.
            told = told if told >= quote.input_tokens // LEAST_PART else quote.input_tokens
        usage = msgspec.structs.replace(
            seen,
            input_tokens=told,
            output_tokens=output,
            reasoning_output_tokens=None,
            output_audio_tokens=None,
            output_image_tokens=None,
        )
    else:
        usage = Usage(input_tokens=_input_tokens(quote, target, counted), output_tokens=output)
    return Report(
        usage=usage,
        response_model=ended.report.response_model,
        service_tier=ended.report.service_tier,
    )


def output_tokens(
    ended: Ended, quote: Quote, target: Target, counted: Counted | None = None, most: int | None = None
) -> int:
    """Tokens of output: those that were seen and those that were in flight; a byte each where they were not counted."""
    usage, kept, vocabulary = ended.report.usage, ended.kept, vocabulary_for(target)
    reported = (usage.output_tokens or 0) if usage is not None else 0
    shown, in_flight = ended.output_bytes, 0
    if cut(ended):
        in_flight = IN_FLIGHT_TOKENS * quote.choices + ended.unseen_tokens
    if counted is not None and kept is not None and vocabulary is not None:
        *texts, largest = counted.shown
        # Text has no more tokens than bytes, whatever a bound by a ratio says.
        shown = min(shown, sum(texts) + kept.other_bytes + kept.answers * vocabulary.framing_tokens)
        # What is bounded and not counted is not worth a closer look at what was under way.
        if in_flight and vocabulary.exact and not ended.behind:
            in_flight = _in_flight(ended, quote.choices, shown, largest, in_flight)
    known = max(shown, reported)
    if most is not None:
        in_flight = min(in_flight, max(most - known, 0))
    return min(known + in_flight, quote.output_tokens * quote.choices)


def _in_flight(ended: Ended, choices: int, shown: int, largest: int, usual: int) -> int:
    """What may have been made since the last piece came, at the pace of the answer, and one more piece like the largest.

    A provider goes on until it has heard that nobody listens, which takes no longer than its first word took to come. No more
    than `usual` is added, unless the answer is made faster than any that is metered.
    """
    fastest = TOKENS_PER_S * choices
    pace = -(-_FASTER * shown * 10 // max(ended.shown_ms, _BURST_MS))
    if ended.shown_ms < _KNOWN_PACE_MS:
        pace = max(pace, fastest)
    made = -(-pace * ended.unseen_ms // 1000) + max(largest, _CHARACTER) * choices
    return made if pace > fastest else min(made, usual)


def _input_tokens(quote: Quote, target: Target, counted: Counted | None) -> int:
    vocabulary = vocabulary_for(target)
    if counted is None or counted.prompt_tokens is None or vocabulary is None:
        return quote.input_tokens
    framing = counted.messages * vocabulary.message_tokens + (vocabulary.request_tokens if counted.messages else 0)
    return min(counted.prompt_tokens + framing, quote.input_tokens)


# What a request asks for.


def of_prompt(request: InferenceRequest, target: Target, quote: Quote, left: int) -> Count | None:
    """The count that may let a request in of which `left` nanodollars are not enough for its bytes; `None` where none can."""
    vocabulary = _vocabulary(target)
    if vocabulary is None or not _countable(request):
        return None
    # No text has fewer tokens, and no answer is shorter.
    least = quote.tightened(quote.input_tokens // LEAST_PART)
    if least is None or least.clamped(left) is None:
        return None
    return Count(vocabulary.name, request=request)


def tightened(quote: Quote, target: Target, counted: Counted | None, *, certain: bool) -> Quote | None:
    """`quote` with its input as counted; `None` where that is no help.

    With `certain`, only where the count bounds what is billed as surely as the bytes do. The argument: the messages are
    plain text and nothing else (`Counted.plain`), the vocabulary is the model's own (`Vocabulary.exact`), and a provider cuts
    the text of each message by itself, since marks stand between them that no text can be merged with. So the text has these
    tokens, neither more nor fewer, and what is added for the marks is what the bound by bytes adds, twice what recorded
    requests show. Anything else (tools, schemas, names, unknown fields) is shown to the model in words nobody has published:
    there a count is an estimate, and holds money only where an estimate may.
    """
    vocabulary = _vocabulary(target)
    if counted is None or counted.prompt_tokens is None or vocabulary is None:
        return None
    if certain and not (counted.plain and vocabulary.exact):
        return None
    framing = max(vocabulary.message_tokens, TOKENS_PER_MESSAGE) * max(counted.messages, 1)
    return quote.tightened(counted.prompt_tokens + framing + max(vocabulary.request_tokens, TOKENS_PER_REQUEST))


def _vocabulary(target: Target) -> Vocabulary | None:
    """`None` as well where some tokens are no plain text."""
    return None if target.terms.dear else vocabulary_of(target.listed.price_list, target.listed.model)


def _countable(request: InferenceRequest) -> bool:
    return len(request.body) <= MOST_BYTES and countable(request.api)

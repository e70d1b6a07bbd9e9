"""What a request may cost at most, before it is sent (the money protocol: estimate, a true upper bound).

A byte-level token is at least one byte, so the bytes of the body bound the tokens of its text. What the body does not
show (a linked image, a stored conversation) is bounded by the model's context window, or not at all. Output is bounded
by the cap that is in force at the provider: the caller's own, or the one this quote says to write.
"""

from collections.abc import Callable
from typing import final

import msgspec

from tollway.money import MOST_AT_ONCE, Money, display
from tollway.pricing.ceiling import Ceiling, ceiling, dearest_of
from tollway.pricing.charge import Unpriced
from tollway.pricing.price import PriceBook
from tollway.pricing.units import Price, UnitPrice
from tollway.request import Ask
from tollway.usage import Usage

DEFAULT_OUTPUT_TOKENS = 16_384
SMALLEST_CAP = 256
"""A cap below it is no answer: the request is refused instead."""

TOKENS_PER_MESSAGE = 8
TOKENS_PER_REQUEST = 64
"""Framing that a provider adds to each message, and to the whole."""

TOKENS_PER_MEDIA_PART = 65_536
"""Above any single image known (gpt-4o-mini at high detail: 8 tiles of 5,667 and 2,833), besides the part's bytes."""

AUDIO_BYTES_PER_SECOND = 500
"""Speech is not encoded in fewer: the slowest codec that transcription APIs take, Opus at 6 kbit/s, has 750."""

BY_TOKENS_ALONE = frozenset({"web_fetch", "computer", "mcp", "tool_search", "datetime"})
"""Provider-run tools that cost nothing but the tokens they put into the prompt. Any other without a price may cost anything."""

BILLED_AS = {"x_search": "web_search", "browser_search": "web_search", "collections_search": "file_search"}
"""xAI's and Groq's own searches, which cost no more than the usual one."""

TOOL_CALLS = 32
"""How often a provider runs one of its paid tools in one request at most, where the request does not say."""

ROUNDING = 32
"""Nanodollars: each line of a charge is rounded up on its own, and a charge has fewer lines than this."""


@final
class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """The most that a request may cost, and what must be so at the provider for that to be true."""

    provider: str
    model: str
    price_id: str
    amount: Money
    """The hold. Meaningless where `unbounded` names a reason."""
    input_tokens: int
    """No more are billed."""
    output_tokens: int
    """The cap for each choice that must be in force at the provider."""
    choices: int
    cap: int | None
    """The cap to write into the body; `None` where the caller's own is there and holds, or output costs nothing."""
    floor: Money
    """The part of `amount` that no cap lowers: input, tools, fees, rounding."""
    per_input_token: UnitPrice
    """The dearest that may apply, as `per_output_token`."""
    per_output_token: UnitPrice
    unbounded: str | None = None
    """Why the cost has no bound; a budget that must hold it refuses the request."""
    least_cap: int = 0
    """No smaller output cap can be written: thinking needs its share, and some APIs take no cap at all."""

    @property
    def free(self) -> bool:
        """The request costs nothing, whatever it does."""
        return self.amount == 0 and self.unbounded is None

    def clamped(self, budget_left: int, minimum: int = SMALLEST_CAP) -> "Quote | None":
        """This request with the largest cap whose hold fits into `budget_left`; itself where it fits as it is.

        `None` where that cap would be below `minimum`, or nothing bounds the cost.
        """
        if self.unbounded is not None:
            return None
        if self.amount <= budget_left:
            return self
        left = budget_left - self.floor
        if left < 0:
            return None
        # Here output has a price: without one the amount is the floor, and what is left would be negative.
        price = self.per_output_token
        tokens = left * price.per // (price.amount * self.choices)
        if tokens < max(minimum, self.least_cap):
            return None
        amount = Money(self.floor + price.times(tokens * self.choices))
        return msgspec.structs.replace(self, amount=amount, output_tokens=tokens, cap=tokens)

    def tightened(self, input_tokens: int) -> "Quote | None":
        """This request with a smaller bound of its input; `None` where it is no smaller, or bounds nothing."""
        if self.unbounded is not None or input_tokens >= self.input_tokens:
            return None
        # The price stays the one for the larger bound, which is no lower.
        saved = self.per_input_token.times(self.input_tokens) - self.per_input_token.times(input_tokens)
        return msgspec.structs.replace(
            self, amount=Money(self.amount - saved), floor=Money(self.floor - saved), input_tokens=input_tokens
        )


def estimate(
    ask: Ask,
    body_bytes: int,
    *,
    provider: str,
    model: str,
    book: PriceBook,
    at_ms: int,
    default_output_tokens: int = DEFAULT_OUTPUT_TOKENS,
    auto_is_standard: bool = False,
    window_at_least: int = 0,
    price: Price | None = None,
    at_ceiling: bool = False,
) -> Quote | Unpriced:
    """The most that `ask` may cost at `provider`, whose prices `book` knows under that name.

    `body_bytes` is the length of the whole body. `auto_is_standard`: the provider's project is known to have no dearer
    default tier than the standard one. `window_at_least`: the request asks for a context window of that many tokens,
    which the book's may be smaller than. `price`, where given, is what everything costs. `at_ceiling`: a model without
    a known price is held at its provider's dearest. No charge of usage within the quote's bounds is above its amount;
    what the request fixes (`ask.known`) is among those bounds.
    """
    media = ask.media_parts > 0 or ask.media_tokens > 0 or ask.unbounded is not None
    if price is not None:
        dearest = ceiling([price], long_cache=ask.long_cache, media=media)
    else:
        dearest = book.ceiling(
            provider,
            model,
            at_ms=at_ms,
            tier=ask.service_tier,
            long_cache=ask.long_cache,
            media=media,
            auto_is_standard=auto_is_standard,
        )
        if dearest is None:
            if not at_ceiling:
                return Unpriced(provider, model)
            dearest = ceiling([book.at_ceiling(provider)], long_cache=ask.long_cache, media=media)
    window, longest = book.limits(provider, model)
    unseen = ask.unbounded or (f"what {ask.paid_tools[0]} finds" if ask.paid_tools else None)
    input_tokens = (
        max(body_bytes - ask.media_bytes, 0)
        + ask.media_tokens
        + TOKENS_PER_MESSAGE * max(ask.messages, 1)
        + TOKENS_PER_REQUEST
        + TOKENS_PER_MEDIA_PART * ask.media_parts
    )
    # The window bounds what is not seen. What is seen is never bounded by less than its bytes, or its media's formula:
    # a window may have grown since the book was compiled.
    if window is not None and unseen is not None:
        input_tokens = max(input_tokens, window, window_at_least)
    step = dearest.at(input_tokens)
    choices = max(ask.choices, 1)
    output_tokens, cap = _output(ask.max_output_tokens, longest, default_output_tokens)
    if step.output.amount == 0:
        cap = None
    fixed = step.input.times(input_tokens) + _fees(dearest, ask, body_bytes, choices)
    # As many tokens as bytes at most, and beside the cap.
    fixed += step.output.times(ask.predicted_bytes * choices)
    output = step.output.times(output_tokens * choices)
    if fixed or output:
        fixed += ROUNDING
    quote = Quote(
        provider=provider,
        model=model,
        price_id=dearest.price_id,
        amount=Money(fixed + output),
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        choices=choices,
        cap=cap,
        floor=Money(fixed),
        per_input_token=step.input,
        per_output_token=step.output,
        unbounded=_unbounded(dearest, ask, unseen if window is None else None),
        least_cap=ask.floor_output_tokens,
    )
    return quote if quote.amount <= MOST_AT_ONCE else _within(quote)


def _within(quote: Quote) -> Quote:
    """A request that may cost more than any is let, with a cap under which it may not; without one, nothing bounds it."""
    return quote.clamped(MOST_AT_ONCE) or msgspec.structs.replace(
        quote,
        amount=MOST_AT_ONCE,
        floor=min(quote.floor, MOST_AT_ONCE),
        unbounded=quote.unbounded or f"a request of more than {display(MOST_AT_ONCE)}",
    )


def _output(asked: int | None, longest: int | None, default: int) -> tuple[int, int | None]:
    """The cap in force for each choice, and the cap to write for it."""
    if asked is None:
        cap = default if longest is None else min(default, longest)
        return cap, cap
    if longest is not None and asked > longest:
        return longest, longest
    return max(asked, 0), None


def _fees(dearest: Ceiling, ask: Ask, body_bytes: int, choices: int) -> int:
    """The most that is billed besides tokens, as far as the request tells it."""
    known = ask.known or _NOTHING_KNOWN
    fees = dearest.request.amount and dearest.request.times(1)
    if dearest.image:
        images = known.images if known.images is not None else choices
        fees += dearest_of(dearest.image, "image", known.image_kind).times(images)
    if dearest.video and known.output_video_seconds:
        fees += dearest_of(dearest.video, "video_seconds", known.video_kind).times(known.output_video_seconds)
    if dearest.characters.amount:
        fees += dearest.characters.times(known.characters if known.characters is not None else body_bytes)
    if dearest.seconds.amount:
        seconds = known.input_audio_seconds
        if seconds is None:
            seconds = -(-body_bytes // AUDIO_BYTES_PER_SECOND)
        fees += dearest.seconds.times(max(seconds, dearest.least_seconds))
    if dearest.unseen:
        counts = ((unit, _COUNTED[meter](known)) for meter, unit in dearest.unseen.items())
        fees += sum(unit.times(count) for unit, count in counts if count is not None)
    for tool in ask.paid_tools:
        price = dearest.tools.get(BILLED_AS.get(tool, tool))
        if price is not None:
            fees += price.times(1 if tool == "code_execution" else TOOL_CALLS)
    return fees


_NOTHING_KNOWN = Usage()


_COUNTED: dict[str, Callable[[Usage], int | None]] = {
    "search_unit": lambda known: known.search_units,
    "pages": lambda known: known.pages,
    # Without a word on it all pages may be annotated.
    "annotated_pages": lambda known: known.annotated_pages if known.annotated_pages is not None else known.pages,
    "output_audio_seconds": lambda known: known.output_audio_seconds,
    "citation": lambda known: known.citation_tokens,
    "messages": lambda known: None,
}
"""How many of each meter in `UNSEEN` are billed at most, where the request tells; all that are, in that module's order."""


def _unbounded(dearest: Ceiling, ask: Ask, unseen_tokens: str | None) -> str | None:
    """Why the cost has no bound, though it has a price; `None` where it has one."""
    known = ask.known or _NOTHING_KNOWN
    if "image_generation" in ask.paid_tools and "image_generation" not in dearest.tools and not dearest.free:
        return "pictures that a tool makes"
    if unseen_tokens is not None and dearest.steps[-1].input.amount:
        return unseen_tokens
    tools = () if dearest.free else ask.paid_tools
    for tool in tools:
        if BILLED_AS.get(tool, tool) not in dearest.tools and tool not in BY_TOKENS_ALONE:
            return f"the tool {tool[:80]}, whose fee is in no price list,"
    missing = [meter for meter in dearest.unseen if _COUNTED[meter](known) is None]
    if dearest.video and known.output_video_seconds is None:
        missing.append("video_seconds")
    if missing:
        return f"{_SAID.get(missing[0], missing[0].replace('_', ' '))}, which are billed and not seen in the request"
    if ask.unbounded is not None and (
        (dearest.seconds.amount and known.input_audio_seconds is None)
        or (dearest.characters.amount and known.characters is None)
    ):
        return ask.unbounded
    return None


_SAID = {
    "search_unit": "search units",
    "citation": "citation tokens",
    "output_audio_seconds": "seconds of speech",
    "video_seconds": "seconds of video",
}
"""What people call a meter."""

"""What is owed for a reported usage: disjoint lines that add up to the amount."""

from typing import Literal

import msgspec

from tollway.errors import UsageInvalid
from tollway.money import ZERO, Money
from tollway.pricing.price import PriceBook
from tollway.pricing.units import UNLISTED_TOOLS, Price, UnitPrice
from tollway.usage import Report, Usage

Basis = Literal["metered", "counted", "presumed"]
"""metered: the provider's own usage · counted: what was seen of the answer · presumed: the hold, taken as spent."""


class ChargeLine(msgspec.Struct, frozen=True):
    """One meter's part of a charge."""

    meter: str
    quantity: int
    unit_price: UnitPrice
    amount: Money


class Charge(msgspec.Struct, frozen=True):
    """An amount with its reasons. `amount` is exactly the sum of the lines, where there are any."""

    amount: Money
    lines: tuple[ChargeLine, ...] = ()
    price_id: str | None = None
    basis: Basis = "metered"


class Unpriced(msgspec.Struct, frozen=True):
    """No price is known. Never zero: the budget's `on_unpriced` decides."""

    provider: str
    model: str
    why: str = ""
    """What is in the way of a price, as a clause; empty where the model simply has none."""


def presumed(amount: Money, price_id: str | None = None) -> Charge:
    """A hold that is taken as spent, because what was really spent is not known."""
    return Charge(amount, (ChargeLine("presumed", 1, UnitPrice(amount, 1), amount),), price_id, "presumed")


def charge(usage: Usage, price: Price, *, basis: Basis = "metered") -> Charge:
    """The amount owed for `usage` at `price`, line by line.

    Counts are inclusive as reported (OpenTelemetry gen_ai.usage.*); lines are disjoint, so cached input is charged
    once. What has no price of its own is billed as the whole it is part of: cached input as input, reasoning as output.
    Each line is rounded up to a nanodollar; `amount` is exactly their sum.
    Raises UsageInvalid if a part exceeds its whole, for example more cached than input tokens.
    """
    usage.check()
    lines = _lines(usage, price)
    return Charge(_total(lines), tuple(lines), price.id, basis)


def charge_report(
    report: Report, book: PriceBook, *, provider: str, requested_model: str, at_ms: int, basis: Basis = "metered"
) -> Charge | Unpriced | None:
    """The amount owed for one answer: for the model that answered, at the tier it says, each sub-call at its own rates.

    A price that the settings give for the requested model comes first; then the answering model's; then the requested
    one's. `None`: the answer reports nothing that this price could be multiplied with, so nothing is known, not even
    that it was free. Raises UsageInvalid where the counts contradict each other.
    """
    tier = report.service_tier
    price = _price_of(report.response_model, book, provider, requested_model, at_ms, tier)
    if price is None:
        return Unpriced(provider, report.response_model or requested_model)
    if not report.steps:
        if report.usage is None:
            return Charge(ZERO, (), price.id, basis) if price.free else None
        usage = report.usage
        if usage.file_searches is not None and not price.overridden:
            # OpenAI's list has a fee for searches in its own store; no recorded bill shows it. It is always held, and
            # charged where the settings name it.
            usage = msgspec.structs.replace(usage, file_searches=None)
        charged = charge(usage, price, basis=basis)
        return charged if charged.lines or price.free or _reports_tokens(report.usage, price) else None
    lines: list[ChargeLine] = []
    for step in report.steps:
        step_price = _price_of(step.model, book, provider, requested_model, at_ms, tier) if step.model else price
        step.usage.check()
        lines += _lines(step.usage, step_price or price)
    if report.usage is not None and not any(_searches(step.usage) for step in report.steps):
        # Sub-calls list tokens only; the provider's own tools stand in the answer's totals.
        lines += _tool_lines(report.usage, price)
    return Charge(_total(lines), tuple(lines), price.id, basis)


def _price_of(
    answered: str | None, book: PriceBook, provider: str, requested: str, at_ms: int, tier: str | None
) -> Price | None:
    price = book.price(provider, requested, at_ms=at_ms, tier=tier)
    if answered is None or answered == requested or (price is not None and price.overridden):
        return price
    return book.price(provider, answered, at_ms=at_ms, tier=tier) or price


def _total(lines: list[ChargeLine]) -> Money:
    return Money(sum([line.amount for line in lines]))


def _reports_tokens(usage: Usage, price: Price) -> bool:
    """Whether `usage` counts tokens (perhaps none) and `price` is by the token."""
    return (usage.input_tokens is not None and "input" in price.units) or (
        usage.output_tokens is not None and "output" in price.units
    )


def _searches(usage: Usage) -> int:
    return (usage.web_searches or 0) + (usage.file_searches or 0)


def _lines(usage: Usage, price: Price) -> list[ChargeLine]:
    units = price.units_at(usage.input_tokens or 0)
    lines: list[ChargeLine] = []
    for meter, quantity in [*_input_parts(usage, units), *_output_parts(usage, units)]:
        unit = units.get(meter)
        if quantity and unit is not None:
            lines.append(ChargeLine(meter, quantity, unit, unit.times(quantity)))
    if "request" in units:
        lines.append(_line("request", 1, units["request"]))
    if usage.images and "image" in units:
        lines.append(_line("image", usage.images, units["image"]))
    if usage.input_audio_seconds:
        meter = "input_audio_seconds" if "input_audio_seconds" in units else "audio_seconds"
        if meter in units:
            lines.append(_line(meter, max(usage.input_audio_seconds, price.at_least.get(meter, 0)), units[meter]))
    return lines + _tool_lines(usage, price) if _searches(usage) else lines


def _tool_lines(usage: Usage, price: Price) -> list[ChargeLine]:
    if price.free:
        return []
    counts = (("web_search", usage.web_searches), ("file_search", usage.file_searches))
    return [_line(tool, count, price.units.get(tool, UNLISTED_TOOLS[tool])) for tool, count in counts if count]


def _line(meter: str, quantity: int, unit: UnitPrice) -> ChargeLine:
    return ChargeLine(meter, quantity, unit, unit.times(quantity))


def _input_parts(usage: Usage, units: dict[str, UnitPrice]) -> list[tuple[str, int]]:
    """The input tokens in disjoint parts, each with a price of its own, and the rest."""
    whole = usage.input_tokens or 0
    cached_audio = usage.cache_read_audio_tokens or 0
    long_lived = usage.cache_creation_1h_input_tokens or 0
    all_read, all_written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    all_audio = usage.input_audio_tokens or 0
    if cached_audio > all_read or cached_audio > all_audio or long_lived > all_written or all_audio > whole:
        raise UsageInvalid(
            f"cache_read_audio_tokens {cached_audio} of {all_read} cached and {all_audio} audio, "
            f"cache_creation_1h_input_tokens {long_lived} of {all_written} written, "
            f"input_audio_tokens {all_audio} of {whole} input: a part exceeds its whole"
        )
    read = all_read if "cache_read" in units else 0
    audio = all_audio if "input_audio" in units else 0
    heard_again = 0
    if cached_audio and audio and read:
        # Audio from the cache is in both counts. Without a price of its own it is billed as audio, the dearer one.
        read -= cached_audio
        if "cache_read_audio" in units:
            heard_again = cached_audio
            audio -= cached_audio
    kept_long = long_lived if "cache_write_1h" in units else 0
    written = all_written - kept_long if "cache_write" in units else 0
    image = (usage.input_image_tokens or 0) if "input_image" in units else 0
    video = (usage.input_video_tokens or 0) if "input_video" in units else 0
    rest = whole - heard_again - read - kept_long - written - audio - image - video
    if rest < 0:
        # Media that came from a cache, or went into one, is in two counts, and no provider says how much: what is in
        # both for certain is billed once, as media.
        shared = min(-rest, read, image + video + audio)
        read -= shared
        also = min(-rest - shared, written, image + video + audio - shared)
        written -= also
        rest += shared + also
    if rest < 0:
        raise UsageInvalid(f"the parts of input_tokens {whole} add up to {whole - rest}")
    return [
        ("input", rest),
        ("cache_read", read),
        ("cache_read_audio", heard_again),
        ("cache_write", written),
        ("cache_write_1h", kept_long),
        ("input_audio", audio),
        ("input_image", image),
        ("input_video", video),
    ]


def _output_parts(usage: Usage, units: dict[str, UnitPrice]) -> list[tuple[str, int]]:
    """The output tokens in disjoint parts, each with a price of its own, and the rest."""
    whole = usage.output_tokens or 0
    reasoning = (usage.reasoning_output_tokens or 0) if "reasoning" in units else 0
    audio = (usage.output_audio_tokens or 0) if "output_audio" in units else 0
    image = (usage.output_image_tokens or 0) if "output_image" in units else 0
    rest = whole - reasoning - audio - image
    if rest < 0:
        raise UsageInvalid(f"the parts of output_tokens {whole} add up to {whole - rest}")
    return [("output", rest), ("reasoning", reasoning), ("output_audio", audio), ("output_image", image)]

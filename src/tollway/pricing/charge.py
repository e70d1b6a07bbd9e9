"""What is owed for a reported usage: disjoint lines that add up to the amount."""

from typing import Literal, final

import msgspec

from tollway.errors import UsageInvalid
from tollway.money import MOST_AT_ONCE, ZERO, Money, display
from tollway.pricing.price import PriceBook
from tollway.pricing.units import NOTHING, UNLISTED_TOOLS, Price, UnitPrice, Units, of_kind
from tollway.usage import Report, Usage

Basis = Literal["metered", "counted", "presumed"]
"""metered: the provider's own usage · counted: what was seen of the answer · presumed: the hold, taken as spent."""


class ChargeLine(msgspec.Struct, frozen=True):
    """One meter's part of a charge."""

    meter: str
    quantity: int
    unit_price: UnitPrice
    amount: Money


@final
class Charge(msgspec.Struct, frozen=True):
    """An amount with its reasons. `amount` is exactly the sum of the lines, where there are any."""

    amount: Money
    lines: tuple[ChargeLine, ...] = ()
    price_id: str | None = None
    basis: Basis = "metered"


@final
class Unpriced(msgspec.Struct, frozen=True):
    """No price is known. Never zero: the budget's `on_unpriced` decides."""

    provider: str
    model: str
    why: str = ""
    """What is in the way of a price, as a clause; empty where the model simply has none."""


def presumed(amount: Money, price_id: str | None = None) -> Charge:
    """A hold that is taken as spent, because what was really spent is not known."""
    return Charge(amount, (ChargeLine("presumed", 1, UnitPrice(amount, 1), amount),), price_id, "presumed")


def stated(amount: Money, price_id: str, *, basis: Basis = "metered") -> Charge:
    """What the provider itself says it charges."""
    return Charge(amount, (ChargeLine("stated", 1, UnitPrice(amount, 1), amount),), price_id, basis)


def with_known(report: Report, known: Usage | None) -> Report:
    """`report`, with what the request alone tells of the bill (`Ask.known`) where the answer tells nothing of it."""
    if known is None:
        return report
    if report.usage is None:
        # A search is billed beside the tokens of an answer; known alone, it does not stand for them.
        return report if known.web_searches is not None else msgspec.structs.replace(report, usage=known)
    missing = {
        name: count
        for name in Usage.__struct_fields__
        if (count := getattr(known, name)) is not None and getattr(report.usage, name) is None
    }
    return (
        msgspec.structs.replace(report, usage=msgspec.structs.replace(report.usage, **missing)) if missing else report
    )


def charge(usage: Usage, price: Price, *, basis: Basis = "metered") -> Charge:
    """The amount owed for `usage` at `price`, line by line.

    Counts are inclusive as reported (OpenTelemetry gen_ai.usage.*); lines are disjoint, so cached input is charged
    once. What has no price of its own is billed as the whole it is part of: cached input as input, reasoning as output.
    Each line is rounded up to a nanodollar; `amount` is exactly their sum.
    Raises UsageInvalid if a part exceeds its whole, for example more cached than input tokens, or if the amount is
    above `MOST_AT_ONCE`.
    """
    usage.check()
    lines = _lines(usage, price)
    return Charge(_total(lines), tuple(lines), price.id, basis)


def charge_report(
    report: Report,
    book: PriceBook,
    *,
    provider: str,
    requested_model: str,
    at_ms: int,
    basis: Basis = "metered",
    price: Price | None = None,
    at_ceiling: bool = False,
    long_context: bool = True,
) -> Charge | Unpriced | None:
    """The amount owed for one answer: for the model that answered, at the tier it says, each sub-call at its own rates.

    `price`, where given, is what everything costs. Else a price that the settings give for the requested model comes
    first; then what the provider states that it charges; then the answering model's price; then the requested one's.
    `at_ceiling`: a model without any is billed at its provider's dearest. Without `long_context` the dearer prices of
    long inputs never apply, as at Anthropic where the request did not ask for long prompts (`anthropic-beta:
    context-1m-...`): the input it reports is then a sum over turns, none of which is long. `None`: the answer reports nothing that this
    price could be multiplied with, so nothing is known, not even that it was free. Raises UsageInvalid where the counts
    contradict each other.
    """
    tier = report.service_tier
    given = price
    if price is None:
        price = _price_of(report.response_model, book, provider, requested_model, at_ms, tier)
    if report.stated_cost is not None and given is None and _believed(report.stated_cost, price):
        named = price.id if price is not None else f"{provider}/{report.response_model or requested_model}@stated"
        return stated(Money(report.stated_cost), named, basis=basis)
    if price is None:
        if not at_ceiling:
            return Unpriced(provider, report.response_model or requested_model)
        price = book.at_ceiling(provider)
    if not long_context:
        price = _of_short_inputs(price)
    if not report.steps:
        if report.usage is None:
            return Charge(ZERO, (), price.id, basis) if price.free else None
        usage = report.usage
        if usage.file_searches is not None and (price.discounted or not price.overridden):
            # OpenAI's list has a fee for searches in its own store; no recorded bill shows it. It is always held, and
            # charged where the settings name it.
            usage = msgspec.structs.replace(usage, file_searches=None)
        charged = charge(usage, price, basis=basis)
        return charged if charged.lines or price.free or _reports_tokens(report.usage, price) else None
    lines: list[ChargeLine] = []
    for step in report.steps:
        step_price = price
        if step.model and given is None:
            step_price = _price_of(step.model, book, provider, requested_model, at_ms, tier) or price
            step_price = step_price if long_context else _of_short_inputs(step_price)
        step.usage.check()
        lines += _lines(step.usage, step_price)
    if report.usage is not None and not any(_searches(step.usage) for step in report.steps):
        # Sub-calls list tokens only; the provider's own tools stand in the answer's totals.
        report.usage.check()
        lines += _tool_lines(report.usage, price)
    return Charge(_total(lines), tuple(lines), price.id, basis)


def _of_short_inputs(price: Price) -> Price:
    return msgspec.structs.replace(price, tiers=()) if price.tiers else price


def _believed(stated_cost: int, price: Price | None) -> bool:
    """Whether what the provider states is the charge: not against the settings' own price, not nothing for work, and not what no
    answer costs."""
    if stated_cost > MOST_AT_ONCE:
        return False
    if price is None:
        return stated_cost > 0
    return not price.overridden and (stated_cost > 0 or price.free)


def _price_of(
    answered: str | None, book: PriceBook, provider: str, requested: str, at_ms: int, tier: str | None
) -> Price | None:
    price = book.price(provider, requested, at_ms=at_ms, tier=tier)
    if answered is None or answered == requested or (price is not None and price.overridden and not price.discounted):
        return price
    return book.price(provider, answered, at_ms=at_ms, tier=tier) or price


def _total(lines: list[ChargeLine]) -> Money:
    total = sum([line.amount for line in lines])
    if total > MOST_AT_ONCE:
        raise UsageInvalid(f"the lines add up to {display(total)}; no answer costs more than {display(MOST_AT_ONCE)}")
    return Money(total)


def _reports_tokens(usage: Usage, price: Price) -> bool:
    """Whether `usage` counts tokens (perhaps none) for which `price` asks something."""
    units = price.units
    return (usage.input_tokens is not None and units.get("input", NOTHING).amount > 0) or (
        usage.output_tokens is not None and units.get("output", NOTHING).amount > 0
    )


def _searches(usage: Usage) -> int:
    return (usage.web_searches or 0) + (usage.file_searches or 0)


def _lines(usage: Usage, price: Price) -> list[ChargeLine]:
    units = price.units_at(usage.input_tokens or 0)
    lines: list[ChargeLine] = []
    by_character = usage.characters is not None and "characters" in units
    # What is billed by its characters is not billed by its tokens as well.
    parts = _output_parts(usage, units) if by_character else [*_input_parts(usage, units), *_output_parts(usage, units)]
    for meter, quantity in parts:
        unit = units.get(meter)
        if quantity and unit is not None:
            lines.append(ChargeLine(meter, quantity, unit, unit.times(quantity)))
    if by_character and usage.characters:
        lines.append(_line("characters", usage.characters, units["characters"]))
    if "request" in units:
        lines.append(_line("request", 1, units["request"]))
    if usage.input_audio_seconds:
        meter = "input_audio_seconds" if "input_audio_seconds" in units else "audio_seconds"
        if meter in units:
            lines.append(_line(meter, max(usage.input_audio_seconds, price.at_least.get(meter, 0)), units[meter]))
    if usage.images and not _pictures_are_tokens(usage, units):
        _add(lines, of_kind(units, "image", usage.image_kind), usage.images)
    if usage.output_video_seconds:
        _add(lines, of_kind(units, "video_seconds", usage.video_kind), usage.output_video_seconds)
    for meter, quantity in (
        ("output_audio_seconds", usage.output_audio_seconds),
        ("search_unit", usage.search_units),
        ("citation", usage.citation_tokens),
    ):
        if quantity and meter in units:
            lines.append(_line(meter, quantity, units[meter]))
    if usage.pages or usage.annotated_pages:
        lines += _page_lines(usage, units)
    return lines + _tool_lines(usage, price) if _searches(usage) else lines


def _add(lines: list[ChargeLine], found: tuple[str, UnitPrice] | None, quantity: int) -> None:
    if found is not None:
        lines.append(_line(found[0], quantity, found[1]))


def _pictures_are_tokens(usage: Usage, units: Units) -> bool:
    """Whether the pictures of an answer are in the output tokens that it is billed by."""
    return usage.output_tokens is not None and ("output_image" in units or units.get("output", NOTHING).amount > 0)


def _page_lines(usage: Usage, units: Units) -> list[ChargeLine]:
    annotated = (usage.annotated_pages or 0) if "annotated_pages" in units else 0
    plain = max(usage.pages or 0, usage.annotated_pages or 0) - annotated
    counts = (("pages", plain), ("annotated_pages", annotated))
    return [_line(meter, count, units[meter]) for meter, count in counts if count and meter in units]


def _tool_lines(usage: Usage, price: Price) -> list[ChargeLine]:
    if price.free:
        return []
    counts = (("web_search", usage.web_searches), ("file_search", usage.file_searches))
    return [_line(tool, count, price.units.get(tool, UNLISTED_TOOLS[tool])) for tool, count in counts if count]


def _line(meter: str, quantity: int, unit: UnitPrice) -> ChargeLine:
    return ChargeLine(meter, quantity, unit, unit.times(quantity))


def _input_parts(usage: Usage, units: Units) -> list[tuple[str, int]]:
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


def _output_parts(usage: Usage, units: Units) -> list[tuple[str, int]]:
    """The output tokens in disjoint parts, each with a price of its own, and the rest."""
    whole = usage.output_tokens or 0
    reasoning = (usage.reasoning_output_tokens or 0) if "reasoning" in units else 0
    audio = (usage.output_audio_tokens or 0) if "output_audio" in units else 0
    image = (usage.output_image_tokens or 0) if "output_image" in units else 0
    rest = whole - reasoning - audio - image
    if rest < 0:
        raise UsageInvalid(f"the parts of output_tokens {whole} add up to {whole - rest}")
    return [("output", rest), ("reasoning", reasoning), ("output_audio", audio), ("output_image", image)]

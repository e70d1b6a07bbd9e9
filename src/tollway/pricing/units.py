"""Unit prices, and the price of a model as a set of them."""

from typing import NamedTuple

import msgspec

from tollway.money import Money

MILLION = 1_000_000

PER: dict[str, int] = {
    "input": MILLION,
    "cache_read": MILLION,
    "cache_write": MILLION,
    "cache_write_1h": MILLION,
    "input_audio": MILLION,
    "input_image": MILLION,
    "input_video": MILLION,
    "cache_read_audio": MILLION,
    "cache_read_image": MILLION,
    "output": MILLION,
    "reasoning": MILLION,
    "citation": MILLION,
    "output_audio": MILLION,
    "output_image": MILLION,
    "output_video": MILLION,
    "web_search": 1_000,
    "file_search": 1_000,
    "request": 1_000,
    "search_unit": 1_000,
    "image": 1,
    "video_seconds": 1,
    "audio_seconds": 3_600,
    "input_audio_seconds": 3_600,
    "output_audio_seconds": 3_600,
    "characters": MILLION,
    "messages": 1_000,
    "pages": 1_000,
    "annotated_pages": 1_000,
}
"""Every meter, and the quantity its price is usually written for. Tokens unless the name says otherwise.

`image` and `video_seconds` may have a kind: "image:hd/1024x1792", "video_seconds:1080p".
"""


def usual(meter: str) -> int:
    """The quantity that the price of a meter, of whatever kind, is usually written for."""
    return PER[meter.partition(":")[0]]


class UnitPrice(msgspec.Struct, frozen=True, array_like=True):
    """`amount` nanodollars for every `per` units: exact for every price, without a fraction."""

    amount: Money
    per: int

    def times(self, quantity: int) -> Money:
        """The price of `quantity` units, rounded up to a nanodollar."""
        return Money(-(-self.amount * quantity // self.per))

    def exceeds(self, other: "UnitPrice") -> bool:
        """Whether one unit costs more than one unit at `other`."""
        return self.amount * other.per > other.amount * self.per


FEES = frozenset(
    {
        "request",
        "web_search",
        "file_search",
        "search_unit",
        "messages",
        "image",
        "video_seconds",
        "pages",
        "annotated_pages",
    }
)
"""Meters that a dearer service tier, or a region, leaves as they are."""

NOTHING = UnitPrice(Money(0), MILLION)

UNLISTED_TOOLS: dict[str, UnitPrice] = {
    "web_search": UnitPrice(Money(10_000_000_000), 1_000),
    "file_search": UnitPrice(Money(2_500_000_000), 1_000),
}
"""What a search costs where the price list does not say: as much as OpenAI's and Anthropic's. Unknown is not zero."""


Units = dict[str, UnitPrice]
"""The unit price of each meter that has one."""


def of_kind(units: Units, meter: str, kind: str | None) -> tuple[str, UnitPrice] | None:
    """The meter and price of one `meter` ("image", "video_seconds") of `kind`; `None` where it has no price at all.

    The kind itself comes first; then its size alone, then its quality alone ("quality/size"); then the price of any
    kind. Where none of them is listed the dearest is taken: an unknown kind is not a cheap one.
    """
    if kind:
        quality, _, size = kind.partition("/")
        for named in (kind, size, quality):
            exact = units.get(f"{meter}:{named}")
            if exact is not None:
                return f"{meter}:{named}", exact
    plain = units.get(meter)
    return (meter, plain) if plain is not None else dearest_kind(units, meter)


def dearest_kind(units: Units, meter: str) -> tuple[str, UnitPrice] | None:
    """The dearest price of one `meter`, of any kind, and the meter it is listed as; `None` where there is no price."""
    dearest: tuple[str, UnitPrice] | None = None
    for named, unit in units.items():
        if named.partition(":")[0] == meter and (dearest is None or unit.exceeds(dearest[1])):
            dearest = (named, unit)
    return dearest


def scaled(units: Units, factor: tuple[int, int], *, fees: bool = True) -> Units:
    """`units` times an exact fraction (numerator, denominator); without `fees` only what is billed by what is in it."""
    up, down = factor
    return {
        meter: UnitPrice(Money(unit.amount * up), unit.per * down)
        if fees or meter.partition(":")[0] not in FEES
        else unit
        for meter, unit in units.items()
    }


class PriceTier(msgspec.Struct, frozen=True):
    """What a request costs whose input is longer than `over_input_tokens`: the whole request, not the part above."""

    over_input_tokens: int
    units: dict[str, UnitPrice]
    """All meters, also those that this tier leaves unchanged."""


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """What a model costs at one time, at one service tier."""

    id: str
    """Names this price for ever: `provider/model@since#book`, or `provider/model@settings#digest`."""
    provider: str
    model: str
    """The price list's own name of the model."""
    units: dict[str, UnitPrice]
    tiers: tuple[PriceTier, ...] = ()
    """By rising threshold."""
    effective_from: int | None = None
    """Unix milliseconds; `None` where the list names no beginning."""
    effective_to: int | None = None
    source_url: str | None = None
    free: bool = False
    """Every unit costs nothing, by the price list's own word or by the settings."""
    at_least: dict[str, int] = {}
    """The least quantity that is billed once a meter is used at all: ten seconds of audio, for example."""
    overridden: bool = False
    """The settings gave it, or changed it."""
    discounted: bool = False
    """It is the list price, less what the settings take off it."""
    source: str = ""
    """Where it comes from: "genai-prices", "litellm", "settings", "request", or the page it was read on."""
    added: dict[str, str] = {}
    """The meters that come from another source than the rest, with that source."""

    def units_at(self, input_tokens: int) -> dict[str, UnitPrice]:
        """The unit prices of a request with that many input tokens."""
        units = self.units
        for tier in self.tiers:
            if input_tokens > tier.over_input_tokens:
                units = tier.units
        return units


class ModelLimits(NamedTuple):
    """What a model takes and gives, in tokens; `None` where no source says."""

    context_window: int | None = None
    """No request with more input tokens is served."""
    max_output_tokens: int | None = None
    """Of one choice."""


UNLIMITED = ModelLimits()

"""Prices as the API writes them: exact amounts for a quantity, each meter with its unit, unknown as null."""

from collections.abc import Sequence

from pydantic import BaseModel

from tollway.admin.charge import Dollars, Instant, UnitPriceShown, instant_or_none, unit_price_shown
from tollway.money import Money, dollars
from tollway.pricing.disagreements import Disagreement
from tollway.pricing.listing import Listing, listing
from tollway.pricing.price import PriceBook
from tollway.pricing.units import MILLION, Price, UnitPrice, Units, usual

UNITS: dict[str, str] = {
    "web_search": "searches",
    "file_search": "searches",
    "request": "requests",
    "search_unit": "search units",
    "image": "images",
    "video_seconds": "seconds",
    "audio_seconds": "seconds",
    "input_audio_seconds": "seconds",
    "output_audio_seconds": "seconds",
    "characters": "characters",
    "messages": "messages",
    "pages": "pages",
    "annotated_pages": "pages",
}
"""What a meter counts; every other counts tokens."""


class MeterShown(UnitPriceShown):
    """The price of one meter: an amount per so many of its unit."""

    meter: str
    """`image` and `video_seconds` may have a kind: "image:hd/1024x1792"."""
    unit: str
    """tokens, requests, searches, images, seconds, pages, ..."""
    source: str
    """Where it comes from: "genai-prices", "litellm", "settings", or the page it was read on."""


class LongContext(BaseModel):
    """What a whole request costs whose input is longer than that."""

    over_input_tokens: int
    meters: list[MeterShown]


class PriceShown(BaseModel):
    """What a model costs at one time, at one service tier."""

    id: str
    meters: list[MeterShown]
    long_context: list[LongContext]
    free: bool
    source: str
    source_url: str | None
    effective_from: Instant | None
    effective_to: Instant | None


class DisagreementShown(BaseModel):
    """One meter of one model, at two prices for a million."""

    provider: str
    model: str
    meter: str
    genai_prices_usd: Dollars
    charged_as: str | None
    """The meter whose price that is, where genai-prices has none of this one and it is charged as that: "input"."""
    litellm_usd: Dollars
    difference_percent: str
    """LiteLLM's price beside genai-prices', in percent: "-12.5"."""
    used_usd: Dollars | None
    """What is charged now, for a million."""
    used: str
    """Whose price that is: genai-prices, litellm, settings, or another page."""


class ListedPrice(BaseModel):
    """One model in the price book."""

    provider: str
    model: str
    price: PriceShown | None
    """Now, at the standard tier, settings included; null where no price is known."""
    service_tiers: list[str]
    """Those with a price of their own."""
    override: str | None
    """The entry of `prices:` in the settings that makes or changes it: "openai/gpt-4o*"."""
    disagreements: list[DisagreementShown]
    """Where the two public lists disagree on it, or on a name that means it; empty where the settings alone price it."""


class DatedPrice(BaseModel):
    """One of a model's list prices in time."""

    since: Instant | None
    """Null from the beginning."""
    daily: str | None
    """The minutes of the UTC day it holds in: "00:30-16:30"; null all day."""
    price: PriceShown


class ListedPriceDetail(BaseModel):
    """Everything the price book knows of a model."""

    provider: str
    model: str
    names: list[str]
    """Exact names that mean it; rules may mean it by others."""
    priced_as: str
    """What to call it in `prices` of the settings: as it was asked for, or, where that is no name that a request has, by one that is."""
    price: PriceShown | None
    service_tiers: dict[str, PriceShown]
    dates: list[DatedPrice]
    """All list prices it has in time, where it has more than one."""
    context_window: int | None
    max_output_tokens: int | None
    override: str | None
    disagreements: list[DisagreementShown]
    """As in the list of prices."""
    list_price: PriceShown | None
    """What the public list says, whatever the settings do."""
    ceiling: PriceShown | None
    """Where no price is known: what a budget with on_unpriced: ceiling holds and charges."""


def meters_shown(units: Units, price: Price) -> list[MeterShown]:
    return [
        MeterShown(
            meter=meter,
            unit=UNITS.get(meter.partition(":")[0], "tokens"),
            source=price.added.get(meter, price.source) if not price.overridden else price.source,
            **unit_price_shown(_usual(meter, unit)).model_dump(),
        )
        for meter, unit in units.items()
    ]


def _usual(meter: str, unit: UnitPrice) -> UnitPrice:
    """The same price for the quantity that people write it for, where that is exact: a discount makes others."""
    per = usual(meter)
    whole, rest = divmod(unit.amount * per, unit.per)
    return UnitPrice(Money(whole), per) if rest == 0 else unit


def price_shown(price: Price) -> PriceShown:
    return PriceShown(
        id=price.id,
        meters=meters_shown(price.units, price),
        long_context=[
            LongContext(over_input_tokens=tier.over_input_tokens, meters=meters_shown(tier.units, price))
            for tier in price.tiers
        ],
        free=price.free,
        source=price.source,
        source_url=price.source_url,
        effective_from=instant_or_none(price.effective_from),
        effective_to=instant_or_none(price.effective_to),
    )


def listed_shown(found: Listing, disagreements: Sequence[DisagreementShown] = ()) -> ListedPrice:
    return ListedPrice(
        provider=found.provider,
        model=found.model,
        price=price_shown(found.price) if found.price is not None else None,
        service_tiers=list(found.tiers),
        override=found.override,
        disagreements=list(disagreements),
    )


def detail_shown(found: Listing, book: PriceBook, disagreements: Sequence[DisagreementShown] = ()) -> ListedPriceDetail:
    return ListedPriceDetail(
        provider=found.provider,
        model=found.model,
        names=list(found.names),
        priced_as=found.priced_as,
        price=price_shown(found.price) if found.price is not None else None,
        service_tiers={tier: price_shown(price) for tier, price in found.tiers.items()},
        dates=[
            DatedPrice(since=instant_or_none(dated.since), daily=dated.daily, price=price_shown(dated.price))
            for dated in found.dates
        ],
        context_window=found.limits.context_window,
        max_output_tokens=found.limits.max_output_tokens,
        override=found.override,
        disagreements=list(disagreements),
        list_price=price_shown(found.list_price) if found.list_price is not None else None,
        ceiling=price_shown(book.at_ceiling(found.provider)) if found.price is None else None,
    )


def disagreement_shown(found: Disagreement, book: PriceBook, at_ms: int) -> DisagreementShown:
    price = listing(book, found.provider, found.model, at_ms=at_ms).price
    charged_as = found.charged_as if price is not None and found.meter not in price.units else ""
    unit = price.units.get(charged_as or found.meter) if price is not None else None
    # A whole number of nanodollars for a million, or close to it: no list is finer.
    used = unit.times(MILLION) if unit is not None else None
    if price is None:
        whose = "no price"
    elif price.overridden:
        whose = "settings"
    elif used is None:
        whose = "not a meter of its own"
    elif used in (found.genai_prices, found.litellm):
        whose = "genai-prices" if used == found.genai_prices else "litellm"
    else:
        whose = price.added.get(charged_as or found.meter, price.source)
    return DisagreementShown(
        provider=found.provider,
        model=found.model,
        meter=found.meter,
        genai_prices_usd=dollars(found.genai_prices),
        charged_as=found.charged_as or None,
        litellm_usd=dollars(found.litellm),
        difference_percent=percent(found.litellm - found.genai_prices, found.genai_prices),
        used_usd=dollars(used) if used is not None else None,
        used=whose,
    )


def percent(part: int, whole: int) -> str:
    """`part` of `whole` in percent, to one place, computed in integers: "-12.5"; "inf" of nothing."""
    if whole == 0:
        return "inf" if part else "0.0"
    tenths = (2 * abs(part) * 1000 + whole) // (2 * whole)
    return f"{'-' if part < 0 and tenths else ''}{tenths // 10}.{tenths % 10}"

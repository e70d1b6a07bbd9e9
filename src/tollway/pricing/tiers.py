"""Service tiers: which of them a request may be billed at, and what one costs that no list prices."""

from collections.abc import Iterable

from tollway.money import Money
from tollway.pricing.overrides import COUNT_METERS
from tollway.pricing.units import PriceTier, UnitPrice

Units = dict[str, UnitPrice]

NOT_DEARER = frozenset(
    {"default", "standard", "standard_only", "on_demand", "performance", "scale", "reserved", "flex", "batch"}
)
"""OpenAI's, Anthropic's, Google's, Groq's and Bedrock's words for tiers that cost the standard price or less."""

DEARER = ("fast", "priority")

_UNLISTED = (5, 2)
"""OpenAI's dearest tier costs 2.5 times the standard price, Google's 1.8, Bedrock's 1.75 and Anthropic's "fast" 2."""

_PRIORITY_IS_STANDARD = frozenset({"anthropic"})
"""Providers whose "priority" is capacity bought beforehand, at the list price."""

_AUTO_MAY_BE_PRIORITY = frozenset({"openai", "azure"})
"""OpenAI: without a tier, or with "auto", the tier set for the project is used, which may be priority."""


def may_apply(provider: str, asked: str | None, listed: Iterable[str], *, auto_is_standard: bool) -> list[str | None]:
    """The tiers at which a request that asks for `asked` may be billed, the standard one (`None`) first.

    `listed` are the tiers that the model's price list has. A cheaper tier is no reason to hold less: a provider may
    serve the request at the standard one all the same.
    """
    if asked is None or asked == "auto":
        if provider in _AUTO_MAY_BE_PRIORITY and not auto_is_standard:
            # Only models with a listed price for it are ever served at it unasked.
            return [None, *(tier for tier in DEARER if tier in listed)]
        return [None]
    if asked in NOT_DEARER:
        return [None]
    return [None, asked] if asked in DEARER else [None, *DEARER]


def is_dearer(provider: str, tier: str | None) -> bool:
    """Whether `tier` costs more than the standard price at `provider`, listed or not."""
    return tier in DEARER and not (tier == "priority" and provider in _PRIORITY_IS_STANDARD)


def scaled(units: Units, tiers: tuple[PriceTier, ...]) -> tuple[Units, tuple[PriceTier, ...]]:
    """The standard prices as those of a dearer tier that is not listed: tokens cost more, searches and fees do not."""
    return _scaled(units), tuple(PriceTier(tier.over_input_tokens, _scaled(tier.units)) for tier in tiers)


def _scaled(units: Units) -> Units:
    up, down = _UNLISTED
    return {
        meter: unit if meter in COUNT_METERS else UnitPrice(Money(unit.amount * up), unit.per * down)
        for meter, unit in units.items()
    }

"""Service tiers: which of them a request may be billed at, and how much is held for one that no list prices."""

from collections.abc import Iterable, Mapping

from tollway.pricing.units import PriceTier, Units, scaled

NOT_DEARER = frozenset(
    {"default", "standard", "standard_only", "on_demand", "performance", "scale", "reserved", "flex", "batch", "global"}
)
"""OpenAI's, Anthropic's, Google's, Groq's and Bedrock's words for tiers that cost the standard price or less."""

DEARER = ("fast", "priority")

_UNLISTED = (5, 2)
"""OpenAI's dearest tier costs 2.5 times the standard price, Google's 1.8, Bedrock's 1.75 and Anthropic's "fast" 2. That
much is held, and what the answer says it was served at is charged at a listed price, else at the standard one."""

_PRIORITY_IS_STANDARD = frozenset({"anthropic"})
"""Providers whose "priority" is capacity bought beforehand, at the list price."""

_AUTO_MAY_BE_PRIORITY = frozenset({"openai", "azure"})
"""OpenAI: without a tier, or with "auto", the tier set for the project is used, which may be priority."""


SEARCH_SIZES = ("low", "medium", "high")
"""Perplexity's words for how much is searched (`search_context_size`), which sets the fee of a request."""

_FEE_BY_SEARCH_SIZE = frozenset({"perplexity"})


def may_apply(provider: str, asked: str | None, listed: Iterable[str], *, auto_is_standard: bool) -> list[str | None]:
    """The tiers at which a request that asks for `asked` may be billed, the standard one (`None`) first.

    `listed` are the tiers that the model's price list has. A cheaper tier is no reason to hold less: a provider may
    serve the request at the standard one all the same.
    """
    if provider in _FEE_BY_SEARCH_SIZE:
        if asked in SEARCH_SIZES:
            return [None, asked]
        sizes = [size for size in SEARCH_SIZES if size in listed]
        return ([None] if asked is None or asked in NOT_DEARER else [None, *DEARER]) + sizes
    if asked is None or asked == "auto":
        if provider in _AUTO_MAY_BE_PRIORITY and not auto_is_standard:
            # Only models with a listed price for it are ever served at it unasked.
            return [None, *(tier for tier in DEARER if tier in listed)]
        return [None]
    if asked in NOT_DEARER:
        return [None]
    return [None, asked] if asked in DEARER else [None, *DEARER]


def with_uplifts(
    tiers: list[str | None], asked: str | None, uplifts: Iterable[str], *, auto_is_standard: bool
) -> list[str | None]:
    """`tiers`, and each of them with each uplift that may apply: "us" at Anthropic keeps the inference in the country.

    A workspace may be set to it, so that a request need not ask: only "global" in the request, or `auto_is_standard`,
    says that it does not apply.
    """
    parts = (asked or "").split("+")
    found = list(tiers)
    for uplift in uplifts:
        if uplift in parts or not ("global" in parts or auto_is_standard):
            found += [f"{tier}+{uplift}" if tier else uplift for tier in tiers]
    return found


def split(tier: str | None, uplifts: Mapping[str, tuple[int, int]]) -> tuple[str | None, str | None]:
    """The tier itself and the uplift in a name such as "fast+us", "us" or "fast"."""
    if tier is None or not (uplifts or "+" in tier):
        return tier, None
    parts = tier.split("+")
    uplift = next((part for part in parts if part in uplifts), None)
    base = next((part for part in parts if part not in uplifts and part != "global"), None)
    return base, uplift


def is_dearer(provider: str, tier: str | None) -> bool:
    """Whether `tier` costs more than the standard price at `provider`, listed or not."""
    return tier in DEARER and not (tier == "priority" and provider in _PRIORITY_IS_STANDARD)


def unlisted(units: Units, tiers: tuple[PriceTier, ...]) -> tuple[Units, tuple[PriceTier, ...]]:
    """The standard prices as those of a dearer tier that is not listed: tokens cost more, searches and fees do not."""
    return times(units, tiers, _UNLISTED, fees=False)


def times(
    units: Units, tiers: tuple[PriceTier, ...], factor: tuple[int, int], *, fees: bool
) -> tuple[Units, tuple[PriceTier, ...]]:
    """Prices times an exact fraction, with their tiers; without `fees` only what is not a fee."""
    return scaled(units, factor, fees=fees), tuple(
        PriceTier(tier.over_input_tokens, scaled(tier.units, factor, fees=fees)) for tier in tiers
    )

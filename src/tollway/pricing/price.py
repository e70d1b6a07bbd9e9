"""The price book: what a model costs at a moment, at a service tier.

A book never changes; one with other overrides is another book. What it has looked up it remembers, in a bounded memory,
because names come from callers: a thousand invented models must not cost a thousand entries for ever.
"""

from collections.abc import Iterable
from typing import NamedTuple, TypeVar

import msgspec

from tollway.pricing.catalogue import (
    Book,
    Catalogue,
    ListedModel,
    active_price,
    midnight,
    next_change,
    unit_prices,
)
from tollway.pricing.ceiling import Ceiling, ceiling
from tollway.pricing.overrides import Override, PriceOverride, WrittenPrice, read_overrides
from tollway.pricing.slugs import PROVIDER_ALIASES, canonical
from tollway.pricing.tiers import is_dearer, may_apply, scaled
from tollway.pricing.units import UNLIMITED, ModelLimits, Price, PriceTier, UnitPrice

__all__ = [
    "PROVIDER_ALIASES",
    "ModelLimits",
    "Price",
    "PriceBook",
    "PriceOverride",
    "PriceTier",
    "UnitPrice",
    "canonical",
]

FILE = "book.json"
"""The compiled book, beside this module."""

REMEMBERED = 4_096
"""Looked-up prices, ceilings and limits kept, of each kind."""

HORIZON_MS = 30 * 60_000
"""A request that is admitted now may be priced as of up to half an hour later."""

_FOR_EVER = 2**63

Key = TypeVar("Key")
Value = TypeVar("Value")


class _Found(NamedTuple):
    """What a name means."""

    provider: str
    name: str
    override: Override | None
    model: ListedModel | None


class PriceBook:
    """Immutable prices of all providers. `None` is "no price is known", never "free"."""

    __slots__ = ("_catalogue", "_ceilings", "_limits", "_overrides", "_prices")

    def __init__(self, catalogue: Catalogue, overrides: tuple[Override, ...] = ()) -> None:
        self._catalogue = catalogue
        self._overrides = overrides
        # (what was asked) → (the answer, the first instant it holds for, the first it does not).
        self._prices: dict[tuple[str, str, str | None], tuple[Price | None, int, int]] = {}
        self._ceilings: dict[tuple[str, str, str | None, int], tuple[Ceiling | None, int, int]] = {}
        self._limits: dict[tuple[str, str], ModelLimits] = {}

    @classmethod
    def decode(cls, compiled: bytes) -> "PriceBook":
        """The book in the compiled file (`FILE`); price lists are decoded when they are first asked."""
        return cls(Catalogue(msgspec.json.decode(compiled, type=Book)))

    @property
    def version(self) -> str:
        """The sources of the list prices, with their versions."""
        return self._catalogue.version

    def with_overrides(self, overrides: Iterable[WrittenPrice]) -> "PriceBook":
        """A book in which these prices come first, before any this book has. Raises SettingsInvalid."""
        return PriceBook(self._catalogue, read_overrides(overrides) + self._overrides)

    def price(self, provider: str, model: str, *, at_ms: int, tier: str | None = None) -> Price | None:
        """What `model` costs at `at_ms` at the service tier `tier`, as the provider names it; `None` if not known.

        A tier whose price is not listed costs the standard price, or 2.5 times as much where the tier is a dearer one.
        """
        found = self._prices.get((provider, model, tier))
        if found is not None and found[1] <= at_ms < found[2]:
            return found[0]
        what = self._find(provider, model)
        price, until = self._price(what, at_ms, tier)
        _remember(self._prices, (provider, model, tier), (price, at_ms, until))
        return price

    def models(self, provider: str) -> tuple[str, ...]:
        """The models that a provider's price list prices, by the list's own ids; empty where there is no list."""
        listed = self._catalogue.provider(canonical(provider))
        return tuple(model.id for model in listed.models if model.prices) if listed is not None else ()

    def lists(self, provider: str) -> bool:
        """Whether a public price list is known under that name."""
        return self._catalogue.provider(canonical(provider)) is not None

    def limits(self, provider: str, model: str) -> ModelLimits:
        """What `model` takes and gives; `None` in both where nothing is known."""
        known = self._limits.get((provider, model))
        if known is not None:
            return known
        what = self._find(provider, model)
        listed = what.model.limits() if what.model is not None else UNLIMITED
        given = what.override.limits if what.override is not None else UNLIMITED
        limits = ModelLimits(
            given.context_window or listed.context_window, given.max_output_tokens or listed.max_output_tokens
        )
        _remember(self._limits, (provider, model), limits)
        return limits

    def ceiling(
        self,
        provider: str,
        model: str,
        *,
        at_ms: int,
        tier: str | None,
        long_cache: bool,
        media: bool,
        auto_is_standard: bool = False,
    ) -> Ceiling | None:
        """The dearest prices that may apply to a request that asks for `tier` and ends within half an hour of `at_ms`.

        `auto_is_standard`: the provider's project is known to have no dearer default tier. `None`: no price is known.
        """
        key = (provider, model, tier, long_cache | media << 1 | auto_is_standard << 2)
        found = self._ceilings.get(key)
        if found is not None and found[1] <= at_ms < found[2]:
            return found[0]
        what = self._find(provider, model)
        instants, until = self._instants(what, at_ms)
        listed = [variant.tier for variant in what.model.variants] if what.model is not None else []
        tiers = may_apply(what.provider, tier, listed, auto_is_standard=auto_is_standard)
        prices = [price for at in instants for asked in tiers if (price := self._price(what, at, asked)[0]) is not None]
        dearest = ceiling(prices, long_cache=long_cache, media=media) if prices else None
        _remember(self._ceilings, key, (dearest, at_ms, until))
        return dearest

    def _find(self, provider: str, model: str) -> _Found:
        slug = canonical(provider)
        name = model.lower()
        override = next((o for o in self._overrides if o.holds(slug, name)), None)
        return _Found(slug, name, override, self._catalogue.model(slug, name))

    def _price(self, what: _Found, at_ms: int, tier: str | None) -> tuple[Price | None, int]:
        """The price, and the first instant at which it may be another."""
        if what.override is not None:
            return _overridden(what.provider, what.name, what.override), _FOR_EVER
        listed = what.model
        if listed is None or not listed.prices:
            return None, _FOR_EVER
        until = next_change(listed, at_ms)
        return self._listed(what.provider, listed, at_ms, tier), until if until is not None else _FOR_EVER

    def _listed(self, provider: str, model: ListedModel, at_ms: int, tier: str | None) -> Price:
        standard = active_price(model, at_ms)
        of_tier = [variant for variant in model.variants if variant.tier == tier]
        active = tuple(variant for variant in of_tier if variant.active(at_ms))
        units, tiers = unit_prices(standard, active)
        label = standard.label()
        if active:
            label += f"+{tier}.{active[0].label()}"
        elif not of_tier and is_dearer(provider, tier):
            units, tiers = scaled(units, tiers)
            label += f"+{tier}.unlisted"
        source = self._catalogue.provider(provider)
        return Price(
            id=f"{provider}/{model.id}@{label}#{self._catalogue.date}",
            provider=provider,
            model=model.id,
            units=units,
            tiers=tiers,
            effective_from=midnight(standard.since) if standard.since is not None else None,
            effective_to=_superseded(model, at_ms),
            source_url=source.source_url if source is not None else None,
            free=model.free,
            at_least=model.at_least,
        )

    def _instants(self, what: _Found, at_ms: int) -> tuple[list[int], int]:
        """`at_ms` and each change of price within the horizon; and until when that list stays the same."""
        instants, until = [at_ms], _FOR_EVER
        if what.override is None and what.model is not None:
            turn = next_change(what.model, at_ms)
            while turn is not None:
                until = min(until, turn if turn <= at_ms + HORIZON_MS else turn - HORIZON_MS)
                if turn > at_ms + HORIZON_MS:
                    break
                instants.append(turn)
                turn = next_change(what.model, turn)
        return instants, until


def _superseded(model: ListedModel, at_ms: int) -> int | None:
    """When the next dated price takes over; `None` while none is listed."""
    return min(
        (begins for p in model.prices if p.since is not None and (begins := midnight(p.since)) > at_ms), default=None
    )


def _overridden(provider: str, model: str, override: Override) -> Price:
    return Price(
        id=f"{provider}/{model}@settings#{override.digest}",
        provider=provider,
        model=model,
        units=override.units,
        free=override.free,
        overridden=True,
    )


def _remember(memory: dict[Key, Value], key: Key, value: Value) -> None:
    if len(memory) >= REMEMBERED and key not in memory:
        memory.clear()
    memory[key] = value

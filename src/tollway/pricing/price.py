"""The price book: what a model costs at a moment, at a service tier.

A book never changes; one with other overrides is another book. What it has looked up it remembers, in a bounded memory,
because names come from callers: a thousand invented models must not cost a thousand entries for ever.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar

import msgspec

from tollway.pricing.catalogue import (
    LONGEST_NAME,
    Book,
    Catalogue,
    ListedModel,
    ListedPrice,
    ListedVariant,
    active_price,
    midnight,
    next_change,
    unit_prices,
)
from tollway.pricing.ceiling import Ceiling, ceiling, dearest_text
from tollway.pricing.overrides import Override, PriceOverride, WrittenPrice, read_overrides
from tollway.pricing.slugs import PROVIDER_ALIASES, canonical, price_list
from tollway.pricing.tiers import is_dearer, may_apply, split, times, unlisted, with_uplifts
from tollway.pricing.units import UNLIMITED, ModelLimits, Price, PriceTier, UnitPrice, Units
from tollway.pricing.versions import versions

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

FLAGSHIPS = ("openai", "anthropic", "google", "xai", "mistral")
"""The price lists whose dearest model is the ceiling of a provider that has no list."""

_FOR_EVER = 2**63

Key = TypeVar("Key")
Value = TypeVar("Value")


class _Found(NamedTuple):
    """What a name means."""

    provider: str
    name: str
    model: ListedModel | None
    zone: tuple[int, int] | None
    """The fraction of the list price that is paid in the region that the name has in it."""
    overrides: tuple[Override, ...]
    """Those of the settings for this name, in the order in which they are tried, in effect or not."""

    def override(self, at_ms: int) -> Override | None:
        return next((override for override in self.overrides if override.active(at_ms)), None)

    def turn(self, at_ms: int) -> int | None:
        """The first instant after `at_ms` at which its price may be another."""
        turns = [
            turn
            for override in self.overrides
            for turn in (override.effective_from, override.effective_to)
            if turn is not None and turn > at_ms
        ]
        if self.model is not None and (turn := next_change(self.model, at_ms)) is not None:
            turns.append(turn)
        return min(turns, default=None)


class PriceBook:
    """Immutable prices of all providers. `None` is "no price is known", never "free"."""

    __slots__ = ("_catalogue", "_ceilings", "_dearest", "_limits", "_overrides", "_prices", "_versions")

    def __init__(self, catalogue: Catalogue, overrides: tuple[Override, ...] = ()) -> None:
        self._catalogue = catalogue
        self._overrides = overrides
        # (what was asked) → (the answer, the first instant it holds for, the first it does not).
        self._prices: dict[tuple[str, str, str | None], tuple[Price | None, int, int]] = {}
        self._ceilings: dict[tuple[str, str, str | None, int], tuple[Ceiling | None, int, int]] = {}
        self._limits: dict[tuple[str, str], ModelLimits] = {}
        self._dearest: dict[str, Price] = {}
        self._versions: dict[tuple[str, str], tuple[str, ...]] = {}

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

        A tier whose price is not listed costs the standard price, as both price lists have it: an invented price would
        be worse than theirs. Only holds (`ceiling`) take such a tier for a dearer one.
        """
        found = self._prices.get((provider, model, tier))
        if found is not None and found[1] <= at_ms < found[2]:
            return found[0]
        what = self._find(provider, model)
        price = self._price(what, at_ms, tier)
        until = what.turn(at_ms)
        _remember(self._prices, (provider, model, tier), (price, at_ms, until if until is not None else _FOR_EVER))
        return price

    def at_ceiling(self, provider: str) -> Price:
        """What a model without a known price is counted at: the dearest text of the provider's list, at any time.

        Of a provider without a list: of the lists in `FLAGSHIPS`. Input that is cached or not text, and reasoning, are
        billed as plain input and output at it.
        """
        slug = price_list(provider)
        known = self._dearest.get(slug)
        if known is None:
            lists = (slug,) if self._priced(slug) else FLAGSHIPS
            units = dearest_text([units for listed in lists for units in self._text_prices(listed)])
            known = Price(
                id=f"{slug}/*@ceiling#{self._catalogue.date}", provider=slug, model="*", units=units, source="ceiling"
            )
            _remember(self._dearest, slug, known)
        return known

    def providers(self) -> tuple[str, ...]:
        """The slugs of all price lists, and of those that only the settings have prices of."""
        listed = self._catalogue.providers()
        return (*listed, *dict.fromkeys(o.provider for o in self._overrides if o.provider not in listed))

    def listed(self, provider: str) -> tuple[ListedModel, ...]:
        """The entries of a provider's price list, as compiled; empty where there is none."""
        listed = self._catalogue.provider(price_list(provider))
        return listed.models if listed is not None else ()

    def find(self, provider: str, model: str) -> ListedModel | None:
        """The entry of the price list that `model` means, however a caller names it; `None` where there is none."""
        return self._find(provider, model).model

    def versions(self, provider: str, model: str) -> tuple[str, ...]:
        """The names, over all entries of the price list, that a rule about a version of `model`, or about what it is a version
        of, may have been written with. Known of any name: what no list has is without its version, too."""
        known = self._versions.get((provider, model))
        if known is None:
            what = self._find(provider, model)
            entry = what.model.id if what.model is not None else None
            short = len(model) <= LONGEST_NAME
            known = versions(what.name, entry, self._catalogue.stems(what.provider)) if short else ()
            _remember(self._versions, (provider, model), known)
        return known

    def list_price(self, provider: str, model: ListedModel, dated: ListedPrice) -> Price:
        """One of the dated prices of an entry of `provider`'s list, as a price of its own."""
        return self._standard(price_list(provider), model, dated)

    @property
    def overrides(self) -> tuple[Override, ...]:
        """The prices of the settings, in the order in which they are tried."""
        return self._overrides

    def override(self, provider: str, model: str, *, at_ms: int) -> Override | None:
        """The price of the settings that holds for `model`, or changes what it costs; `None` where none does."""
        return self._find(provider, model).override(at_ms)

    def models(self, provider: str) -> tuple[str, ...]:
        """The models that a provider's price list prices, by the list's own ids; empty where there is no list."""
        return tuple(model.id for model in self.listed(provider) if model.prices)

    def lists(self, provider: str) -> bool:
        """Whether a public price list is known under that name."""
        return self._catalogue.provider(price_list(provider)) is not None

    def limits(self, provider: str, model: str) -> ModelLimits:
        """What `model` takes and gives; `None` in both where nothing is known."""
        known = self._limits.get((provider, model))
        if known is not None:
            return known
        what = self._find(provider, model)
        listed = what.model.limits() if what.model is not None else UNLIMITED
        given = what.overrides[0].limits if what.overrides else UNLIMITED
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
        instants, until = _instants(what, at_ms)
        listed = [variant.tier for variant in what.model.variants] if what.model is not None else []
        uplifts = what.model.uplifts if what.model is not None else {}
        base, _ = split(tier, uplifts)
        tiers = may_apply(what.provider, base, listed, auto_is_standard=auto_is_standard)
        tiers = with_uplifts(tiers, tier, uplifts, auto_is_standard=auto_is_standard)
        prices = [
            price
            for at in instants
            for asked in tiers
            if (price := self._price(what, at, asked, held=True)) is not None
        ]
        dearest = ceiling(prices, long_cache=long_cache, media=media) if prices else None
        _remember(self._ceilings, key, (dearest, at_ms, until))
        return dearest

    def _find(self, provider: str, model: str) -> _Found:
        slug = price_list(provider)
        own = canonical(provider)
        name = model.lower()
        listed, zone = self._catalogue.find(slug, name)
        overrides = tuple(override for override in self._overrides if override.holds(own, name))
        return _Found(slug, name, listed, zone, overrides)

    def _price(self, what: _Found, at_ms: int, tier: str | None, *, held: bool = False) -> Price | None:
        """`held`: a dearer tier that is not listed is priced as dear as any provider's is."""
        override = what.override(at_ms)
        if override is not None and override.factor is None:
            return _overridden(what.provider, what.name, override)
        if what.model is None or not what.model.prices:
            return None
        price = self._listed(what.provider, what.model, at_ms, tier, held=held)
        if what.zone is not None:
            up, down = what.zone
            price = _named(price, f"zone.{up}/{down}", times(price.units, price.tiers, what.zone, fees=False))
        if override is not None and override.factor is not None:
            label = f"settings.{override.digest}"
            price = _named(price, label, times(price.units, price.tiers, override.factor, fees=True))
            price = msgspec.structs.replace(price, overridden=True, discounted=True)
        return price

    def _listed(self, provider: str, model: ListedModel, at_ms: int, tier: str | None, *, held: bool) -> Price:
        tier, uplift = split(tier, model.uplifts)
        dated = active_price(model, at_ms)
        of_tier = [variant for variant in model.variants if variant.tier == tier]
        active = tuple(variant for variant in of_tier if variant.active(at_ms))
        price = self._standard(provider, model, dated, active)
        if active:
            price = _named(price, f"{tier}.{active[0].label()}")
        elif held and not of_tier and is_dearer(provider, tier):
            price = _named(price, f"{tier}.unlisted", unlisted(price.units, price.tiers))
        if uplift is not None:
            price = _named(price, uplift, times(price.units, price.tiers, model.uplifts[uplift], fees=False))
        superseded = _superseded(model, at_ms)
        return msgspec.structs.replace(price, effective_to=superseded) if superseded is not None else price

    def _standard(
        self, provider: str, model: ListedModel, dated: ListedPrice, variants: tuple[ListedVariant, ...] = ()
    ) -> Price:
        units, tiers = unit_prices(dated, variants)
        source = self._catalogue.provider(provider)
        return Price(
            id=f"{provider}/{model.id}@{dated.label()}#{self._catalogue.date}",
            provider=provider,
            model=model.id,
            units=units,
            tiers=tiers,
            effective_from=midnight(dated.since) if dated.since is not None else None,
            source_url=source.source_url if source is not None else None,
            free=model.free,
            at_least=model.at_least,
            source=model.source,
            added=model.added | {meter: v.source for v in reversed(variants) if v.source for meter in v.units},
        )

    def _priced(self, slug: str) -> bool:
        return any(self._text_prices(slug))

    def _text_prices(self, slug: str) -> Iterator[Units]:
        """All unit prices of a list, of any time and any length of input, at the standard tier, of models of text."""
        for model in self.listed(slug):
            for dated in model.prices:
                units, tiers = unit_prices(dated, ())
                if not model.free and {"input", "output"} <= set(units):
                    yield units
                    yield from (tier.units for tier in tiers)


def _instants(what: _Found, at_ms: int) -> tuple[list[int], int]:
    """`at_ms` and each change of price within the horizon; and until when that list stays the same."""
    instants, until = [at_ms], _FOR_EVER
    turn = what.turn(at_ms)
    while turn is not None:
        until = min(until, turn if turn <= at_ms + HORIZON_MS else turn - HORIZON_MS)
        if turn > at_ms + HORIZON_MS:
            break
        instants.append(turn)
        turn = what.turn(turn)
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
        effective_from=override.effective_from,
        effective_to=override.effective_to,
        free=override.free,
        overridden=True,
        source="settings",
    )


def _named(price: Price, label: str, scaled: tuple[Units, tuple[PriceTier, ...]] | None = None) -> Price:
    """`price` under an id that says what was done to it: the book's date stays at its end."""
    head, _, date = price.id.rpartition("#")
    units, tiers = scaled if scaled is not None else (price.units, price.tiers)
    return msgspec.structs.replace(price, id=f"{head}+{label}#{date}", units=units, tiers=tiers)


def _remember(memory: dict[Key, Value], key: Key, value: Value) -> None:
    if len(memory) >= REMEMBERED and key not in memory:
        memory.clear()
    memory[key] = value

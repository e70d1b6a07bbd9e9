"""The compiled price list, `book.json`: what is in the file, which model a name means, and which prices hold when.

The rules are those of genai-prices, from which the file is compiled: a name is matched in lower case against the models
in their order, first match wins; of a model's dated prices the last active one holds; of its variants (batch, flex,
priority ...) the first active one holds, meter by meter.
"""

import re
from datetime import UTC, date, datetime

import msgspec

from tollway.money import Money
from tollway.pricing.rules import Rule
from tollway.pricing.units import ModelLimits, PriceTier, UnitPrice, usual
from tollway.pricing.versions import Stems, by_stem

GENAI_PRICES = "genai-prices"

LONGEST_NAME = 200
"""No model's name is longer; a longer one is not looked up at all."""

MINUTE_MS = 60_000
DAY_MS = 86_400_000

_COMPACT_DATE = re.compile(r"(-)(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)")


class When(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When something holds: always, from a UTC date on, or daily between two minutes of the UTC day."""

    since: str | None = None
    between: tuple[int, int] | None = None

    def active(self, at_ms: int) -> bool:
        """Whether it holds at `at_ms`. A window may wrap around midnight; one that ends where it starts is all day."""
        if self.since is not None and at_ms < midnight(self.since):
            return False
        if self.between is None:
            return True
        start, end = self.between
        minute = at_ms % DAY_MS // MINUTE_MS
        if start < end:
            return start <= minute < end
        return minute >= start or minute < end

    def changes_after(self, at_ms: int) -> int | None:
        """The first instant after `at_ms` at which it may begin or end."""
        if self.since is not None:
            begins = midnight(self.since)
            return begins if begins > at_ms else None
        if self.between is None:
            return None
        day = at_ms - at_ms % DAY_MS
        turns = (day + shift + minute * MINUTE_MS for shift in (0, DAY_MS) for minute in self.between)
        return min(turn for turn in turns if turn > at_ms)

    def label(self) -> str:
        """For the price's id: "2026-08-21", "00:30-16:30" or "always"."""
        if self.since is not None:
            return self.since
        if self.between is None:
            return "always"
        return "-".join(f"{minute // 60:02d}:{minute % 60:02d}" for minute in self.between)


class ListedPrice(When, frozen=True, kw_only=True, omit_defaults=True):
    """Unit prices in nanodollars, by meter, with when they hold."""

    units: dict[str, tuple[int, ...]] = {}
    """The amount, then a threshold of input tokens and the amount beyond it, for each tier."""
    per: dict[str, int] = {}
    """The quantities of those meters whose price is exact only for another quantity than the usual one."""


class ListedVariant(ListedPrice, frozen=True, kw_only=True, omit_defaults=True):
    """Prices of one service tier; what it leaves out is as in the standard prices."""

    tier: str
    source: str | None = None
    """Where they come from, where that is not where the model's standard prices come from."""


class ListedModel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One model of one price list."""

    id: str
    names: tuple[str, ...] = ()
    """The exact names, in lower case, that mean this model and no other."""
    rules: tuple[Rule, ...] = ()
    """For all other names; one that holds is enough."""
    prices: tuple[ListedPrice, ...] = ()
    """The first without conditions; the last active one holds. Empty: the list names the model, but no price."""
    variants: tuple[ListedVariant, ...] = ()
    context: int | None = None
    max_input: int | None = None
    """From the overlay, as `max_output`."""
    max_output: int | None = None
    free: bool = False
    at_least: dict[str, int] = {}
    source: str = GENAI_PRICES
    """Where its prices come from: a price list, or the page of the provider they were read on."""
    added: dict[str, str] = {}
    """The meters that come from another source, with that source."""
    uplifts: dict[str, tuple[int, int]] = {}
    """What all tokens cost where the provider says so in the answer ("us"), as a fraction of the price."""

    def limits(self) -> ModelLimits:
        """The larger of the two sources' windows: a bound must not be too small."""
        window = max(self.context or 0, self.max_input or 0)
        return ModelLimits(window or None, self.max_output)


class ListedProvider(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One price list."""

    models: tuple[ListedModel, ...]
    fallback: tuple[str, ...] = ()
    """Price lists to look in for what this provider only resells."""
    source_url: str | None = None
    zones: dict[str, tuple[int, int]] = {}
    """Prefixes of names that mean a region ("eu/"), and the fraction of the price that is paid there."""


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """The file, with the price lists still undecoded: most are never asked."""

    version: str
    date: str
    """The day it was compiled, `YYYY-MM-DD`."""
    notice: tuple[str, ...]
    providers: dict[str, msgspec.Raw]


class Catalogue:
    """The price lists, each decoded when it is first asked."""

    __slots__ = ("_book", "_lists", "_named", "_stems")

    def __init__(self, book: Book) -> None:
        self._book = book
        self._lists: dict[str, ListedProvider] = {}
        self._named: dict[str, dict[str, ListedModel]] = {}
        self._stems: dict[str, Stems] = {}

    @property
    def version(self) -> str:
        return self._book.version

    @property
    def date(self) -> str:
        return self._book.date

    def providers(self) -> tuple[str, ...]:
        return tuple(self._book.providers)

    def provider(self, slug: str) -> ListedProvider | None:
        """The price list of a canonical slug."""
        known = self._lists.get(slug)
        if known is None and slug in self._book.providers:
            known = msgspec.json.decode(self._book.providers[slug], type=ListedProvider)
            self._lists[slug] = known
            self._named[slug] = {name: model for model in known.models for name in model.names}
        return known

    def stems(self, slug: str) -> tuple[Stems, ...]:
        """The names by their stems: of the price list of a canonical slug, and of those whose models it resells."""
        provider = self.provider(slug)
        return tuple(self._stems_of(listed) for listed in (slug, *provider.fallback)) if provider is not None else ()

    def _stems_of(self, slug: str) -> Stems:
        known = self._stems.get(slug)
        if known is None:
            provider = self.provider(slug)
            models = provider.models if provider is not None else ()
            known = self._stems[slug] = by_stem(name for model in models for name in (model.id.lower(), *model.names))
        return known

    def model(self, slug: str, name: str) -> ListedModel | None:
        """The model that `name` means to the provider `slug`, or to one whose models it resells."""
        return self.find(slug, name)[0]

    def find(self, slug: str, name: str) -> tuple[ListedModel | None, tuple[int, int] | None]:
        """The model that `name` means, and the fraction of its price that the region in the name costs, if any."""
        if len(name) > LONGEST_NAME:
            return None, None
        name = name.lower()
        found = self._with_fallback(slug, name)
        if found is None and (dashed := with_dashed_date(name)) != name:
            found = self._with_fallback(slug, dashed)
        if found is None and (provider := self.provider(slug)) is not None:
            for zone, factor in provider.zones.items():
                if name.startswith(zone):
                    return self.find(slug, name.removeprefix(zone))[0], factor
        return found, None

    def _with_fallback(self, slug: str, name: str) -> ListedModel | None:
        provider = self.provider(slug)
        if provider is None:
            return None
        for listed in (slug, *provider.fallback):
            found = self._own(listed, name)
            if found is not None:
                return found
        return None

    def _own(self, slug: str, name: str) -> ListedModel | None:
        provider = self.provider(slug)
        if provider is None:
            return None
        exact = self._named[slug].get(name)
        if exact is not None:
            return exact
        return next((model for model in provider.models if any(rule.holds(name) for rule in model.rules)), None)


def with_dashed_date(name: str) -> str:
    """`gpt-5.2-20251211` as `gpt-5.2-2025-12-11`; a run of digits that is no date stays."""

    def dashed(found: re.Match[str]) -> str:
        year, month, day = (int(found.group(index)) for index in (2, 3, 4))
        try:
            date(year, month, day)
        except ValueError:
            return found.group(0)
        return f"-{year:04d}-{month:02d}-{day:02d}"

    return _COMPACT_DATE.sub(dashed, name)


def midnight(day: str) -> int:
    """Unix milliseconds of the beginning of a UTC date."""
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1000


def active_price(model: ListedModel, at_ms: int) -> ListedPrice:
    """The standard prices that hold at `at_ms`; the first where none is active."""
    return next((price for price in reversed(model.prices) if price.active(at_ms)), model.prices[0])


def next_change(model: ListedModel, at_ms: int) -> int | None:
    """The first instant after `at_ms` at which the model's prices may change."""
    turns = [turn for when in (*model.prices, *model.variants) if (turn := when.changes_after(at_ms)) is not None]
    return min(turns, default=None)


def unit_prices(
    standard: ListedPrice, variants: tuple[ListedVariant, ...]
) -> tuple[dict[str, UnitPrice], tuple[PriceTier, ...]]:
    """The units, and the tiers over them, of standard prices with variants over them; the first variant wins."""
    steps: dict[str, tuple[int, ...]] = dict(standard.units)
    per: dict[str, int] = {meter: standard.per.get(meter, usual(meter)) for meter in steps}
    for variant in reversed(variants):
        steps.update(variant.units)
        per.update({meter: variant.per.get(meter, usual(meter)) for meter in variant.units})
    units = {meter: UnitPrice(Money(amounts[0]), per[meter]) for meter, amounts in steps.items()}
    tiers: list[PriceTier] = []
    at = units
    for threshold in sorted({over for amounts in steps.values() for over in amounts[1::2]}):
        at = dict(at)
        for meter, amounts in steps.items():
            for over, amount in zip(amounts[1::2], amounts[2::2], strict=True):
                if over == threshold:
                    at[meter] = UnitPrice(Money(amount), per[meter])
        tiers.append(PriceTier(threshold, at))
    return units, tuple(tiers)

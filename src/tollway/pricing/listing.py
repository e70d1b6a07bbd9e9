"""The price book as people read it: what every model costs now, at each service tier, since when, and who says so."""

from collections.abc import Callable, Iterator

import msgspec

from tollway.pricing.catalogue import ListedModel, active_price, midnight
from tollway.pricing.price import PriceBook
from tollway.pricing.slugs import canonical
from tollway.pricing.units import ModelLimits, Price


class Dated(msgspec.Struct, frozen=True, kw_only=True):
    """One of a model's prices in time."""

    price: Price
    since: int | None = None
    """Unix milliseconds; `None` from the beginning."""
    daily: str | None = None
    """The minutes of the UTC day it holds in, "00:30-16:30"; `None`: all day."""


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """One model in the book."""

    provider: str
    model: str
    names: tuple[str, ...]
    """Exact names that mean it; rules may mean it by others."""
    priced_as: str
    """The name that it was asked for by, or one that a caller may use: an own price for it is one that holds."""
    price: Price | None
    """What it costs now, settings included; `None` where the list names it without a price."""
    tiers: dict[str, Price]
    """What it costs at each service tier that has a price of its own."""
    dates: tuple[Dated, ...]
    """All list prices it has in time, where it has more than one."""
    limits: ModelLimits
    source: str | None
    """Of `price`: "genai-prices", "litellm", "settings", or a page."""
    override: str | None
    """The pattern in the settings, "openai/gpt-*", that makes or changes the price."""
    is_listed: bool
    """A public list names it, with a price or without."""
    list_price: Price | None
    """What that list says now, at the standard tier, whatever the settings do."""


def listings(
    book: PriceBook, *, at_ms: int, provider: str | None = None, named: Callable[[str, str], bool] | None = None
) -> Iterator[Listing]:
    """Every model of one provider, or of all, in the order of the lists; of each, last what the settings alone price.

    `named`: whether a provider's slug and a model's name are wanted; the others are not even looked up.
    """
    for slug in book.providers() if provider is None else (provider,):
        for listed in book.listed(slug):
            if named is None or named(slug, listed.id):
                yield _listing(book, slug, _name(book, slug, listed), listed, at_ms)
        for model in _settings_alone(book, slug):
            if named is None or named(slug, model):
                yield listing(book, slug, model, at_ms=at_ms)


def listing(book: PriceBook, provider: str, model: str, *, at_ms: int) -> Listing:
    """What the book knows of `model`, named as a caller would or by its list's id; all `None` where it knows nothing."""
    listed = book.find(provider, model)
    if listed is None:
        listed = next((each for each in book.listed(provider) if each.id == model), None)
        if listed is not None:
            return _listing(book, provider, _name(book, provider, listed), listed, at_ms)
    return _listing(book, provider, model, listed, at_ms)


def _name(book: PriceBook, provider: str, listed: ListedModel) -> str:
    """A name that a caller may use for an entry of a list: its id, or where that means nothing an exact one."""
    return next((name for name in (listed.id, *listed.names) if book.find(provider, name) is listed), listed.id)


def _settings_alone(book: PriceBook, slug: str) -> Iterator[str]:
    """The models that the settings price and no list has, as written there.

    A pattern on a public list changes what is on it; where there is no list it is all there is to show.
    """
    written = [o.model for o in book.overrides if o.provider == canonical(slug) and o.factor is None]
    for model in dict.fromkeys(written):
        if ("*" not in model or not book.lists(slug)) and book.find(slug, model) is None:
            yield model


def _listing(book: PriceBook, provider: str, name: str, listed: ListedModel | None, at_ms: int) -> Listing:
    list_price = None
    if listed is not None and listed.prices:
        list_price = book.list_price(provider, listed, active_price(listed, at_ms))
    price = book.price(provider, name, at_ms=at_ms)
    if price is None and book.find(provider, name) is None:
        # No name of it is known, but for a pattern: it costs what the list says.
        price = list_price
    tiers = dict.fromkeys((*(v.tier for v in listed.variants), *listed.uplifts)) if listed is not None else {}
    priced = {tier: book.price(provider, name, at_ms=at_ms, tier=tier) for tier in tiers}
    override = book.override(provider, name, at_ms=at_ms)
    return Listing(
        provider=provider,
        model=listed.id if listed is not None else name,
        names=listed.names if listed is not None else (),
        priced_as=name,
        price=price,
        tiers={tier: found for tier, found in priced.items() if found is not None and found != price},
        dates=_dates(book, provider, listed) if listed is not None and len(listed.prices) > 1 else (),
        limits=book.limits(provider, name),
        source=price.source if price is not None else None,
        override=f"{override.provider}/{override.model}" if override is not None else None,
        is_listed=listed is not None,
        list_price=list_price,
    )


def _dates(book: PriceBook, provider: str, listed: ListedModel) -> tuple[Dated, ...]:
    return tuple(
        Dated(
            price=book.list_price(provider, listed, dated),
            since=midnight(dated.since) if dated.since is not None else None,
            daily=dated.label() if dated.between is not None else None,
        )
        for dated in listed.prices
    )

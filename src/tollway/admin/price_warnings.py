"""What a price of the settings says that is allowed and probably not meant."""

import difflib
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase, translate

from tollway.admin.price_book import near_names
from tollway.pricing.catalogue import ListedModel, active_price
from tollway.pricing.overrides import Override, PriceOverride, read_overrides
from tollway.pricing.units import Units
from tollway.snapshot import Snapshot

_PART_OF = {
    **dict.fromkeys(
        (
            "cache_read",
            "cache_read_audio",
            "cache_read_image",
            "cache_write",
            "cache_write_1h",
            "input_audio",
            "input_image",
            "input_video",
        ),
        ("input",),
    ),
    **dict.fromkeys(("reasoning", "output_audio", "output_image", "output_video"), ("output",)),
    "input": ("characters",),
    "image": ("output", "output_image"),
    "audio_seconds": ("input_audio_seconds",),
    "annotated_pages": ("pages",),
}
"""A meter without a price of its own → those it is billed by."""

_NEVER_FREE = ("web_search", "file_search")
"""Billed at a price of their own where nothing names one (`pricing.units.UNLISTED_TOOLS`)."""

_BESIDE_TOKENS = {"request", "messages", *_NEVER_FREE}
"""Meters that say nothing of whether the model is billed by its tokens as well; images or pages do."""


def price_warnings(price: PriceOverride, snapshot: Snapshot, now: int) -> list[str]:
    """Sentences, each naming the model and the way out. `now` is Unix milliseconds; `price` has been read once."""
    override = read_overrides((price,))[0]
    listed = list(_listed(price, snapshot, now))
    return [*_unknown(price, override, snapshot, listed), *_freed(price, override, listed, snapshot, now)]


def _listed(price: PriceOverride, snapshot: Snapshot, now: int) -> Iterator[tuple[str, ListedModel]]:
    """What the price list has under that name or pattern, with the list it is in."""
    book, name = snapshot.book, price.model
    configured = snapshot.provider(price.provider)
    slug: str | None = price.provider
    if configured is not None:
        slug = configured.price_list
        if "*" not in name:
            _, name, slug = snapshot.listed(configured, name, now)
    if slug is None:
        return
    found = book.find(slug, name)
    if found is not None:
        yield slug, found
        return
    pattern = re.compile(translate(name.lower()))
    for model in book.listed(slug):
        if any(pattern.match(known.lower()) for known in (model.id, *model.names)):
            yield slug, model


def _unknown(
    price: PriceOverride, override: Override, snapshot: Snapshot, listed: list[tuple[str, ListedModel]]
) -> Iterable[str]:
    name = f"{price.provider}/{price.model}"
    configured = snapshot.provider(price.provider)
    if configured is None and not snapshot.book.lists(price.provider):
        known = sorted({*snapshot.providers, *snapshot.provider_aliases, *_lists(snapshot)} - {override.provider})
        near = difflib.get_close_matches(price.provider.lower(), known, n=1)
        hint = f' Did you mean "{near[0]}"?' if near else ""
        yield f'{name}: no provider "{price.provider}" is configured or has a price list, so it holds for nothing.{hint}'
        return
    if configured is not None and price.model in configured.deployments and not listed:
        yield (
            f"{name}: that is a deployment, and its price is looked up by the model behind it: write "
            f'"{configured.deployments[price.model]}".'
        )
        return
    if override.factor is not None and not any(model.prices for _, model in listed):
        yield (
            f'{name}: no list has a price that it could change, so it changes nothing. Write "input" and "output" in '
            "dollars, or correct the name."
        )
        return
    served = [*configured.models, *configured.deployments.values()] if configured is not None else []
    has_list = snapshot.book.lists((configured.price_list if configured is not None else None) or price.provider)
    if listed or any(_alike(price.model.lower(), one.lower()) for one in served) or not (served or has_list):
        return
    found = near_names(snapshot.book, price.provider.lower(), price.model)
    near_them = f" Near it: {', '.join(found)}." if found else ""
    yield (
        f"{name}: neither the price list nor the settings' models know that name, so it may hold for nothing.{near_them}"
    )


def _freed(
    price: PriceOverride,
    override: Override,
    listed: list[tuple[str, ListedModel]],
    snapshot: Snapshot,
    now: int,
) -> Iterable[str]:
    """What would be billed by the list, and is not by this entry."""
    if override.factor is not None or override.free:
        return
    billed = {meter.partition(":")[0] for meter in override.units}
    of_list: list[Units] = [
        snapshot.book.list_price(slug, model, active_price(model, now)).units for slug, model in listed if model.prices
    ]
    metered = dict.fromkeys(
        meter.partition(":")[0] for units in of_list for meter, unit in units.items() if unit.amount > 0
    )
    if not of_list and billed <= _BESIDE_TOKENS:
        metered = dict.fromkeys(("input", "output"))
    free = [meter for meter in metered if not _is_billed(meter, billed)]
    if free:
        yield (
            f"{price.provider}/{price.model}: {', '.join(free)} will be free, because this entry is the whole price and "
            "does not name them. Add them, or write a discount or a markup instead."
        )


def _is_billed(meter: str, billed: set[str]) -> bool:
    return (
        meter in billed or meter in _NEVER_FREE or any(_is_billed(whole, billed) for whole in _PART_OF.get(meter, ()))
    )


def _alike(pattern: str, known: str) -> bool:
    """Whether two names, in each of which `*` may stand for anything, may mean the same model."""
    return fnmatchcase(known, pattern) or fnmatchcase(pattern, known)


def _lists(snapshot: Snapshot) -> list[str]:
    """Providers that have a public list."""
    return [slug for slug in snapshot.book.providers() if snapshot.book.lists(slug)]

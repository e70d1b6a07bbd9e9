"""The questions people ask of the price book: what there is, what a name means, where its two sources disagree."""

import difflib
import re
from collections.abc import Iterator, Sequence
from fnmatch import translate
from functools import cache
from importlib import resources

from tollway.admin.price_shown import DisagreementShown, disagreement_shown
from tollway.pricing import disagreements as sources
from tollway.pricing.listing import Listing, listing, listings
from tollway.pricing.price import PriceBook
from tollway.snapshot import Snapshot

NEAR = 5
"""Names that are offered for one that nobody knows."""


def selected(
    snapshot: Snapshot, *, at_ms: int, provider: str | None, model: str | None, after: str | None = None
) -> Iterator[Listing]:
    """The models of a provider, or of all, whose name matches `model`; each looked up only when it is its turn.

    `after`: the "provider/model" that the page before ended with. Raises ValueError where it is not among them.
    """
    pattern = re.compile(translate(model.lower())) if model is not None else None
    configured = snapshot.provider(provider) if provider is not None else None
    reached = after is None

    def named(slug: str, name: str) -> bool:
        nonlocal reached
        if not reached:
            reached = f"{slug}/{name}" == after
            return False
        return pattern is None or pattern.match(name.lower()) is not None

    slug = (configured.price_list or configured.slug) if configured is not None else provider
    yield from listings(snapshot.book, at_ms=at_ms, provider=slug, named=named)
    if not reached:
        raise ValueError("cursor: take it from the page before, and ask for the same provider and model")


def look_up(snapshot: Snapshot, provider: str, model: str, at_ms: int) -> Listing:
    """What the book knows of a model as it is called: by a configured provider's name, its deployments among them."""
    configured = snapshot.provider(provider)
    if configured is None:
        return listing(snapshot.book, provider, model, at_ms=at_ms)
    listed = snapshot.listed(configured, model, at_ms)
    return listing(snapshot.book, listed.provider, listed.model, at_ms=at_ms)


def is_known(found: Listing) -> bool:
    """Whether a list or the settings say anything of it."""
    return found.price is not None or found.is_listed


def near_names(book: PriceBook, provider: str, model: str) -> list[str]:
    """Names like one that nobody knows: of the same provider, else the same name at others."""
    listed = [name for one in book.listed(provider) for name in (one.id, *one.names)]
    near = difflib.get_close_matches(model.lower(), dict.fromkeys(listed), n=NEAR)
    if near:
        return [f"{provider}/{name}" for name in near]
    slugs = book.providers()
    if book.lists(provider):
        return [f"{slug}/{model}" for slug in slugs if book.find(slug, model) is not None][:NEAR]
    return [f"{slug}/{model}" for slug in difflib.get_close_matches(provider, slugs, n=NEAR)]


def unknown(book: PriceBook, provider: str, model: str) -> str:
    """Why there is nothing to show, and the way out."""
    near = near_names(book, provider, model)
    like = f" Near it: {', '.join(near)}." if near else ""
    return (
        f'No price list and no setting knows "{provider}/{model}".{like} Give it a price with: '
        f"tollway prices override {provider}/{model} --input 2.5 --output 10"
    )


def disagreements(book: PriceBook, provider: str | None, at_ms: int) -> list[DisagreementShown]:
    """Where the two public lists disagree, the largest difference first."""
    found = sources.disagreements(_compiled(), provider)
    found.sort(key=lambda one: (-_ratio(one), one.provider, one.model, one.meter))
    return [disagreement_shown(one, book, at_ms) for one in found]


def disputed(book: PriceBook, found: Listing, every: Sequence[DisagreementShown]) -> list[DisagreementShown]:
    """Which of all disagreements are about a model, or about a name that means it; none of one that the settings alone price."""
    if found.price is not None and found.price.source == "settings":
        return []
    return [
        one
        for one in every
        if one.provider == found.provider and (one.model == found.model or _means(book, one, found.model))
    ]


def _means(book: PriceBook, one: DisagreementShown, model: str) -> bool:
    listed = book.find(one.provider, one.model)
    return listed is not None and listed.id == model


def _ratio(one: sources.Disagreement) -> int:
    """How far the prices are from each other, in thousandths of the first."""
    return abs(one.litellm - one.genai_prices) * 1000 // max(1, one.genai_prices)


@cache
def _compiled() -> bytes:
    return resources.files("tollway.pricing").joinpath(sources.FILE).read_bytes()

"""The models that `tollway/auto` may choose from for a request: the gateway's own, or those that its caller names."""

from collections.abc import Sequence

from tollway.autorouting.rules import Auto, Pooled
from tollway.exchange.refusal import Refusal
from tollway.request import Handling
from tollway.snapshot import Snapshot

MOST_ENTRIES = 50
"""Of a caller's list."""


def pool_of(auto: Auto, handling: Handling, snapshot: Snapshot) -> tuple[Pooled, ...] | Refusal:
    """Each model once; or why what the caller names means none."""
    pool = list(auto.models)
    if len(handling.allowed_models) > MOST_ENTRIES or len(handling.allowed_providers) > MOST_ENTRIES:
        return _invalid("allowed-models", f"name {MOST_ENTRIES} models, and {MOST_ENTRIES} providers, at most")
    if handling.allowed_models:
        pool.clear()
        for entry in handling.allowed_models:
            found = _meant(entry, auto, snapshot)
            if not found:
                there = ", ".join(f'"{one.name}"' for one in (*auto.models, *auto.also) if _called(one.name, snapshot))
                return _invalid(
                    "allowed-models",
                    f'"{entry[:100]}" means no model that can be called here; write provider/model, or a pattern ("*" stands for '
                    f"anything but a slash) of {there[:1000] or 'models that an administrator has to add to the pool first'}",
                )
            pool += found
    if handling.allowed_providers:
        slugs: set[str] = set()
        for entry in handling.allowed_providers:
            provider = snapshot.provider(entry)
            if provider is None:
                known = ", ".join(sorted(snapshot.providers)) or "none"
                return _invalid("allowed-providers", f'no provider "{entry[:100]}" is configured; there are: {known}')
            slugs.add(provider.slug)
        pool = [one for one in pool if _provider(one.name, snapshot) in slugs]
        if not pool:
            return _invalid("allowed-providers", "none of the models to choose from is of those providers")
    return tuple({_called(one.name, snapshot) or one.name: one for one in reversed(pool)}.values())[::-1]


def globbed(pattern: str, name: str) -> bool:
    """Whether `pattern`, in which "*" stands for anything but "/", is about `name`. Callers write them, so it never takes long."""
    patterns, parts = pattern.split("/"), name.split("/")
    return len(patterns) == len(parts) and all(map(_part, patterns, parts))


def _part(pattern: str, text: str) -> bool:
    first, *middle = pattern.split("*")
    if not middle:
        return pattern == text
    last = middle.pop()
    if not text.startswith(first) or len(text) < len(first) + len(last) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        # The earliest place leaves the most for what follows.
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _meant(entry: str, auto: Auto, snapshot: Snapshot) -> Sequence[Pooled]:
    """The models that an entry of a caller's list means, among those that can be called."""
    head, slash, rest = entry.partition("/")
    provider = snapshot.provider(head) if slash else None
    # A pattern without a provider is about the names of models alone.
    pattern = entry if not slash else f"{provider.slug if provider is not None else head}/{rest}"
    known = [(one, called) for one in (*auto.models, *auto.also) if (called := _called(one.name, snapshot)) is not None]
    found = [one for one, called in known if globbed(pattern, called if slash else called.partition("/")[2])]
    if not found and provider is not None and rest and "*" not in entry:
        return [Pooled(pattern)]
    return found


def _provider(name: str, snapshot: Snapshot) -> str | None:
    provider = snapshot.provider(name.partition("/")[0])
    return provider.slug if provider is not None else None


def _called(name: str, snapshot: Snapshot) -> str | None:
    """A model with its provider as the settings call it; `None` where that is not configured."""
    slug = _provider(name, snapshot)
    return f"{slug}/{name.partition('/')[2]}" if slug is not None else None


def _invalid(header: str, why: str) -> Refusal:
    return Refusal(code="header_invalid", rule=header, message=f"tollway-{header}: {why}.")

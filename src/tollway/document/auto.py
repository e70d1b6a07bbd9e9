"""How a gateway chooses models by itself, read from what is written."""

from collections.abc import Mapping, Sequence

from tollway.autorouting.rules import DEFAULT_ALSO, DEFAULT_MODELS, MOST_MODELS, WHOLE, Auto, Pooled
from tollway.document.providers import provider_aliases
from tollway.document.written_gateway import AutoDocument, AutoModelDocument
from tollway.errors import SettingsInvalid
from tollway.gateway import Provider

MOST_THRESHOLDS = 10
LONGEST_MODEL = 256


def read_auto(written: AutoDocument | None, providers: Mapping[str, Provider], where: str) -> Auto | None:
    """`None` where it is not switched on.

    Raises SettingsInvalid naming the field (`where` is what it stands in), the value and the way out.
    """
    if written is None:
        return None
    aliases = provider_aliases(providers)
    known = {**{name: name for name in providers}, **aliases}
    models = _read(written.models, known, f"{where}.models") or DEFAULT_MODELS
    # Whoever writes a pool of their own says as well what callers may choose besides.
    also = _read(written.also, known, f"{where}.also") or (() if written.models else DEFAULT_ALSO)
    with_quality = sum(one.quality is not None for one in models)
    if with_quality not in (0, len(models)):
        without = next(one.name for one in models if one.quality is None)
        raise SettingsInvalid(
            f'{where}.models: "{without}" has no quality, and others have; write one for each, or for none: then their prices tell '
            "them apart."
        )
    thresholds = _thresholds(written.threshold, f"{where}.threshold")
    return Auto(models=models, also=also, thresholds=thresholds) if written.enabled else None


def _read(written: Sequence[str | AutoModelDocument], known: Mapping[str, str], where: str) -> tuple[Pooled, ...]:
    if len(written) > MOST_MODELS:
        raise SettingsInvalid(f"{where}: there are {len(written)}; write {MOST_MODELS} at most.")
    found: dict[str, Pooled] = {}
    for one in written:
        entry = AutoModelDocument(one) if isinstance(one, str) else one
        name = entry.model
        head, slash, rest = name.partition("/")
        if not slash or not rest or "*" in name or len(name) > LONGEST_MODEL:
            raise SettingsInvalid(
                f"{where}: {name[:100]!r} is no model; write provider/model, such as openai/gpt-5-mini."
            )
        if head not in known:
            there = ", ".join(sorted(set(known.values()))) or "none"
            raise SettingsInvalid(
                f'{where}: "{name[:100]}": no provider "{head[:64]}" is configured; there are: {there}.'
            )
        if name in found:
            raise SettingsInvalid(f'{where}: "{name[:100]}" is written twice; take one of them out.')
        if entry.quality is not None and not 1 <= entry.quality <= 100:
            raise SettingsInvalid(f'{where}: "{name[:100]}", quality: {entry.quality} is not 1 to 100.')
        found[name] = Pooled(name, entry.quality, None if entry.takes is None else frozenset(entry.takes))
    return tuple(found.values())


def _thresholds(written: float | list[float], where: str) -> tuple[int, ...]:
    given = written if isinstance(written, list) else [written]
    if not 1 <= len(given) <= MOST_THRESHOLDS:
        raise SettingsInvalid(f"{where}: there are {len(given)}; write one score, or a list of 1 to {MOST_THRESHOLDS}.")
    for one in given:
        if not 0 <= one <= 1:
            raise SettingsInvalid(
                f"{where}: {one} is no score; write a number from 0 (the best models) to 1 (the cheapest)."
            )
    if sorted(given) != given:
        raise SettingsInvalid(f"{where}: {given} falls; write the scores from the lowest to the highest.")
    return tuple(round(one * WHOLE) for one in given)

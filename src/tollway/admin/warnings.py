"""What in the settings is allowed and probably not meant."""

import difflib
from collections.abc import Iterable, Sequence

import yaml

from tollway.budgets.budget import Budget
from tollway.document import Document, read_document
from tollway.errors import SettingsInvalid
from tollway.match import Attribute, Match
from tollway.snapshot import Snapshot


def warnings_of(snapshot: Snapshot, now: int) -> list[str]:
    """Sentences, each naming the thing and the way out. `now` is Unix milliseconds; secrets are never in them."""
    document = _document(snapshot.document)
    return [
        *_missing_keys(snapshot),
        *(_literal_secrets(document) if document is not None else ()),
        *_unusable_keys(snapshot, now),
        *(warning for budget in snapshot.budgets for warning in _budget_warnings(budget, snapshot, now)),
        *_unpriced_providers(snapshot, now),
        *_open_gateways(snapshot),
        *(_no_budgets(snapshot)),
    ]


def _document(text: str) -> Document | None:
    try:
        return read_document(yaml.safe_load(text))
    except (SettingsInvalid, yaml.YAMLError):
        return None


def _missing_keys(snapshot: Snapshot) -> Iterable[str]:
    if all(gateway.provider_keys == "caller" for gateway in snapshot.gateways.values()):
        return
    for provider in snapshot.providers.values():
        if not provider.has_credentials:
            yield (
                f'Provider "{provider.slug}" has no key: its requests are refused. Set the variable or file that its '
                'api_key names, or write api_key: "none" if it takes none.'
            )


def _unpriced_providers(snapshot: Snapshot, now: int) -> Iterable[str]:
    """Providers and deployments whose calls a budget refuses because nothing prices them."""
    enforced = [budget for budget in snapshot.budgets if budget.mode == "enforce" and budget.on_unpriced == "block"]
    if not enforced:
        return
    priced = set(snapshot.book.providers())
    for provider in snapshot.providers.values():
        for deployment, model in provider.deployments.items():
            found = snapshot.listed(provider, deployment, now)
            if snapshot.book.price(found.provider, found.model, at_ms=now) is None:
                yield (
                    f'Provider "{provider.slug}": the deployment "{deployment}" stands for "{model}", which has no price: '
                    "its calls are refused. Correct the name, or add its price to the settings (prices:)."
                )
        listed = provider.price_list
        if listed not in priced and provider.slug not in priced and listed != "huggingface":
            yield (
                f'Provider "{provider.slug}" has no prices: a budget that must hold what its calls cost refuses them. Set '
                '"free: true" for a server of one\'s own, "prices" to whose list holds, or add prices to the settings.'
            )


def _literal_secrets(document: Document) -> Iterable[str]:
    written = [(f"providers.{slug}.api_key", provider.api_key) for slug, provider in document.providers.items()]
    written += [(f'key "{key.name}", secret', key.secret) for key in document.keys]
    for where, reference in written:
        if reference is not None and reference != "none" and not reference.startswith(("env:", "file:")):
            yield f"{where} is written in the settings itself; use env:NAME or file:PATH, so that it is not in the file."


def _unusable_keys(snapshot: Snapshot, now: int) -> Iterable[str]:
    for key in snapshot.keys.values():
        if key.enabled and key.expires_at is not None and key.expires_at <= now:
            yield f'Key "{key.name}" has expired and opens nothing; give it another expires_at, or take it out.'


def _open_gateways(snapshot: Snapshot) -> Iterable[str]:
    for gateway in snapshot.gateways.values():
        if gateway.authentication == "none":
            yield f'Gateway "{gateway.slug}" asks for no key: whoever reaches it spends from its budgets.'


def _no_budgets(snapshot: Snapshot) -> Iterable[str]:
    for slug in snapshot.gateways:
        enforced = [budget for budget in snapshot.budgets_of.get(slug, ()) if budget.mode == "enforce"]
        if not enforced:
            yield f'No budget stops anything on gateway "{slug}": spend there has no limit.'


def _budget_warnings(budget: Budget, snapshot: Snapshot, now: int) -> Iterable[str]:
    declared = [name for name in budget.split_by if name.startswith("metadata.")]
    if declared and budget.attributes == "any" and budget.mode == "enforce" and budget.parent is None:
        yield (
            f'Budget "{budget.name}" is split by {", ".join(declared)}, which callers may declare as they like: each new value '
            "is a fresh account. Set attributes: verified, or give it a parent with a limit."
        )
    for match in budget.where:
        if match.negated:
            continue
        known = _known_values(match.attribute, snapshot)
        if known is None:
            continue
        for pattern in match.patterns:
            if not _selects(Match(match.attribute, (pattern,)), known):
                near = difflib.get_close_matches(pattern, known, n=1)
                hint = f' Did you mean "{near[0]}"?' if near else ""
                yield f'Budget "{budget.name}": no {match.attribute} "{pattern}" is known, so it counts nothing there.{hint}'
    for name in unpriced_models(budget, snapshot, now):
        yield (
            f'Budget "{budget.name}": "{name}" has no price, so its cost cannot be counted. '
            "Add its price to the settings (prices:)."
        )


def _known_values(attribute: str, snapshot: Snapshot) -> Sequence[str] | None:
    """Every value that the settings know for an attribute; `None` where any value may come."""
    keys = snapshot.keys.values()
    match attribute:
        case "gateway":
            return sorted(snapshot.gateways)
        case "provider":
            return sorted({name for provider in snapshot.providers.values() for name in provider.names})
        case "key":
            return sorted(key.name for key in keys)
        case "user":
            return sorted({key.user for key in keys if key.user is not None})
        case "service":
            return sorted({key.service for key in keys if key.service is not None})
        case "group":
            return sorted({group for key in keys for group in key.groups})
        case _:
            return None


def _selects(match: Match, known: Sequence[str]) -> bool:
    return bool(known) and match.holds({match.attribute: Attribute(tuple(known), "key")})


def unpriced_models(budget: Budget, snapshot: Snapshot, now: int) -> Iterable[str]:
    """Models that a budget names in full and that no configured provider has a price for."""
    for match in budget.where:
        if match.attribute != "model" or match.negated:
            continue
        for pattern in match.patterns:
            if "*" not in pattern and not is_priced(pattern, snapshot, now):
                yield pattern


def is_priced(name: str, snapshot: Snapshot, now: int) -> bool:
    """Whether a model, named with its provider or without, has a price at one of the configured providers."""
    head, slash, rest = name.partition("/")
    named = snapshot.provider(head) if slash else None
    tried = [(named, rest)] if named is not None else [(provider, name) for provider in snapshot.providers.values()]
    found = [snapshot.listed(provider, model, now) for provider, model in tried]
    return any(snapshot.book.price(listed.provider, listed.model, at_ms=now) is not None for listed in found)

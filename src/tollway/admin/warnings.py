"""What in the settings is allowed and probably not meant."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from tollway.admin.policy_warnings import policy_warnings
from tollway.budgets.budget import Budget
from tollway.budgets.holds import NONE, Claim, holds
from tollway.budgets.window import Calendar
from tollway.document import Document
from tollway.document.text import parse, why_not_edited
from tollway.errors import SettingsInvalid
from tollway.match import Attribute, Match
from tollway.money import display
from tollway.policies.policy import Limit, NoLimit
from tollway.snapshot import Snapshot
from tollway.storage.protocol import Known, Ledger

UNMATCHED_DAYS = 14
_DAY_MS = 86_400_000
_ACCOUNTS_AT_ONCE = 256


class Seen(NamedTuple):
    """What is known of the requests of a budget."""

    since: int
    """Unix milliseconds from which on they are counted by what it selects now."""
    last: int | None
    """An instant at or after which there was one; `None` where none is known."""


def warnings_of(
    snapshot: Snapshot, now: int, seen: Mapping[str, Seen] | None = None, file: Path | None = None
) -> list[str]:
    """Sentences, each naming the thing and the way out. `now` is Unix milliseconds; secrets are never in them.

    `seen`: by budget id, what the ledger knows (`seen_by`); without it nothing is said of budgets that count nothing.
    `file`: where the settings are, to be named.
    """
    document = _document(snapshot.document)
    return [
        *_unedited(snapshot, file),
        *_missing_keys(snapshot),
        *(_literal_secrets(document) if document is not None else ()),
        *_unusable_keys(snapshot, now),
        *(warning for budget in snapshot.budgets for warning in _budget_warnings(budget, snapshot, now)),
        *_overcommitted(snapshot.budgets),
        *_unmatched(snapshot.budgets, now, seen or {}),
        *policy_warnings(snapshot, now),
        *_unpriced_providers(snapshot, now),
        *_open_gateways(snapshot),
        *_untold_groups(snapshot),
        *_reachable(snapshot),
        *(_no_budgets(snapshot)),
    ]


def _document(text: str) -> Document | None:
    try:
        return parse(text)
    except SettingsInvalid:
        return None


def _unedited(snapshot: Snapshot, file: Path | None) -> Iterable[str]:
    why = why_not_edited(snapshot.document, "The settings file" if file is None else f"Settings file {str(file)!r}")
    return () if why is None else (why,)


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
    written += [
        (f"providers.{slug}.api_keys.{alias}", reference)
        for slug, provider in document.providers.items()
        for alias, reference in provider.api_keys.items()
    ]
    written += [(f'key "{key.name}", secret', key.secret) for key in document.keys]
    for where, reference in written:
        if reference is not None and reference != "none" and not reference.startswith(("env:", "file:", "sealed:")):
            yield f"{where} is written in the settings itself; use env:NAME or file:PATH, so that it is not in the file."


def _unusable_keys(snapshot: Snapshot, now: int) -> Iterable[str]:
    for key in snapshot.keys.values():
        if key.enabled and key.expires_at is not None and key.expires_at <= now:
            yield f'Key "{key.name}" has expired and opens nothing; give it another expires_at, or take it out.'


def _open_gateways(snapshot: Snapshot) -> Iterable[str]:
    for gateway in snapshot.gateways.values():
        if gateway.authentication == "none":
            yield f'Gateway "{gateway.slug}" asks for no key: whoever reaches it spends from its budgets.'


def _untold_groups(snapshot: Snapshot) -> Iterable[str]:
    """Issuers whose tokens may leave their groups out, where rules go by groups."""
    rules = [f'budget "{budget.name}"' for budget in snapshot.budgets if budget.enabled and _by_group(budget)]
    rules += [f'policy "{policy.name}"' for policy in snapshot.policies if "groups" in policy.condition.source]
    if not rules:
        return
    named = ", ".join(rules[:3]) + (f" and {len(rules) - 3} more" if len(rules) > 3 else "")
    for issuer in snapshot.issuers.all():
        if issuer.enabled and not issuer.claims.groups_required:
            people = " of a service" if issuer.groups_from == "userinfo" else ""
            yield (
                f'Issuer "{issuer.name}": a token{people} without the claim "{issuer.claims.groups}" is in no group, so whoever '
                f"asks for one without it is out of what goes by groups ({named}). Set claims: {{groups_required: true}}."
            )


def _by_group(budget: Budget) -> bool:
    matched = [*budget.where, *(match for action in budget.actions for match in action.where)]
    given = [name for override in budget.overrides for name, _ in override.values]
    return "group" in [match.attribute for match in matched] + given + list(budget.split_by)


def _reachable(snapshot: Snapshot) -> Iterable[str]:
    """What may be sent where the internet cannot see it, or so that others on the way can."""
    for channel in snapshot.channels.values():
        if channel.allow_private:
            yield (
                f'Channel "{channel.name}" may call private addresses (allow_private): whoever edits its url reaches servers '
                "of your own network. Take it out unless the receiver is there."
            )
    for provider in snapshot.providers.values():
        if provider.base_url.startswith("http://") and not _on_this_machine(provider.base_url):
            yield (
                f'Provider "{provider.slug}" is reached without TLS at a private address (allow_http): its key and all prompts '
                "can be read on the way. Use https where it has it."
            )


def _on_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host == "localhost" or host == "::1" or host.startswith("127.")


def _no_budgets(snapshot: Snapshot) -> Iterable[str]:
    for slug in snapshot.gateways:
        enforced = any(budget.mode == "enforce" for budget in snapshot.budgets_of.get(slug, ()))
        # Where there are policies, what none of them permits is refused: whoever is not limited there is meant not to be.
        actions = [policy.action for policy in snapshot.policies_of.get(slug, ())]
        limited = any(isinstance(action, Limit) for action in actions)
        permitted = not actions or any(isinstance(action, NoLimit) for action in actions)
        if not enforced and not limited and permitted:
            yield f'No budget stops anything on gateway "{slug}": spend there has no limit.'


def _budget_warnings(budget: Budget, snapshot: Snapshot, now: int) -> Iterable[str]:
    declared = [name for name in budget.split_by if name.startswith("metadata.")]
    if declared and budget.attributes == "any" and budget.mode == "enforce" and budget.parent is None:
        yield (
            f'Budget "{budget.name}" is split by {", ".join(declared)}, which callers may declare as they like: each new value '
            "is a fresh account. Set attributes: verified, or give it a parent with a limit."
        )
    for match in budget.where:
        for pattern, hint in _unknown(match, snapshot):
            yield f'Budget "{budget.name}": no {match.attribute} "{pattern}" is known, so it counts nothing there.{hint}'
    yield from _override_warnings(budget, snapshot)
    yield from _action_warnings(budget, snapshot, now)
    for name in unpriced_models(budget, snapshot, now):
        yield (
            f'Budget "{budget.name}": "{name}" has no price, so its cost cannot be counted. '
            "Add its price to the settings (prices:)."
        )


def _override_warnings(budget: Budget, snapshot: Snapshot) -> Iterable[str]:
    for number, override in enumerate(budget.overrides, 1):
        for name, wanted in override.values:
            for pattern, hint in _unknown(Match(name, (wanted,)), snapshot):
                if pattern != NONE:
                    yield (
                        f'Budget "{budget.name}": no {name} "{pattern}" is known, so its override {number} gives nobody a '
                        f"limit.{hint}"
                    )
        for earlier, other in enumerate(budget.overrides[: number - 1], 1):
            if _covers(dict(other.values), dict(override.values)):
                yield (
                    f'Budget "{budget.name}": its override {number} says nothing, because override {earlier} comes first and '
                    "matches all of it; put the narrower one first."
                )
                break


def _covers(wide: Mapping[str, str], narrow: Mapping[str, str]) -> bool:
    """Whether every account that `narrow` matches is one that `wide` matches; told only where that is plain."""
    return all(
        name in narrow
        and (pattern == narrow[name] or Match(name, (pattern,)).holds({name: Attribute((narrow[name],), "key")}))
        for name, pattern in wide.items()
    )


def _action_warnings(budget: Budget, snapshot: Snapshot, now: int) -> Iterable[str]:
    for action in budget.actions:
        what = f'Budget "{budget.name}", {action.do} at {action.at} %'
        if budget.mode == "monitor" and action.do == "block":
            yield f"{what}: the budget only watches, so it blocks nothing; set mode: enforce, or leave the action out."
        for match in action.where:
            for pattern, hint in _unknown(match, snapshot):
                yield f'{what}: no {match.attribute} "{pattern}" is known, so it applies to nobody there.{hint}'
        if action.to is not None and not is_priced(action.to, snapshot, now):
            yield (
                f'{what}: "{action.to}" has no price, so a budget that must hold what it costs refuses it. '
                "Correct the name, or add its price to the settings (prices:)."
            )


def _overcommitted(budgets: Sequence[Budget]) -> Iterable[str]:
    """Parents whose children may spend more together than they may. Only where one window measures all of them."""
    for parent in budgets:
        if parent.split_by or not parent.enabled:
            continue
        children = [b for b in budgets if b.parent == parent.id and b.enabled and b.window == parent.window]
        for child in children:
            if child.limit > parent.limit:
                whose = " of each account" if child.split_by else ""
                yield (
                    f'Budget "{child.name}": its limit{whose}, {display(child.limit)}, is never reached, because that of its '
                    f'parent "{parent.name}" is {display(parent.limit)}.'
                )
        together = sum(child.limit for child in children if not child.split_by)
        single = [child for child in children if not child.split_by]
        if len(single) > 1 and together > parent.limit and all(child.limit <= parent.limit for child in single):
            names = ", ".join(f'"{child.name}"' for child in single)
            yield (
                f'Budget "{parent.name}": the limits of {names} add up to {display(together)}, and its own is '
                f"{display(parent.limit)}: it may be spent while they have money left. Raise it, or lower theirs, if that is "
                "not meant."
            )


def _unmatched(budgets: Sequence[Budget], now: int, seen: Mapping[str, Seen]) -> Iterable[str]:
    for budget in budgets:
        known = seen.get(budget.id)
        if known is None or not budget.enabled:
            continue
        days = (now - (known.since if known.last is None else max(known.since, known.last))) // _DAY_MS
        if days >= UNMATCHED_DAYS:
            yield (
                f'Budget "{budget.name}" has counted no money for {days} days. Check what it selects '
                "(tollway explain tells which budgets count a request), or take it out."
            )


def seen_by(
    ledger: Ledger, budgets: Sequence[Budget], known: Sequence[Known], calendar: Calendar, now: int
) -> dict[str, Seen]:
    """What the ledger's balances tell of the last `UNMATCHED_DAYS`, for budgets that have been known for as long.

    A window that had begun before is taken for matched as a whole: a warning may come late, never early. Requests that
    cost nothing leave no trace in balances.
    """
    then = now - UNMATCHED_DAYS * _DAY_MS
    since = {one.budget: one.since for one in known if one.since <= then}
    found: dict[str, Seen] = {}
    for budget in budgets:
        if budget.id in since:
            oldest = calendar.span(budget.window, then).since
            matched = _has_counted(ledger, budget, oldest, calendar, now)
            found[budget.id] = Seen(since[budget.id], now if matched else None)
    return found


def _has_counted(ledger: Ledger, budget: Budget, since: int, calendar: Calendar, now: int) -> bool:
    """Whether an account of the budget has anything spent or held in a bucket from `since` on."""
    accounts = ledger.accounts(budget.id) if budget.split_by else (budget.id,)
    for first in range(0, len(accounts), _ACCOUNTS_AT_ONCE):
        claim = Claim(budget, tuple(accounts[first : first + _ACCOUNTS_AT_ONCE]))
        placed = [msgspec.structs.replace(hold, since=since) for hold in holds((claim,), 0, now, calendar)]
        if any(balance.spent or balance.held for balance in ledger.balances(placed)):
            return True
    return False


def _unknown(match: Match, snapshot: Snapshot) -> Iterable[tuple[str, str]]:
    """The patterns of a match that nothing in the settings has a value for, each with a hint at what may be meant."""
    known = None if match.negated else _known_values(match.attribute, snapshot)
    if known is None:
        return
    for pattern in match.patterns:
        if not _selects(Match(match.attribute, (pattern,)), known):
            near = difflib.get_close_matches(pattern, known, n=1)
            yield pattern, f' Did you mean "{near[0]}"?' if near else ""


_MOST_ISSUED = 1_000
"""Issued keys up to which it is looked whether a rule selects any of them."""


def _known_values(attribute: str, snapshot: Snapshot) -> Sequence[str] | None:
    """Every value that the settings know for an attribute; `None` where any value may come."""
    if attribute in ("key", "user", "service", "group") and len(snapshot.issued) > _MOST_ISSUED:
        return None
    if attribute in ("user", "service", "group") and snapshot.issuers:
        # Tokens say whatever their issuer does.
        return None
    keys = [*snapshot.keys.values(), *snapshot.issued.all()]
    match attribute:
        case "gateway":
            return sorted(snapshot.gateways)
        case "provider":
            return sorted({name for provider in snapshot.providers.values() for name in provider.names})
        case "key":
            return sorted({*(key.name for key in snapshot.keys.values()), *snapshot.issued.names})
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

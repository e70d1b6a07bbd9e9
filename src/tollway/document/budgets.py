"""The budgets of a document: those written as budgets, and Cloudflare's spend limits; ancestors' selections included."""

import unicodedata
from collections.abc import Mapping, Sequence, Set
from decimal import Decimal

import msgspec

from tollway import money
from tollway.budgets.budget import Budget
from tollway.budgets.window import parse_window
from tollway.document.budget_rules import (
    read_actions,
    read_amount,
    read_carry_over,
    read_match,
    read_note,
    read_overrides,
    read_split_by,
)
from tollway.document.names import check_slug, slug_of
from tollway.document.providers import provider_aliases
from tollway.document.written import BudgetDocument, Document
from tollway.document.written_gateway import GatewayDocument, SpendLimitRule
from tollway.errors import MoneyInvalid, SettingsInvalid, WindowInvalid
from tollway.gateway import Gateway, Provider
from tollway.match import METADATA, Match

LONGEST_NAME = 200
"""Characters of a budget's name: it stands in messages, headers of alerts and tables."""

# Controls, ends of lines and paragraphs, halves of surrogate pairs: what is no text on one line.
_NOT_IN_NAMES = ("Cc", "Zl", "Zp", "Cs")


def read_budgets(
    document: Document, gateways: Mapping[str, Gateway], providers: Mapping[str, Provider]
) -> tuple[Budget, ...]:
    """All budgets, ancestors first. Raises SettingsInvalid naming the budget, the value and the way out."""
    known = providers.keys() | provider_aliases(providers).keys()
    told = ", ".join(sorted(providers)) or "none"
    budgets = [_budget(written, known, told) for written in document.budgets]
    for gateway in document.gateways:
        if gateway.spend_limits is not None:
            for number, rule in enumerate(gateway.spend_limits.rules):
                budgets.append(_spend_limit(gateway, rule, number))
    seen: set[str] = set()
    for budget in budgets:
        if budget.id in seen:
            raise SettingsInvalid(
                f'budget "{budget.name}": the id "{budget.id}" is used twice; give one of them another "id".'
            )
        seen.add(budget.id)
        if budget.gateway is not None and budget.gateway not in gateways:
            raise SettingsInvalid(
                f'budget "{budget.name}": no gateway "{budget.gateway}"; there are {", ".join(sorted(gateways))}.'
            )
    return _ancestors_first(budgets)


def _budget(written: BudgetDocument, providers: Set[str], told: str) -> Budget:
    _check_name(written.name, f"budget {written.name!r}, name")
    where = f'budget "{written.name}"'
    limit = read_amount(written.limit, where)
    try:
        window = parse_window(written.window)
    except WindowInvalid as error:
        raise SettingsInvalid(f"{where}, window: {error}") from None
    if not 0 <= written.contention_wait_ms <= 60_000:
        raise SettingsInvalid(f"{where}, contention_wait_ms: {written.contention_wait_ms} is not between 0 and 60,000.")
    identifier = written.id or slug_of(written.name)
    check_slug(identifier, f"{where}, id")
    split_by = read_split_by(written.split_by, where)
    return Budget(
        id=identifier,
        name=written.name,
        limit=limit,
        window=window,
        gateway=written.gateway,
        parent=written.parent,
        where=tuple(read_match(name, values, where) for name, values in written.where.items()),
        split_by=split_by,
        untagged=written.untagged,
        mode=written.mode,
        guarantee=written.guarantee,
        on_unpriced=written.on_unpriced,
        on_store_failure=written.on_store_failure,
        attributes=written.attributes,
        alerts=_alerts(written.alerts, where),
        overrides=read_overrides(written, split_by, where),
        actions=read_actions(written.actions, where, providers, told),
        carry_over=read_carry_over(written.carry_over, window, where),
        enabled=written.enabled,
        contention_wait_ms=written.contention_wait_ms,
        note=read_note(written.note, where),
    )


def _check_name(name: str, where: str) -> None:
    if len(name) > LONGEST_NAME:
        raise SettingsInvalid(
            f"{where}: it has {len(name):,} characters; write {LONGEST_NAME} at most, and the rest into its note."
        )
    for character in name:
        if unicodedata.category(character) in _NOT_IN_NAMES:
            raise SettingsInvalid(
                f"{where}: it has the control character {character!r}, which no message can show; write it on one line, "
                "without it."
            )


def _spend_limit(gateway: GatewayDocument, rule: SpendLimitRule, number: int) -> Budget:
    name = rule.id or f"spend-limit-{number + 1}"
    _check_name(name, f'gateway "{gateway.slug}", spend limit {name!r}, id')
    where = f'gateway "{gateway.slug}", spend limit "{name}"'
    # Cloudflare writes the limit as a JSON number; its shortest decimal form is what was meant.
    limit = rule.limit if isinstance(rule.limit, str) else format(Decimal(repr(rule.limit)), "f")
    try:
        amount, window = money.parse(limit), parse_window({"every": rule.window, "technique": rule.technique})
    except (MoneyInvalid, WindowInvalid) as error:
        raise SettingsInvalid(f"{where}: {error}") from None
    if amount <= 0:
        raise SettingsInvalid(f"{where}: limit {limit} is not above zero.")
    for key, dimension in [("model", rule.model), ("provider", rule.provider), *rule.metadata.items()]:
        if dimension is not None and dimension.mode == "partition" and dimension.values:
            raise SettingsInvalid(
                f"{where}, {key}: a partition takes every value; leave values out, or use mode filter."
            )
    dimensions = {"model": rule.model, "provider": rule.provider} | {
        f"{METADATA}{key}": dimension for key, dimension in rule.metadata.items()
    }
    asked = [(name, dimension) for name, dimension in dimensions.items() if dimension is not None]
    return Budget(
        id=f"{gateway.slug}.{slug_of(name)}",
        name=name,
        limit=amount,
        window=window,
        gateway=gateway.slug,
        where=tuple(read_match(key, dimension.values, where) for key, dimension in asked if dimension.mode == "filter"),
        split_by=read_split_by([key for key, dimension in asked if dimension.mode == "partition"], where),
        enabled=rule.enabled and (gateway.spend_limits is None or gateway.spend_limits.enabled),
    )


def _ancestors_first(budgets: Sequence[Budget]) -> tuple[Budget, ...]:
    """The budgets with each ancestor's selection added to its descendants', parents before children."""
    by_id = {budget.id: budget for budget in budgets}
    by_name: dict[str, list[Budget]] = {}
    for budget in budgets:
        by_name.setdefault(budget.name, []).append(budget)
    done: dict[str, Budget] = {}

    def settle(budget: Budget, below: tuple[str, ...]) -> Budget:
        if budget.id in done:
            return done[budget.id]
        if budget.id in below:
            raise SettingsInvalid(
                f'budget "{budget.name}": its parents form a circle: {" → ".join((*below, budget.id))}.'
            )
        if budget.parent is not None:
            named = [by_id[budget.parent]] if budget.parent in by_id else by_name.get(budget.parent, [])
            if len(named) != 1:
                several = (
                    f'several budgets are named "{budget.parent}"; write the id of one'
                    if named
                    else (f'no budget "{budget.parent}" to be its parent; there are {", ".join(by_id)}')
                )
                raise SettingsInvalid(f'budget "{budget.name}": {several}.')
            parent = settle(named[0], (*below, budget.id))
            if parent.gateway is not None and budget.gateway not in (None, parent.gateway):
                raise SettingsInvalid(
                    f'budget "{budget.name}" is of gateway "{budget.gateway}", its parent of "{parent.gateway}"; use the same.'
                )
            inherited = tuple(match for match in parent.where if match not in budget.where)
            _check_within(budget, parent, inherited)
            budget = msgspec.structs.replace(
                budget,
                where=budget.where + inherited,
                parent=parent.id,
                gateway=budget.gateway or parent.gateway,
                # What a parent would not count, its child must not select.
                attributes="verified" if parent.attributes == "verified" else budget.attributes,
            )
        done[budget.id] = budget
        return budget

    for budget in budgets:
        settle(budget, ())
    return tuple(done.values())


_ALWAYS_KNOWN = ("gateway", "provider")


def _check_within(budget: Budget, parent: Budget, inherited: Sequence[Match]) -> None:
    """Refuses a child that would count requests which its parent, being split, has no account for."""
    if parent.untagged == "bucket":
        return
    # A match holds only where its attribute is known; a split leaves out what lacks it, unless it is told otherwise.
    known = {match.attribute for match in (*budget.where, *inherited)} | set(_ALWAYS_KNOWN)
    if budget.untagged == "skip":
        known |= set(budget.split_by)
    for name in parent.split_by:
        if name not in known:
            raise SettingsInvalid(
                f'budget "{budget.name}": it would count requests without {name}, which its parent "{parent.name}", split by '
                f'{name}, does not. Set untagged: bucket on "{parent.name}", or split "{budget.name}" by {name} too.'
            )


def _alerts(percentages: Sequence[int], where: str) -> tuple[int, ...]:
    for percentage in percentages:
        if not 1 <= percentage <= 1_000:
            raise SettingsInvalid(f"{where}, alerts: {percentage} is not a percentage from 1 to 1,000.")
    return tuple(sorted(set(percentages)))

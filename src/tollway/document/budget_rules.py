"""The parts of a written budget, one by one: amounts, matches, overrides, actions, carry-over."""

import re
from collections.abc import Sequence, Set

from tollway import money
from tollway.budgets.budget import Action, Override
from tollway.budgets.window import Every, Fixed, Window
from tollway.document.written import ActionDocument, BudgetDocument, CarryOverDocument
from tollway.errors import MoneyInvalid, SettingsInvalid
from tollway.identity.names import known_as
from tollway.match import Match, is_attribute

LONGEST_DELAY_MS = 60_000
LONGEST_NOTE = 2_000
UNLIMITED = "unlimited"
_LARGE = re.compile(r"-?[0-9]{10,}(?:\.[0-9]{1,9})?")
"""An amount in all but its size."""


def read_amount(written: str | int | float, where: str, field: str = "limit") -> int:
    """Nanodollars, not below zero. `where` names the budget, `field` what is written wrong."""
    if isinstance(written, float):
        raise SettingsInvalid(f'{where}, {field}: {written} is not exact; write it in quotes: {field}: "{written}".')
    try:
        amount = money.parse(str(written))
    except MoneyInvalid as error:
        if _LARGE.fullmatch(str(written)) is not None:
            most = money.display(money.LARGEST)
            raise SettingsInvalid(f"{where}, {field}: {str(written)[:60]} is too large; {most} is the most.") from None
        raise SettingsInvalid(f"{where}, {field}: {error}.") from None
    if amount < 0:
        raise SettingsInvalid(f"{where}, {field}: {written} is below zero.")
    return amount


def read_attribute(name: str, where: str) -> str:
    # The document may use the plural of the claims it comes from.
    name = {"groups": "group", "models": "model", "users": "user"}.get(name, name)
    if not is_attribute(name):
        raise SettingsInvalid(
            f'{where}: unknown attribute "{name}"; use model, provider, gateway, user, group, key, service or metadata.<key>.'
        )
    return name


def read_match(name: str, values: str | list[str], where: str) -> Match:
    patterns = (values,) if isinstance(values, str) else tuple(values)
    if not patterns:
        raise SettingsInvalid(f"{where}, where.{name}: an empty list selects nothing; name a value.")
    attribute = read_attribute(name, f"{where}, where")
    return Match(attribute, tuple(_as_known(attribute, pattern) for pattern in patterns))


def _as_known(attribute: str, pattern: str) -> str:
    """A pattern as the values are that it is held against: models are matched by their names in lower case
    (`identity.attributes.with_target`), and addresses of people are known so (`identity/names.py`)."""
    if attribute == "model":
        return pattern.lower()
    return known_as(pattern) if attribute == "user" else pattern


def read_split_by(names: Sequence[str], where: str) -> tuple[str, ...]:
    found = tuple(read_attribute(name, f"{where}, split_by") for name in names)
    if len(set(found)) < len(found):
        raise SettingsInvalid(f"{where}, split_by: {', '.join(names)} names an attribute twice; name it once.")
    return found


def read_overrides(written: BudgetDocument, split_by: Sequence[str], where: str) -> tuple[Override, ...]:
    """Other limits for some accounts, in the order written."""
    if written.overrides and not split_by:
        raise SettingsInvalid(
            f"{where}, overrides: the budget is not split, so it has one account, of its limit; add split_by, or leave them out."
        )
    found: dict[tuple[tuple[str, str], ...], int] = {}
    overrides: list[Override] = []
    for number, fields in enumerate(written.overrides, 1):
        here = f"{where}, overrides, entry {number}"
        if "limit" not in fields:
            raise SettingsInvalid(f'{here}: no limit is written; add limit: "5", or limit: {UNLIMITED}.')
        limit = None if fields["limit"] == UNLIMITED else read_amount(fields["limit"], here)
        values: dict[str, str] = {}
        for name, pattern in fields.items():
            if name != "limit":
                attribute, text = _override_value(name, pattern, split_by, here)
                if attribute in values:
                    raise SettingsInvalid(f"{here}: {attribute} is named twice; name it once.")
                values[attribute] = text
        if not values:
            raise SettingsInvalid(
                f"{here}: no account is named; add one of {', '.join(split_by)}, or write it as the budget's own limit."
            )
        ordered = tuple((name, values[name]) for name in split_by if name in values)
        if ordered in found:
            raise SettingsInvalid(
                f"{here}: {_said(ordered)} has a limit by entry {found[ordered]} already; leave one of them out."
            )
        found[ordered] = number
        overrides.append(Override(ordered, limit))
    return tuple(overrides)


def _override_value(name: str, pattern: str | int | float, split_by: Sequence[str], where: str) -> tuple[str, str]:
    attribute = read_attribute(name, where)
    if attribute not in split_by:
        raise SettingsInvalid(f"{where}: the budget is not split by {attribute}, only by {', '.join(split_by)}.")
    if not isinstance(pattern, str):
        raise SettingsInvalid(f'{where}, {name}: {pattern} is no text; write it in quotes: "{pattern}".')
    if not pattern:
        raise SettingsInvalid(f'{where}, {name}: an empty pattern matches no account; write a value, or "*".')
    if attribute != "model":
        return attribute, _as_known(attribute, pattern)
    # Accounts are named by `provider/model` alone.
    if "/" not in pattern and pattern != "(none)":
        raise SettingsInvalid(
            f'{where}, {name}: "{pattern}" names no provider; write "*/{pattern}", or the provider\'s.'
        )
    return attribute, pattern.lower()


def _said(values: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f'{name} "{pattern}"' for name, pattern in values)


def read_actions(written: Sequence[ActionDocument], where: str, providers: Set[str], told: str) -> tuple[Action, ...]:
    """By `at`, ascending. `providers`: every name of those configured; `told`: their own, as people are told."""
    found: list[Action] = []
    for number, action in enumerate(written, 1):
        here = f"{where}, actions, entry {number}"
        if not 1 <= action.at <= 100:
            raise SettingsInvalid(f"{here}, at: {action.at} is not a percentage of the limit from 1 to 100.")
        _check_slow(action, here)
        _check_downgrade(action, here, providers, told)
        matches = tuple(read_match(name, values, here) for name, values in action.where.items())
        if action.do == "block" and action.at < 100 and not matches and action.priority is None:
            raise SettingsInvalid(
                f"{here}, do: block at {action.at} stops every request, so nobody can spend the rest; name whom it stops "
                "with where or priority, or write a lower limit."
            )
        read = Action(
            at=action.at,
            do=action.do,
            where=matches,
            priority=action.priority,
            delay_ms=action.delay_ms or 0,
            to=action.to,
        )
        if read in found:
            raise SettingsInvalid(f"{here}: the same as entry {found.index(read) + 1}; leave one of them out.")
        found.append(read)
    return tuple(sorted(found, key=lambda action: action.at))


def _check_slow(action: ActionDocument, where: str) -> None:
    if action.do != "slow":
        if action.delay_ms is not None:
            raise SettingsInvalid(f"{where}, delay_ms: {action.do} delays nothing; leave it out, or write do: slow.")
    elif action.delay_ms is None:
        raise SettingsInvalid(f"{where}: slow needs to know for how long; add delay_ms: 500.")
    elif not 1 <= action.delay_ms <= LONGEST_DELAY_MS:
        raise SettingsInvalid(f"{where}, delay_ms: {action.delay_ms} is not between 1 and {LONGEST_DELAY_MS:,}.")


def _check_downgrade(action: ActionDocument, where: str, providers: Set[str], told: str) -> None:
    if action.do != "downgrade":
        if action.to is not None:
            raise SettingsInvalid(f"{where}, to: {action.do} changes no model; leave it out, or write do: downgrade.")
        return
    if action.to is None:
        raise SettingsInvalid(f"{where}: downgrade needs a model; add to: openai/gpt-4o-mini.")
    provider, slash, model = action.to.partition("/")
    if not (provider and slash and model) or "*" in action.to:
        raise SettingsInvalid(f'{where}, to: "{action.to}" is not one model of a provider; write provider/model.')
    if provider not in providers:
        raise SettingsInvalid(f'{where}, to: no provider "{provider}" is configured; there are: {told}.')


def read_carry_over(written: str | int | float | CarryOverDocument | None, window: Window, where: str) -> int:
    """Nanodollars that may be carried over at most; 0 where nothing is."""
    if written is None:
        return 0
    if isinstance(written, CarryOverDocument):
        amount = read_amount(written.cap, where, "carry_over.cap")
    else:
        amount = read_amount(written, where, "carry_over")
    if amount == 0:
        raise SettingsInvalid(f"{where}, carry_over: nothing is carried over up to $0; leave it out.")
    if not (isinstance(window, Fixed) or (isinstance(window, Every) and window.technique == "fixed")):
        raise SettingsInvalid(
            f"{where}, carry_over: this window has no window before it to carry from; leave it out, or use a window of "
            "period hour, day, week or month, or every with technique: fixed."
        )
    return amount


def read_note(written: str, where: str) -> str:
    if len(written) > LONGEST_NOTE:
        raise SettingsInvalid(f"{where}, note: it has {len(written):,} characters; write {LONGEST_NOTE:,} at most.")
    return written

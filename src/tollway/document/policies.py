"""The policies of a document, in Cloudflare's shape: who, resource, condition, action."""

import difflib
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, cast, get_args

from tollway import money
from tollway.budgets.budget import Guarantee, OnUnpriced
from tollway.budgets.window import Period, Window, parse_window
from tollway.document.names import check_slug, slug_of
from tollway.document.written import PolicyDocument
from tollway.errors import MoneyInvalid, SettingsInvalid, WindowInvalid
from tollway.gateway import Gateway
from tollway.policies.actor import read_actor
from tollway.policies.condition import compiled
from tollway.policies.policy import Block, Limit, NoLimit, Policy, Resource

LONGEST_NAME = 200
MOST_PATTERNS = 1_000
"""Models or providers of one policy."""

_ACTIONS = ("no-limit", "block", "limit")
_PERIODS: dict[str, Period] = {"hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month"}
_OF_LIMIT = ("type", "amount", "on_unpriced", "guarantee")


def policy_id(written: PolicyDocument) -> str:
    """The id of a policy as it is written: its own, or one made of its name."""
    return written.id or slug_of(written.name)


def read_policies(written: Sequence[PolicyDocument], gateways: Mapping[str, Gateway]) -> tuple[Policy, ...]:
    """All policies, in the order written. Raises SettingsInvalid naming the policy, the value and the way out."""
    found: list[Policy] = []
    ids: dict[str, str] = {}
    names: set[str] = set()
    for one in written:
        policy = read_policy(one)
        where = f'policy "{policy.name}"'
        if policy.id in ids:
            raise SettingsInvalid(
                f'{where}: the id "{policy.id}" is that of policy "{ids[policy.id]}"; give one of them another "id".'
            )
        if policy.name in names:
            raise SettingsInvalid(f"{where}: the name is used twice; names of policies are unique.")
        if policy.gateway is not None and policy.gateway not in gateways:
            raise SettingsInvalid(f'{where}: no gateway "{policy.gateway}"; there are {", ".join(sorted(gateways))}.')
        ids[policy.id] = policy.name
        names.add(policy.name)
        found.append(policy)
    return tuple(found)


def by_gateway(policies: Sequence[Policy], gateways: Collection[str]) -> dict[str, tuple[Policy, ...]]:
    """The policies in force on each gateway that has any: its own and the account-wide ones."""
    found = {slug: tuple(p for p in policies if p.enabled and p.gateway in (None, slug)) for slug in gateways}
    return {slug: policed for slug, policed in found.items() if policed}


def read_policy(written: PolicyDocument) -> Policy:
    """One policy. Raises SettingsInvalid as above."""
    if not 1 <= len(written.name) <= LONGEST_NAME or not written.name.isprintable() or not written.name.strip():
        raise SettingsInvalid(
            f"policies: the name {written.name[:64]!r} is empty, longer than {LONGEST_NAME} characters or not on one line."
        )
    where = f'policy "{written.name}"'
    identifier = policy_id(written)
    check_slug(identifier, f"{where}, id")
    return Policy(
        id=identifier,
        name=written.name,
        actor=read_actor(written.actor, f"{where}, actor"),
        resource=_resource(written.resource, f"{where}, resource"),
        condition=compiled(written.condition, f"{where}, condition"),
        action=_action(written.action, f"{where}, action"),
        gateway=written.gateway,
        enabled=written.enabled,
    )


def _resource(written: str | dict[str, str | list[str]], where: str) -> Resource:
    if isinstance(written, str):
        if written != "*":
            raise SettingsInvalid(f'{where}: "{written}" is not "*"; write {{model: "{written}"}} for one model.')
        return Resource()
    for name in written:
        if name not in ("model", "provider"):
            raise SettingsInvalid(f'{where}: a resource has no "{name}"; it has model, provider, or both.')
    if not written:
        raise SettingsInvalid(f'{where}: it names nothing; write "*" for everything, or a model or a provider.')
    providers = _patterns(written, "provider", where)
    for name in providers:
        if "*" in name:
            raise SettingsInvalid(
                f'{where}.provider: "{name}" has a "*", which only models may have; name each provider, or leave it out.'
            )
    return Resource(_patterns(written, "model", where), providers)


def _patterns(written: dict[str, str | list[str]], name: str, where: str) -> tuple[str, ...]:
    if name not in written:
        return ()
    given = written[name]
    values = [given] if isinstance(given, str) else given
    if not 1 <= len(values) <= MOST_PATTERNS or not all(value.strip() and value.isprintable() for value in values):
        raise SettingsInvalid(f"{where}.{name}: name 1 to {MOST_PATTERNS:,}, none of them empty.")
    # Models are matched by their names in lower case (`identity.attributes.with_target`).
    return tuple(dict.fromkeys(value.strip().lower() for value in values))


def _action(written: dict[str, str | int | float | bool], where: str) -> NoLimit | Block | Limit:
    kind = written.get("type")
    if not isinstance(kind, str) or kind not in _ACTIONS:
        near = difflib.get_close_matches(str(kind), _ACTIONS, n=1)
        meant = f'; did you mean "{near[0]}"' if near else f"; write {', '.join(_ACTIONS[:-1])} or {_ACTIONS[-1]}"
        raise SettingsInvalid(f"{where}, type: {kind!r} is no action{meant}.")
    if kind == "limit":
        return _limit(written, where)
    known = ("type", "except") if kind == "block" else ("type",)
    for name in written:
        if name not in known:
            raise SettingsInvalid(f'{where}: {kind} has no "{name}"; leave it out.')
    excepted = written.get("except", False)
    if not isinstance(excepted, bool):
        raise SettingsInvalid(f"{where}, except: {excepted!r} is not true or false.")
    return Block(excepted) if kind == "block" else NoLimit()


def _limit(written: dict[str, str | int | float | bool], where: str) -> Limit:
    if "amount" not in written:
        raise SettingsInvalid(f'{where}: a limit needs an amount of US dollars; add amount: "1000".')
    given = written["amount"]
    # Cloudflare writes the amount as a JSON number; its shortest decimal form is what was meant.
    text = format(Decimal(repr(given)), "f") if isinstance(given, float) else str(given)
    try:
        amount = money.parse(text)
    except (MoneyInvalid, ArithmeticError) as error:
        raise SettingsInvalid(f"{where}, amount: {error}.") from None
    if isinstance(given, bool) or amount <= 0:
        raise SettingsInvalid(f'{where}, amount: {given} is not above zero; a policy of type "block" permits nothing.')
    return Limit(
        amount=amount,
        window=_window(written, where),
        on_unpriced=cast(OnUnpriced, _choice(written, "on_unpriced", "block", get_args(OnUnpriced), where)),
        guarantee=cast(Guarantee, _choice(written, "guarantee", "hard", get_args(Guarantee), where)),
    )


def _window(written: dict[str, str | int | float | bool], where: str) -> Window:
    fields: dict[str, Any] = {name: value for name, value in written.items() if name not in _OF_LIMIT}
    if fields.get("period") in _PERIODS:
        fields["period"] = _PERIODS[fields["period"]]
    technique = fields.get("technique", "named-interval")
    if "every" not in fields:
        if technique != "named-interval":
            raise SettingsInvalid(f"{where}, technique: {technique!r} is not named-interval; leave it out.")
        fields.pop("technique", None)
    if not fields:
        raise SettingsInvalid(f"{where}: a limit needs a period: hourly, daily, weekly or monthly.")
    try:
        return parse_window(fields)
    except WindowInvalid as error:
        raise SettingsInvalid(f"{where}: {error}") from None


def _choice(
    written: dict[str, str | int | float | bool], name: str, default: str, choices: Sequence[str], where: str
) -> str:
    value = written.get(name, default)
    if value not in choices:
        raise SettingsInvalid(f"{where}, {name}: {value!r} is not {', '.join(choices[:-1])} or {choices[-1]}.")
    return str(value)

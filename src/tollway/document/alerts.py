"""Alert rules and channels, from what is written to what is asked and where it is told."""

import base64
import binascii
import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from tollway import money
from tollway.alerts import AlertKind, Channel, Rule
from tollway.budgets.budget import Budget
from tollway.budgets.window import Total, Window
from tollway.document.names import check_slug
from tollway.document.written import AlertDocument, ChannelDocument
from tollway.errors import MoneyInvalid, SettingsInvalid
from tollway.match import is_attribute
from tollway.policies.buckets import budget_id
from tollway.policies.policy import Limit, Policy

_URL = re.compile(r"(https?)://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?(?:[/?](?:(?![#\\])[!-~])*)?")
_APPRISE_URL = re.compile(r"([a-z][a-z0-9+.-]{1,31})://[!-~]*", re.IGNORECASE)
_HOW_TO_MAKE = 'make one with: echo "whsec_$(openssl rand -base64 32)"'
# Standard Webhooks: a secret has 24 to 64 bytes.
_FEWEST_BYTES, _MOST_BYTES = 24, 64
_LONGEST_S = 31 * 86_400


class _Kind(NamedTuple):
    """What a rule on one kind takes: field → what it is where it is not written."""

    at: tuple[int, ...]
    """Empty: a rule must say it, or cannot where `takes_at` is false."""
    takes_at: bool = True
    numbers: Mapping[str, int] = {}
    of_budgets: bool = True
    splits: bool = False


_KINDS: dict[AlertKind, _Kind] = {
    "spent": _Kind(at=()),
    "forecast": _Kind(at=(100,), numbers={"min_elapsed": 10}),
    "burn_rate": _Kind(at=(), numbers={"fast_s": 300, "slow_s": 3_600, "once_per_s": 86_400}),
    "velocity": _Kind(at=(), numbers={"per_s": 300, "once_per_s": 3_600}, of_budgets=False, splits=True),
    "unpriced": _Kind(at=(), takes_at=False, numbers={"once_per_s": 86_400}, of_budgets=False),
    "store": _Kind(at=(), takes_at=False, numbers={"once_per_s": 3_600}, of_budgets=False),
    "hold_exceeded": _Kind(at=(), takes_at=False, numbers={"once_per_s": 86_400}, of_budgets=False),
    "unused": _Kind(at=(20,), numbers={"min_elapsed": 90}),
    "export": _Kind(at=(), takes_at=False, numbers={"once_per_s": 86_400}, of_budgets=False),
}
_NUMBERS = ("per_s", "fast_s", "slow_s", "min_elapsed", "once_per_s")


def read_channels(written: Mapping[str, ChannelDocument], resolve: Callable[[str, str], str]) -> dict[str, Channel]:
    """Name → channel. Raises SettingsInvalid naming the channel and the way out, never an address that may be a secret."""
    found: dict[str, Channel] = {}
    for name, channel in written.items():
        where = f"channels.{name}"
        check_slug(name, where)
        if (channel.webhook is None) == (channel.apprise is None):
            raise SettingsInvalid(
                f'{where}: write one of "webhook" (an https URL) and "apprise" (a URL such as slack:// or mailtos://).'
            )
        found[name] = (
            _webhook(name, channel, where, resolve)
            if channel.webhook is not None
            else _apprise(name, channel, where, resolve)
        )
    return found


def read_alerts(
    written: Sequence[AlertDocument],
    budgets: Sequence[Budget],
    channels: Mapping[str, Channel],
    policies: Sequence[Policy] = (),
) -> tuple[Rule, ...]:
    """The rules. Raises SettingsInvalid naming the rule, the value and the way out."""
    found: dict[str, Rule] = {}
    for rule in written:
        where = f'alert "{rule.name}"'
        check_slug(rule.name, f"{where}, name")
        if rule.name in found:
            raise SettingsInvalid(f"{where}: the name is used twice; names of alerts are unique.")
        found[rule.name] = _rule(rule, where, budgets, channels, policies)
    return tuple(found.values())


def _webhook(name: str, written: ChannelDocument, where: str, resolve: Callable[[str, str], str]) -> Channel:
    url = written.webhook or ""
    if url.startswith(("env:", "file:")):
        url = resolve(url, f"{where}.webhook")
    shape = _URL.fullmatch(url)
    if shape is None or not 0 < int(shape[2] or 443) < 65_536:
        raise SettingsInvalid(
            f"{where}.webhook: this is not an https URL without user and fragment, such as https://hooks.example.com/tollway."
        )
    if shape[1] == "http" and not written.allow_http:
        raise SettingsInvalid(
            f'{where}.webhook: the URL has no TLS. Use https, or set "allow_http: true" for a receiver on your own network.'
        )
    if written.secret is None:
        raise SettingsInvalid(f'{where}: add "secret", with which deliveries are signed; {_HOW_TO_MAKE}.')
    secret = resolve(written.secret, f"{where}.secret")
    _check_webhook_secret(secret, f"{where}.secret")
    return Channel(
        name,
        "webhook",
        url,
        secret,
        allow_private=written.allow_private,
        allow_http=written.allow_http,
        default=written.default,
    )  # fmt: skip


def _check_webhook_secret(secret: str, where: str) -> None:
    """The secret is never shown. An empty one is the most dangerous: everybody can sign with it."""
    if not secret.removeprefix("whsec_"):
        raise SettingsInvalid(f"{where}: the secret is empty, so anybody could sign; {_HOW_TO_MAKE}.")
    if not secret.startswith("whsec_"):
        raise SettingsInvalid(f'{where}: a webhook secret begins with "whsec_"; {_HOW_TO_MAKE}.')
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise SettingsInvalid(f'{where}: what follows "whsec_" is not Base64; {_HOW_TO_MAKE}.') from None
    if not _FEWEST_BYTES <= len(key) <= _MOST_BYTES:
        raise SettingsInvalid(
            f"{where}: the secret has {len(key)} bytes; {_FEWEST_BYTES} to {_MOST_BYTES} are taken: {_HOW_TO_MAKE}."
        )


def _apprise(name: str, written: ChannelDocument, where: str, resolve: Callable[[str, str], str]) -> Channel:
    if written.secret is not None:
        raise SettingsInvalid(f'{where}: "secret" says nothing to an apprise channel; leave it out.')
    if written.allow_http:
        raise SettingsInvalid(
            f'{where}: "allow_http" says nothing to an apprise channel; its URL says how it is reached (mailto:// or mailtos://).'
        )
    url = resolve(written.apprise or "", f"{where}.apprise")
    if _APPRISE_URL.fullmatch(url) is None:
        raise SettingsInvalid(
            f"{where}.apprise: this is not an apprise URL such as slack://TokenA/TokenB/TokenC or "
            "mailtos://user:password@example.com?to=ops@example.com."
        )
    return Channel(name, "apprise", url, allow_private=written.allow_private, default=written.default)


def _rule(
    written: AlertDocument,
    where: str,
    budgets: Sequence[Budget],
    channels: Mapping[str, Channel],
    policies: Sequence[Policy],
) -> Rule:
    kind = _KINDS[written.when]
    numbers = {name: _number(written, name, kind, where) for name in _NUMBERS}
    if written.when == "burn_rate" and numbers["fast_s"] >= numbers["slow_s"]:
        raise SettingsInvalid(
            f"{where}: fast_s {numbers['fast_s']} is not less than slow_s {numbers['slow_s']}; try 300 and 3600."
        )
    if written.split_by and not kind.splits:
        raise SettingsInvalid(f'{where}: "split_by" says nothing to when: {written.when}; leave it out.')
    if kind.splits and not written.split_by:
        raise SettingsInvalid(f"{where}: whose velocity? Add split_by: [user], [service], [key] or [metadata.session].")
    for attribute in written.split_by:
        if not is_attribute(attribute):
            raise SettingsInvalid(
                f'{where}, split_by: unknown attribute "{attribute}"; use model, provider, gateway, user, group, key, service '
                "or metadata.<key>."
            )
    return Rule(
        name=written.name,
        when=written.when,
        budgets=_budgets(written, kind, where, budgets, policies),
        at=_at(written, kind, where),
        split_by=tuple(written.split_by),
        channels=_channels(written, where, channels),
        **numbers,
    )


def _number(written: AlertDocument, name: str, kind: _Kind, where: str) -> int:
    given: int | None = getattr(written, name)
    if name not in kind.numbers:
        if given is not None:
            raise SettingsInvalid(f'{where}: "{name}" says nothing to when: {written.when}; leave it out.')
        return 0
    if given is None:
        return kind.numbers[name]
    least, most, unit = (0, 99, "percent") if name == "min_elapsed" else (1, _LONGEST_S, "seconds")
    if not least <= given <= most:
        raise SettingsInvalid(f"{where}, {name}: {given} is not between {least} and {most:,} {unit}.")
    return given


def _at(written: AlertDocument, kind: _Kind, where: str) -> tuple[int, ...]:
    if not kind.takes_at:
        if written.at is not None:
            raise SettingsInvalid(f'{where}: "at" says nothing to when: {written.when}; leave it out.')
        return ()
    if written.at is None and kind.at:
        return kind.at
    if not written.at:
        example = {"spent": "[80, 100]", "burn_rate": "[5]", "velocity": '["20"]'}.get(written.when, "[100]")
        raise SettingsInvalid(f'{where}: from which point on? Add "at", for example at: {example}.')
    if written.when == "velocity":
        return tuple(sorted({_amount(value, where) for value in written.at}))
    most, what = {
        "burn_rate": (10_000, "times the pace that the limit allows, a whole number"),
        "unused": (100, "a percentage"),
    }.get(written.when, (1_000, "a percentage"))
    for value in written.at:
        if not isinstance(value, int) or not 1 <= value <= most:
            raise SettingsInvalid(f"{where}, at: {value!r} is not {what} from 1 to {most:,}.")
    return tuple(sorted({value for value in written.at if isinstance(value, int)}))


def _amount(value: int | str | float, where: str) -> int:
    if isinstance(value, float):
        raise SettingsInvalid(f'{where}, at: {value} is not exact; write it in quotes: at: ["{value}"].')
    try:
        amount = money.parse(str(value))
    except MoneyInvalid as error:
        raise SettingsInvalid(f"{where}, at: {error}.") from None
    if amount <= 0:
        raise SettingsInvalid(f"{where}, at: {value} is not above zero.")
    return amount


def _budgets(
    written: AlertDocument, kind: _Kind, where: str, budgets: Sequence[Budget], policies: Sequence[Policy]
) -> tuple[str, ...] | None:
    if written.budgets is None:
        return None
    if not kind.of_budgets:
        raise SettingsInvalid(f'{where}: "budgets" says nothing to when: {written.when}; leave it out.')
    if not written.budgets:
        raise SettingsInvalid(f"{where}: an empty list of budgets asks nothing; leave it out for all of them.")
    found: list[str] = []
    for name in written.budgets:
        named = _named(name, where, budgets, policies)
        if len(named) != 1:
            there = [*(b.id for b in budgets), *(p.name for p in policies if isinstance(p.action, Limit))]
            known = ", ".join(there[:20]) or "none"
            several = f'several budgets are named "{name}"; write the id of one' if named else f'no budget "{name}"'
            raise SettingsInvalid(f"{where}: {several}; there are {known}.")
        ((identifier, window),) = named
        if isinstance(window, Total) and written.when in ("forecast", "burn_rate", "unused"):
            raise SettingsInvalid(
                f'{where}: budget "{name}" never starts anew, so it has no pace to keep; use when: spent or velocity.'
            )
        found.append(identifier)
    return tuple(dict.fromkeys(found))


def _named(
    name: str, where: str, budgets: Sequence[Budget], policies: Sequence[Policy]
) -> Sequence[tuple[str, Window]]:
    """The ids and windows of what a rule calls so: a budget by its id, else by its name, else what the limit of a policy counts on."""
    for found in ([b for b in budgets if b.id == name], [b for b in budgets if b.name == name]):
        if found:
            return [(b.id, b.window) for b in found]
    buckets: dict[str, Window] = {}
    for policy in policies:
        if isinstance(policy.action, Limit):
            bucket = budget_id(policy.gateway, policy.resource, policy.action.window)
            if name in (policy.id, policy.name, bucket):
                buckets[bucket] = policy.action.window
        elif name in (policy.id, policy.name):
            raise SettingsInvalid(
                f'{where}: policy "{name}" has no limit, so nothing is counted for it; name one that has.'
            )
    return list(buckets.items())


def _channels(written: AlertDocument, where: str, channels: Mapping[str, Channel]) -> tuple[str, ...]:
    if written.channels is None:
        return tuple(name for name, channel in channels.items() if channel.default)
    for name in written.channels:
        if name not in channels:
            near = difflib.get_close_matches(name, channels, n=1)
            hint = f' Did you mean "{near[0]}"?' if near else ""
            raise SettingsInvalid(
                f'{where}: no channel "{name}"; there are {", ".join(channels) or "none"}: add it to "channels".{hint}'
            )
    return tuple(dict.fromkeys(written.channels))

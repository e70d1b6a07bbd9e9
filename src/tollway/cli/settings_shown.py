"""Settings in words: everything that `tollway check` has understood of them, one line a thing. Never a secret."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from tollway.alerts.rule import Channel, Rule
from tollway.budgets.budget import Action, Budget
from tollway.budgets.window import describe
from tollway.clock import iso
from tollway.exports.job import FileTo, HttpTo, Job, S3To
from tollway.gateway import AwsAuth, AzureAuth, Gateway, GoogleAuth, Provider
from tollway.identity.keys import Key
from tollway.identity.roles import Administration, Holders
from tollway.match import Match
from tollway.money import display
from tollway.policies.policy import Kind, kind_of
from tollway.pricing.overrides import Override
from tollway.snapshot import Snapshot


def summary(snapshot: Snapshot) -> list[str]:
    """Headings, and a line for each thing below its own."""
    return [
        *_under("Providers", (provider_sentence(each) for each in snapshot.providers.values())),
        *_under("Keys", (key_sentence(each) for each in snapshot.keys.values())),
        *_under("Gateways", (gateway_sentence(each) for each in snapshot.gateways.values())),
        *_under("Budgets", (budget_sentence(each) for each in snapshot.budgets)),
        *_under("Policies", _policies(snapshot), else_said=False),
        *_under("Alerts", (_rule(each) for each in snapshot.alert_rules), else_said=not snapshot.channels),
        *_under("Channels", (_channel(each) for each in snapshot.channels.values()), else_said=False),
        *_under("Prices of your own", (_price(each) for each in snapshot.book.overrides), else_said=False),
        *_under("Exports", (_export(each) for each in snapshot.exports), else_said=False),
        *_under("Administration", _administration(snapshot.administration), else_said=False),
    ]


def _policies(snapshot: Snapshot) -> Iterable[str]:
    for kind, said in _KINDS.items():
        names = [policy.name for policy in snapshot.policies if policy.enabled and kind_of(policy) == kind]
        if names:
            yield f"{len(names)} {said}: {', '.join(names[:_MOST_POLICIES])}{', …' if len(names) > _MOST_POLICIES else ''}"
    off = sum(1 for policy in snapshot.policies if not policy.enabled)
    if off:
        yield f"{off} switched off"


_MOST_POLICIES = 5
_KINDS: dict[Kind, str] = {
    "no-limit": "without a limit",
    "limit": "with a limit",
    "block": "that block",
    "block-except": "that block all else",
}


def _under(heading: str, lines: Iterable[str], *, else_said: bool = True) -> list[str]:
    found = [f"  {line}" for line in lines]
    if not found:
        return [f"{heading}: none"] if else_said else []
    return [f"{heading}:", *found]


def provider_sentence(provider: Provider) -> str:
    """Where it is, what it speaks, and how we identify to it."""
    parts = [f"{provider.family} API at {provider.base_url}", _credentials(provider)]
    if provider.base_url.startswith("http://"):
        parts.append("without TLS")
    if provider.keys:
        parts.append(f"keys named {', '.join(sorted(provider.keys))}")
    if provider.models:
        parts.append(f"models {', '.join(provider.models)}")
    return f"{provider.slug} ({', '.join(parts)})"


def _credentials(provider: Provider) -> str:
    match provider.auth:
        case None:
            return "without a key" if provider.api_key is None or provider.api_key.reveal() == "none" else "with a key"
        case AwsAuth():
            return "signed with AWS credentials"
        case GoogleAuth():
            return "with a Google service account's token"
        case AzureAuth():
            return "with a Microsoft Entra token"


def key_sentence(key: Key) -> str:
    """What a key stands for; its secret is not known here."""
    who = [f"service {key.service}"] if key.service else [f"user {key.user}"] if key.user else []
    parts = who or ["nobody in particular"]
    if key.groups:
        parts.append(f"groups {', '.join(key.groups)}")
    parts += [f"metadata.{name} {value}" for name, value in key.metadata.items()]
    if key.priority != "standard":
        parts.append(f"priority {key.priority}")
    if key.gateways:
        parts.append(f"only on gateway {' and '.join(key.gateways)}")
    if key.models:
        parts.append(f"only models {', '.join(key.models)}")
    if key.custom_cost:
        parts.append("may say what its requests cost")
    if key.expires_at is not None:
        parts.append(f"until {_instant(key.expires_at)}")
    if not key.enabled:
        parts.append("switched off")
    return f"{key.name}: {'; '.join(parts)}"


def gateway_sentence(gateway: Gateway) -> str:
    """Who may call, and with whose provider keys."""
    asks = "asks for a key" if gateway.authentication == "required" else "asks for no key"
    theirs = "; a provider key that the caller sends is used" if gateway.provider_keys == "caller" else ""
    return f"{gateway.slug}: {asks}{theirs}"


def budget_sentence(budget: Budget) -> str:
    """A budget in words: "company: $20,000.00 (calendar month, Europe/Berlin); refuses at the limit"."""
    parts = [f"{budget.name}: {display(budget.limit)} ({describe(budget.window)})"]
    if budget.split_by:
        parts.append(f"each {' and '.join(budget.split_by)} apart")
    parts += [f"where {said}" for said in _matches(budget.where)]
    if budget.gateway is not None:
        parts.append(f"on gateway {budget.gateway}")
    if budget.parent is not None:
        parts.append(f"inside {budget.parent}")
    for override in budget.overrides:
        whose = " and ".join(f"{name} {pattern}" for name, pattern in override.values)
        parts.append(f"{whose} {'has no limit' if override.limit is None else f'may spend {display(override.limit)}'}")
    if budget.carry_over:
        parts.append(f"carries up to {display(budget.carry_over)} over")
    parts += [_action(action) for action in budget.actions]
    if budget.alerts:
        parts.append(f"tells at {', '.join(map(str, budget.alerts))} %")
    if budget.guarantee != "hard":
        parts.append(f"guarantee {budget.guarantee}")
    if budget.on_unpriced != "block":
        parts.append(f"models without a price: {budget.on_unpriced}")
    if not budget.enabled:
        parts.append("switched off")
    parts.append("refuses at the limit" if budget.mode == "enforce" else "only watches")
    return "; ".join(parts)


def _action(action: Action) -> str:
    whom = [f"where {said}" for said in _matches(action.where)]
    if action.priority is not None:
        whom.append(f"priority {action.priority} and below")
    does = {
        "warn": "warns",
        "slow": f"waits {action.delay_ms:,} ms",
        "downgrade": f"has {action.to} serve instead",
        "block": "blocks",
    }[action.do]
    return f"at {action.at} % {does}{' (' + ', '.join(whom) + ')' if whom else ''}"


def _matches(matches: Sequence[Match]) -> Iterable[str]:
    for match in matches:
        yield f"{match.attribute} {'is not' if match.negated else 'is'} {' or '.join(match.patterns)}"


def _rule(rule: Rule) -> str:
    about = ", ".join(rule.budgets) if rule.budgets is not None else "every budget"
    parts = [f"{rule.when} of {about}" if rule.when not in _OF_NO_BUDGET else rule.when]
    if rule.at:
        levels = {"burn_rate": "{} times the pace", "velocity": "{}"}.get(rule.when, "{} %")
        shown = (display(level) if rule.when == "velocity" else str(level) for level in rule.at)
        parts.append(f"at {levels.format(', '.join(shown))}")
    if rule.split_by:
        parts.append(f"each {' and '.join(rule.split_by)} apart")
    parts.append(f"to {', '.join(rule.channels)}" if rule.channels else "to nobody, but kept")
    return f"{rule.name}: {'; '.join(parts)}"


_OF_NO_BUDGET = frozenset({"velocity", "store", "unpriced", "hold_exceeded", "export", "test"})


def _channel(channel: Channel) -> str:
    parts = [f"{channel.kind} {channel.shown}"]
    parts += ["what names no channel goes there"] if channel.default else []
    parts += ["private addresses allowed"] if channel.allow_private else []
    parts += ["without TLS allowed"] if channel.allow_http else []
    return f"{channel.name}: {'; '.join(parts)}"


def _price(override: Override) -> str:
    if override.free:
        said = "free"
    elif override.factor is not None:
        part, whole = override.factor
        hundredths = part * 10_000 // whole
        said = f"{hundredths // 100}.{hundredths % 100:02} % of the list price"
    else:
        said = ", ".join(f"{meter} {display(unit.amount)} per {unit.per:,}" for meter, unit in override.units.items())
    since = f", from {_instant(override.effective_from)}" if override.effective_from is not None else ""
    until = f", until {_instant(override.effective_to)}" if override.effective_to is not None else ""
    return f"{override.provider}/{override.model}: {said}{since}{until}"


def _export(job: Job) -> str:
    match job.to:
        case FileTo(folder=folder):
            where = f"folder {folder}" if folder else "the folder of exports"
        case S3To(bucket=bucket, prefix=prefix):
            where = f"bucket {bucket}{f', under {prefix}' if prefix else ''}"
        case HttpTo():
            where = job.to.shown
    parts = [f"{job.what} as {job.format} to {where}", describe(job.window)]
    if job.by:
        parts.append(f"by {', '.join(job.by)}, days of {job.timezone}")
    parts += [f"where {name} is {value or 'none'}" for name, value in job.where.items()]
    if job.bodies:
        parts.append("with bodies")
    if job.public_key is not None:
        parts.append("sealed for a public key")
    if not job.enabled:
        parts.append("switched off")
    return f"{job.id}{f' ({job.name})' if job.name else ''}: {'; '.join(parts)}"


def _administration(administration: Administration) -> Iterable[str]:
    for role, holders in administration.holders.items():
        named = [("users", holders.users), ("groups", holders.groups)]
        said = [f"{kind} {', '.join(sorted(names))}" for kind, names in named if names]
        if said:
            yield f"{role}: {'; '.join(said)}"
    plain, common = replace(administration, holders={}), Administration()
    if plain != common or any(holders != Holders() for holders in administration.holders.values()):
        yield (
            f"sessions end {administration.session_idle_s:,} s after the last request, or after {administration.session_s:,} s; "
            f"{administration.developer_keys:,} keys of their own at most for everybody who may make some"
        )


def _instant(ms: int) -> str:
    return iso(ms)[:16].replace("T", " ") + " UTC"

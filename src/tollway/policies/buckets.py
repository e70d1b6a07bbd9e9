"""Buckets of money as the ledger counts them: a budget for each resource and window, an account for each actor.

The same resource and window have the same budget whatever policy speaks of them, so that editing a policy's amount, its
condition or its name resets nothing.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence

import msgspec

from tollway.budgets.accounts import UNLIMITED, account
from tollway.budgets.budget import Budget, Override
from tollway.budgets.holds import Claim
from tollway.budgets.window import Fixed, Window, describe, window_to_settings
from tollway.match import Match
from tollway.policies.decide import Bucket
from tollway.policies.policy import Limit, Policy, Resource

PREFIX = "policies:"
"""Begins the ids of these budgets; no written budget's id has a colon."""
ACTOR = "actor"
"""What they are split by."""

_CLOUDFLARE = {"hour": "hourly", "day": "daily", "week": "weekly", "month": "monthly"}


def budget_id(gateway: str | None, resource: Resource, window: Window) -> str:
    """The id of the budget of a resource in a window: readable as far as it goes, and no two the same."""
    said = msgspec.json.encode((gateway, resource.text, sorted(window_to_settings(window).items())))
    readable = re.sub(r"[^a-z0-9.]+", "-", resource.text.lower()).strip("-.")[:40] or "all"
    return f"{PREFIX}{readable}.{period(window)}.{hashlib.sha256(said).hexdigest()[:10]}"


def period(window: Window) -> str:
    """A window in a word, as Cloudflare writes it where it has one."""
    if isinstance(window, Fixed):
        return _CLOUDFLARE[window.period]
    return str(next(iter(window_to_settings(window).values())))


def budgets_of(policies: Sequence[Policy]) -> tuple[Budget, ...]:
    """The budgets that the limits of these policies count on, as they are listed: each with the highest limit that an
    account of it may have."""
    gathered: dict[str, list[tuple[Policy, Limit]]] = {}
    for policy in policies:
        if isinstance(policy.action, Limit) and policy.enabled:
            found = budget_id(policy.gateway, policy.resource, policy.action.window)
            gathered.setdefault(found, []).append((policy, policy.action))
    return tuple(_listed(found, limits) for found, limits in gathered.items())


def claims_of(buckets: Sequence[Bucket], listed: Mapping[str, Budget]) -> tuple[Claim, ...]:
    """The claims of a request on its buckets, each with the cap that holds for it. `listed`: `budgets_of`, by id."""
    found: list[Claim] = []
    for bucket in buckets:
        for cap in bucket.caps:
            limit, policy = cap.limit, cap.policy
            budget = listed[budget_id(bucket.gateway, bucket.resource, limit.window)]
            changed = msgspec.structs.replace(
                budget,
                name=policy.name,
                bucket=bucket.actor,
                overrides=(),
                limit=UNLIMITED if bucket.unchecked else limit.amount,
                # What is not checked is still counted: others of the bucket are.
                mode="monitor" if bucket.unchecked else "enforce",
                on_unpriced="count" if bucket.unchecked else limit.on_unpriced,
                guarantee=limit.guarantee,
            )
            found.append(Claim(changed, (account(budget.id, [(ACTOR, bucket.actor)]),)))
    return tuple(found)


def _listed(identifier: str, limits: Sequence[tuple[Policy, Limit]]) -> Budget:
    policy, limit = limits[0]
    resource = policy.resource
    where: list[Match] = []
    if resource.models:
        where.append(Match("model", resource.models))
    if resource.providers:
        where.append(Match("provider", resource.providers))
    return Budget(
        id=identifier,
        name=", ".join(dict.fromkeys(one.name for one, _ in limits)),
        limit=max(one.amount for _, one in limits),
        window=limit.window,
        gateway=policy.gateway,
        where=tuple(where),
        split_by=(ACTOR,),
        guarantee=limit.guarantee,
        on_unpriced=limit.on_unpriced,
        overrides=_overrides(limits),
        note=f"From policies; {describe(limit.window)}. Which limit holds for a request is for their conditions to say.",
    )


def _overrides(limits: Sequence[tuple[Policy, Limit]]) -> tuple[Override, ...]:
    """The highest limit of each actor, those without a field first: they are the exceptions."""
    highest: dict[str, int] = {}
    for policy, limit in limits:
        highest[policy.actor.pattern] = max(limit.amount, highest.get(policy.actor.pattern, 0))
    if len(highest) < 2:
        return ()
    ordered = sorted(highest, key=lambda pattern: ("*" in pattern, -len(pattern), pattern))
    found: list[Override] = []
    for pattern in ordered:
        amount = highest[pattern]
        if "*" not in pattern:
            reaching = (highest[other] for other in ordered if fits(other, pattern))
            amount = max(amount, *reaching)
        found.append(Override(((ACTOR, pattern),), amount))
    return tuple(found)


def fits(pattern: str, actor: str) -> bool:
    """Whether a bucket may be one of an actor's; `pattern`: `Actor.pattern`."""
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), actor) is not None

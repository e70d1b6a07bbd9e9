"""Which limit a bucket has under the policies of now: of a request that is under way, and of an account that is shown."""

from collections.abc import Iterable, Sequence

import msgspec

from tollway.budgets.accounts import UNLIMITED
from tollway.budgets.budget import Budget
from tollway.match import Facts
from tollway.policies.actor import Actor
from tollway.policies.buckets import budget_id, fits
from tollway.policies.decide import Caller, Judged, permitting
from tollway.policies.policy import Limit, NoLimit, Policy


def limit_of_now(
    policies: Sequence[Policy], caller: Caller, facts: Facts, budget: Budget, actor: str, held: int, *, all_known: bool
) -> int | None:
    """The limit, in nanodollars, of a bucket that a request was admitted with: what the next one like it has.

    `policies`: those of its gateway, enabled. `budget`, `actor`: of the bucket. `held`: the limit that it was admitted
    with. `all_known`: nothing of the caller was forgotten since; else a policy that asks for a field which is missing now
    may be one that applied, and the highest limit counts.

    `UNLIMITED` where no policy limits the bucket any more; `None` where some do, and none of them this request.
    """
    speaking = [policy for policy in of_bucket(policies, budget) if fits(policy.actor.pattern, actor)]
    if not any(isinstance(policy.action, Limit) for policy in speaking):
        return UNLIMITED
    if not all_known:
        speaking = [_of_bucket(policy, actor) for policy in speaking if policy.actor.of(caller.values) in (None, actor)]
    highest: int | None = None
    for judged, resolved in permitting(speaking, caller, facts):
        applies = judged.outcome == "matches" and resolved == actor
        if not applies and (all_known or not _may_apply(judged)):
            continue
        action = judged.policy.action
        if isinstance(action, Limit):
            highest = max(action.amount, highest or 0)
        elif applies or held >= UNLIMITED:
            return UNLIMITED
    return highest


def limits_of_account(policies: Iterable[Policy], budget: Budget, actor: str) -> dict[int, tuple[str, ...]]:
    """Every limit that the account of `actor` may have, whoever calls: nanodollars, and the policies that say so.

    `UNLIMITED` alone where no policy limits it any more.
    """
    return limits_among(of_bucket(policies, budget), actor)


def limits_among(speaking: Iterable[Policy], actor: str) -> dict[int, tuple[str, ...]]:
    """The same, by the policies of one bucket (`of_bucket`), which are found out once for all of its accounts."""
    found: dict[int, tuple[str, ...]] = {}
    for policy in speaking:
        if not fits(policy.actor.pattern, actor):
            continue
        limit = policy.action.amount if isinstance(policy.action, Limit) else UNLIMITED
        found[limit] = (*found.get(limit, ()), policy.name)
    if not any(limit < UNLIMITED for limit in found):
        return {UNLIMITED: ()}
    return found


def of_bucket(policies: Iterable[Policy], budget: Budget) -> list[Policy]:
    """The enabled policies that are about a bucket; those without a limit are about it in each of its windows."""
    found: list[Policy] = []
    for policy in policies:
        match policy.action:
            case Limit(window=window):
                own = window
            case NoLimit():
                own = budget.window
            case _:
                continue
        if policy.enabled and budget_id(policy.gateway, policy.resource, own) == budget.id:
            found.append(policy)
    return found


def _of_bucket(policy: Policy, actor: str) -> Policy:
    """The same where what its actor is named by was forgotten: the name of the bucket tells enough of it."""
    return msgspec.structs.replace(policy, actor=Actor(actor, (actor,)))


def _may_apply(judged: Judged) -> bool:
    # What a condition asks with `has` is not needed, and may have been there.
    asked = judged.outcome == "condition_false" and "has(" in judged.policy.condition.source
    return asked or judged.outcome in ("field_missing", "failed")

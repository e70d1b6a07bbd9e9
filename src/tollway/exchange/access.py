"""Whether a caller may use a target at all: what its key is for, and what policies say.

A refusal names the key or the policy that made it; where no policy permits the request, that is said. The money of the
policies that permit it is claimed like a budget's.
"""

import msgspec

from tollway.budgets.holds import Claim
from tollway.exchange.refusal import Refusal
from tollway.identity.identity import Identity
from tollway.logs.record import Decision
from tollway.match import Facts, Match, only_itself
from tollway.policies.buckets import claims_of
from tollway.policies.decide import Caller, Judged, Verdict, buckets_of_anything, decide
from tollway.policies.fields import may_have, values_of
from tollway.policies.policy import Block
from tollway.snapshot import Snapshot

_MOST_NAMED = 5


class Access(msgspec.Struct, frozen=True):
    """What the key and the policies say of one caller and one target."""

    denied: Refusal | None = None
    claims: tuple[Claim, ...] = ()
    """On the buckets of the policies that permit it."""
    unseen: tuple[Claim, ...] = ()
    """On the buckets that might count it, where its model is not known."""
    notes: tuple[Decision, ...] = ()
    """For the log."""
    verdict: Verdict | None = None
    """`None` where the gateway has no policies, or the key is not for the target."""


OPEN = Access()
"""Where there are no policies, and the key is for everything."""


def access(
    snapshot: Snapshot, gateway: str, identity: Identity, caller: Caller, facts: Facts, *, only_reads: bool
) -> Access:
    """`caller`: of `caller_of`. `facts`: with the target. `only_reads`: the request asks no model for an answer."""
    refusal = _not_for_key(identity, facts, only_reads=only_reads)
    if refusal is not None:
        return Access(refusal)
    policies = snapshot.policies_of.get(gateway, ())
    if not policies:
        return OPEN
    verdict = decide(policies, caller, facts, only_reads=only_reads)
    failed = tuple(
        Decision(step="policy", outcome="note", code="condition_failed", rule=one.policy.name, detail=one.why)
        for one in verdict.judged
        if one.failed
    )
    if verdict.decision == "block":
        return Access(_denied(verdict, facts, identity), notes=failed, verdict=verdict)
    listed = {budget.id: budget for budget in snapshot.buckets}
    names = ", ".join(one.policy.name for one in verdict.judged if one.outcome == "matches")
    allowed = Decision(step="policy", outcome="allow", rule=names, detail=verdict.decision)
    return Access(
        denied=None,
        claims=claims_of(verdict.buckets, listed),
        unseen=claims_of(verdict.unseen, listed),
        notes=(*failed, allowed),
        verdict=verdict,
    )


def caller_of(identity: Identity, gateway: str, metadata: dict[str, str]) -> Caller:
    """Who policies are asked about. `metadata`: what is in force (`attributes.all_metadata`)."""
    return Caller(values_of(identity, gateway, metadata))


def claims_of_anything(snapshot: Snapshot, gateway: str, caller: Caller) -> tuple[Claim, ...]:
    """The claims on the buckets that count the caller whichever model it calls."""
    policies = snapshot.policies_of.get(gateway, ())
    if not policies:
        return ()
    listed = {budget.id: budget for budget in snapshot.buckets}
    return claims_of(buckets_of_anything(policies, caller), listed)


def _not_for_key(identity: Identity, facts: Facts, *, only_reads: bool) -> Refusal | None:
    if not identity.models:
        return None
    patterns = tuple(pattern.lower() for pattern in identity.models)
    if Match("model", patterns).holds(only_itself(facts)) or (only_reads and "model" not in facts):
        return None
    may = ", ".join(identity.models[:_MOST_NAMED]) + (", …" if len(identity.models) > _MOST_NAMED else "")
    whose = f'The key "{identity.key}"' if identity.key is not None else "This caller"
    model = _model(facts)
    asked = f'may not use "{model}"' if model is not None else "must name a model"
    return Refusal(
        code="model_not_allowed",
        rule=identity.key or "",
        message=f"{whose} {asked}; it may use: {may}. GET /v1/models lists what it may use.",
        details={"model": model, "allowed": list(identity.models[:_MOST_NAMED])},
    )


def _denied(verdict: Verdict, facts: Facts, identity: Identity) -> Refusal:
    judged, model = verdict.blocked_by, _model(facts)
    named = f'"{model}"' if model is not None else "this call, which names no model"
    if judged is None:
        # A policy for services is no way out for a person.
        near = next((one for one in verdict.judged if _is_near(one, identity)), None)
        because = f' Policy "{near.policy.name}" would be about it, but {near.why}.' if near is not None else ""
        return Refusal(
            code="policy_denied",
            message=f"No policy allows {named} to this caller.{because} An administrator can permit it with a policy; where there "
            "are any, only what one of them permits is forwarded.",
            details={"model": model, "policy": None, "reason": "no_matching_policy"},
        )
    return Refusal(
        code="policy_denied",
        rule=judged.policy.name,
        message=f'Access denied by policy "{judged.policy.name}": {_why_blocked(judged, named)}.',
        details={"model": model, "policy": judged.policy.name, "reason": "blocked"},
    )


def _is_near(judged: Judged, identity: Identity) -> bool:
    if judged.outcome == "field_missing":
        return all(may_have(identity, path) for path in judged.missing)
    return judged.outcome == "failed"


def _why_blocked(judged: Judged, named: str) -> str:
    policy = judged.policy
    if judged.why:
        return f"{judged.why}, and a policy that blocks does so then"
    if isinstance(policy.action, Block) and policy.action.excepted:
        return f"it blocks {named}, and everything else but {policy.resource.text}"
    return f"it blocks {named}"


def _model(facts: Facts) -> str | None:
    found = facts.get("model")
    return found.values[0] if found is not None else None

"""Policies tried on a caller who need not exist, with Cloudflare's question and answer."""

import difflib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tollway import money
from tollway.admin.problem import Problem
from tollway.errors import MoneyInvalid
from tollway.exchange.selection import facts_of_target
from tollway.identity.attributes import with_target
from tollway.match import Facts
from tollway.policies.buckets import period
from tollway.policies.decide import Caller, Cap, Judged, Outcome, Verdict, decide
from tollway.policies.fields import only_known
from tollway.policies.policy import Kind, Policy, kind_of
from tollway.snapshot import NoRoute, Snapshot

_OF_IDENTITY = ("cf", "metadata", "verified", "user", "email", "groups", "service", "key")


class Usage(BaseModel):
    model_config = ConfigDict(extra="forbid")

    spent: float | int | str = Field(description="US dollars that the policy's bucket has spent in its window.")


class SimulateRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    identity: dict[str, Any] = Field(
        default_factory=dict,
        description="`cf` and `metadata` as conditions see them; a field that is left out is missing.",
    )
    model: str | None = Field(default=None, max_length=256)
    provider: str | None = Field(default=None, max_length=64)
    gateway: str = "default"
    bucket_usage: dict[str, Usage] = Field(
        default_factory=dict, alias="bucketUsage", description="By the name of a policy."
    )
    include_staging: bool = Field(
        default=False, alias="includeStaging", description="As if every draft were committed."
    )


class BucketShown(BaseModel):
    bucket: str
    """The resolved actor."""
    resource: str
    policyName: str | None  # noqa: N815 - Cloudflare's name
    """Whose limit holds; null in a bucket that only counts."""
    limit: float | int | None
    limit_usd: str | None
    period: str | None
    spent: float | int
    unchecked: bool
    """A no-limit policy switches its check off."""


class Evaluation(BaseModel):
    decision: str
    """no-limit, block or check_limits."""
    buckets: list[BucketShown]


class Enforcement(BaseModel):
    allowed: bool
    reason: str | None
    """blocked or limit_exceeded."""
    bucket: str | None
    spent: float | int | None
    limit: float | int | None
    policyName: str | None  # noqa: N815 - Cloudflare's name


class PolicyJudged(BaseModel):
    id: str
    name: str
    action: Kind
    outcome: Outcome
    """matches: it permits. blocks: it refuses. failed: its condition has no answer for this caller, so it does not apply."""
    why: str


class SimulateAnswer(BaseModel):
    evaluation: Evaluation
    enforcement: Enforcement
    policiesEvaluated: int  # noqa: N815 - Cloudflare's name
    policies: list[PolicyJudged]
    """Each policy of the gateway, and why it matched or not."""


def simulated(
    asked: SimulateRequest, snapshot: Snapshot, in_force: Mapping[str, Sequence[Policy]], now: int
) -> SimulateAnswer:
    """What `in_force` (by gateway) says. Raises Problem for what cannot be asked."""
    if snapshot.gateway(asked.gateway) is None:
        known = ", ".join(sorted(snapshot.gateways))
        raise Problem(400, "body_invalid", f'gateway: no gateway "{asked.gateway[:64]}"; there are: {known}.')
    policies = in_force.get(asked.gateway, ())
    spent = _spent(asked, policies)
    caller = Caller(_values(asked))
    verdict = decide(policies, caller, _facts(asked, snapshot, now))
    shown = [
        BucketShown(
            bucket=bucket.actor,
            resource=bucket.resource.text,
            policyName=cap.policy.name if cap is not None else None,
            limit=_number(cap.limit.amount) if cap is not None else None,
            limit_usd=money.dollars(cap.limit.amount) if cap is not None else None,
            period=period(cap.limit.window) if cap is not None else None,
            spent=_number(spent.get(cap.policy.name, 0)) if cap is not None else 0,
            unchecked=bucket.unchecked,
        )
        for bucket in verdict.buckets
        for cap in (bucket.caps or (None,))
    ]
    return SimulateAnswer(
        evaluation=Evaluation(decision=verdict.decision, buckets=shown),
        enforcement=_enforcement(verdict, spent),
        policiesEvaluated=len(policies),
        policies=[policy_judged(one) for one in verdict.judged],
    )


def policy_judged(one: Judged) -> PolicyJudged:
    return PolicyJudged(
        id=one.policy.id, name=one.policy.name, action=kind_of(one.policy), outcome=one.outcome, why=one.why
    )


def _enforcement(verdict: Verdict, spent: Mapping[str, int]) -> Enforcement:
    if verdict.decision == "block":
        by = verdict.blocked_by.policy.name if verdict.blocked_by is not None else None
        return Enforcement(allowed=False, reason="blocked", bucket=None, spent=None, limit=None, policyName=by)
    over = [
        (bucket.actor, cap)
        for bucket in verdict.buckets
        if not bucket.unchecked
        for cap in bucket.caps
        # 1000 of 1000 is exceeded.
        if spent.get(cap.policy.name, 0) >= cap.limit.amount
    ]
    if not over:
        return Enforcement(allowed=True, reason=None, bucket=None, spent=None, limit=None, policyName=None)
    actor, cap = over[0]
    return Enforcement(
        allowed=False,
        reason="limit_exceeded",
        bucket=actor,
        spent=_number(spent[cap.policy.name]),
        limit=_number(_amount(cap)),
        policyName=cap.policy.name,
    )


def _amount(cap: Cap) -> int:
    return cap.limit.amount


def _spent(asked: SimulateRequest, policies: Sequence[Policy]) -> dict[str, int]:
    names = [policy.name for policy in policies]
    found: dict[str, int] = {}
    for name, usage in asked.bucket_usage.items():
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            meant = f'; did you mean "{near[0]}"?' if near else f"; there are: {', '.join(names[:20]) or 'none'}."
            raise Problem(400, "body_invalid", f'bucketUsage: no policy in force here is named "{name[:64]}"{meant}')
        given = usage.spent
        try:
            found[name] = money.parse(format(Decimal(repr(given)), "f") if isinstance(given, float) else str(given))
        except (MoneyInvalid, ArithmeticError) as error:
            raise Problem(400, "body_invalid", f'bucketUsage, "{name[:64]}", spent: {error}.') from None
    return found


def _values(asked: SimulateRequest) -> dict[str, Any]:
    """The caller's fields; those of ours that are not given follow from Cloudflare's."""
    identity = asked.identity
    for name in identity:
        if name not in _OF_IDENTITY:
            raise Problem(400, "body_invalid", f'identity: it has no "{name[:64]}"; it has {", ".join(_OF_IDENTITY)}.')
    for name in ("cf", "metadata", "verified"):
        if not isinstance(identity.get(name, {}), dict):
            raise Problem(400, "body_invalid", f"identity.{name} is no object of fields.")
    cf: dict[str, Any] = identity.get("cf", {})
    user = cf.get("user", {})
    if not isinstance(user, dict):
        raise Problem(
            400, "body_invalid", 'identity.cf.user is no object; write {"id": ..., "email": ..., "groups": [...]}.'
        )
    person: dict[str, Any] = user  # pyright: ignore[reportUnknownVariableType]
    ours = {
        "user": identity.get("user", person.get("id")),
        "email": identity.get("email", person.get("email")),
        "groups": identity.get("groups", person.get("groups")),
        "service": identity.get("service", cf.get("service")),
        "key": identity.get("key"),
    }
    metadata = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in identity.get("metadata", {}).items()
    }
    of_identity = {**ours, "subject": person.get("id"), "country": cf.get("country")}
    return only_known(
        {
            "cf": {"user": {}, "custom": {}, **cf},
            "metadata": metadata,
            "verified": {"metadata": {}, **identity.get("verified", {})},
            "identity": of_identity,
            "gateway": asked.gateway,
            **ours,
        }
    )


def _facts(asked: SimulateRequest, snapshot: Snapshot, now: int) -> Facts:
    """Every name of the target, as for a real call where the provider is configured."""
    provider, model = asked.provider, asked.model
    if provider is None and model is not None:
        route = snapshot.route(model, "openai", now)
        if not isinstance(route, NoRoute):
            return facts_of_target(snapshot, route.provider, route.model, now)
        head, slash, rest = model.partition("/")
        provider, model = (head, rest) if slash else (None, model)
    known = snapshot.provider(provider) if provider is not None else None
    if known is None:
        return with_target({}, (provider,) if provider is not None else (), model)
    own = f"{provider}/"
    return facts_of_target(snapshot, known, model.removeprefix(own) if model is not None else None, now)


def _number(amount: int) -> float | int:
    """US dollars as the JSON number that Cloudflare has there."""
    number: float | int = json.loads(money.dollars(amount))
    return number

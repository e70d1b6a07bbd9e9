"""What policies say of one request: blocked, not permitted by any, or permitted within buckets of money.

Cloudflare's algorithm: a policy matches where its resource does and its condition holds; a matching block wins over
everything; the others are gathered by (resolved actor, resource), where `no-limit` switches the check off and the highest
of several caps of one window counts; the request must fit into every bucket; and without a matching policy it is refused.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from tollway.budgets.unseen import may_mean
from tollway.match import HIDDEN_MODEL, Attribute, Facts
from tollway.policies.condition import Failed, context_of
from tollway.policies.fields import OF_TARGET, Path, dotted, value_at
from tollway.policies.policy import Block, Limit, NoLimit, Policy, Resource

Outcome = Literal["matches", "blocks", "other_resource", "condition_false", "field_missing", "failed"]
"""failed: the condition has no answer for this caller, so the policy does not apply; one that blocks `blocks` then."""


class Judged(msgspec.Struct, frozen=True):
    """What became of one policy, and why."""

    policy: Policy
    outcome: Outcome
    why: str = ""
    failed: bool = False
    """Its condition could not be asked, which somebody should know of."""
    missing: tuple[Path, ...] = ()
    """field_missing: what is not known of the caller."""


class Cap(msgspec.Struct, frozen=True):
    """The limit of a bucket in one window, and the policy that sets it."""

    policy: Policy
    limit: Limit


class Bucket(msgspec.Struct, frozen=True):
    """Money that is counted together."""

    actor: str
    """Resolved: "user:alice"."""
    resource: Resource
    gateway: str | None
    """`None` for a bucket of all gateways."""
    caps: tuple[Cap, ...]
    """One for each window."""
    unchecked: bool
    """A `no-limit` is in it: what is spent is counted, and nothing refused."""


class Verdict(msgspec.Struct, frozen=True):
    """Cloudflare's decisions by its names; `block` without a `blocked_by` is the refusal of what no policy permits."""

    decision: Literal["no-limit", "block", "check_limits"]
    blocked_by: Judged | None = None
    buckets: tuple[Bucket, ...] = ()
    judged: tuple[Judged, ...] = ()
    """Every policy that was looked at."""
    unseen: tuple[Bucket, ...] = ()
    """Where the model is not known: the buckets of limits that might be about it, besides `buckets`."""


class Caller:
    """One caller to whom policies are applied, who may ask for many targets: what holds of it alone is judged once."""

    __slots__ = ("_context", "judged", "values")

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        """`fields.values_of`, without the target."""
        self.judged: dict[str, Judged] = {}
        """By the id of a policy that is about the target and asks nothing else of it."""
        self._context: Any = None

    def context(self) -> Any:
        if self._context is None:
            self._context = context_of(self.values)
        return self._context


class _Aimed:
    """What a caller's fields are once a target is chosen."""

    __slots__ = ("_context", "caller", "values")

    def __init__(self, caller: Caller, facts: Facts) -> None:
        self.caller = caller
        model, provider = facts.get("model"), facts.get("provider")
        of_target = {"model": _first(model), "provider": _first(provider)}
        self.values: dict[str, Any] = {**caller.values, **{name: value for name, value in of_target.items() if value}}
        self._context: Any = None

    def context(self) -> Any:
        if self._context is None:
            self._context = context_of(self.values)
        return self._context


def decide(policies: Sequence[Policy], caller: Caller, facts: Facts, *, only_reads: bool = False) -> Verdict:
    """The verdict of `policies`, all of which are enabled and of this gateway, or account-wide.

    `facts`: of the target ("model", "provider"). `only_reads`: the request asks for no answer of a model; any other that
    names no model, or one of which only its owner knows what it is, may mean every model that is blocked.
    """
    if not policies:
        return Verdict("no-limit")
    unnamed = ("model" not in facts or HIDDEN_MODEL in facts) and not only_reads

    def about(policy: Policy) -> bool:
        resource, action = policy.resource, policy.action
        if not isinstance(action, Block):
            return _permits_or_counts(policy, facts)
        if action.excepted:
            return not resource.permits(facts)
        return resource.matches(facts) or (unnamed and resource.may_match(facts))

    target = _Aimed(caller, facts)
    judged = _judge(policies, target, about)
    blocking = next((one for one in judged if one.outcome == "blocks" or (unnamed and _blocks_hidden(one))), None)
    if blocking is not None:
        return Verdict("block", blocking, (), judged)
    matching = [one.policy for one in judged if one.outcome == "matches"]
    # A limit counts what only costs the same as its models; it does not permit it.
    if not any(policy.resource.permits(facts) for policy in matching):
        return Verdict("block", None, (), judged)
    buckets = _buckets(matching, target.values)
    checked = any(not bucket.unchecked for bucket in buckets)
    unseen = _unseen(judged, target, facts) if unnamed else ()
    return Verdict("check_limits" if checked else "no-limit", None, buckets, judged, unseen)


def buckets_of_anything(policies: Sequence[Policy], caller: Caller) -> tuple[Bucket, ...]:
    """The buckets that count the caller, whichever model it calls; those of conditions on the model are left out."""
    permitting = [policy for policy in policies if not isinstance(policy.action, Block)]
    judged = _judge(permitting, _Aimed(caller, {}), lambda _: True)
    return _buckets([one.policy for one in judged if one.outcome == "matches"], caller.values)


def permitting(policies: Sequence[Policy], caller: Caller, facts: Facts) -> tuple[tuple[Judged, str | None], ...]:
    """Every policy that blocks nothing, with the bucket that it names for this caller and target."""
    target = _Aimed(caller, facts)
    found = [policy for policy in policies if not isinstance(policy.action, Block)]
    judged = _judge(found, target, lambda policy: _permits_or_counts(policy, facts))
    return tuple((one, one.policy.actor.of(target.values)) for one in judged)


def _unseen(judged: Sequence[Judged], target: _Aimed, facts: Facts) -> tuple[Bucket, ...]:
    """The buckets of limits that would be about the call if its model were one of theirs, as far as the caller goes."""
    found = [one.policy for one in judged if one.outcome != "matches" and _might_limit(one.policy, target, facts)]
    buckets = _buckets(found, target.values | _SOME_MODEL)
    return tuple(bucket for bucket in buckets if bucket.caps and not bucket.unchecked)


_SOME_MODEL: dict[str, Any] = {"model": "any"}
"""Stands for the model in the names of buckets that nothing is ever counted on."""


def _might_limit(policy: Policy, target: _Aimed, facts: Facts) -> bool:
    if isinstance(policy.action, Block) or not policy.resource.may_match(facts):
        return False
    resource, condition = policy.resource, policy.condition
    asks = _asks_model(condition.used)
    if not (resource.models or asks or _asks_model(policy.actor.needed)):
        return False
    if resource.models and not may_mean(resource.models, facts):
        return False
    values = target.values | _SOME_MODEL
    if any(_is_missing(value_at(values, path)) for path in (*condition.needed, *policy.actor.needed)):
        return False
    # What a condition asks of the model has no answer here.
    return asks or condition.always or condition.holds(target.context()) is True


def _asks_model(paths: Iterable[Path]) -> bool:
    return any(path[0] == "model" for path in paths)


def _blocks_hidden(judged: Judged) -> bool:
    """Whether a block only does not hold because its condition asks for the model, of which only its owner knows what it is."""
    return (
        isinstance(judged.policy.action, Block)
        and judged.outcome == "condition_false"
        and _asks_model(judged.policy.condition.used)
    )


def _permits_or_counts(policy: Policy, facts: Facts) -> bool:
    # What a limit counts is wider than what anything permits.
    return policy.resource.matches(facts) if isinstance(policy.action, Limit) else policy.resource.permits(facts)


def _judge(policies: Iterable[Policy], target: _Aimed, about: Callable[[Policy], bool]) -> tuple[Judged, ...]:
    return tuple(_judged(policy, target) if about(policy) else Judged(policy, "other_resource") for policy in policies)


def _judged(policy: Policy, target: _Aimed) -> Judged:
    of_caller = target.caller.judged
    known = of_caller.get(policy.id)
    if known is None:
        known = _worked_out(policy, target)
        if not policy.condition.of_target and not any(path[0] in OF_TARGET for path in policy.actor.needed):
            of_caller[policy.id] = known
    return known


def _worked_out(policy: Policy, target: _Aimed) -> Judged:
    condition, blocks = policy.condition, isinstance(policy.action, Block)
    needed = (*condition.needed, *policy.actor.needed)
    missing = tuple(path for path in needed if _is_missing(value_at(target.values, path)))
    if missing or policy.actor.of(target.values) is None:
        names = ", ".join(dict.fromkeys(dotted(path) for path in missing))
        said = f"{names} is not known of this caller" if missing else "its actor names no bucket for this caller"
        # A block that cannot be judged blocks.
        return Judged(policy, "blocks" if blocks else "field_missing", said, missing=missing)
    answer = condition.always or condition.holds(target.context() if condition.of_target else target.caller.context())
    if isinstance(answer, Failed):
        return Judged(policy, "blocks" if blocks else "failed", f"its condition failed: {answer.why}", failed=True)
    if not answer:
        return Judged(policy, "condition_false")
    return Judged(policy, "blocks" if blocks else "matches")


def _buckets(matching: Sequence[Policy], values: Mapping[str, Any]) -> tuple[Bucket, ...]:
    gathered: dict[tuple[str | None, str, str], list[Policy]] = {}
    for policy in matching:
        actor = policy.actor.of(values)
        if actor is None:
            # It is named by the model or the provider, of which nothing is known here.
            continue
        gathered.setdefault((policy.gateway, actor, policy.resource.text), []).append(policy)
    return tuple(_bucket(actor, gateway, together) for (gateway, actor, _), together in gathered.items())


def _bucket(actor: str, gateway: str | None, policies: Sequence[Policy]) -> Bucket:
    highest: dict[Any, Cap] = {}
    for policy in policies:
        limit = policy.action
        if isinstance(limit, Limit):
            known = highest.get(limit.window)
            # Of equal ones the first by name, so that their order decides nothing.
            if known is None or (-limit.amount, policy.name) < (-known.limit.amount, known.policy.name):
                highest[limit.window] = Cap(policy, limit)
    unchecked = any(isinstance(policy.action, NoLimit) for policy in policies)
    return Bucket(actor, policies[0].resource, gateway, tuple(highest.values()), unchecked)


def _is_missing(value: Any) -> bool:
    return value is None or value == "" or value == []


def _first(attribute: Attribute | None) -> str | None:
    return attribute.values[0] if attribute is not None and attribute.values else None

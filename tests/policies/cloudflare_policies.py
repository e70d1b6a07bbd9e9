"""Policies as Cloudflare writes them, and its algorithm once more: read from its documented rules and nothing of ours.

The oracle works on written policies, with each condition as a Python function beside its CEL.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tollway.document.policies import read_policies
from tollway.document.written import read_document
from tollway.gateway import Gateway
from tollway.match import Attribute
from tollway.policies.policy import Policy

GATEWAYS = {"default": Gateway(slug="default")}
Person = Mapping[str, Any]
"""`{"cf": {"user": {...}, "country": ...}, "metadata": {...}}`; a field that is not there is missing."""

CONDITIONS: dict[str, tuple[tuple[str, ...], Callable[..., bool]]] = {
    "true": ((), lambda: True),
    '"contractors" in cf.user.groups': (("cf.user.groups",), lambda groups: "contractors" in groups),
    'cf.user.email.endsWith("@example.com")': (("cf.user.email",), lambda email: email.endswith("@example.com")),
    'cf.country == "US"': (("cf.country",), lambda country: country == "US"),
    'metadata.environment == "production"': (("metadata.environment",), lambda value: value == "production"),
    'cf.user.id == "u1" || cf.custom.grade == "7"': (
        ("cf.user.id", "cf.custom.grade"),
        lambda user, grade: user == "u1" or grade == "7",
    ),
}


def written(*policies: Mapping[str, Any]) -> tuple[Policy, ...]:
    """Policies of these fields, read as from a settings file; what is not said is a policy for everyone."""
    full = [{"name": f"p{number}", "action": {"type": "no-limit"}, **policy} for number, policy in enumerate(policies)]
    return read_policies(read_document({"policies": full}).policies, GATEWAYS)


def facts(provider: str, model: str | None) -> dict[str, Attribute]:
    found = {"provider": Attribute((provider,), "gateway")}
    if model is not None:
        found["model"] = Attribute((f"{provider}/{model}", model), "gateway")
    return found


def limit(amount: int | str, period: str = "monthly") -> dict[str, Any]:
    return {"type": "limit", "amount": amount, "period": period, "technique": "named-interval"}


BLOCK = {"type": "block"}
EXCEPT = {"type": "block", "except": True}
NO_LIMIT = {"type": "no-limit"}


def oracle(policies: Sequence[Mapping[str, Any]], person: Person, provider: str, model: str) -> Any:
    """ "block", or the buckets that must be checked: {(actor, resource, period): the highest amount}."""
    permits, caps, unlimited, blocked = False, {}, set(), False
    for policy in policies:
        matches = _about(policy["resource"], provider, model)
        if policy["action"].get("except"):
            matches = not matches
        if not matches:
            continue
        names, holds = CONDITIONS[policy["condition"]]
        actor_fields = re.findall(r"\{([^}]*)\}", policy["actor"])
        missing = any(_value(person, name) is None for name in (*names, *actor_fields))
        block = policy["action"]["type"] == "block"
        applies = block if missing else holds(*(_value(person, name) for name in names))
        if not applies:
            continue
        if block:
            blocked = True
            continue
        permits = True
        actor = re.sub(r"\{([^}]*)\}", lambda found: _value(person, found[1]), policy["actor"])
        bucket = (actor, str(policy["resource"]))
        if policy["action"]["type"] == "no-limit":
            unlimited.add(bucket)
        else:
            key = (*bucket, policy["action"]["period"])
            caps[key] = max(policy["action"]["amount"], caps.get(key, 0))
    if blocked or not permits:
        return "block"
    return {key: amount for key, amount in caps.items() if key[:2] not in unlimited}


def _about(resource: Any, provider: str, model: str) -> bool:
    if resource == "*":
        return True
    providers, models = resource.get("provider"), resource.get("model")
    if providers is not None and provider not in ([providers] if isinstance(providers, str) else providers):
        return False
    patterns = [models] if isinstance(models, str) else models
    return patterns is None or any(
        re.fullmatch(re.escape(pattern).replace(r"\*", "[^/]*"), name)
        for pattern in patterns
        for name in (model, f"{provider}/{model}")
    )


def _value(person: Person, name: str) -> Any:
    found: Any = person
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found or None

"""Policies and what they say, in words and tables."""

from typing import Any

from tollway.cli.shown import amount, rows, say, table

OUTCOMES = {
    "matches": "matches, so it permits",
    "blocks": "blocks",
    "other_resource": "is about other models",
    "condition_false": "is about other callers",
    "field_missing": "does not apply",
    "failed": "does not apply",
}


def show_policies(answer: Any) -> None:
    if not answer["items"]:
        say("No policies: every caller may use every model. The first policy makes everything else forbidden.")
        return
    made = table("Policies", ("id", "left"), ("action", "left"), ("resource", "left"), ("actor", "left"),
                 ("condition", "left"), ("gateway", "left"), ("state", "left"))  # fmt: skip
    cells = [
        [
            one["id"],
            _action(one["action"]),
            _resource(one["resource"]),
            one["actor"],
            one["condition"],
            one["gateway"] or "all",
            "draft" if one["staging"] else "in force" if one["enabled"] else "switched off",
        ]
        for one in answer["items"]
    ]
    rows(made, cells)


def show_policy(one: Any) -> None:
    say(
        f"{one['name']} (id {one['id']})",
        f"  action     {_action(one['action'])}",
        f"  resource   {_resource(one['resource'])}",
        f"  actor      {one['actor']}",
        f"  condition  {one['condition']}",
        f"  gateway    {one['gateway'] or 'all'}",
        f"  state      {'a draft by ' + one['updated_by'] if one['staging'] else 'in force' if one['enabled'] else 'switched off'}",
    )


def show_judged(policies: Any) -> None:
    """What became of each policy: the lines of an explanation."""
    for policy in policies:
        because = f": {policy['why']}" if policy["why"] else ""
        say(f"Policy    {policy['name']} ({policy['action']}) {OUTCOMES[policy['outcome']]}{because}")


def show_simulation(answer: Any) -> None:
    show_judged(answer["policies"])
    for bucket in answer["evaluation"]["buckets"]:
        if bucket["unchecked"]:
            say(f"Bucket    {bucket['bucket']} on {bucket['resource']}: not checked")
        else:
            limit = f"{amount(bucket['limit_usd'])} {bucket['period']} by policy {bucket['policyName']}"
            say(f"Bucket    {bucket['bucket']} on {bucket['resource']}: {limit}")
    enforced = answer["enforcement"]
    if enforced["allowed"]:
        say("Outcome   allowed")
    elif enforced["reason"] == "limit_exceeded":
        say(f"Outcome   refused with 429: policy {enforced['policyName']}, bucket {enforced['bucket']} is spent")
    else:
        say(f"Outcome   refused with 403: {_blocked(enforced['policyName'])}")


def show_committed(answer: Any) -> None:
    if not answer["committed"] and not answer["failed"]:
        say("No drafts to commit.")
        return
    for one in answer["policies"]:
        say(f"{one['id']} is in force.")
    for error in answer["errors"]:
        say(f"{error['policyId']} is still a draft: {error['message']}")
    say(f"The settings are at revision {answer['revision']}.", *(f"Note: {one}" for one in answer["warnings"]))


def show_rolled_back(answer: Any) -> None:
    if not answer["changed"]:
        say("The policies were these already.")
        return
    names = ", ".join(one["id"] for one in answer["policies"]) or "none"
    say(f"Policies in force: {names}. The settings are at revision {answer['revision']}.")
    say(*(f"Note: {one}" for one in answer["warnings"]))


def _blocked(policy: str | None) -> str:
    return f"policy {policy} blocks it" if policy is not None else "no policy allows it"


def _action(action: Any) -> str:
    if action["type"] == "limit":
        span = next((f" {action[name]}" for name in ("period", "rolling", "every") if name in action), "")
        zone = f", {action['timezone']}" if "timezone" in action else ""
        return f"limit ${action['amount']}{span}{zone}"
    return "block except" if action.get("except") else str(action["type"])


def _resource(resource: Any) -> str:
    if isinstance(resource, str):
        return resource
    named = (
        f"{name} {written if isinstance(written, str) else ', '.join(written)}" for name, written in resource.items()
    )
    return "; ".join(named)

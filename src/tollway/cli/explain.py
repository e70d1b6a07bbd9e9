"""`tollway explain`: what would happen to a request, and which rule would say so."""

from collections.abc import Mapping, Sequence
from typing import Any

from tollway.cli.client import Client
from tollway.cli.policies_shown import show_judged
from tollway.cli.questions import Asking, answered, pairs_of
from tollway.cli.shown import amount, count, instant, say, show_json
from tollway.money import compared, parse


def show_explanation(
    *,
    url: str | None,
    token: str | None,
    data: str | None,
    as_json: bool,
    model: str,
    caller: Mapping[str, Any],
    max_tokens: int | None,
    prompt: str,
    metadata: Sequence[str],
    gateway: str,
) -> int:
    """0 where the request would be sent, 3 where it would be refused, 1 where nobody could be asked."""

    def ask(client: Client) -> Any:
        families = {p["slug"]: p["family"] for p in client.get("/api/v1/status")["providers"]}
        body = body_for(families.get(model.partition("/")[0], _family_of(model)), model, prompt, max_tokens)
        asked = {name: value for name, value in caller.items() if value}
        declared = dict(pairs_of("--metadata", metadata))
        return client.post("/api/v1/explain", {"gateway": gateway, "body": body, "metadata": declared, **asked})

    answer = answered(Asking(url, token, data, as_json), ask)
    if answer is None:
        return 1
    if as_json:
        show_json(answer)
    else:
        _show(answer)
    return 0 if answer["outcome"] == "forward" else 3


def body_for(family: str, model: str, prompt: str, max_tokens: int | None) -> dict[str, Any]:
    """A request in the shape of the API that the provider speaks."""
    if family == "google":
        contents = [{"role": "user", "parts": [{"text": prompt}]}]
        cap = {"generationConfig": {"maxOutputTokens": max_tokens}} if max_tokens is not None else {}
        return {"model": model, "contents": contents, **cap}
    body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": prompt}]}
    if max_tokens is not None:
        body["max_tokens"] = max_tokens
    return body


def _family_of(model: str) -> str:
    """For a bare name, the API its maker speaks."""
    bare = model.rpartition("/")[2]
    return "google" if bare.startswith("gemini") else "anthropic" if bare.startswith("claude") else "openai"


def _show(answer: Any) -> None:
    identity, target = answer["identity"], answer["target"]
    if identity is not None:
        who = identity["user"] or identity["service"] or "nobody in particular"
        groups = f", groups {', '.join(identity['groups'])}" if identity["groups"] else ""
        say(f"Caller    {who}{groups}, key {identity['key'] or 'none'}")
    if target is not None:
        say(f"Target    {target['provider']}/{target['model']} ({target['api']})")
    if answer["downgraded_to"] is not None:
        said = "serves" if answer["refusal"] is None else "is judged"
        say(f"Instead   {answer['downgraded_to']} {said}, because a budget wants that; what follows is about it")
    show_judged(answer["policies"])
    _show_bound(answer)
    for leg in answer["budgets"]:
        say(f"Budget    {_leg(leg)}")
    if target is not None and not answer["budgets"]:
        say("Budget    none counts this request")
    for decision in answer["decisions"]:
        if decision["outcome"] == "note":
            say(f"Note      {decision['code']}: {decision['detail']}")
    if answer["delay_ms"]:
        say(f"Wait      {count(answer['delay_ms'])} ms, because much of a budget is spent")
    refusal = answer["refusal"]
    if refusal is None:
        say("Outcome   it would be sent")
        return
    say(f"Outcome   refused with {refusal['status']} {answer['code']}")
    said = refusal["body"].get("error", {}).get("message")
    if said:
        say(f"  {said}")


def _show_bound(answer: Any) -> None:
    quote, held = answer["quote"], answer["held"]
    if answer["priced"] is False:
        say("Cost      no price is known for this model")
    if quote is None:
        return
    if quote["unbounded"] is not None:
        say(f"Cost      has no bound: {quote['unbounded']}")
        return
    say(
        f"Cost      at most {amount(quote['bound_usd'])}: {count(quote['input_tokens'])} input tokens at "
        f"{_price(quote['input_price'])}, {count(quote['output_tokens'])} output tokens at {_price(quote['output_price'])}"
    )
    if answer["first_held_usd"] is not None:
        say(f"          a stream: {amount(answer['first_held_usd'])} held to begin with, more as the answer is made")
    if held is not None and held["bound_usd"] != quote["bound_usd"]:
        say(
            f"          lowered to {count(held['output_tokens'])} output tokens, at most {amount(held['bound_usd'])}, "
            "which is what is left"
        )


def _price(price: Any) -> str:
    return f"{amount(price['amount_usd'])} per {count(price['per'])}"


def _freeze(leg: Any) -> str:
    because = f': "{leg["frozen_reason"]}"' if leg["frozen_reason"] is not None else ""
    return f"frozen by {leg['frozen_by']}{because}"


def _leg(leg: Any) -> str:
    if leg["limit_usd"] is None:
        balance = f"{amount(leg['spent_usd'])} spent and {amount(leg['held_usd'])} held, without a limit"
        needed, why = amount(leg["needed_usd"]), ""
    else:
        of = {name: parse(leg[f"{name}_usd"]) for name in ("limit", "spent", "held", "needed")}
        # As the refusal shows them.
        limit, spent, held, needed = compared(of["limit"], of["spent"], of["held"], of["needed"])
        balance = f"{spent} spent and {held} held of {limit}, {amount(leg['available_usd'])} left"
        why = "spent" if of["spent"] >= of["limit"] else "too little is left"
        why = why if of["limit"] > 0 else "it allows nothing"
    verdict = {
        "fits": "fits",
        "exhausted": f"REFUSES: {why}" if leg["refuses"] else "would refuse, but only watches",
        "contended": "REFUSES for now: held by others" if leg["refuses"] else "would refuse, but only watches",
        "frozen": f"REFUSES: {_freeze(leg)}",
        "not_asked": "is not asked",
    }[leg["verdict"]]
    resets = f"; resets {instant(leg['resets_at'])}" if leg["resets_at"] is not None else ""
    return f"{leg['name']} [{leg['account']}]: {balance}; needs {needed}: {verdict}{resets}"

"""Which models still work for a caller: the exchange carried out against the ledger as it is, and stopped before it sends.

The same generator and the same rules as for real traffic, so what is said here is what the next call would be told.
Nothing is held, sent or logged. The question stands for a small prompt and no output cap of the caller's own.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from tollway.budgets.holds import Claim
from tollway.budgets.window import Calendar
from tollway.clock import iso
from tollway.exchange.exchange import exchange
from tollway.exchange.refusal import Refusal
from tollway.exchange.selection import Selection, select
from tollway.exchange.steps import Authenticate, Forward, Log, Reserve, Send, Sent
from tollway.exchange.target import Target, choose
from tollway.exchange.unasked import unasked
from tollway.identity.identity import Identity
from tollway.ledger.control import Control, budget_of
from tollway.ledger.reservation import Exhausted, Held, Hold, Reservation, contended, fits
from tollway.logs.record import LogRecord
from tollway.proxy.own_resets import fits_at
from tollway.proxy.surface import Call, surface
from tollway.request import Ask, InferenceRequest
from tollway.routes.route import PREFIX
from tollway.snapshot import Snapshot
from tollway.storage.protocol import Ledger

MOST_MODELS = 20
"""Asked about at once: each takes a fraction of a millisecond."""

_PATHS: dict[str, str] = {
    "openai": "/v1/chat/completions",
    "anthropic": "/v1/messages",
    "google": "/{provider}/v1beta/models/{model}:generateContent",
    "bedrock": "/{provider}/model/{model}/converse",
    "cohere": "/{provider}/v2/chat",
    "ollama": "/{provider}/api/chat",
}
_CAPS = frozenset({
    "max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens", "maxTokens", "num_predict",
})  # fmt: skip


class Asked(msgspec.Struct, frozen=True):
    """One model, and what counts a call of it."""

    answer: dict[str, Any]
    claims: tuple[Claim, ...]


def freezes(controls: Sequence[Control], now: int) -> dict[str, Control]:
    """The freezes in force, by account or budget id."""
    return {one.target: one for one in controls if one.kind == "freeze" and one.holds(now)}


def frozen_by(account: str, frozen: Mapping[str, Control]) -> Control | None:
    return frozen.get(account) or frozen.get(budget_of(account))


def configured_models(snapshot: Snapshot) -> list[str]:
    """The models that the settings name in full, as `provider/model`; `MOST_MODELS` at most."""
    names: dict[str, None] = {}
    for provider in snapshot.providers.values():
        own = (*(model for model in provider.models if "*" not in model), *provider.deployments)
        names.update(dict.fromkeys(f"{provider.slug}/{model}" for model in own))
    for budget in (*snapshot.budgets, *snapshot.buckets):
        named = [
            p for match in budget.where if match.attribute == "model" and not match.negated for p in match.patterns
        ]
        named += [action.to for action in budget.actions if action.to is not None]
        # A bare name may be several providers'; they are asked about by name.
        names.update(dict.fromkeys(n for n in named if "*" not in n and snapshot.provider(n.partition("/")[0])))
    return list(names)[:MOST_MODELS]


def look_at(
    name: str,
    request: InferenceRequest,
    identity: Identity,
    snapshot: Snapshot,
    ledger: Ledger,
    calendar: Calendar,
    frozen: Mapping[str, Control],
) -> Asked:
    """What a call of the model would be told now, and what counts it."""
    now = request.received_at
    call = _call(name, request, snapshot, now)
    if isinstance(call, str):
        return Asked(_refused(name, "path_unknown", call), ())
    target = choose(call, Ask(model=_asked_for(name, call, snapshot)), snapshot, now)
    if isinstance(target, Refusal):
        if name.startswith(PREFIX):
            return _of_route(name, call, identity, snapshot, ledger, calendar, frozen)
        return Asked(_refused(name, target.code, target.message), ())
    selection = select(call, identity, target, snapshot)
    assert isinstance(selection, Selection), "the metadata was read before"
    found = _walk(call, identity, snapshot, ledger, calendar, frozen)
    accounts = [account for claim in selection.claims for account in claim.accounts]
    if isinstance(found, _Sent):
        served = f"{found.forward.route.provider.slug}/{found.forward.route.model}"
        swapped = served != target.name
        status = "downgraded" if swapped else "clamped" if found.clamped else "works"
        cap = _cap(msgspec.json.decode(found.forward.body)) if found.forward.body else None
        said = {
            "works": "works",
            "clamped": f"clamped to {cap:,} tokens of output" if cap is not None else "clamped",
            "downgraded": f"downgraded to {served}",
        }[status]
        answer = _answer(name, status, said, accounts, served_by=served, max_output_tokens=cap)
        return Asked(answer, selection.claims)
    reply, hold, record = found.reply, found.hold, found.record
    said = record.decisions[-1]
    answer = _refused(name, record.code, said.detail) | {"checked": accounts}
    if record.code in ("policy_denied", "model_not_allowed"):
        return Asked(answer | {"said": "not allowed"}, selection.claims)
    if reply is None or hold is None:
        return Asked(answer | {"budget": said.rule or None}, selection.claims)
    budget = next(claim.budget for claim in selection.claims if claim.budget.id == budget_of(hold.account))
    control = frozen_by(hold.account, frozen) if reply.frozen else None
    if control is not None:
        until, why = control.until, "by an administrator, who has frozen it"
    elif reply.contended:
        until, why = None, "for a moment: requests under way hold what is left"
    else:
        until = fits_at(budget, hold, reply.balance, ledger, calendar, now)
        why = "for good" if until is None else ""
    ends = iso(until) if until is not None else None
    words = " ".join(part for part in (why, f"until {ends}" if ends is not None else "") if part)
    answer |= {"said": f"refused by {budget.title} {words}", "budget": budget.name, "until": ends}
    return Asked(answer, selection.claims)


def _of_route(
    name: str,
    call: InferenceRequest,
    identity: Identity,
    snapshot: Snapshot,
    ledger: Ledger,
    calendar: Calendar,
    frozen: Mapping[str, Control],
) -> Asked:
    """The same of a dynamic route, which works where one of its models does."""
    found = _walk(call, identity, snapshot, ledger, calendar, frozen)
    if isinstance(found, _Not):
        said = next(decision for decision in reversed(found.record.decisions) if decision.outcome == "deny")
        return Asked(_refused(name, found.record.code, said.detail), ())
    route = found.forward.route
    served = f"{route.provider.slug}/{route.model}"
    target = choose(call, Ask(model=served), snapshot, call.received_at)
    selection = select(call, identity, target, snapshot) if isinstance(target, Target) else None
    claims = selection.claims if isinstance(selection, Selection) else ()
    accounts = [hold.account for hold in found.forward.reservation.holds]
    return Asked(_answer(name, "works", f"works: {served} answers", accounts, served_by=served), claims)


class _Sent(msgspec.Struct, frozen=True):
    forward: Forward
    clamped: bool


class _Not(msgspec.Struct, frozen=True):
    record: LogRecord
    reply: Exhausted | None
    """The ledger's last word, where it was asked."""
    hold: Hold | None


def _walk(
    request: InferenceRequest,
    identity: Identity,
    snapshot: Snapshot,
    ledger: Ledger,
    calendar: Calendar,
    frozen: Mapping[str, Control],
) -> _Sent | _Not:
    steps = exchange(request, snapshot, calendar, request.received_at)
    command = next(steps)
    bounds: dict[str, int] = {}
    reply: Held | Exhausted | None = None
    reservation: Reservation | None = None
    while True:
        match command:
            case Authenticate():
                command = steps.send(identity)
            case Reserve():
                reservation = command.reservation
                bounds.setdefault(reservation.id, reservation.bound)
                reply = _verdict(reservation, ledger, frozen)
                command = steps.send(reply)
            case Forward():
                # Closing is leaving: there is no reservation to end, since none was made.
                steps.close()
                return _Sent(command, command.reservation.bound < bounds[command.reservation.id])
            case Send():
                command = steps.send(Sent(request.started_ns))
            case Log():
                steps.close()
                if isinstance(reply, Exhausted) and reservation is not None:
                    return _Not(command.record, reply, reservation.holds[reply.index])
                return _Not(command.record, None, None)
            case _:
                # Nobody waits here, and nothing is held.
                command = steps.send(unasked(command))


def _verdict(reservation: Reservation, ledger: Ledger, frozen: Mapping[str, Control]) -> Held | Exhausted:
    """What the ledger would answer (`storage.counters`): frozen first, then what is spent out, then what others hold."""
    balances = ledger.balances(reservation.holds)
    for index, (hold, balance) in enumerate(zip(reservation.holds, balances, strict=True)):
        if (hold.amount > 0 or hold.spent_only) and frozen_by(hold.account, frozen) is not None:
            return Exhausted(index, balance, contended=False, frozen=True)
    first: Exhausted | None = None
    for index, (hold, balance) in enumerate(zip(reservation.holds, balances, strict=True)):
        if not hold.enforced or fits(hold, balance.spent, balance.held, balance.limit):
            continue
        refused = Exhausted(index, balance, contended(hold, balance.spent, balance.limit))
        if not refused.contended:
            return refused
        first = first or refused
    if first is not None:
        return first
    with_own = zip(balances, reservation.holds, strict=True)
    return Held(tuple(msgspec.structs.replace(b, held=b.held + hold.amount) for b, hold in with_own))


def _call(name: str, request: InferenceRequest, snapshot: Snapshot, now: int) -> InferenceRequest | str:
    """A small call of the model, on a path that its provider speaks; or why there is none."""
    head, slash, rest = name.partition("/")
    provider = snapshot.provider(head) if slash and rest else None
    if provider is None:
        for dialect, route in snapshot.ways(name, now):
            provider, rest = route.provider, name
            if dialect in provider.roots:
                break
    family = "openai"
    if provider is not None:
        family = next((f for f in _PATHS if f in provider.roots and f == provider.family), None) or next(
            (f for f in _PATHS if f in provider.roots), provider.family
        )
    path = _PATHS[family].format(provider=provider.slug if provider is not None else "", model=rest)
    found = surface("POST", path, snapshot, anthropic=False, gateway=request.gateway)
    if not isinstance(found, Call):
        return f'No call of "{name[:256]}" can be made here.'
    return msgspec.structs.replace(
        request,
        method="POST",
        path=path,
        upstream_path=found.path,
        query=b"",
        headers=(),
        content_type=b"application/json",
        body=msgspec.json.encode(_body(family, name if path.startswith("/v1/") else rest)),
        api=found.api,
        dialect=found.dialect,
        provider=found.provider,
        custom_cost=None,
    )


def _body(family: str, model: str) -> dict[str, Any]:
    said = "Hello"
    if family == "google":
        return {"contents": [{"role": "user", "parts": [{"text": said}]}]}
    if family == "bedrock":
        return {"messages": [{"role": "user", "content": [{"text": said}]}]}
    return {"model": model, "messages": [{"role": "user", "content": said}], "stream": False}


def _asked_for(name: str, call: InferenceRequest, snapshot: Snapshot) -> str:
    head, _, rest = name.partition("/")
    return rest if call.provider is not None and snapshot.provider(head) is not None else name


def _cap(body: Any) -> int | None:
    """The output cap in what would be sent."""
    return next((value for name, value in _numbers(body) if name in _CAPS), None)


def _numbers(value: Any) -> Iterator[tuple[str, int]]:
    if isinstance(value, dict):
        for name, inner in value.items():  # pyright: ignore[reportUnknownVariableType]
            if isinstance(inner, int):
                yield str(name), inner  # pyright: ignore[reportUnknownArgumentType]
            else:
                yield from _numbers(inner)


def _answer(name: str, status: str, said: str, checked: Sequence[str], **more: Any) -> dict[str, Any]:
    return {
        "model": name,
        "status": status,
        "said": said,
        "code": None,
        "message": None,
        "budget": None,
        "until": None,
        "served_by": None,
        "max_output_tokens": None,
        "checked": list(checked),
        **more,
    }


def _refused(name: str, code: str, message: str) -> dict[str, Any]:
    status = "no_price" if code == "price_unknown" else "refused"
    return _answer(name, status, "no price" if status == "no_price" else "refused", (), code=code, message=message)

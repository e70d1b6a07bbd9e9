"""`tollway/auto`: which models may answer a request, and which of them does, where its caller leaves the choice to the gateway."""

import hashlib
from collections.abc import Callable, Generator, Sequence
from typing import Any

import msgspec

from tollway.autorouting.rules import Auto, Pooled
from tollway.autorouting.takes import takes
from tollway.autorouting.task import APIS, Task
from tollway.exchange.auto_choice import Reason, Routed, Runner, in_order, runner, too_long, worth_moving
from tollway.exchange.auto_pool import pool_of
from tollway.exchange.auto_steps import Decide, Decided, Pin, Pinned
from tollway.exchange.case import Candidate, Case
from tollway.exchange.closing import Passed
from tollway.exchange.refusal import Refusal
from tollway.exchange.selection import usable
from tollway.exchange.steps import Command, Consult, Seen
from tollway.exchange.target import on_route
from tollway.identity.attributes import MetadataInvalid
from tollway.identity.identity import Identity
from tollway.logs.record import Decision
from tollway.request import Ask, InferenceRequest
from tollway.routes.route import Pool, Route, Target
from tollway.routes.walk import Try
from tollway.snapshot import NoRoute

MOST_TOLD = 512
"""Characters of a note in the log."""
_ELEMENT = "auto"
_NOT_HERE = "its provider is not configured"

Of = Callable[[str], Candidate | Refusal]
"""The request as the model of that name (`provider/model`) takes it, or why it cannot."""


class Plan(msgspec.Struct, frozen=True):
    """What is to be tried, in the words of a route with one pool."""

    route: Route
    step: Try
    first: Candidate
    """What the first of its targets means."""
    session: bytes | None
    turn: str


def planned(case: Case, request: InferenceRequest, ask: Ask, of: Of) -> Generator[Command, Any, Plan | Refusal]:
    """What the request is to try. What was chosen, and why, is noted in the story."""
    gateway, handling = case.snapshot.gateways[request.gateway], request.handling
    auto = gateway.auto
    if auto is None:
        said = (
            f'"{ask.model}" is not switched on for gateway "{gateway.slug}". An administrator switches it on with '
            f'"auto: {{}}" among the gateway\'s settings; until then, name a model: provider/model.'
        )
        return Refusal(code="model_unknown", message=said)
    if request.api not in APIS:
        said = f'"{ask.model}" chooses among models that chat; name a model for {request.upstream_path[:100]}.'
        return Refusal(code="model_unknown", message=said)
    pool = pool_of(auto, handling, case.snapshot)
    if isinstance(pool, Refusal):
        return pool
    session = _session(request, case.identity)
    decided: Decided = yield Decide(request, session)
    out: dict[str, str] = {}
    able = _able(case, request, ask, pool, decided.task, out)
    if isinstance(able, Refusal):
        return able
    seen: tuple[Seen, ...] = (yield Consult(tuple(one.name for one in able))) if able else ()
    awake = [one for one, health in zip(able, seen, strict=True) if not health.resting]
    # What has no message of a user's goes on with the turn before it.
    turn = handling.turn_id or decided.task.turn or (decided.pin.turn if decided.pin is not None else "")
    choice = _Choice(auto, ask, decided, turn)
    refusal: Refusal | None = None
    # Where all rest, somebody has to be asked.
    runners = awake or able
    while runners:
        order, reason = choice.made(runners)
        found = of(order[0].name)
        if not isinstance(found, Refusal):
            break
        refusal, out[order[0].name] = found, found.message
        runners = [one for one in runners if one is not order[0]]
        able = [one for one in able if one is not order[0]]
    else:
        return refusal or _nobody(ask, out)
    if reason in ("cost_optimal_within_pool", "forced_by_candidate_pool"):
        # What rests is no part of the choice, but of its reason.
        wanted, why = choice.made(able)
        reason = why if wanted[0] is order[0] else "fallback_candidate_unavailable"
    story = case.story
    story.auto = Routed(reason, story.step)
    story.noted((_note(order, reason, decided, auto, out),))
    names = tuple(Target(*_parted(one.name)) for one in order)
    route = Route(_ELEMENT, request.gateway, {_ELEMENT: Pool(_ELEMENT, names, "in_order")}, _ELEMENT)
    return Plan(route, Try(_ELEMENT, names, "in_order", None, None, ()), found, session, turn)


def settled_on(case: Case, plan: Plan, passed: Passed | None) -> Generator[Command, Any, Passed | None]:
    """Pins the model that has answered to the session; `passed`: how the tries of `plan` ended."""
    routed = case.story.auto
    if passed is None and plan.session is not None and routed is not None:
        # Each target that did not answer is one step.
        served = plan.step.targets[case.story.step - routed.step]
        yield Pinned(plan.session, Pin(f"{served.provider}/{served.model}", plan.turn))
    return passed


class _Choice:
    """A choice among models, made anew where one of them turns out not to do."""

    def __init__(self, auto: Auto, ask: Ask, decided: Decided, turn: str) -> None:
        self._auto = auto
        self._ask = ask
        self._decided = decided
        self._turn = turn

    def made(self, runners: Sequence[Runner]) -> tuple[tuple[Runner, ...], Reason]:
        """`runners` as they are to be tried, and why the first is the first."""
        decided = self._decided
        order = in_order(runners, decided.score, self._auto)
        pin = decided.pin
        pinned = next((one for one in order if pin is not None and one.name == pin.model), None)
        kept = (pinned, *(one for one in order if one is not pinned)) if pinned is not None else order
        if pinned is not None and pin is not None and self._turn == pin.turn:
            return kept, "pinned_by_turn"
        if len(order) == 1:
            return order, "forced_by_candidate_pool"
        if decided.fault == "error":
            return kept, "fallback_router_error"
        if decided.fault == "timeout":
            return kept, "fallback_router_timeout"
        if decided.fault == "unsupported":
            return kept, "fallback_unsupported_input"
        if pin is not None and pinned is None:
            return order, "fallback_key_not_in_candidates"
        stays = (
            pinned is not None
            and pinned is not order[0]
            and decided.fresh
            and not worth_moving(pinned, order[0], decided.task, self._ask.max_output_tokens)
        )
        return (kept if stays else order), "cost_optimal_within_pool"


def _able(
    case: Case, request: InferenceRequest, ask: Ask, pool: Sequence[Pooled], task: Task, out: dict[str, str]
) -> list[Runner] | Refusal:
    """The models of the pool that can take the request, and that its caller may use; into `out`, why the others are not."""
    snapshot, now = case.snapshot, case.now
    may = usable(request, case.identity, snapshot)
    if isinstance(may, MetadataInvalid):
        return Refusal(code="metadata_invalid", message=may.message)
    prompt_bytes = max(len(request.body) - ask.media_bytes, 0) + 3 * ask.media_tokens
    found: list[Runner] = []
    for pooled in pool:
        why: str | None = None
        able: Runner | None = None
        route = snapshot.route(pooled.name, request.dialect, now)
        if isinstance(route, NoRoute):
            why = _NOT_HERE
        else:
            target = on_route(route, True, request, ask, snapshot, now)
            missing = task.needs - (pooled.takes if pooled.takes is not None else takes(route.model or ""))
            if isinstance(target, Refusal):
                why = "no key of its provider's can be used"
            elif not may(route.provider, route.model or ""):
                why = "its caller may not use it"
            elif missing:
                why = f"it does not take {', '.join(sorted(missing))}"
            else:
                listed = target.listed
                price = snapshot.book.price(listed.provider, listed.model, at_ms=now)
                window, longest = snapshot.book.limits(listed.provider, listed.model)
                why = too_long(window, longest, prompt_bytes, ask.max_output_tokens)
                # By the name under which its health is kept.
                named = msgspec.structs.replace(pooled, name=target.name)
                able = runner(named, price, prompt_bytes // 3) if price is not None and why is None else None
                if able is None:
                    why = why or "no price a token is known of it"
        if able is not None:
            found.append(able)
        else:
            out[pooled.name] = why or ""
    return found


def _session(request: InferenceRequest, identity: Identity) -> bytes | None:
    """The name of the caller's session, which no other caller can have."""
    handling = request.handling
    if handling.session_id is None or handling.no_session_affinity:
        return None
    whose = (request.gateway, identity.kind, identity.key, identity.user, identity.service, handling.session_id)
    return hashlib.sha256(msgspec.msgpack.encode(whose)).digest()


def _parted(name: str) -> tuple[str, str]:
    provider, _, model = name.partition("/")
    return provider, model


def _nobody(ask: Ask, out: dict[str, str]) -> Refusal:
    why = "; ".join(f'"{name}": {why.rstrip(".")}' for name, why in list(out.items())[:10])
    more = f"; and {len(out) - 10} more" if len(out) > 10 else ""
    said = f'None of the models that "{ask.model}" may choose from can take this request. {why}{more}.'
    return Refusal(code="model_unknown", message=said, details={"left_out": out})


def _note(order: Sequence[Runner], reason: Reason, decided: Decided, auto: Auto, out: dict[str, str]) -> Decision:
    score = "no score" if decided.score is None else f"score {_share(decided.score)}"
    steps = ", ".join(map(_share, auto.thresholds))
    pool = " > ".join(one.name for one in order)
    # The pool that is there from the start has models of providers that few have all of.
    told = ", ".join(f"{name} ({why})" for name, why in out.items() if why is not _NOT_HERE)
    left = f"; left out: {told}" if told else ""
    return Decision(
        step="route",
        outcome="note",
        code="auto",
        rule=reason,
        detail=f"{score}, threshold {steps}; {pool}{left}"[:MOST_TOLD],
    )


def _share(hundredths: int) -> str:
    whole, part = divmod(hundredths, 10_000)
    return f"{whole}.{part:04d}"[:-1]

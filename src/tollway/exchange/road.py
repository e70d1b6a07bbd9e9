"""The road a request takes: which targets are tried, and in which order."""

from collections.abc import Sequence

import msgspec

from tollway.autorouting.rules import NAMES as AUTO
from tollway.exchange.attempt import enough, tried
from tollway.exchange.auto import planned, settled_on
from tollway.exchange.case import Candidate, Case, Trying
from tollway.exchange.closing import Passed
from tollway.exchange.holding import price
from tollway.exchange.order import ordered
from tollway.exchange.other_api import api_there, in_other_api, prepared
from tollway.exchange.refusal import Refusal
from tollway.exchange.retry import MOST_ATTEMPTS, MOST_CALLS, chance_of, retry_of
from tollway.exchange.steps import Booked, Consult, Seen, Weighed
from tollway.exchange.target import Target as Chosen
from tollway.exchange.target import choose
from tollway.gateway import Retry
from tollway.identity.attributes import MetadataInvalid, all_metadata, facts_of, read_metadata
from tollway.logs.record import Decision
from tollway.pricing.estimate import Quote
from tollway.providers.weight import is_heavy
from tollway.request import NO_HANDLING, Ask, InferenceRequest
from tollway.routes.facts import RouteFacts, hidden
from tollway.routes.route import PREFIX, Target
from tollway.routes.route import Route as DynamicRoute
from tollway.routes.walk import Trail, Try, Weigh, draw_of, may_try, walk
from tollway.snapshot import NoRoute


def travelled(case: Case, request: InferenceRequest, ask: Ask, *, last: bool = True) -> Trying:
    """Tries what the request means until something answers; `None` when its caller has been answered. `last`: nothing else will be
    tried after it."""
    model = ask.model
    if model is not None and request.provider is None:
        if model.startswith(PREFIX):
            return (yield from _by_route(case, request, ask, model.removeprefix(PREFIX)))
        if model in AUTO:
            return (yield from _by_task(case, request, ask))
        if is_heavy(request.body, request.content_type):
            yield from prepared(case, request, model)
    candidate = candidate_of(case, request, ask, last=last)
    if type(candidate) is Refusal:
        return Passed(refusal=candidate, step="route")
    return (yield from tried(case, candidate))


def candidate_of(case: Case, request: InferenceRequest, ask: Ask, *, last: bool = True) -> Candidate | Refusal:
    """What the request means by its path and its model's name, with the tries that it is worth; or why it means nothing."""
    snapshot, handling = case.snapshot, request.handling
    gateway = snapshot.gateways[request.gateway]
    retry, timeout_ms = gateway.retry, gateway.timeout_ms
    if handling is not NO_HANDLING:
        retry = retry_of(retry, handling)
        timeout_ms = handling.timeout_ms if handling.timeout_ms is not None else timeout_ms
    target = choose(request, ask, snapshot, case.now)
    if request.provider is None and (
        type(target) is Refusal or not target.provider.speaks(request.api, request.dialect)
    ):
        translated = _in_other_api(case, request, ask, target)
        if translated is not None:
            if type(translated) is Refusal:
                return translated
            return msgspec.structs.replace(translated, retry=retry, timeout_ms=timeout_ms, last=last)
    if type(target) is Refusal:
        return target
    return Candidate(request=request, ask=ask, target=target, retry=retry, timeout_ms=timeout_ms, last=last)


def _in_other_api(
    case: Case, request: InferenceRequest, ask: Ask, target: Chosen | Refusal
) -> Candidate | Refusal | None:
    """What a request on a unified path means at a provider that does not speak its API; `None` where it goes as it is, or nowhere."""
    if type(target) is not Refusal:
        route = target.route
    elif target.code != "translation_unsupported" or not ask.model:
        return None
    else:
        # Where there is no route there was another refusal.
        route = case.snapshot.route(ask.model, request.dialect, case.now)
    api = api_there(request.api, route.provider) if type(route) is not NoRoute else None
    return in_other_api(case, request, ask, route, api) if api is not None and type(route) is not NoRoute else None


def in_steps(case: Case, steps: Sequence[tuple[InferenceRequest, Ask]]) -> Trying:
    """Each step in turn, until one answers (Cloudflare's universal endpoint)."""
    passed: Passed | None = None
    case.story.stepwise = True
    for number, (request, ask) in enumerate(steps):
        last = number == len(steps) - 1
        case.story.step = number
        case.story.asked = ask.model
        passed = yield from travelled(case, request, ask, last=last)
        if passed is None or passed.over or last:
            return passed
        if enough(case.story):
            said = f"steps from {number + 1} on were not tried: {MOST_CALLS} calls were made for one array"
            case.story.noted((Decision(step="route", outcome="note", code="calls_used_up", detail=said),))
            return passed
        case.story.passed_over(ask.model or request.upstream_path, passed.refusal)
    return passed


def _by_route(case: Case, request: InferenceRequest, ask: Ask, name: str) -> Trying:
    """The targets of a dynamic route, as its elements say."""
    story, identity = case.story, case.identity
    route = case.snapshot.routes.get((request.gateway, name))
    if route is None or not route.enabled:
        known = sorted(
            n for (gateway, n), r in case.snapshot.routes.items() if gateway == request.gateway and r.enabled
        )
        there = ", ".join(f'"{PREFIX}{n}"' for n in known[:20]) or "none"
        off = " is switched off" if route is not None else " is not known on this gateway"
        refusal = Refusal(code="model_unknown", message=f'The route "{PREFIX}{name[:64]}"{off}; there are: {there}.')
        return Passed(refusal=refusal, step="route")
    declared = read_metadata(request.metadata)
    if isinstance(declared, MetadataInvalid):
        return Passed(refusal=Refusal(code="metadata_invalid", message=declared.message), step="read")
    metadata = all_metadata(facts_of(identity, request.gateway, declared))
    headers = hidden(request.headers, case.snapshot.issuers.headers, [one.secret for one in request.credentials])
    facts = RouteFacts.of(identity, request.gateway, metadata, ask.model, body=request.body, headers=headers)
    trail = story.trail = Trail()
    story.route = route.name
    walking = walk(route, facts, draw_of(request.id), trail)
    weighed: list[Weigh] = []
    # Until the first of the limits that were reached lets it through, so that another way is open.
    soonest_ms: int | None = None
    passed: Passed | None = None
    answered, why = False, ""
    try:
        step = next(walking)
        while True:
            if isinstance(step, Weigh):
                wait_ms: int = yield Weighed(step)
                if wait_ms:
                    soonest_ms = wait_ms if soonest_ms is None else min(wait_ms, soonest_ms)
                elif step.limit_type == "cost":
                    # Like requests, what is spent behind a limit counts on it, and not what was turned away by it.
                    weighed.append(step)
                step = walking.send(wait_ms == 0)
                continue
            if passed is not None:
                story.passed_over(passed.target, passed.refusal)
            passed = yield from _one_of(case, request, ask, route, step)
            if passed is None or passed.over:
                answered = passed is None
                break
            step = walking.send(False)
    except StopIteration as end:
        why = str(end.value)
    if weighed and story.booked:
        yield Booked(tuple(weighed), story.booked)
    if answered or passed is not None:
        return passed
    if soonest_ms is not None and trail.ended == "limited":
        wait_s = -(-soonest_ms // 1000)
        message = f"{why} Try again in {wait_s:,} s."
        refusal = Refusal(code="rate_limited", rule=route.name, message=message, retry_after_s=wait_s)
    else:
        refusal = Refusal(code="route_unanswered", rule=route.name, message=why)
    return Passed(refusal=refusal, step="route")


def _by_task(case: Case, request: InferenceRequest, ask: Ask) -> Trying:
    """The cheapest model that is good enough for what is asked, then the others."""
    plan = yield from planned(
        case, request, ask, lambda name: candidate_of(case, request, msgspec.structs.replace(ask, model=name))
    )
    if isinstance(plan, Refusal):
        return Passed(refusal=plan, step="route")
    passed = yield from _one_of(case, request, ask, plan.route, plan.step, plan.first)
    return (yield from settled_on(case, plan, passed))


def _one_of(
    case: Case,
    request: InferenceRequest,
    ask: Ask,
    route: DynamicRoute,
    step: Try,
    first: Candidate | None = None,
) -> Trying:
    """The targets of one element, in its order, until one answers. `first`: what the first of them means, where that is known."""
    targets, snapshot = step.targets, case.snapshot
    falls_back = may_try(route, getattr(route.elements[step.element_id], "fallback", None))
    names = [f"{target.provider}/{target.model}" for target in targets]
    seen: tuple[Seen, ...] = ()
    if falls_back or len(targets) > 1:
        # As they are called, whatever the route calls their providers.
        found = [snapshot.route(name, request.dialect, case.now) for name in names]
        called = (
            one.provider.slug + f"/{one.model}" if not isinstance(one, NoRoute) else name
            for one, name in zip(found, names, strict=True)
        )
        seen = yield Consult(tuple(called))
    order: tuple[int, ...] = tuple(range(len(targets)))
    costs: list[int | None] = [None] * len(targets)
    if len(targets) > 1:
        chances = [chance_of(request.id, f"{step.element_id} {number}") for number in order]
        if step.order == "cheapest":
            for name in names:
                yield from prepared(case, request, name)
            costs = [_cost(case, _of_target(case, request, ask, target, step)) for target in targets]
        order = ordered(step.order, [target.weight for target in targets], seen, costs, chances)
    passed: Passed | None = None
    for place, number in enumerate(order):
        last = place == len(order) - 1 and not falls_back
        if passed is not None:
            case.story.passed_over(passed.target, passed.refusal)
        if not last and seen and seen[number].resting:
            said = f'"{names[number]}" has failed so often of late that it is left alone for a while.'
            refusal = Refusal(code="upstream_resting", rule=targets[number].provider, message=said)
            passed = Passed(refusal=refusal, step="route")
        else:
            known = first if number == 0 else None
            if known is None:
                yield from prepared(case, request, names[number])
            candidate = known or _of_target(case, request, ask, targets[number], step)
            if isinstance(candidate, Refusal):
                passed = Passed(refusal=candidate, step="route")
            else:
                passed = yield from tried(case, msgspec.structs.replace(candidate, last=last))
        if passed is None or passed.over:
            return passed
        passed = msgspec.structs.replace(passed, target=names[number])
    return passed


def _of_target(case: Case, request: InferenceRequest, ask: Ask, target: Target, step: Try) -> Candidate | Refusal:
    named = msgspec.structs.replace(ask, model=f"{target.provider}/{target.model}")
    found = candidate_of(case, request, named)
    if isinstance(found, Refusal):
        return found
    retry = found.retry
    if step.retries is not None:
        retry = Retry(max_attempts=min(step.retries + 1, MOST_ATTEMPTS), delay_ms=retry.delay_ms, backoff=retry.backoff)
    return msgspec.structs.replace(
        found,
        retry=retry,
        timeout_ms=step.timeout_ms or found.timeout_ms,
        exempt=frozenset(step.exempt),
    )


def _cost(case: Case, candidate: Candidate | Refusal) -> int | None:
    """Nanodollars that the target may cost at most; `None` where nobody knows."""
    if isinstance(candidate, Refusal):
        return None
    quote = price(candidate.request, candidate.ask, candidate.target, case.snapshot, case.now)
    return quote.amount if isinstance(quote, Quote) and quote.unbounded is None else None

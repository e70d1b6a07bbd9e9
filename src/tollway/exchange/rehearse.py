"""The exchange carried out against nothing: what would happen to a request, and which rule would say so.

The same generator and the same rules as for real traffic; only the replies differ. Nothing is held, sent, settled or
logged: balances are looked at instead of reserved on, and the story ends where the request would be forwarded.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from tollway.autorouting.rules import NAMES as AUTO
from tollway.budgets.budget import Budget
from tollway.budgets.holds import Claim, holds
from tollway.budgets.window import Calendar
from tollway.exchange import counting
from tollway.exchange.authenticate import authenticate
from tollway.exchange.auto_steps import Decide, Decided
from tollway.exchange.case import Case
from tollway.exchange.exchange import exchange
from tollway.exchange.holding import NOTHING_LEARNED, price
from tollway.exchange.refusal import Refusal
from tollway.exchange.road import candidate_of
from tollway.exchange.selection import select, with_others
from tollway.exchange.steps import (
    Authenticate,
    Count,
    Forward,
    Log,
    NotSent,
    Pause,
    Release,
    Reserve,
    Send,
    Sent,
    Steps,
)
from tollway.exchange.story import Story
from tollway.exchange.target import Target, instead
from tollway.exchange.terms import completed, terms_of
from tollway.exchange.unasked import unasked, unscored
from tollway.identity.attributes import MetadataInvalid
from tollway.identity.identity import Identity
from tollway.identity.keys import Key, digest
from tollway.ledger.control import Control, budget_of
from tollway.ledger.entry import Context
from tollway.ledger.reservation import Balance, Exhausted, Held, Hold, Reservation, contended, fits
from tollway.logs.record import Decision
from tollway.policies.decide import Judged
from tollway.pricing.calibration import Calibration
from tollway.pricing.charge import Unpriced
from tollway.pricing.estimate import Quote
from tollway.providers.codec import Malformed
from tollway.providers.prompts import Counted
from tollway.providers.registry import codec_for
from tollway.request import Ask, Credential, InferenceRequest
from tollway.routes.route import PREFIX
from tollway.snapshot import Snapshot

Balances = Callable[[Sequence[Hold]], Sequence[Balance]]
"""What is spent and held in the window of each hold, now (`Ledger.balances`)."""

Verdict = Literal["fits", "exhausted", "contended", "frozen", "not_asked"]
"""exhausted: spent, or too little left even if all holds came back. contended: it would fit if others gave their holds
back. frozen: by an administrator. not_asked: the request is refused before any budget is asked."""

_read_context = msgspec.msgpack.Decoder(Context).decode
_STAND_IN = "the secret of a key that is only rehearsed"


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """One account that the request would count against."""

    budget: Budget
    hold: Hold
    balance: Balance
    """Before the request."""
    verdict: Verdict
    freeze: Control | None = None
    """What froze it."""


class Answer(msgspec.Struct, frozen=True):
    """The refusal the caller would be sent."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """What would happen. What the request never gets to is `None` or empty."""

    outcome: Literal["forward", "refuse"]
    code: str = ""
    """Why it would be refused."""
    identity: Identity | None = None
    target: Target | None = None
    quote: Quote | Unpriced | None = None
    """The bound of what would serve: of `target`, or of `downgraded_to`."""
    granted: Quote | None = None
    """The bound that would be held; a smaller one than `quote` where the output cap would be lowered to what is left."""
    legs: tuple[Leg, ...] = ()
    refusal: Answer | None = None
    decisions: tuple[Decision, ...] = ()
    path: str = ""
    """What would be sent to the provider."""
    body: bytes = b""
    first_held: int | None = None
    """Nanodollars held to begin with, where the hold follows the answer; `None` where all of `granted` is held at once."""
    delay_ms: int = 0
    """How long a budget of which much is spent would make it wait."""
    downgraded_to: str | None = None
    """The model that would serve instead, or is refused instead, as `provider/model`."""
    policies: tuple[Judged, ...] = ()
    """What became of each policy of the gateway, for what would serve; empty where there are none, or none is asked."""


def rehearse(
    request: InferenceRequest,
    caller: Identity | Refusal,
    *,
    snapshot: Snapshot,
    calendar: Calendar,
    now: int,
    balances: Balances,
    learned: Calibration = NOTHING_LEARNED,
    frozen: Callable[[str], Control | None] = lambda _: None,
    ask: Ask | Malformed | None = None,
    count: Callable[[Count], Counted | None] = lambda _: None,
    decide: Callable[[Decide], Decided] = lambda command: unscored(command),
) -> Rehearsal:
    """What would happen to `request` of this caller at `now` (Unix milliseconds), with the accounts as they are.

    `frozen`: the freeze of that account, if there is one. `ask`: what the body asks for, where that was read
    already because it is large; then `Rehearsal.body` is left empty. `count`: counts the tokens of a request that does not
    fit by its bytes, if it can. `decide`: scores a request whose model the gateway chooses, if it can.
    """
    known = asked = _known(request, caller, snapshot, now, ask)
    routed = asked.target is None
    named = {budget.id: budget for budget in (*snapshot.budgets, *snapshot.buckets)}
    legs = _legs(named, holds(known.claimed, 0, now, calendar), balances, None)
    delay_ms, first_held = 0, None
    granted: Quote | None = None
    tighter: Quote | None = None
    refusal: Answer | None = None
    steps = exchange(request, snapshot, calendar, now, learned, ask)
    command = next(steps)
    while True:
        match command:
            case Authenticate():
                command = steps.send(caller)
            case Reserve():
                reservation = command.reservation
                if reservation.attempt > 1 or known.target is None:
                    # Another model is judged: its own bound, on the budgets that count it.
                    context = _read_context(reservation.context)
                    known = _known_instead(asked, f"{context.provider}/{context.model}", request, snapshot, now)
                    if routed:
                        # Whatever a route comes to is what was asked for.
                        asked = known
                granted = known.quote if isinstance(known.quote, Quote) else None
                granted, tighter = tighter or granted, None
                legs = _legs(named, reservation.holds, balances, frozen)
                first_held = reservation.bound if any(hold.metered for hold in reservation.holds) else None
                if granted is not None and first_held is None and reservation.bound < granted.amount:
                    granted = granted.clamped(reservation.bound) or granted
                command = steps.send(_verdict(reservation, legs))
            case Count():
                counted = count(command)
                if isinstance(known.quote, Quote) and known.target is not None:
                    # Whether it is of use is known when it is held.
                    tighter = counting.tightened(known.quote, known.target, counted, certain=False)
                command = steps.send(counted)
            case Release():
                tighter = None
                # Another model is to serve; what it would cost is asked next.
                command = steps.send(None)
            case Pause():
                delay_ms = command.delay_ms
                command = steps.send(None)
            case Forward():
                return Rehearsal(
                    outcome="forward",
                    decisions=_until_here(steps),
                    identity=asked.identity,
                    target=asked.target,
                    quote=known.quote,
                    granted=granted,
                    legs=legs,
                    path=command.path,
                    body=command.body if ask is None else b"",
                    delay_ms=delay_ms,
                    first_held=first_held,
                    downgraded_to=_downgraded_to(asked, known),
                    policies=known.judged,
                )
            case Send():
                refusal = Answer(command.status, command.headers, command.body)
                command = steps.send(Sent(request.started_ns))
            case Log():
                steps.close()
                served = f"{command.record.provider}/{command.record.request_model}"
                if known.target is not None and len(command.record.attempts) > 0 and known.target.name != served:
                    # It was refused before any account was asked for it: no price, perhaps.
                    known = _known_instead(asked, served, request, snapshot, now)
                    legs = _legs(named, holds(known.claimed, 0, now, calendar), balances, None)
                return Rehearsal(
                    outcome="refuse",
                    code=command.record.code,
                    identity=asked.identity,
                    target=asked.target,
                    quote=known.quote,
                    downgraded_to=_downgraded_to(asked, known),
                    legs=legs,
                    refusal=refusal,
                    decisions=command.record.decisions,
                    policies=known.judged,
                )
            case Decide():
                command = steps.send(decide(command))
            case _:
                command = steps.send(unasked(command))


def _until_here(steps: Steps) -> tuple[Decision, ...]:
    """What was decided on the way to the provider: the route taken, the model chosen and why. It ends here, as when a gateway is
    stopped; there is no reservation to end, since none was made."""
    command = steps.send(NotSent("shutting_down", "", 0))
    while not isinstance(command, Log):
        command = steps.send(Sent(0) if isinstance(command, Send) else unasked(command))
    steps.close()
    return tuple(made for made in command.record.decisions if made.code != "shutting_down")


def as_key(key: Key, request: InferenceRequest, snapshot: Snapshot) -> Identity | Refusal:
    """What authentication says to the bearer of `key`, whose secret nobody here knows, at an address that it may be used
    from."""
    key = msgspec.structs.replace(key, addresses=())
    alone = msgspec.structs.replace(snapshot, keys={digest(_STAND_IN, snapshot.pepper): key})
    with_credential = msgspec.structs.replace(request, credentials=(Credential(b"authorization", _STAND_IN),))
    return authenticate(with_credential, alone)


def as_person(identity: Identity, request: InferenceRequest, snapshot: Snapshot) -> Identity | Refusal:
    """A caller of whom only the attributes are known: refused only where there is no such gateway."""
    found = authenticate(msgspec.structs.replace(request, credentials=()), snapshot)
    return found if isinstance(found, Refusal) and found.code == "gateway_unknown" else identity


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """What can be told of a request without asking any account; the functions are those that `exchange` calls."""

    ask: Ask | None = None
    identity: Identity | None = None
    target: Target | None = None
    quote: Quote | Unpriced | None = None
    claimed: tuple[Claim, ...] = ()
    judged: tuple[Judged, ...] = ()


def _known(
    request: InferenceRequest, caller: Identity | Refusal, snapshot: Snapshot, now: int, ask: Ask | Malformed | None
) -> _Known:
    if isinstance(caller, Refusal):
        return _Known()
    if ask is None:
        ask = codec_for(request.api).read_ask(request.upstream_path, request.query, request.content_type, request.body)
    if isinstance(ask, Malformed):
        return _Known(identity=caller)
    ask = completed(ask, request)
    return _named(_Known(identity=caller, ask=ask), caller, ask, request, snapshot, now)


def _named(
    known: _Known, caller: Identity, ask: Ask, request: InferenceRequest, snapshot: Snapshot, now: int
) -> _Known:
    """`known` of the target that `ask` names; without one where it names none by itself, as a route does."""
    if request.provider is None and ask.model is not None and (ask.model in AUTO or ask.model.startswith(PREFIX)):
        # Whoever serves any name at all does not serve these.
        return known
    case = Case(Story(request), caller, snapshot, Calendar(), now, NOTHING_LEARNED)
    found = candidate_of(case, request, ask)
    if isinstance(found, Refusal):
        return known
    judged = _of_target(found.request, caller, found.ask, found.target, snapshot, now)
    return msgspec.structs.replace(judged, ask=known.ask)


def _known_instead(known: _Known, name: str, request: InferenceRequest, snapshot: Snapshot, now: int) -> _Known:
    """The same of the model `name` (`provider/model`), which a budget has serve instead."""
    if known.identity is None or known.ask is None:
        return known
    if request.provider is None:
        ask = msgspec.structs.replace(known.ask, model=name)
        return _named(known, known.identity, ask, request, snapshot, now)
    target = instead(request, known.ask, name, snapshot, now)
    if target is None:
        return known
    ask = msgspec.structs.replace(known.ask, model=target.model)
    judged = _of_target(request, known.identity, ask, target, snapshot, now)
    return msgspec.structs.replace(judged, ask=known.ask)


def _of_target(
    request: InferenceRequest, caller: Identity, ask: Ask, target: Target, snapshot: Snapshot, now: int
) -> _Known:
    selection = select(request, caller, target, snapshot)
    if isinstance(selection, MetadataInvalid):
        return _Known(identity=caller)
    others = with_others(request, caller, target, ask, selection, snapshot)
    selection = selection if isinstance(others, Refusal) else others
    terms = terms_of(request, ask, caller, at_ceiling=selection.at_ceiling)
    judged = selection.access.verdict.judged if selection.access.verdict is not None else ()
    if isinstance(terms, Refusal):
        return _Known(identity=caller, target=target, judged=judged)
    target = msgspec.structs.replace(target, terms=terms)
    return _Known(
        identity=caller,
        target=target,
        quote=price(request, ask, target, snapshot, now),
        claimed=selection.claims,
        judged=judged,
    )


def _downgraded_to(asked: _Known, judged: _Known) -> str | None:
    return judged.target.name if judged is not asked and judged.target is not None else None


def _legs(
    budgets: Mapping[str, Budget],
    placed: tuple[Hold, ...],
    balances: Balances,
    frozen: Callable[[str], Control | None] | None,
) -> tuple[Leg, ...]:
    """`frozen` is `None` where no account is asked."""
    return tuple(
        Leg(
            budget=budgets[budget_of(hold.account)],
            hold=hold,
            balance=balance,
            verdict="not_asked" if frozen is None else _verdict_of(hold, balance, frozen),
            freeze=frozen(hold.account) if frozen is not None else None,
        )
        for hold, balance in zip(placed, balances(placed), strict=True)
    )


def _verdict_of(hold: Hold, balance: Balance, frozen: Callable[[str], Control | None]) -> Verdict:
    if (hold.amount or hold.spent_only) and frozen(hold.account) is not None:
        return "frozen"
    if fits(hold, balance.spent, balance.held, balance.limit):
        return "fits"
    return "contended" if contended(hold, balance.spent, balance.limit) else "exhausted"


def _verdict(reservation: Reservation, legs: tuple[Leg, ...]) -> Held | Exhausted:
    """What the ledger would answer: the first account that is spent out refuses, else the first that others hold."""
    for index, leg in enumerate(legs):
        if leg.verdict == "frozen":
            by = leg.freeze
            assert by is not None, "a verdict of frozen has its freeze"
            return Exhausted(index, leg.balance, contended=False, frozen=True, reason=by.reason, by=by.by)
    refusing = [(n, leg) for n, leg in enumerate(legs) if leg.hold.enforced and leg.verdict != "fits"]
    refusing.sort(key=lambda one: one[1].verdict == "contended")
    for index, leg in refusing:
        return Exhausted(index, leg.balance, leg.verdict == "contended")
    after = tuple(
        msgspec.structs.replace(leg.balance, held=leg.balance.held + hold.amount)
        for leg, hold in zip(legs, reservation.holds, strict=True)
    )
    return Held(after, tuple(n for n, leg in enumerate(legs) if leg.verdict != "fits"))

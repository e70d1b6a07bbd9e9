"""`GET /v1/budget`: what the caller itself may still spend, in every budget that counts it, and which models still work.

The balances are those that the next request will be checked against; nobody else's account is looked at, and no account is
searched for. With `?model=provider/model` the budgets are exactly those that a call of it is checked against.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from tollway.budgets.budget import Budget
from tollway.budgets.holds import UNLIMITED, Claim, claims, holds
from tollway.budgets.index import Index
from tollway.budgets.window import Calendar, Total, describe
from tollway.clock import iso
from tollway.exchange.access import caller_of, claims_of_anything
from tollway.exchange.authenticate import NO_TOKENS, Tokens, authenticate
from tollway.exchange.refusal import Refusal
from tollway.identity.attributes import MetadataInvalid, all_metadata, facts_of, read_metadata
from tollway.identity.identity import Identity
from tollway.ledger.control import Control
from tollway.ledger.reservation import Balance, Hold
from tollway.match import Match
from tollway.money import dollars
from tollway.proxy.own_models import MOST_MODELS, configured_models, freezes, frozen_by, look_at
from tollway.proxy.own_resets import falls_at
from tollway.request import InferenceRequest
from tollway.snapshot import Snapshot
from tollway.storage.protocol import Ledger

# Known only once a model is chosen; a budget that selects by them is shown with what it selects.
_OF_TARGET = ("model", "provider")


def budget_answer(
    request: InferenceRequest, snapshot: Snapshot, ledger: Ledger, calendar: Calendar, tokens: Tokens = NO_TOKENS
) -> bytes | Refusal:
    """The body, or why there is none."""
    identity = authenticate(request, snapshot, tokens)
    if isinstance(identity, Refusal):
        return identity
    asked = _asked(request.query)
    if isinstance(asked, Refusal):
        return asked
    found = standing(request, identity, snapshot, ledger, calendar, asked)
    return found if isinstance(found, Refusal) else msgspec.json.encode(found)


def standing(
    request: InferenceRequest,
    identity: Identity,
    snapshot: Snapshot,
    ledger: Ledger,
    calendar: Calendar,
    asked: Sequence[str],
) -> dict[str, Any] | Refusal:
    """How somebody's budgets and models stand, who makes a request like this one; of the models `asked`, else of those that the
    settings name."""
    declared = read_metadata(request.metadata)
    if isinstance(declared, MetadataInvalid):
        return Refusal(code="metadata_invalid", message=declared.message)
    frozen = freezes(ledger.controls(), request.received_at)
    looked = [
        look_at(name, request, identity, snapshot, ledger, calendar, frozen)
        for name in asked or configured_models(snapshot)
    ]
    if asked:
        claimed = _once([claim for one in looked for claim in one.claims])
    else:
        claimed = _of_any_model(request, identity, snapshot, declared)
    rows, tightest = _rows(claimed, request.received_at, snapshot, ledger, calendar, frozen)
    return {
        "at": iso(request.received_at),
        "budgets": rows,
        "tightest": tightest,
        "models": [one.answer for one in looked],
    }


def _asked(query: bytes) -> list[str] | Refusal:
    """The models of `?model=...&model=...`."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="utf-8", errors="replace")
    for name, value in pairs:
        if name != "model" or not value:
            wrong = f'"{name[:64]}"' if name != "model" else "an empty model"
            return Refusal(
                code="body_invalid",
                message=f"The query has {wrong}; /v1/budget takes model=provider/model alone, once for each model.",
            )
    names = list(dict.fromkeys(value for _, value in pairs))
    if len(names) > MOST_MODELS:
        return Refusal(
            code="body_invalid", message=f"{len(names)} models are asked about; ask about {MOST_MODELS} at most."
        )
    return names


def _of_any_model(
    request: InferenceRequest, identity: Identity, snapshot: Snapshot, declared: dict[str, str]
) -> Sequence[Claim]:
    """Every budget that counts the caller, whichever model it calls; those split by model have no account yet."""
    facts = facts_of(identity, request.gateway, declared)
    # One for each gateway; a thousand budgets are not looked through for each question.
    key = (__name__, request.gateway)
    index = snapshot.worked_out.get(key)
    if not isinstance(index, Index):
        own = snapshot.budgets_of.get(request.gateway, ())
        index = snapshot.worked_out[key] = Index([_without_target(one) for one in own if not _splits_by_target(one)])
    found = claims(index.candidates(facts), facts, identity.priority)
    if request.gateway not in snapshot.policies_of:
        return found
    caller = caller_of(identity, request.gateway, all_metadata(facts))
    return (*found, *claims_of_anything(snapshot, request.gateway, caller))


def _once(claimed: Sequence[Claim]) -> Sequence[Claim]:
    """Each budget's accounts once. Of several claims the first stands: actions may differ from model to model."""
    return tuple({(claim.budget.id, claim.accounts): claim for claim in reversed(claimed)}.values())[::-1]


def _rows(
    claimed: Sequence[Claim],
    now: int,
    snapshot: Snapshot,
    ledger: Ledger,
    calendar: Calendar,
    frozen: Mapping[str, Control],
) -> tuple[list[dict[str, Any]], str | None]:
    """A row for each account, and the enforced one with the least left."""
    placed = holds(claimed, 0, now, calendar)
    owners = [claim for claim in claimed for _ in claim.accounts]
    balances = ledger.balances(placed)
    named = {budget.id: budget for budget in snapshot.budgets}
    rows: list[dict[str, Any]] = []
    least: Balance | None = None
    for claim, hold, balance in zip(owners, placed, balances, strict=True):
        # What counts for a policy is as this request has it: the limit of its caller, in its bucket.
        budget = named.get(claim.budget.id, claim.budget)
        control = frozen_by(hold.account, frozen)
        rows.append(_row(budget, claim, hold, balance, control, falls_at(budget, hold, ledger, calendar, now)))
        if hold.enforced and (least is None or balance.available < least.available):
            least = balance
    return rows, least.account if least is not None else None


def _row(
    budget: Budget, claim: Claim, hold: Hold, balance: Balance, frozen: Control | None, falls: int | None
) -> dict[str, Any]:
    limited = hold.limit < UNLIMITED
    return {
        "id": budget.id,
        "budget": budget.name,
        "policy": budget.name if budget.bucket is not None else None,
        "bucket": budget.bucket,
        "account": balance.account,
        "parent": budget.parent,
        "mode": budget.mode,
        "guarantee": budget.guarantee,
        "window": describe(budget.window),
        "models": [p for match in budget.where if match.attribute in _OF_TARGET for p in match.patterns],
        "limit_usd": dollars(balance.limit) if limited else None,
        "spent_usd": dollars(balance.spent),
        "held_usd": dollars(balance.held),
        "left_usd": dollars(max(0, balance.available)) if limited else None,
        "share_percent": hold.share,
        "resets_at": iso(falls) if falls is not None else None,
        "resets": _resets(budget, hold, falls),
        "frozen": frozen is not None,
        "frozen_until": iso(frozen.until) if frozen is not None and frozen.until is not None else None,
        "frozen_reason": frozen.reason or None if frozen is not None else None,
        "actions": [
            {
                "at_percent": action.at,
                "do": action.do,
                "due": limited and balance.spent * 100 >= action.at * balance.limit,
                "delay_ms": action.delay_ms if action.do == "slow" else None,
                "to": action.to,
            }
            for action in claim.actions
        ],
    }


def _resets(budget: Budget, hold: Hold, falls: int | None) -> str:
    """What happens at `resets_at`, in a word."""
    if isinstance(budget.window, Total):
        return "never"
    if hold.until is not None:
        return "anew"
    return "rolling" if falls is not None else "nothing to fall"


def _without_target(budget: Budget) -> Budget:
    where: tuple[Match, ...] = tuple(match for match in budget.where if match.attribute not in _OF_TARGET)
    return budget if len(where) == len(budget.where) else msgspec.structs.replace(budget, where=where)


def _splits_by_target(budget: Budget) -> bool:
    return any(name in _OF_TARGET for name in budget.split_by)

"""`GET /v1/budget`: what the caller itself may still spend, in every budget that counts it."""

from typing import Any

import msgspec

from tollway.budgets.budget import Budget
from tollway.budgets.holds import claims, holds
from tollway.budgets.window import Calendar, describe
from tollway.clock import iso
from tollway.exchange.authenticate import authenticate
from tollway.exchange.refusal import Refusal
from tollway.identity.attributes import MetadataInvalid, facts_of, read_metadata
from tollway.match import Match
from tollway.money import dollars
from tollway.request import InferenceRequest
from tollway.snapshot import Snapshot
from tollway.storage.protocol import Ledger

# Known only once a model is chosen; a budget that selects by them is shown with what it selects.
_OF_TARGET = ("model", "provider")


def budget_answer(request: InferenceRequest, snapshot: Snapshot, ledger: Ledger, calendar: Calendar) -> bytes | Refusal:
    """The body. The balances are those that the next request will be checked against."""
    identity = authenticate(request, snapshot)
    if isinstance(identity, Refusal):
        return identity
    declared = read_metadata(request.metadata)
    if isinstance(declared, MetadataInvalid):
        return Refusal(code="metadata_invalid", message=declared.message)
    facts = facts_of(identity, request.gateway, declared)
    own = [_without_target(b) for b in snapshot.budgets_of.get(request.gateway, ()) if not _splits_by_target(b)]
    claimed = claims(own, facts)
    placed = holds(claimed, 0, request.received_at, calendar)
    owners = [claim.budget.id for claim in claimed for _ in claim.accounts]
    named = {budget.id: budget for budget in snapshot.budgets}
    rows = [
        _row(named[owner], hold.until, balance)
        for owner, hold, balance in zip(owners, placed, ledger.balances(placed), strict=True)
    ]
    enforced = [row for row in rows if row["mode"] == "enforce"]
    tightest = min(enforced, key=lambda row: row["_available"], default=None)
    name = tightest["account"] if tightest is not None else None
    for row in rows:
        del row["_available"]
    return msgspec.json.encode({"budgets": rows, "tightest": name})


def _row(budget: Budget, until: int | None, balance: Any) -> dict[str, Any]:
    return {
        "budget": budget.name,
        "account": balance.account,
        "mode": budget.mode,
        "window": describe(budget.window),
        "models": [p for match in budget.where if match.attribute in _OF_TARGET for p in match.patterns],
        "limit_usd": dollars(balance.limit),
        "spent_usd": dollars(balance.spent),
        "held_usd": dollars(balance.held),
        "left_usd": dollars(max(0, balance.available)),
        "resets_at": iso(until) if until is not None else None,
        "_available": balance.available,
    }


def _without_target(budget: Budget) -> Budget:
    where: tuple[Match, ...] = tuple(match for match in budget.where if match.attribute not in _OF_TARGET)
    return msgspec.structs.replace(budget, where=where)


def _splits_by_target(budget: Budget) -> bool:
    return any(name in _OF_TARGET for name in budget.split_by)

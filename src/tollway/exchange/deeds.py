"""What budgets do to a request once a part of their limit is spent: warn, slow down, downgrade.

`block` below the limit is no deed of ours: it is a part of the hold (`Hold.share`), so that the store's own step refuses.
"""

from collections.abc import Iterator

import msgspec

from tollway.budgets.budget import Action
from tollway.exchange.holding import Granted
from tollway.exchange.refusal import Refusal
from tollway.exchange.selection import Selection, select
from tollway.exchange.target import Target
from tollway.identity.attributes import MetadataInvalid
from tollway.identity.identity import Identity
from tollway.money import compared
from tollway.request import InferenceRequest
from tollway.snapshot import Snapshot


class Swap(msgspec.Struct, frozen=True):
    """A model that is to serve instead."""

    budget: str
    """The name of the budget that wants it."""
    to: str
    """`provider/model`."""


def downgrade(selection: Selection, granted: Granted | Refusal) -> Swap | None:
    """The model that a budget wants instead, where so much of it is spent, or where it refuses the request."""
    if isinstance(granted, Refusal):
        if granted.code != "budget_exceeded":
            return None
        for claim, actions in zip(selection.claims, selection.acts, strict=True):
            for action in actions:
                if action.do == "downgrade" and action.to is not None and claim.budget.name == granted.rule:
                    return Swap(claim.budget.name, action.to)
        return None
    for name, action, _ in _due(selection, granted):
        if action.do == "downgrade" and action.to is not None:
            return Swap(name, action.to)
    return None


def not_for_caller(request: InferenceRequest, identity: Identity, target: Target, snapshot: Snapshot) -> str | None:
    """Why the caller may not use a model that a budget wants instead; `None` where it may."""
    selection = select(request, identity, target, snapshot)
    if isinstance(selection, MetadataInvalid):
        return selection.message
    return selection.denied.message if selection.denied is not None else None


def delay_ms(selection: Selection, granted: Granted) -> int:
    """Milliseconds that the request has to wait before it is sent: the longest that a budget wants."""
    if not selection.acts:
        return 0
    return max((action.delay_ms for _, action, _ in _due(selection, granted) if action.do == "slow"), default=0)


def warnings(selection: Selection, granted: Granted) -> tuple[str, ...]:
    """A sentence for each budget that wants the caller to know how much of it is spent."""
    found = {name: said for name, action, said in _due(selection, granted) if action.do == "warn"}
    return tuple(f"{name}: {said}" for name, said in found.items())


def _due(selection: Selection, granted: Granted) -> Iterator[tuple[str, Action, str]]:
    """Every action of an account of which at least its part was spent before this request, and what is spent."""
    number = 0
    for claim, actions in zip(selection.claims, selection.acts, strict=True):
        for _ in claim.accounts:
            balance, hold = granted.held.balances[number], granted.reservation.holds[number]
            number += 1
            for action in actions:
                # The limit of the balance is this request's share of the whole.
                if balance.spent * hold.share >= action.at * balance.limit:
                    limit, spent = compared(balance.limit, balance.spent)
                    said = f"{spent} of {limit} spent"
                    yield claim.budget.name, action, said

"""What a freeze or an increase is about: a budget, or one account by the very name that the ledger has for it."""

from collections.abc import Sequence

from tollway.admin.problem import Problem
from tollway.budgets.accounts import UNLIMITED, account, limit_of, values_of
from tollway.budgets.budget import Budget
from tollway.ledger.control import Control, budget_of
from tollway.match import METADATA
from tollway.money import LARGEST, dollars
from tollway.storage.protocol import Ledger

_SHOWN = 512
"""Characters of an account's name that are said back."""


def target_of(ledger: Ledger, budget: Budget, given: str | None) -> str:
    """The target of a control. An account need not have spent yet, but must be one that the budget can have.

    Accounts are found by their names alone, so a control of any other spelling would hold for nobody: it is refused, and
    told the right one. Raises Problem.
    """
    if given is None or given == budget.id or given in ledger.accounts(budget.id):
        return given or budget.id
    values = values_of(budget, given)
    if values is None:
        form = (
            f"{budget.id}[{','.join(f'{name}=...' for name in budget.split_by)}]"
            if budget.split_by
            else f"{budget.id} alone: it is not split"
        )
        raise _unknown(budget, given, f"its accounts are {form}")
    for name, value in values.items():
        if value is not None and not value.isprintable():
            raise _unknown(budget, given, f"the value of {name} has characters that cannot be shown; leave them out")
    canonical = account(budget.id, [(name, _as_kept(name, value)) for name, value in values.items()])
    if given != canonical:
        raise _unknown(budget, given, f'write it as "{canonical[:_SHOWN]}"')
    return given


def unseen(ledger: Ledger, target: str) -> list[str]:
    """A warning about an account that the ledger has never met."""
    budget_id = budget_of(target)
    if target == budget_id or target in ledger.accounts(budget_id):
        return []
    return [f'Account "{target[:_SHOWN]}" has never held or spent anything; look whether its name is right.']


def check_fits(budget: Budget, target: str, amount: int, controls: Sequence[Control]) -> None:
    """Refuses an increase by `amount` nanodollars that would take a limit, with all that is added to it, beyond 64 bits.
    Raises Problem."""
    if target == budget.id:
        limit = max([budget.limit, *(each.limit for each in budget.overrides if each.limit is not None)])
    else:
        limit = limit_of(budget, target)
        if limit >= UNLIMITED:
            raise Problem(400, "body_invalid", f'Account "{target[:_SHOWN]}" has no limit that could be increased.')
    raised: dict[str, int] = {}
    for control in controls:
        if control.kind == "increase" and control.ended_at is None and budget_of(control.target) == budget.id:
            raised[control.target] = raised.get(control.target, 0) + control.amount
    of_all = raised.pop(budget.id, 0)
    # What is added for all is added to the account that was raised most, too.
    of_one = max(raised.values(), default=0) if target == budget.id else raised.get(target, 0)
    room = max(0, LARGEST - limit - budget.carry_over - of_all - of_one)
    if amount > room:
        raise Problem(
            400,
            "body_invalid",
            f"amount_usd: {dollars(amount)} is too much: with its limit and increases, at most {dollars(room)} can be added "
            f'to "{target[:_SHOWN]}".',
        )


def _as_kept(name: str, value: str | None) -> str | None:
    if value is not None and name == "model":
        return value.lower()
    # Only metadata may be there and say nothing; whoever has no user is in the account of those without one.
    return value or None if not name.startswith(METADATA) else value


def _unknown(budget: Budget, given: str, why: str) -> Problem:
    return Problem(404, "account_unknown", f'"{given[:128]}" is no account of budget "{budget.id}"; {why}.')

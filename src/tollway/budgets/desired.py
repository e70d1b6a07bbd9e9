"""What a budget would have counted: the accounts of an entry by the budget's definition as it is now.

A new or changed budget takes over what entries before it amount to. `fingerprint` tells that one has changed in what it
counts, `legs_of` where each entry belongs.
"""

import hashlib

import msgspec

from tollway.budgets.budget import Budget
from tollway.budgets.holds import claims
from tollway.budgets.window import Calendar, window_to_settings
from tollway.match import Facts

_VERSION = 1
"""Counted up when the same settings begin to mean other accounts."""


def fingerprint(budget: Budget) -> str:
    """A hash of all that decides what the budget counts, on which accounts, and in which windows.

    The same in every process. Its name, limits and actions are not in it, and neither is its id. A budget that is
    switched off counts nothing, so switching it on again changes the fingerprint too.
    """
    said = (
        _VERSION,
        budget.enabled,
        budget.gateway,
        [(match.attribute, match.patterns, match.negated) for match in budget.where],
        budget.split_by,
        budget.untagged,
        budget.attributes,
        sorted(window_to_settings(budget.window).items()),
    )
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:32]


def legs_of(budget: Budget, facts: Facts, occurred_at: int, calendar: Calendar) -> tuple[tuple[str, int], ...]:
    """(account, bucket) of everything in `budget` that counts a request of these facts admitted at `occurred_at`.

    The legs its reservation would have had there (Unix milliseconds); none where the budget does not count it.
    """
    at = facts.get("gateway")
    if budget.gateway is not None and (at is None or budget.gateway not in at.values):
        return ()
    bucket = calendar.span(budget.window, occurred_at).bucket
    return tuple((account, bucket) for claim in claims((budget,), facts) for account in claim.accounts)

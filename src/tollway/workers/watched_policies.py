"""The limits of accounts that policies count on, as alerts need them: what requests of the account are held to.

Which of several limits holds is for the conditions of policies to say, who see requests and no accounts. So it is told by the
requests that were judged since these settings are in force, and nothing is guessed before the first.
"""

from collections.abc import Mapping, Sequence

from tollway.budgets.accounts import values_of
from tollway.budgets.budget import Budget
from tollway.exchange.selection import Selection
from tollway.policies.buckets import ACTOR, PREFIX
from tollway.policies.policy import Policy
from tollway.policies.present import limits_among, of_bucket
from tollway.snapshot import Snapshot


class BucketLimits:
    """Of one snapshot. `begin` a look at accounts, then ask `of` each."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._speaking: dict[str, Sequence[Policy]] = {}
        """By budget: the policies whose limits its accounts may have."""
        self._possible: dict[str, frozenset[int]] = {}
        """By account, once asked for."""
        # Thousands of accounts have the same few limits.
        self._alike: dict[frozenset[int], frozenset[int]] = {}
        self._had: Mapping[str, set[int]] | None = None

    def begin(self) -> None:
        """Has a look at the requests that were judged by now."""
        self._had = None

    def of(self, budget: Budget, account: str) -> int | None:
        """The limit of an account, in nanodollars; of several that its requests were held to, the lowest: there they are refused
        first. `None` where nobody can tell."""
        possible = self._possible.get(account)
        if possible is None:
            possible = self._possible[account] = self._those_of(budget, account)
        if len(possible) == 1:
            return next(iter(possible))
        if self._had is None:
            self._had = limits_had(self._snapshot)
        return min(self._had.get(account, ()), default=None)

    def _those_of(self, budget: Budget, account: str) -> frozenset[int]:
        actor = (values_of(budget, account) or {}).get(ACTOR)
        if actor is None:
            return frozenset((budget.limit,))
        speaking = self._speaking.get(budget.id)
        if speaking is None:
            # One for each limit and each pattern of actors: thousands of accounts are compared with them.
            about = of_bucket(self._snapshot.policies, budget)
            speaking = list({(policy.actor.pattern, policy.action): policy for policy in about}.values())
            self._speaking[budget.id] = speaking
        found = frozenset(limits_among(speaking, actor))
        return self._alike.setdefault(found, found)


def limits_had(snapshot: Snapshot) -> dict[str, set[int]]:
    """The limits that requests were held to on the accounts of policies, as far as that is remembered."""
    found: dict[str, set[int]] = {}
    for known in tuple(snapshot.worked_out.values()):
        for claim in known.claims if isinstance(known, Selection) else ():
            if claim.budget.id.startswith(PREFIX):
                for account in claim.accounts:
                    found.setdefault(account, set()).add(claim.budget.limit)
    return found


def called(budget: Budget, account: str) -> str:
    """An account in words: `frontier models [alice@example.com]`; of other budgets its own name, which says as much."""
    if not budget.id.startswith(PREFIX):
        return account
    actor = (values_of(budget, account) or {}).get(ACTOR)
    return budget.name if actor is None else f"{budget.name} [{actor}]"

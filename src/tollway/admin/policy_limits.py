"""The limits of the accounts that policies count on, as they are shown: what refuses, and nothing where that is not known."""

from tollway.budgets.accounts import UNLIMITED, values_of
from tollway.budgets.budget import Budget
from tollway.money import display
from tollway.policies.buckets import ACTOR
from tollway.policies.present import limits_of_account
from tollway.snapshot import Snapshot
from tollway.workers.watched_policies import limits_had


class PolicyLimits:
    """Of one snapshot, at one moment."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._applied: dict[str, set[int]] | None = None

    def of(self, budget: Budget, account: str) -> tuple[int | None, str]:
        """The limit of an account of a bucket, in nanodollars, and what is said of it.

        `None` where policies give it several, and requests had none of them yet under these settings, or more than one.
        """
        actor = (values_of(budget, account) or {}).get(ACTOR)
        if actor is None:
            return budget.limit, ""
        possible = limits_of_account(self._snapshot.policies, budget, actor)
        if len(possible) == 1:
            return next(iter(possible)), ""
        had = self._had().get(account, set())
        if len(had) == 1:
            return next(iter(had)), ""
        named = [
            f"{'no limit' if limit >= UNLIMITED else display(limit)} by {_policies(names)}"
            for limit, names in sorted(possible.items())
        ]
        return None, f"{', or '.join(named)}: their conditions say which holds for a request."

    def _had(self) -> dict[str, set[int]]:
        if self._applied is None:
            self._applied = limits_had(self._snapshot)
        return self._applied


def _policies(names: tuple[str, ...]) -> str:
    return ("policy " if len(names) == 1 else "policies ") + ", ".join(f'"{name}"' for name in names)

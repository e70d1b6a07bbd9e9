"""Freezes and increases: which are known, and which are in force now.

Now is the latest instant that anybody told: a clock that is set back neither ends a freeze nor begins an increase again.
"""

from collections.abc import Sequence

from tollway.ledger.control import Control, budget_of


class Limits:
    """What was done to accounts by hand, looked up by account."""

    __slots__ = ("_controls", "_frozen", "_increases", "_turn", "in_force", "now")

    def __init__(self) -> None:
        self._controls: dict[str, Control] = {}
        self._frozen: dict[str, Control] = {}
        self._increases: dict[str, int] = {}
        self._turn: int | None = None
        """The instant at which the next one begins or is over by itself."""
        self.in_force = False
        """Whether any is in force: while none is, nothing needs to be looked up."""
        self.now = 0
        """Unix milliseconds."""

    def put(self, control: Control) -> None:
        """Takes a control in the place of one of the same id; one that has ended is dropped."""
        self._controls[control.id] = control
        self._renew()

    def tell(self, now: int) -> bool:
        """Moves the clock forward, never back. Whether that put a control in force, or out of it."""
        if now <= self.now:
            return False
        self.now = now
        if self._turn is None or now < self._turn:
            return False
        self._renew()
        return True

    def standing(self) -> Sequence[Control]:
        """Those that have not been ended and are not over, oldest first."""
        return sorted(self._controls.values(), key=lambda control: (control.since, control.id))

    def frozen(self, account: str) -> bool:
        """Whether the account, or all of its budget, is frozen."""
        return account in self._frozen or budget_of(account) in self._frozen

    def freeze(self, account: str) -> Control | None:
        """The freeze of the account, or of all of its budget, that is in force."""
        return self._frozen.get(account) or self._frozen.get(budget_of(account))

    def increase(self, account: str) -> int:
        """Nanodollars by which the limit of the account is raised, its budget's increases included."""
        budget = budget_of(account)
        raised = self._increases.get(budget, 0)
        return raised if budget == account else raised + self._increases.get(account, 0)

    def _renew(self) -> None:
        now = self.now
        self._frozen.clear()
        self._increases.clear()
        turns: list[int] = []
        for control in tuple(self._controls.values()):
            if control.ended_at is not None or (control.until is not None and control.until <= now):
                del self._controls[control.id]
                continue
            if control.until is not None:
                turns.append(control.until)
            if not control.holds(now):
                turns.append(control.since)
            elif control.kind == "freeze":
                # Of several the one that was told first names the reason.
                self._frozen.setdefault(control.target, control)
            else:
                self._increases[control.target] = self._increases.get(control.target, 0) + control.amount
        self._turn = min(turns, default=None)
        self.in_force = bool(self._frozen or self._increases)

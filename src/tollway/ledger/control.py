"""What an administrator does to accounts by hand, at once: freeze them, or raise their limit for a time.

Controls are events: one is added, and later ended; none is changed. The store applies them inside its own atomic step,
so the number that refuses is the number that is shown.
"""

from typing import Literal

import msgspec

ControlKind = Literal["freeze", "increase"]
"""freeze: nothing that costs money is admitted, and metered streams are cut. increase: the limit is higher for a time."""


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """One freeze or one increase."""

    id: str
    kind: ControlKind
    target: str
    """An account, or the id of a budget for every account of it."""
    amount: int = 0
    """increase: nanodollars that are added to the limit."""
    since: int
    """Unix milliseconds from which on it holds."""
    until: int | None = None
    """Unix milliseconds at which it is over; `None` until it is ended."""
    reason: str = ""
    by: str
    """Who did it."""
    ended_at: int | None = None
    ended_by: str | None = None

    def holds(self, now: int) -> bool:
        """Whether it is in force at `now` (Unix milliseconds).

        A freeze is as soon as it is there: a machine's clock that is set back lifts none.
        """
        begun = self.since <= now or self.kind == "freeze"
        return begun and self.ended_at is None and (self.until is None or now < self.until)


def budget_of(account: str) -> str:
    """The id of the budget an account belongs to: `each-user[user=alice]` is one of `each-user`."""
    return account.partition("[")[0]

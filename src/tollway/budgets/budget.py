"""A budget: whose requests it counts, in which window, up to how much, and what it does then.

A budget never contains what was spent; that is computed from the ledger (see `tollway.ledger`).
"""

from typing import Literal

import msgspec

from tollway.budgets.window import Window
from tollway.identity.keys import PRIORITIES, Priority
from tollway.match import Facts, Match, all_hold

Mode = Literal["enforce", "monitor"]
Guarantee = Literal["hard", "expected", "settled"]
"""hard: the bound of the cost is held before the call, so spend never passes the limit where the bound is true.
expected: what the request is likely to cost is held; requests under way may pass the limit by what they cost beyond that.
settled: only recorded spend is checked; requests under way may pass the limit by what they cost."""
OnUnpriced = Literal["block", "ceiling", "count"]
"""block: a model without a price is refused. ceiling: it passes, held and billed at the dearest text price of its provider.
count: it passes, and is counted apart, never as $0 in a total."""

OnStoreFailure = Literal["block", "allow"]
"""What becomes of requests while the store cannot be written. block: they are refused. allow: those that only such budgets
count go on; they are held and counted in memory, and written down as soon as that works again."""


Deed = Literal["warn", "slow", "downgrade", "block"]
"""warn: a header says so. slow: the request waits. downgrade: a cheaper model serves. block: it is refused."""


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """What a budget does to a request once a part of the limit is spent."""

    at: int
    """Percent of the limit in force, spent, from which on it is done: 1 to 100."""
    do: Deed
    where: tuple[Match, ...] = ()
    """Only to requests of which every one holds, besides the budget's own."""
    priority: Priority | None = None
    """Only to requests of this class and those below it."""
    delay_ms: int = 0
    """slow: how long the request waits before it is sent."""
    to: str | None = None
    """downgrade: the model that serves instead, as `provider/model`."""


class Override(msgspec.Struct, frozen=True):
    """Another limit for some accounts of a split budget."""

    values: tuple[tuple[str, str], ...]
    """(split attribute, pattern): every one must match the account."""
    limit: int | None
    """Nanodollars; `None` for accounts without a limit."""


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """One rule about money."""

    id: str
    """Names its accounts in the ledger; stays when `name` changes."""
    name: str
    limit: int
    """Nanodollars per window and account."""
    window: Window
    gateway: str | None = None
    """Slug of the gateway it belongs to; `None` for the whole account."""
    parent: str | None = None
    """Id of a budget whose selection this one narrows: what the child spends, its ancestors have spent."""
    where: tuple[Match, ...] = ()
    """Every one must hold, those of all ancestors included."""
    split_by: tuple[str, ...] = ()
    """Attributes of which each value has an account of its own. A request that lacks one is not counted, unless
    `untagged` says otherwise."""
    untagged: Literal["skip", "bucket"] = "skip"
    """bucket: requests that lack a split attribute share the account "(none)"."""
    mode: Mode = "enforce"
    guarantee: Guarantee = "hard"
    on_unpriced: OnUnpriced = "block"
    on_store_failure: OnStoreFailure = "block"
    attributes: Literal["any", "verified"] = "any"
    """verified: attributes that a caller only declares do not count."""
    alerts: tuple[int, ...] = ()
    """Percentages of the limit, ascending, at which somebody wants to know."""
    overrides: tuple[Override, ...] = ()
    """The first that matches an account gives its limit."""
    actions: tuple[Action, ...] = ()
    """By `at`, ascending."""
    carry_over: int = 0
    """Nanodollars that may be added to a window's limit at most, of what the window before left of its own."""
    enabled: bool = True
    contention_wait_ms: int = 5_000
    """How long a request may wait for money that others hold."""
    note: str = ""
    """What people should know of it; shown, never read."""
    bucket: str | None = None
    """Of a policy, as it counts one request: the actor whose account it is. `name` is then the policy's."""

    @property
    def title(self) -> str:
        """What messages call it: `budget "ml"`, or `policy "seniors" (bucket "user:alice")`."""
        return f'budget "{self.name}"' if self.bucket is None else f'policy "{self.name}" (bucket "{self.bucket}")'


def means(action: Action, facts: Facts, priority: Priority, *, proven: bool = False) -> bool:
    """Whether an action is about a request of these facts and this class. `proven`: what a caller declares does not count."""
    classed = action.priority is None or PRIORITIES[priority] <= PRIORITIES[action.priority]
    return classed and all_hold(action.where, facts, proven=proven)

"""A budget: whose requests it counts, in which window, up to how much, and what it does then.

A budget never contains what was spent; that is computed from the ledger (see `tollway.ledger`).
"""

from typing import Literal

import msgspec

from tollway.budgets.window import Window
from tollway.match import Match

Mode = Literal["enforce", "monitor"]
Guarantee = Literal["hard", "expected", "settled"]
"""hard: the bound of the cost is held before the call, so spend never passes the limit where the bound is true.
expected: what the request is likely to cost is held; requests under way may pass the limit by what they cost beyond that.
settled: only recorded spend is checked; requests under way may pass the limit by what they cost."""
OnUnpriced = Literal["block", "ceiling", "count"]
"""block: a model without a price is refused. ceiling: it passes, held and billed at the dearest text price of its provider.
count: it passes, and is counted apart, never as $0 in a total."""


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
    attributes: Literal["any", "verified"] = "any"
    """verified: attributes that a caller only declares do not count."""
    alerts: tuple[int, ...] = ()
    """Percentages of the limit, ascending, at which somebody wants to know."""
    enabled: bool = True
    contention_wait_ms: int = 2_000
    """How long a request may wait for money that others hold."""

"""When what an account has spent falls, as far as the ledger can tell: the instants that a refusal waits for.

A fixed window starts anew at its end. A rolling one loses its oldest bucket that holds money, and then the next; the
ledger is asked for windows that begin later, until enough has fallen out of them. No more than nine questions.
"""

import msgspec

from tollway.budgets.budget import Budget
from tollway.budgets.window import Calendar
from tollway.ledger.reservation import Balance, Hold
from tollway.storage.protocol import Ledger


def falls_at(budget: Budget, hold: Hold, ledger: Ledger, calendar: Calendar, now: int) -> int | None:
    """When what the account has spent next falls; `None` if it does not."""
    (balance,) = ledger.balances((hold,))
    return _below(budget, hold, balance.spent - 1, ledger, calendar, now) if balance.spent > 0 else hold.until


def fits_at(budget: Budget, hold: Hold, balance: Balance, ledger: Ledger, calendar: Calendar, now: int) -> int | None:
    """When the hold would fit if nothing else were spent; `None` if time does not help."""
    room = balance.limit - 1 if hold.spent_only else balance.limit - balance.held - hold.amount
    # What never fits as it is may fit with fewer tokens of output, once all is given back.
    return _below(budget, hold, max(0, room), ledger, calendar, now)


def _below(budget: Budget, hold: Hold, most: int, ledger: Ledger, calendar: Calendar, now: int) -> int | None:
    """When at most `most` nanodollars of what is spent now still count."""
    bucket_ms = calendar.span(budget.window, now).bucket_ms
    if bucket_ms == 0:
        return hold.until

    def left(buckets: int) -> int:
        later = msgspec.structs.replace(hold, since=hold.since + buckets * bucket_ms)
        return ledger.balances((later,))[0].spent

    # The smallest number of oldest buckets without which it is so; what corrections take back lies where they belong.
    fewest, enough = 0, (hold.bucket - hold.since) // bucket_ms + 1
    while enough - fewest > 1:
        middle = (fewest + enough) // 2
        fewest, enough = (fewest, middle) if left(middle) <= most else (middle, enough)
    # The ledger is left looking at the window of now.
    ledger.balances((hold,))
    return calendar.drops_at(budget.window, hold.since + (enough - 1) * bucket_ms)

"""What budgets would have said to requests of the past: their own rules, on accounts of their own, in memory.

Requests are told in the order in which they were admitted, each with what it cost in the end. One that an enforced budget
would have refused does not count as spent; all else does. Judged is what a request cost: what it would have held before
the call, and whether a smaller answer would have fitted, the ledger does not say.
"""

from collections import deque
from collections.abc import Sequence

import msgspec

from tollway.budgets.budget import Budget
from tollway.budgets.holds import UNLIMITED, Claim, holds
from tollway.budgets.window import Calendar
from tollway.ledger.reservation import Hold, fits


class Past(msgspec.Struct, frozen=True):
    """One attempt of the past, with all that was booked for it until now."""

    at: int
    """Unix milliseconds of its admission."""
    amount: int
    """Nanodollars, corrections included; 0 where no price is known."""
    who: str | None
    """The user or service."""
    model: str
    """`provider/model`."""
    priced: bool = True
    """`False`: nobody knows what it cost."""
    judged: bool = True
    """`False` for an amount that was booked by hand: it is not a request that could have been refused."""


class Blocked(msgspec.Struct):
    """Requests that would have been refused."""

    requests: int = 0
    amount: int = 0
    """Nanodollars that they cost."""
    unpriced: int = 0
    """Of them, those whose cost nobody knows: they are in `requests`, and have nothing in `amount`."""

    def add(self, past: Past) -> None:
        self.requests += 1
        self.amount += past.amount
        self.unpriced += not past.priced


class Peak(msgspec.Struct, frozen=True):
    """When the largest part of a limit was spent."""

    account: str
    spent: int
    limit: int
    """The one in force then, in nanodollars."""
    at: int

    def less_than(self, spent: int, limit: int) -> bool:
        """Whether `spent` is a larger part of `limit`."""
        return spent * self.limit > self.spent * limit or (self.limit == 0 and limit == 0 and spent > self.spent)


class Tally(msgspec.Struct):
    """What one budget would have said, and what it would have counted."""

    budget: Budget
    counted: int = 0
    """Requests that would have been admitted, by every budget, and that this one counts."""
    spent: int = 0
    """Nanodollars of them, on this budget's accounts: one that two of them count is in it twice."""
    unpriced: int = 0
    """Of `counted`, those whose cost nobody knows."""
    blocked: Blocked = msgspec.field(default_factory=Blocked)
    """Requests that it would have refused; that a monitored one would have refused, were it enforced."""
    first_blocked_at: int | None = None
    by_user: dict[str | None, Blocked] = {}
    by_model: dict[str | None, Blocked] = {}
    by_account: dict[str | None, Blocked] = {}
    peak: Peak | None = None
    warned: int = 0
    slowed: int = 0
    downgraded: int = 0
    """Requests at which so much was spent that an action of the budget was due; they are told at what they cost."""


class Total(msgspec.Struct):
    """All requests together, each once."""

    requests: int = 0
    amount: int = 0
    """Nanodollars that they cost."""
    unpriced: int = 0
    blocked: Blocked = msgspec.field(default_factory=Blocked)


class Replay:
    """Budgets, with what is spent on their accounts so far."""

    __slots__ = ("_accounts", "_calendar", "_since", "_tallies", "total")

    def __init__(self, budgets: Sequence[Budget], calendar: Calendar, since: int) -> None:
        """`since`: Unix milliseconds from which on requests are judged; those before it only fill the accounts."""
        self._calendar = calendar
        self._since = since
        self._accounts: dict[str, _Account] = {}
        self._tallies = {budget.id: Tally(budget) for budget in budgets}
        self.total = Total()

    @property
    def tallies(self) -> Sequence[Tally]:
        """In the order of the budgets."""
        return tuple(self._tallies.values())

    @property
    def accounts(self) -> int:
        """How many there are."""
        return len(self._accounts)

    def spent(self, account: str) -> int:
        """Nanodollars in the window of the last request that the account counted."""
        found = self._accounts.get(account)
        return found.spent if found is not None else 0

    def tell(self, past: Past, claimed: Sequence[Claim]) -> bool:
        """Judges a request, and books it unless it would have been refused; whether it would have been admitted.

        `claimed`: what counts it. Never earlier than the request before it.
        """
        placed = holds(claimed, max(0, past.amount), past.at, self._calendar)
        owners = [claim for claim in claimed for _ in claim.accounts]
        accounts = [self._account(hold) for hold in placed]
        limits = [_limit(hold, account) for hold, account in zip(placed, accounts, strict=True)]
        within = past.at >= self._since
        admitted = True
        if within:
            self.total.amount += past.amount
            if past.judged:
                self.total.requests += 1
                self.total.unpriced += not past.priced
                admitted = self._judge(past, owners, placed, accounts, limits)
        if admitted:
            for claim, hold, account, limit in zip(owners, placed, accounts, limits, strict=True):
                account.book(hold.bucket, past.amount)
                if within:
                    self._count(past, claim, hold, account, limit)
        if within and past.judged and admitted:
            for claim in claimed:
                tally = self._tallies[claim.budget.id]
                tally.counted += 1
                tally.unpriced += not past.priced
        return admitted

    def _judge(
        self,
        past: Past,
        owners: Sequence[Claim],
        placed: Sequence[Hold],
        accounts: Sequence["_Account"],
        limits: Sequence[int],
    ) -> bool:
        admitted = True
        refusing: set[str] = set()
        for claim, hold, account, limit in zip(owners, placed, accounts, limits, strict=True):
            budget = claim.budget
            no_price = not past.priced and budget.mode == "enforce" and budget.on_unpriced == "block"
            if not no_price and (limit >= UNLIMITED or fits(hold, account.spent, 0, limit)):
                continue
            admitted = admitted and budget.mode == "monitor"
            tally = self._tallies[budget.id]
            _at(tally.by_account, hold.account).add(past)
            if budget.id in refusing:
                continue
            # A budget that has two accounts for a request refuses it once.
            refusing.add(budget.id)
            tally.blocked.add(past)
            _at(tally.by_user, past.who).add(past)
            _at(tally.by_model, past.model).add(past)
            if tally.first_blocked_at is None:
                tally.first_blocked_at = past.at
        if not admitted:
            self.total.blocked.add(past)
        return admitted

    def _count(self, past: Past, claim: Claim, hold: Hold, account: "_Account", limit: int) -> None:
        tally = self._tallies[claim.budget.id]
        tally.spent += past.amount
        if past.judged and claim.actions:
            before = account.spent - past.amount
            due = {action.do for action in claim.actions if before * 100 >= action.at * limit}
            tally.warned += "warn" in due
            tally.slowed += "slow" in due
            tally.downgraded += "downgrade" in due
        if limit < UNLIMITED and (tally.peak is None or tally.peak.less_than(account.spent, limit)):
            tally.peak = Peak(hold.account, account.spent, limit, past.at)

    def _account(self, hold: Hold) -> "_Account":
        account = self._accounts.get(hold.account)
        if account is None:
            account = self._accounts[hold.account] = _Account(hold.since)
        elif account.since != hold.since:
            account.look(hold.since)
        return account


class _Account:
    """What is spent in the window of now, in its buckets, and in the window before."""

    __slots__ = ("_before", "_before_since", "_buckets", "since", "spent")

    def __init__(self, since: int) -> None:
        self.since = since
        self.spent = 0
        self._buckets: deque[tuple[int, int]] = deque()
        self._before_since = since
        self._before = 0

    def look(self, since: int) -> None:
        """Moves on to the window that starts at `since`."""
        assert since > self.since, "requests of the past are told in the order of their admission"
        self._before_since, self._before = self.since, self.spent
        self.since = since
        while self._buckets and self._buckets[0][0] < since:
            self.spent -= self._buckets.popleft()[1]

    def book(self, bucket: int, amount: int) -> None:
        self.spent += amount
        if self._buckets and self._buckets[-1][0] == bucket:
            amount += self._buckets.pop()[1]
        self._buckets.append((bucket, amount))

    def before(self, since: int) -> int:
        """Nanodollars spent in the fixed window before this one, which starts at `since`."""
        return self._before if self._before_since == since else 0


def _limit(hold: Hold, account: _Account) -> int:
    """The limit in force, as the ledger computes it; freezes and increases of the past are not known here."""
    limit = hold.limit
    if hold.carry > 0 and hold.previous is not None:
        limit += min(hold.carry, max(0, hold.limit - account.before(hold.previous)))
    return limit if hold.share == 100 else limit * hold.share // 100


def _at(of: dict[str | None, Blocked], name: str | None) -> Blocked:
    found = of.get(name)
    if found is None:
        found = of[name] = Blocked()
    return found

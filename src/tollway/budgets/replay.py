"""What budgets would have said to requests of the past: their own rules, on accounts of their own, in memory.

Requests are told in the order in which they were admitted, each with what it cost in the end. One that an enforced budget
would have refused does not count as spent; all else does. One that a cheaper model would have served counts at that model's
price, and one whose answer would have been shortened at what was left. Judged is what a request cost: what it would have
held before the call, the ledger does not say.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec

from tollway.budgets.budget import Action, Budget
from tollway.budgets.holds import UNLIMITED, Claim, holds
from tollway.budgets.window import Calendar
from tollway.ledger.reservation import Hold, fits
from tollway.pricing.estimate import SMALLEST_CAP
from tollway.usage import Usage


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
    output_tokens: int = 0
    """Of its answer; 0 where that is not known."""
    output_amount: int = 0
    """Nanodollars of `amount` that they cost."""
    usage: Usage | None = None
    """What was used, where that is known."""


Instead = Callable[[str], tuple[Past, Sequence[Claim]] | None]
"""The same request as a model (`provider/model`) would have served it, and what counts it then; `None` where nobody knows
what that would have cost."""


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


class Changed(msgspec.Struct):
    """Requests that would have been answered otherwise."""

    requests: int = 0
    amount: int = 0
    """Nanodollars that they cost."""
    instead: int = 0
    """Nanodollars that they would have cost."""
    unpriced: int = 0
    """Of `requests`, those of which nobody knows either; they are in neither sum."""

    def add(self, past: Past, instead: Past | None) -> None:
        self.requests += 1
        if instead is None or not past.priced:
            self.unpriced += 1
        else:
            self.amount += past.amount
            self.instead += instead.amount


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
    """Requests at which so much was spent that such an action of the budget was due."""
    downgraded: Changed = msgspec.field(default_factory=Changed)
    """Requests that a cheaper model would have served, because this budget wants it. Those of unknown price count, and are
    told, as they were."""
    clamped: Changed = msgspec.field(default_factory=Changed)
    """Requests whose answer this budget would have shortened to what was left of it."""


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

    def tell(self, past: Past, claimed: Sequence[Claim], instead: Instead = lambda _: None) -> bool:
        """Judges a request, and books it unless it would have been refused; whether it would have been admitted.

        `claimed`: what counts it. `instead`: what another model would have made of it. Never earlier than the request
        before it.
        """
        within = past.at >= self._since
        legs = self._legs(past, claimed)
        served = past
        if within:
            self.total.amount += past.amount
            if past.judged:
                self.total.requests += 1
                self.total.unpriced += not past.priced
                served, claimed, legs, wanted = self._downgraded(past, claimed, legs, instead)
                refusing = _refusing(served, legs)
                shorter = _shortened(served, refusing) if refusing else None
                if shorter is not None:
                    for budget_id in dict.fromkeys(leg.claim.budget.id for leg in refusing if leg.enforced):
                        self._tallies[budget_id].clamped.add(served, shorter)
                    served = shorter
                self._refuse(past, _refusing(served, legs))
                if any(leg.enforced for leg in _refusing(served, legs)):
                    self.total.blocked.add(past)
                    return False
                for budget_id, known in wanted.items():
                    self._tallies[budget_id].downgraded.add(past, served if known else None)
        for leg in legs:
            leg.account.book(leg.hold.bucket, served.amount)
            if within:
                self._count(served, leg)
        if within and past.judged:
            for claim in claimed:
                tally = self._tallies[claim.budget.id]
                tally.counted += 1
                tally.unpriced += not served.priced
        return True

    def _legs(self, past: Past, claimed: Sequence[Claim]) -> list["_Leg"]:
        placed = holds(claimed, max(0, past.amount), past.at, self._calendar)
        owners = [claim for claim in claimed for _ in claim.accounts]
        found: list[_Leg] = []
        for claim, hold in zip(owners, placed, strict=True):
            account = self._account(hold)
            found.append(_Leg(claim, hold, account, _limit(hold, account)))
        return found

    def _downgraded(
        self, past: Past, claimed: Sequence[Claim], legs: list["_Leg"], instead: Instead
    ) -> tuple[Past, Sequence[Claim], list["_Leg"], dict[str, bool]]:
        """What would have served it, what counts that, and the budgets that wanted it: `False` where nobody knows its price."""
        tried: set[str] = set()
        wanted: dict[str, bool] = {}
        served = past
        while (swap := _swap(served, legs)) is not None:
            budget_id, to = swap
            if served.model in tried or to == served.model:
                break
            tried.add(served.model)
            found = instead(to) if served.priced else None
            if found is None:
                wanted.setdefault(budget_id, False)
                break
            wanted[budget_id] = True
            served, claimed = found
            legs = self._legs(served, claimed)
        return served, claimed, legs, wanted

    def _refuse(self, past: Past, refusing: Iterable["_Leg"]) -> None:
        told: set[str] = set()
        for leg in refusing:
            budget_id = leg.claim.budget.id
            tally = self._tallies[budget_id]
            _at(tally.by_account, leg.hold.account).add(past)
            if budget_id in told:
                continue
            # A budget that has two accounts for a request refuses it once.
            told.add(budget_id)
            tally.blocked.add(past)
            _at(tally.by_user, past.who).add(past)
            _at(tally.by_model, past.model).add(past)
            if tally.first_blocked_at is None:
                tally.first_blocked_at = past.at

    def _count(self, past: Past, leg: "_Leg") -> None:
        tally, account = self._tallies[leg.claim.budget.id], leg.account
        tally.spent += past.amount
        if past.judged and leg.claim.actions:
            due = list(_due(leg, account.spent - past.amount))
            tally.warned += any(action.do == "warn" for action in due)
            tally.slowed += any(action.do == "slow" for action in due)
        if leg.limit < UNLIMITED and (tally.peak is None or tally.peak.less_than(account.spent, leg.limit)):
            tally.peak = Peak(leg.hold.account, account.spent, leg.limit, past.at)

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


class _Leg(NamedTuple):
    """One account that counts a request."""

    claim: Claim
    hold: Hold
    account: _Account
    limit: int
    """Nanodollars, in force at that moment."""

    @property
    def enforced(self) -> bool:
        return self.claim.budget.mode == "enforce"


def _refusing(past: Past, legs: Sequence[_Leg]) -> list[_Leg]:
    """The accounts that refuse it; those of monitored budgets too, which only say so."""
    found: list[_Leg] = []
    for leg in legs:
        no_price = not past.priced and leg.enforced and leg.claim.budget.on_unpriced == "block"
        hold = leg.hold if leg.hold.spent_only else msgspec.structs.replace(leg.hold, amount=max(0, past.amount))
        if no_price or not (leg.limit >= UNLIMITED or fits(hold, leg.account.spent, 0, leg.limit)):
            found.append(leg)
    return found


def _shortened(past: Past, refusing: Sequence[_Leg]) -> Past | None:
    """The request with as long an answer as was left for; `None` where that helps nobody."""
    lefts = [leg.limit - leg.account.spent for leg in refusing if leg.enforced]
    if not (lefts and past.priced and past.output_amount) or any(
        leg.enforced and leg.hold.spent_only for leg in refusing
    ):
        return None
    base = past.amount - past.output_amount
    tokens = (min(lefts) - base) * past.output_tokens // past.output_amount
    if not SMALLEST_CAP <= tokens < past.output_tokens:
        return None
    cost = -(-past.output_amount * tokens // past.output_tokens)
    return msgspec.structs.replace(past, amount=base + cost, output_tokens=tokens, output_amount=cost)


def _swap(past: Past, legs: Sequence[_Leg]) -> tuple[str, str] | None:
    """The budget that wants another model, and which: as `exchange.deeds` has it."""
    refusing = [leg for leg in _refusing(past, legs) if leg.enforced]
    if refusing and _shortened(past, refusing) is None:
        first = refusing[0].claim
        found = (action.to for action in first.actions if action.do == "downgrade" and action.to is not None)
        to = next(found, None)
        return None if to is None else (first.budget.id, to)
    for leg in legs:
        for action in _due(leg, leg.account.spent):
            if action.do == "downgrade" and action.to is not None:
                return leg.claim.budget.id, action.to
    return None


def _due(leg: _Leg, spent: int) -> Iterable[Action]:
    # The limit is this request's share of the whole.
    return (action for action in leg.claim.actions if spent * leg.hold.share >= action.at * leg.limit)


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

"""The rules of money in the plainest words that run: what every store must answer, worked out anew from all that happened.

Nothing is counted as it goes: what is spent is the sum of what was booked, what is held the sum of what is open.
"""

from dataclasses import dataclass, field

import msgspec

from tollway.ledger.reservation import Hold, Reservation


@dataclass(frozen=True)
class Verdict:
    """`held`, `gone`, `exhausted`, `contended` or `frozen`; the last three name the hold that is refused."""

    kind: str
    index: int = -1


@dataclass
class Open:
    """A reservation that is held."""

    made: Reservation
    holds: tuple[Hold, ...]
    bound: int


@dataclass
class Oracle:
    open: dict[str, Open] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    booked: dict[str, tuple[tuple[Hold, ...], int]] = field(default_factory=dict)
    """Reservation → its legs and what it finally came to, which a correction replaces."""
    frozen: set[str] = field(default_factory=set)
    increases: dict[str, int] = field(default_factory=dict)
    edited: dict[str, int] = field(default_factory=dict)
    """Account → its limit by the settings in force, by which what is under way is judged."""

    # What is there.

    def spent(self, hold: Hold) -> int:
        return sum(amount for legs, amount in self.booked.values() for leg in legs if _within(leg, hold))

    def held(self, hold: Hold) -> int:
        return sum(leg.amount for leg in self._legs(hold))

    def wanted(self, hold: Hold) -> int:
        return sum(
            max(0, each.made.likely - leg.amount)
            for each in self.open.values()
            for leg in each.holds
            if leg.metered and _within(leg, hold)
        )

    def limit(self, hold: Hold) -> int:
        budget = hold.account.partition("[")[0]
        more = self.increases.get(budget, 0)
        if budget != hold.account:
            more += self.increases.get(hold.account, 0)
        return (hold.limit + more) * hold.share // 100

    def _legs(self, hold: Hold) -> list[Hold]:
        return [leg for each in self.open.values() for leg in each.holds if _within(leg, hold)]

    # What may happen.

    def reserve(self, made: Reservation) -> Verdict:
        if made.id in self.open:
            return Verdict("held")
        if made.id in self.ended:
            return Verdict("gone")
        for index, hold in enumerate(made.holds):
            if (hold.amount or hold.spent_only) and self._is_frozen(hold):
                return Verdict("frozen", index)
        contended: Verdict | None = None
        for index, hold in enumerate(made.holds):
            spent, limit = self.spent(hold), self.limit(hold)
            taken = spent + self.held(hold) + self.wanted(hold)
            fits = spent < limit if hold.spent_only else hold.amount == 0 or taken + hold.amount <= limit
            if fits or not hold.enforced:
                continue
            if hold.spent_only or spent + hold.amount > limit:
                return Verdict("exhausted", index)
            contended = contended or Verdict("contended", index)
        if contended is not None:
            return contended
        self.open[made.id] = Open(made, made.holds, made.bound)
        return Verdict("held")

    def extend(self, identity: str, amount: int) -> Verdict:
        each = self.open.get(identity)
        if each is None:
            return Verdict("gone")
        largest = max((hold.amount for hold in each.holds if hold.metered), default=None)
        raised = each.holds
        if largest is not None and amount > largest:
            raised = tuple(_at(hold, amount) if hold.metered else hold for hold in each.holds)
        contended: Verdict | None = None
        for index, (hold, larger) in enumerate(zip(each.holds, raised, strict=True)):
            if (larger.amount or larger.spent_only) and self._is_frozen(hold):
                return Verdict("frozen", index)
        for index, (hold, larger) in enumerate(zip(each.holds, raised, strict=True)):
            now = msgspec.structs.replace(hold, limit=self.edited.get(hold.account, hold.limit))
            more, spent, limit = larger.amount - hold.amount, self.spent(hold), self.limit(now)
            if more and hold.enforced and spent + self.held(hold) + more > limit:
                if spent + larger.amount > limit:
                    return Verdict("exhausted", index)
                contended = contended or Verdict("contended", index)
        if contended is not None:
            return contended
        if raised is not each.holds:
            each.holds, each.bound = raised, amount
        return Verdict("held")

    def shrink(self, identity: str, amount: int) -> bool:
        each = self.open.get(identity)
        if each is None:
            return False
        largest = max((hold.amount for hold in each.holds if hold.metered), default=None)
        if largest is not None and amount < largest:
            each.holds = tuple(_at(hold, min(hold.amount, amount)) if hold.metered else hold for hold in each.holds)
            each.bound = amount
        return True

    def settle(self, made: Reservation, amount: int) -> bool:
        if made.id not in self.open and self.ended.get(made.id) != "presumed":
            return False
        self._end(made, "settled", amount)
        return True

    def release(self, identity: str) -> bool:
        if identity in self.ended:
            return False
        self.open.pop(identity, None)
        self.ended[identity] = "released"
        return True

    def lapse(self, now: int) -> dict[str, int]:
        """What is presumed at `now`, by reservation."""
        return self._presume([each for each in self.open.values() if each.made.deadline <= now])

    def crash(self) -> dict[str, int]:
        return self._presume(list(self.open.values()))

    def _presume(self, lapsed: list[Open]) -> dict[str, int]:
        found: dict[str, int] = {}
        for each in lapsed:
            holds = [hold for hold in each.holds if hold.metered] or each.holds
            amount = max([each.bound, *(hold.amount for hold in holds)])
            self._end(each.made, "presumed", amount)
            found[each.made.id] = amount
        return found

    def _end(self, made: Reservation, state: str, amount: int) -> None:
        self.open.pop(made.id, None)
        self.ended[made.id] = state
        self.booked[made.id] = (made.holds, amount)

    def _is_frozen(self, hold: Hold) -> bool:
        return hold.account in self.frozen or hold.account.partition("[")[0] in self.frozen


def _within(leg: Hold, hold: Hold) -> bool:
    """Whether a leg lies in the window of a hold."""
    return leg.account == hold.account and hold.since <= leg.bucket and (hold.until is None or leg.bucket < hold.until)


def _at(hold: Hold, amount: int) -> Hold:
    fields = {name: getattr(hold, name) for name in hold.__struct_fields__}
    return Hold(**{**fields, "amount": amount})

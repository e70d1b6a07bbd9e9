"""Adding entries up to the statements of one month: each once, and every nanodollar of it on some line."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from tollway.ledger.entry import Kind
from tollway.statements.month import Month
from tollway.statements.statement import (
    PRESUMED,
    RERATED,
    UNITEMISED,
    Adjustment,
    Charged,
    Counted,
    Statement,
)

MOST_LINES = 500_000
"""Lines of all statements of a month together: about 200 MB."""

TAKEN_BACK = "charged_before"
"""The line of a re-rate that takes back what had been charged (`admin.rerating`); its other lines are not used again."""

_ANSWERS = frozenset({"charge", "presumed", "unpriced"})
"""Kinds of entries that stand for a call to a provider."""


class TooManyLines(Exception):
    """The dimension has too many values, or too many users, for statements to be made of."""


class Itemised(msgspec.Struct, frozen=True, gc=False):
    """The part of a charge's line that a statement tells."""

    meter: str
    quantity: int
    amount: int


class Booked(NamedTuple):
    """The part of an entry that a statement tells."""

    kind: Kind
    amount: int
    """Nanodollars."""
    value: str | None
    """Of the dimension."""
    user: str | None
    provider: str
    model: str
    lines: tuple[Itemised, ...]
    priced: bool = False
    """A correction that gives an entry of unknown cost its price."""
    entry: str = ""
    """A credit's id, and why and by whom it was booked."""
    word: str = ""
    by: str = ""


class Parts(NamedTuple):
    """What an entry adds to the statement of its own month. Parts of many entries are their sums."""

    attempts: int
    unpriced: int
    presumed: int
    meters: Sequence[tuple[str, int, int]]
    """Meter, quantity and amount; a meter may be there more than once."""


def parts_of(booked: Booked) -> Parts:
    """Every nanodollar of an entry that is no credit, on some meter."""
    kind, rest = booked.kind, booked.amount
    presumed = int(kind == "presumed")
    # What is rated again would tell meters twice that were told with the first charge.
    rerated = kind == "correction" and not booked.priced and any(line.meter == TAKEN_BACK for line in booked.lines)
    meters: list[tuple[str, int, int]] = []
    for line in booked.lines if not rerated else ():
        meter, quantity, amount = line.meter, line.quantity, line.amount
        if meter == TAKEN_BACK:
            continue  # Of an answer that had no price: nothing was taken back.
        if meter == PRESUMED:
            presumed -= kind == "correction"
            quantity = 0
        meters.append((meter, quantity, amount))
        rest -= amount
    if rest:
        meters.append((RERATED if rerated else UNITEMISED, 0, rest))
    return Parts(int(kind in _ANSWERS), int(kind == "unpriced") - booked.priced, presumed, meters)


_Amended = tuple[Month, Kind, str | None, str, str, str, str, str]


class _Sums:
    """What one statement adds up to so far."""

    __slots__ = ("adjustments", "charges", "counts")

    def __init__(self) -> None:
        self.charges: dict[tuple[str | None, str, str], dict[str, list[int]]] = {}
        self.adjustments: dict[_Amended, list[int]] = {}
        self.counts: dict[str | None, list[int]] = {}


class Tally:
    """The statements of a month, while entries are added."""

    def __init__(self, month: Month) -> None:
        self._month = month
        self._values: dict[str | None, _Sums] = {}
        self._lines = 0

    def add(self, booked: Booked, own: Month) -> None:
        """An entry that is charged in this month, and whose request was admitted in `own`. Raises TooManyLines."""
        if own != self._month or booked.kind == "credit":
            self._adjust(booked, own)
            return
        self.put(booked.value, booked.user, booked.provider, booked.model, parts_of(booked))

    def put(self, value: str | None, user: str | None, provider: str, model: str, parts: Parts) -> None:
        """What entries of the month itself come to, one or many of them. Raises TooManyLines."""
        sums = self._values.setdefault(value, _Sums())
        counts = sums.counts.get(user)
        if counts is None:
            counts = sums.counts[user] = [0, 0, 0]
            self._grow()
        counts[0] += parts.attempts
        counts[1] += parts.unpriced
        counts[2] += parts.presumed
        who = (user, provider, model)
        meters = sums.charges.get(who)
        if meters is None:
            meters = sums.charges[who] = {}
        for meter, quantity, amount in parts.meters:
            known = meters.get(meter)
            if known is None:
                self._grow()
                meters[meter] = [quantity, amount]
            else:
                known[0] += quantity
                known[1] += amount

    def statements(self, timezone: str, span: tuple[int, int], by: str, through: int) -> list[Statement]:
        """All of them as they are now, by value; what has no value comes first."""
        return [
            Statement(
                month=str(self._month),
                timezone=timezone,
                since=span[0],
                until=span[1],
                by=by,
                value=value,
                through=through,
                charges=tuple(_charges(sums)),
                adjustments=tuple(_adjustments(sums)),
                counts=tuple(_counts(sums)),
            )
            for value, sums in sorted(self._values.items(), key=lambda item: (item[0] is not None, item[0] or ""))
        ]

    def _adjust(self, booked: Booked, own: Month) -> None:
        sums = self._values.setdefault(booked.value, _Sums())
        key = (own, booked.kind, booked.user, booked.provider, booked.model, booked.entry, booked.word, booked.by)
        known = sums.adjustments.get(key)
        if known is None:
            known = sums.adjustments[key] = [0, 0, 0]
            self._grow()
        known[0] += booked.amount
        known[1] += 1
        known[2] += (booked.kind == "unpriced") - booked.priced

    def _grow(self) -> None:
        self._lines += 1
        if self._lines > MOST_LINES:
            raise TooManyLines(f"the statements of {self._month} would have more than {MOST_LINES:,} lines")


def _order(value: str | None) -> tuple[bool, str]:
    return value is not None, value or ""


def _charges(sums: _Sums) -> Iterator[Charged]:
    for (user, provider, model), meters in sorted(
        sums.charges.items(), key=lambda item: (_order(item[0][0]), item[0][1:])
    ):
        for meter, (quantity, amount) in sorted(meters.items()):
            # A presumption that was amended leaves nothing, and says nothing.
            if quantity or amount:
                yield Charged(user=user, provider=provider, model=model, meter=meter, quantity=quantity, amount=amount)


def _adjustments(sums: _Sums) -> Iterator[Adjustment]:
    for key, (amount, entries, unpriced) in sorted(
        sums.adjustments.items(), key=lambda item: (item[0][:2], _order(item[0][2]), item[0][3:])
    ):
        own, kind, user, provider, model, entry, word, by = key
        yield Adjustment(
            amends=str(own),
            kind=kind,
            user=user,
            provider=provider,
            model=model,
            amount=amount,
            entries=entries,
            unpriced=unpriced,
            entry=entry,
            word=word,
            by=by,
        )


def _counts(sums: _Sums) -> Iterator[Counted]:
    for user, (attempts, unpriced, presumed) in sorted(sums.counts.items(), key=lambda item: _order(item[0])):
        yield Counted(user=user, attempts=attempts, unpriced=unpriced, presumed=presumed)

"""One statement: what a team, a person or a cost centre is charged for a month, down to who used which meter of which model."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from tollway.ledger.entry import Kind
from tollway.match import METADATA

DIMENSIONS = ("team", "user", "gateway", "cost_center", "key", "service")
"""By what there are statements, besides `metadata.<key>`; team and cost_center are keys of metadata with a name of their own.
Groups are none: somebody may be in several, and would be charged twice."""

_ALIASES = {"team": "metadata.team", "cost_center": "metadata.cost_center"}

PRESUMED = "presumed"
"""The meter of what was held for an answer whose end nobody knows, and is taken as spent; told apart from all others."""
UNITEMISED = "unitemised"
"""The meter of an amount that no line explains."""
RERATED = "rerated"
"""The meter of what an answer of the same month was charged more or less, when its price was found to be another."""


class Charged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody used of one meter of one model in the month."""

    user: str | None = None
    provider: str
    model: str
    meter: str
    quantity: int
    """In the meter's own unit; 0 where the amount has none."""
    amount: int
    """Nanodollars."""


class Adjustment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is charged, or given back, beside the usage of the month."""

    amends: str
    """The month that it belongs to: an earlier one, which was frozen, or this one."""
    kind: Kind
    """credit: by hand. All others were booked for an earlier month when that was frozen."""
    user: str | None = None
    provider: str = ""
    model: str = ""
    amount: int
    """Nanodollars; less than zero is given back."""
    entries: int
    unpriced: int = 0
    """Entries of unknown cost that it adds to that month; less than zero where a price was found for them."""
    entry: str = ""
    """credit: its id in the ledger."""
    word: str = ""
    """credit: why."""
    by: str = ""
    """credit: who booked it."""


class Counted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Answers of one user in the month."""

    user: str | None = None
    attempts: int
    """Calls that a provider may have billed."""
    unpriced: int = 0
    """Of them, those whose cost is not known: they are in no amount."""
    presumed: int = 0
    """Of them, those whose end is not known: what was held for them is taken as spent."""


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """What one value of a dimension is charged for one month. All sums are of these lines, so they cannot differ."""

    month: str
    """"2026-10"."""
    timezone: str
    since: int
    until: int
    """[since, until) in Unix milliseconds."""
    by: str
    """The dimension."""
    value: str | None
    """Of the dimension; `None` for what has none."""
    through: int
    """The place in the ledger up to which entries are in it."""
    charges: tuple[Charged, ...]
    adjustments: tuple[Adjustment, ...]
    counts: tuple[Counted, ...]

    @property
    def usage(self) -> int:
        """Nanodollars of what was used and is known."""
        return sum(each.amount for each in self.charges if each.meter != PRESUMED)

    @property
    def presumed(self) -> int:
        return sum(each.amount for each in self.charges if each.meter == PRESUMED)

    @property
    def adjusted(self) -> int:
        return sum(each.amount for each in self.adjustments)

    @property
    def total(self) -> int:
        return sum(each.amount for each in self.charges) + self.adjusted

    @property
    def attempts(self) -> int:
        return sum(each.attempts for each in self.counts)

    @property
    def unpriced(self) -> int:
        return sum(each.unpriced for each in self.counts)

    @property
    def presumptions(self) -> int:
        return sum(each.presumed for each in self.counts)


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """The freeze of all statements of a month by one dimension. It is never undone."""

    month: str
    by: str
    timezone: str
    through: int
    """The last place in the ledger that they have."""
    at: int
    """Unix milliseconds."""
    frozen_by: str
    word: str
    """Why, as whoever did it says."""
    statements: int
    total: int
    """Nanodollars of all of them."""
    hash: str = ""
    """SHA-256, in hexadecimal, of all of the above and of the digest of each statement."""


class Line(msgspec.Struct, frozen=True):
    """A meter of a model, whoever used it."""

    provider: str
    model: str
    meter: str
    quantity: int
    amount: int


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What one user, or one value, has of the whole."""

    name: str | None
    attempts: int
    unpriced: int
    usage: int
    presumed: int
    adjusted: int

    @property
    def total(self) -> int:
        return self.usage + self.presumed + self.adjusted


def total_of(parts: Sequence[Part]) -> Part:
    """All parts as one."""
    return Part(
        name=None,
        attempts=sum(part.attempts for part in parts),
        unpriced=sum(part.unpriced for part in parts),
        usage=sum(part.usage for part in parts),
        presumed=sum(part.presumed for part in parts),
        adjusted=sum(part.adjusted for part in parts),
    )


Section = Literal["usage", "presumed"]


def lines(statements: Iterable[Statement], section: Section) -> list[Line]:
    """What was used of each model and meter: the dearest model first, and of each its meters, the dearest first."""
    sums: dict[tuple[str, str], dict[str, list[int]]] = {}
    for statement in statements:
        for each in statement.charges:
            if (each.meter == PRESUMED) is (section == "presumed"):
                known = sums.setdefault((each.provider, each.model), {}).setdefault(each.meter, [0, 0])
                known[0] += each.quantity
                known[1] += each.amount
    models = sorted(sums.items(), key=lambda item: (-sum(amount for _, amount in item[1].values()), item[0]))
    return [
        Line(provider, model, meter, quantity, amount)
        for (provider, model), meters in models
        for meter, (quantity, amount) in sorted(meters.items(), key=lambda item: (-item[1][1], item[0]))
    ]


def by_user(statement: Statement) -> list[Part]:
    """What each user has of a statement, the largest first. The parts add up to it."""
    names = dict.fromkeys(each.user for each in (*statement.counts, *statement.charges, *statement.adjustments))
    sums: dict[str | None, list[int]] = {name: [0] * 5 for name in names}
    for count in statement.counts:
        sums[count.user][0] += count.attempts
        sums[count.user][1] += count.unpriced
    for charged in statement.charges:
        sums[charged.user][3 if charged.meter == PRESUMED else 2] += charged.amount
    for adjustment in statement.adjustments:
        sums[adjustment.user][4] += adjustment.amount
    return _ranked(
        Part(name=name, attempts=found[0], unpriced=found[1], usage=found[2], presumed=found[3], adjusted=found[4])
        for name, found in sums.items()
    )


def by_value(statements: Sequence[Statement]) -> list[Part]:
    """What each statement has of all of them, the largest first."""
    return _ranked(
        Part(
            name=each.value,
            attempts=each.attempts,
            unpriced=each.unpriced,
            usage=each.usage,
            presumed=each.presumed,
            adjusted=each.adjusted,
        )
        for each in statements
    )


def field_of(dimension: str) -> str | None:
    """The field of an entry that a dimension is told by: "user", "metadata.team"; `None` where there is no such dimension."""
    if dimension in DIMENSIONS:
        return _ALIASES.get(dimension, dimension)
    return dimension if dimension.startswith(METADATA) and len(dimension) > len(METADATA) else None


def name_of(dimension: str) -> str:
    """The one name of a dimension that has two: `metadata.team` is "team"."""
    return next((name for name, field in _ALIASES.items() if field == dimension), dimension)


def digest(record: bytes) -> str:
    """SHA-256, in hexadecimal, of a statement as it is kept."""
    return hashlib.sha256(record).hexdigest()


def sealed(frozen: Frozen, digests: Iterable[str]) -> Frozen:
    """A freeze with its hash: over all that it says, and the digests of its statements in their order."""
    said = msgspec.json.encode(msgspec.structs.replace(frozen, hash=""))
    return msgspec.structs.replace(frozen, hash=digest(b"\n".join((said, *(each.encode() for each in digests)))))


def _ranked(parts: Iterable[Part]) -> list[Part]:
    return sorted(parts, key=lambda part: (-part.total, part.name is not None, part.name or ""))

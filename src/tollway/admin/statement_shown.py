"""Statements as the API writes them: amounts as exact decimal strings, what is unknown as null."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field

from tollway.admin.charge import Dollars, Instant
from tollway.clock import iso
from tollway.money import dollars
from tollway.statements.statement import (
    PRESUMED,
    Adjustment,
    Charged,
    Frozen,
    Part,
    Statement,
    by_user,
    by_value,
    total_of,
)
from tollway.statements.statement import lines as lines_of
from tollway.storage.billing import Billed


class StatementsFrozenShown(BaseModel):
    """The freeze of all statements of a month by one dimension. It is never undone."""

    month: str
    by: str
    timezone: str
    frozen_at: Instant
    frozen_by: str
    word: str
    """Why."""
    statements: int
    total_usd: Dollars
    through: int
    """The last entry of the ledger that is in them."""
    hash: str
    """SHA-256 over all statements; it is in the audit log as well."""


class StatementFreezeShown(StatementsFrozenShown):
    """A freeze that was just made."""

    warnings: list[str]


class StatementPartShown(BaseModel):
    """What one value, or one user, is charged. `usage_usd`, `presumed_usd` and `adjustments_usd` add up to `total_usd`."""

    value: str | None
    """null for what has none."""
    attempts: int
    """Calls that a provider may have billed."""
    unpriced: int
    """Of them, those of unknown cost, which are in no amount."""
    usage_usd: Dollars
    presumed_usd: Dollars
    """What was held for answers whose end is not known, and is taken as spent."""
    adjustments_usd: Dollars
    total_usd: Dollars


class StatementsShown(BaseModel):
    """All statements of a month by one dimension, and what they add up to: the ledger, to the nanodollar."""

    month: str
    timezone: str
    from_: Instant = Field(alias="from")
    to: Instant
    by: str
    state: Literal["running", "open", "frozen"]
    """running: the month is not over. open: it is, and may be frozen. frozen: it never changes again."""
    frozen: StatementsFrozenShown | None
    through: int
    """The last entry of the ledger that is in them."""
    rows: list[StatementPartShown]
    """The largest first."""
    total: StatementPartShown
    notes: list[str]


class StatementLineShown(BaseModel):
    """A meter of a model."""

    provider: str
    model: str
    meter: str
    quantity: int
    amount_usd: Dollars


class StatementChargeShown(StatementLineShown):
    """What one user used of it."""

    user: str | None


class StatementAdjustmentShown(BaseModel):
    """What is charged, or given back, beside the usage of the month."""

    amends: str
    """The month that it belongs to."""
    kind: str
    """credit: booked by hand. All others were booked when the month that they belong to was frozen."""
    user: str | None
    provider: str
    model: str
    amount_usd: Dollars
    entries: int
    unpriced: int
    """Entries of unknown cost that it adds to that month; less than zero where a price was found."""
    entry: str | None
    word: str | None
    booked_by: str | None


class StatementShown(BaseModel):
    """One statement."""

    value: str | None
    total: StatementPartShown
    lines: list[StatementLineShown]
    """Usage by model and meter."""
    presumed: list[StatementLineShown]
    adjustments: list[StatementAdjustmentShown]
    users: list[StatementPartShown]
    charges: list[StatementChargeShown]
    """Usage and presumptions by user, model and meter: the finest there is."""


class StatementDocumentShown(BaseModel):
    """Statements of a month, one or all."""

    month: str
    timezone: str
    from_: Instant = Field(alias="from")
    to: Instant
    by: str
    frozen: StatementsFrozenShown | None
    through: int
    statements: list[StatementShown]


def frozen_shown(frozen: Frozen) -> StatementsFrozenShown:
    return StatementsFrozenShown(
        month=frozen.month,
        by=frozen.by,
        timezone=frozen.timezone,
        frozen_at=iso(frozen.at),
        frozen_by=frozen.frozen_by,
        word=frozen.word,
        statements=frozen.statements,
        total_usd=dollars(frozen.total),
        through=frozen.through,
        hash=frozen.hash,
    )


def part_shown(part: Part) -> StatementPartShown:
    return StatementPartShown(
        value=part.name,
        attempts=part.attempts,
        unpriced=part.unpriced,
        usage_usd=dollars(part.usage),
        presumed_usd=dollars(part.presumed),
        adjustments_usd=dollars(part.adjusted),
        total_usd=dollars(part.total),
    )


def month_shown(
    billed: Billed, *, month: str, by: str, timezone: str, span: tuple[int, int], now: int, notes: list[str]
) -> StatementsShown:
    parts = by_value(billed.statements)
    return StatementsShown(
        month=month,
        timezone=timezone,
        **{"from": iso(span[0])},
        to=iso(span[1]),
        by=by,
        state="frozen" if billed.frozen is not None else "open" if now >= span[1] else "running",
        frozen=None if billed.frozen is None else frozen_shown(billed.frozen),
        through=billed.through,
        rows=[part_shown(part) for part in parts],
        total=part_shown(total_of(parts)),
        notes=notes,
    )


def document_shown(statements: Sequence[Statement], frozen: Frozen | None) -> StatementDocumentShown:
    """There is at least one statement."""
    first = statements[0]
    return StatementDocumentShown(
        month=first.month,
        timezone=first.timezone,
        **{"from": iso(first.since)},
        to=iso(first.until),
        by=first.by,
        frozen=None if frozen is None else frozen_shown(frozen),
        through=first.through,
        statements=[_statement_shown(each) for each in statements],
    )


def _statement_shown(statement: Statement) -> StatementShown:
    return StatementShown(
        value=statement.value,
        total=part_shown(by_value([statement])[0]),
        lines=[
            StatementLineShown(
                provider=line.provider,
                model=line.model,
                meter=line.meter,
                quantity=line.quantity,
                amount_usd=dollars(line.amount),
            )
            for line in lines_of([statement], "usage")
        ],
        presumed=[
            StatementLineShown(
                provider=line.provider, model=line.model, meter=PRESUMED, quantity=0, amount_usd=dollars(line.amount)
            )
            for line in lines_of([statement], "presumed")
        ],
        adjustments=[_adjustment_shown(each) for each in statement.adjustments],
        users=[part_shown(part) for part in by_user(statement)],
        charges=[_charged_shown(each) for each in statement.charges],
    )


def _charged_shown(charged: Charged) -> StatementChargeShown:
    return StatementChargeShown(
        user=charged.user,
        provider=charged.provider,
        model=charged.model,
        meter=charged.meter,
        quantity=charged.quantity,
        amount_usd=dollars(charged.amount),
    )


def _adjustment_shown(adjustment: Adjustment) -> StatementAdjustmentShown:
    return StatementAdjustmentShown(
        amends=adjustment.amends,
        kind=adjustment.kind,
        user=adjustment.user,
        provider=adjustment.provider,
        model=adjustment.model,
        amount_usd=dollars(adjustment.amount),
        entries=adjustment.entries,
        unpriced=adjustment.unpriced,
        entry=adjustment.entry or None,
        word=adjustment.word or None,
        booked_by=adjustment.by or None,
    )

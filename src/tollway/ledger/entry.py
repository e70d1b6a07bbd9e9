"""One line of the ledger. Written once, never changed, never deleted; a mistake is amended by another line."""

from typing import Literal

import msgspec

from tollway.pricing.charge import Charge
from tollway.usage import Usage

Kind = Literal["charge", "presumed", "unpriced", "correction", "credit", "opening"]
"""charge: a known cost · presumed: sent, end unknown, the hold counts · unpriced: answered, but no price is known (amount 0,
counted apart) · correction: amends an earlier entry by the signed difference · credit: given by an administrator ·
opening: what a new or changed budget takes over of entries before it; it moves no money, so no sum of spend has it."""


class Context(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who asked for what: the part of an entry that is known before the provider is called."""

    gateway: str
    provider: str
    model: str
    """The model asked for, as the provider names it."""
    user: str | None = None
    groups: tuple[str, ...] = ()
    key: str | None = None
    service: str | None = None
    metadata: dict[str, str] = {}
    declared: tuple[str, ...] = ()
    """The keys of `metadata` that only the caller vouched for."""


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An amount, on the accounts it counts against, with its reasons."""

    id: str
    """`{request_id}.{attempt}.{kind}`, with a number behind it from the second correction on; unique for ever."""
    reservation_id: str
    request_id: str
    attempt: int
    kind: Kind
    charge: Charge
    """`charge.amount` is signed for corrections and credits."""
    legs: tuple[tuple[str, int], ...]
    """(account, bucket) of every account it counts against: those of the reservation's holds."""
    context: Context
    response_model: str | None = None
    usage: Usage | None = None
    occurred_at: int
    """Unix milliseconds of the admission: the window it is charged to."""
    recorded_at: int


def entry_id(request_id: str, attempt: int, kind: Kind, number: int = 0) -> str:
    """The id that makes writing an entry twice writing it once."""
    return f"{request_id}.{attempt}.{kind}" if number == 0 else f"{request_id}.{attempt}.{kind}.{number}"

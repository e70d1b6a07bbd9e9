"""What is asked of a store about statements: to add a month up, to freeze it, and to give back what was frozen."""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import msgspec

from tollway.statements.month import Month
from tollway.statements.statement import Frozen, Statement

ADJUSTMENTS: Final = "adjustment"
"""The drawer of the cabinet that says why each credit was booked, by the id of its entry. Written before the entry is."""


class Why(msgspec.Struct, frozen=True):
    """Why a credit was booked, and who did it."""

    word: str
    by: str


class Billed(NamedTuple):
    """All statements of a month by one dimension."""

    statements: Sequence[Statement]
    """By value; what has no value comes first."""
    through: int
    """The place in the ledger up to which entries are in them."""
    frozen: Frozen | None
    """`None`: they grow as entries are booked."""


class Damaged(Exception):
    """A frozen statement is not what was frozen."""


class Billing(Protocol):
    """Statements of one store. Every method raises StoreUnavailable."""

    async def freezes(self, by: str | None = None) -> Sequence[Frozen]:
        """Of one dimension, or of all, the latest month first. Raises Damaged."""
        ...

    async def billed(self, month: Month, by: str, zone: ZoneInfo) -> Billed:
        """The statements of a month: as they were frozen, or exact at the instant of asking.

        Freezes in another zone are none of this one's: its months are others. Raises TooManyLines, and Damaged.
        """
        ...

    async def freeze(
        self, month: Month, by: str, zone: ZoneInfo, *, at: int, frozen_by: str, word: str
    ) -> Frozen | None:
        """Keeps the statements of a month as they are now, for ever; `None` where the month is frozen already. Durable when it
        returns. Whatever is settled, and not durable yet, is not in them. Raises TooManyLines."""
        ...

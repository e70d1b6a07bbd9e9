"""What people say of a request afterwards: whether it was good, how good, and what else they want to find it by.

It stands beside the record, never in it: what a request was, and what it was charged to, is not rewritten.
"""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, Literal

import msgspec

MILLION: Final = 1_000_000
MOST_SCORE: Final = 1_000_000
"""Scores lie between this and its negative."""
MOST_ENTRIES: Final = 16
LONGEST_NAME: Final = 64
LONGEST_VALUE: Final = 512

Feedback = Literal[1, -1]


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of one request, last."""

    request_id: str
    recorded_at: int
    """Unix milliseconds of the request's arrival."""
    at: int
    """Unix milliseconds of the last change."""
    by: str
    feedback: Feedback | None = None
    score_millionths: int | None = None
    metadata: dict[str, str] = {}

    @property
    def score(self) -> float | None:
        return None if self.score_millionths is None else self.score_millionths / MILLION

    @property
    def empty(self) -> bool:
        """Whether nothing is left of it."""
        return self.feedback is None and self.score_millionths is None and not self.metadata


class Patch(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a remark: what is not given stays, `None` takes it away."""

    feedback: Feedback | None | msgspec.UnsetType = msgspec.UNSET
    score_millionths: int | None | msgspec.UnsetType = msgspec.UNSET
    metadata: dict[str, str] | None | msgspec.UnsetType = msgspec.UNSET


def millionths(text: str) -> int:
    """A number as it is written, in millionths, the nearest. Raises ArithmeticError for what is none, or is infinite."""
    return int((Decimal(text) * MILLION).to_integral_value(rounding=ROUND_HALF_EVEN))


def patched(before: Remark | None, patch: Patch, *, request_id: str, recorded_at: int, at: int, by: str) -> Remark:
    """The remark that `patch` makes of what was said before."""
    was = before or Remark(request_id=request_id, recorded_at=recorded_at, at=at, by=by)
    return Remark(
        request_id=request_id,
        recorded_at=recorded_at,
        at=at,
        by=by,
        feedback=was.feedback if patch.feedback is msgspec.UNSET else patch.feedback,
        score_millionths=was.score_millionths if patch.score_millionths is msgspec.UNSET else patch.score_millionths,
        metadata=was.metadata if patch.metadata is msgspec.UNSET else patch.metadata or {},
    )

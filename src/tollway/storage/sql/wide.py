"""Sums of money that 64 bits may not hold. SQLite's `sum` raises there, so the two halves of each amount are added up apart.

Nothing that is admitted comes near: no request may cost more than `money.MOST_AT_ONCE`, and the ledger takes nothing that would
bring a sum beyond `money.MOST_IN_ALL`. But what was spent is booked whatever it is, and a store may hold entries of before.
"""

from typing import Final

from tollway.money import LARGEST

_BITS: Final = 32
_LOW: Final = (1 << _BITS) - 1


def halves(expression: str) -> str:
    """Two columns: the sums of the upper and of the lower half of a whole number, for `whole`."""
    return ", ".join(_halves(expression))


def _halves(expression: str) -> tuple[str, str]:
    return f"CAST(sum(({expression}) >> {_BITS}) AS BIGINT)", f"CAST(sum(({expression}) & {_LOW}) AS BIGINT)"


def order(expression: str) -> str:
    """What orders rows by that sum, the largest first."""
    high, low = _halves(expression)
    return f"{high} + ({low} >> {_BITS}) DESC, {low} & {_LOW} DESC"


def whole(high: int | None, low: int | None) -> int:
    """The sum that `halves` stand for; 0 where there was no row."""
    return ((high or 0) << _BITS) + (low or 0)


def split(amount: int) -> tuple[int, int]:
    """The halves of a sum, each of which a column of 64 bits holds."""
    return amount >> _BITS, amount & _LOW


def summed(column: str) -> str:
    """One column: the sum, or the largest that 64 bits hold where it is beyond them."""
    return f"max(-{LARGEST}, min({LARGEST}, sum({column} >> {_BITS}) * {1 << _BITS} + sum({column} & {_LOW})))"


def within(amount: int) -> int:
    """The amount, or the nearest to it that 64 bits hold."""
    return max(-LARGEST, min(LARGEST, amount))

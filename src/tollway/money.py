"""Money as a count of nanodollars: exact, integer, never a float.

`Money` is an `int` that the type checker keeps apart from other counts; a signed 64-bit column holds $9.2 billion.
A unit price is an amount for a quantity ("$3 for 1,000,000 tokens"), so that no price needs a fraction.
"""

import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NewType

from tollway.errors import MoneyInvalid

Money = NewType("Money", int)

ZERO = Money(0)
DOLLAR = Money(1_000_000_000)
CENT = Money(10_000_000)
LARGEST = Money(2**63 - 1)

# A sign, digits, and at most nine places: what nanodollars can hold without rounding.
_DECIMAL = re.compile(r"-?[0-9]{1,10}(?:\.[0-9]{1,9})?")


def parse(text: str) -> Money:
    """The amount that a decimal string of US dollars names: "20000", "0.05", "1.000000001".

    Raises MoneyInvalid for anything else: an exponent, a currency sign, more than nine places, more than 64 bits.
    """
    if _DECIMAL.fullmatch(text) is None:
        raise MoneyInvalid(text)
    amount = int(Decimal(text) * DOLLAR)
    if abs(amount) > LARGEST:
        raise MoneyInvalid(text)
    return Money(amount)


def dollars(amount: int) -> str:
    """The exact decimal string of US dollars, without an exponent or trailing zeros: "0.00042", "5000", "-1.5"."""
    sign = "-" if amount < 0 else ""
    whole, rest = divmod(abs(amount), DOLLAR)
    if rest == 0:
        return f"{sign}{whole}"
    return f"{sign}{whole}." + f"{rest:09d}".rstrip("0")


def display(amount: int) -> str:
    """The amount as people read it: "$5,000.00"; under a cent with as many places as two significant figures take."""
    sign = "-" if amount < 0 else ""
    amount = abs(amount)
    if amount < CENT:
        # Rounded first, as it may become a cent: $0.0099999 is "$0.01", and $0.000999999 is "$0.0010".
        amount = round(amount, min(0, 2 - len(str(amount))))
    places = 2 if amount == 0 or amount >= CENT else min(9, 11 - len(str(amount)))
    shown = Decimal(amount).scaleb(-9).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    return f"{sign}${shown:,f}"


def times(amount: int, quantity: int, per: int) -> Money:
    """`quantity` units at `amount` for every `per` of them, rounded up to a nanodollar."""
    return Money(-(-amount * quantity // per))

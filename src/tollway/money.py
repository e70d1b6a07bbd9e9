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
MOST_AT_ONCE = Money(1_000_000 * DOLLAR)
"""The most that one answer, one custom cost or one adjustment by hand may come to: what is above it was not meant."""
MOST_IN_ALL = Money(2**62)
"""Half of 64 bits, $4.6 billion: nothing is taken on that would bring a sum of the ledger beyond it."""

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


def compared(limit: int, *parts: int) -> tuple[str, ...]:
    """A limit and amounts that count against it one after the other, as people read them: rounded alike, and no further than
    lets every sum, from the first part on, still be above, at or under the limit as it is, and no amount become nothing.

    "$0.0493", not "$0.05", where "$0.05" is the limit and the rest of it is what the message is about.
    """
    amounts = (limit, *parts)
    sums = [sum(parts[: number + 1]) for number in range(len(parts))]
    for places in range(2, 10):
        unit = 10 ** (9 - places)
        rounded = [round(amount, places - 9) for amount in amounts]
        small = any(0 < abs(amount) < min(10 * unit, CENT) for amount in amounts)
        ordered = all(
            _sign(sum(rounded[1 : number + 2]) - rounded[0]) == _sign(exact - limit)
            for number, exact in enumerate(sums)
        )
        if ordered and not small:
            break
    else:
        rounded = list(amounts)
    return tuple(_at_least_cents(amount) for amount in rounded)


def _sign(amount: int) -> int:
    return (amount > 0) - (amount < 0)


def _at_least_cents(amount: int) -> str:
    """Exact, with two places or as many as it takes: "$5,000.00", "$0.0493"."""
    whole, _, places = dollars(abs(amount)).partition(".")
    return f"{'-' if amount < 0 else ''}${int(whole):,}.{places.ljust(2, '0')}"


def times(amount: int, quantity: int, per: int) -> Money:
    """`quantity` units at `amount` for every `per` of them, rounded up to a nanodollar."""
    return Money(-(-amount * quantity // per))

"""A cost that the caller gives with its request: `tollway-custom-cost`, and Cloudflare's `cf-aig-custom-cost`.

JSON, in dollars a token of any precision: `{"per_token_in": 0.000001, "per_token_out": 0.000002}`, with
`per_cache_read_token` and `per_cache_write_token` if wanted; or `{"total_cost": 0.01}` for the whole answer. As soon as
one of the two cache prices is given, the other is `per_token_in`; without both, cached tokens are input like any other.
Whether a caller may set its own cost is not decided here.
"""

import hashlib
from decimal import Decimal
from math import gcd

import msgspec

from tollway.money import DOLLAR, LARGEST, MOST_AT_ONCE, Money
from tollway.pricing.units import MILLION, Price, UnitPrice, Units

LONGEST = 512
"""Bytes of the header; no price takes more."""

_PER_TOKEN = {
    "per_token_in": "input",
    "per_token_out": "output",
    "per_cache_read_token": "cache_read",
    "per_cache_write_token": "cache_write",
}
_FINEST = -30
"""A digit beyond the thirtieth place is nobody's price."""
_DEAREST_TOKEN = Decimal(1)
"""Dollars: a thousand times what the dearest model asks. Above it the price of a million tokens was meant."""
_DEAREST_WHOLE = Decimal(MOST_AT_ONCE // DOLLAR)
"""Dollars."""


def custom_price(text: str | bytes) -> Price | str:
    """The price that a header's value means; where it means none, why not, as a sentence."""
    if len(text) > LONGEST:
        return f"the custom cost is {len(text)} bytes long; no more than {LONGEST} are read."
    try:
        written = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return 'the custom cost is not a JSON object; write for example {"per_token_in": 0.000001, "per_token_out": 0.000002}.'
    unknown = [name for name in written if name not in _PER_TOKEN and name != "total_cost"]
    if unknown:
        return f'the custom cost has no field "{unknown[0][:40]}"; it has {", ".join(_PER_TOKEN)} and total_cost.'
    amounts: dict[str, Decimal] = {}
    for name, raw in written.items():
        amount = _dollars(bytes(raw))
        if amount is None:
            return f"the custom cost's {name} is {bytes(raw)[:40].decode(errors='replace')}, which is not an amount of dollars."
        dearest = _DEAREST_WHOLE if name == "total_cost" else _DEAREST_TOKEN
        if amount > dearest:
            return (
                f"the custom cost's {name} is {bytes(raw)[:40].decode(errors='replace')} US dollars; the most is "
                f"{dearest:,}{'' if name == 'total_cost' else ' for one token'}."
            )
        amounts[name] = amount
    if "total_cost" in amounts:
        if len(amounts) > 1:
            return "the custom cost has a total_cost and a price a token; leave one of the two out."
        units = {"request": _unit(amounts["total_cost"], 1)}
    elif "per_token_in" in amounts or "per_token_out" in amounts:
        fresh = amounts.setdefault("per_token_in", Decimal(0))
        amounts.setdefault("per_token_out", Decimal(0))
        if amounts.keys() & {"per_cache_read_token", "per_cache_write_token"}:
            amounts.setdefault("per_cache_read_token", fresh)
            amounts.setdefault("per_cache_write_token", fresh)
        units = {meter: _unit(amounts[name], MILLION) for name, meter in _PER_TOKEN.items() if name in amounts}
    else:
        return "the custom cost names no per_token_in, per_token_out or total_cost."
    for unit in units.values():
        if unit.amount > LARGEST or unit.per > LARGEST:
            return "the custom cost has more digits than a charge can say; round it to 18 places."
    return Price(
        id=f"request/*@custom#{_digest(units)}",
        provider="request",
        model="*",
        units=units,
        free=all(unit.amount == 0 for unit in units.values()),
        overridden=True,
        source="request",
    )


def _dollars(raw: bytes) -> Decimal | None:
    """The exact amount of a JSON number, or of one written as text; `None` for anything else, or below zero."""
    text = raw.strip()
    if text.startswith(b'"') and text.endswith(b'"'):
        text = text[1:-1]
    # "NaN" and "Infinity" are numbers to Decimal, and "1_0" is one.
    if not text or text.strip(b"0123456789.eE+-"):
        return None
    try:
        amount = Decimal(text.decode())
    except ArithmeticError:
        return None
    if not amount.is_finite() or amount < 0 or int(amount.as_tuple().exponent) < _FINEST:
        return None
    return amount


def _unit(dollars: Decimal, per: int) -> UnitPrice:
    """The unit price of that much for one: in nanodollars for `per`, or for as many more as it takes to be exact."""
    up, down = dollars.as_integer_ratio()
    amount = up * DOLLAR * per
    if amount % down == 0:
        return UnitPrice(Money(amount // down), per)
    common = gcd(amount, per * down)
    return UnitPrice(Money(amount // common), per * down // common)


def _digest(units: Units) -> str:
    written = ",".join(f"{meter}={unit.amount}/{unit.per}" for meter, unit in sorted(units.items()))
    return hashlib.blake2s(written.encode(), digest_size=4).hexdigest()

"""What a provider says it charged for an answer, as exact nanodollars: OpenRouter, Perplexity and xAI state it.

The number is read from the JSON's own digits: a float never touches money. `Report.stated_cost` is the result.
"""

from decimal import Decimal, InvalidOperation
from typing import NamedTuple

import msgspec

_UNITS = {"cost": Decimal(10**9), "cost_in_usd_ticks": Decimal("0.1")}
"""Nanodollars of one dollar, and of one of xAI's ticks (1e-10 dollars)."""

_ABSURD = Decimal(1_000_000) * 10**9
"""A million dollars: no answer costs that much."""

_SMALLEST_EXPONENT = -40


class Stated(NamedTuple):
    """What was read. Both `None`: the usage states no cost."""

    nanodollars: int | None = None
    """Rounded up."""
    suspect: str | None = None
    """Why the stated cost is not to be believed, for `Report.suspect`."""


_ABSENT = msgspec.Raw(b"null")


class _Details(msgspec.Struct, frozen=True):
    upstream_inference_cost: msgspec.Raw = _ABSENT


class _Usage(msgspec.Struct, frozen=True):
    cost: msgspec.Raw = _ABSENT
    """Dollars (OpenRouter), or an object of them with a `total_cost` (Perplexity)."""
    cost_in_usd_ticks: msgspec.Raw = _ABSENT
    cost_details: msgspec.Raw = _ABSENT
    is_byok: msgspec.Raw = _ABSENT


class _Total(msgspec.Struct, frozen=True):
    total_cost: msgspec.Raw = _ABSENT


NOTHING = Stated()


def read_stated_cost(usage: msgspec.Raw | bytes) -> Stated:
    """The cost in a usage object, as the provider wrote it.

    With a key of one's own at OpenRouter (`is_byok`) its `cost` is OpenRouter's fee alone; the inference is billed by
    the provider behind it (`cost_details.upstream_inference_cost`), so both are added. Anything may come in.
    """
    try:
        read = msgspec.json.decode(usage, type=_Usage)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return NOTHING
    for name in ("cost_in_usd_ticks", "cost"):
        raw: msgspec.Raw = getattr(read, name)
        text = _text(raw)
        if name == "cost" and text is not None and text.startswith(b"{"):
            text = _total(text)
        if text is None:
            continue
        amount = _number(text)
        if amount is None:
            return Stated(None, f"{name} is {_shown(text)}, which is no amount")
        nanodollars = amount * _UNITS[name]
        if name == "cost" and _text(read.is_byok) == b"true":
            upstream = _upstream(read.cost_details)
            if upstream is None:
                # The fee alone is not what the answer cost.
                return Stated(None, "is_byok without an upstream_inference_cost: the stated cost is a part only")
            nanodollars += upstream * _UNITS["cost"]
        if nanodollars < 0 or nanodollars > _ABSURD:
            return Stated(None, f"{name} is {_shown(text)}, which no answer costs")
        whole = int(nanodollars)
        return Stated(whole + (nanodollars != whole))
    return NOTHING


def _text(raw: msgspec.Raw) -> bytes | None:
    text = bytes(raw).strip()
    return None if text == b"null" else text


def _total(text: bytes) -> bytes | None:
    # An object, and well formed: the whole usage has been read before.
    return _text(msgspec.json.decode(text, type=_Total).total_cost)


def _upstream(details: msgspec.Raw) -> Decimal | None:
    text = _text(details)
    if text is None:
        return None
    try:
        stated = _text(msgspec.json.decode(text, type=_Details).upstream_inference_cost)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    amount = _number(stated) if stated is not None else None
    return amount if amount is not None and amount >= 0 else None


def _number(text: bytes) -> Decimal | None:
    """A JSON number, or one in quotes, exactly; `None` for anything else, and for digits that nobody means."""
    if text.startswith(b'"') and text.endswith(b'"'):
        text = text[1:-1]
    # "NaN", "Infinity" and "1_0" are numbers to Decimal.
    if not text or len(text) > 60 or text.strip(b"0123456789.eE+-"):
        return None
    try:
        amount = Decimal(text.decode())
    except (InvalidOperation, ValueError):
        return None
    if not _SMALLEST_EXPONENT <= int(amount.as_tuple().exponent) <= 20:
        return None
    return amount


def _shown(text: bytes) -> str:
    return text[:24].decode(errors="replace")

"""Reading counts that providers report: nulls, floats, text and nonsense among them.

A count that cannot be right is kept as reported and named in `Report.suspect`; the caller decides what to bill.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias, cast

import msgspec

from tollway.errors import UsageInvalid
from tollway.usage import Usage

Reported: TypeAlias = Mapping[str, Any]
"""A usage object as the provider wrote it."""

_UNREADABLE = 10**12
"""Above this a number is noise, and its price would not fit 64 bits; it is left out, and the report is suspect."""
_ABSURD = 100_000_000
"""More tokens than any context window or answer has."""
_NOTHING: Reported = {}


def decoded(raw: msgspec.Raw | bytes | None) -> Any:
    """Any JSON value, None where it cannot be read."""
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def reported(raw: msgspec.Raw | bytes | None) -> Reported | None:
    """A usage object, None where there is none."""
    value = decoded(raw)
    return cast(Reported, value) if isinstance(value, dict) and value else None


def nested(usage: Reported, *names: str) -> Reported:
    """The first of `names` that is an object; empty where none is."""
    for name in names:
        value = usage.get(name)
        if isinstance(value, dict):
            return cast(Reported, value)
    return _NOTHING


def entries(usage: Reported, *names: str) -> list[Reported]:
    """The objects in the first of `names` that is an array; empty where none is."""
    for name in names:
        value = usage.get(name)
        if isinstance(value, list):
            return [cast(Reported, entry) for entry in cast(list[Any], value) if isinstance(entry, dict)]
    return []


def count(value: object) -> int | None:
    """A whole number, also out of 12.0 or "12"; None where it is null, absent or no such thing."""
    if type(value) is int:
        return value if -_UNREADABLE <= value <= _UNREADABLE else None
    match value:
        case bool() | None:
            return None
        case int():
            number = value
        case float():
            if value != value or abs(value) > _UNREADABLE:
                return None
            number = -int(-value // 1)  # A part of a token, or of a second, is billed as a whole one.
        case str():
            text = value.strip()
            if not text.removeprefix("-").isdecimal() or len(text) > 13:
                return None
            number = int(text)
        case _:
            return None
    return number if abs(number) <= _UNREADABLE else None


def first_count(usage: Reported, *names: str) -> int | None:
    """The first of `names` that holds a count."""
    for name in names:
        number = count(usage.get(name))
        if number is not None:
            return number
    return None


def added(*parts: int | None) -> int | None:
    """The sum of what was reported; None where nothing was."""
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def beyond(total: int | None, given: int | None, made: int | None) -> int | None:
    """The tokens that a total has beyond its input and output, none of which is negative; `None` where it has none."""
    if total is None or given is None or total > _ABSURD or given < 0 or (made or 0) < 0:
        return None
    rest = total - given - (made or 0)
    return rest if rest > 0 else None


def doubt(usage: Usage, raw: Reported, totals: Iterable[tuple[str, int | None]] = ()) -> str | None:
    """Why `usage` is not to be trusted: an impossible count, a part beyond its whole, a total that does not add up.

    `totals` are the totals that the provider gave itself, by name.
    """
    for name, value in raw.items():
        if type(value) is int and 0 <= value <= _ABSURD:
            continue
        if isinstance(value, int | float) and not isinstance(value, bool) and _is_token_count(name):
            number = count(value)
            if number is None or number > _ABSURD:
                return f"{name} is {str(value)[:24]}, which no call can be"
    try:
        usage.check()
    except UsageInvalid as error:
        return str(error)
    for name, total in totals:
        parts = (usage.input_tokens or 0) + (usage.output_tokens or 0)
        if total is not None and total != parts:
            return f"{name} is {total}, but input and output are {usage.input_tokens} + {usage.output_tokens}"
    return None


def _is_token_count(name: str) -> bool:
    return name.endswith(("tokens", "TokenCount"))

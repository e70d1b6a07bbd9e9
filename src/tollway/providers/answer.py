"""The top-level values of an answer, whatever it turns out to be."""

import msgspec

from tollway.providers.counts import decoded
from tollway.providers.splice import values_of

Values = dict[str, msgspec.Raw]

_elements = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


def values(body: bytes | msgspec.Raw | None) -> Values:
    """The values of a JSON object, each still as bytes; empty where `body` is nothing of the kind."""
    if not body:
        return {}
    try:
        return values_of(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def text(raw: msgspec.Raw | None) -> str | None:
    """A non-empty string, also out of a number (Google's enumerations); None where there is none."""
    value = decoded(raw)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None


def first_text(raw: msgspec.Raw | None, key: str) -> str | None:
    """The text at `key` of the first object of an array that has one."""
    if raw is None:
        return None
    try:
        elements = _elements.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return next((found for found in (text(element.get(key)) for element in elements) if found), None)

"""Changing top-level values of a JSON body while every other value keeps its bytes."""

from collections.abc import Mapping

import msgspec

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


def values_of(body: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """The values of a JSON object, each as the bytes it was written in."""
    return _object.decode(body)


def spliced(body: bytes, changes: Mapping[str, object]) -> bytes:
    """`body` with `changes` made to its top-level values; `body` itself when there are none.

    A value may be a `msgspec.Raw`, which is written as it stands. White space between top-level values is not kept.
    """
    if not changes:
        return body
    values: dict[str, object] = dict(values_of(body))
    values.update(changes)
    return msgspec.json.encode(values)


def merged(raw: msgspec.Raw | None, key: str, value: object) -> msgspec.Raw:
    """The nested object `raw` with `value` at `key`, its other values kept byte for byte. Null and None are empty."""
    values: dict[str, object] = {}
    if raw is not None and bytes(raw) != b"null":
        values.update(values_of(raw))
    values[key] = value
    return msgspec.Raw(msgspec.json.encode(values))


def lowered(raw: msgspec.Raw | None, cap: int) -> bool:
    """Whether `raw` is a number above `cap`; None and null are not."""
    if raw is None:
        return False
    value = msgspec.json.decode(raw)
    return type(value) is int and value > cap

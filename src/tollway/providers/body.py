"""Opening a request body: its top-level values, parsed once, strictly where money hangs on it.

A body is cut into its top-level values by one typed parse. Each API names the few fields that its array elements may
matter by; everything else in them is skipped, never built. A key that stands twice is refused: the provider might read
the other one.
"""

import re
from typing import Any, TypeAlias, cast

import msgspec

from tollway.providers.codec import Malformed

ABSENT = msgspec.Raw(b"")
"""What a `Raw` field holds when the body does not have it."""

MAX_COUNT = 10_000_000
"""No provider takes a larger number of tokens in one call; a larger one is a mistake or an attack on arithmetic."""
MAX_CHOICES = 128
"""OpenAI's own limit of `n`."""
MAX_DEPTH = 64
MOST_MEMBERS = 10_000
"""Of the body itself and of the objects in it that are opened, where it is large enough for more to matter."""
_LARGE_BODY = 512 * 1024
MAX_NAME = 512
_DEPTH_CHECKED_BYTES = 8192
_POLICY = frozenset({"model", "max_tokens", "max_completion_tokens", "max_output_tokens", "n", "stream"})
"""What decides which model answers, how much, and how."""
_NOT_A_NUMBER = re.compile(rb'"(\w+)"\s*:\s*(-?(?:NaN|Infinity))\b')
_TOO_DEEP = b"\n" + b" " * (MAX_DEPTH + 1)

Fields: TypeAlias = dict[str, Any]
"""Values by name: scalars and arrays decoded, objects to be read with `object_at`, what could not be read `Unread`."""


class Unfit(Exception):
    """A body its API would not take; ends as `Malformed` in `read_ask`."""

    def malformed(self) -> Malformed:
        return Malformed(str(self))


class Unread(msgspec.Struct, frozen=True):
    """A value that is JSON, but not of a shape or size that this API knows."""

    text: str


class _Key:
    """A top-level key, equal only to itself: so a dict keeps both of two that are spelled alike."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


def _hook(kind: type, value: Any) -> Any:
    return _Key(value)


class _Counting:
    """The hook for a large body: a member costs a call each, and no API has many, so they are counted and cut off."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = MOST_MEMBERS

    def __call__(self, kind: type, value: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise Unfit(f"The body has more than {MOST_MEMBERS:,} members at its top; no API takes so many.")
        return _Key(value)


_Pairs = dict[_Key, msgspec.Raw]
_pairs: msgspec.json.Decoder[dict[_Key, Any]] = msgspec.json.Decoder(_Pairs, dec_hook=_hook)


class Shape:
    """How the array elements of one API look: a Struct with the few fields that matter."""

    __slots__ = ("_elements", "_whole")

    def __init__(self, element: type) -> None:
        elements: Any = list[element | str | int | float | bool | None | list[Any]]  # type: ignore[valid-type]
        self._elements: msgspec.json.Decoder[Any] = msgspec.json.Decoder(elements)
        whole: Any = dict[_Key, elements | _Pairs | str | int | float | bool | None]
        self._whole: msgspec.json.Decoder[dict[_Key, Any]] = msgspec.json.Decoder(whole, dec_hook=_hook)

    def open(self, body: bytes) -> Fields:
        """The top-level values of `body`. Raises Unfit when it is not a JSON object with distinct keys."""
        if not body:
            raise Unfit("The body is empty; a JSON object is needed.")
        try:
            # The parser skips over strings it does not build, so their encoding is checked here.
            if not body.isascii():
                body.decode()
            _check_depth(body)
            try:
                pairs = _bounded(self._whole, body).decode(body)
            except msgspec.ValidationError:
                return self._open_one_by_one(body)
        except UnicodeDecodeError as error:
            raise Unfit(f"The body is not UTF-8: byte {error.start} cannot be decoded.") from None
        except msgspec.DecodeError as error:
            raise _not_json(body, error) from None
        except RecursionError:
            raise Unfit("The body is nested too deeply.") from None
        return _plainly_named(_distinct(pairs))

    def _open_one_by_one(self, body: bytes) -> Fields:
        """As `open`, for a body with a value of another shape: that value alone is `Unread`."""
        try:
            raws = _plainly_named(_distinct(_bounded(_pairs, body).decode(body)))
        except msgspec.ValidationError:
            raise Unfit("The body is not a JSON object.") from None
        return {name: self._value(cast(msgspec.Raw, raw)) for name, raw in raws.items()}

    def _value(self, raw: msgspec.Raw) -> Any:
        text = bytes(raw)
        try:
            if text.startswith(b"{"):
                return _bounded(_pairs, text).decode(text)
            if text.startswith(b"["):
                return self._elements.decode(text)
            return msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Unread(_shown(text.decode(errors="replace")))


def _bounded(decoder: msgspec.json.Decoder[dict[_Key, Any]], body: bytes) -> msgspec.json.Decoder[dict[_Key, Any]]:
    """`decoder`, or for a large body one like it that counts members."""
    if len(body) <= _LARGE_BODY:
        return decoder
    return msgspec.json.Decoder(cast(Any, decoder.type), dec_hook=_Counting())


def _distinct(pairs: dict[_Key, Any]) -> Fields:
    fields = {key.name: value for key, value in pairs.items()}
    if len(fields) != len(pairs):
        seen: set[str] = set()
        twice = next(key.name for key in pairs if key.name in seen or seen.add(key.name))
        raise Unfit(f"{_shown(twice)} stands twice in the body; send it once.")
    return fields


def _plainly_named(fields: Fields) -> Fields:
    # Servers written in Go read a key whatever its case: what they obey must be what is read here.
    for name in fields:
        if name not in _POLICY and name.casefold() in _POLICY:
            raise Unfit(f"{_shown(name)} is another spelling of {name.casefold()}; write it in lower case.")
    return fields


def _check_depth(body: bytes) -> None:
    # A check costs as much as the parse, so that a large body is held only to the parser's own limit (a few hundred
    # levels), which is what keeps it from crashing anything; the lower limit is a courtesy to whoever parses next.
    if len(body) > _DEPTH_CHECKED_BYTES or body.count(b"{") + body.count(b"[") <= MAX_DEPTH:
        return
    if _TOO_DEEP in msgspec.json.format(body, indent=1):
        raise Unfit(f"The body is nested more than {MAX_DEPTH} levels deep.")


def _not_json(body: bytes, error: msgspec.DecodeError) -> Unfit:
    # Python and JavaScript tools write these three by mistake; the parser only names a position.
    found = _NOT_A_NUMBER.search(body)
    if found:
        return Unfit(f"{_shown(found[1].decode())} is {found[2].decode()}, which JSON does not have.")
    return Unfit(f"The body is not JSON: {error}.")


def _shown(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}..."


def _unfit(name: str, value: object, wanted: str) -> Unfit:
    match value:
        case Unread():
            shown = value.text
        case dict():
            shown = "an object"
        case list():
            shown = "an array"
        case bool() | str():
            shown = _shown(msgspec.json.encode(value).decode())
        case _:
            shown = _shown(str(value))
    return Unfit(f"{name} is {shown}; it must be {wanted}.")


def object_of(body: bytes) -> Fields | None:
    """The top-level values as `Raw`, None where the body is not a JSON object. Raises Unfit for a double key."""
    try:
        return _plainly_named(_distinct(_pairs.decode(body)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def whole_number(fields: Fields, name: str, highest: int = MAX_COUNT, shown_as: str | None = None) -> int | None:
    """The number from 1 to `highest` at `name`, None where it is absent or null. Raises Unfit for anything else."""
    value = fields.get(name)
    if value is None:
        return None
    if type(value) is not int or not 1 <= value <= highest:
        raise _unfit(shown_as or name, value, f"a whole number from 1 to {highest:,}")
    return value


def flag(fields: Fields, name: str, shown_as: str | None = None) -> bool:
    """The truth value at `name`; absent and null are False. Raises Unfit for anything else."""
    value = fields.get(name)
    if value is None or value is False:
        return False
    if value is not True:
        raise _unfit(shown_as or name, value, "true or false")
    return True


def name_at(fields: Fields, name: str) -> str | None:
    """The text at `name`, None where it is absent, null or empty. Raises Unfit for anything else."""
    value = fields.get(name)
    if value is None or value == "":
        return None
    if type(value) is not str or len(value) > MAX_NAME:
        raise _unfit(name, value, f"text of at most {MAX_NAME} characters")
    return value


def object_at(fields: Fields, name: str) -> Fields:
    """The object at `name`; empty where it is absent or null. Raises Unfit for anything else, or for a double key."""
    value = fields.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _unfit(name, value, "an object")
    pairs = cast(dict[_Key, Any], value)
    return {key: _nested(raw) for key, raw in _distinct(pairs).items()}


def one_of(fields: Fields, *names: str) -> str:
    """The one of several spellings of a field that is used, the first where none is. Raises Unfit when two are."""
    used = [name for name in names if fields.get(name) is not None]
    if len(used) > 1:
        raise Unfit(f"{used[0]} and {used[1]} are two spellings of one field; send one.")
    return used[0] if used else names[0]


def _nested(raw: msgspec.Raw) -> Any:
    """A scalar inside an object; an array or an object in there stays `Raw`."""
    text = bytes(raw)
    if text[:1] in (b"[", b"{"):
        return raw
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Unread(_shown(text.decode(errors="replace")))

"""Reading an object that a caller wrote, field by field, so that none is dropped in silence.

What was taken is remembered; `done` refuses whatever is left that is not null, because a field which nobody here knows may be what
the caller cares for most.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import msgspec

from tollway.translate.conversation import Untranslatable


class Malformed(ValueError):
    """A body that its own API would not take; the message names the field and what it must be."""


class Fields:
    """The fields of one object. `where` is its place in the body, as the messages name it: "messages[2].content[0]"."""

    __slots__ = ("_left", "_values", "where")

    def __init__(self, values: object, where: str = "") -> None:
        if not isinstance(values, Mapping):
            raise Malformed(f"{where or 'The body'} must be an object.")
        self._values = cast(Mapping[str, Any], values)
        self._left = {name for name, value in self._values.items() if value is not None}
        self.where = where

    def place(self, name: str) -> str:
        """The full name of a field, for messages."""
        return f"{self.where}.{name}" if self.where else name

    def raw(self, name: str) -> Any:
        """Whatever stands there; `None` where it is absent or null."""
        self._left.discard(name)
        return self._values.get(name)

    def has(self, name: str) -> bool:
        """Whether it is there and not null; it is not taken by asking."""
        return self._values.get(name) is not None

    def text(self, name: str) -> str | None:
        value = self.raw(name)
        if value is not None and not isinstance(value, str):
            raise self._unfit(name, "text")
        return value

    def needed(self, name: str) -> str:
        """As `text`, where the API must have it."""
        value = self.text(name)
        if value is None:
            raise Malformed(f"{self.place(name)} is missing; it must be text.")
        return value

    def flag(self, name: str) -> bool | None:
        value = self.raw(name)
        if value is not None and not isinstance(value, bool):
            raise self._unfit(name, "true or false")
        return value

    def integer(self, name: str) -> int | None:
        value = self.raw(name)
        if value is not None and type(value) is not int:
            raise self._unfit(name, "a whole number")
        return value

    def number(self, name: str) -> float | None:
        value = self.raw(name)
        if value is not None and type(value) not in (int, float):
            raise self._unfit(name, "a number")
        return value

    def mapping(self, name: str) -> dict[str, Any] | None:
        """An object that is carried as it is, such as a JSON schema."""
        value = self.raw(name)
        if value is not None and not isinstance(value, dict):
            raise self._unfit(name, "an object")
        return cast("dict[str, Any] | None", value)

    def nested(self, name: str) -> Fields | None:
        """An object that is read field by field as well."""
        value = self.raw(name)
        return None if value is None else Fields(value, self.place(name))

    def array(self, name: str) -> list[Any]:
        """Empty where it is absent."""
        value = self.raw(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._unfit(name, "an array")
        return cast("list[Any]", value)

    def each(self, name: str) -> Iterator[Fields]:
        """The objects of an array."""
        for number, value in enumerate(self.array(name)):
            yield Fields(value, f"{self.place(name)}[{number}]")

    def refuse(self, name: str, why: str) -> None:
        """Raises Untranslatable where the field is there and says anything: false, 0 and what is empty ask for nothing."""
        if self.raw(name):
            raise Untranslatable(self.place(name), why)

    def lose(self, *names: str) -> list[str]:
        """Takes fields that only tune the answer; gives back which of them were said."""
        said = {name: self.raw(name) for name in names}
        return [
            name for name, value in said.items() if value is not None and value is not False and value not in ({}, [])
        ]

    def done(self, ignored: Iterable[str] = ()) -> None:
        """Raises Untranslatable for the first field that nobody took. `ignored`: mean nothing to any other API."""
        for name in sorted(self._left.difference(ignored)):
            raise Untranslatable(
                self.place(name),
                "this field cannot be carried to the API that the model speaks; leave it out, or call a model of this API",
            )

    def _unfit(self, name: str, wanted: str) -> Malformed:
        return Malformed(f"{self.place(name)} must be {wanted}.")


_NONE: dict[str, Any] = {}


def object_in(value: object) -> dict[str, Any]:
    """An object of an answer; empty where it is anything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else _NONE


def objects_in(value: object) -> list[dict[str, Any]]:
    """The objects of an array of an answer."""
    if not isinstance(value, list):
        return []
    return [cast("dict[str, Any]", entry) for entry in cast("list[Any]", value) if isinstance(entry, dict)]


def text_in(value: object) -> str:
    """A text of an answer; empty where it is anything else."""
    return value if isinstance(value, str) else ""


def json_text(value: object) -> str:
    """A value as the JSON text of a tool's arguments."""
    return msgspec.json.encode(value).decode()


def object_of_json(text: str) -> dict[str, Any]:
    """A tool's arguments as an object.

    What is no JSON object is wrapped, as Anthropic's documentation of fine-grained streaming has it: an empty object would be
    another call.
    """
    if not text.strip():
        return {}
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {"INVALID_JSON": text}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {"INVALID_JSON": text}


def distinct(names: Iterable[str]) -> tuple[str, ...]:
    """Each name once, in the order of its first place."""
    return tuple(dict.fromkeys(names))

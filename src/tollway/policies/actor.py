"""Actors: the name of a bucket of money, in which `{field}` stands for what is known of the caller."""

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from tollway.errors import SettingsInvalid
from tollway.policies.fields import Path, dotted, field_of, instead_of, value_at

LONGEST = 256
"""Characters of an actor as it is written."""
LONGEST_RESOLVED = 512
"""Characters of the name of a bucket; a longer one is no name."""
_PARTS = re.compile(r"\{([^{}]*)\}|([^{}]+)|([{}])")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class Actor(msgspec.Struct, frozen=True):
    """`user:{cf.user.id}`, read: texts and fields in turn."""

    written: str
    parts: tuple[str | Path, ...]
    """A text as it is, a field by its path."""

    @property
    def needed(self) -> tuple[Path, ...]:
        return tuple(part for part in self.parts if isinstance(part, tuple))

    def of(self, values: Mapping[str, Any]) -> str | None:
        """The bucket of a caller; `None` where a field is missing, or is no single value."""
        found: list[str] = []
        for part in self.parts:
            text = part if isinstance(part, str) else _text(value_at(values, part))
            if text is None:
                return None
            found.append(text)
        resolved = "".join(found)
        return resolved if len(resolved) <= LONGEST_RESOLVED else None

    @property
    def pattern(self) -> str:
        """The same with `*` for every field, as budgets match values."""
        return "".join("*" if isinstance(part, tuple) else part for part in self.parts)


def read_actor(written: str, where: str) -> Actor:
    """Raises SettingsInvalid for a field that nothing has, with its column and the nearest that is known."""
    if not written.strip() or len(written) > LONGEST or not written.isprintable():
        raise SettingsInvalid(
            f'{where}: {written[:64]!r} names no bucket; write 1 to {LONGEST} characters on one line, such as "everyone" or '
            '"user:{cf.user.id}".'
        )
    parts: list[str | Path] = []
    for found in _PARTS.finditer(written):
        column = found.start() + 1
        if found[3] is not None:
            raise SettingsInvalid(
                f'{where}, column {column}: "{found[3]}" has no other half; write fields as {{cf.user.id}}. In: {written}'
            )
        if found[2] is not None:
            parts.append(found[2])
            continue
        path = tuple(part.strip() for part in found[1].split("."))
        field = field_of(path)
        if field is None or not all(_NAME.fullmatch(part) for part in path):
            raise SettingsInvalid(
                f'{where}, column {column}: nothing is called "{dotted(path)}"; {instead_of(path)} In: {written}'
            )
        if field.kind == "list":
            raise SettingsInvalid(
                f"{where}, column {column}: {dotted(path)} has many values, and a bucket one name; name the group, and say who is in "
                f'it in the condition: "engineering" in {dotted(path)}. In: {written}'
            )
        parts.append(path)
    return Actor(written, tuple(parts))


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value or None
    # A claim may be a number or a boolean; it is written as JSON has it.
    return json.dumps(value) if isinstance(value, bool | int | float) else None

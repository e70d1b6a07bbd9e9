"""Parts of the settings as they are written into a body: any JSON, as long as it is text that a file can hold."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, cast

import msgspec
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError


def check_text(fields: dict[str, Any]) -> dict[str, Any]:
    """The same fields. Raises PydanticCustomError naming the one with half a surrogate pair ("\\ud800") in it.

    RFC 8259, 8.2: JSON can write one, though no Unicode text has it, and neither a file nor the store takes it.
    """
    found = _broken(fields, ())
    if found is not None:
        raise PydanticCustomError(
            "text_invalid",
            "{field} is no text: it has half of a surrogate pair; write the whole character, or leave it out",
            {"field": found or "a field name"},
        )
    return fields


Fields = Annotated[dict[str, Any], AfterValidator(check_text)]
"""An object of a body whose every name and value is text."""


def schema_of(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON Schema of an entry of the settings, whole: what it is made of stands in the place of each reference, since
    one to "#/$defs/..." leads nowhere inside an OpenAPI document."""
    _, parts = msgspec.json.schema_components([kind])
    return cast("dict[str, Any]", _whole(parts[kind.__name__], parts))


def _whole(value: object, parts: Mapping[str, object]) -> object:
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, object]", value)
        reference = fields.get("$ref")
        if isinstance(reference, str):
            return _whole(parts[reference.rpartition("/")[2]], parts)
        return {name: _whole(inner, parts) for name, inner in fields.items()}
    if isinstance(value, list):
        return [_whole(inner, parts) for inner in cast("list[object]", value)]
    return value


def _broken(value: object, path: tuple[str, ...]) -> str | None:
    """The dotted path of the first text that is none; "" for the name of a field at the top."""
    if isinstance(value, str):
        return None if _is_text(value) else ".".join(path)
    if isinstance(value, Mapping):
        for name, inner in cast("Mapping[str, object]", value).items():
            if not _is_text(name):
                return ".".join(path)
            if (found := _broken(inner, (*path, name))) is not None:
                return found
    elif isinstance(value, Sequence):
        for number, inner in enumerate(cast("Sequence[object]", value)):
            if (found := _broken(inner, (*path, str(number)))) is not None:
                return found
    return None


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True

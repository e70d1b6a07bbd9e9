"""Parts of the settings as they are written into a body, and bodies as such: any JSON, as long as it is text that a file can
hold."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, cast

import msgspec
from fastapi import Request
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from tollway.admin.problem import Problem

_SUSPECT = re.compile(rb"\\u(?:[dD][89a-fA-F]|0000)")
"""How JSON writes what `text_only` looks for; many bodies have whole pairs."""


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


async def text_only(request: Request) -> None:
    """For every path that reads a body as JSON: one with half a surrogate pair in it, or with U+0000, is refused. Such text is
    taken by neither a file, the store nor an answer, or cut there. What a request to a model would be, `body`, may have U+0000.
    Raises Problem."""
    if _SUSPECT.search(await request.body()) is None:
        return
    try:
        given: object = await request.json()
    except ValueError:
        # It is for the path to say what else it takes.
        return
    found = _broken(given, ())
    if found is not None:
        words = "it has half of a surrogate pair; write the whole character, or leave it out"
        raise Problem(400, "body_invalid", f"{found or 'a field name'} is no text: {words}.")
    found = _broken(given, (), _without_nul)
    if found is not None:
        raise Problem(400, "body_invalid", f"{found or 'a field name'}: it has the character U+0000; leave it out.")


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


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _without_nul(value: str) -> bool:
    return "\x00" not in value


def _broken(value: object, path: tuple[str, ...], good: Callable[[str], bool] = _is_text) -> str | None:
    """The dotted path of the first text that is not `good`; "" for the name of a field at the top."""
    if isinstance(value, str):
        return None if good(value) else ".".join(path)
    if good is _without_nul and path[-1:] == ("body",):
        return None
    if isinstance(value, Mapping):
        for name, inner in cast("Mapping[str, object]", value).items():
            if not good(name):
                return ".".join(path)
            if (found := _broken(inner, (*path, name), good)) is not None:
                return found
    elif isinstance(value, Sequence):
        for number, inner in enumerate(cast("Sequence[object]", value)):
            if (found := _broken(inner, (*path, str(number)), good)) is not None:
                return found
    return None

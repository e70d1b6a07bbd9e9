"""Google's `Schema`, a part of OpenAPI 3.0 with names of its own, as JSON Schema.

Only this way: Google takes JSON Schema itself (`parametersJsonSchema`, `responseJsonSchema`), where nothing has to be dropped.
"""

from __future__ import annotations

from typing import Any, cast

from tollway.translate.conversation import Untranslatable
from tollway.translate.google_spelling import camel

_TYPES = ("string", "number", "integer", "boolean", "array", "object", "null")
_NUMBERED = {1: "string", 2: "number", 3: "integer", 4: "boolean", 5: "array", 6: "object", 7: "null"}
"""google.ai.generativelanguage.Type, for clients that write enumerations as numbers."""
_COUNTS = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})
_KEPT = frozenset(
    {
        *("title", "description", "enum", "format", "pattern", "minimum", "maximum", "default", "required"),
        *("additionalProperties", "$ref", "$defs", "const", "$schema", "$id", "$anchor"),
    }
)
_DEEPEST = 64


def json_schema(schema: Any, where: str, depth: int = 0) -> dict[str, Any]:
    """`schema` as JSON Schema. `where` names it in errors. Raises Untranslatable for a word that is not known."""
    if not isinstance(schema, dict):
        raise Untranslatable(where, "must be an object")
    if depth > _DEEPEST:
        raise Untranslatable(where, "is nested too deeply")
    written: dict[str, Any] = {}
    nullable = False
    order: list[str] = []
    for said, value in cast("dict[str, Any]", schema).items():
        name = camel(said)
        place = f"{where}.{said}"
        if value is None and name != "default":
            continue
        if name == "type":
            if (kind := _type(value, place)) is not None:
                written["type"] = kind
        elif name in ("properties", "defs", "$defs"):
            if not isinstance(value, dict):
                raise Untranslatable(place, "must be an object")
            written["properties" if name == "properties" else "$defs"] = {
                key: json_schema(one, f"{place}.{key}", depth + 1) for key, one in cast("dict[str, Any]", value).items()
            }
        elif name == "items":
            written["items"] = json_schema(value, place, depth + 1)
        elif name in ("anyOf", "oneOf", "allOf", "prefixItems"):
            written[name] = [
                json_schema(one, f"{place}[{number}]", depth + 1) for number, one in enumerate(cast("list[Any]", value))
            ]
        elif name in _COUNTS:
            # Google's JSON writes 64-bit counts as text.
            written[name] = int(str(value)) if str(value).isdecimal() else value
        elif name == "nullable":
            nullable = bool(value)
        elif name == "propertyOrdering":
            order = cast("list[str]", value)
        elif name == "example":
            written["examples"] = [value]
        elif name == "ref":
            written["$ref"] = str(value).replace("#/defs/", "#/$defs/")
        elif name in _KEPT:
            written[name] = value
        else:
            raise Untranslatable(place, "is not a word of Google's Schema; use parametersJsonSchema for JSON Schema")
    if order and "properties" in written:
        known = written["properties"]
        first = {name: known[name] for name in order if name in known}
        written["properties"] = first | known
    return _or_null(written) if nullable else written


def _type(value: Any, where: str) -> str | list[str] | None:
    if isinstance(value, list):
        kinds = [_type(one, where) for one in cast("list[Any]", value)]
        return [kind for kind in kinds if isinstance(kind, str)]
    name = _NUMBERED.get(value) if isinstance(value, int) else value.lower() if isinstance(value, str) else None
    if value in (0, "TYPE_UNSPECIFIED"):
        return None
    if name not in _TYPES:
        raise Untranslatable(where, f"must be one of {', '.join(kind.upper() for kind in _TYPES)}")
    return name


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    kind = schema.get("type")
    if isinstance(kind, str):
        allowed: dict[str, Any] = {"type": [kind, "null"]}
        if "enum" in schema and None not in schema["enum"]:
            allowed["enum"] = [*schema["enum"], None]
        return schema | allowed
    return {"anyOf": [schema, {"type": "null"}]}

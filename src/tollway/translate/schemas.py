"""JSON schemas as the structured outputs of Anthropic and OpenAI take them.

Anthropic's documentation of structured outputs: every object must be closed (`additionalProperties: false`), and bounds of numbers, lengths
and arrays are not known, nor most formats of texts. What is narrower still fits the wider schema, so objects are closed; bounds are
told in the description, where the model reads them, and are named as lost.
"""

from __future__ import annotations

from typing import Any, cast

_BOUNDS = (
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern",
    "maxItems", "uniqueItems", "minProperties", "maxProperties",
)  # fmt: skip
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
_MAPS = ("properties", "$defs", "definitions")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")


def strict_at_openai(schema: object) -> bool:
    """Whether OpenAI takes it as a strict one. Its documentation: every object is closed, and all its properties are required."""
    if isinstance(schema, list):
        return all(strict_at_openai(inner) for inner in cast("list[Any]", schema))
    if not isinstance(schema, dict):
        return True
    given = cast("dict[str, Any]", schema)
    properties = given.get("properties")
    if isinstance(properties, dict):
        required = given.get("required")
        named = cast("list[Any]", required) if isinstance(required, list) else []
        if given.get("additionalProperties") is not False or any(
            name not in named for name in cast("dict[str, Any]", properties)
        ):
            return False
    inners = [inner for name in _MAPS if isinstance(given.get(name), dict) for inner in given[name].values()]
    return all(strict_at_openai(inner) for inner in (*inners, *(given.get(name) for name in (*_LISTS, "items"))))


def closed(schema: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """`schema` as it is taken, and whether a bound had to go into a description."""
    found, moved = _closed(schema)
    return cast("dict[str, Any]", found), moved


def _closed(schema: object) -> tuple[object, bool]:
    if not isinstance(schema, dict):
        return schema, False
    given = cast("dict[str, Any]", schema)
    bounds = {name: given[name] for name in _BOUNDS if name in given}
    if type(least := given.get("minItems")) is int and least > 1:
        bounds["minItems"] = least
    if isinstance(form := given.get("format"), str) and form not in _FORMATS:
        bounds["format"] = form
    moved = bool(bounds)
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name in bounds:
            continue
        if name in _MAPS and isinstance(value, dict):
            pairs = {key: _closed(inner) for key, inner in cast("dict[str, Any]", value).items()}
            found[name] = {key: inner for key, (inner, _) in pairs.items()}
            moved = moved or any(was for _, was in pairs.values())
        elif name in _LISTS and isinstance(value, list):
            inners = [_closed(inner) for inner in cast("list[Any]", value)]
            found["anyOf" if name == "oneOf" and "anyOf" not in given else name] = [inner for inner, _ in inners]
            moved = moved or any(was for _, was in inners)
        elif name == "items":
            found[name], was = _closed(value)
            moved = moved or was
        else:
            found[name] = value
    kind = given.get("type")
    if kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in given:
        found.setdefault("additionalProperties", False)
    if bounds:
        told = ", ".join(f"{name}: {value}" for name, value in bounds.items())
        found["description"] = f"{given.get('description', '')} ({told})".strip()
    return found, moved

"""JSON schemas as Anthropic's structured outputs take them."""

from typing import Any

from tollway.translate.schemas import closed, strict_at_openai


def test_every_object_is_closed() -> None:
    inner: dict[str, Any] = {"type": "object", "properties": {"x": {"type": "string"}}}
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"a": inner, "b": {"type": "array", "items": inner}, "c": {"anyOf": [inner, {"type": "null"}]}},
        "$defs": {"d": inner},
    }
    found, moved = closed(schema)
    assert not moved
    for place in (
        found,
        found["properties"]["a"],
        found["properties"]["b"]["items"],
        found["properties"]["c"]["anyOf"][0],
        found["$defs"]["d"],
    ):
        assert place["additionalProperties"] is False
    assert "additionalProperties" not in schema


def test_an_object_that_is_open_by_its_own_word_stays_so() -> None:
    schema = {"type": "object", "additionalProperties": {"type": "number"}}
    assert closed(schema) == (schema, False)


def test_bounds_are_told_in_words() -> None:
    found, moved = closed({"type": "integer", "description": "Age", "minimum": 0, "maximum": 150})
    assert moved
    assert found == {"type": "integer", "description": "Age (minimum: 0, maximum: 150)"}


def test_a_bound_deep_inside_is_noticed() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string", "pattern": "^a"}}}}
    found, moved = closed(schema)
    assert moved
    assert found["properties"]["a"]["items"] == {"type": "string", "description": "(pattern: ^a)"}


def test_one_of_becomes_any_of() -> None:
    assert closed({"oneOf": [{"type": "string"}]})[0] == {"anyOf": [{"type": "string"}]}


def test_a_property_called_like_a_bound_is_kept() -> None:
    schema = {"type": "object", "properties": {"pattern": {"type": "string"}, "format": {"type": "string"}}}
    assert closed(schema)[0]["properties"] == schema["properties"]


def test_openai_is_strict_where_all_is_closed_and_required() -> None:
    leaf = {"type": "object", "properties": {"a": {}}, "required": ["a"], "additionalProperties": False}
    whole = {
        "type": "object",
        "properties": {"b": {"type": "array", "items": leaf}},
        "required": ["b"],
        "additionalProperties": False,
    }
    assert strict_at_openai(whole)
    for lacking in ({**leaf, "required": []}, {**leaf, "additionalProperties": True}):
        assert not strict_at_openai(lacking)
        assert not strict_at_openai({**whole, "properties": {"b": {"anyOf": [lacking]}}})

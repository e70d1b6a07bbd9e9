"""Google's Schema as JSON Schema."""

from typing import Any

import pytest

from tollway.translate.conversation import Untranslatable
from tollway.translate.google_schema import json_schema


def test_types_are_written_small_whether_they_are_words_or_numbers() -> None:
    schema = {"type": "OBJECT", "properties": {"a": {"type": 1}, "b": {"type": "ARRAY", "items": {"type": "integer"}}}}
    assert json_schema(schema, "s") == {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "array", "items": {"type": "integer"}}},
    }


def test_properties_stand_in_the_order_that_was_asked_for() -> None:
    schema = {"type": "OBJECT", "properties": {"b": {}, "a": {}, "c": {}}, "propertyOrdering": ["c", "a", "gone"]}
    assert list(json_schema(schema, "s")["properties"]) == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "STRING", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "STRING", "enum": ["a"], "nullable": True}, {"type": ["string", "null"], "enum": ["a", None]}),
        (
            {"anyOf": [{"type": "STRING"}], "nullable": True},
            {"anyOf": [{"anyOf": [{"type": "string"}]}, {"type": "null"}]},
        ),
        ({"type": "STRING", "nullable": False}, {"type": "string"}),
        ({"type": "TYPE_UNSPECIFIED", "description": "d"}, {"description": "d"}),
        ({"type": ["STRING", "NULL"]}, {"type": ["string", "null"]}),
        ({"min_items": "2", "maxItems": 3}, {"minItems": 2, "maxItems": 3}),
        ({"example": 1, "default": None}, {"examples": [1], "default": None}),
        ({"ref": "#/defs/x", "defs": {"x": {"type": "NULL"}}}, {"$ref": "#/$defs/x", "$defs": {"x": {"type": "null"}}}),
    ],
)
def test_each_word_has_its_counterpart(schema: dict[str, Any], said: dict[str, Any]) -> None:
    assert json_schema(schema, "s") == said


@pytest.mark.parametrize(
    ("schema", "field"),
    [
        ({"type": "TUPLE"}, "s.type"),
        ({"properties": {"a": {"unheard": 1}}}, "s.properties.a.unheard"),
        ({"properties": 1}, "s.properties"),
        ({"items": "x"}, "s.items"),
    ],
)
def test_what_is_not_known_is_refused_where_it_stands(schema: dict[str, Any], field: str) -> None:
    with pytest.raises(Untranslatable) as refused:
        json_schema(schema, "s")
    assert refused.value.field == field


def test_a_schema_as_deep_as_the_memory_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(200):
        deep = {"items": deep}
    with pytest.raises(Untranslatable, match="deeply"):
        json_schema(deep, "s")

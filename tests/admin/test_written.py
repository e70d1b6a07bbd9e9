import json
from typing import Any

import pytest
from pydantic_core import PydanticCustomError

from tollway.admin.written import check_text, schema_of
from tollway.document.written import BudgetDocument


def test_any_text_is_taken_as_it_is() -> None:
    fields = {"name": "a\n👩\u200d💻", "where": {"user": ["x", None, 1, 0.5, True]}, "limit": 3}
    assert check_text(fields) is fields


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "\ud800"}, "name is no text"),
        ({"where": {"user": ["a", {"b": "x\udc00y"}]}}, "where.user.1.b is no text"),
        ({"\ud800": 1}, "a field name is no text"),
        ({"where": {"\ud800": 1}}, "where is no text"),
    ],
)
def test_half_a_surrogate_pair_is_told_with_its_place(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(PydanticCustomError, match=said):
        check_text(fields)


def test_the_schema_of_an_entry_refers_to_nothing_outside_of_it() -> None:
    schema = schema_of(BudgetDocument)
    assert "$ref" not in json.dumps(schema)
    assert "do" in schema["properties"]["actions"]["items"]["properties"]

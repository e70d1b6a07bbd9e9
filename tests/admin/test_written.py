import json
from typing import Any

import pytest
from fastapi import Request
from pydantic_core import PydanticCustomError

from tollway.admin.problem import Problem
from tollway.admin.written import check_text, schema_of, text_only
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


async def asked(body: bytes) -> None:
    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    await text_only(Request({"type": "http", "method": "POST", "path": "/", "headers": []}, receive))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (rb'{"a": ["x", {"b": "\ud800"}]}', "a.1.b is no text"),
        (rb'{"a": {"\uDFFF": 1}}', "a is no text"),
        (rb'{"\ud83d": 1}', "a field name is no text"),
        (rb'{"a": "x\u0000y"}', "a: it has the character U+0000"),
        (rb'{"a": {"\u0000": 1}}', "a: it has the character U+0000"),
        (rb'{"body": {"a": "\udc00"}}', "body.a is no text"),
        (rb'"\ud800"', "a field name is no text"),
    ],
)
async def test_a_body_that_is_not_all_text_is_refused_with_the_place(body: bytes, said: str) -> None:
    with pytest.raises(Problem, match=said.replace("+", r"\+")) as raised:
        await asked(body)
    assert (raised.value.status, raised.value.code) == (400, "body_invalid")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        rb'{"a": "\ud83d\ude00 \\ud800 \\u0000"}',
        rb'{"request": {"body": {"messages": ["\u0000"]}}}',
        # What is no JSON is for the path to refuse.
        rb'{"a": "\ud800"',
    ],
)
async def test_a_body_that_is_text_is_let_through(body: bytes) -> None:
    await asked(body)

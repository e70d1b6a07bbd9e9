"""Fields of a caller's object: each is taken once, and what nobody took is refused."""

import pytest

from tollway.translate.conversation import Untranslatable
from tollway.translate.fields import Fields, Malformed, distinct, object_in, object_of_json, objects_in, text_in


def test_what_nobody_took_is_refused_by_its_full_name() -> None:
    fields = Fields({"a": 1, "b": {"c": 2, "d": 3}})
    fields.integer("a")
    nested = fields.nested("b")
    assert nested is not None
    nested.integer("c")
    with pytest.raises(Untranslatable) as refused:
        nested.done()
    assert refused.value.field == "b.d"
    fields.done()


def test_null_asks_for_nothing() -> None:
    Fields({"never_heard_of": None}).done()


def test_a_field_of_another_type_is_malformed() -> None:
    fields = Fields({"text": 1, "flag": "yes", "whole": 1.5, "number": True, "array": {}, "map": [], "nested": 4})
    for read in (
        lambda: fields.text("text"),
        lambda: fields.flag("flag"),
        lambda: fields.integer("whole"),
        lambda: fields.number("number"),
        lambda: fields.array("array"),
        lambda: fields.mapping("map"),
        lambda: fields.nested("nested"),
        lambda: fields.needed("absent"),
        lambda: Fields([]),
    ):
        with pytest.raises(Malformed):
            read()


@pytest.mark.parametrize("nothing", [None, False, 0, "", [], {}])
def test_a_refused_field_that_asks_for_nothing_is_let_through(nothing: object) -> None:
    Fields({"n": nothing}).refuse("n", "why")


def test_a_refused_field_says_why() -> None:
    with pytest.raises(Untranslatable, match=r"tools\[0\].n: why"):
        Fields({"n": 2}, "tools[0]").refuse("n", "why")


def test_lost_fields_are_named_where_they_say_something() -> None:
    fields = Fields({"store": True, "seed": 0, "prediction": None, "empty": {}})
    assert fields.lose("store", "seed", "prediction", "empty", "absent") == ["store", "seed"]
    fields.done()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        (" ", {}),
        ('{"a": 1}', {"a": 1}),
        ('{"a": ', {"INVALID_JSON": '{"a": '}),
        ("[1]", {"INVALID_JSON": "[1]"}),
    ],
)
def test_arguments_that_are_no_object_are_wrapped(text: str, found: object) -> None:
    assert object_of_json(text) == found


def test_odd_values_of_answers_are_passed_over() -> None:
    assert (object_in([]), objects_in({}), objects_in([1, {"a": 1}]), text_in(3)) == ({}, [], [{"a": 1}], "")


def test_each_name_is_kept_once() -> None:
    assert distinct(["b", "a", "b"]) == ("b", "a")

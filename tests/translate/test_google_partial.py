"""Calls whose arguments come piece by piece."""

from typing import Any

import pytest

from tollway.translate.google_partial import Partial


def call(*pieces: dict[str, Any]) -> dict[str, Any]:
    partial = Partial({"functionCall": {"name": "f", "willContinue": True}, "thoughtSignature": "c2ln"})
    for piece in pieces:
        partial.take({"partialArgs": [piece]})
    part = partial.part()
    assert part["thoughtSignature"] == "c2ln" and set(part["functionCall"]) == {"name", "args"}
    return part["functionCall"]["args"]


def test_pieces_of_one_text_are_joined() -> None:
    pieces = [
        {"jsonPath": "$.city", "stringValue": "Par", "willContinue": True},
        {"jsonPath": "$.city", "stringValue": "is"},
    ]
    assert call(*pieces) == {"city": "Paris"}


def test_a_text_that_was_whole_is_replaced_and_not_grown() -> None:
    assert call({"jsonPath": "$.a", "stringValue": "x"}, {"jsonPath": "$.a", "stringValue": "y"}) == {"a": "y"}


def test_a_path_leads_through_objects_and_arrays() -> None:
    assert call(
        {"jsonPath": "$.stops[1].name", "stringValue": "B"},
        {"jsonPath": "$.stops[0].name", "stringValue": "A"},
        {"jsonPath": "$['odd name'][\"x\"]", "numberValue": 3},
        {"jsonPath": "$.yes", "boolValue": False},
        {"jsonPath": "$.none", "nullValue": "NULL_VALUE"},
    ) == {"stops": [{"name": "A"}, {"name": "B"}], "odd name": {"x": 3}, "yes": False, "none": None}


@pytest.mark.parametrize("path", ["", "$", "$[3]", "$.a[99999999]", "$" + ".a" * 1000])
def test_a_place_that_makes_no_sense_fills_no_memory(path: str) -> None:
    args = call({"jsonPath": path, "stringValue": "x"})
    assert args in ({}, {"a": []})

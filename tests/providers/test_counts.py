"""Numbers as providers write them."""

import pytest

from tollway.providers.counts import added, beyond, count, doubt, reported
from tollway.usage import Usage


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (12, 12),
        (12.0, 12),
        (12.2, 13),
        ("12", 12),
        (" 12 ", 12),
        ("-3", -3),
        (-3, -3),
        (0, 0),
        (None, None),
        (True, None),
        ("", None),
        ("12 tokens", None),
        ("٣", 3),
        ("9" * 50, None),
        (float("nan"), None),
        (float("inf"), None),
        (1e300, None),
        (10**13, None),
        ([], None),
        ({}, None),
    ],
)
def test_a_count_is_a_whole_number_or_nothing(value: object, number: int | None) -> None:
    assert count(value) == number


def test_nothing_reported_is_not_zero() -> None:
    assert added(None, None) is None
    assert added(None, 0) == 0
    assert added(2, None, 3) == 5


@pytest.mark.parametrize("raw", [b"null", b"{}", b"[]", b"5", b'"x"', b"{", b""])
def test_a_usage_without_anything_in_it_is_none(raw: bytes) -> None:
    assert reported(raw) is None


def test_usage_that_adds_up_is_not_doubted() -> None:
    usage = Usage(input_tokens=3, output_tokens=2)
    assert doubt(usage, {"prompt_tokens": 3}, (("total_tokens", 5), ("other", None))) is None
    assert doubt(usage, {}, (("total_tokens", 6),)) == "total_tokens is 6, but input and output are 3 + 2"


@pytest.mark.parametrize(
    ("total", "given", "made", "rest"),
    [
        (113, 9, 10, 94),
        (113, 9, None, 104),
        (19, 9, 10, None),
        (18, 9, 10, None),
        (None, 9, 10, None),
        (113, None, 10, None),
        (113, -9, 10, None),
        (113, 9, -10, None),
        (10**11, 9, 10, None),
    ],
)
def test_what_a_total_has_beyond_its_parts_is_known_only_where_all_can_be(
    total: int | None, given: int | None, made: int | None, rest: int | None
) -> None:
    assert beyond(total, given, made) == rest

"""What records and entries are searched by, and where a page begins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.storage.fields import (
    ENTRY_FIELDS,
    GROUP_FIELDS,
    RECORD_FIELDS,
    check_fields,
    cursor,
    matches,
    read_cursor,
)


def test_every_field_that_is_known_may_be_asked_for_and_metadata_by_any_key() -> None:
    for known in (RECORD_FIELDS, ENTRY_FIELDS, GROUP_FIELDS):
        check_fields([*known, "metadata.team", "metadata.a.b", "metadata. "], known)
    check_fields([], frozenset())


@pytest.mark.parametrize("name", ["", "metadata", "metadata.", "Gateway", "amount", "user ", "metadatax.team"])
def test_any_other_field_is_refused_by_name_with_those_that_there_are(name: str) -> None:
    with pytest.raises(ValueError, match=r"choose from .*gateway.* and metadata.<key>") as raised:
        check_fields(["user", name], ENTRY_FIELDS)
    assert str(raised.value).startswith(f'"{name}" is not a field')


def test_the_first_unknown_field_is_the_one_that_is_named() -> None:
    with pytest.raises(ValueError, match='"x" is not a field'):
        check_fields(["user", "x", "y"], ENTRY_FIELDS)


def test_records_have_a_status_and_entries_a_kind_and_only_spend_has_days() -> None:
    assert {"status", "code", "feedback"} == RECORD_FIELDS - ENTRY_FIELDS
    assert {"kind"} == ENTRY_FIELDS - RECORD_FIELDS
    assert {"day", "hour"} == GROUP_FIELDS - ENTRY_FIELDS


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_a_cursor_is_read_as_it_was_made(at: int, number: int) -> None:
    assert read_cursor(cursor(at, number)) == (at, number)


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", "1", "1.", ".1", "-1.2", "1.2.3", "1 .2", "٣.٤", "²3.4", "1.x", "1e3.4", "NaN.1"),
        *("9223372036854775808.1", "1.9223372036854775808", "1.99999999999999999999"),
        *("9" * 5_000 + ".1", "1." + "0" * 5_000),
    ],
)
def test_what_is_no_cursor_is_refused_and_not_repeated_at_length(text: str) -> None:
    with pytest.raises(ValueError, match="is not a cursor"):
        read_cursor(text)
    with pytest.raises(ValueError, match="is not a cursor") as raised:
        read_cursor("x" * 5_000 + text)
    assert len(str(raised.value)) < 120


VALUES = {"user": "alice", "model": None, "metadata.team": "ml"}


@pytest.mark.parametrize(
    ("equals", "found"),
    [
        ({}, True),
        ({"user": "alice"}, True),
        ({"user": "alice", "metadata.team": "ml", "group": "eng"}, True),
        ({"user": "alice", "metadata.team": "web"}, False),
        ({"user": "Alice"}, False),
        ({"user": ""}, False),
        ({"model": ""}, True),
        ({"service": "", "metadata.topic": ""}, True),
        ({"metadata.team": ""}, False),
        ({"group": ""}, False),
        ({"service": "ci"}, False),
        ({"group": "eng"}, True),
        ({"group": "leads"}, True),
        ({"group": "en"}, False),
        ({"metadata.team.x": "ml"}, False),
    ],
)
def test_a_row_matches_when_every_value_that_is_asked_for_is_there(equals: dict[str, str], found: bool) -> None:
    assert matches(equals, VALUES, ("eng", "leads")) is found


def test_a_caller_without_groups_is_in_none() -> None:
    assert not matches({"group": "eng"}, VALUES, ())
    assert matches({"group": ""}, VALUES, ())
    assert matches({"group": ""}, VALUES, ("eng", ""))

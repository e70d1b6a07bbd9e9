"""Filters as SQL: what a caller wrote is bound, never built in, and means what it means in memory."""

import json
from typing import Any, Literal

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.storage.fields import ENTRY_FIELDS, GROUP_FIELDS, RECORD_FIELDS, matches
from tollway.storage.protocol import Filter
from tollway.storage.sql.filters import conditions, grouping

COLUMNS = 'occurred_at, at, gateway, provider, model, user, "key", service, code, status, kind, request_id, id, "groups", metadata'
HOSTILE = ["' OR 1=1 --", '"', "$.a", "a.b", "", "?", "1); DROP TABLE entries; --", "ü"]


def database(**values: Any) -> apsw.Connection:
    """One row with these values."""
    row = {
        "occurred_at": 5,
        "at": 5,
        "status": 200,
        "id": f"{values.get('request_id', 'r')}.1.charge",
        "groups": "[]",
        "metadata": "{}",
        **values,
    }
    connection = apsw.Connection(":memory:")
    for table in ("entries", "records"):
        connection.execute(f"CREATE TABLE {table} ({COLUMNS})")
        names = ", ".join(f'"{name}"' for name in row)
        connection.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))
    connection.execute("CREATE TABLE remarks (request_id, feedback, metadata)")
    return connection


def found(connection: apsw.Connection, where: Filter, table: Literal["records", "entries"] = "entries") -> bool:
    clauses, bindings = conditions(table, where)
    statement = f"SELECT count(*) FROM {table} WHERE {' AND '.join(clauses)}"
    return bool(connection.execute(statement, bindings).get)


def test_a_filter_of_nothing_finds_everything() -> None:
    assert conditions("entries", Filter()) == (["TRUE"], [])
    assert found(database(), Filter())


@pytest.mark.parametrize(
    ("since", "until", "within"),
    [
        (None, None, True),
        (5, None, True),
        (6, None, False),
        (None, 5, False),
        (None, 6, True),
        (5, 6, True),
        (0, 5, False),
    ],
)
@pytest.mark.parametrize("table", ["records", "entries"])
def test_a_span_has_its_start_and_not_its_end(
    table: Literal["records", "entries"], since: int | None, until: int | None, within: bool
) -> None:
    assert found(database(), Filter(since=since, until=until), table) is within


@pytest.mark.parametrize("name", sorted(ENTRY_FIELDS - {"group"}))
def test_every_field_of_an_entry_is_compared_by_value(name: str) -> None:
    connection = database(**{name: "x"})
    assert found(connection, Filter(equals={name: "x"}))
    assert not found(connection, Filter(equals={name: "X"}))
    assert not found(database(), Filter(equals={name: "x"}))


@pytest.mark.parametrize("name", sorted(RECORD_FIELDS - {"group", "status", "feedback"}))
def test_every_field_of_a_record_is_compared_by_value(name: str) -> None:
    assert found(database(**{name: "x"}), Filter(equals={name: "x"}), "records")
    assert not found(database(), Filter(equals={name: "x"}), "records")


def test_a_status_is_a_number_that_is_asked_for_as_text() -> None:
    assert found(database(status=429), Filter(equals={"status": "429"}), "records")
    assert not found(database(status=429), Filter(equals={"status": "42"}), "records")


@pytest.mark.parametrize("name", sorted(RECORD_FIELDS - {"group", "status", "feedback"}))
@pytest.mark.parametrize(("value", "none"), [(None, True), ("", True), ("x", False)])
def test_an_empty_value_asks_for_what_has_none(name: str, value: str | None, none: bool) -> None:
    assert found(database(**{name: value}), Filter(equals={name: ""}), "records") is none
    if name in ENTRY_FIELDS:
        assert found(database(**{name: value}), Filter(equals={name: ""})) is none


@pytest.mark.parametrize("table", ["records", "entries"])
def test_of_groups_and_metadata_too(table: Literal["records", "entries"]) -> None:
    for groups, none in (("[]", True), ('["eng"]', False), ('["eng", ""]', True)):
        assert found(database(groups=groups), Filter(equals={"group": ""}), table) is none
    for metadata, none in (("{}", True), ('{"topic": "tax"}', True), ('{"team": ""}', True), ('{"team": "ml"}', False)):
        assert found(database(metadata=metadata), Filter(equals={"metadata.team": ""}), table) is none


def test_one_field_may_be_none_while_another_has_a_value() -> None:
    row = database(user=None, model="m")
    assert found(row, Filter(equals={"user": "", "model": "m"}), "records")
    assert not found(row, Filter(equals={"user": "", "model": "n"}), "records")
    assert not found(row, Filter(equals={"user": "", "model": ""}), "records")


@pytest.mark.parametrize("value", [value for value in HOSTILE if value])
@pytest.mark.parametrize("name", ["user", "model", "metadata.team", "group"])
def test_whatever_is_asked_for_is_a_value_and_no_sql(name: str, value: str) -> None:
    assert not found(database(), Filter(equals={name: value}))
    clauses, bindings = conditions("entries", Filter(equals={name: value}))
    assert value in bindings
    assert value == "?" or value == '"' or all(value not in clause for clause in clauses)


@pytest.mark.parametrize("key", HOSTILE)
def test_a_key_of_metadata_may_hold_anything(key: str) -> None:
    connection = database(metadata=json.dumps({key: "x"}))
    assert found(connection, Filter(equals={f"metadata.{key}": "x"}))
    assert not found(connection, Filter(equals={f"metadata.{key}z": "x"}))


def test_a_request_is_found_by_the_index_of_its_entries_ids() -> None:
    connection = database(request_id="r1")
    assert found(connection, Filter(equals={"request_id": "r1"}))
    assert not found(connection, Filter(equals={"request_id": "r"}))
    clauses, bindings = conditions("entries", Filter(equals={"request_id": "r1"}))
    assert any("BETWEEN" in clause for clause in clauses)
    assert bindings == ["r1", "r1", "r1"]
    assert not any("BETWEEN" in clause for clause in conditions("records", Filter(equals={"request_id": "r1"}))[0])


@given(
    st.dictionaries(
        st.sampled_from(["user", "model", "group", "metadata.team"]), st.sampled_from(["a", "b", ""]), max_size=4
    ),
    st.fixed_dictionaries({"user": st.sampled_from(["a", "b", "", None]), "model": st.sampled_from(["a", "b"])}),
    st.lists(st.sampled_from(["a", "b", ""]), max_size=2),
    st.sampled_from([None, "a", "b", ""]),
)
@pytest.mark.parametrize("table", ["records", "entries"])
def test_sql_finds_what_memory_finds(
    table: Literal["records", "entries"],
    equals: dict[str, str],
    values: dict[str, str | None],
    groups: list[str],
    team: str | None,
) -> None:
    metadata = {} if team is None else {"team": team}
    connection = database(**values, groups=json.dumps(groups), metadata=json.dumps(metadata))
    known = {**values, **{f"metadata.{key}": value for key, value in metadata.items()}}
    assert found(connection, Filter(equals=equals), table) is matches(equals, known, groups)
    connection.close()


@pytest.mark.parametrize("name", sorted(GROUP_FIELDS - {"group"}))
def test_every_field_may_be_grouped_by(name: str) -> None:
    columns, joins, bindings = grouping([name])
    assert (len(columns), joins, bindings) == (1, "", [])
    database().execute(f"SELECT {columns[0]} FROM entries")


@pytest.mark.parametrize(
    ("at", "day", "hour"),
    [(0, "1970-01-01", "1970-01-01T00:00Z"), (1_782_910_799_999, "2026-07-01", "2026-07-01T12:00Z")],
)
def test_days_and_hours_are_those_of_utc(at: int, day: str, hour: str) -> None:
    columns, _, _ = grouping(["day", "hour"])
    assert database(occurred_at=at).execute(f"SELECT {', '.join(columns)} FROM entries").fetchall() == [(day, hour)]


def test_grouping_by_metadata_binds_its_key_and_by_group_joins_once() -> None:
    columns, joins, bindings = grouping(["metadata.a.b", "group", "metadata.c"])
    assert bindings == ["a.b", "c"]
    assert joins.count("JOIN") == 1
    connection = database(metadata='{"a.b": "x"}', groups='["eng", "leads"]')
    rows = connection.execute(f"SELECT {', '.join(columns)} FROM entries{joins}", bindings).fetchall()
    assert rows == [("x", "eng", None), ("x", "leads", None)]
    nobody = database().execute(f"SELECT {', '.join(columns)} FROM entries{joins}", bindings).fetchall()
    assert nobody == [(None, None, None)]

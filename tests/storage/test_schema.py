"""The tables: money is whole and never absent, and the statements' columns are there."""

import re

import pytest
import sqlalchemy as sa

from tollway.logs.record import LogRecord
from tollway.storage import schema
from tollway.storage.fields import ENTRY_FIELDS, RECORD_FIELDS
from tollway.storage.schema import metadata
from tollway.storage.sql import statements

TABLES = metadata.sorted_tables
COLUMNS = [(table, column) for table in TABLES for column in table.columns]
STATEMENTS = {name: value for name, value in vars(statements).items() if name.isupper() and isinstance(value, str)}


def test_these_are_the_tables() -> None:
    assert {table.name for table in TABLES} == {
        "intents",
        "entries",
        "releases",
        "balances",
        "marks",
        "records",
        "jobs",
        "settings",
        "resizes",
        "controls",
        "audit",
        "alerts",
        "deliveries",
        "snoozes",
        "budgets",
        "cabinet",
        "contexts",
        "spending",
        "traffic",
        "attributes",
        "sittings",
        "stops",
        "meters",
        "calls",
        "apart",
        "remarks",
        "freezes",
        "frozen",
    }


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_is_strict_and_has_a_key(table: sa.Table) -> None:
    assert table.dialect_options["sqlite"]["strict"]
    assert list(table.primary_key)


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=lambda value: str(value))
def test_money_and_instants_are_whole_numbers_and_never_null_but_for_what_has_not_come_yet(
    table: sa.Table, column: sa.Column[object]
) -> None:
    if column.name.endswith("_nanodollars") or column.name == "at" or column.name.endswith("_at"):
        assert isinstance(column.type, sa.BigInteger)
        assert column.nullable is ((table.name, column.name) in schema.OPTIONAL)


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=lambda value: str(value))
def test_no_column_holds_a_float(table: sa.Table, column: sa.Column[object]) -> None:
    assert isinstance(column.type, sa.Text | sa.LargeBinary | sa.Integer | sa.BigInteger)
    assert not isinstance(column.type, sa.Numeric)


def test_what_makes_a_second_writing_harmless_is_unique() -> None:
    def unique(table: sa.Table) -> set[tuple[str, ...]]:
        return {
            tuple(column.name for column in constraint.columns)
            for constraint in table.constraints
            if isinstance(constraint, sa.UniqueConstraint | sa.PrimaryKeyConstraint)
        }

    assert ("id",) in unique(schema.entries)
    assert ("reservation_id",) in unique(schema.intents)
    assert ("reservation_id",) in unique(schema.releases)
    assert ("account", "bucket") in unique(schema.balances)
    assert ("reservation_id", "number") in unique(schema.resizes)
    assert ("key",) in unique(schema.alerts)
    assert ("alert_id", "channel") in unique(schema.deliveries)


def test_the_log_and_the_ledger_can_be_searched_by_every_field_they_promise() -> None:
    given = {"group": "groups"}
    assert {given.get(name, name) for name in ENTRY_FIELDS} <= set(schema.entries.columns.keys())
    said_afterwards = {"feedback"}
    assert said_afterwards <= set(schema.remarks.columns.keys())
    assert {given.get(name, name) for name in RECORD_FIELDS - said_afterwards} <= set(schema.records.columns.keys())


def test_pages_and_look_ups_have_an_index() -> None:
    indexed = {(index.table.name, *(c.name for c in index.columns)) for table in TABLES for index in table.indexes}
    assert {("entries", "occurred_at"), ("records", "at"), ("records", "request_id")} <= indexed


@pytest.mark.parametrize("name", [name for name, text in STATEMENTS.items() if text.strip().startswith("INSERT")])
def test_what_is_inserted_has_a_value_for_every_column_it_names(name: str) -> None:
    found = re.search(r"INTO (\w+) \(([^)]*)\)\s*(?:VALUES \(([^)]*)\)|SELECT ([?\d, ]+))", STATEMENTS[name])
    assert found is not None
    table = metadata.tables[found[1]]
    columns = [column.strip().strip('"') for column in found[2].split(",")]
    assert set(columns) <= set(table.columns.keys())
    assert len((found[3] or found[4]).split(",")) == len(columns)
    required = {c.name for c in table.columns if not c.nullable and not (c.primary_key and c.autoincrement == "auto")}
    assert required <= set(columns)


def test_a_record_has_room_for_what_it_is_searched_by() -> None:
    own = {"seq", "record", "model"}
    assert set(schema.records.columns.keys()) - own <= set(LogRecord.__struct_fields__)

"""The tables that are made of ledger and log: each row is found by what it is a sum, or a line, of."""

import pytest

from tollway.storage import schema, schema_rolled
from tollway.storage.analytics import MEASURES

KEYS = {
    "contexts": ["id"],
    "spending": ["level", "slot", "context", "kind"],
    "traffic": ["level", "slot", "context", "status"],
    "attributes": ["name", "value"],
    "sittings": ["user", "name", "first_at"],
    "stops": ["downgraded", "at", "seq"],
    "meters": ["level", "slot", "context", "meter"],
    "calls": ["level", "slot", "context"],
    "apart": ["kind", "at", "seq"],
}


def test_they_are_of_one_metadata_with_the_others() -> None:
    assert schema.metadata is schema_rolled.metadata
    assert KEYS.keys() < schema.metadata.tables.keys()


@pytest.mark.parametrize("name", KEYS)
def test_a_row_is_found_by_its_key_alone(name: str) -> None:
    assert [column.name for column in schema.metadata.tables[name].primary_key] == KEYS[name]


@pytest.mark.parametrize("name", ["spending", "traffic"])
def test_every_measure_has_a_column_that_is_never_null(name: str) -> None:
    columns = schema.metadata.tables[name].columns
    measures = MEASURES["spending" if name == "spending" else "traffic"]
    assert [column.name for column in columns][4:] == list(measures)
    assert not any(columns[measure].nullable for measure in measures)

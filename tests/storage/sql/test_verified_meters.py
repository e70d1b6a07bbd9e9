"""Verifying the sums of statements finds whatever differs from the ledger, and only that."""

import pytest
from tests.storage.sql.test_meters import filled

from tollway.storage.sql import rollups
from tollway.storage.sql.verified import verified
from tollway.storage.sql.verified_meters import differences


def words(statement: str = "") -> list[str]:
    """What is found once that was done to sums that were right."""
    rolling = filled()
    rolling.settle(rolling.entries[0].occurred_at, 3, user="u0", metadata={"team": "ml"})
    rolling.roll()
    if statement:
        rolling.connection.execute(statement)
        assert rolling.connection.changes() == 1
        assert verified(rolling.connection).differences
    return list(differences(rolling.connection, rollups.attributes(rolling.connection)))


def test_sums_that_are_right_have_no_difference_and_what_they_lack_is_none() -> None:
    assert words() == []
    rolling = filled()
    assert list(differences(rolling.connection, rollups.attributes(rolling.connection))) == []


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize(
    ("table", "column", "said"),
    [
        ("meters", "amount_nanodollars", "US dollars, the ledger has 0.0000"),
        ("meters", "quantity", "quantity is "),
        ("calls", "entries", "u0: entries: "),
        ("calls", "attempts", "u0: calls: "),
        ("calls", "unpriced", "calls without a price: "),
        ("calls", "presumed", "presumed calls: "),
    ],
)
def test_one_more_in_one_cell_is_found(table: str, column: str, said: str, level: int) -> None:
    key = "level, slot, context" + (", meter" if table == "meters" else "")
    found = words(
        f"UPDATE {table} SET {column} = {column} + 1 WHERE ({key}) = (SELECT {key} FROM {table} WHERE level = {level} LIMIT 1)"
    )
    assert found and all(each.startswith("Statements, 2026-0") and said in each for each in found), found


def test_a_difference_of_metadata_is_told_by_its_value() -> None:
    found = words(
        "UPDATE meters SET amount_nanodollars = 4 WHERE level = 1 AND amount_nanodollars = 3 "
        "AND context IN (SELECT id FROM contexts WHERE metadata LIKE '%ml%')"
    )
    assert any(
        "team, ml, input: amount is 0.000000004 US dollars, the ledger has 0.000000003" in each for each in found
    )


def test_a_cell_that_is_gone_and_one_too_many_are_found() -> None:
    one = "(level, slot, context) = (SELECT level, slot, context FROM calls WHERE level = 1 ORDER BY slot DESC LIMIT 1)"
    (gone,) = words(f"DELETE FROM calls WHERE {one}")
    assert "entries: 0, the ledger has " in gone
    gone, more = words(f"UPDATE calls SET slot = slot + 1000 WHERE {one}")
    assert "entries: 0, the ledger has " in gone and "the ledger has 0" in more


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM apart WHERE seq = (SELECT min(seq) FROM apart WHERE kind = 'credit')", "entry 4 (credit, "),
        ("INSERT INTO apart VALUES ('charge', 5, 1)", "entry 1 (charge, 1970-01-01T00:00:00.005Z) is noted among"),
    ],
)
def test_what_is_noted_apart_wrongly_or_not_at_all_is_found(statement: str, said: str) -> None:
    (found,) = words(statement)
    assert said in found


def test_where_no_statement_is_made_of_them_any_more_they_may_be_wrong() -> None:
    rolling = filled()
    rolling.roll()
    rolling.connection.execute("UPDATE meters SET quantity = quantity + 1")
    rolling.connection.execute("INSERT INTO marks VALUES ('meters_inexact', 1)")
    assert list(differences(rolling.connection, rollups.attributes(rolling.connection))) == []

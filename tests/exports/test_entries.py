import json
from typing import Any

from tests.exports.ledger import CONTEXT, charged, every_kind

from tollway.exports.entries import entries_table, spends
from tollway.ledger.entry import LedgerEntry


def shown(entry: LedgerEntry) -> dict[str, Any]:
    table = entries_table(openings=True)
    (row,) = table.rows(entry)
    return {column.name: cell for column, cell in zip(table.columns, row, strict=True)}


def test_amounts_add_up_to_the_ledger_without_openings() -> None:
    table = entries_table()
    place = [column.name for column in table.columns].index("amount_usd")
    amounts = [row[place] for row in table.rows_of(every_kind())]
    assert sum(int(amount) for amount in amounts if amount is not None) == sum(
        entry.charge.amount for entry in every_kind() if spends(entry)
    )
    assert len(amounts) == len(every_kind()) - 1


def test_openings_are_there_where_they_are_asked_for() -> None:
    (opening,) = [entry for entry in every_kind() if entry.kind == "opening"]
    assert list(entries_table().rows(opening)) == []
    assert shown(opening)["kind"] == "opening"


def test_a_cost_that_is_not_known_is_null() -> None:
    (unpriced,) = [entry for entry in every_kind() if entry.kind == "unpriced"]
    found = shown(unpriced)
    assert (found["amount_usd"], found["basis"], found["lines"]) == (None, None, None)
    assert found["input_tokens"] == 12_345


def test_a_row_has_who_what_and_why() -> None:
    found = shown(charged())
    assert found["user"] == CONTEXT.user
    assert json.loads(found["metadata"]) == CONTEXT.metadata
    assert json.loads(found["groups"]) == ["eng"]
    assert json.loads(found["accounts"]) == ["company"]
    assert json.loads(found["lines"])[0] == {
        "meter": "input",
        "quantity": 10_000,
        "unit_price": {"amount_usd": "1.25", "per": 1_000_000},
        "amount_usd": "0.0125",
    }
    assert (found["input_tokens"], found["cache_read_input_tokens"], found["output_tokens"]) == (12_345, 2_345, 677)
    assert found["reasoning_output_tokens"] is None

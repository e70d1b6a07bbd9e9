import json

import msgspec

from tollway.exports.logs import Remarked, logs_table, remarked_table
from tollway.logs.remark import Remark
from tollway.money import Money
from tollway.pricing.charge import Charge
from tollway.storage.conformance.records import record
from tollway.usage import Usage


def test_a_request_is_a_row() -> None:
    table = logs_table()
    written = record("r", user="ann", metadata={"team": "ml"}, groups=("eng",), usage=Usage(input_tokens=3))
    written = msgspec.structs.replace(written, charge=Charge(Money(5)), saved=Money(7), cached=True)
    (row,) = table.rows(written)
    found = {column.name: cell for column, cell in zip(table.columns, row, strict=True)}
    assert found["request_id"] == "r"
    assert (found["amount_usd"], found["saved_usd"], found["basis"]) == (5, 7, "metered")
    assert json.loads(str(found["metadata"])) == {"team": "ml"}
    assert (found["input_tokens"], found["output_tokens"]) == (3, None)
    assert (found["total_us"], found["overhead_us"]) == (1_000, 100)


def test_what_was_not_charged_has_no_amount() -> None:
    table = logs_table()
    (row,) = table.rows(record("r"))
    found = {column.name: cell for column, cell in zip(table.columns, row, strict=True)}
    assert (found["amount_usd"], found["basis"], found["saved_usd"]) == (None, None, None)


def test_what_was_said_of_a_request_is_beside_it() -> None:
    table = remarked_table()
    said = Remark(
        request_id="r", recorded_at=1, at=2, by="ann", feedback=-1, score_millionths=-250_000, metadata={"seen": "yes"}
    )
    names = [column.name for column in table.columns]
    (row,), (silent,) = table.rows(Remarked(record("r"), said)), table.rows(Remarked(record("s"), None))
    assert names[-3:] == ["feedback", "score", "added_metadata"]
    assert tuple(row[-3:]) == (-1, "-0.25", '{"seen":"yes"}')
    assert tuple(silent[-3:]) == (None, None, None)
    assert len(row) == len(silent) == len(names)

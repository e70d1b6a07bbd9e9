from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from tollway.exports import ndjson
from tollway.exports.columns import Column, Row
from tollway.exports.parquet import ParquetUnavailable, check_installed, convert, told_apart

COLUMNS = (
    Column("it's", "text", ""),
    Column("count", "integer", ""),
    Column("amount", "money", ""),
    Column("price", "decimal", ""),
    Column("at", "instant", ""),
    Column("yes", "boolean", ""),
    Column("more", "json", ""),
)


def converted(folder: Path, rows: list[Row]) -> str:
    source, target = folder / "o'clock.rows", folder / "o'clock.parquet"
    source.write_bytes(ndjson.loadable(COLUMNS, rows))
    convert(COLUMNS, source, target)
    return str(target)


def test_every_kind_is_read_back_exactly_and_in_order(tmp_path: Path) -> None:
    odd = 'a\x00b "c" \n\\ é \U0001f600'
    path = converted(
        tmp_path,
        [
            (odd, 2**63 - 1, 2**63 - 1, "0.000000000000000001", 1_790_814_600_123, True, '{"a": 1}'),
            ("", -1, -1, "-12345678.5", None, False, None),
            (None,) * len(COLUMNS),
        ],
    )
    found = duckdb.execute('SELECT * REPLACE (epoch_ms("at") AS "at") FROM read_parquet(?)', [path]).fetchall()
    assert found == [
        (odd, 2**63 - 1, Decimal("9223372036.854775807"), Decimal("1E-18"), 1_790_814_600_123, True, '{"a": 1}'),
        ("", -1, Decimal("-0.000000001"), Decimal("-12345678.5"), None, False, None),
        (None,) * len(COLUMNS),
    ]


def test_columns_have_types(tmp_path: Path) -> None:
    path = converted(tmp_path, [])
    found = duckdb.execute("DESCRIBE SELECT * FROM read_parquet(?)", [path]).fetchall()
    assert {name: kind for name, kind, *_ in found} == {
        "it's": "VARCHAR",
        "count": "BIGINT",
        "amount": "DECIMAL(38,9)",
        "price": "DECIMAL(38,18)",
        "at": "TIMESTAMP WITH TIME ZONE",
        "yes": "BOOLEAN",
        "more": "VARCHAR",
    }


def test_columns_whose_names_differ_in_case_alone_are_two(tmp_path: Path) -> None:
    names = ["a.Team", "a.team", "a.team (2)", "A.TEAM", "b"]
    columns = told_apart([Column(name, "text", "") for name in names])
    assert [column.name for column in columns] == ["a.Team", "a.team (3)", "a.team (2)", "A.TEAM (4)", "b"]
    source, target = tmp_path / "rows", tmp_path / "made.parquet"
    source.write_bytes(ndjson.loadable(columns, [tuple("12345"), (None, "x", None, "y", "z")]))
    convert(columns, source, target)
    found = duckdb.execute("SELECT * FROM read_parquet(?)", [str(target)]).fetchall()
    assert found == [tuple("12345"), (None, "x", None, "y", "z")]


def test_columns_that_are_told_apart_already_keep_their_names() -> None:
    assert told_apart(COLUMNS) == COLUMNS


def test_where_duckdb_is_missing_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tollway.exports.parquet.find_spec", lambda name: None)
    with pytest.raises(ParquetUnavailable, match=r"pip install 'tollway\[export\]'"):
        check_installed()

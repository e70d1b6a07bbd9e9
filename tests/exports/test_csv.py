import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.exports.columns import Column
from tollway.exports.csv import escaped, heading, lines, unescaped

COLUMNS = (
    Column("a text", "text", ""),
    Column("count", "integer", ""),
    Column("amount", "money", ""),
    Column("price", "decimal", ""),
    Column("at", "instant", ""),
    Column("from", "second", ""),
    Column("yes", "boolean", ""),
    Column("more", "json", ""),
)


def test_every_kind_is_written_exactly() -> None:
    row = ("x", -3, -1_500_000_000, "0.000000000000000001", 1_790_814_600_123, 1_790_814_600_123, True, '{"a":1}')
    assert heading(COLUMNS) == b"a text,count,amount,price,at,from,yes,more\r\n"
    assert lines(COLUMNS, [row]) == (
        b'x,-3,-1.5,0.000000000000000001,2026-10-01T00:30:00.123Z,2026-10-01T00:30:00Z,true,"{""a"":1}"\r\n'
    )


def test_what_is_not_known_is_an_empty_cell() -> None:
    assert lines(COLUMNS, [(None,) * len(COLUMNS)]) == b",,,,,,,\r\n"


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_no_text_is_a_formula(begins: str) -> None:
    text = f'{begins}HYPERLINK("http://x";A1)'
    assert escaped(text) == f"'{text}"
    assert unescaped(escaped(text)) == text
    (cell,) = next(csv.reader(io.StringIO(lines(COLUMNS[:1], [(text,)]).decode(), newline="")))
    assert cell == f"'{text}"


def test_texts_stay_as_they_are_where_a_program_reads_them() -> None:
    assert lines(COLUMNS[:1], [("@cf/meta/llama",)], spreadsheet=False) == b"@cf/meta/llama\r\n"


def test_a_negative_amount_stays_a_number() -> None:
    assert lines(COLUMNS[2:3], [(-1,)]) == b"-0.000000001\r\n"


@given(st.text(alphabet="'=+-@\t\r\nab\",;", max_size=8))
def test_what_was_escaped_can_be_told_from_what_was_not(text: str) -> None:
    assert unescaped(escaped(text)) == text
    assert not escaped(text).startswith(tuple("=+-@\t\r\n"))


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_any_text_is_read_back(texts: list[str]) -> None:
    written = lines(COLUMNS[:1], [(text,) for text in texts], spreadsheet=False).decode()
    assert [row[0] for row in csv.reader(io.StringIO(written, newline=""))] == texts


def test_half_a_surrogate_pair_does_not_end_a_file() -> None:
    assert lines(COLUMNS[:1], [("a\ud83d",)]) == b"a\\ud83d\r\n"

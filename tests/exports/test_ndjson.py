import json

from tollway.exports.columns import Column
from tollway.exports.ndjson import lines, loadable

COLUMNS = (
    Column("name", "text", ""),
    Column("count", "integer", ""),
    Column("amount", "money", ""),
    Column("at", "instant", ""),
    Column("from", "second", ""),
    Column("yes", "boolean", ""),
    Column("more", "json", ""),
)
ROW = ("=x\n", 3, 10**18 + 1, 1_790_814_600_123, 1_790_814_600_123, False, '{"a":[1]}')


def test_a_line_is_an_object_with_exact_amounts() -> None:
    (line,) = lines(COLUMNS, [ROW]).splitlines()
    assert json.loads(line) == {
        "name": "=x\n",
        "count": 3,
        "amount": "1000000000.000000001",
        "at": "2026-10-01T00:30:00.123Z",
        "from": "2026-10-01T00:30:00Z",
        "yes": False,
        "more": {"a": [1]},
    }


def test_what_is_not_known_is_null() -> None:
    assert set(json.loads(lines(COLUMNS, [(None,) * len(COLUMNS)])).values()) == {None}


def test_documents_are_text_for_whoever_is_told_the_types() -> None:
    assert json.loads(loadable(COLUMNS, [ROW]))["more"] == '{"a":[1]}'


def test_half_a_surrogate_pair_does_not_end_a_file() -> None:
    assert json.loads(lines(COLUMNS[:2], [("a\ud83d", 1)])) == {"name": "a\\ud83d", "count": 1}

"""Statements for SQLite, as PostgreSQL is told them: whatever stands in quotes stays, and every one of ours is understood."""

import ast
import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway import storage
from tollway.storage import sql
from tollway.storage.postgres import schema
from tollway.storage.postgres.dialect import bound, translated
from tollway.storage.postgres.driver import Connection
from tollway.storage.sql import outstanding, rollups
from tollway.storage.sql import statements as sql_statements

CHARACTERS = st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00")
TEXT = st.text(CHARACTERS, max_size=20)
QUOTED = TEXT.map(lambda text: "'" + text.replace("'", "''") + "'")
NAME = TEXT.map(lambda text: '"' + text.replace('"', "") + '"')
JSON_TEXT = st.text(st.sampled_from('\x00\\u02"{[ab␀'), max_size=8)
PLAIN = st.sampled_from(["SELECT", "users", "user_id", "a.b", "=", ",", "(", ")", "||", "?|", "1", "->> 0", "x"])
COMMENT = st.text(st.characters(blacklist_characters="\n", blacklist_categories=("Cs",))).map(
    lambda text: f"--{text}\n"
)


def told(text: str) -> str:
    """Without what only parts words."""
    return " ".join(text.split())


@given(QUOTED)
def test_a_literal_stays_as_it_is_whatever_is_in_it(literal: str) -> None:
    assert translated(f"SELECT {literal} , ?", (1,)) == f"SELECT {literal} , $1::bigint"


@given(NAME)
def test_a_quoted_name_stays_as_it_is_whatever_is_in_it(name: str) -> None:
    assert translated(f"SELECT {name} , ?", ("x",)) == f"SELECT {name} , $1::text"


@given(COMMENT)
def test_a_comment_is_left_out_whatever_is_in_it(comment: str) -> None:
    assert translated(f"SELECT ? {comment}, ?", (b"", None)) == "SELECT $1::bytea \n, $2"


@given(st.lists(st.one_of(QUOTED, NAME, st.just("?"), st.just("user"), st.just("c.user")), max_size=12))
def test_parameters_are_numbered_in_the_order_in_which_they_stand(parts: list[str]) -> None:
    number = 0
    expected: list[str] = []
    for part in parts:
        if part == "?":
            number += 1
            expected.append(f"${number}")
        else:
            expected.append({"user": '"user"', "c.user": 'c."user"'}.get(part, part))
    assert translated(" , ".join(parts)) == " , ".join(expected)


@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), max_size=12))
def test_a_numbered_parameter_keeps_its_number_and_one_without_is_the_next(parts: list[tuple[int, bool]]) -> None:
    last = 0
    expected: list[str] = []
    for number, named in parts:
        last = number if named else last + 1
        expected.append(f"${last}")
    assert translated(",".join(f"?{number}" if named else "?" for number, named in parts)) == ",".join(expected)


@given(st.integers(0, 40), st.data())
def test_each_has_the_type_of_what_is_bound_to_it(count: int, data: st.DataObject) -> None:
    types = {int: "::bigint", bool: "::bigint", str: "::text", bytes: "::bytea", type(None): ""}
    values = data.draw(st.lists(st.sampled_from([1, True, "x", b"x", None]), min_size=count, max_size=count))
    statement = ", ".join("?" * count)
    assert translated(statement, values) == ", ".join(
        f"${place}{types[type(value)]}" for place, value in enumerate(values, start=1)
    )
    assert translated(statement) == ", ".join(f"${place}" for place in range(1, count + 1))


def test_what_is_not_the_same_sql_is_told_differently() -> None:
    assert translated("SELECT x'00fF', X''") == "SELECT '\\x00fF'::bytea, '\\x'::bytea"
    assert told(translated("SELECT user, user_id, users, r.user FROM t NOT INDEXED")) == (
        'SELECT "user", user_id, users, r."user" FROM t'
    )
    assert told(translated("SELECT 1 FROM t INDEXED BY t_at WHERE a")) == "SELECT 1 FROM t WHERE a"
    assert translated("BEGIN IMMEDIATE") == "BEGIN"
    assert translated("SELECT \"user\", 'user ? -- x'") == "SELECT \"user\", 'user ? -- x'"


@pytest.mark.parametrize(
    ("statement", "meant"),
    [
        ("x ON CONFLICT (account, bucket) DO", "x ON CONFLICT (brief(account), bucket) DO"),
        ('x ON CONFLICT ("key") DO NOTHING', 'x ON CONFLICT (brief("key")) DO NOTHING'),
        ("x ON CONFLICT (target) DO", "x ON CONFLICT (brief(target)) DO"),
        ("x ON CONFLICT (id) DO", "x ON CONFLICT (id) DO"),
        ("FROM balances WHERE account = ?", "FROM balances WHERE brief(account) = brief($1)"),
        ("FROM sittings WHERE user = ? AND z", 'FROM sittings WHERE brief("user") = brief($1) AND z'),
        (
            "FROM sittings WHERE user = ?1 AND name = ?2 AND z",
            'FROM sittings WHERE brief("user") = brief($1) AND brief(name) = brief($2) AND z',
        ),
    ],
)
def test_rows_whose_key_may_be_of_any_length_are_found_by_what_is_brief(statement: str, meant: str) -> None:
    assert translated(statement) == meant


@given(st.lists(st.one_of(QUOTED, NAME, PLAIN, COMMENT), max_size=10).map(" ".join))
def test_what_was_translated_says_the_same_a_second_time(statement: str) -> None:
    once = translated(statement)
    assert translated(once) == once


def test_more_translations_than_are_remembered_are_made_again() -> None:
    for number in range(2_100):
        assert translated(f"SELECT {number}, ?", (1,)) == f"SELECT {number}, $1::bigint"
    assert translated("SELECT 0, ?", ("x",)) == "SELECT 0, $1::text"


@given(st.one_of(st.integers(-(2**63), 2**63 - 1), TEXT, st.binary(), st.none()))
def test_a_value_is_bound_as_it_is(value: object) -> None:
    assert bound(value) == value
    assert type(bound(value)) is type(value)


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**30])
def test_a_number_beyond_64_bits_is_refused(value: int) -> None:
    with pytest.raises(OverflowError, match=f"{value} is more than 64 bits hold"):
        bound(value)


def test_a_yes_or_no_is_a_number() -> None:
    assert [bound(True), bound(False)] == [1, 0]
    assert type(bound(True)) is int


@given(st.text(st.sampled_from("\x00ab\\u0"), max_size=20))
def test_no_text_holds_the_character_that_postgresql_cannot(text: str) -> None:
    made = bound(text)
    assert "\x00" not in made
    assert made.replace("␀", "\x00") == text


@given(st.dictionaries(JSON_TEXT, JSON_TEXT, max_size=3), st.lists(JSON_TEXT, max_size=3))
def test_nor_does_the_json_that_is_looked_into_and_it_says_the_same_but_for_the_picture(
    members: dict[str, str], items: list[str]
) -> None:
    def shown(text: str) -> str:
        return text.replace("\x00", "␀")

    assert json.loads(bound(json.dumps(items))) == [shown(text) for text in items]
    assert list(json.loads(bound(json.dumps(members))).items()) == list(
        {shown(name): shown(value) for name, value in members.items()}.items()
    )


def test_the_character_becomes_its_picture_also_where_json_says_it_by_its_number() -> None:
    assert bound("a\x00b") == "a␀b"
    assert bound('{"a":"x\\u0000y"}') == '{"a":"x\\u2400y"}'
    # Behind a backslash that stands for itself these are six characters; so they are outside of JSON.
    assert bound('["\\\\u0000"]') == '["\\\\u0000"]'
    assert bound("gpt\\u0000") == "gpt\\u0000"


def statements() -> Iterator[tuple[str, str]]:
    """Every statement that a module of `storage/sql` has by name."""
    for module in pkgutil.iter_modules(sql.__path__):
        loaded = importlib.import_module(f"{sql.__name__}.{module.name}")
        for name, value in vars(loaded).items():
            found = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else [value]
            for number, statement in enumerate(found):
                if isinstance(statement, str) and re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\s", statement):
                    yield f"{module.name}.{name}.{number}", statement


def test_every_statement_there_is_is_one_for_postgresql(postgres_url: str) -> None:
    connection = Connection(postgres_url, use="writing")
    try:
        schema.upgrade(connection, "x")
        tried: list[str] = []
        refused: list[str] = []
        for name, statement in statements():
            # Those with gaps in them are made whole where they are used.
            if "{" in statement:
                continue
            tried.append(name)
            try:
                connection.script(f"PREPARE one AS {translated(statement)}")
                connection.script("DEALLOCATE one")
            except Exception as error:
                refused.append(f"{name}: {error}")
    finally:
        connection.close()
    assert refused == []
    assert len(tried) > 100
    for module in ("statements", "outbox", "cabinet", "jobs", "audit", "rollups"):
        assert any(name.startswith(f"{module}.") for name in tried), module


_ROWS = re.compile(r"\b(?:FROM|JOIN|LATERAL)\s+\(\s*SELECT\b")


def _texts(source: str) -> Iterator[str]:
    """Every text of a module; of one that is filled in, with something in place of what fills it."""
    filled: set[ast.AST] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            filled.update(node.values)
            yield "".join(part.value if isinstance(part, ast.Constant) else "x" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in filled:
            yield node.value


def _unnamed(statement: str) -> Iterator[str]:
    """The queries that stand where a table would and have no name."""
    for found in _ROWS.finditer(statement):
        start = at = statement.index("(", found.start())
        depth = 0
        for at in range(start, len(statement)):
            depth += {"(": 1, ")": -1}.get(statement[at], 0)
            if depth == 0:
                break
        if not re.match(r"\)\s+AS\s+\w+", statement[at:]):
            yield statement[start : at + 20]


def test_every_query_that_stands_for_a_table_has_a_name_without_which_postgresql_15_refuses_it() -> None:
    sources = sorted(Path(storage.__path__[0]).rglob("*.py"))
    texts = [text for path in sources for text in _texts(path.read_text(encoding="utf-8"))]
    assert [each for text in texts for each in _unnamed(text)] == []
    assert len([text for text in texts if _ROWS.search(text)]) >= 3
    assert list(_unnamed("SELECT 1 FROM (SELECT 1 LIMIT (2)) WHERE TRUE")) != []


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (sql_statements.ACCOUNT_BALANCES, "balances_key"),
        (rollups._BEFORE, "sittings_key"),
        (rollups._TAKE_OUT, "sittings_key"),
        (f"SELECT 1 {outstanding._OF_USER}", "sittings_key"),
        ("SELECT max(last_at) FROM sittings WHERE user = ?", "sittings_key"),
        ("SELECT 1 FROM audit WHERE target = ?", "audit_target"),
    ],
)
def test_they_are_found_by_their_index(postgres_url: str, statement: str, index: str) -> None:
    connection = Connection(postgres_url, use="writing")
    try:
        schema.upgrade(connection, "x")
        connection.script("SET enable_seqscan = off")
        connection.script(f"PREPARE one AS {translated(statement)}")
        given = ", ".join(["NULL"] * len(set(re.findall(r"\$\d+", translated(statement)))))
        connection.script("SET plan_cache_mode = force_generic_plan")
        plan = connection.fetch(f"EXPLAIN EXECUTE one({given})")
        assert index in "".join(line for (line,) in plan)
    finally:
        connection.close()

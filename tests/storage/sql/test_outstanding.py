"""Sittings that stand out: the same as if each were looked at."""

from bisect import bisect_left
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from tollway.storage.analytics import OWN_DAYS, OWN_SESSIONS, Anomaly, Outstanding, Sitting
from tollway.storage.schema_rolled import sittings as table
from tollway.storage.sql.outstanding import _DEAR, _RARE, outstanding, rank
from tollway.storage.sqlite.driver import Connection, connect

DAY = 86_400_000


def sitting(day: float, spent: int, user: str = "ann", name: str = "") -> Sitting:
    at = int(day * DAY)
    return Sitting(user=user, name=name, first_at=at - 1, last_at=at, spent=spent, entries=1)


def one_by_one(sittings: Sequence[Sitting], since: int, among: Collection[str] | None = None) -> list[Anomaly]:
    """Those that ended from `since` on and cost more than twice the user's own 95th percentile of the days before, and more than
    the 99th percentile of all others; `sittings` are in the order in which they ended."""
    amounts = sorted(one.spent for one in sittings)
    own: dict[str, list[Sitting]] = {}
    found: list[Anomaly] = []
    for one in sittings:
        earlier = own.setdefault(one.user, [])
        if one.last_at >= since and len(amounts) > 1:
            place = rank(len(amounts) - 1, 99)
            rare = amounts[place if place < bisect_left(amounts, one.spent) else place + 1]
            judged = sorted(each.spent for each in earlier if each.last_at >= one.last_at - OWN_DAYS * DAY)
            usual = judged[rank(len(judged), 95)] if len(judged) >= OWN_SESSIONS else None
            if one.spent > rare and usual is not None and one.spent > 2 * usual:
                found.append(Anomaly(sitting=one, usual=usual, rare=rare))
        earlier.append(one)
    return [each for each in found if among is None or each.sitting.user in among]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Connection:
    path: Path = tmp_path_factory.mktemp("sittings") / "sittings.db"
    found = connect(path)
    found.execute(str(CreateTable(table).compile(dialect=sqlite.dialect())))
    for index in table.indexes:
        found.execute(str(CreateIndex(index).compile(dialect=sqlite.dialect())))
    return found


def asked(
    database: Connection,
    sittings: Sequence[Sitting],
    since: int,
    until: int = 1_000 * DAY,
    among: Collection[str] | None = None,
    listed: int = 1_000,
) -> Outstanding:
    with database:
        database.execute("DELETE FROM sittings")
        database.executemany(
            "INSERT INTO sittings VALUES (?, ?, ?, ?, ?, ?)",
            [(one.user, one.name, one.first_at, one.last_at, one.spent, one.entries) for one in sittings],
        )
    return outstanding(database, since=since, until=until, among=among, listed=listed)


def judged(database: Connection, *sittings: Sitting, since: float = 31) -> list[tuple[float, int, int]]:
    found = asked(database, sittings, int(since * DAY))
    return [(one.sitting.last_at / DAY, one.usual, one.rare) for one in found.dearest]


def test_a_session_stands_out_above_twice_ones_own_and_above_everybodys(database: Connection) -> None:
    usual = [sitting(day, 10) for day in range(31, 37)]
    assert judged(database, *usual, sitting(38, 21)) == [(38, 10, 10)]
    assert judged(database, *usual, sitting(38, 20)) == []
    # Somebody else's sessions are that expensive.
    assert judged(database, *usual, sitting(38, 21), sitting(32, 21, "bob")) == []


def test_nothing_is_usual_of_somebody_who_has_hardly_been_there(database: Connection) -> None:
    few = [sitting(day, 10) for day in range(31, 30 + OWN_SESSIONS)]
    assert judged(database, *few, sitting(38, 500)) == []
    long_ago = [sitting(day, 10) for day in range(31, 37)]
    assert judged(database, *long_ago, sitting(38 + OWN_DAYS, 500)) == []


def test_only_sessions_that_ended_in_the_range_are_told(database: Connection) -> None:
    usual = [sitting(day, 10) for day in range(31, 37)]
    assert judged(database, *usual, sitting(38, 21), since=39) == []
    assert judged(database) == []
    assert judged(database, sitting(31, 5)) == []


def test_only_the_dearest_are_listed_and_all_are_counted(database: Connection) -> None:
    usual = [sitting(31 + day / 24, 10, f"user{day % 3}") for day in range(400)]
    dear = [sitting(49 + number, 1_000 + number, f"user{number % 3}") for number in range(3)]
    found = asked(database, [*usual, *dear], 40 * DAY, listed=2)
    assert (found.number, [one.sitting.spent for one in found.dearest]) == (3, [1_002, 1_001])
    assert asked(database, [*usual, *dear], 40 * DAY, among={"user1"}).number == 1


amounts = st.integers(-3, 12) | st.integers(0, 60)
sittings = st.lists(
    st.builds(
        sitting,
        st.sampled_from([0.5 * half for half in range(160)]),
        amounts,
        st.sampled_from("ab"),
        st.sampled_from("xyz"),
    )
    # A few names and instants: many end at once.
    | st.builds(sitting, st.floats(0, 80), amounts, st.just("a")),
    max_size=150,
    unique_by=lambda one: (one.user, one.name, one.first_at),
)


@given(sittings, st.sampled_from([30, 31.5, 45, 70]), st.sampled_from([None, {"a"}, set[str]()]))
@settings(max_examples=200, deadline=None)
def test_they_are_those_that_looking_at_each_finds(
    database: Connection, made: list[Sitting], since: float, among: set[str] | None
) -> None:
    start, until = int(since * DAY), 75 * DAY
    window = [one for one in made if start - OWN_DAYS * DAY <= one.last_at < until]
    window.sort(key=lambda one: (one.last_at, one.user, one.name, one.first_at))
    expected = one_by_one(window, start, among)
    found = asked(database, made, start, until, among)
    assert found.number == len(expected)
    assert sorted(map(repr, found.dearest)) == sorted(map(repr, expected))
    assert [one.sitting.spent for one in found.dearest] == sorted((e.sitting.spent for e in expected), reverse=True)


def test_the_dearest_are_read_of_an_index_alone(database: Connection) -> None:
    for statement, bindings in ((_RARE, (0, 1, 2)), (_DEAR, (0, 1, 2))):
        (step,) = database.execute(f"EXPLAIN QUERY PLAN {statement}", bindings).fetchall()
        assert "COVERING INDEX sittings_amount" in step[3], step


def test_the_nearest_rank_is_a_value_that_is_there() -> None:
    assert [rank(100, percent) for percent in (95, 99, 100)] == [94, 98, 99]
    assert rank(1, 95) == 0

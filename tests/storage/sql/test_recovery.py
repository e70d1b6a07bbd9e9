"""Beside the path of requests: ending what a crash left open, checking counters, pruning."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tollway.storage.conformance.values import NOW, entry, hold, metered, reservation
from tollway.storage.sql import recovery, rows, statements
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.recovery import (
    RELEASES_KEPT_MS,
    Truth,
    holds_drift,
    presume_open,
    prune,
    spent_drift,
    truth,
)
from tollway.storage.sqlite import connection
from tollway.storage.sqlite.connection import FILE


@pytest.fixture
def writing(blank: Path, tmp_path: Path) -> Iterator[Connection]:
    shutil.copy(blank, tmp_path)
    made = connection.writer(tmp_path / FILE, "normal")
    yield made
    made.close()


def intend(writing: Connection, *names: str) -> None:
    for name in names:
        writing.execute(statements.INSERT_INTENT, rows.of_reservation(reservation(name, hold("a", 10), hold("b", 10))))


def enter(writing: Connection, seq: int, name: str, amount: int = 5) -> None:
    made = entry(reservation(name, hold("a", 10), hold("b", 10)), amount)
    writing.execute(statements.INSERT_ENTRY, (seq, *rows.of_entry(made)))


def release(writing: Connection, name: str, at: int = NOW) -> None:
    writing.execute(statements.INSERT_RELEASE, (f"{name}.1", "rejected", at))


def column(writing: Connection, statement: str) -> list[object]:
    return [row[0] for row in writing.execute(statement)]


def test_only_what_nobody_ended_is_presumed_each_to_its_bound(writing: Connection) -> None:
    intend(writing, "open", "settled", "released", "opened")
    enter(writing, 1, "settled")
    release(writing, "released")
    presumed = presume_open(writing, 1, NOW + 9)
    assert [(each.id, each.charge.amount, each.recorded_at) for each in presumed] == [
        ("open.1.presumed", 10, NOW + 9),
        ("opened.1.presumed", 10, NOW + 9),
    ]
    assert column(writing, "SELECT id FROM entries ORDER BY seq") == [
        "settled.1.charge",
        "open.1.presumed",
        "opened.1.presumed",
    ]
    assert column(writing, "SELECT seq FROM entries ORDER BY seq") == [1, 2, 3]
    assert presume_open(writing, 3, NOW + 10) == []


def test_a_presumption_that_cannot_be_written_writes_none(writing: Connection) -> None:
    intend(writing, "one", "two")
    enter(writing, 2, "other")
    with pytest.raises(Exception, match="UNIQUE"):
        presume_open(writing, 0, NOW)
    assert column(writing, "SELECT id FROM entries") == ["other.1.charge"]
    assert not writing.in_transaction


def test_the_truth_is_what_the_tables_say(writing: Connection) -> None:
    intend(writing, "open", "settled")
    enter(writing, 1, "settled", 5)
    enter(writing, 2, "more", -2)
    writing.execute(statements.SAVE_BALANCE, ("a", NOW, 5, 1))
    assert truth(writing, 2) == Truth(
        spent={("a", NOW): 3, ("b", NOW): 3},
        saved={("a", NOW): 5},
        open={"open.1": reservation("open", hold("a", 10), hold("b", 10))},
    )
    assert truth(writing, 1).spent == {("a", NOW): 5, ("b", NOW): 5}
    assert truth(writing, 0).spent == {}


def test_drift_is_looked_for_in_memory_where_memory_has_the_bucket() -> None:
    true = Truth(spent={("a", 1): 5, ("a", 2): 7}, saved={}, open={})
    assert spent_drift({("a", 1): 5, ("a", 2): 7}, {}, true) == []
    (words,) = spent_drift({("a", 1): 5, ("a", 2): 8}, {}, true)
    assert words.startswith('Account "a", bucket 2: spent is counted as')
    (words,) = spent_drift({("a", 1): 5, ("a", 2): 7, ("b", 1): 1}, {}, true)
    assert words.startswith('Account "b", bucket 1: spent')
    assert len(spent_drift({}, {}, true)) == 2


def test_below_the_floor_of_an_account_the_saved_balances_must_be_right() -> None:
    spent = {("a", 1): 5, ("a", 2): 7}
    counted = {("a", 2): 7}
    floors = {"a": 2}
    assert spent_drift(counted, floors, Truth(spent=spent, saved={("a", 1): 5}, open={})) == []
    (words,) = spent_drift(counted, floors, Truth(spent=spent, saved={("a", 1): 4}, open={}))
    assert words.startswith('Account "a", bucket 1: saved spend is counted as')
    (words,) = spent_drift(counted, floors, Truth(spent=spent, saved={}, open={}))
    assert "bucket 1: saved spend" in words
    # A cache of a bucket that memory has may lag behind.
    assert spent_drift(counted, floors, Truth(spent=spent, saved={("a", 1): 5, ("a", 2): 1}, open={})) == []


def test_pruning_removes_ended_intents_and_never_an_open_one(writing: Connection) -> None:
    intend(writing, "open", "settled", "released")
    enter(writing, 1, "settled")
    release(writing, "released")
    assert prune(writing, NOW) is False
    assert column(writing, "SELECT reservation_id FROM intents") == ["open.1"]
    assert truth(writing, 1).open.keys() == {"open.1"}
    assert column(writing, "SELECT id FROM entries") == ["settled.1.charge"]


def test_pruning_goes_on_from_where_it_stopped(writing: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "PRUNED_AT_ONCE", 2)
    intend(writing, *"abcde")
    for seq, name in enumerate("abcde", start=1):
        enter(writing, seq, name)
    left = []
    while True:
        more = prune(writing, NOW)
        left.append(len(column(writing, "SELECT 1 FROM intents")))
        if not more:
            break
    assert left == [3, 1, 0]


def test_a_release_is_remembered_for_three_days_and_the_newest_for_ever(writing: Connection) -> None:
    for number in range(3):
        release(writing, f"r{number}", NOW + number)
    later = NOW + RELEASES_KEPT_MS
    assert RELEASES_KEPT_MS == 72 * 60 * 60 * 1000
    prune(writing, later)
    assert column(writing, "SELECT reservation_id FROM releases") == ["r0.1", "r1.1", "r2.1"]
    prune(writing, later + 1)
    assert column(writing, "SELECT reservation_id FROM releases") == ["r1.1", "r2.1"]
    prune(writing, later + 1_000_000)
    assert column(writing, "SELECT reservation_id FROM releases") == ["r2.1"]


def test_many_old_releases_go_in_steps(writing: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "PRUNED_AT_ONCE", 2)
    for number in range(6):
        release(writing, f"r{number}")
    later = NOW + RELEASES_KEPT_MS + 1
    steps = 0
    while prune(writing, later):
        steps += 1
        assert steps < 10
    assert column(writing, "SELECT reservation_id FROM releases") == ["r5.1"]


def test_there_is_nothing_to_do_in_an_empty_store(writing: Connection) -> None:
    assert prune(writing, NOW) is False
    assert presume_open(writing, 0, NOW) == []
    assert truth(writing, 0) == Truth({}, {}, {})


def resize(writing: Connection, name: str, number: int, amount: int) -> None:
    writing.execute(statements.INSERT_RESIZE, (f"{name}.1", number, amount))


def test_an_open_reservation_is_presumed_as_it_was_last_resized(writing: Connection) -> None:
    made = reservation("stream", metered("a", 10), hold("b", 90))
    writing.execute(statements.INSERT_INTENT, rows.of_reservation(made))
    intend(writing, "plain")
    for number, amount in ((1, 20), (7, 35), (3, 90)):
        resize(writing, "stream", number, amount)
    resize(writing, "plain", 1, 99)
    assert truth(writing, 0).open["stream.1"].holds == (metered("a", 35), hold("b", 90))
    presumed = presume_open(writing, 0, NOW)
    assert {each.reservation_id: each.charge.amount for each in presumed} == {"plain.1": 10, "stream.1": 35}


def test_the_resizes_of_what_has_ended_are_pruned_and_of_nothing_else(writing: Connection) -> None:
    intend(writing, "open", "settled", "released")
    for name in ("open", "settled", "released"):
        resize(writing, name, 1, 20)
        resize(writing, name, 2, 30)
    enter(writing, 1, "settled")
    release(writing, "released")
    prune(writing, NOW)
    assert column(writing, "SELECT DISTINCT reservation_id FROM resizes") == ["open.1"]


def test_a_reservation_that_holds_something_else_in_the_store_is_named() -> None:
    made = reservation("r", metered("a", 10), hold("b", 5))
    other = reservation("r", metered("a", 20), hold("b", 5))
    assert holds_drift({made.id: made}, Truth({}, {}, {made.id: made})) == []
    assert holds_drift({made.id: made}, Truth({}, {}, {})) == []
    assert holds_drift({made.id: made}, Truth({}, {}, {made.id: other})) == [
        'Reservation r.1 holds 10 on "a", 5 on "b" in memory, but 20 on "a", 5 on "b" in the store.'
    ]

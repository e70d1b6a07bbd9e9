"""One commit: all rows or none, and intents that were known before told apart."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from tollway.storage.conformance.values import NOW, entry, hold, reservation
from tollway.storage.counters import RELEASED, SETTLED, Ended
from tollway.storage.sql import rows
from tollway.storage.sql.batch import Batch, rollback, write
from tollway.storage.sql.driver import Connection
from tollway.storage.sqlite import connection
from tollway.storage.sqlite.connection import FILE

FILLED = {
    "intents": ("r.1", NOW, b""),
    "extensions": ("r.1", 1, 5),
    "shrinks": ("r.1", 2, 4),
    "entries": (1,),
    "releases": ("r.1", "x", NOW),
    "balances": ("a", 1, 2, 3),
    "marks": ("balances", 1),
}


@pytest.fixture
def writing(blank: Path, tmp_path: Path) -> Iterator[Connection]:
    shutil.copy(blank, tmp_path)
    made = connection.writer(tmp_path / FILE, "normal")
    yield made
    made.close()


def intents(*names: str) -> Batch:
    batch = Batch()
    batch.intents += [rows.of_reservation(reservation(name, hold())) for name in names]
    return batch


def stored(writing: Connection, table: str) -> int:
    return int(writing.execute(f"SELECT count(*) FROM {table}").get)


def test_an_empty_batch_is_nothing_to_write_and_one_row_or_wish_is_something() -> None:
    assert not Batch()
    for name, row in FILLED.items():
        batch = Batch()
        getattr(batch, name).append(row)
        assert batch, name
    asking = Batch()
    asking.probe = True
    assert asking


async def test_one_who_waits_makes_a_batch_worth_writing() -> None:
    batch = Batch()
    batch.barriers.append(asyncio.get_running_loop().create_future())
    assert batch


def test_after_a_failure_rows_come_before_later_ones_and_intents_and_extensions_are_dropped() -> None:
    failed, later = intents("one"), intents("two")
    for name, row in FILLED.items():
        getattr(failed, name)[:] = [("first", *row)]
        getattr(later, name)[:] = [("second", *row)]
    failed.names, later.names = ["a"], ["b"]
    kept = failed.kept_before(later)
    for name in ("shrinks", "entries", "releases", "balances", "marks"):
        assert [row[0] for row in getattr(kept, name)] == ["first", "second"], name
    assert [row[0] for row in kept.intents] == [row[0] for row in kept.extensions] == ["second"]
    assert kept.names == ["a", "b"]


def test_everything_is_written_in_one_transaction(writing: Connection) -> None:
    batch = intents("one", "two")
    batch.entries.append((1, *rows.of_entry(entry(reservation("three", hold()), 5))))
    batch.releases.append(("four.1", "rejected", NOW))
    batch.balances.append(("a", NOW, 5, 1))
    batch.marks.append(("balances", 1))
    batch.extensions.append(("one.1", 1, 20))
    batch.shrinks.append(("one.1", 2, 15))
    batch.probe = True
    assert write(writing, batch) == {}
    assert not writing.in_transaction
    assert [stored(writing, table) for table in ("intents", "resizes", "entries", "releases", "balances", "marks")] == [
        2,
        2,
        1,
        1,
        1,
        2,
    ]


def test_nothing_of_a_batch_that_fails_is_written(writing: Connection) -> None:
    line = (1, *rows.of_entry(entry(reservation("three", hold()), 5)))
    batch = intents("one")
    batch.entries += [line, line]
    batch.releases.append(("four.1", "rejected", NOW))
    with pytest.raises(apsw.ConstraintError):
        write(writing, batch)
    assert not writing.in_transaction
    assert [stored(writing, table) for table in ("intents", "entries", "releases")] == [0, 0, 0]


def test_intents_that_were_known_are_left_out_and_told_by_place(writing: Connection) -> None:
    before = intents("held")
    before.entries.append((1, *rows.of_entry(entry(reservation("settled", hold()), 5))))
    before.entries.append((2, *rows.of_entry(entry(reservation("presumed", hold()), 7, "presumed"))))
    before.releases.append(("released.1", "rejected", NOW))
    write(writing, before)

    known = write(writing, intents("new", "held", "settled", "presumed", "released", "newer"))
    assert known == {1: Ended("held"), 2: SETTLED, 3: Ended("presumed", 7), 4: RELEASED}
    found = {row[0] for row in writing.execute("SELECT reservation_id FROM intents")}
    assert found == {"new.1", "held.1", "newer.1"}


def test_known_intents_do_not_keep_entries_from_being_written(writing: Connection) -> None:
    write(writing, intents("one"))
    batch = intents("one")
    batch.entries.append((1, *rows.of_entry(entry(reservation("two", hold()), 5))))
    assert write(writing, batch) == {0: Ended("held")}
    assert stored(writing, "entries") == 1


def test_the_same_intent_twice_in_one_batch_is_a_defect_and_writes_nothing(writing: Connection) -> None:
    with pytest.raises(AssertionError, match="does not know"):
        write(writing, intents("one", "one"))
    assert stored(writing, "intents") == 0
    assert not writing.in_transaction


def test_a_release_stands_as_it_was_first_told(writing: Connection) -> None:
    for code in ("rejected", "cancelled"):
        batch = Batch()
        batch.releases.append(("one.1", code, NOW))
        write(writing, batch)
    assert writing.execute("SELECT code FROM releases").fetchall() == [("rejected",)]


def test_rolling_back_what_is_over_already_does_no_harm(writing: Connection) -> None:
    rollback(writing)
    writing.execute("BEGIN")
    rollback(writing)
    assert not writing.in_transaction


def test_a_batch_waits_for_nobody_who_reads(writing: Connection, tmp_path: Path) -> None:
    reader = apsw.Connection(os.fspath(tmp_path / FILE), flags=apsw.SQLITE_OPEN_READONLY)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM intents").fetchall()
    write(writing, intents("one"))
    assert reader.execute("SELECT count(*) FROM intents").fetchall() == [(0,)]
    reader.execute("COMMIT")
    reader.close()

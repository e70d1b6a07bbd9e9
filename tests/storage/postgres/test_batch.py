"""One commit: each kind of row in one statement, all of them or nothing, and a second time where the first is in doubt."""

from collections.abc import Iterator
from typing import Any

import pytest

from tollway.storage.books import Ended
from tollway.storage.conformance.values import NOW, entry, hold, reservation
from tollway.storage.postgres import batch as batches
from tollway.storage.postgres import schema
from tollway.storage.postgres.driver import Connection, asyncpg
from tollway.storage.sql import rows
from tollway.storage.sql.batch import Batch


@pytest.fixture
def connection(postgres_url: str) -> Iterator[Connection]:
    made = Connection(postgres_url, use="writing")
    schema.upgrade(made, "x")
    yield made
    made.close()


def write(connection: Connection, batch: Batch, *, again: bool) -> dict[int, Ended]:
    connection.begin()
    return batches.write(connection, batch, again=again)


def everything(number: int = 1) -> Batch:
    """A row of each kind."""
    batch = Batch()
    batch.intents.append(rows.of_reservation(reservation(f"i{number}", hold())))
    batch.late.append(rows.of_reservation(reservation(f"l{number}", hold())))
    batch.extensions.append((f"i{number}.1", number, 20))
    batch.shrinks.append((f"l{number}.1", number, 5))
    batch.entries.append((number, *rows.of_entry(entry(reservation(f"e{number}", hold()), 7))))
    batch.releases.append((f"r{number}.1", "not_sent", NOW))
    batch.balances.append(("a", NOW, 7 * number, number))
    batch.marks.append(("balances", number))
    batch.probe = True
    return batch


TABLES = ("intents", "resizes", "entries", "releases", "balances", "marks")


def counts(connection: Connection) -> dict[str, int]:
    return {table: connection.fetch(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}


def ids(connection: Connection, statement: str) -> list[Any]:
    return [row[0] for row in connection.fetch(statement)]


def test_every_kind_of_row_is_written_as_it_was_given(connection: Connection) -> None:
    batch = everything()
    assert write(connection, batch, again=False) == {}
    assert not connection.in_transaction
    assert connection.fetch("SELECT * FROM intents ORDER BY 1") == [*batch.intents, *batch.late]
    assert connection.fetch("SELECT * FROM resizes ORDER BY 1") == [("i1.1", 1, 20), ("l1.1", 1, 5)]
    assert connection.fetch("SELECT * FROM entries") == batch.entries
    assert connection.fetch("SELECT reservation_id, code, at FROM releases") == batch.releases
    assert connection.fetch("SELECT * FROM balances") == batch.balances
    assert sorted(connection.fetch("SELECT * FROM marks")) == [("balances", 1), ("probe", 1)]


def test_what_is_in_doubt_is_written_again_without_a_second_row_and_not_otherwise(connection: Connection) -> None:
    write(connection, everything(), again=False)
    before = counts(connection)
    late = everything()
    late.intents.clear()
    write(connection, late, again=True)
    assert counts(connection) == before
    with pytest.raises(asyncpg.UniqueViolationError):
        write(connection, everything(), again=False)
    connection.execute("ROLLBACK")
    assert counts(connection) == before


def test_a_number_that_is_taken_by_another_entry_is_never_passed_over(connection: Connection) -> None:
    write(connection, everything(), again=False)
    batch = Batch()
    batch.entries.append((1, *rows.of_entry(entry(reservation("another", hold()), 7))))
    with pytest.raises(asyncpg.UniqueViolationError):
        write(connection, batch, again=True)
    connection.execute("ROLLBACK")
    assert ids(connection, "SELECT reservation_id FROM entries") == ["e1.1"]


def test_an_intent_that_is_known_is_left_out_and_how_it_had_ended_is_told_by_its_place(connection: Connection) -> None:
    write(connection, everything(), again=False)
    batch = Batch()
    for identity in ("new", "i1", "e1", "r1", "new", "l1", "other"):
        batch.intents.append(rows.of_reservation(reservation(identity, hold())))
    assert write(connection, batch, again=False) == {
        1: Ended("held"),
        2: Ended("settled"),
        3: Ended("released"),
        4: Ended("held"),
        5: Ended("held"),
    }
    assert ids(connection, "SELECT reservation_id FROM intents ORDER BY 1") == ["i1.1", "l1.1", "new.1", "other.1"]


def test_a_late_intent_of_what_has_ended_is_passed_over(connection: Connection) -> None:
    write(connection, everything(), again=False)
    batch = Batch()
    batch.late += [rows.of_reservation(reservation(name, hold())) for name in ("e1", "r1", "l1", "late")]
    assert write(connection, batch, again=False) == {}
    assert ids(connection, "SELECT reservation_id FROM intents ORDER BY 1") == ["i1.1", "l1.1", "late.1"]


def test_an_id_with_a_character_that_texts_cannot_hold_is_still_ones_own(connection: Connection) -> None:
    batch = Batch()
    batch.intents.append(("a\x00b.1", NOW, b"record"))
    assert write(connection, batch, again=False) == {}
    assert write(connection, batch, again=False) == {0: Ended("held")}


def test_of_two_balances_of_one_bucket_the_later_stands_and_an_older_one_never_comes_back(
    connection: Connection,
) -> None:
    batch = Batch()
    batch.balances += [("a", 1, 5, 1), ("b", 1, 1, 1), ("a", 1, 9, 3), ("n\x00", 1, 1, 1), ("n␀", 1, 2, 1)]
    batch.marks += [("balances", 1), ("balances", 3)]
    write(connection, batch, again=False)
    older = Batch()
    older.balances.append(("a", 1, 7, 2))
    write(connection, older, again=False)
    assert connection.fetch("SELECT account, spent_nanodollars, through_seq FROM balances ORDER BY 1") == [
        ("a", 9, 3),
        ("b", 1, 1),
        ("n␀", 2, 1),
    ]
    assert connection.fetch("SELECT seq FROM marks") == [(3,)]


@pytest.mark.parametrize("kind", ["entries", "releases", "balances", "marks"])
def test_nothing_of_a_batch_stays_where_one_row_of_it_is_refused(connection: Connection, kind: str) -> None:
    batch = everything()
    connection.script(f"DROP TABLE {kind}")
    with pytest.raises(asyncpg.UndefinedTableError):
        write(connection, batch, again=False)
    assert connection.in_transaction
    connection.execute("ROLLBACK")
    for table in set(TABLES) - {kind}:
        assert ids(connection, f"SELECT 1 FROM {table}") == []


def test_a_thousand_rows_of_a_kind_are_one_statement(connection: Connection) -> None:
    batch = Batch()
    for number in range(1, 1_001):
        batch.entries.append((number, *rows.of_entry(entry(reservation(f"e{number}", hold()), 2**62))))
    before = len(connection._prepared)
    write(connection, batch, again=False)
    assert len(connection._prepared) == before + 1
    assert connection.execute("SELECT sum(amount_nanodollars) FROM entries").get == 1_000 * 2**62

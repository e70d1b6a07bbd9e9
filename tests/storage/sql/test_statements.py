"""The statements against real tables: what stands above each of them, tried."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from tollway.ledger.entry import Kind
from tollway.storage.conformance.records import record
from tollway.storage.conformance.values import NOW, entry, hold, reservation
from tollway.storage.sql import rows, statements
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.wide import whole
from tollway.storage.sqlite import connection
from tollway.storage.sqlite.connection import FILE

ALL = {name: text for name, text in vars(statements).items() if name.isupper() and isinstance(text, str)}
QUERIES = {name: text for name, text in ALL.items() if name != "ENTRY_COLUMNS"}


@pytest.fixture
def writing(blank: Path, tmp_path: Path) -> Iterator[Connection]:
    shutil.copy(blank, tmp_path)
    made = connection.writer(tmp_path / FILE, "normal")
    yield made
    made.close()


def intend(writing: Connection, *names: str, opened_at: int = NOW) -> int:
    before = writing.total_changes()
    for name in names:
        row = rows.of_reservation(reservation(name, hold()))
        writing.execute(statements.INSERT_INTENT, (row[0], opened_at, row[2]))
    return writing.total_changes() - before


def enter(writing: Connection, seq: int, name: str, amount: int = 5, kind: Kind = "charge", *accounts: str) -> None:
    made = reservation(name, *(hold(account) for account in accounts or ("a",)))
    writing.execute(statements.INSERT_ENTRY, (seq, *rows.of_entry(entry(made, amount, kind))))


def release(writing: Connection, name: str, at: int = NOW) -> None:
    writing.execute(statements.INSERT_RELEASE, (f"{name}.1", "rejected", at))


def open_now(writing: Connection, mark: int = 0) -> list[str]:
    return [row[0] for row in writing.execute(statements.OPEN_INTENTS, (mark,))]


@pytest.mark.parametrize("name", QUERIES)
def test_every_statement_is_understood_by_the_database(name: str, writing: Connection) -> None:
    writing.execute(f"EXPLAIN {QUERIES[name]}", (None,) * bound(QUERIES[name]))


def bound(statement: str) -> int:
    numbered = [int(number) for number in re.findall(r"\?(\d+)", statement)]
    return max(numbered) if numbered else statement.count("?")


@pytest.mark.parametrize(
    "name", ["ENDING_ENTRIES", "RELEASED", "HAS_ENTRY", "KNOWN_INTENT", "ACCOUNT_BALANCES", "MARK"]
)
def test_what_is_asked_beside_a_request_is_a_look_up_and_never_reads_a_whole_table(
    name: str, writing: Connection
) -> None:
    plan = [row[3] for row in writing.execute(f"EXPLAIN QUERY PLAN {QUERIES[name]}", (None,) * bound(QUERIES[name]))]
    assert plan
    assert not [step for step in plan if step.startswith("SCAN")], plan


def test_an_intent_is_written_once_and_never_after_its_end(writing: Connection) -> None:
    assert intend(writing, "one") == 1
    assert intend(writing, "one") == 0
    enter(writing, 1, "two")
    release(writing, "three")
    assert intend(writing, "two", "three") == 0
    assert intend(writing, "four") == 1


def test_an_id_that_begins_like_an_ended_one_is_another(writing: Connection) -> None:
    enter(writing, 1, "r.1")
    assert intend(writing, "r") == 1


def test_an_entry_with_an_id_or_a_number_that_is_there_fails(writing: Connection) -> None:
    enter(writing, 1, "one")
    for seq, name in ((2, "one"), (1, "two")):
        with pytest.raises(apsw.ConstraintError):
            enter(writing, seq, name)
    assert writing.execute(statements.LAST_SEQ).get == 1


def test_the_kinds_that_end_a_reservation_are_three(writing: Connection) -> None:
    intend(writing, "open", "charged", "presumed", "unpriced", "corrected", "credited", "opened", "released")
    for seq, (name, kind) in enumerate(
        [
            ("charged", "charge"),
            ("presumed", "presumed"),
            ("unpriced", "unpriced"),
            ("corrected", "correction"),
            ("credited", "credit"),
            ("opened", "opening"),
        ],
        start=1,
    ):
        enter(writing, seq, name, 5, kind)  # type: ignore[arg-type]
    release(writing, "released")
    assert open_now(writing) == ["corrected.1", "credited.1", "open.1", "opened.1"]
    # Entries up to the mark are not read, because their intents are gone by then.
    assert "charged.1" in open_now(writing, mark=1)


def test_open_reservations_come_oldest_first(writing: Connection) -> None:
    intend(writing, "late", opened_at=NOW + 1)
    intend(writing, "b", "a", opened_at=NOW)
    assert open_now(writing) == ["a.1", "b.1", "late.1"]


def test_an_older_balance_never_replaces_a_newer_one(writing: Connection) -> None:
    for spent, through in ((5, 10), (3, 9), (7, 10), (9, 12)):
        writing.execute(statements.SAVE_BALANCE, ("a", 1, spent, through))
        found = writing.execute(statements.ALL_BALANCES).fetchall()
        assert found == [("a", 1, 5 if through == 9 else spent, max(through, 10))]


def test_a_mark_moves_and_one_that_was_never_set_is_nothing(writing: Connection) -> None:
    assert writing.execute(statements.MARK, ("balances",)).get is None
    for seq in (3, 2):
        writing.execute(statements.SAVE_MARK, ("balances", seq))
        assert writing.execute(statements.MARK, ("balances",)).get == seq


def test_what_was_spent_is_summed_over_every_leg_up_to_a_number(writing: Connection) -> None:
    enter(writing, 1, "one", 5, "charge", "a", "b")
    enter(writing, 2, "two", -2, "correction", "a")
    enter(writing, 3, "three", 100, "charge", "a")

    def spent(through: int) -> dict[str, int]:
        rows = writing.execute(statements.SPENT, (through,))
        return {account: whole(high, low) for account, _, high, low in rows}

    assert (spent(0), spent(1), spent(2)) == ({}, {"a": 5, "b": 5}, {"a": 3, "b": 5})


def test_the_entries_after_a_number_come_in_their_order(writing: Connection) -> None:
    for seq in (3, 1, 2):
        enter(writing, seq, f"r{seq}", seq)
    found = writing.execute(statements.ENTRIES_AFTER, (1,)).fetchall()
    assert [(seq, kind, amount) for seq, kind, amount, _ in found] == [(2, "charge", 2), (3, "charge", 3)]


def test_all_that_was_booked_is_what_entries_come_to_but_for_openings(writing: Connection) -> None:
    enter(writing, 1, "one", 5)
    enter(writing, 2, "two", -7, "correction")
    enter(writing, 3, "three", 100, "opening")
    enter(writing, 4, "four", 1_000)
    assert whole(*writing.execute(statements.ALL_BOOKED, (3,)).fetchone()) == -2
    assert whole(*writing.execute(statements.ALL_BOOKED, (0,)).fetchone()) == 0


def test_what_is_booked_on_an_account_is_told_entry_by_entry(writing: Connection) -> None:
    enter(writing, 1, "one", 5, "charge", "a", "b")
    enter(writing, 2, "two", -2, "correction", "b")
    found = writing.execute(statements.BOOKED_ON, ("b",)).fetchall()
    assert [(seq, amount) for _, seq, amount in found] == [(1, 5), (2, -2)]


def test_only_intents_that_have_ended_between_two_marks_are_pruned(writing: Connection) -> None:
    intend(writing, "open", "one", "two", "three", "corrected", "back")
    for seq, name in ((1, "one"), (2, "two"), (3, "three")):
        enter(writing, seq, name)
    enter(writing, 4, "corrected", 1, "correction")
    writing.execute(statements.PRUNE_ENDED_INTENTS, (1, 4))
    assert left(writing) == {"open.1", "one.1", "corrected.1", "back.1"}
    release(writing, "back")
    writing.execute(statements.PRUNE_RELEASED_INTENTS, (0, writing.execute(statements.LAST_RELEASE).get))
    assert left(writing) == {"open.1", "one.1", "corrected.1"}


def left(writing: Connection) -> set[str]:
    return {row[0] for row in writing.execute("SELECT reservation_id FROM intents")}


@pytest.mark.parametrize(
    ("mark", "before", "most", "kept"),
    [
        (4, NOW + 9, 9, ["r4"]),
        (2, NOW + 9, 9, ["r3", "r4"]),
        (4, NOW + 2, 9, ["r3", "r4"]),
        (4, NOW + 9, 1, ["r2", "r3", "r4"]),
        (4, NOW + 1, 9, ["r2", "r3", "r4"]),
    ],
)
def test_releases_go_when_they_are_old_and_done_with_and_never_the_newest(
    writing: Connection, mark: int, before: int, most: int, kept: list[str]
) -> None:
    for number in range(1, 5):
        release(writing, f"r{number}", NOW + number - 1)
    writing.execute(statements.PRUNE_RELEASES, (mark, before, most))
    found = [row[0].removesuffix(".1") for row in writing.execute("SELECT reservation_id FROM releases ORDER BY seq")]
    assert found == kept


def test_a_record_has_a_value_for_each_of_its_columns(writing: Connection) -> None:
    row: tuple[Any, ...] = rows.of_record(record("r"))
    writing.execute(statements.INSERT_RECORD, row)
    assert writing.execute("SELECT request_id, at FROM records").fetchall() == [("r", NOW)]


def test_nothing_on_the_path_of_a_request_updates_or_deletes() -> None:
    for name in ("INSERT_INTENT", "INSERT_RESIZE", "INSERT_ENTRY", "INSERT_RELEASE", "INSERT_RECORD"):
        assert not re.search(r"\b(UPDATE|DELETE|REPLACE)\b", ALL[name]), name
    for text in ALL.values():
        assert not re.search(r"(DELETE FROM|UPDATE) (entries|records)", text)


def test_of_the_resizes_of_a_reservation_the_largest_number_stands(writing: Connection) -> None:
    for identity, number, amount in (("a.1", 1, 5), ("a.1", 10, 3), ("a.1", 9, 7), ("b.1", 4, 1)):
        writing.execute(statements.INSERT_RESIZE, (identity, number, amount))
    assert sorted(writing.execute(statements.LAST_RESIZES)) == [("a.1", 3), ("b.1", 1)]


def test_a_control_that_is_over_is_kept_and_no_longer_stands(writing: Connection) -> None:
    for identity, over_at in (("one", None), ("two", 10), ("three", 11)):
        writing.execute(statements.PUT_CONTROL, (identity, "a", 0, over_at, identity.encode()))
    writing.execute(statements.PUT_CONTROL, ("one", "a", 0, None, b"again"))
    assert sorted(row[0] for row in writing.execute(statements.STANDING_CONTROLS, (10,))) == [b"again", b"three"]
    assert writing.execute("SELECT count(*) FROM controls").get == 3

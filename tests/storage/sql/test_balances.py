"""Saving balances a few at a time, and rebuilding every counter from them and the entries behind them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tollway.storage.conformance.values import NOW, entry, hold, reservation
from tollway.storage.counters import Counters, Ended
from tollway.storage.sql import balances, rows, statements
from tollway.storage.sql.balances import Balances
from tollway.storage.sql.batch import Batch
from tollway.storage.sql.driver import Connection
from tollway.storage.sqlite import connection
from tollway.storage.sqlite.connection import FILE


class Nothing:
    """A past that knows nothing."""

    def ended(self, reservation_id: str) -> Ended | None:
        return None

    def has_entry(self, entry_id: str) -> bool:
        return False

    def spent(self, account: str) -> dict[int, int]:
        return {}


class Book:
    """Counters and the balances that are saved of them, on a database."""

    def __init__(self, writing: Connection) -> None:
        self.writing = writing
        self.counters = Counters(Nothing())
        self.saving = Balances(self.counters, 0)

    def enter(self, amount: int, *legs: tuple[str, int]) -> None:
        """An entry: counted, numbered and written."""
        seq = self.saving.next_seq()
        made = reservation(f"r{seq}", *(hold(account, bucket=bucket) for account, bucket in legs))
        self.counters.book(legs, amount)
        self.writing.execute(statements.INSERT_ENTRY, (seq, *rows.of_entry(entry(made, amount))))

    def save(self, batch: Batch) -> Batch:
        balances.save(self.writing, batch)
        self.saving.written(batch)
        return batch

    def join(self) -> Batch:
        batch = Batch()
        self.saving.join(batch)
        return self.save(batch)

    def mark(self) -> int | None:
        found = self.writing.execute(statements.MARK, ("balances",)).get
        return None if found is None else int(found)

    def reloaded(self) -> tuple[dict[tuple[str, int], int], int]:
        """What a start would count as spent, and the number of the last entry it found."""
        counters = Counters(Nothing())
        last = balances.load(self.writing, counters)
        return {place: amount for place, amount in counters.snapshot()[0].items() if amount}, last


@pytest.fixture
def writing(blank: Path, tmp_path: Path) -> Iterator[Connection]:
    shutil.copy(blank, tmp_path)
    made = connection.writer(tmp_path / FILE, "normal")
    yield made
    made.close()


@pytest.fixture
def book(writing: Connection) -> Book:
    return Book(writing)


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balances, "ENTRIES_BETWEEN_PASSES", 5)
    monkeypatch.setattr(balances, "SAVED_AT_ONCE", 2)


def test_entries_are_numbered_without_gaps(book: Book) -> None:
    assert [book.saving.next_seq() for _ in range(3)] == [1, 2, 3]
    assert Balances(book.counters, 41).next_seq() == 42


@pytest.mark.usefixtures("_small")
def test_nothing_is_saved_before_a_pass_is_due(book: Book) -> None:
    for _ in range(4):
        book.enter(1, ("a", 1))
    assert not book.join()
    assert book.mark() is None
    assert book.reloaded() == ({("a", 1): 4}, 4)


@pytest.mark.usefixtures("_small")
def test_a_pass_saves_a_few_with_each_commit_and_moves_the_mark_when_it_is_through(book: Book) -> None:
    for number in range(5):
        book.enter(1, (f"account-{number}", 1))
    assert [len(book.join().balances), book.mark()] == [2, None]
    book.enter(1, ("late", 1))
    assert [len(book.join().balances), book.mark()] == [2, None]
    last = book.join()
    assert ([name for name, *_ in last.balances], book.mark()) == (["account-4"], 5)
    # What was booked after the pass had begun waits for the next, and is read from its entry meanwhile.
    assert book.reloaded() == ({**{(f"account-{number}", 1): 1 for number in range(5)}, ("late", 1): 1}, 6)


@pytest.mark.usefixtures("_small")
def test_a_pass_begins_too_when_many_buckets_are_unsaved(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balances, "BUCKETS_BETWEEN_PASSES", 3)
    book.enter(1, ("a", 1), ("b", 1), ("c", 1))
    assert len(book.join().balances) == 2


def test_closing_saves_everything_at_once(book: Book) -> None:
    for number in range(3):
        book.enter(number + 1, ("a", number), ("b", 0))
    batch = book.save(book.saving.all())
    assert sorted(batch.balances) == [("a", 0, 1, 3), ("a", 1, 2, 3), ("a", 2, 3, 3), ("b", 0, 6, 3)]
    assert book.mark() == 3
    assert book.reloaded() == ({("a", 0): 1, ("a", 1): 2, ("a", 2): 3, ("b", 0): 6}, 3)


def test_a_balance_saved_with_entries_behind_the_mark_does_not_count_them_twice(book: Book) -> None:
    book.enter(10, ("a", 1))
    book.save(book.saving.all())
    book.enter(5, ("a", 1), ("b", 1))
    # Half a pass: `a` is saved with the second entry in it, the mark still stands at the first.
    book.writing.execute(statements.SAVE_BALANCE, ("a", 1, 15, 2))
    assert book.reloaded() == ({("a", 1): 15, ("b", 1): 5}, 2)


def test_an_empty_ledger_has_spent_nothing(book: Book) -> None:
    assert book.reloaded() == ({}, 0)


def test_a_start_keeps_only_the_newest_buckets_of_an_account_in_memory(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bucket in range(10):
        book.enter(1, ("a", bucket))
    book.save(book.saving.all())
    monkeypatch.setattr(balances, "KEPT_BUCKETS", 4)
    counters = Counters(Nothing())
    balances.load(book.writing, counters)
    assert counters.floors() == {"a": 6}


def test_writing_balances_trims_what_memory_need_not_hold(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balances, "KEPT_BUCKETS", 2)
    monkeypatch.setattr(balances, "KEPT_ENDS", 1)
    for bucket in range(5):
        book.enter(1, ("a", bucket))
    book.counters.balances([hold("a", since=4)])
    for number in range(4):
        book.counters.bury(f"r{number}", Ended("settled"))
        book.save(book.saving.all())
    assert book.counters.floors() == {"a": 3}
    assert not book.counters.remembers("r0")
    assert book.counters.remembers("r3")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.integers(-9, 9),
            st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2)), min_size=1, max_size=3, unique=True),
            st.sampled_from(["", "join", "all"]),
        ),
        max_size=12,
    )
)
def test_whenever_it_stops_a_start_counts_what_the_entries_say(
    blank: Path, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, list[tuple[str, int]], str]]
) -> None:
    folder = tmp_path_factory.mktemp("balances")
    shutil.copy(blank, folder)
    writing = connection.writer(folder / FILE, "normal")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(balances, "ENTRIES_BETWEEN_PASSES", 2)
        patch.setattr(balances, "SAVED_AT_ONCE", 1)
        book = Book(writing)
        true: dict[tuple[str, int], int] = {}
        for amount, legs, then in steps:
            book.enter(amount, *legs)
            for leg in legs:
                true[leg] = true.get(leg, 0) + amount
            if then == "join":
                book.join()
            elif then == "all":
                book.save(book.saving.all())
            assert book.reloaded() == ({leg: spent for leg, spent in true.items() if spent}, book.saving.seq)
    writing.close()


def test_an_instant_is_a_bucket_like_any_other(book: Book) -> None:
    book.enter(3, ("a", NOW))
    assert book.reloaded() == ({("a", NOW): 3}, 1)

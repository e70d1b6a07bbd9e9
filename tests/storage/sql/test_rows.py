"""Between values and rows: nothing is lost, and what a row cannot hold is said before anything is booked."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.ledger.entry import Context, LedgerEntry
from tollway.money import LARGEST, Money
from tollway.pricing.charge import Charge
from tollway.storage.conformance.records import record
from tollway.storage.conformance.values import NOW, entry, hold, reservation
from tollway.storage.sql import rows, statements
from tollway.usage import Usage

TEXT = st.text(max_size=8)
CONTEXTS = st.builds(
    Context,
    gateway=TEXT,
    provider=TEXT,
    model=TEXT,
    user=st.none() | TEXT,
    groups=st.lists(TEXT, max_size=3).map(tuple),
    key=st.none() | TEXT,
    service=st.none() | TEXT,
    metadata=st.dictionaries(TEXT, TEXT, max_size=3),
)
ENTRY = entry(reservation("r", hold("a", 10), hold("b", 10)), 7)
NAMES = [name.strip().strip('"') for name in statements.ENTRY_COLUMNS.split(",")]


def inserted(of: LedgerEntry, seq: int = 1) -> dict[str, Any]:
    """The row by the names of its columns, as `INSERT_ENTRY` gives them."""
    columns = statements.INSERT_ENTRY.partition("(")[2].partition(")")[0].split(",")
    names = [name.strip().strip('"') for name in columns]
    return dict(zip(names, (seq, *rows.of_entry(of)), strict=True))


def selected(of: LedgerEntry, seq: int = 1) -> tuple[Any, ...]:
    """The same as it comes back, in the order of `ENTRY_COLUMNS`."""
    row = inserted(of, seq)
    return tuple(row[name] for name in NAMES)


@given(
    CONTEXTS,
    st.integers(-LARGEST, LARGEST),
    st.lists(st.tuples(TEXT, st.integers(0, 2**62)), max_size=3).map(tuple),
    st.none()
    | st.builds(Usage, input_tokens=st.none() | st.integers(0, LARGEST), output_tokens=st.none() | st.just(0)),
)
def test_an_entry_comes_back_as_it_was(
    context: Context, amount: int, legs: tuple[tuple[str, int], ...], usage: Usage | None
) -> None:
    made = msgspec.structs.replace(
        ENTRY, context=context, charge=Charge(Money(amount)), legs=legs, usage=usage, response_model=context.user
    )
    assert rows.to_entry(selected(made, 9)) == (9, made)


def test_what_is_summed_and_searched_has_columns_of_its_own() -> None:
    row = inserted(ENTRY)
    assert (row["amount_nanodollars"], row["input_tokens"], row["output_tokens"]) == (7, 11, 5)
    assert (row["occurred_at"], row["recorded_at"], row["kind"]) == (NOW, NOW + 5, "charge")
    assert row["groups"] == '["ml","eng"]'
    assert row["legs"] == f'[["a",{NOW}],["b",{NOW}]]'
    assert inserted(msgspec.structs.replace(ENTRY, usage=None))["input_tokens"] is None


@pytest.mark.parametrize("amount", [LARGEST + 1, -LARGEST - 1, 2**70])
def test_an_amount_beyond_64_bits_is_refused_by_name(amount: int) -> None:
    made = msgspec.structs.replace(ENTRY, charge=Charge(Money(amount)))
    with pytest.raises(OverflowError, match=r"r\.1\.charge: -?\d+ nanodollars are more than 64 bits hold"):
        rows.of_entry(made)


@pytest.mark.parametrize("amount", [LARGEST, -LARGEST])
def test_the_largest_amount_is_taken(amount: int) -> None:
    assert inserted(msgspec.structs.replace(ENTRY, charge=Charge(Money(amount))))["amount_nanodollars"] == amount


def test_a_count_beyond_64_bits_is_cut_in_the_column() -> None:
    row = inserted(msgspec.structs.replace(ENTRY, usage=Usage(input_tokens=LARGEST + 5)))
    assert row["input_tokens"] == LARGEST


def test_half_a_surrogate_pair_becomes_a_question_mark() -> None:
    made = msgspec.structs.replace(ENTRY, response_model="gpt-\ud83d")
    assert inserted(made)["response_model"] == "gpt-?"


def test_a_reservation_comes_back_with_its_holds_and_its_context() -> None:
    made = reservation("r", hold("a", 10, until=NOW), hold("b", 0, spent_only=True, enforced=False))
    identifier, opened_at, packed = rows.of_reservation(made)
    assert (identifier, opened_at) == ("r.1", NOW)
    assert rows.read_reservation(packed) == made


def test_a_record_comes_back_and_is_searched_by_what_was_asked_for() -> None:
    made = record("r", request_model="gpt-5", response_model="gpt-5-2025", groups=("eng",), metadata={"a": "b"})
    row = rows.of_record(made)
    assert rows.read_record(row[-1]) == made
    assert row[6] == "gpt-5"
    assert row[10:12] == ('["eng"]', '{"a":"b"}')


def test_a_record_that_has_no_encoding_says_so() -> None:
    with pytest.raises((ValueError, OverflowError)):
        rows.of_record(record("r", user="\ud83d"))


def test_the_columns_that_are_read_are_those_that_are_written() -> None:
    only_searched_by = {"amount_nanodollars", "input_tokens", "output_tokens"}
    assert set(inserted(ENTRY)) - set(NAMES) == only_searched_by

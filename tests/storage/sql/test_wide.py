"""Sums that 64 bits do not hold."""

import apsw
from hypothesis import given
from hypothesis import strategies as st

from tollway.money import LARGEST
from tollway.storage.sql.wide import halves, order, split, summed, whole, within

AMOUNTS = st.integers(-LARGEST, LARGEST) | st.sampled_from([0, 1, -1, LARGEST, -LARGEST, 2**32, -(2**32)])


@given(st.lists(st.tuples(st.integers(0, 3), AMOUNTS), max_size=12))
def test_sums_are_exact_and_in_order_whatever_their_size(rows: list[tuple[int, int]]) -> None:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t (name INTEGER, amount INTEGER) STRICT")
    connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
    expected: dict[int, int] = {}
    for name, amount in rows:
        expected[name] = expected.get(name, 0) + amount
    found = list(
        connection.execute(f"SELECT name, {halves('amount')} FROM t GROUP BY name ORDER BY {order('amount')}, name")
    )
    assert [(name, whole(high, low)) for name, high, low in found] == sorted(
        expected.items(), key=lambda each: (-each[1], each[0])
    )
    held = dict(connection.execute(f"SELECT name, {summed('amount')} FROM t GROUP BY name").fetchall())
    for name, amount in expected.items():
        if abs(amount) < LARGEST - (len(rows) << 32):
            assert held[name] == amount
        else:
            assert abs(held[name] - within(amount)) <= len(rows) << 32


@given(st.integers())
def test_a_sum_that_was_split_is_whole_again(amount: int) -> None:
    assert whole(*split(amount)) == amount
    assert -LARGEST <= within(amount) <= LARGEST


def test_the_sum_of_no_rows_is_nothing() -> None:
    assert whole(None, None) == 0

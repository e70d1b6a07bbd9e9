"""Buckets and their running totals."""

from hypothesis import given
from hypothesis import strategies as st

from tollway.storage.account import Account

STEPS = st.integers(0, 30)


@given(
    booked=st.lists(st.tuples(STEPS, st.integers(-50, 50), st.integers(0, 50)), max_size=30),
    looks=st.lists(STEPS, min_size=1, max_size=10),
)
def test_a_look_is_the_sum_of_the_buckets_from_there_on(booked: list[tuple[int, int, int]], looks: list[int]) -> None:
    account = Account(0)
    for start, spent, held in booked:
        bucket = account.bucket(start)
        bucket.spent += spent
        bucket.held += held
        bucket.wanted += held // 2
        account.spent += spent
        account.held += held
        account.wanted += held // 2
    for since in looks:
        account.look(since)
        expected = (
            sum(spent for start, spent, _ in booked if start >= since),
            sum(held for start, _, held in booked if start >= since),
            sum(held // 2 for start, _, held in booked if start >= since),
        )
        assert (account.spent, account.held, account.wanted) == account.summed(since) == expected


@given(
    starts=st.lists(STEPS, unique=True, max_size=30),
    since=STEPS,
    keep=st.integers(1, 20),
    holding=st.sets(STEPS),
    unsaved=st.sets(STEPS),
)
def test_thinning_drops_only_what_is_saved_and_holds_nothing_and_no_window_needs(
    starts: list[int], since: int, keep: int, holding: set[int], unsaved: set[int]
) -> None:
    account = Account(0)
    for start in starts:
        bucket = account.bucket(start)
        bucket.spent = 1
        bucket.held = start in holding and start % 2
        bucket.wanted = start in holding and start % 2 == 0
        bucket.saved = start not in unsaved
    account.spent, account.held, account.wanted = account.summed(0)
    account.look(since)
    before = account.summed(since)
    account.thin(keep)
    dropped = set(starts) - account.buckets.keys()
    assert account.order == sorted(account.buckets)
    assert len(account.buckets) >= min(keep, len(starts))
    assert dropped.isdisjoint(holding | unsaved)
    assert all(start < since for start in dropped)
    assert account.floor == (max(dropped) + 1 if dropped else None)
    assert (account.spent, account.held, account.wanted) == before
    if dropped:
        account.restore(dict.fromkeys(starts, 1))
        assert account.buckets.keys() == set(starts)
        assert account.summed(0)[0] == len(starts)

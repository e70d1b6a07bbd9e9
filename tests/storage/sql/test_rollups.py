"""Rollups: what they keep, once, in whatever steps, and what a crash between two leaves."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.storage.sqlite.rolling import DAY, HOUR, START, Rolling, spent

from tollway.storage.analytics import MEASURES
from tollway.storage.sql import rollups
from tollway.storage.sql.verified import verified

TABLES = ("spending", "traffic", "sittings", "contexts", "attributes", "marks")


def filled() -> Rolling:
    rolling = Rolling()
    for number in range(60):
        rolling.settle(
            START + number * HOUR // 3,
            number,
            user=f"u{number % 3}",
            groups=("b", "a"),
            metadata={"team": f"t{number % 2}"},
        )
        rolling.log(START + number * HOUR // 3, user=f"u{number % 3}")
    return rolling


def everything(rolling: Rolling) -> dict[str, Any]:
    return {
        table: rolling.connection.execute(
            f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4"
            if table not in ("contexts", "attributes", "marks")
            else f"SELECT * FROM {table} ORDER BY 1"
        ).fetchall()
        for table in TABLES
    }


@pytest.mark.parametrize("step", [1, 7, 60])
def test_the_size_of_the_steps_does_not_matter(step: int) -> None:
    one, other = filled(), filled()
    one.roll(step)
    other.roll(1_000)
    found, expected = everything(one), everything(other)
    # Contexts are numbered as they come.
    assert {table: found[table] for table in TABLES if table not in ("spending", "traffic", "contexts")} == {
        table: expected[table] for table in TABLES if table not in ("spending", "traffic", "contexts")
    }
    assert verified(one.connection).differences == verified(other.connection).differences == []


def test_a_step_ends_where_it_has_as_many_lots_as_are_wanted_and_leaves_the_rest_for_the_next() -> None:
    rolling = filled()
    taken = 0
    while True:
        gathered = rollups.gather(rolling.connection, "spending", 20, most_lots=3)
        assert len(gathered.lots) <= 3 and gathered.rows <= 20
        assert gathered.full is (len(gathered.lots) == 3 and gathered.more and gathered.rows < 20)
        with rolling.connection:
            assert rollups.book(rolling.connection, gathered, rolling.known)
        taken += gathered.rows
        if not gathered.more:
            break
    assert taken == 60
    rolling.roll()
    assert verified(rolling.connection).differences == []


def test_what_was_taken_in_already_is_not_taken_in_again() -> None:
    rolling = filled()
    gathered = rollups.gather(rolling.connection, "spending", 10)
    with rolling.connection:
        assert rollups.book(rolling.connection, gathered, rolling.known)
    before = everything(rolling)
    with rolling.connection:
        assert not rollups.book(rolling.connection, gathered, rolling.known)
    assert everything(rolling) == before


def test_a_crash_in_the_middle_of_a_step_leaves_none_of_it() -> None:
    rolling = filled()
    gathered = rollups.gather(rolling.connection, "spending", 10)
    with pytest.raises(KeyboardInterrupt), rolling.connection:
        rollups.book(rolling.connection, gathered, rolling.known)
        raise KeyboardInterrupt
    assert not everything(rolling)["spending"]
    rolling.known.forget()
    rolling.roll(7)
    assert verified(rolling.connection).differences == []
    assert spent(rolling.ask([START, START + 9 * DAY]).total.whole)[0] == sum(range(60))


def test_a_correction_lands_in_the_hour_of_its_request_and_prices_what_had_no_price() -> None:
    rolling = Rolling()
    rolling.settle(START, 0, "unpriced", "late")
    rolling.settle(START + 5 * HOUR, 3)
    rolling.roll()
    rolling.settle(START, 40, "correction", "late")
    for rolled in (False, True):
        assert spent(rolling.ask([START, START + HOUR]).total.whole)[:3] == [40, 2, 0], rolled
        assert spent(rolling.ask([START + HOUR, START + DAY]).total.whole)[:3] == [3, 1, 0], rolled
        rolling.roll()
    assert verified(rolling.connection).differences == []


def test_openings_are_no_spend() -> None:
    rolling = Rolling()
    rolling.settle(START, 70, "opening")
    rolling.roll()
    assert rolling.connection.execute("SELECT count(*) FROM spending").get == 0
    assert verified(rolling.connection) == (1, 0, [], None)


def sittings(rolling: Rolling) -> list[tuple[Any, ...]]:
    rolling.roll(1)
    found = rolling.connection.execute(
        "SELECT user, name, (first_at - ?1) / 60000, (last_at - ?1) / 60000, amount_nanodollars, entries FROM sittings "
        "ORDER BY 1, 2, 3",
        (START,),
    )
    return found.fetchall()


def test_a_sitting_ends_with_a_long_pause_and_one_with_a_name_much_later() -> None:
    rolling, minute = Rolling(), 60_000
    for at in (0, 20, 45, 80, 100):
        rolling.settle(START + at * minute, 1, user="ann")
    for at in (0, 600):
        rolling.settle(START + at * minute, 5, user="ann", metadata={"session": "s1"})
    rolling.settle(START, 9)
    assert sittings(rolling) == [("ann", "", 0, 45, 3, 3), ("ann", "", 80, 100, 2, 2), ("ann", "s1", 0, 600, 10, 2)]


def test_what_comes_late_belongs_to_the_sitting_of_its_instant() -> None:
    rolling, minute = Rolling(), 60_000
    for at in (100, 400, 110, 90):
        rolling.settle(START + at * minute, 1, user="ann")
    assert sittings(rolling) == [("ann", "", 90, 110, 3, 3), ("ann", "", 400, 400, 1, 1)]


def test_what_is_booked_by_hand_is_no_sitting_of_anybody() -> None:
    rolling = Rolling()
    rolling.settle(START, 1, user="ann")
    rolling.settle(START, 500, "credit", user="ann")
    rolling.roll()
    assert sittings(rolling) == [("ann", "", 0, 0, 1, 1)]


def test_a_count_that_cannot_be_meant_does_not_stop_the_rollup() -> None:
    from tollway.usage import Usage

    rolling = Rolling()
    for _ in range(3):
        rolling.settle(START, 1, usage=Usage(input_tokens=2**62, output_tokens=None))
    rolling.roll()
    assert spent(rolling.ask([START, START + HOUR]).total.whole)[3] == 3 * 10**12


def ever(rolling: Rolling, table: Any, column: str) -> dict[tuple[str | None, str, bool], int]:
    place = MEASURES[table].index(column)  # type: ignore[index]
    return {(row.model, row.label, row.lowered): row.sums[place] for row in rollups.ever(rolling.connection, table)}


@pytest.mark.parametrize("step", [1, 3, 100])
def test_sums_of_all_time_are_the_ledgers_and_each_only_grows(step: int) -> None:
    rolling = Rolling()
    before: dict[tuple[str | None, str, bool], int] = {}
    for number, (kind, amount) in enumerate(
        [("charge", 50), ("presumed", 90), ("correction", -40), ("unpriced", 0), ("correction", 7), ("credit", -5)]
    ):
        rolling.settle(START + number * DAY, amount, kind, f"r{number}")
        rolling.roll(step)
        found = ever(rolling, "spending", "amount_nanodollars")
        assert all(abs(found[key]) >= abs(amount) for key, amount in before.items())
        before = found
    assert before == {
        ("gpt-5", "charge", False): 50,
        ("gpt-5", "presumed", False): 90,
        ("gpt-5", "correction", True): -40,
        ("gpt-5", "correction", False): 7,
        ("gpt-5", "unpriced", False): 0,
        ("gpt-5", "credit", True): -5,
    }
    assert sum(before.values()) == sum(entry.charge.amount for entry in rolling.entries)


def test_openings_and_what_was_rolled_up_before_count_once() -> None:
    rolling = filled()
    rolling.settle(START, 1_000, "opening")
    rolling.roll()
    # As a gateway of before has left it.
    with rolling.connection:
        rolling.connection.execute("DELETE FROM spending WHERE level = 6")
        rolling.connection.execute("DELETE FROM traffic WHERE level = 6")
        rolling.connection.execute("DELETE FROM marks WHERE name = 'ever'")
    rolling.known.forget()
    rolling.settle(START, 5, "correction")
    rolling.log(START, 500)
    rolling.roll()
    spent = ever(rolling, "spending", "amount_nanodollars")
    assert spent == {("gpt-5", "charge", False): sum(range(60)), ("gpt-5", "correction", False): 5}
    assert ever(rolling, "traffic", "requests") == {("gpt-5", "2", False): 60, ("gpt-5", "5", False): 1}
    rolling.known.forget()
    rolling.roll()
    assert ever(rolling, "spending", "amount_nanodollars") == spent


def test_a_model_that_nothing_was_booked_for_has_no_counter_and_never_lowers_another() -> None:
    rolling = Rolling()
    rolling.log(START, 404, request_model="made-up")
    rolling.roll()
    assert ever(rolling, "traffic", "requests") == {(None, "4", False): 1}
    rolling.settle(START, 5, model="made-up")
    rolling.log(START, request_model="made-up")
    rolling.roll()
    # What was counted with all others stays there.
    assert ever(rolling, "traffic", "requests") == {(None, "4", False): 1, ("made-up", "2", False): 1}


def test_there_are_so_many_counters_at_most_also_after_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollups, "EVER_CONTEXTS", 3)
    rolling = Rolling()
    for number in range(8):
        rolling.settle(START, 1, model=f"m{number}")
        rolling.roll()
        rolling.known.forget()
    found = ever(rolling, "spending", "entries")
    assert found == {**{(f"m{n}", "charge", False): 1 for n in range(3)}, (None, "charge", False): 5}


MINUTE = 60_000


def test_what_closes_the_pause_between_two_sittings_makes_them_one() -> None:
    rolling = Rolling()
    rolling.settle(START, 5, user="ann", request="first")
    rolling.settle(START + 40 * MINUTE, 5, user="ann")
    assert len(sittings(rolling)) == 2
    rolling.settle(START + 20 * MINUTE, 5, user="ann")
    assert sittings(rolling) == [("ann", "", 0, 40, 15, 3)]
    rolling.settle(START, -1, "correction", "first", user="ann")
    assert sittings(rolling) == [("ann", "", 0, 40, 14, 4)]


def test_sittings_that_an_earlier_gateway_left_apart_are_joined_by_what_comes_next() -> None:
    rolling = Rolling()
    for first, last in ((0, 0), (20, 40)):
        rolling.connection.execute(
            "INSERT INTO sittings (user, name, first_at, last_at, amount_nanodollars, entries) VALUES ('ann', '', ?, ?, 5, 1)",
            (START + first * MINUTE, START + last * MINUTE),
        )
    rolling.settle(START, -1, "correction", user="ann")
    assert sittings(rolling) == [("ann", "", 0, 40, 9, 3)]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.sampled_from(["ann", "bob"]), st.sampled_from(["", "s"]), st.integers(-3, 9)),
        max_size=30,
    ),
    st.randoms(use_true_random=False),
    st.integers(1, 40),
)
def test_in_whatever_order_entries_are_booked_the_same_sittings_are_there_as_after_a_rebuild(
    booked: list[tuple[int, str, str, int]], shuffle: Any, step: int
) -> None:
    late, sorted_once = Rolling(), Rolling()
    for at, user, session, amount in sorted(booked):
        metadata = {"session": session} if session else {}
        sorted_once.settle(START + at * MINUTE, amount, user=user, metadata=metadata)
    shuffle.shuffle(booked)
    for number, (at, user, session, amount) in enumerate(booked):
        kind = "correction" if amount < 0 else "charge"
        metadata = {"session": session} if session else {}
        late.settle(START + at * MINUTE, amount, kind, f"r{number}", user=user, metadata=metadata)
        if shuffle.random() < 0.3:
            late.roll(step)
    sorted_once.roll()
    assert sittings(late) == sittings(sorted_once)
    before = sittings(late)
    with late.connection:
        late.connection.execute("DELETE FROM spending")
        late.connection.execute("DELETE FROM sittings")
        late.connection.execute("UPDATE marks SET seq = 0 WHERE name = 'spending'")
    late.known.forget()
    assert sittings(late) == before
    assert verified(late.connection).differences == []


LARGEST = 2**63 - 1


@pytest.mark.parametrize("step", [1, 10])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_sum_beyond_64_bits_stays_at_the_largest_and_everything_else_goes_on(step: int, sign: int) -> None:
    rolling = Rolling()
    for number in range(3):
        rolling.settle(START, sign * 9 * 10**18, "credit", f"c{number}")
        assert not rollups.full(rolling.connection)
    rolling.settle(START + DAY, 7, user="ann")
    rolling.roll(step)
    assert rollups.full(rolling.connection)
    found = ever(rolling, "spending", "amount_nanodollars")
    assert found == {("gpt-5", "credit", sign < 0): sign * LARGEST, ("gpt-5", "charge", False): 7}
    assert spent(rolling.ask([START + DAY, START + 2 * DAY]).total.whole)[:2] == [7, 1]
    # Sums of such sums are whole numbers of any size.
    by_kind = rolling.ask([START, START + 2 * DAY], by=("kind",))
    assert {group: spent(each.whole)[0] for group, each in by_kind.groups.items()} == {
        ("credit",): sign * LARGEST,
        ("charge",): 7,
    }
    assert spent(by_kind.total.whole)[:2] == [sign * LARGEST + 7, 4]
    assert sittings(rolling) == [("ann", "", 1440, 1440, 7, 1)]


def test_a_sitting_beyond_64_bits_stays_at_the_largest() -> None:
    rolling = Rolling()
    for _ in range(2):
        rolling.settle(START, 9 * 10**18, user="ann")
    assert sittings(rolling) == [("ann", "", 0, 0, LARGEST, 2)]


def test_what_was_rolled_up_before_there_were_sums_of_all_time_may_be_beyond_64_bits() -> None:
    rolling = Rolling()
    for number in range(2):
        rolling.settle(START + number * DAY, 9 * 10**18)
    rolling.roll()
    with rolling.connection:
        rolling.connection.execute("DELETE FROM spending WHERE level = 6")
        rolling.connection.execute("DELETE FROM marks WHERE name = 'ever'")
    rolling.known.forget()
    rolling.settle(START, 5)
    rolling.roll()
    assert ever(rolling, "spending", "amount_nanodollars") == {("gpt-5", "charge", False): LARGEST}

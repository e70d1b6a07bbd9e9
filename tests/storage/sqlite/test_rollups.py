"""Rollups: what they keep, once, in whatever steps, and what a crash between two leaves."""

from typing import Any

import pytest
from tests.storage.sqlite.rolling import DAY, HOUR, START, Rolling, spent

from tollway.storage.sqlite import rollups
from tollway.storage.sqlite.verified import verified

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
    assert verified(rolling.connection) == (1, 0, [])


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


def test_a_count_that_cannot_be_meant_does_not_stop_the_rollup() -> None:
    from tollway.usage import Usage

    rolling = Rolling()
    for _ in range(3):
        rolling.settle(START, 1, usage=Usage(input_tokens=2**62, output_tokens=None))
    rolling.roll()
    assert spent(rolling.ask([START, START + HOUR]).total.whole)[3] == 3 * 10**12

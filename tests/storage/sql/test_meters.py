"""Sums of what was charged: each entry in them once, in steps of any size, and apart what has to be told one by one."""

import pytest
from msgspec.structs import replace
from tests.storage.sqlite.rolling import DAY, HOUR, START, Rolling

from tollway.ledger.entry import entry_id
from tollway.storage.rolled import DAYS, FINE
from tollway.storage.sql import meters, rollups, rows, statements
from tollway.storage.sql.store import SqlStore


def filled() -> Rolling:
    """Two weeks around the first of a month."""
    rolling = Rolling()
    for number in range(60):
        kind = ("charge", "charge", "presumed", "credit", "unpriced", "opening")[number % 6]
        rolling.settle(START - 7 * DAY + number * DAY // 4, 7 + number, kind, user=f"u{number % 3}")
    rolling.settle(START, 5, "correction", rolling.entries[4].request_id)
    return rolling


def contents(rolling: Rolling) -> list[list[tuple[object, ...]]]:
    """Whatever numbers the contexts have."""
    return [
        rolling.connection.execute(statement).fetchall()
        for statement in (
            "SELECT level, slot, user, meter, quantity, amount_nanodollars FROM meters JOIN contexts ON id = context ORDER BY 1, 2, 3, 4",
            "SELECT level, slot, user, entries, attempts, unpriced, presumed FROM calls JOIN contexts ON id = context ORDER BY 1, 2, 3",
            "SELECT * FROM apart ORDER BY 1, 2, 3",
            "SELECT name, seq FROM marks WHERE name LIKE 'meters%' ORDER BY 1",
        )
    ]


@pytest.mark.parametrize("step", [1, 2, 7, 61])
def test_the_size_of_the_steps_does_not_matter(step: int) -> None:
    one, other = filled(), filled()
    one.roll()
    other.roll(step)
    assert contents(one) == contents(other)


def test_every_nanodollar_that_is_no_credit_is_in_the_days_and_those_of_a_turn_in_its_hours() -> None:
    rolling = filled()
    rolling.roll()

    def spent(level: int, since: int, until: int) -> int | None:
        return rolling.connection.execute(
            "SELECT sum(amount_nanodollars) FROM meters WHERE level = ? AND slot >= ? AND slot < ?",
            (level, since, until),
        ).get

    charged = [each for each in rolling.entries if each.kind not in ("credit", "opening")]
    assert spent(FINE + DAYS, 0, 10**6) == sum(each.charge.amount for each in charged)
    # The last day of June and the first of July.
    turn = [each.charge.amount for each in charged if START - DAY <= each.occurred_at < START + DAY]
    assert spent(FINE, 0, 10**9) == spent(FINE, (START - DAY) // HOUR, (START + DAY) // HOUR) == sum(turn)


def test_calls_are_counted_and_what_has_a_price_by_now_is_not_without_one() -> None:
    rolling = filled()
    rolling.roll()
    found = rolling.connection.execute(
        "SELECT sum(entries), sum(attempts), sum(unpriced), sum(presumed) FROM calls WHERE level = ?", (FINE + DAYS,)
    ).fetchone()
    assert found == (41, 40, 9, 10)


def test_a_step_ends_where_it_comes_to_as_many_rows_as_are_wanted() -> None:
    rolling = filled()
    taken = 0
    while True:
        gathered = meters.gather(rolling.connection, 20, 6)
        assert gathered.rows <= 20 and sum(1 + len(cell.meters) for cell in gathered.cells.values()) <= 6 + 3
        with rolling.connection:
            assert meters.book(rolling.connection, gathered, rolling.known)
        taken += gathered.rows
        if not gathered.more:
            break
    assert taken == 61
    other = filled()
    other.roll()
    assert contents(rolling) == contents(other)


def test_what_was_taken_in_already_is_not_taken_in_again() -> None:
    rolling = filled()
    gathered = meters.gather(rolling.connection, 10)
    with rolling.connection:
        assert meters.book(rolling.connection, gathered, rolling.known)
        before = contents(rolling)
        assert not meters.book(rolling.connection, gathered, rolling.known)
    assert contents(rolling) == before


def apart(rolling: Rolling, *kinds: str) -> list[int]:
    return meters.apart(rolling.connection, kinds, (0, 1 << 60), 0, 1 << 60)


def test_credits_answers_without_a_price_or_at_the_dearest_and_what_is_late_are_noted_apart() -> None:
    rolling = Rolling()
    rolling.settle(START, 1)
    rolling.settle(START, 1, "credit")
    rolling.settle(START, 0, "unpriced")
    made = rolling.settle(START, 0)
    dearest = replace(
        made, id=entry_id("d", 1, "charge"), charge=replace(made.charge, price_id="openai/*@ceiling#2026")
    )
    rolling.connection.execute(statements.INSERT_ENTRY, (5, *rows.of_entry(dearest)))
    rolling.entries.append(dearest)
    rolling.settle(START - meters.LATE_MS, 2)
    rolling.settle(START - meters.LATE_MS - 1, 3)
    # A credit for a time to come makes nothing late.
    rolling.settle(START + 99 * DAY, 1, "credit")
    rolling.settle(START, 1)
    rolling.roll(3)
    assert apart(rolling, "credit") == [2, 8]
    assert apart(rolling, "unpriced") == [3]
    assert apart(rolling, meters.CEILING) == [5]
    assert apart(rolling, "charge", "presumed", "correction") == [7]
    assert apart(rolling, "credit", "charge") == [2, 7, 8]
    assert meters.apart(rolling.connection, ["credit"], (START, START + 1), 1, 2) == [2]
    assert meters.apart(rolling.connection, ["credit"], (START, START + 1), 2, 9) == []


def test_the_latest_that_was_booked_by_a_place_is_known() -> None:
    rolling = Rolling()
    assert meters.latest_by(rolling.connection, 9) is None
    for at, kind in ((5, "charge"), (9, "charge"), (7, "presumed"), (99, "credit"), (99, "opening")):
        rolling.settle(START + at, 1, kind)
    assert [meters.latest_by(rolling.connection, place) for place in (0, 1, 2, 5)] == [
        None,
        START + 5,
        START + 9,
        START + 9,
    ]


def test_what_was_forgotten_is_taken_in_anew() -> None:
    rolling = filled()
    rolling.roll()
    before = contents(rolling)
    with rolling.connection:
        meters.forget(rolling.connection)
    assert meters.through(rolling.connection) == 0 and not apart(rolling, "credit")
    rolling.roll()
    assert contents(rolling) == before


async def test_a_failure_while_writing_loses_nothing_and_counts_nothing_twice(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in filled().entries:
        assert await store.ledger.move(each) if each.kind == "opening" else store.ledger.settle(each)
    await store.ledger.flush()
    with monkeypatch.context() as patched, pytest.raises(RuntimeError, match="no"):

        def broken(*_: object) -> None:
            raise RuntimeError("no")

        patched.setattr(meters, "identified", broken)
        while True:
            await store.analytics.roll()
    # What else is rolled up went on meanwhile.
    assert (await store.analytics.rolled()).entries_behind == 0
    assert await store._database.query(meters.through) == 0
    while await store.analytics.roll():
        pass
    entries = "SELECT CAST(sum(entries) AS BIGINT) FROM calls WHERE level = 1"
    assert await store._database.query(lambda reading: reading.execute(entries).get) == 41


def test_the_same_callers_have_the_same_numbers_as_in_rollups() -> None:
    rolling = filled()
    rolling.roll()
    contexts = rolling.connection.execute("SELECT DISTINCT context FROM calls ORDER BY 1").fetchall()
    fine = rolling.connection.execute("SELECT DISTINCT context FROM spending WHERE level = 0 ORDER BY 1").fetchall()
    assert contexts == fine and rollups.mark(rolling.connection, "spending") == meters.through(rolling.connection)

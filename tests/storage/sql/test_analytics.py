import pytest

from tollway.storage.analytics import Question
from tollway.storage.conformance.records import record, spending
from tollway.storage.conformance.values import NOW
from tollway.storage.sql import rollups
from tollway.storage.sql.analytics import FEWEST_AT_ONCE, LOOKED_UP_AT_MOST, LOTS_AT_ONCE, MOST_AT_ONCE
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.store import SqlStore

HOUR = 3_600_000


async def rolled(store: SqlStore) -> int:
    await store.ledger.flush()
    await store.records.flush()
    steps = 1
    while await store.analytics.roll():
        steps += 1
    return steps


@pytest.mark.parametrize(
    ("users", "rows"),
    [
        # Of few callers, twice as many as in the last step, up to a limit.
        (7, [FEWEST_AT_ONCE, 2 * FEWEST_AT_ONCE, 4 * FEWEST_AT_ONCE, 8 * FEWEST_AT_ONCE, MOST_AT_ONCE, 7]),
        # Of as many callers as requests, as many as may be added on the loop.
        (10_000, [LOTS_AT_ONCE] * 4 + [7]),
    ],
)
async def test_one_step_is_bounded_and_the_answer_the_same_before_and_after(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch, users: int, rows: list[int]
) -> None:
    for number in range(sum(rows)):
        store.ledger.settle(spending(f"r{number}", number, user=f"u{number % users}"))
    await store.ledger.flush()
    question = Question(bounds=(NOW, NOW + HOUR), by=("user",), columns={"spending": ("amount_nanodollars", "entries")})
    before = await store.analytics.ask(question)
    booked: list[int] = []

    def book(writing: Connection, gathered: rollups.Gathered, known: rollups.Known) -> bool:
        booked.append(gathered.rows)
        assert len(gathered.lots) <= LOTS_AT_ONCE
        return add(writing, gathered, known)

    add = rollups.book
    monkeypatch.setattr(rollups, "book", book)
    await rolled(store)
    assert booked == rows
    assert await store.analytics.ask(question) == before
    assert (await store.analytics.rolled()).entries_behind == 0


async def test_a_failure_while_writing_loses_nothing_and_counts_nothing_twice(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.ledger.settle(spending("r1", 5, user="ann", metadata={"team": "a"}))
    await store.ledger.flush()
    with monkeypatch.context() as patched, pytest.raises(RuntimeError, match="no"):

        def broken(*_: object) -> None:
            raise RuntimeError("no")

        patched.setattr("tollway.storage.sql.rollups._keep", broken)
        await store.analytics.roll()
    assert (await store.analytics.rolled()).entries == 0
    await rolled(store)
    answer = await store.analytics.ask(
        Question(bounds=(NOW, NOW + HOUR), by=("metadata.team",), columns={"spending": ("amount_nanodollars",)})
    )
    assert answer.groups[("a",)].whole == {"spending": [5]}


async def test_everybody_who_ever_asked_is_known_by_name(store: SqlStore) -> None:
    store.ledger.settle(spending("r1", 5, user="bob"))
    store.records.write(record("r2", user="ann"))
    store.records.write(record("r3"))
    await rolled(store)
    assert await store.analytics.users() == ["ann", "bob"]


async def test_sittings_are_told_by_when_they_ended(store: SqlStore) -> None:
    store.ledger.settle(spending("r1", 5, user="ann"))
    store.ledger.settle(spending("r2", 7, user="bob", at=NOW + 5 * HOUR))
    await rolled(store)
    (ann,) = await store.analytics.sittings(since=NOW, until=NOW + 1)
    assert (ann.user, ann.spent, ann.entries, ann.first_at, ann.last_at) == ("ann", 5, 1, NOW, NOW)
    both = await store.analytics.sittings(since=NOW, until=NOW + 9 * HOUR)
    assert [one.user for one in both] == ["ann", "bob"]
    assert [one.user for one in await store.analytics.sittings(since=NOW, until=NOW + 9 * HOUR, user="bob")] == ["bob"]


async def test_what_cannot_be_asked_is_a_value_error_naming_it(store: SqlStore) -> None:
    with pytest.raises(ValueError, match="colour"):
        await store.analytics.ask(Question(bounds=(0, 1), by=("colour",), columns={"spending": ("entries",)}))


async def test_when_somebody_was_last_charged_is_the_same_whether_few_are_asked_for_or_many(store: SqlStore) -> None:
    for number in range(2 * LOOKED_UP_AT_MOST):
        name = f"u{number % (LOOKED_UP_AT_MOST + 5)}"
        store.ledger.settle(spending(f"r{number}", 5, user=name, at=NOW + number * HOUR))
    await rolled(store)
    names = [f"u{number}" for number in range(LOOKED_UP_AT_MOST + 3)] + ["nobody"]
    many = await store.analytics.last_charged(names)
    assert many["u0"] == NOW + (LOOKED_UP_AT_MOST + 5) * HOUR and "nobody" not in many
    few: dict[str, int] = {}
    for name in names:
        few |= await store.analytics.last_charged([name])
    assert many == few and len(few) == len(names) - 1

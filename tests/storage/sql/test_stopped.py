"""What was refused or served by a cheaper model: the same as whoever reads every record would tell, however far the lines of it are."""

import asyncio
from collections.abc import Sequence
from functools import partial
from random import Random
from typing import Any

import pytest
from tests.storage.sql.places import in_a_file, reopened, while_closed

from tollway.logs.record import Decision, LogRecord
from tollway.money import LARGEST, Money
from tollway.pricing.charge import Charge
from tollway.storage.analytics import Behind, Question, Stopped, Stops
from tollway.storage.conformance.records import record
from tollway.storage.conformance.values import NOW
from tollway.storage.protocol import Filter
from tollway.storage.rolled import FINE_VALUES
from tollway.storage.sql import analytics, rollups, stopped
from tollway.storage.sql.driver import Connection
from tollway.storage.sql.statements import MARK
from tollway.storage.sql.store import SqlStore

DENIED = (Decision(step="reserve", outcome="deny", code="budget_exceeded", rule="team"),)
SWAPPED = (
    Decision(
        step="route",
        outcome="note",
        code="downgraded",
        rule="team",
        detail="openai/gpt-4o-mini instead of openai/gpt-4o",
    ),
    Decision(
        step="route", outcome="note", code="downgraded", rule="all", detail="openai/nano instead of openai/gpt-4o-mini"
    ),
)
REFUSED: dict[str, Any] = {"status": 429, "code": "budget_exceeded", "decisions": DENIED, "provider": "openai"}


async def written(store: SqlStore) -> None:
    store.records.write(record("one", NOW + 1, **REFUSED, request_model="gpt-5", user="ann"))
    store.records.write(record("two", NOW + 2, **REFUSED, request_model="gpt-5", user="bob", gateway="other"))
    store.records.write(record("swapped", NOW + 3, decisions=SWAPPED, charge=Charge(Money(7)), user="ann"))
    # The provider's own refusal, words in what somebody sent, and all that went well are nothing of ours.
    store.records.write(record("theirs", NOW + 4, status=500, code="upstream_invalid"))
    store.records.write(record("word", NOW + 5, metadata={"note": "downgraded"}))
    store.records.write(record("deny", NOW + 5, status=500, code="upstream_invalid", metadata={"note": "ädeny"}))
    store.records.write(record("again", NOW + 6, **REFUSED, request_model="gpt-5", user="ann"))
    await store.records.flush()


async def rolled(store: SqlStore) -> None:
    while await store.analytics.roll():
        pass


async def lines(store: SqlStore) -> list[int]:
    """Of which records there are lines."""
    found = await store._database.query(lambda reading: reading.execute("SELECT seq FROM stops").fetchall())
    return sorted(seq for (seq,) in found)


@pytest.mark.parametrize("listed", [False, True], ids=["read from the log", "read from lines"])
async def test_refusals_and_downgrades_are_told_and_nothing_else(store: SqlStore, *, listed: bool) -> None:
    await written(store)
    if listed:
        await rolled(store)
        assert len(await lines(store)) == 4
    found = await store.analytics.stops(since=NOW, until=NOW + 100)
    assert found.refused_since == found.swapped_since == NOW
    assert [(one.code, one.model, one.user, one.requests, one.at) for one in found.refused] == [
        ("budget_exceeded", "gpt-5", "ann", 2, NOW + 6),
        ("budget_exceeded", "gpt-5", "bob", 1, NOW + 2),
    ]
    assert [(one.provider, one.model, one.user, one.requests, one.charged) for one in found.swapped] == [
        ("openai", "gpt-4o", "ann", 1, 7)
    ]
    bobs = await store.analytics.stops(since=NOW, until=NOW + 100, user="bob", gateway="other")
    assert ([one.user for one in bobs.refused], list(bobs.swapped)) == (["bob"], [])
    none = await store.analytics.stops(since=NOW + 7, until=NOW + 100)
    assert not none.refused and not none.swapped


@pytest.mark.parametrize("listed", [False, True], ids=["read from the log", "read from lines"])
async def test_what_was_downgraded_has_its_exact_charge_and_what_has_no_price_adds_nothing(
    store: SqlStore, *, listed: bool
) -> None:
    for name, user, charge in (
        ("a", "ann", Charge(Money(LARGEST))),
        ("b", "ann", Charge(Money(LARGEST))),
        ("c", "ann", None),
        ("d", "bob", None),
    ):
        store.records.write(record(name, NOW, decisions=SWAPPED, charge=charge, user=user))
    await store.records.flush()
    if listed:
        await rolled(store)
    found = await store.analytics.stops(since=NOW, until=NOW + 1)
    assert [(one.user, one.requests, one.charged) for one in found.swapped] == [
        ("ann", 3, 2 * LARGEST),
        ("bob", 1, None),
    ]


@pytest.mark.parametrize("steps", [0, 1, 2, 4])
async def test_of_many_the_newest_are_told_and_the_answer_says_from_when(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    monkeypatch.setattr(analytics, "LOTS_AT_ONCE", 2)
    monkeypatch.setattr(rollups, "LINES_A_LOT", 1)
    await written(store)
    for _ in range(steps):
        await store.analytics.roll()
    monkeypatch.setattr(stopped, "LOOKED_AT", 2)
    found = await store.analytics.stops(since=NOW, until=NOW + 100)
    # Three refusals: the newest two of them.
    assert (found.refused_since, [(one.user, one.requests) for one in found.refused]) == (
        NOW + 2,
        [("ann", 1), ("bob", 1)],
    )
    assert (found.swapped_since, [one.requests for one in found.swapped]) == (NOW, [1])
    monkeypatch.setattr(stopped, "LOOKED_AT", 0)
    found = await store.analytics.stops(since=NOW, until=NOW + 100)
    assert (found.refused_since, found.swapped_since) == (NOW + 7, NOW + 4)
    assert not found.refused and not found.swapped


async def test_while_too_much_has_no_line_yet_the_answer_is_that_it_comes_later(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await written(store)
    monkeypatch.setattr(stopped, "UNLISTED_AT_MOST", 5)
    with pytest.raises(Behind, match="7 of 7 rows are missing") as raised:
        await store.analytics.stops(since=NOW, until=NOW + 100)
    assert raised.value.temporary
    await rolled(store)
    assert (await store.analytics.stops(since=NOW, until=NOW + 100)).refused


async def test_what_is_deleted_from_the_log_loses_its_line(store: SqlStore) -> None:
    await written(store)
    await rolled(store)
    assert await lines(store) == [1, 2, 3, 7]
    # One is named as another request, and stays.
    assert await store.logged.erase([(1, "one"), (2, "another"), (4, "theirs")]) == 2
    assert await lines(store) == [2, 3, 7]
    assert await store.analytics.retain(before=NOW + 3, rows=None) == 1
    assert await lines(store) == [3, 7]
    assert await store.analytics.retain(before=None, rows=1) == 3
    assert await lines(store) == [7]
    found = await store.analytics.stops(since=NOW, until=NOW + 100)
    assert [(one.user, one.requests) for one in found.refused] == [("ann", 1)]
    # Of what was before, nobody knows any more.
    assert (found.refused_since, found.swapped_since) == (NOW + 6, NOW + 6)
    before = await store.analytics.stops(since=NOW, until=NOW + 3)
    assert (before.refused_since, before.refused) == (NOW + 3, [])


async def test_requests_that_are_gone_are_not_counted_as_none(store: SqlStore) -> None:
    for number in range(FINE_VALUES + 2):
        store.records.write(record(f"r{number}", NOW + number, metadata={"trace": f"t{number}"}))
    await store.records.flush()
    await rolled(store)

    def question(since: int) -> Question:
        return Question(bounds=(since, NOW + 10_000), by=("metadata.trace",), columns={"traffic": ("requests",)})

    assert (await store.analytics.ask(question(NOW))).total.whole["traffic"] == [FINE_VALUES + 2]
    assert await store.analytics.retain(before=NOW + 5, rows=None) == 5
    with pytest.raises(Behind, match=r"deleted from the log.*metrics=cost,tokens") as caught:
        await store.analytics.ask(question(NOW))
    assert caught.value.deleted and not caught.value.temporary
    assert (await store.analytics.ask(question(NOW + 5))).total.whole["traffic"] == [FINE_VALUES - 3]
    assert await store.logged.erase([(100, "r99")]) == 1
    with pytest.raises(Behind, match="deleted from the log"):
        await store.analytics.ask(question(NOW + 99))
    assert (await store.analytics.ask(question(NOW + 100))).total.whole["traffic"] == [FINE_VALUES - 98]
    # What was added up before is still known.
    whole = Question(bounds=(NOW - NOW % 3_600_000, NOW + 3_600_000), columns={"traffic": ("requests",)})
    assert (await store.analytics.ask(whole)).total.whole["traffic"][0] >= FINE_VALUES - 4


def as_before(writing: Connection) -> None:
    """The tables as a version left them that knew of no lines."""
    writing.execute("DELETE FROM stops")
    writing.execute("DELETE FROM marks WHERE name = 'stops'")


async def test_an_older_log_is_listed_bit_by_bit_from_its_end_and_the_answer_says_how_far_that_has_come(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopped, "LISTED_AT_ONCE", 2)
    await written(store)
    await rolled(store)
    await store.close()
    await while_closed(store, as_before)
    again = await reopened(store)
    try:
        seen: list[tuple[int, int]] = []
        more = True
        while more:
            found = await again.analytics.stops(since=NOW, until=NOW + 100)
            assert found.refused_since == found.swapped_since
            seen.append((found.refused_since, sum(one.requests for one in (*found.refused, *found.swapped))))
            more = await again.analytics.roll()
        # The fifth and the sixth record are of one instant.
        assert seen == [(NOW + 100, 0), (NOW + 5, 1), (NOW + 3, 2), (NOW + 1, 4), (NOW, 4)]
        assert await lines(again) == [1, 2, 3, 7]
        assert await again.analytics.roll() is False
    finally:
        await again.close()


async def test_what_is_deleted_while_its_line_is_made_has_none(store: SqlStore) -> None:
    await written(store)
    await rolled(store)
    await store._database.change(as_before)
    listed = await store._database.query(stopped.unlisted)
    assert listed is not None and len(listed.lines) == 4
    assert await store.logged.erase([(1, "one")]) == 1
    enlist = partial(stopped.enlist, listed=listed)
    assert await store._database.change(enlist) is True
    assert await lines(store) == [2, 3, 7]
    # The same once more, by whoever read it at the same mark.
    assert await store._database.change(enlist) is False


async def test_a_step_whose_writing_fails_leaves_no_line_behind(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await written(store)
    add = stopped.add

    def broken(writing: Connection, found: Sequence[stopped.Line], *, first: bool) -> None:
        add(writing, found, first=first)
        raise RuntimeError("no")

    with monkeypatch.context() as patched, pytest.raises(RuntimeError, match="no"):
        patched.setattr(stopped, "add", broken)
        await store.analytics.roll()
    assert await lines(store) == []
    await rolled(store)
    assert await lines(store) == [1, 2, 3, 7]


@in_a_file
async def test_lines_are_looked_up_by_their_key(store: SqlStore) -> None:
    picked = "SELECT at, seq FROM records WHERE seq <= ? ORDER BY seq LIMIT ?"

    def plan(reading: Connection) -> list[str]:
        found = reading.execute(f"EXPLAIN QUERY PLAN {stopped._DROP.format(records=picked)}", (1, 100))
        return [row[3] for row in found]

    assert any("PRIMARY KEY (downgraded=? AND at=? AND seq=?)" in step for step in await store._database.query(plan))


class Anything:
    """Random records: few names, so that they meet."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.number = 0

    def one(self) -> LogRecord:
        self.number += 1
        chance = self.chance
        stopped_by = chance.choice(["refused", "swapped", "theirs", "went well", "went well"])
        more: dict[str, Any] = {}
        if stopped_by == "refused":
            more = {**REFUSED, "code": chance.choice(["budget_exceeded", "model_not_allowed"])}
        elif stopped_by == "swapped":
            more = {"decisions": SWAPPED, "charge": chance.choice([None, Charge(Money(chance.randrange(10**9)))])}
        elif stopped_by == "theirs":
            more = {"status": 502, "code": "upstream_error"}
        return record(
            f"r{self.number}",
            # Not in the order in which they are logged: what took long is logged late.
            NOW + self.number * 3 - chance.choice([0, 1, 40]),
            user=chance.choice([None, "", "ann", "bob"]),
            gateway=chance.choice(["default", "other"]),
            request_model=chance.choice([None, "gpt-5"]),
            **more,
        )

    def span(self) -> tuple[int, int]:
        ends = [NOW + self.chance.randrange(-50, self.number * 3 + 20) for _ in range(2)]
        return min(ends), max(ends) + 1


def told_by_all(log: Sequence[LogRecord], since: int, until: int, user: str | None, gateway: str | None) -> Stops:
    """What the plain reading of every record tells."""
    meant = [
        one for one in log if since <= one.at < until and user in (None, one.user) and gateway in (None, one.gateway)
    ]
    refused: dict[tuple[Any, ...], list[LogRecord]] = {}
    swapped: dict[tuple[Any, ...], list[LogRecord]] = {}
    for one in meant:
        if one.status >= 400 and any(verdict.outcome == "deny" for verdict in one.decisions):
            refused.setdefault((one.code, one.provider, one.request_model, one.user or None), []).append(one)
        elif any(verdict.code == "downgraded" for verdict in one.decisions):
            swapped.setdefault(("downgraded", "openai", "gpt-4o", one.user or None), []).append(one)

    def told(found: dict[tuple[Any, ...], list[LogRecord]]) -> list[Stopped]:
        return [
            Stopped(
                code=code,
                provider=provider,
                model=model,
                user=of,
                requests=len(those),
                at=max(one.at for one in those),
                charged=sum(one.charge.amount for one in those if one.charge is not None)
                if any(one.charge is not None for one in those)
                else None,
            )
            for (code, provider, model, of), those in sorted(
                found.items(), key=lambda item: [(value is not None, value or "") for value in item[0]]
            )
        ]

    return Stops(refused_since=since, refused=told(refused), swapped_since=since, swapped=told(swapped))


async def whole_log(store: SqlStore) -> list[LogRecord]:
    return list((await store.records.records(Filter(), limit=10_000, cursor=None)).items)  # type: ignore[arg-type]


async def check(store: SqlStore, rows: Anything) -> None:
    log = await whole_log(store)
    for user, gateway in ((None, None), ("ann", None), (None, "other"), ("bob", "default")):
        since, until = rows.span()
        found = await store.analytics.stops(since=since, until=until, user=user, gateway=gateway)
        assert found.refused_since == found.swapped_since
        # Where an older log is not listed yet, the answer says from when it tells.
        truth = told_by_all(log, found.refused_since, until, user, gateway)
        assert found == truth


@pytest.mark.parametrize("seed", range(6))
async def test_lines_tell_what_every_record_tells_whatever_was_rolled_listed_or_deleted(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(analytics, "LOTS_AT_ONCE", 7)
    monkeypatch.setattr(rollups, "LINES_A_LOT", 1)
    monkeypatch.setattr(analytics, "_DELETED_AT_ONCE", 3)
    monkeypatch.setattr(stopped, "LISTED_AT_ONCE", 5)
    rows = Anything(seed)
    chance = rows.chance
    for _ in range(40):
        match chance.choice(["log", "log", "roll", "roll", "retain", "erase", "forget", "both"]):
            case "log":
                for _ in range(chance.randrange(1, 12)):
                    store.records.write(rows.one())
                await store.records.flush()
            case "roll":
                await store.analytics.roll()
            case "retain":
                log = await whole_log(store)
                await store.analytics.retain(
                    before=chance.choice([None, min((one.at for one in log), default=0) + 9]),
                    rows=chance.choice([None, max(len(log) - 4, 1)]),
                )
            case "erase":
                picked = await store.logged.pick(Filter(), limit=50, cursor=None)
                await store.logged.erase(chance.sample(list(picked.rows), min(2, len(picked.rows))))
            case "forget":
                # As if all that is there had been logged by an older version.
                await store._database.change(as_before)
            case _:
                # A roll and a deletion at once.
                picked = await store.logged.pick(Filter(), limit=9, cursor=None)
                await asyncio.gather(store.analytics.roll(), store.logged.erase(list(picked.rows)[::4]))
        await check(store, rows)
    await rolled(store)
    await check(store, rows)
    found = await store.analytics.stops(since=NOW - 99, until=NOW + 9**6)
    cut = await store._database.query(lambda reading: reading.execute(MARK, (stopped.LOG_SINCE,)).get)
    assert found.refused_since == max(NOW - 99, cut or 0)
    assert {one.seq for one in await every_line(store)} == set(await lines(store))


async def every_line(store: SqlStore) -> list[stopped.Line]:
    return await store._database.query(lambda reading: stopped.between(reading, 0, 1 << 40))

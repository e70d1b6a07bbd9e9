"""Statements in SQLite: what is added up is the ledger, to the nanodollar, and what was frozen stays as it was."""

import random
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import apsw
import msgspec
import pytest
from tests.storage.sql.places import dropping_triggers, in_a_file, while_closed

from tollway.errors import StoreUnavailable
from tollway.ledger.entry import Context, Kind, LedgerEntry, entry_id
from tollway.money import Money
from tollway.pricing.charge import Charge, ChargeLine
from tollway.pricing.units import UnitPrice
from tollway.statements.month import Month, month_of
from tollway.statements.statement import Statement
from tollway.statements.tally import TooManyLines
from tollway.storage.billing import ADJUSTMENTS, Damaged, Why
from tollway.storage.conformance.values import opening
from tollway.storage.protocol import Kept
from tollway.storage.sql import billed as billing
from tollway.storage.sql.store import SqlStore

UTC = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")
DAY = 24 * 3_600_000
MAY, JUNE, JULY = Month(2026, 5), Month(2026, 6), Month(2026, 7)
IN_MAY, IN_JUNE, IN_JULY = (month.span(UTC)[0] + 10 * DAY for month in (MAY, JUNE, JULY))


def entry(
    request: str,
    at: int,
    amount: int,
    kind: Kind = "charge",
    *,
    recorded: int | None = None,
    number: int = 0,
    **who: object,
) -> LedgerEntry:
    """An entry of the default gateway; a third of it is for input, the rest for output."""
    first = amount // 3
    lines = tuple(
        ChargeLine(meter, quantity, UnitPrice(Money(part), 1), Money(part))
        for meter, quantity, part in (("input", 30, first), ("output", 7, amount - first))
    )
    fields = {"gateway": "default", "provider": "openai", "model": "gpt-5", "user": "ann", "metadata": {"team": "ml"}}
    return LedgerEntry(
        id=entry_id(request, 1, kind, number), reservation_id=f"{request}.1", request_id=request, attempt=1, kind=kind,
        charge=Charge(Money(amount), lines if kind != "unpriced" else ()), legs=(), context=Context(**fields | who),  # type: ignore[arg-type]
        occurred_at=at, recorded_at=at if recorded is None else recorded,
    )  # fmt: skip


async def settle(store: SqlStore, *entries: LedgerEntry) -> None:
    for each in entries:
        assert store.ledger.settle(each)
    await store.ledger.flush()


async def statements(store: SqlStore, month: Month, by: str = "team", zone: ZoneInfo = UTC) -> Sequence[Statement]:
    return (await store.billing.billed(month, by, zone)).statements


async def frozen(store: SqlStore, month: Month, by: str = "team", zone: ZoneInfo = UTC) -> None:
    assert await store.billing.freeze(month, by, zone, at=1, frozen_by="ada", word="closed") is not None


async def test_a_month_is_added_up_by_value_model_and_meter(store: SqlStore) -> None:
    await settle(
        store,
        entry("a", IN_JUNE, 300),
        entry("b", IN_JUNE, 30, user="bob"),
        entry("c", IN_JUNE, 3, metadata={"team": "web"}),
        entry("d", IN_JUNE, 9, metadata={}),
        entry("e", IN_JUNE, 9, metadata={"team": ""}),
        entry("f", IN_JULY, 1),
    )
    found = await statements(store, JUNE)
    assert [(each.value, each.total) for each in found] == [(None, 18), ("ml", 330), ("web", 3)]
    ml = found[1]
    assert [(c.user, c.meter, c.quantity, c.amount) for c in ml.charges] == [
        ("ann", "input", 30, 100),
        ("ann", "output", 7, 200),
        ("bob", "input", 30, 10),
        ("bob", "output", 7, 20),
    ]
    assert (ml.through, ml.since, ml.until) == (6, *JUNE.span(UTC))


@pytest.mark.parametrize(
    ("by", "value"),
    [
        ("user", "ann"),
        ("gateway", "default"),
        ("key", "k"),
        ("service", "s"),
        ("metadata.app.name", "x"),
        ("cost_center", "42"),
    ],
)
async def test_there_is_a_statement_for_each_value_of_any_dimension(store: SqlStore, by: str, value: str) -> None:
    who = {"key": "k", "service": "s", "metadata": {"app.name": "x", "cost_center": "42"}}
    await settle(store, entry("a", IN_JUNE, 300, **who))
    assert [(each.value, each.total) for each in await statements(store, JUNE, by)] == [(value, 300)]


async def test_what_is_booked_after_a_freeze_is_an_adjustment_of_the_month_in_which_it_is_booked(
    store: SqlStore,
) -> None:
    await settle(store, entry("a", IN_JUNE, 300))
    await frozen(store, JUNE)
    before = await statements(store, JUNE)
    await settle(store, entry("a", IN_JUNE, -50, "correction", recorded=IN_JULY), entry("b", IN_JULY, 7))
    assert await statements(store, JUNE) == before
    (july,) = await statements(store, JULY)
    assert [(each.amends, each.kind, each.amount) for each in july.adjustments] == [("2026-06", "correction", -50)]
    assert (july.usage, july.total) == (7, -43)


async def test_what_is_booked_while_a_month_is_watched_is_read_from_there_on(store: SqlStore) -> None:
    await settle(store, entry("a", IN_JUNE, 300), entry("m", IN_MAY, 11))
    await frozen(store, MAY)
    assert [each.total for each in await statements(store, JUNE)] == [300]
    await settle(
        store, entry("b", IN_JUNE, 40), entry("m", IN_MAY, 5, "correction", recorded=IN_JUNE), entry("c", IN_JULY, 1)
    )
    (june,) = await statements(store, JUNE)
    assert (june.usage, june.adjusted, june.through) == (340, 5, 5)
    store.billing._open.clear()
    assert await statements(store, JUNE) == [june]


async def test_a_freeze_is_once_and_for_ever(store: SqlStore) -> None:
    await settle(store, entry("a", IN_JUNE, 300))
    made = await store.billing.freeze(JUNE, "team", UTC, at=5, frozen_by="ada", word="closed")
    assert made is not None
    assert (made.month, made.through, made.total, made.statements, made.frozen_by) == ("2026-06", 1, 300, 1, "ada")
    assert await store.billing.freeze(JUNE, "team", UTC, at=6, frozen_by="bob", word="again") is None
    assert await store.billing.freezes() == await store.billing.freezes("team") == [made]
    assert await store.billing.freezes("user") == []
    await store.close()
    for sql in (
        "UPDATE frozen SET digest = ''",
        "DELETE FROM frozen",
        "DELETE FROM freezes",
        "UPDATE freezes SET at = 0",
    ):
        with pytest.raises(StoreUnavailable, match="never changed or deleted"):
            await while_closed(store, lambda other, sql=sql: other.execute(sql))


async def test_what_is_booked_while_a_month_is_being_frozen_is_charged_once(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await settle(store, entry("a", IN_JUNE, 300), entry("b", IN_JULY, 5))
    assert [each.total for each in await statements(store, JULY)] == [5]
    keep = store._database.change

    async def late(work: Any) -> Any:
        monkeypatch.setattr(store._database, "change", keep)
        await settle(store, entry("c", IN_JUNE, 40, recorded=IN_JULY))
        # Somebody looks at the open month before the freeze is written: it is June's still.
        found = await store._database.query(partial(store.billing._billed, month=JULY, by="team", zone=UTC))
        assert [each.total for each in found.statements] == [5]
        return await keep(work)

    monkeypatch.setattr(store._database, "change", late)
    await frozen(store, JUNE)
    assert [each.total for each in await statements(store, JUNE)] == [300]
    (july,) = await statements(store, JULY)
    assert (july.usage, july.adjusted) == (5, 40)


async def test_what_was_frozen_is_there_after_a_restart(store: SqlStore) -> None:
    await settle(store, entry("a", IN_JUNE, 300))
    await frozen(store, JUNE)
    before = await store.billing.billed(JUNE, "team", UTC)
    await store.close()
    await store.open(IN_JULY)
    assert await store.billing.billed(JUNE, "team", UTC) == before


async def test_a_statement_that_was_tampered_with_is_not_shown(store: SqlStore) -> None:
    await settle(store, entry("a", IN_JUNE, 300))
    await frozen(store, JUNE)

    def tamper(writing: object) -> None:
        run = writing.execute  # type: ignore[attr-defined]
        for drop in dropping_triggers(store, "frozen"):
            run(drop)
        record = bytes(run("SELECT record FROM frozen").get)
        run("UPDATE frozen SET record = ?", (record.replace(b'"amount":200', b'"amount":199'),))

    await store._database.change(tamper)
    with pytest.raises(Damaged, match="2026-06 by team are not what was frozen"):
        await statements(store, JUNE)


@in_a_file
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT OR REPLACE INTO freezes SELECT * FROM freezes",
        "INSERT OR REPLACE INTO frozen SELECT * FROM frozen",
        "INSERT OR REPLACE INTO frozen (rowid, month, dimension, number, record, digest) "
        "SELECT rowid, 'x', 'x', 9, record, digest FROM frozen",
    ],
)
async def test_what_is_frozen_cannot_be_replaced_by_another_program_either(store: SqlStore, statement: str) -> None:
    await settle(store, entry("a", IN_JUNE, 300))
    await frozen(store, JUNE)
    # As any program but ours has it: what is replaced is deleted without a trigger.
    with (
        closing(apsw.Connection(str(store._database.path))) as other,
        pytest.raises(apsw.ConstraintError, match="never changed"),
    ):
        other.execute(statement)
    assert len(await store.billing.freezes()) == 1


async def test_a_freeze_that_was_tampered_with_is_refused(store: SqlStore) -> None:
    await settle(store, entry("a", IN_JUNE, 300))
    await frozen(store, JUNE)

    def tamper(writing: object) -> None:
        run = writing.execute  # type: ignore[attr-defined]
        for drop in dropping_triggers(store, "freezes"):
            run(drop)
        record = bytes(run("SELECT record FROM freezes").get)
        run("UPDATE freezes SET record = ?", (record.replace(b'"ada"', b'"bob"'),))

    await store._database.change(tamper)
    for by in (None, "team"):
        with pytest.raises(Damaged, match="2026-06 by team are not what was frozen"):
            await store.billing.freezes(by)
    assert await store.billing.freezes("user") == []


async def test_dimensions_are_frozen_each_for_itself(store: SqlStore) -> None:
    await settle(store, entry("a", IN_JUNE, 300))
    await frozen(store, JUNE, "team")
    await settle(store, entry("a", IN_JUNE, -50, "correction", recorded=IN_JULY))
    assert [each.total for each in await statements(store, JUNE, "team")] == [300]
    assert [each.total for each in await statements(store, JUNE, "user")] == [250]
    assert await statements(store, JULY, "user") == []


async def test_a_freeze_in_one_zone_is_none_of_another(store: SqlStore) -> None:
    # 22:30 UTC of 30 June is July in Berlin.
    await settle(store, entry("a", JULY.span(UTC)[0] - 5_400_000, 300))
    await frozen(store, JULY, zone=BERLIN)
    assert [each.total for each in await statements(store, JULY, zone=BERLIN)] == [300]
    assert [each.total for each in await statements(store, JUNE)] == [300]
    assert await statements(store, JULY) == []


async def test_a_credit_says_why_and_openings_are_no_money(store: SqlStore) -> None:
    credit = entry("adj", IN_JUNE, -25, "credit")
    record = msgspec.json.encode(Why(word="outage", by="ada"))
    await store.cabinet.put(Kept(drawer=ADJUSTMENTS, id=credit.id, record=record, at=1))
    taken = msgspec.structs.replace(opening("o", 999), occurred_at=IN_JUNE)
    await settle(store, entry("a", IN_JUNE, 300), credit, entry("other", IN_JUNE, -1, "credit"))
    assert await store.ledger.move(taken)
    (june,) = await statements(store, JUNE)
    assert [(each.entry, each.word, each.by, each.amount) for each in june.adjustments] == [
        ("adj.1.credit", "outage", "ada", -25),
        ("other.1.credit", "", "", -1),
    ]
    assert june.total == 274


async def test_an_answer_without_a_price_counts_until_it_has_one(store: SqlStore) -> None:
    await settle(store, entry("a", IN_JUNE, 0, "unpriced"), entry("b", IN_JUNE, 0, "unpriced"))
    assert [each.unpriced for each in await statements(store, JUNE)] == [2]
    await settle(store, entry("a", IN_JUNE, 30, "correction"), entry("a", IN_JUNE, 3, "correction", number=1))
    (june,) = await statements(store, JUNE)
    assert (june.unpriced, june.attempts, june.total) == (1, 2, 33)


async def test_pages_of_entries_of_one_instant_leave_none_out(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_ADMITTED", "_BOOKED_SINCE"):
        monkeypatch.setattr(billing, name, getattr(billing, name).replace("LIMIT 5000", "LIMIT 3"))
    await settle(store, *(entry(f"r{number}", IN_JUNE + number // 4, 10) for number in range(14)))
    assert [each.total for each in await statements(store, JUNE)] == [140]
    await settle(store, *(entry(f"s{number}", IN_JUNE + number // 4, 1) for number in range(14)))
    assert [each.total for each in await statements(store, JUNE)] == [154]


async def test_only_so_many_months_are_remembered(store: SqlStore) -> None:
    for number in range(1, 12):
        await statements(store, Month(2026, number))
    assert len(store.billing._open) == billing.REMEMBERED


async def test_what_cannot_be_added_up_leaves_nothing_behind(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    await settle(store, *(entry(f"r{number}", IN_JUNE, 3, metadata={"trace": str(number)}) for number in range(5)))
    with monkeypatch.context() as patched, pytest.raises(TooManyLines):
        patched.setattr("tollway.statements.tally.MOST_LINES", 8)
        await statements(store, JUNE, "metadata.trace")
    assert sum(each.total for each in await statements(store, JUNE, "metadata.trace")) == 15


@pytest.mark.parametrize("seed", range(6))
async def test_frozen_statements_and_open_months_are_the_ledger_whatever_is_booked_and_frozen(
    store: SqlStore, seed: int
) -> None:
    chance = random.Random(seed)
    zone = ZoneInfo(chance.choice(("UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kathmandu")))
    now, months, total = MAY.span(zone)[0], set[Month](), 0
    done: dict[tuple[Month, str], Sequence[Statement]] = {}
    for number in range(60):
        now += chance.randrange(4 * DAY)
        match chance.randrange(5):
            case 0:
                month, by = month_of(now - chance.randrange(90 * DAY), zone), chance.choice(("team", "user"))
                if month.span(zone)[1] <= now and (month, by) not in done:
                    done[month, by] = await statements(store, month, by, zone)
                    await frozen(store, month, by, zone)
            case 1:
                await statements(store, month_of(now, zone), "team", zone)
            case _:
                kind: Kind = chance.choice(("charge", "presumed", "correction", "credit", "unpriced"))
                amount = 0 if kind == "unpriced" else chance.randrange(-(10**9), 10**12)
                at = max(0, now - chance.choice((0, 0, chance.randrange(100 * DAY))))
                team = chance.choice(({"team": "ml"}, {"team": "web"}, {}))
                made = entry(f"r{number}", at, amount, kind, recorded=now, metadata=team, user=chance.choice("abc"))
                await settle(store, made)
                total += amount
                months |= {month_of(at, zone), month_of(now, zone)}
    for by in ("team", "user"):
        everything = months | {month for month, of in done if of == by}
        # What is pushed on lands no later than the first month that nobody has frozen.
        everything.add(max(everything).following)
        found = {month: await statements(store, month, by, zone) for month in sorted(everything)}
        assert sum(each.total for each_month in found.values() for each in each_month) == total
        store.billing._open.clear()
        assert {month: await statements(store, month, by, zone) for month in sorted(everything)} == found
        for (month, of), before in done.items():
            if of == by:
                assert found[month] == before

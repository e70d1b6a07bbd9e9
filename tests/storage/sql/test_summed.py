"""A statement that is made of sums is the one that reading every entry makes, whatever was booked, frozen and taken in by then."""

import random
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import msgspec
import pytest
from tests.storage.sql.test_billed import BERLIN, DAY, IN_JULY, IN_JUNE, JULY, JUNE, MAY, UTC, entry, frozen, settle

from tollway.ledger.entry import Kind, LedgerEntry
from tollway.money import Money
from tollway.pricing.charge import Charge, ChargeLine, presumed
from tollway.pricing.units import UnitPrice
from tollway.statements.month import Month, month_of
from tollway.statements.statement import Statement
from tollway.statements.tally import TAKEN_BACK
from tollway.storage.asked import pieces
from tollway.storage.rolled import FINE, FINE_VALUES, HOURS_A_DAY
from tollway.storage.sql import analytics, billed, meters
from tollway.storage.sql.store import SqlStore

HOUR = DAY // 24
ZONES = ("UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Midway")


async def taken_in(store: SqlStore) -> None:
    while await store.analytics.roll():
        pass


async def read(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch, month: Month, by: str, zone: ZoneInfo, *, sums: bool
) -> Sequence[Statement]:
    """Afresh: made of sums, or of the ledger alone."""
    store.billing._open.clear()
    with monkeypatch.context() as patched:
        if sums:
            # Nobody reads the month from the ledger then.
            patched.setattr(billed._Reader, "all", None)
        else:
            patched.setattr(billed, "READ_AT_MOST", -1)
        return (await store.billing.billed(month, by, zone)).statements


async def same(store: SqlStore, monkeypatch: pytest.MonkeyPatch, month: Month, by: str, zone: ZoneInfo) -> Any:
    of_sums = await read(store, monkeypatch, month, by, zone, sums=True)
    assert of_sums == await read(store, monkeypatch, month, by, zone, sums=False), (month, by, zone)
    return of_sums


@pytest.mark.parametrize("rolled", [False, True], ids=["nothing taken in", "all taken in"])
async def test_a_statement_is_made_of_sums(store: SqlStore, monkeypatch: pytest.MonkeyPatch, *, rolled: bool) -> None:
    await settle(store, entry("a", IN_JUNE, 300), entry("b", IN_JUNE, 30, user="bob"), entry("c", IN_JULY, 3))
    await settle(store, entry("d", IN_JUNE, 0, "unpriced"), entry("d", IN_JUNE, 9, "correction"))
    await settle(store, entry("e", IN_JUNE, -7, "credit"), entry("f", IN_JUNE, 0, "unpriced"))
    if rolled:
        await taken_in(store)
    (june,) = await same(store, monkeypatch, JUNE, "team", UTC)
    assert (june.usage, june.adjusted, june.attempts, june.unpriced, june.through) == (339, -7, 4, 1, 7)


async def test_whoever_is_only_in_hours_of_the_month_before_is_not_there(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # July of Berlin is 30 June UTC from 22:00 on: the whole day, without its first hours.
    await settle(store, entry("a", JULY.span(BERLIN)[0] - HOUR, 300, user="early"), entry("b", IN_JULY, 5))
    await taken_in(store)
    (only,) = await same(store, monkeypatch, JULY, "user", BERLIN)
    assert (only.value, only.total) == ("ann", 5)


async def test_what_is_late_is_told_from_where_the_month_was_frozen(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await settle(store, entry("a", IN_JUNE, 300), entry("b", IN_JULY, 5))
    await frozen(store, JUNE)
    # Late by a day, by an hour, in the order of time but behind the freeze, and one that is amended after.
    await settle(
        store,
        entry("c", IN_JUNE - 2 * DAY, 40, recorded=IN_JULY),
        entry("d", IN_JUNE - HOUR, 70, recorded=IN_JULY),
        entry("e", JULY.span(UTC)[0] - 1, 900, recorded=IN_JULY),
        entry("a", IN_JUNE, -30, "correction", recorded=IN_JULY),
        entry("g", IN_JUNE, -1, "credit", recorded=IN_JULY),
    )
    await taken_in(store)
    (july,) = await same(store, monkeypatch, JULY, "team", UTC)
    assert (july.usage, july.adjusted) == (5, 40 + 70 + 900 - 30 - 1)


async def test_a_month_that_was_frozen_while_hardly_anything_was_booked_gives_all_that_comes_after_to_the_next(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await frozen(store, JUNE)
    await settle(store, *(entry(f"r{day}", JUNE.span(UTC)[0] + day * DAY, 1) for day in range(30)))
    await taken_in(store)
    (july,) = await same(store, monkeypatch, JULY, "team", UTC)
    assert (july.usage, july.adjusted) == (0, 30)


async def test_by_a_key_of_too_many_values_and_where_a_sum_is_beyond_64_bits_the_ledger_is_read(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await settle(store, entry("a", IN_JUNE, 300, metadata={"trace": "t"}))
    await taken_in(store)
    await store._database.change(
        lambda writing: writing.executemany(
            "INSERT INTO attributes (name, value) VALUES (?, ?)",
            [("trace", f"t{number}") for number in range(FINE_VALUES + 1)],
        )
    )
    with pytest.raises(TypeError, match="NoneType"):
        await read(store, monkeypatch, JUNE, "metadata.trace", UTC, sums=True)
    assert [each.value for each in await read(store, monkeypatch, JUNE, "metadata.trace", UTC, sums=False)] == ["t"]
    assert await same(store, monkeypatch, JUNE, "user", UTC)
    # Three of the largest there is, and what brings the sum back within 64 bits: the ledger knows better.
    most = 2**63 - 1
    for number, amount in enumerate((most, most, most, -most)):
        await settle(store, entry(f"w{number}", IN_JUNE, amount))
    await taken_in(store)
    with pytest.raises(TypeError, match="NoneType"):
        await read(store, monkeypatch, JUNE, "user", UTC, sums=True)
    store.billing._open.clear()
    (june,) = (await store.billing.billed(JUNE, "user", UTC)).statements
    assert june.total == 300 + 2 * most


def test_every_hour_that_a_month_of_any_zone_needs_is_kept() -> None:
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        for month in (Month(year, number) for year in (1971, 2026, 2027) for number in range(1, 13)):
            for piece in pieces(month.span(zone), FINE)[0]:
                if piece.level == FINE:
                    hours = range(piece.start, piece.end)
                    assert all(meters.has_hours(hour // HOURS_A_DAY) for hour in hours), (name, month)


def charged(chance: random.Random, made: LedgerEntry, amount: int) -> LedgerEntry:
    """The same with lines of some kind."""
    whole = made.charge.amount
    match chance.randrange(5):
        case 0 if made.kind in ("presumed", "correction"):
            return msgspec.structs.replace(made, charge=presumed(Money(whole)))
        case 1:
            return msgspec.structs.replace(made, charge=Charge(Money(whole)))
        case 2 if made.kind == "correction":
            back = ChargeLine(TAKEN_BACK, 1, UnitPrice(Money(1), 1), Money(-amount))
            again = ChargeLine("input", 30, UnitPrice(Money(1), 1), Money(whole + amount))
            return msgspec.structs.replace(made, charge=Charge(Money(whole), (back, again)))
        case 3:
            return msgspec.structs.replace(
                made, charge=msgspec.structs.replace(made.charge, price_id="openai/*@ceiling#1")
            )
        case _:
            return made


@pytest.mark.parametrize("seed", range(8))
async def test_sums_tell_what_the_ledger_tells_whatever_is_booked_frozen_and_taken_in(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(analytics, "CELLS_AT_ONCE", 9)
    chance = random.Random(seed)
    zones = [ZoneInfo(name) for name in chance.sample(ZONES, 2)]
    now, booked, months = MAY.span(zones[0])[0], list[LedgerEntry](), set[Month]()
    done: set[tuple[Month, str, str]] = set()
    for number in range(90):
        now += chance.choice((chance.randrange(3 * DAY), chance.randrange(HOUR), 0))
        match chance.randrange(8):
            case 0:
                zone, by = chance.choice(zones), chance.choice(("team", "user", "key"))
                month = month_of(max(0, now - chance.randrange(60 * DAY)), zone)
                # Of a dimension all freezes are of one zone.
                others = {other for _, of, other in done if of == by}
                if (month, by, zone.key) not in done and others <= {zone.key}:
                    done.add((month, by, zone.key))
                    await frozen(store, month, by, zone)
            case 1 | 2:
                for _ in range(chance.randrange(1, 4)):
                    await store.analytics.roll()
            case _:
                kind: Kind = chance.choice(("charge", "charge", "presumed", "correction", "credit", "unpriced"))
                amount = 0 if kind == "unpriced" else chance.choice((0, 3, chance.randrange(-(10**9), 10**12)))
                at = max(0, now - chance.choice((0, 0, 0, chance.randrange(2 * DAY), chance.randrange(80 * DAY))))
                unpriced = [each for each in booked if each.kind == "unpriced"]
                who: dict[str, Any] = {
                    "user": chance.choice(("a", "b", "", None)),
                    "key": chance.choice(("k", None)),
                    "metadata": chance.choice(({"team": "ml"}, {"team": "web"}, {"team": ""}, {})),
                    "model": chance.choice(("gpt-5", "gpt-5-mini")),
                }
                made = charged(chance, entry(f"r{number}", at, amount, kind, recorded=now, **who), amount)
                if kind == "correction" and unpriced and chance.random() < 0.7:
                    of = chance.choice(unpriced)
                    others_of = sum(each.request_id == of.request_id for each in booked) - 1
                    again = entry(of.request_id, of.occurred_at, amount, kind, recorded=now, number=others_of)
                    made = charged(chance, msgspec.structs.replace(again, context=of.context), amount)
                booked.append(made)
                await settle(store, made)
                months |= {month for zone in zones for month in (month_of(at, zone), month_of(now, zone))}
        if number % 9 == 0 and months:
            await same(store, monkeypatch, chance.choice(sorted(months)), "team", chance.choice(zones))
    for by in ("team", "user", "key", "gateway"):
        for zone in zones:
            found = [
                each
                for month in [*sorted(months), max(months).following]
                for each in await same(store, monkeypatch, month, by, zone)
            ]
            if not any(of == by for _, of, _ in done):
                assert sum(each.total for each in found) == sum(each.charge.amount for each in booked)

"""What makes up a batch: bounded by rows and bytes, bodies among them, in every form, and the same bytes every time."""

import csv
import gzip
import io
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from tests.exports.test_sealed import PRIVATE, public_pem
from tests.workers.exported import DAY, HOUR, World, job, lines

from tollway.budgets.window import Calendar
from tollway.errors import StoreUnavailable
from tollway.exports.job import FileTo
from tollway.exports.list_prices import ListPrices
from tollway.exports.sealed import unseal
from tollway.logs.bodies import About, Bodies, Body, KeptBody, Part
from tollway.pricing.price import PriceBook
from tollway.storage.conformance.values import NOW
from tollway.storage.sqlite import SqliteStore
from tollway.workers import exporting_batch
from tollway.workers.exporting_batch import Sources, changed_days, next_stretch, parcels
from tollway.workers.exporting_to import Parcel


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(tmp_path / "data")
    await made.open(NOW - 40 * DAY)
    yield made
    await made.close()


@pytest.fixture
def world(store: SqliteStore, tmp_path: Path) -> World:
    (tmp_path / "out").mkdir()
    return World(store, tmp_path / "out", job(FileTo("")))


def keep(store: SqliteStore, request_id: str, asked: bytes, returned: bytes) -> None:
    """Bodies, as the gateway keeps them."""
    bodies = tuple(
        Body(part=part, content=content, content_type="application/json", size=len(content))
        for part, content in (("asked", asked), ("returned", returned))
    )
    made = Bodies(request_id=request_id, at=NOW, bodies=bodies, most=1 << 20)
    assert store.bodies.hold(made.held)
    store.bodies.keep(made)


async def test_bodies_leave_only_with_a_job_that_asks_for_them(world: World) -> None:
    first, _ = world.write(2)
    keep(world.store, first, b'{"q": "\xe2\x82\xac"}', b"answer")
    await world.run()
    assert [row["request_body"] for row in world.rows()] == [None, None]
    world.jobs = [job(FileTo(""), bodies=True)]
    await world.exporting.forget("nightly")
    await world.run()
    assert [(row["request_body"], row["response_body"]) for row in world.rows()[2:]] == [
        ('{"q": "€"}', "answer"),
        (None, None),
    ]


async def test_a_sealed_export_gives_the_body_back_to_the_holder_of_the_key(world: World) -> None:
    (name,) = world.write(1, metadata={"team": "ml"})
    keep(world.store, name, b"what was asked", b"what came back")
    world.jobs = [job(FileTo(""), bodies=True, public_key=public_pem(PRIVATE), dialect="cloudflare")]
    await world.run()
    content = b"".join(world.files().values())
    assert b"what was asked" not in gzip.decompress(content)
    (row,) = lines(content)
    assert unseal(row["RequestBody"], PRIVATE) == "what was asked"
    assert unseal(row["ResponseBody"], PRIVATE) == "what came back"
    assert json.loads(unseal(row["Metadata"], PRIVATE)) == {"team": "ml"}


class Heavy:
    """Bodies of a megabyte each."""

    async def parts(self, request_id: str) -> Sequence[About]:
        return [About(part="asked", content_type="", size=1 << 20, kept=1 << 20)]

    async def body(self, request_id: str, part: Part) -> KeptBody | None:
        return None


async def test_a_batch_is_bounded_by_the_bytes_of_its_bodies(world: World) -> None:
    world.write(40)
    await world.store.records.flush()
    sources = Sources(world.store.following, world.store.records, Heavy())
    after, found = 0, []
    while after < 40:
        stretch = await next_stretch(sources, job(bodies=True), after, 40)
        found.append((stretch.items, stretch.gone))
        after = stretch.through
    assert found == [(16, 0), (16, 0), (8, 0)]


async def test_the_same_rows_are_the_same_bytes(world: World) -> None:
    world.write(3)
    await world.run()
    (before,) = world.files().values()
    world.ms += DAY
    world.restart()
    await world.exporting.forget("nightly")
    await world.run()
    assert [*world.files().values()] == [before, before]


@pytest.mark.parametrize("form", ["csv.gz", "parquet"])
async def test_logs_and_entries_leave_in_other_forms_too(world: World, form: str) -> None:
    world.jobs = [job(FileTo("logs"), format=form), job(FileTo("entries"), id="money", what="entries", format=form)]
    world.write(3)
    await world.run("nightly")
    await world.run("money")
    logs, entries = (content for name, content in sorted(world.files().items(), reverse=True))
    if form == "parquet":
        duckdb = pytest.importorskip("duckdb")
        path = next(world.folder.glob("entries/*/*.parquet"))
        with duckdb.connect() as database:
            (found,) = database.execute(f"SELECT sum(amount_usd)::VARCHAR FROM '{path}'").fetchall()
        assert found == ("0.000000003",) and logs[:4] == b"PAR1"
    else:
        rows = [*csv.DictReader(io.StringIO(gzip.decompress(entries).decode()))]
        assert [row["amount_usd"] for row in rows] == ["0.000000001"] * 3
        assert len([*csv.DictReader(io.StringIO(gzip.decompress(logs).decode()))]) == 3


async def test_focus_is_a_row_for_each_meter_in_the_partition_of_its_month(world: World) -> None:
    world.write(1, at=world.ms - 2 * DAY)
    world.write(2)
    await world.store.ledger.flush()
    prices = ListPrices(PriceBook(()), lambda provider, model, at: None)
    sources = Sources(world.store.following, world.store.records, None, lambda: prices.of)
    asked = job(what="focus", format="csv.gz")
    found: list[Parcel] = [parcel async for parcel in parcels(sources, asked, "3f9a1c2e", 0, 3, lambda n: b"0" * n)]
    assert [(parcel.name, parcel.rows) for parcel in found] == [
        ("month=2026-06/nightly_000000000001_000000000003_3f9a1c2e.csv.gz", 1),
        ("month=2026-07/nightly_000000000001_000000000003_3f9a1c2e.csv.gz", 2),
    ]
    rows = [row for one in found for row in csv.DictReader(io.StringIO(gzip.decompress(one.content).decode()))]
    assert [row["BilledCost"] for row in rows] == ["0.000000001"] * 3


async def test_what_takes_over_from_before_is_no_row_of_the_ledgers_export(world: World) -> None:
    from tollway.storage.conformance.records import spending

    world.write(1)
    world.store.ledger.settle(spending("o", 5, "opening"))
    world.jobs = [job(FileTo(""), what="entries")]
    await world.run()
    assert [row["kind"] for row in world.rows()] == ["charge"]


def test_days_are_those_of_the_zone() -> None:
    # 2026-10-25 has 25 hours in Berlin: from 22:00Z of the day before to 23:00Z.
    begins = 1_792_879_200_000
    quarters = [begins - 900_000, begins, begins + 24 * HOUR, begins + 25 * HOUR]
    assert changed_days(quarters, "Europe/Berlin", Calendar()) == [
        ("2026-10-24", begins - 24 * HOUR, begins),
        ("2026-10-25", begins, begins + 25 * HOUR),
        ("2026-10-26", begins + 25 * HOUR, begins + 49 * HOUR),
    ]


async def test_a_store_that_is_away_is_no_defect(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write(1)

    async def broken(*_: object, **__: object) -> object:
        raise StoreUnavailable("away")

    await world.turn()
    monkeypatch.setattr(world.store.following, "measure", broken)
    await world.run()
    assert world.exporting.runs("nightly")[0].error == "away"


def test_a_batch_is_smaller_by_http() -> None:
    assert exporting_batch.ROWS_BY_HTTP < exporting_batch.ROWS
    assert exporting_batch.SIZE_BY_HTTP < exporting_batch.SIZE

"""Random ranges, zones and groupings: the API, the SQL sum over the ledger and every export say the same, to the nanodollar."""

import asyncio
import csv
import io
import json
import random
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs
from tests.admin.gateways import Caller, gateway
from tests.exports.ledger import every_kind

from tollway.clock import iso
from tollway.ledger.entry import LedgerEntry, entry_id
from tollway.storage.sqlite.connection import FILE

HOUR = 3_600_000
BASE = 1_774_569_600_000
"""2026-03-27T00:00:00Z: clocks change within the days behind it."""
DAYS = 10
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/Los_Angeles",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
)
FIELDS = ("gateway", "provider", "model", "user", "key", "kind", "team", "metadata.app")


def ledger(chance: random.Random) -> Iterator[LedgerEntry]:
    """Entries of every kind, of several people, at any time of ten days."""
    for number in range(25):
        for one in every_kind():
            at = BASE + chance.randrange(DAYS * 24 * HOUR)
            name = f"{one.request_id}-{number}"
            who = structs.replace(
                one.context,
                gateway=chance.choice(["a", "b"]),
                model=chance.choice(["gpt-5", "@cf/meta/llama", "=cmd"]),
                user=chance.choice([None, "ann", "bob", "-eve"]),
                key=chance.choice([None, "k1"]),
                metadata=chance.choice([{}, {"team": "ml"}, {"team": "web", "app": "=1+1"}]),
            )
            # What is taken back may be more than what was spent.
            left = structs.replace(one.charge, lines=(), amount=chance.randrange(-(10**12), 10**13))
            charge = chance.choice([one.charge, left]) if one.kind not in ("unpriced", "opening") else one.charge
            yield structs.replace(
                one,
                id=entry_id(name, 1, one.kind),
                reservation_id=f"{name}.1",
                request_id=name,
                context=who,
                charge=charge,
                legs=((f"account {number}", BASE),),
                occurred_at=at,
                recorded_at=at + chance.randrange(40 * 24 * HOUR),
            )


class Asking:
    """A gateway with such a ledger, asked from a test that does not wait."""

    def __init__(self, runner: asyncio.Runner, caller: Caller) -> None:
        self._runner = runner
        self._caller = caller
        self._database = sqlite3.connect(f"file:{caller.folder / 'data' / FILE}?mode=ro", uri=True)

    def get(self, path: str, **query: str) -> bytes:
        answer = self._runner.run(self._caller.admin(f"/api/v1/{path}?{urlencode(query)}"))
        assert answer.status == 200, (path, query, answer.body)
        return answer.body

    def sql(self, since: int, until: int, user: str | None) -> Decimal:
        whose = "" if user is None else " AND user = :user"
        statement = (
            "SELECT coalesce(sum(amount_nanodollars), 0) FROM entries WHERE kind <> 'opening' "
            f"AND occurred_at >= :since AND occurred_at < :until{whose}"
        )
        (found,) = self._database.execute(statement, {"since": since, "until": until, "user": user}).fetchone()
        return Decimal(found) / 10**9

    def close(self) -> None:
        self._database.close()


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with asyncio.Runner() as runner:
        running = gateway(tmp_path_factory.mktemp("gateway"))
        caller = runner.run(running.__aenter__())

        async def fill() -> None:
            store = caller.runtime.store
            for number, entry in enumerate(ledger(random.Random(2_026))):
                assert await store.ledger.move(entry) if entry.kind == "opening" else store.ledger.settle(entry)
                if number == 150:
                    await store.ledger.flush()
                    while await store.analytics.roll():
                        pass
            await store.ledger.flush()

        runner.run(fill())
        found = Asking(runner, caller)
        yield found
        found.close()
        runner.run(running.__aexit__(None, None, None))


def total(body: bytes, form: str, column: str, folder: Path) -> Decimal:
    """What a column of a file adds up to."""
    if form == "parquet":
        path = folder / "file.parquet"
        path.write_bytes(body)
        (found,) = duckdb.execute(f'SELECT coalesce(sum("{column}"), 0) FROM read_parquet(?)', [str(path)]).fetchall()[
            0
        ]
        assert isinstance(found, Decimal)
        return found
    if form == "ndjson":
        rows: list[dict[str, Any]] = [json.loads(line) for line in body.splitlines()]
    else:
        rows = list(csv.DictReader(io.StringIO(body.decode(), newline="")))
    return sum((Decimal(row[column]) for row in rows if row[column]), Decimal(0))


FORMS = st.sampled_from(["csv", "ndjson", "parquet"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.integers(0, DAYS * 24 * HOUR - 1),
    length=st.one_of(st.integers(1, 5 * HOUR), st.integers(1, DAYS * 24 * HOUR)),
    zone=st.sampled_from(ZONES),
    grain=st.sampled_from(["none", "hour", "day", "week", "month"]),
    by=st.lists(st.sampled_from(FIELDS), max_size=2, unique=True),
    limit=st.sampled_from([1, 3, 1_000]),
    user=st.sampled_from([None, "ann", "-eve"]),
    forms=st.tuples(FORMS, FORMS, st.sampled_from(["csv", "parquet"])),
    version=st.sampled_from(["1.2", "1.3", "1.4"]),
)
def test_every_total_is_the_ledgers(
    asking: Asking,
    tmp_path: Path,
    start: int,
    length: int,
    zone: str,
    grain: str,
    by: list[str],
    limit: int,
    user: str | None,
    forms: tuple[str, str, str],
    version: str,
) -> None:
    since, until = BASE + start, BASE + start + length
    mine = {} if user is None else {"user": user}
    owed = asking.sql(since, until, user)
    view = {"from": iso(since), "to": iso(until), "timezone": zone, "grain": grain, "by": ",".join(by)}
    view |= {"metrics": "cost", "limit": str(limit)} | mine
    told = json.loads(asking.get("analytics", **view))
    assert Decimal(told["total"]["whole"]["cost"]["spent_usd"]) == owed

    first, second, third = forms
    found = asking.get("exports/analytics", **view, format=first)
    assert total(found, first, "spent_usd", tmp_path) == owed, "analytics"
    found = asking.get("exports/entries", since=iso(since), until=iso(until), format=second, **mine)
    assert total(found, second, "amount_usd", tmp_path) == owed, "entries"
    span = {"from": iso(since), "to": iso(until)}
    found = asking.get("exports/focus", **span, format=third, version=version, **mine)
    for column in ("BilledCost", "EffectiveCost", "ContractedCost"):
        assert total(found, third, column, tmp_path) == owed, column


def test_a_month_is_whole_in_every_form(asking: Asking, tmp_path: Path) -> None:
    since, until = 1_772_323_200_000, 1_775_001_600_000
    owed = asking.sql(since, until, None)
    assert owed != 0
    for form in ("csv", "parquet"):
        assert total(asking.get("exports/focus", month="2026-03", format=form), form, "BilledCost", tmp_path) == owed
    told = asking.get("exports/entries", since="2026-03-01T00:00:00Z", until="2026-04-01T00:00:00Z")
    kinds = {row["kind"] for row in csv.DictReader(io.StringIO(told.decode(), newline=""))}
    assert kinds == {"charge", "presumed", "unpriced", "correction", "credit"}

"""Exports over a running gateway: their forms, whose they are, and what is said where they cannot be had."""

import csv
import io
import json
from collections.abc import AsyncGenerator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import pytest_asyncio
from tests.admin.gateways import ALICE_KEY, BOB_KEY, SETTINGS, Caller, gateway
from tests.admin.people import ALICE, BOB, FINANCE, ROLES, signed_in

from tollway.admin import exports
from tollway.storage.protocol import Page

here = pytest.mark.asyncio(loop_scope="module")

OWN_PRICE = """\
prices:
  - {{provider: openai, model: gpt-4o, input: "1", output: "2"}}
  - {{provider: anthropic, model: "claude-*", discount: "50%"}}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Caller]:
    settings = SETTINGS.replace(
        'limit: "0.000001", window: {{period: total}}}}', 'limit: "1", window: {{period: total}}}}'
    )
    async with gateway(tmp_path_factory.mktemp("gateway"), settings + ROLES + OWN_PRICE) as running:
        for key in (ALICE_KEY, BOB_KEY):
            for model in ("openai/gpt-4o-mini", "openai/gpt-4o", "anthropic/claude-haiku-4-5"):
                assert (await running.chat(key, model)).status == 200
        await running.logged("/api/v1/logs", 6)
        yield running


ALWAYS = "from=2020-01-01&to=2100-01-01"


async def rows(caller: Caller, target: str, token: str | None = None) -> list[dict[str, str]]:
    answer = await caller.admin(f"/api/v1/exports/{target}", token=token)
    assert answer.status == 200, answer.body
    return list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))


@here
@pytest.mark.parametrize(
    "what", ["entries?", "logs?", "analytics?by=model&grain=month&from=2026-01-01&to=2100-01-01&", f"focus?{ALWAYS}&"]
)
async def test_every_form_has_the_same_rows(caller: Caller, what: str, tmp_path: Path) -> None:
    plain = await rows(caller, what)
    assert plain
    path = tmp_path / "file.parquet"
    path.write_bytes((await caller.admin(f"/api/v1/exports/{what}format=parquet")).body)
    found = duckdb.execute("SELECT count(*) FROM read_parquet(?)", [str(path)]).fetchone()
    assert found == (len(plain),)
    names = [name for name, *_ in duckdb.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()]
    assert names == list(plain[0])
    if not what.startswith("focus"):
        answer = await caller.admin(f"/api/v1/exports/{what}format=ndjson")
        lines = [json.loads(line) for line in answer.body.splitlines()]
        assert len(lines) == len(plain)
        assert list(lines[0]) == names


@here
async def test_a_file_has_a_name_and_a_type(caller: Caller) -> None:
    for target, name, kind in (
        ("entries", "tollway-entries.csv", "text/csv; charset=utf-8"),
        ("logs?format=ndjson&since=2026-10-01T00:00:00Z", "tollway-logs-2026-10-01-now.ndjson", "application/x-ndjson"),
        ("focus?month=2026-10", "tollway-focus-1.2-2026-10.csv", "text/csv; charset=utf-8"),
        (
            "focus?from=2026-10-01&to=2026-11-01&version=1.4&format=parquet",
            "tollway-focus-1.4-2026-10-01-2026-11-01.parquet",
            "application/vnd.apache.parquet",
        ),
        (
            "analytics?from=2026-10-01&to=2026-11-01",
            "tollway-analytics-2026-10-01-2026-11-01.csv",
            "text/csv; charset=utf-8",
        ),
    ):
        answer = await caller.admin(f"/api/v1/exports/{target}")
        assert answer.status == 200, answer.body
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
        assert answer.headers["content-type"] == kind
        assert answer.headers["cache-control"] == "no-store"


@here
@pytest.mark.parametrize(
    "target",
    [
        "entries",
        "entries?format=parquet",
        "logs?format=ndjson&since=2026-10-01T00:00:00Z",
        "focus?month=2026-10",
        "analytics?by=model&from=2026-10-01&to=2026-11-01",
    ],
)
async def test_the_head_of_a_file_can_be_had_alone(caller: Caller, target: str) -> None:
    whole = await caller.admin(f"/api/v1/exports/{target}")
    head = await caller.admin(f"/api/v1/exports/{target}", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    changing = {"date", "transfer-encoding"}
    assert {name: value for name, value in head.headers.items() if name not in changing} == {
        name: value for name, value in whole.headers.items() if name not in changing
    }
    assert "content-disposition" in head.headers and "content-length" not in head.headers


@here
async def test_no_file_is_made_for_its_head(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def made(*_: Any, **__: Any) -> AsyncGenerator[bytes]:
        raise AssertionError("a file was made")

    monkeypatch.setattr(exports, "pieces", made)
    for form in ("csv", "parquet"):
        assert (await caller.admin(f"/api/v1/exports/logs?format={form}", method="HEAD")).status == 200


@here
async def test_the_head_is_refused_as_the_file_is(caller: Caller) -> None:
    mine = signed_in(caller, ALICE)
    for target, token in (
        ("entries?limit=3", None),
        ("entries?user=a&user=b", None),
        ("focus", None),
        ("analytics?by=nonsense", None),
        ("logs?metadata.a.b=%22", None),
        (f"logs?user={BOB}", mine),
        ("logs", ""),
    ):
        file = await caller.admin(f"/api/v1/exports/{target}", token=token)
        head = await caller.admin(f"/api/v1/exports/{target}", token=token, method="HEAD")
        assert (head.status, head.body) == (file.status, b""), target
    assert (await caller.admin("/api/v1/exports/logs", method="HEAD", token=mine)).status == 200


@here
async def test_a_developer_gets_what_is_their_own(caller: Caller) -> None:
    mine, finance = signed_in(caller, ALICE), signed_in(caller, FINANCE)
    for target, name in (
        ("entries", "user"),
        ("logs", "user"),
        (f"focus?{ALWAYS}", "x_user"),
        ("analytics?by=user", "user"),
    ):
        assert {row[name] for row in await rows(caller, target, mine)} == {ALICE}
        assert {row[name] for row in await rows(caller, target, finance)} == {ALICE, BOB}
        answer = await caller.admin(f"/api/v1/exports/{target}{'&' if '?' in target else '?'}user={BOB}", token=mine)
        assert (answer.status, answer.json["code"]) == (403, "forbidden")


@here
async def test_the_same_question_has_the_same_file(caller: Caller) -> None:
    for target in ("entries", "logs", f"focus?{ALWAYS}", "entries?format=parquet"):
        first = (await caller.admin(f"/api/v1/exports/{target}")).body
        assert (await caller.admin(f"/api/v1/exports/{target}")).body == first


@here
async def test_focus_tells_what_the_list_asks_beside_what_was_negotiated(caller: Caller) -> None:
    found = await rows(caller, f"focus?{ALWAYS}&user={ALICE}")
    of = {(row["ServiceName"], row["SkuMeter"]): row for row in found}
    mini = of["gpt-4o-mini", "input"]
    assert (mini["ListUnitPrice"], mini["ContractedUnitPrice"], mini["x_list_price"]) == ("0.15", "0.15", "charged")
    own = of["gpt-4o", "output"]
    assert (own["ListUnitPrice"], own["ContractedUnitPrice"], own["x_list_price"]) == ("10.0", "2.0", "list")
    less = of["claude-haiku-4-5", "output"]
    assert (less["ListUnitPrice"], less["ContractedUnitPrice"], less["x_list_price"]) == ("5.0", "2.5", "list")
    assert (less["ListCost"], less["BilledCost"]) == ("0.0002", "0.0001")


@here
async def test_filters_narrow_an_export(caller: Caller) -> None:
    assert len(await rows(caller, "entries?model=gpt-4o&metadata.team=web")) == 1
    assert len(await rows(caller, "logs?status=200&user=bob@example.com&min_cost_usd=0.0001")) == 1
    assert {row["ServiceName"] for row in await rows(caller, f"focus?{ALWAYS}&provider=anthropic")} == {
        "claude-haiku-4-5"
    }
    assert await rows(caller, "focus?month=2001-01") == []
    # An empty value asks for what has none.
    assert {row["user"] for row in await rows(caller, "logs?user=")} <= {""}
    everything, of_users = await rows(caller, "entries"), await rows(caller, "entries?service=")
    assert len(everything) == len(of_users) > 0 and await rows(caller, "entries?user=") == []


@here
async def test_rows_of_analytics_add_up_though_groups_are_left_out(caller: Caller) -> None:
    whole = (await caller.admin("/api/v1/analytics?metrics=cost")).json["total"]["whole"]["cost"]["spent_usd"]
    found = await rows(caller, "analytics?by=model&metrics=cost&limit=1")
    assert [row["row"] for row in found] == ["group", "other"]
    assert sum(Decimal(row["spent_usd"]) for row in found) == Decimal(whole)
    compared = await rows(caller, "analytics?metrics=cost&compare=previous")
    assert [(row["period"], row["spent_usd"]) for row in compared] == [("asked", whole), ("previous", "0")]


@here
@pytest.mark.parametrize(
    ("target", "named"),
    [
        ("entries?limit=3", "limit"),
        ("logs?limit=3", "limit"),
        ("logs?cursor=3", "cursor"),
        ("entries?format=xlsx", "format"),
        ("focus?month=2026-10&format=ndjson", "format"),
        ("entries?colour=red", "colour"),
        ("entries?kind=gift", "kind"),
        ("focus", "month=2026-10"),
        ("focus?from=2026-10-01", "from and to"),
        ("focus?month=2026-13", "2026-13"),
        ("focus?month=0000-01", "0000-01"),
        ("focus?month=2026-10&to=2026-11-01", "not both"),
        ("focus?from=2026-11-01&to=2026-10-01", "before"),
        ("focus?from=yesterday&to=2026-10-01", "yesterday"),
        ("focus?from=2026-10-01T00:00:00&to=2026-11-01", "from"),
        ("focus?month=2026-10&version=2.0", "version"),
        ("analytics?by=colour", "colour"),
        ("analytics?by=model&grain=hour&limit=10000", "limit"),
    ],
)
async def test_what_cannot_be_meant_is_refused_naming_it(caller: Caller, target: str, named: str) -> None:
    answer = await caller.admin(f"/api/v1/exports/{target}")
    assert answer.status == 400, answer.body
    assert named in answer.json["detail"]


@here
async def test_without_duckdb_parquet_is_refused_with_the_way_to_it(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tollway.exports.parquet.find_spec", lambda name: None)
    answer = await caller.admin("/api/v1/exports/entries?format=parquet")
    assert (answer.status, answer.json["code"]) == (501, "parquet_unavailable")
    assert "pip install 'tollway[export]'" in answer.json["detail"]
    assert (await caller.admin("/api/v1/exports/entries")).status == 200


@here
async def test_no_more_are_made_at_once_than_there_may_be(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "MOST_AT_ONCE", 0)
    answer = await caller.admin("/api/v1/exports/entries")
    assert (answer.status, answer.json["code"], answer.headers["retry-after"]) == (503, "overloaded", "5")


@here
async def test_exports_that_are_over_make_room(caller: Caller) -> None:
    for _ in range(2 * exports.MOST_AT_ONCE):
        assert (await caller.admin("/api/v1/exports/entries?format=parquet")).status == 200
        assert (await caller.admin("/api/v1/exports/entries?format=parquet&group=nobody")).status == 200


@here
async def test_a_long_export_is_of_many_pages(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "AT_ONCE", 2)
    records: Any = caller.runtime.store.records
    asked: list[str | None] = []
    plain = records.entries

    async def counted(where: Any, *, limit: int, cursor: str | None) -> Page:
        asked.append(cursor)
        return await plain(where, limit=limit, cursor=cursor)

    monkeypatch.setattr(records, "entries", counted)
    found = await rows(caller, "entries")
    assert (len(found), len(asked), asked[0]) == (6, 3, None)
    assert len({row["id"] for row in found}) == 6
    assert [row["occurred_at"] for row in found] == sorted((row["occurred_at"] for row in found), reverse=True)


@here
async def test_amounts_are_what_the_api_tells(caller: Caller) -> None:
    told = (await caller.admin("/api/v1/ledger/entries?limit=500")).json["items"]
    assert [(row["id"], row["amount_usd"]) for row in await rows(caller, "entries")] == [
        (entry["id"], entry["amount_usd"]) for entry in told
    ]

"""Statements over the API, on a real ledger: what is shown, what is frozen, and what is charged afterwards."""

import csv
import io
import json
import sys
from collections.abc import AsyncGenerator
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from tests.admin.gateways import SETTINGS, Answer, Caller, gateway
from tests.admin.people import ADMIN, ALICE, FINANCE, OWNER, ROLES, signed_in

from tollway.clock import iso
from tollway.ledger.entry import Context, Kind, LedgerEntry, entry_id
from tollway.money import Money, dollars, parse
from tollway.pricing.charge import Charge, ChargeLine
from tollway.pricing.units import UnitPrice
from tollway.statements.month import Month, month_of

DAY = 24 * 3_600_000
V1 = "/api/v1/statements"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Caller]:
    folder: Path = tmp_path_factory.mktemp("gateway")
    async with gateway(folder, SETTINGS + ROLES) as running:
        yield running


pytestmark = pytest.mark.asyncio(loop_scope="module")


def utc(caller: Caller) -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo("UTC"), caller.runtime.clock.now()


def past(caller: Caller, months: int) -> Month:
    """The month so many before the one that is running."""
    zone, now = utc(caller)
    month = month_of(now, zone)
    for _ in range(months):
        month = month.before
    return month


def within(caller: Caller, month: Month) -> int:
    return month.span(utc(caller)[0])[0] + 3 * DAY


async def book(
    caller: Caller, request: str, at: int, amount: int, kind: Kind = "charge", number: int = 0, **who: Any
) -> LedgerEntry:
    fields = {
        "gateway": "default",
        "provider": "openai",
        "model": "gpt-5",
        "user": "ann@example.com",
        "metadata": {"team": "ml"},
    }
    first = Money(amount // 3)
    parts = (("input", first), ("output", Money(amount - first)))
    entry = LedgerEntry(
        id=entry_id(request, 1, kind, number),
        reservation_id=f"{request}.1",
        request_id=request,
        attempt=1,
        kind=kind,
        charge=Charge(
            Money(amount), () if kind == "unpriced" else tuple(ChargeLine(m, 10, UnitPrice(p, 10), p) for m, p in parts)
        ),
        legs=(),
        context=msgspec.convert(fields | who, Context),
        occurred_at=at,
        recorded_at=caller.runtime.clock.now(),
    )
    assert caller.runtime.store.ledger.settle(entry)
    await caller.runtime.store.ledger.flush()
    return entry


async def month_shown(caller: Caller, month: Month, **query: str) -> Any:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    answer = await caller.admin(f"{V1}?month={month}&{asked}")
    assert answer.status == 200, answer.json
    return answer.json


async def freeze(caller: Caller, month: Month, by: str, **more: Any) -> Answer:
    return await caller.admin(f"{V1}/{month}/freeze", {"by": by, "word": "Closed."} | more)


async def test_a_month_from_its_first_answer_to_a_correction_after_its_freeze(caller: Caller) -> None:
    september, october = past(caller, 3), past(caller, 2)
    await book(caller, "story-a", within(caller, september), 1_500_000_001)
    await book(caller, "story-b", within(caller, september), 30, user="bob@example.com", metadata={"team": "web"})
    await book(caller, "story-u", within(caller, september), 0, "unpriced")
    await book(caller, "story-c", within(caller, october), 7)
    before = await month_shown(caller, september)
    assert (before["state"], before["frozen"], before["by"], before["timezone"]) == ("open", None, "team", "UTC")
    assert [(row["value"], row["total_usd"], row["unpriced"]) for row in before["rows"]] == [
        ("ml", "1.500000001", 1),
        ("web", "0.00000003", 0),
    ]
    assert before["total"]["total_usd"] == "1.500000031"

    made = await freeze(caller, september, "team")
    assert made.status == 201, made.json
    assert (made.json["statements"], made.json["total_usd"], made.json["frozen_by"]) == (2, "1.500000031", "admin")
    document = f"{V1}/{september}/document?value=ml&format=csv"
    kept = (await caller.admin(document)).body

    # Nothing that is booked later changes a byte of it.
    await book(caller, "story-a", within(caller, september), -500_000_000, "correction")
    await book(caller, "story-d", within(caller, september), 11)
    assert (await caller.admin(document)).body == kept
    after = await month_shown(caller, september)
    assert (after["state"], after["total"], after["rows"]) == ("frozen", before["total"], before["rows"])
    assert after["frozen"]["hash"] == made.json["hash"]

    running = (await caller.admin(f"{V1}/{past(caller, 0)}/document?value=ml")).json
    amended = {(a["amends"], a["kind"], a["amount_usd"]) for a in running["statements"][0]["adjustments"]}
    assert {(str(september), "correction", "-0.5"), (str(september), "charge", "0.000000011")} <= amended

    again = await freeze(caller, september, "metadata.team")
    assert (again.status, again.json["code"]) == (409, "statement_frozen")
    assert "by admin, for ever" in again.json["detail"]
    listed = (await caller.admin(f"{V1}/frozen?by=team")).json["items"]
    assert [each["month"] for each in listed] == [str(september)]
    (line,) = (await caller.admin("/api/v1/audit?action=statement.frozen&limit=1")).json["items"]
    assert (line["target"], line["reason"], line["after"]["hash"]) == (
        f"{september} by team",
        "Closed.",
        made.json["hash"],
    )


async def test_frozen_and_open_months_together_are_the_spend_of_the_ledger(caller: Caller) -> None:
    for number in range(12):
        month = past(caller, number % 4)
        await book(
            caller, f"sum-{number}", within(caller, month) if number % 4 else caller.runtime.clock.now(), 10**9 + number
        )
    await freeze(caller, past(caller, 1), "gateway")
    await book(caller, "sum-3", within(caller, past(caller, 3)), -77, "correction")
    await freeze(caller, past(caller, 3), "gateway")
    await book(caller, "sum-1", within(caller, past(caller, 1)), -5, "correction")
    spend = parse((await caller.admin("/api/v1/spend?group_by=gateway")).json["total"]["spent_usd"])
    for by in ("team", "gateway", "user"):
        shown = [await month_shown(caller, past(caller, number), by=by) for number in range(5)]
        assert sum(parse(each["total"]["total_usd"]) for each in shown) == spend
        for each in shown:
            assert sum(parse(row["total_usd"]) for row in each["rows"]) == parse(each["total"]["total_usd"])


@pytest.mark.parametrize("value", ["ml", None])
async def test_every_form_of_a_document_has_the_same_total(caller: Caller, value: str | None) -> None:
    month = past(caller, 2)
    await book(caller, f"forms-{value}", within(caller, month), 123_456_789, user="=SUM(A1)")
    query = f"{V1}/{month}/document?by=team" + (f"&value={value}" if value else "")
    shown = (await caller.admin(query)).json
    total = sum(parse(each["total"]["total_usd"]) for each in shown["statements"])
    sheet = await caller.admin(f"{query}&format=csv")
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    name = f"statement-{month}-team-{value or 'all'}.csv"
    assert sheet.headers["content-disposition"] == f'attachment; filename="{name}"'
    rows = list(csv.DictReader(io.StringIO(sheet.body.decode())))
    assert sum(parse(row["amount_usd"]) for row in rows if row["amount_usd"]) == total
    assert "'=SUM(A1)" in {row["user"] for row in rows}
    page = await caller.admin(f"{query}&format=pdf")
    assert (page.status, page.headers["content-type"]) == (200, "application/pdf")
    assert page.body.startswith(b"%PDF-")
    listed = await month_shown(caller, month)
    parts = [row for row in listed["rows"] if value is None or row["value"] == value]
    assert dollars(sum(parse(row["total_usd"]) for row in parts)) == dollars(total)


async def test_without_typst_pdf_is_refused_in_words_and_csv_still_works(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    month = past(caller, 2)
    await book(caller, "no-pdf", within(caller, month), 1)
    monkeypatch.setitem(sys.modules, "typst", None)
    refused = await caller.admin(f"{V1}/{month}/document?format=pdf")
    assert (refused.status, refused.json["code"]) == (501, "pdf_unavailable")
    assert "pip install 'tollway[reports]'" in refused.json["detail"]
    assert (await caller.admin(f"{V1}/{month}/document?format=csv")).status == 200


async def test_what_has_no_value_has_a_statement_too(caller: Caller) -> None:
    month = past(caller, 2)
    await book(caller, "no-centre", within(caller, month), 5, metadata={})
    shown = (await caller.admin(f"{V1}/{month}/document?by=cost_center&value=")).json
    assert [each["value"] for each in shown["statements"]] == [None]


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        ("?by=group", "parameter_invalid", "charged twice"),
        ("?by=model", "parameter_invalid", 'no statements by "model"'),
        ("?month=2026-13", "parameter_invalid", "is no month"),
        ("?month=9000-01", "parameter_invalid", "has not begun"),
        ("?timezone=Mars/Base", "parameter_invalid", "timezone is 'Mars/Base'; write an IANA name"),
        ("?timezone=../etc", "parameter_invalid", "write an IANA name"),
        ("?timezone=localtime", "parameter_invalid", "timezone is 'localtime'; write an IANA name"),
        ("?team=ml", "parameter_unknown", "team"),
        ("/2001-01/document", "statement_unknown", "Nothing was charged to anybody in 2001-01"),
        ("/2001-01/document?value=x", "statement_unknown", "Nothing was charged to x in 2001-01 (team, UTC)"),
        ("/2001-01/document?value=", "statement_unknown", "without a team"),
        ("/2001-01/document?format=doc", "parameter_invalid", "format"),
        ("/frozen?by=", "parameter_invalid", "no statements by"),
    ],
)
async def test_what_cannot_be_answered_is_told_in_words(caller: Caller, path: str, code: str, words: str) -> None:
    answer = await caller.admin(f"{V1}{path}")
    assert answer.status in (400, 404)
    assert answer.json["code"] == code
    assert words in answer.json["detail"]


async def test_a_month_that_is_not_over_cannot_be_frozen(caller: Caller) -> None:
    refused = await freeze(caller, past(caller, 0), "user")
    assert (refused.status, refused.json["code"]) == (409, "month_not_over")
    assert f"the last month that is over is {past(caller, 1)}" in refused.json["detail"]
    later = await freeze(caller, past(caller, 0).following, "user")
    assert (later.status, later.json["code"]) == (400, "parameter_invalid")


@pytest.mark.parametrize("zone", ["localtime", "posixrules", "Factory", "right/UTC", "posix/Europe/Berlin"])
async def test_no_month_is_frozen_in_a_zone_that_only_a_machine_knows(caller: Caller, zone: str) -> None:
    refused = await freeze(caller, past(caller, 3), "metadata.zoned", timezone=zone)
    assert (refused.status, refused.json["code"]) == (400, "parameter_invalid")
    assert f"timezone is {zone!r}; write an IANA name" in refused.json["detail"]


async def test_a_dimension_is_frozen_in_one_zone_which_is_then_its_own(caller: Caller) -> None:
    first = await freeze(caller, past(caller, 3), "service", timezone="Europe/Berlin")
    assert first.status == 201, first.json
    other = await freeze(caller, past(caller, 2), "service", timezone="UTC")
    assert (other.status, other.json["code"]) == (409, "statement_zone")
    assert "frozen in Europe/Berlin" in other.json["detail"]
    assert (await month_shown(caller, past(caller, 2), by="service"))["timezone"] == "Europe/Berlin"
    elsewhere = await month_shown(caller, past(caller, 3), by="service", timezone="UTC")
    assert elsewhere["state"] == "open"
    assert "frozen in Europe/Berlin" in elsewhere["notes"][0]
    assert (await freeze(caller, past(caller, 2), "service")).json["timezone"] == "Europe/Berlin"


@pytest.mark.parametrize("word", ["", "   ", "two\nlines", "\ud800"])
async def test_a_freeze_says_why_in_a_line(caller: Caller, word: str) -> None:
    refused = await freeze(caller, past(caller, 4), "key", word=word)
    assert (refused.status, refused.json["code"]) == (400, "body_invalid")
    assert (await month_shown(caller, past(caller, 4), by="key"))["frozen"] is None


async def test_requests_under_way_are_told_of_when_a_month_is_frozen(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    month = past(caller, 5)

    class Open:
        opened_at = within(caller, month)

    monkeypatch.setattr(caller.runtime.store.ledger, "open_reservations", lambda: (Open(),))
    made = await freeze(caller, month, "metadata.app")
    assert made.json["warnings"] == [f"Still under way, and adjustments once they end: 1 requests of {month}."]


async def test_finance_sees_statements_administrators_freeze_them_and_developers_do_neither(caller: Caller) -> None:
    month = past(caller, 1)
    for person, seen, frozen in ((ALICE, 403, 403), (FINANCE, 200, 403), (ADMIN, 200, 201), (OWNER, 200, 409)):
        token = signed_in(caller, person)
        assert (await caller.admin(V1, token=token)).status == seen, person
        assert (await caller.admin(f"{V1}/frozen", token=token)).status == seen
        answer = await caller.admin(f"{V1}/{month}/freeze", {"by": "metadata.roles", "word": "x"}, token=token)
        assert answer.status == frozen, person
        assert (await caller.admin(f"{V1}/{month}/document?value=ml", token=token)).status in (seen, 404)


async def test_a_dimension_with_too_many_values_is_refused(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    month = past(caller, 2)
    await book(caller, "many", within(caller, month), 5, metadata={"trace": "x"})
    monkeypatch.setattr("tollway.statements.tally.MOST_LINES", 1)
    answer = await caller.admin(f"{V1}?month={month}&by=metadata.trace")
    assert (answer.status, answer.json["code"]) == (400, "statement_too_long")
    assert "choose a dimension with fewer values" in answer.json["detail"]


async def test_a_frozen_statement_that_was_changed_in_the_file_is_not_shown(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await freeze(caller, past(caller, 6), "key")).status == 201
    monkeypatch.setattr(
        "tollway.storage.sql.billed.sealed", lambda frozen, _: msgspec.structs.replace(frozen, hash="x")
    )
    answer = await caller.admin(f"{V1}?month={past(caller, 6)}&by=key")
    assert (answer.status, answer.json["code"]) == (500, "statement_damaged")


async def test_a_team_without_a_name_is_none_on_statements_in_the_explorer_and_in_exports(caller: Caller) -> None:
    month = past(caller, 9)
    start, end = (iso(at) for at in month.span(utc(caller)[0]))
    for number, metadata in enumerate(({"team": ""}, {}, {"team": "web"})):
        await book(caller, f"nameless-{number}", within(caller, month), 1_000_000_000, metadata=metadata)
    rows = (await month_shown(caller, month))["rows"]
    assert [(row["value"], row["total_usd"]) for row in rows] == [(None, "2"), ("web", "1")]
    groups = (await caller.admin(f"/api/v1/analytics?from={start}&to={end}&by=team&metrics=cost")).json["groups"]
    assert [(each["group"], each["whole"]["cost"]["spent_usd"]) for each in groups] == [
        ({"metadata.team": None}, "2"),
        ({"metadata.team": "web"}, "1"),
    ]
    spend = (await caller.admin(f"/api/v1/spend?since={start}&until={end}&group_by=metadata.team")).json["rows"]
    assert [(each["group"], each["spent_usd"]) for each in spend] == [
        ({"metadata.team": None}, "2"),
        ({"metadata.team": "web"}, "1"),
    ]
    people = (await caller.admin(f"/api/v1/people?from={start}&to={end}&by=team")).json["items"]
    assert sorted((each["name"] or "", each["spent_usd"]) for each in people if each["spent_usd"] != "0") == [
        ("", "2"),
        ("web", "1"),
    ]
    ends = f"from={start}&to={end}"
    file = (await caller.admin(f"/api/v1/exports/analytics?{ends}&by=team&metrics=cost&format=ndjson")).body
    told = [json.loads(line) for line in file.splitlines()]
    assert [each["metadata.team"] for each in told if Fraction(each["spent_usd"]) == 2] == [None]
    assert all(each["metadata.team"] != "" for each in told)
    focus = (await caller.admin(f"/api/v1/exports/focus?{ends}")).body.decode()
    assert {(row["SubAccountId"], row["Tags"]) for row in csv.DictReader(io.StringIO(focus))} == {
        ("", '{"tollway:gateway":"default","tollway:user":"ann@example.com"}'),
        ("web", '{"team":"web","tollway:gateway":"default","tollway:user":"ann@example.com"}'),
    }

"""Adjustments by hand: entries of the ledger, on statements, in spend, and on the budgets that count whom they are for."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.admin.gateways import SETTINGS, Answer, Caller, gateway
from tests.admin.people import ADMIN, ALICE, FINANCE, ROLES, signed_in
from tests.admin.test_statements import past

from tollway.admin.adjustments import context_of
from tollway.money import parse

V1 = "/api/v1/statements"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Caller]:
    folder: Path = tmp_path_factory.mktemp("gateway")
    async with gateway(folder, SETTINGS + ROLES) as running:
        yield running


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def adjust(caller: Caller, amount: str = "-2.50", **said: Any) -> Answer:
    body = {"by": "team", "value": "ml", "amount_usd": amount, "word": "Outage of the 12th."} | said
    return await caller.admin(f"{V1}/adjustments", body)


async def statement(caller: Caller, month: object, value: str, by: str = "team") -> Any:
    answer = await caller.admin(f"{V1}/{month}/document?by={by}&value={value}")
    assert answer.status == 200, answer.json
    return answer.json["statements"][0]


async def test_a_credit_is_an_entry_with_its_reason_on_the_statement_and_in_the_audit_log(caller: Caller) -> None:
    made = await adjust(caller)
    assert made.status == 201, made.json
    month = str(past(caller, 0))
    assert (made.json["amount_usd"], made.json["belongs_to"], made.json["charged_in"]) == ("-2.5", month, month)
    (found,) = [
        each for each in (await statement(caller, month, "ml"))["adjustments"] if each["entry"] == made.json["entry"]
    ]
    assert (found["amount_usd"], found["word"], found["booked_by"], found["kind"], found["amends"]) == (
        "-2.5", "Outage of the 12th.", "admin", "credit", month,
    )  # fmt: skip
    (entry,) = [
        each
        for each in (await caller.admin("/api/v1/ledger/entries?kind=credit")).json["items"]
        if each["id"] == made.json["entry"]
    ]
    assert (entry["amount_usd"], entry["metadata"]) == ("-2.5", {"team": "ml"})
    (line,) = (await caller.admin(f"/api/v1/audit?target={made.json['entry']}")).json["items"]
    assert (line["action"], line["reason"], line["after"]["amount_usd"]) == (
        "ledger.adjusted",
        "Outage of the 12th.",
        "-2.5",
    )


async def test_it_counts_on_the_budgets_that_count_everything_of_whom_it_is_for(caller: Caller) -> None:
    before = await caller.admin("/api/v1/budgets/company")
    made = await adjust(caller, "0.75", value="web")
    assert made.json["accounts"] == ["company", "tiny"]
    after = await caller.admin("/api/v1/budgets/company")
    spent = [parse(each.json["accounts"][0]["spent_usd"]) if each.json["accounts"] else 0 for each in (before, after)]
    assert spent[1] - spent[0] == 750_000_000
    assert await caller.runtime.store.ledger.verify() == []
    person = await adjust(caller, "0.01", by="user", value="Alice@Example.com")
    assert person.json["accounts"] == ["company", "each[user=alice@example.com]", "watched"]
    assert (await statement(caller, past(caller, 0), "alice@example.com", "user"))["total"]["adjustments_usd"] == "0.01"


async def test_of_a_month_that_is_over_it_belongs_there_until_that_is_frozen(caller: Caller) -> None:
    month = past(caller, 2)
    first = await adjust(caller, "5", month=str(month), by="cost_center", value="42")
    assert (first.json["belongs_to"], first.json["charged_in"]) == (str(month), str(month))
    assert (await statement(caller, month, "42", "cost_center"))["total"]["total_usd"] == "5"
    assert (await caller.admin(f"{V1}/{month}/freeze", {"by": "cost_center", "word": "x"})).status == 201
    second = await adjust(caller, "-1", month=str(month), by="cost_center", value="42")
    running = past(caller, 0)
    assert (second.json["belongs_to"], second.json["charged_in"]) == (str(month), str(running))
    assert second.json["warnings"] == [
        f"{month} is frozen, so this is in the statement of {running}, as an adjustment of {month}."
    ]
    assert (await statement(caller, month, "42", "cost_center"))["total"]["total_usd"] == "5"
    (found,) = (await statement(caller, running, "42", "cost_center"))["adjustments"]
    assert (found["amends"], found["amount_usd"]) == (str(month), "-1")


async def test_the_same_id_is_booked_once(caller: Caller) -> None:
    first = await adjust(caller, "1", id="case-7")
    assert first.json["entry"] == "adjustment-case-7.1.credit"
    again = await adjust(caller, "9", id="case-7", word="another word")
    assert (again.status, again.json["code"]) == (409, "adjustment_taken")
    (found,) = [
        each
        for each in (await statement(caller, past(caller, 0), "ml"))["adjustments"]
        if each["entry"] == first.json["entry"]
    ]
    assert (found["amount_usd"], found["word"]) == ("1", "Outage of the 12th.")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"amount_usd": 12.5}, 'amount_usd: Input should be a valid string; write it in quotes, such as "12.50".'),
        ({"value": 7}, "value: Input should be a valid string; write it in quotes."),
        ({"amount_usd": "0"}, "amount_usd: nothing is no adjustment"),
        ({"amount_usd": "0.00"}, "amount_usd: nothing is no adjustment"),
        ({"amount_usd": "1e3"}, "amount_usd: '1e3' is not an amount"),
        ({"amount_usd": "$5"}, "amount_usd: '$5' is not an amount"),
        ({"amount_usd": "1000000.000000001"}, "the most is $1,000,000.00. Book several."),
        ({"amount_usd": "-9000000000"}, "amount_usd: -$9,000,000,000.00 is more than one adjustment may be"),
        ({"by": "group"}, 'by: there are no statements by "group"'),
        ({"value": ""}, "value"),
        ({"value": "  "}, "value: write a line"),
        ({"value": "\ud800"}, "value"),
        ({"word": "\n"}, "word: write a line"),
        ({"month": "9000-01"}, "month: 9000-01 has not begun"),
        ({"month": "soon"}, "is no month"),
        ({"id": "a b"}, "id"),
        ({"amounts": "5"}, "amounts"),
    ],
)
async def test_what_cannot_be_booked_is_told_and_nothing_is(caller: Caller, said: dict[str, Any], words: str) -> None:
    before = (await caller.admin("/api/v1/spend?group_by=gateway")).json["total"]
    answer = await adjust(caller, **said)
    assert answer.status == 400
    assert words in answer.json["detail"]
    assert (await caller.admin("/api/v1/spend?group_by=gateway")).json["total"] == before


async def test_it_takes_an_administrator(caller: Caller) -> None:
    body = {"value": "ml", "amount_usd": "1", "word": "x"}
    for person, status in ((ALICE, 403), (FINANCE, 403), (ADMIN, 201)):
        answer = await caller.admin(f"{V1}/adjustments", body, token=signed_in(caller, person))
        assert answer.status == status, person


async def test_whom_it_is_for_stands_where_an_entry_of_theirs_would_have_it() -> None:
    assert context_of("team", "ml").metadata == context_of("metadata.team", "ml").metadata == {"team": "ml"}
    assert context_of("cost_center", "42").metadata == {"cost_center": "42"}
    assert context_of("user", "Ann@Example.COM").user == "ann@example.com"
    assert (context_of("key", "k").key, context_of("gateway", "g").gateway, context_of("service", "s").service) == (
        "k",
        "g",
        "s",
    )

"""Adjustments for somebody who is not known: gateways are refused, others are warned of, since nothing that is booked is taken out."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.admin.gateways import SETTINGS, Answer, Caller, gateway

from tollway.admin.adjustments import context_of
from tollway.ledger.entry import LedgerEntry, entry_id
from tollway.money import Money
from tollway.pricing.charge import Charge
from tollway.storage.analytics import Behind, Question

V1 = "/api/v1/statements"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Caller]:
    folder: Path = tmp_path_factory.mktemp("gateway")
    async with gateway(folder, SETTINGS) as running:
        yield running


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def adjust(caller: Caller, by: str, value: str) -> Answer:
    body = {"by": by, "value": value, "amount_usd": "1", "word": "Outage of the 12th."}
    return await caller.admin(f"{V1}/adjustments", body)


def charge(caller: Caller, by: str, value: str) -> None:
    """Something that was charged yesterday, maybe to what is not in the settings any more."""
    at = caller.runtime.clock.now() - 86_400_000
    name = f"{by}-{value}"
    caller.runtime.store.ledger.settle(
        LedgerEntry(
            id=entry_id(name, 1, "charge"),
            reservation_id=f"{name}.1",
            request_id=name,
            attempt=1,
            kind="charge",
            charge=Charge(Money(1)),
            legs=(),
            context=context_of(by, value),
            occurred_at=at,
            recorded_at=at,
        )
    )


async def test_a_gateway_that_never_was_is_refused_and_nothing_is_booked(caller: Caller) -> None:
    before = (await caller.admin("/api/v1/spend")).json["total"]
    answer = await adjust(caller, "gateway", "defualt")
    assert (answer.status, answer.json["code"]) == (400, "body_invalid")
    assert answer.json["detail"] == (
        'value: no gateway "defualt", and nothing was ever charged on one; there are: default. Nothing was booked.'
    )
    assert (await caller.admin("/api/v1/spend")).json["total"] == before


async def test_one_that_is_there_or_was_when_something_was_charged_is_booked(caller: Caller) -> None:
    charge(caller, "gateway", "closed-last-year")
    for slug in ("default", "closed-last-year"):
        answer = await adjust(caller, "gateway", slug)
        assert (answer.status, answer.json["warnings"]) == (201, []), slug


@pytest.mark.parametrize(
    ("by", "value"),
    [
        ("team", "ml"),
        ("metadata.team", "web"),
        ("user", "Alice@example.com"),
        ("key", "old"),
        ("team", "gone"),
        ("service", "nightly"),
    ],
)
async def test_whom_a_key_or_the_ledger_knows_nobody_is_warned_of(caller: Caller, by: str, value: str) -> None:
    if value in ("gone", "nightly"):
        charge(caller, by, value)
    answer = await adjust(caller, by, value)
    assert (answer.status, answer.json["warnings"]) == (201, [])


@pytest.mark.parametrize(
    ("by", "value", "words"),
    [
        (
            "user",
            "bobb@example.com",
            'the user "bobb@example.com" before, and no key is of it. Did you mean "bob@example.com"?',
        ),
        ("cost_center", "42", 'the cost center "42" before, and no key is of it. If it is a slip, book the opposite'),
        ("service", "none-of-ours", 'the service "none-of-ours" before'),
        ("key", "alyce", 'the key "alyce" before'),
    ],
)
async def test_whom_nothing_was_charged_to_is_booked_once_with_a_warning(
    caller: Caller, by: str, value: str, words: str
) -> None:
    charge(caller, "user", "bob@example.com")
    first = await adjust(caller, by, value)
    (warning,) = first.json["warnings"]
    assert first.status == 201
    assert words in warning
    # The ledger knows it now, so that a slip can be given back without a word.
    assert (await adjust(caller, by, value)).json["warnings"] == []


async def test_where_it_cannot_be_told_what_is_new_nobody_is_warned_of(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def behind(question: Question) -> Any:
        raise Behind("A key of metadata has too many values.", temporary=False)

    monkeypatch.setattr(caller.runtime.store.analytics, "ask", behind)
    answer = await adjust(caller, "metadata.trace", "4711")
    assert (answer.status, answer.json["warnings"]) == (201, [])
    refused = await adjust(caller, "gateway", "defualt")
    assert (refused.status, refused.json["code"]) == (400, "range_too_long")

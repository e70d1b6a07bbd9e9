from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tests.admin.rerated import AT, BOOK, entry, settings

from tollway.admin.rerate import RerateBody, book, plan
from tollway.admin.unpriced import DAYS, unpriced
from tollway.admin.where import Where
from tollway.document import compile_document, read_document
from tollway.logs.record import Durations, LogRecord
from tollway.money import Money, dollars
from tollway.pricing.charge import Charge, Unpriced, charge
from tollway.snapshot import Snapshot
from tollway.storage.sqlite import SqliteStore
from tollway.usage import Usage

USAGE = Usage(input_tokens=1000, output_tokens=100)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(tmp_path)
    await made.open(AT)
    yield made
    await made.close()


def running(store: SqliteStore, snapshot: Snapshot) -> Any:
    return SimpleNamespace(store=store, snapshot=snapshot, clock=SimpleNamespace(now=lambda: AT))


def refused(model: str) -> LogRecord:
    return LogRecord(
        request_id="r",
        at=AT,
        gateway="default",
        method="POST",
        path="/v1/chat/completions",
        api="openai.chat",
        status=422,
        code="price_unknown",
        provider="openai",
        request_model=model,
        durations=Durations(total_us=1),
    )


async def test_a_model_without_a_price_is_told_with_its_tokens_and_what_they_cost_at_the_ceiling(
    store: SqliteStore,
) -> None:
    for number in (1, 2):
        store.ledger.settle(entry(number, Unpriced("openai", "new"), USAGE, model="new"))
    store.ledger.settle(entry(3, Unpriced("openai", "new"), None, model="new"))
    long_ago = AT - (DAYS + 1) * 86_400_000
    store.ledger.settle(entry(4, Unpriced("openai", "old"), USAGE, model="old", at=long_ago))
    store.records.write(refused("newer"))
    found = await unpriced(running(store, settings()))
    first, second = found.items
    assert (first.provider, first.model, first.priced_now) == ("openai", "new", False)
    assert (first.requests, first.input_tokens, first.output_tokens) == (3, 2000, 200)
    dearest = charge(Usage(input_tokens=2000, output_tokens=200), BOOK.at_ceiling("openai"))
    assert first.at_ceiling_usd == dollars(dearest.amount) != "0"
    assert (second.model, second.requests, second.refused) == ("newer", 0, 1)


async def test_a_model_that_has_a_price_by_now_is_told_until_it_is_rated_again(store: SqliteStore) -> None:
    store.ledger.settle(entry(1, Unpriced("local", "llama"), USAGE, provider="local", model="llama"))
    runtime = running(store, settings({"provider": "local", "model": "llama", "input": "1", "output": "2"}))
    (found,) = (await unpriced(runtime)).items
    assert found.priced_now
    made = await plan(runtime, RerateBody(where=Where.model_validate({"since": "2026-01-01T00:00:00Z"})))
    assert await book(runtime, made.corrections()) == 1
    assert (await unpriced(runtime)).items == []


async def test_what_was_charged_at_the_ceiling_is_told_apart(store: SqliteStore) -> None:
    price = BOOK.at_ceiling("openai")
    made = charge(USAGE, price)
    store.ledger.settle(entry(1, made, USAGE, model="new"))
    store.ledger.settle(entry(2, msgspec.structs.replace(made, price_id="openai/new@settings#00"), USAGE, model="new"))
    (found,) = (await unpriced(running(store, settings()))).items
    assert (found.requests, found.counted_at_ceiling, found.counted_usd) == (0, 1, dollars(made.amount))


async def test_charges_with_a_price_are_no_holes(store: SqliteStore) -> None:
    store.ledger.settle(entry(1, Charge(Money(5)), USAGE))
    assert (await unpriced(running(store, settings()))).items == []


async def test_names_in_the_settings_without_a_price_are_told_with_their_place(store: SqliteStore) -> None:
    document = read_document(
        {
            "providers": {
                "openai": {"api_key": "none", "models": ["gpt-99", "gpt-4o", "gpt-*"]},
                "azure": {"resource": "mine", "api_key": "none", "deployments": {"prod": "gpt-4o", "beta": "gpt-99"}},
            },
            "budgets": [
                {
                    "name": "b",
                    "limit": "1",
                    "window": {"period": "day", "timezone": "UTC"},
                    "where": {"model": "openai/gpt-98"},
                }
            ],
        }
    )
    snapshot = compile_document(document, resolve=lambda r, _: r, book=BOOK, pepper=bytes(32), revision=1)
    found = await unpriced(running(store, snapshot))
    assert [(one.where, one.model) for one in found.settings] == [
        ('budget "b"', "openai/gpt-98"),
        ('models of provider "openai"', "gpt-99"),
        ('deployment "beta" of provider "azure"', "gpt-99"),
    ]

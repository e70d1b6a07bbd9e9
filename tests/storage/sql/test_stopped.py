"""What was refused or served by a cheaper model, read from the newest part of the log."""

import pytest

from tollway.logs.record import Decision
from tollway.money import Money
from tollway.pricing.charge import Charge
from tollway.storage.conformance.records import record
from tollway.storage.conformance.values import NOW
from tollway.storage.sql import stopped
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


async def written(store: SqlStore) -> None:
    refused = {"status": 429, "code": "budget_exceeded", "decisions": DENIED, "provider": "openai"}
    store.records.write(record("one", NOW + 1, **refused, request_model="gpt-5", user="ann"))
    store.records.write(record("two", NOW + 2, **refused, request_model="gpt-5", user="bob", gateway="other"))
    store.records.write(record("swapped", NOW + 3, decisions=SWAPPED, charge=Charge(Money(7)), user="ann"))
    # The provider's own refusal, a word in what somebody sent, and all that went well are nothing of ours.
    store.records.write(record("theirs", NOW + 4, status=500, code="upstream_invalid"))
    store.records.write(record("word", NOW + 5, metadata={"note": "downgraded"}))
    store.records.write(record("again", NOW + 6, **refused, request_model="gpt-5", user="ann"))
    await store.records.flush()


async def test_refusals_and_downgrades_are_told_and_nothing_else(store: SqlStore) -> None:
    await written(store)
    found = await store.analytics.stops(since=NOW, until=NOW + 100)
    assert found.refused_since == found.swapped_since == NOW
    assert [(one.code, one.model, one.user, one.requests, one.at) for one in found.refused] == [
        ("budget_exceeded", "gpt-5", "ann", 2, NOW + 6),
        ("budget_exceeded", "gpt-5", "bob", 1, NOW + 2),
    ]
    assert [(one.provider, one.model, one.user, one.charged) for one in found.swapped] == [
        ("openai", "gpt-4o", "ann", 7)
    ]
    bobs = await store.analytics.stops(since=NOW, until=NOW + 100, user="bob", gateway="other")
    assert ([one.user for one in bobs.refused], list(bobs.swapped)) == (["bob"], [])
    none = await store.analytics.stops(since=NOW + 7, until=NOW + 100)
    assert not none.refused and not none.swapped


async def test_of_a_long_log_the_newest_part_is_read_and_the_answer_says_from_when(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await written(store)
    monkeypatch.setattr(stopped, "LOOKED_AT", 2)
    found = await store.analytics.stops(since=NOW, until=NOW + 100)
    # Of refusals and providers' errors the newest two; of all records too, and what was downgraded is older than they are.
    assert (found.refused_since, [one.requests for one in found.refused]) == (NOW + 3, [1])
    assert (found.swapped_since, list(found.swapped)) == (NOW + 5, [])
    monkeypatch.setattr(stopped, "LOOKED_AT", 100)
    monkeypatch.setattr(stopped, "DECODED_AT_MOST", 1)
    found = await store.analytics.stops(since=NOW, until=NOW + 100)
    assert (found.swapped_since, list(found.swapped)) == (NOW + 4, [])

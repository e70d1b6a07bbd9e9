"""People: who spent what, on which model, and one of them."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
import pytest_asyncio
from tests.admin.gateways import ALICE_KEY, SETTINGS, Caller, gateway
from tests.admin.people import ALICE, BOB, FINANCE, ROLES, signed_in

from tollway.clock import iso
from tollway.money import dollars
from tollway.storage.conformance.records import record, spending

pytestmark = pytest.mark.asyncio(loop_scope="module")
DAY = 86_400_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Caller]:
    async with gateway(tmp_path_factory.mktemp("gateway"), SETTINGS + ROLES) as running:
        yield running


async def test_everybody_is_listed_with_spend_model_and_the_period_before(caller: Caller) -> None:
    store, base = caller.runtime.store, caller.runtime.clock.now() - 100 * DAY
    for number, (user, amount, model, at) in enumerate(
        (
            ("ann", 70, "gpt-5", base),
            ("ann", 30, "gpt-4o", base + 1),
            ("ann", 60, "gpt-5", base - DAY),
            ("bob", 20, "gpt-4o", base + 2),
            (None, 5, "gpt-4o", base + 3),
        )
    ):
        store.ledger.settle(
            spending(f"p{number}", amount, at=at, user=user, model=model, metadata={"team": f"of-{user}"})
        )
        store.records.write(record(f"p{number}", at, user=user))
    await store.ledger.flush()
    while await store.analytics.roll():
        pass
    asked = f"/api/v1/people?from={iso(base)}&to={iso(base + 2 * DAY)}"
    found: Any = (await caller.admin(asked)).json
    rows = {row["name"]: row for row in found["items"]}
    assert list(rows) == ["ann", "bob", None]
    ann = rows["ann"]
    assert (ann["spent_usd"], ann["before_usd"], ann["requests"]) == (dollars(100), dollars(60), 2)
    assert (ann["top_model"], ann["top_model_spent_usd"]) == ("gpt-5", dollars(70))
    assert ann["last_charged_at"] == iso(base + 1) and rows[None]["last_charged_at"] is None
    assert found["previous_from"] == iso(base - 2 * DAY) and found["others"] == 0
    earlier = f"{asked}&before_from={iso(base - 5 * DAY)}&before_to={iso(base - 4 * DAY)}"
    named: Any = (await caller.admin(earlier)).json
    assert (named["previous_from"], named["previous_to"]) == (iso(base - 5 * DAY), iso(base - 4 * DAY))
    assert {row["before_usd"] for row in named["items"]} == {"0"}
    one: Any = (await caller.admin(f"{asked}&limit=1")).json
    assert ([row["name"] for row in one["items"]], one["others"]) == (["ann"], 2)
    teams: Any = (await caller.admin(f"{asked}&by=team")).json
    assert next((row["name"], row["spent_usd"]) for row in teams["items"]) == ("of-ann", dollars(100))
    only: Any = (await caller.admin(f"{asked}&model=gpt-5")).json
    assert [(row["name"], row["spent_usd"]) for row in only["items"]] == [("ann", dollars(70))]


async def test_one_person_is_told_with_their_sessions(caller: Caller) -> None:
    store, base = caller.runtime.store, caller.runtime.clock.now() - 20 * DAY
    for number in range(8):
        amount = 10 if number < 7 else 500
        store.ledger.settle(
            spending(f"s{number}", amount, at=base + number * DAY, user="carol", metadata={"session": f"n{number}"})
        )
    await store.ledger.flush()
    while await store.analytics.roll():
        pass
    found: Any = (await caller.admin("/api/v1/people/carol?sessions=3")).json
    assert (found["known"], found["keys"], found["groups"]) == (True, 0, [])
    assert [one["session"] for one in found["sessions"]] == ["n7", "n6", "n5"]
    assert [one["stands_out"] for one in found["sessions"]] == [True, False, False]
    assert (found["sessions_in_range"], found["last_charged_at"]) == (8, iso(base + 7 * DAY))
    alice: Any = (await caller.admin(f"/api/v1/people/{ALICE}")).json
    assert (alice["keys"], alice["groups"]) == (1, ["eng", "leads"])
    assert (await caller.admin("/api/v1/people/nobody-at-all")).json["known"] is False
    filtered = await caller.admin("/api/v1/people/carol?model=gpt-5")
    assert (filtered.status, filtered.json["code"]) == (400, "parameter_unknown")


async def test_layers_are_the_budgets_that_count_a_person(caller: Caller) -> None:
    assert (await caller.chat(ALICE_KEY)).status == 200
    found: Any = (await caller.admin(f"/api/v1/people/{ALICE}/layers?model=openai/gpt-4o-mini")).json
    assert found["proven_by"] == "alice"
    layers = {layer["id"]: layer for layer in found["budgets"]}
    assert set(layers) == {"company", "each", "watched"}
    assert layers["each"]["account"] == f"each[user={ALICE}]" and layers["each"]["left_usd"] is not None
    assert found["tightest"] == f"each[user={ALICE}]"
    assert [(one["model"], one["status"]) for one in found["models"]] == [("openai/gpt-4o-mini", "works")]
    stranger: Any = (await caller.admin("/api/v1/people/nobody-at-all/layers")).json
    assert stranger["proven_by"] is None
    for query, code in (("gateway=other", "gateway_unknown"), ("colour=red", "parameter_unknown")):
        assert (await caller.admin(f"/api/v1/people/{ALICE}/layers?{query}")).json["code"] == code


async def test_a_developer_sees_themselves_alone(caller: Caller) -> None:
    alice, finance = signed_in(caller, ALICE), signed_in(caller, FINANCE)
    for rest in ("", "/layers"):
        assert (await caller.admin(f"/api/v1/people/{ALICE}{rest}", token=alice)).status == 200
        assert (await caller.admin(f"/api/v1/people/{BOB}{rest}", token=alice)).status == 403
        assert (await caller.admin(f"/api/v1/people/{BOB}{rest}", token=finance)).status == 200
    assert (await caller.admin("/api/v1/people", token=alice)).status == 403
    mine: Any = (await caller.admin(f"/api/v1/people/{ALICE}/layers", token=alice)).json
    assert mine["proven_by"] == "your session"

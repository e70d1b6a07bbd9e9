"""Insights over a running gateway, and the sessions that stand out."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
import pytest_asyncio
from tests.admin.gateways import ALICE_KEY, SETTINGS, Caller, gateway
from tests.admin.people import ALICE, BOB, FINANCE, ROLES, signed_in

from tollway.admin.insights import middle
from tollway.clock import iso
from tollway.money import dollars
from tollway.storage.conformance.records import record, spending

here = pytest.mark.asyncio(loop_scope="module")
DAY = 86_400_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Caller]:
    async with gateway(tmp_path_factory.mktemp("gateway"), SETTINGS + ROLES) as running:
        yield running


@here
async def test_a_developer_sees_only_what_is_their_own(caller: Caller) -> None:
    await caller.chat(ALICE_KEY)
    store, now = caller.runtime.store, caller.runtime.clock.now()
    store.ledger.settle(spending("of-bob", 10**9, at=now - 1_000, user=BOB))
    store.records.write(record("of-bob", now - 1_000, user=BOB))
    alice, finance = signed_in(caller, ALICE), signed_in(caller, FINANCE)
    everything = (await caller.admin("/api/v1/analytics?by=user", token=finance)).json
    whole = {group["group"]["user"]: group["whole"]["cost"]["spent_usd"] for group in everything["groups"]}
    assert whole[BOB] == "1" and ALICE in whole
    mine = (await caller.admin("/api/v1/analytics?by=user&grain=hour&compare=previous", token=alice)).json
    assert [group["group"]["user"] for group in mine["groups"]] == [ALICE]
    assert mine["total"]["whole"]["cost"]["spent_usd"] == whole[ALICE]
    for query in (f"user={BOB}", "user=", "user=*", f"user={BOB}&user={ALICE}"):
        for path in ("analytics", "analytics/movers"):
            answer = await caller.admin(f"/api/v1/{path}?{query}", token=alice)
            assert (answer.status, answer.json["code"]) == (403, "forbidden"), (path, query)
    movers = (await caller.admin("/api/v1/analytics/movers?by=user", token=alice)).json
    assert [item["group"]["user"] for item in movers["items"]] == [ALICE]
    assert (await caller.admin("/api/v1/analytics/users", token=alice)).status == 403


@here
async def test_insights_tell_who_uses_how_much(caller: Caller) -> None:
    store = caller.runtime.store
    base = caller.runtime.clock.now() - 200 * DAY
    amounts = {"a": 10, "b": 20, "c": 30, "d": 100}
    for number, (user, amount) in enumerate(amounts.items()):
        store.ledger.settle(spending(f"i-{user}", amount, at=base + number, user=user))
        for again in range(number + 1):
            store.records.write(record(f"i-{user}-{again}", base + number, user=user))
    store.ledger.settle(spending("i-nobody", 40, at=base))
    store.records.write(record("i-nobody", base))
    asked = f"/api/v1/analytics/users?from={iso(base)}&to={iso(base + 1_000)}"
    found: Any = (await caller.admin(asked)).json
    assert found["from"] == iso(base)
    assert found["active_users"] == 4
    assert found["adoption"]["part"] == 4
    # Alice, Bob and old have keys of the settings.
    assert found["adoption"]["whole"] >= 7
    assert found["median_spent_usd"] == dollars(25)
    assert found["median_tokens"] == 16
    assert (found["top_users"], found["top_requests"]) == (1, {"part": 4, "whole": 10})
    assert found["top_spent"] == {"part_usd": dollars(100), "whole_usd": dollars(160)}
    assert (found["users_to_review"], [one["user"] for one in found["review"]]) == (1, ["d"])
    assert found["identified_requests"] == {"part": 10, "whole": 11}
    assert found["identified_spent"] == {"part_usd": dollars(160), "whole_usd": dollars(200)}
    # Who asks the most need not be who spends the most.
    for again in range(9):
        store.records.write(record(f"i-often-{again}", base + again, user="a"))
    often: Any = (await caller.admin(asked)).json
    assert (often["top_requests"], often["top_spent"]["part_usd"]) == ({"part": 10, "whole": 19}, dollars(100))
    none: Any = (await caller.admin(f"{asked}&user=nobody")).json
    assert (none["active_users"], none["median_spent_usd"], none["top_users"]) == (0, None, 0)


@pytest.mark.parametrize(
    ("amounts", "expected"), [([], None), ([3], 3), ([1, 2], 1), ([5, 1, 3], 3), ([1, 2, 4, 9], 3)]
)
def test_the_median_is_in_the_middle(amounts: list[int], expected: int | None) -> None:
    assert middle(amounts) == expected

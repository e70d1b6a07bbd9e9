"""Insights over a running gateway, and the sessions that stand out."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
import pytest_asyncio
from tests.admin.gateways import ALICE_KEY, SETTINGS, Caller, gateway
from tests.admin.people import ALICE, BOB, FINANCE, ROLES, signed_in

from tollway.admin.insights import OWN_DAYS, OWN_SESSIONS, anomalies, middle, ranked
from tollway.clock import iso
from tollway.money import dollars
from tollway.storage.analytics import Sitting
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
    none: Any = (await caller.admin(f"{asked}&user=nobody")).json
    assert (none["active_users"], none["median_spent_usd"], none["top_users"]) == (0, None, 0)


def sitting(day: float, spent: int, user: str = "ann") -> Sitting:
    at = int(day * DAY)
    return Sitting(user=user, name="", first_at=at - 1, last_at=at, spent=spent, entries=1)


def judged(*sittings: Sitting, since: float = 0) -> list[tuple[float, int, int]]:
    ordered = sorted(sittings, key=lambda one: one.last_at)
    return [(one.sitting.last_at / DAY, one.usual, one.rare) for one in anomalies(ordered, int(since * DAY))]


def test_a_session_stands_out_above_twice_ones_own_and_above_everybodys() -> None:
    usual = [sitting(day, 10) for day in range(1, 7)]
    assert judged(*usual, sitting(8, 21)) == [(8, 10, 10)]
    assert judged(*usual, sitting(8, 20)) == []
    # Somebody else's sessions are that expensive.
    assert judged(*usual, sitting(8, 21), sitting(2, 21, "bob")) == []


def test_nothing_is_usual_of_somebody_who_has_hardly_been_there() -> None:
    few = [sitting(day, 10) for day in range(1, OWN_SESSIONS)]
    assert judged(*few, sitting(8, 500)) == []
    long_ago = [sitting(day, 10) for day in range(1, 7)]
    assert judged(*long_ago, sitting(8 + OWN_DAYS, 500)) == []


def test_only_sessions_that_ended_in_the_range_are_told() -> None:
    usual = [sitting(day, 10) for day in range(1, 7)]
    assert judged(*usual, sitting(8, 21), since=9) == []
    assert judged() == []
    assert judged(sitting(1, 5)) == []


@pytest.mark.parametrize(
    ("amounts", "expected"), [([], None), ([3], 3), ([1, 2], 1), ([5, 1, 3], 3), ([1, 2, 4, 9], 3)]
)
def test_the_median_is_in_the_middle(amounts: list[int], expected: int | None) -> None:
    assert middle(amounts) == expected


def test_the_nearest_rank_is_a_value_that_is_there() -> None:
    assert [ranked(list(range(1, 101)), percent) for percent in (95, 99, 100)] == [95, 99, 100]
    assert ranked([7], 95) == 7

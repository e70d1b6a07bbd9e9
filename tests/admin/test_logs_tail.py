"""What was logged since a request, for somebody who sees their own requests alone."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.admin.gateways import ALICE_KEY, BOB_KEY, SETTINGS, Caller, gateway
from tests.admin.people import ALICE, ROLES, signed_in

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Caller]:
    folder: Path = tmp_path_factory.mktemp("gateway")
    async with gateway(folder, SETTINGS + ROLES) as running:
        yield running


async def test_a_developers_tail_tells_nothing_of_the_requests_of_others(caller: Caller) -> None:
    sent = [(await caller.chat(key)).headers["tollway-request-id"] for key in (ALICE_KEY, BOB_KEY, ALICE_KEY, BOB_KEY)]
    await caller.logged(f"/api/v1/logs?request_id={sent[-1]}", 1)
    first, of_bob, own, _ = sent
    alice = signed_in(caller, ALICE)

    page = (await caller.admin(f"/api/v1/logs?after={first}", token=alice)).json
    assert ([log["request_id"] for log in page["items"]], page["next"]) == ([own], own)
    page = (await caller.admin(f"/api/v1/logs?after={own}", token=alice)).json
    assert page == {"items": [], "next": None}
    refused, unknown = [
        await caller.admin(f"/api/v1/logs?after={after}", token=alice) for after in (of_bob, "0" * len(of_bob))
    ]
    assert (refused.status, refused.json["code"]) == (unknown.status, unknown.json["code"]) == (404, "record_unknown")

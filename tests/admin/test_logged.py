import pytest
from tests.admin.gateways import Caller

from tollway.admin.logged import logged_request
from tollway.admin.problem import Problem

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_request_is_found_the_moment_it_is_answered(caller: Caller) -> None:
    for _ in range(3):
        request_id = (await caller.chat()).headers["tollway-request-id"]
        record = await logged_request(caller.runtime, request_id, None)
        assert record.request_id == request_id


async def test_somebody_elses_is_not_there(caller: Caller) -> None:
    request_id = (await caller.chat()).headers["tollway-request-id"]
    assert (await logged_request(caller.runtime, request_id, "alice@example.com")).user == "alice@example.com"
    for request, only in ((request_id, "bob@example.com"), ("unknown", None)):
        with pytest.raises(Problem) as refused:
            await logged_request(caller.runtime, request, only)
        assert refused.value.code == "record_unknown"

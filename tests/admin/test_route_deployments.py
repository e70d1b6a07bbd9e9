"""Bodies of versions and deployments that cannot be used."""

from typing import Any

import pytest
from tests.admin.gateways import Caller
from tests.admin.test_routes import PATH, TARGETS

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("versions", {}, "it goes nowhere"),
        ("versions", {"targets": [], "order": "cheapest"}, 'it belongs to "targets"'),
        ("versions", {"elements": {}}, "elements"),
        ("versions", {**TARGETS, "name": "x"}, "name"),
        ("versions", {**TARGETS, "comment": ""}, "comment"),
        ("versions", [], "not a JSON object"),
        ("deployments", {}, "version_id"),
        ("deployments", {"version_id": "x" * 200}, "version_id"),
        ("deployments", {"version_id": "x", "comment": "\ud800"}, "comment"),
        ("deployments", {"version_id": "x", "when": "now"}, "when"),
    ],
)
async def test_a_body_that_cannot_be_used_names_its_field(caller: Caller, path: str, body: Any, says: str) -> None:
    await caller.admin(PATH, {"name": "support", **TARGETS})
    answer = await caller.admin(f"{PATH}/support/{path}", body)
    assert answer.status == 400 and says in answer.json["detail"], answer.json

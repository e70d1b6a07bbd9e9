"""The desk's work is tested through the API (`test_routes.py`); here what it does when changes meet."""

import asyncio
from pathlib import Path

from tests.admin.gateways import gateway
from tests.admin.test_routes import PATH, TARGETS


async def test_of_many_who_make_a_route_of_one_name_one_does(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        answers = await asyncio.gather(*(caller.admin(PATH, {"name": "support", **TARGETS}) for _ in range(4)))
        assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]
        assert len((await caller.admin(f"{PATH}/support/versions")).json["items"]) == 1


async def test_a_file_that_somebody_has_changed_is_not_written_over(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        made = (await caller.admin(PATH, {"name": "support", **TARGETS})).json
        path = caller.folder / "tollway.yaml"
        path.write_text(path.read_text() + "# Mine.\n")
        answer = await caller.admin(f"{PATH}/support/deployments", {"version_id": made["version"]["version_id"]})
        assert (answer.status, answer.json["code"]) == (409, "settings_changed")
        assert (await caller.admin(f"{PATH}/support/deployments")).json["items"] == []

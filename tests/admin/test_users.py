import asyncio
from pathlib import Path

import pytest
from tests.admin.gateways import gateway

from tollway.admin.local_users import LocalUsers

PASSWORD = "correct horse battery"


async def test_users_are_made_listed_and_taken_out_and_each_is_told(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        made = await caller.admin(
            "/api/v1/users", {"name": "Root", "password": PASSWORD, "roles": ["finance", "owner"]}
        )
        assert (made.status, made.json["roles"]) == (201, ["owner", "finance"])
        again = await caller.admin("/api/v1/users", {"name": "root", "password": PASSWORD, "roles": ["admin"]})
        assert (again.status, again.json["code"]) == (409, "user_taken")
        (user,) = (await caller.admin("/api/v1/users")).json["items"]
        assert (user["name"], user["enabled"], user["by"]) == ("Root", True, "admin")
        unknown = await caller.admin("/api/v1/users/nobody", {"enabled": False}, method="PATCH")
        assert (unknown.status, unknown.json["code"]) == (404, "user_unknown") and "there are: Root" in unknown.json[
            "detail"
        ]
        assert (await caller.admin("/api/v1/users/ROOT", method="DELETE")).status == 200
        lines = (await caller.admin("/api/v1/audit?action=user")).json["items"]
        assert [line["action"] for line in lines] == ["user.deleted", "user.created"]
        assert PASSWORD not in str(lines) and "argon2" not in str(lines)
    async with gateway(tmp_path) as caller:
        assert (await caller.admin("/api/v1/users")).json["items"] == []


async def test_of_two_who_make_the_same_user_one_does(tmp_path: Path) -> None:
    async with gateway(tmp_path) as caller:
        asked = [
            caller.admin("/api/v1/users", {"name": name, "password": PASSWORD, "roles": ["admin"]})
            for name in ("Root", "root", "ROOT")
        ]
        assert sorted([answer.status for answer in await asyncio.gather(*asked)]) == [201, 409, 409]


async def test_a_change_that_another_change_came_before_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway(tmp_path) as caller:
        await caller.admin("/api/v1/users", {"name": "root", "password": PASSWORD, "roles": ["owner"]})
        hashed = LocalUsers.hashed

        async def slow(self: LocalUsers, password: str) -> str:
            monkeypatch.undo()
            assert (await caller.admin("/api/v1/users/root", {"enabled": False}, method="PATCH")).status == 200
            return await hashed(self, password)

        monkeypatch.setattr(LocalUsers, "hashed", slow)
        late = await caller.admin("/api/v1/users/root", {"password": "another horse battery"}, method="PATCH")
        assert (late.status, late.json["code"]) == (409, "user_changed")
        (user,) = (await caller.admin("/api/v1/users")).json["items"]
        assert user["enabled"] is False


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "a b"}, "'a b'"),
        ({"password": "short"}, "5 characters; use 12"),
        ({"password": "aaaaaaaaaaaaaaa"}, "can be guessed"),
        ({"password": "the root password"}, "can be guessed"),
        ({"roles": []}, "roles"),
        ({"roles": ["root"]}, "roles"),
        ({"roles": ["developer"]}, "people of the identity provider"),
        ({"name": "File"}, "stands for something else in the audit log"),
        ({"name": "Gateway"}, "stands for something else in the audit log"),
        ({"name": "admin"}, "stands for something else in the audit log"),
        ({"password": "x" * 2_000}, "password"),
    ],
)
async def test_what_would_not_do_is_refused_and_not_repeated(
    tmp_path: Path, fields: dict[str, object], said: str
) -> None:
    async with gateway(tmp_path) as caller:
        asked = {"name": "root", "password": PASSWORD, "roles": ["admin"]} | fields
        answer = await caller.admin("/api/v1/users", asked)
        assert answer.status == 400 and said in answer.json["detail"]
        assert str(asked["password"]) not in answer.body.decode()
        assert (await caller.admin("/api/v1/users")).json["items"] == []

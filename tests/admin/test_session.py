"""Signing in for the dashboard (`test_principals.py`: what a session opens)."""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from tests.admin.gateways import SETTINGS, gateway
from tests.admin.people import ADMIN, ALICE, OWNER, ROLES, signed_in
from tests.admin.signing_in import Person, callback, free_port, signing_in

from tollway.admin.sign_in import Begun, Came, SignIn
from tollway.errors import StoreUnavailable
from tollway.identity.identity import Identity
from tollway.identity.person import Person as IdentityOf


async def test_anybody_may_ask_who_they_are(tmp_path: Path) -> None:
    async with gateway(tmp_path, SETTINGS + ROLES) as caller:
        nobody = (await caller.admin("/api/v1/session", token="")).json
        assert (nobody["signed_in"], nobody["roles"], nobody["scopes"], nobody["sign_in"]) == (False, [], [], None)
        assert nobody["user"] is None
        alice = (await caller.admin("/api/v1/session", token=signed_in(caller, ALICE))).json
        assert (alice["name"], alice["by"], alice["scopes"]) == (
            ALICE,
            "access token",
            ["own:keys", "own:read", "views:read", "views:write"],
        )
        assert alice["user"] == ALICE
        token = (await caller.admin("/api/v1/session")).json
        assert (token["signed_in"], token["by"], token["user"]) == (True, "token", None)
        owner = (await caller.admin("/api/v1/session", token=signed_in(caller, OWNER))).json
        assert owner["roles"] == ["owner", "developer"] and "administration:write" in owner["scopes"]
        assert (await caller.admin("/api/v1/session", token="wrong")).status == 401


async def test_without_an_identity_provider_nobody_is_sent_to_one(tmp_path: Path) -> None:
    async with gateway(tmp_path, SETTINGS) as caller:
        for path in ("/api/v1/session/sign-in", "/api/v1/session/finish?state=x&code=y"):
            answer = await caller.admin(path, token="")
            assert (answer.status, answer.json["code"]) == (404, "sign_in_unavailable")


async def test_no_page_of_somebody_elses_is_returned_to(tmp_path: Path) -> None:
    async with gateway(tmp_path, SETTINGS) as caller:
        for page in ("https://evil.example.com", "//evil.example.com", "/%5Cevil.example.com", "dashboard", "/../../x"):
            answer = await caller.admin(f"/api/v1/session/sign-in?return_to={page}", token="")
            assert answer.status == 400, page


LOGIN = """\
issuers:
  - {{name: company, issuer: "http://127.0.0.1:9", audience: a, client_id: b, client_secret: c, allow_http: true, allow_private: true}}
login: {{issuer: company}}
"""


async def test_an_address_begins_so_many_sign_ins_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def begin(*_: Any, **__: Any) -> Begun:
        return Begun(url="https://idp.example.com/", state="s")

    monkeypatch.setattr(SignIn, "begin", begin)
    monkeypatch.setattr("tollway.admin.session.MOST_BEGUN", 3)
    async with gateway(tmp_path, SETTINGS + ROLES + LOGIN) as caller:
        answers = [await caller.admin("/api/v1/session/sign-in", token="") for _ in range(4)]
        assert [answer.status for answer in answers] == [303] * 3 + [429]
        assert answers[3].json["code"] == "too_many_attempts" and 0 < int(answers[3].headers["retry-after"]) <= 600


async def test_a_key_made_in_a_browser_proves_what_the_identity_provider_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = Identity(
        kind="user", user=ALICE, groups=("interns",), gateways=("default",), metadata={"department": "rd"}, priority="batch",
        proven_only=frozenset({"department"}), source="token",
        person=IdentityOf(issuer="http://127.0.0.1:9", subject="a1", expires_at=1),
    )  # fmt: skip

    async def finish(*_: Any, **__: Any) -> Came:
        return Came(identity=identity, return_to="/dashboard")

    monkeypatch.setattr(SignIn, "finish", finish)
    async with gateway(
        tmp_path, SETTINGS + ROLES + LOGIN.replace("audience: a", "audience: a, priority: batch")
    ) as caller:
        back = await caller.admin("/api/v1/session/finish?state=x&code=y", token="")
        assert back.status == 303, back.body
        cookie = {"cookie": back.headers["set-cookie"].split(";")[0]}
        cookie["tollway-csrf"] = (await caller.ask("GET", "/api/v1/session", cookie, b"")).json["csrf"]
        made = await caller.ask("POST", "/api/v1/keys", cookie, b'{"name": "ide"}')
        assert made.status == 201, made.body
        key = caller.runtime.snapshot.key(made.json["secret"])
        assert (key.groups, key.gateways, key.metadata) == (("interns",), ("default",), {"department": "rd"})
        assert (key.priority, key.proven_only, key.person.subject) == ("batch", {"department"}, "a1")
        assert (await caller.chat(made.json["secret"])).status == 200
        fewer = await caller.ask("POST", "/api/v1/keys", cookie, b'{"name": "bare", "groups": []}')
        assert (fewer.status, fewer.json["code"]) == (403, "forbidden")


async def test_signing_out_while_the_store_is_away_is_told_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway(tmp_path, SETTINGS + ROLES) as caller:
        await caller.admin("/api/v1/users", {"name": "root", "password": "correct horse battery", "roles": ["admin"]})
        body = b'{"name": "root", "password": "correct horse battery"}'
        signed = [await caller.ask("POST", "/api/v1/session", {}, body) for _ in range(2)]
        out, other = (
            {"cookie": each.headers["set-cookie"].split(";")[0], "tollway-csrf": each.json["csrf"]} for each in signed
        )

        async def away(*_: object) -> None:
            raise StoreUnavailable("away")

        with monkeypatch.context() as broken:
            broken.setattr(type(caller.runtime.store.cabinet), "take", away)
            for _ in range(2):
                told = await caller.ask("DELETE", "/api/v1/session", out, b"")
                assert told.status == 503 and "will not outlast a restart" in told.json["detail"]
                told = await caller.admin("/api/v1/sessions?user=root", method="DELETE")
                assert told.status == 503 and "will not outlast a restart" in told.json["detail"]
            for cookie in (out, other):
                assert (await caller.ask("GET", "/api/v1/status", cookie, b"")).status == 401
        ended = await caller.admin("/api/v1/sessions?user=root", method="DELETE")
        assert ended.status == 200
        assert (await caller.ask("DELETE", "/api/v1/session", out, b"")).status == 200
        assert list(await caller.runtime.store.cabinet.all("session", caller.runtime.clock.now())) == []


async def test_sessions_of_somebody_are_listed_and_ended(tmp_path: Path) -> None:
    async with gateway(tmp_path, SETTINGS + ROLES) as caller:
        made = {"name": "root", "password": "correct horse battery", "roles": ["admin"]}
        await caller.admin("/api/v1/users", made)
        body = b'{"name": "root", "password": "correct horse battery"}'
        cookies = [(await caller.ask("POST", "/api/v1/session", {}, body)).headers["set-cookie"] for _ in range(3)]
        listed = (await caller.admin("/api/v1/sessions", token=signed_in(caller, ADMIN))).json["items"]
        assert [each["user"] for each in listed] == ["root"] * 3
        assert not any(cookie.split("=")[1].split(";")[0] in str(listed) for cookie in cookies)
        assert (
            await caller.admin("/api/v1/sessions?user=root", token=signed_in(caller, ADMIN), method="DELETE")
        ).status == 403
        one = await caller.admin(f"/api/v1/sessions?id={listed[0]['id']}", method="DELETE")
        assert one.json["ended"] == 1
        assert (await caller.admin("/api/v1/sessions?user=ROOT", method="DELETE")).json["ended"] == 2
        assert (await caller.admin("/api/v1/sessions", method="DELETE")).status == 400
        for cookie in cookies:
            assert (await caller.ask("GET", "/api/v1/status", {"cookie": cookie.split(";")[0]}, b"")).status == 401


async def test_signing_in_again_ends_the_older_session_of_the_browser(tmp_path: Path) -> None:
    async with gateway(tmp_path, SETTINGS + ROLES) as caller:
        await caller.admin("/api/v1/users", {"name": "root", "password": "correct horse battery", "roles": ["admin"]})
        body = b'{"name": "root", "password": "correct horse battery"}'
        first = (await caller.ask("POST", "/api/v1/session", {}, body)).headers["set-cookie"].split(";")[0]
        second = (
            (await caller.ask("POST", "/api/v1/session", {"cookie": first}, body)).headers["set-cookie"].split(";")[0]
        )
        assert first != second
        assert (await caller.ask("GET", "/api/v1/status", {"cookie": first}, b"")).status == 401
        assert (await caller.ask("GET", "/api/v1/status", {"cookie": second}, b"")).status == 200


AT_THE_IDP = """
administration:
  admin: {groups: [staff]}
"""


async def test_somebody_signs_in_at_the_identity_provider_and_loses_the_session_with_it(tmp_path: Path) -> None:
    from idps import running_oidc_provider

    port = free_port()
    (tmp_path / "idp").mkdir()
    with running_oidc_provider(tmp_path / "idp", (callback(port),)) as idp:
        scopes = ("openid", "email", "profile", "groups")
        async with signing_in(tmp_path, idp, port, scopes=scopes, more=AT_THE_IDP) as program:
            person = Person("alice", stop_at=f"{program.url}/dashboard")
            page = f"{program.url}/api/v1/session"

            def visit() -> None:
                person.visit(f"{page}/sign-in?return_to=/dashboard")
                person.sign_in()

            await asyncio.to_thread(visit)
            assert person.url == f"{program.url}/dashboard", person.page
            who = json.loads(await asyncio.to_thread(person.visit, page))
            assert (who["signed_in"], who["name"], who["roles"]) == (True, "alice@example.com", ["admin"])
            assert who["csrf"] and who["by"] == "session"
            listed = (await program.admin("/api/v1/sessions")).json["items"]
            assert [(each["user"], each["issuer"]) for each in listed] == [("alice@example.com", idp.issuer)]
            file = tmp_path / "tollway.yaml"
            file.write_text(file.read_text().replace("groups: [staff]", "groups: [others]"))
            assert (await program.admin("/api/v1/reload", {})).status == 200
            refused = json.loads(await asyncio.to_thread(person.visit, f"{program.url}/api/v1/status"))
            assert refused["code"] == "forbidden"
            again = Person("alice", stop_at=f"{program.url}/dashboard")

            def visit_again() -> None:
                again.visit(f"{page}/sign-in")
                again.sign_in()

            with contextlib.suppress(AssertionError):
                await asyncio.to_thread(visit_again)
            assert "is known, and has no role here" in again.page
            assert len((await program.admin("/api/v1/sessions")).json["items"]) == 1

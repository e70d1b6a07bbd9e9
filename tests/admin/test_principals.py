"""Who asks: what proves it, and what is no proof."""

import asyncio
from http.cookies import SimpleCookie
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.admin.gateways import SETTINGS, Caller, gateway
from tests.admin.people import ALICE, OWNER, ROLES, signed_in

from tollway.admin.local_users import LocalUser, LocalUsers
from tollway.admin.principals import asked_by, session_token
from tollway.admin.problem import Problem
from tollway.admin.sessions import Sessions
from tollway.identity.identity import Identity
from tollway.identity.issuer import Issuer, Trusted
from tollway.identity.person import Person
from tollway.identity.roles import Administration, Holders
from tollway.storage.conformance.values import NOW
from tollway.storage.memory import MemoryCabinet

PASSWORD = "correct horse battery"


@pytest.mark.parametrize(
    ("cookies", "token"),
    [
        ([b"tollway-session=a"], "a"),
        ([b"__Host-tollway=a"], "a"),
        ([b"x=1; tollway-session=a; y=2"], "a"),
        # Another host of the domain can have set the first of them.
        ([b"tollway-session=a; __Host-tollway=b"], "b"),
        ([b"tollway-session=a", b"__Host-tollway=b"], "b"),
        ([b"__Host-tollway=a", b"__Host-tollway=b"], None),
        ([b"tollway-session=a", b"tollway-session=b"], None),
        ([b"other=a"], None),
        ([b"\xff=;;;"], None),
        ([], None),
    ],
)
def test_a_session_is_named_by_one_cookie(cookies: list[bytes], token: str | None) -> None:
    assert session_token([(b"cookie", cookie) for cookie in cookies]) == token


@pytest.mark.parametrize(
    ("cookies", "token"),
    [([b"tollway-session=a"], None), ([b"tollway-session=a; __Host-tollway=b"], "b"), ([b"__Host-tollway=b"], "b")],
)
def test_with_tls_only_a_cookie_that_no_other_host_can_have_set_is_believed(
    cookies: list[bytes], token: str | None
) -> None:
    assert session_token([(b"cookie", cookie) for cookie in cookies], secure=True) == token


async def sign_in(caller: Caller, name: str, password: str, **headers: str) -> tuple[int, str, str]:
    """Status, cookie and CSRF token."""
    body = f'{{"name": "{name}", "password": "{password}"}}'.encode()
    answer = await caller.ask("POST", "/api/v1/session", headers, body)
    if answer.status != 200:
        return answer.status, "", ""
    (morsel,) = SimpleCookie(answer.headers["set-cookie"]).values()
    assert morsel["httponly"] and morsel["samesite"] == "Lax" and morsel["path"] == "/"
    return 200, f"{morsel.key}={morsel.value}", answer.json["csrf"]


async def test_a_local_administrator_signs_in_changes_something_and_signs_out(tmp_path: Path) -> None:
    async with gateway(tmp_path, SETTINGS + ROLES) as caller:
        made = await caller.admin("/api/v1/users", {"name": "root", "password": PASSWORD, "roles": ["admin"]})
        assert made.status == 201 and PASSWORD not in made.body.decode()
        status, cookie, csrf = await sign_in(caller, "Root", PASSWORD)
        assert status == 200
        who = (await caller.ask("GET", "/api/v1/session", {"cookie": cookie}, b"")).json
        assert (who["name"], who["by"], who["roles"], who["csrf"]) == ("root", "session", ["admin"], csrf)
        freeze = "/api/v1/budgets/company/freeze"
        done = await caller.ask("POST", freeze, {"cookie": cookie, "tollway-csrf": csrf}, b"{}")
        assert (done.status, done.json["control"]["by"]) == (200, "root")
        owners = await caller.ask("GET", "/api/v1/users", {"cookie": cookie}, b"")
        assert owners.status == 200
        forbidden = await caller.ask(
            "POST", "/api/v1/users", {"cookie": cookie, "tollway-csrf": csrf},
            b'{"name": "mallory", "password": "correct horse battery", "roles": ["owner"]}',
        )  # fmt: skip
        assert (forbidden.status, forbidden.json["code"]) == (403, "forbidden")
        out = await caller.ask("DELETE", "/api/v1/session", {"cookie": cookie, "tollway-csrf": csrf}, b"")
        assert out.status == 200 and "Max-Age=0" in out.headers["set-cookie"]
        assert (await caller.ask("GET", "/api/v1/status", {"cookie": cookie}, b"")).status == 401
        said = {(line["action"], line["by"]) for line in (await caller.admin("/api/v1/audit")).json["items"]}
        assert {("user.created", "admin"), ("session.started", "root"), ("session.ended", "root")} <= said


async def test_a_page_of_somebody_elses_changes_nothing(tmp_path: Path) -> None:
    async with gateway(tmp_path, SETTINGS + ROLES) as caller:
        await caller.admin("/api/v1/users", {"name": "root", "password": PASSWORD, "roles": ["admin"]})
        _, cookie, csrf = await sign_in(caller, "root", PASSWORD)
        _, _, another = await sign_in(caller, "root", PASSWORD)
        freeze = "/api/v1/budgets/company/freeze"
        host = caller.url.partition("://")[2]
        for headers in (
            {},
            {"tollway-csrf": "x"},
            {"tollway-csrf": another},
            {"tollway-csrf": csrf, "origin": "https://evil.example.com"},
            {"tollway-csrf": csrf, "origin": "null"},
            {"tollway-csrf": csrf, "origin": f"http://evil.{host}"},
            {"tollway-csrf": csrf, "sec-fetch-site": "cross-site"},
            {"tollway-csrf": csrf, "sec-fetch-site": "same-site"},
        ):
            answer = await caller.ask("POST", freeze, {"cookie": cookie} | headers, b"{}")
            assert (answer.status, answer.json["code"]) == (403, "request_forged"), headers
        ours = {"cookie": cookie, "tollway-csrf": csrf, "origin": caller.url, "sec-fetch-site": "same-origin"}
        assert (await caller.ask("POST", freeze, ours, b"{}")).status == 200
        assert (await sign_in(caller, "root", PASSWORD, origin="https://evil.example.com"))[0] == 403


@pytest.mark.parametrize(
    ("public_url", "origin", "status"),
    [
        ("https://ai.example.com", "https://ai.example.com", 200),
        ("https://ai.example.com", "http://ai.example.com", 403),
        ("https://ai.example.com", "https://ai.example.com:8443", 403),
        (None, "https://ai.example.com", 200),
        (None, "http://ai.example.com", 200),
        (None, "null", 403),
    ],
)
async def test_a_page_of_the_same_host_without_tls_is_not_ours(
    public_url: str | None, origin: str, status: int
) -> None:
    sessions = Sessions(MemoryCabinet(), lambda: b"pepper")
    rules = Administration()
    session, token = await sessions.start("root", rules, NOW, roles=("admin",))
    login = SimpleNamespace(public_url=public_url) if public_url is not None else None
    runtime: Any = SimpleNamespace(snapshot=SimpleNamespace(administration=rules, login=login, issuers=()))
    headers = [
        (b"cookie", f"__Host-tollway={token}".encode()),
        (b"host", b"ai.example.com"),
        (b"origin", origin.encode()),
        (b"tollway-csrf", sessions.csrf_of(session).encode()),
    ]
    if status == 200:
        assert await asked_by(runtime, sessions, "POST", headers, "", NOW) is not None
    else:
        with pytest.raises(Problem) as refused:
            await asked_by(runtime, sessions, "POST", headers, "", NOW)
        assert refused.value.status == status


async def test_whoever_is_told_to_wait_takes_nobodys_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with gateway(tmp_path, SETTINGS + ROLES) as caller:
        for n in range(10):
            await sign_in(caller, "root", f"guess number {n}")

        async def hashes(*_: object) -> None:
            raise AssertionError("nothing is looked at")

        monkeypatch.setattr(LocalUsers, "verified", hashes)
        assert (await sign_in(caller, "root", PASSWORD))[0] == 429


async def test_a_password_cannot_be_guessed(tmp_path: Path) -> None:
    async with gateway(tmp_path, SETTINGS + ROLES) as caller:
        await caller.admin("/api/v1/users", {"name": "root", "password": PASSWORD, "roles": ["admin"]})
        tried = [(await sign_in(caller, name, f"guess number {n}"))[0] for n, name in enumerate(["root", "nobody"] * 6)]
        assert tried == [401] * 10 + [429] * 2
        assert (await sign_in(caller, "root", PASSWORD))[0] == 429, "a right one is not told from a wrong one"
        caller.runtime.attempts.__init__()
        assert (await sign_in(caller, "root", PASSWORD))[0] == 200


async def test_guesses_that_come_together_are_counted_like_those_that_do_not(tmp_path: Path) -> None:
    async with gateway(tmp_path, SETTINGS + ROLES) as caller:
        await caller.admin("/api/v1/users", {"name": "root", "password": PASSWORD, "roles": ["admin"]})
        answers: list[int] = []
        for _ in range(2):
            guesses = [sign_in(caller, "root", f"guess number {n}") for n in range(7)]
            answers += [status for status, *_ in await asyncio.gather(*guesses)]
        assert sorted(answers) == [401] * 10 + [429] * 4


async def test_behind_tls_a_browser_signs_in_and_its_cookie_is_for_tls_alone(tmp_path: Path) -> None:
    async with gateway(tmp_path, SETTINGS + ROLES) as caller:
        await caller.admin("/api/v1/users", {"name": "root", "password": PASSWORD, "roles": ["admin"]})
        page = {"origin": caller.url.replace("http:", "https:"), "sec-fetch-site": "same-origin"}
        body = f'{{"name": "root", "password": "{PASSWORD}"}}'.encode()
        answer = await caller.ask("POST", "/api/v1/session", page, body)
        assert answer.status == 200, answer.body
        assert answer.headers["set-cookie"].startswith("__Host-tollway=")
        assert answer.headers["set-cookie"].endswith("; Secure")
        page["cookie"], page["tollway-csrf"] = answer.headers["set-cookie"].partition(";")[0], answer.json["csrf"]
        assert (await caller.ask("POST", "/api/v1/budgets/company/freeze", page, b"{}")).status == 200


async def test_whoever_was_taken_out_while_the_password_was_looked_at_has_no_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway(tmp_path, SETTINGS + ROLES) as caller:
        await caller.admin("/api/v1/users", {"name": "root", "password": PASSWORD, "roles": ["admin"]})
        verified = LocalUsers.verified

        async def slow(self: LocalUsers, name: str, password: str, now: int) -> LocalUser | None:
            found = await verified(self, name, password, now)
            assert (await caller.admin("/api/v1/users/root", method="DELETE")).status == 200
            return found

        monkeypatch.setattr(LocalUsers, "verified", slow)
        body = f'{{"name": "root", "password": "{PASSWORD}"}}'.encode()
        answer = await caller.ask("POST", "/api/v1/session", {}, body)
        assert (answer.status, "set-cookie" in answer.headers) == (401, False)
        assert (await caller.admin("/api/v1/sessions")).json["items"] == []


def entry(name: str, *, enabled: bool) -> Issuer:
    return Issuer(
        name=name,
        issuer="https://idp.example.com",
        audiences=(name,),
        algorithms=frozenset(),
        token_types=frozenset(),
        enabled=enabled,
    )


async def test_another_entry_of_the_same_identity_provider_does_not_vouch_for_whom_it_did_not() -> None:
    sessions = Sessions(MemoryCabinet(), lambda: b"pepper")
    rules = Administration(holders={"owner": Holders(users=frozenset({"ada"}))})
    person = Person(issuer="https://idp.example.com", issuer_name="company", subject="a")
    identity = Identity(kind="user", user="ada", person=person)
    _, token = await sessions.start("ada", rules, NOW, issuer=person.issuer, identity=identity)
    headers = [(b"cookie", f"tollway-session={token}".encode())]

    def asked_with(*issuers: Issuer) -> Any:
        return SimpleNamespace(snapshot=SimpleNamespace(administration=rules, login=None, issuers=Trusted(issuers)))

    robots = entry("robots", enabled=True)
    both = asked_with(entry("company", enabled=True), robots)
    assert await asked_by(both, sessions, "GET", headers, "", NOW) is not None
    only_robots = asked_with(entry("company", enabled=False), robots)
    assert await asked_by(only_robots, sessions, "GET", headers, "", NOW) is None
    assert await asked_by(both, sessions, "GET", headers, "", NOW) is None, "and it has ended"


async def test_whom_an_identity_provider_vouched_for_is_nobody_once_that_is_not_in_the_settings() -> None:
    sessions = Sessions(MemoryCabinet(), lambda: b"pepper")
    rules = Administration(holders={"owner": Holders(users=frozenset({"ada"}))})
    _, token = await sessions.start("ada", rules, NOW, issuer="https://idp.example.com")
    headers = [(b"cookie", f"tollway-session={token}".encode())]

    def asked_with(*issuers: Issuer) -> Any:
        return SimpleNamespace(snapshot=SimpleNamespace(administration=rules, login=None, issuers=Trusted(issuers)))

    here, off = (entry(name, enabled=name == "here") for name in ("here", "off"))
    asker = await asked_by(asked_with(off, here), sessions, "GET", headers, "", NOW)
    assert asker is not None and (asker.name, asker.roles) == ("ada", {"owner"})
    assert await asked_by(asked_with(off), sessions, "GET", headers, "", NOW) is None
    assert await sessions.find(token, rules, NOW) is None, "and stays so when it is put back"


async def test_a_changed_password_a_lost_role_and_a_switched_off_user_end_sessions_at_once(tmp_path: Path) -> None:
    async with gateway(tmp_path, SETTINGS + ROLES) as caller:
        await caller.admin("/api/v1/users", {"name": "root", "password": PASSWORD, "roles": ["owner"]})
        for patch in ({"roles": ["finance"]}, {"password": "another horse battery"}, {"enabled": False}):
            caller.runtime.attempts.__init__()
            _, cookie, _ = await sign_in(caller, "root", PASSWORD)
            assert (await caller.ask("GET", "/api/v1/status", {"cookie": cookie}, b"")).status == 200
            changed = await caller.admin("/api/v1/users/root", patch, method="PATCH")
            assert (changed.status, changed.json["sessions_ended"]) == (200, 1)
            assert (await caller.ask("GET", "/api/v1/status", {"cookie": cookie}, b"")).status == 401
            await caller.admin("/api/v1/users/root", {"password": PASSWORD}, method="PATCH")
        assert (await sign_in(caller, "root", PASSWORD))[0] == 401


async def test_roles_taken_out_of_the_settings_are_gone_with_the_next_request(tmp_path: Path) -> None:
    async with gateway(tmp_path, SETTINGS + ROLES) as caller:
        owner = signed_in(caller, OWNER)
        assert (await caller.admin("/api/v1/status", token=owner)).status == 200
        path = tmp_path / "tollway.yaml"
        path.write_text(path.read_text().replace(OWNER, "somebody@example.com"))
        assert (await caller.admin("/api/v1/reload", {})).status == 200
        assert (await caller.admin("/api/v1/status", token=owner)).json["code"] == "forbidden"


async def test_what_a_proxy_or_a_caller_says_of_who_asks_is_not_believed(tmp_path: Path) -> None:
    async with gateway(tmp_path, SETTINGS + ROLES) as caller:
        for headers in (
            {"x-forwarded-user": OWNER},
            {"cf-access-authenticated-user-email": OWNER},
            {"tollway-actor": OWNER},
            {"x-api-key": caller.admin_token},
            {"cookie": f"tollway-session={caller.admin_token}"},
            {"cookie": f"authorization={caller.admin_token}"},
            {"authorization": f"Basic {caller.admin_token}"},
        ):
            caller.runtime.attempts.__init__()
            assert (await caller.ask("GET", "/api/v1/status", headers, b"")).status == 401, headers
        alice = signed_in(caller, ALICE)
        forged = {"authorization": f"Bearer {alice}", "tollway-actor": OWNER, "x-forwarded-user": OWNER}
        assert (await caller.ask("GET", "/api/v1/status", forged, b"")).status == 403

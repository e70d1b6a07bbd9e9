"""Signing in at a real identity provider, whose people and answers differ from those of `test_oauth.py`."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from idps import NanoIdp, running_nanoidp
from tests.admin.signing_in import Person, Program, callback, free_port, query_of, signing_in

from tollway.admin.sign_in import CALLBACK, LASTS_MS, Begun, Came, SignIn, is_own_path
from tollway.exchange.refusal import Refusal
from tollway.proxy.fetch import Fetched, FetchFailed
from tollway.workers.granted import NotGranted, Renewed, Unproven

pytestmark = pytest.mark.asyncio(loop_scope="module")

BROWSER = "b" * 43


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def at_nanoidp(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[tuple[NanoIdp, Program]]:
    port = free_port()
    with running_nanoidp(tmp_path_factory.mktemp("idp"), (callback(port),)) as idp:
        async with signing_in(tmp_path_factory.mktemp("gateway"), idp, port) as program:
            yield idp, program


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def program(at_nanoidp: tuple[NanoIdp, Program]) -> Program:
    return at_nanoidp[1]


async def begin(program: Program, return_to: str = "/somewhere?x=1", **options: str) -> Begun:
    begun = await SignIn(program.runtime).begin(
        return_to, program.runtime.clock.now(), base=program.url, browser=BROWSER, **options
    )
    assert isinstance(begun, Begun)
    return begun


def through(program: Program, url: str, name: str = "sam") -> dict[str, str]:
    """What the browser brings back from the identity provider."""
    person = Person(name, f"{name}-password", stop_at=f"{program.url}/oauth/callback")
    person.visit(url)
    person.sign_in()
    assert person.url.startswith(f"{program.url}/oauth/callback"), person.page
    return query_of(person.url)


async def finish(program: Program, query: dict[str, str], browser: str = BROWSER, at: str = CALLBACK) -> Came | Refusal:
    return await SignIn(program.runtime).finish(query, program.runtime.clock.now(), browser=browser, at=at)


async def test_a_whole_sign_in_at_an_identity_provider_without_a_device_flow_in_use(program: Program) -> None:
    begun = await program.device()
    page = await asyncio.to_thread(program.allow, begun["verification_uri_complete"], "sam", "sam-password")
    assert "You are signed in" in page
    tokens = (await program.poll(begun["device_code"])).json
    assert (tokens["user"], tokens["groups"]) == ("sam@example.com", ["engineering", "senior-engineers"])
    assert (await program.chat(tokens["access_token"])).status == 200


async def test_who_came_back_is_known_once(program: Program) -> None:
    begun = await begin(program)
    query = await asyncio.to_thread(through, program, begun.url)
    came = await finish(program, query)
    assert isinstance(came, Came)
    assert (came.identity.user, came.return_to) == ("sam@example.com", "/somewhere?x=1")
    assert came.identity.person is not None
    assert came.identity.person.issuer == program.runtime.snapshot.issuers.named("company").issuer
    again = await finish(program, query)
    assert isinstance(again, Refusal)
    assert "has ended" in again.message


async def test_of_many_who_bring_the_same_answer_one_comes_in(program: Program) -> None:
    begun = await begin(program)
    query = await asyncio.to_thread(through, program, begun.url)
    came = await asyncio.gather(*(finish(program, query) for _ in range(5)))
    assert sum(isinstance(each, Came) for each in came) == 1


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"state": "x"}, "has ended"),
        ({"code": "x"}, "gave no token"),
        ({"code": ""}, "has no code"),
        ({"iss": "https://evil.example"}, "another identity provider"),
        ({"error": "access_denied", "error_description": "no\r\n<b>"}, "did not sign you in: no  <b>"),
    ],
)
async def test_an_answer_that_was_tampered_with_is_refused(
    program: Program, changed: dict[str, str], said: str
) -> None:
    begun = await begin(program)
    query = await asyncio.to_thread(through, program, begun.url)
    came = await finish(program, {**query, **changed})
    assert isinstance(came, Refusal)
    assert said in came.message


async def test_a_code_of_another_sign_in_is_refused(program: Program) -> None:
    """Its nonce and its verifier are those of the other one."""
    one, other = await begin(program), await begin(program)
    first = await asyncio.to_thread(through, program, one.url)
    second = await asyncio.to_thread(through, program, other.url)
    assert isinstance(await finish(program, {"state": first["state"], "code": second["code"]}), Refusal)


async def test_another_browser_and_a_late_one_are_refused(program: Program) -> None:
    for browser in ("", "c" * 43):
        query = await asyncio.to_thread(through, program, (await begin(program)).url)
        came = await finish(program, query, browser)
        assert isinstance(came, Refusal)
        assert "another browser" in came.message
    query = await asyncio.to_thread(through, program, (await begin(program)).url)
    program.later(LASTS_MS)
    came = await finish(program, query)
    assert isinstance(came, Refusal)
    assert "has ended" in came.message


async def test_a_sign_in_that_ends_elsewhere_is_sent_on_with_all_that_came(program: Program) -> None:
    begun = await begin(program, finish_at="/dashboard/signed-in")
    query = await asyncio.to_thread(through, program, begun.url)
    answer = await program.get(f"/oauth/callback?state={query['state']}&code={query['code']}")
    assert answer.status == 303
    assert answer.headers["location"].startswith("/dashboard/signed-in?")
    assert isinstance(await finish(program, query_of(answer.headers["location"]), at="/dashboard/signed-in"), Came)
    for begun_for, finished_at in (("/dashboard/signed-in", CALLBACK), (CALLBACK, "/dashboard/signed-in")):
        query = await asyncio.to_thread(through, program, (await begin(program, finish_at=begun_for)).url)
        came = await finish(program, query, at=finished_at)
        assert isinstance(came, Refusal)
        assert "something else" in came.message


@pytest.mark.parametrize(
    "path",
    [
        "",
        "x",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/a/../../evil",
        "/a\r\nSet-Cookie: a=b",
        "/#x",
        "javascript:alert(1)",
        "/@evil.example\n",
        "/ x",
    ],
)
async def test_nobody_is_returned_to_another_site(program: Program, path: str) -> None:
    assert not is_own_path(path)
    now = program.runtime.clock.now()
    for options in ({"finish_at": path}, {}):
        begun = await SignIn(program.runtime).begin(
            path if not options else "/", now, base=program.url, browser=BROWSER, **options
        )
        assert isinstance(begun, Refusal)


@pytest.mark.parametrize("path", ["/", "/dashboard", "/dashboard/logs?user=a%40b.c&page=2", "/oauth/device?device=0f"])
async def test_a_path_of_ones_own_is_one(path: str) -> None:
    assert is_own_path(path)


class Endpoint:
    """Stands in the place of the identity provider's token endpoint."""

    def __init__(self, fetcher: Any, status: int, body: Any, userinfo: tuple[int, Any] | None = None) -> None:
        self._fetcher = fetcher
        self._status = status
        self._body = body
        self._userinfo = userinfo

    async def fetch(self, text: str, allowed: Any, **sent: Any) -> Fetched:
        if self._userinfo is not None and sent.get("headers", {}).get("authorization") == "Bearer access-canary":
            return Fetched(self._userinfo[0], msgspec.json.encode(self._userinfo[1]))
        if sent.get("method") != "POST":
            return await self._fetcher.fetch(text, allowed, **sent)
        if self._status == 0:
            raise FetchFailed("it does not answer")
        return Fetched(self._status, msgspec.json.encode(self._body))


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"error": "invalid_grant"}, "invalid_grant"),
        (401, {"error": "invalid_client"}, "temporarily_unavailable"),
        (500, {}, "temporarily_unavailable"),
        (200, [], "temporarily_unavailable"),
        (0, None, "temporarily_unavailable"),
        (400, {"error": "login_required"}, "invalid_grant"),
        (400, {"error": "interaction_required"}, "invalid_grant"),
        (403, {"error": "access_denied"}, "invalid_grant"),
        (429, {"error": "too_many_requests"}, "temporarily_unavailable"),
        (302, {}, "temporarily_unavailable"),
        (403, {}, "temporarily_unavailable"),
        (404, None, "temporarily_unavailable"),
        (400, {"error": "temporarily_unavailable"}, "temporarily_unavailable"),
        (400, {"error": "slow_down"}, "temporarily_unavailable"),
        (400, {"error": "unauthorized_client"}, "temporarily_unavailable"),
        (400, {"error": "invalid_request"}, "temporarily_unavailable"),
        (200, {"refresh_token": "next"}, None),
    ],
)
async def test_only_the_identity_providers_own_no_ends_a_login(
    program: Program, monkeypatch: pytest.MonkeyPatch, status: int, body: Any, error: str | None
) -> None:
    query = await asyncio.to_thread(through, program, (await begin(program)).url)
    came = await finish(program, query)
    assert isinstance(came, Came)
    issuers = program.runtime.issuers
    monkeypatch.setattr(issuers, "_fetcher", Endpoint(issuers._fetcher, status, body))
    renewed = await SignIn(program.runtime).renew(came.identity, "upstream", program.runtime.clock.now())
    if error is None:
        assert renewed == Renewed(came.identity, "next")
    else:
        assert isinstance(renewed, NotGranted)
        assert renewed.error == error


async def test_an_id_token_that_does_not_verify_ends_no_login_and_loses_no_refresh_token(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    came = await finish(program, await asyncio.to_thread(through, program, (await begin(program)).url))
    assert isinstance(came, Came)
    issuers = program.runtime.issuers
    answer = Endpoint(issuers._fetcher, 200, {"id_token": "x.y.z", "refresh_token": "next"})
    monkeypatch.setattr(issuers, "_fetcher", answer)
    renewed = await SignIn(program.runtime).renew(came.identity, "upstream", program.runtime.clock.now())
    assert isinstance(renewed, Unproven)
    assert renewed.upstream == "next"


@pytest.mark.parametrize(
    ("userinfo", "groups"),
    [
        ((200, {"sub": "sam", "groups": ["new"]}), ("new",)),
        ((200, {"sub": "sam", "groups": []}), ()),
        ((200, {"sub": "sam"}), ("engineering", "senior-engineers")),
        ((403, {}), ("engineering", "senior-engineers")),
        ((200, {"sub": "somebody-else", "groups": ["new"]}), "invalid_grant"),
        ((200, {"groups": ["new"]}), Unproven),
        ((200, {"sub": "sam", "groups": 5}), Unproven),
        ((200, []), Unproven),
        ((500, {}), Unproven),
        ((401, {}), Unproven),
    ],
)
async def test_without_an_id_token_the_userinfo_tells_the_groups_of_now(
    program: Program, monkeypatch: pytest.MonkeyPatch, userinfo: tuple[int, Any], groups: Any
) -> None:
    came = await finish(program, await asyncio.to_thread(through, program, (await begin(program)).url))
    assert isinstance(came, Came)
    assert came.identity.person is not None
    told = userinfo[1]
    if isinstance(told, dict) and told.get("sub") == "sam":
        told = {**told, "sub": came.identity.person.subject}
    issuers = program.runtime.issuers
    said = {"access_token": "access-canary", "refresh_token": "next"}
    monkeypatch.setattr(issuers, "_fetcher", Endpoint(issuers._fetcher, 200, said, (userinfo[0], told)))
    renewed = await SignIn(program.runtime).renew(came.identity, "upstream", program.runtime.clock.now())
    match groups:
        case tuple():
            assert renewed == Renewed(msgspec.structs.replace(came.identity, groups=groups), "next")
        case str():
            assert isinstance(renewed, NotGranted)
            assert renewed.error == groups
        case _:
            assert isinstance(renewed, Unproven)
            assert renewed.upstream == "next"


async def test_a_login_ends_at_once_with_the_issuer_it_came_from(program: Program) -> None:
    tokens = await program.signed_in("sam", "sam-password")
    path = program.folder / "tollway.yaml"
    settings = path.read_text()
    narrowed = settings.replace('"issuer": "company"', '"issuer": "company", "gateways": ["other"]')
    try:
        path.write_text(narrowed)
        await program.runtime.reload("test")
        assert (await program.whoami(tokens["access_token"])).status == 401
        assert (await program.whoami(tokens["access_token"], "other")).status == 200
        path.write_text(settings.partition("issuers:")[0])
        await program.runtime.reload("test")
        assert (await program.whoami(tokens["access_token"])).status == 401
    finally:
        path.write_text(settings)
        await program.runtime.reload("test")
    assert (await program.whoami(tokens["access_token"])).status == 200, "a mistake in the settings ends nothing"


async def test_a_person_of_another_identity_provider_is_not_renewed(program: Program) -> None:
    query = await asyncio.to_thread(through, program, (await begin(program)).url)
    came = await finish(program, query)
    assert isinstance(came, Came)
    person = msgspec.structs.replace(came.identity.person, issuer="https://old.example")
    identity = msgspec.structs.replace(came.identity, person=person)
    renewed = await SignIn(program.runtime).renew(identity, "upstream", program.runtime.clock.now())
    assert isinstance(renewed, NotGranted)
    assert renewed.error == "invalid_grant"


async def test_no_secret_is_shown_by_what_is_passed_around(program: Program) -> None:
    begun = await begin(program)
    query = await asyncio.to_thread(through, program, begun.url)
    came = await finish(program, query)
    assert begun.state not in repr(begun)
    assert "upstream" not in repr(came)
    kept = b"".join([each.record for each in await program.runtime.store.cabinet.all("grant", 0)])
    assert begun.state.encode() not in kept


async def test_a_defect_while_somebody_signs_in_lets_nobody_in(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    for owner, name in (
        (program.runtime.issuers, "verify_id_token"),
        (program.runtime.issuers, "discover"),
        (program.runtime.store.cabinet, "take"),
    ):
        begun = await program.device()
        person = Person("sam", "sam-password", stop_at=f"{program.url}/oauth/callback")

        def arrive(person: Person = person, url: str = begun["verification_uri_complete"]) -> str:
            person.visit(url)
            person.submit()
            person.sign_in()
            return person.url

        came = await asyncio.to_thread(arrive)
        with monkeypatch.context() as patched:
            patched.setattr(owner, name, broken)
            page = await asyncio.to_thread(person.visit, came)
        assert "internal_error" in page
        assert 'name="decision"' not in page
        assert (await program.poll(begun["device_code"])).json["error"] == "authorization_pending"


async def test_no_secret_is_in_the_gateways_log(program: Program, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        tokens = await program.signed_in("sam", "sam-password")
        await program.refresh(tokens["refresh_token"])
        await program.refresh(tokens["refresh_token"] + "x")
        await program.get("/oauth/callback?state=state-canary&code=code-canary")
    # The gateway has no access log: pytest hangs a handler on uvicorn's all the same.
    said = "\n".join(record.getMessage() for record in caplog.records if record.name != "uvicorn.access")
    issuer = program.runtime.snapshot.issuers.named("company")
    for secret in (
        tokens["access_token"],
        tokens["refresh_token"],
        issuer.client_secret(),
        "state-canary",
        "code-canary",
    ):
        assert secret not in said


async def test_the_settings_say_where_people_are_sent_whatever_the_host_is(program: Program) -> None:
    path = program.folder / "tollway.yaml"
    settings = path.read_text()
    path.write_text(
        settings.replace('"issuer": "company"', '"issuer": "company", "public_url": "https://ai.example.com"')
    )
    try:
        await program.runtime.reload("test")
        found = (await program.get("/.well-known/oauth-authorization-server")).json
        assert found["issuer"] == "https://ai.example.com"
        begun = await program.device()
        assert begun["verification_uri"] == "https://ai.example.com/oauth/device"
        page = await program.form("/oauth/device", {"user_code": begun["user_code"]}, origin="https://ai.example.com")
        assert "redirect_uri=https%3A%2F%2Fai.example.com%2Foauth%2Fcallback" in page.body.decode()
        assert page.headers["set-cookie"].startswith("__Host-tollway-sign-in=")
        assert (await program.form("/oauth/device", {"user_code": "x"}, origin=program.url)).status == 403
    finally:
        path.write_text(settings)
        await program.runtime.reload("test")

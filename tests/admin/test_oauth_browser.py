"""What people see, and what cannot be done to them, with real identity providers."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from idps import running_oidc_provider
from tests.admin.signing_in import Person, Program, callback, free_port, pkce, query_of, signing_in

from tollway.identity.grants import CODE_MS, DEVICE_MS, MOST_TRIES

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOME = "http://127.0.0.1:9/callback"
"""Where the program waits; no test goes there."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def program(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Program]:
    port = free_port()
    with running_oidc_provider(tmp_path_factory.mktemp("idp"), (callback(port),)) as idp:
        async with signing_in(
            tmp_path_factory.mktemp("gateway"), idp, port, scopes=("openid", "email", "profile", "groups")
        ) as running:
            yield running


def authorize(program: Program, **changed: str | None) -> str:
    fields: dict[str, str | None] = {
        "response_type": "code",
        "client_id": "tollway",
        "redirect_uri": HOME,
        "state": "the-state",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
        **changed,
    }
    return f"{program.url}/oauth/authorize?{urlencode({n: v for n, v in fields.items() if v is not None})}"


def come_back(program: Program, challenge: str, decision: str = "allow", name: str = "alice") -> dict[str, str]:
    """What the program is sent."""
    person = Person(name, stop_at=HOME)
    person.visit(authorize(program, code_challenge=challenge))
    person.sign_in()
    person.submit(decision=decision)
    assert person.url.startswith(HOME), person.page
    return query_of(person.url)


async def redeem(program: Program, code: str, verifier: str, **changed: str) -> Any:
    fields = {"grant_type": "authorization_code", "client_id": "tollway", "redirect_uri": HOME}
    return await program.form("/oauth/token", {**fields, "code": code, "code_verifier": verifier, **changed})


async def test_a_program_on_the_same_machine_gets_its_token_by_a_code(program: Program) -> None:
    verifier, challenge = pkce()
    came = await asyncio.to_thread(come_back, program, challenge)
    assert (came["state"], came["iss"]) == ("the-state", program.url)
    answer = await redeem(program, came["code"], verifier)
    assert answer.status == 200, answer.body
    assert answer.json["user"] == "alice@example.com"
    assert (await program.chat(answer.json["access_token"])).status == 200


async def test_who_catches_a_code_without_its_verifier_gets_nothing_and_the_code_is_gone(program: Program) -> None:
    verifier, challenge = pkce()
    came = await asyncio.to_thread(come_back, program, challenge)
    assert (await redeem(program, came["code"], pkce()[0])).json["error"] == "invalid_grant"
    assert (await redeem(program, came["code"], verifier)).json["error"] == "invalid_grant"


async def test_a_code_that_comes_twice_ends_what_it_led_to(program: Program) -> None:
    verifier, challenge = pkce()
    came = await asyncio.to_thread(come_back, program, challenge)
    first = await redeem(program, came["code"], verifier)
    assert (await redeem(program, came["code"], verifier)).json["error"] == "invalid_grant"
    assert (await program.whoami(first.json["access_token"])).status == 401


async def test_a_code_ends_after_a_minute(program: Program) -> None:
    verifier, challenge = pkce()
    came = await asyncio.to_thread(come_back, program, challenge)
    program.later(CODE_MS)
    assert (await redeem(program, came["code"], verifier)).json["error"] == "invalid_grant"


async def test_a_program_is_told_of_a_no(program: Program) -> None:
    came = await asyncio.to_thread(come_back, program, pkce()[1], "deny")
    assert (came["error"], came["state"], came["iss"]) == ("access_denied", "the-state", program.url)
    assert "code" not in came


@pytest.mark.parametrize(
    "redirect_uri",
    [
        None,
        "https://evil.example/",
        "http://127.0.0.1:9@evil.example/",
        "http://localhost:9/callback",
        "//evil.example",
        "http://127.0.0.1:9/callback?x=//evil.example",
        "http://127.0.0.1:9/callback#x",
        "javascript:alert(1)",
    ],
)
async def test_nobody_is_sent_to_an_address_that_is_not_this_computer(
    program: Program, redirect_uri: str | None
) -> None:
    answer = await program.get(authorize(program, redirect_uri=redirect_uri).removeprefix(program.url))
    assert answer.status == 400
    assert "location" not in answer.headers
    assert b"evil" not in answer.body


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"state": "x" * 300}, "invalid_request"),
    ],
)
async def test_a_program_that_asks_wrongly_is_told_at_its_own_address(
    program: Program, changed: dict[str, str | None], error: str
) -> None:
    answer = await program.get(authorize(program, **changed).removeprefix(program.url))
    assert answer.status == 303
    assert answer.headers["location"].startswith(f"{HOME}?")
    assert query_of(answer.headers["location"])["error"] == error


async def test_a_field_that_comes_twice_leads_nowhere(program: Program) -> None:
    target = authorize(program).removeprefix(program.url)
    answer = await program.get(f"{target}&redirect_uri=https%3A%2F%2Fevil.example")
    assert (answer.status, "location" in answer.headers) == (400, False)


async def test_a_code_is_not_sent_off_by_the_page_itself(program: Program) -> None:
    begun = await program.device()
    page = (await program.get(f"/oauth/device?user_code={begun['user_code']}")).body.decode()
    assert begun["user_code"] in page
    assert "refresh" not in page
    assert "<script" not in page


async def test_wrong_codes_of_an_address_are_five_in_ten_minutes(program: Program) -> None:
    program.later(DEVICE_MS)
    begun = await program.device()
    for _ in range(MOST_TRIES):
        assert (await program.form("/oauth/device", {"user_code": "BBBB-BBBB"})).status == 400
    full = await program.form("/oauth/device", {"user_code": begun["user_code"]})
    assert (full.status, int(full.headers["retry-after"]) > 0) == (429, True)
    program.later(DEVICE_MS)
    begun = await program.device()
    assert (await program.form("/oauth/device", {"user_code": begun["user_code"]})).status == 200


async def test_a_right_code_may_be_entered_five_times(program: Program) -> None:
    program.later(DEVICE_MS)
    begun = await program.device()
    answers = [await program.form("/oauth/device", {"user_code": begun["user_code"]}) for _ in range(MOST_TRIES + 1)]
    assert [answer.status for answer in answers] == [200] * MOST_TRIES + [400]


async def test_a_form_of_another_site_is_refused(program: Program) -> None:
    begun = await program.device()
    for headers in ({"origin": "https://evil.example"}, {"sec_fetch_site": "cross-site"}, {"origin": "null"}):
        for fields in ({"user_code": begun["user_code"]}, {"decision": "allow", "ticket": "x"}):
            for path in ("/oauth/device", "/oauth/authorize"):
                assert (await program.form(path, fields, **headers)).status == 403


async def test_a_question_is_answered_once_in_the_browser_it_was_put_to(program: Program) -> None:
    program.later(DEVICE_MS)
    begun = await program.device()
    victim = Person("alice")

    def arrive() -> str:
        victim.visit(begun["verification_uri_complete"])
        victim.submit()
        return victim.sign_in()

    page = await asyncio.to_thread(arrive)
    assert "Did you start this?" in page
    assert "It calls itself &quot;tollway&quot;" in page
    assert "127.0.0.1" in page
    ticket = page.partition('name="ticket" value="')[2].partition('"')[0]
    # Whoever learned the ticket, but is not that browser.
    stolen = await program.form("/oauth/device", {"ticket": ticket, "decision": "allow"})
    assert stolen.status == 400
    assert (await program.poll(begun["device_code"])).json["error"] == "authorization_pending"
    wrong_page = await program.form("/oauth/authorize", {"ticket": ticket, "decision": "allow"})
    assert wrong_page.status == 400
    assert "You are signed in" in await asyncio.to_thread(victim.submit, decision="allow")
    assert "has been answered" in await asyncio.to_thread(
        victim.visit, f"{program.url}/oauth/device", {"ticket": ticket, "decision": "allow"}
    )


async def test_whatever_is_not_yes_is_no(program: Program) -> None:
    begun = await program.device()
    assert "Denied" in await asyncio.to_thread(
        program.allow, begun["verification_uri_complete"], "alice", "any", "Allow"
    )


async def test_who_did_not_begin_cannot_finish(program: Program) -> None:
    """An answer of the identity provider that somebody else is made to open (login CSRF)."""
    program.later(DEVICE_MS)
    begun = await program.device()
    attacker = Person("bob", stop_at=f"{program.url}/oauth/callback")

    def arrive() -> None:
        attacker.visit(begun["verification_uri_complete"])
        attacker.submit()
        attacker.sign_in()

    await asyncio.to_thread(arrive)
    assert attacker.url.startswith(f"{program.url}/oauth/callback?")
    answer = await program.get(attacker.url.removeprefix(program.url))
    assert answer.status == 401
    assert b"another browser" in answer.body
    again = await program.get(attacker.url.removeprefix(program.url))
    assert b"has ended" in again.body


async def test_an_answer_that_nobody_asked_for_is_refused(program: Program) -> None:
    for query in ("", "?state=x&code=y", "?code=y", "?state=x&state=y&code=z"):
        answer = await program.get(f"/oauth/callback{query}")
        assert answer.status in (400, 401)
        assert "location" not in answer.headers


@contextlib.contextmanager
def _stranger() -> Iterator[str]:
    """Some web site."""

    class Quiet(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(404)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


async def test_an_identity_provider_that_is_no_longer_one_signs_nobody_in(program: Program) -> None:
    issuer = program.runtime.snapshot.issuers.named("company")
    with _stranger() as url:
        settings = (program.folder / "tollway.yaml").read_text()
        (program.folder / "tollway.yaml").write_text(settings.replace(issuer.issuer, url))
        try:
            await program.runtime.reload("test")
            begun = await program.device()
            answer = await program.form("/oauth/device", {"user_code": begun["user_code"]})
            assert answer.status == 503
            assert b"cannot be asked now" in answer.body
        finally:
            (program.folder / "tollway.yaml").write_text(settings)
            await program.runtime.reload("test")


async def test_codes_can_be_switched_off(program: Program) -> None:
    path = program.folder / "tollway.yaml"
    settings = path.read_text()
    path.write_text(settings.replace('"issuer": "company"', '"issuer": "company", "device": false'))
    try:
        await program.runtime.reload("test")
        assert (
            "device_authorization_endpoint" not in (await program.get("/.well-known/oauth-authorization-server")).json
        )
        refused = await program.form("/oauth/device_authorization")
        assert (refused.status, refused.json["error"]) == (400, "unauthorized_client")
        assert (await program.get("/oauth/device")).status == 400
        assert (await program.form("/oauth/device", {"user_code": "BBBB-BBBB"})).status == 400
        verifier, challenge = pkce()
        came = await asyncio.to_thread(come_back, program, challenge)
        assert (await redeem(program, came["code"], verifier)).status == 200
    finally:
        path.write_text(settings)
        await program.runtime.reload("test")


async def test_tokens_open_the_gateways_that_the_settings_say(program: Program) -> None:
    path = program.folder / "tollway.yaml"
    settings = path.read_text()
    path.write_text(settings.replace('"issuer": "company"', '"issuer": "company", "gateways": ["other"]'))
    try:
        await program.runtime.reload("test")
        tokens = await program.signed_in("alice")
        assert tokens["gateways"] == ["other"]
        assert (await program.whoami(tokens["access_token"], "other")).status == 200
        assert (await program.whoami(tokens["access_token"], "default")).status == 401
    finally:
        path.write_text(settings)
        await program.runtime.reload("test")

"""What programs ask of the authorization server, with a certified identity provider behind it."""

import asyncio
import base64
import contextlib
import http.client
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio
from idps import OidcProvider, running_oidc_provider
from tests.admin.signing_in import DEVICE_GRANT, Program, callback, free_port, signing_in

from tollway.admin.oauth import MOST_CODES
from tollway.identity.grants import AGAIN_MS, DEVICE_MS

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def idp_and_program(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[tuple[OidcProvider, Program]]:
    port = free_port()
    with running_oidc_provider(tmp_path_factory.mktemp("idp"), (callback(port),)) as idp:
        folder: Path = tmp_path_factory.mktemp("gateway")
        async with signing_in(folder, idp, port, scopes=("openid", "email", "profile", "groups")) as program:
            yield idp, program


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def program(idp_and_program: tuple[OidcProvider, Program]) -> Program:
    return idp_and_program[1]


async def test_somebody_signs_in_by_a_code_and_is_served_as_themselves(program: Program) -> None:
    tokens = await program.signed_in("alice")
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 3600)
    assert tokens["access_token"].startswith("twa_")
    assert (tokens["user"], tokens["groups"]) == ("alice@example.com", ["eng", "staff"])
    assert (await program.chat(tokens["access_token"])).status == 200
    rows = (await program.whoami(tokens["access_token"])).json["budgets"]
    assert [row["account"].rpartition("/")[2] for row in rows] or rows
    assert any("alice@example.com" in str(row["account"]) for row in rows)
    log = (await program.logged("/api/v1/logs?user=alice@example.com", 1))["items"][0]
    assert log["user"] == "alice@example.com"


async def test_the_metadata_says_what_is_served(program: Program) -> None:
    found = (await program.get("/.well-known/oauth-authorization-server")).json
    assert found["issuer"] == program.url
    for name in ("authorization_endpoint", "token_endpoint", "revocation_endpoint", "device_authorization_endpoint"):
        assert found[name].startswith(f"{program.url}/oauth/")
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert DEVICE_GRANT in found["grant_types_supported"]


async def test_a_host_of_somebodys_choice_gets_no_addresses(program: Program) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "127.0.0.1:1@evil.example"):
        for method, path in (
            ("GET", "/.well-known/oauth-authorization-server"),
            ("POST", "/oauth/device_authorization"),
        ):
            status, body = await asyncio.to_thread(_with_host, program.url, method, path, host)
            assert status in (400, 421), body
            assert b"evil" not in body
            assert b"device_code" not in body


def _with_host(url: str, method: str, path: str, host: str) -> tuple[int, bytes]:
    """What is answered to a Host header of one's own."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("host", host)
    connection.putheader("content-length", "0")
    connection.endheaders()
    with contextlib.closing(connection):
        answer = connection.getresponse()
        return answer.status, answer.read()


async def test_claude_code_signs_in_as_it_does_unchanged(program: Program) -> None:
    """The requests that Claude Code 2.1.197 was seen to make, in their order, without a client id."""
    found = (
        await program.get("/.well-known/oauth-authorization-server", accept="application/json, text/plain, */*")
    ).json
    begun = (await program.form(found["device_authorization_endpoint"].removeprefix(program.url))).json
    assert isinstance(begun["expires_in"], int)
    assert isinstance(begun["interval"], int)
    fields = {"grant_type": DEVICE_GRANT, "device_code": begun["device_code"]}
    pending = await program.form("/oauth/token", fields)
    assert (pending.status, pending.json["error"]) == (400, "authorization_pending")
    await asyncio.to_thread(program.allow, begun["verification_uri_complete"], "bob")
    got = (await program.form("/oauth/token", fields)).json
    bearer = {"authorization": f"Bearer {got['access_token']}"}
    assert (await program.get("/managed/settings", **bearer)).status == 404
    answer = await program.chat(got["access_token"], "anthropic/claude-haiku-4-5")
    assert answer.status == 200
    again = (
        await program.form("/oauth/token", {"grant_type": "refresh_token", "refresh_token": got["refresh_token"]})
    ).json
    assert again["access_token"] != got["access_token"]
    await program.form("/oauth/revoke", {"token": again["refresh_token"]})
    out = await program.form("/oauth/token", {"grant_type": "refresh_token", "refresh_token": again["refresh_token"]})
    assert (out.status, out.json["error"]) == (401, "invalid_grant")
    refused = await program.chat(again["access_token"], "anthropic/claude-haiku-4-5")
    assert (refused.status, refused.json["error"]["type"]) == (401, "authentication_error")


async def test_a_device_code_is_good_once_among_many_who_ask_at_once(program: Program) -> None:
    begun = await program.device()
    await asyncio.to_thread(
        program.allow, begun["verification_uri"] + "?user_code=" + begun["user_code"].lower(), "alice"
    )
    answers = await asyncio.gather(*(program.poll(begun["device_code"]) for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [200] + [400] * 7
    assert {answer.json["error"] for answer in answers if answer.status == 400} == {"invalid_grant"}


async def test_who_polls_too_soon_is_told_to_slow_down(program: Program) -> None:
    begun = await program.device()
    said = [(await program.poll(begun["device_code"])).json["error"] for _ in range(2)]
    assert said == ["authorization_pending", "slow_down"]


async def test_a_device_code_is_bound_to_its_client(program: Program) -> None:
    begun = await program.device("tollway")
    await asyncio.to_thread(program.allow, begun["verification_uri_complete"], "alice")
    for other in ("another", None):
        assert (await program.poll(begun["device_code"], other)).json["error"] == "invalid_grant"
    assert (await program.poll(begun["device_code"])).status == 200


async def test_what_was_denied_is_denied(program: Program) -> None:
    begun = await program.device()
    page = await asyncio.to_thread(program.allow, begun["verification_uri_complete"], "alice", "any", "deny")
    assert "Denied" in page
    assert (await program.poll(begun["device_code"])).json["error"] == "access_denied"


async def test_an_expired_code_is_expired(program: Program) -> None:
    begun = await program.device()
    program.later(DEVICE_MS)
    assert (await program.poll(begun["device_code"])).json["error"] == "expired_token"
    program.later(DEVICE_MS)
    assert (await program.poll(begun["device_code"])).json["error"] == "invalid_grant"


async def test_a_refresh_token_that_is_used_twice_ends_all_that_came_of_it(program: Program) -> None:
    first = await program.signed_in("bob")
    second = (await program.refresh(first["refresh_token"])).json
    at_once = (await program.refresh(first["refresh_token"])).json
    assert at_once["refresh_token"] == second["refresh_token"]
    program.later(AGAIN_MS)
    stolen = await program.refresh(first["refresh_token"])
    assert (stolen.status, stolen.json["error"]) == (401, "invalid_grant")
    noted = (await program.runtime.store.audit.changes(action="login", limit=1))[0].change
    assert (noted.action, noted.by, noted.target) == ("login.ended", "gateway", "bob@example.com")
    assert (await program.whoami(second["access_token"])).status == 401
    assert (await program.refresh(second["refresh_token"])).status == 401


async def test_signing_in_and_out_is_in_the_audit_log_without_a_token(program: Program) -> None:
    tokens = await program.signed_in("alice")
    await program.form("/oauth/revoke", {"token": tokens["refresh_token"]})
    changes = [change.change for change in await program.runtime.store.audit.changes(action="login", limit=2)]
    assert [(change.action, change.by) for change in changes] == [
        ("login.ended", "alice@example.com"),
        ("login.granted", "alice@example.com"),
    ]
    assert changes[1].reason == 'It calls itself "tollway"'
    for secret in (tokens["access_token"], tokens["refresh_token"]):
        assert secret not in repr(changes)


async def test_revoking_answers_alike_whether_or_not_there_was_a_token(program: Program) -> None:
    for token in ("nonsense", "twa_" + "0" * 49, "tw_x"):
        assert (await program.form("/oauth/revoke", {"token": token})).status == 200


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "password", "username": "a", "password": "b"}, 400, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, 400, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, 401, "invalid_grant"),
        ({"grant_type": DEVICE_GRANT}, 400, "invalid_request"),
        ({"grant_type": DEVICE_GRANT, "device_code": "twd_x"}, 400, "invalid_grant"),
        ({"grant_type": "authorization_code", "code": "x"}, 400, "invalid_request"),
        ({"grant_type": "client_credentials"}, 401, "invalid_client"),
        ({"grant_type": "client_credentials", "client_id": "a.tollway", "client_secret": "b"}, 401, "invalid_client"),
        ({"grant_type": "refresh_token", "refresh_token": "x", "client_secret": "b"}, 401, "invalid_client"),
    ],
)
async def test_a_wrong_question_is_answered_as_the_standard_says(
    program: Program, fields: dict[str, str], status: int, error: str
) -> None:
    answer = await program.form("/oauth/token", fields)
    assert (answer.status, answer.json["error"]) == (status, error)
    assert answer.json["error_description"]
    assert answer.headers["cache-control"] == "no-store"


async def test_a_service_token_is_changed_for_an_access_token_that_ends_with_it(program: Program) -> None:
    made = (await program.admin("/api/v1/service-tokens", {"name": "ci"})).json
    pair = base64.b64encode(f"{made['client_id']}:{made['client_secret']}".encode()).decode()
    for given in (
        await program.form("/oauth/token", {"grant_type": "client_credentials"}, authorization=f"Basic {pair}"),
        await program.form(
            "/oauth/token",
            {
                "grant_type": "client_credentials",
                "client_id": made["client_id"],
                "client_secret": made["client_secret"],
            },
        ),
    ):
        assert given.status == 200, given.body
        assert "refresh_token" not in given.json
        assert (await program.chat(given.json["access_token"])).status == 200
    await program.admin(f"/api/v1/service-tokens/{made['service_token']['id']}/revoke", method="POST")
    assert (await program.chat(given.json["access_token"])).status == 401, "at once"


async def test_a_revoked_access_token_of_a_service_is_not_opened_by_a_change_of_the_service(program: Program) -> None:
    made = (await program.admin("/api/v1/service-tokens", {"name": "ci-revoked"})).json
    secret = {"client_id": made["client_id"], "client_secret": made["client_secret"]}
    ask = {"grant_type": "client_credentials", **secret}
    token, other = [(await program.form("/oauth/token", ask)).json["access_token"] for _ in range(2)]
    await program.form("/oauth/revoke", {"token": token})
    assert (await program.chat(token)).status == 401
    changed = await program.admin("/api/v1/service-tokens/ci-revoked", {"models": ["openai/*"]}, method="PATCH")
    assert changed.status == 200, changed.body
    assert (await program.chat(token)).status == 401
    assert (await program.chat(other)).status == 200
    rotated = await program.admin("/api/v1/service-tokens/ci-revoked/rotate", {"grace_s": 0}, method="POST")
    assert rotated.status == 200, rotated.body
    assert (await program.chat(other)).status == 401, "at once"


async def test_who_asks_for_codes_without_end_has_to_wait(program: Program) -> None:
    program.later(DEVICE_MS)
    answers = [await program.form("/oauth/device_authorization") for _ in range(MOST_CODES + 1)]
    assert [answer.status for answer in answers] == [200] * MOST_CODES + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    program.later(DEVICE_MS)
    assert (await program.form("/oauth/device_authorization")).status == 200


async def test_nothing_that_is_kept_has_a_token_or_a_code_in_it(program: Program) -> None:
    begun = await program.device()
    tokens = await program.signed_in("alice")
    cabinet, now = program.runtime.store.cabinet, program.runtime.clock.now()
    kept = b"".join(
        [each.record + each.id.encode() for drawer in ("grant", "token") for each in await cabinet.all(drawer, now)]
    )
    for secret in (
        begun["device_code"],
        begun["user_code"].replace("-", ""),
        tokens["access_token"],
        tokens["refresh_token"],
        tokens["refresh_token"][4:26],
    ):
        assert secret.encode() not in kept

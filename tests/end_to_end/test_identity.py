"""Who is asking, by tokens of real identity providers, through a gateway that runs: nothing between them is a stand-in."""

import contextlib
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from gateway import RunningGateway, running
from idps import NanoIdp, OidcProvider, free_port, nanoidp, oidc_provider, running_nanoidp  # noqa: F401
from made_tokens import claims
from made_tokens import token as made

BOT = ("code-review-bot", "bot-secret-of-the-tests")
CHAT = {"model": "openai/gpt-4o-mini", "max_tokens": 60, "messages": [{"role": "user", "content": "Hello"}]}


class Seen(NamedTuple):
    """What the provider was sent."""

    url: str
    requests: list[tuple[str, dict[str, str], bytes]]


@contextlib.contextmanager
def provider() -> Iterator[Seen]:
    """A provider that remembers every header, and answers every chat for a few tokens."""
    requests: list[tuple[str, dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            usage = {"prompt_tokens": 1_000, "completion_tokens": 50, "total_tokens": 1_050}
            choice = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
            answer = json.dumps(
                {"id": "c", "object": "chat.completion", "model": "gpt-4o-mini", "choices": [choice], "usage": usage}
            ).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Seen(f"http://127.0.0.1:{server.server_port}", requests)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    json: Any

    @property
    def code(self) -> str:
        return self.headers.get("tollway-error") or self.headers.get("cf-aig-error", "")

    @property
    def request_id(self) -> str:
        return self.headers.get("tollway-request-id") or self.headers["cf-aig-request-id"]


def ask(
    gateway: RunningGateway, headers: dict[str, str], path: str = "/v1/chat/completions", body: Any = None
) -> Answer:
    sent = json.dumps(CHAT if body is None else body).encode()
    posts = path.partition("?")[0].endswith(("completions", "messages"))
    kind = {"content-type": "application/json", **headers}
    request = urllib.request.Request(gateway.url + path, sent if posts else None, kind)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, json.loads(answer.read()))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, {k.lower(): v for k, v in error.headers.items()}, json.loads(error.read()))


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def issuer(idp: Any, **fields: Any) -> dict[str, Any]:
    return {
        "name": "company", "issuer": idp.issuer, "audience": "tollway", "allow_http": True, "allow_private": True, **fields
    }  # fmt: skip


def settings(seen: Seen, *issuers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "providers": {"openai": {"base_url": f"{seen.url}/v1", "api_key": "sk-the-companys-own"}},
        "keys": [{"name": "tests", "secret": "a-gateway-key-for-tests", "user": "tests@example.com"}],
        "issuers": list(issuers),
        "gateways": [{"slug": "own", "provider_keys": "caller"}],
        "budgets": [
            {"name": "each", "limit": "1", "window": {"period": "total"}, "split_by": ["user"]},
            {"name": "interns", "limit": "0.000001", "window": {"period": "total"}, "where": {"group": "interns"}},
            {"name": "services", "limit": "1", "window": {"period": "total"}, "split_by": ["service"]},
            {
                "name": "dept", "limit": "0.000001", "window": {"period": "total"}, "where": {"metadata.dept": "poor"},
                "attributes": "verified",
            },
        ],
        **more,
    }  # fmt: skip


def accounts(gateway: RunningGateway, name: str) -> dict[str, str]:
    (budget,) = [one for one in gateway.admin("/budgets")["items"] if one["name"] == name]
    return {account["account"]: account["spent_usd"] for account in budget["accounts"]}


def test_a_token_of_nanoidp_opens_the_gateway_and_its_person_is_counted(nanoidp: NanoIdp, tmp_path: Path) -> None:  # noqa: F811
    with provider() as seen, running(settings(seen, issuer(nanoidp, groups_from="userinfo")), tmp_path) as gateway:
        sam, ida = nanoidp.tokens(), nanoidp.tokens("ida", "ida-password")
        for headers in (
            bearer(sam["access_token"]),
            {"tollway-authorization": f"Bearer {sam['access_token']}"},
            {"cf-aig-authorization": f"Bearer {sam['access_token']}"},
            {"cf-access-jwt-assertion": sam["access_token"]},
            {"cf-access-token": sam["access_token"]},
            {"x-api-key": sam["access_token"]},
        ):
            answer = ask(gateway, headers)
            assert answer.status == 200, answer
        # By the verified address, which only the provider's userinfo tells.
        assert list(accounts(gateway, "each")) == ["each[user=sam@example.com]"]
        spent = accounts(gateway, "each")["each[user=sam@example.com]"]
        assert float(spent) == pytest.approx(6 * (1_000 * 0.15e-6 + 50 * 0.6e-6))
        logged = gateway.logged(ask(gateway, bearer(sam["access_token"])).request_id)
        assert (logged["user"], logged["groups"], logged["key"]) == (
            "sam@example.com", ["engineering", "senior-engineers"], None,
        )  # fmt: skip
        assert logged["metadata"] == {"cf.user_id": "sam"}
        # A rule on a group holds for its members, and for nobody else.
        poor = ask(gateway, bearer(ida["access_token"]))
        assert (poor.status, poor.code) == (429, "budget_exceeded") and "interns" in json.dumps(poor.json)
        # What is asked of the gateway itself takes a token too.
        assert ask(gateway, bearer(sam["access_token"]), "/v1/models").status == 200
        # A client that asks for itself is a service, known by its name.
        assert ask(gateway, bearer(nanoidp.client_token(*BOT))).status == 200
        assert list(accounts(gateway, "services")) == ["services[service=code-review-bot]"]
        # A body that is read only for those who are let in.
        long = {**CHAT, "messages": [{"role": "user", "content": "x" * 100_000}]}
        assert ask(gateway, bearer(sam["access_token"]), body=long).status == 200
        assert ask(gateway, bearer(sam["access_token"][:-9] + "AAAAAAAAA"), body=long).status == 401
        # Where callers bring providers' keys, a token of the company's own is none, good or not.
        key = {"tollway-authorization": "Bearer a-gateway-key-for-tests", "tollway-gateway-id": "own"}
        for mine in (sam["access_token"], sam["access_token"][:-9] + "AAAAAAAAA", sam["id_token"]):
            assert ask(gateway, {**key, **bearer(mine)}).status == 200
        _no_credential_went_out(seen, sam["access_token"], ida["access_token"], sam["id_token"])
        foreign = ask(gateway, {**key, **bearer("sk-the-callers-own-key")})
        assert foreign.status == 200 and seen.requests[-1][1]["authorization"] == "Bearer sk-the-callers-own-key"


def _no_credential_went_out(seen: Seen, *secrets: str) -> None:
    assert seen.requests
    for path, headers, body in seen.requests:
        assert headers["authorization"] == "Bearer sk-the-companys-own"
        text = path + json.dumps(headers) + body.decode()
        for secret in secrets:
            assert secret not in text and secret.split(".")[2] not in text
        assert not {"cookie", "cf-access-jwt-assertion", "cf-access-token", "cf-aig-authorization"} & set(headers)


def test_tokens_of_oidc_provider_open_it_and_a_rotation_is_followed_while_it_runs(
    oidc_provider: OidcProvider,  # noqa: F811
    tmp_path: Path,
) -> None:
    idp = oidc_provider
    with provider() as seen, running(settings(seen, issuer(idp)), tmp_path) as gateway:
        alice = idp.user_token("alice")["access_token"]
        logged = gateway.logged(ask(gateway, bearer(alice)).request_id)
        assert (logged["user"], logged["groups"]) == ("alice@example.com", ["eng", "staff"])
        assert ask(gateway, bearer(idp.client_token(*BOT))).status == 200
        # New keys, the old ones gone: as soon as that is known, the old tokens open nothing.
        idp.rotate(keep=False)
        last = idp.user_token("alice")["access_token"]
        _within(12, lambda: ask(gateway, bearer(last)).status == 200)
        removed = ask(gateway, bearer(alice))
        assert (removed.status, removed.code) == (401, "token_invalid")
        (shown,) = gateway.admin("/issuers")["items"]
        assert (shown["state"], sorted(shown["keys"]), shown["error"]) == ("good", sorted(idp.key_ids()), "")
        _no_credential_went_out(seen, alice, last)
        told = "\n".join(gateway.lines)
        assert not any(token in told for token in (alice, last))


def _within(seconds: float, holds: Any) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        threading.Event().wait(0.25)


def test_refusals_say_whose_token_it_is_what_is_wrong_and_what_to_do(nanoidp: NanoIdp, tmp_path: Path) -> None:  # noqa: F811
    other = issuer(nanoidp, name="others", audience="another-service")
    with provider() as seen, running(settings(seen, other), tmp_path) as gateway:
        token = nanoidp.tokens()["access_token"]
        answer = ask(gateway, bearer(token))
        assert (answer.status, answer.code, answer.headers["x-should-retry"]) == (401, "token_invalid", "false")
        message = answer.json["error"]["message"]
        assert '"others"' in message and "another-service" in message and token not in json.dumps(answer.json)
        # The caller's own dialect.
        anthropic = ask(gateway, {"x-api-key": token, "anthropic-version": "2023-06-01"}, "/v1/messages")
        assert anthropic.status == 401 and anthropic.json["error"]["type"] == "authentication_error"
        logged = gateway.logged(answer.request_id)
        assert (logged["code"], logged["user"]) == ("token_invalid", None) and token not in json.dumps(logged)
        stranger = ask(gateway, bearer(token.replace(".", "x", 1) + ".e30.AA"))
        assert (stranger.status, stranger.code) == (401, "credential_unknown")


def test_an_issuer_that_is_down_is_503_and_keys_that_were_seen_still_serve(tmp_path: Path) -> None:
    (tmp_path / "idp").mkdir()
    dead = f"http://127.0.0.1:{free_port()}"
    with provider() as seen, contextlib.ExitStack() as stack:
        with running_nanoidp(tmp_path / "idp") as idp:
            before, later = idp.tokens()["access_token"], idp.tokens("ida", "ida-password")["access_token"]
            company, never = issuer(idp), {**issuer(idp), "name": "never", "issuer": dead}
            gateway = stack.enter_context(running(settings(seen, company, never), tmp_path / "gateway"))
            assert ask(gateway, bearer(before)).status == 200
        # It is gone. Its keys are known: a token that was seen opens as before, and one that was not.
        assert ask(gateway, bearer(before)).status == 200
        assert ask(gateway, bearer(later)).status == 200 or ask(gateway, bearer(later)).code == "budget_exceeded"
        # One that was never reached cannot say whose token this is.
        answer = ask(gateway, bearer(made(claims(iss=dead))))
        assert (answer.status, answer.code) == (503, "issuer_unavailable")
        assert answer.headers["x-should-retry"] == "true" and answer.headers["retry-after"] == "5"
        assert dead not in json.dumps(answer.json) and "refused" not in json.dumps(answer.json)
        assert ask(gateway, {}).status == 401
        assert ask(gateway, bearer("a-gateway-key-for-tests")).status == 200
        _, shown = gateway.admin("/issuers?check=true")["items"]
        assert shown["state"] == "unavailable" and "cannot be reached" in shown["error"]


def test_nothing_a_caller_writes_changes_who_it_is(oidc_provider: OidcProvider, tmp_path: Path) -> None:  # noqa: F811
    """Promise 31: headers, metadata and bodies that say who somebody is, beside a token that says otherwise."""
    company = issuer(oidc_provider, claims={"metadata": {"dept": "department", "squad": "team"}})
    with provider() as seen, running(settings(seen, company), tmp_path) as gateway:
        bob = bearer(oidc_provider.user_token("bob")["access_token"])
        passed: list[tuple[dict[str, Any], str]] = []
        for spoof in SPOOFS:
            headers = {**bob, **spoof.get("headers", {})}
            if "metadata" in spoof:
                headers["tollway-metadata"] = json.dumps(spoof["metadata"])
            answer = ask(gateway, headers, spoof.get("path", "/v1/chat/completions"), {**CHAT, **spoof.get("body", {})})
            assert answer.status == spoof.get("status", 200), (spoof, answer)
            if answer.status == 200:
                passed.append((spoof, answer.request_id))
        assert len(passed) > 60
        for spoof, request_id in passed:
            logged = gateway.logged(request_id)
            assert (logged["user"], logged["groups"], logged["service"], logged["key"]) == (
                "bob@example.com", ["sales"], None, None,
            ), spoof  # fmt: skip
            assert logged["metadata"].get("cf.user_id") == "bob"
            # What the settings map to a claim is the token's to say, even where it says nothing.
            assert not {"dept", "squad"} & set(logged["metadata"]), spoof
        assert list(accounts(gateway, "each")) == ["each[user=bob@example.com]"]
        assert accounts(gateway, "services") == {}
        for name in ("interns", "dept"):
            assert set(accounts(gateway, name).values()) <= {"0"}


_NAMES = (
    "x-user", "x-user-id", "x-user-email", "x-email", "x-forwarded-user", "x-forwarded-email", "x-forwarded-groups",
    "x-remote-user", "remote-user", "x-auth-request-user", "x-auth-request-email", "x-auth-request-groups",
    "x-webauth-user", "x-goog-authenticated-user-email", "x-ms-client-principal-name", "x-amzn-oidc-identity",
    "x-amzn-oidc-data", "cf-access-authenticated-user-email", "cf-access-user", "cf-aig-user", "cf-aig-user-id",
    "cf-aig-service", "cf-aig-groups", "cf-aig-identity", "tollway-user", "tollway-service", "tollway-groups",
    "tollway-identity", "tollway-key", "tollway-subject", "tollway-email", "x-tollway-user", "x-litellm-user",
    "x-consumer-username", "x-consumer-groups", "x-userinfo", "x-id-token", "x-access-token", "from", "enduser-id",
    "openai-user", "x-portkey-metadata", "via", "forwarded",
)  # fmt: skip
SPOOFS: tuple[dict[str, Any], ...] = (
    *({"headers": {name: "ceo@example.com"}} for name in _NAMES),
    {"headers": {"connection": "close, tollway-authorization, authorization"}},
    {"headers": {"cookie": "CF_Authorization=eyJhbGciOiJub25lIn0.eyJzdWIiOiJjZW8ifQ."}},
    {"headers": {"cookie": "session=ceo; user=ceo@example.com"}},
    {"headers": {"cf-access-jwt-assertion": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJjZW8iLCJlbWFpbCI6ImNlb0BleGFtcGxlLmNvbSJ9."}},
    {"headers": {"x-api-key": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJjZW8iLCJlbWFpbCI6ImNlb0BleGFtcGxlLmNvbSJ9."}},
    {"headers": {"x-api-key": "ceo@example.com"}},
    {"metadata": {"user": "ceo@example.com"}},
    {"metadata": {"user_id": "ceo", "email": "ceo@example.com"}},
    {"metadata": {"group": "interns", "groups": "interns"}},
    {"metadata": {"service": "code-review-bot"}},
    {"metadata": {"key": "tests"}},
    {"metadata": {"dept": "poor"}},
    {"metadata": {"dept": "rich", "squad": "eng"}},
    {"metadata": {"identity.user": "ceo@example.com"}},
    {"metadata": {"metadata.dept": "poor"}},
    {"metadata": {"cf.user_id": "ceo"}, "status": 400},
    {"metadata": {"cf.user.email": "ceo@example.com"}, "status": 400},
    {"metadata": {"tollway.user": "ceo@example.com"}, "status": 400},
    {"metadata": {"user": ["ceo"]}, "status": 400},
    {"headers": {"tollway-metadata": '{"user":"a","user":"ceo@example.com"}'}, "status": 400},
    {"headers": {"cf-aig-metadata": "user=ceo@example.com"}, "status": 400},
    {"headers": {"cf-aig-metadata": '{"a":"b"}', "tollway-metadata": '{"user":"ceo@example.com"}'}, "status": 400},
    {"body": {"user": "ceo@example.com"}},
    {"body": {"metadata": {"user": "ceo@example.com", "groups": "interns"}}},
    {"body": {"safety_identifier": "ceo@example.com"}},
    {"body": {"identity": {"user": "ceo@example.com"}}},
    {"path": "/v1/chat/completions?user=ceo@example.com"},
    {"path": "/v1/chat/completions?key=ceo@example.com&email=ceo@example.com"},
)  # fmt: skip

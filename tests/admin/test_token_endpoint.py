"""What an identity provider's token endpoint answers, and how it is asked."""

import base64
from typing import Any

import msgspec
import pytest

from tollway.admin.token_endpoint import Denied, Said, ask_tokens, plain
from tollway.identity.issuer import Issuer
from tollway.proxy.fetch import Fetched
from tollway.proxy.issuers import Issuers

URL = "https://i.example"
ISSUER = Issuer(
    name="company",
    issuer=URL,
    audiences=("tollway",),
    algorithms=frozenset({"RS256"}),
    token_types=frozenset({"jwt"}),
    client_id="tollway:1",
    client_secret=lambda: "secret canary",
)


class Provider:
    """Answers discovery, and the token endpoint with what it was told, the last of it again and again."""

    def __init__(self, *answers: tuple[int, Any]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[dict[str, str], bytes]] = []

    async def fetch(self, text: str, allowed: Any, **sent: Any) -> Fetched:
        if sent.get("method") != "POST":
            endpoints = {"issuer": URL, "jwks_uri": f"{URL}/jwks", "token_endpoint": f"{URL}/token"}
            return Fetched(200, msgspec.json.encode(endpoints))
        self.asked.append((sent["headers"], sent["body"]))
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return Fetched(status, msgspec.json.encode(body))


async def asked(provider: Provider) -> Said | Denied:
    issuers = Issuers(provider)  # type: ignore[arg-type]
    return await ask_tokens(issuers, ISSUER, {"grant_type": "refresh_token", "refresh_token": "upstream"}, 0)


async def test_the_secret_is_sent_as_basic_and_in_the_form_only_where_that_is_not_taken() -> None:
    provider = Provider((401, {"error": "invalid_client"}), (200, {"access_token": "a", "refresh_token": "r"}))
    said = await asked(provider)
    assert isinstance(said, Said)
    assert (said.access_token, said.refresh_token, said.id_token) == ("a", "r", None)
    assert repr(said) == "Said(…)"
    (basic, first), (plainly, second) = provider.asked
    scheme, _, pair = basic["authorization"].partition(" ")
    assert (scheme, base64.b64decode(pair)) == ("Basic", b"tollway%3A1:secret+canary")
    assert b"secret" not in first
    assert "authorization" not in plainly and b"client_secret=secret+canary" in second


@pytest.mark.parametrize(
    ("status", "body", "error", "code"),
    [
        (400, {"error": "invalid_grant"}, "invalid_grant", "sign_in_failed"),
        (400, {"error": "invalid_request"}, "invalid_request", "sign_in_failed"),
        (404, "nothing", None, "sign_in_failed"),
        (302, {}, None, "sign_in_failed"),
        (429, {"error": "invalid_grant"}, None, "sign_in_unavailable"),
        (503, {"error": "invalid_grant"}, None, "sign_in_unavailable"),
        (400, {"error": "temporarily_unavailable"}, None, "sign_in_unavailable"),
        (401, {"error": "invalid_client"}, None, "sign_in_unavailable"),
        (200, [], None, "sign_in_unavailable"),
    ],
)
async def test_a_no_is_the_identity_providers_own_only_where_it_says_so(
    status: int, body: Any, error: str | None, code: str
) -> None:
    denied = await asked(Provider((status, body)))
    assert isinstance(denied, Denied)
    assert (denied.error, denied.refusal.code) == (error, code)
    assert "canary" not in denied.refusal.message


def test_what_somebody_else_wrote_is_one_short_line() -> None:
    assert plain("a\r\nb\x1b[31m" + "x" * 500) == "a  b [31m" + "x" * 191

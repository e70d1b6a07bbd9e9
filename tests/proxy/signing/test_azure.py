"""Tokens of Microsoft Entra, from a token endpoint on this machine."""

import asyncio
import json
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from upstreams import Conversation, Received, answer, provider

from tollway.clock import Clock
from tollway.errors import SettingsInvalid
from tollway.gateway import AzureAuth, Secret
from tollway.proxy.signing.azure import azure_signer
from tollway.proxy.signing.oauth import Bearer
from tollway.proxy.signing.signer import CredentialsUnavailable
from tollway.proxy.transport import Url, parse_url

START = 1_793_836_800_000
URL = parse_url("https://example.openai.azure.com/openai/v1/chat/completions")
SECRET = "s3cret~with&odd=characters+"


class Entra:
    """A token endpoint: gives a new token each time, or says what it is told to."""

    def __init__(self) -> None:
        self.at = START
        self.clock = Clock(lambda: self.at * 1_000_000)
        self.received: list[Received] = []
        self.says: bytes | None = None

    async def __call__(self, conversation: Conversation) -> None:
        while True:
            self.received.append(await conversation.request())
            token = {"token_type": "Bearer", "expires_in": 3599, "access_token": f"token-{len(self.received)}"}
            await conversation.send(answer(json.dumps(token).encode()) if self.says is None else self.says)

    def form(self) -> dict[str, str]:
        return {
            name: value for name, (value,) in parse_qs(self.received[-1].body.decode(), strict_parsing=True).items()
        }

    def signer(self, url: Url, **auth: object) -> Bearer:
        written = {"client_secret": Secret(SECRET), **auth}
        return azure_signer(
            AzureAuth(tenant="a-tenant", client_id="a-client", authority=f"http://{url.authority}", **written),  # type: ignore[arg-type]
            self.clock,
        )


async def sign(signer: Bearer, *headers: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    return await signer.sign("POST", URL, list(headers), b"{}")


async def test_a_client_secret_is_exchanged_for_a_token() -> None:
    entra = Entra()
    async with provider(entra) as server:
        assert await sign(entra.signer(server.url)) == [(b"authorization", b"Bearer token-1")]
    (received,) = entra.received
    assert (received.method, received.target) == ("POST", b"/a-tenant/oauth2/v2.0/token")
    assert received.header(b"content-type") == [b"application/x-www-form-urlencoded"]
    assert entra.form() == {
        "grant_type": "client_credentials",
        "client_id": "a-client",
        "client_secret": SECRET,
        "scope": "https://cognitiveservices.azure.com/.default",
    }


async def test_the_token_is_kept_for_as_long_as_the_endpoint_said() -> None:
    entra = Entra()
    async with provider(entra) as server:
        signer = entra.signer(server.url)
        await sign(signer)
        entra.at += 3_000_000
        assert await sign(signer) == [(b"authorization", b"Bearer token-1")]
        entra.at += 599_000
        assert await sign(signer) == [(b"authorization", b"Bearer token-2")]
    assert len(entra.received) == 2


async def test_requests_at_once_ask_the_endpoint_once() -> None:
    entra = Entra()
    async with provider(entra) as server:
        signer = entra.signer(server.url)
        assert (
            await asyncio.gather(*(sign(signer) for _ in range(20))) == [[(b"authorization", b"Bearer token-1")]] * 20
        )
    assert len(entra.received) == 1


async def test_a_federated_token_is_read_anew_for_each_exchange(tmp_path: Path) -> None:
    entra = Entra()
    file = tmp_path / "token"
    async with provider(entra) as server:
        signer = entra.signer(server.url, client_secret=None, federated_token_file=str(file))
        for token in ("first", "second"):
            file.write_text(f"{token}\n")
            await sign(signer)
            assert entra.form() == {
                "grant_type": "client_credentials",
                "client_id": "a-client",
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": token,
                "scope": "https://cognitiveservices.azure.com/.default",
            }
            entra.at += 3_600_000


@pytest.mark.parametrize(("text", "why"), [(None, "No such file"), ("", "is empty")])
async def test_a_federated_token_file_without_a_token_is_named(tmp_path: Path, text: str | None, why: str) -> None:
    file = tmp_path / "token"
    if text is not None:
        file.write_text(text)
    auth = AzureAuth(tenant="a-tenant", client_id="a-client", federated_token_file=str(file))
    with pytest.raises(CredentialsUnavailable, match=why) as raised:
        await sign(azure_signer(auth, Entra().clock))
    assert str(file) in str(raised.value)


async def test_who_else_the_headers_name_is_taken_out() -> None:
    entra = Entra()
    others = [(b"authorization", b"Bearer else"), (b"api-key", b"else"), (b"x-api-key", b"else")]
    async with provider(entra) as server:
        signed = await sign(entra.signer(server.url), (b"content-type", b"application/json"), *others)
    assert signed == [(b"content-type", b"application/json"), (b"authorization", b"Bearer token-1")]


async def test_a_refusal_names_the_client_and_the_tenant_and_never_the_secret() -> None:
    entra = Entra()
    said = {"error": "invalid_client", "error_description": f"AADSTS7000215: '{SECRET}' is\r\nnot a secret of the app."}
    entra.says = answer(json.dumps(said).encode(), status=b"401 Unauthorized")
    async with provider(entra) as server:
        signer = entra.signer(server.url)
        for _ in range(5):
            with pytest.raises(CredentialsUnavailable) as raised:
                await sign(signer)
    assert str(raised.value) == (
        'The Microsoft Entra token of client "a-client" in tenant "a-tenant" cannot be had: '
        f"{server.url.authority} answered 401 invalid_client: AADSTS7000215: '[redacted]' is not a secret of the app. "
        "It never worked here."
    )
    assert len(entra.received) == 1


@pytest.mark.parametrize("field", ["client_secret", "federated_token_file"])
def test_a_client_with_nothing_to_show_is_told_what_to_set(field: str) -> None:
    with pytest.raises(SettingsInvalid, match=field):
        azure_signer(AzureAuth(tenant="a-tenant", client_id="a-client"), Entra().clock)


def test_a_secret_is_not_sent_in_the_clear() -> None:
    auth = AzureAuth(tenant="t", client_id="c", client_secret=Secret(SECRET), authority="http://login.example.com")
    with pytest.raises(SettingsInvalid, match="https://"):
        azure_signer(auth, Entra().clock)


async def test_a_tenant_stays_one_segment_of_the_path() -> None:
    entra = Entra()
    async with provider(entra) as server:
        auth = AzureAuth(
            tenant="../x?y", client_id="c", client_secret=Secret(SECRET), authority=f"http://{server.url.authority}/"
        )
        await sign(azure_signer(auth, entra.clock))
    assert entra.received[0].target == b"/..%2Fx%3Fy/oauth2/v2.0/token"

"""Tokens of service accounts and of application default credentials, from servers on this machine."""

import base64
import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from upstreams import Conversation, Received, answer, provider

from tollway.clock import Clock
from tollway.errors import SettingsInvalid
from tollway.gateway import GoogleAuth, Secret
from tollway.proxy.signing.google import google_signer
from tollway.proxy.signing.oauth import Bearer
from tollway.proxy.signing.signer import CredentialsUnavailable
from tollway.proxy.transport import Url, parse_url

START = 1_793_836_800_000
URL = parse_url("https://us-central1-aiplatform.googleapis.com/v1/projects/p/x:generateContent")
EMAIL = "gateway@project.iam.gserviceaccount.com"
KEY = rsa.generate_private_key(65537, 2048)
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def account(url: Url | str, **fields: object) -> dict[str, object]:
    token_uri = url if isinstance(url, str) else f"http://{url.authority}/token"
    return {
        "type": "service_account",
        "project_id": "project",
        "private_key_id": "key-1",
        "private_key": pem(KEY),
        "client_email": EMAIL,
        "client_id": "1",
        "token_uri": token_uri,
        **fields,
    }


class Endpoint:
    """A token endpoint that lets nobody in without a good signature."""

    def __init__(self) -> None:
        self.at = START
        self.clock = Clock(lambda: self.at * 1_000_000)
        self.received: list[Received] = []
        self.claims: list[dict[str, object]] = []
        self.open = True

    async def __call__(self, conversation: Conversation) -> None:
        while True:
            received = await conversation.request()
            self.received.append(received)
            form = {name: value for name, (value,) in parse_qs(received.body.decode(), strict_parsing=True).items()}
            assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
            header, claims, signature = form["assertion"].split(".")
            KEY.public_key().verify(
                decoded(signature), f"{header}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256()
            )
            assert json.loads(decoded(header)) == {"typ": "JWT", "alg": "RS256", "kid": "key-1"}
            self.claims.append(json.loads(decoded(claims)))
            token = {"token_type": "Bearer", "expires_in": 3599, "access_token": f"ya29.{len(self.received)}"}
            said = {"error": "invalid_grant", "error_description": f"Bad {form['assertion']}"}
            await conversation.send(
                answer(json.dumps(token).encode())
                if self.open
                else answer(json.dumps(said).encode(), status=b"400 Bad Request")
            )

    def signer(self, url: Url) -> Bearer:
        return google_signer(GoogleAuth(service_account=Secret(json.dumps(account(url)))), self.clock)


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def sign(signer: Bearer, *headers: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    return await signer.sign("POST", URL, list(headers), b"{}")


async def test_a_key_is_exchanged_for_a_token_with_a_signed_assertion() -> None:
    endpoint = Endpoint()
    async with provider(endpoint) as server:
        assert await sign(endpoint.signer(server.url)) == [(b"authorization", b"Bearer ya29.1")]
    assert endpoint.received[0].target == b"/token"
    assert endpoint.claims == [
        {
            "iss": EMAIL,
            "scope": SCOPE,
            "aud": "https://oauth2.googleapis.com/token",
            "iat": START // 1000,
            "exp": START // 1000 + 3600,
        }
    ]


async def test_the_token_is_kept_and_then_renewed() -> None:
    endpoint = Endpoint()
    async with provider(endpoint) as server:
        signer = endpoint.signer(server.url)
        for at, token in ((0, b"1"), (3_298_000, b"1"), (3_599_000, b"2")):
            endpoint.at = START + at
            assert await sign(signer) == [(b"authorization", b"Bearer ya29." + token)]
    assert [claims["iat"] for claims in endpoint.claims] == [START // 1000, START // 1000 + 3599]


async def test_a_token_outlives_its_endpoint_until_it_expires() -> None:
    endpoint = Endpoint()
    async with provider(endpoint) as server:
        signer = endpoint.signer(server.url)
        await sign(signer)
        endpoint.open = False
        endpoint.at += 3_500_000
        assert await sign(signer) == [(b"authorization", b"Bearer ya29.1")]
        endpoint.at += 99_000
        with pytest.raises(CredentialsUnavailable) as raised:
            await sign(signer)
    assert str(raised.value) == (
        f"The Google token of {EMAIL} cannot be had: {server.url.authority} answered 400 invalid_grant: Bad [redacted]. "
        "It last worked at 2026-11-05T00:00:00.000Z."
    )


async def test_who_else_the_headers_name_is_taken_out() -> None:
    endpoint = Endpoint()
    others = [(b"authorization", b"Bearer x"), (b"x-goog-api-key", b"x"), (b"x-goog-user-project", b"someone-elses")]
    async with provider(endpoint) as server:
        signed = await sign(endpoint.signer(server.url), (b"content-type", b"application/json"), *others)
    assert signed == [(b"content-type", b"application/json"), (b"authorization", b"Bearer ya29.1")]


OFFICIAL = "https://oauth2.googleapis.com/token"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("not json hunter2", "not the JSON of a service account's key"),
        ("[]", "not the JSON of a service account's key"),
        (json.dumps({"type": "service_account", "private_key": "hunter2"}), "client_email"),
        (json.dumps(account(OFFICIAL, type="authorized_user")), "GOOGLE_APPLICATION_CREDENTIALS"),
        (json.dumps(account(OFFICIAL, universe_domain="example.cloud")), "example.cloud"),
        (json.dumps(account(OFFICIAL, private_key="hunter2")), f"private_key of {EMAIL} is no RSA key"),
        (json.dumps(account(OFFICIAL, private_key=pem(ec.generate_private_key(ec.SECP256R1())))), "is no RSA key"),
        (json.dumps(account("http://oauth2.googleapis.com/token")), "token_uri.*https://"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused_without_being_shown(text: str, why: str) -> None:
    with pytest.raises(SettingsInvalid, match=why) as raised:
        google_signer(GoogleAuth(service_account=Secret(text)), Endpoint().clock)
    assert "hunter2" not in str(raised.value)
    assert "PRIVATE" not in str(raised.value)


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """No credentials but those a test puts there."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_QUOTA_PROJECT", "NO_GCE_CHECK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "project")
    monkeypatch.setenv("NO_PROXY", "*")
    level = logging.getLogger("google.auth").level
    yield monkeypatch
    logging.getLogger("google.auth").setLevel(level)


async def test_default_credentials_are_found_in_the_file_the_environment_names(
    bare_machine: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    endpoint = Endpoint()
    file = tmp_path / "key.json"
    bare_machine.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    bare_machine.setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "payer")
    async with provider(endpoint) as server:
        file.write_text(json.dumps(account(server.url)))
        signed = await sign(google_signer(GoogleAuth(), Clock()), (b"x-goog-user-project", b"someone-elses"))
    assert signed == [(b"authorization", b"Bearer ya29.1"), (b"x-goog-user-project", b"payer")]
    assert endpoint.claims[0]["scope"] == SCOPE


@pytest.fixture
def far_west(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose own time is far from UTC, in which google-auth writes when a token expires."""
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


async def test_default_credentials_are_found_on_the_metadata_server(
    bare_machine: pytest.MonkeyPatch, far_west: None
) -> None:
    tokens = 0

    async def metadata(conversation: Conversation) -> None:
        nonlocal tokens
        while True:
            received = await conversation.request()
            assert received.header(b"metadata-flavor") == [b"Google"]
            path = received.target.partition(b"?")[0]
            kind = b"application/json"
            if path == b"/computeMetadata/v1/project/project-id":
                body, kind = b"project", b"application/text"
            elif path == b"/computeMetadata/v1/instance/service-accounts/default/":
                body = b'{"email": "e", "scopes": [], "aliases": []}'
            elif path.endswith(b"/token"):
                tokens += 1
                body = b'{"access_token": "metadata-%d", "expires_in": 1800, "token_type": "Bearer"}' % tokens
            else:
                body = b"{}"
            await conversation.send(answer(body, b"Metadata-Flavor: Google", b"Content-Type: " + kind))

    at = time.time_ns() // 1_000_000  # google-auth reads the machine's clock
    async with provider(metadata) as server:
        # GCE_METADATA_HOST and GCE_METADATA_IP; the first is read when the library is loaded.
        bare_machine.setattr("google.auth.compute_engine._metadata._GCE_METADATA_HOST", server.url.authority)
        bare_machine.setenv("GCE_METADATA_IP", server.url.authority)
        signer = google_signer(GoogleAuth(), Clock(lambda: at * 1_000_000))
        assert await sign(signer) == [(b"authorization", b"Bearer metadata-1")]
        at += 1_400_000
        assert await sign(signer) == [(b"authorization", b"Bearer metadata-1")]
        assert tokens == 1
        at += 395_000
        assert await sign(signer) == [(b"authorization", b"Bearer metadata-2")]


async def test_default_credentials_that_are_nowhere_are_said_to_be(bare_machine: pytest.MonkeyPatch) -> None:
    bare_machine.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(CredentialsUnavailable, match="default credentials were not found"):
        await sign(google_signer(GoogleAuth(), Clock()))


def test_the_library_writes_no_token_to_the_log(bare_machine: pytest.MonkeyPatch) -> None:
    logging.getLogger("google.auth").setLevel(logging.DEBUG)
    google_signer(GoogleAuth(), Clock(time.time_ns))
    assert not logging.getLogger("google.auth.transport.requests").isEnabledFor(logging.DEBUG)

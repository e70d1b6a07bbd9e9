"""What a token endpoint may answer, and what becomes of it."""

import asyncio
import json
import socket

import pytest
from upstreams import Conversation, always, answer, provider

from tollway.errors import SettingsInvalid
from tollway.proxy.signing.oauth import LARGEST_ANSWER, bearer, endpoint_url, token_from
from tollway.proxy.signing.renewed import Fresh
from tollway.proxy.signing.signer import CredentialsUnavailable
from tollway.proxy.transport import Url

START = 1_793_836_800_000


async def asked(response: bytes) -> Fresh[tuple[tuple[bytes, bytes], ...]]:
    async with provider(always(response)) as server:
        return await asyncio.to_thread(token_from, server.url, {"a": "b"}, at=START, secrets=["hunter2"])


def written(**answer_fields: object) -> bytes:
    return answer(json.dumps({"access_token": "t", **answer_fields}).encode())


@pytest.mark.parametrize(
    ("expires_in", "life_s"), [(3599, 3599), ("3599", 3599), (3599.9, 3599), (None, 300), (10**12, 86_400), (-5, -5)]
)
async def test_the_life_of_a_token_is_read_as_endpoints_write_it(expires_in: object, life_s: int) -> None:
    fresh = await asked(written(expires_in=expires_in))
    assert fresh.expires_at == START + 1000 * life_s
    assert fresh.value == ((b"authorization", b"Bearer t"),)


@pytest.mark.parametrize(
    ("response", "why"),
    [
        (written(expires_in="soon"), "no readable lifetime"),
        (written(expires_in=True), "not with JSON of a token"),
        (answer(b'{"access_token": "t", "expires_in": 1e400}'), "answered 200"),
        (written(token_type="mac"), "not a bearer token"),
        (written(access_token="a\r\nx-evil: 1"), "cannot stand in a header"),
        (written(access_token="a b"), "cannot stand in a header"),
        (written(access_token=""), "cannot stand in a header"),
        (written(access_token="\u0130"), "cannot stand in a header"),
        (written(access_token=["t"]), "not with JSON of a token"),
        (answer(b"{}"), "answered 200"),
        (answer(b"\xff\xfe"), "not with JSON of a token"),
        (answer(b"<html>", status=b"502 Bad Gateway"), "answered 502, not with JSON"),
        (answer(b'{"access_token": "t"}', status=b"201 Created"), "answered 201"),
        (answer(b"", b"Location: http://127.0.0.1:9/", status=b"307 Temporary Redirect"), "answered 307"),
        (answer(b"x" * (LARGEST_ANSWER + 1)), "more than 262144 bytes"),
        (b"nonsense\r\n\r\n", "could not be asked"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}", "could not be asked"),
    ],
)
async def test_an_answer_without_a_token_is_said_to_be_one(response: bytes, why: str) -> None:
    async def script(conversation: Conversation) -> None:
        await conversation.request()
        await conversation.send(response)

    async with provider(script) as server:
        with pytest.raises(CredentialsUnavailable, match=why) as raised:
            await asyncio.to_thread(token_from, server.url, {}, at=START, secrets=[])
    assert server.url.authority in str(raised.value) or "header" in why


async def test_an_endpoint_that_is_not_there_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(CredentialsUnavailable, match=f"127.0.0.1:{port} could not be asked: .*refused"):
            token_from(Url("http", "127.0.0.1", port), {}, at=START, secrets=[])


async def test_a_secret_that_the_endpoint_repeats_is_taken_out_before_the_text_is_cut() -> None:
    said = json.dumps({"error": "x" * 294, "error_description": "hunter2"}).encode()
    with pytest.raises(CredentialsUnavailable) as raised:
        await asked(answer(said, status=b"400 Bad Request"))
    assert "hunt" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["https://oauth2.googleapis.com/token", "http://127.0.0.1:80/", "http://[::1]/", "http://localhost:1/t"]
)
def test_an_endpoint_is_asked_with_tls_or_on_this_machine(url: str) -> None:
    assert endpoint_url(url, field="token_uri")


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "http://localhost.example.com/", "ftp://a/", "token", "https://u@h/", "http://[::2]/"]
)
def test_no_other_endpoint_is_sent_a_secret(url: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"^token_uri: "):
        endpoint_url(url, field="token_uri")


def test_a_token_goes_into_one_header() -> None:
    assert bearer("ya29.a-b_c~d+e/f=") == ((b"authorization", b"Bearer ya29.a-b_c~d+e/f="),)

"""Signatures against AWS's published ones and against botocore's own client; keys from AWS's chain."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st
from upstreams import Conversation, Received, answer, provider

from tollway.clock import Clock
from tollway.errors import SettingsInvalid
from tollway.gateway import AwsAuth, Secret
from tollway.proxy.signing.aws import LARGE_BODY, AwsSigner, Keys
from tollway.proxy.signing.signer import CredentialsUnavailable, path_as_signed
from tollway.proxy.transport import parse_url

START = int(datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp() * 1000)
EXAMPLE = Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
URL = parse_url("https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse")


class Time:
    def __init__(self, at: int = START) -> None:
        self.at = at
        self.clock = Clock(lambda: self.at * 1_000_000)


def signer(time: Time | None = None, **auth: Any) -> AwsSigner:
    keys = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": EXAMPLE}
    return AwsSigner(AwsAuth(**{"region": "us-east-1", **keys, **auth}), (time or Time()).clock)


def header(headers: list[tuple[bytes, bytes]], wanted: bytes) -> bytes:
    (value,) = [value for name, value in headers if name == wanted]
    return value


FORM = (b"content-type", b"application/x-www-form-urlencoded")


# AWS's Signature Version 4 test suite, and the example of its documentation (ListUsers).
@pytest.mark.parametrize(
    ("method", "url", "headers", "body", "service", "names", "signature"),
    [
        ("GET", "https://example.amazonaws.com/", [], b"", "service", "host;x-amz-date",
         "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "https://example.amazonaws.com/", [], b"", "service", "host;x-amz-date",
         "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ("GET", "https://example.amazonaws.com/?Param2=value2&Param1=value1", [], b"", "service", "host;x-amz-date",
         "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
        ("POST", "https://example.amazonaws.com/", [FORM], b"Param1=value1", "service", "content-type;host;x-amz-date",
         "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"),
        ("GET", "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
         [(b"content-type", b"application/x-www-form-urlencoded; charset=utf-8")], b"", "iam",
         "content-type;host;x-amz-date", "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"),
    ],
)  # fmt: skip
async def test_the_signature_is_the_published_one(
    method: str,
    url: str,
    headers: list[tuple[bytes, bytes]],
    body: bytes,
    service: str,
    names: str,
    signature: str,
) -> None:
    signed = await signer(service=service).sign(method, parse_url(url), headers, body)
    assert signed == [
        *headers,
        (b"x-amz-date", b"20150830T123600Z"),
        (
            b"authorization",
            f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/{service}/aws4_request, "
            f"SignedHeaders={names}, Signature={signature}".encode(),
        ),
    ]


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """No credentials but those a test puts there."""
    import os

    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_PROXY", "*")
    level = logging.getLogger("botocore").level
    yield monkeypatch
    logging.getLogger("botocore").setLevel(level)


@pytest.mark.parametrize("token", [None, "a/session+token=="])
@pytest.mark.parametrize(
    "model",
    [
        "amazon.nova-lite-v1:0",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.meta.llama3-3-70b-instruct-v1:0",
        "plain",
    ],
)
async def test_a_request_of_botocores_own_client_is_signed_as_it_signs_it(
    bare_machine: pytest.MonkeyPatch, model: str, token: str | None
) -> None:
    received: list[Received] = []

    async def bedrock(conversation: Conversation) -> None:
        received.append(await conversation.request())
        said = {
            "output": {"message": {"role": "assistant", "content": []}},
            "stopReason": "end_turn",
            "usage": {},
            "metrics": {},
        }
        await conversation.send(answer(json.dumps(said).encode(), b"Content-Type: application/json"))

    def call(endpoint: str) -> None:
        client: Any = botocore.session.Session().create_client(
            "bedrock-runtime",
            region_name="eu-west-1",
            endpoint_url=endpoint,
            aws_access_key_id="AKIDEXAMPLE",
            aws_secret_access_key=EXAMPLE.reveal(),
            aws_session_token=token,
            config=Config(retries={"total_max_attempts": 1}),
        )

        # It signs headers of its own that nothing needs (accept, amz-sdk-…), except where they are gone by then.
        def leave_out(request: Any, **_: object) -> None:
            for name in list(request.headers):
                if name.lower() not in ("host", "content-type", "user-agent"):
                    del request.headers[name]

        client.meta.events.register_first("before-sign.bedrock-runtime", leave_out)
        client.converse(modelId=model, messages=[{"role": "user", "content": [{"text": "grüß Gott"}]}])
        client.close()

    async with provider(bedrock) as server:
        await asyncio.to_thread(call, f"http://{server.url.authority}")
        (theirs,) = received
        time = Time(
            int(
                datetime.strptime(theirs.header(b"x-amz-date")[0].decode(), "%Y%m%dT%H%M%SZ")
                .replace(tzinfo=UTC)
                .timestamp()
            )
            * 1000
        )
        ours = signer(time, region="eu-west-1", session_token=None if token is None else Secret(token))
        sent = [
            (name.lower(), value) for name, value in theirs.headers if name.lower() in (b"content-type", b"user-agent")
        ]
        signed = await ours.sign("POST", server.url.at(theirs.target), sent, theirs.body)
    assert header(signed, b"authorization") == theirs.header(b"authorization")[0]
    assert path_as_signed(f"/model/{model.replace('/', '%2F')}/converse".encode()) == theirs.target
    assert path_as_signed(theirs.target) == theirs.target


@given(st.text(st.characters(exclude_characters="/?%", exclude_categories=["Cs"])))
def test_a_path_is_encoded_once_however_it_was_written(model: str) -> None:
    once = path_as_signed(f"/model/{model}/converse?a=%3A:".encode())
    assert path_as_signed(once) == once
    assert b":" not in once.partition(b"?")[0] and once.endswith(b"?a=%3A:")


async def test_other_headers_go_along_unsigned() -> None:
    headers = [
        (b"x-amzn-bedrock-trace", b"ENABLED"),
        (b"accept", b"*/*"),
        (b"x-amz-meta", b"a  b"),
        (b"x-amz-meta", b"c"),
    ]
    signed = await signer().sign("POST", URL, headers, b"{}")
    assert signed[:4] == headers
    assert b"SignedHeaders=host;x-amz-date;x-amz-meta," in header(signed, b"authorization")


async def test_who_else_the_headers_name_is_taken_out() -> None:
    others = [
        (b"authorization", b"AWS4-HMAC-SHA256 Credential=else"),
        (b"x-amz-date", b"19990101T000000Z"),
        (b"x-amz-security-token", b"else"),
        (b"x-amz-content-sha256", b"UNSIGNED-PAYLOAD"),
        (b"x-api-key", b"else"),
    ]
    assert await signer().sign("POST", URL, others, b"{}") == await signer().sign("POST", URL, [], b"{}")


async def test_the_body_the_path_the_host_and_the_time_are_all_signed() -> None:
    later = Time(START + 1000)
    authorizations = [
        header(await some.sign(method, url, headers, body), b"authorization")
        for some, method, url, headers, body in [
            (signer(), "POST", URL, [], b"{}"),
            (signer(), "GET", URL, [], b"{}"),
            (signer(), "POST", URL.at(b"/model/n/converse"), [], b"{}"),
            (signer(), "POST", URL.at(b"/model/m/converse?a=b"), [], b"{}"),
            (signer(), "POST", parse_url("https://other.amazonaws.com/model/m/converse"), [], b"{}"),
            (
                signer(),
                "POST",
                parse_url("https://bedrock-runtime.us-east-1.amazonaws.com:444/model/m/converse"),
                [],
                b"{}",
            ),
            (signer(), "POST", URL, [(b"content-type", b"application/json")], b"{}"),
            (signer(), "POST", URL, [], b"{ }"),
            (signer(later), "POST", URL, [], b"{}"),
            (signer(region="us-east-2"), "POST", URL, [], b"{}"),
            (signer(service="bedrock-mantle"), "POST", URL, [], b"{}"),
        ]
    ]
    assert len(set(authorizations)) == len(authorizations)


async def test_a_large_body_is_signed_alike_and_does_not_hold_up_the_others() -> None:
    body = b"x" * (LARGE_BODY + 1)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    signed = await signer().sign("POST", URL, [], body)
    counting.cancel()
    assert turns > 0
    # Its hash, asserted by the caller of the same rules: a signature over the hash alone.
    import hashlib
    import hmac

    canonical = "\n".join(
        ["POST", "/model/m/converse", "", "host:bedrock-runtime.us-east-1.amazonaws.com", "x-amz-date:20150830T123600Z", "",
         "host;x-amz-date", hashlib.sha256(body).hexdigest()]
    )  # fmt: skip
    scope = "20150830/us-east-1/bedrock/aws4_request"
    text = f"AWS4-HMAC-SHA256\n20150830T123600Z\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = b"AWS4" + EXAMPLE.reveal().encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    assert header(signed, b"authorization").endswith(hmac.digest(key, text.encode(), "sha256").hex().encode())


async def test_configured_keys_sign_without_a_wait() -> None:
    signing = signer().sign("POST", URL, [], b"{}")
    with pytest.raises(StopIteration):
        signing.send(None)


@pytest.mark.parametrize("key", ["access_key_id", "secret_access_key"])
def test_half_a_pair_of_keys_is_refused(key: str) -> None:
    with pytest.raises(SettingsInvalid, match=f"without {key}"):
        signer(**{key: None})


def test_the_library_writes_no_key_to_the_log(bare_machine: pytest.MonkeyPatch) -> None:
    logging.getLogger("botocore").setLevel(logging.DEBUG)
    signer()
    assert not logging.getLogger("botocore.parsers").isEnabledFor(logging.INFO)


def test_keys_are_not_shown() -> None:
    assert "hunter2" not in repr(Keys("AKID", "hunter2", "hunter2"))


def chain(time: Time, **auth: Any) -> AwsSigner:
    return AwsSigner(AwsAuth(region="us-east-1", **auth), time.clock)


async def signed_by(some: AwsSigner) -> tuple[str, bytes | None]:
    """The access key and the session token that a request is signed with."""
    signed = dict(await some.sign("POST", URL, [], b"{}"))
    credential = signed[b"authorization"].decode().partition("Credential=")[2]
    return credential.partition("/")[0], signed.get(b"x-amz-security-token")


async def test_keys_come_from_the_environment(bare_machine: pytest.MonkeyPatch) -> None:
    bare_machine.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    bare_machine.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    bare_machine.setenv("AWS_SESSION_TOKEN", "token")
    assert await signed_by(chain(Time())) == ("AKIDENV", b"token")


async def test_keys_of_a_profile_beat_the_environment_and_are_read_anew(
    bare_machine: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bare_machine.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    bare_machine.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    file = tmp_path / "credentials"
    time = Time()
    some = chain(time, profile="models")
    file.write_text("[models]\naws_access_key_id = AKIDFIRST\naws_secret_access_key = secret\n")
    assert await signed_by(some) == ("AKIDFIRST", None)
    file.write_text("[models]\naws_access_key_id = AKIDSECOND\naws_secret_access_key = secret\n")
    time.at += 400_000
    await signed_by(some)
    async with asyncio.timeout(10):
        while await signed_by(some) != ("AKIDSECOND", None):
            await asyncio.sleep(0)


async def test_a_profile_that_is_not_there_is_named(bare_machine: pytest.MonkeyPatch) -> None:
    with pytest.raises(CredentialsUnavailable, match=r'AWS profile "models" cannot be had: .*\(models\)'):
        await signed_by(chain(Time(), profile="models"))


async def test_a_machine_without_keys_says_where_it_looked(bare_machine: pytest.MonkeyPatch) -> None:
    with pytest.raises(CredentialsUnavailable, match="AWS's chain cannot be had: none in the environment"):
        await signed_by(chain(Time()))


def now_ms() -> int:
    """botocore judges expiry by the machine's own clock."""
    return int(datetime.now(UTC).timestamp() * 1000)


def in_an_hour() -> str:
    return datetime.fromtimestamp(now_ms() / 1000 + 3600, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Metadata:
    """Gives a new pair of keys at each request: as a container's metadata server, an instance's, and STS."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.given = 0
        self.open = True

    async def __call__(self, conversation: Conversation) -> None:
        while True:
            received = await conversation.request()
            self.received.append(received)
            if not self.open:
                await conversation.send(answer(b"hunter2", status=b"500 Internal Server Error"))
            elif received.target == b"/latest/api/token":
                await conversation.send(answer(b"imds-token"))
            elif received.target.endswith(b"/security-credentials/"):
                await conversation.send(answer(b"a-role"))
            elif received.target == b"/":
                await conversation.send(answer(STS.format(expiration=in_an_hour()).encode(), b"Content-Type: text/xml"))
            else:
                self.given += 1
                keys = {
                    "Code": "Success",
                    "AccessKeyId": f"ASIA{self.given}",
                    "SecretAccessKey": "secret",
                    "Token": f"token{self.given}",
                    "Expiration": in_an_hour(),
                }
                await conversation.send(answer(json.dumps(keys).encode()))


STS = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/a/b</Arn><AssumedRoleId>R:b</AssumedRoleId>
</AssumedRoleUser><Credentials><AccessKeyId>ASIASTS</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
<SessionToken>sts-token</SessionToken><Expiration>{expiration}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></AssumeRoleWithWebIdentityResponse>"""


@pytest.fixture
async def metadata(bare_machine: pytest.MonkeyPatch) -> AsyncIterator[tuple[Metadata, str]]:
    script = Metadata()
    async with provider(script) as server:
        yield script, f"http://{server.url.authority}"


async def test_keys_of_a_container_are_renewed_before_they_expire(
    bare_machine: pytest.MonkeyPatch, metadata: tuple[Metadata, str]
) -> None:
    script, url = metadata
    bare_machine.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{url}/keys")
    time = Time(now_ms())
    some = chain(time)
    assert await asyncio.gather(*(signed_by(some) for _ in range(10))) == [("ASIA1", b"token1")] * 10
    time.at += 3_200_000
    assert await signed_by(some) == ("ASIA1", b"token1")
    assert len(script.received) == 1
    time.at += 397_000
    assert await signed_by(some) == ("ASIA2", b"token2")
    assert len(script.received) == 2


async def test_keys_of_an_instance_are_had_with_a_session_token(
    bare_machine: pytest.MonkeyPatch, metadata: tuple[Metadata, str]
) -> None:
    script, url = metadata
    bare_machine.delenv("AWS_EC2_METADATA_DISABLED")
    bare_machine.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"{url}/")
    assert await signed_by(chain(Time(now_ms()))) == ("ASIA1", b"token1")
    assert [received.method for received in script.received] == ["PUT", "GET", "GET"]


async def test_a_web_identity_becomes_a_role(
    bare_machine: pytest.MonkeyPatch, metadata: tuple[Metadata, str], tmp_path: Path
) -> None:
    script, url = metadata
    (tmp_path / "identity").write_text("a.web.identity")
    bare_machine.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "identity"))
    bare_machine.setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/a")
    bare_machine.setenv("AWS_ENDPOINT_URL_STS", url)
    assert await signed_by(chain(Time(now_ms()))) == ("ASIASTS", b"sts-token")
    assert b"WebIdentityToken=a.web.identity" in script.received[0].body


async def test_a_failing_metadata_server_leaves_the_keys_until_they_expire(
    bare_machine: pytest.MonkeyPatch, metadata: tuple[Metadata, str], caplog: pytest.LogCaptureFixture
) -> None:
    script, url = metadata
    bare_machine.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{url}/keys")
    # botocore itself would ask three times, a second apart.
    bare_machine.setattr("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0)
    time = Time(now_ms())
    some = chain(time)
    await signed_by(some)
    script.open = False
    time.at += 3_500_000
    assert await signed_by(some) == ("ASIA1", b"token1")
    time.at += 99_000
    with caplog.at_level(logging.DEBUG), pytest.raises(CredentialsUnavailable, match="It last worked at"):
        await signed_by(some)
    asked = len(script.received)
    with pytest.raises(CredentialsUnavailable):
        await signed_by(some)
    assert len(script.received) == asked
    assert "token1" not in caplog.text

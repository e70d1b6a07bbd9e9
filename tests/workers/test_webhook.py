"""Webhooks: signed as the standard asks, sent to nobody who is not meant."""

import json
import ssl
from datetime import UTC, datetime

import msgspec
import pytest
import standardwebhooks
from tests.workers.receivers import receiver
from tests.workers.watched import NOW, SECRET

from tollway.alerts import Channel, Event, telling
from tollway.workers.webhook import Outcome, body_of, send_webhook, signature

EVENT = telling.spent("each[user=ü]", name="each", start=5, percent=80, amount=8, limit=10, at=NOW, event_id="0198-1")


def channel(url: str, *, private: bool = True, http: bool = True) -> Channel:
    return Channel("ops", "webhook", url, SECRET, allow_private=private, allow_http=http)


async def send(url: str, event: Event = EVENT, *, private: bool = True, http: bool = True, **more: object) -> Outcome:
    return await send_webhook(channel(url, private=private, http=http), event, NOW, timeout_s=2.0, **more)  # type: ignore[arg-type]


async def test_a_delivery_is_what_the_reference_library_verifies(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiver() as hook:
        assert await send(hook.url) == Outcome(True)
    (request,) = hook.requests
    assert request.line == "POST /hook?from=tollway HTTP/1.1"
    assert request.headers["webhook-id"] == EVENT.id
    assert request.headers["host"] == f"127.0.0.1:{hook.port}"

    class Then(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return datetime.fromtimestamp(NOW / 1000, UTC)

    monkeypatch.setattr("standardwebhooks.webhooks.datetime", Then)
    verified = standardwebhooks.Webhook(SECRET).verify(request.body, request.headers)
    assert verified["type"] == "alert.spent"
    assert verified["data"]["account"] == "each[user=ü]"
    assert verified["data"]["threshold_percent"] == 80
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(SECRET).verify(request.body + b" ", request.headers)


def test_our_signature_is_the_reference_librarys() -> None:
    body = body_of(EVENT)
    theirs = standardwebhooks.Webhook(SECRET).sign(EVENT.id, datetime.fromtimestamp(NOW / 1000, UTC), body.decode())
    assert signature(SECRET, EVENT.id, NOW // 1000, body) == theirs


def test_the_same_event_is_the_same_bytes_and_its_own_fields_stand() -> None:
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(EVENT), type=Event)
    assert body_of(again) == body_of(EVENT)
    forged = msgspec.structs.replace(EVENT, data={"id": "other", "spent_usd": "1"})
    assert json.loads(body_of(forged))["data"]["id"] == EVENT.id


@pytest.mark.parametrize(
    ("answer", "arrived", "final", "said"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", True, False, ""),
        (b"HTTP/1.1 299 Fine\r\n\r\n", True, False, ""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\n\r\n", True, False, ""),
        (b"HTTP/1.1 500 Oh\r\n\r\n", False, False, "status 500"),
        (b"HTTP/1.1 404 No\r\n\r\n", False, False, "status 404"),
        (b"HTTP/1.1 410 Gone\r\n\r\n", False, True, "status 410"),
        (b"", False, False, "closed before an answer"),
        (b"HTTP/1.1 200", False, False, "closed before an answer"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", False, False, "127.0.0.1:"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"a" * 200_000, False, False, ""),
    ],
)
async def test_only_a_status_of_success_is_an_arrival(answer: bytes, arrived: bool, final: bool, said: str) -> None:
    async with receiver() as hook:
        hook.answer = answer
        outcome = await send(hook.url)
    assert (outcome.arrived, outcome.final) == (arrived, final)
    assert said in outcome.said
    assert "from=tollway" not in outcome.said


async def test_a_redirect_is_not_followed() -> None:
    async with receiver() as hook, receiver() as other:
        hook.answer = f"HTTP/1.1 307 Elsewhere\r\nlocation: {other.url}\r\n\r\n".encode()
        outcome = await send(hook.url)
    assert "status 307" in outcome.said and other.connections == 0


async def test_who_does_not_answer_is_left() -> None:
    async with receiver() as hook:
        hook.hang = True
        outcome = await send_webhook(channel(hook.url), EVENT, NOW, timeout_s=0.05)
    assert outcome == Outcome(False, "127.0.0.1 did not answer within 0.05 s")


HOSTS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "0",
    "0.0.0.0",
    "localhost",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "10.0.0.1",
    "172.16.5.4",
    "192.168.1.1",
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fec0::1]",
    "224.0.0.1",
    "255.255.255.255",
    "198.18.0.1",
    "100.64.0.1",
    "[2002:7f00:1::1]",
    "[2001:db8::1]",
    "192.0.0.192",
]


@pytest.mark.parametrize("host", HOSTS)
async def test_an_address_behind_the_firewall_is_not_called(host: str) -> None:
    async with receiver() as hook:
        outcome = await send(f"http://{host}:{hook.port}/", private=False)
        assert not outcome.arrived
        assert hook.connections == 0
    assert "not a public address" in outcome.said or "credentials" in outcome.said


async def test_a_name_with_one_private_address_among_public_ones_is_not_called() -> None:
    async def both(host: str, port: int) -> list[str]:
        return ["93.184.216.34", "127.0.0.1"]

    async with receiver() as hook:
        outcome = await send(f"http://trick.example:{hook.port}/", private=False, resolve=both)
        assert hook.connections == 0
    assert "127.0.0.1 is not a public address" in outcome.said


async def test_the_address_that_was_checked_is_the_one_that_is_called() -> None:
    answers = iter([["127.0.0.1"]])

    async def once(host: str, port: int) -> list[str]:
        return next(answers)

    async with receiver() as hook:
        # The name is nobody's: a second look at it, by whomever, would find nothing.
        assert await send(f"http://rebinding.invalid:{hook.port}/", resolve=once) == Outcome(True)
    assert hook.requests[0].headers["host"] == f"rebinding.invalid:{hook.port}"


async def test_a_name_that_nobody_has_is_said_to_be_so() -> None:
    async def nobody(host: str, port: int) -> list[str]:
        raise OSError(-2, "Name or service not known")

    assert (await send("http://nowhere.invalid/", resolve=nobody)).said == "nowhere.invalid: Name or service not known"


async def test_without_tls_nothing_is_sent_unless_that_is_allowed() -> None:
    async with receiver() as hook:
        assert await send(hook.url, http=False) == Outcome(False, "the URL has no TLS")
    assert hook.connections == 0


async def test_a_server_that_speaks_no_tls_is_said_to_be_so() -> None:
    async with receiver() as hook:
        hook.greets = b"HTTP/1.1 400 Bad Request\r\n\r\n"
        outcome = await send(f"https://127.0.0.1:{hook.port}/", tls=ssl.create_default_context)
    assert not outcome.arrived and outcome.said.startswith("127.0.0.1: TLS failed")

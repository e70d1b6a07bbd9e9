"""Sending an event to a webhook, signed as Standard Webhooks asks (standardwebhooks.com, "Signature scheme").

One connection for one event: alerts are rare. No redirect is followed, no proxy is asked, and of the answer no more is
read than its head.
"""

import asyncio
import base64
import hashlib
import hmac
import ssl
from collections.abc import Awaitable, Callable, Sequence
from socket import SOCK_STREAM
from typing import NamedTuple
from urllib.parse import urlsplit

import httptools
import msgspec

from tollway import __version__
from tollway.alerts import Channel, Event
from tollway.clock import iso
from tollway.workers.addresses import refusal

TIMEOUT_S = 15.0
"""Of the whole delivery; Standard Webhooks recommends 15 to 30 seconds."""
MOST_HEAD_BYTES = 64 * 1024
_READ_BYTES = 8 * 1024

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, as text, in order of preference. Raises OSError."""


class Outcome(NamedTuple):
    """How an attempt ended."""

    arrived: bool
    said: str = ""
    """What stood in the way; never an address's path, which may be a credential."""
    final: bool = False
    """Trying again is of no use."""


async def system_addresses(host: str, port: int) -> Sequence[str]:
    """What the system's resolver says. Raises OSError."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"{host!r} is not a host name") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def body_of(event: Event) -> bytes:
    """What is sent: the same bytes on every attempt."""
    return msgspec.json.encode(
        {
            "type": f"alert.{event.kind}",
            "timestamp": iso(event.at),
            "data": {
                "id": event.id,
                "title": event.title,
                "text": event.text,
                "budget": event.budget,
                "account": event.account,
                **{name: value for name, value in event.data.items() if name not in ("id", "title", "text")},
            },
        }
    )


def signature(secret: str, event_id: str, timestamp_s: int, body: bytes) -> str:
    """The header `webhook-signature`. `secret` is "whsec_" and Base64."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    assert key, "settings with an empty secret are refused"
    signed = f"{event_id}.{timestamp_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


async def send_webhook(
    channel: Channel,
    event: Event,
    now: int,
    *,
    resolve: Resolver = system_addresses,
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    timeout_s: float = TIMEOUT_S,
) -> Outcome:
    """One attempt, at `now` (Unix milliseconds). Arrived is what is answered with a status from 200 to 299."""
    body = body_of(event)
    timestamp_s = now // 1000
    headers = (
        ("content-type", "application/json"),
        ("webhook-id", event.id),
        ("webhook-timestamp", str(timestamp_s)),
        ("webhook-signature", signature(channel.secret(), event.id, timestamp_s, body)),
    )
    return await post(
        channel.address(),
        headers,
        body,
        allow_private=channel.allow_private,
        allow_http=channel.allow_http,
        resolve=resolve,
        tls=tls,
        timeout_s=timeout_s,
    )


async def post(
    address: str,
    headers: Sequence[tuple[str, str]],
    body: bytes,
    *,
    allow_private: bool,
    allow_http: bool,
    resolve: Resolver = system_addresses,
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    timeout_s: float = TIMEOUT_S,
) -> Outcome:
    """Sends `body` to a URL, once; `headers` are ASCII, without host and length. Arrived is what is answered with a status from
    200 to 299."""
    url = urlsplit(address)
    host, secure = url.hostname or "", url.scheme == "https"
    port = url.port or (443 if secure else 80)
    if not secure and not allow_http:
        return Outcome(False, "the URL has no TLS")
    try:
        async with asyncio.timeout(timeout_s):
            addresses = await resolve(host, port)
            refused = [why for found in addresses if (why := refusal(found, allow_private=allow_private))]
            if refused or not addresses:
                # One bad address among good ones is a trick, not a choice.
                return Outcome(False, refused[0] if refused else f"{host} has no address")
            reader, writer = await _dial(addresses, port, tls() if secure else None, host)
            try:
                writer.write(_head(headers, len(body), url.netloc, url.path, url.query) + body)
                await writer.drain()
                status = await _status(reader)
            finally:
                writer.transport.abort()
    except TimeoutError:
        return Outcome(False, f"{host} did not answer within {timeout_s:g} s")
    except (OSError, httptools.HttpParserError) as error:
        return Outcome(False, f"{host}: {_said(error)}")
    if 200 <= status < 300:
        return Outcome(True)
    # Standard Webhooks: 410 Gone says that nothing more is wanted.
    return Outcome(False, f"{host} answered with status {status}", final=status == 410)


async def _dial(
    addresses: Sequence[str], port: int, tls: ssl.SSLContext | None, host: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first address that takes one. Raises OSError."""
    failure: OSError = OSError("no address")
    for address in addresses:
        try:
            return await asyncio.open_connection(address, port, ssl=tls, server_hostname=host if tls else None)
        except OSError as error:
            failure = error
    raise failure


def _head(headers: Sequence[tuple[str, str]], length: int, authority: str, path: str, query: str) -> bytes:
    lines = (
        f"POST {path or '/'}{'?' + query if query else ''} HTTP/1.1",
        f"host: {authority}",
        f"user-agent: tollway/{__version__}",
        f"content-length: {length}",
        *(f"{name}: {value}" for name, value in headers),
        "connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode("ascii")


class _Head:
    """What httptools tells of an answer's head."""

    done = False

    def on_headers_complete(self) -> None:
        self.done = True


async def _status(reader: asyncio.StreamReader) -> int:
    """The status of the final answer. Raises HttpParserError or OSError."""
    head = _Head()
    parser = httptools.HttpResponseParser(head)
    read = 0
    while read < MOST_HEAD_BYTES:
        piece = await reader.read(_READ_BYTES)
        if not piece:
            raise OSError("the connection was closed before an answer")
        read += len(piece)
        parser.feed_data(piece)
        if head.done:
            status = parser.get_status_code()
            if status >= 200:
                return status
            head.done = False
    raise OSError(f"the head of the answer is longer than {MOST_HEAD_BYTES} bytes")


def _said(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or error}"
    strerror = getattr(error, "strerror", None)
    return str(strerror or error or type(error).__name__)[:300]

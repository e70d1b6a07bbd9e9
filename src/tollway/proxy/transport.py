"""The way to a provider: one request out, and the ways it can end.

What tells the endings apart is money. `NotSent` cost nothing; `NoAnswer` may have been billed unseen; `Response` will
be metered, and a `Broken` while it is read leaves what was seen so far.

A transport follows no redirect, adds no header but `host` and `content-length`, decodes no content encoding, and never
repeats a request that the provider may have seen whole.
"""

from collections.abc import Sequence
from typing import Literal, Protocol, final
from urllib.parse import urlsplit

import msgspec

from tollway.errors import TollwayError

Scheme = Literal["http", "https"]
Failure = Literal["upstream_timeout", "upstream_invalid", "shutting_down"]
"""`shutting_down`: this side closed the connection under it."""


class Url(msgspec.Struct, frozen=True):
    """Where a request goes. Parsed once for a provider (`parse_url`); each request gives its own target (`at`)."""

    scheme: Scheme
    host: str
    """A name or an address, an IPv6 address without its brackets."""
    port: int
    target: bytes = b"/"
    """Path and query, as sent."""

    def at(self, target: bytes) -> "Url":
        """The same server, another path and query."""
        return Url(self.scheme, self.host, self.port, target)

    @property
    def authority(self) -> str:
        """What the `host` header says: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"


def parse_url(text: str) -> Url:
    """The parts of an absolute http(s) URL.

    Raises ValueError for any other scheme, for user names, fragments, and for characters that two parsers could read in
    two ways: white space, controls, backslashes, non-ASCII (write such names in punycode).
    """
    if not text.isascii() or any(character <= " " or character in "\\\x7f" for character in text):
        raise ValueError(f"{text!r} is not a URL in plain ASCII without spaces and backslashes")
    parts = urlsplit(text)
    scheme, host = parts.scheme, parts.hostname
    if scheme != "http" and scheme != "https":
        raise ValueError(f"{text!r} does not begin with http:// or https://")
    if not host or "%" in host:
        raise ValueError(f"{text!r} names no host")
    if "@" in parts.netloc or "#" in text:
        raise ValueError(f"{text!r} carries a user name or a fragment, which cannot be sent")
    port = parts.port  # ValueError outside 0-65535
    if port == 0:
        raise ValueError(f"{text!r} names port 0")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Url(scheme, host, port or (443 if scheme == "https" else 80), target.encode())


class UpstreamRequest(msgspec.Struct, frozen=True):
    """One request to a provider, whole."""

    method: str
    url: Url
    headers: Sequence[tuple[bytes, bytes]]
    """Framing and hop-by-hop headers among them are dropped: the transport writes its own."""
    body: bytes = b""
    connect_timeout_s: float = 5.0
    """For everything before the first byte is written: a free connection, name resolution, TCP, TLS."""
    first_byte_timeout_s: float = 120.0
    """From the request's last byte to the response's head."""
    idle_timeout_s: float = 60.0
    """The longest silence inside the response's body."""


@final
class NotSent(msgspec.Struct, frozen=True):
    """Nothing reached the provider, provably: there is nothing to charge."""

    code: Literal["upstream_unreachable", "overloaded", "shutting_down"]
    message: str


@final
class NoAnswer(msgspec.Struct, frozen=True):
    """The request, or part of it, was sent and no response head came: the provider may have done the work."""

    code: Failure
    message: str


class Broken(TollwayError):
    """A response that broke off, fell silent or stopped being HTTP after its head had come."""

    def __init__(self, code: Failure, message: str) -> None:
        super().__init__(message)
        self.code: Failure = code
        self.message = message


class Response(Protocol):
    """An answer whose head has come. Must be read to its end or closed."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """As received, names in lower case. Trailers are dropped."""
        ...

    async def read(self) -> bytes:
        """What has come of the body since the last call, as soon as there is any; `b""` at its end.

        Raises Broken, after all that did come was handed out. Cancelling it closes the connection.
        """
        ...

    def close(self) -> None:
        """Abandon the rest. The connection is closed at once, unless the whole response had already come."""
        ...


class Transport(Protocol):
    """Sends requests. Cancelling `send` closes the connection the request was on."""

    async def send(self, request: UpstreamRequest) -> Response | NotSent | NoAnswer:
        """Raises ValueError, before anything is sent, for a request that cannot be written; it names the part."""
        ...

    async def aclose(self) -> None:
        """Close every connection; later requests are `NotSent`."""
        ...

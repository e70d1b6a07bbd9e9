"""Asking an identity provider: one request out, to an address that was looked at first, and a short answer.

Whoever writes settings, or answers discovery, could otherwise have the gateway call what stands behind the firewall
(server-side request forgery). The name is resolved, every address is judged, and the one that was judged is the one that is
dialled, with TLS for the name. No redirect is followed, no proxy is asked, nothing is decompressed, and no more of an
answer is read than it may have.
"""

import asyncio
import ssl
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib import import_module
from socket import SOCK_STREAM
from typing import Any, NamedTuple, Protocol

from tollway import __version__
from tollway.errors import TollwayError
from tollway.identity.jwt import strict_json
from tollway.proxy.transport import Url, parse_url

TIMEOUT_S = 10.0
"""Of the whole request."""
MOST_BYTES = 256 * 1024
_CONNECT_S = 4.0


class FetchFailed(TollwayError):
    """An identity provider did not answer as it should; the message says what stood in the way, without credentials."""


class Refuses(Protocol):
    """Why nothing is sent to an address, or `None` (workers/addresses.py)."""

    def __call__(self, address: str, *, allow_private: bool = ...) -> str | None: ...


Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, as text, in order of preference. Raises OSError."""


class Fetched(NamedTuple):
    """An answer."""

    status: int
    body: bytes

    def object(self) -> dict[str, Any]:
        """The JSON object in it. Raises FetchFailed."""
        try:
            found = strict_json(self.body)
        except ValueError as error:
            raise FetchFailed(f"the answer cannot be read: {error}") from None
        if not isinstance(found, dict):
            raise FetchFailed("the answer is not a JSON object")
        return found  # type: ignore[return-value]


class Allowed(NamedTuple):
    """What the settings of an issuer allow beyond public addresses with TLS."""

    private: bool = False
    http: bool = False


async def system_addresses(host: str, port: int) -> Sequence[str]:
    """What the system's resolver says. Raises OSError."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"{host!r} is not a host name") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def imported(name: str) -> None:
    """Sees to it that a module that takes long to import is there, without holding up the requests under way."""
    if name not in sys.modules:
        await asyncio.to_thread(import_module, name)


def nowhere(address: str, *, allow_private: bool = False) -> str | None:
    """Refuses every address: for a gateway that was not told which it may call."""
    return f"{address} is not to be called here"


class Fetcher:
    """Asks, by `refused`'s leave."""

    __slots__ = ("_context", "_refused", "_resolve", "_timeout_s")

    def __init__(
        self,
        refused: Refuses = nowhere,
        *,
        resolve: Resolver = system_addresses,
        tls: ssl.SSLContext | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._refused = refused
        self._resolve = resolve
        self._context = tls
        self._timeout_s = timeout_s

    async def fetch(
        self,
        text: str,
        allowed: Allowed,
        *,
        method: str = "GET",
        headers: Mapping[str, str] = {},
        body: bytes | None = None,
    ) -> Fetched:
        """The answer from that URL, whatever its status. Raises FetchFailed."""
        try:
            url = parse_url(text)
        except ValueError as error:
            raise FetchFailed(str(error)) from None
        if url.scheme == "http" and not (allowed.http and allowed.private):
            raise FetchFailed(f"{url.host}: the URL has no TLS; use https")
        try:
            async with asyncio.timeout(self._timeout_s):
                addresses = await self._addresses(url, allowed)
                return await self._first(url, addresses, method, headers, body)
        except TimeoutError:
            raise FetchFailed(f"{url.host} did not answer within {self._timeout_s:g} s") from None
        except OSError as error:
            raise FetchFailed(f"{url.host}: {error.strerror or type(error).__name__}") from None

    async def _addresses(self, url: Url, allowed: Allowed) -> Sequence[str]:
        """Those of the host, all of which may be called. Raises FetchFailed or OSError."""
        addresses = await self._resolve(url.host, url.port)
        if not addresses:
            raise FetchFailed(f"{url.host} has no address")
        for address in addresses:
            # One bad address among good ones is a trick, not a choice.
            why = self._refused(address, allow_private=allowed.private)
            if why is not None:
                raise FetchFailed(f"{url.host}: {why}")
            if url.scheme == "http" and self._refused(address, allow_private=False) is None:
                raise FetchFailed(
                    f"{url.host}: {address} is a public address, which is not asked without TLS; use https"
                )
        return addresses

    async def _first(
        self, url: Url, addresses: Sequence[str], method: str, headers: Mapping[str, str], body: bytes | None
    ) -> Fetched:
        """What the first address answers that takes a connection. Raises FetchFailed."""
        # A gateway without issuers need not have it in memory.
        await imported("httpx2")
        import httpx2

        if self._context is None and url.scheme == "https":
            self._context = await asyncio.to_thread(ssl.create_default_context)
        sent = {
            "host": url.authority,
            "user-agent": f"tollway/{__version__}",
            "accept": "application/json",
            "accept-encoding": "identity",
            "connection": "close",
            **headers,
        }
        failure = ""
        timeout = httpx2.Timeout(self._timeout_s, connect=_CONNECT_S)
        verify: Any = self._context or False
        async with httpx2.AsyncClient(
            verify=verify, trust_env=False, follow_redirects=False, timeout=timeout, http2=False
        ) as client:
            for address in addresses:
                host = f"[{address}]" if ":" in address else address
                where = f"{url.scheme}://{host}:{url.port}{url.target.decode('ascii')}"
                try:
                    async with client.stream(
                        method, where, headers=sent, content=body, extensions={"sni_hostname": url.host}
                    ) as answer:
                        return Fetched(answer.status_code, await _whole(answer, url.host))
                except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                    failure = _said(error)
                except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                    raise FetchFailed(f"{url.host}: {_said(error)}") from None
        raise FetchFailed(f"{url.host} cannot be reached: {failure}")


async def _whole(answer: Any, host: str) -> bytes:
    """The body. Raises FetchFailed."""
    if answer.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
        raise FetchFailed(f"{host} answered compressed, which was not asked for")
    gathered = bytearray()
    async for piece in answer.aiter_raw():
        gathered += piece
        if len(gathered) > MOST_BYTES:
            raise FetchFailed(f"{host} answered with more than {MOST_BYTES:,} bytes")
    return bytes(gathered)


def _said(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:200]

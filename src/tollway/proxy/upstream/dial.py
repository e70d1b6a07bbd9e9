"""Opens connections: a name is resolved once, every address is checked, and the address that was checked is dialled.

A name that answers differently a moment later (DNS rebinding) therefore gains nothing. Several addresses are tried as
in RFC 8305, "happy eyeballs".
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import zip_longest
from socket import SOCK_STREAM

from tollway.proxy.transport import Url
from tollway.proxy.upstream.connection import Connection

AddressPolicy = Callable[[IPv4Address | IPv6Address], bool]
"""Whether that address may be connected to."""

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, as text, in order of preference."""

STAGGER_S = 0.25
"""RFC 8305, 8: the recommended wait before the next address is tried beside the last."""


class AddressRefused(OSError):
    """The name resolves to no address that the policy allows."""


def every_address(address: IPv4Address | IPv6Address) -> bool:
    """The default: only administrators write base URLs, and model servers do stand on private addresses."""
    return True


async def system_addresses(host: str, port: int) -> list[str]:
    """What the system's resolver says, in its order. Raises OSError."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=SOCK_STREAM)
    except UnicodeError as error:  # a label too long for DNS
        raise OSError(f"{host!r} is not a host name: {error}") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def dial(
    make: Callable[[], Connection],
    url: Url,
    *,
    tls: ssl.SSLContext | None,
    allowed: AddressPolicy = every_address,
    resolve: Resolver = system_addresses,
) -> Connection:
    """A connection to the server of `url`, ready for a request.

    `make` may be called several times, for as many sockets; those that are not returned are the caller's to abort.
    Raises OSError: no such name, AddressRefused, refused, unreachable, TLS failed.
    """
    addresses = _interleaved(await resolve(url.host, url.port))
    permitted = [address for address in addresses if allowed(ip_address(address))]
    if url.scheme == "http":
        # Without TLS a prompt and a key stay on private networks, whatever the name resolves to.
        private = [address for address in permitted if not ip_address(address).is_global]
        if permitted and not private:
            raise AddressRefused(f"{url.authority} is a public address, which is only called with https")
        permitted = private
    if not permitted:
        raise AddressRefused(f"connecting to {', '.join(addresses) or 'no address'} is not allowed")
    loop = asyncio.get_running_loop()

    async def connect(address: str) -> Connection:
        _, connection = await loop.create_connection(
            make, address, url.port, ssl=tls, server_hostname=url.host if tls is not None else None
        )
        return connection

    if len(permitted) == 1:
        return await connect(permitted[0])
    return await _race(connect, permitted)


def _interleaved(addresses: Sequence[str]) -> list[str]:
    """Families in turn, beginning with the one the resolver put first (RFC 8305, 4)."""
    first = [address for address in addresses if (":" in address) == (":" in addresses[0])]
    second = [address for address in addresses if (":" in address) != (":" in addresses[0])]
    return [address for pair in zip_longest(first, second) for address in pair if address is not None]


async def _race(connect: Callable[[str], Coroutine[None, None, Connection]], addresses: Sequence[str]) -> Connection:
    """The first connection to stand. Those that lose are left to the caller, who made them, to close."""
    waiting = deque(addresses)
    running: set[asyncio.Task[Connection]] = set()
    failures: list[BaseException] = []
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.get_running_loop().create_task(connect(waiting.popleft())))
            done, running = await asyncio.wait(
                running, timeout=STAGGER_S if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for attempt in done:
                failure = attempt.exception()
                if failure is None:
                    return attempt.result()
                failures.append(failure)
        raise failures[0]
    finally:
        for attempt in running:
            attempt.cancel()
        await asyncio.gather(*running, return_exceptions=True)

"""Sends one request and gives back its outcome; repeats it only if the provider cannot have had the whole of it."""

import asyncio
import ssl

from tollway.proxy.transport import NoAnswer, NotSent, UpstreamRequest, Url
from tollway.proxy.upstream.connection import READ_BYTES, Lost
from tollway.proxy.upstream.dial import AddressPolicy, Resolver, every_address, system_addresses
from tollway.proxy.upstream.head import HeadWriter, host_line
from tollway.proxy.upstream.pool import SHUTTING_DOWN, Pool, PoolLimits
from tollway.proxy.upstream.response import Http1Response
from tollway.proxy.upstream.sweep import Sweep


class HttpTransport:
    """Must be made, used and closed on one running event loop."""

    def __init__(
        self,
        *,
        limits: PoolLimits | None = None,
        tls: ssl.SSLContext | None = None,
        allowed: AddressPolicy = every_address,
        resolve: Resolver = system_addresses,
    ) -> None:
        """`tls` stands in for `default_tls()`. `allowed` is asked about every address before it is connected to."""
        self._limits = PoolLimits() if limits is None else limits
        self._tls = tls
        self._allowed = allowed
        self._resolve = resolve
        self._sweep = Sweep(asyncio.get_running_loop())
        self._heads = HeadWriter()
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._origins: dict[tuple[str, str, int], tuple[Pool, bytes]] = {}
        self._closed = False

    async def send(self, request: UpstreamRequest) -> Http1Response | NotSent | NoAnswer:
        url = request.url
        origin = self._origins.get((url.scheme, url.host, url.port))
        pool, host = self._add_origin(url) if origin is None else origin
        head = self._heads.write(request.method, url.target, host, request.headers, len(request.body))
        if self._closed:
            return SHUTTING_DOWN
        connection = pool.take()
        repeated = False
        while True:
            if connection is None:
                opened = await pool.connect(request.connect_timeout_s)
                if isinstance(opened, NotSent):
                    return opened
                connection = opened
            reused = connection.reused
            exchange = connection.start(head, request)
            try:
                outcome = await exchange
            except BaseException:
                connection.abandon(exchange)
                raise
            if not isinstance(outcome, Lost):
                return outcome
            # Closed while idle, and noticed before the provider can have had the whole request: once more, elsewhere.
            if repeated or not reused:
                if outcome.nothing_sent:
                    return NotSent("upstream_unreachable", outcome.message)
                return NoAnswer("upstream_invalid", outcome.message)
            repeated = True
            connection = None

    async def aclose(self) -> None:
        self._closed = True
        for pool, _ in self._origins.values():
            pool.shut()
        await self._sweep.close()

    def _add_origin(self, url: Url) -> tuple[Pool, bytes]:
        host = host_line(url.authority)
        if url.scheme == "https" and self._tls is None:
            self._tls = default_tls()
        pool = Pool(
            url,
            limits=self._limits,
            sweep=self._sweep,
            buffer=self._buffer,
            tls=self._tls if url.scheme == "https" else None,
            allowed=self._allowed,
            resolve=self._resolve,
        )
        self._origins[url.scheme, url.host, url.port] = pool, host
        return pool, host


def default_tls() -> ssl.SSLContext:
    """Verifies the certificate and the host name, against the system's certificates, and speaks HTTP/1.1."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context

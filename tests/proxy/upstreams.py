"""Providers to test against: real sockets on loopback that say exactly what a script tells them to.

A script is a coroutine that is given each accepted connection. What it leaves open is closed when the server is.
"""

import asyncio
import datetime
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tollway.proxy.transport import Response, Url

Script = Callable[["Conversation"], Awaitable[None]]


@dataclass(frozen=True)
class Received:
    """A request as a provider sees it."""

    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def header(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key.lower() == name]


class Conversation:
    """One accepted connection, from the provider's side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def request(self) -> Received:
        """The next request, framed by its content-length. Raises IncompleteReadError at the end of the connection."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = head[:-4].split(b"\r\n")
        method, target, version = first.split(b" ")
        assert version == b"HTTP/1.1"
        headers = tuple((name, value.lstrip(b" ")) for name, _, value in (line.partition(b":") for line in lines))
        lengths = [int(value) for name, value in headers if name.lower() == b"content-length"]
        assert len(lengths) <= 1, "more than one content-length"
        body = await self.reader.readexactly(lengths[0]) if lengths else b""
        return Received(method.decode(), target, headers, body)

    async def send(self, *pieces: bytes) -> None:
        """Each piece on its own, as far as the kernel keeps them apart."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def ended(self) -> bytes:
        """Waits until the client has closed; what it sent before."""
        try:
            return await self.reader.read()
        except ConnectionError:
            return b""

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class Provider:
    """A running server."""

    url: Url
    accepted: int = 0
    failures: list[BaseException] = field(default_factory=list)


@asynccontextmanager
async def provider(script: Script, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Provider]:
    """A server on a free loopback port. What a script raises, other than the client's going away, fails the test."""
    running: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        server.accepted += 1
        try:
            await script(Conversation(reader, writer))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except asyncio.CancelledError:
            pass  # by `provider` alone; asyncio's streams would log it
        except Exception as error:  # told when the server is closed
            server.failures.append(error)
        finally:
            running.discard(task)
            writer.close()

    listener = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    port = listener.sockets[0].getsockname()[1]
    server = Provider(Url("http" if tls is None else "https", "127.0.0.1", port))
    try:
        yield server
    finally:
        listener.close()
        for task in tuple(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await listener.wait_closed()
    if server.failures:
        raise server.failures[0]


def answer(body: bytes = b"", *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """A whole response with a content-length."""
    lines = [b"HTTP/1.1 " + status, *headers, b"Content-Length: %d" % len(body), b"", body]
    return b"\r\n".join(lines)


def chunked(*pieces: bytes) -> bytes:
    """A whole response in chunks."""
    return (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"".join(chunk(piece) for piece in pieces)
        + chunk(b"")
    )


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def always(response: bytes) -> Script:
    """Answers every request on every connection with the same bytes."""

    async def script(conversation: Conversation) -> None:
        while True:
            await conversation.request()
            await conversation.send(response)

    return script


def once(*pieces: bytes, close: bool = False) -> Script:
    """Answers the first request of each connection, then closes, or says no more until the client closes."""

    async def script(conversation: Conversation) -> None:
        await conversation.request()
        await conversation.send(*pieces)
        if not close:
            await conversation.ended()

    return script


@contextmanager
def full_queue() -> Iterator[int]:
    """The port of a listener on 127.0.0.2 that accepts nobody and whose queue is full, so that connecting to it hangs."""
    with ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.2", 0))
        listener.listen(0)
        for _ in range(3):
            client = sockets.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


async def read_all(response: Response) -> bytes:
    pieces: list[bytes] = []
    while piece := await response.read():
        pieces.append(piece)
    return b"".join(pieces)


@dataclass(frozen=True)
class Certificates:
    """The contexts of both sides of one self-made certificate."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def self_signed(directory: str, *names: x509.GeneralName) -> Certificates:
    """A certificate for `names` (`localhost` and 127.0.0.1 without any), made afresh in `directory`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(names or [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    path = f"{directory}/server.pem"
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + pem
        )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    server.set_alpn_protocols(["h2", "http/1.1"])
    client = ssl.create_default_context(cadata=pem.decode())
    client.set_alpn_protocols(["http/1.1"])
    return Certificates(server, client)

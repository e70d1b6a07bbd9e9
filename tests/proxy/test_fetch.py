import asyncio
import contextlib
import io
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tollway.proxy.fetch import MOST_BYTES, Allowed, Fetched, Fetcher, FetchFailed, imported, system_addresses
from tollway.workers.addresses import refusal

HERE = Allowed(private=True, http=True)


def to(*addresses: str) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve


@asynccontextmanager
async def answering(answer: bytes, asked: list[bytes] | None = None, *, hold: bool = False) -> AsyncIterator[int]:
    """A server that says `answer` to whatever it is asked; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if asked is not None:
            asked.append(head)
        writer.write(answer)
        try:
            await writer.drain()
            if hold:
                await reader.read()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def said(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    lines = (b"HTTP/1.1 " + status, b"content-length: " + str(len(body)).encode(), *headers, b"", b"")
    return b"\r\n".join(lines) + body


async def failed(fetcher: Fetcher, url: str, allowed: Allowed = HERE, **sent: Any) -> str:
    with pytest.raises(FetchFailed) as raised:
        await fetcher.fetch(url, allowed, **sent)
    return str(raised.value)


async def test_an_answer_is_fetched_from_the_address_that_was_judged_in_the_name_of_the_host() -> None:
    asked: list[bytes] = []
    async with answering(said(b'{"a":1}'), asked) as port:
        fetcher = Fetcher(refusal, resolve=to("127.0.0.1"))
        answer = await fetcher.fetch(f"http://login.example.com:{port}/keys?x=1", HERE, headers={"cookie": "c=1"})
    assert answer == Fetched(200, b'{"a":1}') and answer.object() == {"a": 1}
    head = asked[0].decode().lower()
    assert head.startswith("get /keys?x=1 http/1.1\r\n")
    assert f"host: login.example.com:{port}\r\n" in head and "cookie: c=1\r\n" in head
    assert "accept-encoding: identity\r\n" in head and "tollway/" in head


async def test_a_form_is_sent() -> None:
    asked: list[bytes] = []
    async with answering(said(b"{}", status=b"400 Bad Request"), asked) as port:
        fetcher = Fetcher(refusal, resolve=to("127.0.0.1"))
        answer = await fetcher.fetch(f"http://x.example:{port}/token", HERE, method="POST", body=b"a=b")
    assert answer.status == 400 and asked[0].startswith(b"POST /token") and b"content-length: 3" in asked[0].lower()


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    asked: list[bytes] = []
    redirect = said(b"", b"location: http://169.254.169.254/latest/", status=b"302 Found")
    async with answering(redirect, asked) as port:
        answer = await Fetcher(refusal, resolve=to("127.0.0.1")).fetch(f"http://x.example:{port}/", HERE)
    assert answer.status == 302 and len(asked) == 1


PRIVATE = (
    "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.1.1", "100.64.0.1", "0.0.0.0", "::1", "fe80::1", "fc00::1",
    "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "198.18.0.1", "224.0.0.1",
)  # fmt: skip
METADATA = ("169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254", "::ffff:169.254.169.254")


@pytest.mark.parametrize("address", [*PRIVATE, *METADATA])
async def test_no_address_that_only_this_network_reaches_is_asked(address: str) -> None:
    fetcher = Fetcher(refusal, resolve=to(address))
    assert address in await failed(fetcher, "https://login.example.com/keys", Allowed())
    # One bad address among good ones is a trick.
    fetcher = Fetcher(refusal, resolve=to("93.184.216.34", address))
    assert address in await failed(fetcher, "https://login.example.com/keys", Allowed())


@pytest.mark.parametrize("address", METADATA)
async def test_where_clouds_hand_out_credentials_is_never_asked(address: str) -> None:
    assert "credentials" in await failed(Fetcher(refusal, resolve=to(address)), "http://x.example/", HERE)


async def test_a_fetcher_that_was_not_told_whom_it_may_ask_asks_nobody() -> None:
    assert "not to be called" in await failed(Fetcher(resolve=to("93.184.216.34")), "https://x.example/", HERE)


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://x.example/", "gopher://x.example/", "https://user@x.example/", "https://x.example/#a", "", "x",
     "https://x.example/a b", "https://x.example\\@y.example/", "https://[::1", "https:///keys", "https://x.example:99999/"],
)  # fmt: skip
async def test_what_is_no_plain_url_is_not_asked(url: str) -> None:
    await failed(Fetcher(refusal, resolve=to("93.184.216.34")), url)


@pytest.mark.parametrize("allowed", [Allowed(), Allowed(private=True), Allowed(http=True)])
async def test_nothing_is_asked_without_tls_unless_both_are_allowed(allowed: Allowed) -> None:
    assert "no TLS" in await failed(Fetcher(refusal, resolve=to("127.0.0.1")), "http://x.example/", allowed)


async def test_a_public_address_is_never_asked_without_tls() -> None:
    assert "public address" in await failed(Fetcher(refusal, resolve=to("93.184.216.34")), "http://x.example/")


async def test_the_name_is_resolved_once_so_that_it_cannot_answer_twice() -> None:
    """DNS rebinding: first a good address, then another."""
    answers = [["127.0.0.1"], ["10.0.0.1"]]

    async def resolve(host: str, port: int) -> Sequence[str]:
        return answers.pop(0)

    async with answering(said(b"{}")) as port:
        await Fetcher(refusal, resolve=resolve).fetch(f"http://x.example:{port}/", HERE)
    assert answers == [["10.0.0.1"]]


async def test_the_next_address_is_tried_where_one_takes_no_connection() -> None:
    async with answering(said(b"{}")) as port:
        fetcher = Fetcher(refusal, resolve=to("127.0.0.9", "127.0.0.1"))
        assert (await fetcher.fetch(f"http://x.example:{port}/", HERE)).status == 200


async def test_an_answer_that_is_too_long_is_not_read_to_its_end() -> None:
    async with answering(said(b"x" * (MOST_BYTES + 1))) as port:
        fetcher = Fetcher(refusal, resolve=to("127.0.0.1"))
        assert "more than 262,144 bytes" in await failed(fetcher, f"http://x.example:{port}/")
    endless = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    async with answering(endless + (b"4000\r\n" + b"x" * 0x4000 + b"\r\n") * 20) as port:
        assert "more than" in await failed(Fetcher(refusal, resolve=to("127.0.0.1")), f"http://x.example:{port}/")


async def test_a_compressed_answer_is_refused() -> None:
    async with answering(said(b"\x1f\x8b", b"content-encoding: gzip")) as port:
        assert "compressed" in await failed(Fetcher(refusal, resolve=to("127.0.0.1")), f"http://x.example:{port}/")


@pytest.mark.parametrize("answer", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort"])
async def test_an_answer_that_is_none_is_said(answer: bytes) -> None:
    async with answering(answer) as port:
        assert "x.example" in await failed(Fetcher(refusal, resolve=to("127.0.0.1")), f"http://x.example:{port}/")


async def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    async with answering(b"", hold=True) as port:
        fetcher = Fetcher(refusal, resolve=to("127.0.0.1"), timeout_s=0.05)
        assert "did not answer" in await failed(fetcher, f"http://x.example:{port}/")


async def test_a_name_without_an_address_is_said() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        raise OSError(-2, "Name or service not known")

    assert "Name or service not known" in await failed(Fetcher(refusal, resolve=resolve), "https://x.example/")
    assert "no address" in await failed(Fetcher(refusal, resolve=to()), "https://x.example/")
    with pytest.raises(OSError, match="host name"):
        await system_addresses("a" * 70 + ".example", 443)


async def test_a_certificate_of_nobody_known_is_refused(tmp_path: Any) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        fetcher = Fetcher(refusal, resolve=to("127.0.0.1"), tls=ssl.create_default_context())
        assert "cannot be reached" in await failed(fetcher, f"https://x.example:{port}/", Allowed(private=True))


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b'{"a":1,"a":2}', b"{"])
def test_an_answer_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(FetchFailed):
        Fetched(200, body).object()


async def test_what_takes_long_to_import_is_imported_beside_the_requests() -> None:
    sys.modules.pop("this", None)
    with contextlib.redirect_stdout(io.StringIO()):
        await imported("this")
    assert "this" in sys.modules


def test_a_gateway_that_knows_no_issuer_imports_neither_the_client_nor_the_signatures() -> None:
    asks = "import sys, tollway.app; print([name for name in ('httpx2', 'joserfc') if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"

"""What every transport must do, over real sockets; a further implementation is one more line in TRANSPORTS."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import cast

import pytest
from cryptography.x509 import DNSName
from upstreams import (
    Certificates,
    Conversation,
    Received,
    always,
    answer,
    chunk,
    chunked,
    once,
    provider,
    read_all,
    self_signed,
)

from tollway.proxy.transport import Broken, NoAnswer, NotSent, Response, Transport, UpstreamRequest, Url, parse_url
from tollway.proxy.upstream.client import HttpTransport, default_tls

ON_EVERY_LOOP = True

TRANSPORTS: dict[str, Callable[[ssl.SSLContext | None], Transport]] = {
    "own": lambda tls: HttpTransport(tls=tls),
}


@pytest.fixture(params=TRANSPORTS)
async def transport(request: pytest.FixtureRequest) -> AsyncIterator[Transport]:
    made = TRANSPORTS[request.param](None)
    yield made
    await made.aclose()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return self_signed(str(tmp_path_factory.mktemp("tls")))


def post(url: Url, body: bytes = b"{}", **rest: object) -> UpstreamRequest:
    return UpstreamRequest("POST", url, [(b"content-type", b"application/json")], body, **rest)  # type: ignore[arg-type]


async def responded(transport: Transport, request: UpstreamRequest) -> Response:
    outcome = await transport.send(request)
    assert not isinstance(outcome, NotSent | NoAnswer), outcome
    return outcome


async def fetched(transport: Transport, request: UpstreamRequest) -> bytes:
    return await read_all(await responded(transport, request))


async def broken(response: Response) -> tuple[bytes, Broken]:
    """What came before it broke, and how it did."""
    pieces: list[bytes] = []
    with pytest.raises(Broken) as caught:
        while piece := await response.read():
            pieces.append(piece)
    return b"".join(pieces), caught.value


# What is sent.


async def test_a_request_arrives_as_it_was_given_with_its_exact_length(transport: Transport) -> None:
    seen: list[Received] = []

    async def script(conversation: Conversation) -> None:
        seen.append(await conversation.request())
        await conversation.send(answer(b"hello", b"X-Request-Id: 7", b"Set-Cookie: a", b"Set-Cookie: b"))

    async with provider(script) as server:
        request = UpstreamRequest(
            "POST", server.url.at(b"/v1/chat?x=%20"), [(b"authorization", b"Bearer k")], b'{"a":1}'
        )
        response = await responded(transport, request)
        assert response.status == 200
        assert response.headers == [
            (b"x-request-id", b"7"),
            (b"set-cookie", b"a"),
            (b"set-cookie", b"b"),
            (b"content-length", b"5"),
        ]
        assert await response.read() == b"hello"
        assert await response.read() == b""
        assert await response.read() == b""
    assert seen[0].method == "POST"
    assert seen[0].target == b"/v1/chat?x=%20"
    assert seen[0].headers == (
        (b"host", server.url.authority.encode()),
        (b"authorization", b"Bearer k"),
        (b"content-length", b"7"),
    )
    assert seen[0].body == b'{"a":1}'


@pytest.mark.parametrize("size", [0, 1, 64 * 1024, 64 * 1024 + 1, 3_000_000])
async def test_a_body_of_any_size_arrives_whole(transport: Transport, size: int) -> None:
    seen: list[Received] = []

    async def script(conversation: Conversation) -> None:
        seen.append(await conversation.request())
        await conversation.send(answer(b"ok"))

    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    async with provider(script) as server:
        assert await fetched(transport, post(server.url, body)) == b"ok"
    assert seen[0].body == body
    assert seen[0].header(b"content-length") == [str(size).encode()]


async def test_framing_headers_are_never_copied(transport: Transport) -> None:
    seen: list[Received] = []

    async def script(conversation: Conversation) -> None:
        seen.append(await conversation.request())
        await conversation.send(answer(b"ok"))

    smuggled = [
        (b"Host", b"evil.example"),
        (b"Content-Length", b"999"),
        (b"transfer-encoding", b"chunked"),
        (b"Connection", b"close, x-kept"),
        (b"TE", b"trailers"),
        (b"upgrade", b"h2c"),
        (b"expect", b"100-continue"),
        (b"x-kept", b"1"),
    ]
    async with provider(script) as server:
        request = UpstreamRequest("POST", server.url, smuggled, b"{}")
        assert await fetched(transport, request) == b"ok"
        host = server.url.authority.encode()
    assert seen[0].headers == ((b"host", host), (b"x-kept", b"1"), (b"content-length", b"2"))


@pytest.mark.parametrize("value", [b"a\r\nx-evil: 1", b"a\nb", b"a\rb", b"\0", b"a\r\n\r\nGET / HTTP/1.1"])
async def test_a_header_value_with_a_line_break_is_refused_by_name_and_nothing_is_sent(
    transport: Transport, value: bytes
) -> None:
    async with provider(always(answer(b"ok"))) as server:
        with pytest.raises(ValueError, match="x-model"):
            await transport.send(UpstreamRequest("POST", server.url, [(b"x-ok", b"1"), (b"x-model", value)], b"{}"))
        assert server.accepted == 0


@pytest.mark.parametrize("name", [b"", b"a b", b"a:b", b"a\r\n", b"\xc3\xa4", b"a\0"])
async def test_a_header_name_that_is_no_token_is_refused(transport: Transport, name: bytes) -> None:
    async with provider(always(answer(b"ok"))) as server:
        with pytest.raises(ValueError, match="not a header name"):
            await transport.send(UpstreamRequest("POST", server.url, [(name, b"1")], b"{}"))
        assert server.accepted == 0


@pytest.mark.parametrize("target", [b"", b"v1", b"/a b", b"/a\r\nx: 1", b"/\x00", b"/\xff", b"http://evil.example/"])
async def test_a_target_that_is_no_path_is_refused(transport: Transport, target: bytes) -> None:
    async with provider(always(answer(b"ok"))) as server:
        with pytest.raises(ValueError, match="not a path"):
            await transport.send(post(server.url.at(target)))
        assert server.accepted == 0


async def test_a_redirect_is_handed_back_not_followed(transport: Transport) -> None:
    async with provider(always(answer(b"", b"Location: http://169.254.169.254/", status=b"302 Found"))) as server:
        response = await responded(transport, post(server.url))
        assert response.status == 302
        assert await read_all(response) == b""
        assert server.accepted == 1


# How answers end.

WHOLE = {
    "content-length": (answer(b"hello world"), b"hello world"),
    "empty": (answer(b""), b""),
    "chunked": (chunked(b"hello", b" ", b"world"), b"hello world"),
    "chunked, nothing in it": (chunked(), b""),
    "chunk extensions and trailers": (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n",
        b"hello",
    ),
    "no reason phrase": (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", b"ok"),
    "100 first": (b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"ok"), b"ok"),
    "103 and 100 first": (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + answer(b"ok"),
        b"ok",
    ),
}


@pytest.mark.parametrize("name", WHOLE)
async def test_a_whole_answer_leaves_the_connection_usable(transport: Transport, name: str) -> None:
    response, body = WHOLE[name]
    async with provider(always(response)) as server:
        for _ in range(3):
            assert await fetched(transport, post(server.url)) == body
        assert server.accepted == 1


@pytest.mark.parametrize("name", ["chunk extensions and trailers", "103 and 100 first", "content-length"])
async def test_an_answer_may_be_cut_at_every_offset(transport: Transport, name: str) -> None:
    response, body = WHOLE[name]
    cuts = iter(range(1, len(response)))

    async def script(conversation: Conversation) -> None:
        for cut in cuts:
            await conversation.request()
            await conversation.send(response[:cut], response[cut:])

    async with provider(script) as server:
        for _ in range(1, len(response)):
            assert await fetched(transport, post(server.url)) == body
        assert server.accepted == 1


async def test_an_answer_may_come_byte_by_byte(transport: Transport) -> None:
    response = chunked(b"hello", b" world")
    async with provider(once(*(response[i : i + 1] for i in range(len(response))))) as server:
        assert await fetched(transport, post(server.url)) == b"hello world"


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_an_answer_without_a_body_ends_with_its_head(transport: Transport, status: bytes) -> None:
    async with provider(always(b"HTTP/1.1 " + status + b"\r\nETag: x\r\n\r\n")) as server:
        for _ in range(2):
            response = await responded(transport, post(server.url))
            assert response.status == int(status[:3])
            assert await response.read() == b""
        assert server.accepted == 1


async def test_the_answer_to_head_has_no_body_whatever_its_length_says(transport: Transport) -> None:
    async with provider(always(b"HTTP/1.1 200 OK\r\nContent-Length: 4711\r\n\r\n")) as server:
        for _ in range(2):
            response = await responded(transport, UpstreamRequest("HEAD", server.url, []))
            assert (b"content-length", b"4711") in response.headers
            assert await response.read() == b""


async def test_a_body_without_framing_ends_with_the_connection(transport: Transport) -> None:
    async with provider(once(b"HTTP/1.1 200 OK\r\n\r\n", b"hello ", b"world", close=True)) as server:
        for connections in (1, 2):
            assert await fetched(transport, post(server.url)) == b"hello world"
            assert server.accepted == connections


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nConnection: close", b"HTTP/1.0 200 OK"])
async def test_a_connection_that_the_provider_will_close_is_not_used_again(transport: Transport, head: bytes) -> None:
    async with provider(once(head + b"\r\nContent-Length: 2\r\n\r\nok")) as server:
        for connections in (1, 2, 3):
            assert await fetched(transport, post(server.url)) == b"ok"
            assert server.accepted == connections


@pytest.mark.parametrize(
    "extra",
    [b"x", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstale", b"\0\0\0"],
)
async def test_bytes_after_the_end_cost_the_connection_and_not_the_answer(transport: Transport, extra: bytes) -> None:
    async with provider(once(answer(b"good") + extra)) as server:
        for connections in (1, 2):
            assert await fetched(transport, post(server.url)) == b"good"
            assert server.accepted == connections


async def test_bytes_that_come_while_a_connection_is_idle_cost_the_connection(transport: Transport) -> None:
    closed = asyncio.Event()
    late = asyncio.Event()

    async def script(conversation: Conversation) -> None:
        await conversation.request()
        await conversation.send(answer(b"good"))
        await late.wait()
        await conversation.send(answer(b"unasked", status=b"408 Request Timeout"))
        await conversation.ended()
        closed.set()

    async with provider(script) as server:
        assert await fetched(transport, post(server.url)) == b"good"
        late.set()
        await closed.wait()
        assert await fetched(transport, post(server.url)) == b"good"
        assert server.accepted == 2


# How answers break.

HEAD = b"HTTP/1.1 200 OK\r\n"
NOT_HTTP = {
    "garbage": b"SSH-2.0-OpenSSH\r\n\r\n",
    "length and chunks": HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    "chunks and length": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": HEAD + b"Content-Length: 3, 3\r\n\r\nabc",
    "a signed length": HEAD + b"Content-Length: +3\r\n\r\nabc",
    "a negative length": HEAD + b"Content-Length: -3\r\n\r\nabc",
    "another coding": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    "chunks not last": HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n",
    "a folded header": HEAD + b"A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "a space before the colon": HEAD + b"A : b\r\nContent-Length: 0\r\n\r\n",
    "NUL in a header": HEAD + b"A: b\0c\r\nContent-Length: 0\r\n\r\n",
    "CR in a header": HEAD + b"A: b\rc\r\nContent-Length: 0\r\n\r\n",
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "status 099": b"HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n",
    "status 999": b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n",
    "an upgrade": b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    "an upgrade without its headers": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "an interim answer with a body": b"HTTP/1.1 199 Odd\r\nContent-Length: 5\r\n\r\nhello" + answer(b"ok"),
    "201 fields": HEAD + b"A: b\r\n" * 201 + b"Content-Length: 0\r\n\r\n",
    "a head of 70 kB": HEAD + b"A: " + b"b" * 70_000 + b"\r\nContent-Length: 0\r\n\r\n",
    "a head without end": HEAD + b"A: " + b"b" * 200_000,
    "interim answers without end": b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" * 5_000,
}


@pytest.mark.parametrize("name", NOT_HTTP)
async def test_an_answer_that_is_not_http_is_no_answer(transport: Transport, name: str) -> None:
    async with provider(once(NOT_HTTP[name])) as server:
        outcome = await transport.send(post(server.url))
        assert isinstance(outcome, NoAnswer)
        assert outcome.code == "upstream_invalid"
        assert server.accepted == 1


BAD_BODIES = {
    "chunk size": (b"xyz\r\n", b""),
    "chunk size with a space": (b"3 \r\nabc\r\n", b""),
    "chunk longer than it says": (b"3\r\nabcd\r\n0\r\n\r\n", b"abc"),
    "chunk size too large": (b"fffffffffffffffff\r\n", b""),
    "bare line feed": (b"3\nabc\n0\n\n", b""),
    "a length among the trailers": (b"3\r\nabc\r\n0\r\nContent-Length: 3\r\n\r\n", b"abc"),
    "an extension without end": (b"3;" + b"x" * 200_000, b""),
    "trailers without end": (b"3\r\nabc\r\n0\r\nX: " + b"x" * 200_000, b"abc"),
}


@pytest.mark.parametrize("name", BAD_BODIES)
async def test_a_body_that_is_not_http_breaks_after_what_was_good(transport: Transport, name: str) -> None:
    body, good = BAD_BODIES[name]
    async with provider(once(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", body)) as server:
        seen, error = await broken(await responded(transport, post(server.url)))
        assert (seen, error.code) == (good, "upstream_invalid")


@pytest.mark.parametrize(
    "cut",
    [
        HEAD + b"Content-Length: 10\r\n\r\nhello",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\nhello",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ],
)
async def test_a_body_that_is_cut_short_breaks_after_what_came(transport: Transport, cut: bytes) -> None:
    async with provider(once(cut, close=True)) as server:
        seen, error = await broken(await responded(transport, post(server.url)))
        assert (seen, error.code) == (b"hello", "upstream_invalid")


@pytest.mark.parametrize("head", [HEAD + b"Content-Length: 10\r\n\r\n", HEAD + b"\r\n"])
async def test_a_reset_inside_the_body_breaks_it(transport: Transport, head: bytes) -> None:
    read = asyncio.Event()

    async def script(conversation: Conversation) -> None:
        await conversation.request()
        await conversation.send(head + b"hello")
        await read.wait()
        conversation.reset()

    async with provider(script) as server:
        response = await responded(transport, post(server.url))
        assert await response.read() == b"hello"
        read.set()
        seen, error = await broken(response)
        assert (seen, error.code) == (b"", "upstream_invalid")
        with pytest.raises(Broken):
            await response.read()


@pytest.mark.parametrize("sent", [b"", b"H", b"HTTP/1.1 200 OK\r\nContent-", b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_a_close_before_the_whole_head_is_no_answer(transport: Transport, sent: bytes) -> None:
    async with provider(once(sent, close=True)) as server:
        outcome = await transport.send(post(server.url))
        assert isinstance(outcome, NoAnswer)
        assert outcome.code == "upstream_invalid"
        assert server.accepted == 1


async def test_a_reset_before_the_head_is_no_answer(transport: Transport) -> None:
    async def script(conversation: Conversation) -> None:
        await conversation.request()
        conversation.reset()

    async with provider(script) as server:
        outcome = await transport.send(post(server.url))
        assert isinstance(outcome, NoAnswer)
        assert server.accepted == 1


# Time.


async def test_a_late_head_is_a_timeout_and_closes_the_connection(transport: Transport) -> None:
    closed = asyncio.Event()

    async def script(conversation: Conversation) -> None:
        await conversation.request()
        await conversation.ended()
        closed.set()

    async with provider(script) as server:
        outcome = await transport.send(post(server.url, first_byte_timeout_s=0.05))
        assert outcome == NoAnswer("upstream_timeout", "The provider did not begin to answer within 0.05 s.")
        await closed.wait()


async def test_an_interim_answer_does_not_stop_the_wait_for_the_head(transport: Transport) -> None:
    async with provider(once(b"HTTP/1.1 100 Continue\r\n\r\n")) as server:
        outcome = await transport.send(post(server.url, first_byte_timeout_s=0.05))
        assert isinstance(outcome, NoAnswer)
        assert outcome.code == "upstream_timeout"


@pytest.mark.parametrize("sent", [b"", chunk(b"hello"), chunk(b"hello") + b"5\r\n"])
async def test_a_body_that_falls_silent_breaks_and_closes_the_connection(transport: Transport, sent: bytes) -> None:
    closed = asyncio.Event()

    async def script(conversation: Conversation) -> None:
        await conversation.request()
        await conversation.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", sent)
        await conversation.ended()
        closed.set()

    async with provider(script) as server:
        response = await responded(transport, post(server.url, idle_timeout_s=0.05))
        seen, error = await broken(response)
        assert (seen, error.code) == (b"hello" if sent else b"", "upstream_timeout")
        await closed.wait()


async def test_a_refused_connection_is_not_sent(transport: Transport) -> None:
    async with provider(always(answer())) as server:
        pass
    outcome = await transport.send(post(server.url))
    assert isinstance(outcome, NotSent)
    assert outcome.code == "upstream_unreachable"
    assert server.url.authority in outcome.message


async def test_a_name_that_does_not_resolve_is_not_sent(transport: Transport) -> None:
    outcome = await transport.send(post(parse_url("http://" + "a" * 70 + ".invalid/")))
    assert isinstance(outcome, NotSent)
    assert outcome.code == "upstream_unreachable"


# Connections.


async def test_a_thousand_requests_share_one_connection(transport: Transport) -> None:
    async def echo(conversation: Conversation) -> None:
        while True:
            await conversation.send(answer((await conversation.request()).body))

    async with provider(echo) as server:
        for number in range(1_000):
            assert await fetched(transport, post(server.url, b"%d" % number)) == b"%d" % number
        assert server.accepted == 1


async def test_64_requests_at_once_get_their_own_answers(transport: Transport) -> None:
    arrived = 0
    everyone = asyncio.Event()

    async def echo(conversation: Conversation) -> None:
        nonlocal arrived
        while True:
            received = await conversation.request()
            arrived += 1
            if arrived == 64:
                everyone.set()
            await everyone.wait()
            await conversation.send(answer(received.body))

    async with provider(echo) as server:
        for _ in range(3):
            bodies = [b"%d" % number for number in range(64)]
            assert await asyncio.gather(*(fetched(transport, post(server.url, body)) for body in bodies)) == bodies
        assert server.accepted == 64


async def test_a_connection_closed_while_idle_is_replaced_unnoticed(transport: Transport) -> None:
    """Even if the loop has had no turn to see the close."""
    closed = asyncio.Queue[None]()

    async def script(conversation: Conversation) -> None:
        await conversation.request()
        await conversation.send(answer(b"ok"))
        conversation.close()
        await conversation.writer.wait_closed()
        closed.put_nowait(None)

    async with provider(script) as server:
        for connections in range(1, 21):
            assert await fetched(transport, post(server.url)) == b"ok"
            assert server.accepted == connections
            await closed.get()


async def test_a_request_lost_on_a_reused_connection_is_not_repeated(transport: Transport) -> None:
    """It was sent whole and the provider had read it: it may have been billed."""

    async def script(conversation: Conversation) -> None:
        await conversation.request()
        await conversation.send(answer(b"ok"))
        await conversation.request()

    async with provider(script) as server:
        assert await fetched(transport, post(server.url)) == b"ok"
        outcome = await transport.send(post(server.url))
        assert isinstance(outcome, NoAnswer)
        assert server.accepted == 1


async def test_an_answer_that_comes_before_the_request_is_sent_whole_is_an_answer(transport: Transport) -> None:
    async def script(conversation: Conversation) -> None:
        await conversation.reader.readuntil(b"\r\n\r\n")
        await conversation.send(answer(b"too large", status=b"413 Content Too Large"))
        await conversation.ended()

    async with provider(script) as server:
        response = await responded(transport, post(server.url, b"x" * 20_000_000))
        assert response.status == 413
        assert await read_all(response) == b"too large"
        await fetched(transport, post(server.url))
        assert server.accepted == 2


async def test_cancelling_the_wait_for_a_head_closes_the_connection(transport: Transport) -> None:
    asked, closed = asyncio.Event(), asyncio.Event()

    async def script(conversation: Conversation) -> None:
        await conversation.request()
        asked.set()
        await conversation.ended()
        closed.set()

    async with provider(script) as server:
        sending = asyncio.create_task(transport.send(post(server.url)))
        await asked.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await closed.wait()


def half_an_answer() -> tuple[Callable[[Conversation], Awaitable[None]], asyncio.Event]:
    """A provider that says half of its answer and waits for the end of the connection; and what is set then."""
    closed = asyncio.Event()

    async def script(conversation: Conversation) -> None:
        await conversation.request()
        await conversation.send(HEAD + b"Content-Length: 10\r\n\r\nhello")
        await conversation.ended()
        closed.set()

    return script, closed


async def test_cancelling_a_read_closes_the_connection(transport: Transport) -> None:
    script, closed = half_an_answer()
    async with provider(script) as server:
        response = await responded(transport, post(server.url))
        assert await response.read() == b"hello"
        reading = asyncio.create_task(cast("asyncio.Coroutine[None, None, bytes]", response.read()))
        turn = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(turn.set_result, None)
        await turn
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await closed.wait()


async def test_closing_a_response_closes_the_connection_at_once(transport: Transport) -> None:
    script, closed = half_an_answer()
    async with provider(script) as server:
        response = await responded(transport, post(server.url))
        response.close()
        response.close()
        await closed.wait()


async def test_closing_a_response_that_was_read_keeps_the_connection(transport: Transport) -> None:
    async with provider(always(answer(b"ok"))) as server:
        for _ in range(3):
            response = await responded(transport, post(server.url))
            assert await read_all(response) == b"ok"
            response.close()
        assert server.accepted == 1


async def test_a_closed_transport_sends_nothing_and_leaves_nothing_open(transport: Transport) -> None:
    closed = asyncio.Event()

    async def script(conversation: Conversation) -> None:
        await conversation.request()
        await conversation.send(answer(b"ok"))
        await conversation.ended()
        closed.set()

    async with provider(script) as server:
        assert await fetched(transport, post(server.url)) == b"ok"
        await transport.aclose()
        await closed.wait()
        assert await transport.send(post(server.url)) == NotSent("shutting_down", "This gateway is shutting down.")
        assert server.accepted == 1


async def test_closing_the_transport_ends_what_is_under_way(transport: Transport) -> None:
    asked = asyncio.Event()

    async def script(conversation: Conversation) -> None:
        request = await conversation.request()
        if request.target == b"/stream":
            await conversation.send(HEAD + b"Content-Length: 10\r\n\r\nhello")
        else:
            asked.set()
        await conversation.ended()

    async with provider(script) as server:
        response = await responded(transport, post(server.url.at(b"/stream")))
        waiting = asyncio.create_task(cast("asyncio.Coroutine[None, None, object]", transport.send(post(server.url))))
        await asked.wait()
        await transport.aclose()
        assert isinstance(await waiting, NoAnswer)
        seen, _ = await broken(response)
        assert seen == b"hello"


# Streams.


async def test_each_event_is_handed_out_before_the_next_is_sent(transport: Transport) -> None:
    read = asyncio.Queue[None]()

    async def script(conversation: Conversation) -> None:
        await conversation.request()
        await conversation.send(HEAD + b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        await read.get()
        for number in range(5):
            await conversation.send(chunk(b"data: %d\n\n" % number))
            await read.get()
        await conversation.send(chunk(b""))
        await conversation.ended()

    async with provider(script) as server:
        response = await responded(transport, post(server.url))
        read.put_nowait(None)
        for number in range(5):
            assert await response.read() == b"data: %d\n\n" % number
            read.put_nowait(None)
        assert await response.read() == b""


@pytest.mark.parametrize("secure", [False, True])
async def test_a_slow_reader_holds_the_provider_back(certificates: Certificates, secure: bool) -> None:
    total = 64 * 1024 * 1024
    sent = 0
    stalled = asyncio.Event()

    async def script(conversation: Conversation) -> None:
        nonlocal sent
        await conversation.request()
        await conversation.send(HEAD + b"Content-Length: %d\r\n\r\n" % total)
        piece = b"x" * 65_536
        while sent < total:
            conversation.writer.write(piece)
            sent += len(piece)
            draining = asyncio.ensure_future(conversation.writer.drain())
            await asyncio.wait({draining}, timeout=0.2)
            if not draining.done():
                stalled.set()
            await draining
        await conversation.ended()

    transport = HttpTransport(tls=certificates.client)
    async with provider(script, tls=certificates.server if secure else None) as server:
        response = await responded(transport, post(server.url))
        await stalled.wait()
        # Loopback sockets may hold some megabytes; we hold 128 KiB at most.
        assert sent < 16 * 1024 * 1024
        size = 0
        while piece := await response.read():
            assert len(piece) <= 128 * 1024
            size += len(piece)
        assert size == sent == total
    await transport.aclose()


# TLS.


@pytest.mark.parametrize("make", TRANSPORTS.values(), ids=TRANSPORTS)
async def test_tls_names_the_host_and_settles_on_http_1(
    make: Callable[[ssl.SSLContext | None], Transport], certificates: Certificates
) -> None:
    spoken: list[str | None] = []

    async def script(conversation: Conversation) -> None:
        spoken.append(conversation.writer.get_extra_info("ssl_object").selected_alpn_protocol())
        while True:
            await conversation.send(answer((await conversation.request()).body * 2))

    transport = make(certificates.client)
    async with provider(script, tls=certificates.server) as server:
        named = Url("https", "localhost", server.url.port)
        for url in (named, named, server.url):
            assert await fetched(transport, post(url, b"x" * 100_000)) == b"x" * 200_000
        assert server.accepted == 2
        await transport.aclose()
    assert spoken == ["http/1.1", "http/1.1"]


@pytest.mark.parametrize("make", TRANSPORTS.values(), ids=TRANSPORTS)
async def test_a_certificate_nobody_vouches_for_is_refused_before_anything_is_sent(
    make: Callable[[ssl.SSLContext | None], Transport], certificates: Certificates
) -> None:
    transport = make(None)
    async with provider(always(answer(b"ok")), tls=certificates.server) as server:
        outcome = await transport.send(post(server.url))
        assert isinstance(outcome, NotSent)
        assert "certificate verify failed" in outcome.message
        await transport.aclose()


@pytest.mark.parametrize("make", TRANSPORTS.values(), ids=TRANSPORTS)
async def test_a_certificate_for_another_name_is_refused(
    make: Callable[[ssl.SSLContext | None], Transport], tmp_path: Path
) -> None:
    elsewhere = self_signed(str(tmp_path), DNSName("api.openai.com"))
    transport = make(elsewhere.client)
    async with provider(always(answer(b"ok")), tls=elsewhere.server) as server:
        outcome = await transport.send(post(server.url))
        assert isinstance(outcome, NotSent)
        assert "certificate verify failed" in outcome.message
        await transport.aclose()


def test_the_default_context_verifies() -> None:
    context = default_tls()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


# URLs.


@pytest.mark.parametrize(
    ("text", "url", "authority"),
    [
        ("https://api.openai.com", Url("https", "api.openai.com", 443), "api.openai.com"),
        ("https://api.openai.com/v1/x?y=1", Url("https", "api.openai.com", 443, b"/v1/x?y=1"), "api.openai.com"),
        ("http://LOCALHOST:8000/", Url("http", "localhost", 8000), "localhost:8000"),
        ("http://[::1]:8000", Url("http", "::1", 8000), "[::1]:8000"),
        ("http://a?b", Url("http", "a", 80, b"/?b"), "a"),
        ("https://a:80", Url("https", "a", 80), "a:80"),
    ],
)
def test_a_url_is_parsed_once(text: str, url: Url, authority: str) -> None:
    assert parse_url(text) == url
    assert url.authority == authority
    assert url.at(b"/z") == Url(url.scheme, url.host, url.port, b"/z")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "api.openai.com",
        "ftp://a",
        "file:///etc/passwd",
        "http://",
        "http:///x",
        "http://user:pass@a",
        "http://good.example@evil.example/",
        "http://a\\@evil.example/",
        "http://a b/",
        "http://a/\r\nx: 1",
        "http://a/#x",
        "http://a/#",
        "http://a:0",
        "http://a:65536",
        "http://a:b",
        "http://a%2eb/",
        "http://\uff41/",
        "http://[::1",
    ],
)
def test_a_url_that_two_parsers_may_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_url(text)

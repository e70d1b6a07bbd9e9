"""One HTTP/1.1 connection to a provider: one exchange at a time, read as it comes.

llhttp (httptools) does the parsing, strictly. This file adds what it leaves open: what an answer means to the
connection, how much of it may lie in memory, and what can be said of a request whose answer never came. No task and no
timer runs here: `deadline` is looked at by the one sweep.
"""

import asyncio
import math
import select
import sys
from typing import Protocol, cast

import msgspec
from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpResponseParser

from tollway.proxy.transport import Broken, Failure, NoAnswer, UpstreamRequest
from tollway.proxy.upstream.outflow import Outflow
from tollway.proxy.upstream.response import Http1Response

READ_BYTES = 64 * 1024
HELD_BYTES = 64 * 1024
"""Reading pauses above this, so less than HELD_BYTES + READ_BYTES lie between provider and reader."""
HEAD_BYTES = 64 * 1024
HEAD_FIELDS = 200
TRAILER_FIELDS = 32
SWEEP_S = 1.0
"""The longest time between two sweeps of a pool: shorter timeouts must be announced."""


class Lost(msgspec.Struct, frozen=True):
    """The connection went before the provider can have had the whole request, so it may be sent again."""

    message: str
    nothing_sent: bool
    """Not one byte left this machine."""


class _Refused(Exception):
    """An answer that parses and cannot be accepted."""


class Keeper(Protocol):
    """What a connection tells its pool."""

    def opened(self, connection: "Connection") -> None: ...

    def released(self, connection: "Connection") -> None:
        """The exchange ended well: the connection can take another."""
        ...

    def retired(self, connection: "Connection") -> None:
        """The connection takes no further exchange. Called once."""
        ...

    def gone(self, connection: "Connection") -> None:
        """Its socket is closed. May be called without `opened`, and again."""
        ...

    def hasten(self, deadline: float) -> None:
        """A deadline has been set that may lie before the next sweep."""
        ...


Outcome = Http1Response | NoAnswer | Lost


class Connection(asyncio.BufferedProtocol):
    """A connection and the exchange on it, if any: idle, sent (no head yet) or answering.

    `buffer` may be shared by all connections of a loop: what was read is parsed before the next read.
    """

    __slots__ = (
        "_begun_again",
        "_buffer",
        "_complete",
        "_exchange",
        "_head_only",
        "_headers",
        "_keeper",
        "_loop",
        "_outflow",
        "_parser",
        "_paused",
        "_poll",
        "_request",
        "_response",
        "_reusable",
        "_secure",
        "_silent_bytes",
        "_transport",
        "closed",
        "deadline",
        "reused",
    )

    def __init__(self, keeper: Keeper, loop: asyncio.AbstractEventLoop, buffer: memoryview) -> None:
        self.closed = False
        """It takes no further exchange."""
        self.reused = False
        """It has served an exchange before, so its other end may have gone unseen."""
        self.deadline = math.inf
        """On the loop's clock: when `expire` is to be called. Only set while something is waited for."""
        self._keeper = keeper
        self._loop = loop
        self._buffer = buffer
        self._parser = HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._secure = False
        self._poll: select.poll | None = None
        self._request: UpstreamRequest | None = None
        self._exchange: asyncio.Future[Outcome] | None = None
        self._response: Http1Response | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_only = False
        self._complete = False
        self._reusable = False
        self._begun_again = False
        self._outflow = Outflow(loop, self._sent)
        self._paused = False
        self._silent_bytes = 0
        """Bytes received since the request, or since the last piece of body, that were neither."""

    # The pool's side.

    def start(self, head: bytes, request: UpstreamRequest) -> asyncio.Future[Outcome]:
        """Send a request. The future gets its outcome; who stops waiting for it calls `abandon`."""
        transport = self._transport
        assert transport is not None and self._exchange is None and not self.closed
        self._exchange = waiter = self._loop.create_future()
        self._request = request
        self._response = None
        self._complete = self._begun_again = False
        self._silent_bytes = 0
        self._head_only = request.method == "HEAD"
        self._set_deadline(request.first_byte_timeout_s)
        was_closing = transport.is_closing()
        if not was_closing:
            self._outflow.write(transport, head, request.body)
        if was_closing or (transport.is_closing() and not self._secure):
            # The one system call failed, so the kernel took nothing. (Behind TLS there may have been several.)
            self._retire()
            self._settle(Lost("The connection was closed before the request was written.", nothing_sent=True))
        return waiter

    def abandon(self, exchange: asyncio.Future[Outcome]) -> None:
        """Close the connection if `exchange` is still what it is doing."""
        if self._exchange is exchange:
            self.abort()

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        self._fail("shutting_down", "The connection was closed by this gateway before the answer had come.")

    def expire(self) -> None:
        """The deadline has passed."""
        request = self._request
        if request is None:
            self._retire()
        elif self._response is None:
            self._fail(
                "upstream_timeout", f"The provider did not begin to answer within {request.first_byte_timeout_s:g} s."
            )
        else:
            self._fail("upstream_timeout", f"The provider's answer fell silent for {request.idle_timeout_s:g} s.")

    def is_stale(self) -> bool:
        """Whether something waits to be read on this idle connection: its end, most often, not yet seen by the loop."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return True
        if sys.platform == "win32":
            return False
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(self._poll.poll(0))

    # The response's side.

    def wait_for_body(self) -> asyncio.Future[None]:
        assert self._request is not None
        self._set_deadline(self._request.idle_timeout_s)
        return self._loop.create_future()

    def resume(self) -> None:
        """All that was held has been read."""
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

    # asyncio's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # uvloop's do not inherit from it
        self._transport = transport
        self._secure = transport.get_extra_info("sslcontext") is not None
        # So that `pause_writing` tells exactly whether the kernel (or the TLS layer, which counts 0 as full) has all.
        transport.set_write_buffer_limits(high=1 if self._secure else 0)
        if self._secure:
            # Or 256 KiB of TLS records pile up beside our own bound.
            limit = getattr(transport, "set_read_buffer_limits", None)
            if limit is not None:
                limit(high=READ_BYTES)
        if self.closed:
            # Given up while it was being opened.
            transport.abort()
        else:
            self._keeper.opened(self)

    def pause_writing(self) -> None:
        self._outflow.pause()

    def resume_writing(self) -> None:
        self._outflow.resume()

    def _sent(self) -> None:
        # The time until an answer begins when the whole request has gone.
        request = self._request
        if request is not None and self._response is None and not self.closed:
            self._set_deadline(request.first_byte_timeout_s)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._request is None or self.closed:
            # Nothing was asked: a late 408, or bytes beyond the end of the last answer.
            self._retire()
            return
        self._silent_bytes += nbytes
        try:
            self._parser.feed_data(self._buffer[:nbytes])
        except (HttpParserError, HttpParserUpgrade) as error:
            self._reusable = False
            if not self._complete:
                self._fail("upstream_invalid", f"The provider's answer is not HTTP/1.1: {_cause(error)}.")
                return
        response = self._response
        if self._complete:
            self._finish()
        elif response is not None and response.held > HELD_BYTES:
            if not self._paused and self._transport is not None:
                self._paused = True
                self._transport.pause_reading()
        elif self._silent_bytes > HEAD_BYTES:
            part = "head" if response is None else "framing"
            self._fail("upstream_invalid", f"The provider's answer has a {part} larger than {HEAD_BYTES} bytes.")

    def eof_received(self) -> None:
        response = self._response
        if response is not None and not self._complete and response.ends_with_connection:
            self._reusable = False
            self._finish()
        else:
            self._lose()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose()
        self._transport = None
        self._keeper.gone(self)
        # Both know this connection: circles, which would wait for the collector of garbage.
        del self._parser, self._outflow

    # The parser's side.

    def on_message_begin(self) -> None:
        self._begun_again = self._complete

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        # We send no TE, so nothing else may come (RFC 9112, 7.4); llhttp would hand out the encoded bytes.
        if name == b"transfer-encoding" and value.lower() != b"chunked":
            raise _Refused(f"it has transfer-encoding {value[:100]!r}")
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._complete:
            raise _Refused("it is followed by another")
        status = self._parser.get_status_code()
        headers, self._headers = self._headers, []
        if status < 200:
            self._refuse_interim(status, headers)
            return
        if status > 599:
            raise _Refused(f"it has status {status}")
        if len(headers) > HEAD_FIELDS:
            raise _Refused(f"its head has more than {HEAD_FIELDS} fields")
        if self._silent_bytes > HEAD_BYTES and sum(len(n) + len(v) for n, v in headers) > HEAD_BYTES:
            raise _Refused(f"its head is larger than {HEAD_BYTES} bytes")
        self._silent_bytes = 0
        self.deadline = math.inf
        self._response = response = Http1Response(status, headers, self)
        if self._head_only:
            # llhttp does not know the method and now expects a body: this parser cannot go on.
            self._complete, self._reusable = True, False
        waiter = self._exchange
        if waiter is not None and not waiter.done():
            waiter.set_result(response)

    def on_body(self, piece: bytes) -> None:
        response = self._response
        if response is not None and not self._complete:
            self._silent_bytes = 0
            self.deadline = math.inf
            response.add(piece)

    def on_message_complete(self) -> None:
        # After an interim response there is none yet; after HEAD it is complete already.
        if self._response is not None and not self._complete:
            self._complete = True
            self._reusable = self._parser.should_keep_alive() and len(self._headers) <= TRAILER_FIELDS
            self._headers = []

    # Ends.

    def _refuse_interim(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Raises for an interim response that cannot be passed over (RFC 9110, 15.2)."""
        if status < 100 or status == 101:
            raise _Refused(f"it has status {status}, which was not asked for")
        if any(name == b"content-length" or name == b"transfer-encoding" for name, _ in headers):
            # RFC 9112, 6.1 and RFC 9110, 8.6 forbid them; parsers differ in what they make of it.
            raise _Refused(f"its interim response {status} announces a body")

    def _finish(self) -> None:
        """The response has come whole."""
        response = self._response
        assert response is not None
        self._response = self._request = self._exchange = None
        self.deadline = math.inf
        response.end(None)
        if self._reusable and not self._begun_again and not self._outflow.unsent and not self.closed:
            self.reused = True
            if self._paused:
                self.resume()
            self._keeper.released(self)
        else:
            self._retire()

    def _lose(self) -> None:
        """The other end has closed, or reset, the connection."""
        if self.closed:
            return
        if self._request is None:
            self._retire()
        elif self._response is not None:
            self._fail("upstream_invalid", "The provider's answer broke off.")
        elif self._outflow.unsent and not self._silent_bytes:
            self._retire()
            self._settle(Lost("The provider closed the connection while the request was being sent.", False))
        else:
            self._fail("upstream_invalid", "The provider closed the connection without an answer.")

    def _fail(self, code: Failure, message: str) -> None:
        self._retire()
        response, self._response = self._response, None
        if response is not None:
            self._exchange = None
            response.end(Broken(code, message))
        else:
            self._settle(NoAnswer(code, message))

    def _settle(self, outcome: Outcome) -> None:
        waiter, self._exchange = self._exchange, None
        if waiter is not None and not waiter.done():
            waiter.set_result(outcome)

    def _retire(self) -> None:
        """Close the connection. A second time changes nothing."""
        if not self.closed:
            self.closed = True
            self._outflow.end()
            self.deadline = math.inf
            if self._transport is not None:
                self._transport.abort()
            self._keeper.retired(self)

    def _set_deadline(self, length_s: float) -> None:
        self.deadline = deadline = self._loop.time() + length_s
        if length_s < SWEEP_S:
            self._keeper.hasten(deadline)


def _cause(error: Exception) -> object:
    """What one of our own callbacks raised, which httptools wraps, or the parser's own words."""
    if isinstance(error, HttpParserUpgrade):
        return "it switches protocols"
    return error.__context__ if isinstance(error, HttpParserCallbackError) and error.__context__ else error

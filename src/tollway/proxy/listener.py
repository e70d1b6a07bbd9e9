"""The listening side: uvicorn's HTTP/1.1 protocol with the limits it does not have.

Headers have a size and a deadline, a body must keep coming, and a caller that leaves is told to whoever works for it.

An upgrade is never made here. The parser does not know that: behind a head that asks for one it stops reading, and what
it is given next it would read as a new request, though it is the first one's body. So the parser is not shown the
`Upgrade` field (`_without_upgrade`), and a connection on which it saw one all the same is closed.
"""

import asyncio
import re
import secrets
from collections.abc import Callable, Sequence
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

LARGEST_HEADERS = 64 * 1024
MOST_HEADERS = 200
HEADERS_DEADLINE_S = 10.0
BODY_IDLE_S = 30.0
SWEEP_S = 1.0

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\nconnection: close\r\n"
    b"tollway-error: headers_too_large\r\nx-should-retry: false\r\ncontent-length: %d\r\n\r\n%s"
)
_TOO_LARGE_BODY = (
    b'{"error":{"message":"The request\'s headers are larger than 64 KiB or more than 200.","type":"invalid_request_error",'
    b'"param":null,"code":"headers_too_large"}}'
)
_NOT_HERE = (
    b"HTTP/1.1 426 Upgrade Required\r\ncontent-type: application/json\r\nconnection: close, upgrade\r\nupgrade: HTTP/1.1\r\n"
    b"tollway-error: websocket_unsupported\r\nx-should-retry: false\r\ncontent-length: %d\r\n\r\n%s"
)
_NOT_HERE_BODY = (
    b'{"error":{"message":"Nothing is upgraded here; send the request over HTTP/1.1, without Upgrade.",'
    b'"type":"invalid_request_error","param":null,"code":"websocket_unsupported"}}'
)
_BAD_FRAMING = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n"
    b"tollway-error: framing_invalid\r\nx-should-retry: false\r\ncontent-length: %d\r\n\r\n%s"
)
_BAD_FRAMING_BODY = (
    b'{"error":{"message":"A request has one Host header, and no transfer coding but chunked.",'
    b'"type":"invalid_request_error","param":null,"code":"framing_invalid"}}'
)
_TOO_SLOW = (
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ntollway-error: body_timeout\r\ncontent-length: 0\r\n\r\n"
)


# Nobody can send this name: it is another one in each process.
_SHOWN_AS = b"x-upgraded-" + secrets.token_hex(8).encode()
_UPGRADE = re.compile(rb"(?<=\r\n)upgrade(?=:)", re.IGNORECASE)


class Listener(HttpToolsProtocol):
    """One connection of a caller."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._in_headers = True
        self._header_bytes = 0
        self._unread = 0
        self._waiting_since: float | None = self.loop.time()
        self._refused = False
        self._before = b""
        """The last three bytes that the parser has been given, while it may be in a head."""
        self.on_gone: Callable[[], None] | None = None
        """Called once when the caller leaves before its answer is complete."""

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if self._in_headers:
            self._unread += len(data)
        # Headers have one deadline, from their first byte; a body's begins anew with every piece.
        if self._waiting_since is None or not self._in_headers:
            self._waiting_since = self.loop.time()
        if self._in_headers and (b"pgrade" in data or b"PGRADE" in data):
            data = self._without_upgrade(data)
        last = data[-3:] if len(data) >= 3 else (self._before + data)[-3:]
        super().data_received(data)
        # Where a head may go on, or end, with the next piece.
        self._before = last if self._in_headers else b""
        # What came of a header that is not complete yet, however it was cut.
        if self._in_headers and self._unread > LARGEST_HEADERS:
            self._refuse(_TOO_LARGE, _TOO_LARGE_BODY)

    def _without_upgrade(self, data: bytes) -> bytes:
        """`data` with the `Upgrade` fields of the head that it goes on with, or begins, under a name of our own.

        Only what certainly is of the head is touched: a field whose name is cut, or that stands in a second head
        behind a body, is left, and the parser will say that it saw it.
        """
        before = len(self._before)
        joined = self._before + data
        end = joined.find(b"\r\n\r\n")
        head = joined if end < 0 else joined[:end]
        # What has been given to the parser cannot be written anew.
        head = _UPGRADE.sub(lambda found: _SHOWN_AS if found.start() >= before else found[0], head)
        return (head if end < 0 else head + joined[end:])[before:]

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_headers = True
        self._header_bytes = 0
        # The request's own connection, so that its handler can be told when the caller leaves.
        self.scope["tollway.connection"] = self  # type: ignore[typeddict-unknown-key]

    def on_header(self, name: bytes, value: bytes) -> None:
        # As the base does it, without another call for each header.
        name = name.lower()
        if not self._in_headers:
            # A trailer is counted and left out: it comes when what headers say has been acted on.
            self._header_bytes += len(name) + len(value) + 4
            if self._header_bytes > LARGEST_HEADERS:
                self._refuse(_TOO_LARGE, _TOO_LARGE_BODY)
            return
        if name == _SHOWN_AS:
            name = b"upgrade"
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))
        # Counted here too: many may come in one piece, with their end in it. Colon, space and line break are four.
        self._header_bytes += len(name) + len(value) + 4
        if len(self.headers) > MOST_HEADERS or self._header_bytes + len(self.url) > LARGEST_HEADERS:
            self._refuse(_TOO_LARGE, _TOO_LARGE_BODY)

    def on_headers_complete(self) -> None:
        # uvicorn says that there may be none; it is the one that calls.
        parser: Any = self.parser
        if not self._refused:
            if self._badly_framed(parser):
                self._refuse(_BAD_FRAMING, _BAD_FRAMING_BODY)
            elif parser.should_upgrade():
                self._refuse(_NOT_HERE, _NOT_HERE_BODY)
        self._in_headers = False
        self._unread = 0
        self._waiting_since = self.loop.time()
        if not self._refused:
            super().on_headers_complete()

    def _badly_framed(self, parser: Any) -> bool:
        """Whether another server could read another request, or its end elsewhere (RFC 9112, 3.2 and 6.1)."""
        names = [name for name, _ in self.headers]
        version: str = parser.get_http_version()
        if names.count(b"host") != 1 and (version == "1.1" or b"host" in names):
            return True
        if b"transfer-encoding" not in names:
            # It would be a tunnel, not a request.
            return parser.get_method() == b"CONNECT"
        codings = [value.lower() for name, value in self.headers if name == b"transfer-encoding"]
        return codings != [b"chunked"] or version != "1.1"

    def on_body(self, body: bytes) -> None:
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._refused:
            super().on_message_complete()
        # The next request's header bytes are counted from here.
        self._in_headers = True
        self._waiting_since = None

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        # As the base does it, and the request knows its task, which is woken when the caller leaves.
        cycle.task = task = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        gone, self.on_gone = self.on_gone, None
        if gone is not None and self.cycle.disconnected:
            gone()
        # Its requests know it, and it them: a circle, which would wait for the collector of garbage, as many have for
        # one pause of tens of milliseconds.
        self.pipeline.clear()
        self.cycle = self.scope = None  # type: ignore[assignment]

    def reply(self, cycle: Any, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bool:
        """Answers `cycle` (a request of this connection) whole, head and body in one write.

        `False` when that cannot be done now, because the caller reads slowly or has been answered: nothing is written.
        Raises ValueError for a header that would end its line.
        """
        if cycle.response_started or cycle.disconnected or self.flow.write_paused:
            return False
        lines = [STATUS_LINE[status]]
        for name, value in (*cycle.default_headers, *headers):
            lines += (name, b": ", value, b"\r\n")
        if not cycle.keep_alive:
            lines.append(b"connection: close\r\n")
        lines.append(b"\r\n")
        head = b"".join(lines)
        # One line break for each line: a value with one of its own would be a header, or a body, of somebody's making.
        expected = len(cycle.default_headers) + len(headers) + 2 + (not cycle.keep_alive)
        if head.count(b"\n") != expected or head.count(b"\r") != expected:
            raise ValueError("a header value has a line break in it")
        self.transport.write(head if cycle.scope["method"] == "HEAD" else head + body)
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()
        return True

    def overdue(self, now: float) -> None:
        """Closes the connection when its headers, or the next piece of its body, are too long in coming."""
        since = self._waiting_since
        if since is None or self.transport.is_closing():
            return
        limit = HEADERS_DEADLINE_S if self._in_headers else BODY_IDLE_S
        if not self._in_headers and self.flow.read_paused:
            # A body that nobody reads is held up here, not by the caller: its time begins when reading does.
            self._waiting_since = now
        elif now - since > limit:
            if not self._in_headers and not self.cycle.response_started:
                self.transport.write(_TOO_SLOW)
            self.transport.close()

    def _answering(self) -> bool:
        # uvicorn says that there always is a cycle; before the first request there is none.
        cycle: Any = self.cycle
        return cycle is not None and not cycle.response_complete

    def _refuse(self, answer: bytes, body: bytes) -> None:
        """Answers for the last time; what comes after is not read."""
        if not self._refused:
            self._refused = True
            # An earlier request on this connection may be in the middle of its answer.
            if not self._answering():
                self.transport.write(answer % (len(body), body))
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        # What is not HTTP may stand behind a refusal, or behind a request whose answer is under way.
        if self._refused:
            return
        self._refused = True
        if self._answering() and (self._in_headers or self.pipeline or self.cycle.response_started):
            self.transport.close()
        else:
            super().send_400_response(msg)

    def _unsupported_upgrade_warning(self) -> None:
        # It has been refused.
        return


async def sweep(connections: set[Any], interval_s: float = SWEEP_S) -> None:
    """Looks through all connections once a second: one timer for all of them, instead of one for each request."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(interval_s)
        now = loop.time()
        for connection in list(connections):
            if isinstance(connection, Listener):
                connection.overdue(now)

"""A pooler as PgBouncer is with pool_mode=transaction: many clients take turns with one session of the server."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

_WITHOUT_TLS = 80877103
_VERSION_3 = 196608
_OWN_PROCESS = 4_000_000
"""No server of a test has a process of such a number."""
_IDLE = b"Z\0\0\0\5I"
_UNDO = b"Q" + struct.pack("!I", 4 + 9) + b"ROLLBACK\0"


class _Stream:
    """Messages of the protocol, one after another. All raise EOFError behind the last one."""

    def __init__(self, connection: socket.socket) -> None:
        # Else a message waits for what is said to the one before it.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection = connection
        self._file = connection.makefile("rb")

    def message(self) -> bytes:
        head = self._exactly(5)
        return head + self._exactly(struct.unpack("!I", head[1:])[0] - 4)

    def startup(self) -> None:
        """Reads what a client begins with, which has no type."""
        while True:
            (length,) = struct.unpack("!I", self._exactly(4))
            (code,) = struct.unpack("!I", self._exactly(length - 4)[:4])
            if code != _WITHOUT_TLS:
                return
            self.connection.sendall(b"N")

    def settings(self) -> bytes:
        """Reads what a server begins with; what it tells of itself."""
        found = b""
        while (message := self.message()) != _IDLE:
            found += message if message[:1] == b"S" else b""
        return found

    def _exactly(self, count: int) -> bytes:
        found = self._file.read(count)
        if len(found) < count:
            raise EOFError
        return found


class _Pool:
    """Who has the session, from the first message of a transaction to the end of it."""

    def __init__(self, server: _Stream) -> None:
        self._server = server
        self._settings = server.settings()
        self._turn = threading.Lock()
        self._now: socket.socket | None = None

    def answer(self) -> None:
        """Passes on what the server says, to whose turn it is."""
        with contextlib.suppress(EOFError, OSError):
            while True:
                message, asked = self._server.message(), self._now
                if message == _IDLE:
                    self._now = None
                    self._turn.release()
                if asked is not None:
                    with contextlib.suppress(OSError):
                        asked.sendall(message)

    def serve(self, client: socket.socket) -> None:
        with contextlib.suppress(EOFError, OSError), client:
            stream = _Stream(client)
            stream.startup()
            hello = b"R" + struct.pack("!II", 8, 0) + self._settings + b"K" + struct.pack("!III", 12, _OWN_PROCESS, 1)
            client.sendall(hello + _IDLE)
            try:
                while (message := stream.message())[:1] != b"X":
                    if self._now is not client:
                        self._turn.acquire()
                        self._now = client
                    self._server.connection.sendall(message)
            finally:
                if self._now is client:
                    self._now = None
                    self._server.connection.sendall(_UNDO)
                client.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def pooling(url: str) -> Iterator[str]:
    """The URL by which the database at `url` is reached through a pooler with one session."""
    parts = urlsplit(url)
    clients: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener, _session(url) as server:
        pool = _Pool(server)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    clients.append(listener.accept()[0])
                    threading.Thread(target=pool.serve, args=(clients[-1],), daemon=True).start()

        for work in (accept, pool.answer):
            threading.Thread(target=work, daemon=True).start()
        yield f"postgresql://{parts.username}@127.0.0.1:{listener.getsockname()[1]}{parts.path}"
        for one in (listener, *clients, server.connection):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def _session(url: str) -> Iterator[_Stream]:
    parts = urlsplit(url)
    assert parts.hostname is not None
    said = f"user\0{parts.username}\0database\0{parts.path[1:]}\0\0".encode()
    with socket.create_connection((parts.hostname, parts.port)) as connection:
        connection.sendall(struct.pack("!II", 8 + len(said), _VERSION_3) + said)
        yield _Stream(connection)

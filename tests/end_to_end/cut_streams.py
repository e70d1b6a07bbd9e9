"""Recorded streams, cut by the provider of cutting_provider.py behind a running gateway: thousands in seconds."""

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
import uvloop
from cutting_provider import streams_of
from gateway import RunningGateway, running
from httptools import HttpResponseParser
from recorded import headers_of, path_of, request_of, settings_for
from replay import DATA, need_data

from tollway.ledger.reservation import Reservation
from tollway.pricing.charge import Charge

CALLERS = 12
"""Connections to the gateway. More would measure its queue."""


class Cut(NamedTuple):
    """One stream, ended after `offset` bytes of its body; see cutting_provider.py for the ways."""

    row: str
    offset: int
    how: str


class Answer(NamedTuple):
    """What the caller was given."""

    status: int
    request_id: str
    body: bytes


class Booked(NamedTuple):
    """What the ledger has of a request, in nanodollars."""

    kinds: tuple[str, ...]
    """Of its entries: one, if all is well."""
    charge: Charge
    bound: int | None
    """Nanodollars that were held; `None` where the intent was cleared away since, as all are once they have ended."""
    """What was held."""


class Caller(asyncio.Protocol):
    """A connection that is asked one thing after the other."""

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self._transport: Any = None
        self._body: list[bytes] = []
        self._request_id = ""
        self._answer: asyncio.Future[Answer] | None = None

    async def ask(self, request: bytes) -> Answer:
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the gateway closed the connection within an answer"))

    def on_message_begin(self) -> None:
        self._body = []

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"tollway-request-id":
            self._request_id = value.decode()

    def on_body(self, piece: bytes) -> None:
        self._body.append(piece)

    def on_message_complete(self) -> None:
        assert self._answer is not None
        self._answer.set_result(Answer(self._parser.get_status_code(), self._request_id, b"".join(self._body)))

    def close(self) -> None:
        self._answer = None
        self._transport.close()


class Bench:
    """A gateway before a provider that cuts."""

    def __init__(self, gateway: RunningGateway, rows: list[dict[str, Any]]) -> None:
        self.gateway = gateway
        self.streams = streams_of(rows)
        self._requests = {row["id"]: self._request(row) for row in rows}
        self._read_until = 0

    def _request(self, row: dict[str, Any]) -> tuple[bytes, bytes]:
        headers = {"host": "gateway", **headers_of(row)}
        lines = [f"POST {path_of(row)} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        body = request_of(row)
        return "\r\n".join(lines).encode(), b"content-length: %d\r\n\r\n%s" % (len(body), body)

    def ask(self, cuts: Iterable[Cut], take: Callable[[Cut, Answer], None]) -> None:
        """Has every stream cut, many at once, and hands out what the caller was given."""
        uvloop.run(self._ask(iter(cuts), take))

    async def _ask(self, cuts: Iterator[Cut], take: Callable[[Cut, Answer], None]) -> None:
        url = urlsplit(self.gateway.url)

        async def go_on() -> None:
            _, caller = await asyncio.get_running_loop().create_connection(Caller, url.hostname, url.port)
            try:
                for cut in cuts:
                    head, rest = self._requests[cut.row.removesuffix("-brief")]
                    named = f"\r\nx-cut: {cut.row} {cut.offset} {cut.how}\r\n".encode()
                    take(cut, await caller.ask(head + named + rest))
            finally:
                caller.close()

        async with asyncio.TaskGroup() as callers:
            for _ in range(CALLERS):
                callers.create_task(go_on())

    def open_reservations(self) -> int:
        """How many are left open; those of answers that have just ended are given a moment."""
        deadline = time.monotonic() + 10
        while (left := self.gateway.admin("/status")["open_reservations"]) and time.monotonic() < deadline:
            time.sleep(0.02)
        return left

    def booked(self, request_ids: set[str]) -> dict[str, Booked]:
        """What the ledger file has since it was last read; settlements come a moment after the answers of `request_ids`."""
        (path,) = self.gateway.data.glob("*.db")
        found: dict[str, Booked] = {}
        deadline = time.monotonic() + _PATIENCE_S
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as ledger:
            while True:
                for seq, request_id, kind, charge, reservation, resized in ledger.execute(
                    _ENTRIES, (self._read_until,)
                ):
                    self._read_until, deadline = seq, time.monotonic() + _PATIENCE_S
                    before = found[request_id].kinds if request_id in found else ()
                    held = _read_reservation(reservation).bound if reservation is not None else None
                    bound = held if resized is None else resized
                    found[request_id] = Booked((*before, kind), _read_charge(charge), bound)
                if request_ids <= found.keys() or time.monotonic() > deadline:
                    return found
                time.sleep(0.005)


_PATIENCE_S = 60
"""Without another entry: streams that told no usage are counted one after the other."""
_ENTRIES = """
SELECT seq, request_id, kind, charge, record, (
  SELECT amount_nanodollars FROM resizes WHERE resizes.reservation_id = entries.reservation_id ORDER BY number DESC LIMIT 1)
FROM entries LEFT JOIN intents USING (reservation_id) WHERE seq > ? ORDER BY seq
"""
_read_charge = msgspec.msgpack.Decoder(Charge).decode
_read_reservation = msgspec.msgpack.Decoder(Reservation).decode


@contextlib.contextmanager
def cutting() -> Iterator[str]:
    """The provider that cuts, in a process of its own; yields its address."""
    need_data()
    program = Path(__file__).with_name("cutting_provider.py")
    process = subprocess.Popen(
        [sys.executable, "-u", str(program), str(DATA / "responses.jsonl")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextlib.contextmanager
def bench(rows: list[dict[str, Any]], folder: Path) -> Iterator[Bench]:
    """Everything started. A model without a price is charged at its provider's dearest, so that none is free."""
    with cutting() as upstream:
        settings = settings_for(rows, upstream, on_unpriced="ceiling")
        with running(settings, folder, "--log-level", "error") as gateway:
            yield Bench(gateway, rows)

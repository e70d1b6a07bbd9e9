"""Telling collectors: requests wait in a lane of each, a bounded number of them; what is beyond is dropped and counted.

A lane sends a batch every few seconds, and tries one again that did not arrive, ever later, then gives it up: a collector that
is away costs nothing but what it was not told. Loaded where a collector is set.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from tollway.errors import TollwayError
from tollway.logs.record import LogRecord
from tollway.snapshot import Snapshot
from tollway.telemetry import otlp
from tollway.telemetry.context import Trace, is_sampled, trace_of
from tollway.telemetry.destination import Destination, Otel
from tollway.telemetry.instruments import Instruments, Series
from tollway.telemetry.ledger import money_series
from tollway.telemetry.span import Span
from tollway.telemetry.spans import NO_CONTENT, Server, spans_of
from tollway.workers.telemetry import Post, ReadContent, ReadLedger

log = logging.getLogger("tollway.workers")

MOST_TRIES: Final = 5
FIRST_WAIT_S: Final = 1.0
AT_ONCE: Final = 24
"""Requests that are put into words before others have their turn: about a millisecond."""
LAST_S: Final = 3.0
"""What is left when the gateway ends is sent within."""
# OTLP, "OTLP/HTTP Response": the statuses that may be tried again.
_AGAIN: Final = frozenset({429, 502, 503, 504})
_PROTOBUF: Final = "tollway.telemetry.protobuf"


class Waiting(NamedTuple):
    """A request that is to be told of."""

    record: LogRecord
    trace: Trace
    servers: Mapping[str, Server]


class Lane:
    """What is on its way to one destination."""

    __slots__ = ("destination", "dropped", "exported", "failures", "filled", "retired", "sending", "task", "waiting")

    def __init__(self, destination: Destination) -> None:
        self.destination = destination
        self.waiting: deque[Waiting] = deque()
        self.sending = 0
        self.exported = self.dropped = self.failures = 0
        """Requests, requests, batches."""
        self.filled = asyncio.Event()
        self.retired = False
        """The settings have it no more."""
        self.task: asyncio.Task[None] | None = None

    @property
    def queued(self) -> int:
        return len(self.waiting) + self.sending


class Exporter:
    """One for a process."""

    def __init__(
        self,
        otel: Otel,
        *,
        post: Post,
        now: Callable[[], int],
        content: ReadContent | None,
        ledger: ReadLedger | None,
        pause: Callable[[float], Awaitable[None]],
        draw: Callable[[], float],
    ) -> None:
        """`now`: Unix milliseconds."""
        self._otel = otel
        self._post = post
        self._now = now
        self._content = content
        self._ledger = ledger
        self._pause = pause
        self._draw = draw
        self._lanes: dict[object, Lane] = {}
        self._of: Snapshot | None = None
        self._servers: Mapping[str, Server] = {}
        self._instruments = Instruments(now() * 1_000_000) if otel.metrics is not None else None
        self._measured: deque[tuple[LogRecord, Mapping[str, Server]]] = deque(maxlen=otel.most_queued)
        self._ending = False

    @property
    def lanes(self) -> Sequence[Lane]:
        """Those of now, and what became of what they were given."""
        return tuple(self._lanes.values())

    def heard(
        self,
        record: LogRecord,
        headers: Iterable[tuple[bytes, bytes]],
        snapshot: Snapshot,
        own: Sequence[Destination],
        *,
        kept: bool,
    ) -> None:
        """A request is over; `own`: whom its gateway tells."""
        if snapshot is not self._of:
            self._take_over(snapshot)
        if self._instruments is not None:
            self._measured.append((record, self._servers))
        always = self._otel.traces
        if not kept or (always is None and not own):
            return
        trace = trace_of(record.request_id, headers)
        if not is_sampled(trace, self._otel.sampler, self._otel.ratio):
            return
        waiting = Waiting(record, trace, self._servers)
        for destination in (*own, always) if always is not None else own:
            self._add(destination, waiting)

    async def aclose(self) -> None:
        """Sends what is left, within a moment, and ends."""
        self._ending = True
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        for lane in self._lanes.values():
            lane.filled.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_S):
                await self.send_metrics()
                await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _take_over(self, snapshot: Snapshot) -> None:
        """Other settings: where providers are, and who is told."""
        self._of = snapshot
        self._servers = {slug: _server(p.base_url, p.kind) for slug, p in snapshot.providers.items()}
        wanted = {destination.key for gateway in snapshot.gateways.values() for destination in gateway.otel}
        for key, lane in tuple(self._lanes.items()):
            lane.retired = key not in wanted and lane.destination is not self._otel.traces
            if lane.retired:
                lane.filled.set()
                if lane.task is None or lane.task.done():
                    del self._lanes[key]

    def _add(self, destination: Destination, waiting: Waiting) -> None:
        lane = self._lanes.get(destination.key)
        if lane is None:
            lane = self._lanes[destination.key] = Lane(destination)
        if len(lane.waiting) >= self._otel.most_queued:
            lane.dropped += 1
            return
        lane.waiting.append(waiting)
        if lane.task is None or lane.task.done():
            lane.task = asyncio.get_running_loop().create_task(self._carry(lane))
        if len(lane.waiting) >= self._otel.most_sent:
            lane.filled.set()

    async def _carry(self, lane: Lane) -> None:
        """Sends what a lane is given, for as long as something comes."""
        while lane.waiting:
            if len(lane.waiting) < self._otel.most_sent and not (self._ending or lane.retired):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._otel.spans_each_s):
                        await lane.filled.wait()
                lane.filled.clear()
            batch = [lane.waiting.popleft() for _ in range(min(len(lane.waiting), self._otel.most_sent))]
            lane.sending = len(batch)
            try:
                arrived, refused = await self._sent(lane, await self._encoded(lane.destination, batch))
            except Exception:
                # A defect here must not end the lane: telemetry is lost, and says so.
                log.exception("telemetry could not be made for %s", lane.destination.name)
                arrived, refused = False, 0
            finally:
                lane.sending = 0
            lost = min(refused, len(batch)) if arrived else len(batch)
            lane.exported += len(batch) - lost
            lane.dropped += lost

    async def _encoded(self, destination: Destination, batch: Sequence[Waiting]) -> bytes:
        encode = await _encoder(destination)
        pieces: list[bytes] = []
        for first in range(0, len(batch), AT_ONCE):
            spans: list[Span] = []
            for record, trace, servers in batch[first : first + AT_ONCE]:
                content = NO_CONTENT
                if destination.told.content and self._content is not None:
                    content = await self._content(record.request_id)
                spans += spans_of(record, trace, destination.told, servers, content)
            pieces.append(encode(spans, self._otel.resource))
            # The requests' turn.
            await asyncio.sleep(0)
        # Messages of protobuf are put together by writing one behind the other; what is repeated in both is then in one.
        return b"".join(pieces) if destination.encoding == "protobuf" else otlp.together(pieces)

    async def _sent(self, lane: Lane, body: bytes) -> tuple[bool, int]:
        """Whether a batch has arrived, and how many of its spans were not taken."""
        for number in range(1, MOST_TRIES + 1):
            again, said = True, ""
            try:
                status, answer = await self._post(lane.destination, body)
                if 200 <= status < 300:
                    refused = await _rejected(lane.destination, answer)
                    if refused:
                        log.warning("%s did not take %d of the spans", lane.destination.name, refused)
                    return True, refused
                again, said = status in _AGAIN, f"it answered {status}"
            except TollwayError as error:
                said = str(error)
            if number == 1:
                lane.failures += 1
            if not again or self._ending or number == MOST_TRIES:
                log.warning("telemetry for %s was dropped: %s", lane.destination.name, said)
                return False, 0
            await self._pause(FIRST_WAIT_S * 2 ** (number - 1) * (0.5 + self._draw() / 2))
        return False, 0

    async def keep_metrics(self) -> None:
        """Sends them for as long as it runs, where somebody wants them."""
        while self._otel.metrics is not None:
            await self._pause(self._otel.metrics_each_s)
            try:
                await self.send_metrics()
            except Exception:
                log.exception("metrics could not be made")

    async def send_metrics(self) -> bool:
        """Sends all metrics once; whether they have arrived. What was missed is in the next ones: they are cumulative."""
        destination = self._otel.metrics
        if destination is None or self._instruments is None:
            return False
        for number in range(len(self._measured)):
            self._instruments.add(*self._measured.popleft())
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        at_ns = self._now() * 1_000_000
        series = self._instruments.series(at_ns)
        try:
            if self._ledger is not None and destination.told.cost:
                series += money_series(await self._ledger(), at_ns)
            status, _ = await self._post(destination, await self._encoded_metrics(destination, series))
        except TollwayError as error:
            log.warning("metrics did not reach %s: %s", destination.name, error)
            return False
        if not 200 <= status < 300:
            log.warning("metrics did not reach %s: it answered %d", destination.name, status)
        return 200 <= status < 300

    async def _encoded_metrics(self, destination: Destination, series: Sequence[Series]) -> bytes:
        if destination.encoding == "json":
            return otlp.metrics_json(series, self._otel.resource)
        module = await asyncio.to_thread(import_module, _PROTOBUF)
        return module.metrics_protobuf(series, self._otel.resource)


async def _encoder(destination: Destination) -> Callable[[Sequence[Span], Sequence[tuple[str, str]]], bytes]:
    if destination.encoding == "json":
        return otlp.spans_json
    module = await asyncio.to_thread(import_module, _PROTOBUF)
    return module.spans_protobuf


async def _rejected(destination: Destination, answer: bytes) -> int:
    """How many spans a collector says that it has not taken (OTLP, "Partial Success")."""
    if destination.encoding == "json":
        return otlp.rejected(answer)
    module = await asyncio.to_thread(import_module, _PROTOBUF)
    return module.rejected(answer)


def _server(base_url: str, kind: str) -> Server:
    parts = urlsplit(base_url)
    with contextlib.suppress(ValueError):
        return Server(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80), kind)
    return Server("", 0, kind)

"""Counts requests that are over, and has collectors told of them: after their callers were answered, and never at the price of one.

Where no collector is set, nothing of OpenTelemetry is loaded, made or looked at.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from tollway.errors import SettingsInvalid
from tollway.logs.record import LogRecord
from tollway.snapshot import Snapshot
from tollway.telemetry.destination import OFF, Destination, Otel
from tollway.telemetry.traffic import Traffic

if TYPE_CHECKING:
    from tollway.telemetry.spans import Content
    from tollway.telemetry.sums import Sums
    from tollway.workers.telemetry_export import Exporter, Lane

Post = Callable[[Destination, bytes], Awaitable[tuple[int, bytes]]]
"""Sends a batch; the status and the body of the answer. Raises TollwayError, without credentials in its words."""
ReadContent = Callable[[str], Awaitable["Content"]]
"""What is kept of a request's bodies."""
ReadLedger = Callable[[], Awaitable[Sequence["Sums"]]]
"""What the ledger adds up to. Raises StoreUnavailable."""

LAG_EVERY_S: Final = 0.5


class Telemetry:
    """One for a process. `heard` is called with every request that is over; `run` works until cancelled."""

    def __init__(
        self,
        otel: Otel = OFF,
        *,
        post: Post | None = None,
        now: Callable[[], int],
        content: ReadContent | None = None,
        ledger: ReadLedger | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        draw: Callable[[], float] = random.random,
        installed: Callable[[], bool] = lambda: protobuf_is_installed(),
    ) -> None:
        """`now`: Unix milliseconds. `installed`: whether the extra is that writes protobuf."""
        self.traffic = Traffic()
        self._otel = otel
        self._post = post
        self._now = now
        self._content = content
        self._ledger = ledger
        self._pause = pause
        self._draw = draw
        self._installed = installed
        self._always = otel.traces is not None or otel.metrics is not None
        self._exporter: Exporter | None = self._exports() if self._always else None

    @property
    def lanes(self) -> "Sequence[Lane]":
        """The collectors of now, and what became of what they were to be told."""
        return self._exporter.lanes if self._exporter is not None else ()

    def prepare(self, snapshot: Snapshot) -> None:
        """Looks at settings before they are in force. Raises SettingsInvalid where what they need is not installed."""
        for gateway in snapshot.gateways.values():
            for number, destination in enumerate(gateway.otel):
                if destination.encoding == "protobuf" and not self._installed():
                    raise SettingsInvalid(
                        f"gateways.{gateway.slug}.otel[{number}].content_type: protobuf needs a library that is not installed: "
                        'pip install "tollway[otel]", or write json.'
                    )
                if self._exporter is None:
                    self._exporter = self._exports()

    def heard(
        self, record: LogRecord, headers: Iterable[tuple[bytes, bytes]], snapshot: Snapshot, *, kept: bool = True
    ) -> None:
        """A request is over, as its record says. `kept`: the record is; of one that its caller wants forgotten, nobody is told
        more than that there was one."""
        gateway = snapshot.gateways.get(record.gateway)
        self.traffic.add(record, known=gateway is not None)
        exporter = self._exporter
        if exporter is None:
            return
        own = gateway.otel if gateway is not None else ()
        if own or self._always:
            exporter.heard(record, headers, snapshot, own, kept=kept)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_lag())
            if self._exporter is not None:
                group.create_task(self._exporter.keep_metrics())

    async def send_metrics(self) -> bool:
        """Sends all metrics once; whether they have arrived."""
        return self._exporter is not None and await self._exporter.send_metrics()

    async def aclose(self) -> None:
        """Sends what is left, within a moment, and ends."""
        if self._exporter is not None:
            await self._exporter.aclose()

    def _exports(self) -> "Exporter":
        from tollway.workers.telemetry_export import Exporter

        assert self._post is not None
        return Exporter(
            self._otel,
            post=self._post,
            now=self._now,
            content=self._content,
            ledger=self._ledger,
            pause=self._pause,
            draw=self._draw,
        )

    async def _keep_lag(self) -> None:
        while True:
            began_ns = time.monotonic_ns()
            await self._pause(LAG_EVERY_S)
            late_us = (time.monotonic_ns() - began_ns) // 1_000 - int(LAG_EVERY_S * 1_000_000)
            self.traffic.lag.add((), max(late_us, 0))


def protobuf_is_installed() -> bool:
    """Whether the extra `otel` is."""
    try:
        return find_spec("opentelemetry.proto.collector") is not None
    except ModuleNotFoundError:
        return False

"""What a provider may have made of a stream that was cut, besides what was seen of it.

What has come and was not read is read. What was under way is bounded by time: from the last piece to the end, and as long
as word of the end may take.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from tollway.providers.codec import Meter
from tollway.providers.stream import StreamMeter
from tollway.proxy.encoding import Decoder, DecodingFailed
from tollway.proxy.reading import Metering
from tollway.proxy.transport import Broken, Response
from tollway.proxy.unread import Unread
from tollway.usage import Report

_LONGEST_WAY_MS = 250
"""A piece takes no longer to come, and word of the end to go, than this together (spec ledger 2.5)."""
_NOTICED_MS = 10
"""However near it is, it takes as long to notice that nobody listens, and to stop."""
_ALL_MS = 100
"""So long is read at most what had come: the provider makes more of it meanwhile."""
_QUIET_S = 0.025
"""A provider that has to be waited for has nothing more in the buffers."""


class Watched:
    """When the pieces of one stream came."""

    __slots__ = ("_ended_ns", "_late_ns", "_way_ms", "first_ns", "last_ns")

    def __init__(self, sent_ns: int, head_ns: int) -> None:
        # The request went there and the head came back in it, so it is no shorter than the way there and back.
        self._way_ms = min(_LONGEST_WAY_MS, max(_NOTICED_MS, -(-(head_ns - sent_ns) // 1_000_000)))
        self._late_ns = 0
        self.first_ns: int | None = None
        self.last_ns = self._ended_ns = head_ns

    def came(self, at_ns: int) -> None:
        """A piece has come."""
        if self.first_ns is None:
            self.first_ns = self.last_ns = at_ns
        # Where something was held up, what was made meanwhile comes behind it, for as long again at the most.
        gap_ns = at_ns - self.last_ns
        self._late_ns = max(gap_ns, self._late_ns - gap_ns)
        self.last_ns = at_ns

    def ended(self, at_ns: int) -> None:
        """Nothing more will."""
        self._ended_ns = at_ns

    def told(self, meter: Meter | None, report: Report) -> dict[str, Any]:
        """What `Ended` has of it. `meter`: what has followed it, unless something was lost of it."""
        kept = None
        if isinstance(meter, StreamMeter) and (report.usage is None or not meter.complete):
            kept = meter.kept()
        first_ns = self.first_ns
        return {
            "kept": kept,
            "first_chunk_ns": first_ns,
            "shown_ms": (self.last_ns - first_ns) // 1_000_000 if first_ns is not None else 0,
            "unseen_ms": -(-max(self._ended_ns - self.last_ns, self._late_ns) // 1_000_000) + self._way_ms,
        }


async def take_in(
    response: Response,
    left: Iterator[bytes],
    decoder: Decoder | None,
    metering: Metering,
    watched: Watched,
    unread: Unread,
    now_ns: Callable[[], int],
) -> None:
    """Has the meter see what had come when the caller left, beginning with what is `left` of a piece."""
    until_ns = now_ns() + _ALL_MS * 1_000_000
    try:
        while True:
            for plain in left:
                await metering.feed(plain)
            if now_ns() > until_ns:
                # It comes as fast as it is read: nobody knows how much more there is.
                return
            async with asyncio.timeout(_QUIET_S):
                piece = await response.read()
            if not piece:
                break
            watched.came(now_ns())
            left = iter((piece,)) if decoder is None else decoder.plain(piece)
    except (Broken, DecodingFailed):
        # What had come was thrown away when the stream was closed, so nobody knows how much it was.
        return
    except TimeoutError:
        pass
    unread.caught_up()

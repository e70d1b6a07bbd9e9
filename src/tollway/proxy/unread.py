"""What a provider may have made of an answer while its caller took nothing, so that nobody looked at it.

Tollway reads an answer no faster than its caller takes it. A provider goes on making it all the same, into the buffers
in between, and bills for that whether or not anybody ever sees it.
"""

import time
from collections.abc import Coroutine
from typing import Any

from tollway.exchange.allowance import TOKENS_PER_S
from tollway.providers.codec import Meter
from tollway.proxy.purse import Purse
from tollway.proxy.transport import Response

_SECOND_NS = 1_000_000_000
_CAUGHT_UP_NS = 20_000_000
"""A provider that has to be waited for has nothing more in the buffers."""


class Unread:
    """How far one caller is behind its provider."""

    __slots__ = ("_meter", "_ns", "_purse", "_seen")

    def __init__(self, meter: Meter, purse: Purse | None) -> None:
        self._meter = meter
        self._purse = purse
        self._ns = 0
        self._seen = 0

    def tokens(self) -> int:
        """Tokens that may have been made by now and were not looked at."""
        if self._purse is not None and self._purse.metered:
            return self._purse.unseen_tokens()
        return self._ns * TOKENS_PER_S // _SECOND_NS

    @property
    def behind(self) -> bool:
        """Whether something may have been made that was not looked at."""
        return self._ns > 0

    def caught_up(self) -> None:
        """All that had come has been looked at."""
        self._ns = 0
        if self._purse is not None:
            self._purse.caught_up()

    async def read(self, response: Response) -> bytes:
        """The next piece of the answer. Raises Broken."""
        if not self._ns:
            return await response.read()
        # What was seen since is no longer unseen: a token is a byte or more.
        grown, self._seen = self._meter.output_bytes - self._seen, self._meter.output_bytes
        self._ns = max(0, self._ns - max(0, grown) * _SECOND_NS // TOKENS_PER_S)
        began_ns = time.monotonic_ns()
        piece = await response.read()
        if time.monotonic_ns() - began_ns > _CAUGHT_UP_NS:
            self.caught_up()
        return piece

    async def send(self, sending: Coroutine[Any, Any, None]) -> None:
        """Waits for a caller that takes its answer slowly."""
        if not self._ns:
            self._seen = self._meter.output_bytes
        began_ns = time.monotonic_ns()
        try:
            await sending
        finally:
            # Once it has been ended, nothing more is made of it.
            purse = self._purse
            ended = purse is not None and purse.refusal is not None
            until_ns = purse.ended_ns if purse is not None and ended else time.monotonic_ns()
            passed_ns = max(0, until_ns - began_ns)
            self._ns += passed_ns
        if purse is not None and not ended:
            # Rounded up: many short waits are as long as one.
            await purse.wait(-(-passed_ns * TOKENS_PER_S // _SECOND_NS))

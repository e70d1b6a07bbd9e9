"""Which model each session has, in the memory of this process: bounded, and forgotten after an hour without a request."""

from collections import OrderedDict

from tollway.exchange.auto_steps import Pin

IDLE_MS = 3_600_000
CACHED_MS = 300_000
"""For so long a provider keeps the conversation it has just answered in its prompt cache, at least: Anthropic's is five minutes,
OpenAI's five to ten."""
MOST = 10_000
"""Sessions; past it the one that was silent for longest is forgotten: about 3 MB."""


class Pins:
    """One for a process. `now` is Unix milliseconds everywhere."""

    __slots__ = ("_pins",)

    def __init__(self) -> None:
        self._pins: OrderedDict[bytes, tuple[Pin, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._pins)

    def get(self, session: bytes, now: int) -> tuple[Pin, bool] | None:
        """The session's pin, and whether the model has answered so lately that its prompt cache has the conversation."""
        found = self._pins.get(session)
        if found is None:
            return None
        pin, at = found
        if now - at >= IDLE_MS:
            del self._pins[session]
            return None
        return pin, now - at < CACHED_MS

    def put(self, session: bytes, pin: Pin, now: int) -> None:
        """The session has that model from now on."""
        self._pins[session] = (pin, now)
        self._pins.move_to_end(session)
        while len(self._pins) > MOST or now - next(iter(self._pins.values()))[1] >= IDLE_MS:
            self._pins.popitem(last=False)

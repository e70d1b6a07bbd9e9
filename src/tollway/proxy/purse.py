"""What a metered answer may still cost: its hold is raised while it is made, and it is ended where that is refused.

The hold covers what was seen and, while nothing is seen, what may have been made since: a provider bills for hidden
thoughts and for a tool call that it shows as a whole, and neither is made faster than any other text. A raise is asked
for before it is needed, so the answer is not held up by it. An answer under way comes before requests that have not
begun, but not before the limit, and not before an administrator who freezes its account.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from tollway.errors import StoreUnavailable
from tollway.exchange.allowance import Allowance
from tollway.exchange.refusal import Refusal
from tollway.exchange.steps import Stops
from tollway.ledger.reservation import Exhausted, Held
from tollway.providers.codec import Meter
from tollway.proxy.world import World
from tollway.usage import Report

LOOKS_EVERY_S = 0.25
"""How often it is looked at while nothing is seen of it."""
_TELLING_PIECES = 4
"""A provider that tells the input beforehand does so in one of its first events."""
_NOTHING = 0


class Purse:
    """The hold of one answer under way. Without an allowance it holds the whole, and is only ended if it is frozen."""

    __slots__ = (
        "_allowance",
        "_bytes",
        "_look",
        "_meter",
        "_pieces",
        "_raising",
        "_report",
        "_reservation_id",
        "_seen_ns",
        "_stop",
        "_stops",
        "_timer",
        "_world",
        "ended_ns",
        "refusal",
        "would_refuse",
    )

    def __init__(
        self, world: World, reservation_id: str, allowance: Allowance | None, stops: Stops, stop: Callable[[], None]
    ) -> None:
        """`stop` ends the provider's work, from outside of whoever waits for it."""
        self._world = world
        self._reservation_id = reservation_id
        self._allowance = allowance
        self._stops = stops
        self._stop = stop
        self._meter: Meter | None = None
        self._report: Callable[[], Awaitable[Report]] | None = None
        self._pieces = 0
        self._bytes = 0
        self._seen_ns = time.monotonic_ns()
        self._look: asyncio.Task[None] | None = None
        self._raising = asyncio.Lock()
        self._timer = asyncio.get_running_loop().call_later(LOOKS_EVERY_S, self._tick)
        self.refusal: Refusal | None = None
        """Why the answer had to end."""
        self.ended_ns = 0
        """When that was."""
        self.would_refuse: set[int] = set()
        """The holds of budgets that only watch, and would have ended it."""

    def unseen_tokens(self) -> int:
        """That may have been made by now, and were not seen."""
        if self._allowance is None:
            return 0
        if self.refusal is None:
            self._allowance.silent(self._silent_ms())
        return self._allowance.unseen_tokens

    @property
    def metered(self) -> bool:
        """Whether the hold follows the answer."""
        return self._allowance is not None

    def meters(self, meter: Meter, report: Callable[[], Awaitable[Report]]) -> None:
        """The answer has begun. `report` tells what it has reported, without holding up the others."""
        self._meter = meter
        self._report = report

    async def follow(self) -> None:
        """Has the hold cover all that was seen of the answer and what may come, or ends it."""
        meter, allowance = self._meter, self._allowance
        if allowance is None or meter is None:
            return
        if self._pieces < _TELLING_PIECES:
            self._pieces += 1
            await self._look_at_input(allowance)
        seen = meter.output_bytes
        if seen != self._bytes:
            self._bytes, self._seen_ns = seen, time.monotonic_ns()
        if allowance.saw(seen) and self.refusal is None:
            await self._raise(allowance)

    async def wait(self, tokens: int) -> None:
        """Has the hold cover so many tokens that may have been made while nobody looked."""
        allowance, self._seen_ns = self._allowance, time.monotonic_ns()
        if allowance is not None and allowance.unread(tokens) and self.refusal is None:
            await self._raise(allowance)

    async def take_all(self) -> None:
        """Has the hold cover the whole answer, which cannot be followed."""
        if self._allowance is not None and self.refusal is None:
            await self._raise(self._allowance, (self._allowance.most,), must=True)

    def caught_up(self) -> None:
        """All that was made has been seen."""
        if self._allowance is not None:
            self._allowance.caught_up()

    def close(self) -> None:
        """The answer is over: it is looked at no more."""
        self._timer.cancel()
        if self._look is not None:
            self._look.cancel()

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(LOOKS_EVERY_S, self._tick)
        if self.refusal is None and (self._look is None or self._look.done()):
            self._look = loop.create_task(self._look_at_it())

    async def _look_at_it(self) -> None:
        """Nobody else does, while nothing comes."""
        allowance = self._allowance
        if allowance is not None and allowance.silent(self._silent_ms()):
            await self._raise(allowance)
            return
        try:
            # Nothing is raised; but an account that was frozen refuses.
            reply = await self._world.ledger.extend(self._reservation_id, _NOTHING, self._world.clock.now())
        except StoreUnavailable:
            return
        if isinstance(reply, Exhausted) and reply.frozen:
            self._end(reply)

    def _silent_ms(self) -> int:
        return (time.monotonic_ns() - self._seen_ns) // 1_000_000

    async def _look_at_input(self, allowance: Allowance) -> None:
        assert self._report is not None
        usage = (await self._report()).usage
        if usage is None or usage.input_tokens is None:
            return
        self._pieces = _TELLING_PIECES
        grown = allowance.told_input(usage.input_tokens)
        if grown < 0:
            self._world.ledger.shrink(self._reservation_id, allowance.amount)
        elif grown > 0:
            # The bound was wrong. What is known to be billed is held, if there is so much, or nothing more is made.
            await self._raise(allowance, (allowance.tokens,), must=True)

    async def _raise(self, allowance: Allowance, steps: tuple[int, ...] | None = None, *, must: bool = False) -> None:
        """Raises the hold to the first of so many tokens that fits; ends the answer where none does and more is needed, or
        `must` be."""
        ledger = self._world.ledger
        refused: Exhausted | None = None
        async with self._raising:
            try:
                for tokens in steps or (allowance.wanted, allowance.least):
                    if tokens <= allowance.tokens and not must:
                        continue
                    amount = allowance.cost(tokens)
                    reply = await ledger.extend(self._reservation_id, amount, self._world.clock.now())
                    if isinstance(reply, Held):
                        allowance.raised(tokens)
                        self.would_refuse.update(reply.would_refuse)
                        return
                    if isinstance(reply, Exhausted):
                        refused = reply
                        if reply.frozen:
                            break
            except StoreUnavailable:
                # What is held may still be used.
                pass
            if must or allowance.over or (refused is not None and refused.frozen):
                self._end(refused)

    def _end(self, refused: Exhausted | None) -> None:
        if self.refusal is None:
            self.refusal = self._stops(refused)
            self.ended_ns = time.monotonic_ns()
            self._stop()

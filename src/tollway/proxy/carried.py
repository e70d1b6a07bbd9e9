"""Carries out what an exchange asks for of the stores: holds, and where a feature is on, rate limits, routes,
the cache, repeats, automatic routing."""

import asyncio
import logging
import time
from typing import Any

from tollway.cache.idempotency import WAIT_S, Fresh, Wait
from tollway.errors import StoreUnavailable
from tollway.exchange.auto_steps import Decide, Pinned
from tollway.exchange.keeping_steps import Begin, Finish, Keep, Lookup
from tollway.exchange.recheck import Recheck
from tollway.exchange.steps import (
    Admit,
    Booked,
    Compute,
    Consult,
    Corrected,
    Count,
    ReadRequests,
    Recall,
    Release,
    Remember,
    Reserve,
    Unavailable,
    Weighed,
)
from tollway.exchange.translate_steps import Translate, TranslateBack
from tollway.proxy.heavy import HeavyFailed
from tollway.proxy.jobs import carry_out, counted, settling
from tollway.proxy.world import World

log = logging.getLogger("tollway.proxy")

_NOTHING = 0
"""An extension to nothing only asks."""

Optional = (
    Admit
    | Corrected
    | Weighed
    | Booked
    | Consult
    | Lookup
    | Keep
    | Begin
    | Finish
    | Decide
    | Pinned
    | Translate
    | TranslateBack
    | Recheck
)


class Begun:
    """Whether an exchange is the first of an idempotency key, and has not said yet how it ended."""

    __slots__ = ("_key", "_world")

    def __init__(self, world: World) -> None:
        self._world = world
        self._key: bytes | None = None

    def note(self, command: Begin | Finish, reply: Any) -> None:
        if isinstance(command, Finish):
            self._key = None
        elif isinstance(reply, Fresh):
            self._key = command.key

    async def close(self) -> None:
        """The exchange is over. Where something broke it off, whoever waits for its answer is told that there is none."""
        key, self._key = self._key, None
        if key is not None and self._world.repeats is not None:
            await asyncio.shield(asyncio.ensure_future(self._world.repeats.lost(key, self._world.clock.now())))


Seldom = Release | Count | Compute | ReadRequests | Recall | Remember | Optional


async def carry_out_seldom(command: Seldom, world: World, begun: Begun) -> Any:
    """The reply to a command that most requests do not have. Raises HeavyFailed."""
    match command:
        case Release():
            world.ledger.release(command.reservation_id, command.code, world.clock.now())
            return None
        case Count():
            return await settling(counted(command, world.heavy))
        case Compute() | ReadRequests() | Recall() | Remember():
            return await carry_out(command, world.jobs, world.heavy)
        case _:
            return await carry_out_optional(command, world, begun)


async def carry_out_optional(command: Optional, world: World, begun: Begun) -> Any:
    """The reply to `command`."""
    now = world.clock.now()
    match command:
        case Admit():
            return world.rates.admit(command.claims, now, tokens_expected=command.tokens, requests=command.requests)
        case Corrected():
            if command.tokens is None:
                return world.rates.release(command.admitted, now)
            return world.rates.tokens(command.admitted, command.tokens, now)
        case Recheck():
            try:
                return await world.ledger.extend(command.reservation_id, _NOTHING, now)
            except StoreUnavailable as error:
                return Unavailable(str(error))
        case Weighed():
            one = command.weigh
            if one.limit_type == "cost":
                return world.rates.under(one.counter, one.limit, one.window_s, one.technique, now)
            return world.rates.weigh(one.counter, one.limit, one.window_s, one.technique, now)
        case Booked():
            for one in command.weighed:
                world.rates.spent(one.counter, command.nanodollars, one.window_s, one.technique, now)
            return None
        case Consult():
            return world.health.seen(command.names, now)
        case Translate():
            try:
                return await world.heavy.translate(command.wanted, command.body)
            except HeavyFailed as error:
                return Unavailable(str(error))
        case TranslateBack():
            try:
                return await world.heavy.translate_back(command.translation, command.status, command.body)
            except HeavyFailed as error:
                return Unavailable(str(error))
        case Decide():
            return await world.scoring.decided(command, world.heavy, world.pins, now)
        case Pinned():
            world.pins.put(command.session, command.pin, now)
            return None
        case Lookup():
            answers = world.answers
            return None if answers is None else await answers.get(command.key, gateway=command.gateway, now=now)
        case Keep():
            if world.answers is not None:
                await world.answers.put(command.key, command.kept, now)
            return None
        case Begin():
            reply = await _begin(command, world)
            begun.note(command, reply)
            return reply
        case Finish():
            # It ends itself from here on, whatever happens meanwhile.
            begun.note(command, None)
            return await _finish(command, world)


async def reserved(command: Reserve, world: World) -> Any:
    """The reply to `command`."""
    try:
        return await world.ledger.reserve(command.reservation, world.clock.now(), command.wait_s)
    except StoreUnavailable as error:
        log.error("the ledger is unavailable: %s", error)
        return Unavailable(str(error))


async def _begin(command: Begin, world: World) -> Any:
    repeats = world.repeats
    if repeats is None:
        return Unavailable("this gateway keeps no repeats")
    try:
        until_s = time.monotonic() + WAIT_S
        while True:
            begun = await repeats.begin(command.key, command.fingerprint, world.clock.now())
            left_s = until_s - time.monotonic()
            # Of those that wait one may run anew where the first was not billed: the others wait for that one then.
            if not isinstance(begun, Wait) or left_s <= 0 or not await repeats.wait(command.key, left_s):
                return begun
    except StoreUnavailable as error:
        log.error("repeats are unavailable: %s", error)
        return Unavailable(str(error))


async def _finish(command: Finish, world: World) -> None:
    repeats = world.repeats
    if repeats is None:
        return
    now = world.clock.now()
    # Whatever interrupts this, whoever waits for the answer is not left waiting.
    ending = repeats.lost(command.key, now) if command.lost else repeats.finish(command.key, command.kept, now)
    await asyncio.shield(asyncio.ensure_future(ending))

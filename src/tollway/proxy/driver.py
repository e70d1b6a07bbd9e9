"""Carries out the commands of an exchange against the world.

The caller's connection and the exchange live apart: a caller that leaves is a reply (`client_gone`), so that what was
spent is settled all the same.
"""

import asyncio
import logging
import time
from typing import Any

from tollway.exchange.refusal import Refusal
from tollway.exchange.steps import (
    Authenticate,
    Ended,
    Forward,
    Head,
    Log,
    NoAnswer,
    NotSent,
    Pause,
    Read,
    Relay,
    Reserve,
    Send,
    Sent,
    Settle,
    Steps,
)
from tollway.providers.batches import JOBS
from tollway.providers.codec import Malformed
from tollway.proxy.admission import authenticated
from tollway.proxy.caller import Caller
from tollway.proxy.carried import Begun, carry_out_seldom, reserved
from tollway.proxy.encoding import Decoder, DecodingFailed
from tollway.proxy.erring import Erring
from tollway.proxy.events import Events
from tollway.proxy.first_part import first_part
from tollway.proxy.noted import Noted
from tollway.proxy.outcome import name_of, remember
from tollway.proxy.outgoing import prepared
from tollway.proxy.purse import Purse
from tollway.proxy.reading import (
    LARGEST_ERROR,
    LARGEST_READ,
    UNKNOWN,
    Metering,
    WholeAnswer,
    ask_of,
    head_of,
    last_event,
    length_of,
    read_answer,
    taking,
    usable,
)
from tollway.proxy.saying import pass_on
from tollway.proxy.shaped import Shaped
from tollway.proxy.transport import Broken, Response
from tollway.proxy.unread import Unread
from tollway.proxy.watched import Watched, take_in
from tollway.proxy.world import World
from tollway.request import Ask, InferenceRequest
from tollway.snapshot import Snapshot
from tollway.usage import Report

log = logging.getLogger("tollway.proxy")


class Driver:
    """One exchange, carried out."""

    __slots__ = (
        "_begun",
        "_caller",
        "_decoder",
        "_encoding_failed",
        "_erring",
        "_head_ns",
        "_inner",
        "_noted",
        "_purse",
        "_request",
        "_response",
        "_sent_ns",
        "_snapshot",
        "_stopping",
        "_world",
    )

    def __init__(
        self, world: World, snapshot: Snapshot, request: InferenceRequest, send: Any, connection: Any, cycle: Any
    ) -> None:
        self._world = world
        self._snapshot = snapshot
        self._request = self._inner = request
        # A batch that is made goes on without its caller, and only the answer tells its id.
        makes_job = request.api in JOBS and request.method == "POST"
        self._caller = Caller(send, connection, cycle, stays=makes_job)
        self._stopping = False
        self._response: Response | None = None
        self._purse: Purse | None = None
        self._decoder: Decoder | None = None
        self._encoding_failed = False
        self._sent_ns = self._head_ns = 0
        self._erring: Erring | None = None
        self._noted = Noted(world, snapshot, request, self._caller)
        self._begun: Begun | None = None

    @property
    def started(self) -> bool:
        """Whether the caller has been sent a status."""
        return self._caller.started

    async def read_ask(self, request: InferenceRequest) -> Ask | Malformed | None:
        """What the body of a request asks for, if it is too heavy to be read in passing. Raises HeavyFailed."""
        return await ask_of(request, self._world.heavy, self._caller)

    async def run(self, steps: Steps) -> None:
        """Carries `steps` out to their end. A defect in them answers 500 and leaves the hold to its deadline."""
        if not self._caller.gone:
            self._caller.watch()
        world = self._world
        try:
            command = next(steps)
            while True:
                reply = None
                # In the order of a request; what does not wait is done here.
                if type(command) is Authenticate:
                    reply = await authenticated(command.request, self._snapshot, world)
                elif type(command) is Reserve:
                    reply = self._noted.reserved(await reserved(command, world))
                elif type(command) is Forward:
                    reply = self._noted.tried(await self._forward(command))
                elif type(command) is Read:
                    reply = self._noted.ended(await self._read(plain=command.plain))
                elif type(command) is Settle:
                    world.ledger.settle(command.entry)
                    if command.observed is not None:
                        world.learned.learn(command.observed)
                elif type(command) is Send:
                    await self._caller.answer(self._noted.answering(command), world.heavy.turn)
                    reply = Sent(time.monotonic_ns())
                elif type(command) is Log:
                    self._noted.write(command.record)
                elif type(command) is Relay:
                    reply = self._noted.ended(await self._relay(command))
                elif type(command) is Pause:
                    self._stopping = await self._noted.waiting(self._caller.pause(command.delay_ms))
                else:
                    self._begun = self._begun or Begun(world)
                    reply = await carry_out_seldom(command, world, self._begun)
                command = steps.send(reply)
        except StopIteration:
            pass
        finally:
            if self._purse is not None:
                # It holds what ends this exchange, which held it: the collector would have to find them, and all they hold.
                self._purse.close()
                self._purse = None
            self._caller.let_go()
            if self._response is not None:
                self._response.close()
            self._noted.close()
            if self._begun is not None:
                await self._begun.close()

    async def _forward(self, command: Forward) -> Head | NotSent | NoAnswer:
        provider, request, world = command.route.provider, command.request, self._world
        sent = await prepared(command, self._snapshot, world)
        if type(sent) is NotSent:
            return sent
        if self._caller.gone:
            said = "The caller left before anything was sent."
            return NotSent("upstream_unreachable", said, time.monotonic_ns(), gone=True)
        if self._stopping:
            return NotSent("shutting_down", "This gateway is shutting down.", time.monotonic_ns())
        self._inner = request
        self._sent_ns = time.monotonic_ns()
        if self._purse is not None:
            # Of a try before this one.
            self._purse.close()
            self._purse = None
        if command.stops is not None:
            self._purse = Purse(world, command.reservation.id, command.allowance, command.stops, self._stop_upstream)
        self._caller.interruptible = True
        if world.health.watched:
            world.health.probed(name_of(command.route), world.clock.now())
        sent = self._noted.sending(sent, command)
        try:
            if command.timeout_ms is None:
                answer = await world.transport.send(sent)
            else:
                answer = await first_part(world.transport, sent, command.timeout_ms)
        except asyncio.CancelledError:
            refusal = self._ended_for_cost(self._interrupted())
            if refusal is not None:
                return NoAnswer(refusal.code, refusal.message, time.monotonic_ns(), refused=True)
            return NoAnswer("upstream_timeout", "The caller left before it answered.", time.monotonic_ns(), gone=True)
        except ValueError as error:
            return NotSent("upstream_unreachable", f"The request cannot be written: {error}.", time.monotonic_ns())
        finally:
            self._caller.interruptible = False
        self._head_ns = at_ns = time.monotonic_ns()
        answer = usable(answer, provider, at_ns)
        if world.health.watched or provider.keys:
            remember(command, answer, (at_ns - self._sent_ns) // 1_000_000, self._snapshot, world)
        if type(answer) is NotSent or type(answer) is NoAnswer:
            return answer
        self._response = answer
        self._erring = Erring(command, sent.headers, world)
        head, self._decoder, readable = head_of(answer, request, at_ns, command.path)
        self._encoding_failed = not readable
        return head

    async def _read(self, *, plain: bool) -> Ended:
        """The whole answer, as it came (`raw`), or decoded where it is to be `plain`."""
        response, erring = self._response, self._erring
        assert response is not None and erring is not None
        status = response.status
        if self._purse is not None:
            # It was made before its first byte; to end it would spare nobody anything.
            self._purse.close()
        answer = WholeAnswer(self._decoder, self._world.heavy.turn, length_of(response))
        reason, watched = "complete", Watched(self._sent_ns, self._head_ns)
        self._caller.interruptible = True
        try:
            while piece := await response.read():
                watched.came(time.monotonic_ns())
                await answer.add(piece)
                if answer.size > (4 * LARGEST_READ if status < 400 else LARGEST_ERROR):
                    raise Broken("upstream_invalid", "the answer is too large")
        except asyncio.CancelledError:
            self._interrupted()
            reason = "client_gone"
        except Broken as error:
            log.warning("provider answer broke off: %s", error.message)
            reason = "broken_off"
        finally:
            self._caller.interruptible = False
            response.close()
            self._response = None
        raw, body = answer.raw(), answer.plain()
        self._encoding_failed = self._encoding_failed or answer.failed
        if (status >= 400 or plain) and not self._encoding_failed:
            raw = body
        report, failed = Report(), None
        if reason == "complete" and not self._encoding_failed and status < 400:
            report = await read_answer(self._world.heavy, self._inner.api, body, response.headers)
            failed = erring.whole(body, report)
        # An answer that cannot be read may hold any number of tokens; the hold bounds what it is counted as.
        output_bytes = UNKNOWN if self._encoding_failed or report is None else len(body)
        return self._ended(
            reason,
            report or Report(),
            output_bytes=output_bytes,
            raw=raw
            if status < 400 and failed is None
            else erring.shown(raw if failed is None else body, failed or status),
            first_chunk_ns=watched.first_ns,
            bytes_passed=answer.size,
            failed=failed,
        )

    async def _relay(self, command: Relay) -> Ended:
        """The answer passed on as it comes. Reading waits while the caller is slow: at most one piece is in hand."""
        response, meter, gather, caller = self._response, command.meter, command.gather, self._caller
        send: Any = caller.send if gather is None else taking(gather)
        metering = Metering(self._world.heavy, self._inner.api, meter)
        shaped = Shaped.of(command, self._world.heavy)
        assert response is not None and self._erring is not None
        reason, passed, left, erring = "complete", 0, iter(()), self._erring
        watched = Watched(self._sent_ns, self._head_ns)
        purse, events = self._purse, Events(command.headers)
        if purse is not None:
            purse.meters(meter, metering.report)
            if self._encoding_failed:
                await purse.take_all()
        unread = Unread(meter, purse)
        deadline_ns = self._sent_ns + int(command.longest_s * 1e9)
        self._caller.interruptible = True
        try:
            if gather is None:
                await caller.start(command.status, command.headers)
            while piece := await unread.read(response):
                watched.came(time.monotonic_ns())
                left = iter((piece,)) if self._decoder is None else self._decoder.plain(piece)
                for plain in left:
                    erring.feed(plain)
                    shown = await metering.feed(plain)
                    if purse is not None:
                        await purse.follow()
                        shown = events.whole(shown)
                    if shaped is not None:
                        shown = await shaped.shown(shown)
                    if shown:
                        passed += len(shown)
                        passing = pass_on(send, shown, self._world.heavy.turn)
                        await (unread.send(passing) if caller.slow else passing)
                if purse is not None and purse.refusal is not None:
                    reason = "over_budget"
                    break
                if watched.last_ns > deadline_ns:
                    reason = "too_long"
                    break
            rest = await metering.finish()
            if reason == "complete" and not self._encoding_failed and metering.cut(command.headers):
                reason = "broken_off"
            if shaped is not None:
                rest = await shaped.last(rest, complete=reason == "complete" and meter.complete)
            if rest:
                passed += len(rest)
                await pass_on(send, rest, self._world.heavy.turn)
        except asyncio.CancelledError:
            reason = self._interrupted()
            if reason == "client_gone" and meter.complete:
                # Whoever hangs up behind the provider's own end has had it all.
                reason = "complete"
            elif reason == "client_gone":
                await take_in(response, left, self._decoder, metering, watched, unread, time.monotonic_ns)
        except (Broken, DecodingFailed) as error:
            reason = "broken_off"
            if purse is None or purse.refusal is None:
                log.warning("provider stream broke off: %s", error)
                self._stopping = isinstance(error, Broken) and error.code == "shutting_down"
        finally:
            self._caller.interruptible = False
            response.close()
            self._response = None
        watched.ended(time.monotonic_ns())
        refusal, unseen = self._ended_for_cost(reason), unread.tokens()
        if purse is not None:
            purse.close()
        if refusal is not None:
            reason = "over_budget"
        if self._caller.gone and not (reason == "complete" and meter.complete):
            reason = "client_gone"
        elif gather is None:
            # Of an answer that was ended here, half an event is nobody's: what says so could not be told from it.
            # Nor of one that was put into other words.
            said = b"" if reason == "over_budget" or command.translation is not None else events.rest()
            passed += len(said)
            if said:
                await caller.pass_on(said, more=True)
            said = last_event(reason, self._request, stopping=self._stopping, refusal=refusal)
            await caller.pass_on(said, more=False)
        # Whoever left has left an event unread, perhaps.
        await metering.read_aside()
        report = Report() if self._encoding_failed else await metering.report()
        unknown = self._encoding_failed or metering.lost
        output_bytes = UNKNOWN if unknown else meter.output_bytes
        return self._ended(
            reason,
            report,
            output_bytes=output_bytes,
            bytes_passed=passed,
            finished=meter.complete and not (shaped is not None and shaped.failed),
            streamed=True,
            refusal=refusal if reason == "over_budget" else None,
            unseen_tokens=unseen,
            would_refuse=tuple(sorted(purse.would_refuse)) if purse is not None else (),
            failed=erring.stream(reason, output_bytes, report),
            behind=unread.behind,
            **watched.told(None if unknown else meter, report),
        )

    def _stop_upstream(self) -> None:
        """Ends the provider's work: nobody is to pay for more of it."""
        if self._response is not None:
            self._response.close()
        else:
            self._caller.interrupt()

    def _ended_for_cost(self, reason: str) -> Refusal | None:
        """What the caller is told of an answer that was ended for its cost, if that is how it ended."""
        return self._purse.refusal if self._purse is not None and reason in ("broken_off", "over_budget") else None

    def _interrupted(self) -> Any:
        """What a cancellation means: the caller left, the answer may cost no more, or the server is being stopped."""
        if self._caller.gone:
            self._caller.resume()
            return "client_gone"
        if self._purse is not None and self._purse.refusal is not None:
            self._caller.resume()
            return "over_budget"
        self._stopping = True
        return "broken_off"

    def _ended(self, reason: Any, report: Report, **told: Any) -> Ended:
        """The end of an answer now; `told` is the rest of what `Ended` has."""
        at_ns = time.monotonic_ns()
        return Ended(
            reason=reason,
            report=report,
            upstream_us=(at_ns - self._sent_ns) // 1000,
            at=self._world.clock.now(),
            at_ns=at_ns,
            **told,
        )

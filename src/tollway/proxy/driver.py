"""Carries out the commands of an exchange against the world.

The caller's connection and the exchange live apart: a caller that leaves is a reply (`client_gone`), so that what was
spent is settled all the same.
"""

import asyncio
import logging
import time
from typing import Any

from tollway.errors import StoreUnavailable
from tollway.exchange.authenticate import authenticate
from tollway.exchange.steps import (
    Authenticate,
    Compute,
    Ended,
    Forward,
    Head,
    Log,
    NoAnswer,
    NotSent,
    Read,
    Recall,
    Relay,
    Release,
    Remember,
    Reserve,
    Send,
    Sent,
    Settle,
    Steps,
    Unavailable,
)
from tollway.providers.batches import JOBS
from tollway.providers.codec import Malformed
from tollway.providers.weight import is_heavy
from tollway.proxy import headers as crossing
from tollway.proxy.encoding import Decoder, DecodingFailed
from tollway.proxy.heavy import HeavyFailed
from tollway.proxy.jobs import carry_out
from tollway.proxy.outgoing import outgoing
from tollway.proxy.reading import LARGEST_READ, Metering, decoded, head_of, last_event, read_answer
from tollway.proxy.signing.signer import CredentialsUnavailable
from tollway.proxy.transport import Broken, Response
from tollway.proxy.transport import NoAnswer as TransportNoAnswer
from tollway.proxy.transport import NotSent as TransportNotSent
from tollway.proxy.world import World
from tollway.request import Ask, InferenceRequest
from tollway.snapshot import Snapshot
from tollway.usage import Report

log = logging.getLogger("tollway.proxy")

LARGEST_ERROR = 2 * 1024 * 1024
"""No provider says more than this about an error; it is looked through as a whole for what identifies us."""

_UNKNOWN = 2**40
_SHORTEST_KEY = 8
"""A shorter one stands in too many words to be taken out of a text."""


class Driver:
    """One exchange, carried out."""

    __slots__ = (
        "_connection",
        "_cycle",
        "_decoder",
        "_encoding_failed",
        "_gone",
        "_interruptible",
        "_request",
        "_response",
        "_secrets",
        "_send",
        "_sent_ns",
        "_snapshot",
        "_started",
        "_stopping",
        "_world",
    )

    def __init__(
        self, world: World, snapshot: Snapshot, request: InferenceRequest, send: Any, connection: Any, cycle: Any
    ) -> None:
        self._world = world
        self._snapshot = snapshot
        self._request = request
        self._send = send
        self._connection = connection if cycle is not None else None
        self._cycle: Any = cycle
        self._gone = False
        self._stopping = False
        self._interruptible = False
        self._started = False
        self._response: Response | None = None
        self._decoder: Decoder | None = None
        self._encoding_failed = False
        self._sent_ns = 0
        self._secrets: tuple[bytes, ...] = ()

    @property
    def started(self) -> bool:
        """Whether the caller has been sent a status."""
        return self._started

    async def read_ask(self) -> Ask | Malformed | None:
        """What the request's body asks for, if it is too heavy to be read in passing. Raises HeavyFailed."""
        if not is_heavy(self._request.body, self._request.content_type):
            return None
        if self._connection is not None:
            # A caller that leaves meanwhile is met by `run`.
            self._connection.on_gone = self._on_gone
        try:
            return await self._world.heavy.read_ask(self._request)
        except HeavyFailed:
            if self._connection is not None:
                self._connection.on_gone = None
            raise

    async def run(self, steps: Steps) -> None:
        """Carries `steps` out to their end. A defect in them answers 500 and leaves the hold to its deadline."""
        if self._connection is not None and not self._gone:
            self._connection.on_gone = self._on_gone
        world = self._world
        try:
            command = next(steps)
            while True:
                reply = None
                # In the order of a request; what does not wait is done here.
                match command:
                    case Authenticate():
                        reply = authenticate(command.request, self._snapshot)
                    case Reserve():
                        reply = await self._reserve(command)
                    case Forward():
                        reply = await self._forward(command)
                    case Read():
                        reply = await self._read()
                    case Settle():
                        world.ledger.settle(command.entry)
                        if command.observed is not None:
                            world.learned.learn(command.observed)
                    case Send():
                        reply = await self._answer(command)
                    case Log():
                        world.records.write(command.record)
                    case Relay():
                        reply = await self._relay(command)
                    case Release():
                        world.ledger.release(command.reservation_id, command.code, world.clock.now())
                    case Compute() | Recall() | Remember():
                        reply = await carry_out(command, world.jobs, world.thread)
                command = steps.send(reply)
        except StopIteration:
            pass
        finally:
            if self._connection is not None:
                self._connection.on_gone = None
            if self._response is not None:
                self._response.close()

    def _on_gone(self) -> None:
        self._gone = True
        # A batch that is made goes on without its caller, and only the answer tells its id.
        makes_job = self._request.api in JOBS and self._request.method == "POST"
        if self._interruptible and not makes_job:
            self._cycle.task.cancel()

    async def _reserve(self, command: Reserve) -> Any:
        try:
            return await self._world.ledger.reserve(command.reservation, self._world.clock.now(), command.wait_s)
        except StoreUnavailable as error:
            log.error("the ledger is unavailable: %s", error)
            return Unavailable(str(error))

    async def _forward(self, command: Forward) -> Head | NotSent | NoAnswer:
        provider, request = command.route.provider, command.request
        try:
            body = await self._body(command)
            sent = await outgoing(command, body, self._snapshot, self._world.url(provider), self._world.signer)
        except CredentialsUnavailable as error:
            log.error("provider %s: %s", provider.slug, error)
            message = (
                f'Provider "{provider.slug}": its credentials cannot be obtained now; the gateway\'s log says why.'
            )
            return NotSent("credentials_unavailable", message, time.monotonic_ns())
        except HeavyFailed as error:
            return NotSent("overloaded", f"The body cannot be written now. {error}", time.monotonic_ns())
        if self._gone:
            return NotSent("upstream_unreachable", "The caller left before anything was sent.", time.monotonic_ns())
        self._sent_ns = time.monotonic_ns()
        self._interruptible = True
        try:
            answer = await self._world.transport.send(sent)
        except asyncio.CancelledError:
            self._interrupted()
            return NoAnswer("upstream_timeout", "The caller left before the provider answered.", time.monotonic_ns())
        except ValueError as error:
            return NotSent("upstream_unreachable", f"The request cannot be written: {error}.", time.monotonic_ns())
        finally:
            self._interruptible = False
        at_ns = time.monotonic_ns()
        if isinstance(answer, TransportNotSent):
            return NotSent(answer.code, f'Provider "{provider.slug}": {answer.message}', at_ns)
        if isinstance(answer, TransportNoAnswer):
            return NoAnswer(answer.code, f'Provider "{provider.slug}": {answer.message}', at_ns)
        if 300 <= answer.status < 400:
            # Its answer is elsewhere, so no work was done here; and a provider's key follows nobody there.
            answer.close()
            message = f'Provider "{provider.slug}" answered {answer.status}, a redirect, and none is followed: check its base_url.'
            return NotSent("upstream_invalid", message, at_ns)
        self._response = answer
        if answer.status >= 400:
            self._secrets = crossing.secrets_in(sent.headers, provider, request.dialect)
        head, self._decoder, readable = head_of(answer, request, at_ns)
        self._encoding_failed = not readable
        return head

    async def _body(self, command: Forward) -> bytes:
        """What is sent. Raises HeavyFailed."""
        body, rewrite = self._request.body, command.rewrite
        if rewrite is None or not is_heavy(body, self._request.content_type):
            return command.body
        return await self._world.heavy.write(body, rewrite)

    async def _read(self) -> Ended:
        """The whole answer, as it came (`raw`) and decoded (`body`)."""
        response = self._response
        assert response is not None
        status = response.status
        pieces: list[bytes] = []
        size, reason, first_ns = 0, "complete", None
        self._interruptible = True
        try:
            while piece := await response.read():
                if first_ns is None:
                    first_ns = time.monotonic_ns()
                pieces.append(piece)
                size += len(piece)
                if size > (4 * LARGEST_READ if status < 400 else LARGEST_ERROR):
                    raise Broken("upstream_invalid", "the answer is too large")
        except asyncio.CancelledError:
            self._interrupted()
            reason = "client_gone"
        except Broken as error:
            log.warning("provider answer broke off: %s", error.message)
            reason = "broken_off"
        finally:
            self._interruptible = False
            response.close()
            self._response = None
        raw = b"".join(pieces)
        body = raw
        if self._decoder is not None:
            try:
                body = await decoded(self._decoder, pieces)
            except DecodingFailed as error:
                log.warning("provider answer cannot be metered: %s", error)
                self._encoding_failed = True
            if status >= 400 and not self._encoding_failed:
                raw = body
        for secret in self._secrets:
            # A provider may repeat the key that it does not like.
            if len(secret) >= _SHORTEST_KEY:
                raw = raw.replace(secret, b"[redacted]")
        whole = reason == "complete" and not self._encoding_failed
        report: Report | None = Report()
        if whole and status < 400:
            report = await read_answer(self._world.heavy, self._request.api, body, response.headers)
        # An answer that cannot be read may hold any number of tokens; the hold bounds what it is counted as.
        output_bytes = _UNKNOWN if self._encoding_failed or report is None else len(body)
        return self._ended(
            reason, report or Report(), output_bytes=output_bytes, raw=raw, first_ns=first_ns, passed=size
        )

    async def _relay(self, command: Relay) -> Ended:
        """The answer passed on as it comes. Reading waits while the caller is slow: at most one piece is in hand."""
        response, meter, send = self._response, command.meter, self._send
        metering = Metering(self._world.heavy, self._request.api, meter)
        assert response is not None
        reason, first_ns, passed = "complete", None, 0
        deadline_ns = self._sent_ns + int(command.longest_s * 1e9)
        self._interruptible = True
        try:
            await self._start(command.status, command.headers)
            while piece := await response.read():
                if first_ns is None:
                    first_ns = time.monotonic_ns()
                for plain in (piece,) if self._decoder is None else self._decoder.plain(piece):
                    shown = await metering.feed(plain)
                    if shown:
                        passed += len(shown)
                        await send({"type": "http.response.body", "body": shown, "more_body": True})
                if time.monotonic_ns() > deadline_ns:
                    reason = "too_long"
                    break
            rest = await metering.finish()
            if rest:
                passed += len(rest)
                await send({"type": "http.response.body", "body": rest, "more_body": True})
        except asyncio.CancelledError:
            reason = self._interrupted()
        except (Broken, DecodingFailed) as error:
            log.warning("provider stream broke off: %s", error)
            reason = "broken_off"
            self._stopping = isinstance(error, Broken) and error.code == "shutting_down"
        finally:
            self._interruptible = False
            response.close()
            self._response = None
        if self._gone:
            reason = "client_gone"
        elif reason != "complete":
            said = last_event(reason, self._request, stopping=self._stopping)
            if said:
                await send({"type": "http.response.body", "body": said, "more_body": True})
        if not self._gone:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        # Whoever left has left an event unread, perhaps.
        await metering.read_aside()
        unknown = self._encoding_failed or metering.lost
        report = Report() if unknown else meter.report()
        output_bytes = _UNKNOWN if unknown else meter.output_bytes
        return self._ended(
            reason,
            report,
            output_bytes=output_bytes,
            first_ns=first_ns,
            passed=passed,
            finished=meter.complete,
            streamed=True,
        )

    async def _answer(self, command: Send) -> Sent:
        if not self._gone:
            headers = (*command.headers, (b"content-length", str(len(command.body)).encode()))
            self._started = True
            connection = self._connection
            if connection is None or not connection.reply(self._cycle, command.status, headers, command.body):
                await self._start(command.status, headers)
                await self._send({"type": "http.response.body", "body": command.body, "more_body": False})
        return Sent(time.monotonic_ns())

    async def _start(self, status: int, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        self._started = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    def _interrupted(self) -> Any:
        """What a cancellation means: the caller left, or the server is being stopped."""
        if self._gone:
            # The cancellation was our own way of waking up; it ends here.
            self._cycle.task.uncancel()
            return "client_gone"
        self._stopping = True
        return "broken_off"

    def _ended(
        self,
        reason: Any,
        report: Report,
        *,
        output_bytes: int,
        first_ns: int | None,
        passed: int,
        raw: bytes = b"",
        finished: bool = True,
        streamed: bool = False,
    ) -> Ended:
        at_ns = time.monotonic_ns()
        return Ended(
            reason=reason,
            report=report,
            output_bytes=output_bytes,
            bytes_passed=passed,
            raw=raw,
            finished=finished,
            streamed=streamed,
            upstream_us=(at_ns - self._sent_ns) // 1000,
            at=self._world.clock.now(),
            at_ns=at_ns,
            first_chunk_ns=first_ns,
        )

"""Carries out the commands of an exchange against the world.

The caller's connection and the exchange live apart: a caller that leaves is a reply (`client_gone`), so that what was
spent is settled all the same.
"""

import asyncio
import logging
import time
from typing import Any

import msgspec

from tollway.clock import Clock
from tollway.errors import StoreUnavailable
from tollway.exchange.authenticate import authenticate
from tollway.exchange.refusal import Refusal, event
from tollway.exchange.steps import (
    Authenticate,
    Ended,
    Forward,
    Head,
    Log,
    NoAnswer,
    NotSent,
    Read,
    Relay,
    Release,
    Reserve,
    Send,
    Sent,
    Settle,
    Steps,
    Unavailable,
)
from tollway.gateway import Provider
from tollway.providers.registry import codec_for
from tollway.proxy import headers as crossing
from tollway.proxy.encoding import Decoder, DecodingFailed, decoder
from tollway.proxy.surface import upstream_path
from tollway.proxy.transport import Broken, Response, Transport, UpstreamRequest, Url, parse_url
from tollway.proxy.transport import NoAnswer as TransportNoAnswer
from tollway.proxy.transport import NotSent as TransportNotSent
from tollway.request import InferenceRequest
from tollway.snapshot import Snapshot
from tollway.storage.protocol import Ledger, Records
from tollway.usage import Report

log = logging.getLogger("tollway.proxy")

LARGEST_READ = 16 * 1024 * 1024
"""A JSON answer larger than this is relayed as it comes instead of being read whole."""

_UNKNOWN = 2**40
_SHORTEST_KEY = 8
"""A shorter one stands in too many words to be taken out of a text."""


class World(msgspec.Struct, frozen=True):
    """What the driver needs of the outside."""

    ledger: Ledger
    records: Records
    transport: Transport
    clock: Clock
    urls: dict[str, Url]
    """Base URL → its parts; filled once for each provider."""

    def url(self, provider: Provider) -> Url:
        found = self.urls.get(provider.base_url)
        if found is None:
            found = self.urls[provider.base_url] = parse_url(provider.base_url)
        return found


class Driver:
    """One exchange, carried out."""

    __slots__ = (
        "_connection",
        "_cycle",
        "_decoder",
        "_encoding_failed",
        "_gone",
        "_interruptible",
        "_key",
        "_request",
        "_response",
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
        self._key = b""

    @property
    def started(self) -> bool:
        """Whether the caller has been sent a status."""
        return self._started

    async def run(self, steps: Steps) -> None:
        """Carries `steps` out to their end. A defect in them answers 500 and leaves the hold to its deadline."""
        if self._connection is not None:
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
                    case Send():
                        reply = await self._answer(command)
                    case Log():
                        world.records.write(command.record)
                    case Relay():
                        reply = await self._relay(command)
                    case Release():
                        world.ledger.release(command.reservation_id, command.code, world.clock.now())
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
        if self._interruptible:
            self._cycle.task.cancel()

    async def _reserve(self, command: Reserve) -> Any:
        try:
            return await self._world.ledger.reserve(command.reservation, self._world.clock.now(), command.wait_s)
        except StoreUnavailable as error:
            log.error("the ledger is unavailable: %s", error)
            return Unavailable(str(error))

    async def _forward(self, command: Forward) -> Head | NotSent | NoAnswer:
        provider, request = command.route.provider, command.request
        base = self._world.url(provider)
        target = upstream_path("" if base.target == b"/" else base.target.decode(), provider.family, command.path)
        if request.query:
            target = f"{target}?{request.query.decode('latin-1')}"
        gateway = self._snapshot.gateways[request.gateway]
        outgoing = UpstreamRequest(
            request.method,
            base.at(target.encode("latin-1")),
            crossing.outgoing(
                request,
                provider,
                caller_keys=gateway.provider_keys == "caller",
                is_ours=lambda secret: self._snapshot.key(secret) is not None,
            ),
            command.body,
            provider.connect_timeout_s,
            provider.first_byte_timeout_s,
            provider.idle_timeout_s,
        )
        if self._gone:
            return NotSent("upstream_unreachable", "The caller left before anything was sent.", time.monotonic_ns())
        self._sent_ns = time.monotonic_ns()
        self._interruptible = True
        try:
            answer = await self._world.transport.send(outgoing)
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
        if answer.status >= 400 and provider.api_key is not None:
            self._key = provider.api_key.reveal().encode()
        return self._head(answer, at_ns)

    def _head(self, answer: Response, at_ns: int) -> Head:
        content_type = crossing.value_of(answer.headers, b"content-type") or b""
        length = crossing.value_of(answer.headers, b"content-length")
        large = length is not None and length.isdigit() and int(length) > LARGEST_READ
        json = b"json" in content_type and b"ndjson" not in content_type
        streamed = not json or large or self._request.upstream_path.endswith(":streamGenerateContent")
        shown = crossing.incoming(answer.headers)
        try:
            self._decoder = decoder(crossing.value_of(answer.headers, b"content-encoding"))
        except DecodingFailed as error:
            log.warning("provider answer cannot be metered: %s", error)
            self._encoding_failed = True
        if self._decoder is not None and (streamed or answer.status >= 400):
            # A stream is metered plain, and passed on plain; so is an error, whose text is looked through.
            shown = tuple(header for header in shown if header[0] != b"content-encoding")
        return Head(answer.status, shown, streamed, at_ns)

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
                if size > 4 * LARGEST_READ:
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
                body = self._decoder.feed(raw)
            except DecodingFailed as error:
                log.warning("provider answer cannot be metered: %s", error)
                self._encoding_failed = True
            if status >= 400 and not self._encoding_failed:
                raw = body
        if len(self._key) >= _SHORTEST_KEY:
            # A provider may repeat the key that it does not like.
            raw = raw.replace(self._key, b"[redacted]")
        whole = reason == "complete" and not self._encoding_failed
        report = codec_for(self._request.api).read_answer(body) if whole else Report()
        # An answer that cannot be decoded may hold any number of tokens; the hold bounds what it is counted as.
        output_bytes = _UNKNOWN if self._encoding_failed else len(body)
        return self._ended(reason, report, output_bytes=output_bytes, raw=raw, first_ns=first_ns, passed=size)

    async def _relay(self, command: Relay) -> Ended:
        """The answer passed on as it comes. Reading waits while the caller is slow: at most one piece is in hand."""
        response, meter, send = self._response, command.meter, self._send
        assert response is not None
        reason, first_ns, passed = "complete", None, 0
        deadline_ns = self._sent_ns + int(command.longest_s * 1e9)
        self._interruptible = True
        try:
            await self._start(command.status, command.headers)
            while piece := await response.read():
                if first_ns is None:
                    first_ns = time.monotonic_ns()
                if self._decoder is not None:
                    piece = self._decoder.feed(piece)
                shown = meter.feed(piece)
                if shown:
                    passed += len(shown)
                    await send({"type": "http.response.body", "body": shown, "more_body": True})
                if time.monotonic_ns() > deadline_ns:
                    reason = "too_long"
                    break
            rest = meter.finish()
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
            await self._last_event(reason)
        if not self._gone:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        report = Report() if self._encoding_failed else meter.report()
        output_bytes = _UNKNOWN if self._encoding_failed else meter.output_bytes
        return self._ended(
            reason,
            report,
            output_bytes=output_bytes,
            first_ns=first_ns,
            passed=passed,
            finished=meter.complete,
            streamed=True,
        )

    async def _last_event(self, reason: str) -> None:
        """Says in the stream itself that it ends early; a cut stream looks complete to most SDKs."""
        if self._request.upstream_path.endswith(":streamGenerateContent") and b"alt=sse" not in self._request.query:
            return
        code = {"too_long": "upstream_timeout"}.get(reason, "shutting_down" if self._stopping else "upstream_invalid")
        refusal = Refusal(
            code=code, message="The provider's stream broke off before its end; what came until here is all there is."
        )
        await self._send(
            {
                "type": "http.response.body",
                "body": event(refusal, self._request.dialect, self._request.id),
                "more_body": True,
            }
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

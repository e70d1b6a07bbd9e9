"""Taking answers in, without holding up the others: what is heavy is read by the worker process, the rest in slices."""

import asyncio
import logging
import time
from collections.abc import Iterator

from tollway.exchange.refusal import Refusal, event
from tollway.exchange.steps import Head
from tollway.providers.aside import Aside, Patient
from tollway.providers.codec import Headers, Meter
from tollway.providers.registry import codec_for
from tollway.providers.weight import ALWAYS_LIGHT, is_heavy
from tollway.proxy.encoding import Decoder, DecodingFailed, decoder
from tollway.proxy.headers import incoming, value_of
from tollway.proxy.heavy import Heavy, HeavyFailed
from tollway.proxy.transport import Response
from tollway.request import Api, InferenceRequest
from tollway.usage import Report

log = logging.getLogger("tollway.proxy")

LARGEST_READ = 16 * 1024 * 1024
"""A JSON answer larger than this is relayed as it comes instead of being read whole."""

_TURN_NS = 1_000_000
"""How long one answer may be read before the others have their turn."""


def head_of(answer: Response, request: InferenceRequest, at_ns: int) -> tuple[Head, Decoder | None, bool]:
    """The head of an answer, how its body is decoded, and whether that can be done at all."""
    content_type = value_of(answer.headers, b"content-type") or b""
    length = value_of(answer.headers, b"content-length")
    large = length is not None and length.isdigit() and int(length) > LARGEST_READ
    # Cohere's and others' streams of JSON lines have names with both words in them.
    json = b"json" in content_type and b"ndjson" not in content_type and b"stream" not in content_type
    streamed = not json or large or request.upstream_path.endswith(":streamGenerateContent")
    shown = incoming(answer.headers)
    readable = True
    coding = None
    try:
        coding = decoder(value_of(answer.headers, b"content-encoding"))
    except DecodingFailed as error:
        log.warning("provider answer cannot be metered: %s", error)
        readable = False
    if coding is not None and (streamed or answer.status >= 400):
        # A stream is metered plain, and passed on plain; so is an error, whose text is looked through.
        shown = tuple(header for header in shown if header[0] != b"content-encoding")
    return Head(answer.status, shown, streamed, at_ns), coding, readable


def last_event(reason: str, request: InferenceRequest, *, stopping: bool) -> bytes:
    """What says in the stream itself that it ends early; a cut stream looks complete to most SDKs."""
    if request.upstream_path.endswith(":streamGenerateContent") and b"alt=sse" not in request.query:
        return b""
    code = {"too_long": "upstream_timeout"}.get(reason, "shutting_down" if stopping else "upstream_invalid")
    message = "The provider's stream broke off before its end; what came until here is all there is."
    return event(Refusal(code=code, message=message), request.dialect, request.id)


async def read_answer(heavy: Heavy, api: Api, body: bytes, headers: Headers) -> Report | None:
    """What a whole answer reports; `None` where it could not be read, and may have reported anything."""
    if not is_heavy(body):
        return codec_for(api).read_answer(body, headers)
    try:
        return await heavy.read_answer(api, body, headers)
    except HeavyFailed as error:
        log.warning("provider answer cannot be metered: %s", error)
        return None


async def decoded(coding: Decoder, raw: list[bytes]) -> bytes:
    """A whole answer without its encoding. Raises DecodingFailed."""
    found: list[bytes] = []
    for piece in raw:
        for plain in coding.plain(piece):
            found.append(plain)
            await asyncio.sleep(0)
    return b"".join(found)


class Metering:
    """Feeds a meter, any event of which may be hostile.

    `lost`: an event could not be read, and may have told anything.
    """

    __slots__ = ("_api", "_aside", "_heavy", "_meter", "lost")

    def __init__(self, heavy: Heavy, api: Api, meter: Meter) -> None:
        self._heavy = heavy
        self._api: Api = api
        self._meter = meter
        self._aside: Aside | None = meter.put_aside() if isinstance(meter, Patient) else None
        self.lost = False

    async def feed(self, chunk: bytes) -> bytes:
        """`Meter.feed`, in its turn."""
        if len(chunk) <= ALWAYS_LIGHT:
            shown = self._meter.feed(chunk)
        else:
            shown = await self._sliced(chunk)
        if self._aside is not None and self._aside.events:
            await self.read_aside()
        return shown

    async def finish(self) -> bytes:
        """`Meter.finish`, and what it has put aside."""
        rest = self._meter.finish()
        await self.read_aside()
        return rest

    async def read_aside(self) -> None:
        """Has the worker read what the meter has put aside. Cancelled, it may be asked again."""
        aside, meter = self._aside, self._meter
        if aside is None or not (aside.events or aside.whole):
            return
        assert isinstance(meter, Patient)
        try:
            said: list[bool] = []
            if aside.events:
                meter.reader, said = await self._heavy.read_events(aside.take, meter.reader, aside.events)
                aside.events.clear()
                meter.taken(said, None)
            if aside.whole is not None:
                report = await self._heavy.read_answer(self._api, aside.whole, ())
                aside.whole = None
                # JSON that was cut reports nothing, and is no whole answer.
                self.lost = self.lost or report.usage is None
                meter.taken([], report if report.usage is not None else None)
        except HeavyFailed as error:
            log.warning("an event of a provider's stream cannot be metered: %s", error)
            aside.events.clear()
            aside.whole = None
            self.lost = True

    async def _sliced(self, chunk: bytes) -> bytes:
        shown: list[bytes] = []
        untouched = True
        began_ns = time.monotonic_ns()
        for piece in _slices(chunk):
            seen = self._meter.feed(piece)
            untouched = untouched and seen is piece
            shown.append(seen)
            if time.monotonic_ns() - began_ns > _TURN_NS:
                await asyncio.sleep(0)
                began_ns = time.monotonic_ns()
        return chunk if untouched else b"".join(shown)


def _slices(chunk: bytes) -> Iterator[bytes]:
    for start in range(0, len(chunk), ALWAYS_LIGHT):
        yield chunk[start : start + ALWAYS_LIGHT]

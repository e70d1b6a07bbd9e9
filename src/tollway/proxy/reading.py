"""Taking answers in, without holding up the others: what is heavy is read by the worker process, the rest in slices."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from tollway.exchange.refusal import Refusal, event
from tollway.exchange.steps import Head, NoAnswer, NotSent
from tollway.gateway import Provider
from tollway.providers.aside import Aside, Patient, report_of
from tollway.providers.batches import JOBS
from tollway.providers.codec import Headers, Malformed, Meter
from tollway.providers.gathered import Gatherer
from tollway.providers.registry import codec_for
from tollway.providers.weight import is_heavy
from tollway.proxy.caller import Caller
from tollway.proxy.encoding import Decoder, DecodingFailed, decoded, decoder
from tollway.proxy.gathering import Gathering
from tollway.proxy.headers import incoming, value_of
from tollway.proxy.heavy import Heavy, HeavyFailed
from tollway.proxy.transport import NoAnswer as TransportNoAnswer
from tollway.proxy.transport import NotSent as TransportNotSent
from tollway.proxy.transport import Response
from tollway.proxy.turn import Turn
from tollway.request import Api, Ask, InferenceRequest
from tollway.usage import Report

log = logging.getLogger("tollway.proxy")

LARGEST_READ = 16 * 1024 * 1024
"""A JSON answer larger than this is relayed as it comes instead of being read whole."""

LARGEST_ERROR = 2 * 1024 * 1024
"""No provider says more than this about an error; it is looked through as a whole for what identifies us."""

UNKNOWN = 2**40
"""Bytes of an answer that cannot be read: it may hold any number of tokens."""

_RESULTS = ("/results", "/content")
"""How the paths of a batch's results end: lines, whatever the provider calls them."""

_SHORTEST_KEY = 8
"""A shorter one stands in too many words to be taken out of a text."""
_SLICE_BYTES = 1024
"""What a meter is given at once: 500 empty events, which take it a millisecond."""


async def ask_of(request: InferenceRequest, heavy: Heavy, caller: Caller) -> Ask | Malformed | None:
    """What the request's body asks for, if it is too heavy to be read in passing. Raises HeavyFailed."""
    if not is_heavy(request.body, request.content_type):
        return None
    # A caller that leaves meanwhile is met when the exchange is carried out.
    caller.watch()
    try:
        return await heavy.read_ask(request)
    except HeavyFailed:
        caller.let_go()
        raise


def head_of(
    answer: Response, request: InferenceRequest, at_ns: int, path: str = ""
) -> tuple[Head, Decoder | None, bool]:
    """The head of an answer, how its body is decoded, and whether that can be done at all.

    `path`: where it was asked for, at the provider.
    """
    content_type, length, encoding = b"", b"", None
    # The first of each name counts.
    for name, value in reversed(answer.headers):
        if name == b"content-type":
            content_type = value
        elif name == b"content-length":
            length = value
        elif name == b"content-encoding":
            encoding = value
    large = length.isdigit() and int(length) > LARGEST_READ
    # Cohere's and others' streams of JSON lines have names with both words in them.
    json = b"json" in content_type and b"ndjson" not in content_type and b"stream" not in content_type
    streamed = not json or large or request.upstream_path.endswith(":streamGenerateContent")
    streamed = streamed or (path.endswith(_RESULTS) and request.api in JOBS)
    shown = incoming(answer.headers)
    readable = True
    coding = None
    try:
        coding = decoder(encoding) if encoding is not None else None
    except DecodingFailed as error:
        log.warning("provider answer cannot be metered: %s", error)
        readable = False
    if coding is not None and (streamed or answer.status >= 400):
        # A stream is metered plain, and passed on plain; so is an error, whose text is looked through.
        shown = tuple(header for header in shown if header[0] != b"content-encoding")
    return Head(answer.status, shown, streamed, at_ns), coding, readable


def usable(
    answer: Response | TransportNotSent | TransportNoAnswer, provider: Provider, at_ns: int
) -> Response | NotSent | NoAnswer:
    """What the transport gave, or why it is no answer."""
    if type(answer) is TransportNotSent:
        return NotSent(answer.code, f'Provider "{provider.slug}": {answer.message}', at_ns)
    if type(answer) is TransportNoAnswer:
        return NoAnswer(answer.code, f'Provider "{provider.slug}": {answer.message}', at_ns)
    if 300 <= answer.status < 400:
        # Its answer is elsewhere, so no work was done here; and a provider's key follows nobody there.
        answer.close()
        message = f'Provider "{provider.slug}" answered {answer.status}, a redirect, and none is followed: check its base_url.'
        return NotSent("upstream_invalid", message, at_ns)
    return answer


def length_of(answer: Response) -> int:
    """How long the body of an answer that is read whole is to be; 0 where its head does not say, or it is too long."""
    length = value_of(answer.headers, b"content-length")
    stated = int(length) if length is not None and length.isdigit() else 0
    return stated if stated <= LARGEST_READ else 0


def redacted(text: bytes, secrets: Iterable[bytes]) -> bytes:
    """`text` without what identifies us: a provider may repeat the key that it does not like."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_KEY:
            text = text.replace(secret, b"[redacted]")
    return text


def last_event(reason: str, request: InferenceRequest, *, stopping: bool, refusal: Refusal | None = None) -> bytes:
    """What says in the stream itself that it ends early, if it does; a cut stream looks complete to most SDKs.

    `refusal`: why, where it was ended for its cost.
    """
    if reason == "complete" or (
        request.upstream_path.endswith(":streamGenerateContent") and b"alt=sse" not in request.query
    ):
        return b""
    if refusal is not None:
        return event(refusal, request.dialect, request.id)
    code = {"too_long": "upstream_timeout"}.get(reason, "shutting_down" if stopping else "upstream_invalid")
    message = "The provider's stream broke off before its end; what came until here is all there is."
    return event(Refusal(code=code, message=message), request.dialect, request.id)


def taking(gather: Gatherer) -> Callable[[dict[str, Any]], Awaitable[None]]:
    """A caller's place, taken by who puts a whole answer together."""

    async def take(message: dict[str, Any]) -> None:
        gather.feed(message["body"])

    return take


async def read_answer(heavy: Heavy, api: Api, body: bytes, headers: Headers) -> Report | None:
    """What a whole answer reports; `None` where it could not be read, and may have reported anything."""
    if api in JOBS or not is_heavy(body):
        # What answers about batches report is nothing.
        return codec_for(api).read_answer(body, headers)
    try:
        return await heavy.read_answer(api, body, headers)
    except HeavyFailed as error:
        log.warning("provider answer cannot be metered: %s", error)
        return None


class WholeAnswer:
    """A whole answer as it comes in, and without its encoding.

    `failed`: the encoding is not what the head said, or the answer grows without bound.
    """

    __slots__ = ("_decoder", "_first", "_length", "_plain", "_raw", "_turn", "failed", "size")

    def __init__(self, coding: Decoder | None, turn: Turn, length: int = 0) -> None:
        """`length`: what the head says that will come, as it comes."""
        self._decoder = coding
        self._turn = turn
        self._first = b""
        self._length = length
        self._raw: Gathering | None = None
        """Of an answer that came in more than one piece."""
        self._plain = Gathering(turn) if coding is not None else None
        self.size = 0
        """Bytes as they came."""
        self.failed = False

    async def add(self, piece: bytes) -> None:
        """Takes the next piece in."""
        self.size += len(piece)
        if self._first:
            self._raw = Gathering(self._turn, self._length)
            await self._raw.add(self._first)
            self._first = b""
        if self._raw is not None:
            await self._raw.add(piece)
        else:
            self._first = piece
        if self._decoder is None or self._plain is None or self.failed:
            return
        try:
            async for plain in decoded(self._decoder, piece, self._turn):
                await self._plain.add(plain)
        except DecodingFailed as error:
            log.warning("provider answer cannot be metered: %s", error)
            self.failed = True

    def raw(self) -> bytes:
        """What came."""
        return self._raw.whole() if self._raw is not None and self._raw.size else self._first

    def plain(self) -> bytes:
        """What can be read; what came, where it cannot."""
        return self.raw() if self._plain is None or self.failed else self._plain.whole()


_SAYS_ITS_END: frozenset[Api] = frozenset({"openai.chat", "openai.responses", "anthropic.messages", "google.generate"})

_LONGEST_ERROR = 4 * 1024
"""Bytes: an event that says what went wrong may come in several pieces."""
_ERROR = re.compile(rb'"error"\s*:\s*[{"]|"type"\s*:\s*"error"')


class Metering:
    """Feeds a meter, any event of which may be hostile.

    `lost`: an event could not be read, and may have told anything.
    """

    __slots__ = ("_api", "_aside", "_heavy", "_large", "_last", "_meter", "lost")

    def __init__(self, heavy: Heavy, api: Api, meter: Meter) -> None:
        self._heavy = heavy
        self._api: Api = api
        self._meter = meter
        self._aside: Aside | None = meter.put_aside() if isinstance(meter, Patient) else None
        self._large = False
        """What the meter's reader holds may take long to read once more."""
        self._last = b""
        self.lost = False

    async def feed(self, chunk: bytes) -> bytes:
        """`Meter.feed`, in its turn."""
        self._last = self._last[-_LONGEST_ERROR:] + chunk
        if len(chunk) <= _SLICE_BYTES:
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

    def cut(self, headers: Headers) -> bool:
        """Whether the events of an API that always says when it is over are over without having said so, or why: a stream that was
        cut and closed in good order looks complete to most SDKs. `headers`: of the answer."""
        if self.lost or self._meter.complete or self._api not in _SAYS_ITS_END:
            return False
        # Half an event reaches nobody.
        if _ERROR.search(self._last, 0, max(self._last.rfind(b"\n\n"), self._last.rfind(b"\r\n\r\n"), 0)) is not None:
            return False
        return b"event-stream" in (value_of(headers, b"content-type") or b"").lower()

    async def report(self) -> Report:
        """`Meter.report`; nothing where something was lost."""
        meter = self._meter
        if self._large and not self.lost:
            assert isinstance(meter, Patient)
            try:
                _, (report,) = await self._heavy.read_events(report_of, meter.reader, [None])
            except HeavyFailed as error:
                log.warning("a provider's stream cannot be metered: %s", error)
                self.lost = True
            else:
                return report
        return Report() if self.lost else meter.report()

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
                self._large = True
                meter.taken(said, None)
            if aside.whole is not None:
                report = await self._heavy.read_answer(self._api, aside.whole, ())
                aside.whole = None
                # JSON that was cut reports nothing, and is no whole answer.
                self.lost = self.lost or report.usage is None
                self._large = self._large and report.usage is None
                meter.taken([], report if report.usage is not None else None)
        except HeavyFailed as error:
            log.warning("an event of a provider's stream cannot be metered: %s", error)
            aside.events.clear()
            aside.whole = None
            self.lost = True

    async def _sliced(self, chunk: bytes) -> bytes:
        shown: list[bytes] = []
        untouched = True
        turn = self._heavy.turn
        for start in range(0, len(chunk), _SLICE_BYTES):
            if turn.over():
                try:
                    await turn.free()
                except asyncio.CancelledError:
                    # What has come is billed, though whoever it was for has left.
                    for later in range(start, len(chunk), _SLICE_BYTES):
                        self._meter.feed(chunk[later : later + _SLICE_BYTES])
                    raise
            piece = chunk[start : start + _SLICE_BYTES]
            seen = self._meter.feed(piece)
            untouched = untouched and seen is piece
            shown.append(seen)
        if untouched:
            return chunk
        # A join would copy an event of megabytes, which stands alone most often.
        shown = [seen for seen in shown if seen]
        return shown[0] if len(shown) == 1 else b"".join(shown)

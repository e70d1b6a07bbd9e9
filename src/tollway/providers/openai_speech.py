"""Speech over OpenAI's API (`/audio/speech`), at whoever serves it.

Most models bill the characters of `input`, which the request shows (`Ask.known`). gpt-4o-mini-tts bills the tokens of
its input and of the audio it makes, and tells them only in a stream of events; else the audio's bytes are counted.

Known: OpenAI prices a minute at about $0.015 and a million audio tokens at $12, which is 20.8 tokens a second; Google
publishes 25 for its own; a recorded answer of gpt-4o-mini-audio has 12 for 0.61 s. `pcm` and `wav` are 24 kHz of 16
bits, 48,000 bytes a second. Assumed: every other figure here.
"""

from __future__ import annotations

import re
from typing import Any, Protocol

import msgspec

from tollway.providers.answer import text, values
from tollway.providers.aside import Aside
from tollway.providers.body import ABSENT, MAX_COUNT, Shape, Unfit, flag, name_at
from tollway.providers.codec import Headers, Malformed, Meter
from tollway.providers.counts import reported
from tollway.providers.openai_usage import read_usage
from tollway.providers.splice import spliced
from tollway.providers.stated_cost import read_stated_cost
from tollway.providers.stream import StreamMeter
from tollway.request import Api, Ask, Dialect
from tollway.usage import Report, Usage

TOKENS_PER_SECOND = 25
"""Of audio that was made: the published figures, rounded up."""

_MOST_TOKENS_PER_CHARACTER = 25
"""Half a second at 50 tokens a second: users report more than the published figure, and speech has about fifteen letters
or five Chinese characters a second. The rest is for digits and signs that are spoken as words, and for instructions to
speak slowly."""
_SILENCE_TOKENS = 500
_SLOWEST = 25
"""The least `speed`, in hundredths."""

_shape = Shape(dict[str, msgspec.Raw])


class Speech:
    """`/audio/speech`: audio as bytes, or as events where the request asks for them."""

    __slots__ = ()

    api: Api = "openai.speech"
    dialect: Dialect = "openai"

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The fields that decide what the request may cost: the text to speak, above all.

        `max_output_tokens` bounds the audio by the text's length and the speed; the API itself has no cap.
        """
        try:
            fields = _shape.open(body)
            spoken = fields.get("input")
            known = isinstance(spoken, str)
            characters = len(spoken) if isinstance(spoken, str) else 0
            return Ask(
                model=name_at(fields, "model"),
                stream=name_at(fields, "stream_format") == "sse" or flag(fields, "stream"),
                max_output_tokens=_most_tokens(characters, fields.get("speed")) if known else None,
                unbounded=None if known or spoken is None else "input of an unknown shape",
                messages=1,
                known=Usage(characters=characters) if known else None,
                floor_output_tokens=MAX_COUNT + 1,
            )
        except Unfit as unfit:
            return unfit.malformed()

    def write_path(self, path: str, model: str) -> str:
        """`path` as it is: the body names the model."""
        return path

    def write_body(self, body: bytes, ask: Ask, *, model: str | None, cap: int | None, include_usage: bool) -> bytes:
        """`body` with the model written into it; audio cannot be capped."""
        return spliced(body, {} if model is None else {"model": model})

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """What a whole answer reports: nothing where it is audio, its usage where it is JSON that has one."""
        return _report(body) if body.lstrip()[:1] == b"{" else Report()

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter for events, or for the bytes of an audio file."""
        return EitherMeter(StreamMeter(_Reader(), self.read_answer), Audio())


def _most_tokens(characters: int, speed: object) -> int:
    """The most audio tokens of a text of that length. A speed that is not known counts as the slowest."""
    hundredths = 100 if speed is None else _SLOWEST
    if isinstance(speed, int | float) and _SLOWEST <= speed * 100 < 10_000:
        hundredths = min(int(speed * 100), 100)
    return min((characters * _MOST_TOKENS_PER_CHARACTER + _SILENCE_TOKENS) * 100 // hundredths, MAX_COUNT)


def _report(body: bytes | msgspec.Raw) -> Report:
    found = values(body)
    usage = reported(found.get("usage"))
    read, suspect = read_usage(usage) if usage else (None, None)
    stated = read_stated_cost(found.get("usage", b"{}"))
    return Report(
        usage=None if read == Usage() else read,
        response_model=text(found.get("model")),
        response_id=text(found.get("id")),
        suspect=suspect or stated.suspect,
        stated_cost=stated.nanodollars,
    )


class _Event(msgspec.Struct, gc=False):
    """One event. Mistral wraps its events' contents in `data`."""

    type: str | None = None
    audio: str | None = None
    usage: msgspec.Raw = ABSENT
    data: msgspec.Raw = ABSENT


_event = msgspec.json.Decoder(_Event)


class _Reader:
    """Follows a stream of speech: pieces of audio in base64, and the usage with the last one."""

    __slots__ = ("_audio", "_report", "complete", "output_bytes")

    def __init__(self) -> None:
        self.output_bytes = 0
        """Tokens of the audio so far, and the bytes of events that could not be read."""
        self.complete = False
        self._audio = Audio()
        self._report = Report()

    def event(self, data: bytes) -> bool:
        """Takes one event in. None is extra."""
        if data == b"[DONE]":
            self.complete = True
            return False
        try:
            event = _event.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self.output_bytes += len(data)
            return False
        inner = values(event.data) if event.data is not ABSENT else {}
        audio = event.audio or text(inner.get("audio_data")) or text(inner.get("audio"))
        if audio:
            before = self._audio.output_bytes
            self._audio.feed_base64(audio)
            self.output_bytes += self._audio.output_bytes - before
        if event.usage is not ABSENT or "usage" in inner:
            self._report = _report(data if event.usage is not ABSENT else event.data)
        if event.type == "speech.audio.done" or self._report.usage is not None:
            self.complete = True
        return False

    def report(self) -> Report:
        """What the stream has told of itself."""
        return self._report


_HEAD_BYTES = 1024
_EVENTS = re.compile(rb"\s*(?:data:|event:|id:|retry:|:[ -~\r\n]|[{\[]\s*[\"{])")
_TELLING_BYTES = 16
"""With so many bytes seen it is told whether they are events: audio does not begin with so much plain text."""


class Plain(Protocol):
    """What is made of an answer that is no stream of events."""

    @property
    def output_bytes(self) -> int:
        """See `Meter.output_bytes`."""
        ...

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes in."""
        ...


class EitherMeter:
    """A Meter over events, or over a plain file where the first bytes are none.

    A plain file is complete when its transfer is: it has no other end.
    """

    __slots__ = ("_events", "_head", "_plain", "_plain_ended", "_told")

    def __init__(self, events: StreamMeter, plain: Plain) -> None:
        self._events = events
        self._plain = plain
        self._head = bytearray()
        self._told: bool | None = None
        """Whether the bytes are events; `None` while too few of them are known."""
        self._plain_ended = False

    @property
    def reader(self) -> Any:
        """Of the events; see `Patient`."""
        return self._events.reader

    @reader.setter
    def reader(self, reader: Any) -> None:
        self._events.reader = reader

    def put_aside(self) -> Aside:
        """From now on heavy events are put there."""
        return self._events.put_aside()

    def taken(self, said: list[bool], report: Report | None) -> None:
        """What was made of those events."""
        self._events.taken(said, report)

    def feed(self, chunk: bytes) -> bytes:
        """`chunk` itself, at once."""
        if self._told is None:
            self._head += chunk
            if len(self._head) >= _TELLING_BYTES:
                self._tell()
        elif self._told:
            self._events.feed(chunk)
        else:
            self._plain.feed(chunk)
        return chunk

    def finish(self) -> bytes:
        """Nothing: no byte is ever kept back."""
        if self._told is None and self._head:
            self._tell()
        if self._told:
            self._events.finish()
        else:
            self._plain_ended = self._told is False
        return b""

    def _tell(self) -> None:
        head = bytes(self._head)
        start = head[:_TELLING_BYTES]
        self._told = _EVENTS.match(start) is not None and start.isascii() and b"\0" not in start
        if self._told:
            self._events.feed(head)
        else:
            self._plain.feed(head)
        self._head.clear()

    def report(self) -> Report:
        """What the events have reported; nothing for a plain file."""
        return self._events.report()

    @property
    def output_bytes(self) -> int:
        """Of what was generated, as far as it can be told; see `Meter`."""
        return self._events.output_bytes + self._plain.output_bytes + len(self._head)

    @property
    def complete(self) -> bool:
        """The end of the events was seen, or the plain file was transferred."""
        return self._plain_ended or self._events.complete


_MPEG1_KBIT = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
_MPEG2_KBIT = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)
_PCM_RATE = 48_000
_SLOW_RATE = 4_000
"""32 kbit/s: assumed of compressed audio whose rate is not told. FLAC, which is lossless, takes more."""
_OPUS_HZ = 48_000
_PAGE = b"OggS"
_PAGE_HEAD = 14
_NO_POSITION = 2**48
"""A page's position beyond it (all ones) is none."""


class Audio:
    """Counts an audio file's tokens by its length, as its bytes arrive: `output_bytes` is no fewer than it holds.

    The length is the bytes by the rate that the file's head tells (WAV, MP3), or by the slowest to be expected; Opus tells
    its position in every page. Bytes without a known head are PCM, the one format of OpenAI's that has none.
    """

    __slots__ = ("_head", "_position", "_size", "_tail")

    def __init__(self) -> None:
        self._head = b""
        self._size = 0
        self._tail = b""
        self._position = 0

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes in."""
        if len(self._head) < _HEAD_BYTES:
            self._head += chunk[: _HEAD_BYTES - len(self._head)]
        self._size += len(chunk)
        if self._head.startswith(_PAGE):
            self._follow(self._tail + chunk)
            self._tail = (self._tail + chunk)[1 - _PAGE_HEAD :]

    def feed_base64(self, audio: str) -> None:
        """Takes the next bytes in, written in base64. What is not base64 counts by its length alone."""
        try:
            self.feed(msgspec.convert(audio, bytes, strict=False))
        except msgspec.ValidationError:
            self._size += len(audio) * 3 // 4

    @property
    def output_bytes(self) -> int:
        """Tokens of the audio so far, rounded up."""
        if self._position and b"OpusHead" in self._head:
            return -(-self._position * TOKENS_PER_SECOND // _OPUS_HZ)
        return -(-self._size * TOKENS_PER_SECOND // bytes_per_second(self._head))

    def _follow(self, seen: bytes) -> None:
        at = seen.find(_PAGE)
        while 0 <= at <= len(seen) - _PAGE_HEAD:
            position = int.from_bytes(seen[at + 6 : at + _PAGE_HEAD], "little")
            if position < _NO_POSITION:
                self._position = max(self._position, position)
            at = seen.find(_PAGE, at + 4)


def bytes_per_second(head: bytes) -> int:
    """How many bytes a second of an audio file takes that begins like this; never 0."""
    if head[:4] == b"RIFF":
        at = head.find(b"fmt ")
        stated = int.from_bytes(head[at + 16 : at + 20], "little") if at >= 0 else 0
        return stated if 1_000 <= stated <= 1_000_000 else _PCM_RATE
    if head[:3] == b"ID3":
        return _frame_rate(head[10:]) or _SLOW_RATE
    if head[:4] in (_PAGE, b"fLaC") or head[4:8] == b"ftyp" or head[:4] == b"\x1a\x45\xdf\xa3":
        return _SLOW_RATE
    if head[:1] == b"\xff" and head[1:2] >= b"\xe0":
        return _frame_rate(head) or _SLOW_RATE
    return _PCM_RATE


def _frame_rate(head: bytes) -> int:
    """The rate of the first MPEG audio frame (ISO 11172-3, 2.4.1.3); 0 where it has none, as AAC has not."""
    at = head.find(b"\xff")
    while 0 <= at <= len(head) - 3:
        second, third = head[at + 1], head[at + 2]
        # Eleven bits of sync, a known version, and layer III.
        if second & 0xE6 == 0xE2 and second & 0x18 != 0x08:
            table = _MPEG1_KBIT if second & 0x18 == 0x18 else _MPEG2_KBIT
            return table[third >> 4] * 125
        at = head.find(b"\xff", at + 1)
    return 0

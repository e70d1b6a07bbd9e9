"""Transcriptions and translations of audio over OpenAI's API (`/audio/transcriptions`, `/audio/translations`).

gpt-4o-transcribe and its kin bill tokens, Whisper and Voxtral the length of the audio. The answer tells either, but not
in every format: as plain text or subtitles it tells nothing. Then the length of a WAV is known from its own bytes
(`Ask.known`); any other file is as long as its bytes could be at the slowest rate, which the estimate holds.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tollway.pricing.estimate import AUDIO_BYTES_PER_SECOND
from tollway.providers import forms
from tollway.providers.answer import Values, text, values
from tollway.providers.body import MAX_COUNT, Fields, Shape, Unfit, flag, name_at
from tollway.providers.codec import Headers, Malformed, Meter
from tollway.providers.counts import Reported, count, decoded, doubt, first_count, nested, reported
from tollway.providers.media_content import Content
from tollway.providers.media_sizes import wave_seconds
from tollway.providers.openai_speech import EitherMeter
from tollway.providers.openai_usage import read_usage
from tollway.providers.splice import spliced
from tollway.providers.stated_cost import read_stated_cost
from tollway.providers.stream import StreamMeter
from tollway.request import Api, Ask, Dialect
from tollway.usage import Report, Usage

_LINKS = ("url", "file_url", "audio_url", "file_id")
"""Groq and Mistral take audio by link as well."""
_FORM_FIELDS = ("model", "stream", *_LINKS)
_HEARD_PER_SECOND = 25
"""Tokens of audio: OpenAI prices a minute of gpt-4o-transcribe at about $0.006 and a million at $6, which is 17 a second."""
_TOKENS_PER_SECOND = 25
"""Of text: nobody speaks as fast. Whisper itself stops at 448 tokens for half a minute, which is 15 a second."""

_shape = Shape(dict[str, msgspec.Raw])


class Transcription:
    """Audio in, text out. The body is a form; a few servers take JSON."""

    __slots__ = ()

    api: Api = "openai.transcription"
    dialect: Dialect = "openai"

    def read_ask(self, path: str, query: bytes, content_type: bytes, body: bytes) -> Ask | Malformed:
        """The fields that decide what the request may cost. The file's bytes bound the audio's seconds and tokens."""
        if not forms.is_form(content_type) and body.lstrip()[:1] != b"{":
            # No model can be named in it; what it is, is the provider's to say.
            return Ask(unbounded="a body that is neither a form nor JSON", floor_output_tokens=MAX_COUNT + 1)
        try:
            seconds: int | None = None
            most_seconds: int | None = None
            size = 0
            file: forms.Part | None = None
            if forms.is_form(content_type):
                form, fields = forms.opened(content_type, body, _FORM_FIELDS)
                file = _the_file(form)
                if file is not None and file.is_file:
                    size = file.size
                    seconds = wave_seconds(_File(memoryview(body)[file.start : file.end]))
                    most_seconds = seconds or -(-file.size // AUDIO_BYTES_PER_SECOND)
            else:
                fields = _shape.open(body)
            return Ask(
                model=name_at(fields, "model"),
                stream=flag(fields, "stream"),
                max_output_tokens=_most_tokens(most_seconds),
                unbounded="audio by link" if file is not None and not file.is_file else _unseen(fields, most_seconds),
                media_tokens=min((most_seconds or 0) * _HEARD_PER_SECOND, MAX_COUNT),
                media_bytes=size,
                messages=1,
                known=Usage(input_audio_seconds=seconds) if seconds else None,
                floor_output_tokens=MAX_COUNT + 1,
            )
        except Unfit as unfit:
            return unfit.malformed()

    def write_path(self, path: str, model: str) -> str:
        """`path` as it is: the body names the model."""
        return path

    def write_body(self, body: bytes, ask: Ask, *, model: str | None, cap: int | None, include_usage: bool) -> bytes:
        """`body`, a form or JSON, with the model written into it; a transcript cannot be capped."""
        if model is None:
            return body
        if body.startswith(b"--"):
            return forms.renamed(body, model)
        # Anything else was let pass unread, and names no model.
        return spliced(body, {"model": model}) if body.lstrip()[:1] == b"{" else body

    def read_answer(self, body: bytes, headers: Headers = ()) -> Report:
        """What a whole answer reports; nothing where it is a transcript without JSON."""
        return _report(values(body)) if body.lstrip()[:1] == b"{" else Report()

    def meter(self, *, strip_usage: bool) -> Meter:
        """A meter for events, or for a transcript in plain text."""
        return EitherMeter(StreamMeter(_Reader(), self.read_answer), _Text())


class _File(Content):
    """A file that stands in the body as it is, not in base64."""

    __slots__ = ()

    @property
    def most_bytes(self) -> int:
        """Its bytes."""
        return len(self._written)

    def head(self, size: int) -> bytes:
        """Its first `size` bytes, fewer where there are no more."""
        return bytes(self._written[:size])


def _the_file(form: forms.Form) -> forms.Part | None:
    """The one part that is called "file". Raises Unfit where two are: no one knows which of them a server hears."""
    found = [part for part in form.parts if part.name.strip().casefold().removesuffix("[]") == "file"]
    if len(found) > 1:
        raise Unfit("file stands twice in the form; send it once.")
    if found and found[0].name not in ("file", "file[]"):
        raise Unfit(f"{found[0].name[:40]} is another spelling of file; write it in lower case.")
    return found[0] if found else None


def _most_tokens(seconds: int | None) -> int | None:
    return None if seconds is None else min(max(seconds, 1) * _TOKENS_PER_SECOND, MAX_COUNT)


def _unseen(fields: Fields, most_seconds: int | None) -> str | None:
    link = next((name for name in _LINKS if fields.get(name) is not None), None)
    if link is not None:
        return f"audio by {link}"
    return None if most_seconds is not None else "audio that is not a file of a form"


def _report(found: Values) -> Report:
    usage = reported(found.get("usage"))
    if usage is not None:
        read, suspect = _read_usage(usage)
    else:
        # Whisper's `verbose_json`, at OpenAI, Groq, Fireworks and Together.
        length = count(decoded(found.get("duration")))
        read = Usage(input_audio_seconds=length) if length is not None else None
        suspect = doubt(read, {}) if read is not None else None
    stated = read_stated_cost(found.get("usage", b"{}"))
    return Report(
        usage=read,
        response_model=text(found.get("model")),
        response_id=text(found.get("id")) or text(values(found.get("x_groq")).get("id")),
        suspect=suspect or stated.suspect,
        stated_cost=stated.nanodollars,
    )


def _read_usage(usage: Reported) -> tuple[Usage | None, str | None]:
    """Tokens, seconds, or both: Mistral's total has the audio's tokens in it, which its parts do not have."""
    seconds = first_count(usage, "prompt_audio_seconds", "seconds")
    if usage.get("type") == "duration":
        return (None, None) if seconds is None else _checked(Usage(input_audio_seconds=seconds), usage)
    if seconds is None:
        read, suspect = read_usage(usage)
        return (None, suspect) if read == Usage() else (read, suspect)
    read, _ = read_usage({name: value for name, value in usage.items() if name != "total_tokens"})
    return _checked(msgspec.structs.replace(read, input_audio_seconds=seconds), usage)


def _checked(read: Usage, usage: Reported) -> tuple[Usage, str | None]:
    suspect = doubt(read, usage)
    if suspect is None and (read.input_audio_seconds or 0) > MAX_COUNT:
        suspect = f"{read.input_audio_seconds} seconds of audio, which no call has"
    return read, suspect


class _Event(msgspec.Struct, gc=False):
    """One event. OpenAI calls a piece of text `delta`, Mistral `text`."""

    type: str | None = None
    delta: str | None = None
    text: str | None = None
    data: Any = None


_event = msgspec.json.Decoder(_Event)


class _Reader:
    """Follows a transcript as it is made: `transcript.text.delta`, and the usage with `transcript.text.done`."""

    __slots__ = ("_report", "complete", "output_bytes")

    def __init__(self) -> None:
        self.output_bytes = 0
        self.complete = False
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
        kind = event.type or ""
        ended = kind.endswith(".done")
        if event.delta is not None:
            self.output_bytes += len(event.delta.encode(errors="surrogatepass"))
        elif event.text is not None and kind.endswith(".delta"):
            self.output_bytes += len(event.text.encode(errors="surrogatepass"))
        elif not ended and not kind.endswith((".segment", ".language")):
            self.output_bytes += len(data)
        if b'"usage"' in data:
            found = values(data)
            if not nested({"usage": decoded(found.get("usage"))}, "usage"):
                found = values(found.get("data"))
            report = _report(found)
            if report.usage is not None:
                self._report = report
                ended = True
        self.complete = self.complete or ended
        return False

    def report(self) -> Report:
        """What the stream has told of itself."""
        return self._report


class _Text:
    """A transcript in plain text, or as subtitles: its bytes are no fewer than its tokens."""

    __slots__ = ("output_bytes",)

    def __init__(self) -> None:
        self.output_bytes = 0

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes in."""
        self.output_bytes += len(chunk)

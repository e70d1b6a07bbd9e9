"""The events of InvokeModelWithResponseStream: base64 in frames, in which each family of models has words of its own."""

from __future__ import annotations

import base64
import binascii

import msgspec

from tollway.providers.answer import Values, text, values
from tollway.providers.anthropic_usage import MessagesReader
from tollway.providers.bedrock_stream import ConverseReader
from tollway.providers.bedrock_usage import METRICS, plainly_named, read_family, unnamed, with_metrics
from tollway.providers.counts import Reported, count, decoded, doubt, reported
from tollway.providers.openai_stream import ChatReader, size
from tollway.usage import Report, Usage


class _Chunk(msgspec.Struct, gc=False):
    bytes: str | None = None


_chunk = msgspec.json.Decoder(_Chunk)
_CONVERSE = frozenset(
    {"messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"}
)

_CLAUDE = ("message_", "content_block_", "ping", "error")


class InvokeReader:
    """Follows a stream of InvokeModel: each event is told by its shape, the last one carries Bedrock's own counts."""

    __slots__ = ("_complete", "_family", "_finish_reason", "_flat", "_metrics", "_other_bytes", "_seen")

    def __init__(self) -> None:
        self._family: MessagesReader | ChatReader | ConverseReader | None = None
        self._metrics: Reported | None = None
        self._flat: dict[str, object] = {}
        """Counts that stand at the top of an event (Llama, Titan), the last of each."""
        self._finish_reason: str | None = None
        self._other_bytes = 0
        self._complete = False
        self._seen: Report | None = None
        """What an event that is an answer in itself has told."""

    @property
    def output_bytes(self) -> int:
        """Bytes of generated text seen by the family's reader and outside of it."""
        return self._other_bytes + (self._family.output_bytes if self._family is not None else 0)

    @property
    def complete(self) -> bool:
        """Bedrock's last event was seen, or the family's own end."""
        return self._complete or (self._family is not None and self._family.complete)

    def event(self, kind: str, payload: bytes) -> None:
        """Takes one frame in, and the event in it."""
        try:
            encoded = _chunk.decode(payload).bytes
            inner = base64.b64decode(encoded, validate=True) if encoded else b""
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, binascii.Error, ValueError):
            self._other_bytes += len(payload)
            return
        found = values(inner)
        if METRICS in found:
            self._metrics = reported(found[METRICS])
            self._complete = True
        if "amazon-bedrock-trace" in found:
            # The trace stands in the last event, which is the only one of an answer that a guardrail has blocked.
            self._complete = True
        self._read(inner, found)

    def report(self) -> Report:
        """What the stream has told of itself."""
        own = self._family.report() if self._family is not None else self._seen or self._read_flat()
        return unnamed(with_metrics(own, self._metrics))

    def _read(self, inner: bytes, found: Values) -> None:
        converse = _CONVERSE & found.keys()
        if converse:
            reader = self._family = self._family if isinstance(self._family, ConverseReader) else ConverseReader()
            for kind in converse:
                reader.event(kind, bytes(found[kind]))
        elif "choices" in found:
            chat = self._family = self._family if isinstance(self._family, ChatReader) else ChatReader()
            chat.event(inner)
            self._other_bytes += _unlike_chat(found["choices"])
        elif (text(found.get("type")) or "").startswith(_CLAUDE):
            messages = self._family = self._family if isinstance(self._family, MessagesReader) else MessagesReader()
            messages.event(inner)
        else:
            self._read_text(inner, found)

    def _read_text(self, inner: bytes, found: Values) -> None:
        """An event of a family that has its text and its counts at the top."""
        for name in _COUNTS & found.keys():
            value = decoded(found[name])
            if value is not None:
                self._flat[name] = value
        for name in ("stop_reason", "completionReason", "finish_reason", "stopReason"):
            reason = text(found.get(name))
            if reason is not None:
                self._finish_reason = reason
        for name in ("generation", "outputText", "completion", "text"):
            if name in found:
                self._other_bytes += _text_bytes(found[name])
                return
        if "usage" in found:
            report = read_family(inner, found)
            self._seen = report if report.usage is not None else self._seen
        self._other_bytes += len(inner) - (len(bytes(found[METRICS])) if METRICS in found else 0)

    def _read_flat(self) -> Report:
        """Counts at the top of events. Titan's are final only beside its reason to stop."""
        generated = self._flat.get("generation_token_count", self._flat.get("totalOutputTextTokenCount"))
        prompt = self._flat.get("prompt_token_count", self._flat.get("inputTextTokenCount"))
        if self._finish_reason is None and "generation_token_count" not in self._flat:
            return Report()
        told = Usage(input_tokens=count(prompt), output_tokens=count(generated))
        if told == Usage():
            return Report(finish_reason=self._finish_reason)
        return Report(usage=told, finish_reason=self._finish_reason, suspect=doubt(told, plainly_named(self._flat)))


_COUNTS = frozenset(
    {"prompt_token_count", "generation_token_count", "inputTextTokenCount", "totalOutputTextTokenCount"}
)


def _text_bytes(raw: msgspec.Raw) -> int:
    value = decoded(raw)
    return size(value) if isinstance(value, str) else len(bytes(raw))


_choices = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


def _unlike_chat(choices: msgspec.Raw) -> int:
    """Bytes of a choice that has a whole `message` where OpenAI has a `delta` (Mistral)."""
    try:
        return sum(len(bytes(choice["message"])) for choice in _choices.decode(choices) if "message" in choice)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 0

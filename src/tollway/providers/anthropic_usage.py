"""What Anthropic's answers say of themselves, whole and streamed.

Its counts are exclusive: `input_tokens` leaves out what was read from and written to the cache, so they are added up.
In a stream `message_delta` repeats the counts so far, not what was added: the last one stands.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from tollway.providers import unknown_text
from tollway.providers.answer import Values, text, values
from tollway.providers.body import ABSENT
from tollway.providers.counts import Reported, added, count, doubt, entries, first_count, nested, reported
from tollway.providers.openai_stream import FRAMING_BYTES, size
from tollway.providers.shown import Shown
from tollway.usage import Report, Step, Usage


def read_usage(usage: Reported) -> Usage:
    """The counts of one usage object, made inclusive."""
    read = count(usage.get("cache_read_input_tokens"))
    created = nested(usage, "cache_creation")
    five_minutes, hour = (
        count(created.get("ephemeral_5m_input_tokens")),
        count(created.get("ephemeral_1h_input_tokens")),
    )
    written = count(usage.get("cache_creation_input_tokens"))
    if written is None:
        written = added(five_minutes, hour)
    searches = nested(usage, "server_tool_use")
    return Usage(
        input_tokens=added(count(usage.get("input_tokens")), read, written),
        cache_read_input_tokens=read,
        cache_creation_input_tokens=written,
        cache_creation_1h_input_tokens=hour,
        output_tokens=count(usage.get("output_tokens")),
        reasoning_output_tokens=first_count(nested(usage, "output_tokens_details"), "thinking_tokens"),
        web_searches=count(searches.get("web_search_requests")),
    )


def checked(usage: Reported) -> tuple[Usage, str | None]:
    """The counts, and why they are not to be trusted, if so."""
    read = read_usage(usage)
    return read, doubt(read, usage)


def read_answer(body: bytes) -> Report:
    """What a whole answer reports; an unreadable one reports nothing."""
    found = values(body)
    return _report(found, reported(found.get("usage")), text(found.get("stop_reason")))


def _report(message: Values, usage: Reported | None, stop_reason: str | None) -> Report:
    read, suspect = checked(usage) if usage else (None, None)
    listed = entries(usage or {}, "iterations")
    steps = tuple([_step(entry) for entry in listed])
    for step, entry in zip(steps, listed, strict=True):
        suspect = suspect or doubt(step.usage, entry)
    return Report(
        usage=read,
        response_model=text(message.get("model")),
        response_id=text(message.get("id")),
        service_tier=_tier(usage or {}),
        finish_reason=stop_reason,
        steps=steps,
        suspect=suspect,
    )


def _step(entry: Reported) -> Step:
    model = entry.get("model")
    return Step(model=model if isinstance(model, str) and model else None, usage=read_usage(entry))


def _tier(usage: Reported) -> str | None:
    # Fast mode is a speed, not a tier, but it changes the price as a tier does.
    tier = "fast" if usage.get("speed") == "fast" else usage.get("service_tier")
    # So does the place: inference kept in the United States costs more on newer models.
    place = usage.get("inference_geo")
    return tier_at(tier if isinstance(tier, str) and tier else None, place if place == "us" else None)


def tier_at(tier: str | None, place: object) -> str | None:
    """A service tier and where the inference is kept, as the price book writes them: "us", "fast+us"."""
    if place not in ("us", "global"):
        return tier
    return str(place) if tier in (None, "standard") else f"{tier}+{place}"


class _Delta(msgspec.Struct, gc=False):
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    signature: str | None = None
    stop_reason: str | None = None


class _Block(msgspec.Struct, gc=False):
    """A block as it opens; what a tool of the provider found is input, not output."""

    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    name: str | None = None
    data: str | None = None


class _Event(msgspec.Struct, gc=False):
    type: str | None = None
    delta: _Delta | None = None
    content_block: _Block | None = None
    usage: msgspec.Raw = ABSENT
    message: msgspec.Raw = ABSENT


_event = msgspec.json.Decoder(_Event)


_TOOL_FRAMING_BYTES = 64
"""The same for a tool call, which Anthropic writes out at some length: recorded ones show about thirty tokens."""


class MessagesReader:
    """Follows a messages stream: `message_start` has the input, each `message_delta` the counts so far."""

    __slots__ = (
        "_fell",
        "_message",
        "_stop_reason",
        "_thought",
        "_usage",
        "_wrote",
        "complete",
        "output_bytes",
        "shown",
    )

    def __init__(self) -> None:
        self.output_bytes = 0
        self.complete = False
        self.shown: Shown | None = None
        """Where the text is kept, if it may have to be counted in tokens."""
        self._message: Values = {}
        self._usage: dict[str, Any] = {}
        self._fell: str | None = None
        """Why the count of the output is not the one that was told last."""
        self._wrote = False
        self._stop_reason: str | None = None
        self._thought = 0
        """Bytes of thinking in the block that is open."""

    def event(self, data: bytes) -> bool:
        """Takes one event in. None is extra."""
        try:
            event = _event.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self.output_bytes += len(data)
            return False
        delta = event.delta
        if delta is not None:
            if delta.text is not None:
                self._generated("text", delta.text)
            elif delta.partial_json is not None:
                self._generated("json", delta.partial_json)
            elif delta.thinking is not None:
                self._thought += size(delta.thinking)
                self._generated("thinking", delta.thinking)
            elif delta.signature is not None:
                # It holds the thoughts themselves, encrypted: the only sign of them where they are not shown.
                self.output_bytes += max(0, size(delta.signature) - self._thought)
            elif delta.stop_reason is not None:
                self._stop_reason = delta.stop_reason
            elif event.type != "message_delta":
                self.output_bytes += unknown_text.in_anthropic_delta(data)
        block = event.content_block
        if block is not None:
            self._thought = 0
            self.output_bytes += size(block.text) + size(block.thinking) + size(block.name) + size(block.data)
            self.output_bytes += _TOOL_FRAMING_BYTES if block.name else FRAMING_BYTES
            self.output_bytes += unknown_text.in_anthropic_block(data)
        if event.message is not ABSENT:
            self._message = values(event.message)
            self._add(self._message.get("usage"))
            # What `message_start` calls output is a first guess, not a count: an answer cut here is not one token long.
            self._usage.pop("output_tokens", None)
        if event.usage is not ABSENT:
            self._add(event.usage)
        if event.type == "message_stop":
            self.complete = True
        return False

    def report(self) -> Report:
        """What the stream has told of itself."""
        found = _report(self._message, self._usage or None, self._stop_reason)
        usage, doubt = found.usage, self._fell
        if self._wrote and usage is not None and usage.output_tokens == 0 and not found.steps:
            usage = msgspec.structs.replace(usage, output_tokens=None, reasoning_output_tokens=None)
            doubt = "the output is told to be 0 tokens, but text was shown"
        if doubt is None:
            return found
        return msgspec.structs.replace(found, usage=usage, suspect=found.suspect or doubt)

    def _generated(self, kind: str, text: str) -> None:
        grown = len(text) if text.isascii() else size(text)
        self._wrote = self._wrote or grown > 0
        self.output_bytes += grown
        if self.shown is not None:
            self.shown.add(kind, text, grown)

    def _add(self, raw: msgspec.Raw | None) -> None:
        made = count(self._usage.get("output_tokens"))
        _update(self._usage, reported(raw) or {})
        now = count(self._usage.get("output_tokens"))
        if made is not None and now is not None and now < made:
            # The input may fall, where another model answers after all: what was written cannot.
            self._usage["output_tokens"] = made
            self._fell = f"output_tokens was {made} and fell to {now} within the stream; billed as {made}"


def _update(known: dict[str, Any], later: Reported) -> None:
    """Counts so far never fall: a 0 that comes after a count is one that was left out, and so is a null."""
    for name, value in later.items():
        before = known.get(name)
        if isinstance(before, dict) and isinstance(value, dict):
            _update(cast(dict[str, Any], before), cast(Reported, value))
        elif value or (value is not None and not before):
            known[name] = value

"""What Google's answers say of themselves: generateContent, its stream, and embeddings.

Counts that are zero are left out of Google's JSON. The prompt's count has the cached tokens in it, but not what the
provider's own tools put into the prompt, and the candidates' count does not have the thoughts.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from tollway.providers.answer import Values, first_text, text, values
from tollway.providers.body import ABSENT
from tollway.providers.counts import (
    Reported,
    added,
    beyond,
    count,
    decoded,
    doubt,
    entries,
    first_count,
    reported,
)
from tollway.providers.google_grounding import Grounding
from tollway.providers.openai_stream import FRAMING_BYTES, size
from tollway.providers.rising import Rising
from tollway.usage import Report, Usage

_MODALITIES = {2: "IMAGE", 3: "VIDEO", 4: "AUDIO", 5: "DOCUMENT"}
"""The enumeration google.ai.generativelanguage.Modality, for answers that give numbers (`enum-encoding=int`)."""
_TRAFFIC = {
    "ON_DEMAND_FLEX": "flex",
    "ON_DEMAND_PRIORITY": "priority",
    "PROVISIONED_THROUGHPUT": "provisioned_throughput",
}


def read_usage(usage: Reported, *, ended: bool = True, shown: bool = False) -> tuple[Usage | None, str | None]:
    """The counts of a `usageMetadata`, made inclusive, and why they are not to be trusted, if so.

    None where it has no counts at all. Before the stream has `ended` a count that is left out is not known to be zero, nor is
    it ever where text was `shown`.
    """
    prompt = count(usage.get("promptTokenCount"))
    tools = count(usage.get("toolUsePromptTokenCount"))
    thoughts = count(usage.get("thoughtsTokenCount"))
    output = added(count(usage.get("candidatesTokenCount")), thoughts)
    total = count(usage.get("totalTokenCount"))
    if prompt is None and output is None and total is None:
        return None, None
    hidden = beyond(total, added(prompt, tools), output) if ended and prompt is not None else None
    suspect: str | None = None
    if hidden is not None:
        # What is in the total and in no part of it was thought: it is billed all the same.
        suspect = f"totalTokenCount is {total}, but input and output are {added(prompt, tools)} + {output}"
        suspect = f"{suspect}; the {hidden} between them are billed as thoughts"
        output, thoughts = added(output, hidden), added(thoughts, hidden)
    elif shown and ended and not output:
        # Beside thoughts a short answer may be left out of the counts, and then is in no total either: recorded ones show it.
        suspect = "the output is told to be 0 tokens, but text was shown"
        output = thoughts = None
    inputs = _modalities(usage, "promptTokensDetails", "promptTokenDetails")
    tool_inputs = _modalities(usage, "toolUsePromptTokensDetails")
    cached = _modalities(usage, "cacheTokensDetails")
    outputs = _modalities(usage, "candidatesTokensDetails")
    read = Usage(
        input_tokens=added(prompt, tools),
        cache_read_input_tokens=count(usage.get("cachedContentTokenCount")),
        input_audio_tokens=added(inputs.get("AUDIO"), tool_inputs.get("AUDIO")),
        input_image_tokens=added(inputs.get("IMAGE"), tool_inputs.get("IMAGE")),
        input_video_tokens=added(inputs.get("VIDEO"), tool_inputs.get("VIDEO")),
        cache_read_audio_tokens=cached.get("AUDIO"),
        tool_use_input_tokens=tools,
        output_tokens=0 if output is None and ended and not shown else output,
        reasoning_output_tokens=thoughts,
        output_audio_tokens=outputs.get("AUDIO"),
        output_image_tokens=outputs.get("IMAGE"),
    )
    return read, suspect or doubt(read, usage, (("totalTokenCount", total),) if ended else ())


def report_of(
    found: Values,
    usage: Reported | None,
    finish_reason: str | None,
    *,
    ended: bool = True,
    shown: bool = False,
    grounding: Grounding | None = None,
) -> Report:
    """What an answer, or the chunks of a stream so far, have told."""
    read, suspect = read_usage(usage, ended=ended, shown=shown) if usage else (None, None)
    model = text(found.get("modelVersion"))
    searches = grounding.searches(model) if grounding is not None else None
    if read is not None and searches is not None:
        read = msgspec.structs.replace(read, web_searches=searches)
    return Report(
        usage=read,
        response_model=model,
        response_id=text(found.get("responseId")),
        service_tier=_tier(usage or {}),
        finish_reason=finish_reason,
        suspect=suspect,
    )


def read_answer(body: bytes) -> Report:
    """What a whole answer reports; an unreadable one reports nothing.

    An array is a stream that was collected whole; its chunks are read as such.
    """
    if body.lstrip()[:1] == b"[":
        reader = GenerateReader()
        chunks: Any = decoded(body)
        for chunk in cast(list[object], chunks) if isinstance(chunks, list) else []:
            reader.event(msgspec.json.encode(chunk))
        return reader.report()
    found = values(body)
    finish_reason = first_text(found.get("candidates"), "finishReason")
    shown, grounding = False, Grounding()
    for candidate in _candidates_in(found):
        shown = shown or any(_shows(part) for part in (candidate.content and candidate.content.parts) or ())
        if candidate.grounding_metadata is not ABSENT:
            grounding.add(candidate.grounding_metadata)
    return report_of(
        found,
        reported(found.get("usageMetadata")),
        finish_reason or _blocked(found.get("promptFeedback")),
        shown=shown,
        grounding=grounding,
    )


def _modalities(usage: Reported, *names: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for entry in entries(usage, *names):
        modality: object = entry.get("modality")
        name = _MODALITIES.get(modality) if isinstance(modality, int) else modality
        tokens = first_count(entry, "tokenCount", "tokens")
        if isinstance(name, str) and tokens is not None:
            name = name.upper()  # Interactions write it small.
            counts[name] = counts.get(name, 0) + tokens
    return counts


def read_embedded(usage: Reported) -> tuple[Usage | None, str | None]:
    """`read_usage` for what was embedded, where a document is billed as the images of its pages."""
    read, suspect = read_usage(usage)
    documents = _modalities(usage, "promptTokensDetails", "promptTokenDetails").get("DOCUMENT")
    if read is None or documents is None:
        return read, suspect
    read = msgspec.structs.replace(read, input_image_tokens=added(read.input_image_tokens, documents))
    return read, suspect or doubt(read, usage)


def read_interaction(usage: Reported) -> tuple[Usage, str | None]:
    """The counts of an interaction (`/v1beta/interactions`), made inclusive, and why they are not to be trusted, if so."""
    tools = count(usage.get("total_tool_use_tokens"))
    thoughts = first_count(usage, "total_thought_tokens", "total_reasoning_tokens")
    inputs = _modalities(usage, "input_tokens_by_modality")
    tool_inputs = _modalities(usage, "tool_use_tokens_by_modality")
    outputs = _modalities(usage, "output_tokens_by_modality")
    given, output = (
        added(count(usage.get("total_input_tokens")), tools),
        added(count(usage.get("total_output_tokens")), thoughts),
    )
    total = count(usage.get("total_tokens"))
    hidden, suspect = beyond(total, given, output), None
    if hidden is not None:
        suspect = f"total_tokens is {total}, but input and output are {given} + {output}"
        suspect = f"{suspect}; the {hidden} between them are billed as thoughts"
        output, thoughts = added(output, hidden), added(thoughts, hidden)
    read = Usage(
        input_tokens=given,
        cache_read_input_tokens=count(usage.get("total_cached_tokens")),
        input_audio_tokens=added(inputs.get("AUDIO"), tool_inputs.get("AUDIO")),
        input_image_tokens=added(inputs.get("IMAGE"), tool_inputs.get("IMAGE")),
        input_video_tokens=added(inputs.get("VIDEO"), tool_inputs.get("VIDEO")),
        cache_read_audio_tokens=_modalities(usage, "cached_tokens_by_modality").get("AUDIO"),
        tool_use_input_tokens=tools,
        output_tokens=output,
        reasoning_output_tokens=thoughts,
        output_audio_tokens=outputs.get("AUDIO"),
        output_image_tokens=outputs.get("IMAGE"),
    )
    return read, suspect or doubt(read, usage, (("total_tokens", total),))


def _tier(usage: Reported) -> str | None:
    tier = usage.get("serviceTier")
    if isinstance(tier, str) and tier:
        return tier.lower()
    traffic = usage.get("trafficType")
    return _TRAFFIC.get(traffic) if isinstance(traffic, str) else None


def _blocked(raw: msgspec.Raw | None) -> str | None:
    return text(values(raw).get("blockReason"))


class _Part(msgspec.Struct, gc=False, rename="camel"):
    text: str | None = None
    thought: Any = None
    thought_signature: str | None = None
    function_call: msgspec.Raw = ABSENT
    executable_code: msgspec.Raw = ABSENT
    inline_data: msgspec.Raw = ABSENT


class _Content(msgspec.Struct, gc=False):
    parts: list[_Part] | None = None


class _Candidate(msgspec.Struct, gc=False, rename="camel"):
    index: int = 0
    content: _Content | None = None
    finish_reason: str | int | None = None
    grounding_metadata: msgspec.Raw = ABSENT


class _Chunk(msgspec.Struct, gc=False, rename="camel"):
    candidates: list[_Candidate] | None = None
    usage_metadata: msgspec.Raw = ABSENT
    prompt_feedback: msgspec.Raw = ABSENT


_chunk = msgspec.json.Decoder(_Chunk)
_candidates = msgspec.json.Decoder(list[_Candidate] | None)


def _candidates_in(found: Values) -> list[_Candidate]:
    """The candidates of a whole answer; those of an unknown shape show nothing."""
    try:
        return _candidates.decode(found["candidates"]) or [] if "candidates" in found else []
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []


def _shows(part: _Part) -> bool:
    """Whether the candidates' count has this part in it: text that is no thought, a call, a picture."""
    return bool(part.text and not part.thought) or part.function_call is not ABSENT or part.inline_data is not ABSENT


class GenerateReader:
    """Follows a stream of generateContent answers; each repeats the counts so far, the last one stands."""

    __slots__ = (
        "_ended",
        "_finish_reason",
        "_grounding",
        "_last",
        "_seen",
        "_shown",
        "_usage",
        "complete",
        "output_bytes",
    )

    def __init__(self) -> None:
        self.output_bytes = 0
        self.complete = False
        self._last: bytes | None = None
        self._usage = Rising()
        self._grounding = Grounding()
        self._shown = False
        self._finish_reason: str | None = None
        self._seen: set[int] = set()
        self._ended: set[int] = set()

    def event(self, data: bytes) -> bool:
        """Takes one answer in. None is extra."""
        try:
            chunk = _chunk.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self.output_bytes += len(data)
            self._add(values(data).get("usageMetadata"))
            return False
        self._last = data
        for candidate in chunk.candidates or ():
            if candidate.content is not None:
                for part in candidate.content.parts or ():
                    # Thoughts are billed, but only their signature comes along.
                    self.output_bytes += size(part.text) + size(part.thought_signature)
                    self._shown = self._shown or _shows(part)
                    if part.function_call is not ABSENT:
                        self.output_bytes += FRAMING_BYTES + _call_size(part.function_call)
                    if part.executable_code is not ABSENT or part.inline_data is not ABSENT:
                        self.output_bytes += len(bytes(part.executable_code)) + len(bytes(part.inline_data))
            if candidate.index not in self._seen:
                self._seen.add(candidate.index)
                self.output_bytes += FRAMING_BYTES
            if candidate.grounding_metadata is not ABSENT:
                self._grounding.add(candidate.grounding_metadata)
            if candidate.finish_reason:
                self._finish_reason = str(candidate.finish_reason)
                self._ended.add(candidate.index)
                self.complete = self._ended == self._seen
        if chunk.prompt_feedback is not ABSENT and (reason := _blocked(chunk.prompt_feedback)):
            self._finish_reason = reason
            self.complete = True
        if chunk.usage_metadata is not ABSENT:
            self._add(chunk.usage_metadata)
        return False

    def report(self) -> Report:
        """What the stream has told of itself."""
        found = report_of(
            values(self._last),
            self._usage.told or None,
            self._finish_reason,
            ended=self.complete,
            shown=self._shown,
            grounding=self._grounding,
        )
        fell = self._usage.fell if self.complete else None
        return found if fell is None else msgspec.structs.replace(found, suspect=found.suspect or fell)

    def _add(self, raw: msgspec.Raw | None) -> None:
        self._usage.add(reported(raw))


def _call_size(raw: msgspec.Raw) -> int:
    """A call's name and arguments; its id and its signature are not generated text."""
    call = values(raw)
    return sum(len(bytes(call[name])) for name in ("name", "args") if name in call)

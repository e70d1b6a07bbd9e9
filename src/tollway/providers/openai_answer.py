"""A whole answer of OpenAI's chat completions or completions: the usual shape fast, any other value by value."""

import msgspec

from tollway.providers.answer import first_text, text, values
from tollway.providers.body import ABSENT
from tollway.providers.elsewhere import read_elsewhere
from tollway.providers.openai_usage import believed, read_raw
from tollway.usage import Report, Usage


class _Details(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """The parts that OpenAI itself reports; with any other the usage is unusual."""

    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_tokens: int | None = None
    reasoning_tokens: int | None = None
    text_tokens: int | None = None
    accepted_prediction_tokens: int | None = None
    rejected_prediction_tokens: int | None = None


class _UsualUsage(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """Usage as OpenAI itself reports it; what others add to it is read value by value."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


_NO_DETAILS = _Details()
_MOST_USUAL = 100_000_000


def _usual(usage: _UsualUsage) -> Usage | None:
    """The counts of a usage without anything odd about it; `None` where a closer look is needed."""
    prompt = usage.prompt_tokens_details or _NO_DETAILS
    completion = usage.completion_tokens_details or _NO_DETAILS
    input_tokens, output_tokens = usage.prompt_tokens, usage.completion_tokens
    cached, written, reasoning = prompt.cached_tokens, prompt.cache_write_tokens, completion.reasoning_tokens
    if (
        input_tokens + output_tokens != usage.total_tokens
        or input_tokens < 0
        or output_tokens <= 0
        or not 0 <= usage.total_tokens <= _MOST_USUAL
        or not 0 <= (cached or 0) <= input_tokens
        or not 0 <= (written or 0) <= input_tokens - (cached or 0)
        or not 0 <= (reasoning or 0) <= output_tokens
        or not 0 <= (prompt.audio_tokens or 0) <= input_tokens
        or not 0 <= (completion.audio_tokens or 0) <= output_tokens
    ):
        return None
    return Usage(
        input_tokens=input_tokens,
        cache_read_input_tokens=cached,
        cache_creation_input_tokens=written,
        input_audio_tokens=prompt.audio_tokens,
        output_tokens=output_tokens,
        reasoning_output_tokens=reasoning,
        output_audio_tokens=completion.audio_tokens,
    )


class _Choice(msgspec.Struct, gc=False):
    finish_reason: str | None = None


class _Answer(msgspec.Struct, gc=False):
    """A whole answer of the usual shape; any other is read value by value."""

    model: str | None = None
    id: str | None = None
    service_tier: str | None = None
    choices: list[_Choice] = []
    usage: _UsualUsage | None = None


_answer = msgspec.json.Decoder(_Answer)


def read_answer(body: bytes) -> Report:
    """What a whole answer of either API reports; an unreadable one reports nothing."""
    try:
        found = _answer.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _read_unusual(body)
    usage = _usual(found.usage) if found.usage is not None else None
    if usage is None:
        return _read_unusual(body)
    return Report(
        usage=usage,
        response_model=found.model or None,
        response_id=found.id or None,
        service_tier=found.service_tier or None,
        finish_reason=next((choice.finish_reason for choice in found.choices if choice.finish_reason), None),
    )


class _Message(msgspec.Struct, gc=False):
    content: msgspec.Raw = ABSENT
    tool_calls: msgspec.Raw = ABSENT


class _Said(msgspec.Struct, gc=False):
    message: _Message | None = None


_choices = msgspec.json.Decoder(list[_Said] | None)
_NOTHING = (b"null", b'""', b"[]")


def _shows(raw: msgspec.Raw | None) -> bool:
    """Whether the choices of a chat answer hold text or calls. A completion may have its prompt in it, which is no output."""
    if raw is None:
        return False
    try:
        said = [choice.message for choice in _choices.decode(raw) or ()]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    parts = [part for message in said if message is not None for part in (message.content, message.tool_calls)]
    return any(part is not ABSENT and bytes(part) not in _NOTHING for part in parts)


def _read_unusual(body: bytes) -> Report:
    found = values(body)
    read = read_raw(found.get("usage"))
    if read.usage is None:
        read = read_raw(values(found.get("x_groq")).get("usage"))
    if read.usage is None:
        read = read_elsewhere(found)
    if read.usage is not None and read.usage.output_tokens == 0:
        read = believed(read, shown=_shows(found.get("choices")))
    return Report(
        usage=read.usage,
        response_model=text(found.get("model")),
        response_id=text(found.get("id")),
        service_tier=text(found.get("service_tier")) or read.tier,
        finish_reason=first_text(found.get("choices"), "finish_reason")
        or text(values(found.get("completion_message")).get("stop_reason")),
        suspect=read.suspect,
        stated_cost=read.stated_cost,
    )

"""What Bedrock's answers say of themselves, whole: Converse's usage, the families' own, and the response headers.

Bedrock counts exclusively: `inputTokens`, `inputTokenCount` and the header of that name leave out what was read from and
written to the cache, so they are added up.
"""

from __future__ import annotations

import re

import msgspec

from tollway.providers import anthropic_usage, openai_usage
from tollway.providers.answer import Values, first_text, text, values
from tollway.providers.bedrock_path import model_id
from tollway.providers.codec import Headers
from tollway.providers.counts import Reported, added, count, decoded, doubt, entries, first_count, nested, reported
from tollway.usage import Report, Usage

GROUNDING = "nova_grounding"
"""The web search that Nova runs itself."""

METRICS = "amazon-bedrock-invocationMetrics"
_HEADERS = {
    b"x-amzn-bedrock-input-token-count": "inputTokenCount",
    b"x-amzn-bedrock-output-token-count": "outputTokenCount",
    b"x-amzn-bedrock-cache-read-input-token-count": "cacheReadInputTokenCount",
    b"x-amzn-bedrock-cache-write-input-token-count": "cacheWriteInputTokenCount",
}
_TIER = b"x-amzn-bedrock-service-tier"
_LATENCY = b"x-amzn-bedrock-performanceconfig-latency"


def read_usage(usage: Reported) -> tuple[Usage, str | None]:
    """The counts of Converse, of Nova or of the invocation metrics, and why they are not to be trusted, if so."""
    read = first_count(usage, "cacheReadInputTokens", "cacheReadInputTokenCount")
    written = first_count(usage, "cacheWriteInputTokens", "cacheWriteInputTokenCount")
    details = entries(usage, "cacheDetails")
    hour = added(*(count(entry.get("inputTokens")) for entry in details if entry.get("ttl") == "1h"))
    if written is None:
        written = added(*(count(entry.get("inputTokens")) for entry in details))
    fresh = first_count(usage, "inputTokens", "inputTokenCount")
    output = first_count(usage, "outputTokens", "outputTokenCount")
    told = Usage(
        input_tokens=added(fresh, read, written),
        cache_read_input_tokens=read,
        cache_creation_input_tokens=written,
        cache_creation_1h_input_tokens=hour,
        output_tokens=output,
    )
    total = count(usage.get("totalTokens"))
    # Some models leave the cache out of the total. That is a contradiction only where it could mean that the cache is
    # inside the input instead.
    if total is not None and total == added(fresh, output) and (fresh or 0) < (read or 0) + (written or 0):
        total = None
    suspect = doubt(told, plainly_named(usage), (("totalTokens", total),))
    if suspect is None and (hour or 0) > (written or 0):
        suspect = f"cacheDetails has {hour} tokens kept for an hour, but {written} were written to the cache"
        told = msgspec.structs.replace(told, cache_creation_1h_input_tokens=max(0, written or 0))
    return told, suspect


_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


def plainly_named(usage: Reported) -> Reported:
    """`usage` with its counts named as others name them (`input_tokens`), so that an absurd one is seen to be one."""
    return {_HUMP.sub("_", name).lower().replace("_token_count", "_tokens"): value for name, value in usage.items()}


def converse_report(found: Values, *, finish_reason: str | None = None, searches: int = 0) -> Report:
    """What a Converse answer, or a stream's `metadata` event, reports."""
    usage = reported(found.get("usage"))
    told, suspect = read_usage(usage) if usage else (None, None)
    if told is not None and searches:
        told = msgspec.structs.replace(told, web_searches=searches)
    tier = text(values(found.get("serviceTier")).get("type"))
    latency = text(values(found.get("performanceConfig")).get("latency"))
    routed = text(values(values(found.get("trace")).get("promptRouter")).get("invokedModelId"))
    return Report(
        usage=told,
        response_model=model_id(routed) if routed else None,
        service_tier=tier_of(tier, latency),
        finish_reason=finish_reason,
        suspect=suspect,
    )


def read_converse(body: bytes) -> Report:
    """What a whole answer of Converse, or of Nova, reports; an unreadable one reports nothing."""
    found = values(body)
    searches = 0
    if GROUNDING.encode() in body:
        message = values(values(found.get("output")).get("message"))
        blocks: object = decoded(message.get("content"))
        calls = [nested(block, "toolUse") for block in entries({"content": blocks}, "content")]
        searches = sum(call.get("name") == GROUNDING for call in calls)
    return converse_report(found, finish_reason=text(found.get("stopReason")), searches=searches)


def tier_of(tier: str | None, latency: str | None) -> str | None:
    """One name for what decides the price: the service tier, or "optimized" latency, which is priced as one."""
    if latency == "optimized" and tier in (None, "default"):
        return latency
    return tier


def read_invoke(body: bytes, headers: Headers = ()) -> Report:
    """What a whole answer of InvokeModel reports, in its family's own words and in Bedrock's headers."""
    told, tier = _read_headers(headers)
    report = read_family(body, values(body)) if body.lstrip()[:1] == b"{" else Report()
    report = unnamed(with_metrics(report, told))
    return msgspec.structs.replace(report, service_tier=tier) if tier else report


def unnamed(report: Report) -> Report:
    """`report` without the model's name: a body leaves out the region, which decides the price and stands in the path."""
    return msgspec.structs.replace(report, response_model=None)


def with_metrics(report: Report, metrics: Reported | None) -> Report:
    """`report` with Bedrock's own counts put in where the family's usage tells less.

    The family's own words win: they know the lifetimes of a cache, reasoning and pictures.
    """
    if not metrics:
        return report
    counted, suspect = read_usage(metrics)
    own = report.usage
    if own is None:
        return msgspec.structs.replace(report, usage=counted, suspect=report.suspect or suspect)
    if own.output_tokens is None and own.images is None and counted.output_tokens is not None:
        own = msgspec.structs.replace(own, output_tokens=counted.output_tokens)
    if _tells_more_of_input(counted, own, first_count(metrics, "inputTokenCount")):
        own = msgspec.structs.replace(
            own,
            input_tokens=counted.input_tokens,
            cache_read_input_tokens=counted.cache_read_input_tokens,
            cache_creation_input_tokens=counted.cache_creation_input_tokens,
        )
    suspect = report.suspect or _conflict(own, counted, metrics) or doubt(own, {})
    return msgspec.structs.replace(report, usage=own, suspect=suspect)


def _tells_more_of_input(counted: Usage, own: Usage, fresh: int | None) -> bool:
    if own.input_tokens is None:
        return own.images is None and counted.input_tokens is not None
    cached = (counted.cache_read_input_tokens or 0) + (counted.cache_creation_input_tokens or 0)
    silent = own.cache_read_input_tokens is None and own.cache_creation_input_tokens is None
    return cached > 0 and silent and own.input_tokens in (fresh, counted.input_tokens)


def _conflict(own: Usage, counted: Usage, metrics: Reported) -> str | None:
    """Where the two do not agree. OpenAI's input has the cached part in it, so both ways of counting are let pass."""
    if None not in (own.output_tokens, counted.output_tokens) and own.output_tokens != counted.output_tokens:
        return f"the body tells {own.output_tokens} output tokens, but Bedrock {counted.output_tokens}"
    fair = (counted.input_tokens, first_count(metrics, "inputTokenCount"), None)
    if own.input_tokens is not None and counted.input_tokens is not None and own.input_tokens not in fair:
        return f"the body tells {own.input_tokens} input tokens, but Bedrock {counted.input_tokens}"
    return None


def _read_headers(headers: Headers) -> tuple[Reported | None, str | None]:
    """The counts in the headers as if they were invocation metrics, and the tier."""
    told: dict[str, object] = {}
    tier = latency = None
    for name, value in headers:
        if name in _HEADERS:
            told[_HEADERS[name]] = count(value.decode("latin-1"))
        elif name == _TIER:
            tier = value.decode("latin-1").strip() or None
        elif name == _LATENCY:
            latency = value.decode("latin-1").strip() or None
    return (told or None), tier_of(tier, latency)


def read_family(body: bytes, found: Values) -> Report:
    """What an answer of any family says of itself, told apart by its shape. `found` are the values of `body`."""
    usage = reported(found.get("usage"))
    if usage is not None and "input_tokens" in usage:
        return anthropic_usage.read_answer(body)
    if usage is not None and "inputTokens" in usage:
        return read_converse(body)
    told, suspect = openai_usage.read_usage(usage) if usage is not None else _counts(found)
    return Report(
        usage=_images(found) if told is None else told,
        response_model=text(found.get("model")),
        response_id=text(found.get("id")),
        service_tier=text(found.get("service_tier")),
        finish_reason=_finish_reason(found),
        suspect=suspect,
    )


def _counts(found: Values) -> tuple[Usage | None, str | None]:
    """Counts that stand at the top of the answer, or in Cohere's `meta`."""
    billed: Reported = nested({"meta": decoded(found.get("meta"))}, "meta")
    billed = nested(billed, "billed_units") or nested(billed, "tokens")
    flat: dict[str, object] = {name: decoded(found[name]) for name in _FLAT if name in found}
    results = entries({"results": decoded(found["results"])}, "results") if "results" in found else []
    told = Usage(
        input_tokens=first_count(billed, "input_tokens")
        if billed
        else first_count(flat, "inputTextTokenCount", "prompt_token_count", "inputTokenCount"),
        input_image_tokens=first_count(billed, "image_tokens"),
        output_tokens=first_count(billed, "output_tokens")
        if billed
        else added(first_count(flat, "generation_token_count"), *(count(entry.get("tokenCount")) for entry in results)),
        search_units=first_count(billed, "search_units"),
    )
    return (None, None) if told == Usage() else (told, doubt(told, plainly_named(billed or flat)))


_FLAT = ("inputTextTokenCount", "prompt_token_count", "generation_token_count", "inputTokenCount")


_elements = msgspec.json.Decoder(list[msgspec.Raw])


def _images(found: Values) -> Usage | None:
    """The pictures made, of which no family reports more than the pictures themselves; `null` is one held back."""
    for name, start in (("images", b'"'), ("artifacts", b"{")):
        try:
            pictures = [bytes(raw) for raw in _elements.decode(found.get(name, b"[]"))]
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        # An embedding answer describes the pictures that were sent, as objects.
        if pictures and all(raw == b"null" or raw.startswith(start) for raw in pictures):
            return Usage(images=sum(raw != b"null" for raw in pictures))
    return None


def _finish_reason(found: Values) -> str | None:
    for name in ("stop_reason", "finish_reason", "stopReason", "finishReason"):
        reason = text(found.get(name))
        if reason is not None:
            return reason
    for array, name in (
        ("choices", "finish_reason"),
        ("choices", "stop_reason"),
        ("outputs", "stop_reason"),
        ("results", "completionReason"),
        ("generations", "finish_reason"),
    ):
        reason = first_text(found.get(array), name)
        if reason is not None:
            return reason
    return None

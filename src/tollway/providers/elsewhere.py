"""Counts that stand elsewhere than in a usage object: Meta's Llama API, LM Studio's own API, watsonx text generation."""

from tollway.providers.answer import Values
from tollway.providers.counts import Reported, added, count, decoded, doubt, entries, first_count, reported
from tollway.providers.openai_usage import Read
from tollway.usage import Usage


def read_elsewhere(found: Values) -> Read:
    """The counts of an answer, or of an event, that has no usage object; nothing where it has none of the known shapes."""
    if "metrics" in found:
        return _metrics({"metrics": decoded(found["metrics"])})
    if "stats" in found:
        return _stats(reported(found["stats"]) or {})
    if "results" in found:
        return _results({"results": decoded(found["results"])})
    return Read()


def _metrics(found: Reported) -> Read:
    """Meta: a list of named values."""
    counts: dict[str, object] = {}
    for entry in entries(found, "metrics"):
        name = entry.get("metric")
        if isinstance(name, str):
            counts[name] = entry.get("value")
    return _checked(
        Usage(
            input_tokens=first_count(counts, "num_prompt_tokens"),
            output_tokens=first_count(counts, "num_completion_tokens"),
        ),
        counts,
        first_count(counts, "num_total_tokens"),
    )


def _stats(stats: Reported) -> Read:
    """LM Studio: the reasoning is inside the output."""
    return _checked(
        Usage(
            input_tokens=first_count(stats, "input_tokens"),
            output_tokens=first_count(stats, "total_output_tokens"),
            reasoning_output_tokens=first_count(stats, "reasoning_output_tokens"),
        ),
        stats,
    )


def _results(found: Reported) -> Read:
    """watsonx: each text that was made has its own counts."""
    results = entries(found, "results")
    counts: dict[str, object] = {
        "input_tokens": added(*(count(result.get("input_token_count")) for result in results)),
        "output_tokens": added(*(count(result.get("generated_token_count")) for result in results)),
    }
    return _checked(
        Usage(
            input_tokens=first_count(counts, "input_tokens"),
            output_tokens=first_count(counts, "output_tokens"),
        ),
        counts,
    )


def _checked(usage: Usage, raw: Reported, total: int | None = None) -> Read:
    if usage.input_tokens is None and usage.output_tokens is None:
        return Read()
    return Read(usage, doubt(usage, raw, (("num_total_tokens", total),)))

"""Metrics as Prometheus reads them: its text format 0.0.4, or OpenMetrics 1.0.0 where that is asked for."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from tollway.telemetry.metrics import METRICS, Metric
from tollway.telemetry.samples import Family

PLAIN: Final = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"
LONGEST_LABEL: Final = 256


def wants_openmetrics(accept: str) -> bool:
    """Whether an Accept header asks for OpenMetrics before anything else that is written here."""
    weights: dict[str, float] = {}
    for part in accept.split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                try:
                    weight = float(value)
                except ValueError:
                    weight = 0.0
        weights[kind] = max(weights.get(kind, 0.0), weight)
    asked = weights.get("application/openmetrics-text", 0.0)
    return asked > 0 and asked >= weights.get("text/plain", 0.0)


def lines(families: Iterable[Family], *, openmetrics: bool) -> Iterator[str]:
    """One line after the other, each with its end, so that a long answer may be written in steps. Families without samples are
    left out."""
    for family in families:
        metric, first = METRICS[family.name], True
        for sample in family.samples:
            if first:
                first = False
                yield from _head(metric, openmetrics=openmetrics)
            yield f"{metric.name}{sample.suffix}{_labels(sample.labels)} {sample.value}\n"
    if openmetrics:
        yield "# EOF\n"


def _head(metric: Metric, *, openmetrics: bool) -> Iterator[str]:
    # OpenMetrics names a counter's family without the suffix of its samples.
    name = metric.name.removesuffix("_total") if openmetrics and metric.kind == "counter" else metric.name
    yield f"# HELP {name} {_help(metric.help, openmetrics=openmetrics)}\n"
    yield f"# TYPE {name} {metric.kind}\n"
    if openmetrics and metric.unit:
        yield f"# UNIT {name} {metric.unit}\n"


def _help(text: str, *, openmetrics: bool) -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n")
    return escaped.replace('"', '\\"') if openmetrics else escaped


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    # Backslash, double quote and line feed are escaped in label values; what is no character is none here either.
    whole = value[:LONGEST_LABEL].encode("utf-8", "replace").decode("utf-8")
    return whole.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", " ")

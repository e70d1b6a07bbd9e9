"""What a Prometheus server would say of an exposition: its own parser, and the rules of `promtool check metrics`."""

import re
from collections.abc import Iterable
from decimal import Decimal

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

UNITS = ("usd", "seconds", "bytes")
SUFFIXES = ("_bucket", "_sum", "_count")


class Exposed:
    """An exposition that was read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples: dict[tuple[str, frozenset[tuple[str, str]]], str] = {}
        """By name and labels, the value as it is written."""
        for line in text.splitlines():
            if not line.startswith("#"):
                head, value = line.rsplit(" ", 1)
                name, _, labels = head.partition("{")
                pairs = frozenset(re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', labels))
                assert (name, pairs) not in self.samples, f"twice: {line}"
                self.samples[name, pairs] = value

    def value(self, name: str, **labels: str) -> Decimal:
        return Decimal(self.samples[name, frozenset(labels.items())])

    def total(self, name: str, **labels: str) -> Decimal:
        """The sum over all samples with these labels."""
        return sum(
            (Decimal(v) for (n, pairs), v in self.samples.items() if n == name and pairs >= frozenset(labels.items())),
            Decimal(0),
        )

    def names(self) -> set[str]:
        return {name for name, _ in self.samples}

    def lints(self) -> list[str]:
        """What promtool would complain of."""
        found = list(self._text_lints())
        families = list(text_string_to_metric_families(self.text))
        read = sum(len(family.samples) for family in families)
        if read != len(self.samples):
            found.append(f"{read} samples were read of {len(self.samples)}")
        for family in families:
            if not family.documentation:
                found.append(f"{family.name} has no HELP")
            if family.type == "unknown":
                found.append(f"{family.name} has no TYPE")
            for sample in family.samples:
                counter = sample.name.endswith("_total")
                if family.type == "counter" and not counter:
                    found.append(f"{sample.name} is a counter without _total")
                if family.type != "counter" and counter:
                    found.append(f"{sample.name} ends in _total and is a {family.type}")
                if family.type == "counter" and sample.value < 0:
                    found.append(f"{sample.name} is a counter below zero")
            words = family.name.split("_")
            found += [f"{family.name}: {word} is no base unit" for word in words if word in _NOT_BASE]
            found += [
                f"{family.name}: the unit {unit} is not its last word"
                for unit in UNITS
                if unit in words and words[-1] != unit and family.type != "counter"
            ]
            if family.type == "histogram":
                found += self._histogram_lints(family.name, family.samples)
        return found

    def _text_lints(self) -> Iterable[str]:
        seen: set[str] = set()
        last = ""
        for line in self.text.splitlines():
            name = line.split()[2] if line.startswith("#") else re.split(r"[{ ]", line)[0]
            base = next(
                (name.removesuffix(s) for s in SUFFIXES if name.endswith(s) and name.removesuffix(s) in seen), name
            )
            if base != last and base in seen:
                yield f"the lines of {base} are not together"
            seen.add(base)
            last = base

    @staticmethod
    def _histogram_lints(name: str, samples: Iterable[object]) -> Iterable[str]:
        by_labels: dict[frozenset[tuple[str, str]], list[tuple[float, float]]] = {}
        counts: dict[frozenset[tuple[str, str]], float] = {}
        for sample in samples:
            labels = dict(sample.labels)  # type: ignore[attr-defined]
            if sample.name == f"{name}_bucket":  # type: ignore[attr-defined]
                bound = float(labels.pop("le"))
                by_labels.setdefault(frozenset(labels.items()), []).append((bound, sample.value))  # type: ignore[attr-defined]
            elif sample.name == f"{name}_count":  # type: ignore[attr-defined]
                counts[frozenset(labels.items())] = sample.value  # type: ignore[attr-defined]
        for labels, buckets in by_labels.items():
            if buckets != sorted(buckets) or [c for _, c in buckets] != sorted(c for _, c in buckets):
                yield f"{name}: buckets are not in order"
            if buckets[-1] != (float("inf"), counts.get(labels)):
                yield f"{name}: the last bucket is not +Inf with the count"


_NOT_BASE = {"milliseconds", "microseconds", "ms", "kilobytes", "megabytes", "nanodollars", "cents", "minutes", "hours"}


def read_openmetrics(text: str) -> dict[str, str]:
    """Family → type, by the strict parser of OpenMetrics. Raises ValueError."""
    return {family.name: family.type for family in openmetrics.text_string_to_metric_families(text)}

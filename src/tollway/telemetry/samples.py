"""Samples of metrics: what `exposition.py` writes, and what is counted as a request ends makes. Light, as it is always loaded."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

OTHER: Final = "(other)"
"""The value of a label for everything that has none of its own."""
INFINITE: Final = "+Inf"


class Sample(NamedTuple):
    """One line."""

    labels: Mapping[str, str]
    value: int | str
    """A number; as text, where it is no whole one, so that no amount of money passes through a float."""
    suffix: str = ""
    """Of a histogram: _bucket, _sum or _count."""


class Family(NamedTuple):
    """A metric of the table, and its samples."""

    name: str
    samples: Iterable[Sample]


def histogram(labels: Mapping[str, str], bounds: Iterable[str], counts: Iterable[int], total: str) -> Iterator[Sample]:
    """The lines of one histogram. `counts`: of each bucket alone, one more than `bounds`; `total`: the sum of what was measured."""
    so_far = 0
    for bound, count in zip((*bounds, INFINITE), counts, strict=True):
        so_far += count
        yield Sample({**labels, "le": bound}, so_far, "_bucket")
    yield Sample(labels, total, "_sum")
    yield Sample(labels, so_far, "_count")


def seconds(microseconds: int) -> str:
    """Exact, without an exponent: "0.25", "3"."""
    whole, rest = divmod(microseconds, 1_000_000)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")

"""What is counted of requests for Prometheus that neither ledger nor log adds up: since the process began, in bounded labels."""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from tollway.logs.record import LogRecord
from tollway.telemetry.samples import OTHER, Family, Sample, histogram, seconds

MOST_SERIES: Final = 500
"""Sets of labels of each metric; what is beyond is one."""

OVERHEAD_US: Final = (100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000)
TAKEN_US: Final = (
    10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000,
    120_000_000,
)  # fmt: skip


class Buckets:
    """A histogram of microseconds, by labels."""

    __slots__ = ("_bounds", "_found", "_names", "name")

    def __init__(self, name: str, names: tuple[str, ...], bounds: tuple[int, ...]) -> None:
        self.name = name
        self._names = names
        self._bounds = bounds
        self._found: dict[tuple[str, ...], list[int]] = {}
        """Counts of the buckets, then the sum."""

    def add(self, labels: tuple[str, ...], microseconds: int) -> None:
        known = self._found.get(labels)
        if known is None:
            if len(self._found) >= MOST_SERIES:
                labels = (OTHER,) * len(self._names)
            known = self._found.setdefault(labels, [0] * (len(self._bounds) + 2))
        known[bisect_left(self._bounds, microseconds)] += 1
        known[-1] += microseconds

    def family(self) -> Family:
        return Family(self.name, self._samples())

    def _samples(self) -> Iterator[Sample]:
        bounds = tuple(seconds(bound) for bound in self._bounds)
        for labels, known in tuple(self._found.items()):
            named = dict(zip(self._names, labels, strict=True))
            yield from histogram(named, bounds, tuple(known[:-1]), seconds(known[-1]))


class Counted:
    """Counters, by labels."""

    __slots__ = ("_found", "_names", "name")

    def __init__(self, name: str, names: tuple[str, ...]) -> None:
        self.name = name
        self._names = names
        self._found: dict[tuple[str, ...], int] = {}

    def add(self, *labels: str) -> None:
        known = self._found.get(labels)
        if known is None and len(self._found) >= MOST_SERIES:
            labels = (OTHER,) * len(self._names)
            known = self._found.get(labels)
        self._found[labels] = (known or 0) + 1

    def family(self) -> Family:
        samples = (Sample(dict(zip(self._names, labels, strict=True)), n) for labels, n in tuple(self._found.items()))
        return Family(self.name, samples)


class Traffic:
    """The counters of one process."""

    __slots__ = ("_attempts", "_first_chunk", "_notes", "_overhead", "_refusals", "_upstream", "lag")

    def __init__(self) -> None:
        self._refusals = Counted("tollway_refusals_total", ("gateway", "code"))
        self._notes = Counted("tollway_notes_total", ("gateway", "code"))
        self._attempts = Counted("tollway_attempts_total", ("provider", "outcome"))
        self._overhead = Buckets("tollway_overhead_seconds", ("gateway",), OVERHEAD_US)
        self._upstream = Buckets("tollway_upstream_seconds", ("gateway", "provider"), TAKEN_US)
        self._first_chunk = Buckets("tollway_time_to_first_chunk_seconds", ("gateway", "provider"), TAKEN_US)
        self.lag = Buckets("tollway_loop_lag_seconds", (), OVERHEAD_US)
        """Of the event loop."""

    def add(self, record: LogRecord, *, known: bool = True) -> None:
        """Counts a request. `known`: its gateway is one; whoever asks for another writes any name they like."""
        gateway, provider, took = record.gateway if known else OTHER, record.provider or "", record.durations
        for decision in record.decisions:
            if decision.outcome == "deny":
                self._refusals.add(gateway, decision.code)
            elif decision.outcome == "note":
                self._notes.add(gateway, decision.code)
        for attempt in record.attempts:
            self._attempts.add(attempt.provider, attempt.outcome)
        self._overhead.add((gateway,), took.overhead_us)
        if took.upstream_us is not None:
            self._upstream.add((gateway, provider), took.upstream_us)
        if record.streamed and took.first_chunk_us is not None:
            self._first_chunk.add((gateway, provider), took.first_chunk_us)

    def families(self) -> Iterator[Family]:
        for counted in (self._refusals, self._notes, self._attempts):
            yield counted.family()
        for buckets in (self._overhead, self._upstream, self._first_chunk, self.lag):
            yield buckets.family()

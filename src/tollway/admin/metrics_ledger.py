"""Metrics of money, tokens and requests: the sums of ledger and log since they began, by gateway, provider and model."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from tollway.money import dollars
from tollway.storage.analytics import UPPER_MS, Rolled, Table
from tollway.telemetry.samples import Family, Sample, histogram, seconds
from tollway.telemetry.sums import CLASSES, Sums

ROLLED: Final[Mapping[Table, str]] = {"spending": "ledger", "traffic": "log"}
"""What each rollup is of, in words."""


def ledger_families(sums: Sequence[Sums], rolled: Rolled) -> Iterator[Family]:
    """What `sums` say; `rolled`: what they lack yet."""
    spent = [each for each in sums if each.kinds]
    asked = [each for each in sums if each.statuses]
    yield _each("tollway_charged_usd_total", spent, lambda each: dollars(each.charged))
    # Also where nothing was lowered yet: a counter that is not there does not grow.
    yield _each("tollway_credited_usd_total", spent, lambda each: dollars(each.credited))
    yield Family(
        "tollway_ledger_entries_total",
        (Sample({**each.labels, "kind": kind}, n) for each in spent for kind, n in sorted(each.kinds.items())),
    )
    yield _each("tollway_untold_entries_total", spent, lambda each: each.untold)
    yield _each("tollway_unpriced_entries", spent, lambda each: each.unpriced)
    yield Family(
        "tollway_tokens_total",
        (
            Sample({**each.labels, "class": kind}, each.tokens[kind])
            for each in spent
            # What was not told is not zero.
            if each.told
            for kind in CLASSES
        ),
    )
    yield Family(
        "tollway_requests_total",
        (
            Sample({**each.labels, "status": f"{first}xx"}, n)
            for each in asked
            for first, n in sorted(each.statuses.items())
        ),
    )
    yield _each("tollway_refused_requests_total", asked, lambda each: each.refused)
    yield _each("tollway_failed_requests_total", asked, lambda each: each.failed)
    yield _each("tollway_cached_requests_total", asked, lambda each: each.cached)
    yield _each("tollway_cache_saved_usd_total", asked, lambda each: dollars(each.saved))
    yield _each("tollway_cache_saved_unknown_total", asked, lambda each: each.saved_unknown)
    yield Family("tollway_request_duration_seconds", _durations(asked))
    yield Family(
        "tollway_rollup_behind_rows",
        (Sample({"table": "ledger"}, rolled.entries_behind), Sample({"table": "log"}, rolled.records_behind)),
    )
    yield Family(
        "tollway_rollup_failing",
        (Sample({"table": name}, int(table in rolled.failing)) for table, name in ROLLED.items()),
    )
    yield Family("tollway_rollup_full", (Sample({}, int(rolled.full)),))


def _each(name: str, sums: Sequence[Sums], value: Callable[[Sums], int | str]) -> Family:
    return Family(name, (Sample(each.labels, value(each)) for each in sums))


def _durations(sums: Sequence[Sums]) -> Iterator[Sample]:
    """By gateway and provider alone: a histogram of each model would be most of the answer."""
    together: dict[tuple[str, str], list[int]] = {}
    for each in sums:
        known = together.setdefault((each.gateway, each.provider), [0] * (len(UPPER_MS) + 2))
        for place, count in enumerate((*each.took, each.total_us)):
            known[place] += count
    bounds = tuple(seconds(bound * 1_000) for bound in UPPER_MS)
    for (gateway, provider), (*counts, total_us) in together.items():
        yield from histogram({"gateway": gateway, "provider": provider}, bounds, counts, seconds(total_us))

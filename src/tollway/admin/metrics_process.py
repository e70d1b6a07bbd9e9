"""Metrics of this process: what it counts while it runs, how it does, what waits and what was lost."""

import os
import resource
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tollway import __version__
from tollway.admin.runtime import Runtime
from tollway.money import dollars
from tollway.pricing.calibration import Calibrated
from tollway.storage.cached import Stats
from tollway.telemetry.samples import Family, Sample

MOST_MODELS = 100
"""Models whose calibration is told, and targets that rest."""


def process_families(runtime: Runtime, stats: Stats | None) -> Iterator[Family]:
    """`stats`: of kept answers."""
    ledger, records, now = runtime.store.ledger, runtime.store.records, runtime.clock.now()
    opened = ledger.open_reservations()
    yield _one("tollway_open_reservations", len(opened))
    yield _one("tollway_held_usd", dollars(sum(reservation.bound for reservation in opened)))
    yield from _calibration(runtime.learned)
    if runtime.telemetry is not None:
        yield from runtime.telemetry.traffic.families()
        lanes = [(lane.destination.name, lane) for lane in runtime.telemetry.lanes]
        for name, field in (
            ("tollway_otel_queued", "queued"),
            ("tollway_otel_exported_total", "exported"),
            ("tollway_otel_dropped_total", "dropped"),
            ("tollway_otel_failures_total", "failures"),
        ):
            counts: dict[str, int] = {}
            for destination, lane in lanes:
                # One collector may be written for several gateways.
                counts[destination] = counts.get(destination, 0) + getattr(lane, field)
            yield Family(name, [Sample({"destination": each}, count) for each, count in counts.items()])
    if stats is not None:
        yield from _cache(stats)
    resting = sorted(runtime.health.resting(now))[:MOST_MODELS]
    yield Family("tollway_target_resting", [Sample({"target": target}, 1) for target in resting])
    yield _one("tollway_store_writable", int(ledger.unavailable is None))
    yield _one("tollway_unwritten_waiting", ledger.unwritten.waiting)
    yield _one("tollway_unwritten_requests_total", ledger.unwritten.total)
    yield _one("tollway_records_waiting", records.waiting)
    yield _one("tollway_records_dropped_total", records.dropped)
    yield _one("tollway_bodies_held_bytes", runtime.store.bodies.held)
    yield _one("tollway_bodies_dropped_total", runtime.store.bodies.dropped)
    yield _one("tollway_body_bytes", runtime.buffered)
    yield _one("tollway_clock_drift_seconds", _thousandths(runtime.clock.drift_ms))
    yield _one("tollway_audit_anchors_writable", int(runtime.anchors.trouble is None))
    yield _one("tollway_audit_anchor_failures_total", runtime.anchors.failures)
    failures = runtime.upkeep.failures.items()
    yield Family("tollway_worker_failures_total", [Sample({"worker": name}, times) for name, times in failures])
    yield from _exports(runtime)
    yield _one("tollway_settings_revision", runtime.snapshot.revision)
    yield Family("tollway_build_info", [Sample({"version": __version__}, 1)])
    yield from machine_families()


def machine_families(proc: Path = Path("/proc")) -> Iterator[Family]:
    """What the system knows of the process; what it does not tell is left out."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    yield _one("process_cpu_seconds_total", f"{used.ru_utime + used.ru_stime:.3f}")
    for name, ask in (
        ("process_resident_memory_bytes", lambda: _pages(proc, 1)),
        ("process_virtual_memory_bytes", lambda: _pages(proc, 0)),
        ("process_open_fds", lambda: len(os.listdir(proc / "self" / "fd"))),  # noqa: PTH208 - a path of each is dear
        ("process_max_fds", lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
        ("process_start_time_seconds", lambda: _began(proc)),
    ):
        value = _told(ask)
        if value is not None:
            yield _one(name, value)


def _told(ask: Callable[[], int | str]) -> int | str | None:
    try:
        return ask()
    except (OSError, ValueError, IndexError, AttributeError):
        return None


def _pages(proc: Path, place: int) -> int:
    # proc(5), statm: total size and resident set, in pages.
    return int((proc / "self" / "statm").read_text(encoding="ascii").split()[place]) * os.sysconf("SC_PAGE_SIZE")


def _began(proc: Path) -> str:
    # proc(5): the 22nd field is the start in clock ticks since boot; the second may hold spaces, in brackets.
    fields = (proc / "self" / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return f"{booted + int(fields[19]) / os.sysconf('SC_CLK_TCK'):.2f}"


def _calibration(learned: Iterable[Calibrated]) -> Iterator[Family]:
    """How good the bounds are: what was held for requests beside what they cost, by model."""
    most = sorted(learned, key=lambda model: (-model.held, model.provider, model.model))[:MOST_MODELS]
    labelled = [({"provider": model.provider, "model": model.model}, model) for model in most]
    yield Family("tollway_estimated_usd_total", [Sample(labels, dollars(model.held)) for labels, model in labelled])
    yield Family("tollway_metered_usd_total", [Sample(labels, dollars(model.charged)) for labels, model in labelled])
    yield Family("tollway_hold_exceeded_total", [Sample(labels, model.exceeded) for labels, model in labelled])


def _exports(runtime: Runtime) -> Iterator[Family]:
    """How export jobs stand that were looked at."""
    exporting = runtime.exporting
    if exporting is None:
        return
    standing = [({"job": job.id}, state) for job in runtime.snapshot.exports if (state := exporting.state(job.id))]
    yield Family("tollway_export_failures", [Sample(labels, state.failures) for labels, state in standing])
    yield Family("tollway_export_rows_total", [Sample(labels, state.rows) for labels, state in standing])
    yield Family("tollway_export_gone_total", [Sample(labels, state.gone) for labels, state in standing])
    ended = [(labels, state.succeeded_at) for labels, state in standing if state.succeeded_at is not None]
    yield Family(
        "tollway_export_last_success_timestamp_seconds", [Sample(labels, _thousandths(at)) for labels, at in ended]
    )


def _cache(stats: Stats) -> Iterator[Family]:
    gateways = sorted(stats.gateways.items())
    yield Family("tollway_cache_entries", [Sample({"gateway": name}, each.entries) for name, each in gateways])
    yield Family("tollway_cache_bytes", [Sample({"gateway": name}, each.bytes) for name, each in gateways])
    yield Family(
        "tollway_cache_lookups_total",
        [
            Sample({"gateway": name, "result": result}, count)
            for name, each in gateways
            for result, count in (("hit", each.hits), ("miss", each.misses))
        ],
    )
    yield _one("tollway_cache_evictions_total", stats.evicted)


def _one(name: str, value: int | str) -> Family:
    return Family(name, (Sample({}, value),))


def _thousandths(milliseconds: int) -> str:
    sign = "-" if milliseconds < 0 else ""
    whole, rest = divmod(abs(milliseconds), 1_000)
    return f"{sign}{whole}.{rest:03d}"

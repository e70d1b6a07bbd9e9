"""Turns the samples of a run into figures, tables and verdicts. Pure: no clock, no files.

A figure is the median over the rounds of what was measured in each. What compares two targets (the ratio to nginx, the
latency added to direct) is taken within a round, where both saw the same machine, and only then becomes a median.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Sample = dict[str, Any]
"""`round`, `target`, `burst`, and either `failed` (why) or the figures of measure.run_burst."""
Figures = dict[str, float]
"""`<burst>.<measure>` → median, for one target; a burst that failed has none."""
Summary = dict[str, Figures]


def summarise(samples: Sequence[Sample]) -> Summary:
    """The figures of each target. A burst that failed in any round gives none, however good the others were."""
    failed = {(s["target"], s["burst"]) for s in samples if "failed" in s}
    by_place = {(s["round"], s["burst"], s["target"]): s for s in samples if "failed" not in s}
    seen: dict[str, dict[str, list[float]]] = {s["target"]: {} for s in samples}
    for (number, burst, target), sample in by_place.items():
        if (target, burst) not in failed:
            direct, nginx = (by_place.get((number, burst, other)) for other in ("direct", "nginx"))
            for name, value in _measures(sample, direct=direct, nginx=nginx).items():
                seen[target].setdefault(f"{burst}.{name}", []).append(value)
    return {target: {name: median(values) for name, values in figures.items()} for target, figures in seen.items()}


def _measures(sample: Sample, *, direct: Sample | None, nginx: Sample | None) -> Figures:
    names = ("rps", "cpu_us", "p50_us", "p99_us", "delivered", "chunks_per_s", "load_core_busy")
    found: Figures = {name: sample[name] for name in names if sample.get(name) is not None}
    cpu_us = found.get("cpu_us")
    if cpu_us:
        found["per_core"] = 1e6 / cpu_us
        if nginx and nginx.get("cpu_us"):
            found["cpu_x_nginx"] = cpu_us / nginx["cpu_us"]
    if direct and sample["target"] != "direct":
        found["added_p50_us"] = sample["p50_us"] - direct["p50_us"]
        found["added_p99_us"] = sample["p99_us"] - direct["p99_us"]
    return found


@dataclass(frozen=True)
class Column:
    """One column: its heading, and the measures it shows, joined by a slash; `direct` is what the direct row shows."""

    heading: str
    names: tuple[str, ...]
    digits: int = 0
    factor: float = 1.0
    direct: tuple[str, ...] = ()


REQUESTS = (
    Column("rps c1", ("c1.rps",)),
    Column("rps c8", ("c8.rps",)),
    Column("rps c64", ("c64.rps",)),
    Column("CPU µs/req", ("c64.cpu_us",), 1),
    Column("× nginx", ("c64.cpu_x_nginx",), 2),
    Column("rps/core", ("c64.per_core",)),
    Column("added µs c1 p50/p99", ("c1.added_p50_us", "c1.added_p99_us"), direct=("c1.p50_us", "c1.p99_us")),
    Column("added µs open p50/p99", ("open.added_p50_us", "open.added_p99_us"), direct=("open.p50_us", "open.p99_us")),
    Column("load core %", ("c64.load_core_busy",)),
)
STREAMS = (
    Column("50: CPU µs/chunk", ("sse50.cpu_us",), 1),
    Column("× nginx", ("sse50.cpu_x_nginx",), 2),
    Column("added µs p50/p99", ("sse50.added_p50_us", "sse50.added_p99_us"), direct=("sse50.p50_us", "sse50.p99_us")),
    Column("200: CPU µs/chunk", ("sse200.cpu_us",), 1),
    Column("× nginx", ("sse200.cpu_x_nginx",), 2),
    Column("delivered %", ("sse200.delivered",), 1, 100),
    Column(
        "added µs p50/p99", ("sse200.added_p50_us", "sse200.added_p99_us"), direct=("sse200.p50_us", "sse200.p99_us")
    ),
)
BODIES = (
    Column("20 KB: CPU µs/req", ("20kb.cpu_us",), 1),
    Column("× nginx", ("20kb.cpu_x_nginx",), 2),
    Column("200 KB: CPU µs/req", ("200kb.cpu_us",), 1),
    Column("× nginx", ("200kb.cpu_x_nginx",), 2),
    Column("rps 200 KB", ("200kb.rps",)),
    Column("RSS MB", ("process.rss_mb",), 1),
    Column("PSS MB", ("process.pss_mb",), 1),
    Column("cold start ms", ("process.cold_start_ms",)),
    Column("idle CPU %", ("process.idle_percent",), 1),
)


def tables(summary: Summary, open_rates: dict[str, int]) -> str:
    """The three tables, in Markdown; the cheapest target first."""
    order = sorted(summary, key=lambda name: (name != "direct", summary[name].get("c64.cpu_us", float("inf"))))
    titles = {"Requests (1 KB)": REQUESTS, "Streams (50 chunks/s each)": STREAMS, "Bodies and process": BODIES}
    parts: list[str] = []
    for title, columns in titles.items():
        rows = [["target", *(column.heading for column in columns)]]
        for name in order:
            note = f" @{open_rates[name]}" if open_rates.get(name, 500) != 500 else ""
            cells = [_cell(column, name, summary[name]) for column in columns]
            rows.append([name, *(c + note if "open" in k.heading else c for c, k in zip(cells, columns, strict=True))])
        parts.append(f"{title}\n\n{_markdown(rows)}")
    return "\n\n".join(parts)


def _cell(column: Column, target: str, figures: Figures) -> str:
    absolute = target == "direct" and bool(column.direct)
    values = [figures.get(name) for name in (column.direct if absolute else column.names)]
    known = [f"{value * column.factor:,.{column.digits}f}" for value in values if value is not None]
    text = " / ".join(known) or "–"
    return f"({text})" if absolute and known else text


def _markdown(rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| "
        + " | ".join(
            f"{cell:<{w}}" if not i else f"{cell:>{w}}" for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        + " |"
        for row in rows
    ]
    rule = "|" + "|".join("-" * (w + 2) if not i else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


@dataclass(frozen=True)
class Goal:
    """A promise: the figure of the target may be at most `bound`, or at least, if `at_least`."""

    text: str
    name: str
    bound: float
    at_least: bool = False

    def is_met(self, figures: Figures) -> bool | None:
        """None if it was not measured."""
        value = figures.get(self.name)
        return None if value is None else (value >= self.bound if self.at_least else value <= self.bound)


GOALS = (
    Goal("CPU a request, of nginx's", "c64.cpu_x_nginx", 5),
    Goal("CPU µs a request", "c64.cpu_us", 100),
    Goal("requests a second at 64 connections", "c64.rps", 10_000, at_least=True),
    Goal("added µs, 1 connection, p50", "c1.added_p50_us", 300),
    Goal("added µs, 1 connection, p99", "c1.added_p99_us", 600),
    Goal("added µs, open loop at 500/s, p50", "open.added_p50_us", 400),
    Goal("added µs, open loop at 500/s, p99", "open.added_p99_us", 1_500),
    Goal("CPU µs a chunk, 200 streams", "sse200.cpu_us", 55),
    Goal("share of chunks delivered, 200 streams", "sse200.delivered", 0.98, at_least=True),
    Goal("added µs a chunk, 50 streams, p50", "sse50.added_p50_us", 150),
    Goal("added µs a chunk, 50 streams, p99", "sse50.added_p99_us", 1_000),
    Goal("CPU µs, 200 KB body", "200kb.cpu_us", 350),
    Goal("resident MB", "process.rss_mb", 90),
    Goal("cold start, ms", "process.cold_start_ms", 1_000),
    Goal("requests a core, of LiteLLM's", "against.litellm_per_core", 100, at_least=True),
    Goal("added p50 at 1 connection, of LiteLLM's", "against.litellm_added_p50", 1 / 30),
)


def against(summary: Summary, target: str, peer: str) -> Figures:
    """How the target's two figures that matter stand to the peer's, from the medians of this run."""
    ours, theirs = summary[target], summary.get(peer, {})
    found: Figures = {}
    if ours.get("c64.per_core") and theirs.get("c64.per_core"):
        found[f"against.{peer}_per_core"] = ours["c64.per_core"] / theirs["c64.per_core"]
    if ours.get("c1.added_p50_us") and theirs.get("c1.added_p50_us"):
        found[f"against.{peer}_added_p50"] = ours["c1.added_p50_us"] / theirs["c1.added_p50_us"]
    return found


def verdicts(figures: Figures) -> str:
    """The goals, one a row: promised, measured, met."""
    rows = [["goal", "promised", "measured", ""]]
    for goal in GOALS:
        value, met = figures.get(goal.name), goal.is_met(figures)
        measured = "–" if value is None else f"{value:,.3g}" if value < 100 else f"{value:,.0f}"
        verdict = {None: "not measured", True: "met", False: "MISSED"}[met]
        rows.append([goal.text, f"{'≥' if goal.at_least else '≤'} {goal.bound:,.4g}", measured, verdict])
    return _markdown(rows)

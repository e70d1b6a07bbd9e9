"""Measures what a gateway costs: Tollway, nginx and other gateways, in front of the same fake provider, in one run.

    python bench/run.py [--peers nginx,tollway,litellm,rolter] [--rounds 3] [--quick] [--json FILE]

All targets are started once and stay; then every kind of load is sent to all of them in turn, in shuffled order, round
after round, so that a machine that changes its speed changes it for all. How to read the result stands in
docs/reference/benchmark.md.
"""

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import install
import measure
import processes
import report
from measure import BURSTS, Burst, Cores, Failed, Server
from targets import TARGETS, Place, Target, free_port

BENCH = Path(__file__).resolve().parent
DEFAULT_PEERS = "nginx,tollway,litellm,rolter"
QUICK_SCALE = 0.5
OWN = ("direct", "nginx", "tollway", "tollway-unified")
"""A failure of one of these fails the run; that of a peer is only reported."""


def main() -> int:
    options = _options()
    build = BENCH / "build"
    folder = build / "run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    lg, fakeup = install.tool(build, "lg"), install.tool(build, "fakeup")
    cores = _cores(options.cores)
    if cores.load is not None:
        os.sched_setaffinity(0, {cores.load})  # lg inherits it

    scale = QUICK_SCALE if options.quick else 1.0
    upstream = free_port()
    chunks = round(max(burst.seconds for burst in BURSTS if burst.mode == "sse") * scale * measure.CHUNKS_PER_SECOND)
    (folder / "fakeup").mkdir()
    provider = measure.start_provider(fakeup, upstream, chunks=chunks, folder=folder / "fakeup", core=cores.load)
    servers: dict[str, Server] = {}
    run = Run(lg, servers, scale, random.Random(options.seed))
    try:
        for name in ("direct", *options.peers):
            run.start(name, Place(build, folder / name, upstream), cores, starts=1 if options.quick else 3)
        run.read_idle()
        for number in range(1, options.rounds + 1):
            run.play_round(number, options.bursts)
        run.read_memory()
        run.check_budgets()
    finally:
        for server in servers.values():
            server.stop()
        provider.terminate()
        provider.wait()
    return _finish(run, options)


class Run:
    """What has been started and measured so far."""

    def __init__(self, lg: Path, servers: dict[str, Server], scale: float, order: random.Random) -> None:
        self.lg = lg
        self.servers = servers
        self.scale = scale
        self.order = order
        self.samples: list[report.Sample] = []
        self.process: dict[str, dict[str, Any]] = {}
        self.targets: dict[str, Target] = {}
        self.failures: list[str] = []

    def fail(self, name: str, when: str, why: object) -> None:
        self.failures.append(f"{name}, {when}: {why}")
        print(f"FAILED {self.failures[-1]}", file=sys.stderr, flush=True)

    def start(self, name: str, place: Place, cores: Cores, *, starts: int) -> None:
        """Installs a target, times its start a few times, and leaves it running and warm; or notes why not."""
        try:
            target = TARGETS[name](place)
        except install.Unavailable as problem:
            return self.fail(name, "installing", problem)
        server = self.servers[name] = Server(target, place.folder, cores)
        started: list[float] = []
        try:
            for _ in range(starts if target.command else 1):
                server.stop()
                started.append(server.start())
            measure.run_burst(self.lg, server, measure.WARM_UP, scale=self.scale)
        except (Failed, subprocess.TimeoutExpired) as problem:
            self.servers.pop(name).stop()
            return self.fail(name, "starting", problem)
        self.targets[name] = target
        if target.command:
            self.process[name] = {"cold_start_ms": statistics.median(started), "cold_starts_ms": started}
        print(f"{name} {target.version}".strip() + " answers", file=sys.stderr, flush=True)
        return None

    def read_idle(self, seconds: float = 2.0) -> None:
        """What each burns while nobody asks it anything."""
        measure.wait_until_quiet(list(self.servers.values()))
        before = {name: processes.read_cpu(server.tree()) for name, server in self.servers.items()}
        time.sleep(seconds)
        for name in self.process:
            used = processes.cpu_ns(before[name], processes.read_cpu(self.servers[name].tree()))
            self.process[name]["idle_percent"] = used / (seconds * 1e7)

    def play_round(self, number: int, bursts: list[Burst]) -> None:
        """Every kind of load, each sent to all targets one after the other, both in a new order."""
        for burst in self.order.sample(bursts, len(bursts)):
            for name in self.order.sample(list(self.servers), len(self.servers)):
                self.samples.append({"round": number, "target": name, "burst": burst.name} | self.play(name, burst))
        print(f"round {number} done", file=sys.stderr, flush=True)

    def play(self, name: str, burst: Burst) -> dict[str, Any]:
        server = self.servers[name]
        measure.wait_until_quiet(list(self.servers.values()))
        try:
            if not server.is_alive():
                server.start()
            return measure.run_burst(self.lg, server, burst, scale=self.scale)
        except (Failed, subprocess.TimeoutExpired) as problem:
            self.fail(name, burst.name, problem)
            return {"failed": str(problem)}

    def read_memory(self) -> None:
        for name, values in self.process.items():
            resident, proportional = processes.memory_kb(self.servers[name].tree())
            values |= {"rss_mb": resident / 1024, "pss_mb": proportional / 1024}

    def check_budgets(self) -> None:
        """A target that claims to keep budgets must have counted the load on all five."""
        for name, server in self.servers.items():
            try:
                counted = server.budgets_counted()
            except (Failed, OSError, ValueError) as problem:
                self.fail(name, "reading its budgets", problem)
                continue
            if counted is not None and counted < 5:
                self.fail(name, "reading its budgets", f"money was spent on {counted} budgets, not on 5")

    def summary(self) -> report.Summary:
        summary = report.summarise(self.samples)
        for name, values in self.process.items():
            numbers = {f"process.{key}": value for key, value in values.items() if isinstance(value, int | float)}
            summary.setdefault(name, {}).update(numbers)
        for name in summary:
            for peer in self.servers:
                if name.startswith("tollway") and peer not in OWN:
                    summary[name] |= report.against(summary, name, peer)
        return summary


def _finish(run: Run, options: argparse.Namespace) -> int:
    """Prints and keeps the results. Returns the exit status."""
    summary = run.summary()
    print(report.tables(summary, {name: target.open_rate for name, target in run.targets.items()}), end="\n\n")
    for name, target in run.targets.items():
        print(f"{name} {target.version}".strip() + f": {target.does}")
    others = [sample["others_on_gateway_core"] for sample in run.samples if "others_on_gateway_core" in sample]
    if others:
        usual, most = statistics.median(others), max(others)
        print(f"\nOther processes took {usual:.0f} % of the gateway's core (median), {most:.0f} % at most.")
    for name in summary:
        if name.startswith("tollway"):
            print(f"\n{name}, what was promised\n\n{report.verdicts(summary[name])}")
    if run.failures:
        print("\nFAILED\n" + "\n".join(f"- {failure}" for failure in run.failures))
    path = _write_json(run, summary, options)
    print(f"\n{path}")

    own_failed = any(failure.split(",")[0] in OWN for failure in run.failures)
    ratio = summary.get("tollway", {}).get("c64.cpu_x_nginx")
    too_dear = options.fail_above is not None and (ratio is None or ratio > options.fail_above)
    if too_dear:
        print(
            f"\ntollway's CPU a request is {ratio or float('nan'):.2f} times nginx's; {options.fail_above:g} is allowed"
        )
    return 1 if own_failed or too_dear else 0


def _write_json(run: Run, summary: report.Summary, options: argparse.Namespace) -> Path:
    now = datetime.now(UTC)
    path = Path(options.json) if options.json else BENCH / "results" / f"{now:%Y%m%dT%H%M%SZ}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    revision = subprocess.run(["git", "rev-parse", "HEAD"], cwd=BENCH, capture_output=True, text=True)
    result = {
        "finished_at": now.isoformat(timespec="seconds"),
        "revision": revision.stdout.strip() or None,
        "machine": {"cpus": os.cpu_count(), "kernel": platform.release(), "python": platform.python_version()},
        "rounds": options.rounds,
        "quick": options.quick,
        "targets": {
            name: {"version": target.version, "does": target.does} | run.process.get(name, {})
            for name, target in run.targets.items()
        },
        "figures": summary,
        "failures": run.failures,
        "samples": run.samples,
    }
    path.write_text(json.dumps(result, indent=1) + "\n")
    return path


def _cores(asked: str) -> Cores:
    """The cores asked for, or no pinning where there is only one or no taskset."""
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2 or not shutil.which("taskset"):
        print("not pinned: this needs two cores and taskset; figures will move more", file=sys.stderr)
        return Cores(None, None)
    gateway, load = (int(core) for core in asked.split(",")) if asked else available[:2]
    return Cores(gateway, load)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--peers", default=DEFAULT_PEERS, help=f"comma-separated, of {', '.join(TARGETS)} ({DEFAULT_PEERS})"
    )
    parser.add_argument("--rounds", type=int, help="how often each burst is sent to each target (3; 1 with --quick)")
    parser.add_argument("--quick", action="store_true", help="half as long bursts, one start of each target")
    parser.add_argument("--only", help=f"comma-separated bursts, of {', '.join(burst.name for burst in BURSTS)} (all)")
    parser.add_argument("--json", metavar="FILE", help="where the results are kept (bench/results/TIME.json)")
    parser.add_argument("--cores", default="", metavar="GATEWAY,LOAD", help="the two cores (the first two)")
    parser.add_argument("--seed", type=int, default=1, help="of the order of bursts and targets (1)")
    parser.add_argument(
        "--fail-above",
        type=float,
        metavar="RATIO",
        help="fail if tollway's CPU a request is above this many times nginx's",
    )
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.peers = [name for name in dict.fromkeys(options.peers.split(",")) if name and name != "direct"]
    if unknown := [name for name in options.peers if name not in TARGETS]:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    names = options.only.split(",") if options.only else [burst.name for burst in BURSTS]
    options.bursts = [burst for burst in BURSTS if burst.name in names]
    if unknown := set(names) - {burst.name for burst in BURSTS}:
        parser.error(f"unknown bursts: {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    sys.exit(main())

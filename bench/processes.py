"""Reads from /proc what a tree of processes has used: CPU time to the nanosecond, and memory."""

import os
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class CpuReading:
    """CPU time used so far: by each living thread in ns; by each process, dead threads and children in, in ticks."""

    threads: dict[tuple[int, int], int]
    ticks: dict[int, int]


def tree(root: int) -> list[int]:
    """`root` and its descendants that are alive."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [root]
    for process in found:
        found.extend(children.get(process, []))
    return found


def read_cpu(processes: list[int]) -> CpuReading:
    threads: dict[tuple[int, int], int] = {}
    ticks: dict[int, int] = {}
    for process in processes:
        if fields := _stat(process):
            # proc(5): utime, stime, cutime and cstime are the fields 14 to 17; ours start with the third.
            ticks[process] = sum(int(value) for value in fields[11:15])
        try:
            names = os.listdir(PROC / str(process) / "task")
        except OSError:
            continue
        for thread in names:
            # The first field of schedstat is the time spent on a CPU, in ns.
            if text := _read(PROC / str(process) / "task" / thread / "schedstat"):
                threads[process, int(thread)] = int(text.split()[0])
    return CpuReading(threads, ticks)


def cpu_ns(before: CpuReading, after: CpuReading) -> int:
    """CPU time used between two readings.

    The threads' own clocks are exact, but die with the thread; the ticks keep the dead, but are coarse: two of them
    (user and system) are rounded. So the ticks count only where they show clearly more.
    """
    by_threads = sum(ns - before.threads.get(thread, 0) for thread, ns in after.threads.items())
    by_ticks = sum(count - before.ticks.get(process, 0) for process, count in after.ticks.items()) * TICK_NS
    return max(by_threads, by_ticks - 2 * TICK_NS * len(after.ticks))


def memory_kb(processes: list[int]) -> tuple[int, int]:
    """Resident memory, and proportional: pages that processes share are counted in each, and divided among them."""
    resident = proportional = 0
    for process in processes:
        for line in _read(PROC / str(process) / "smaps_rollup").splitlines():
            name, _, value = line.partition(":")
            if name == "Rss":
                resident += int(value.split()[0])
            elif name == "Pss":
                proportional += int(value.split()[0])
    return resident, proportional


def core_times(core: int) -> tuple[int, int]:
    """Busy and all ticks of one core since it was started."""
    for line in _read(PROC / "stat").splitlines():
        if line.startswith(f"cpu{core} "):
            # proc(5): user nice system idle iowait irq softirq steal; the guest's times are in user already.
            times = [int(value) for value in line.split()[1:9]]
            return sum(times) - times[3] - times[4], sum(times)
    return 0, 0


def _stat(process: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on (state, parent, ...); none if it has gone."""
    return _read(PROC / str(process) / "stat").rpartition(")")[2].split()


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # it has gone since
        return ""

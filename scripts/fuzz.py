"""Fuzzes every usage parser, request reader and stream reader, for as long as one likes.

    python scripts/fuzz.py --cases 1000000 --seed 1

Says how many cases of each API it tried, and for every rule that failed one a reproduction, made as short as it gets.
The same seed gives the same cases, whatever the number of processes. The rules are in `tests/providers/fuzzing.py`.
"""

import argparse
import multiprocessing
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path[:0] = [str(TESTS / "providers"), str(TESTS / "exchange")]

import fuzz_growth  # noqa: E402
import fuzz_seeds  # noqa: E402
import fuzzing  # noqa: E402
from fuzzing import Case, Fuzz, Violation  # noqa: E402

BATCH = 2_000
_LONGEST_SHOWN = 2_000
_MOST_TRIES = 3_000
"""To make a reproduction shorter."""


class Failure(NamedTuple):
    """What went wrong, where, and with what."""

    rule: str
    detail: str
    case: Case


class Batch(NamedTuple):
    """What some cases came to."""

    cases: Counter[str]
    failures: list[Failure]
    slowest: tuple[float, str, str, int]


_state: dict[str, Any] = {}


def start(seed: int, api: str | None) -> None:
    """Prepares one process."""
    random = Random()
    seeds = fuzz_seeds.SEEDS + fuzz_seeds.recorded()
    _state.update(random=random, fuzz=Fuzz(random, seeds), seed=seed, api=api)


def run(batch: tuple[int, int]) -> Batch:
    """Tries one batch: its number, and how many cases."""
    number, size = batch
    _state["random"].seed(f"{_state['seed']}/{number}")
    fuzz: Fuzz = _state["fuzz"]
    cases: Counter[str] = Counter()
    failures: list[Failure] = []
    slowest = (0.0, "", "", 0)
    for _ in range(size):
        case = fuzz.case(_state["api"])
        cases[case.seed.api] += 1
        found, seconds = tried(case)
        if found is not None:
            failures.append(Failure(*found, case))
        slowest = max(slowest, (seconds, case.seed.api, case.kind, len(case.body)))
    return Batch(cases, failures, slowest)


def tried(case: Case) -> tuple[tuple[str, str] | None, float]:
    """The rule that a case breaks and how, if any, and how long it took."""
    try:
        return None, fuzzing.check(case)
    except Violation as violation:
        return (violation.rule, str(violation)), 0.0
    except Exception as error:  # A crash is what is looked for.
        last = traceback.extract_tb(error.__traceback__)[-1]
        return (f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno}", str(error)), 0.0


def shorter(failure: Failure) -> Failure:
    """The same failure with as few bytes, cuts and headers as are needed for it."""
    tries = 0
    best = failure

    def holds(case: Case) -> bool:
        nonlocal tries, best
        tries += 1
        found, _ = tried(case)
        if found is None or found[0] != failure.rule:
            return False
        best = Failure(*found, case)
        return True

    for headers in ((), *((one,) for one in failure.case.headers)):
        if holds(best.case._replace(headers=headers)):
            break
    for cut in failure.case.cuts:
        if len(failure.case.cuts) > 1 and holds(best.case._replace(cuts=(cut,))):
            break
    size = max(1, len(best.case.body) // 2)
    while size and tries < _MOST_TRIES:
        at = 0
        while at < len(best.case.body) and tries < _MOST_TRIES:
            case = best.case
            body = case.body[:at] + case.body[at + size :]
            cuts = tuple(min(max(at, cut - size) if cut > at else cut, len(body)) for cut in case.cuts)
            if not holds(case._replace(body=body, cuts=cuts)):
                at += size
        size //= 2
    return best


def show(failure: Failure, times: int) -> None:
    """Prints one failure."""
    case = failure.case
    print(f"\n{times:,} x {case.seed.api}, {case.kind}: {failure.detail}")
    print(f"    path    {case.seed.path}")
    print(f"    body    {case.body[:_LONGEST_SHOWN]!r}")
    if case.headers:
        print(f"    headers {case.headers!r}")
    if case.cuts:
        print(f"    cuts    {list(case.cuts[:40])!r}")
    print(f"    lot     {case.lot}, request {case.seed.request[:300]!r}")


def batches(cases: int) -> Iterator[tuple[int, int]]:
    """The numbers and sizes of the batches that `cases` are cut into."""
    for number, first in enumerate(range(0, cases, BATCH)):
        yield number, min(BATCH, cases - first)


def grow(length: int) -> int:
    """Measures time against length, and tells how often it grows too fast."""
    found = [growth for seed in fuzz_seeds.BUILT_IN for growth in fuzz_growth.measured(seed, length)]
    unfair = [growth for growth in found if not growth.fair]
    slowest = max(found, key=lambda growth: growth.seconds)
    print(
        f"\nTime against length: {len(found):,} bodies of about {length:,} bytes, {len(unfair)} slower than in proportion."
    )
    for growth in (slowest, *unfair):
        print(
            f"    {growth.seconds:.3f} s, {growth.ratio:.0f} times that of a tenth: {growth.api}, {growth.act}, "
            f"{growth.shape}, {growth.length:,} bytes"
        )
    return len(unfair)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--api", help='one API only, for example "openai.chat"')
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--growth", type=int, default=400_000, help="bytes of the longest body; 0 leaves that out")
    chosen = parser.parse_args()
    began = time.perf_counter()
    cases: Counter[str] = Counter()
    failures: dict[tuple[str, str, str], list[Failure]] = {}
    slowest = (0.0, "", "", 0)
    with multiprocessing.Pool(chosen.processes, start, (chosen.seed, chosen.api)) as pool:
        for batch in pool.imap_unordered(run, batches(chosen.cases)):
            cases += batch.cases
            slowest = max(slowest, batch.slowest)
            for failure in batch.failures:
                failures.setdefault((failure.rule, failure.case.seed.api, failure.case.kind), []).append(failure)
    took = time.perf_counter() - began
    total = cases.total()
    for api, number in sorted(cases.items()):
        print(f"{number:>9,}  {api}")
    print(f"{total:>9,}  cases in {took:.1f} s: {total / took:,.0f} a second in {chosen.processes} processes")
    seconds, api, kind, length = slowest
    print(f"{seconds * 1000:>9,.1f}  ms the slowest: {api}, {kind}, {length:,} bytes")
    for alike in failures.values():
        show(shorter(min(alike, key=lambda failure: len(failure.case.body))), len(alike))
    number = sum(len(alike) for alike in failures.values())
    print(f"\n{number:,} failures of {len(failures)} kinds.")
    unfair = grow(chosen.growth) if chosen.growth else 0
    return 1 if failures or unfair else 0


if __name__ == "__main__":
    sys.exit(main())

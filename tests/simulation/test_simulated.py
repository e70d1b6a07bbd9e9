"""The gateway in simulated worlds: what must always be true is, whatever happens, and a seed is a bug report.

`python tests/simulation/replay.py SEED` tells a failing one step by step.
"""

import os
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import msgspec
import pytest
from own_bill import Habits
from simulated import Plan, World

SEEDS = 500
AT_ONCE = 25


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_what_must_be_true_is_true_in_every_world(first: int) -> None:
    happened = 0
    for seed in range(first, first + AT_ONCE):
        world = World(Plan.draw(seed)).run()
        happened += sum(status == 200 for status in world.statuses)
    assert happened > AT_ONCE, "nobody was ever answered, so nothing was tested"


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", range(SEEDS, 20_000, 500))
def test_what_must_be_true_is_true_in_twenty_thousand_worlds(first: int) -> None:
    for seed in range(first, first + 500):
        World(Plan.draw(seed)).run()


def test_the_worlds_are_as_bad_as_they_are_meant_to_be() -> None:
    """A simulation in which nothing happens finds nothing."""
    statuses: set[int] = set()
    deaths = raised = refused = shrunk = 0
    for seed in range(60):
        world = World(Plan.draw(seed)).run()
        statuses |= set(world.statuses)
        deaths += world.deaths
        raised += world.extensions["Held"]
        refused += world.extensions["Exhausted"]
        shrunk += world.extensions["shrink"]
    assert {0, 200, 429, 500, 502, 503, 504} <= statuses
    assert deaths > 20 and raised > 100 and refused > 100 and shrunk > 10


@pytest.mark.parametrize("seed", [3, 25, 46, 187])
def test_a_seed_replays_to_the_same_trace(seed: int) -> None:
    """In another process too, where strings have other hashes and sets another order."""
    first, second = (World(Plan.draw(seed)).run() for _ in range(2))
    assert first.trace == second.trace
    assert first.trace != World(Plan.draw(seed + 1)).run().trace
    program = Path(__file__).with_name("replay.py")
    told = subprocess.run(
        [sys.executable, str(program), str(seed)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "12345"},
    )
    assert told.stdout.split()[-1] == first.trace


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_kill_at_any_commit_loses_nothing(after: bool) -> None:
    plan = Plan(seed=1, store="sqlite", requests=14, spread_s=2.0, limit=60_000_000, anthropic=0.3, late=0.1)
    commits = World(plan).run().commits
    assert commits > 30
    for number in range(1, commits + 1):
        world = World(msgspec.structs.replace(plan, kill_at_commit=number, kill_after=after)).run()
        assert world.deaths == 1


def verdicts(seed: int, mode: str, requests: int) -> tuple[list[tuple[str, str]], World]:
    """What every request was told, until the first that was, or would have been, refused; that one included."""
    plan = Plan(
        seed=seed, mode=mode, requests=requests, limit=40_000_000, capped=True, wait_ms=0, leaves=0.1, streams=0.0,
        anthropic=0.0, hidden=0.3, doubled=0.0, habits=Habits(fails=0.0),
    )  # fmt: skip
    world = World(plan).run()
    allowed = list(takewhile(lambda each: each[1] == "held", world.verdicts))
    return world.verdicts[: len(allowed) + 1], world


@pytest.mark.parametrize("seed", range(30))
def test_a_monitored_budget_says_what_an_enforced_one_does_until_the_first_refusal(seed: int) -> None:
    enforced, strict = verdicts(seed, "enforce", 60)
    monitored, lenient = verdicts(seed, "monitor", 60)
    assert enforced == monitored
    assert enforced[-1][1] == "refused" and 429 in strict.statuses
    assert 429 not in lenient.statuses

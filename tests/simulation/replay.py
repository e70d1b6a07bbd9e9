"""Runs simulated worlds by their seeds: `python tests/simulation/replay.py 0 20000`, or one, which is told step by step.

Prints each seed that found something wrong, and how many were run.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    for folder in ("simulation", "exchange"):
        sys.path.insert(0, str(Path(__file__).parent.parent / folder))

from simulated import Plan, Violation, World


class Told(World):
    """A world that says what happens in it."""

    def note(self, *said: object) -> None:
        super().note(*said)
        print(f"{self.timeline.steps:7} {self.timeline.now:12.4f} ", *said)


def one(seed: int, kind: type[World] = World) -> str | None:
    """Runs a seed; what is wrong with it, or `None`."""
    world = kind(Plan.draw(seed))
    try:
        world.run()
    except Violation as wrong:
        return str(wrong)
    return None


def main(first: int, last: int) -> int:
    wrong = [found for seed in range(first, last) if (found := one(seed)) is not None]
    print(*wrong, f"{last - first} worlds, {len(wrong)} of them wrong", sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) == 2:
        seed = int(sys.argv[1])
        print(Plan.draw(seed))
        world = Told(Plan.draw(seed))
        world.run()
        print("trace", world.trace)
    else:
        sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))

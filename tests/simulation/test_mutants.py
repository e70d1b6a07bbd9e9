"""Broken protocols, each of which the simulation must find: one that cannot would find nothing else either."""

from typing import Any

import pytest
from mutants import MUTANTS
from simulated import Plan, Violation, World

WITHIN = 50
"""Seeds."""
# Where only some worlds can tell: those in which freezes are made, or answers followed, and the process is killed.
WORLDS: dict[str, dict[str, Any]] = {
    "extensions_are_not_durable": {
        "store": "sqlite", "jumps": False, "edits": 0, "kills": 4, "streams": 1.0, "spread_s": 3.0, "requests": 60, "hidden": 0.0,
    },
    "pieces_are_not_reckoned_with": {"streams": 1.0, "hidden": 0.0},
    "shrinks_are_not_written": {"store": "sqlite", "kills": 4, "streams": 1.0},
    "freezes_are_not_durable": {
        "store": "sqlite", "jumps": False, "edits": 0, "freezes": 4, "kills": 4, "spread_s": 20.0, "requests": 60,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_protocol_is_caught(name: str) -> None:
    for seed in range(WITHIN):
        try:
            World(Plan.draw(seed, **WORLDS.get(name, {})), MUTANTS[name]).run()
        except Violation:
            return
    raise AssertionError(f"{name}: {WITHIN} worlds, and nothing was noticed")

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tollway.pricing.catalogue import midnight
from tollway.pricing.price import FILE, PriceBook

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "src" / "tollway" / "pricing" / FILE


@pytest.fixture(scope="session")
def book() -> PriceBook:
    return PriceBook.decode(BOOK.read_bytes())


@pytest.fixture
def now() -> int:
    """Noon of the day the book was compiled."""
    return midnight("2026-11-21") + 12 * 3_600_000


@pytest.fixture(scope="session")
def recorded() -> Callable[[str], list[dict[str, Any]]]:
    """The rows of a file of recorded material; the test is skipped where there is none."""

    def rows(name: str) -> list[dict[str, Any]]:
        path = Path(os.environ.get("TOLLWAY_TEST_DATA", ROOT.parent / "shared" / "data")) / name
        if not path.exists():
            pytest.skip(f"no recorded material at {path}; set TOLLWAY_TEST_DATA to the folder that has {name}")
        return [json.loads(line) for line in path.read_text().splitlines()]

    return rows

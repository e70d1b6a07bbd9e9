"""The dashboard in a real browser, in a process of its own: Playwright's loop runs on where others would begin theirs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOTHING_RUN = 5
"""What pytest exits with where no test was found."""


@pytest.mark.timeout(900)
def test_every_page_does_its_task_in_a_browser() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/browser", "-n", "0", "-rs"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert ran.returncode != NOTHING_RUN, ran.stdout
    assert ran.returncode == 0, ran.stdout[-20_000:] + ran.stderr[-2_000:]
    closing = ran.stdout.rstrip().splitlines()[-1]
    if "passed" not in closing:
        pytest.skip(closing)

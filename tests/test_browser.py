"""The dashboard in a real browser, each file of tests in a process of its own: Playwright's loop runs on where others would
begin theirs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted(path.name for path in (ROOT / "tests" / "browser").glob("test_*.py"))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", FILES)
def test_every_page_does_its_task_in_a_browser(name: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", f"tests/browser/{name}", "-n", "0", "-rs"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout[-20_000:] + ran.stderr[-2_000:]
    closing = ran.stdout.rstrip().splitlines()[-1]
    if "passed" not in closing:
        pytest.skip(closing)

"""A real browser before a real gateway that has a month behind it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, StorageState, expect, sync_playwright
from tests.browser.visiting import PATIENCE_MS, Visitor

ROOT = Path(__file__).parent.parent.parent
expect.set_options(timeout=PATIENCE_MS)
BUILT = ROOT / "src" / "tollway" / "dashboard" / "dist" / "index.html"


def _missing(why: str) -> None:
    # Where the gate runs, what cannot be shown is not taken for shown.
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if not BUILT.is_file():
        _missing("the dashboard is not built; python scripts/build_dashboard.py says why")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("there is no Chromium; install Debian's package chromium")
    with sync_playwright() as playwright:
        # Its sandbox needs what containers do not allow; it opens nothing but pages of the gateway under test.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What one says of itself that runs in another process."""
    arguments = [sys.executable, str(Path(__file__).parent / "served.py"), str(tmp_path_factory.mktemp("gateway"))]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdin is not None and serving.stdout is not None
        line = serving.stdout.readline()
        assert line, "the gateway did not start"
        yield json.loads(line)
        serving.stdin.close()
        serving.wait(30)


@pytest.fixture(scope="session")
def gateway(served: dict[str, str]) -> str:
    """Its address."""
    return served["url"]


@pytest.fixture(scope="session")
def signed_in(chromium: Browser, gateway: str) -> StorageState:
    """What the browser of the owner keeps after signing in."""
    context = chromium.new_context()
    Visitor(context, gateway).sign_in()
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def visitor(chromium: Browser, gateway: str, signed_in: StorageState) -> Iterator[Visitor]:
    """The owner, at a desk."""
    context = chromium.new_context(
        viewport={"width": 1440, "height": 900}, timezone_id="Europe/Berlin", locale="en-GB", storage_state=signed_in
    )
    visitor = Visitor(context, gateway)
    yield visitor
    context.close()
    assert visitor.wrong == []


@pytest.fixture
def developer(chromium: Browser, served: dict[str, str]) -> Iterator[Visitor]:
    """Alice, who signed in at the company's identity provider and has no role but that of everybody."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, timezone_id="Europe/Berlin", locale="en-GB")
    name, _, value = served["developer"].partition("=")
    context.add_cookies([{"name": name, "value": value, "url": served["url"]}])
    visitor = Visitor(context, served["url"])
    yield visitor
    context.close()
    assert visitor.wrong == []

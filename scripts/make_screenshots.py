"""Pictures of the dashboard for the docs, by day and by night: `python scripts/make_screenshots.py [PAGE ...]`.

They show the gateway that the browser tests run against, with its month of made-up traffic. Needs Chromium and a built dashboard.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser.visiting import Visitor  # noqa: E402

IMAGES = ROOT / "docs" / "images"
PAGES = {
    "overview": "/",
    "explorer": "/spend?by=model&then=user&range=30d&compare=1",
    "budgets": "/budgets",
    "statements": "/statements",
    "requests": "/requests?range=30d",
    "routes": "/routes?open=chat",
    "playground": "/playground",
    "people": "/people",
    "keys": "/keys",
    "policies": "/policies",
    "prices": "/prices",
    "alerts": "/alerts",
    "audit": "/audit",
    "settings": "/settings",
    "setup": "/setup",
}
"""Picture → address."""


def main(names: list[str]) -> None:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        sys.exit("There is no Chromium; install Debian's package chromium.")
    served = [sys.executable, str(ROOT / "tests" / "browser" / "served.py")]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen([*served, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as serving,
        sync_playwright() as playwright,
    ):
        assert serving.stdin is not None and serving.stdout is not None
        url = json.loads(serving.stdout.readline())["url"]
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            context = browser.new_context(
                viewport={"width": 1440, "height": 900},
                timezone_id="Europe/Berlin",
                locale="en-GB",
                color_scheme=scheme,
            )
            visitor = Visitor(context, url)
            visitor.sign_in()
            for name, address in PAGES.items():
                if not names or name in names:
                    page = visitor.open(address)
                    page.wait_for_load_state("networkidle")
                    page.screenshot(path=IMAGES / f"dashboard-{name}-{scheme}.png")
            context.close()
        browser.close()
        serving.stdin.close()


if __name__ == "__main__":
    main(sys.argv[1:])

"""Somebody at the dashboard, as tests have them."""

from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page

AXE = Path(__file__).parent.parent.parent / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
PASSWORD = "a-long-password"
SETTLED = """async () => {
  const busy = () => document.querySelector('[role=status][aria-label=Loading]') !== null;
  if (busy()) return false;
  await new Promise(resolve => setTimeout(resolve, 50));
  return !busy();
}"""
"""Nothing is loading, and what was loaded has led to nothing else that loads."""


class Visitor:
    """Somebody at the dashboard."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.page: Page = context.new_page()
        self.url = url
        self.wrong: list[str] = []
        """What the browser complained of: errors of scripts, and all that the policy of the page has stopped."""
        self.page.set_default_timeout(20_000)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", lambda told: self.wrong.append(told.text) if told.type == "error" else None)

    def sign_in(self, name: str = "root") -> None:
        self.page.goto(f"{self.url}/dashboard")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password", exact=False).first.fill(PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.get_by_role("button", name=f"Signed in as {name}").wait_for()

    def open(self, path: str) -> Page:
        """A page by its address, once it has shown what it has."""
        self.page.goto(f"{self.url}/dashboard{path}")
        self.page.get_by_role("heading", level=1).first.wait_for()
        self.page.wait_for_function(SETTLED)
        return self.page

    def expect_refusal(self) -> None:
        """Takes what the browser says of answers that were meant to be errors out of what it complained of."""
        self.wrong = [told for told in self.wrong if "the server responded with a status of" not in told]

    def barriers(self) -> list[str]:
        """What axe finds serious or critical."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
        return [
            f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in ("serious", "critical")
        ]


def looked_at(browser: Browser, url: str, paths: Sequence[str], width: int, scheme: str) -> dict[str, list[str]]:
    """What is wrong with pages on a screen of that width, by night or by day: barriers, and what sticks out at its side."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    visitor = Visitor(context, url)
    visitor.sign_in()
    found: dict[str, list[str]] = {}
    for path in paths:
        page = visitor.open(path)
        found[path] = visitor.barriers()
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            found[path].append("it is wider than the screen")
    context.close()
    return {path: wrong for path, wrong in (found | {"the console": visitor.wrong}).items() if wrong}

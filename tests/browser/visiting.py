"""Somebody at the dashboard, as tests have them."""

from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page

AXE = Path(__file__).parent.parent.parent / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
PASSWORD = "a-long-password"
PATIENCE_MS = 20_000
"""How long something may take to be there, on a machine that has much else to do."""
SETTLED = """async () => {
  const moving = one => one.playState === 'running' && one.effect !== null && one.effect.getComputedTiming().endTime !== Infinity;
  const busy = () => document.querySelector('[role=status][aria-label=Loading]') !== null || document.getAnimations().some(moving);
  if (busy()) return false;
  await new Promise(resolve => setTimeout(resolve, 50));
  return !busy();
}"""
"""Nothing is loading or on its way to its place, and what was loaded has led to nothing else that loads."""


class Visitor:
    """Somebody at the dashboard."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.page: Page = context.new_page()
        self.url = url
        self._told: list[str] = []
        self._refusals_are_meant = False
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("pageerror", lambda error: self._told.append(str(error)))
        self.page.on("console", lambda told: self._told.append(told.text) if told.type == "error" else None)

    @property
    def wrong(self) -> list[str]:
        """What the browser complained of: errors of scripts, and all that the policy of the page has stopped."""
        meant = "the server responded with a status of" if self._refusals_are_meant else None
        return [told for told in self._told if meant is None or meant not in told]

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
        """Takes what the browser says of answers that were meant to be errors out of what it complained of. It may say so
        later than the page does."""
        self._refusals_are_meant = True

    def barriers(self) -> list[str]:
        """What axe finds serious or critical, once nothing moves: what is half transparent yet has too little contrast."""
        self.page.wait_for_function(SETTLED)
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

"""Charts as they are drawn, of answers that a seeded month does not have."""

from typing import Any

from playwright.sync_api import Page, Route, expect
from tests.browser.visiting import Visitor


def drawn(page: Page) -> dict[str, list[tuple[float, float]]]:
    """Where each bar of the first chart begins and ends, from above, by its colour."""
    found: dict[str, list[tuple[float, float]]] = {}
    for path in page.locator(".recharts-bar-rectangle path").all():
        box = path.bounding_box()
        assert box is not None
        found.setdefault(path.get_attribute("fill") or "", []).append((box["y"], box["y"] + box["height"]))
    return found


def test_a_credit_is_drawn_below_zero_and_hides_nothing_that_was_spent(visitor: Visitor) -> None:
    amounts = {"steady": "6", "credited": "-4", "other": "3"}

    def figures(amount: str) -> dict[str, Any]:
        return {"cost": {"spent_usd": amount, "entries": 1, "unpriced": 0}}

    def answer(route: Route) -> None:
        told = route.fetch().json()
        if "by=model" in route.request.url and "grain=" in route.request.url:
            starts = told["starts"]
            told["groups"] = [
                {"group": {"model": name}, "whole": figures(amount), "buckets": [figures(amount) for _ in starts]}
                for name, amount in amounts.items()
            ]
            told["other"] = {"whole": figures("-0.5"), "buckets": [figures("-0.5") for _ in starts]}
        route.fulfill(json=told)

    visitor.page.route("**/api/v1/analytics?*", answer)
    page = visitor.open("/?range=7d")
    chart = page.locator("section", has=page.get_by_role("heading", name="Spend by model"))
    expect(chart.locator(".tw-legend")).to_have_text(" steady credited other all others")
    zero = chart.locator(".recharts-reference-line line").bounding_box()
    assert zero is not None
    bars = drawn(page)
    above = {colour for colour, places in bars.items() if all(bottom <= zero["y"] + 1 for _, bottom in places)}
    below = {colour for colour, places in bars.items() if all(top >= zero["y"] - 1 for top, _ in places)}
    assert (len(bars), len(above), len(below)) == (4, 2, 2)
    for side in (above, below):
        for one, two in zip(*(sorted(bars[colour]) for colour in side), strict=True):
            assert one[1] <= two[0] + 1 or two[1] <= one[0] + 1
    chart.locator(".recharts-surface").hover()
    expect(page.locator(".tw-tip")).to_contain_text("−$4.00")
    expect(page.locator(".tw-tip")).to_contain_text("$4.50")

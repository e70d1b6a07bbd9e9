"""Trying a model in the browser: metered like everything, with the hold, the stream and the settlement."""

import re

import pytest
from playwright.sync_api import Browser, expect
from tests.admin.gateways import ALICE_KEY
from tests.browser.visiting import Visitor


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_the_page_has_no_serious_barrier_and_is_not_cut(
    chromium: Browser, served: dict[str, str], scheme: str, width: int
) -> None:
    context = chromium.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    name, _, value = served["developer"].partition("=")
    context.add_cookies([{"name": name, "value": value, "url": served["url"]}])
    visitor = Visitor(context, served["url"])
    page = visitor.open("/playground?model=openai/gpt-4o-mini")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Total, by the provider's own usage")).to_be_visible()
    barriers, wide = visitor.barriers(), page.evaluate("document.documentElement.scrollWidth")
    context.close()
    assert (barriers, wide, visitor.wrong) == ([], width, [])


def test_a_model_is_tried_as_oneself_without_a_key_in_the_browser(developer: Visitor) -> None:
    sent: list[str] = []
    developer.page.on("request", lambda request: sent.append(f"{request.url} {request.headers}"))
    page = developer.open("/playground")
    expect(page.get_by_role("combobox", name="Model")).to_have_value(re.compile("gpt-4o-mini$"))
    page.get_by_label("Prompt").fill("Hello there!")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("answered", exact=True)).to_be_visible()
    expect(page.locator(".tw-answer")).not_to_be_empty()
    steps = page.locator(".tw-steps")
    expect(steps).to_contain_text(re.compile(r"Held before the call\s*\$0\.0"))
    expect(steps).to_contain_text("openai/gpt-4o-mini")
    expect(page.get_by_role("table", name="Charge lines")).to_contain_text("input")
    expect(page.get_by_role("table", name="Holds")).to_contain_text("each-person[user=alice@example.com]")
    expect(page.get_by_text("tollway-budget-remaining-usd")).to_be_visible()
    assert not [one for one in sent if "twa_" in one or "tw_" in one or "bearer" in one.lower()]
    page.get_by_role("link", name="Everything of this request").click()
    expect(page.get_by_role("dialog")).to_contain_text("login:alice@example.com")


def test_a_refusal_says_why(developer: Visitor) -> None:
    page = developer.open("/playground?model=openai/no-such-model")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Refused", exact=True)).to_be_visible()
    expect(page.get_by_role("alert").filter(has_text="no-such-model")).to_be_visible()
    expect(page.locator(".tw-steps")).to_contain_text("nothing")
    developer.expect_refusal()


def test_whoever_has_no_name_of_their_own_is_asked_for_a_key_and_nothing_is_refused(visitor: Visitor) -> None:
    page = visitor.open("/playground")
    expect(page.get_by_label("Gateway key", exact=True)).to_be_visible()
    expect(page.get_by_role("combobox", name="Model")).to_have_value(re.compile("/"))
    assert visitor.wrong == []


def test_a_local_administrator_brings_a_key(visitor: Visitor) -> None:
    page = visitor.open("/playground?model=openai/gpt-4o-mini")
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    page.get_by_label("Gateway key").fill(ALICE_KEY)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("answered", exact=True)).to_be_visible()
    expect(page.locator(".tw-steps")).to_contain_text("openai/gpt-4o-mini")
    visitor.expect_refusal()

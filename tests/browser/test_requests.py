"""Requests, as somebody looks for what happened: found, followed, opened, explained."""

import json
import re

import pytest
from playwright.sync_api import Browser, expect
from tests.admin.gateways import ALICE_KEY
from tests.browser.visiting import Visitor, looked_at

HELLO = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Hello there!"}], "max_tokens": 60}


def called(visitor: Visitor) -> str:
    """One real call of a model, and the id of its request."""
    answer = visitor.page.request.post(
        f"{visitor.url}/v1/chat/completions",
        headers={"authorization": f"Bearer {ALICE_KEY}", "content-type": "application/json"},
        data=json.dumps(HELLO),
    )
    assert answer.status == 200
    return answer.headers["tollway-request-id"]


def test_a_request_is_opened_by_the_keyboard_and_says_why_it_was_refused(visitor: Visitor) -> None:
    page = visitor.open("/requests?status=429&range=30d")
    page.get_by_role("table", name="Requests").locator("tbody tr").first.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Why it was refused")
    expect(dialog).to_contain_text('Budget "interns" is exhausted: $55.00 of $55.00 spent')
    expect(dialog).to_contain_text("nothing was charged")
    expect(dialog.get_by_role("table", name="Timeline")).to_contain_text("nothing was sent")
    expect(page).to_have_url(re.compile("open="))
    page.reload()
    expect(page.get_by_role("dialog")).to_contain_text("Why it was refused")
    expect(page.get_by_role("dialog")).to_contain_text("Refused by interns before anything was held")
    page.get_by_role("dialog").get_by_role("link", name="Open the budget").click()
    expect(page).to_have_url(re.compile("/budgets.*open=interns"))
    page.go_back()
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).not_to_have_url(re.compile("open="))


def test_a_request_shows_its_charge_line_by_line(visitor: Visitor) -> None:
    page = visitor.open("/requests?model=claude-sonnet-4-5&range=30d")
    page.get_by_role("table", name="Requests").locator("tbody tr").first.click()
    lines = page.get_by_role("dialog").get_by_role("table", name="Charge lines")
    expect(lines).to_contain_text("input")
    expect(lines).to_contain_text("$15.00 / 1 M")
    expect(lines.locator("tfoot")).to_contain_text("by the provider's own usage")


def test_a_real_request_tells_its_time_its_budgets_and_who_says_who_asked(visitor: Visitor) -> None:
    request_id = called(visitor)
    page = visitor.open("/requests")
    expect(page.get_by_role("table", name="Requests")).to_contain_text("alice@example.com")
    page.goto(f"{visitor.url}/dashboard/requests?open={request_id}")
    dialog = page.get_by_role("dialog")
    timeline = dialog.get_by_role("table", name="Timeline")
    expect(timeline).to_contain_text("Identity, rules, hold")
    expect(timeline).to_contain_text("Tollway’s own")
    holds = dialog.get_by_role("table", name="Holds").get_by_role("row")
    expect(holds.filter(has_text="company")).to_contain_text(re.compile(r"company\$[0-9,]+\.\d\d\$0\.000"))
    expect(dialog.get_by_role("row", name=re.compile("metadata.team"))).to_contain_text("said by the key alice")
    good = dialog.get_by_role("button", name="Good answer")
    good.click()
    expect(good).to_have_attribute("aria-pressed", "true")
    dialog.get_by_role("button", name=re.compile("^Explain")).click()
    expect(dialog.get_by_role("status")).to_contain_text("It would be sent now")
    expect(dialog.get_by_role("table", name="Budgets now")).to_contain_text("fits")


def test_the_list_is_followed_live_and_paused(visitor: Visitor) -> None:
    page = visitor.open("/requests")
    page.get_by_role("button", name="Follow live").click()
    expect(page).to_have_url(re.compile("live=1"))
    first = page.get_by_role("table", name="Requests").locator("tbody tr").first
    before = first.inner_text()
    called(visitor)
    expect(first).not_to_have_text(before, use_inner_text=True)
    expect(first).to_contain_text("alice@example.com")
    page.get_by_role("button", name="Pause").click()
    expect(page).not_to_have_url(re.compile("live=1"))


def test_the_list_stays_where_it_was_behind_what_is_opened_of_it(visitor: Visitor) -> None:
    page = visitor.open("/requests?range=30d")
    row = page.get_by_role("table", name="Requests").locator("tbody tr").nth(40)
    expect(row).not_to_be_in_viewport()
    row.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(row).to_be_focused()
    expect(row).to_be_in_viewport()


def test_words_and_pages_are_in_the_address(visitor: Visitor) -> None:
    page = visitor.open("/requests?range=30d")
    table = page.get_by_role("table", name="Requests")
    first = table.locator("tbody tr").first
    newest = first.inner_text()
    page.get_by_role("button", name="Older").click()
    expect(page).to_have_url(re.compile("cursor="))
    expect(first).not_to_have_text(newest, use_inner_text=True)
    page.get_by_role("button", name="Newer").click()
    expect(page).not_to_have_url(re.compile("cursor="))
    expect(first).to_have_text(newest, use_inner_text=True)
    page.get_by_label("Find in requests").fill("house-model")
    expect(page).to_have_url(re.compile("text=house-model"))
    expect(table.locator("tbody tr")).to_have_count(2)
    expect(table).to_contain_text("no price")


def test_a_request_is_copied_as_curl_without_a_key(chromium: Browser, gateway: str, visitor: Visitor) -> None:
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visitor.open("/requests?model=claude-sonnet-4-5&range=30d")
    page.get_by_role("table", name="Requests").locator("tbody tr").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Copy as curl").click()
    expect(page.get_by_text("copied as a curl command")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("curl -X POST 'http") and '"Authorization: Bearer $TOLLWAY_KEY"' in copied


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_requests_are_whole_on_every_screen(chromium: Browser, gateway: str, width: int, scheme: str) -> None:
    wrong = looked_at(chromium, gateway, ["/requests?range=30d", "/requests?status=429&range=30d"], width, scheme)
    assert wrong == {}

"""The main task of each page, as a person would do it."""

import re

from playwright.sync_api import expect
from tests.browser.visiting import Visitor

MONEY = re.compile(r"^\$[0-9,]+\.[0-9]{2}$")


def test_the_overview_says_what_was_spent_and_who_is_near_their_limit(visitor: Visitor) -> None:
    page = visitor.open("/")
    expect(page.get_by_role("heading", name="This month")).to_be_visible()
    expect(page.locator(".tw-headline")).to_have_text([MONEY, MONEY, MONEY])
    expect(page.get_by_text("over, watched")).to_be_visible()
    expect(page.get_by_text("2 without a price").first).to_be_visible()
    page.get_by_role("link", name=re.compile("interns")).click()
    expect(page).to_have_url(re.compile("/budgets.*open=interns"))
    expect(page.get_by_role("dialog")).to_contain_text("metadata.team is interns")


def test_the_chart_is_a_table_too_and_adds_up_to_the_sum_beside_it(visitor: Visitor) -> None:
    page = visitor.open("/?range=7d")
    page.get_by_role("button", name="Show as table").click()
    expect(page.get_by_role("table", name="Spend over time").get_by_role("row")).to_have_count(9)


def test_the_range_is_in_the_address_and_stays_from_page_to_page(visitor: Visitor) -> None:
    page = visitor.open("/")
    page.get_by_role("button", name=re.compile("^Range")).click()
    page.get_by_role("button", name="Last 7 days").click()
    expect(page).to_have_url(re.compile("range=7d"))
    page.get_by_role("link", name="Spend explorer").click()
    expect(page).to_have_url(re.compile(r"/spend\?range=7d"))
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    expect(page.get_by_role("button", name=re.compile("Last 7 days"))).to_be_visible()


def test_spend_is_followed_down_to_the_requests_that_made_it(visitor: Visitor) -> None:
    page = visitor.open("/spend?by=user&range=30d")
    table = page.get_by_role("table", name="Spend")
    expect(table).to_contain_text("carol@example.com")
    table.get_by_role("row", name=re.compile("carol@example.com")).click()
    expect(page).to_have_url(re.compile(r"/requests\?.*user=carol%40example.com"))
    expect(page.get_by_role("table", name="Requests").locator("tbody tr").first).to_contain_text("carol@example.com")


def test_what_has_no_price_is_not_shown_as_zero(visitor: Visitor) -> None:
    page = visitor.open("/spend?by=model&range=30d")
    row = page.get_by_role("table", name="Spend").get_by_role("row", name=re.compile("house-model-7b"))
    expect(row).to_contain_text("no price")
    expect(row).not_to_contain_text("$0.00")


def test_a_budget_is_changed_after_its_effect_was_shown(visitor: Visitor) -> None:
    page = visitor.open("/budgets?open=each-person")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Limit, in US dollars").fill("0.75")
    dialog.get_by_role("button", name=re.compile("last 30 days")).click()
    expect(dialog.get_by_role("status")).to_contain_text("requests would have been refused")
    expect(dialog.get_by_role("table", name="Who would have been refused")).to_contain_text("@example.com")
    expect(dialog.get_by_text("$12.00").first).to_be_visible()
    dialog.get_by_label("Limit, in US dollars").fill("14.50")
    dialog.get_by_role("button", name="Put in force").click()
    expect(page.get_by_text("each person is changed")).to_be_visible()
    expect(dialog.locator("dd").filter(has_text="$14.50").first).to_be_visible()


def test_a_new_budget_only_watches_until_it_is_told_to_refuse(visitor: Visitor) -> None:
    page = visitor.open("/budgets")
    page.get_by_role("button", name="New budget").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("opus")
    dialog.get_by_label("May spend, in US dollars").fill("$1,000")
    dialog.get_by_label("On models").fill("anthropic/claude-opus-*")
    dialog.get_by_role("button", name="Put in force").click()
    expect(page).to_have_url(re.compile("open=opus"))
    expect(page.get_by_role("dialog", name="opus")).to_contain_text("it only watches")
    expect(page.get_by_role("dialog", name="opus")).to_contain_text("$1,000.00")


def test_a_request_is_opened_by_the_keyboard_and_says_why_it_was_refused(visitor: Visitor) -> None:
    page = visitor.open("/requests?status=429&range=30d")
    page.get_by_role("table", name="Requests").locator("tbody tr").first.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Why it was refused")
    expect(dialog).to_contain_text('Budget "interns" is exhausted: $55.00 of $55.00 spent')
    expect(dialog).to_contain_text("nothing was charged")
    assert "open=" in page.url
    page.reload()
    expect(page.get_by_role("dialog")).to_contain_text("Why it was refused")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert "open=" not in page.url


def test_a_request_shows_its_charge_line_by_line(visitor: Visitor) -> None:
    page = visitor.open("/requests?model=claude-sonnet-4-5&range=30d")
    page.get_by_role("table", name="Requests").locator("tbody tr").first.click()
    lines = page.get_by_role("dialog").get_by_role("table", name="Charge lines")
    expect(lines).to_contain_text("input")
    expect(lines).to_contain_text("$15.00 / 1 M")
    expect(lines.locator("tfoot")).to_contain_text("by the provider's own usage")


def test_filters_are_words_in_the_address(visitor: Visitor) -> None:
    page = visitor.open("/requests?range=30d")
    page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_label(re.compile("^Is")).fill("dan@example.com")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page).to_have_url(re.compile("user=dan%40example.com"))
    expect(page.get_by_role("table", name="Requests").locator("tbody tr").nth(1)).to_contain_text("dan@example.com")
    page.get_by_role("button", name="Remove the filter user").click()
    expect(page).not_to_have_url(re.compile("user="))


def test_a_key_is_made_shown_once_rotated_and_revoked(visitor: Visitor) -> None:
    page = visitor.open("/keys")
    page.get_by_role("button", name="New key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("nightly-build")
    dialog.get_by_label("Person").fill("dan@example.com")
    dialog.get_by_role("button", name="Make the key").click()
    first = page.get_by_role("dialog", name="The key, shown this once").locator(".tw-code").inner_text()
    assert first.startswith("tw_") and len(first) > 30
    page.get_by_role("button", name="I have it").click()
    expect(page.get_by_role("table", name="Keys")).to_contain_text("nightly-build")
    assert first not in page.content()
    page.get_by_role("button", name="What to do with nightly-build").click()
    page.get_by_role("menuitem", name="Rotate…").click()
    page.get_by_role("button", name="Make a new secret").click()
    second = page.get_by_role("dialog", name="The key, shown this once").locator(".tw-code").inner_text()
    assert second != first
    page.get_by_role("button", name="I have it").click()
    page.get_by_role("button", name="What to do with nightly-build").click()
    page.get_by_role("menuitem", name="Revoke…").click()
    page.get_by_role("button", name="Revoke it for good").click()
    expect(page.get_by_role("row", name=re.compile("nightly-build"))).to_contain_text("revoked")


def test_a_client_is_set_up_with_the_key_filled_in(visitor: Visitor) -> None:
    page = visitor.open("/setup")
    page.get_by_role("button", name="Claude Code").click()
    page.get_by_label("Gateway key").fill("tw_live_example")
    expect(page.locator(".tw-code").first).to_contain_text(f"export ANTHROPIC_BASE_URL={visitor.url}")
    expect(page.locator(".tw-code").first).to_contain_text("export ANTHROPIC_AUTH_TOKEN=tw_live_example")
    assert "tw_live_example" not in page.url


def test_a_policy_is_drafted_judged_and_put_in_force(visitor: Visitor) -> None:
    page = visitor.open("/policies")
    page.get_by_role("button", name="New policy").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("no gemini")
    dialog.get_by_label("Where, in CEL").fill('"web" in cf.user.group')
    dialog.get_by_role("combobox", name="Does").click()
    page.get_by_role("option", name="block").click()
    dialog.get_by_label("With which models, as JSON").fill('{"provider": "google"}')
    dialog.get_by_role("button", name="Keep as a draft").click()
    expect(dialog.get_by_role("alert")).to_contain_text('did you mean "cf.user.groups"')
    dialog.get_by_label("Where, in CEL").fill('"web" in cf.user.groups')
    dialog.get_by_role("button", name="Keep as a draft").click()
    expect(page.get_by_role("row", name=re.compile("no gemini"))).to_contain_text("draft")
    page.get_by_label("Person").fill("dan@example.com")
    page.get_by_label("Groups").fill("web")
    page.get_by_label("Model").fill("google/gemini-2.5-flash")
    page.get_by_role("button", name="Judge").click()
    expect(page.get_by_role("status").filter(has_text="Refused")).to_contain_text("no gemini")
    page.get_by_role("button", name="Put all drafts in force").click()
    expect(page.get_by_role("row", name=re.compile("no gemini")).first).to_contain_text("in force")
    visitor.expect_refusal()


def test_a_route_is_checked_saved_deployed_and_rolled_back(visitor: Visitor) -> None:
    page = visitor.open("/routes?open=chat")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("group", name="Graph of 6 elements")).to_be_visible()
    dialog.get_by_role("tab", name="Edit as JSON").click()
    elements = dialog.get_by_label("Elements")
    written = elements.input_value()
    elements.fill(
        written.replace('"gpt-4o"', '"gpt-5"')
        .replace('openai/gpt-4o"', 'openai/gpt-5"')
        .replace('"end"', '"nowhere"', 1)
    )
    dialog.get_by_role("button", name="Check", exact=True).click()
    expect(dialog.get_by_role("status")).to_contain_text("It cannot be used yet")
    elements.fill(written)
    dialog.get_by_label("Why").fill("as it was")
    dialog.get_by_role("button", name="Save and deploy").click()
    expect(page.get_by_text("chat has a new version in force")).to_be_visible()
    elements.fill(written.replace("openai/gpt-4o-mini", "openai/gpt-5-mini"))
    dialog.get_by_label("Why").fill("a newer small one")
    dialog.get_by_role("button", name="Save and deploy").click()
    dialog.get_by_role("tab", name="Versions").click()
    versions = dialog.get_by_role("table", name="Versions")
    expect(versions.get_by_role("row", name=re.compile("a newer small one"))).to_contain_text("in force")
    versions.get_by_role("row", name=re.compile("as it was")).get_by_role("button", name="Put in force").click()
    expect(versions.get_by_role("row", name=re.compile("as it was"))).not_to_contain_text("Put in force")


def test_a_price_is_found_and_told_meter_by_meter(visitor: Visitor) -> None:
    page = visitor.open("/prices")
    page.get_by_label("Find a model").fill("claude-opus-4-5")
    page.get_by_role("row", name=re.compile("claude-opus-4-5")).first.click()
    expect(page.get_by_role("dialog").get_by_role("table", name="Meters")).to_contain_text("/ 1 M")


def test_a_model_without_a_price_is_named(visitor: Visitor) -> None:
    expect(visitor.open("/prices?tab=unpriced").get_by_role("row", name=re.compile("house-model-7b"))).to_contain_text(
        "no price"
    )


def test_alerts_say_how_to_have_some(visitor: Visitor) -> None:
    expect(visitor.open("/alerts").get_by_text("Nobody is told anything yet")).to_be_visible()


def test_the_audit_log_tells_a_change_and_proves_itself(visitor: Visitor) -> None:
    page = visitor.open("/audit?target=company")
    page.get_by_role("row", name=re.compile("budget created")).first.click()
    expect(page.get_by_role("dialog").get_by_role("group", name="Difference")).to_contain_text('"limit": "450"')
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Is the log whole?").click()
    expect(page.get_by_role("status").filter(has_text="Whole")).to_be_visible()


def test_my_usage_is_empty_for_somebody_who_spends_nothing(visitor: Visitor) -> None:
    expect(visitor.open("/me").get_by_text("You have spent nothing in this range")).to_be_visible()

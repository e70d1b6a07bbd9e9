"""Budgets: written as a sentence with what follows beside it, changed, raised for a while, frozen, replayed."""

import json
import re

import pytest
from playwright.sync_api import Browser, expect
from tests.browser.visiting import Visitor, looked_at


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
    # Others look at the same gateway.
    dialog.get_by_label("Limit, in US dollars").fill("12")
    dialog.get_by_role("button", name="Put in force").click()
    expect(dialog.locator("dd").filter(has_text="$12.00").first).to_be_visible()


def test_a_new_budget_is_a_sentence_that_says_what_follows_and_only_watches_at_first(visitor: Visitor) -> None:
    page = visitor.open("/budgets")
    page.get_by_role("button", name="New budget").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("opus")
    dialog.get_by_label("May spend, in US dollars").fill("$1")
    dialog.get_by_label("Models", exact=True).last.fill("anthropic/claude-opus-*")
    dialog.get_by_label("Models", exact=True).last.press("Enter")
    follows = dialog.get_by_role("complementary", name="What follows")
    expect(follows).to_contain_text("requests would have been refused")
    expect(follows).to_contain_text("1 person has spent what it counts")
    expect(dialog.locator(".tw-code")).to_contain_text('where: {model: "anthropic/claude-opus-*"}')
    dialog.get_by_label("May spend, in US dollars").fill("$1,000")
    expect(follows).to_contain_text("Nobody would have been refused")
    dialog.get_by_role("button", name="Put in force").click()
    expect(page).to_have_url(re.compile("open=opus"))
    expect(page.get_by_role("dialog", name="opus")).to_contain_text("it only watches")
    expect(page.get_by_role("dialog", name="opus")).to_contain_text("$1,000.00")


def test_what_would_have_been_refused_is_a_part_of_all_that_came(visitor: Visitor) -> None:
    page = visitor.open("/budgets?open=new")
    dialog = page.get_by_role("dialog", name="New budget")
    dialog.get_by_label("Name").fill("a small one")
    dialog.get_by_label("May spend, in US dollars").fill("0.5")
    status = dialog.get_by_role("complementary", name="What follows").get_by_role("status")
    of_all = re.compile(r"([0-9.]+ ?k?) of ([0-9.]+ ?k?) requests would have been refused")
    expect(status).to_contain_text(of_all)
    watched = of_all.search(status.inner_text())
    # Watching and refusing do not come to the same numbers, and nobody says they do.
    expect(dialog).not_to_contain_text("the numbers are the same")
    dialog.get_by_role("switch", name="Only watch at first").click()
    expect(status).to_contain_text(
        re.compile(r"Of \$[0-9.,]+ in the last 30 days, \$[0-9.,]+ would not have been spent")
    )
    enforced = of_all.search(status.inner_text())
    assert watched is not None and enforced is not None
    assert watched[2] == enforced[2]
    part, whole = re.findall(r"\$([0-9.,]+)", status.inner_text())[:2][::-1]
    assert float(part.replace(",", "")) <= float(whole.replace(",", ""))


def test_what_is_wrong_with_a_new_budget_is_said_where_it_is_and_gone_when_it_is_right(visitor: Visitor) -> None:
    page = visitor.open("/budgets?open=new")
    dialog = page.get_by_role("dialog", name="New budget")
    name, amount = dialog.get_by_label("Name"), dialog.get_by_label("May spend, in US dollars")
    put = dialog.get_by_role("button", name="Put in force")
    name.fill("company")
    amount.fill("99999999999")
    expect(dialog.get_by_text("There is a budget of that name already")).to_be_visible()
    expect(dialog.get_by_text("That is too large: $9,223,372,036.85 is the most")).to_be_visible()
    expect(dialog.get_by_text("It needs another name and another amount.")).to_be_visible()
    expect(put).to_be_disabled()
    name.fill("another company")
    amount.fill("-1")
    expect(dialog.get_by_text("A limit is not below zero")).to_be_visible()
    amount.fill("5")
    # Only the gateway knows what is a zone.
    zone = dialog.get_by_label("Time zone").first
    zone.fill("Atlantis/Capital")
    expect(dialog.get_by_role("alert").filter(has_text="It cannot be told yet")).to_be_visible()
    expect(put).to_be_disabled()
    expect(dialog.get_by_text("It cannot be put in force as it is: What follows says why.")).to_be_visible()
    zone.fill("UTC")
    expect(dialog.get_by_role("alert")).to_have_count(0)
    expect(put).to_be_enabled()
    visitor.expect_refusal()
    dialog.get_by_label("Close the new budget").click()
    page.get_by_role("button", name="Leave without saving").click()


def test_what_was_said_of_other_fields_is_gone_when_they_change(visitor: Visitor) -> None:
    page = visitor.open("/budgets?open=new")
    dialog = page.get_by_role("dialog", name="New budget")
    dialog.get_by_label("Name").fill("a second one")
    dialog.get_by_label("May spend, in US dollars").fill("900")
    refusal = json.dumps({"code": "settings_not_written", "detail": "The file cannot be written."})
    real = re.compile("/api/v1/budgets$")
    page.route(
        real,
        lambda route: route.fulfill(status=409, body=refusal) if route.request.method == "POST" else route.continue_(),
    )
    dialog.get_by_role("button", name="Put in force").click()
    failed = dialog.get_by_role("alert").filter(has_text="The budget was not made")
    expect(failed).to_contain_text("The file cannot be written.")
    dialog.get_by_label("May spend, in US dollars").fill("901")
    expect(failed).to_have_count(0)
    page.unroute(real)
    visitor.expect_refusal()
    dialog.get_by_label("Close the new budget").click()
    page.get_by_role("button", name="Leave without saving").click()


def test_a_budget_is_made_and_removed_and_back_leads_to_the_list(visitor: Visitor) -> None:
    page = visitor.open("/budgets")
    page.get_by_role("button", name="New budget").click()
    dialog = page.get_by_role("dialog", name="New budget")
    dialog.get_by_label("Name").fill("short lived")
    dialog.get_by_label("May spend, in US dollars").fill("900")
    dialog.get_by_role("button", name="Put in force").click()
    expect(page).to_have_url(re.compile("open=short-lived"))
    page.go_back()
    expect(page).not_to_have_url(re.compile("open="))
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.go_forward()
    panel = page.get_by_role("dialog", name="short lived")
    panel.get_by_role("button", name="Remove…").click()
    asked = page.get_by_role("dialog", name="Remove short lived?")
    expect(asked).to_contain_text("What was spent stays in the ledger")
    asked.get_by_role("button", name="Remove short lived").click()
    expect(page).not_to_have_url(re.compile("open="))
    expect(page.get_by_role("row", name=re.compile("^short lived"))).to_have_count(0)


def test_a_budget_that_others_are_part_of_is_not_removed_and_why_is_told(visitor: Visitor) -> None:
    page = visitor.open("/budgets?open=company")
    page.get_by_role("dialog", name="company").get_by_role("button", name="Remove…").click()
    asked = page.get_by_role("dialog", name="Remove company?")
    expect(asked.get_by_role("alert")).to_contain_text('no budget "company" to be its parent')
    expect(asked.get_by_role("button", name="Remove company")).to_be_disabled()
    visitor.expect_refusal()


DOCUMENT = """async text => {
  const { csrf } = await (await fetch("/api/v1/session")).json();
  const now = await (await fetch("/api/v1/settings/document")).json();
  if (text === null) return now.text;
  const headers = { "tollway-csrf": csrf, "content-type": "application/json", "if-match": `"${now.revision}"` };
  const answer = await fetch("/api/v1/settings/document", { method: "PUT", headers, body: JSON.stringify({ text }) });
  if (!answer.ok) throw new Error(await answer.text());
}"""
CHANNELS = """
channels:
  ops: {webhook: "https://hooks.example.com/tollway", secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
  mail: {webhook: "https://mail.example.com/tollway", secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", default: false}
alerts:
  - {name: pace, when: forecast, channels: [mail]}
  - {name: burn, when: burn_rate, at: [10], budgets: [company]}
"""


def test_the_sentence_says_which_channels_are_told(visitor: Visitor) -> None:
    page = visitor.open("/budgets?open=new")
    words = page.get_by_role("dialog", name="New budget").locator(".tw-words")
    expect(words).to_contain_text("tellnobody yetat")
    before = page.evaluate(DOCUMENT, None)
    page.evaluate(DOCUMENT, before + CHANNELS)
    try:
        page = visitor.open("/budgets?open=new")
        dialog = page.get_by_role("dialog", name="New budget")
        expect(words).to_contain_text("tellopsat")
        watched = dialog.get_by_role("note", name="Rules that watch every budget")
        expect(watched).to_contain_text("Rule pace tells mail when the pace leads past the limit.")
        expect(watched).not_to_contain_text("burn")
        page = visitor.open("/budgets?open=company")
        facts = page.get_by_role("dialog", name="company").locator(".tw-facts")
        expect(facts).to_contain_text("ops at 50 %, 80 %, 100 %")
        expect(facts).to_contain_text("Rule pace tells mail when")
        expect(facts).to_contain_text("Rule burn tells ops when it is spent much faster")
    finally:
        page.evaluate(DOCUMENT, before)


def test_the_form_of_a_budget_is_filled_by_the_keyboard_alone(visitor: Visitor) -> None:
    page = visitor.open("/budgets")
    page.get_by_role("button", name="New budget").press("Enter")
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("by keys")
    page.keyboard.press("Tab")  # who
    page.keyboard.press("Tab")  # counted
    page.keyboard.press("Tab")  # the amount
    page.keyboard.type("900")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("open=by-keys"))


def test_what_is_missing_is_named_and_what_was_typed_is_not_lost_without_a_word(visitor: Visitor) -> None:
    page = visitor.open("/budgets")
    page.get_by_role("button", name="New budget").click()
    dialog = page.get_by_role("dialog", name="New budget")
    dialog.get_by_label("Name").fill("half a budget")
    amount = dialog.get_by_label("May spend, in US dollars")
    amount.fill("abc")
    expect(amount).to_have_attribute("aria-invalid", "true")
    expect(dialog.get_by_text("It needs an amount such as 250 or 0.50.")).to_be_visible()
    page.keyboard.press("Escape")
    question = page.get_by_role("dialog", name="Leave without saving?")
    question.get_by_role("button", name="Stay").click()
    expect(question).to_have_count(0)
    expect(dialog.get_by_label("Name")).to_have_value("half a budget")
    dialog.get_by_label("Close the new budget").click()
    question.get_by_role("button", name="Leave without saving").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).not_to_have_url(re.compile("open="))


def test_a_sorted_tree_is_a_tree_still_and_a_closed_panel_gives_its_row_back(visitor: Visitor) -> None:
    page = visitor.open("/budgets?sort=spent")
    rows = page.get_by_role("table", name="Budgets").locator("tbody tr")
    # What is part of a budget has spent less than it, and stands below it all the same.
    for inner in ("interns", "research"):
        expect(rows).to_contain_text(["company", inner])
    rows.nth(1).press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(rows.nth(1)).to_be_focused()


def test_a_limit_is_raised_for_a_while_and_taken_back(visitor: Visitor) -> None:
    page = visitor.open("/budgets?open=research")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Raise the limit for a while…").click()
    dialog.get_by_label("US dollars more").fill("25")
    dialog.get_by_label("Why").fill("the launch")
    dialog.get_by_role("button", name="Raise it").click()
    increases = dialog.get_by_role("table", name="Increases")
    expect(increases).to_contain_text("$25.00 more")
    expect(increases).to_contain_text("the launch")
    increases.get_by_role("button", name="End this increase").click()
    expect(increases).to_have_count(0)


def test_one_account_is_frozen_and_the_others_are_not(visitor: Visitor) -> None:
    page = visitor.open("/budgets?open=each-person")
    dialog = page.get_by_role("dialog")
    account = dialog.locator(".tw-near").filter(has_text="dan@example.com")
    account.get_by_role("button", name="Freeze…").click()
    account.get_by_label("Why it is frozen").fill("a leaked key")
    account.get_by_role("button", name="Freeze now").click()
    expect(account.get_by_role("alert")).to_contain_text("a leaked key")
    expect(dialog.locator(".tw-near").filter(has_text="bob@example.com")).not_to_contain_text("frozen")
    account.get_by_role("button", name="Unfreeze").click()
    expect(account.get_by_role("button", name="Freeze…")).to_be_visible()


def test_the_past_is_replayed_with_limits_that_it_suggests(visitor: Visitor) -> None:
    page = visitor.open("/budgets")
    page.get_by_role("button", name="Simulate").click()
    day = r"[0-9]{1,2} [A-Z][a-z]{2}"
    simulator = page.get_by_role("dialog")
    expect(simulator).to_contain_text(re.compile(f"Limits are suggested by what was spent since {day};"))
    simulator.get_by_text("Last month").click()
    expect(simulator).to_contain_text(re.compile("what was spent since 1 [A-Z][a-z]{2} until 1 [A-Z][a-z]{2};"))
    simulator.get_by_text("Last 30 days").click()
    expect(simulator).to_contain_text(re.compile(f"since {day};"))
    table = page.get_by_role("dialog").get_by_role("table", name="Budgets replayed")
    expect(table.get_by_role("row", name=re.compile("agents"))).to_contain_text("only watches")
    expect(table.get_by_role("row", name=re.compile("company"))).to_contain_text("$450.00")
    page = visitor.open("/budgets?open=company")
    expect(page.get_by_role("dialog", name="company")).to_contain_text(re.compile(f"Since {day} the past suggests"))


def test_the_fastest_comes_first_by_pace(visitor: Visitor) -> None:
    page = visitor.open("/budgets?view=pace")
    expect(page.get_by_role("table", name="Budgets").locator("tbody tr").first).to_contain_text("agents")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_budgets_are_whole_on_every_screen(chromium: Browser, gateway: str, width: int, scheme: str) -> None:
    paths = ["/budgets", "/budgets?open=each-person", "/budgets?open=new", "/budgets?open=simulate"]
    assert looked_at(chromium, gateway, paths, width, scheme) == {}

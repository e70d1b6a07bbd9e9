"""The main task of each page, as a person would do it."""

import re

import pytest
from playwright.sync_api import Browser, expect
from tests.browser.visiting import Visitor, looked_at

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
    expect(page.get_by_role("table", name="Spend over time").get_by_role("row")).to_have_count(8)


def test_the_range_is_in_the_address_and_stays_from_page_to_page(visitor: Visitor) -> None:
    page = visitor.open("/")
    page.get_by_role("button", name=re.compile("^Range")).click()
    page.get_by_role("button", name="Last 7 days").click()
    expect(page).to_have_url(re.compile("range=7d"))
    page.get_by_role("link", name="Explorer").click()
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


def test_filters_are_words_in_the_address(visitor: Visitor) -> None:
    page = visitor.open("/requests?range=30d")
    page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_role("combobox", name="Is", exact=True).fill("dan@example.com")
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
    shown = page.get_by_role("dialog", name="The key, shown this once")
    expect(shown.locator(".tw-code")).to_have_text(re.compile("^tw_.{28,}$"))
    first = shown.locator(".tw-code").inner_text()
    page.get_by_role("button", name="I have it").click()
    expect(shown).to_have_count(0)
    expect(page.get_by_role("table", name="Keys")).to_contain_text("nightly-build")
    assert first not in page.content()
    page.get_by_role("button", name="What to do with nightly-build").click()
    page.get_by_role("menuitem", name="Rotate…").click()
    page.get_by_role("button", name="Make a new secret").click()
    expect(shown.locator(".tw-code")).to_have_text(re.compile("^tw_.{28,}$"))
    expect(shown.locator(".tw-code")).not_to_have_text(first)
    page.get_by_role("button", name="I have it").click()
    expect(shown).to_have_count(0)
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
    expect(page).not_to_have_url(re.compile("tw_live_example"))


def test_a_price_is_found_and_told_meter_by_meter(visitor: Visitor) -> None:
    page = visitor.open("/prices")
    page.get_by_label("Find a model").fill("claude-opus-4-5")
    expect(page.get_by_role("row", name=re.compile("^claude-2 "))).to_have_count(0)
    page.get_by_role("row", name=re.compile("claude-opus-4-5")).first.click()
    expect(page.get_by_role("dialog").get_by_role("table", name="Meters")).to_contain_text("/ 1 M")


def test_a_price_says_where_it_is_from_and_which_day_or_that_nobody_knows(visitor: Visitor) -> None:
    page = visitor.open("/prices?q=gpt-4o-mini")
    table = page.get_by_role("table", name="Prices")
    row = table.get_by_role("row", name=re.compile("^gpt-4o-mini openai ")).first
    expect(row).to_contain_text(re.compile(r"genai-prices \d[\d.]*list of \d{4}-\d\d-\d\d"))
    expect(row.get_by_role("cell").last).to_have_text(re.compile(r"(not known|\d{4}-\d\d-\d\d)$"))
    expect(page.get_by_text(re.compile(r"^list of \d{4}-\d\d-\d\d: genai-prices \d[\d.]*, litellm \d"))).to_be_visible()
    row.click()
    panel = page.get_by_role("dialog")
    expect(panel.get_by_role("link", name=re.compile("^genai-prices"))).to_have_attribute("href", re.compile("^https:"))
    facts = panel.locator(".tw-facts")
    expect(facts).to_contain_text(re.compile(r"Valid from(not known: the list names no day|\d{4}-)"))
    expect(facts).to_contain_text(re.compile(r"Checked onnot known of one price; it is of the list of \d{4}-\d\d-\d\d"))
    # A price that the list dates, and one that it has for hours of the day.
    page = visitor.open("/prices?open=deepseek/deepseek-v4-flash")
    expect(page.get_by_role("table", name="Prices in time")).to_contain_text("01:00-04:00 UTC")


def test_a_price_of_ones_own_says_from_when_until_when_it_holds(visitor: Visitor) -> None:
    page = visitor.open("/prices?open=openai/gpt-4o")
    panel = page.get_by_role("dialog")
    panel.get_by_label("From").fill("2026-10-01")
    panel.get_by_role("button", name="Put in force").click()
    expect(page.get_by_text("openai/gpt-4o has a price of your own")).to_be_visible()
    expect(panel.locator(".tw-facts")).to_contain_text("Valid from2026-10-01")
    page = visitor.open("/prices?tab=own")
    row = page.get_by_role("table", name="Own prices").get_by_role("row").filter(has_text="openai/gpt-4o")
    expect(row).to_contain_text("from 2026-10-01")
    page = visitor.open("/prices?q=gpt-4o")
    listed = page.get_by_role("table", name="Prices").get_by_role("row", name=re.compile("^gpt-4o openai .*own price"))
    expect(listed).to_contain_text("of the settings")
    expect(listed).to_contain_text("2026-10-01")
    page = visitor.open("/prices?tab=own")
    row.get_by_role("button", name="Take out").click()
    expect(row).to_have_count(0)


def test_a_model_without_a_price_is_named(visitor: Visitor) -> None:
    expect(visitor.open("/prices?tab=unpriced").get_by_role("row", name=re.compile("house-model-7b"))).to_contain_text(
        "no price"
    )


def test_a_price_of_ones_own_says_what_it_changes_before_it_is_set_and_is_taken_out_again(visitor: Visitor) -> None:
    page = visitor.open("/prices?tab=unpriced")
    page.get_by_role("row", name=re.compile("house-model-7b")).get_by_role("button", name="Set a price").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Input", exact=True).fill("2")
    dialog.get_by_label("Output", exact=True).fill("10")
    # 2 x (5,000 tokens at $2 and 900 at $10 for a million)
    expect(dialog.get_by_role("status")).to_contain_text("By this price about $0.04")
    dialog.get_by_role("button", name="Put in force").click()
    expect(page.get_by_text("openai/house-model-7b has a price of your own")).to_be_visible()
    dialog.get_by_role("button", name="Show what it would correct").click()
    expect(dialog.get_by_role("status").filter(has_text="correction")).to_contain_text("would be $0.04")
    visitor.expect_refusal()
    page = visitor.open("/prices?tab=own")
    row = page.get_by_role("table", name="Own prices").get_by_role("row", name=re.compile("house-model-7b"))
    expect(row).to_contain_text("input $2, output $10")
    row.get_by_role("button", name="Take out").click()
    expect(page.get_by_text("Every price is the list's")).to_be_visible()


def test_where_the_public_lists_disagree_is_told(visitor: Visitor) -> None:
    page = visitor.open("/prices?tab=disagree")
    expect(page.get_by_role("table", name="Disagreements").locator("tbody tr").first).to_contain_text(re.compile("%|×"))


def test_a_price_that_is_in_doubt_warns_of_it_in_the_list_beside_it_and_says_whether_it_is_in_use(
    visitor: Visitor,
) -> None:
    page = visitor.open("/prices?q=codestral")
    row = page.get_by_role("table", name="Prices").get_by_role("row", name=re.compile("^codestral mistral "))
    expect(row).to_contain_text("lists disagree")
    row.click()
    alert = page.get_by_role("dialog").get_by_role("alert")
    expect(alert).to_contain_text("cache read of codestral-latest: genai-prices says $0.30, as input, LiteLLM $0.03")
    expect(alert).to_contain_text("Charged is $0.30, as genai-prices says.")
    # The list's own name for it is none that a request has.
    expect(page.get_by_role("dialog")).to_contain_text("into the settings for mistral/codestral-2501")
    # By the name that a request had, which is not the list's own.
    page = visitor.open("/prices?open=mistral/codestral-latest")
    expect(page.get_by_role("dialog").get_by_role("table", name="Meters")).to_contain_text("$0.90")
    expect(page.get_by_role("dialog")).to_contain_text("into the settings for mistral/codestral-latest")
    page = visitor.open("/prices?tab=disagree")
    table = page.get_by_role("table", name="Disagreements")
    row = table.get_by_role("row", name=re.compile("mistral-large-latest cache read"))
    expect(row).to_contain_text("as input")
    expect(row).to_contain_text("not used")


def test_alerts_say_how_to_have_some(visitor: Visitor) -> None:
    expect(visitor.open("/alerts").get_by_text("Nobody is told anything yet")).to_be_visible()


def test_a_rule_is_made_as_a_sentence_and_alerts_are_kept_quiet_for_a_while(visitor: Visitor) -> None:
    page = visitor.open("/alerts")
    page.get_by_role("button", name="New rule").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("monthly-pace")
    expect(dialog.locator(".tw-code")).to_contain_text('when: "forecast"')
    dialog.get_by_role("button", name="Put in force").click()
    rule = page.get_by_role("button", name=re.compile("monthly-pace"))
    expect(rule).to_contain_text("nobody: it is only kept")
    page.get_by_role("button", name="Keep quiet").click()
    expect(page.get_by_text("Everything is quiet until")).to_be_visible()
    page.get_by_role("button", name="End it").click()
    expect(page.get_by_text("Everything is quiet until")).to_have_count(0)
    rule.click()
    page.get_by_role("dialog").get_by_role("button", name="Take it out").click()
    expect(rule).to_have_count(0)


def test_the_audit_log_tells_a_change_and_proves_itself(visitor: Visitor) -> None:
    page = visitor.open("/audit?target=company")
    page.get_by_role("row", name=re.compile("budget created")).first.click()
    expect(page.get_by_role("dialog").get_by_role("group", name="Difference")).to_contain_text('"limit": "450"')
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Is the log whole?").click()
    expect(page.get_by_role("status").filter(has_text="Whole")).to_be_visible()


def test_my_usage_tells_who_spends_nothing_by_name_why(visitor: Visitor) -> None:
    expect(visitor.open("/me").get_by_text("spend nothing by name")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_prices_and_alerts_are_whole_on_every_screen(chromium: Browser, gateway: str, width: int, scheme: str) -> None:
    paths = ["/prices?open=anthropic/claude-opus-4-5", "/prices?tab=disagree", "/prices?tab=own", "/alerts?rule=new"]
    assert looked_at(chromium, gateway, paths, width, scheme) == {}


def test_the_list_of_alerts_says_whether_each_has_arrived(visitor: Visitor) -> None:
    def delivery(channel: str, state: str, attempts: int) -> dict[str, object]:
        times = {"arrived_at": None, "next_attempt_at": None, "error": ""}
        return {"channel": channel, "state": state, "attempts": attempts, **times}

    deliveries = [delivery("ops", "arrived", 1), delivery("mail", "waiting", 12), delivery("pager", "given_up", 80)]
    alert = {
        "id": "1",
        "kind": "spent",
        "at": "2026-11-22T12:00:00.000Z",
        "title": "80 % of company is spent",
        "text": "",
    }
    data: dict[str, object] = {}
    whole = {**alert, "budget": "company", "account": "company", "data": data, "channels": ["ops", "mail", "pager"]}
    answer = {"items": [{**whole, "deliveries": deliveries}], "next": None}
    visitor.page.route("**/api/v1/alerts?*", lambda route: route.fulfill(json=answer))
    page = visitor.open("/alerts")
    row = page.get_by_role("table", name="Alerts").get_by_role("row").filter(has_text="80 % of company")
    for said in ("ops arrived", "mail waiting, 12 tries", "pager given up, 80 tries"):
        expect(row).to_contain_text(said)
    assert visitor.barriers() == []


def test_no_tab_of_prices_is_cut_on_a_phone(visitor: Visitor) -> None:
    visitor.page.set_viewport_size({"width": 390, "height": 844})
    page = visitor.open("/prices?tab=disagree")
    labels = page.get_by_role("radiogroup", name="What to show").locator(".mantine-SegmentedControl-label")
    expect(labels).to_have_count(5)
    assert (
        labels.evaluate_all("all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.innerText)")
        == []
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_disagreement_says_where_its_price_is_from(visitor: Visitor) -> None:
    page = visitor.open("/prices?tab=disagree")
    table = page.get_by_role("table", name="Disagreements")
    expect(table.get_by_role("columnheader", name="Where from")).to_be_visible()
    expect(table).to_contain_text("genai-prices")

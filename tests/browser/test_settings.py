"""The settings page: a gateway, all of the text, the process; and alerts, whose channels are set there."""

import re

import pytest
from playwright.sync_api import Browser, Route, expect
from tests.browser.visiting import Visitor, looked_at

PAGES = ("/settings", "/settings?tab=exports", "/settings?tab=document", "/settings?tab=process")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_no_page_has_a_serious_barrier_or_is_cut(chromium: Browser, gateway: str, width: int, scheme: str) -> None:
    assert looked_at(chromium, gateway, PAGES, width, scheme) == {}


def test_a_gateway_is_changed_after_the_difference_was_shown(visitor: Visitor) -> None:
    page = visitor.open("/settings")
    page.get_by_label("Tries").fill("3")
    page.get_by_label("How the wait grows").select_option("linear")
    changes = page.get_by_role("region", name="Changes")
    expect(changes).to_contain_text("1 field changed: retry")
    changes.get_by_role("button", name="Show the difference").click()
    difference = page.get_by_role("group", name="The difference")
    expect(difference).to_contain_text('"max_attempts": 3')
    expect(difference).to_contain_text('"backoff": "linear"')
    changes.get_by_role("button", name="Put in force").click()
    expect(page.get_by_text("default is changed, from the next request on")).to_be_visible()
    expect(page.get_by_label("Tries")).to_have_value("3")
    expect(changes).to_contain_text("Nothing is changed")


def test_what_is_wrong_is_told_at_its_place(visitor: Visitor) -> None:
    page = visitor.open("/settings")
    page.get_by_label("Tries").fill("9")
    page.get_by_role("button", name="Show the difference").click()
    field = page.locator(".tw-field").filter(has=page.get_by_label("Tries"))
    expect(field).to_contain_text("9 is not from 1 to 5")
    expect(page.get_by_role("region", name="Changes")).to_contain_text("a field is wrong")
    page.get_by_role("button", name="Discard").click()
    expect(field).not_to_contain_text("9 is not from 1 to 5")
    visitor.expect_refusal()


def test_all_settings_are_edited_as_text_without_their_secrets(visitor: Visitor) -> None:
    page = visitor.open("/settings?tab=document")
    text = page.get_by_role("textbox", name="Settings")
    before = text.input_value()
    assert "budgets:" in before
    text.fill(before + "colour: red\n")
    page.get_by_role("button", name="Check and compare").click()
    expect(page.get_by_role("alert").filter(has_text="colour")).to_be_visible()
    text.fill("# Looked after by the platform team.\n" + before.replace('limit: "60"', 'limit: "61"'))
    page.get_by_role("button", name="Check and compare").click()
    expect(page.get_by_text("budget changed")).to_be_visible()
    expect(page.get_by_role("group", name="The difference")).to_contain_text('limit: "61"')
    page.get_by_role("button", name="Put in force").click()
    expect(page.get_by_text(re.compile("Revision [0-9]+ of the settings is in force"))).to_be_visible()
    expect(text).to_have_value(re.compile("platform team"))
    visitor.expect_refusal()


MAKE = """async () => {
  const { csrf } = await (await fetch("/api/v1/session")).json();
  const headers = { "tollway-csrf": csrf, "content-type": "application/json" };
  const body = JSON.stringify({ what: "spend", every: "day", to: { file: "spend" } });
  return (await fetch("/api/v1/export-jobs/nightly", { method: "PUT", headers, body })).status;
}"""


def test_a_scheduled_export_is_seen_paused_and_run(visitor: Visitor) -> None:
    page = visitor.open("/settings?tab=exports")
    expect(page.get_by_text("Nothing is exported by itself yet")).to_be_visible()
    assert page.evaluate(MAKE) in (200, 201)
    page = visitor.open("/settings?tab=exports")
    row = page.get_by_role("table", name="Scheduled exports").get_by_role("row", name=re.compile("nightly"))
    expect(row).to_contain_text("folder spend")
    row.locator("label").filter(has=page.get_by_role("switch", name="nightly runs by itself")).click()
    expect(row).to_contain_text("paused")
    row.get_by_role("button", name="Runs").click()
    expect(page.get_by_role("dialog", name="Runs of nightly")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    # What closes still covers the page for a moment.
    expect(page.get_by_role("dialog", name="Runs of nightly")).to_be_hidden()
    run = row.get_by_role("button", name="Run now")
    expect(run).to_be_disabled()
    page.get_by_role("switch", name="nightly runs by itself").press("Space")
    expect(row).not_to_contain_text("paused")
    run.click()
    expect(page.get_by_text("nightly runs now")).to_be_visible()


def test_process_settings_say_where_they_come_from(visitor: Visitor) -> None:
    page = visitor.open("/settings?tab=process")
    row = page.get_by_role("table", name="Process settings").get_by_role("row", name=re.compile("log retention days"))
    expect(row).to_contain_text("TOLLWAY_LOG_RETENTION_DAYS")
    expect(row).to_contain_text("--log-retention-days")


def test_a_role_that_may_not_see_settings_is_not_offered_them(chromium: Browser, gateway: str) -> None:
    context = chromium.new_context(viewport={"width": 1024, "height": 800})
    visitor = Visitor(context, gateway)
    visitor.sign_in("fiona")
    expect(visitor.page.get_by_role("link", name="People")).to_be_visible()
    expect(visitor.page.get_by_role("link", name="Settings")).to_have_count(0)
    context.close()


def test_only_what_is_counted_has_a_unit(visitor: Visitor) -> None:
    def started(route: Route) -> None:
        told = route.fetch().json()
        for setting in told["process"]:
            setting |= {"value": setting["default"], "source": "default"}
        route.fulfill(json=told)

    visitor.page.route("**/api/v1/settings", started)
    table = visitor.open("/settings?tab=process").get_by_role("table", name="Process settings")
    expect(table).to_contain_text("cache size")
    values = {
        row.locator("td").first.locator("p").first.inner_text(): row.locator("td")
        .nth(1)
        .locator(".tw-cell")
        .inner_text()
        for row in table.locator("tbody tr").all()
    }
    told = [values[name].strip() for name in ("host", "port", "data", "durability", "drain", "cache size")]
    assert told == ["127.0.0.1", "8787", "./tollway-data", "relaxed", "120 seconds", "1024 megabytes"]
    page = visitor.open("/settings")
    expect(page.get_by_label("Largest answer that is kept")).to_have_attribute("placeholder", "8,388,608 (default)")


def test_alerts_without_a_channel_show_how_one_is_written(visitor: Visitor) -> None:
    page = visitor.open("/alerts")
    channels = page.locator("section", has=page.get_by_role("heading", name="Channels"))
    expect(channels).to_contain_text('ops: {webhook: "https://hooks.example.com/tollway"')
    channels.get_by_role("link", name="the settings").click()
    expect(page).to_have_url(re.compile(r"/settings\?tab=document"))


def test_a_budget_is_told_by_its_name_where_only_its_id_is_kept(visitor: Visitor) -> None:
    """In the history of alerts and in the audit log."""
    page = visitor.page

    def renamed(route: Route) -> None:
        told = route.fetch().json()
        for budget in told["items"]:
            if budget["id"] == "company":
                budget["name"] = "Whole company"
        route.fulfill(json=told)

    def alerts(route: Route) -> None:
        alert = {
            "id": "1",
            "kind": "spent",
            "at": "2026-11-22T12:00:00.000Z",
            "title": "80 % are spent",
            "text": "",
            "budget": "company",
            "account": "company",
            "data": {},
            "channels": [],
            "deliveries": [],
        }
        route.fulfill(json={"items": [alert, {**alert, "id": "2", "budget": "gone-b"}], "next": None})

    page.route(re.compile(r"/api/v1/budgets\?accounts=0$"), renamed)
    page.route(re.compile(r"/api/v1/alerts\?"), alerts)
    rows = visitor.open("/alerts").get_by_role("table", name="Alerts").locator("tbody tr")
    expect(rows.nth(0)).to_contain_text("Whole company company")
    expect(rows.nth(1)).to_contain_text("gone-b")
    changes = visitor.open("/audit?target=company").get_by_role("table", name="Changes")
    created = changes.locator("tbody tr").filter(has_text="budget created")
    expect(created).to_contain_text("Whole company company")
    # An issuer may be called the same, and is no budget.
    expect(changes.locator("tbody tr").filter(has_text="issuer created")).not_to_contain_text("Whole company")

"""Statements, as somebody uses them who charges a month to teams."""

import re
from fractions import Fraction
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect
from tests.browser.visiting import Visitor


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_statements_have_no_barrier_and_nothing_is_cut(
    chromium: Browser, gateway: str, signed_in: Any, width: int, scheme: Any
) -> None:
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, storage_state=signed_in
    )
    visitor = Visitor(context, gateway)
    for path in ("/statements", "/statements?open=research"):
        page = visitor.open(path)
        page.get_by_role("row", name=re.compile("research")).first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert visitor.barriers() == [], path
    context.close()
    assert visitor.wrong == []


def test_a_statement_is_of_the_zone_chosen_for_it_and_of_no_other_pages(visitor: Visitor) -> None:
    page = visitor.open("/statements?zone=Asia/Kolkata&by=gateway")
    expect(page.get_by_label("In days of")).to_have_value("UTC")
    expect(page.get_by_text("the calendar month of UTC")).to_be_visible()
    page.get_by_label("In days of").select_option("Europe/Berlin")
    expect(page.get_by_text("the calendar month of Berlin time")).to_be_visible()
    expect(page.get_by_role("link", name="PDF")).to_have_attribute("href", re.compile("timezone=Europe%2FBerlin"))


def test_a_month_is_charged_to_teams_adjusted_and_frozen_for_ever(visitor: Visitor) -> None:
    page = visitor.open("/statements")
    page.get_by_label("Month").select_option(index=1)
    table = page.get_by_role("table", name="Statements", exact=True)
    expect(table.get_by_role("row", name=re.compile("research"))).to_be_visible()
    expect(page).to_have_url(re.compile("month="))
    month = page.get_by_label("Month").input_value()
    told = page.request.get(f"{visitor.url}/api/v1/statements?month={month}&by=team").json()
    assert sum(Fraction(row["total_usd"]) for row in told["rows"]) == Fraction(told["total"]["total_usd"]) > 0
    expect(page.get_by_text("over, and not frozen yet")).to_be_visible()

    page.get_by_role("button", name="Adjustment", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("team").fill("research")
    dialog.get_by_label("Amount, in US dollars").fill("twelve")
    expect(dialog).to_contain_text("Write an amount such as")
    dialog.get_by_label("Amount, in US dollars").fill("-1.50")
    expect(dialog).to_contain_text("$1.50 given back")
    dialog.get_by_label("Why").fill("outage of the 3rd")
    dialog.get_by_role("button", name="Book it").click()
    expect(page.get_by_text(re.compile("Booked; it is in the statement of"))).to_be_visible()
    expect(table.get_by_role("row", name=re.compile("research"))).to_contain_text("−$1.50")

    table.get_by_role("row", name=re.compile("research")).click()
    statement = page.get_by_role("dialog")
    expect(statement.get_by_role("table", name="Usage")).to_contain_text("claude-sonnet-4-5")
    expect(statement.get_by_role("table", name="Adjustments")).to_contain_text("outage of the 3rd")
    with page.expect_download() as told_csv:
        statement.get_by_role("link", name="CSV").click()
    assert "outage of the 3rd" in told_csv.value.path().read_text()
    page.keyboard.press("Escape")
    expect(statement).to_have_count(0)

    page.get_by_role("button", name=re.compile("^Freeze")).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Freeze for ever")).to_be_disabled()
    dialog.get_by_label("Why").fill("agreed with finance")
    dialog.get_by_role("button", name="Freeze for ever").click()
    expect(page.get_by_text(re.compile("frozen .* by root: agreed with finance"))).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Freeze"))).to_have_count(0)
    expect(page.get_by_role("table", name="Frozen months")).to_contain_text("agreed with finance")


def test_a_statement_is_a_pdf(visitor: Visitor) -> None:
    pytest.importorskip("typst")
    page = visitor.open("/statements")
    with page.expect_download() as told:
        page.get_by_role("link", name="PDF").click()
    assert told.value.path().read_bytes().startswith(b"%PDF")


def test_a_month_without_charges_says_so(visitor: Visitor) -> None:
    page = visitor.open("/statements?month=2026-01")
    expect(page.get_by_text("Nothing was charged in January 2026")).to_be_visible()
    expect(page.get_by_role("link", name="PDF")).to_have_count(0)


def test_a_name_of_many_hundred_characters_widens_nothing(visitor: Visitor) -> None:
    long = "x" * 900

    def rename(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        for row in told["rows"][:1]:
            row["value"] = long
        route.fulfill(response=answer, json=told)

    visitor.page.route(re.compile(r"/api/v1/statements\?"), rename)
    page = visitor.open("/statements")
    table = page.get_by_role("table", name="Statements", exact=True)
    expect(table.get_by_title(long)).to_be_visible()
    assert table.evaluate("one => one.scrollWidth <= one.parentElement.clientWidth")


def test_a_long_name_in_the_legend_of_a_chart_is_cut(visitor: Visitor) -> None:
    long = "x" * 900

    def rename(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        for row in told["groups"][:1]:
            row["group"] = dict.fromkeys(row["group"], long)
        route.fulfill(response=answer, json=told)

    visitor.page.route(re.compile(r"/api/v1/analytics\?"), rename)
    page = visitor.open("/spend?by=model")
    legend = page.locator(".tw-legend").first
    expect(legend.get_by_title(long).first).to_be_visible()
    assert legend.evaluate("one => one.scrollWidth <= one.clientWidth")

"""The overview, the explorer, saved views and the frame, as somebody uses them who wants to know where the money went."""

import json
import re
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.browser.visiting import Visitor

PAGES = (
    "/",
    "/spend?range=30d&compare=1",
    "/spend?measure=p95&range=7d",
    "/spend?by=status&measure=requests&range=30d",
)
FIRST_LOAD = 200_000


def table(page: Page) -> Any:
    return page.get_by_role("table", name="Spend", exact=True)


def cells(page: Page, column: str) -> Locator:
    """A column of the table, without the foot."""
    heads = table(page).locator("thead th")
    expect(heads.filter(has_text=re.compile(f"^{column}$"))).to_be_visible()
    names = [text.strip() for text in heads.all_inner_texts()]
    return table(page).locator(f"tbody tr td:nth-child({names.index(column) + 1}) .tw-cell")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_overview_and_explorer_have_no_barrier_and_nothing_is_cut(
    chromium: Browser, gateway: str, signed_in: Any, width: int, scheme: Any
) -> None:
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, storage_state=signed_in
    )
    visitor = Visitor(context, gateway)
    for path in PAGES:
        page = visitor.open(path)
        page.locator(".recharts-surface").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert visitor.barriers() == [], path
    context.close()
    assert visitor.wrong == []


def test_the_first_load_is_small(chromium: Browser, gateway: str) -> None:
    """What a browser fetches before somebody has signed in, compressed as it comes."""
    context = chromium.new_context()
    visitor = Visitor(context, gateway)
    sizes: dict[str, int] = {}
    visitor.page.on(
        "response",
        lambda answer: (
            sizes.update({answer.url: int(answer.headers.get("content-length", "0"))})
            if "/dashboard/assets/" in answer.url
            else None
        ),
    )
    visitor.page.goto(f"{gateway}/dashboard")
    visitor.page.get_by_role("heading", name="Sign in").wait_for()
    assert 0 < sum(sizes.values()) <= FIRST_LOAD, sizes
    context.close()


def test_the_overview_compares_and_forecasts_and_says_what_to_look_at(visitor: Visitor) -> None:
    page = visitor.open("/")
    month = page.locator("section", has=page.get_by_role("heading", name="This month"))
    expect(month).to_contain_text("last month by now")
    expect(month).to_contain_text("on pace for")
    expect(month).to_contain_text("a day")
    moved = page.locator("section", has=page.get_by_role("heading", name="What moved"))
    expect(moved).to_contain_text("claude-opus-4-5")
    blocked = page.locator("section", has=page.get_by_role("heading", name="Blocked and downgraded"))
    expect(blocked).to_contain_text("budget exceeded")
    expect(blocked).to_contain_text(re.compile(r"≈ \$\d"))
    expect(blocked).to_contain_text("Amounts are estimates")
    look = page.locator("section", has=page.get_by_role("heading", name="To look at"))
    expect(look).to_contain_text("house-model-7b")
    expect(look).to_contain_text("healthy")
    blocked.get_by_role("link", name=re.compile("budget exceeded")).click()
    expect(page).to_have_url(re.compile(r"/requests\?.*code=budget_exceeded"))


def test_one_change_is_the_same_wherever_it_is_told(visitor: Visitor) -> None:
    """Up to the same point of the month before: on the overview, among people, of one person, and in the explorer."""
    page = visitor.page
    with page.expect_response(re.compile(r"/api/v1/people\?")) as told:
        visitor.open("/people?zone=UTC")
    people = told.value.json()
    carol = next(row for row in people["items"] if row["name"] == "carol@example.com")
    started = page.evaluate(
        """() => { const now = new Date(); return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1, 1)).toISOString(); }"""
    )
    assert people["previous_from"] == started
    # By now, a month ago: the clock of then says what that of the end of the range does.
    assert people["previous_to"][11:16] == people["to"][11:16]
    before = Fraction(carol["before_usd"])
    assert before > 0
    page.goto(f"{visitor.url}/dashboard/people/carol@example.com?zone=UTC")
    expect(page.locator(".tw-change").first).to_contain_text(f"${float(before):,.2f} in the period before")
    page = visitor.open("/spend?by=user&compare=1&zone=UTC")
    row = table(page).get_by_role("row", name=re.compile("carol@example.com"))
    change = Fraction(carol["spent_usd"]) - before
    expect(row).to_contain_text(f"{'+' if change > 0 else '−'}${float(abs(change)):,.2f}")
    with page.expect_response(re.compile("/analytics/movers")) as answer:
        page.goto(f"{visitor.url}/dashboard/?zone=UTC")
    movers = answer.value.json()
    assert movers["previous_from"] == started
    # The range ends now, and a page was opened in between.
    ends = [datetime.fromisoformat(answer["previous_to"]) for answer in (movers, people)]
    assert abs(ends[0] - ends[1]) < timedelta(minutes=5)


def test_what_names_nobody_can_be_followed(visitor: Visitor) -> None:
    page = visitor.open("/?range=30d")
    most = page.locator("section", has=page.get_by_role("heading", name="Most by person"))
    most.get_by_role("button", name=re.compile("without a person")).click()
    expect(page).to_have_url(re.compile(r"/spend\?.*user=(&|$)"))
    expect(page.get_by_role("group", name="Filters")).to_contain_text("user is none")
    expect(table(page)).to_contain_text("nightly-ci")
    models = visitor.open("/?range=30d").locator("section", has=page.get_by_role("heading", name="Most by model"))
    expect(models.get_by_role("button", name=re.compile("house-model-7b"))).to_contain_text("no price")


def test_a_row_without_a_value_leads_to_the_requests_that_have_none(visitor: Visitor) -> None:
    page = visitor.open("/spend?range=30d&by=user&then=model&model=claude-opus-4-5")
    table(page).get_by_role("row", name=re.compile("^none")).click()
    expect(page).to_have_url(re.compile(r"/requests\?.*user=(&|$)"))
    expect(page.get_by_role("group", name="Filters")).to_contain_text("user is none")
    rows = page.get_by_role("table", name="Requests").locator("tbody tr")
    expect(rows.first).to_contain_text("nightly-ci")
    expect(rows.filter(has_text="@example.com")).to_have_count(0)
    # An adjustment, say, is of no gateway, and what is carried to other pages is of one or of all.
    page = visitor.open("/requests?range=30d&gateway=")
    expect(page.get_by_role("group", name="Filters")).to_contain_text("gateway is none")
    expect(page.get_by_text("No request fits")).to_be_visible()
    page.get_by_role("link", name="People", exact=True).click()
    expect(page).to_have_url(re.compile(r"/people\?range=30d$"))


def test_a_range_that_ends_before_it_begins_says_so(visitor: Visitor) -> None:
    page = visitor.open("/spend?range=custom&since=2026-11-20&until=2026-11-10")
    page.get_by_role("button", name=re.compile("Ends before it begins")).click()
    expect(page.get_by_role("alert")).to_contain_text("The last day is before the first")
    for path, number in (("/spend", 2), ("/requests", 1), ("/people", 1), ("/people/carol@example.com", 1)):
        page = visitor.open(f"{path}?range=custom&since=2026-11-20&until=2026-11-10")
        expect(page.get_by_text("The range ends before it begins")).to_have_count(number)
        expect(page.get_by_text(re.compile(r"\$0\.00.* in all"))).to_have_count(0)


def test_the_explorer_adds_up_to_the_ledger(visitor: Visitor) -> None:
    page = visitor.open("/spend?by=model&then=user&range=last-month&zone=UTC")
    told = page.request.get(f"{visitor.url}/api/v1/analytics?{_last_month(page)}&metrics=cost").json()
    spent = Fraction(told["total"]["whole"]["cost"]["spent_usd"])
    assert spent > 0
    total = table(page).locator("tfoot tr").last.locator("td").nth(2)
    expect(total).to_have_text(f"${float(spent):,.2f}", use_inner_text=True)
    entries = page.request.get(f"{visitor.url}/api/v1/spend?{_last_month(page, 'since', 'until')}").json()
    assert Fraction(entries["total"]["spent_usd"]) == spent


def _last_month(page: Page, since: str = "from", until: str = "to") -> str:
    first, end = page.evaluate(
        """() => { const now = new Date(); const at = (back) =>
          new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1)).toISOString(); return [at(1), at(0)]; }"""
    )
    return f"{since}={first}&{until}={end}"


def test_another_measure_another_grouping_and_another_grain_are_in_the_address(visitor: Visitor) -> None:
    page = visitor.open("/spend?range=30d")
    page.get_by_label("Show", exact=True).select_option("Tokens read from a cache")
    expect(page).to_have_url(re.compile("measure=cache_read"))
    page.get_by_label("Show", exact=True).select_option("Latency, 95th percentile")
    expect(page.get_by_role("heading", name="Latency, 95th percentile over time")).to_be_visible()
    page.get_by_label("By", exact=True).select_option("user")
    page.get_by_label("In steps of").select_option("week")
    page.reload()
    expect(page.get_by_label("By", exact=True)).to_have_value("user")
    expect(page.get_by_label("In steps of")).to_have_value("week")
    expect(table(page)).to_contain_text("carol@example.com")
    page.get_by_label("Show", exact=True).select_option("Cost")
    page.get_by_label("By", exact=True).select_option("status")
    # Money has no status: what is offered then is of requests.
    expect(page.get_by_label("Show", exact=True)).to_have_value("requests")
    expect(table(page)).to_contain_text("4xx")


def test_a_filter_is_completed_from_what_occurs_and_may_say_is_not(visitor: Visitor) -> None:
    page = visitor.open("/spend?range=30d&by=user")
    expect(table(page)).to_contain_text("dan@example.com")
    page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_label("Condition").select_option("is not")
    page.get_by_role("combobox", name="Is not").fill("dan@")
    page.get_by_role("option", name="dan@example.com").click()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page).to_have_url(re.compile("user%21=dan%40example.com"))
    expect(page.get_by_role("group", name="Filters")).to_contain_text("user is not dan@example.com")
    expect(table(page)).to_contain_text("carol@example.com")
    expect(table(page)).not_to_contain_text("dan@example.com")
    page.get_by_role("button", name="Remove the filter user is not").click()
    expect(table(page)).to_contain_text("dan@example.com")


def test_dragging_over_the_chart_sets_the_range_and_a_click_in_the_legend_filters(visitor: Visitor) -> None:
    page = visitor.open("/spend?range=30d")
    surface = page.locator(".recharts-surface").first
    # Once it stands where it will stay.
    surface.hover()
    box = surface.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60)
    page.mouse.down()
    for part in (0.55, 0.6, 0.65, 0.7):
        page.mouse.move(box["x"] + box["width"] * part, box["y"] + 60)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"range=custom&since=\d{4}-\d\d-\d\d&until=\d{4}-\d\d-\d\d"))
    page.go_back()
    page.locator(".tw-legend").get_by_role("button", name="gpt-5").click()
    expect(page).to_have_url(re.compile("model=gpt-5"))
    expect(table(page).locator("tbody tr")).to_have_count(1)


def test_the_period_before_stands_beside_this_one(visitor: Visitor) -> None:
    page = visitor.open("/spend?range=30d")
    page.get_by_role("button", name=re.compile("^Range")).click()
    page.get_by_role("switch", name="Compare with the period before").click()
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("compare=1"))
    expect(page.get_by_text("the period before").first).to_be_visible()
    changes = cells(page, "Change")
    expect(changes.first).to_be_visible()
    expect(changes.filter(has_not_text=re.compile(r"^([+−±]\$|—)"))).to_have_count(0)
    page.get_by_role("button", name="Show as table").click()
    expect(page.get_by_role("table", name="Cost over time").get_by_role("columnheader", name="Before")).to_be_visible()


def test_days_are_those_of_the_zone_that_is_chosen(visitor: Visitor) -> None:
    page = visitor.open("/spend?range=today")
    page.get_by_role("button", name=re.compile("^Range.*Berlin time")).click()
    page.get_by_label("Days and times are those of").select_option("Pacific/Auckland")
    expect(page.get_by_role("button", name=re.compile("Auckland time"))).to_be_visible()
    expect(page).to_have_url(re.compile("zone=Pacific%2FAuckland"))
    with page.expect_request(re.compile(r"/api/v1/analytics\?.*timezone=Pacific%2FAuckland")):
        page.reload()


def test_the_table_is_exported_as_it_stands(visitor: Visitor) -> None:
    page = visitor.open("/spend?range=last-month&by=model&user=carol%40example.com")
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as told:
        page.get_by_role("menuitem", name="CSV", exact=True).click()
    text = told.value.path().read_text()
    assert "claude-sonnet-4-5" in text and "gpt-5" not in text
    for name, opening in (("Parquet", b"PAR1"), ("FOCUS 1.2, CSV", b"")):
        page.get_by_role("button", name="Export").click()
        with page.expect_download() as told:
            page.get_by_role("menuitem", name=name, exact=True).click()
        raw = told.value.path().read_bytes()
        assert raw.startswith(opening) and len(raw) > 100
    assert b"BilledCost" in raw.splitlines()[0]


def test_a_view_is_saved_opened_renamed_shared_and_deleted(chromium: Browser, visitor: Visitor) -> None:
    page = visitor.open("/spend?by=user&range=last-month")
    page.get_by_role("button", name="Views").click()
    page.get_by_label("Save this view as").fill("People last month")
    page.get_by_role("button", name="Save view").click()
    # It closes once it is kept.
    expect(page.get_by_role("button", name="Save view")).to_have_count(0)
    visitor.open("/spend")
    page.get_by_role("button", name="Views").click()
    page.get_by_role("link", name="People last month").click()
    expect(page).to_have_url(re.compile(r"/spend\?by=user&range=last-month"))
    page.get_by_role("button", name="Views").click()
    page.get_by_role("button", name="Rename People last month").click()
    page.get_by_label("New name of People last month").fill("Monthly people")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Share Monthly people with everybody").click()
    expect(page.get_by_role("button", name="Share Monthly people with everybody")).to_have_attribute(
        "aria-pressed", "true"
    )
    context = chromium.new_context()
    other = Visitor(context, visitor.url)
    other.sign_in("fiona")
    other.open("/spend").get_by_role("button", name="Views").click()
    expect(other.page.get_by_role("link", name="Monthly people")).to_be_visible()
    expect(other.page.get_by_role("button", name=re.compile("(Rename|Delete) Monthly people"))).to_have_count(0)
    context.close()
    page.get_by_role("button", name="Delete Monthly people").click()
    expect(page.get_by_text("No view of this page is saved yet")).to_be_visible()


def test_a_long_table_draws_what_is_in_view_and_its_total_is_that_of_all(visitor: Visitor) -> None:
    page = visitor.page

    def many(route: Any) -> None:
        answer = route.fetch()
        told = json.loads(answer.text())
        if told["grain"] == "none" and told["by"] == ["model"]:
            one = told["groups"][0]
            told["groups"] = [one | {"group": {"model": f"model-{number:04}"}} for number in range(1_000)]
        route.fulfill(response=answer, json=told)

    page.route("**/api/v1/analytics?*", many)
    visitor.open("/spend?range=30d")
    expect(table(page)).to_have_attribute("aria-rowcount", "1001")
    rows = table(page).locator("tbody tr")
    expect(rows.nth(5)).to_be_visible()
    expect(rows.nth(99)).to_have_count(0)
    # Rows are measured when they are drawn, and the end moves meanwhile.
    page.wait_for_function(
        "() => { scrollTo(0, document.body.scrollHeight); return document.body.innerText.includes('model-0999'); }"
    )
    expect(table(page)).to_contain_text("model-0999")
    expect(table(page)).not_to_contain_text("model-0001")


def test_the_search_finds_a_budget_a_person_and_a_model_by_a_part_of_the_name(visitor: Visitor) -> None:
    page = visitor.open("/audit")
    for text, option, address in (
        ("intern", "interns budget", "/budgets.*open=interns"),
        ("carol", "carol@example.com person", "/spend.*user=carol"),
        ("opus", "claude-opus-4-5 model", "/spend.*model=claude-opus-4-5"),
    ):
        page.keyboard.press("Control+k")
        page.get_by_label("Find a page, a person, a model or a request").fill(text)
        page.get_by_role("option", name=option).click()
        expect(page).to_have_url(re.compile(address))
        expect(page.get_by_role("dialog", name="Find")).to_have_count(0)


def test_trouble_with_the_store_is_told_on_every_page(visitor: Visitor) -> None:
    page = visitor.page

    def broken(route: Any) -> None:
        told = route.fetch().json()
        told["store"] = {"ok": False, "verified": False, "differences": ["the disk is full"]}
        route.fulfill(json=told)

    page.route("**/api/v1/status*", broken)
    for path in ("/", "/keys"):
        visitor.open(path)
        banner = page.get_by_role("alert").filter(has_text="The store is in trouble")
        expect(banner).to_contain_text("the disk is full")
        expect(banner).to_contain_text("on_store_failure: allow")


def test_the_last_seven_days_are_seven_bars(visitor: Visitor) -> None:
    page = visitor.page
    with page.expect_response(re.compile(r"/api/v1/analytics\?.*grain=day")) as told:
        visitor.open("/spend?range=7d&zone=Pacific/Auckland")
    answer = told.value.json()
    assert len(answer["starts"]) == 7
    assert datetime.fromisoformat(answer["from"]) == datetime.fromisoformat(answer["starts"][0])
    expect(page.get_by_role("img", name=re.compile("Cost in 7 steps of time"))).to_be_visible()


def test_a_percentile_says_that_it_is_an_estimate(visitor: Visitor) -> None:
    page = visitor.open("/spend?measure=p95&range=7d")
    expect(page.get_by_text("an estimate within classes of 50 ms, 100, 200")).to_be_visible()

"""What holds for every page: who sees it, by which keys, on which screen, and what axe says of it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, expect
from tests.browser.visiting import PASSWORD, Visitor

PAGES = {
    "/": "Overview",
    "/spend": "Spend explorer",
    "/statements": "Statements",
    "/budgets": "Budgets",
    "/requests": "Requests",
    "/keys": "Keys and service tokens",
    "/policies": "Policies",
    "/routes": "Routes",
    "/prices": "Providers and prices",
    "/alerts": "Alerts",
    "/audit": "Audit",
    "/me": "My usage",
    "/setup": "Set up a client",
    "/budgets?open=interns": "Budgets",
    "/routes?open=chat": "Routes",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_barrier(chromium: Browser, gateway: str, scheme: str) -> None:
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    visitor = Visitor(context, gateway)
    visitor.page.goto(f"{gateway}/dashboard")
    visitor.page.get_by_role("heading", name="Sign in").wait_for()
    found = {"sign in": visitor.barriers()}
    visitor.sign_in()
    for path, title in PAGES.items():
        expect(visitor.open(path).get_by_role("heading", level=1).first).to_have_text(title)
        found[path] = visitor.barriers()
    context.close()
    assert {path: barriers for path, barriers in found.items() if barriers} == {}
    assert visitor.wrong == []


def test_nothing_is_cut_at_the_width_of_a_phone(chromium: Browser, gateway: str) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    visitor = Visitor(context, gateway)
    visitor.sign_in()
    for path in PAGES:
        page = visitor.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    page = visitor.open("/")
    expect(page.get_by_role("button", name=re.compile("^Signed in as"))).to_be_in_viewport()
    page.get_by_role("button", name="Open navigation").click()
    page.get_by_role("link", name="Budgets", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Budgets")
    context.close()


def test_a_role_sees_what_it_may_and_is_offered_nothing_else(chromium: Browser, gateway: str) -> None:
    context = chromium.new_context(viewport={"width": 1024, "height": 800})
    visitor = Visitor(context, gateway)
    visitor.sign_in("fiona")
    page = visitor.open("/budgets?open=interns")
    expect(page.get_by_role("dialog")).to_contain_text("Where it stands")
    expect(page.get_by_role("button", name=re.compile("Put in force|New budget|Freeze"))).to_have_count(0)
    context.close()
    assert visitor.wrong == []


def test_a_role_is_offered_no_key_that_it_may_not_make(chromium: Browser, gateway: str) -> None:
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    visitor = Visitor(context, gateway)
    visitor.sign_in("fiona")
    page = visitor.open("/keys")
    expect(page.get_by_role("table", name="Keys").get_by_role("row").nth(1)).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("New key|What to do with"))).to_have_count(0)
    page = visitor.open("/setup")
    expect(page.get_by_role("button", name="Make one for this client")).to_have_count(0)
    context.close()
    assert visitor.wrong == []


def test_a_developer_begins_with_what_is_their_own_and_nothing_is_refused(developer: Visitor) -> None:
    page = developer.open("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("My usage")
    expect(page).to_have_url(re.compile("/dashboard/me"))


def test_every_time_is_of_the_zone_that_was_chosen(visitor: Visitor) -> None:
    page = visitor.open("/audit?target=company")
    time = page.get_by_role("row", name=re.compile("budget created")).get_by_role("cell").first
    expect(page.get_by_role("columnheader", name="Time (Berlin)")).to_be_visible()
    here = time.inner_text()
    visitor.open("/audit?target=company&zone=Asia/Kolkata")
    expect(page.get_by_role("columnheader", name="Time (Kolkata)")).to_be_visible()
    expect(time).not_to_have_text(here)
    expect(time).to_have_text(re.compile(f"{re.escape(here[-2:])}$"))


def test_another_zone_leaves_what_is_open_and_what_was_typed_as_it_is(visitor: Visitor) -> None:
    page = visitor.open("/requests?range=7d")
    # What no address has: a filter that is half written, and where the focus is.
    page.get_by_role("button", name="Filter", exact=True).click()
    value = page.get_by_role("combobox", name="Is", exact=True)
    value.fill("somebody@exa")
    here = page.get_by_role("columnheader", name="Time (Berlin)")
    expect(here).to_be_visible()
    page.evaluate(
        """() => { const url = new URL(location.href); url.searchParams.set("zone", "Asia/Kolkata");
          history.pushState(history.state, "", url); }"""
    )
    expect(page.get_by_role("columnheader", name="Time (Kolkata)")).to_be_visible()
    expect(here).to_have_count(0)
    expect(value).to_have_value("somebody@exa")
    expect(value).to_be_focused()
    page.go_back()
    expect(here).to_be_visible()
    expect(value).to_have_value("somebody@exa")


def test_another_zone_is_chosen_beside_a_chart_that_stays_a_table(visitor: Visitor) -> None:
    # Instants, and not days: the same hours have other names elsewhere at any time of day.
    now = datetime.now(UTC).replace(microsecond=0)
    page = visitor.open(
        f"/?range=custom&since={now - timedelta(hours=20):%Y-%m-%dT%H:%M:%SZ}&until={now:%Y-%m-%dT%H:%M:%SZ}"
    )
    page.get_by_role("button", name="Show as table").click()
    table = page.get_by_role("table", name="Spend over time")
    first = (
        table.get_by_role("row")
        .nth(1)
        .get_by_role("rowheader")
        .or_(table.get_by_role("row").nth(1).get_by_role("cell"))
        .first
    )
    before = first.inner_text()
    page.get_by_role("button", name=re.compile("^Range.*Berlin time")).click()
    with page.expect_response(re.compile("/analytics.*timezone=Pacific%2FAuckland")):
        page.get_by_label("Days and times are those of").select_option("Pacific/Auckland")
    expect(table).to_be_visible()
    expect(page.get_by_role("button", name="Show as chart")).to_be_visible()
    expect(first).not_to_have_text(before)


def test_a_gateway_that_does_not_answer_is_told_at_once_and_nothing_is_lost_until_it_does(
    chromium: Browser, gateway: str
) -> None:
    context = chromium.new_context()
    visitor = Visitor(context, gateway)
    visitor.sign_in()
    page = visitor.open("/budgets")
    expect(page.get_by_text(re.compile("Store healthy"))).to_be_visible()
    # Nothing of the gateway is there any more, what pages are made of neither.
    context.route("**/*", lambda route: route.abort())
    page.get_by_role("link", name="Keys", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="The gateway does not answer, since")).to_be_visible()
    expect(page.get_by_text("This page cannot be loaded.")).to_be_visible()
    expect(page.get_by_text(re.compile("preload|dynamically"))).to_have_count(0)
    expect(page.get_by_text(re.compile("No answer · v"))).to_be_visible()
    expect(page.get_by_text(re.compile("Store healthy"))).to_have_count(0)
    context.unroute("**/*")
    expect(page.get_by_role("heading", level=1)).to_have_text("Keys and service tokens")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_text(re.compile("Store healthy"))).to_be_visible()
    context.close()


def test_a_browser_that_is_offline_says_so_and_goes_on_by_itself(chromium: Browser, gateway: str) -> None:
    context = chromium.new_context()
    visitor = Visitor(context, gateway)
    visitor.sign_in()
    page = visitor.open("/")
    context.set_offline(True)
    page.get_by_role("link", name="Requests", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="This browser is offline, since")).to_be_visible()
    context.set_offline(False)
    expect(page.get_by_role("heading", level=1)).to_have_text("Requests")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page).to_have_url(re.compile("/dashboard/requests"))
    context.close()


def test_zones_have_the_names_of_today(chromium: Browser, gateway: str) -> None:
    # Chromium calls it Asia/Calcutta.
    context = chromium.new_context(timezone_id="Asia/Kolkata")
    visitor = Visitor(context, gateway)
    visitor.sign_in()
    page = visitor.open("/spend")
    page.get_by_role("button", name=re.compile("^Range.*Kolkata time")).click()
    options = page.get_by_label("Days and times are those of").locator("option")
    expect(options.first).to_have_text("Asia/Kolkata (yours)")
    assert not {"Asia/Calcutta", "Asia/Katmandu", "Europe/Kiev"} & set(options.all_inner_texts())
    context.close()


def test_a_deep_link_survives_signing_in_and_a_wrong_password_is_told(chromium: Browser, gateway: str) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{gateway}/dashboard/requests?status=429")
    page.get_by_label("Name").fill("root")
    page.get_by_label("Password").first.fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("No administrator of this gateway has that name and password")).to_be_visible()
    page.get_by_label("Password").first.fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Requests")
    expect(page).to_have_url(f"{gateway}/dashboard/requests?status=429")
    page.get_by_role("button", name="Signed in as root").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    context.close()


def test_the_keyboard_alone_reaches_a_page_and_its_content(visitor: Visitor) -> None:
    page = visitor.open("/")
    page.keyboard.press("Control+k")
    page.get_by_label("Find a page, a person, a model or a request").fill("caps")
    expect(page.get_by_role("option", name="Budgets page")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Budgets")
    page.reload()
    page.get_by_role("heading", level=1).wait_for()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()


def test_dark_mode_is_chosen_and_kept(visitor: Visitor) -> None:
    page = visitor.open("/")
    page.get_by_role("button", name="Dark mode").click()
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", "dark")
    page.reload()
    expect(page.get_by_role("button", name="Light mode")).to_be_visible()


def test_an_address_that_is_no_page_says_so(visitor: Visitor) -> None:
    page = visitor.page
    page.goto(f"{visitor.url}/dashboard/nothing/here")
    expect(page.get_by_text("There is no such page")).to_be_visible()
    page.get_by_role("link", name="To the overview").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def test_while_the_gateway_does_not_answer_the_page_says_so_and_offers_to_try_again(visitor: Visitor) -> None:
    page = visitor.page
    page.route(
        "**/api/v1/budgets*",
        lambda route: route.fulfill(status=500, json={"code": "internal_error", "detail": "It broke."}),
    )
    page.goto(f"{visitor.url}/dashboard/budgets")
    expect(page.get_by_role("alert")).to_contain_text("It broke.")
    page.unroute("**/api/v1/budgets*")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("table", name="Budgets")).to_be_visible()
    visitor.expect_refusal()

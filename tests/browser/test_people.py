"""Who uses what, one person, keys, and what somebody sees of themselves: each page's task, as a person would do it."""

import json
import re
import urllib.request

import pytest
from playwright.sync_api import Browser, StorageState, expect
from tests.browser.visiting import Visitor, looked_at

MONEY = re.compile(r"^\$[0-9,]+\.[0-9]{2,9}$")
PAGES = ("/people", "/people/carol@example.com", "/keys", "/keys?kind=tokens", "/me", "/setup")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_no_page_has_a_serious_barrier_or_is_cut(chromium: Browser, gateway: str, width: int, scheme: str) -> None:
    assert looked_at(chromium, gateway, PAGES, width, scheme) == {}


def test_people_say_who_uses_what_and_lead_to_the_person(visitor: Visitor) -> None:
    page = visitor.open("/people?range=30d")
    figures = page.locator(".tw-figure")
    expect(figures).to_have_count(5)
    expect(figures.filter(has_text="Median spend").locator(".tw-headline")).to_have_text(MONEY)
    table = page.get_by_role("table", name="People")
    page.get_by_label("Find by name").fill("carol")
    expect(table.locator("tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile("q=carol"))
    row = table.get_by_role("row", name=re.compile("carol@example.com"))
    expect(row).to_contain_text("claude-sonnet-4-5")
    expect(row.locator("td").nth(1)).to_contain_text(re.compile(r"\$[0-9.,]+"))
    spent = row.locator("td").nth(1).inner_text()
    row.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("carol@example.com")
    # One truth: the row, and the page that it leads to.
    expect(page.locator(".tw-headline").first).to_have_text(re.findall(r"\$[0-9.,]+", spent)[0])
    expect(page.get_by_role("table", name="Sessions").locator("tbody tr")).to_have_count(7)
    layers = page.locator(".tw-layer")
    expect(layers.filter(has_text="each person")).to_contain_text("left of $12.00")
    page.get_by_role("table", name="Recent requests").locator("tbody tr").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("Request")


def test_where_there_is_nobody_nothing_is_said_of_them(visitor: Visitor) -> None:
    page = visitor.open("/people?range=custom&since=2020-01-01&until=2020-01-02&zone=UTC")
    figures = page.locator(".tw-figure")
    expect(figures.filter(has_text="Median spend")).to_have_text("Median spend—")
    expect(figures.filter(has_text="Top 10 %")).to_have_text("Top 10 %—")
    expect(page.get_by_text(re.compile("by the 0|unknown tokens"))).to_have_count(0)


def test_a_request_that_was_not_billed_says_so_of_the_person_too(visitor: Visitor) -> None:
    page = visitor.open("/people/alice@example.com?range=30d")
    failed = page.get_by_role("table", name="Recent refusals and failures")
    expect(failed.get_by_role("row", name=re.compile("upstream error"))).to_contain_text("$0.00 · not billed")


def test_people_are_sorted_on_a_phone_where_there_is_no_head(
    chromium: Browser, gateway: str, signed_in: StorageState
) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 900}, storage_state=signed_in)
    page = Visitor(context, gateway).open("/people?range=30d")
    table = page.get_by_role("table", name="People")
    expect(table.locator("thead")).to_be_hidden()
    page.get_by_label("Sort by").select_option("Requests, rising")
    expect(page).to_have_url(re.compile("sort=requests$"))
    first = table.locator("tbody tr").first
    lowest = first.inner_text()
    page.get_by_label("Sort by").select_option("Requests, falling")
    expect(page).to_have_url(re.compile("sort=-requests$"))
    expect(first).not_to_have_text(lowest, use_inner_text=True)
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(page.get_by_label("Sort by")).to_have_count(0)
    expect(table.locator("thead")).to_be_visible()
    context.close()


def test_teams_and_services_stand_beside_people(visitor: Visitor) -> None:
    page = visitor.open("/people?range=30d")
    page.get_by_text("Teams", exact=True).click()
    expect(page.get_by_role("table", name="Teams")).to_contain_text("research")
    page.get_by_text("Services", exact=True).click()
    table = page.get_by_role("table", name="Services")
    expect(table).to_contain_text("nightly-ci")
    table.get_by_role("row", name=re.compile("nightly-ci")).click()
    expect(page).to_have_url(re.compile(r"/requests\?.*service=nightly-ci"))


def test_somebody_who_is_not_there_is_told_so(visitor: Visitor) -> None:
    page = visitor.open("/people/nobody@example.com")
    expect(page.get_by_text("Nobody called nobody@example.com ever asked")).to_be_visible()


def test_a_service_token_is_made_rotated_and_revoked(visitor: Visitor) -> None:
    page = visitor.open("/keys")
    page.get_by_text("Service tokens", exact=True).click()
    page.get_by_role("button", name="New service token").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("nightly-eval")
    dialog.get_by_label("Owner").fill("alice@example.com")
    dialog.get_by_label("Models").fill("openai/gpt-4o-mini")
    dialog.get_by_role("button", name="Make the service token").click()
    shown = page.get_by_role("dialog", name="The secret, shown this once")
    expect(shown).to_contain_text(".tollway")
    first = shown.locator(".tw-code").nth(1).inner_text()
    shown.get_by_role("button", name="I have it").click()
    row = page.get_by_role("table", name="Service tokens").get_by_role("row", name=re.compile("nightly-eval"))
    expect(row).to_contain_text("alice@example.com")
    expect(row).to_contain_text("openai/gpt-4o-mini")
    expect(row).to_contain_text("active")
    page.get_by_role("button", name="What to do with nightly-eval").click()
    page.get_by_role("menuitem", name="Rotate").click()
    page.get_by_role("button", name="Make a new secret").click()
    expect(shown.locator(".tw-code").nth(1)).not_to_have_text(first)
    shown.get_by_role("button", name="I have it").click()
    page.get_by_role("button", name="What to do with nightly-eval").click()
    page.get_by_role("menuitem", name="Revoke").click()
    page.get_by_role("button", name="Revoke it for good").click()
    expect(row).to_contain_text("revoked")


def test_keys_tell_what_they_spent_and_whose_they_are(visitor: Visitor) -> None:
    page = visitor.open("/keys")
    row = page.get_by_role("table", name="Keys").get_by_role("row", name=re.compile("alice"))
    expect(row).to_contain_text("research")
    expect(row).to_contain_text("everything")
    expect(row.locator("td").nth(4)).to_contain_text("$")


def test_a_developer_sees_what_is_left_for_them_and_nobody_else(developer: Visitor) -> None:
    page = developer.open("/me?range=30d")
    expect(page.get_by_role("navigation", name="Pages").get_by_role("link")).to_contain_text(["My usage"])
    expect(page.get_by_role("link", name="People")).to_have_count(0)
    layers = page.locator(".tw-layer")
    expect(layers.first).to_contain_text("the tightest")
    expect(layers.filter(has_text="each person")).to_contain_text("left of $12.00")
    expect(page.locator(".tw-model-line").filter(has_text="gpt-5")).to_contain_text("works")
    expect(page.get_by_text("please raise my tightest budget")).to_be_visible()
    page = developer.open("/people/bob@example.com")
    expect(page.get_by_text("Your role sees what is your own alone").first).to_be_visible()
    developer.expect_refusal()


def test_a_client_is_set_up_and_its_first_request_turns_green(developer: Visitor) -> None:
    page = developer.open("/setup?client=curl")
    page.get_by_role("button", name="Make one for this client").click()
    snippet = page.locator(".tw-code").first
    expect(snippet).to_contain_text(re.compile("Bearer tw_[0-9a-z]{12}_"))
    key = re.search(r"tw_[0-9a-zA-Z_]+", snippet.inner_text())
    assert key is not None
    said = page.get_by_role("status", name="First request")
    said.get_by_role("button", name="Wait for the first request").click()
    expect(said).to_contain_text("Waiting for your first request")
    body = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 20}
    request = urllib.request.Request(
        f"{developer.url}/v1/chat/completions",
        json.dumps(body).encode(),
        {"authorization": f"Bearer {key[0]}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
    expect(said).to_contain_text("It works")
    expect(said).to_contain_text("gpt-4o-mini")

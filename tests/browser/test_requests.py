"""Requests, as somebody looks for what happened: found, followed, opened, explained."""

import json
import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Route, expect
from tests.admin.gateways import ALICE_KEY
from tests.browser.visiting import Visitor, looked_at

HELLO = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Hello there!"}], "max_tokens": 60}


TOPIC = "<b>tax</b>\u202eevil"


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


@pytest.mark.parametrize(
    ("which", "listed", "told"),
    [
        ("status=500", "$0.00 · not billed", "Nothing was billed: the provider answered with an error"),
        ("status=429", "not sent", "Nothing was sent to a provider"),
        ("model=house-model-7b", "no price", "What it cost is not known: this model has no price"),
    ],
)
def test_list_and_panel_say_the_same_of_what_has_no_amount(
    visitor: Visitor, which: str, listed: str, told: str
) -> None:
    page = visitor.open(f"/requests?{which}&range=30d")
    row = page.get_by_role("table", name="Requests").locator("tbody tr").first
    expect(row).to_contain_text(listed)
    row.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(listed)
    expect(dialog).to_contain_text(told)


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
    expect(holds.filter(has_text="company")).to_contain_text(re.compile(r"company\$[0-9,]+\.\d{3,9}\$0\.0\d{2,}"))
    expect(dialog.get_by_role("row", name=re.compile("metadata.team"))).to_contain_text("said by the key alice")
    good = dialog.get_by_role("button", name="Good answer")
    good.click()
    expect(good).to_have_attribute("aria-pressed", "true")
    dialog.get_by_role("button", name=re.compile("^Explain")).click()
    expect(dialog.get_by_role("status")).to_contain_text("It would be sent now")
    expect(dialog.get_by_role("table", name="Budgets now")).to_contain_text("fits")


def test_the_way_to_more_of_somebody_has_the_blank_before_the_name(visitor: Visitor) -> None:
    page = visitor.open("/requests?user=alice@example.com&range=30d")
    page.get_by_role("table", name="Requests").locator("tbody tr").first.click()
    words = page.get_by_role("dialog").get_by_role("link", name="More of")
    expect(words).to_be_visible()
    assert words.inner_text() == "More of alice@example.com"


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


def test_what_a_caller_wrote_is_never_mark_up_nor_steers_what_is_read_and_is_whole_on_demand(visitor: Visitor) -> None:
    """A path that a shell would read on from, and metadata that was added afterwards."""
    page = visitor.page
    refused = page.request.get(f"{visitor.url}/v1/<i>x</i>';reboot;'", headers={"authorization": f"Bearer {ALICE_KEY}"})
    request_id = refused.headers["tollway-request-id"]
    csrf = page.request.get(f"{visitor.url}/api/v1/session").json()["csrf"]
    said = page.request.patch(
        f"{visitor.url}/api/v1/logs/{request_id}",
        headers={"tollway-csrf": csrf},
        data={"metadata": {"topic": TOPIC, "note": "first line\nsecond " + "x" * 450 + "the end"}},
    )
    assert said.status == 200, said.text()
    visitor.open(f"/requests?open={request_id}&range=30d")
    dialog = page.get_by_role("dialog")
    topic = dialog.get_by_role("row", name=re.compile(r"metadata\.topic"))
    expect(topic).to_contain_text(r"<b>tax</b>\u202eevil")
    expect(topic).to_contain_text("added afterwards")
    expect(topic.locator("b")).to_have_count(0)
    note = dialog.get_by_role("row", name=re.compile(r"metadata\.note"))
    expect(note).to_contain_text(r"first line\nsecond")
    expect(note).not_to_contain_text("the end")
    note.get_by_role("button", name="Show all 475 characters").click()
    expect(note).to_contain_text("the end")
    note.get_by_role("button", name="Show less").click()
    expect(note).not_to_contain_text("the end")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.goto(f"{visitor.url}/dashboard/requests?range=30d&metadata.topic={quote(TOPIC)}")
    expect(page.get_by_role("group", name="Filters")).to_contain_text(r"metadata.topic is <b>tax</b>\u202eevil")
    expect(page.get_by_role("table", name="Requests").locator("tbody tr")).to_have_count(1)


def test_lists_show_a_value_that_looks_like_mark_up_as_what_it_is_and_cut_a_long_one(visitor: Visitor) -> None:
    page = visitor.page
    odd = ("<i>ml</i>\u202eX", "\u001b]0;title\u0007" + "w" * 10_240)

    def spoilt(route: Route) -> None:
        answer = route.fetch()
        told = json.loads(answer.text())
        for number, group in enumerate(each for each in told["groups"] if "metadata.team" in each["group"]):
            group["group"]["metadata.team"] = odd[number % 2]
        route.fulfill(response=answer, json=told)

    def spoilt_too(route: Route) -> None:
        answer = route.fetch()
        told = json.loads(answer.text())
        for number, item in enumerate(told["items"]):
            item["request_model"] = item["user"] = odd[number % 2]
        route.fulfill(response=answer, json=told)

    page.route("**/api/v1/analytics?*", spoilt)
    page.route("**/api/v1/logs?*", spoilt_too)
    for path, name in (("/spend?by=metadata.team&range=30d", "Spend"), ("/requests?range=30d", "Requests")):
        visitor.open(path)
        rows = page.get_by_role("table", name=name, exact=True).locator("tbody tr")
        expect(rows.nth(0)).to_contain_text(r"<i>ml</i>\u202eX")
        expect(rows.nth(1)).to_contain_text(r"\u001b]0;title\u0007www")
        assert len(rows.nth(1).inner_text()) < 500
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    visitor.open("/spend?by=metadata.team&range=30d")
    legend = page.get_by_role("button", name=re.compile("^<i>ml"))
    expect(legend.first).to_contain_text(r"<i>ml</i>\u202eX")


def test_a_charge_adds_up_as_it_is_written(visitor: Visitor) -> None:
    """Each row has as many places as it takes for the sum to be seen, and unit prices have all of theirs."""
    page = visitor.page

    def small(route: Route) -> None:
        told = route.fetch().json()
        if told.get("charge"):
            lines = told["charge"]["lines"]
            lines[0] |= {"amount_usd": "0.0036", "unit_price": {**lines[0]["unit_price"], "amount_usd": "0.075"}}
            lines[1] |= {"amount_usd": "0.01166"}
            told["charge"]["amount_usd"] = told["amount_usd"] = "0.01526"
            told["holds"] = [
                {
                    "account": "company",
                    "budget": "company",
                    "enforced": True,
                    "spent_before_usd": "15.5512",
                    "last_usd": "0.02",
                    "limit_usd": "450",
                    "raises": 0,
                }
            ]
        route.fulfill(json=told)

    page.route(re.compile(r"/api/v1/logs/[0-9a-zA-Z_-]+$"), small)
    visitor.open("/requests?model=claude-sonnet-4-5&range=30d")
    page.get_by_role("table", name="Requests").locator("tbody tr").first.click()
    lines = page.get_by_role("dialog").get_by_role("table", name="Charge lines")
    amounts = lines.locator("tbody tr td:last-child, tfoot th:last-child")
    expect(amounts).to_have_text(["$0.0036", "$0.0117", "$0.0153"])
    expect(lines).to_contain_text("$0.075 / 1 M")
    holds = page.get_by_role("dialog").get_by_role("table", name="Holds").locator("tbody td")
    expect(holds).to_have_text(["company", "$15.551", "$0.020", "$15.566", "$450.00"])


def test_a_gateway_that_nobody_asked_yet_says_where_to_begin(visitor: Visitor) -> None:
    page = visitor.page

    def fresh(route: Route) -> None:
        told = route.fetch().json()
        whole = told["total"]["whole"]
        whole["requests"] |= {"requests": 0}
        whole["cost"] |= {"entries": 0}
        route.fulfill(json=told)

    page.route(re.compile(r"/api/v1/analytics\?.*from=2000-01-01"), fresh)
    for path in ("/requests?user=nobody@example.com", "/spend?user=nobody@example.com"):
        visitor.open(path)
        expect(page.get_by_text("Nothing was asked yet")).to_be_visible()
        expect(page.locator(".tw-empty").get_by_role("link", name="Client set-up")).to_be_visible()
        expect(page.get_by_text("Take a filter away")).to_have_count(0)
    page.unroute_all()
    visitor.open("/requests?user=nobody@example.com")
    expect(page.get_by_text("Take a filter away, or choose a longer range.")).to_be_visible()
    visitor.open("/requests?range=custom&since=2020-01-01&until=2020-01-02")
    expect(page.get_by_text("Choose a longer range.")).to_be_visible()
    expect(page.get_by_text("Take a filter away")).to_have_count(0)

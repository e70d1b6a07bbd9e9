"""What was typed and not saved: whoever leaves is asked, by mouse, by keyboard, by the browser's own buttons, and may stay."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Dialog, Locator, Page, expect
from tests.browser.visiting import Visitor

Change = Callable[[Page], Locator]


def question(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Leave without saving?")


def stay(page: Page) -> None:
    question(page).get_by_role("button", name="Stay").click()
    expect(question(page)).to_have_count(0)


def leave(page: Page) -> None:
    question(page).get_by_role("button", name="Leave without saving").click()
    expect(question(page)).to_have_count(0)


def a_route(page: Page) -> Locator:
    """Changes the JSON of a route that is open, and gives the field."""
    route = page.get_by_role("dialog", name="chat")
    expect(route.get_by_role("group", name="Graph of")).to_be_visible()
    route.get_by_role("tab", name="JSON", exact=True).click()
    field = route.get_by_label("Elements", exact=True)
    field.fill(field.input_value().replace("gpt-4o-mini", "gpt-5-mini"))
    expect(route.get_by_text("changed, not saved")).to_be_visible()
    return field


def a_new_route(page: Page) -> Locator:
    field = page.get_by_role("dialog", name="New route").get_by_role("textbox", name="Name", exact=True)
    field.fill("gpt-5-mini for all")
    return field


def a_gateway(page: Page) -> Locator:
    page.get_by_label("Tries").fill("4")
    expect(page.get_by_role("region", name="Changes")).to_contain_text("1 field changed")
    return page.get_by_label("Tries")


def the_document(page: Page) -> Locator:
    field = page.get_by_role("textbox", name="Settings")
    field.fill(field.input_value() + "# 4 gpt-5-mini\n")
    expect(page.get_by_role("button", name="Discard")).to_be_visible()
    return field


PLACES = [
    pytest.param("/routes?open=chat", a_route, id="route"),
    pytest.param("/routes?open=new", a_new_route, id="new route"),
    pytest.param("/settings", a_gateway, id="gateway"),
    pytest.param("/settings?tab=document", the_document, id="document"),
]
WAYS = [
    pytest.param("/routes", lambda page: page.get_by_role("row", name=re.compile("^chat")), a_route, id="route"),
    pytest.param("/routes", lambda page: page.get_by_role("button", name="New route"), a_new_route, id="new route"),
    pytest.param("/audit", lambda page: page.get_by_role("link", name="Settings"), a_gateway, id="gateway"),
    pytest.param("/settings", lambda page: page.get_by_text("All settings", exact=True), the_document, id="document"),
]
KEPT = re.compile("gpt-5-mini|^4$")


@pytest.mark.parametrize(("path", "way", "change"), WAYS)
def test_the_back_button_of_the_browser_asks(visitor: Visitor, path: str, way: Change, change: Change) -> None:
    page = visitor.open(path)
    way(page).click()
    field = change(page)
    address = page.url
    assert address != f"{visitor.url}/dashboard{path}"
    for _ in range(2):
        page.go_back()
        stay(page)
        expect(page).to_have_url(address)
        expect(field).to_have_value(KEPT)
    page.go_back()
    leave(page)
    expect(page).to_have_url(f"{visitor.url}/dashboard{path}")
    expect(field).to_have_count(0)
    page.go_forward()
    expect(page).to_have_url(address)
    expect(question(page)).to_have_count(0)


@pytest.mark.parametrize(("path", "change"), PLACES)
def test_a_page_that_is_loaded_again_asks(visitor: Visitor, path: str, change: Change) -> None:
    page = visitor.open(path)
    field = change(page)
    # A browser asks only for somebody who did something there.
    field.press("End")
    told: list[str] = []

    def asked(dialog: Dialog) -> None:
        told.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", asked)
    with page.expect_event("dialog"):
        page.evaluate("setTimeout(() => location.reload(), 0)")
    expect(field).to_have_value(KEPT)
    assert told == ["beforeunload"]


def test_a_route_is_left_by_the_mouse_after_a_question(visitor: Visitor) -> None:
    page = visitor.open("/routes?open=chat")
    field = a_route(page)
    route = page.get_by_role("dialog", name="chat")
    route.get_by_role("button", name="Close the route").click()
    expect(question(page)).to_be_visible()
    assert visitor.barriers() == []
    stay(page)
    expect(field).to_have_value(KEPT)
    # What is beside the panel closes it too, and its other tabs show no editor.
    page.mouse.click(40, 500)
    stay(page)
    route.get_by_role("tab", name="Test a request").click()
    stay(page)
    expect(field).to_have_value(KEPT)
    route.get_by_role("tab", name="Versions").click()
    leave(page)
    expect(route.get_by_role("tab", name="Versions")).to_have_attribute("aria-selected", "true")
    route.get_by_role("tab", name="Graph and JSON").click()
    expect(route.get_by_text("changed, not saved")).to_have_count(0)
    route.get_by_role("button", name="Close the route").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_route_is_left_by_the_keyboard_after_a_question(visitor: Visitor) -> None:
    page = visitor.open("/routes")
    page.get_by_role("row", name=re.compile("^chat")).press("Enter")
    field = a_route(page)
    page.keyboard.press("Escape")
    expect(question(page).get_by_role("button", name="Stay")).to_be_focused()
    page.keyboard.press("Enter")
    expect(question(page)).to_have_count(0)
    expect(field).to_have_value(KEPT)
    page.keyboard.press("Escape")
    expect(question(page).get_by_role("button", name="Stay")).to_be_focused()
    # Escape closes the question, and not the panel below it; also where nothing in it has the focus.
    page.keyboard.press("Escape")
    expect(question(page)).to_have_count(0)
    expect(field).to_have_value(KEPT)
    page.keyboard.press("Escape")
    question(page).get_by_text("What you changed here is not saved").click()
    page.keyboard.press("Escape")
    expect(question(page)).to_have_count(0)
    expect(field).to_have_value(KEPT)
    page.keyboard.press("Escape")
    expect(question(page).get_by_role("button", name="Stay")).to_be_focused()
    page.keyboard.press("Tab")
    expect(question(page).get_by_role("button", name="Leave without saving")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).to_have_url(re.compile("/routes$"))


def test_settings_are_left_by_the_mouse_after_a_question(visitor: Visitor) -> None:
    page = visitor.open("/settings")
    field = a_gateway(page)
    page.get_by_role("link", name="People").click()
    stay(page)
    page.get_by_role("radiogroup", name="Part of the settings").get_by_text("All settings").click()
    stay(page)
    expect(field).to_have_value("4")
    expect(page).to_have_url(re.compile("/settings$"))
    page.get_by_role("radiogroup", name="Part of the settings").get_by_text("All settings").click()
    leave(page)
    text = the_document(page)
    page.get_by_role("link", name="Budgets", exact=True).click()
    stay(page)
    expect(text).to_have_value(KEPT)
    page.get_by_role("link", name="Budgets", exact=True).click()
    leave(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Budgets")


def test_settings_are_left_by_the_keyboard_after_a_question(visitor: Visitor) -> None:
    page = visitor.open("/settings")
    field = a_gateway(page)
    page.get_by_role("link", name="People").press("Enter")
    expect(question(page).get_by_role("button", name="Stay")).to_be_focused()
    page.keyboard.press("Escape")
    expect(question(page)).to_have_count(0)
    expect(field).to_have_value("4")
    page.keyboard.press("Control+k")
    page.get_by_label("Find a page, a person, a model or a request").fill("caps")
    expect(page.get_by_role("option", name="Budgets page")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(question(page).get_by_role("button", name="Stay")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Budgets")


def test_a_rule_of_alerts_is_not_lost_without_a_word_either(visitor: Visitor) -> None:
    page = visitor.open("/alerts?rule=new")
    dialog = page.get_by_role("dialog", name="New rule")
    dialog.get_by_label("Name").fill("half-a-rule")
    dialog.get_by_role("button", name="Close the rule").click()
    stay(page)
    expect(dialog.get_by_label("Name")).to_have_value("half-a-rule")
    dialog.get_by_role("button", name="Close the rule").click()
    leave(page)
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_nobody_is_asked_where_nothing_is_changed_or_it_was_discarded(visitor: Visitor) -> None:
    page = visitor.open("/settings")
    a_gateway(page)
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_role("region", name="Changes")).to_contain_text("Nothing is changed")
    page.get_by_role("link", name="Routes").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Routes")
    page.get_by_role("row", name=re.compile("^chat")).click()
    route = page.get_by_role("dialog", name="chat")
    a_route(page)
    route.get_by_role("button", name="Undo").click()
    expect(route.get_by_text("changed, not saved")).to_have_count(0)
    route.get_by_role("button", name="Close the route").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(question(page)).to_have_count(0)

"""A route, drawn and written: changed by mouse and by keyboard, judged, tested, deployed, rolled back."""

import json
import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.browser.visiting import Visitor, looked_at


def opened(visitor: Visitor, address: str = "/routes?open=chat") -> tuple[Page, Locator]:
    page = visitor.open(address)
    dialog = page.get_by_role("dialog").first
    expect(dialog.get_by_role("group", name="Graph of")).to_be_visible()
    return page, dialog


def elements_of(dialog: Locator) -> Locator:
    """The field that has the route as JSON."""
    dialog.get_by_role("tab", name="JSON", exact=True).click()
    field = dialog.get_by_label("Elements", exact=True)
    expect(field).to_be_visible()
    return field


UNDO = """async button => {
  while (!button.disabled) { button.click(); await new Promise(requestAnimationFrame); }
}"""


def test_a_route_is_changed_in_the_graph_and_the_json_follows(visitor: Visitor) -> None:
    _, dialog = opened(visitor)
    before = elements_of(dialog).input_value()
    dialog.get_by_role("button", name="Add an element").click()
    visitor.page.get_by_role("menuitem", name="A model").click()
    expect(dialog.get_by_role("group", name="Graph of 7 elements")).to_be_visible()
    expect(dialog.get_by_role("status").filter(has_text="nothing leads to it")).to_be_visible()
    expect(dialog.locator(".react-flow__node").filter(has_text="1 problem").first).to_be_visible()
    # By the mouse: from the fallback of "small" to the new box.
    small = dialog.locator('.react-flow__node[data-id="small"] .react-flow__handle[data-handleid="fallback"]')
    fresh = dialog.locator('.react-flow__node[data-id="model"] .react-flow__handle.target')
    # Once both stand where they will stay.
    for handle in (small, fresh):
        handle.scroll_into_view_if_needed()
    small.drag_to(fresh, force=True)
    # And by the form, which the keyboard can use.
    dialog.locator('.react-flow__node[data-id="model"]').click()
    dialog.get_by_role("combobox", name="success leads to").click()
    visitor.page.get_by_role("option", name="end", exact=True).click()
    dialog.get_by_role("textbox", name="Name", exact=True).fill("last")
    dialog.get_by_role("textbox", name="Name", exact=True).press("Tab")
    expect(dialog.get_by_role("status").filter(has_text="It can be used")).to_be_visible()
    field = elements_of(dialog)
    expect(field).to_have_value(re.compile('"id": "last"'))
    elements = {str(element["id"]): element for element in json.loads(field.input_value())}
    assert [*elements] == ["start", "plan", "limit", "large", "small", "last", "end"]
    assert "last" in json.dumps(elements["small"]["outputs"])
    undo = dialog.get_by_role("button", name="Undo")
    undo.evaluate(UNDO)
    expect(undo).to_be_disabled()
    expect(field).to_have_value(before)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_leads_to_what_is_drawn(visitor: Visitor, scheme: str) -> None:
    visitor.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    _, dialog = opened(visitor)
    lines = dialog.locator(".react-flow__edge-path")
    expect(lines.nth(4)).to_be_attached()
    for line in lines.all():
        expect(line).to_have_css("stroke", re.compile(r"^rgb\(\d+, \d+, \d+\)$"))


def test_an_address_of_what_is_not_there_says_so(visitor: Visitor) -> None:
    for path in ("/routes", "/policies"):
        page = visitor.open(f"{path}?open=nope")
        told = page.get_by_role("status").filter(has_text="“nope”")
        expect(told).to_be_visible()
        told.get_by_role("button", name="Close").click()
        expect(page).to_have_url(re.compile(f"{path}$"))


def test_an_element_is_chosen_and_taken_out_by_the_keyboard(visitor: Visitor) -> None:
    _, dialog = opened(visitor)
    box = dialog.locator('.react-flow__node[data-id="large"]')
    box.press("Enter")
    expect(dialog.get_by_role("textbox", name="Name", exact=True)).to_have_value("large")
    box.press("Delete")
    expect(dialog.get_by_role("group", name="Graph of 5 elements")).to_be_visible()
    expect(dialog.get_by_role("status").filter(has_text="It cannot be used yet")).to_be_visible()


def test_what_is_typed_as_json_is_drawn_and_its_problems_lead_to_their_place(visitor: Visitor) -> None:
    _, dialog = opened(visitor)
    box = elements_of(dialog)
    elements = json.loads(box.input_value())
    box.fill("[{")
    expect(dialog.get_by_text("The JSON is no list of elements yet")).to_be_visible()
    broken = json.dumps(elements).replace('"openai"', '"opena"', 1)
    box.fill(broken)
    expect(
        dialog.get_by_role("status").filter(has_text='no provider "opena" is configured; did you mean "openai"?')
    ).to_be_visible()
    dialog.get_by_role("status").filter(has_text="opena").get_by_role("button").first.click()
    expect(dialog.get_by_role("textbox", name="Provider", exact=True)).to_have_value("opena")
    expect(dialog.get_by_role("button", name="Save and deploy")).to_be_disabled()


def test_a_request_is_walked_through_a_route_and_nothing_is_sent(visitor: Visitor) -> None:
    page = visitor.open("/routes?open=chat&tab=test")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Walk it").click()
    expect(dialog.get_by_role("status").filter(has_text="start → plan → small")).to_be_visible()
    dialog.get_by_label("Metadata").fill("plan=paid")
    dialog.get_by_role("button", name="Walk it").click()
    expect(dialog.get_by_role("status").filter(has_text="start → plan → limit → large")).to_be_visible()
    expect(dialog.get_by_role("table", name="Steps")).to_contain_text("under the limit")


def test_a_route_is_saved_deployed_compared_and_rolled_back_with_a_word_why(visitor: Visitor) -> None:
    page, dialog = opened(visitor)
    box = elements_of(dialog)
    text = json.dumps(json.loads(box.input_value()))
    for elements, why in ((text, "as it was"), (text.replace("gpt-4o-mini", "gpt-5-mini"), "a newer small one")):
        box.fill(elements)
        expect(dialog.get_by_role("status").filter(has_text="It can be used")).to_be_visible()
        deploy = dialog.get_by_role("button", name="Save and deploy")
        dialog.get_by_label("Why", exact=True).fill("")
        expect(deploy).to_be_disabled()
        dialog.get_by_label("Why", exact=True).fill(why)
        with page.expect_response(lambda answer: answer.url.endswith("/versions") and answer.request.method == "POST"):
            deploy.click()
        expect(page.get_by_text("chat has a new version in force").last).to_be_visible()
    dialog.get_by_role("tab", name="Versions").click()
    versions = dialog.get_by_role("table", name="Versions")
    expect(versions.get_by_role("row", name=re.compile("a newer small one"))).to_contain_text("in force")
    versions.get_by_role("row", name=re.compile("as it was")).get_by_role("button", name="Compare").click()
    difference = dialog.get_by_role("group", name="Difference")
    expect(difference.locator("[data-side=gone]")).to_contain_text("gpt-5-mini")
    expect(difference.locator("[data-side=come]")).to_contain_text("gpt-4o-mini")
    dialog.get_by_label("Why it is put in force").fill("the newer one is dear")
    dialog.get_by_role("button", name="Put in force").click()
    expect(versions.get_by_role("row", name=re.compile("as it was"))).to_contain_text("in force")


def test_a_name_that_no_caller_could_send_is_told_while_it_is_typed(visitor: Visitor) -> None:
    _, dialog = opened(visitor, "/routes?open=new")
    name = dialog.get_by_role("textbox", name="Name", exact=True)
    keep, deploy = (dialog.get_by_role("button", name=label) for label in ("Save a version", "Save and deploy"))
    usable = dialog.get_by_role("status").filter(has_text="It can be used")
    expect(dialog.get_by_text("It needs a name and a word why.")).to_be_visible()
    for wrong, said in (
        ('a b/"c" 🎉', "Write letters, digits, dots"),
        ("chat", "There is a route of that name already"),
    ):
        name.fill(wrong)
        expect(dialog.get_by_text(said)).to_be_visible()
        expect(dialog.get_by_text(f"dynamic/{wrong}")).to_have_count(0)
        expect(dialog.get_by_text("It needs another name and a word why.")).to_be_visible()
        expect(usable).to_have_count(0)
        expect(keep).to_be_disabled()
    name.fill("chatty")
    expect(usable).to_be_visible()
    expect(dialog.get_by_text("Callers send dynamic/chatty as the model")).to_be_visible()
    expect(keep).to_be_enabled()
    expect(deploy).to_be_disabled()
    expect(dialog.get_by_text("To deploy it, it needs a word why.")).to_be_visible()
    dialog.get_by_label("Why", exact=True).fill("to try it")
    expect(deploy).to_be_enabled()


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_routes_are_whole_on_every_screen(chromium: Browser, gateway: str, width: int, scheme: str) -> None:
    paths = ["/routes", "/routes?open=support", "/routes?open=chat&tab=test", "/routes?open=new"]
    assert looked_at(chromium, gateway, paths, width, scheme) == {}

"""Policies: made by choices or in CEL, drafted, judged for one caller and for all of them."""

import re

import pytest
from playwright.sync_api import Browser, expect
from tests.browser.visiting import Visitor, looked_at


def test_a_policy_is_drafted_judged_and_put_in_force(visitor: Visitor) -> None:
    page = visitor.open("/policies")
    page.get_by_role("button", name="New policy").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("no gemini")
    condition = dialog.get_by_role("radiogroup", name="How the condition is written")
    condition.get_by_text("CEL").click()
    dialog.get_by_label("Where, in CEL").fill('"web" in cf.user.group')
    dialog.get_by_role("combobox", name="Does").click()
    page.get_by_role("option", name="block").click()
    dialog.get_by_role("radiogroup", name="Which models").get_by_text("Providers").click()
    dialog.get_by_label("Providers").last.fill("google")
    dialog.get_by_label("Providers").last.press("Enter")
    dialog.get_by_role("button", name="Keep as a draft").click()
    expect(dialog.get_by_role("alert")).to_contain_text('did you mean "cf.user.groups"')
    dialog.get_by_label("Where, in CEL").fill('"web" in cf.user.groups')
    dialog.get_by_role("button", name="Keep as a draft").click()
    expect(page.get_by_role("row", name=re.compile("^no gemini every gateway"))).to_contain_text("draft")
    page.get_by_label("Person", exact=True).fill("dan@example.com")
    page.get_by_label("Groups", exact=True).fill("web")
    page.get_by_role("textbox", name="Model", exact=True).fill("google/gemini-2.5-flash")
    page.get_by_role("button", name="Judge").click()
    expect(page.get_by_role("status").filter(has_text="Refused")).to_contain_text("no gemini")
    page.get_by_role("button", name="Put all drafts in force").click()
    expect(page.get_by_role("row", name=re.compile("^no gemini every gateway")).first).to_contain_text("in force")
    visitor.expect_refusal()


def test_what_a_policy_takes_away_is_told_before_it_is_in_force(visitor: Visitor) -> None:
    page = visitor.open("/policies?open=new")
    dialog = page.get_by_role("dialog", name="New policy")
    dialog.get_by_label("Name").fill("nothing for anybody")
    dialog.get_by_role("combobox", name="Does").click()
    page.get_by_role("option", name="block").click()
    dialog.get_by_role("button", name="Put in force").click()
    asked = page.get_by_role("dialog", name="Put nothing for anybody in force?")
    expect(asked.get_by_role("status")).to_contain_text(re.compile(r"\d+ groups lose \d+ models"))
    asked.get_by_role("button", name="Not yet").click()
    expect(asked).to_have_count(0)
    dialog.get_by_label("Close the policy").click()
    page.get_by_role("button", name="Leave without saving").click()
    expect(page.get_by_role("row", name=re.compile("nothing for anybody"))).to_have_count(0)


def test_choices_and_cel_say_the_same(visitor: Visitor) -> None:
    page = visitor.open("/policies?open=no-frontier-models-for-interns")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text('"interns" in cf.user.groups', exact=True)).to_be_visible()
    dialog.get_by_role("button", name="And where …").click()
    dialog.get_by_role("combobox", name="Field").last.click()
    page.get_by_role("option", name="the service").click()
    dialog.get_by_role("combobox", name="How it is compared").last.click()
    page.get_by_role("option", name="is set").click()
    expect(dialog.get_by_text('"interns" in cf.user.groups && has(service)', exact=True)).to_be_visible()
    written = dialog.get_by_role("radiogroup", name="How the condition is written")
    written.get_by_text("CEL").click()
    cel = dialog.get_by_label("Where, in CEL")
    expect(cel).to_have_value('"interns" in cf.user.groups && has(service)')
    cel.fill('cf.user.email.endsWith("@example.com")')
    written.get_by_text("Choices").click()
    expect(dialog.get_by_role("combobox", name="How it is compared")).to_have_value("ends with")
    written.get_by_text("CEL").click()
    cel.fill("size(cf.user.groups) > 2")
    expect(written.get_by_role("radio", name="Choices")).to_be_disabled()


def test_the_matrix_says_who_may_use_which_model_and_why(visitor: Visitor) -> None:
    page = visitor.open("/policies")
    matrix = page.get_by_role("table", name="Access")
    cell = matrix.get_by_role("button", name=re.compile("^interns, anthropic.claude-opus-4-5"))
    expect(cell).to_contain_text("blocked")
    cell.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="interns")).to_contain_text(
        'Policy "no frontier models for interns" blocks it'
    )
    expect(matrix.get_by_role("button", name=re.compile("^research, anthropic.claude-opus-4-5"))).to_contain_text(
        "permitted"
    )
    page.get_by_role("switch", name="People, not groups").click()
    expect(matrix.get_by_role("row", name=re.compile("ivy@example.com"))).to_contain_text("interns")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_policies_are_whole_on_every_screen(chromium: Browser, gateway: str, width: int, scheme: str) -> None:
    paths = ["/policies", "/policies?open=no-frontier-models-for-interns"]
    assert looked_at(chromium, gateway, paths, width, scheme) == {}

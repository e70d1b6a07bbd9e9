"""Policies: made by choices or in CEL, drafted, judged for one caller and for all of them."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
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
    expect(dialog.get_by_text('did you mean "cf.user.groups"')).to_be_visible()
    expect(dialog.get_by_role("button", name="Keep as a draft")).to_be_disabled()
    dialog.get_by_label("Where, in CEL").fill('"web" in cf.user.groups')
    dialog.get_by_role("button", name="Keep as a draft").click()
    expect(page.get_by_role("row", name=re.compile("^no gemini every gateway"))).to_contain_text("draft")
    page.get_by_label("Person", exact=True).fill("dan@example.com")
    page.get_by_label("Groups", exact=True).fill("web")
    page.get_by_role("textbox", name="Model", exact=True).fill("google/gemini-2.5-flash")
    page.get_by_role("button", name="Judge").click()
    expect(page.get_by_role("status").filter(has_text="Refused")).to_contain_text("no gemini")
    page.get_by_role("button", name="Put all drafts in force").click()
    asked = page.get_by_role("dialog", name="Put no gemini in force?")
    asked.get_by_role("button", name="Put in force all the same").click()
    expect(page.get_by_role("row", name=re.compile("^no gemini every gateway")).first).to_contain_text("in force")
    visitor.expect_refusal()


ASK = """async asked => {
  const { csrf } = await (await fetch("/api/v1/session")).json();
  const headers = { "tollway-csrf": csrf, "content-type": "application/json" };
  const answers = [];
  for (const [method, path, body] of asked) {
    const answer = await fetch(`/api/v1/policies${path}`, { method, headers, body: body ? JSON.stringify(body) : undefined });
    if (!answer.ok) throw new Error(await answer.text());
    answers.push(await answer.json());
  }
  return answers;
}"""
INTERNS = "/no-frontier-models-for-interns"


@pytest.fixture
def drafting(visitor: Visitor) -> Iterator[Page]:
    """The page, after which policies are as they were."""
    page = visitor.open("/policies")
    revision = page.evaluate(ASK, [["GET", "", None]])[0]["revision"]
    yield page
    there = page.evaluate(ASK, [["GET", "?includeStaging=true", None]])[0]["items"]
    drafts = [["DELETE", f"/{policy['id']}", None] for policy in there if policy["staging"]]
    page.evaluate(ASK, [*drafts, ["POST", "/rollback", {"revision": revision}]])


def test_what_all_drafts_change_is_shown_before_and_what_became_of_them_after(drafting: Page, visitor: Visitor) -> None:
    page = drafting
    sonnet = {
        "name": "no sonnet for research",
        "condition": '"research" in cf.user.groups',
        "resource": {"model": ["*claude-sonnet-4-5", "*/*claude-sonnet-4-5"]},
        "action": {"type": "block"},
    }
    opus = {"condition": '"interns" in cf.user.groups || "web" in cf.user.groups'}
    page.evaluate(ASK, [["POST", "", sonnet], ["PUT", INTERNS, opus]])
    page.reload()
    expect(page.get_by_role("alert").filter(has_text="2 drafts are not in force")).to_be_visible()
    page.get_by_role("button", name="Put all drafts in force").click()
    asked = page.get_by_role("dialog", name="Put 2 drafts in force?")
    changes = asked.get_by_role("status", name="What it changes")
    # Carol, of research, asks for nothing else.
    expect(changes).to_contain_text(re.compile(r"research loses .*anthropic/claude-sonnet-4-5"))
    expect(changes).to_contain_text(
        re.compile(r"Of [0-9,]+ requests that people had answered in the last 7 days, [0-9]+ would have been refused")
    )
    expect(changes).to_contain_text(re.compile(r"refused: .*carol@example.com [0-9]+"))
    expect(changes).not_to_contain_text("dan@example.com")
    drafts = asked.get_by_role("region", name="Drafts")
    expect(drafts).to_contain_text(re.compile(r"no sonnet for research\s*new\s*by root"))
    expect(drafts.get_by_text("changes what is in force")).to_have_count(1)
    expect(drafts.get_by_role("group", name="Difference")).to_contain_text(
        'condition: "interns" in cf.user.groups || "web" in cf.user.groups'
    )
    assert visitor.barriers() == []
    asked.get_by_role("button", name="Not yet").click()
    expect(asked).to_have_count(0)
    expect(page.get_by_role("row", name=re.compile("^no sonnet for research"))).to_contain_text("draft")
    page.get_by_role("button", name="Put all drafts in force").click()
    asked.get_by_role("button", name="Put in force all the same").click()
    told = page.get_by_role("status").filter(has_text="2 drafts are in force; revision")
    expect(told).to_contain_text("no sonnet for research")
    expect(page.get_by_role("row", name=re.compile("^no sonnet for research"))).to_contain_text("in force")
    expect(page.get_by_role("button", name="Put all drafts in force")).to_have_count(0)
    told.get_by_role("button", name="Close what became of the drafts").click()
    expect(told).to_have_count(0)


def test_a_draft_that_is_outdated_stays_one_and_why_is_told(drafting: Page) -> None:
    page = drafting
    draft, other = ({"condition": f'"{group}" in cf.user.groups'} for group in ("web", "nobody"))
    page.evaluate(ASK, [["PUT", INTERNS, draft], ["PUT", f"{INTERNS}?commit=true", other]])
    page.reload()
    page.get_by_role("button", name="Put all drafts in force").click()
    asked = page.get_by_role("dialog", name="Put no frontier models for interns in force?")
    expect(asked.get_by_role("status", name="What it changes")).to_be_visible()
    asked.get_by_role("button", name=re.compile("^Put (it )?in force")).click()
    told = page.get_by_role("status").filter(has_text="0 drafts are in force, 1 is not")
    expect(told).to_contain_text("has been changed since root staged its draft")
    expect(page.get_by_role("alert").filter(has_text="One draft is not in force")).to_be_visible()


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


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("cf.user.groups[", "Column 16: it ends too early."),
        ("1+1", "1+1 cannot be asked: it is a number, not true or false."),
        ('foo.bar == "x"', 'Column 1: nothing is called "foo.bar"'),
    ],
)
def test_a_condition_that_is_none_is_told_while_it_is_typed(visitor: Visitor, condition: str, said: str) -> None:
    page = visitor.open("/policies?open=new")
    dialog = page.get_by_role("dialog", name="New policy")
    keep = dialog.get_by_role("button", name="Keep as a draft")
    put = dialog.get_by_role("button", name="Put in force")
    expect(dialog.get_by_text("It needs a name.")).to_be_visible()
    dialog.get_by_label("Name").fill("everybody")
    expect(dialog.get_by_text("There is a policy of that name already")).to_be_visible()
    expect(put).to_be_disabled()
    dialog.get_by_label("Name").fill("a new one")
    expect(put).to_be_enabled()
    dialog.get_by_role("radiogroup", name="How the condition is written").get_by_text("CEL").click()
    cel = dialog.get_by_label("Where, in CEL")
    cel.fill(condition)
    expect(dialog.get_by_text(said)).to_be_visible()
    expect(cel).to_have_attribute("aria-invalid", "true")
    for button in (keep, put):
        expect(button).to_be_disabled()
    expect(dialog.get_by_text("Where it counts is not right yet.")).to_be_visible()
    expect(dialog.get_by_role("note")).not_to_contain_text("may use these models")
    cel.fill('"web" in cf.user.groups')
    expect(put).to_be_enabled()
    expect(dialog.get_by_role("note")).to_contain_text("Whoever this holds of may use these models")
    visitor.expect_refusal()


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
    cell.press("Enter")
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

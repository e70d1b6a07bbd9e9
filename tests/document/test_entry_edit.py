"""One entry of a list in a settings file, whichever list it is; the lists' own tests have the cases."""

import pytest

from tollway.document.changes import budget_id
from tollway.document.entry_edit import Section, fields_of
from tollway.document.policies import policy_id
from tollway.document.text import parse
from tollway.document.written import BudgetDocument, PolicyDocument

BUDGETS = Section("budgets", lambda document: document.budgets, budget_id, BudgetDocument)
POLICIES = Section("policies", lambda document: document.policies, policy_id, PolicyDocument)
TEXT = """\
budgets:
  - {name: a, limit: "1", window: {period: day}}
policies:
  - {name: a, action: {type: block}}
"""


def test_each_list_is_edited_alone() -> None:
    both = parse(TEXT)
    without = parse(BUDGETS.without_entry(TEXT, "a"))
    assert without.budgets == [] and without.policies == both.policies
    without = parse(POLICIES.without_entry(TEXT, "a"))
    assert without.policies == [] and without.budgets == both.budgets
    changed = parse(POLICIES.with_fields(TEXT, "a", {"name": "a", "action": {"type": "no-limit"}}))
    assert changed.policies[0].action == {"type": "no-limit"} and changed.budgets == both.budgets


def test_an_entry_is_found_by_its_id_and_read_by_its_fields() -> None:
    document = parse(TEXT)
    assert (BUDGETS.place_of(document, "a"), POLICIES.place_of(document, "a")) == (0, 0)
    with pytest.raises(KeyError):
        POLICIES.place_of(document, "b")
    assert POLICIES.read(fields_of(document.policies[0])) == document.policies[0]
    assert "condition" in POLICIES.fields and "window" in BUDGETS.fields

"""The small rules on names of which a price list is made."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.pricing.rules import AllOf, AnyOf, Contains, EndsWith, Equals, Matches, Rule, StartsWith

NAMES = st.text(alphabet="ab-4", max_size=6)
SIMPLE = st.one_of(
    st.builds(Equals, NAMES), st.builds(StartsWith, NAMES), st.builds(EndsWith, NAMES), st.builds(Contains, NAMES)
)
RULES = st.recursive(
    SIMPLE,
    lambda inner: (
        st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple))
        | st.builds(AllOf, st.lists(inner, max_size=3).map(tuple))
    ),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("rule", "holds", "not_for"),
    [
        (Equals("gpt-4o"), ["gpt-4o"], ["gpt-4o-mini", "my-gpt-4o", "GPT-4o", ""]),
        (StartsWith("gpt-4o"), ["gpt-4o", "gpt-4o-mini"], ["my-gpt-4o", "gpt-4", ""]),
        (EndsWith("-latest"), ["claude-latest", "-latest"], ["claude-latest-2", "latest", ""]),
        (Contains("sonnet"), ["sonnet", "claude-sonnet-4"], ["sonne", "son-net", ""]),
        (Matches("^gpt-4o(-\\d{4})?$"), ["gpt-4o", "gpt-4o-2024"], ["gpt-4o-mini", "agpt-4o"]),
        # A pattern is searched for, as genai-prices does: it holds anywhere unless it is anchored.
        (Matches("flash|pro"), ["gemini-2.5-pro", "flash"], ["nano"]),
    ],
)
def test_a_rule_holds_for_these_names_and_no_others(rule: Rule, holds: list[str], not_for: list[str]) -> None:
    assert [name for name in holds if not rule.holds(name)] == []
    assert [name for name in not_for if rule.holds(name)] == []


def test_the_empty_text_starts_and_ends_every_name_and_equals_one() -> None:
    assert StartsWith("").holds("x") and EndsWith("").holds("x") and Contains("").holds("x")
    assert not Equals("").holds("x") and Equals("").holds("")


def test_no_rules_are_any_of_nothing_and_all_of_everything() -> None:
    assert not AnyOf(()).holds("gpt-4o")
    assert AllOf(()).holds("gpt-4o")


@given(st.lists(RULES, max_size=4), NAMES)
def test_any_needs_one_and_all_need_every_one(rules: list[Rule], name: str) -> None:
    each = [rule.holds(name) for rule in rules]
    assert AnyOf(tuple(rules)).holds(name) is any(each)
    assert AllOf(tuple(rules)).holds(name) is all(each)


@given(NAMES, NAMES)
def test_what_equals_also_starts_ends_and_contains(text: str, name: str) -> None:
    if Equals(text).holds(name):
        assert StartsWith(text).holds(name) and EndsWith(text).holds(name)
    if StartsWith(text).holds(name) or EndsWith(text).holds(name):
        assert Contains(text).holds(name)


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        (["equals", "a"], Equals("a")),
        (["starts_with", "a"], StartsWith("a")),
        (["ends_with", "a"], EndsWith("a")),
        (["contains", "a"], Contains("a")),
        (["regex", "^a$"], Matches("^a$")),
        (["any", [["equals", "a"], ["contains", "b"]]], AnyOf((Equals("a"), Contains("b")))),
        (["all", [["any", []], ["regex", "b"]]], AllOf((AnyOf(()), Matches("b")))),
    ],
)
def test_a_rule_is_an_array_in_the_compiled_book(written: list[Any], rule: Rule) -> None:
    assert msgspec.convert(written, Rule) == rule
    assert msgspec.json.decode(msgspec.json.encode(rule)) == written


@given(RULES)
def test_a_rule_survives_being_written_and_read(rule: Rule) -> None:
    assert msgspec.json.decode(msgspec.json.encode(rule), type=Rule) == rule


@pytest.mark.parametrize(
    "written", [["sounds_like", "a"], [], ["equals"], ["equals", 4], ["any", ["equals"]], "equals"]
)
def test_a_rule_of_an_unknown_kind_is_an_error_and_not_a_rule_that_never_holds(written: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(written, Rule)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.match import PLAIN_ATTRIBUTES, WRITTEN_MODEL, Attribute, Match, all_hold, is_attribute, only_itself

NAMES = st.text(alphabet="ab/*.-[\n", max_size=12)


def model(*values: str, source: str = "gateway") -> dict[str, Attribute]:
    return {"model": Attribute(values, source)}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pattern", "value", "holds"),
    [
        ("openai/gpt-4o", "openai/gpt-4o", True),
        ("openai/gpt-4o", "openai/gpt-4o-mini", False),
        ("openai/*", "openai/gpt-4o", True),
        ("openai/*", "openai/", True),
        ("openai/*", "openai", False),
        ("openai/*", "openai/ft/gpt-4o", False),
        ("*", "gpt-4o", True),
        ("*", "openai/gpt-4o", False),
        ("**", "openai/gpt-4o", False),
        ("*/*", "openai/gpt-4o", True),
        ("claude-*-4*", "claude-opus-4-1", True),
        ("claude-*-4*", "claude-opus-3", False),
        ("gpt.4", "gpt-4", False),
        ("gpt-[45]", "gpt-4", False),
        ("gpt*", "xgpt", False),
        ("gpt", "gpt\n", False),
        ("gpt*", "gpt\n", True),
        ("", "", True),
        ("", "x", False),
    ],
)
def test_a_star_stands_for_anything_but_a_slash(pattern: str, value: str, holds: bool) -> None:
    assert Match("model", (pattern,)).holds(model(value)) is holds


def matches(pattern: str, value: str) -> bool:
    """The definition, slowly."""
    if not pattern:
        return not value
    if pattern[0] == "*":
        return matches(pattern[1:], value) or (bool(value) and value[0] != "/" and matches(pattern, value[1:]))
    return bool(value) and value[0] == pattern[0] and matches(pattern[1:], value[1:])


@given(NAMES, NAMES)
def test_every_pattern_matches_what_its_definition_says(pattern: str, value: str) -> None:
    # A value with a star in it equals the pattern that is written the same.
    assert Match("model", (pattern,)).holds(model(value)) is (matches(pattern, value) or pattern == value)


def test_one_pattern_and_one_value_are_enough() -> None:
    assert Match("group", ("a", "b")).holds({"group": Attribute(("x", "b"), "key")})
    assert not Match("group", ("a", "b")).holds({"group": Attribute(("x", "y"), "key")})


def test_a_negated_match_holds_where_no_value_matches() -> None:
    match = Match("group", ("contractors",), negated=True)
    assert match.holds({"group": Attribute(("eng",), "key")})
    assert not match.holds({"group": Attribute(("eng", "contractors"), "key")})


@pytest.mark.parametrize("negated", [False, True])
def test_an_unknown_attribute_matches_nothing_and_no_negation(negated: bool) -> None:
    assert not Match("user", ("*",), negated=negated).holds({})


@pytest.mark.parametrize("negated", [False, True])
def test_a_declared_value_counts_for_nothing_where_proof_is_asked(negated: bool) -> None:
    match = Match("metadata.team", ("ml",), negated=negated)
    assert not match.holds({"metadata.team": Attribute(("ml" if not negated else "x",), "header")}, proven=True)


@pytest.mark.parametrize("source", ["token", "key", "gateway"])
def test_everything_but_a_header_is_proof(source: str) -> None:
    assert Match("model", ("a",)).holds(model("a", source=source), proven=True)


def test_no_pattern_matches_nothing() -> None:
    assert not Match("model", ()).holds(model("a"))


def test_every_match_must_hold_and_none_selects_everything() -> None:
    facts = {"user": Attribute(("a",), "key"), **model("m")}
    assert all_hold((), facts)
    assert all_hold((Match("user", ("a",)), Match("model", ("m",))), facts)
    assert not all_hold((Match("user", ("a",)), Match("model", ("n",))), facts)


@pytest.mark.parametrize("name", [*PLAIN_ATTRIBUTES, "metadata.team", "metadata.a.b"])
def test_rules_may_speak_of_known_attributes_and_any_metadata(name: str) -> None:
    assert is_attribute(name)


@pytest.mark.parametrize("name", ["", "metadata", "metadata.", "Model", "groups", "usr", " model", "xmetadata.a"])
def test_rules_may_not_speak_of_anything_else(name: str) -> None:
    assert not is_attribute(name)


def test_all_but_a_model_leaves_out_no_other_that_only_costs_the_same() -> None:
    facts = {
        "model": Attribute(("openai/gpt-5", "gpt-5", "gpt-5-codex"), "gateway"),
        WRITTEN_MODEL: Attribute(("openai/gpt-5", "gpt-5"), "gateway"),
    }
    assert Match("model", ("gpt-5-codex",), negated=True).holds(facts)
    assert Match("model", ("gpt-5-codex",)).holds(facts)
    assert not Match("model", ("gpt-5",), negated=True).holds(facts)
    assert only_itself(facts)["model"].values == ("openai/gpt-5", "gpt-5")
    assert only_itself({"model": facts["model"]})["model"] is facts["model"]

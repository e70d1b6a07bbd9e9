from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollway.document.budget_edit import merged, place_of, read_fields, with_budget, with_fields, without_budget
from tollway.document.text import parse
from tollway.errors import SettingsInvalid

TEXT = """\
# The company's settings.
providers:
  openai: {api_key: "env:K"}   # ours
budgets:
  # Everybody together.
  - name: company     # keep
    limit: "20"       # dollars
    window: {period: month, timezone: UTC}
    # who may go on
    note: |
      Ask Ann.
      Or Ben.
  - {name: each, limit: "1", window: {period: day}, split_by: [user]}  # flow
  - id: gpu
    name: GPUs
    limit: 5
    window:
      period: week
      timezone: Europe/Berlin   # the clocks there
    where:
      model:
        - "openai/*"
# The end.
keys: []
"""
NEW = {"name": "new one", "limit": "3", "window": {"period": "day", "timezone": "UTC"}, "where": {"user": ["a", "b"]}}


def fields(text: str, budget: str) -> dict[str, Any]:
    document = parse(text)
    return msgspec.to_builtins(document.budgets[place_of(document, budget)])


def lines_changed(before: str, after: str) -> tuple[set[str], set[str]]:
    old, new = set(before.splitlines()), set(after.splitlines())
    return old - new, new - old


@pytest.mark.parametrize(
    ("budget", "patch", "gone", "come"),
    [
        ("company", {"limit": "30"}, '    limit: "20"       # dollars', '    limit: "30"       # dollars'),
        (
            "each",
            {"limit": "2"},
            '  - {name: each, limit: "1", window: {period: day}, split_by: [user]}  # flow',
            '  - {name: each, limit: "2", window: {period: day}, split_by: [user]}  # flow',
        ),
        ("gpu", {"name": "Cards"}, "    name: GPUs", '    name: "Cards"'),
    ],
)
def test_one_field_is_one_place_in_the_text(budget: str, patch: dict[str, Any], gone: str, come: str) -> None:
    assert lines_changed(TEXT, with_fields(TEXT, budget, patch)) == ({gone}, {come})


def test_a_block_is_written_anew_and_its_neighbours_keep_their_comments() -> None:
    after = with_fields(TEXT, "gpu", {"window": {"rolling": "day"}, "where": {"model": None, "user": "x*"}})
    assert '    window: {"rolling": "day"}   # the clocks there\n' in after
    assert fields(after, "gpu")["where"] == {"user": "x*"}
    assert "# The end.\n" in after
    noted = with_fields(TEXT, "company", {"note": "Ask\nCy."})
    assert fields(noted, "company")["note"] == "Ask\nCy."
    assert "    # who may go on\n" in noted
    assert "# flow\n" in noted


def test_a_field_is_added_behind_the_others_and_taken_out_with_its_line() -> None:
    after = with_fields(TEXT, "company", {"mode": "monitor", "note": None})
    assert "    # who may go on\n" in after
    assert "Ask Ann" not in after
    assert fields(after, "company") == {
        "name": "company",
        "limit": "20",
        "window": {"period": "month", "timezone": "UTC"},
        "mode": "monitor",
    }
    flow = with_fields(TEXT, "each", {"split_by": None, "enabled": False})
    assert '  - {name: each, limit: "1", window: {period: day}, enabled: false}  # flow\n' in flow
    first = with_fields(TEXT, "gpu", {"id": None})
    assert fields(first, "GPUs")["name"] == "GPUs"


def test_where_is_merged_by_attribute() -> None:
    after = with_fields(TEXT, "gpu", {"where": {"user": "ann"}})
    assert fields(after, "gpu")["where"] == {"model": ["openai/*"], "user": "ann"}
    assert "where" not in fields(with_fields(TEXT, "gpu", {"where": {"model": None}}), "gpu")


def test_another_name_keeps_the_id_that_was_made_of_the_old_one() -> None:
    after = with_fields(TEXT, "each", {"name": "every one"})
    assert fields(after, "each")["name"] == "every one"
    assert fields(with_fields(TEXT, "each", {"name": "x", "id": "y"}), "y")["name"] == "x"


def test_a_change_that_changes_nothing_leaves_every_character() -> None:
    assert with_fields(TEXT, "gpu", {"limit": 5, "enabled": True}) == TEXT


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        "budgets: []\n",
        'budgets: [{name: a, limit: "1", window: {period: day}}]\nkeys: []',
        "keys: []",
    ],
)
def test_a_new_budget_stands_behind_the_others(text: str) -> None:
    after = with_budget(text, read_fields(NEW))
    assert fields(after, "new-one") == NEW
    assert len(parse(after).budgets) == len(parse(text).budgets) + 1
    assert [line for line in text.splitlines() if "#" in line] == [line for line in after.splitlines() if "#" in line]


def test_what_is_taken_out_takes_the_comments_above_it_along() -> None:
    after = without_budget(TEXT, "company")
    assert "Everybody together" not in after
    assert "# The company's settings." in after
    assert [each.name for each in parse(after).budgets] == ["each", "GPUs"]
    alone = with_budget("# top\nkeys: []\n", read_fields(NEW))
    assert without_budget(alone, "new-one") == "# top\nkeys: []\n"


def test_ends_of_lines_of_another_system_stay() -> None:
    windows = TEXT.replace("\n", "\r\n")
    for after in (
        with_budget(windows, read_fields(NEW)),
        with_fields(windows, "company", {"mode": "monitor", "limit": "3"}),
        without_budget(windows, "each"),
    ):
        assert "\n" not in after.replace("\r\n", "")


@pytest.mark.parametrize(
    "text",
    [
        '{budgets: [{name: a, limit: "1", window: {period: day}}]}',
        "keys: []\n...\n",
    ],
)
def test_what_cannot_be_edited_safely_is_told_with_the_line_to_write(text: str) -> None:
    with pytest.raises(SettingsInvalid):
        with_budget(text, read_fields(NEW))


def test_what_a_budget_cannot_be_is_told_by_its_field() -> None:
    for patch, said in (({"limt": "3"}, "limt"), ({"mode": "off"}, "mode"), ({"name": None}, "name")):
        with pytest.raises(SettingsInvalid, match=said):
            with_fields(TEXT, "company", patch)
    with pytest.raises(KeyError):
        with_fields(TEXT, "nobody", {})


PATCH = st.fixed_dictionaries(
    {},
    optional={
        "limit": st.sampled_from(["1", "2.5", 7]),
        "window": st.sampled_from([{"period": "day"}, {"rolling": "week"}]),
        "where": st.sampled_from([None, {"user": "a#b: c"}, {"user": None, "model": ["x/*"]}]),
        "note": st.one_of(
            st.none(), st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=9)
        ),
        "split_by": st.sampled_from([None, ["user"], ["user", "model"]]),
        "alerts": st.sampled_from([None, [50, 100]]),
        "enabled": st.sampled_from([None, False, True]),
        "name": st.sampled_from(["company", "x: y", "- z"]),
    },
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["company", "each", "gpu"]), PATCH), max_size=4))
def test_whatever_is_changed_the_text_means_it_and_comments_of_others_stay(
    steps: list[tuple[str, dict[str, Any]]],
) -> None:
    text = TEXT
    for budget, patch in steps:
        document = parse(text)
        expected = merged(document.budgets[place_of(document, budget)], patch)
        text = with_fields(text, budget, patch)
        after = parse(text)
        assert after.budgets[place_of(after, budget)] == expected
    for comment in ("# The company's settings.", "# ours", "# Everybody together.", "# keep", "# flow", "# The end."):
        assert comment in text


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_field_is_found_behind_any_character(mark: str) -> None:
    text = mark + "# 👩\u200d💻 é\nbudgets:\n  - {name: a, note: 家💸, limit: '3', window: {period: day}} # end 💸\n"
    assert with_fields(text, "a", {"limit": "4"}) == text.replace("'3'", '"4"')

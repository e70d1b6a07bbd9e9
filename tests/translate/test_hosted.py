"""What becomes of a choice among tools when those that a provider runs are left out."""

import pytest

from tollway.translate.conversation import Choice, Tool, Untranslatable
from tollway.translate.hosted import left

MINE = (Tool(name="f"),)


@pytest.mark.parametrize(
    ("choice", "becomes"),
    [
        (None, None),
        (Choice(mode="auto"), Choice(mode="auto")),
        (Choice(mode="required"), Choice(mode="required")),
        (Choice(mode="tool", name="f"), Choice(mode="tool", name="f")),
        (Choice(allowed=("f", "search")), Choice(allowed=("f",))),
        (Choice(mode="required", allowed=("f", "search")), Choice(mode="required", allowed=("f",))),
        (Choice(allowed=("search",)), Choice(mode="none")),
    ],
)
def test_what_asks_for_no_hosted_tool_stays(choice: Choice | None, becomes: Choice | None) -> None:
    assert left(choice, MINE, {"search"}) == becomes


@pytest.mark.parametrize("choice", [Choice(mode="tool", name="search"), Choice(mode="required", allowed=("search",))])
def test_what_asks_for_a_hosted_tool_is_refused(choice: Choice) -> None:
    with pytest.raises(Untranslatable, match="tool_choice"):
        left(choice, MINE, {"search"})


def test_where_no_tool_is_left_nothing_is_chosen() -> None:
    assert left(Choice(mode="auto"), (), {"search"}) is None
    with pytest.raises(Untranslatable):
        left(Choice(mode="required"), (), {"search"})


def test_without_hosted_tools_a_choice_is_the_callers_own() -> None:
    assert left(Choice(mode="required"), (), ()) == Choice(mode="required")

"""How wishes for reasoning are converted."""

import pytest

from tollway.translate.conversation import Reasoning, Untranslatable, effort_of, tokens_of


@pytest.mark.parametrize(
    ("reasoning", "tokens", "effort"),
    [
        (Reasoning(effort="none"), 0, "none"),
        (Reasoning(effort="medium"), 8_192, "medium"),
        (Reasoning(tokens=0), 0, "none"),
        (Reasoning(tokens=-1), None, None),
        (Reasoning(tokens=2_048), 2_048, "low"),
        (Reasoning(tokens=2_049), 2_049, "medium"),
        (Reasoning(tokens=1_000_000), 1_000_000, "high"),
        (Reasoning(adaptive=True), None, None),
    ],
)
def test_an_effort_means_a_budget_and_a_budget_an_effort(
    reasoning: Reasoning, tokens: int | None, effort: str | None
) -> None:
    assert (tokens_of(reasoning), effort_of(reasoning)) == (tokens, effort)


def test_an_error_names_the_field_and_the_way_out() -> None:
    error = Untranslatable("n", "ask for one")
    assert (error.field, error.why, str(error)) == ("n", "ask for one", "n: ask for one")

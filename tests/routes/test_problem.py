"""Problems in a line."""

import pytest

from tollway.routes.problem import Problem, Problems


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("a", "outputs.true", "no."), 'element "a", outputs.true: no.'),
        (Problem("a", "", "no."), 'element "a": no.'),
        (Problem(None, "elements", "no."), "elements: no."),
        (Problem(None, "", "no."), "no."),
    ],
)
def test_a_problem_says_where_it_is(problem: Problem, text: str) -> None:
    assert problem.text == text
    assert Problems((problem, problem)).text == f"{text} {text}"

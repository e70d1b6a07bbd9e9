import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from importlib import resources

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.autorouting.features import NAMES, features
from tollway.autorouting.scorer import FILE, Model, Scorer, is_word_problem, offers_choices

SCORER = Scorer.load()
TRIVIA = "Who painted the Mona Lisa?"
MATHS = r"Let $f(x) = x^3 - 3x + 1$. Find the sum of the squares of the real roots of $\sqrt{f(f(x))} = 0$."
PROGRAM = "Write a python function to find the longest palindromic subsequence in the given string."
PROBLEM = "Ann has 12 apples. She gives a third of them to Bob and buys 5 more. How many apples has she now?"
CHOICE = "What is the capital of France?\nA. Rome\nB. Paris\nC. Berlin\nD. Madrid\nAnswer:"
MORAL = "Which of the following statements is true of the legal doctrine?\nA. Only the first\nB. Only the second\nC. Both\nD. None\nAnswer:"
PROMPTS = (TRIVIA, MATHS, PROGRAM, PROBLEM, CHOICE, MORAL)


def shipped() -> Model:
    packed = resources.files("tollway.autorouting").joinpath(FILE).read_bytes()
    return msgspec.msgpack.decode(zlib.decompress(packed), type=Model)


def test_a_program_and_a_formula_need_the_stronger_model_more_than_trivia() -> None:
    assert SCORER.score(PROGRAM) > SCORER.score(TRIVIA)
    assert SCORER.score(MATHS) > SCORER.score(TRIVIA)


def test_a_question_of_law_needs_it_more_than_one_of_geography() -> None:
    assert SCORER.score(MORAL) > SCORER.score(CHOICE)


@given(st.text(max_size=500))
def test_every_text_has_a_score_between_0_and_1(prompt: str) -> None:
    assert 0.0 < SCORER.score(prompt) < 1.0


@pytest.mark.parametrize(
    "prompt", ["9" * 200_000, "A. 1\n" * 50_000, "\n" * 200_000, "1 = 2. " * 50_000, "東" * 200_000]
)
def test_a_huge_prompt_costs_and_scores_as_what_is_read_of_it(prompt: str) -> None:
    assert SCORER.score(prompt) == SCORER.score(prompt[:3000] + "\n" + prompt[-1000:])


def test_a_score_is_the_same_in_every_thread_and_in_every_scorer() -> None:
    expected = [SCORER.score(prompt) for prompt in PROMPTS]
    assert [Scorer.load().score(prompt) for prompt in PROMPTS] == expected
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(SCORER.score, PROMPTS * 20)) == expected * 20


def test_kinds_of_prompts_are_told_by_their_features() -> None:
    assert [offers_choices(features(prompt)) for prompt in PROMPTS] == [False, False, False, False, True, True]
    assert [is_word_problem(features(prompt)) for prompt in PROMPTS] == [False, False, False, True, False, False]


def test_a_word_problem_unlike_all_others_is_moved_no_further_than_the_bound() -> None:
    model = shipped()
    far = Scorer(msgspec.structs.replace(model, problem_offset=1e9))
    none = Scorer(msgspec.structs.replace(model, problem_offset=0.0, problem_weights=bytes(4 * len(NAMES))))
    assert far.raw(PROBLEM) - none.raw(PROBLEM) == pytest.approx(0.3)
    assert far.raw(TRIVIA) == none.raw(TRIVIA)


def test_pieces_of_words_count_where_there_are_choices_alone() -> None:
    model = shipped()
    moved = Scorer(msgspec.structs.replace(model, offset=model.offset + 1.0))
    assert [moved.raw(prompt) - SCORER.raw(prompt) for prompt in PROMPTS] == pytest.approx([0, 0, 0, 0, 1, 1])


def test_a_model_of_other_features_is_refused() -> None:
    with pytest.raises(ValueError, match=r"scripts/train_auto\.py"):
        Scorer(msgspec.structs.replace(shipped(), names=NAMES[1:]))


def test_the_command_line_and_the_gateway_start_without_it() -> None:
    code = "import sys, tollway.cli.commands, tollway.app; print('tollway.autorouting.scorer' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"

"""Conditions: compiled once, told wrong with their place, and never an exception when they are asked."""

import subprocess
import sys

import pytest

from tollway.errors import SettingsInvalid
from tollway.policies.condition import EVERYONE, Failed, compiled, context_of

WHERE = 'policy "x", condition'
CONTEXT = {"cf": {"user": {"groups": ["eng"], "email": "a@example.com"}}, "metadata": {"n": "many"}, "user": "a"}


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("true", True),
        ("false", False),
        ('"eng" in cf.user.groups', True),
        ('"ops" in cf.user.groups', False),
        ('cf.user.email.endsWith("@example.com")', True),
        ('cf.user.email.matches("^[a-z]@example[.]com$")', True),
        ('cf.user.groups.exists(g, g.startsWith("e"))', True),
        ("size(cf.user.groups) == 1", True),
    ],
)
def test_a_condition_answers(source: str, answer: bool) -> None:
    assert compiled(source, WHERE).holds(context_of(CONTEXT)) is answer


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("int(metadata.n) > 3", "RuntimeError"),
        ('cf.user.email.matches("(" + user)', "RuntimeError"),
        ("cf.user.groups[7] == user", ""),
        ("cf.user.email", "it is a text, not true or false"),
        ("size(user) / 0 == 1", "ZeroDivisionError"),
        ('cf.country == "US"', "KeyError"),
        ("user > int(3)", "TypeError"),
    ],
)
def test_what_goes_wrong_is_an_answer(source: str, why: str) -> None:
    found = compiled(source, WHERE).holds(context_of(CONTEXT))
    assert isinstance(found, Failed)
    assert why in found.why


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("cf.user.email ==", f"{WHERE}, column 17: it ends too early; in: cf.user.email =="),
        ('cf.user.email = "x"', f'{WHERE}, column 15: "=" compares nothing; write "=="; in: cf.user.email = "x"'),
        ("true\n&& user == @@", f'{WHERE}, line 2, column 12: "@" is no part of the language; in: && user == @@'),
        ("cf.user.groups[", f"{WHERE}, column 16: it ends too early; in: cf.user.groups["),
        ("user ? true", f"{WHERE}, column 12: it ends too early; in: user ? true"),
        ("(true", f'{WHERE}, column 6: it ends too early: ")" is missing; in: (true'),
        ("!", f"{WHERE}, column 2: it ends too early; in: !"),
        ("user == 'a", f"{WHERE}, column 9: the text 'a has no closing quote; in: user == 'a"),
        ("true | true", f'{WHERE}, column 6: "|" joins nothing; write "||"; in: true | true'),
        ("true)", f"{WHERE}, column 5: ) cannot stand here; in: true)"),
        ("[1 2]", f"{WHERE}, column 4: 2 cannot stand here; in: [1 2]"),
        ("cf..user", f'{WHERE}, column 4: nothing that has a meaning stands behind ".."; in: cf..user'),
        ("has(1)", f"{WHERE}, column 5: has() asks for one field, such as has(metadata.team); in: has(1)"),
        ("user user", f"{WHERE}, column 6:"),
        ("user.startsWth('a')", f'{WHERE}, column 6: no function "startsWth"; did you mean "startsWith"? In: '),
        ("", f'{WHERE}: it is empty; write "true" where it always holds.'),
        ('"true"', f'{WHERE}: "true" cannot be asked: it is a text, not true or false.'),
        ("1+1", f"{WHERE}: 1+1 cannot be asked: it is a number, not true or false."),
        ("1 / 0 == 1", f"{WHERE}: 1 / 0 == 1 cannot be asked: ZeroDivisionError"),
        ("(" * 3_000, f"{WHERE}"),
        ("true || " * 600 + "true", f"{WHERE}: it has 4,804 characters; write 4,000 at most."),
        (
            'cf.user.email.matches("(")',
            f'{WHERE}, column 23: "(" is no regular expression: unclosed group. In: cf.user.email.matches("(")',
        ),
        (
            'cf.user.id == "a" ||\n  user.matches(r"(?=a)b")',
            f'{WHERE}, line 2, column 16: r"(?=a)b" is no regular expression: look-around',
        ),
        ('user.matches("a{1000000}")', f'{WHERE}, column 14: "a{{1000000}}" is no regular expression: Compiled regex'),
        ("cf.user.nope == user", f'{WHERE}, column 1: nothing is called "cf.user.nope"'),
    ],
)
def test_what_is_no_condition_is_told_with_its_place(source: str, said: str) -> None:
    with pytest.raises(SettingsInvalid) as raised:
        compiled(source, WHERE)
    assert str(raised.value).startswith(said)
    assert len(str(raised.value)) < 800


def test_a_pattern_that_is_right_or_made_up_of_others_is_left_to_whom_it_is_asked_of() -> None:
    good = compiled('cf.user.email.matches("^[a-z]+@example\\\\.com$")', WHERE)
    assert good.holds(context_of({"cf": {"user": {"email": "ann@example.com"}}})) is True
    assert good.holds(context_of({"cf": {"user": {"email": "ann@example-com"}}})) is False
    made = compiled("cf.user.email.matches(user)", WHERE)
    assert isinstance(made.holds(context_of({"cf": {"user": {"email": "a"}}, "user": "("})), Failed)
    # Text that only looks like a call of it is none.
    compiled("user == 'matches(\"(\")'", WHERE)


def test_equal_conditions_are_one_and_know_what_they_are_about() -> None:
    assert compiled(" true ", WHERE) is EVERYONE
    one, other = compiled('user == "a"', WHERE), compiled('user == "a"', WHERE)
    assert one == other and hash(one) == hash(other) and one != EVERYONE
    assert not one.of_target and compiled('model == "a"', WHERE).of_target
    assert compiled("user == provider", WHERE).of_target


def test_neither_a_prompt_nor_a_console_is_loaded_for_a_condition() -> None:
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from tollway.policies.condition import compiled; assert 'cel.cel' not in sys.modules; "
            "compiled('user == \"a\"', 'x'); assert 'cel.cel' in sys.modules; print('prompt_toolkit' in sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "False"

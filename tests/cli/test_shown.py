import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollway.cli.shown import amount, bar, charged, complain, instant, json_text, rows, say, share, show_json, table


@given(st.integers(-(10**12), 10**12), st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_bar_is_always_as_long_as_it_should_be(spent: int, held: int, limit: int) -> None:
    assert len(bar(spent, held, limit, 20)) == 20


@pytest.mark.parametrize(
    ("spent", "held", "limit", "drawn"),
    [
        (0, 0, 10, "...................."),
        (1, 0, 1000, "#..................."),
        (5, 5, 20, "#####=====.........."),
        (10, 0, 10, "####################"),
        (30, 5, 10, "####################"),
        (0, 0, 0, "####################"),
    ],
)
def test_a_bar_shows_spent_held_and_left(spent: int, held: int, limit: int, drawn: str) -> None:
    assert bar(spent, held, limit, 20) == drawn


def test_amounts_have_a_currency_and_times_a_zone() -> None:
    assert amount("0.00042") == "$0.00042"
    assert amount("1234.5") == "$1,234.50"
    assert amount(None) == "unknown"
    assert instant("2026-07-01T13:05:09.123Z") == "2026-07-01 13:05:09 UTC"
    assert instant(None) == "never"


def test_a_share_of_nothing_is_no_number() -> None:
    assert share(1, 3) == "33.3 %"
    assert share(0, 0) == "-"


def test_a_share_below_nothing_is_as_large_as_the_same_one_above() -> None:
    assert share(-107, 1000) == "-10.7 %"
    assert share(-1, 10_000) == "0.0 %"


STEERING = "ml\x1b[2J\x9b31m\u202egnp\x07"


def test_what_somebody_wrote_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"team {STEERING}")
    complain(f"team {STEERING}")
    rows(table("Teams", ("team", "left")), [(STEERING,)])
    told = capsys.readouterr()
    assert "team ml\N{REPLACEMENT CHARACTER}[2J" in told.out
    for text in (told.out, told.err):
        assert set("\x1b\x9b\u202e\x07").isdisjoint(text)


def test_one_long_name_makes_no_column_of_a_pipe_wider_than_others_can_bear(capsys: pytest.CaptureFixture[str]) -> None:
    rows(table("Spend", ("team", "left"), ("spent", "right")), [["x" * 500, "$1.00"], ["ml", "$2.00"]])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) < 120
    assert "".join(lines).count("x") == 500


def test_letters_of_every_language_and_ends_of_lines_stay(capsys: pytest.CaptureFixture[str]) -> None:
    say("Forschung für 研究, فريق\nzwei")
    assert capsys.readouterr().out == "Forschung für 研究, فريق\nzwei\n"


def test_json_for_a_terminal_says_the_same_and_cannot_steer_it(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"team": STEERING + "研究\U000e0067", STEERING: [1, None]}
    show_json(value)
    text = capsys.readouterr().out
    assert json.loads(text) == value
    assert "研究" in text
    assert all(each.isprintable() or each == "\n" for each in text)
    assert json_text({"a": "b"}) == '{"a": "b"}'


def test_what_was_not_billed_is_not_unknown_and_what_is_unknown_is_not_zero() -> None:
    def said(billing: str, amount_usd: str | None = None) -> str:
        return charged({"amount_usd": amount_usd, "billing": billing})

    assert said("charged", "0.5") == "$0.50"
    assert (said("not_billed"), said("not_sent"), said("unknown")) == ("$0.00, not billed", "not sent", "unknown")

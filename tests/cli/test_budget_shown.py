import pytest

from tollway.cli.budget_shown import show_budget

ACCOUNT = {
    "account": "each[user=ann]",
    "values": {"user": "ann"},
    "limit_usd": None,
    "spent_usd": "1.5",
    "held_usd": "0",
    "available_usd": None,
    "frozen": True,
    "resets_at": None,
}
BUDGET = {
    "id": "each",
    "name": "each [a day]",
    "mode": "monitor",
    "enabled": False,
    "frozen": True,
    "limit_usd": "5",
    "window_text": "the last 24 hours",
    "parent": "all",
    "split_by": ["user"],
    "where": [{"attribute": "model", "negated": True, "patterns": ["a", "b"]}],
    "overrides": [{"values": {"user": "ann"}, "limit_usd": None}],
    "actions": [
        {"at_percent": 80, "do": "slow", "delay_ms": 500, "to": None, "priority": "batch"},
        {"at_percent": 100, "do": "downgrade", "delay_ms": None, "to": "openai/x", "priority": None},
    ],
    "carry_over_usd": "2",
    "note": "ask Ann",
    "last_hit": {"at": "2026-07-01T00:00:00.000Z", "request_id": "r1", "code": "budget_exceeded"},
    "controls": [],
    "accounts": [ACCOUNT],
    "accounts_total": 3,
}


def test_a_limit_that_is_not_known_is_a_dash_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    note = '$1 by policy "each", or $3 by policy "leads": their conditions say which holds for a request.'
    show_budget({**BUDGET, "accounts": [{**ACCOUNT, "limit_note": note}], "overrides": []})
    said = capsys.readouterr().out
    assert note in " ".join(said.split()) and "no limit" not in said


def test_everything_that_is_set_is_shown_in_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    show_budget(BUDGET)
    said = capsys.readouterr().out
    for words in (
        "each [a day] (only watches, switched off, FROZEN)",
        "limit      $5.00, the last 24 hours",
        "where      model is not a or b",
        "override   ann: no limit",
        "at  80 %   slow by 500 ms, batch and below",
        "at 100 %   downgrade to openai/x",
        "carries    up to $2.00",
        "last hit   2026-07-01 00:00:00 UTC, r1",
        "each[user=ann] (frozen)",
        "2 more accounts.",
    ):
        assert words in said, words

"""What budgets do once a part of their limit is spent."""

from typing import Any

import msgspec
import pytest
import world
from playbook import OK, Playbook, budget, refused, whole

from tollway.exchange.recheck import Recheck
from tollway.exchange.steps import Forward, Pause, Read, Release, Reserve, Settle
from tollway.ledger.reservation import Balance, Held

HALF = 500_000_000
"""Nanodollars: half of the limit of one dollar."""


def acting(*actions: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return budget(actions=list(actions), **fields)


def begun(settings: dict[str, Any], **asked: Any) -> Playbook:
    play = Playbook(world.snapshot(**settings), **asked)
    play.authenticated()
    return play


def headers_of(play: Playbook) -> dict[bytes, bytes]:
    play.on(Forward, OK)
    play.on(Read, whole(raw=b"{}"))
    play.on(Settle, None)
    send, _ = play.sent_and_logged()
    return dict(send.headers)


@pytest.mark.parametrize(("spent", "warned"), [(HALF - 1, False), (HALF, True)])
def test_a_budget_warns_from_its_percentage_on(spent: int, warned: bool) -> None:
    play = begun(acting({"at": 50, "do": "warn"}))
    play.held(spent)
    said = headers_of(play).get(b"tollway-budget-warning")
    assert (said == b"b: $0.50 of $1.00 spent") is warned


def test_a_request_is_slowed_down_once_by_the_longest_delay() -> None:
    play = begun(acting({"at": 10, "do": "slow", "delay_ms": 100}, {"at": 50, "do": "slow", "delay_ms": 750}))
    pause = play.held(HALF)
    assert isinstance(pause, Pause) and pause.delay_ms == 750
    play.on(Pause, None)
    play.authenticated()
    assert isinstance(play.on(Recheck, Held(())), Forward)


def test_nothing_is_slowed_down_below_the_percentage() -> None:
    play = begun(acting({"at": 60, "do": "slow", "delay_ms": 100}))
    assert isinstance(play.held(HALF), Forward)


DOWN = {"at": 50, "do": "downgrade", "to": "openai/gpt-4.1-nano"}
EXPENSIVE = {"where": {"model": ["openai/gpt-4o-mini"]}}


def test_a_cheaper_model_serves_once_so_much_is_spent() -> None:
    play = begun(acting(DOWN, **EXPENSIVE))
    release = play.held(HALF)
    assert isinstance(release, Release)
    again = play.on(Release, None)
    assert isinstance(again, Reserve)
    assert again.reservation.id.endswith(".2")
    # The budget is about the model that was asked for alone.
    assert again.reservation.holds == ()
    forward = play.held()
    assert isinstance(forward, Forward)
    assert forward.route.model == "gpt-4.1-nano" and b'"gpt-4.1-nano"' in forward.body
    headers = headers_of(play)
    assert headers[b"tollway-model"] == b"gpt-4.1-nano"


def test_a_cheaper_model_serves_where_the_budget_is_spent() -> None:
    play = begun(acting({**DOWN, "at": 100}, **EXPENSIVE))
    limit = play.command.reservation.holds[0].limit
    again = play.refused_by(0, spent=limit)
    assert isinstance(again, Reserve) and again.reservation.holds == ()
    assert isinstance(play.held(), Forward)


def test_a_cheaper_model_that_the_same_budget_counts_is_refused_by_it_too() -> None:
    play = begun(acting({**DOWN, "at": 100}))
    limit = play.command.reservation.holds[0].limit
    play.refused_by(0, spent=limit)
    play.refused_by(0, spent=limit)
    code, _, record = refused(play)
    assert code == "budget_exceeded"
    assert [d.code for d in record.decisions if d.outcome == "note"] == ["downgraded"]


def test_a_model_of_another_api_does_not_take_over_and_the_log_says_so() -> None:
    play = begun(acting({**DOWN, "to": "google/gemini-2.0-flash"}), path="/v1/messages", api="anthropic.messages", dialect="anthropic",
                 body={"model": "anthropic/claude-sonnet-4-5", "max_tokens": 300, "messages": []})  # fmt: skip
    assert isinstance(play.held(HALF), Forward)
    play.on(Forward, OK)
    play.on(Read, whole(raw=b"{}"))
    play.on(Settle, None)
    _, record = play.sent_and_logged()
    assert "not_downgraded" in [d.code for d in record.decisions]


def test_an_action_may_mean_some_requests_only() -> None:
    settings = acting({"at": 50, "do": "warn", "where": {"user": "bob@example.com"}})
    play = begun(settings)
    play.held(HALF)
    assert b"tollway-budget-warning" not in headers_of(play)


def test_an_action_for_a_class_means_those_below_it_too() -> None:
    settings = acting(
        {"at": 50, "do": "warn", "priority": "standard"}, {"at": 50, "do": "slow", "delay_ms": 9, "priority": "batch"}
    )
    play = begun(settings)
    assert isinstance(play.held(HALF), Forward)
    assert b"tollway-budget-warning" in headers_of(play)


def test_a_percentage_is_of_the_whole_limit_where_the_request_may_use_a_share_of_it_only() -> None:
    play = begun(acting({"at": 80, "do": "warn"}, {"at": 90, "do": "block", "priority": "standard"}))
    hold = play.command.reservation.holds[0]
    share = hold.limit * 90 // 100
    play.on(Reserve, Held((Balance(hold.account, hold.limit * 79 // 100, hold.amount, share),)))
    assert b"tollway-budget-warning" not in headers_of(play)


def test_blocking_below_the_limit_is_a_share_of_the_hold() -> None:
    play = begun(acting({"at": 80, "do": "block", "priority": "standard"}))
    assert play.command.reservation.holds[0].share == 80
    assert begun(acting({"at": 80, "do": "block", "priority": "batch"})).command.reservation.holds[0].share == 100


def test_a_refusal_behind_a_downgrade_names_the_model_that_was_judged_and_the_one_asked_for() -> None:
    play = begun(acting({**DOWN, "at": 100}))
    limit = play.command.reservation.holds[0].limit
    play.refused_by(0, spent=limit)
    play.refused_by(0, spent=limit)
    _, send, record = refused(play)
    said = msgspec.json.decode(send.body)["error"]
    assert (
        'It is "openai/gpt-4.1-nano" that was refused, which budget "b" has serve instead of "openai/gpt-4o-mini".'
        in said["message"]
    )
    assert said["tollway"]["asked_model"] == "openai/gpt-4o-mini"
    assert said["tollway"]["judged_model"] == "openai/gpt-4.1-nano"
    assert said["message"] in record.decisions[-1].detail


def test_a_warning_never_says_that_a_budget_is_spent_which_is_not() -> None:
    play = begun(acting({"at": 50, "do": "warn"}))
    play.held(999_999_000)
    assert headers_of(play)[b"tollway-budget-warning"] == b"b: $0.999999 of $1.00 spent"

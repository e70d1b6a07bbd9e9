"""How much is held for an attempt, and what is told where it cannot be; with the whole story around it."""

from typing import Any

import pytest
import world
from playbook import DAY, OK, OK_STREAM, Playbook, budget, refused, whole

from tollway.exchange.allowance import CHUNK_TOKENS
from tollway.exchange.authenticate import authenticate
from tollway.exchange.exchange import exchange
from tollway.exchange.steps import Forward, Log, Read, Relay, Reserve, Settle
from tollway.ledger.reservation import Balance, Exhausted, Held
from tollway.pricing.calibration import Calibration, Observed

LONG = {
    "model": "openai/gpt-4o-mini",
    "messages": [{"role": "user", "content": "hi"}],
    "stream": True,
    "max_tokens": 16_000,
}
# gpt-4o-mini costs $0.60 per million tokens of output.
PER_TOKEN = 600


def reserved(play: Playbook) -> Any:
    command = play.command
    assert isinstance(command, Reserve)
    return command.reservation


def test_a_stream_holds_its_input_and_one_chunk() -> None:
    play = Playbook(body=LONG)
    play.authenticated()
    made = reserved(play)
    whole_body = Playbook(body={**LONG, "stream": False})
    whole_body.authenticated()
    plain = reserved(whole_body)
    assert all(hold.metered for hold in made.holds) and not any(hold.metered for hold in plain.holds)
    assert made.bound == made.holds[0].amount
    # Both have the same input; 16,000 tokens are not held for, 2,048 are.
    assert plain.bound - made.bound == pytest.approx((16_000 - CHUNK_TOKENS) * PER_TOKEN, rel=0.01)
    # Nothing is known of how long its answers are.
    assert made.likely == plain.likely == 0


@pytest.mark.parametrize(
    "why",
    [
        {"body": {**LONG, "max_tokens": 500}},
        {"body": {**LONG, "model": "openai/o3"}},
        {"body": {**LONG, "model": "openai/gpt-5"}},
    ],
    ids=["it is short", "it may reason unseen", "it does reason unseen"],
)
def test_where_metering_is_unsound_or_useless_the_whole_is_held(why: dict[str, Any]) -> None:
    play = Playbook(**why)
    play.authenticated()
    assert not any(hold.metered for hold in reserved(play).holds)


def test_what_answers_of_the_model_are_likely_to_come_to_is_kept_from_newcomers() -> None:
    learned = Calibration()
    for _ in range(32):
        learned.learn(Observed("openai", "gpt-4o-mini", 100, 10**6, 10**5, 25, 9_000))
    steps = exchange(world.request(LONG), world.snapshot(), world.calendar(), world.NOW, learned)
    asked: Any = next(steps)
    reserve = steps.send(authenticate(asked.request, world.snapshot()))
    assert isinstance(reserve, Reserve)
    assert reserve.reservation.likely > 9_000 * PER_TOKEN > reserve.reservation.bound


def test_a_budget_that_only_watches_is_metered_like_one_that_enforces() -> None:
    play = Playbook(world.snapshot(**budget(mode="monitor")), body=LONG)
    play.authenticated()
    assert all(hold.metered and not hold.enforced for hold in reserved(play).holds)


def test_a_budget_that_only_watches_and_would_have_ended_an_answer_is_logged() -> None:
    play = Playbook(world.snapshot(**budget(mode="monitor")), body=LONG)
    play.forwarded()
    play.on(Forward, OK_STREAM)
    play.on(Relay, whole(streamed=True, would_refuse=(0,)))
    log = play.on(Settle, None)
    assert [(d.step, d.code, d.rule) for d in log.record.decisions if d.outcome == "note"] == [
        ("relay", "would_refuse", "b")
    ]


@pytest.mark.parametrize("fields", [{"guarantee": "expected"}, {"guarantee": "settled"}])
def test_only_hard_budgets_are_metered_for(fields: dict[str, Any]) -> None:
    play = Playbook(world.snapshot(**budget(**fields)), body=LONG)
    play.authenticated()
    assert not any(hold.metered for hold in reserved(play).holds)


def test_a_provider_that_bills_after_a_disconnect_is_not_metered() -> None:
    providers = {"openai": {"api_key": "sk-provider-secret", "bills_after_disconnect": True}}
    play = Playbook(world.snapshot(providers=providers), body=LONG)
    play.authenticated()
    assert not any(hold.metered for hold in reserved(play).holds)


def test_what_is_left_for_no_chunk_is_held_as_a_whole_with_a_lower_cap() -> None:
    play = Playbook(world.snapshot(**budget(limit="0.002")), body=LONG)
    play.authenticated()
    first = reserved(play)
    assert first.holds[0].amount > 1_000_000
    limit = first.holds[0].limit
    again = play.refused_by(0, spent=limit - 1_000_000)
    assert isinstance(again, Reserve)
    assert not again.reservation.holds[0].metered
    assert again.reservation.holds[0].amount <= 1_000_000
    forward = play.held()
    assert isinstance(forward, Forward) and forward.rewrite is not None
    assert forward.rewrite.cap is not None and 256 <= forward.rewrite.cap < CHUNK_TOKENS


def test_a_stream_has_its_allowance_with_it() -> None:
    play = Playbook(body=LONG)
    forward = play.forwarded()
    assert forward.allowance is not None and forward.stops is not None


def test_a_stream_that_is_held_as_a_whole_may_still_be_ended() -> None:
    forward = Playbook(body={**LONG, "max_tokens": 300}).forwarded()
    assert forward.allowance is None and forward.stops is not None
    assert Playbook(body={**LONG, "stream": False}).forwarded().stops is None


def test_a_stream_that_was_ended_for_its_cost_is_settled_as_counted_and_logged_as_refused() -> None:
    play = Playbook(body=LONG)
    forward = play.forwarded()
    assert forward.stops is not None
    play.on(Forward, OK_STREAM)
    hold = play.commands[1].reservation.holds[0]  # type: ignore[union-attr]
    refusal = forward.stops(Exhausted(0, Balance(hold.account, hold.limit - 5, 5, hold.limit), True))
    assert refusal.code == "budget_exceeded" and "company" in refusal.message and "ended" in refusal.message
    settle = play.on(
        Relay,
        whole(None, reason="over_budget", output_bytes=1_900, streamed=True, finished=False, refusal=refusal),
    )
    assert isinstance(settle, Settle)
    assert settle.entry.charge.basis == "counted"
    assert 0 < settle.entry.charge.amount <= hold.amount
    log = play.on(Settle, None)
    assert isinstance(log, Log)
    assert (log.record.status, log.record.code) == (200, "budget_exceeded")
    assert [d.step for d in log.record.decisions if d.outcome == "deny"] == ["relay"]


def test_what_stops_a_stream_says_so_where_the_ledger_is_away_or_the_account_is_frozen() -> None:
    play = Playbook(body=LONG)
    forward = play.forwarded()
    assert forward.stops is not None
    hold = play.commands[1].reservation.holds[0]  # type: ignore[union-attr]
    assert forward.stops(None).code == "budget_store_unavailable"
    frozen = forward.stops(Exhausted(0, Balance(hold.account, 0, 5, hold.limit), False, True))
    assert frozen.code == "budget_frozen" and "unfrozen" in frozen.message


def test_a_frozen_account_refuses_without_trying_less() -> None:
    play = Playbook(body=LONG)
    play.authenticated()
    hold = play.command.reservation.holds[0]
    play.on(Reserve, Exhausted(0, Balance(hold.account, 0, 0, hold.limit), False, True))
    code, send, _ = refused(play)
    assert (code, send.status) == ("budget_frozen", 429)


def test_a_request_that_more_accounts_count_than_can_be_held_at_once_is_refused() -> None:
    budgets = [{"name": f"b{n}", "limit": "1", "window": DAY} for n in range(33)]
    play = Playbook(world.snapshot(budgets=budgets), body=LONG)
    play.authenticated()
    code, send, _ = refused(play)
    assert (code, send.status) == ("budget_legs", 422)
    assert b"33 accounts" in send.body


def test_a_monitored_budget_says_in_a_header_that_it_would_have_refused() -> None:
    play = Playbook(world.snapshot(**budget(mode="monitor")))
    play.authenticated()
    play.held(would_refuse=(0,))
    play.on(Forward, OK)
    play.on(Read, whole(raw=b"{}"))
    play.on(Settle, None)
    send, record = play.sent_and_logged()
    assert dict(send.headers)[b"tollway-budget-would-block"] == b"b"
    assert [d.code for d in record.decisions if d.outcome == "note"] == ["would_refuse"]


def test_what_was_sent_and_not_answered_costs_what_was_held_of_a_stream() -> None:
    from tollway.exchange.steps import NoAnswer

    play = Playbook(body=LONG)
    play.forwarded()
    settle = play.on(Forward, NoAnswer("upstream_timeout", "silence", 1))
    assert settle.entry.charge.amount == play.commands[1].reservation.bound  # type: ignore[union-attr]


def test_the_log_has_how_the_hold_of_a_stream_followed_it() -> None:
    play = Playbook(body=LONG)
    forward = play.forwarded()
    assert forward.allowance is not None
    forward.allowance.raised(4_096)
    play.on(Forward, OK_STREAM)
    play.on(Relay, whole(reason="client_gone", streamed=True, output_bytes=3_000))
    settle = play.on(Settle, None)
    assert isinstance(settle, Log)
    record = settle.record
    assert record.raised is not None and record.raised.times == 1
    assert record.raised.first == record.holds[0].amount
    assert record.raised.last - record.raised.first == (4_096 - CHUNK_TOKENS) * PER_TOKEN


def test_the_log_of_what_is_held_as_a_whole_has_nothing_that_followed() -> None:
    play = Playbook()
    play.forwarded()
    play.on(Forward, OK)
    play.on(Read, whole(raw=b"{}"))
    play.on(Settle, None)
    _, record = play.sent_and_logged()
    assert record.holds and record.raised is None


@pytest.mark.parametrize(
    ("said", "lenient"),
    [(("allow", "allow"), True), (("allow", "block"), False), (("block",), False), ((), False)],
)
def test_a_request_may_go_on_without_the_store_where_every_budget_that_counts_it_says_so(
    said: tuple[str, ...], lenient: bool
) -> None:
    budgets = [
        {"name": f"b{number}", "limit": "1", "window": DAY, "on_store_failure": each}
        for number, each in enumerate(said)
    ]
    play = Playbook(world.snapshot(budgets=budgets))
    play.authenticated()
    assert reserved(play).lenient is lenient


def test_a_request_that_went_on_without_the_store_says_so_in_the_log() -> None:
    play = Playbook()
    play.authenticated()
    holds = reserved(play).holds
    balances = tuple(Balance(hold.account, 0, hold.amount, hold.limit) for hold in holds)
    play.on(Reserve, Held(balances, unwritten=True))
    play.on(Forward, OK)
    play.on(Read, whole())
    play.on(Settle, None)
    _, record = play.sent_and_logged()
    (note,) = [each for each in record.decisions if each.code == "unwritten"]
    assert (note.step, note.outcome) == ("reserve", "note")


def test_a_stored_prompt_is_refused_where_a_budget_must_hold_it() -> None:
    asked: dict[str, Any] = {"api": "openai.responses", "path": "/v1/responses"}
    body = {"model": "openai/gpt-4o-mini", "prompt": {"id": "pmpt_1"}, "max_output_tokens": 1_000}
    play = Playbook(body=body, **asked)
    play.authenticated()
    code, send, _ = refused(play)
    assert code == "request_unbounded" and b"a stored prompt, which may hold tools, has no bound" in send.body
    expected = Playbook(world.snapshot(**budget(guarantee="expected")), body=body, **asked)
    expected.authenticated()
    # The context window, and 32 searches of the web at a cent each, before anything was learned.
    assert reserved(expected).bound > 128_000 * 150 + 32 * 10_000_000


@pytest.mark.parametrize(
    ("asked", "least"),
    [
        ({"body": {**LONG, "prediction": {"type": "content", "content": "1 2 3 4 " * 5_000}}}, 40_000 + 16_000),
        (
            {
                "api": "openai.responses",
                "path": "/v1/responses",
                "body": {
                    "model": "openai/gpt-4o-mini",
                    "input": "hi",
                    "max_output_tokens": 16_000,
                    "stream": True,
                    "background": True,
                },
            },
            16_000,
        ),
    ],
)
def test_what_a_stream_hides_is_held_as_a_whole_and_presumed_where_its_end_was_not_seen(
    asked: dict[str, Any], least: int
) -> None:
    for reason in ("broken_off", "client_gone"):
        play = Playbook(**asked)
        forward = play.forwarded()
        assert forward.allowance is None
        assert forward.reservation.bound >= least * PER_TOKEN and not any(h.metered for h in forward.reservation.holds)
        play.on(Forward, OK_STREAM)
        settle = play.on(Relay, whole(None, streamed=True, finished=False, reason=reason, output_bytes=900))
        assert isinstance(settle, Settle)
        assert (settle.entry.charge.amount, settle.entry.charge.basis) == (forward.reservation.bound, "presumed")

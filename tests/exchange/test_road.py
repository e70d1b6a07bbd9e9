"""The road of a request: what is tried after what, and what the caller is told in the end."""

import json
from typing import Any

import msgspec
import pytest
import world
from playbook import DAY, JSON, OK, OK_STREAM, Playbook, budget, refused, whole
from roads import CLAUDE, FAILS, MINI, NANO, ROUTED, Road, broken, chain, elements, model, pool, rate, tries

from tollway.exchange.authenticate import authenticate
from tollway.exchange.selection import Selection, select
from tollway.exchange.steps import (
    Booked,
    Consult,
    Forward,
    Head,
    Log,
    NoAnswer,
    NotSent,
    Pause,
    Read,
    Relay,
    Release,
    Reserve,
    Seen,
    Send,
    Settle,
    Weighed,
)
from tollway.exchange.target import Target, choose
from tollway.identity.identity import Identity
from tollway.ledger.reservation import Balance, Exhausted
from tollway.logs.record import LogRecord
from tollway.money import dollars
from tollway.request import Ask


def road(settings: dict[str, Any], **asked: Any) -> Road:
    """A caller of the route, let in."""
    found = Road(world.snapshot(**{"budgets": [], **settings}), **asked)
    found.authenticated()
    return found


def headers_of(send: Send | Relay) -> dict[bytes, bytes]:
    return dict(send.headers)


def passed_over(record: LogRecord) -> list[str]:
    return [d.detail.partition(":")[0] for d in record.decisions if d.code == "passed_over"]


def test_a_routes_model_is_called_by_its_own_name_and_the_caller_is_told_which() -> None:
    play = road(chain(NANO))
    play.answers()
    assert json.loads(play.forwards[0].body)["model"] == "gpt-4.1-nano"
    send, record = play.sent_and_logged()
    said = headers_of(send)
    assert (said[b"tollway-provider"], said[b"tollway-model"], said[b"tollway-step"]) == (
        b"openai",
        b"gpt-4.1-nano",
        b"0",
    )
    assert (record.provider, record.request_model, passed_over(record)) == ("openai", "gpt-4.1-nano", [])
    assert [(d.rule, d.detail) for d in record.decisions if d.code == "route"] == [("x", "start > m0")]


def test_a_target_that_fails_is_followed_by_the_next_and_each_try_is_a_reservation_of_its_own() -> None:
    play = road(chain(NANO, MINI))
    play.fails()
    play.answers()
    send, record = play.sent_and_logged()
    assert play.called == [NANO, MINI]
    said = headers_of(send)
    assert (said[b"tollway-step"], said[b"tollway-model"]) == (b"1", b"gpt-4o-mini")
    ids = [one.reservation.id for one in play.forwards]
    assert ids == [f"{play.request.id}.1", f"{play.request.id}.2"]
    assert passed_over(record) == ["openai/gpt-4.1-nano (upstream_invalid)"]
    assert [(a.number, a.model, a.outcome, a.status) for a in record.attempts] == [
        (1, "gpt-4.1-nano", "rejected", 500),
        (2, "gpt-4o-mini", "answered", 200),
    ]
    assert record.attempts[0].cost is None and record.attempts[1].cost == record.charge.amount  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "reply",
    [NotSent("upstream_unreachable", "no", 1), NoAnswer("upstream_timeout", "silence", 1), Head(429, (), False, 1)],
)
def test_whatever_goes_wrong_with_a_target_the_next_is_tried(reply: Any) -> None:
    play = road(chain(NANO, MINI))
    play.held()
    play.on(Forward, reply)
    if isinstance(reply, Head):
        play.on(Read, whole(None))
    play.on(type(play.command), None)
    play.answers()
    assert play.called == [NANO, MINI]
    _, record = play.sent_and_logged()
    assert record.status == 200


def test_what_was_sent_and_not_answered_is_presumed_and_logged_with_its_cost_beside_the_answers() -> None:
    play = road(chain(NANO, MINI))
    play.held()
    presumed = play.on(Forward, NoAnswer("upstream_timeout", "silence", 1))
    assert isinstance(presumed, Settle) and presumed.entry.kind == "presumed"
    play.on(Settle, None)
    play.answers()
    send, record = play.sent_and_logged()
    settles = [command for command in play.commands if isinstance(command, Settle)]
    assert [entry.entry.attempt for entry in settles] == [1, 2]
    assert len({entry.entry.id for entry in settles}) == 2
    first, second = (entry.entry.charge.amount for entry in settles)
    assert [attempt.cost for attempt in record.attempts] == [first, second]
    assert record.charge is not None and record.charge.amount == first + second
    assert record.charge.basis == "presumed" and sum(line.amount for line in record.charge.lines) == first + second
    # The header tells what the log does: all that was booked for the answer that the caller has.
    assert headers_of(send)[b"tollway-cost-usd"] == dollars(first + second).encode() and second == 9_000


def test_the_last_failure_is_what_the_caller_sees_in_the_providers_own_words() -> None:
    play = road(chain(NANO, MINI))
    play.fails(body=b'{"error": "the first"}')
    play.fails(Head(503, JSON, False, 1), b'{"error": "the last"}')
    send, record = play.sent_and_logged()
    assert (send.status, send.body) == (503, b'{"error": "the last"}')
    assert headers_of(send)[b"tollway-step"] == b"1", "the last target was not passed over for another"
    assert passed_over(record) == ["openai/gpt-4.1-nano (upstream_invalid)"]
    assert (record.status, record.code, record.charge) == (503, "upstream_error", None)


def test_a_refusal_behind_a_providers_error_is_what_the_caller_sees() -> None:
    play = road({**chain(MINI, NANO), **budget(where={"model": NANO})})
    play.fails()
    play.refused_by(0, spent=10**9)
    code, send, record = refused(play)
    assert (code, send.status) == ("budget_exceeded", 429)
    assert len(record.attempts) == 1 and record.response_bytes == 0 and record.durations.upstream_us is None


def test_a_target_whose_budget_is_exhausted_is_passed_over_on_the_model_really_used() -> None:
    both = {"budgets": [{"name": "dear", "limit": "1", "window": DAY, "where": {"model": MINI}}]}
    play = road({**chain(MINI, NANO), **both})
    assert [hold.account for hold in play.command.reservation.holds] == ["dear"]
    play.refused_by(0, spent=10**9)
    assert play.command.reservation.holds == (), "the other model is none of that budget's"
    play.answers()
    send, record = play.sent_and_logged()
    assert play.called == [NANO]
    assert passed_over(record) == ["openai/gpt-4o-mini (budget_exceeded)"]
    said = headers_of(send)
    assert said[b"tollway-step"] == b"1" and b"tollway-budget" not in said


@pytest.mark.parametrize("named", ["daily", "b-1"])
def test_the_fallback_may_be_exempt_from_the_budget_that_caused_it(named: str) -> None:
    settings = elements("m0", model("m0", MINI, "m1"), model("m1", NANO, exempt=[named]))
    settings |= {
        "budgets": [
            {"name": "daily", "id": "b-1", "limit": "1", "window": DAY},
            {"name": "company", "limit": "100", "window": DAY},
        ]
    }
    play = road(settings)
    assert [hold.account for hold in play.command.reservation.holds] == ["b-1", "company"]
    play.refused_by(0, spent=10**9)
    assert [(hold.account, hold.enforced) for hold in play.command.reservation.holds] == [
        ("b-1", False),
        ("company", True),
    ]
    play.answers()
    send, _ = play.sent_and_logged()
    assert headers_of(send)[b"tollway-budget"] == b"company"


def test_an_exemption_never_lifts_a_policys_limit() -> None:
    limit = {"type": "limit", "amount": "1", "period": "monthly"}
    snapshot = world.snapshot(policies=[{"name": "everyone", "action": limit}], **chain(NANO))
    request = world.request(body={**ROUTED, "model": NANO})
    target = choose(request, Ask(model=NANO), snapshot, world.NOW)
    identity = authenticate(request, snapshot)
    assert isinstance(target, Target) and isinstance(identity, Identity)
    selection = select(request, identity, target, snapshot)
    assert isinstance(selection, Selection)
    named = frozenset(name for claim in selection.claims for name in (claim.budget.id, claim.budget.name))
    left = [claim.budget for claim in selection.without(named).claims if claim.budget.mode == "enforce"]
    assert [budget.bucket is not None for budget in left] == [True]


def test_nothing_else_is_tried_once_the_caller_has_left() -> None:
    gone: list[Any] = [
        NoAnswer("budget_frozen", "frozen", 1, refused=True),
        NotSent("shutting_down", "closing", 1),
        NoAnswer("shutting_down", "closing", 1),
    ]
    for reply in gone:
        play = road(chain(NANO, MINI), handling=tries(3))
        play.held()
        play.on(Forward, reply)
        assert isinstance(play.on(type(play.command), None), Send), reply
        _, record = play.sent_and_logged()
        assert play.called == [NANO] and record.code == reply.code
    left: list[Any] = [
        NotSent("upstream_unreachable", "left", 1, gone=True),
        NoAnswer("upstream_timeout", "left", 1, gone=True),
    ]
    for reply in left:
        play = road(chain(NANO, MINI), handling=tries(3))
        play.held()
        play.on(Forward, reply)
        log = play.on(type(play.command), None)
        assert isinstance(log, Log) and log.record.code == "client_gone" and play.called == [NANO]
    play = road(chain(NANO, MINI), handling=tries(3))
    play.held()
    play.on(Forward, OK)
    play.on(Read, broken("client_gone"))
    log = play.on(Settle, None)
    assert isinstance(log, Log) and log.record.status == 499
    play.on(Log, None)
    assert play.over


def test_nothing_is_tried_again_after_the_first_byte_of_a_stream() -> None:
    play = road(chain(NANO, MINI), body={**ROUTED, "stream": True}, handling=tries(3))
    play.held()
    play.on(Forward, OK_STREAM)
    play.on(Relay, broken())
    while isinstance(play.command, Settle):
        play.on(Settle, None)
    play.on(Log, None)
    assert play.over and play.called == [NANO]


def test_what_a_limit_of_a_route_turns_away_goes_the_other_way_and_is_counted_before() -> None:
    settings = elements("r", rate("r", "m0", "m1", key="metadata.team"), model("m0", MINI), model("m1", NANO))
    play = road(settings)
    (weighed,) = [command for command in play.commands if isinstance(command, Weighed)]
    assert (weighed.weigh.key_value, weighed.weigh.limit, weighed.weigh.window_s) == ("ml", 5, 60)
    play.on(Weighed, 39_001)
    play.answers()
    play.sent_and_logged()
    assert play.called == [NANO]


@pytest.mark.parametrize("technique", ["fixed", "sliding"])
@pytest.mark.parametrize(("wait_ms", "wait"), [(1, 1), (1_000, 1), (1_001, 2), (39_999, 40), (3_600_000, 3_600)])
def test_a_route_that_ends_at_a_limit_says_so_with_429_and_when_to_come_back(
    technique: str, wait_ms: int, wait: int
) -> None:
    play = road(elements("r", rate("r", "m0", technique=technique), model("m0", MINI)))
    play.on(Weighed, wait_ms)
    code, send, _ = refused(play)
    assert (code, send.status) == ("rate_limited", 429)
    said = headers_of(send)
    assert said[b"retry-after"] == str(wait).encode() and said[b"x-should-retry"] == b"true"
    body = json.loads(send.body)["error"]
    assert body["type"] == "rate_limit_error" and '"r"' in body["message"]
    assert f"Try again in {wait:,} s." in body["message"]


@pytest.mark.parametrize("waits", [(9_000, 61_000), (61_000, 9_000)])
def test_of_several_limits_that_are_reached_the_first_to_open_says_when(waits: tuple[int, int]) -> None:
    play = road(elements("r", rate("r", "m0", "s"), rate("s", "m0"), model("m0", MINI)))
    for wait_ms in waits:
        play.on(Weighed, wait_ms)
    code, send, _ = refused(play)
    assert (code, headers_of(send)[b"retry-after"]) == ("rate_limited", b"9")


def test_a_route_without_a_model_on_its_way_says_where_it_ended() -> None:
    branch = {
        "id": "c",
        "type": "conditional",
        "properties": {"conditions": {"metadata.team": {"$eq": "sales"}}},
        "outputs": {"true": {"elementId": "m0"}, "false": {"elementId": "end"}},
    }
    play = road(elements("c", branch, model("m0", MINI)))
    code, send, _ = refused(play)
    assert (code, send.status) == ("route_unanswered", 502)
    assert '"end"' in json.loads(send.body)["error"]["message"]


def test_what_all_tries_cost_is_booked_on_the_limits_that_let_the_request_through() -> None:
    settings = elements(
        "r",
        rate("r", "s", limitType="cost", limit=1),
        rate("s", "m0", "m0", limitType="cost", limit=2),
        model("m0", MINI, "m1"),
        model("m1", NANO),
    )
    play = road(settings)
    play.on(Weighed, 0)
    play.on(Weighed, 39_001)
    play.held()
    presumed = play.on(Forward, NoAnswer("upstream_timeout", "silence", 1))
    play.on(Settle, None)
    play.held()
    play.on(Forward, OK)
    settle = play.on(Read, whole())
    play.on(Settle, None)
    play.on(Send, None)
    booked = play.on(Log, None)
    assert isinstance(booked, Booked)
    assert [weigh.element_id for weigh in booked.weighed] == ["r"]
    assert booked.nanodollars == presumed.entry.charge.amount + settle.entry.charge.amount
    play.on(Booked, None)
    assert play.over


def test_what_cost_nothing_is_booked_nowhere() -> None:
    play = road(elements("r", rate("r", "m0", limitType="cost", limit=1), model("m0", MINI)))
    play.on(Weighed, 0)
    play.fails()
    play.sent_and_logged()


def resting(play: Road, *names: str) -> None:
    play.seen = lambda asked: tuple(Seen(resting=name in names) for name in asked)  # type: ignore[method-assign]


def test_a_target_that_rests_is_passed_over_where_another_follows() -> None:
    play = Road(world.snapshot(budgets=[], **chain(NANO, MINI)))
    resting(play, NANO)
    play.authenticated()
    play.answers()
    _, record = play.sent_and_logged()
    assert play.called == [MINI] and passed_over(record) == ["openai/gpt-4.1-nano (upstream_resting)"]


def test_where_all_rest_the_last_is_tried_all_the_same() -> None:
    play = Road(world.snapshot(budgets=[], **pool("in_order", NANO, MINI)))
    resting(play, NANO, MINI)
    play.authenticated()
    play.answers()
    play.sent_and_logged()
    assert play.called == [MINI]


def test_targets_are_consulted_by_the_names_they_are_called_by() -> None:
    settings: dict[str, Any] = {
        "providers": {
            "mine": {"api": "openai", "api_key": "k", "base_url": "http://localhost:1/v1"},
            "openai": {"api_key": "k"},
        }
    }
    play = Playbook(world.snapshot(budgets=[], **pool("in_order", "mine/a", NANO), **settings), body=ROUTED)
    consult = play.authenticated()
    assert isinstance(consult, Consult) and consult.names == ("mine/a", NANO)


def test_the_cheapest_target_is_tried_first_and_one_without_a_price_last() -> None:
    play = road(pool("cheapest", "openai/never-heard-of-it", MINI, NANO))
    play.fails()
    play.fails()
    play.held()
    assert play.called == [NANO, MINI, "openai/never-heard-of-it"]


def test_the_fastest_target_is_tried_first_behind_those_nobody_has_called() -> None:
    play = Road(world.snapshot(budgets=[], **pool("least_latency", "openai/gpt-4o", MINI, NANO)))
    known = {"openai/gpt-4o": 900, MINI: 300}
    play.seen = lambda names: tuple(Seen(latency_ms=known.get(name)) for name in names)  # type: ignore[method-assign]
    play.authenticated()
    play.fails()
    play.fails()
    play.held()
    assert play.called == [NANO, MINI, "openai/gpt-4o"]


def test_weights_are_drawn_by_the_requests_id_alone() -> None:
    def first(number: int) -> str:
        play = road(pool("weighted", MINI, NANO), id=f"01900000-0000-7000-8000-{number:012d}")
        play.held()
        return play.called[0]

    found = [first(number) for number in range(40)]
    assert found == [first(number) for number in range(40)]
    assert 8 <= found.count(MINI) <= 32


def test_only_what_is_tried_before_the_last_has_the_requests_timeout() -> None:
    play = road(chain(NANO, MINI, timeout=1_500, retries=1))
    timeouts = []
    for _ in range(4):
        play.held()
        timeouts.append(play.command.timeout_ms)
        play.on(Forward, NotSent("upstream_unreachable", "no", 1))
        play.on(Release, None)
        if isinstance(play.command, Pause):
            play.on(Pause, None)
    assert timeouts == [1_500, 1_500, 1_500, None]
    assert [one.reservation.attempt for one in play.forwards] == [1, 2, 3, 4]
    refused(play)


def test_an_elements_timeout_and_retries_come_before_what_the_headers_say() -> None:
    play = road(
        elements("m0", model("m0", NANO, "m1", timeout=700, retries=0), model("m1", MINI)),
        handling=tries(2, timeout_ms=90),
    )
    play.held()
    assert play.command.timeout_ms == 700
    play.on(Forward, NotSent("upstream_unreachable", "no", 1))
    play.on(Release, None)
    play.held()
    assert play.called == [NANO, MINI] and play.command.timeout_ms == 90, "another try of the last may follow"


def test_a_route_nobody_knows_or_that_is_off_is_refused_with_those_there_are() -> None:
    settings = {
        "routes": [{"name": name, "targets": [{"model": MINI}], "enabled": name != "off"} for name in ("a", "off")]
    }
    for asked, words in (("dynamic/b", "is not known"), ("dynamic/off", "is switched off")):
        play = road(settings, body={**ROUTED, "model": asked})
        code, send, _ = refused(play)
        message = json.loads(send.body)["error"]["message"]
        assert code == "model_unknown" and words in message and message.endswith('there are: "dynamic/a".')


def test_a_route_with_bad_metadata_is_refused_before_anything_is_asked() -> None:
    play = road(chain(NANO), metadata="nonsense")
    assert refused(play)[0] == "metadata_invalid"


def test_a_route_calls_a_provider_of_another_api_in_its_words() -> None:
    play = road(chain(NANO, CLAUDE))
    play.fails()
    play.held()
    forward = play.command
    assert forward.path == "/v1/messages" and json.loads(forward.body)["model"] == "claude-sonnet-4-5"
    play.on(Forward, OK)
    said = {
        "id": "m", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "hello"}], "usage": {"input_tokens": 20, "output_tokens": 10},
    }  # fmt: skip
    play.on(Read, whole(raw=json.dumps(said).encode()))
    play.on(Settle, None)
    send, record = play.sent_and_logged()
    assert json.loads(send.body)["choices"][0]["message"]["content"] == "hello"
    assert headers_of(send)[b"tollway-provider"] == b"anthropic" and record.request_model == "claude-sonnet-4-5"


def test_a_target_that_cannot_carry_the_request_is_passed_over() -> None:
    play = road(chain(CLAUDE, NANO), body={**ROUTED, "n": 2})
    play.answers()
    _, record = play.sent_and_logged()
    assert play.called == [NANO] and passed_over(record) == [f"{CLAUDE} (translation_unsupported)"]


def calls(number: int, attempts: int) -> list[Any]:
    return [world.request({**ROUTED, "model": MINI}, handling=tries(attempts)) for _ in range(number)]


def test_an_array_of_steps_makes_ten_calls_at_most_however_often_each_may_be_tried() -> None:
    play = road({}, calls=calls(20, 4))
    while not isinstance(play.command, Send):
        if isinstance(play.command, Pause):
            play.on(Pause, None)
        else:
            play.fails()
    send, record = play.sent_and_logged()
    assert (len(play.forwards), send.status) == (10, 500), "the last provider's own error is told"
    assert [d.detail for d in record.decisions if d.code == "calls_used_up"] == [
        "steps from 3 on were not tried: 10 calls were made for one array"
    ]


def test_a_step_that_no_provider_has_seen_is_none_of_the_ten_calls() -> None:
    unknown = [world.request({**ROUTED, "model": "nobody/x"}) for _ in range(15)]
    play = road({}, calls=[*unknown, *calls(1, 1)])
    play.answers()
    send, _ = play.sent_and_logged()
    assert (send.status, headers_of(send)[b"tollway-step"]) == (200, b"15")


def test_a_budgets_downgrade_within_a_route_is_its_targets_own() -> None:
    acting = budget(where={"model": MINI}, actions=[{"at": 1, "do": "downgrade", "to": NANO}])
    play = road({**chain(MINI, "openai/gpt-4o"), **acting})
    play.refused_by(0, spent=10**9)
    assert play.command.reservation.attempt == 2
    play.fails()
    assert play.command.reservation.attempt == 3
    play.answers()
    _, record = play.sent_and_logged()
    assert play.called == [NANO, "openai/gpt-4o"] and record.status == 200


def test_a_late_try_counts_when_it_is_made_and_lives_as_long_as_any_other() -> None:
    play = road(chain(NANO, MINI), handling=tries(2))
    first = play.command.reservation
    play.held()
    play.on(Forward, NoAnswer("upstream_timeout", "silence", 90_000 * 1_000_000))
    play.on(Settle, None)
    pause = play.command.delay_ms
    second = play.on(Pause, None).reservation
    assert second.opened_at == world.NOW + 90_000 + pause
    assert second.deadline - second.opened_at == first.deadline - first.opened_at


def test_a_reply_of_the_ledger_that_nothing_can_be_held_is_no_reason_to_send() -> None:
    play = road(chain(NANO, MINI))
    for _ in range(2):
        play.on(Reserve, Exhausted(0, Balance("b", 1, 0, 1), False) if play.command.reservation.holds else _gone())
    assert refused(play)[0] == "budget_store_unavailable" and play.called == []


def _gone() -> Any:
    from tollway.ledger.reservation import Gone

    return Gone("released")


def test_a_plain_request_asks_nobody_and_weighs_nothing() -> None:
    play = Playbook(world.snapshot(budgets=[]))
    play.forwarded()
    assert play.told == ["Authenticate", "Reserve", "Forward"]


def test_a_gateways_own_settings_hold_where_headers_say_nothing() -> None:
    from roads import THRICE

    snapshot = world.snapshot(budgets=[])
    gateway = msgspec.structs.replace(snapshot.gateways["default"], retry=THRICE, timeout_ms=2_000)
    play = Playbook(msgspec.structs.replace(snapshot, gateways={"default": gateway}))
    play.forwarded()
    assert play.command.timeout_ms == 2_000
    play.on(Forward, FAILS)
    play.on(Read, whole(None))
    pause = play.on(Release, None)
    assert isinstance(pause, Pause) and 500 <= pause.delay_ms <= 1_000

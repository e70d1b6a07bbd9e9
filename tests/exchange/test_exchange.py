"""The story of a request, told as a conversation: what is commanded, in which order, and what becomes of it."""

import json
from typing import Any

import pytest
import world
from playbook import CHAT, COST, DAY, OK, OK_STREAM, STREAM, USAGE, Playbook, budget, refused, whole

from tollway.exchange.holding import LONGEST_ANSWER_S
from tollway.exchange.refusal import Refusal
from tollway.exchange.steps import (
    Authenticate,
    Forward,
    Head,
    Log,
    NoAnswer,
    NotSent,
    Read,
    Relay,
    Release,
    Reserve,
    Settle,
    Unavailable,
)
from tollway.ledger.reservation import Gone
from tollway.usage import Usage


def test_a_plain_answer_is_read_settled_and_sent_in_that_order() -> None:
    play = Playbook()
    play.forwarded()
    play.on(Forward, OK)
    settle = play.on(Read, whole(raw=b'{"the": "answer"}'))
    assert isinstance(settle, Settle)
    play.on(Settle, None)
    send, record = play.sent_and_logged()

    assert play.told == ["Authenticate", "Reserve", "Forward", "Read", "Settle", "Send", "Log"]
    assert (send.status, send.body) == (200, b'{"the": "answer"}')
    assert dict(send.headers)[b"tollway-cost-usd"] == b"0.000009"
    assert (settle.entry.kind, settle.entry.charge.amount, settle.entry.usage) == ("charge", COST, USAGE)
    assert settle.entry.reservation_id == play.commands[1].reservation.id  # type: ignore[union-attr]
    assert (settle.entry.occurred_at, settle.entry.recorded_at) == (world.NOW, world.NOW + 5)
    assert (record.status, record.code, record.charge) == (200, "", settle.entry.charge)
    assert [attempt.outcome for attempt in record.attempts] == ["answered"]


def test_a_stream_is_asked_for_its_usage_relayed_and_settled_behind_its_end() -> None:
    play = Playbook(body={**STREAM, "max_tokens": 100})
    sent = json.loads(play.forwarded().body)
    assert sent["stream_options"] == {"include_usage": True}
    relay = play.on(Forward, OK_STREAM)
    assert isinstance(relay, Relay)
    assert (relay.status, relay.longest_s) == (200, LONGEST_ANSWER_S)
    assert b"tollway-cost-usd" not in dict(relay.headers)

    text = b'data: {"id": "c", "choices": [{"index": 0, "delta": {"content": "hi"}}]}\n\n'
    usage = b'data: {"id": "c", "choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": 10}}\n\n'
    done = b"data: [DONE]\n\n"
    passed = b"".join(relay.meter.feed(piece) for piece in (text, usage, done)) + relay.meter.finish()
    assert passed == text + done
    assert relay.meter.report().usage == USAGE

    settle = play.on(Relay, whole(streamed=True, bytes_passed=len(passed)))
    assert settle.entry.charge.amount == COST
    log = play.on(Settle, None)
    assert (log.record.status, log.record.streamed, log.record.response_bytes) == (200, True, len(passed))
    play.on(Log, None)
    assert play.over
    assert play.told == ["Authenticate", "Reserve", "Forward", "Relay", "Settle", "Log"]


def test_a_caller_that_asks_for_the_usage_chunk_itself_keeps_it() -> None:
    body = json.dumps({**STREAM, "model": "gpt-4o-mini", "max_tokens": 9, "stream_options": {"include_usage": True}})
    play = Playbook(body=body.encode(), provider="openai")
    assert play.forwarded().body == body.encode()
    relay = play.on(Forward, OK_STREAM)
    chunk = b'data: {"choices": [], "usage": {"prompt_tokens": 20}}\n\n'
    assert relay.meter.feed(chunk) == chunk


@pytest.mark.parametrize(
    ("settings", "capped"),
    [
        (budget(), True),
        (budget(guarantee="settled"), False),
        (budget(mode="monitor"), False),
        ({"budgets": []}, False),
        ({"budgets": [*budget(mode="monitor")["budgets"], {"name": "c", "limit": "1", "window": DAY}]}, True),
        (budget(where={"provider": "anthropic"}), False),
    ],
    ids=["hard", "settled", "monitored", "none", "monitored and hard", "another provider's"],
)
def test_a_cap_is_written_only_where_a_hard_budget_holds_money_for_it(settings: dict[str, Any], capped: bool) -> None:
    body = json.dumps({**CHAT, "model": "gpt-4o-mini"}).encode()
    play = Playbook(world.snapshot(**settings), body=body, provider="openai")
    sent = play.forwarded().body
    if capped:
        assert json.loads(sent) == {**json.loads(body), "max_completion_tokens": 16_384}
    else:
        assert sent is play.request.body


def test_a_callers_own_cap_is_left_as_it_is() -> None:
    play = Playbook(body={**CHAT, "model": "gpt-4o-mini", "max_tokens": 100}, provider="openai")
    assert play.forwarded().body is play.request.body


def test_behind_a_unified_path_only_the_models_name_changes() -> None:
    body = b'{"model":"openai/gpt-4o-mini","messages":[{"role":"user","content":"\\u00fc"}],"max_tokens":5,"x":1.50}'
    forward = Playbook(body=body).forwarded()
    assert forward.body == body.replace(b"openai/gpt-4o-mini", b"gpt-4o-mini")
    assert (forward.route.provider.slug, forward.route.model) == ("openai", "gpt-4o-mini")
    assert forward.path == "/v1/chat/completions"


def test_googles_model_changes_in_the_path() -> None:
    path = "/v1beta/models/google%2Fgemini-2.5-flash:generateContent"
    play = Playbook(
        world.snapshot(budgets=[]), api="google.generate", dialect="google", path=path, body={"contents": []}
    )
    forward = play.forwarded()
    assert forward.path == "/v1beta/models/gemini-2.5-flash:generateContent"
    assert forward.body is play.request.body


def test_the_reservation_covers_every_budget_and_outlives_the_longest_answer() -> None:
    play = Playbook()
    reserve = play.authenticated()
    reservation = reserve.reservation
    assert (reservation.id, reservation.request_id, reservation.attempt) == (f"{play.request.id}.1", play.request.id, 1)
    assert [hold.account for hold in reservation.holds] == ["company", "each[user=alice@example.com]"]
    assert {hold.amount for hold in reservation.holds} == {reservation.bound}
    assert reservation.bound > 100 * 600
    assert reservation.opened_at == world.NOW
    assert reservation.deadline > world.NOW + LONGEST_ANSWER_S * 1000
    assert reserve.wait_s == 5.0


def test_a_settled_budget_holds_nothing_and_still_bounds_what_a_crash_presumes() -> None:
    play = Playbook(world.snapshot(**budget(guarantee="settled")))
    (hold,) = play.authenticated().reservation.holds
    assert (hold.amount, hold.spent_only) == (0, True)
    assert play.command.reservation.bound > 100 * 600


def test_a_budget_with_less_left_lowers_the_cap_and_says_so_in_header_and_body() -> None:
    play = Playbook(body={**CHAT, "max_tokens": 4_000})
    first = play.authenticated().reservation
    second = play.refused_by(0, spent=first.holds[0].limit - 1_500_000).reservation
    assert second.id == first.id
    assert 0 < second.bound <= 1_500_000
    assert {hold.amount for hold in second.holds} == {second.bound}

    forward = play.held()
    cap = json.loads(forward.body)["max_tokens"]
    assert 256 <= cap < 4_000
    # Not one token less than fits.
    assert second.bound + 600 > 1_500_000
    play.on(Forward, OK)
    play.on(Read, whole())
    play.on(Settle, None)
    send, record = play.sent_and_logged()
    assert dict(send.headers)[b"tollway-max-tokens"] == str(cap).encode()
    assert ("clamped", f"output capped at {cap} tokens") in [(d.code, d.detail) for d in record.decisions]


def test_an_answer_that_would_be_too_short_to_be_one_is_refused() -> None:
    play = Playbook(body={**CHAT, "max_tokens": 4_000})
    limit = play.authenticated().reservation.holds[0].limit
    play.refused_by(0, spent=limit - 150_000)
    code, send, record = refused(play)
    assert (code, send.status) == ("budget_exceeded", 429)
    assert dict(send.headers)[b"x-should-retry"] == b"false"
    assert json.loads(send.body)["error"]["tollway"]["budget"] == "company"
    assert (record.decisions[-1].outcome, record.decisions[-1].rule) == ("deny", "company")


def test_a_budget_that_only_checks_what_is_spent_is_not_helped_by_a_smaller_answer() -> None:
    play = Playbook(world.snapshot(**budget(guarantee="settled")), body={**CHAT, "max_tokens": 4_000})
    limit = play.authenticated().reservation.holds[0].limit
    play.refused_by(0, spent=limit)
    assert refused(play)[0] == "budget_exceeded"
    assert play.told.count("Reserve") == 1


def test_where_others_hold_the_money_a_request_waits_once_then_clamps_then_is_refused() -> None:
    play = Playbook(body={**CHAT, "max_tokens": 8_000})
    first = play.authenticated()
    limit = first.reservation.holds[0].limit
    assert first.wait_s == 5.0

    waited = play.refused_by(0, held=limit - 3_000_000, contended=True)
    assert isinstance(waited, Reserve)
    assert waited.wait_s == 0.0
    assert waited.reservation.bound <= 3_000_000

    again = play.refused_by(0, held=limit - 1_000_000, contended=True)
    assert (again.wait_s, again.reservation.bound <= 1_000_000) == (0.0, True)

    play.refused_by(0, held=limit - 1_000, contended=True)
    code, send, _ = refused(play)
    assert (code, send.status) == ("budget_contended", 429)
    headers = dict(send.headers)
    assert (headers[b"x-should-retry"], headers[b"retry-after"]) == (b"true", b"1")


def test_a_request_asks_four_times_at_most() -> None:
    play = Playbook(body={**CHAT, "max_tokens": 8_000})
    limit = play.authenticated().reservation.holds[0].limit
    for left in (4_000_000, 3_000_000, 2_000_000):
        assert isinstance(play.refused_by(0, spent=limit - left), Reserve)
    play.refused_by(0, spent=limit - 1_000_000)
    assert refused(play)[0] == "budget_exceeded"
    assert play.told.count("Reserve") == 4


@pytest.mark.parametrize("reply", [Unavailable("disk full"), Gone("presumed")])
def test_a_ledger_that_cannot_hold_money_lets_nothing_through(reply: Any) -> None:
    play = Playbook()
    play.authenticated()
    play.on(Reserve, reply)
    code, send, _ = refused(play)
    assert (code, send.status) == ("budget_store_unavailable", 503)
    assert "Forward" not in play.told
    assert b"disk full" not in send.body


UNPRICED = {**CHAT, "model": "openai/never-heard-of-it"}


def test_a_model_without_a_price_is_refused_by_a_budget_that_must_hold_it() -> None:
    play = Playbook(body=UNPRICED)
    play.authenticated()
    code, send, record = refused(play)
    assert (code, send.status) == ("price_unknown", 422)
    assert '"openai/never-heard-of-it" has no price' in json.loads(send.body)["error"]["message"]
    assert record.decisions[-1].rule == "company"
    assert play.told == ["Authenticate", "Send", "Log"]


@pytest.mark.parametrize(
    "settings", [budget(on_unpriced="count"), budget(mode="monitor"), {"budgets": []}], ids=["count", "monitor", "none"]
)
def test_where_no_budget_insists_it_passes_and_is_counted_apart_and_never_as_nothing(settings: dict[str, Any]) -> None:
    play = Playbook(world.snapshot(**settings), body=UNPRICED)
    reservation = play.authenticated().reservation
    assert reservation.bound == 0
    forward = play.held()
    assert "max_completion_tokens" not in json.loads(forward.body)
    play.on(Forward, OK)
    settle = play.on(Read, whole())
    assert (settle.entry.kind, settle.entry.charge.amount, settle.entry.usage) == ("unpriced", 0, USAGE)
    play.on(Settle, None)
    send, record = play.sent_and_logged()
    assert b"tollway-cost-usd" not in dict(send.headers)
    assert record.charge is None


UNBOUNDED = {
    "model": "openai/mystery",
    "messages": [
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.com/x.png"}}]}
    ],
    "max_tokens": 100,
}
MYSTERY = [{"provider": "openai", "model": "mystery", "input": "1", "output": "1"}]


def test_a_cost_without_a_bound_is_refused_by_a_hard_budget() -> None:
    play = Playbook(world.snapshot(prices=MYSTERY, **budget()), body=UNBOUNDED)
    play.authenticated()
    code, send, record = refused(play)
    assert (code, send.status, record.decisions[-1].rule) == ("request_unbounded", 422, "b")
    assert "has no bound" in json.loads(send.body)["error"]["message"]
    assert "Reserve" not in play.told


@pytest.mark.parametrize(
    "settings",
    [budget(guarantee="settled"), budget(mode="monitor"), {"budgets": []}],
    ids=["settled", "monitor", "none"],
)
def test_a_cost_without_a_bound_passes_where_no_budget_must_hold_it(settings: dict[str, Any]) -> None:
    play = Playbook(world.snapshot(prices=MYSTERY, **settings), body=UNBOUNDED)
    play.forwarded()
    play.on(Forward, OK)
    assert play.on(Read, whole()).entry.charge.amount == 30 * 1_000


@pytest.mark.parametrize("status", [400, 429, 500])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_providers_error_passes_as_it_came_and_gives_the_money_back(status: int, streamed: bool) -> None:
    play = Playbook()
    reservation = play.forwarded().reservation
    play.on(Forward, Head(status, ((b"x-provider", b"1"),), streamed, 1))
    release = play.on(Read, whole(None, raw=b'{"error": "theirs"}'))
    assert isinstance(release, Release)
    assert (release.reservation_id, release.code) == (reservation.id, "rejected")
    play.on(Release, None)
    send, record = play.sent_and_logged()
    assert (send.status, send.body, dict(send.headers)[b"x-provider"]) == (status, b'{"error": "theirs"}', b"1")
    assert (record.status, record.code, record.charge) == (status, "upstream_error", None)
    assert [(attempt.outcome, attempt.status) for attempt in record.attempts] == [("rejected", status)]


def test_what_never_reached_the_provider_is_given_back() -> None:
    play = Playbook()
    reservation = play.forwarded().reservation
    release = play.on(Forward, NotSent("upstream_unreachable", "No connection.", 1))
    assert (release.reservation_id, release.code) == (reservation.id, "upstream_unreachable")
    play.on(Release, None)
    code, send, record = refused(play)
    assert (code, send.status) == ("upstream_unreachable", 502)
    assert [attempt.outcome for attempt in record.attempts] == ["not_sent"]


def test_what_was_sent_and_never_answered_counts_as_spent() -> None:
    play = Playbook()
    reservation = play.forwarded().reservation
    settle = play.on(Forward, NoAnswer("upstream_timeout", "Silence.", 1))
    assert (settle.entry.kind, settle.entry.charge.amount) == ("presumed", reservation.bound)
    assert settle.entry.recorded_at == world.NOW
    play.on(Settle, None)
    code, send, record = refused(play)
    assert (code, send.status, record.charge) == ("upstream_timeout", 504, settle.entry.charge)


def test_a_caller_that_left_is_charged_and_not_answered() -> None:
    play = Playbook()
    play.forwarded()
    play.on(Forward, OK)
    settle = play.on(Read, whole(reason="client_gone"))
    assert settle.entry.charge.amount > 0
    log = play.on(Settle, None)
    assert (log.record.status, log.record.code) == (499, "client_gone")
    play.on(Log, None)
    assert play.over
    assert "Send" not in play.told


@pytest.mark.parametrize(
    ("reason", "code", "status"), [("broken_off", "upstream_invalid", 502), ("too_long", "upstream_timeout", 504)]
)
def test_a_whole_answer_that_broke_off_is_charged_and_refused(reason: Any, code: str, status: int) -> None:
    play = Playbook()
    reservation = play.forwarded().reservation
    play.on(Forward, OK)
    settle = play.on(Read, whole(None, reason=reason, output_bytes=7))
    assert 0 < settle.entry.charge.amount <= reservation.bound
    play.on(Settle, None)
    found, send, record = refused(play)
    assert (found, send.status) == (code, status)
    assert record.charge == settle.entry.charge


@pytest.mark.parametrize(
    ("reason", "status", "code"),
    [
        ("complete", 200, ""),
        ("client_gone", 499, "client_gone"),
        ("broken_off", 200, "upstream_invalid"),
        ("too_long", 200, "upstream_timeout"),
    ],
)
def test_a_stream_is_settled_whoever_ended_it(reason: Any, status: int, code: str) -> None:
    play = Playbook(body={**STREAM, "max_tokens": 100})
    reservation = play.forwarded().reservation
    play.on(Forward, OK_STREAM)
    settle = play.on(Relay, whole(None, reason=reason, output_bytes=50, streamed=True))
    assert 0 < settle.entry.charge.amount <= reservation.bound
    log = play.on(Settle, None)
    assert (log.record.status, log.record.code) == (status, code)
    play.on(Log, None)
    assert play.over


@pytest.mark.parametrize(
    ("asked", "code", "step"),
    [
        ({"secret": None}, "credential_missing", "authenticate"),
        ({"secret": "nobody's"}, "credential_unknown", "authenticate"),
        ({"gateway": "elsewhere"}, "gateway_unknown", "authenticate"),
        ({"body": b"{"}, "body_invalid", "read"),
        ({"body": {"messages": []}}, "model_missing", "route"),
        ({"body": {**CHAT, "model": "acme/x"}}, "model_unknown", "route"),
        ({"provider": "acme"}, "provider_unknown", "route"),
        ({"body": {**CHAT, "model": "anthropic/claude-sonnet-4-5", "n": 2}}, "translation_unsupported", "route"),
        ({"body": {**CHAT, "model": "dynamic/nowhere"}}, "model_unknown", "route"),
        ({"metadata": "nonsense"}, "metadata_invalid", "read"),
    ],
)
def test_what_is_refused_before_the_money_touches_no_ledger(asked: dict[str, Any], code: str, step: str) -> None:
    play = Playbook(**asked)
    play.authenticated()
    found, send, record = refused(play)
    assert found == code
    assert play.told == ["Authenticate", "Send", "Log"]
    assert [(d.step, d.outcome, d.code) for d in record.decisions] == [(step, "deny", code)]
    assert json.loads(send.body)["error"]["code"] == code
    assert (record.attempts, record.holds, record.charge) == ((), (), None)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({"body": {**CHAT, "model": "made-up-9"}}, "made-up-9"),
        ({"body": {**CHAT, "model": "m" * 300}}, "m" * 256),
        ({"body": {**CHAT, "model": "m" * 9_000}}, None),
        ({"body": {**CHAT, "model": "dynamic/nowhere"}}, "dynamic/nowhere"),
        ({"body": {**CHAT, "model": "made-up-9"}, "metadata": "nonsense"}, "made-up-9"),
        ({"body": {**CHAT, "model": ""}}, None),
        ({"body": {"messages": []}}, None),
        ({"body": b"{"}, None),
        ({"body": {**CHAT, "model": "made-up-9"}, "secret": None}, None),
    ],
)
def test_a_name_that_leads_to_no_model_is_in_the_log_as_it_was_asked(asked: dict[str, Any], name: str | None) -> None:
    play = Playbook(**asked)
    play.authenticated()
    _, _, record = refused(play)
    assert (record.request_model, record.unserved) == (name, name is not None)


def test_who_asks_for_no_model_has_its_metadata_in_the_log_all_the_same() -> None:
    play = Playbook(body={**CHAT, "model": "made-up-9"}, metadata='{"team": "ml"}')
    play.authenticated()
    _, _, record = refused(play)
    assert record.metadata == {"team": "ml"}


def test_a_refusal_speaks_the_callers_dialect_and_spelling() -> None:
    play = Playbook(
        api="anthropic.messages", dialect="anthropic", path="/v1/messages", secret=None, body=CHAT, cf_spelling=True
    )
    play.authenticated()
    send, _ = play.sent_and_logged()
    assert json.loads(send.body)["type"] == "error"
    assert dict(send.headers)[b"cf-aig-error"] == b"credential_missing"


def test_who_asks_is_decided_outside_and_a_refusal_from_there_is_the_end() -> None:
    play = Playbook()
    assert play.command == Authenticate(play.request)
    play.on(Authenticate, Refusal(code="overloaded", message="Later."))
    assert refused(play)[0] == "overloaded"


FREE = [
    {"api": "anthropic.count_tokens", "dialect": "anthropic", "path": "/v1/messages/count_tokens",
     "body": {"model": "anthropic/claude-sonnet-4-5", "messages": []}},
    {"api": "openai.other", "method": "GET", "path": "/v1/files", "provider": "openai", "body": b""},
]  # fmt: skip


@pytest.mark.parametrize("asked", FREE, ids=["token count", "a read"])
def test_what_is_free_holds_nothing_and_passes_a_spent_budget(asked: dict[str, Any]) -> None:
    for settings in (budget(), budget(guarantee="settled")):
        play = Playbook(world.snapshot(**settings), **asked)
        reservation = play.authenticated().reservation
        assert reservation.bound == 0
        assert [(hold.amount, hold.spent_only) for hold in reservation.holds] == [(0, False)]
        play.held(spent=10**12)
        play.on(Forward, OK)
        # A read may show the usage of what was made, and billed, before.
        settle = play.on(Read, whole(USAGE if asked.get("method") == "GET" else None))
        assert (settle.entry.kind, settle.entry.charge.amount) == ("charge", 0)


def test_a_watching_budget_notes_what_it_would_have_refused() -> None:
    play = Playbook(world.snapshot(**budget(mode="monitor")))
    play.authenticated()
    play.held(spent=2_000_000_000, would_refuse=(0,))
    play.on(Forward, OK)
    play.on(Read, whole())
    play.on(Settle, None)
    _, record = play.sent_and_logged()
    assert [(d.outcome, d.code, d.rule) for d in record.decisions] == [
        ("note", "would_refuse", "b"),
        ("allow", "", "b"),
    ]


@pytest.mark.parametrize("extra", [{"models": ["openai/gpt-4o"]}, {"route": "fallback"}, {"plugins": [{"id": "web"}]}])
def test_a_request_that_others_may_serve_has_no_price_that_a_budget_could_hold(extra: dict[str, Any]) -> None:
    play = Playbook(world.snapshot(**budget()), body={**CHAT, **extra})
    play.authenticated()
    code, _, record = refused(play)
    assert (code, play.told) == ("price_unknown", ["Authenticate", "Send", "Log"])
    assert '"models", "route" or "plugins"' in record.decisions[-1].detail
    counting = Playbook(world.snapshot(**budget(on_unpriced="count", guarantee="settled")), body={**CHAT, **extra})
    assert isinstance(counting.forwarded(), Forward)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_charge_above_its_hold_is_in_the_log(streamed: bool) -> None:
    play = Playbook(body={**(STREAM if streamed else CHAT), "max_tokens": 100})
    play.forwarded()
    play.on(Forward, OK_STREAM if streamed else OK)
    above = whole(Usage(input_tokens=20, output_tokens=500), streamed=streamed, output_bytes=9)
    play.on(Relay if streamed else Read, above)
    log = play.on(Settle, None)
    record = log.record if streamed else play.sent_and_logged()[1]
    (note,) = [d for d in record.decisions if d.step == "settle"]
    assert (note.outcome, note.code) == ("note", "hold_exceeded")
    assert note.detail.startswith("charged $") and ", held $" in note.detail


def test_a_context_window_that_a_beta_opens_is_held() -> None:
    asked: dict[str, Any] = {
        "api": "anthropic.messages",
        "dialect": "anthropic",
        "path": "/v1/messages",
        "body": {"model": "anthropic/claude-opus-4-1", "max_tokens": 10, "messages": [], "container": "c_1"},
    }
    bounds: list[int] = []
    for beta in (b"files-api-2025-04-14", b"files-api-2025-04-14, Context-1M-2025-08-07"):
        play = Playbook(world.snapshot(budgets=[]), **asked, headers=((b"anthropic-beta", beta),))
        bounds.append(play.authenticated().reservation.bound)
    # $15 per million tokens of input; the listed window is of 200,000.
    assert bounds[0] < 5_000_000_000 < 15_000_000_000 < bounds[1]

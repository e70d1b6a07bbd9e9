"""A gateway that chooses the model: from the name `tollway/auto` to the headers that say what was chosen, and why."""

from typing import Any

import msgspec
import pytest
import world
from playbook import OK, Playbook, refused, whole

from tollway.autorouting.task import Task, read_task
from tollway.exchange.auto_steps import Decide, Decided, Pin, Pinned
from tollway.exchange.refusal import Refusal
from tollway.exchange.steps import Consult, Forward, Head, Log, Read, Release, Reserve, Seen, Send, Sent, Settle
from tollway.exchange.unasked import unasked
from tollway.logs.record import LogRecord
from tollway.request import Handling

MINI, LARGE, CLAUDE = "openai/gpt-5-mini", "openai/gpt-5.1", "anthropic/claude-sonnet-4-5"
POOL = [
    {"model": LARGE, "quality": 2},
    {"model": MINI, "quality": 1},
    {"model": CLAUDE, "quality": 2},
]
EASY, HARD = 500, 5_000
CHAT: dict[str, Any] = {"model": "tollway/auto", "messages": [{"role": "user", "content": "Who painted it?"}]}
ANSWER = msgspec.json.encode(
    {"id": "c", "object": "chat.completion", "created": 1, "model": "m",
     "choices": [{"index": 0, "message": {"role": "assistant", "content": "Ok."}, "finish_reason": "stop"}],
     "usage": {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30}}
)  # fmt: skip
CLAUDES = msgspec.json.encode(
    {"id": "m", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "content": [{"type": "text", "text": "Ok."}],
     "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 20, "output_tokens": 10}}
)  # fmt: skip
FAILED = Head(500, ((b"content-type", b"application/json"),), False, 1)


def snapshot(auto: Any = None, **changes: Any) -> Any:
    written = {"models": POOL} if auto is None else auto
    return world.snapshot(gateways=[{"slug": "default", "auto": written}], **changes)


def play(auto: Any = None, settings: dict[str, Any] | None = None, **asked: Any) -> Playbook:
    return Playbook(snapshot(auto, **(settings or {})), **{"body": CHAT, **asked})


def scored(it: Playbook, score: int | None = EASY, *, resting: tuple[str, ...] = (), **more: Any) -> Any:
    """As far as the choice, and behind it."""
    it.authenticated()
    assert isinstance(it.command, Decide), it.command
    task = read_task(it.request.api, it.request.body) or Task()
    it.on(Decide, Decided(**{"task": task, "score": score, **more}))
    while isinstance(it.command, Consult):
        it.on(Consult, tuple(Seen(resting=name in resting) for name in it.command.names))
    return it.command


def served(it: Playbook) -> str:
    """What is asked now."""
    forward = it.held()
    assert isinstance(forward, Forward), forward
    return f"{forward.route.provider.slug}/{forward.route.model}"


def answered(it: Playbook, raw: bytes = ANSWER) -> tuple[dict[bytes, bytes], LogRecord]:
    """The provider answers; what the caller is told, and what is remembered. Pins are taken as they come."""
    it.on(Forward, OK)
    it.on(Read, whole(raw=raw))
    send = it.on(Settle, None)
    assert isinstance(send, Send)
    log = it.on(Send, Sent(10_000))
    assert isinstance(log, Log)
    it.on(Log, None)
    return dict(send.headers), log.record


@pytest.mark.parametrize("name", ["tollway/auto", "cloudflare/auto"])
@pytest.mark.parametrize(("score", "model"), [(EASY, MINI), (2_499, MINI), (2_500, LARGE), (HARD, LARGE)])
def test_the_cheapest_model_that_is_good_enough_answers(name: str, score: int, model: str) -> None:
    it = play(body={**CHAT, "model": name})
    scored(it, score)
    assert served(it) == model
    sent = msgspec.json.decode(it.command.body)
    assert sent["model"] == model.partition("/")[2]
    headers, record = answered(it)
    assert headers[b"tollway-routed-model"] == model.encode()
    assert headers[b"tollway-routing-reason"] == b"cost_optimal_within_pool"
    assert headers[b"tollway-routing-decision-id"] == it.request.id.encode()
    assert (record.provider, record.request_model) == tuple(model.split("/"))
    assert it.over


def test_who_writes_as_cloudflare_does_is_answered_so() -> None:
    it = play(cf_spelling=True)
    scored(it)
    served(it)
    headers, _ = answered(it)
    assert (
        headers[b"cf-aig-routed-model"] == MINI.encode()
        and headers[b"cf-aig-routing-reason"] == b"cost_optimal_within_pool"
    )
    assert headers[b"cf-aig-routing-decision-id"]


def test_the_log_says_what_was_chosen_from_and_why() -> None:
    it = play()
    scored(it)
    served(it)
    _, record = answered(it)
    note = next(decision for decision in record.decisions if decision.code == "auto")
    assert note.rule == "cost_optimal_within_pool"
    assert note.detail == f"score 0.050, threshold 0.250; {MINI} > {LARGE} > {CLAUDE}"


def test_a_gateway_that_does_not_choose_says_how_it_would() -> None:
    it = Playbook(body=CHAT)
    it.authenticated()
    code, send, _ = refused(it)
    assert (code, send.status) == ("model_unknown", 404) and b"auto: {}" in send.body


def test_only_what_chats_is_chosen_for() -> None:
    it = play(body={"model": "tollway/auto", "input": "hi"}, api="openai.embeddings", path="/v1/embeddings")
    it.authenticated()
    code, send, _ = refused(it)
    assert code == "model_unknown" and b"/v1/embeddings" in send.body


@pytest.mark.parametrize(
    ("api", "dialect", "path", "body"),
    [
        ("openai.responses", "openai", "/v1/responses", {"model": "tollway/auto", "input": "hi"}),
        (
            "anthropic.messages",
            "anthropic",
            "/v1/messages",
            {"model": "cloudflare/auto", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
        ),
        (
            "google.generate",
            "google",
            "/v1beta/models/tollway/auto:generateContent",
            {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
        ),
    ],
)
def test_it_is_called_on_every_api(api: str, dialect: str, path: str, body: Any) -> None:
    it = play(body=body, api=api, dialect=dialect, path=path)
    scored(it)
    assert served(it) == MINI
    assert msgspec.json.decode(it.command.body)["model"] == "gpt-5-mini"


def test_where_the_first_fails_the_others_are_tried() -> None:
    it = play()
    scored(it)
    assert served(it) == MINI
    it.on(Forward, FAILED)
    it.on(Read, whole(usage=None, raw=b"{}"))
    it.on(Release, None)
    assert served(it) == LARGE
    headers, record = answered(it)
    assert headers[b"tollway-routed-model"] == LARGE.encode()
    assert headers[b"tollway-routing-reason"] == b"fallback_candidate_unavailable"
    assert headers[b"tollway-step"] == b"1"
    assert [(attempt.model, attempt.outcome) for attempt in record.attempts] == [
        ("gpt-5-mini", "rejected"),
        ("gpt-5.1", "answered"),
    ]


def test_where_a_budget_is_spent_the_next_model_is_tried() -> None:
    budgets = [{"name": "mini", "limit": "1", "window": {"period": "day"}, "where": {"model": [MINI]}}]
    it = play(settings={"budgets": budgets})
    scored(it)
    assert isinstance(it.command, Reserve)
    it.refused_by(0, spent=1_000_000_000)
    assert served(it) == LARGE


def test_a_model_that_rests_is_not_chosen() -> None:
    it = play()
    scored(it, resting=(MINI,))
    assert served(it) == LARGE
    headers, _ = answered(it)
    assert headers[b"tollway-routing-reason"] == b"fallback_candidate_unavailable"


def test_where_the_others_rest_it_was_a_choice_all_the_same() -> None:
    for score, reason in ((EASY, b"cost_optimal_within_pool"), (HARD, b"fallback_candidate_unavailable")):
        it = play()
        scored(it, score, resting=(LARGE, CLAUDE))
        assert served(it) == MINI
        assert answered(it)[0][b"tollway-routing-reason"] == reason


def test_where_all_rest_one_is_asked_all_the_same() -> None:
    it = play()
    scored(it, resting=(MINI, LARGE, CLAUDE))
    # Those that rest are passed over, but for the last.
    assert served(it) == CLAUDE


def test_a_pool_of_one_is_no_choice() -> None:
    it = play(handling=Handling(allowed_models=("openai/gpt-5.1",)))
    scored(it, EASY)
    assert served(it) == LARGE
    assert answered(it)[0][b"tollway-routing-reason"] == b"forced_by_candidate_pool"


def test_a_list_that_means_nothing_is_refused_before_anything_is_asked() -> None:
    it = play(handling=Handling(allowed_models=("nope/*",)))
    it.authenticated()
    code, send, _ = refused(it)
    assert (code, send.status) == ("header_invalid", 400)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("error", b"fallback_router_error"),
        ("timeout", b"fallback_router_timeout"),
        ("unsupported", b"fallback_unsupported_input"),
    ],
)
def test_without_a_score_the_better_model_answers(fault: str, reason: bytes) -> None:
    it = play()
    scored(it, None, fault=fault)
    assert served(it) == LARGE
    assert answered(it)[0][b"tollway-routing-reason"] == reason


# Who may answer at all.


def left_out(it: Playbook, score: int = EASY) -> str:
    scored(it, score)
    served(it)
    _, record = answered(it)
    return next(decision.detail for decision in record.decisions if decision.code == "auto").partition("left out: ")[2]


def test_a_model_whose_provider_has_no_key_is_left_out() -> None:
    providers = {"openai": {"api_key": "k"}, "anthropic": {}}
    assert left_out(play(settings={"providers": providers})) == f"{CLAUDE} (no key of its provider's can be used)"


def test_a_model_that_its_caller_may_not_use_is_left_out() -> None:
    keys = [{"name": "alice", "secret": world.KEY, "models": [LARGE, CLAUDE]}]
    it = play(settings={"keys": keys})
    assert left_out(it) == f"{MINI} (its caller may not use it)"


def test_a_model_that_takes_no_such_input_is_left_out() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    body = {
        "model": "tollway/auto",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "What?"}, picture]}],
    }
    pool = [{"model": MINI, "quality": 1, "takes": ["tools"]}, {"model": LARGE, "quality": 2}]
    assert left_out(play({"models": pool}, body=body)) == f"{MINI} (it does not take image)"


def test_a_model_that_a_prompt_does_not_fit_into_is_left_out() -> None:
    pool = ["openai/gpt-4o-mini", "openai/gpt-4.1"]
    body = {**CHAT, "messages": [{"role": "user", "content": "word " * 100_000}]}
    assert left_out(play({"models": pool}, body=body)).startswith("openai/gpt-4o-mini (about 166,6")


def test_a_model_without_a_price_is_left_out() -> None:
    local = {"api": "openai", "base_url": "https://l/v1", "api_key": "none", "models": ["mine"]}
    providers = {"openai": {"api_key": "k"}, "local": local}
    it = play({"models": ["local/mine", MINI]}, {"providers": providers})
    assert left_out(it) == "local/mine (no price a token is known of it)"


def test_a_model_of_ones_own_with_a_price_may_answer() -> None:
    local = {"api": "openai", "base_url": "https://l/v1", "api_key": "none", "models": ["mine"], "free": True}
    it = play({"models": ["local/mine", MINI]}, {"providers": {"openai": {"api_key": "k"}, "local": local}})
    scored(it)
    assert served(it) == "local/mine"


def test_a_model_whose_api_cannot_carry_the_request_is_left_out() -> None:
    body = {**CHAT, "logprobs": True, "n": 3}
    it = play({"models": ["anthropic/claude-haiku-4-5", LARGE]}, body=body)
    scored(it)
    assert served(it) == LARGE
    headers, record = answered(it)
    assert headers[b"tollway-routing-reason"] == b"forced_by_candidate_pool"
    note = next(decision.detail for decision in record.decisions if decision.code == "auto")
    assert "left out: anthropic/claude-haiku-4-5" in note


def test_where_nobody_can_answer_it_is_said_of_each_why() -> None:
    it = play(settings={"providers": {"openai": {}, "anthropic": {}}})
    it.authenticated()
    it.on(Decide, Decided(task=Task(), score=EASY))
    code, send, _ = refused(it)
    said = msgspec.json.decode(send.body)["error"]
    assert (
        code == "model_unknown"
        and MINI in said["message"]
        and set(said["tollway"]["left_out"]) == {MINI, LARGE, CLAUDE}
    )


def test_metadata_that_cannot_be_read_is_refused() -> None:
    policies = [{"name": "all", "action": {"type": "no-limit"}}]
    it = play(settings={"policies": policies}, metadata="no json")
    it.authenticated()
    it.on(Decide, Decided(task=Task(), score=EASY))
    assert refused(it)[0] == "metadata_invalid"


def test_another_api_is_spoken_where_the_model_needs_it() -> None:
    it = play({"models": [CLAUDE]})
    scored(it)
    assert served(it) == CLAUDE
    assert it.command.path == "/v1/messages"
    headers, _ = answered(it, CLAUDES)
    assert headers[b"tollway-routed-model"] == CLAUDE.encode()


# Sessions and turns.

IN_SESSION = Handling(session_id="s")


def turn_of(body: dict[str, Any]) -> str:
    task = read_task("openai.chat", msgspec.json.encode(body))
    assert task is not None
    return task.turn


def test_a_request_without_a_session_is_decided_alone() -> None:
    it = play()
    it.authenticated()
    assert it.command.session is None


def test_the_model_that_answered_is_pinned_to_the_session() -> None:
    it = play(handling=IN_SESSION)
    scored(it)
    assert served(it) == MINI
    answered(it)
    assert isinstance(it.command, Pinned)
    assert it.command.pin == Pin(MINI, turn_of(CHAT))
    assert it.on(Pinned, None) is None and it.over


def test_what_is_pinned_is_what_answered_in_the_end() -> None:
    it = play(handling=IN_SESSION)
    scored(it)
    served(it)
    it.on(Forward, FAILED)
    it.on(Read, whole(usage=None, raw=b"{}"))
    it.on(Release, None)
    served(it)
    answered(it)
    assert it.command.pin.model == LARGE


def test_nothing_is_pinned_where_nothing_answered() -> None:
    it = play({"models": [MINI]}, handling=IN_SESSION)
    scored(it)
    served(it)
    it.on(Forward, FAILED)
    it.on(Read, whole(usage=None, raw=b"{}"))
    it.on(Release, None)
    it.sent_and_logged()
    assert "Pinned" not in it.told


FOLLOWS = {
    **CHAT,
    "messages": [
        *CHAT["messages"],
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "content": "1"},
    ],
}


def test_a_turn_is_answered_by_one_model() -> None:
    it = play(body=FOLLOWS, handling=IN_SESSION)
    # A hard prompt, and a model that is not resting: the turn goes on where it began.
    scored(it, HARD, pin=Pin(MINI, turn_of(CHAT)), fresh=True)
    assert served(it) == MINI
    assert answered(it)[0][b"tollway-routing-reason"] == b"pinned_by_turn"


def test_a_turn_may_be_named_by_its_caller() -> None:
    it = play(handling=Handling(session_id="s", turn_id="t1"))
    scored(it, HARD, pin=Pin(MINI, "t1"))
    assert served(it) == MINI
    answered(it)
    assert it.command.pin == Pin(MINI, "t1")


def test_results_without_a_users_message_go_on_with_the_turn() -> None:
    body = {"model": "tollway/auto", "input": [{"type": "function_call_output", "call_id": "c", "output": "1"}]}
    it = play(body=body, api="openai.responses", path="/v1/responses", handling=IN_SESSION)
    scored(it, None, fault="unsupported", pin=Pin(LARGE, "before"), fresh=True)
    assert served(it) == LARGE
    assert answered(it)[0][b"tollway-routing-reason"] == b"pinned_by_turn"
    assert it.command.pin == Pin(LARGE, "before")


def test_a_new_turn_goes_to_the_model_that_it_needs() -> None:
    it = play(handling=IN_SESSION)
    scored(it, HARD, pin=Pin(MINI, "another"), fresh=True)
    assert served(it) == LARGE
    assert answered(it)[0][b"tollway-routing-reason"] == b"cost_optimal_within_pool"


LONG = {
    **CHAT,
    "messages": [
        {"role": "user", "content": "word " * 60_000},
        {"role": "assistant", "content": "Yes."},
        *CHAT["messages"],
    ],
}


@pytest.mark.parametrize(("fresh", "model"), [(True, LARGE), (False, MINI)])
def test_a_long_conversation_stays_while_its_prompt_is_cached(fresh: bool, model: str) -> None:
    it = play(body=LONG, handling=IN_SESSION)
    scored(it, EASY, pin=Pin(LARGE, "another"), fresh=fresh)
    assert served(it) == model
    assert answered(it)[0][b"tollway-routing-reason"] == b"cost_optimal_within_pool"


def test_a_pinned_model_that_is_no_longer_to_choose_from_is_let_go() -> None:
    it = play(handling=Handling(session_id="s", allowed_models=("openai/*",)))
    scored(it, EASY, pin=Pin(CLAUDE, turn_of(CHAT)), fresh=True)
    assert served(it) == MINI
    assert answered(it)[0][b"tollway-routing-reason"] == b"fallback_key_not_in_candidates"


def test_without_a_score_a_session_keeps_its_model() -> None:
    it = play(handling=IN_SESSION)
    scored(it, None, fault="timeout", pin=Pin(MINI, "another"), fresh=True)
    assert served(it) == MINI


def session_of(**asked: Any) -> bytes | None:
    it = play(**asked)
    it.authenticated()
    return it.command.session


def test_a_session_is_its_callers_own() -> None:
    keys = [
        {"name": "alice", "secret": world.KEY, "user": "a"},
        {"name": "bob", "secret": "a-gateway-key-of-bob", "user": "b"},
    ]
    settings = {"keys": keys}
    mine, again = (session_of(settings=settings, handling=IN_SESSION) for _ in range(2))
    assert mine is not None and mine == again
    assert session_of(settings=settings, handling=IN_SESSION, secret="a-gateway-key-of-bob") != mine
    assert session_of(settings=settings, handling=Handling(session_id="t")) != mine


def test_a_caller_may_want_a_choice_of_its_own() -> None:
    assert session_of(handling=Handling(session_id="s", no_session_affinity=True)) is None


def test_what_is_only_rehearsed_is_chosen_for_without_a_session() -> None:
    request = world.request(CHAT, handling=IN_SESSION)
    found = unasked(Decide(request, b"s"))
    assert found == Decided(task=read_task("openai.chat", request.body) or Task(), score=None)
    assert unasked(Pinned(b"s", Pin(MINI, ""))) is None


def test_a_refusal_that_no_model_lifts_is_told_once() -> None:
    it = play({"models": ["anthropic/claude-haiku-4-5"]}, body={**CHAT, "logprobs": True, "n": 3})
    scored(it)
    code, send, record = refused(it)
    assert code == "translation_unsupported" and send.status == Refusal(code=code, message="").status
    assert record.attempts == ()

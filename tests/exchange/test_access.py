"""Whether a caller may use a target: its key's models and the gateway's policies, on every path that forwards."""

import json
from typing import Any, get_args

import job_world
import msgspec
import pytest
import world
from playbook import CHAT, OK, Playbook, refused, whole

from tollway.errors import REASONS
from tollway.exchange.access import access, caller_of
from tollway.exchange.authenticate import authenticate
from tollway.exchange.batch import job_exchange
from tollway.exchange.exchange import exchange
from tollway.exchange.refusal import Refusal
from tollway.exchange.selection import Selection, select, usable
from tollway.exchange.steps import Authenticate, Forward, Read, Recall, Release, Reserve, Send, Settle
from tollway.exchange.target import Target, choose
from tollway.identity.identity import ANONYMOUS, Identity
from tollway.identity.person import Person
from tollway.ledger.entry import Context
from tollway.ledger.job import Job
from tollway.ledger.reservation import Balance, Held
from tollway.providers.batch_bodies import read_requests
from tollway.providers.batches import JOBS
from tollway.proxy.surface import Call, surface
from tollway.request import Api, Ask
from tollway.snapshot import Snapshot

EVERYONE = {"name": "everyone", "action": {"type": "no-limit"}}
BLOCK_ALL = {"name": "nobody", "action": {"type": "block"}}
LIMIT = {"type": "limit", "amount": "1", "period": "monthly"}


def policed(*policies: dict[str, Any], **changes: Any) -> Snapshot:
    return world.snapshot(**{"policies": list(policies), "budgets": [], **changes})


def keyed(*models: str) -> list[dict[str, Any]]:
    return [{"name": "alice", "secret": world.KEY, "user": "alice@example.com", "models": list(models)}]


def ended(snapshot: Snapshot, **asked: Any) -> Playbook:
    play = Playbook(snapshot, **asked)
    play.authenticated()
    return play


# -- what a caller is told --------------------------------------------------------------------------------------------


def test_a_block_answers_403_and_names_the_policy() -> None:
    play = ended(
        policed(EVERYONE, {"name": "no mini", "action": {"type": "block"}, "resource": {"model": "gpt-4o-mini"}})
    )
    code, send, record = refused(play)
    assert (code, send.status) == ("policy_denied", 403)
    error = json.loads(send.body)["error"]
    assert error["message"] == 'Access denied by policy "no mini": it blocks "openai/gpt-4o-mini".'
    assert error["tollway"]["policy"] == "no mini" and error["tollway"]["reason"] == "blocked"
    assert dict(send.headers)[b"x-should-retry"] == b"false"
    assert [(d.step, d.outcome, d.rule) for d in record.decisions] == [("policy", "deny", "no mini")]


def test_what_no_policy_permits_answers_403_and_says_so() -> None:
    play = ended(policed({"name": "ops", "action": {"type": "no-limit"}, "condition": 'cf.country == "US"'}))
    code, send, _ = refused(play)
    assert (code, send.status) == ("policy_denied", 403)
    message = json.loads(send.body)["error"]["message"]
    assert message.startswith('No policy allows "openai/gpt-4o-mini" to this caller.')
    assert 'Policy "ops" would be about it, but cf.country is not known of this caller.' in message


def test_a_refusal_names_no_policy_that_the_caller_cannot_be_meant_by() -> None:
    services = {"name": "services", "action": {"type": "no-limit"}, "condition": 'cf.service == "ci"'}
    people = {"name": "people", "actor": "user:{cf.user.id}", "action": LIMIT}
    abroad = {"name": "abroad", "action": {"type": "no-limit"}, "condition": 'cf.country == "US"'}

    def told(*policies: dict[str, Any], **key: Any) -> str:
        keys = [{"name": "k", "secret": world.KEY, **key}]
        _, send, _ = refused(ended(policed(*policies, keys=keys)))
        return json.loads(send.body)["error"]["message"]

    assert "services" not in told(services, user="alice")
    assert 'Policy "abroad" would be' in told(services, abroad, user="alice")
    assert "people" not in told(people, service="nightly")
    # Of whoever is neither yet, both may be said.
    assert 'Policy "services" would be' in told(services)
    assert 'Policy "people" would be' in told(people)


@pytest.mark.parametrize(
    ("dialect", "api", "path", "model"),
    [
        ("anthropic", "anthropic.messages", "/v1/messages", "anthropic/claude-haiku-4-5"),
        ("google", "google.generate", "/v1beta/models/gemini-2.5-flash:generateContent", None),
    ],
)
def test_a_block_is_told_in_the_callers_dialect(dialect: str, api: str, path: str, model: str | None) -> None:
    body: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 5}
    body |= {"model": model} if model is not None else {}
    play = ended(policed(BLOCK_ALL), body=body, dialect=dialect, api=api, path=path)
    _, send, _ = refused(play)
    error = json.loads(send.body)["error"]
    if dialect == "anthropic":
        assert error["type"] == "permission_error"
    else:
        assert (error["code"], error["status"]) == (403, "PERMISSION_DENIED")


def test_a_condition_that_fails_is_in_the_log() -> None:
    play = ended(policed(EVERYONE, {"name": "odd", "action": LIMIT, "condition": "int(metadata.team) > 3"}))
    assert isinstance(play.held(), Forward)
    play.on(Forward, OK)
    play.on(Read, whole(raw=b"{}"))
    play.on(Settle, None)
    _, record = play.sent_and_logged()
    notes = [(d.code, d.rule, d.detail[:30]) for d in record.decisions if d.step == "policy"]
    assert notes == [
        ("condition_failed", "odd", "its condition failed: RuntimeE"),
        ("", "everyone", "no-limit"),
    ]


# -- money ------------------------------------------------------------------------------------------------------------


def test_a_limit_is_held_on_its_bucket_beside_the_budgets() -> None:
    budgets = [{"name": "company", "limit": "100", "window": {"period": "month"}}]
    play = ended(policed({"name": "each", "actor": "user:{cf.user.id}", "action": LIMIT}, budgets=budgets))
    assert isinstance(play.command, Reserve)
    first, second = play.command.reservation.holds
    assert first.account == "company"
    assert second.account.startswith("policies:all.monthly.") and second.account.endswith(
        "[actor=user:alice@example.com]"
    )
    assert (second.limit, second.enforced, second.amount) == (10**9, True, first.amount)


def test_a_spent_bucket_answers_429_with_policy_bucket_spent_limit_and_reset() -> None:
    play = ended(policed({"name": "each", "actor": "user:{cf.user.id}", "action": LIMIT}))
    play.refused_by(0, spent=10**9)
    code, send, _ = refused(play)
    assert (code, send.status) == ("budget_exceeded", 429)
    error = json.loads(send.body)["error"]
    assert error["message"] == (
        'Policy "each" (bucket "user:alice@example.com") is exhausted: $1.00 of $1.00 spent; resets 2026-10-01 00:00 UTC.'
    )
    told = error["tollway"]
    assert (told["policy"], told["bucket"]) == ("each", "user:alice@example.com")
    assert (told["spent_usd"], told["limit_usd"], told["resets_at"][:10]) == ("1", "1", "2026-10-01")
    assert dict(send.headers)[b"tollway-budget"] == b"each"


def test_the_tightest_bucket_is_told_in_the_headers_of_an_answer() -> None:
    play = ended(policed({"name": "each", "actor": "user:{cf.user.id}", "action": LIMIT}))
    play.held(spent=400_000_000)
    play.on(Forward, OK)
    play.on(Read, whole(raw=b"{}"))
    play.on(Settle, None)
    send, _ = play.sent_and_logged()
    headers = dict(send.headers)
    assert (headers[b"tollway-budget"], headers[b"tollway-budget-limit-usd"]) == (b"each", b"1")
    assert headers[b"tollway-budget-remaining-usd"].startswith(b"0.5999")


def test_a_model_without_a_price_is_refused_as_a_budget_would() -> None:
    asked = {**CHAT, "model": "openai/made-up", "max_tokens": 5}
    code, send, _ = refused(ended(policed({"name": "each", "action": LIMIT}), body=asked))
    assert (
        code == "price_unknown"
        and 'policy "each" (bucket "everyone") cannot hold' in json.loads(send.body)["error"]["message"]
    )
    counting = policed({"name": "each", "action": {**LIMIT, "on_unpriced": "count"}})
    assert isinstance(ended(counting, body=asked).command, Reserve)


# -- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("models", [("openai/gpt-4o-mini",), ("gpt-4o*",), ("OpenAI/*",), ("claude-*", "gpt-4o-mini")])
def test_a_key_may_use_its_models(models: tuple[str, ...]) -> None:
    assert isinstance(ended(world.snapshot(keys=keyed(*models))).command, Reserve)


def test_a_key_may_use_nothing_else_and_is_told_what_it_may() -> None:
    code, send, _ = refused(ended(world.snapshot(keys=keyed("claude-*", "gpt-5*"))))
    assert (code, send.status) == ("model_not_allowed", 403)
    message = json.loads(send.body)["error"]["message"]
    assert message.startswith('The key "alice" may not use "openai/gpt-4o-mini"; it may use: claude-*, gpt-5*.')


def test_a_key_for_some_models_has_to_name_one() -> None:
    asked: dict[str, Any] = {"api": "openai.other", "path": "/v1/new", "provider": "openai", "body": {"input": "x"}}
    code, send, _ = refused(ended(world.snapshot(keys=keyed("gpt-*")), **asked))
    assert code == "model_not_allowed" and "must name a model" in json.loads(send.body)["error"]["message"]
    assert isinstance(ended(world.snapshot(keys=keyed("gpt-*")), **asked, method="GET").command, Reserve)


# -- ways around ------------------------------------------------------------------------------------------------------


def test_a_downgrade_never_leads_to_a_model_that_the_caller_may_not_use() -> None:
    down = {
        "name": "b", "limit": "1", "window": {"period": "day"},
        "actions": [{"at": 50, "do": "downgrade", "to": "openai/gpt-4.1-nano"}],
    }  # fmt: skip
    for settings in (
        {"policies": [{"name": "mini", "action": {"type": "no-limit"}, "resource": {"model": "gpt-4o-mini"}}]},
        {"keys": keyed("gpt-4o-mini")},
    ):
        play = ended(world.snapshot(budgets=[down], **settings))
        forward = play.held(500_000_000)
        assert isinstance(forward, Forward) and forward.route.model == "gpt-4o-mini"
        play.on(Forward, OK)
        play.on(Read, whole(raw=b"{}"))
        play.on(Settle, None)
        _, record = play.sent_and_logged()
        notes = [d for d in record.decisions if d.code == "not_downgraded"]
        assert len(notes) == 1 and "may not be used" in notes[0].detail
    swapped = ended(world.snapshot(budgets=[down], policies=[EVERYONE]))
    assert isinstance(swapped.held(500_000_000), Release)


@pytest.mark.parametrize("settings", [
    {"policies": [EVERYONE, {"name": "no o3", "action": {"type": "block"}, "resource": {"model": "o3"}}]},
    {"policies": [{"name": "mini", "action": {"type": "no-limit"}, "resource": {"model": "openrouter/openai/gpt-4o-mini"}}]},
    {"keys": keyed("openrouter/openai/gpt-4o-mini")},
])  # fmt: skip
def test_a_router_cannot_be_asked_to_serve_another_model(settings: dict[str, Any]) -> None:
    providers = {"openrouter": {"api_key": "sk", "models": ["openai/gpt-4o-mini"]}, "openai": {"api_key": "sk"}}
    body = {**CHAT, "model": "openai/gpt-4o-mini", "models": ["openai/o3"], "max_tokens": 5}
    asked: dict[str, Any] = {"path": "/v1/chat/completions", "provider": "openrouter"}
    code, send, _ = refused(ended(world.snapshot(providers=providers, budgets=[], **settings), body=body, **asked))
    assert code in ("policy_denied", "model_not_allowed")
    assert "another model may be served" in json.loads(send.body)["error"]["message"]
    del body["models"]
    assert isinstance(
        ended(world.snapshot(providers=providers, budgets=[], **settings), body=body, **asked).command, Reserve
    )


@pytest.mark.parametrize("name", ["gpt-4o-mini", "openai/gpt-4o-mini", "GPT-4o-MINI", "gpt-4o-mini-2024-07-18"])
def test_no_other_name_of_a_blocked_model_passes(name: str) -> None:
    snapshot = policed(EVERYONE, {"name": "no", "action": {"type": "block"}, "resource": {"model": "gpt-4o-mini"}})
    for asked in ({}, {"provider": "openai"}):
        play = ended(snapshot, body={**CHAT, "model": name}, **asked)
        code, _, _ = refused(play)
        assert code in ("policy_denied", "model_unknown"), (name, asked)


# -- every route ------------------------------------------------------------------------------------------------------

PROVIDERS = {
    "openai": {"api_key": "k"}, "anthropic": {"api_key": "k"}, "google": {"api_key": "k"}, "cohere": {"api_key": "k"},
    "mistral": {"api_key": "k"}, "openrouter": {"api_key": "k"},
    "bedrock": {"api_key": "k", "region": "us-east-1"},
    "ollama": {"base_url": "http://127.0.0.1:1", "api_key": "none"},
    "workers-ai": {"api_key": "k", "account": "a" * 32},
}  # fmt: skip
UNIFIED = (
    "chat/completions", "responses", "completions", "embeddings", "images/generations", "images/edits", "audio/speech",
    "audio/transcriptions", "moderations", "rerank", "messages", "messages/count_tokens", "messages/batches", "files",
)  # fmt: skip
NATIVE = (
    "/openai/v1/ocr", "/openai/v1/anything/new", "/openai/v1/chat/completions", "/openai/v1/batches", "/openai/v1/files",
    "/openai/v1/batches/b_1/cancel", "/anthropic/v1/messages", "/anthropic/v1/messages/batches", "/anthropic/v1/other",
    "/anthropic/v1/messages/batches/b_1/cancel",
    "/google/v1beta/models/gemini-2.5-flash:generateContent", "/google/v1beta/models/gemini-2.5-flash:countTokens",
    "/google/v1beta/models/gemini-2.5-flash:embedContent", "/google/v1beta/models/imagen-4:predict",
    "/google/v1beta/models/x:somethingNew", "/cohere/v2/chat", "/cohere/v2/embed", "/cohere/v2/rerank", "/cohere/v1/other",
    "/bedrock/model/anthropic.claude-haiku-4-5-20251001-v1:0/converse", "/bedrock/model/anthropic.claude-haiku-4-5-20251001-v1:0/invoke",
    "/bedrock/model/x/converse-stream", "/bedrock/model/x/count-tokens", "/bedrock/guardrail/g/version/1/apply",
    "/ollama/api/chat", "/ollama/api/generate", "/ollama/api/embed", "/ollama/v1/chat/completions",
    "/mistral/v1/chat/completions", "/openrouter/v1/chat/completions", "/workers-ai/@cf/meta/llama-3.1-8b-instruct",
    "/v1/account/default/openai/chat/completions", "/compat/chat/completions",
    "/v1beta/models/gemini-2.5-flash:generateContent",
)  # fmt: skip
READS = (
    "/openai/v1/models", "/anthropic/v1/models", "/google/v1beta/models", "/ollama/api/tags", "/cohere/v1/models",
    "/openai/v1/batches/b_1", "/openai/v1/files/f_1/content", "/anthropic/v1/messages/batches/b_1/results",
)  # fmt: skip
ROUTES = [
    *(("POST", f"/v1/{path}") for path in UNIFIED),
    *(("POST", path) for path in NATIVE),
    *(("GET", path) for path in READS),
    ("DELETE", "/openai/v1/files/f_1"),
]


def _body(api: str, path: str) -> tuple[bytes, bytes]:
    if api == "openai.files":
        content_type, content = job_world.form(job_world.lines("a"))
        return content, content_type
    if api == "anthropic.batches":
        return msgspec.json.encode(job_world.messages("a")), b"application/json"
    if api == "openai.batches":
        body = {"input_file_id": "f_1", "endpoint": "/v1/chat/completions", "completion_window": "24h"}
        return msgspec.json.encode(body), b"application/json"
    model = "anthropic/claude-haiku-4-5" if path.startswith("/v1/messages") else "openai/gpt-4o-mini"
    if "/mistral" in path or "/openrouter" in path or "/cohere" in path or "/ollama" in path or "/anthropic" in path:
        model = "some-model"
    said = [{"role": "user", "content": "hi"}]
    if api == "google.embed":
        return msgspec.json.encode({"content": {"parts": [{"text": "x"}]}}), b"application/json"
    if api in ("cloudflare.run", "bedrock.invoke"):
        return msgspec.json.encode({"messages": said, "max_tokens": 5}), b"application/json"
    body: dict[str, Any] = {"messages": said, "max_tokens": 5, "input": "x", "prompt": "x"}
    if not api.startswith("google.") and "/bedrock/" not in path:
        body["model"] = model
    return msgspec.json.encode(body), b"application/json"


def reaches(method: str, path: str, snapshot: Snapshot) -> tuple[str, str]:
    """How the exchange of a path ends: ("forwarded", api), or (the code of its refusal, api)."""
    call = surface(method, path, snapshot, anthropic=False, gateway="default")
    assert isinstance(call, Call), (method, path, call)
    content, content_type = _body(call.api, path) if method == "POST" else (b"", b"")
    request = world.request(
        content, api=call.api, dialect=call.dialect, path=path, upstream_path=call.path, provider=call.provider,
        method=method, gateway=call.gateway, content_type=content_type, received_at=job_world.NOW,
    )  # fmt: skip
    job = call.api in JOBS
    steps = (job_exchange if job else exchange)(request, snapshot, world.calendar(), job_world.NOW)
    command = next(steps)
    while True:
        match command:
            case Authenticate():
                reply: Any = authenticate(request, snapshot)
            case Reserve():
                holds = command.reservation.holds
                reply = Held(tuple(Balance(h.account, 0, h.amount, h.limit) for h in holds))
            case Forward():
                steps.close()
                return "forwarded", call.api
            case Recall():
                reply = _job(call)
            case Send():
                steps.close()
                return dict(command.headers)[b"tollway-error"].decode(), call.api
            case _:
                reply = job_world.value_of(command.work()) if type(command).__name__ == "Compute" else _read(command)
        command = steps.send(reply)


def _read(command: Any) -> Any:
    made = getattr(command, "request", None)
    return read_requests(made.api, made.content_type, made.body) if type(command).__name__ == "ReadRequests" else None


def _job(call: Call) -> Job:
    model = "claude-haiku-4-5" if call.dialect == "anthropic" else "gpt-4o-mini"
    provider = call.provider or "openai"
    return Job(
        id=f"{provider}:x", kind="file" if call.api == "openai.files" or call.path.endswith("/batches") else "batch",
        context=Context(gateway="default", provider=provider, model=model, key="alice", user="alice@example.com"),
        listed=(provider, model), created_at=job_world.NOW, endpoint="/chat/completions", requests=1, settled=True,
    )  # fmt: skip


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=[f"{method} {path}" for method, path in ROUTES])
def test_a_block_of_everything_blocks_every_route_that_forwards(method: str, path: str) -> None:
    blocked, api = reaches(
        method, path, world.snapshot(providers=PROVIDERS, budgets=[], policies=[EVERYONE, BLOCK_ALL])
    )
    assert blocked == "policy_denied", (api, blocked)
    denied, _ = reaches(method, path, world.snapshot(providers=PROVIDERS, budgets=[], policies=[
        {"name": "elsewhere", "action": {"type": "no-limit"}, "resource": {"provider": "nobody"}},
    ]))  # fmt: skip
    assert denied == "policy_denied"


def test_the_routes_of_that_test_are_all_there_are() -> None:
    """Each API that a path can mean is among them, and without policies each of them forwards, so that the block is what stops it."""
    open_to_all = world.snapshot(providers=PROVIDERS, budgets=[])
    found = {(method, path): reaches(method, path, open_to_all) for method, path in ROUTES}
    assert {api for _, api in found.values()} >= set(get_args(Api)) - {"anthropic.vertex"}
    # The file of that batch was bounded at other prices than today's, which is told behind the policies.
    assert {route: code for route, (code, _) in found.items() if code != "forwarded"} == {
        ("POST", "/openai/v1/batches"): "body_invalid"
    }


def test_the_first_policy_of_any_gateway_that_counts_turns_on_default_deny() -> None:
    gateways = [{"slug": "default"}, {"slug": "other"}]
    for policy, denied in (
        ({}, True),
        ({"gateway": "default"}, True),
        ({"gateway": "other"}, False),
        ({"enabled": False}, False),
    ):
        one = {"name": "us", "action": {"type": "no-limit"}, "condition": 'cf.country == "US"', **policy}
        play = ended(policed(one, gateways=gateways))
        assert isinstance(play.command, Send if denied else Reserve), policy


# -- what is remembered -----------------------------------------------------------------------------------------------


def _selected(snapshot: Snapshot, identity: Identity, **asked: Any) -> Selection:
    request = world.request(**asked)
    target = choose(request, Ask(model="openai/gpt-4o-mini"), snapshot, world.NOW)
    assert isinstance(target, Target)
    found = select(request, identity, target, snapshot)
    assert isinstance(found, Selection)
    return found


def test_nothing_that_a_policy_asks_of_is_mixed_up_with_another_callers() -> None:
    """Two callers who are alike in all that budgets know, and differ in what only policies ask."""
    base = Person(issuer="https://idp", subject="s", email="a@example.com", country="US", claims={"grade": "1"})
    persons = [
        base,
        msgspec.structs.replace(base, country="DE"),
        msgspec.structs.replace(base, subject="t"),
        msgspec.structs.replace(base, email="b@example.com"),
        msgspec.structs.replace(base, claims={"grade": "2"}),
        msgspec.structs.replace(base, issuer="https://other"),
    ]
    only = (
        'cf.country == "US" && cf.user.id == "s" && cf.user.email == "a@example.com" && cf.custom.grade == "1" && '
        'identity.issuer == "https://idp"'
    )
    snapshot = policed({"name": "one", "action": {"type": "no-limit"}, "condition": only})
    callers = [Identity(kind="user", user="ann", source="token", person=person) for person in persons]
    for _ in range(2):
        denied = [_selected(snapshot, caller).denied is not None for caller in callers]
        assert denied == [False, True, True, True, True, True]
    renewed = Identity(kind="user", user="ann", source="token", person=msgspec.structs.replace(base, expires_at=9))
    assert _selected(snapshot, renewed) is _selected(snapshot, callers[0])


def test_what_a_caller_declares_never_passes_a_rule_about_who_it_is() -> None:
    """Metadata of any name changes no decision that rests on proven fields."""
    policy = {
        "name": "us",
        "action": {"type": "no-limit"},
        "condition": 'verified.metadata.team == "ops" || cf.country == "US"',
    }
    snapshot = policed(policy, keys=[{"name": "alice", "secret": world.KEY, "user": "a", "metadata": {"team": "ml"}}])
    for declared in ({"team": "ops"}, {"verified": "x", "verified.metadata.team": "ops"}, {"country": "US"}):
        play = ended(snapshot, metadata=json.dumps(declared))
        code, _, _ = refused(play)
        assert code == "policy_denied"
    declaring = policed({**policy, "condition": 'metadata.team == "ops"'}, keys=[{"name": "k", "secret": world.KEY}])
    assert isinstance(ended(declaring, metadata='{"team":"ops"}').command, Reserve)
    proven = policed(
        {**policy, "condition": 'metadata.team == "ops"'},
        keys=[{"name": "alice", "secret": world.KEY, "user": "a", "metadata": {"team": "ml"}}],
    )
    assert refused(ended(proven, metadata='{"team":"ops"}'))[0] == "policy_denied"


def test_without_policies_nobody_is_asked() -> None:
    snapshot = world.snapshot(budgets=[])
    selected = _selected(snapshot, ANONYMOUS)
    assert selected.denied is None and selected.access.verdict is None and selected.access.notes == ()
    found = access(snapshot, "default", ANONYMOUS, caller_of(ANONYMOUS, "default", {}), {}, only_reads=False)
    assert found.denied is None and found.claims == ()


def test_which_models_may_be_used_is_told_without_asking_what_is_spent() -> None:
    policies = [
        {"name": "mini", "action": {"type": "no-limit"}, "resource": {"model": "openai/gpt-4o*"}},
        {"name": "no", "action": {"type": "block"}, "resource": {"model": "gpt-4o"}},
    ]
    snapshot = policed(*policies)
    may = usable(world.request(), ANONYMOUS, snapshot)
    assert callable(may)
    openai, anthropic = snapshot.providers["openai"], snapshot.providers["anthropic"]
    assert may(openai, "gpt-4o-mini")
    assert not may(openai, "gpt-4o") and not may(openai, "o3") and not may(anthropic, "claude-haiku-4-5")


def test_a_refusal_is_a_refusal_of_the_table() -> None:
    assert REASONS["policy_denied"].status == REASONS["model_not_allowed"].status == 403
    assert isinstance(_selected(policed(BLOCK_ALL), ANONYMOUS).denied, Refusal)

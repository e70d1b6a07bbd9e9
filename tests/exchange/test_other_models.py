"""What names another model passes no budget at the named model's bound, and no block and no key that is not for it."""

from typing import Any

import pytest
import world
from hypothesis import given, settings
from hypothesis import strategies as st
from playbook import CHAT, Playbook

from tollway.exchange.batch_telling import Aimed, Stopped, Telling, aim
from tollway.exchange.steps import Reserve
from tollway.exchange.story import Story
from tollway.identity.identity import ANONYMOUS
from tollway.request import Ask

EVERYONE = {"name": "everyone", "action": {"type": "no-limit"}}
BLOCK = {
    "name": "dear",
    "action": {"type": "block"},
    "resource": {"model": ["*opus*", "*/*gpt-5*", "*gpt-5*", "*gemini-2.5-pro*", "gpt-image-*"]},
}
PROVIDERS: dict[str, Any] = {
    "openai": {"api_key": "k"},
    "anthropic": {"api_key": "k"},
    "google": {"api_key": "k"},
    "openrouter": {"api_key": "k"},
    "azure": {"base_url": "https://a.example", "api_key": "k", "api_version": "2024-10-21",
              "deployments": {"Prod": "gpt-5", "small": "gpt-4o-mini"}},
    "aws-bedrock": {"api_key": "k", "region": "us-east-1"},
}  # fmt: skip
HARD = [{"name": "all", "limit": "100", "window": {"period": "total"}}]
SAID = [{"role": "user", "content": "hi"}]
HAIKU = {"model": "claude-haiku-4-5", "max_tokens": 5, "messages": SAID}
ANTHROPIC: dict[str, Any] = {"api": "anthropic.messages", "dialect": "anthropic", "path": "/v1/messages"}
ADVISOR = {"type": "advisor_20260301", "name": "advisor", "model": "claude-opus-4-6"}


def ended(
    body: dict[str, Any], *, policies: Any = (), budgets: Any = (), models: tuple[str, ...] = (), **asked: Any
) -> str:
    """ "reserved", or the code of the refusal and what it says."""
    keys = [{"name": "alice", "secret": world.KEY, "user": "a", **({"models": list(models)} if models else {})}]
    snapshot = world.snapshot(providers=PROVIDERS, keys=keys, policies=list(policies), budgets=list(budgets))
    play = Playbook(snapshot, body=body, **asked)
    play.authenticated()
    if isinstance(play.command, Reserve):
        return "reserved"
    send, record = play.sent_and_logged()
    return f"{record.code}: {send.body.decode()}"


OTHERS = [
    {"fallbacks": [{"model": "claude-opus-4-6", "max_tokens": 32_000}]},
    {"fallbacks": "default"},
    {"tools": [ADVISOR]},
    {"models": ["claude-opus-4-6"]},
    {"plugins": [{"id": "web"}]},
]


@pytest.mark.parametrize("extra", OTHERS)
def test_another_model_passes_neither_budget_nor_block_nor_key(extra: dict[str, Any]) -> None:
    body = {**HAIKU, **extra}
    assert ended(body, budgets=HARD, **ANTHROPIC).startswith("price_unknown")
    assert ended(body, policies=[EVERYONE, BLOCK], **ANTHROPIC).startswith("policy_denied")
    assert ended(body, models=("claude-haiku-*",), **ANTHROPIC).startswith("model_not_allowed")
    assert ended(HAIKU, budgets=HARD, policies=[EVERYONE, BLOCK], models=("claude-haiku-*",), **ANTHROPIC) == "reserved"


def test_a_refusal_names_the_other_model() -> None:
    for extra in OTHERS[0], OTHERS[2]:
        assert "anthropic/claude-opus-4-6" in ended({**HAIKU, **extra}, policies=[EVERYONE, BLOCK], **ANTHROPIC)


def test_an_advisor_that_is_permitted_passes_policies() -> None:
    allowed = {**HAIKU, "tools": [{**ADVISOR, "model": "claude-sonnet-4-5"}]}
    assert ended(allowed, policies=[EVERYONE, BLOCK], **ANTHROPIC) == "reserved"


def test_a_budget_of_the_other_model_alone_refuses() -> None:
    never = [{"name": "no opus", "limit": "0", "where": {"model": "claude-opus-*"}, "window": {"period": "total"}}]
    assert ended({**HAIKU, **OTHERS[0]}, budgets=never, **ANTHROPIC).startswith("price_unknown")
    assert ended(HAIKU, budgets=never, **ANTHROPIC) == "reserved"


def test_at_the_ceiling_an_answer_beyond_the_cap_has_no_bound() -> None:
    ceiling = [{**HARD[0], "on_unpriced": "ceiling"}]
    assert ended({**HAIKU, **OTHERS[0]}, budgets=ceiling, **ANTHROPIC).startswith("request_unbounded")


def test_the_model_of_a_tool_that_makes_pictures_is_asked_for() -> None:
    body = {"model": "openai/gpt-4o", "input": "x", "max_output_tokens": 16,
            "tools": [{"type": "image_generation", "model": "gpt-image-1"}]}  # fmt: skip
    asked: dict[str, Any] = {"api": "openai.responses", "path": "/v1/responses"}
    said = ended(body, policies=[EVERYONE, BLOCK], **asked)
    assert said.startswith("policy_denied") and "gpt-image-1" in said
    assert ended(body, models=("gpt-4o*",), **asked).startswith("model_not_allowed")


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(["fallbacks", "tools", "models"]),
    st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=12),
)
def test_whatever_model_is_named_besides_no_hard_budget_holds_the_named_models_bound(where: str, name: str) -> None:
    value: Any = [name] if where == "models" else [{**ADVISOR, "model": name}]
    assert ended({**HAIKU, where: value}, budgets=HARD, **ANTHROPIC).startswith("price_unknown")
    assert ended({**HAIKU, where: value}, models=("claude-haiku-4-5",), **ANTHROPIC).startswith("model_not_allowed")


@pytest.mark.parametrize("model", ["openrouter/auto", "openrouter/openrouter/auto", "openrouter/~openai/gpt-latest"])
def test_a_name_that_lets_a_router_choose_is_no_models(model: str) -> None:
    body = {**CHAT, "model": model}
    assert ended(body, budgets=HARD).startswith("price_unknown")
    assert ended(body, policies=[EVERYONE, BLOCK]).startswith("policy_denied")


@pytest.mark.parametrize(
    "model",
    ["models/gemini-2.5-pro", "google/models/gemini-2.5-pro", "Models/Gemini-2.5-pro", "models/models/gemini-2.5-pro"],
)
def test_a_folder_in_front_of_googles_name_hides_nothing(model: str) -> None:
    asked = {"provider": "google", "path": "/v1beta/openai/chat/completions"}
    exact = {"name": "pro", "action": {"type": "block"}, "resource": {"model": "gemini-2.5-pro"}}
    assert ended({**CHAT, "model": model}, policies=[EVERYONE, exact], **asked).startswith("policy_denied")
    assert ended({**CHAT, "model": model, "max_tokens": 9}, budgets=HARD, **asked) == "reserved"


@pytest.mark.parametrize(("model", "code"), [
    ("azure/Prod", "policy_denied"), ("azure/prod", "policy_denied"), ("azure/unlisted", "policy_denied"),
    ("azure/small", "reserved"), ("azure/SMALL", "reserved"),
])  # fmt: skip
def test_a_deployment_that_nobody_has_listed_may_be_any_model(model: str, code: str) -> None:
    assert ended({**CHAT, "model": model}, policies=[EVERYONE, BLOCK]).startswith(code)
    assert ended({**CHAT, "model": model}, policies=[EVERYONE]) == "reserved"


@pytest.mark.parametrize(("name", "code"), [
    ("application-inference-profile/abc", "policy_denied"), ("prompt/ABC:1", "policy_denied"),
    ("provisioned-model/abc", "policy_denied"), ("imported-model/abc", "policy_denied"),
    ("inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0", "reserved"),
    ("foundation-model/anthropic.claude-opus-4-6-v1", "policy_denied"),
])  # fmt: skip
def test_an_arn_without_a_model_in_it_may_be_any_model(name: str, code: str) -> None:
    arn = f"arn:aws:bedrock:us-east-1:123456789012:{name}".replace("/", "%2F")
    body = {"messages": [{"role": "user", "content": [{"text": "h"}]}], "inferenceConfig": {"maxTokens": 5}}
    asked = {
        "api": "bedrock.converse",
        "dialect": "bedrock",
        "path": f"/model/{arn}/converse",
        "provider": "aws-bedrock",
    }
    assert ended(body, policies=[EVERYONE, BLOCK], **asked).startswith(code)


def test_the_requests_of_a_batch_are_asked_for_too() -> None:
    snapshot = world.snapshot(providers=PROVIDERS, policies=[EVERYONE, BLOCK], budgets=[])
    request = world.request(HAIKU, **ANTHROPIC, provider="anthropic")
    telling = Telling(Story(request), request, ANONYMOUS, snapshot, world.calendar(), world.NOW)
    plain = Ask(model="claude-haiku-4-5")
    assert isinstance(aim(telling, "claude-haiku-4-5", [plain]), Aimed)
    for other in Ask(also_models=("claude-opus-4-6",)), Ask(substitutes=True):
        found = aim(telling, "claude-haiku-4-5", [plain, other])
        assert isinstance(found, Stopped) and found.refusal.code == "policy_denied"


def test_a_tuned_model_may_be_any_model() -> None:
    asked = {"provider": "google", "path": "/v1beta/openai/chat/completions"}
    assert ended({**CHAT, "model": "tunedModels/x"}, policies=[EVERYONE, BLOCK], **asked).startswith("policy_denied")
    assert ended({**CHAT, "model": "tunedModels/x"}, policies=[EVERYONE], **asked) == "reserved"


@pytest.mark.parametrize("name", ["openai//gpt-5", "/gpt-5", " gpt-5"])
def test_another_model_that_is_written_oddly_is_refused(name: str) -> None:
    assert ended({**HAIKU, "models": [name]}, policies=[EVERYONE], **ANTHROPIC).startswith("model_unknown")


MORE: dict[str, Any] = {**PROVIDERS, "groq": {"api_key": "k"}, "github-copilot": {"api_key": "k"},
                        "ollama": {"base_url": "http://127.0.0.1:11434", "api_key": "none"}, "xai": {"api_key": "k"}}  # fmt: skip
MORE["azure"] = {
    **PROVIDERS["azure"],
    "deployments": {"any": "model-router", "small": "gpt-4o-mini", "old": "gpt-4o-2024-05-13"},
}


@pytest.fixture
def more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "PROVIDERS", MORE)


@pytest.mark.usefixtures("more")
@pytest.mark.parametrize("model", ["groq/compound", "groq/groq/compound-mini", "azure/any", "github-copilot/auto"])
def test_a_system_that_runs_models_of_its_choice_is_no_models(model: str) -> None:
    assert ended({**CHAT, "model": model}, policies=[EVERYONE, BLOCK]).startswith("policy_denied")
    assert ended({**CHAT, "model": model}, budgets=HARD).startswith("price_unknown")


@pytest.mark.usefixtures("more")
def test_the_models_of_a_compound_system_are_asked_for() -> None:
    custom = {"compound_custom": {"models": {"answering_model": "openai/gpt-oss-120b", "reasoning_model": None}}}
    body = {**CHAT, "model": "groq/llama-3.3-70b-versatile", **custom}
    oss = {"name": "oss", "action": {"type": "block"}, "resource": {"model": "groq/openai/gpt-oss-*"}}
    assert "gpt-oss-120b" in ended(body, policies=[EVERYONE, oss])
    assert ended(body, models=("groq/llama-*",)).startswith("model_not_allowed")


def test_pictures_of_a_model_that_openai_chooses_may_be_any_models() -> None:
    body = {"model": "openai/gpt-4o", "input": "x", "max_output_tokens": 16, "tools": [{"type": "image_generation"}]}
    asked: dict[str, Any] = {"api": "openai.responses", "path": "/v1/responses"}
    assert ended(body, policies=[EVERYONE, BLOCK], **asked).startswith("policy_denied")


def test_a_configuration_of_googles_that_routes_to_another_model_passes_no_block() -> None:
    routed = {"generationConfig": {"routingConfig": {"manualMode": {"modelName": "gemini-2.5-pro"}}}}
    body = {"contents": [{"parts": [{"text": "x"}]}], **routed}
    path = "/v1beta/models/gemini-2.5-flash:generateContent"
    asked: dict[str, Any] = {"api": "google.generate", "dialect": "google", "path": path, "provider": "google"}
    said = ended(body, policies=[EVERYONE, BLOCK], **asked)
    assert said.startswith("policy_denied") and "gemini-2.5-pro" in said


# -- what counts models, where no model is known ----------------------------------------------------------------------

RESPONSES: dict[str, Any] = {"api": "openai.responses", "path": "/v1/responses", "provider": "openai"}
AZURE: dict[str, Any] = {"path": "/openai/deployments/unlisted/chat/completions", "provider": "azure"}
OPENROUTER: dict[str, Any] = {"path": "/v1/chat/completions", "provider": "openrouter"}
UNKNOWN: dict[str, Any] = {"api": "openai.other", "path": "/v1/something/new", "provider": "openai"}
UNSEEN = [
    ({"prompt": {"id": "pmpt_x"}, "input": "hi"}, RESPONSES),
    ({**CHAT, "model": "x"}, AZURE),
    ({**CHAT, "model": "openai/gpt-4.1", "preset": "x"}, OPENROUTER),
    ({**CHAT, "model": "openai/gpt-4.1@preset/x"}, OPENROUTER),
    ({**CHAT, "model": "openrouter/auto"}, {}),
    ({"input": "hi"}, UNKNOWN),
    ({**HAIKU, "fallbacks": "default"}, ANTHROPIC),
]


def capped(model: str, **more: Any) -> dict[str, Any]:
    action = {"type": "limit", "amount": 5, "period": "monthly", **more}
    return {"name": "dear ones", "action": action, "resource": {"model": model}}


def by_model(model: str, **more: Any) -> dict[str, Any]:
    return {"name": "dear ones", "limit": "5", "where": {"model": model}, "window": {"period": "month"}, **more}


@pytest.mark.parametrize(("body", "asked"), UNSEEN)
def test_what_counts_by_model_is_not_passed_by_a_call_of_an_unknown_one(body: dict[str, Any], asked: Any) -> None:
    for rules in ({"policies": [EVERYONE, capped("*dear*")]}, {"budgets": [by_model("*dear*")]}):
        said = ended(body, **rules, **asked)
        assert said.startswith("price_unknown") and "dear ones" in said and "on_unpriced" in said
    for rules in (
        {"policies": [EVERYONE, capped("*dear*", on_unpriced="count")]},
        {"policies": [EVERYONE, capped("mistral/*")]} if asked is not OPENROUTER and asked else {},
        {"budgets": [by_model("*dear*", on_unpriced="count")]},
        {"budgets": [by_model("*dear*", mode="monitor")]},
        {"budgets": [{**by_model("*dear*"), "where": {"model": "*dear*", "user": "another"}}]},
        {"policies": [EVERYONE, {**capped("*dear*"), "condition": 'user == "another"'}]},
    ):
        assert ended(body, **rules, **asked) == "reserved"


def test_a_limit_or_a_budget_by_each_model_is_not_passed_without_one() -> None:
    body, asked = UNSEEN[0]
    each = {"name": "each", "limit": "5", "window": {"period": "day"}, "split_by": ["model"]}
    assert ended(body, budgets=[each], **asked).startswith("price_unknown")
    actor = {"name": "each", "actor": "model:{model}", "action": capped("x")["action"]}
    assert ended(body, policies=[EVERYONE, actor], **asked).startswith("price_unknown")
    condition = {**capped("*"), "resource": "*", "condition": 'model == "openai/gpt-5"'}
    assert ended(body, policies=[EVERYONE, condition], **asked).startswith("price_unknown")


def test_a_limit_that_a_no_limit_of_its_bucket_switches_off_refuses_no_unknown_model() -> None:
    body, asked = UNSEEN[0]
    off = {"name": "off", "action": {"type": "no-limit"}, "resource": {"model": "*dear*"}}
    assert ended(body, policies=[EVERYONE, capped("*dear*"), off], **asked) == "reserved"


def test_what_only_reads_or_is_free_is_not_refused_by_what_counts_models() -> None:
    rules: dict[str, Any] = {"policies": [EVERYONE, capped("*dear*")], "budgets": [by_model("*dear*")]}
    reads: dict[str, Any] = {"api": "openai.other", "path": "/v1/models", "provider": "openai", "method": "GET"}
    assert ended({}, **rules, **reads) == "reserved"
    counts = {"api": "openai.other", "path": "/v1/responses/input_tokens", "provider": "openai"}
    assert ended({"input": "x"}, **rules, **counts) == "reserved"


def test_a_block_whose_condition_asks_for_the_model_blocks_a_hidden_one() -> None:
    block = {"name": "no 5", "action": {"type": "block"}, "condition": 'model == "azure/gpt-5"'}
    assert ended({**CHAT, "model": "x"}, policies=[EVERYONE, block], **AZURE).startswith("policy_denied")
    assert ended({**CHAT, "model": "azure/small"}, policies=[EVERYONE, block]) == "reserved"


# -- other spellings, and others of the same price --------------------------------------------------------------------


def dialect(model: str) -> dict[str, Any]:
    return ANTHROPIC if model.startswith("anthropic/") else {}


def counted(model: str, **rules: Any) -> int:
    """How many accounts a call of the model holds money on."""
    snapshot = world.snapshot(providers=PROVIDERS, **{"policies": [], "budgets": [], **rules})
    play = Playbook(snapshot, body={**CHAT, "model": model, "max_tokens": 5}, **dialect(model))
    play.authenticated()
    assert isinstance(play.command, Reserve), play.command
    return len(play.command.reservation.holds)


SPELLINGS = [
    ("xai/grok-4-0709", "xai/grok-4-latest"),
    ("grok-4", "xai/grok-4-latest"),
    ("xai/grok-4-latest", "xai/grok-4"),
    ("claude-opus-4-20250514", "anthropic/claude-opus-4-0"),
    ("anthropic/claude-opus-4-0", "anthropic/claude-opus-4-20250514"),
    ("openrouter/openai/gpt-5", "openrouter/openai/gpt-5:nitro"),
    ("openai/gpt-5", "openrouter/openai/gpt-5:online:floor"),
    ("ollama/llama3", "ollama/llama3:latest"),
    ("ollama/llama3:latest", "ollama/llama3"),
    ("llama3", "ollama/library/llama3"),
    ("gpt-5", "openai/gpt-5-codex"),
    # Versions that the list has prices of their own for.
    ("openai/gpt-4o", "openai/gpt-4o-2024-05-13"),
    ("gpt-4o", "gpt-4o-2024-05-13"),
    ("openai/gpt-4o-2024-05-13", "gpt-4o"),
    ("openai/gpt-3.5-turbo", "openai/gpt-3.5-turbo-0613"),
    ("openai/gpt-4o", "openai/gpt-4o-2031-01-01"),
    ("openai/gpt-4o", "openrouter/openai/gpt-4o-2024-05-13:nitro"),
    ("azure/gpt-4o", "azure/old"),
]


@pytest.mark.usefixtures("more")
@pytest.mark.parametrize(("named", "asked"), SPELLINGS)
def test_another_spelling_of_a_model_passes_no_block_and_no_budget(named: str, asked: str) -> None:
    block = {"name": "no", "action": {"type": "block"}, "resource": {"model": named}}
    assert ended({**CHAT, "model": asked}, policies=[EVERYONE, block], **dialect(asked)).startswith("policy_denied")
    assert counted(asked, budgets=[by_model(named, on_unpriced="count")]) == 1


@pytest.mark.usefixtures("more")
@pytest.mark.parametrize(("named", "asked"), [
    ("gpt-5-codex", "openai/gpt-5"), ("gpt-4o-2024-08-06", "openai/gpt-4o-2024-11-20"), ("llama3", "ollama/llama3:8b"),
    ("gpt-4o", "openai/gpt-4o-mini"), ("gpt-4", "openai/gpt-4-turbo"), ("gpt-4o-2024-08-06", "openai/gpt-4o-2024-05-13"),
])  # fmt: skip
def test_a_block_of_one_model_does_not_block_another_of_its_price(named: str, asked: str) -> None:
    block = {"name": "no", "action": {"type": "block"}, "resource": {"model": named}}
    assert ended({**CHAT, "model": asked}, policies=[EVERYONE, block]) == "reserved"


@pytest.mark.usefixtures("more")
@pytest.mark.parametrize(("permitted", "asked", "passes"), [
    ("gpt-5", "openai/gpt-5-codex", False), ("gpt-5", "openai/gpt-5-2025-08-07", True), ("gpt-5", "openai/gpt-5", True),
    ("openai/gpt-5", "openrouter/openai/gpt-5", False), ("openrouter/openai/gpt-5", "openrouter/openai/gpt-5", True),
    ("claude-haiku-4-5", "anthropic/claude-haiku-4-5-ultra", False),
    ("claude-haiku-4-5", "anthropic/claude-haiku-4-5-20251001", True),
    ("gpt-4o-2024-08-06", "openai/gpt-4o", False), ("gpt-4o-mini", "azure/small", True),
    ("gpt-4o", "openai/gpt-4o-2024-05-13", False), ("gpt-4o-2024-05-13", "openai/gpt-4o-2024-05-13", True),
    ("ollama/llama3", "ollama/llama3:latest", True),
])  # fmt: skip
def test_a_permission_is_of_a_model_and_not_of_what_costs_as_much(permitted: str, asked: str, passes: bool) -> None:
    body = {**CHAT, "model": asked}
    resource = {"resource": {"model": [permitted]}}
    for rules in (
        {"models": (permitted,)},
        {"policies": [EVERYONE, {"name": "only", "action": {"type": "block", "except": True}, **resource}]},
        {"policies": [{"name": "may", "action": {"type": "no-limit"}, **resource}]},
        {"policies": [{**capped("x"), **resource, "action": {**capped("x")["action"], "on_unpriced": "count"}}]},
    ):
        assert (ended(body, **rules, **dialect(asked)) == "reserved") is passes, rules


def test_a_limit_counts_what_only_costs_as_much_as_its_model() -> None:
    nothing = {"name": "dear", "action": {"type": "limit", "amount": "0.000000001", "period": "monthly"},
               "resource": {"model": "gpt-5"}}  # fmt: skip
    assert counted("openai/gpt-5-codex", policies=[EVERYONE, nothing]) == 1


# -- a model in the path beside the one in the body -------------------------------------------------------------------

IN_PATHS = [
    ("huggingface", "/hf-inference/models/openai/gpt-5/v1/chat/completions"),
    ("huggingface", "/models/openai/gpt-5/v1/chat/completions"),
    ("databricks", "/gpt-5/invocations"),
    ("fireworks", "/v1/workflows/accounts/fireworks/models/gpt-5/text_to_image"),
]


@pytest.mark.parametrize(("provider", "path"), IN_PATHS)
def test_a_model_in_the_path_passes_no_block_behind_another_in_the_body(
    provider: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    databricks = {"api_key": "k", "base_url": "https://x.cloud.databricks.com/serving-endpoints"}
    providers = {"huggingface": {"api_key": "k"}, "databricks": databricks, "fireworks": {"api_key": "k"}}
    monkeypatch.setitem(globals(), "PROVIDERS", providers)
    api = "openai.chat" if path.endswith("completions") else "openai.other"
    asked: dict[str, Any] = {"api": api, "path": path, "provider": provider}
    block = {
        "name": "no",
        "action": {"type": "block"},
        "resource": {"model": ["*gpt-5", "*/gpt-5", "*/*/gpt-5", "*/*/*/gpt-5"]},
    }
    for model in ("cheap", "tgi"):
        body = {**CHAT, "model": model, "max_tokens": 5}
        assert ended(body, policies=[EVERYONE, block], **asked).startswith("policy_denied")
        assert ended(body, policies=[EVERYONE], **asked) == "reserved"
    cheap = {**block, "resource": {"model": "cheap"}}
    assert ended({**CHAT, "model": "cheap"}, policies=[EVERYONE, cheap], **asked).startswith("policy_denied")
    assert ended({**CHAT, "model": "tgi"}, policies=[EVERYONE, cheap], **asked) == "reserved"

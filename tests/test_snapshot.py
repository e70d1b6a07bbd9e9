import msgspec
import pytest
import world

from tollway.match import Attribute
from tollway.snapshot import NoRoute, Route

AT = world.NOW
NO_BUDGETS = {"keys": [], "budgets": []}


def snapshot(*names: str, **providers: object):
    written = {name: {"api_key": "none"} for name in names} | providers
    return world.snapshot(providers=written, **NO_BUDGETS)


THREE = snapshot("openai", "anthropic", "google")
LOCAL = {"api": "openai", "base_url": "https://local/v1", "api_key": "none"}
OPENROUTER = {"api": "openai", "base_url": "https://openrouter.ai/api/v1", "api_key": "none"}


@pytest.mark.parametrize(
    ("name", "provider", "model"),
    [
        ("openai/gpt-4o", "openai", "gpt-4o"),
        ("openai/a-model-of-tomorrow", "openai", "a-model-of-tomorrow"),
        ("openai/ft:gpt-4o:org::1", "openai", "ft:gpt-4o:org::1"),
        ("gpt-4o", "openai", "gpt-4o"),
        ("claude-opus-4-1", "anthropic", "claude-opus-4-1"),
        ("gemini-2.5-pro", "google", "gemini-2.5-pro"),
        ("google-ai-studio/gemini-2.5-pro", "google", "gemini-2.5-pro"),
        ("gemini/gemini-2.5-pro", "google", "gemini-2.5-pro"),
    ],
)
def test_a_model_is_found_where_it_is_served(name: str, provider: str, model: str) -> None:
    route = THREE.route(name, "openai", AT)
    assert isinstance(route, Route)
    assert (route.provider.slug, route.model) == (provider, model)


@pytest.mark.parametrize("name", ["nobody/gpt-4o", "/", "openai/", "/gpt-4o", "meta-llama/Llama-3.3-70B"])
def test_a_name_that_nobody_serves_is_refused_with_the_way_out(name: str) -> None:
    route = THREE.route(name, "openai", AT)
    assert isinstance(route, NoRoute) and route.code == "model_unknown"
    assert (
        f'"{name}"' in route.message
        and "provider/model" in route.message
        and "anthropic, google, openai" in route.message
    )


def test_a_bare_name_nobody_knows_goes_to_the_only_provider_of_that_api() -> None:
    for name, dialect, provider in (
        ("a-model-of-tomorrow", "google", "google"),
        ("claude-of-tomorrow", "anthropic", "anthropic"),
        ("Claude-9", "anthropic", "anthropic"),
    ):
        route = THREE.route(name, dialect, AT)
        assert isinstance(route, Route) and (route.provider.slug, route.model) == (provider, name)


def test_a_bare_name_that_reads_like_none_of_anthropics_goes_there_only_where_nobody_else_is() -> None:
    route = THREE.route("gpt-9", "anthropic", AT)
    assert isinstance(route, NoRoute) and route.code == "model_unknown"
    alone = snapshot("anthropic").route("gpt-9", "anthropic", AT)
    assert isinstance(alone, Route) and alone.provider.slug == "anthropic"
    local = snapshot("openai", mine={"api": "anthropic", "base_url": "https://local/v1", "api_key": "none"})
    assert isinstance(local.route("mine-9", "anthropic", AT), Route)


def test_a_bare_name_nobody_knows_is_refused_where_several_speak_that_api() -> None:
    route = snapshot("openai", local=LOCAL).route("a-model-of-tomorrow", "openai", AT)
    assert isinstance(route, NoRoute) and route.code == "model_unknown"


def test_an_authors_name_in_front_is_part_of_the_name_where_that_author_is_no_provider() -> None:
    route = snapshot("openai", openrouter=OPENROUTER).route("anthropic/claude-opus-4.1", "openai", AT)
    assert isinstance(route, Route) and (route.provider.slug, route.model) == (
        "openrouter",
        "anthropic/claude-opus-4.1",
    )


def test_an_authors_name_in_front_is_the_author_where_it_is_a_provider() -> None:
    route = snapshot("anthropic", openrouter=OPENROUTER).route("anthropic/claude-opus-4.1", "openai", AT)
    assert isinstance(route, Route) and (route.provider.slug, route.model) == ("anthropic", "claude-opus-4.1")


def test_a_resellers_name_is_kept_whole_behind_it() -> None:
    route = snapshot(openrouter=OPENROUTER).route("openrouter/anthropic/claude-opus-4.1", "openai", AT)
    assert isinstance(route, Route) and route.model == "anthropic/claude-opus-4.1"


def test_a_pattern_in_the_settings_says_who_serves_a_name() -> None:
    both = snapshot("openai", local={**LOCAL, "models": ["llama-*", "org/*"]})
    for name in ("llama-3", "org/model"):
        route = both.route(name, "openai", AT)
        assert isinstance(route, Route) and (route.provider.slug, route.model) == ("local", name)


def test_two_providers_of_one_api_that_serve_a_name_are_both_named() -> None:
    route = snapshot("openai", local={**LOCAL, "models": ["gpt-*"]}).route("gpt-4o", "openai", AT)
    assert isinstance(route, NoRoute) and route.code == "model_ambiguous"
    assert '"openai/gpt-4o"' in route.message and '"local/gpt-4o"' in route.message


def test_who_makes_a_model_comes_before_those_who_resell_it() -> None:
    azure = {"api_key": "k", "resource": "r"}
    vertex = {"api_key": "k", "project": "p"}
    several = snapshot("openai", "google", "anthropic", azure=azure, vertex=vertex, openrouter=OPENROUTER)
    for name, dialect, slug in (
        ("gpt-4o", "openai", "openai"),
        ("gemini-2.5-flash", "google", "google"),
        ("claude-opus-4-1", "anthropic", "anthropic"),
    ):
        route = several.route(name, dialect, AT)  # type: ignore[arg-type]
        assert isinstance(route, Route) and route.provider.slug == slug


def test_a_provider_with_deployments_serves_these_and_no_other_bare_name() -> None:
    azure = {"api_key": "k", "resource": "r", "deployments": {"prod-chat": "gpt-4o"}}
    found = snapshot(azure=azure, openrouter=OPENROUTER)
    route = found.route("prod-chat", "openai", AT)
    assert isinstance(route, Route) and route.provider.slug == "azure"
    assert isinstance(found.route("gpt-4o", "openai", AT), NoRoute)


def test_the_callers_api_decides_between_two_that_serve_a_name() -> None:
    proxy = {"api": "anthropic", "base_url": "https://proxy", "api_key": "none", "models": ["gpt-4o"]}
    both = snapshot("openai", proxy=proxy)
    for family, slug in (("openai", "openai"), ("anthropic", "proxy")):
        route = both.route("gpt-4o", family, AT)  # type: ignore[arg-type]
        assert isinstance(route, Route) and route.provider.slug == slug
    # Neither can answer a caller of a third API; the target's API says so.
    route = both.route("gpt-4o", "google", AT)
    assert isinstance(route, Route) and route.provider.family != "google"


def test_without_providers_nothing_is_served() -> None:
    route = snapshot().route("gpt-4o", "openai", AT)
    assert isinstance(route, NoRoute) and "Providers: none." in route.message


def test_a_provider_has_the_names_that_others_use_for_it() -> None:
    for name in ("google", "google-ai-studio", "gemini"):
        found = THREE.provider(name)
        assert found is not None and found.slug == "google"
    assert THREE.provider("vertex_ai") is None, "Vertex is another provider than AI Studio"
    assert THREE.provider("mistral") is None and THREE.provider("") is None


def test_a_name_that_is_configured_is_not_taken_for_another() -> None:
    both = snapshot("google", gemini={"api": "openai", "base_url": "https://g/v1", "api_key": "none"})
    found = both.provider("gemini")
    assert found is not None and found.slug == "gemini"


def test_a_price_in_the_settings_beats_the_price_list_of_another_provider() -> None:
    written = {**LOCAL, "prices": "openai"}
    plain = snapshot(local=written)
    own = world.snapshot(
        providers={"local": written},
        prices=[{"provider": "local", "model": "gpt-4o", "input": "1", "output": "1"}],
        **NO_BUDGETS,
    )
    assert plain.listed(plain.providers["local"], "gpt-4o", AT) == ("openai", "gpt-4o", "openai")
    assert own.listed(own.providers["local"], "gpt-4o", AT) == ("local", "gpt-4o", "openai")
    assert own.listed(own.providers["local"], "gpt-4o-mini", AT) == ("openai", "gpt-4o-mini", "openai")


def test_a_deployment_is_priced_as_the_model_behind_it() -> None:
    azure = {"api_key": "k", "resource": "r", "deployments": {"prod-chat": "gpt-4o"}}
    found = snapshot(azure=azure)
    assert found.listed(found.providers["azure"], "prod-chat", AT) == ("azure", "gpt-4o", "azure")
    route = found.route("prod-chat", "openai", AT)
    assert isinstance(route, Route) and (route.provider.slug, route.model) == ("azure", "prod-chat")


def test_a_key_is_found_by_its_secret_alone() -> None:
    found = world.snapshot().key(world.KEY)
    assert found is not None and found.name == "alice"
    assert world.snapshot().key(world.KEY + "x") is None
    assert world.KEY not in repr(world.snapshot().keys)


def test_a_gateway_is_found_by_its_slug() -> None:
    assert THREE.gateway("default") is not None
    assert THREE.gateway("Default") is None


def test_only_budgets_that_may_count_a_request_are_asked_in_order() -> None:
    day = {"period": "day"}
    budgets = [
        {"name": "all", "limit": "1", "window": day},
        {"name": "alice", "limit": "1", "window": day, "where": {"user": "alice"}, "parent": "all"},
        {"name": "bob", "limit": "1", "window": day, "where": {"user": "bob"}, "parent": "all"},
        {"name": "lab", "limit": "1", "window": day, "gateway": "lab"},
    ]
    found = world.snapshot(gateways=[{"slug": "lab"}], budgets=budgets)
    facts = {"user": Attribute(("alice",), "key")}
    assert [budget.id for budget in found.counting("default", facts)] == ["all", "alice"]
    assert [budget.id for budget in found.counting("lab", facts)] == ["all", "alice", "lab"]
    assert found.counting("nowhere", facts) == []


def test_a_copy_with_other_budgets_asks_those() -> None:
    first = world.snapshot()
    facts = {"user": Attribute(("alice",), "key")}
    assert len(first.counting("default", facts)) == 2
    copy = msgspec.structs.replace(first, budgets_of={"default": first.budgets_of["default"][:1]})
    assert len(copy.counting("default", facts)) == 1
    assert len(first.counting("default", facts)) == 2

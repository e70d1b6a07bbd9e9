import msgspec
import pytest

from tollway.gateway import AwsAuth, Gateway, Provider, ProviderKey, Secret

PROVIDER = Provider(slug="p", family="openai", base_url="http://p", api_key=Secret("sk-canary"))


def test_a_secret_is_shown_by_nothing_but_reveal() -> None:
    assert PROVIDER.api_key is not None and PROVIDER.api_key.reveal() == "sk-canary"
    assert "sk-canary" not in f"{PROVIDER.api_key} {PROVIDER.api_key!r} {PROVIDER!r}"


@pytest.mark.parametrize("encode", [msgspec.json.encode, msgspec.msgpack.encode, msgspec.to_builtins])
def test_a_secret_cannot_be_encoded_by_accident(encode: object) -> None:
    with pytest.raises(TypeError):
        encode(PROVIDER)  # type: ignore[operator]


def test_credentials_in_a_way_to_sign_are_not_shown_either() -> None:
    auth = AwsAuth(region="us-east-1", access_key_id="AKIA", secret_access_key=Secret("sk-canary"))
    assert "sk-canary" not in repr(auth) and "sk-canary" not in str(auth)
    assert auth in {auth}, "it is the key under which a signer is kept"


def test_a_gateway_asks_for_a_key_unless_it_is_told_not_to() -> None:
    gateway = Gateway(slug="g")
    assert gateway.authentication == "required" and gateway.provider_keys == "configured"


def test_a_provider_speaks_the_apis_it_is_known_for_and_where_none_are_named_those_of_its_dialects() -> None:
    anything = Provider(slug="p", family="openai", base_url="https://p", roots={"openai": ""})
    assert anything.speaks("openai.chat", "openai") and anything.speaks("openai.responses", "openai")
    assert not anything.speaks("anthropic.messages", "anthropic")
    chat = msgspec.structs.replace(anything, apis=("openai.chat",))
    assert chat.speaks("openai.chat", "openai") and not chat.speaks("openai.responses", "openai")


KEYS = {name: ProviderKey(Secret(name)) for name in ("ci/default", "ci/second", "second")}


def name_of(provider: Provider, gateway: str, alias: str | None, at: int = 5) -> str | None:
    key = provider.key(gateway, alias, at)
    return key[1].reveal() if key is not None else None


def test_a_gateways_own_key_comes_before_the_one_of_all_and_an_alias_means_itself_alone() -> None:
    provider = Provider(slug="openai", family="openai", base_url="https://x", api_key=Secret("own"), keys=KEYS)
    ci = [name_of(provider, "ci", each) for each in (None, "default", "second", "third")]
    assert ci == ["ci/default"] * 2 + ["ci/second", None]
    web = [name_of(provider, "web", each) for each in (None, "default", "second", "third")]
    assert web == ["own", "own", "second", None]
    assert (provider.aliases("ci"), provider.aliases("web")) == (["default", "second"], ["default", "second"])
    alone = Provider(slug="openai", family="openai", base_url="https://x", api_key=Secret("own"))
    assert alone.key("ci", None, 5) == alone.key("ci", "default", 5) == ("default", alone.api_key)
    assert alone.key("ci", "second", 5) is None and alone.aliases("ci") == ["default"]


@pytest.mark.parametrize("alias", ["ci/default", "ci/second", "/default", "ci/", "web/../ci/default"])
def test_no_caller_names_the_key_of_another_gateway(alias: str) -> None:
    provider = Provider(slug="openai", family="openai", base_url="https://x", api_key=Secret("own"), keys=KEYS)
    assert [name_of(provider, gateway, alias) for gateway in ("web", "ci", "")] == [None] * 3


def test_a_key_that_has_ended_or_cannot_be_opened_is_not_replaced_by_one_of_all() -> None:
    keys = {
        "ci/default": ProviderKey(Secret("x"), 10),
        "web/default": ProviderKey(None),
        "default": ProviderKey(Secret("all")),
    }
    provider = Provider(slug="openai", family="openai", base_url="https://x", api_key=Secret("own"), keys=keys)
    assert [name_of(provider, "ci", None, at) for at in (9, 10, 11)] == ["x", None, None]
    assert name_of(provider, "web", None) is None and name_of(provider, "other", None) == "all"

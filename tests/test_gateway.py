import msgspec
import pytest

from tollway.gateway import KEY_HEADER, OFFICIAL_URL, Gateway, Provider, Secret

PROVIDER = Provider(slug="p", family="openai", base_url="http://p", api_key=Secret("sk-canary"))


def test_a_secret_is_shown_by_nothing_but_reveal() -> None:
    assert PROVIDER.api_key is not None and PROVIDER.api_key.reveal() == "sk-canary"
    assert "sk-canary" not in f"{PROVIDER.api_key} {PROVIDER.api_key!r} {PROVIDER!r}"


@pytest.mark.parametrize("encode", [msgspec.json.encode, msgspec.msgpack.encode, msgspec.to_builtins])
def test_a_secret_cannot_be_encoded_by_accident(encode: object) -> None:
    with pytest.raises(TypeError):
        encode(PROVIDER)  # type: ignore[operator]


def test_every_family_has_an_address_and_a_key_header() -> None:
    assert set(OFFICIAL_URL) == set(KEY_HEADER) == {"openai", "anthropic", "google"}
    assert all(header == header.lower() for header in KEY_HEADER.values())


def test_a_gateway_asks_for_a_key_unless_it_is_told_not_to() -> None:
    gateway = Gateway(slug="g")
    assert gateway.authentication == "required" and gateway.provider_keys == "configured"

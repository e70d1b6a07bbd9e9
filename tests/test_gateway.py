import msgspec
import pytest

from tollway.gateway import AwsAuth, Gateway, Provider, Secret

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

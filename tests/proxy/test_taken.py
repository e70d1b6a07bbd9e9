import pytest

from tollway.proxy.taken import Taken, without_key
from tollway.request import Credential

KEY = b"tw_ab0123456789_" + b"Zz9" * 14 + b"q123456"


def test_one_pass_finds_what_a_request_says_of_itself() -> None:
    taken = Taken(
        [
            (b"content-type", b"a/b"), (b"content-length", b"12"), (b"user-agent", b"u" * 300), (b"anthropic-version", b"1"),
            (b"authorization", b"Bearer later"), (b"cf-aig-authorization", b"Bearer first"), (b"tollway-gateway-id", b" prod "),
        ]
    )  # fmt: skip
    assert (taken.content_type, taken.length, len(taken.user_agent)) == (b"a/b", 12, 256)
    assert taken.anthropic and taken.cf_spelling and taken.gateway == "prod"
    assert [credential.secret for credential in taken.credentials] == ["first", "later"]
    assert not (taken.chunked or taken.encoded or taken.upgrade)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ((b"transfer-encoding", b"chunked"), "chunked"),
        ((b"content-encoding", b"gzip"), "encoded"),
        ((b"upgrade", b"WebSocket"), "upgrade"),
    ],
)
def test_how_a_body_comes_is_known_before_it_is_read(header: tuple[bytes, bytes], said: str) -> None:
    assert getattr(Taken([header]), said) and not getattr(Taken([]), said)


def test_an_upgrade_to_http_2_is_not_minded() -> None:
    assert not Taken([(b"upgrade", b"h2c")]).upgrade


@pytest.mark.parametrize(
    ("query", "kept", "key"),
    [
        (b"a=1&key=x&b=2", b"a=1&b=2", "x"),
        (b"%6bey=x%20y", b"", "x y"),
        (b"a=1&alt=sse", b"a=1&alt=sse", None),
        (b"", b"", None),
    ],
)
def test_a_key_is_taken_out_of_a_query(query: bytes, kept: bytes, key: str | None) -> None:
    assert without_key(query) == (kept, key)


@pytest.mark.parametrize("part", [b"x=%s", b"session=a.%s.b", b"%s", b"%s=1"])
def test_anybodys_gateway_key_is_taken_out_of_a_query(part: bytes) -> None:
    for key in (KEY, KEY.replace(b"_", b"%5F"), KEY.replace(b"t", b"%74", 1)):
        assert without_key(b"alt=sse&" + part.replace(b"%s", key) + b"&beta=1") == (b"alt=sse&beta=1", None)


def test_an_aws_sdk_sends_the_gateway_key_as_its_access_key() -> None:
    signed = (
        b"AWS4-HMAC-SHA256 Credential=a-gateway-key/20261121/us-east-1/bedrock/aws4_request, "
        b"SignedHeaders=host;x-amz-date, Signature=abc"
    )
    assert Taken([(b"authorization", signed)]).credentials == [Credential(b"authorization", "a-gateway-key")]
    for odd in (b"AWS4-HMAC-SHA256", b"AWS4-HMAC-SHA256 Signature=abc", b"AWS4-HMAC-SHA256 Credential=/x"):
        assert all(found.secret != "" for found in Taken([(b"authorization", odd)]).credentials)


@pytest.mark.parametrize("name", [b"tollway-custom-cost", b"cf-aig-custom-cost"])
def test_a_custom_cost_is_taken_and_two_of_them_are_not_one(name: bytes) -> None:
    assert Taken([(name, b'{"total_cost": 1}')]).custom_cost == '{"total_cost": 1}'
    assert Taken([(name, b"{}"), (name, b"{}")]).custom_cost == "{},{}"
    assert Taken([]).custom_cost is None

import pytest
from fake_issuer import trusted

from tollway.identity.issuer import NO_ISSUERS, Trusted
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


@pytest.mark.parametrize("prefix", [b"cf-access-", b"tollway-", b"cf-aig-"])
def test_a_service_token_comes_in_two_headers(prefix: bytes) -> None:
    taken = Taken([(prefix + b"client-secret", b" s "), (b"x-api-key", b"k"), (prefix + b"client-id", b"c")])
    assert taken.credentials == [Credential(prefix + b"client-secret", "s", "c"), Credential(b"x-api-key", "k")]
    assert not taken.ambiguous and taken.cf_spelling == (prefix == b"cf-aig-")


@pytest.mark.parametrize("name", [b"authorization", b"x-api-key", b"tollway-authorization"])
def test_a_service_token_comes_in_one_header_as_json(name: bytes) -> None:
    value = b'{"cf-access-client-id": "c", "cf-access-client-secret": "s"}'
    assert Taken([(name, value)]).credentials == [Credential(name, "s", "c")]
    half = Taken([(name, b'{"cf-access-client-id": "c"}')])
    assert half.ambiguous and half.credentials == []


def test_other_json_is_a_credential_as_it_stands() -> None:
    assert Taken([(b"x-api-key", b'{"type":1}')]).credentials == [Credential(b"x-api-key", '{"type":1}')]


def test_a_service_token_comes_as_basic() -> None:
    assert Taken([(b"authorization", b"Basic YTpi")]).credentials == [Credential(b"authorization", "b", "a")]
    assert Taken([(b"authorization", b"basic a2V5Og==")]).credentials == [Credential(b"authorization", "key")]
    assert Taken([(b"authorization", b"Basic !!")]).credentials == []


@pytest.mark.parametrize(
    "headers",
    [
        [(b"authorization", b"Bearer a"), (b"authorization", b"Bearer a")],
        [(b"authorization", b"Bearer a"), (b"authorization", b"Digest b")],
        [(b"x-api-key", b"a"), (b"x-api-key", b"b")],
        [(b"tollway-client-id", b"a")],
        [(b"cf-access-client-secret", b"a")],
        [(b"cf-access-client-id", b""), (b"cf-access-client-secret", b"a")],
        [(b"cf-access-client-id", b"a"), (b"tollway-client-secret", b"a")],
        [(b"tollway-client-id", b"a"), (b"tollway-client-id", b"b"), (b"tollway-client-secret", b"c")],
    ],
)
def test_what_comes_twice_or_in_half_is_ambiguous(headers: list[tuple[bytes, bytes]]) -> None:
    assert Taken(headers).ambiguous


def test_several_different_headers_are_not_ambiguous() -> None:
    sent = [(b"authorization", b"Bearer a"), (b"x-api-key", b"a"), (b"tollway-authorization", b"Bearer a")]
    assert not Taken(sent).ambiguous


ACCESS = trusted(
    {"kind": "cloudflare_access", "issuer": "https://acme.cloudflareaccess.com", "headers": ["X-Id-Token"]}
)


def secrets(headers: list[tuple[bytes, bytes]], known: Trusted = ACCESS) -> list[tuple[bytes, str]]:
    return [(credential.header, credential.secret) for credential in Taken(headers, known).credentials]


def test_tokens_come_in_the_headers_of_their_issuers_and_in_the_order_of_what_was_meant() -> None:
    headers = [
        (b"cookie", b"a=1; CF_Authorization=from-the-cookie; b=2"), (b"authorization", b"Bearer later"),
        (b"cf-access-jwt-assertion", b"asserted"), (b"x-id-token", b"Bearer configured"), (b"cf-access-token", b"by-the-cli"),
        (b"tollway-authorization", b"Bearer first"),
    ]  # fmt: skip
    assert secrets(headers) == [
        (b"tollway-authorization", "first"), (b"cf-access-jwt-assertion", "asserted"), (b"x-id-token", "configured"),
        (b"cf-access-token", "by-the-cli"), (b"authorization", "later"), (b"cookie", "from-the-cookie"),
    ]  # fmt: skip
    # Where no issuer is known, they are headers like any other.
    assert secrets(headers, NO_ISSUERS) == [(b"tollway-authorization", "first"), (b"authorization", "later")]


def test_a_token_sent_twice_in_one_header_is_ambiguous() -> None:
    assert Taken([(b"cf-access-jwt-assertion", b"one"), (b"cf-access-jwt-assertion", b"two")], ACCESS).ambiguous
    assert not Taken([(b"cf-access-jwt-assertion", b"one"), (b"cf-access-token", b"one")], ACCESS).ambiguous


@pytest.mark.parametrize(
    ("beside", "counts"),
    [
        ([], True),
        ([(b"sec-fetch-site", b"same-origin")], True),
        ([(b"sec-fetch-site", b"same-origin"), (b"origin", b"https://ai.example.com")], True),
        ([(b"sec-fetch-site", b"none")], True),
        ([(b"sec-fetch-site", b"cross-site")], False),
        ([(b"sec-fetch-site", b"same-site")], False),
        ([(b"sec-fetch-site", b"")], False),
        ([(b"origin", b"https://evil.example")], False),
        ([(b"origin", b"null")], False),
    ],
)
def test_a_cookie_counts_only_where_no_other_sites_page_sent_it(
    beside: list[tuple[bytes, bytes]], counts: bool
) -> None:
    headers = [*beside, (b"cookie", b"CF_Authorization=t")]
    assert secrets(headers) == ([(b"cookie", "t")] if counts else [])


@pytest.mark.parametrize(
    "cookie", [b"", b"CF_Authorization", b"CF_Authorization=", b"cf_authorization=t", b"XCF_Authorization=t"]
)
def test_other_cookies_are_no_credentials(cookie: bytes) -> None:
    assert secrets([(b"cookie", cookie)]) == []


def test_the_cookie_of_cloudflare_access_counts_only_where_it_is_an_issuer() -> None:
    assert secrets([(b"cookie", b"CF_Authorization=t")], trusted({})) == []
